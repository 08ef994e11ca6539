/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine as a whole: create and destroy, options, the choice of a backend and what is said
 * about it, moving requests from the queue to the backend. The life of one request is in request.c,
 * the event loop in turn.c.
 */
#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"
#include "helper.h"
#include "linger.h"
#include "placement.h"
#include "probes.h"
#include "request.h"

#define DEFAULT_ENTRIES 256
/* A request's entries must all find room at once: a lookup of 8 xattrs has 10. */
#define MIN_ENTRIES 16
#define MAX_ENTRIES 4096

#define DEFAULT_MAX_REQUESTS 131072
#define DEFAULT_MAX_THREADS 128
#define DEFAULT_MAX_WORKERS 256
#define DEFAULT_MAX_PERSONALITIES 4096
#define DEFAULT_DESTROY_MSEC 5000

/* The kernel's limit: XA_LIMIT(0, USHRT_MAX), ids from 1 (io_uring/register.c). */
#define KERNEL_MAX_PERSONALITIES 65535

/*
 * How long to block at most before looking again, where the kernel took nothing and no completion
 * is due.
 */
#define BLOCK_MSEC 10

static const struct backend *const backends[] = {
	&backend_uring,
	&backend_threads,
	&backend_sync,
};

#define NUM_BACKENDS (sizeof(backends) / sizeof(backends[0]))

struct log_message {
	STAILQ_ENTRY(log_message) link;
	enum pathring_log_level level;
	char text[];
};

void engine_log(struct pathring *ring, enum pathring_log_level level, const char *format, ...)
{
	struct log_message *message = NULL;
	char text[512];
	va_list arguments;
	size_t size;

	if (ring->options.log_fn == NULL) {
		return;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);

	size = strlen(text) + 1;
	message = talloc_size(ring, sizeof(*message) + size);
	if (message == NULL) {
		return;
	}
	message->level = level;
	memcpy(message->text, text, size);
	STAILQ_INSERT_TAIL(&ring->log_messages, message, link);
	turn_schedule(ring->own_turn);
}

void engine_deliver_log(struct pathring *ring)
{
	struct log_message *message = NULL;

	while ((message = STAILQ_FIRST(&ring->log_messages)) != NULL) {
		STAILQ_REMOVE_HEAD(&ring->log_messages, link);
		ring->options.log_fn(ring->options.log_private_data, message->level, message->text);
		talloc_free(message);
	}
}

static int check_options(struct pathring_options *options)
{
	if (options->backend > PATHRING_BACKEND_SYNC) {
		return -EINVAL;
	}
	if (options->entries == 0) {
		options->entries = DEFAULT_ENTRIES;
	}
	if (options->entries < MIN_ENTRIES || options->entries > MAX_ENTRIES ||
	    (options->entries & (options->entries - 1)) != 0) {
		return -EINVAL;
	}
	if (options->max_requests == 0) {
		options->max_requests = DEFAULT_MAX_REQUESTS;
	}
	if (options->max_threads == 0) {
		options->max_threads = DEFAULT_MAX_THREADS;
	}
	if (options->max_workers == 0) {
		options->max_workers = DEFAULT_MAX_WORKERS;
	}
	if (options->destroy_msec == 0) {
		options->destroy_msec = DEFAULT_DESTROY_MSEC;
	}
	if (options->max_personalities == 0) {
		options->max_personalities = DEFAULT_MAX_PERSONALITIES;
	}
	if (options->max_personalities < 2 ||
	    options->max_personalities > KERNEL_MAX_PERSONALITIES) {
		return -EINVAL;
	}
	return 0;
}

bool engine_inherited(const struct pathring *ring)
{
	return ring->started && process_mark() != ring->process_mark;
}

int engine_check(const struct pathring *ring)
{
	if (ring == NULL) {
		return -EINVAL;
	}
	if (engine_inherited(ring)) {
		return -ECHILD;
	}
	/*
	 * A forked child's only thread has the value of its parent's: an engine not yet started may
	 * be used there.
	 */
	if (!pthread_equal(pthread_self(), ring->thread) || ring->in_job) {
		return -EXDEV;
	}
	return 0;
}

static int engine_destructor(struct pathring *ring)
{
	requests_return_memory(ring);
	ring->closing = true;
	ring->stop_end = engine_clock() + ring->options.destroy_msec * 1000000ULL;
	turns_unwatch(ring);
	requests_abandon(ring);

	if (engine_inherited(ring)) {
		while (!TAILQ_EMPTY(&ring->running)) {
			talloc_free(TAILQ_FIRST(&ring->running));
		}
		if (ring->backend != NULL) {
			ring->backend->abandon(ring);
		}
		helpers_abandon(ring);
	} else {
		if (ring->backend != NULL) {
			ring->backend->stop(ring);
		}
		helpers_stop(ring);
	}

	identities_free(ring);
	turns_free(ring);
	share_forget(&ring->shares);
	linger_add_fd(ring->lingering, ring->proc_fd);
	linger_end_part(ring->lingering);
	linger_sweep();
	return 0;
}

int pathring_create(TALLOC_CTX *mem_ctx,
		    struct tevent_context *ev,
		    const struct pathring_options *options,
		    struct pathring **_ring)
{
	struct pathring *ring = NULL;
	int ret;

	if (ev == NULL || _ring == NULL) {
		return -EINVAL;
	}
	ret = process_mark_init();
	if (ret < 0) {
		return ret;
	}

	ring = talloc_zero(mem_ctx, struct pathring);
	if (ring == NULL) {
		return -ENOMEM;
	}
	ring->ev = ev;
	ring->proc_fd = -1;
	ring->thread = pthread_self();
	if (options != NULL) {
		ring->options = *options;
	}
	TAILQ_INIT(&ring->queue);
	TAILQ_INIT(&ring->running);
	TAILQ_INIT(&ring->waiting);
	TAILQ_INIT(&ring->held);
	share_init(&ring->shares, 0);
	STAILQ_INIT(&ring->batches);
	placement_assume(ring);
	STAILQ_INIT(&ring->log_messages);

	ret = check_options(&ring->options);
	if (ret == 0) {
		ret = identities_init(ring);
	}
	if (ret == 0) {
		ret = turns_init(ring);
	}
	if (ret == 0) {
		ring->lingering = linger_create();
		ret = ring->lingering != NULL ? 0 : -ENOMEM;
	}
	if (ret < 0) {
		talloc_free(ring);
		return ret;
	}

	talloc_set_destructor(ring, engine_destructor);
	linger_sweep();
	*_ring = ring;
	return 0;
}

/* ---- choosing a backend ---- */

static void note_refusal(struct pathring *ring,
			 const struct backend *backend,
			 const char *what,
			 int error,
			 const char *reason)
{
	ring->refusals[backend->kind] = (struct refusal) {
		.error = error,
		.reason = reason,
	};
	engine_log(ring,
		   PATHRING_LOG_WARNING,
		   "the %s backend can't be used%s: %s (%s)",
		   backend->name,
		   what,
		   reason,
		   strerror(-error));
}

static void choose_backend(struct pathring *ring)
{
	enum pathring_backend wanted = ring->options.backend;
	size_t i;

	for (i = 0; i < NUM_BACKENDS; i++) {
		const char *reason = "no reason given";
		int ret;

		if (wanted != PATHRING_BACKEND_AUTO && wanted != backends[i]->kind) {
			continue;
		}
		ret = backends[i]->start(ring, &reason);
		if (ret == 0) {
			ring->backend = backends[i];
			ring->start_error = 0;
			engine_log(
				ring, PATHRING_LOG_INFO, "using the %s backend", backends[i]->name);
			return;
		}
		note_refusal(ring, backends[i], "", ret, reason);
		ring->start_error = ret;
	}
}

void engine_lose_backend(struct pathring *ring, int error, const char *reason)
{
	note_refusal(
		ring, ring->backend, " any more, helper threads take its place", error, reason);
}

static bool has_lost_backend(const struct pathring *ring)
{
	return ring->backend != NULL && ring->refusals[ring->backend->kind].error != 0;
}

static bool knows_proc(const struct pathring *ring)
{
	return ring->proc_mark != 0 && ring->proc_mark == process_mark();
}

/*
 * Under the process identity. An engine that was used without being started may have been inherited
 * with the parent's directory, whose numbers are not our descriptors.
 */
static void engine_ask_proc(struct pathring *ring)
{
	if (knows_proc(ring)) {
		return;
	}
	if (ring->proc_fd >= 0) {
		close(ring->proc_fd);
	}
	ring->proc_mark = process_mark_set();
	ring->proc_fd = operation_open_proc_fd();
}

static int engine_start(struct pathring *ring)
{
	struct identity_switch state = { .switched = false };
	int ret;

	if (ring->started) {
		return ring->start_error;
	}

	/*
	 * Ring memory is accounted to an unprivileged creator (RLIMIT_MEMLOCK): never while the
	 * caller impersonates.
	 */
	ret = identity_enter(identity_of(ring, ring->identities.process), &state);
	if (ret < 0) {
		return ret;
	}
	ring->started = true;
	engine_ask_proc(ring);
	ring->process_mark = ring->proc_mark;
	choose_backend(ring);
	identity_leave(&state);

	turns_watch(ring);
	return ring->start_error;
}

int engine_use(struct pathring *ring)
{
	int ret;

	ret = engine_check(ring);
	if (ret < 0) {
		return ret;
	}
	if (ring->backend != NULL) {
		return 0;
	}
	return engine_start(ring);
}

int engine_use_here(struct pathring *ring)
{
	struct identity_switch state = { .switched = false };
	int ret;

	ret = engine_check(ring);
	if (ret < 0 || knows_proc(ring)) {
		return ret;
	}
	ret = identity_enter(identity_of(ring, ring->identities.process), &state);
	if (ret < 0) {
		return ret;
	}
	engine_ask_proc(ring);
	identity_leave(&state);
	return 0;
}

int pathring_start(struct pathring *ring)
{
	int ret;

	ret = engine_use(ring);
	if (ring != NULL && !engine_inherited(ring)) {
		engine_deliver_log(ring);
	}
	return ret;
}

enum pathring_backend pathring_backend(const struct pathring *ring)
{
	if (has_lost_backend(ring)) {
		return PATHRING_BACKEND_THREADS;
	}
	return ring->backend != NULL ? ring->backend->kind : PATHRING_BACKEND_AUTO;
}

const char *pathring_backend_name(enum pathring_backend backend)
{
	size_t i;

	for (i = 0; i < NUM_BACKENDS; i++) {
		if (backends[i]->kind == backend) {
			return backends[i]->name;
		}
	}
	return "auto";
}

/* ---- moving requests ---- */

static void queue_again(struct pathring *ring, struct request_list *list)
{
	struct pathring_request *request = NULL;

	TAILQ_FOREACH(request, list, link) {
		request->state = REQUEST_QUEUED;
		ring->num_running--;
		ring->num_queued++;
	}
	TAILQ_CONCAT(list, &ring->queue, link);
	TAILQ_CONCAT(&ring->queue, list, link);
}

/* One request out of the queue's head becomes a running one. */
static struct pathring_request *begin_request(struct pathring *ring)
{
	struct pathring_request *request = TAILQ_FIRST(&ring->queue);

	if (request != NULL) {
		TAILQ_REMOVE(&ring->queue, request, link);
		ring->num_queued--;
		request->state = REQUEST_RUNNING;
		TAILQ_INSERT_TAIL(&ring->running, request, link);
		ring->num_running++;
		PROBE_SUBMIT(
			request, request->operation.class->kind, request->identity->target.uid);
	}
	return request;
}

/* false: no room; it is added to later. */
static bool
give_to_backend(struct pathring *ring, struct pathring_request *request, struct request_list *later)
{
	bool taken;

	request->submission = ring->submission;
	taken = ring->backend->take(ring, request);
	if (!taken) {
		TAILQ_REMOVE(&ring->running, request, link);
		TAILQ_INSERT_TAIL(later, request, link);
	}
	return taken;
}

/* Hand out what is queued: to batches or the backend. Returns what there was no room or time for.
 */
static void give_out(struct pathring *ring, struct request_list *later)
{
	struct request_list elsewhere = TAILQ_HEAD_INITIALIZER(elsewhere);
	struct pathring_request *request = NULL;
	bool room = true;

	while (room && (request = begin_request(ring)) != NULL) {
		if (placement_may_attempt(ring, request)) {
			batch_add(ring, request);
		} else {
			room = give_to_backend(ring, request, later);
		}
	}

	batches_run(ring, &elsewhere, later);
	while (room && (request = TAILQ_FIRST(&elsewhere)) != NULL) {
		TAILQ_REMOVE(&elsewhere, request, link);
		TAILQ_INSERT_TAIL(&ring->running, request, link);
		room = give_to_backend(ring, request, later);
	}
	TAILQ_CONCAT(later, &elsewhere, link);
}

bool engine_submit(struct pathring *ring)
{
	struct request_list later = TAILQ_HEAD_INITIALIZER(later);
	struct pathring_request *request = NULL;
	bool all_given;

	if (ring->backend == NULL) {
		return true;
	}

	ring->submit_again = false;
	ring->submission = (struct submission) {
		.number = ring->submission.number + 1,
		.time = engine_clock(),
		.busy_nsec = ring->busy_nsec,
		.attempts = ring->attempts,
	};
	ring->turn_company = ring->num_running + ring->num_queued;
	give_out(ring, &later);
	queue_again(ring, &later);
	ring->companies[ring->submission.number % REMEMBERED_TURNS] = ring->num_running;

	/* The helpers first: they work while this thread is in the kernel. */
	helpers_flush(ring);
	all_given = ring->backend->flush(ring);
	all_given = engine_reap(ring) && all_given;

	/*
	 * Nothing runs whose completion would bring the loop back here: this thread has run as much
	 * as it may at once, or all that ran completed within this call.
	 */
	request = TAILQ_FIRST(&ring->queue);
	if (request != NULL && all_given &&
	    (ring->num_running == 0 || request->reason == PATHRING_REASON_BUDGET)) {
		engine_submit_again(request);
	}
	return all_given;
}

void engine_submit_again(struct pathring_request *request)
{
	request->ring->submit_again = true;
	turn_schedule(request->turn);
}

int pathring_submit(struct pathring *ring)
{
	int ret;

	ret = engine_check(ring);
	if (ret < 0) {
		return ret;
	}
	engine_submit(ring);
	return 0;
}

uint64_t engine_clock(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t engine_completion_time(struct pathring *ring)
{
	if (ring->completion_time == 0) {
		ring->completion_time = engine_clock();
	}
	return ring->completion_time;
}

uint64_t engine_turn_time(const struct pathring *ring)
{
	return ring->submission.time;
}

bool engine_reap(struct pathring *ring)
{
	ring->completion_time = 0;
	if (ring->backend != NULL) {
		ring->backend->reap(ring);
	}
	helpers_reap(ring);
	/* What the ring could not run has come to them by now. */
	return helpers_flush(ring);
}

bool engine_must_look(const struct pathring *ring)
{
	if (ring->backend == NULL) {
		return false;
	}
	return (ring->backend->must_look != NULL && ring->backend->must_look(ring)) ||
	       helpers_must_look(ring);
}

void engine_divert(struct pathring *ring, struct pathring_request *request, ssize_t answer)
{
	request->reason = PATHRING_REASON_FALLBACK;
	request->ring_answer = answer;
	engine_run_in_thread(ring, request);
}

void engine_run_in_thread(struct pathring *ring, struct pathring_request *request)
{
	request->diverted = true;
	request_leave_share(request);
	if (ring->closing || request->orphaned) {
		request->operation.result = -ECANCELED;
		request_complete(request, PATHRING_RING);
		return;
	}
	if (helpers_start(ring) == 0) {
		turns_watch(ring);
		helpers_take(ring, request);
		return;
	}
	sync_run(ring, request);
}

void engine_poll_fds(const struct pathring *ring, int fds[ENGINE_POLL_FDS])
{
	fds[0] = -1;
	if (ring->backend != NULL) {
		fds[0] = ring->backend->poll_fd(ring);
	}
	fds[1] = helpers_poll_fd(ring);
	if (fds[1] == fds[0]) {
		fds[1] = -1;
	}
}

/* false: there is nothing that could become readable. */
static bool fill_polled(const struct pathring *ring, struct pollfd polled[ENGINE_POLL_FDS])
{
	int fds[ENGINE_POLL_FDS];
	size_t i;

	engine_poll_fds(ring, fds);
	for (i = 0; i < ENGINE_POLL_FDS; i++) {
		polled[i] = (struct pollfd) {
			.fd = fds[i],
			.events = POLLIN,
		};
	}
	return fds[0] != -1 || fds[1] != -1;
}

bool engine_can_reap(const struct pathring *ring)
{
	struct pollfd polled[ENGINE_POLL_FDS];

	return fill_polled(ring, polled) && poll(polled, ENGINE_POLL_FDS, 0) > 0;
}

void engine_block(struct pathring *ring, bool all_given)
{
	struct pollfd polled[ENGINE_POLL_FDS];
	int timeout;

	if (!fill_polled(ring, polled) || ring->submit_again) {
		return;
	}
	timeout = -1;
	if (!all_given || ring->num_queued > ring->num_held || ring->num_running == 0) {
		timeout = BLOCK_MSEC;
	}
	if (engine_must_look(ring)) {
		timeout = ENGINE_LOOK_NSEC / 1000000;
	}
	poll(polled, ENGINE_POLL_FDS, timeout);
}

/* ---- saying what it does ---- */

void pathring_stats(const struct pathring *ring, struct pathring_stats *stats)
{
	*stats = ring->stats;
	stats->personalities = ring->identities.personalities;
	stats->identities = ring->identities.count;
	stats->queued = ring->num_queued;
	stats->in_flight = ring->num_running;
	stats->room = ring->options.max_requests - ring->num_requests;
	stats->lingering = linger_count();
}

char *pathring_describe(struct pathring *ring, TALLOC_CTX *mem_ctx)
{
	struct utsname host = { 0 };
	const char *chosen = " (by option)";
	char *text = NULL;
	size_t i;
	int ret;

	ret = pathring_start(ring);
	uname(&host);
	text = talloc_asprintf(mem_ctx, "kernel: %s %s\n", host.release, host.machine);
	if (ret == -ECHILD || ret == -EXDEV) {
		return talloc_asprintf_append(
			text, "engine: not usable here (%s)\n", strerror(-ret));
	}
	if (has_lost_backend(ring)) {
		chosen = " (for want of another)";
	} else if (ring->options.backend == PATHRING_BACKEND_AUTO) {
		chosen = " (chosen by probe)";
	}
	text = talloc_asprintf_append(
		text,
		"backend: %s%s\n",
		ring->backend != NULL ? pathring_backend_name(pathring_backend(ring)) : "none",
		chosen);
	for (i = 0; i < NUM_BACKENDS; i++) {
		const struct refusal *refusal = &ring->refusals[backends[i]->kind];

		if (refusal->error == 0) {
			continue;
		}
		text = talloc_asprintf_append(text,
					      "%s: refused: %s (%s)\n",
					      backends[i]->name,
					      refusal->reason,
					      strerror(-refusal->error));
	}
	if (ring->backend != NULL && ring->backend->describe != NULL && !has_lost_backend(ring)) {
		text = ring->backend->describe(ring, text);
	}
	return text;
}
