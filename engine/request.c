/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The life of a request, from _request or _send to its result, and what becomes of one that nobody
 * waits for any more. Where it runs is the backends' matter, which event loop hears of it turn.c's.
 */
#include "request.h"

#include <errno.h>
#include <string.h>

#include "backend.h"
#include "handle.h"
#include "latency.h"
#include "mounts.h"
#include "placement.h"
#include "probes.h"

static void leave_list(struct pathring_request *request)
{
	struct pathring *ring = request->ring;

	switch (request->state) {
	case REQUEST_WAITING:
		TAILQ_REMOVE(&ring->waiting, request, link);
		if (request->operation.target != NULL) {
			request->operation.target->closer = NULL;
		}
		break;
	case REQUEST_HELD:
		TAILQ_REMOVE(&ring->held, request, link);
		ring->num_held--;
		ring->num_queued--;
		break;
	case REQUEST_QUEUED:
		TAILQ_REMOVE(&ring->queue, request, link);
		ring->num_queued--;
		break;
	case REQUEST_RUNNING:
		TAILQ_REMOVE(&ring->running, request, link);
		ring->num_running--;
		break;
	case REQUEST_DONE:
		turn_withdraw(request->turn, request);
		break;
	case REQUEST_CREATED:
	case REQUEST_DELIVERED:
		break;
	}
}

bool request_is_limited(struct pathring_request *request, uint64_t *mount_id)
{
	struct descriptor *target = request->operation.target;
	const struct mount *mount = NULL;

	if (target != NULL) {
		mount = mount_of(request->ring, target);
	}
	*mount_id = mount != NULL ? mount->id : 0;
	return mount == NULL || !mount->local;
}

bool request_enter_share(struct pathring_request *request, unsigned int weight)
{
	struct pathring *ring = request->ring;
	uint64_t mount_id = 0;
	bool limited;
	bool entered;

	if (request->ticket.share != NULL) {
		return true;
	}
	limited = request_is_limited(request, &mount_id);
	if (!limited) {
		return true;
	}
	share_join(&ring->shares, &request->ticket, mount_id, true, weight);
	entered = share_enter(&request->ticket);
	if (!entered) {
		leave_list(request);
		request->state = REQUEST_HELD;
		TAILQ_INSERT_TAIL(&ring->held, request, link);
		ring->num_held++;
		ring->num_queued++;
	}
	return entered;
}

/* Others may go on then. */
void request_leave_share(struct pathring_request *request)
{
	struct pathring *ring = request->ring;
	struct share_ticket *ticket = NULL;

	if (request->ticket.share == NULL || request->ticket.share->group != &ring->shares) {
		return;
	}
	share_leave(&request->ticket);
	while (!ring->closing && (ticket = share_next(&ring->shares)) != NULL) {
		struct pathring_request *next = request_of_ticket(ticket);

		leave_list(next);
		request_enqueue(next);
	}
}

void requests_release_held(struct pathring *ring)
{
	struct pathring_request *request = NULL;

	while ((request = TAILQ_FIRST(&ring->held)) != NULL) {
		leave_list(request);
		share_leave(&request->ticket);
		request_enqueue(request);
	}
}

static void release_holds(struct pathring_request *request)
{
	struct descriptor *target = request->operation.target;
	struct descriptor *second = request->operation.second;

	if (request->identity != NULL) {
		identity_release(request->identity);
		request->identity = NULL;
	}
	if (request->operation.class->kind == PATHRING_READDIR && target != NULL) {
		descriptor_end_reading(target);
	}
	request->operation.target = NULL;
	request->operation.second = NULL;
	descriptor_release(target);
	descriptor_release(second);
}

/* Runs whichever way a request goes, so that it is the one place that lets go of everything. */
static int request_destructor(struct pathring_request *request)
{
	struct pathring *ring = request->ring;

	if (request->state < REQUEST_DONE) {
		ring->num_requests--;
	}
	leave_list(request);
	request_leave_share(request);
	if (request->turn != NULL) {
		turn_put(request->turn);
		request->turn = NULL;
	}
	if (request->state == REQUEST_QUEUED && ring->backend != NULL &&
	    ring->backend->withdraw != NULL && !engine_inherited(ring)) {
		ring->backend->withdraw(ring, request);
	}
	/* Also when it waits for another round: the first may have opened something. */
	if (request->state != REQUEST_CREATED && request->operation.class->discard != NULL) {
		request->operation.class->discard(&request->operation);
	}
	if (request->backlink != NULL) {
		*request->backlink = NULL;
	}
	release_holds(request);
	return 0;
}

int request_create(struct pathring *ring,
		   struct pathring_identity *identity_object,
		   const struct operation_class *class,
		   struct descriptor *target,
		   size_t extra,
		   struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	struct identity *identity = NULL;
	int ret;

	ret = class->here ? engine_use_here(ring) : engine_use(ring);
	if (ret < 0) {
		return ret;
	}
	identity = class->kind == PATHRING_JOB ? identity_of_function(ring, identity_object)
					       : identity_of(ring, identity_object);
	if (identity == NULL) {
		return -EINVAL;
	}
	if (ring->num_requests >= ring->options.max_requests) {
		return -ENOBUFS;
	}

	request = talloc_size(ring, sizeof(struct pathring_request) + extra);
	if (request == NULL) {
		return -ENOMEM;
	}
	talloc_set_name_const(request, "struct pathring_request");
	*request = (struct pathring_request) {
		.ring = ring,
		.identity = identity_hold(identity),
		.turn = turn_get(ring, ring->ev),
		.state = REQUEST_CREATED,
		.started = engine_clock(),
		.spare = (uint8_t *)(request + 1),
		.operation = {
			.class = class,
			.target = descriptor_hold(target),
			.proc_fd = ring->proc_fd,
		},
	};
	ring->num_requests++;
	talloc_set_destructor(request, request_destructor);
	*_request = request;
	return 0;
}

void *request_memory(struct pathring_request *request, size_t size)
{
	void *memory = request->spare;

	request->spare += REQUEST_MEMORY(size);
	return memory;
}

const char *request_string(struct pathring_request *request, const char *string)
{
	size_t size = strlen(string) + 1;

	return memcpy(request_memory(request, size), string, size);
}

void request_enqueue(struct pathring_request *request)
{
	struct pathring *ring = request->ring;

	if (request->state == REQUEST_WAITING) {
		TAILQ_REMOVE(&ring->waiting, request, link);
	}
	request->state = REQUEST_QUEUED;
	TAILQ_INSERT_TAIL(&ring->queue, request, link);
	ring->num_queued++;
	engine_submit_again(request);
}

static void request_park(struct pathring_request *request)
{
	request->state = REQUEST_WAITING;
	request->operation.target->closer = request;
	TAILQ_INSERT_TAIL(&request->ring->waiting, request, link);
}

static void run_here(struct pathring_request *request)
{
	struct pathring *ring = request->ring;

	request->reason = PATHRING_REASON_ONLY_WAY;
	request->state = REQUEST_RUNNING;
	TAILQ_INSERT_TAIL(&ring->running, request, link);
	ring->num_running++;
	sync_run(ring, request);
}

void request_start(struct pathring_request *request,
		   pathring_request_fn fn,
		   void *private_data,
		   struct pathring_request **_request)
{
	const struct operation *operation = &request->operation;

	request->fn = fn;
	request->private_data = private_data;
	if (operation->class->here) {
		run_here(request);
	} else if (operation->class->kind == PATHRING_CLOSE && operation->target->references > 1) {
		request_park(request);
	} else {
		request_enqueue(request);
	}
	*_request = request;
}

static void count_outcome(struct pathring_request *request)
{
	struct pathring_operation_stats *stats =
		&request->ring->stats.operation[request->operation.class->kind];
	struct identity_counters *counters = &request->identity->counters;

	stats->placed[request->placement]++;
	if (request->ring_answer != 0 && request->ring_answer != request->operation.result) {
		request->ring->stats.fallbacks++;
	}
	stats->reason[request->reason]++;
	latency_count(request->ring,
		      request->operation.class->kind,
		      request->placement,
		      request->finished - request->started);
	counters->placed[request->placement]++;
	if (request->operation.result == -EACCES || request->operation.result == -EPERM) {
		stats->denied++;
		counters->denied++;
	} else if (request->operation.result < 0) {
		stats->failed++;
		counters->failed++;
	}
}

void request_complete(struct pathring_request *request, enum pathring_placement placement)
{
	struct pathring *ring = request->ring;

	leave_list(request);
	request->state = REQUEST_DONE;
	ring->num_requests--;
	request->placement = placement;
	request->finished = engine_completion_time(ring);
	if (placement != PATHRING_INLINE && request->operation.class->attempt != NULL) {
		placement_learn_elsewhere(ring, request);
	}
	count_outcome(request);
	PROBE_COMPLETE(request,
		       request->operation.class->kind,
		       placement,
		       request->operation.result,
		       request->finished - request->started);
	request_leave_share(request);
	release_holds(request);

	if (request->orphaned) {
		request->state = REQUEST_DELIVERED;
		talloc_free(request);
		return;
	}
	turn_done(request->turn, request);
}

void request_outlive_engine(struct pathring_request *request, TALLOC_CTX *owner)
{
	leave_list(request);
	request_leave_share(request);
	request->ring->num_requests--;
	turn_put(request->turn);
	request->turn = NULL;
	talloc_set_destructor(request, NULL);
	identity_outlive_engine(request->identity, owner);
	descriptor_linger(request->operation.target);
	descriptor_linger(request->operation.second);
	if (request->operation.class->kind == PATHRING_JOB) {
		talloc_steal(request, request->operation.job.state);
	}
	request->ring = NULL;
	talloc_steal(owner, request);
}

void request_requeue(struct pathring_request *request)
{
	struct pathring *ring = request->ring;

	leave_list(request);
	request->begun = true;
	request->state = REQUEST_QUEUED;
	TAILQ_INSERT_HEAD(&ring->queue, request, link);
	ring->num_queued++;
	engine_submit_again(request);
}

ssize_t request_result(const struct pathring_request *request)
{
	if (request->state != REQUEST_DELIVERED) {
		return -EINPROGRESS;
	}
	return request->operation.result;
}

int pathring_request_wait(struct pathring_request *request)
{
	struct pathring *ring = request->ring;
	bool all_given;
	int ret;

	ret = engine_check(ring);
	if (ret < 0) {
		return ret;
	}
	if (request->state == REQUEST_DELIVERED) {
		return 0;
	}

	while (request->state < REQUEST_DONE) {
		all_given = engine_submit(ring);
		if (request->state < REQUEST_DONE) {
			engine_block(ring, all_given);
			engine_reap(ring);
		}
	}
	turn_withdraw(request->turn, request);
	request->state = REQUEST_DELIVERED;
	turn_put(request->turn);
	request->turn = NULL;
	return 0;
}

/* It runs, with memory that is the caller's again when the caller believes that it is gone. */
static bool uses_lent_memory(const struct pathring_request *request)
{
	const struct operation *operation = &request->operation;
	bool moves_data = operation->class->kind == PATHRING_PREAD ||
			  operation->class->kind == PATHRING_PWRITE;

	return moves_data && operation->transfer.lent && request->state == REQUEST_RUNNING &&
	       !engine_inherited(request->ring);
}

void requests_return_memory(struct pathring *ring)
{
	struct pathring_request *request = NULL;
	struct pathring_request *next = NULL;

	for (request = TAILQ_FIRST(&ring->running); request != NULL; request = next) {
		next = TAILQ_NEXT(request, link);
		if (uses_lent_memory(request)) {
			pathring_request_wait(request);
			/* Others have ended meanwhile. */
			next = TAILQ_FIRST(&ring->running);
		}
	}
}

void pathring_request_free(struct pathring_request *request)
{
	struct pathring *ring = NULL;

	if (request == NULL) {
		return;
	}
	ring = request->ring;
	if (request->state < REQUEST_DONE) {
		ring->stats.orphaned++;
	}
	if (uses_lent_memory(request)) {
		pathring_request_wait(request);
	}
	if (request->state != REQUEST_RUNNING) {
		talloc_free(request);
		return;
	}

	/* The kernel or a helper thread still writes into it. */
	request->orphaned = true;
	if (request->backlink != NULL) {
		*request->backlink = NULL;
		request->backlink = NULL;
	}
	turn_put(request->turn);
	request->turn = turn_get(ring, ring->ev);
	if (engine_inherited(ring)) {
		return;
	}
	if (ring->backend->cancel != NULL) {
		ring->backend->cancel(ring, request);
	}
}

enum pathring_placement pathring_request_placement(const struct pathring_request *request)
{
	return request->placement;
}

uint64_t pathring_request_duration(const struct pathring_request *request)
{
	return request->finished - request->started;
}

/* Those not running are freed here, the others when the backend has waited for them. */
static void abandon_list(struct request_list *list)
{
	struct pathring_request *request = NULL;
	struct pathring_request *next = NULL;

	for (request = TAILQ_FIRST(list); request != NULL; request = next) {
		struct tevent_req *req = NULL;
		struct tevent_context *ev = turn_event_context(request->turn);

		next = TAILQ_NEXT(request, link);
		if (request->orphaned) {
			continue;
		}
		if (request->fn == request_dress_fn && ev != NULL) {
			req = talloc_get_type_abort(request->private_data, struct tevent_req);
		}
		pathring_request_free(request);
		if (req != NULL) {
			/* The loop tells its caller: a destructor runs no callbacks. */
			tevent_req_defer_callback(req, ev);
			tevent_req_error(req, ECANCELED);
		}
	}
}

void requests_abandon(struct pathring *ring)
{
	struct turn *turn = NULL;
	struct turn *next = NULL;

	abandon_list(&ring->waiting);
	abandon_list(&ring->held);
	abandon_list(&ring->queue);
	abandon_list(&ring->running);
	for (turn = turns_first(ring); turn != NULL; turn = next) {
		/* A foreign event context's turn ends with its last request. */
		next = turns_next(turn);
		abandon_list(turn_done_list(turn));
	}
}

/* ---- the tevent dress ---- */

struct dress_state {
	struct pathring_request *request; /* NULL: not made, or gone with the engine */
};

static int dress_destructor(struct dress_state *state)
{
	if (state->request != NULL) {
		state->request->backlink = NULL;
		pathring_request_free(state->request);
		state->request = NULL;
	}
	return 0;
}

/* At once, whatever the kernel does; told from the loop. What is complete is not undone. */
static bool dress_cancel(struct tevent_req *req)
{
	struct dress_state *state = tevent_req_data(req, struct dress_state);
	struct pathring_request *request = state->request;
	struct tevent_context *ev = NULL;

	if (request == NULL || request->state >= REQUEST_DONE || !tevent_req_is_in_progress(req)) {
		return false;
	}
	ev = turn_event_context(request->turn);
	if (ev == NULL) {
		return false;
	}
	request->backlink = NULL;
	state->request = NULL;
	pathring_request_free(request);
	tevent_req_defer_callback(req, ev);
	tevent_req_error(req, ECANCELED);
	return true;
}

struct tevent_req *request_dress_begin(TALLOC_CTX *mem_ctx)
{
	struct tevent_req *req = NULL;
	struct dress_state *state = NULL;

	req = tevent_req_create(mem_ctx, &state, struct dress_state);
	if (req == NULL) {
		return NULL;
	}
	talloc_set_destructor(state, dress_destructor);
	tevent_req_set_cancel_fn(req, dress_cancel);
	return req;
}

void request_dress_fn(struct pathring_request *request, void *private_data)
{
	struct tevent_req *req = talloc_get_type_abort(private_data, struct tevent_req);

	if (!tevent_req_is_in_progress(req)) {
		/*
		 * It timed out (tevent_req_set_endtime()) and its caller has not received that yet.
		 */
		return;
	}
	if (request->operation.result < 0) {
		tevent_req_error(req, (int)-request->operation.result);
		return;
	}
	tevent_req_done(req);
}

struct tevent_req *request_dress_end(struct tevent_req *req,
				     struct tevent_context *ev,
				     int ret,
				     struct pathring_request *request)
{
	struct dress_state *state = tevent_req_data(req, struct dress_state);
	struct turn *turn = NULL;

	if (ret < 0) {
		tevent_req_error(req, -ret);
		return tevent_req_post(req, ev);
	}

	state->request = request;
	request->backlink = &state->request;
	turn = turn_get(request->ring, ev);
	if (turn == NULL) {
		tevent_req_oom(req);
		return tevent_req_post(req, ev);
	}
	turn_put(request->turn);
	request->turn = turn;
	turn_schedule(turn);
	return req;
}

int request_undress(struct tevent_req *req, struct pathring_request **request)
{
	struct dress_state *state = tevent_req_data(req, struct dress_state);
	enum tevent_req_state outcome;
	uint64_t error = 0;

	if (tevent_req_is_error(req, &outcome, &error)) {
		switch (outcome) {
		case TEVENT_REQ_USER_ERROR:
			return -(int)error;
		case TEVENT_REQ_TIMED_OUT:
			return -ETIMEDOUT;
		case TEVENT_REQ_NO_MEMORY:
			return -ENOMEM;
		default:
			return -EINPROGRESS;
		}
	}
	if (state->request == NULL) {
		return -ECANCELED;
	}
	*request = state->request;
	return 0;
}

ssize_t request_receive(struct tevent_req *req)
{
	struct pathring_request *request = NULL;
	ssize_t ret;

	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = request_result(request);
	}
	tevent_req_received(req);
	return ret;
}
