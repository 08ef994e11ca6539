/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * When the engine runs: submission and delivery from tevent loops, and nowhere else (the exception
 * is pathring_request_wait()).
 *
 * More than one loop, because callers poll event contexts of their own: smbd's smb_vfs_fsync_sync()
 * (source3/smbd/vfs.c) makes one for a single fsync and polls it alone. A request made with such a
 * context must complete although the engine's own loop stands still, and requests of the engine's
 * own loop must not be delivered from it.
 */
#include "turn.h"

#include <errno.h>

#include "request.h"

/* The ring or the helpers of the threads backend; helpers that run what the ring could not. */
#define TURN_WATCHES ENGINE_POLL_FDS

/*
 * How long until another try when the kernel would not take the submissions (-EAGAIN, -EBUSY) and
 * none is in flight.
 */
#define RETRY_USEC 10000

struct turn {
	LIST_ENTRY(turn) link;
	struct pathring *ring;	   /* NULL: the engine was freed, the turn is still on the stack */
	struct tevent_context *ev; /* NULL: freed by its owner */
	struct turn_sentinel *sentinel;
	struct tevent_immediate *immediate;
	bool scheduled;
	struct tevent_timer *retry;
	struct tevent_fd *watches[TURN_WATCHES];
	struct request_list done;
	unsigned int references; /* own it; it has no talloc parent */
};

/* A child of the event context, to learn of its end. */
struct turn_sentinel {
	struct turn *turn;
};

static void turn_run(struct turn *turn);

static int sentinel_destructor(struct turn_sentinel *sentinel)
{
	if (sentinel->turn != NULL) {
		sentinel->turn->ev = NULL;
		sentinel->turn->sentinel = NULL;
	}
	return 0;
}

static void turn_unwatch(struct turn *turn)
{
	size_t i;

	for (i = 0; i < TURN_WATCHES; i++) {
		TALLOC_FREE(turn->watches[i]);
	}
}

/* Out of the event loop and the engine; what is on the stack may still look at it. */
static void turn_detach(struct turn *turn)
{
	if (turn->ring == NULL) {
		return;
	}
	LIST_REMOVE(turn, link);
	turn->ring = NULL;
	turn_unwatch(turn);
	TALLOC_FREE(turn->retry);
	TALLOC_FREE(turn->immediate);
	if (turn->sentinel != NULL) {
		turn->sentinel->turn = NULL;
		TALLOC_FREE(turn->sentinel);
	}
}

static void turn_fd_handler(struct tevent_context *ev,
			    struct tevent_fd *fde,
			    uint16_t flags,
			    void *private_data)
{
	struct turn *turn = talloc_get_type_abort(private_data, struct turn);

	(void)ev;
	(void)flags;
	if (engine_inherited(turn->ring)) {
		/*
		 * A forked child that went on with its parent's event context: none of its
		 * business.
		 */
		tevent_fd_set_flags(fde, 0);
		return;
	}
	turn_run(turn);
}

static void turn_immediate_handler(struct tevent_context *ev,
				   struct tevent_immediate *immediate,
				   void *private_data)
{
	struct turn *turn = talloc_get_type_abort(private_data, struct turn);

	(void)ev;
	(void)immediate;
	turn->scheduled = false;
	if (engine_inherited(turn->ring)) {
		return;
	}
	turn_run(turn);
}

static void turn_retry_handler(struct tevent_context *ev,
			       struct tevent_timer *timer,
			       struct timeval now,
			       void *private_data)
{
	struct turn *turn = talloc_get_type_abort(private_data, struct turn);

	(void)ev;
	(void)timer;
	(void)now;
	turn->retry = NULL;
	if (engine_inherited(turn->ring)) {
		return;
	}
	turn_run(turn);
}

static void turn_watch(struct turn *turn)
{
	int fds[ENGINE_POLL_FDS];
	size_t i;

	engine_poll_fds(turn->ring, fds);
	for (i = 0; i < TURN_WATCHES; i++) {
		if (fds[i] < 0 || turn->watches[i] != NULL || turn->ev == NULL) {
			continue;
		}
		turn->watches[i] = tevent_add_fd(
			turn->ev, turn, fds[i], TEVENT_FD_READ, turn_fd_handler, turn);
		if (turn->watches[i] == NULL) {
			engine_log(turn->ring,
				   PATHRING_LOG_ERROR,
				   "out of memory: completions will be late");
		}
	}
}

void turns_watch(struct pathring *ring)
{
	struct turn *turn = NULL;

	LIST_FOREACH(turn, &ring->turns, link) {
		turn_watch(turn);
	}
}

void turns_unwatch(struct pathring *ring)
{
	struct turn *turn = NULL;

	LIST_FOREACH(turn, &ring->turns, link) {
		turn_unwatch(turn);
	}
}

static struct turn *turn_create(struct pathring *ring, struct tevent_context *ev)
{
	struct turn *turn = NULL;

	turn = talloc_zero(NULL, struct turn);
	if (turn == NULL) {
		return NULL;
	}
	turn->ring = ring;
	turn->ev = ev;
	turn->references = 1;
	TAILQ_INIT(&turn->done);
	turn->immediate = tevent_create_immediate(turn);
	turn->sentinel = talloc_zero(ev, struct turn_sentinel);
	if (turn->immediate == NULL || turn->sentinel == NULL) {
		TALLOC_FREE(turn->sentinel);
		talloc_free(turn);
		return NULL;
	}
	turn->sentinel->turn = turn;
	talloc_set_destructor(turn->sentinel, sentinel_destructor);
	LIST_INSERT_HEAD(&ring->turns, turn, link);
	return turn;
}

int turns_init(struct pathring *ring)
{
	LIST_INIT(&ring->turns);
	ring->own_turn = turn_create(ring, ring->ev);
	return ring->own_turn != NULL ? 0 : -ENOMEM;
}

void turns_free(struct pathring *ring)
{
	while (!LIST_EMPTY(&ring->turns)) {
		turn_detach(LIST_FIRST(&ring->turns));
	}
	turn_put(ring->own_turn);
	ring->own_turn = NULL;
}

struct turn *turn_get(struct pathring *ring, struct tevent_context *ev)
{
	struct turn *turn = NULL;

	if (ev == ring->ev) {
		ring->own_turn->references++;
		return ring->own_turn;
	}
	LIST_FOREACH(turn, &ring->turns, link) {
		if (turn->ev == ev) {
			turn->references++;
			return turn;
		}
	}
	turn = turn_create(ring, ev);
	if (turn != NULL) {
		turn_watch(turn);
	}
	return turn;
}

void turn_put(struct turn *turn)
{
	turn->references--;
	if (turn->references == 0) {
		turn_detach(turn);
		talloc_free(turn);
	}
}

void turn_schedule(struct turn *turn)
{
	if (turn->scheduled || turn->ev == NULL) {
		return;
	}
	turn->scheduled = true;
	tevent_schedule_immediate(turn->immediate, turn->ev, turn_immediate_handler, turn);
}

void turn_done(struct turn *turn, struct pathring_request *request)
{
	TAILQ_INSERT_TAIL(&turn->done, request, link);
	turn_schedule(turn);
}

void turn_withdraw(struct turn *turn, struct pathring_request *request)
{
	TAILQ_REMOVE(&turn->done, request, link);
}

struct tevent_context *turn_event_context(const struct turn *turn)
{
	return turn->ev;
}

struct request_list *turn_done_list(struct turn *turn)
{
	return &turn->done;
}

struct turn *turns_first(const struct pathring *ring)
{
	return LIST_FIRST(&ring->turns);
}

struct turn *turns_next(const struct turn *turn)
{
	return LIST_NEXT(turn, link);
}

/*
 * Callbacks may free requests, this one or others, make new ones, run the loop again, or free the
 * engine.
 */
static void turn_deliver(struct turn *turn)
{
	struct pathring_request *request = NULL;

	while (turn->ring != NULL && (request = TAILQ_FIRST(&turn->done)) != NULL) {
		TAILQ_REMOVE(&turn->done, request, link);
		request->state = REQUEST_DELIVERED;
		request->turn = NULL;
		turn->references--;
		request->fn(request, request->private_data);
	}
}

static void turn_submit(struct turn *turn)
{
	uint32_t usec = RETRY_USEC;
	bool all_given;

	all_given = engine_submit(turn->ring);
	if (engine_must_look(turn->ring)) {
		usec = ENGINE_LOOK_NSEC / 1000;
	} else if (all_given) {
		return;
	}
	if (turn->retry != NULL || turn->ev == NULL) {
		return;
	}
	turn->retry = tevent_add_timer(
		turn->ev, turn, tevent_timeval_current_ofs(0, usec), turn_retry_handler, turn);
}

bool pathring_has_completions(const struct pathring *ring)
{
	struct turn *turn = NULL;

	if (engine_check(ring) < 0) {
		return false;
	}
	LIST_FOREACH(turn, &ring->turns, link) {
		if (!TAILQ_EMPTY(&turn->done)) {
			return true;
		}
	}
	return engine_can_reap(ring);
}

static void turn_run(struct turn *turn)
{
	uint64_t began;

	/*
	 * Neither the last request of a foreign event context nor the end of the engine may take it
	 * while it runs.
	 */
	turn->references++;
	engine_deliver_log(turn->ring);
	engine_reap(turn->ring);
	began = engine_clock();
	turn_deliver(turn);
	if (turn->ring != NULL) {
		turn->ring->busy_nsec += engine_clock() - began;
		turn_submit(turn);
	}
	turn_put(turn);
}
