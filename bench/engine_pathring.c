/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engines `pathring*`: requests to libpathring in a tevent loop, each under its user's identity.
 * They use the public header alone and differ in the backend that they ask for.
 */
#include "engine_pathring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Once for each message: an engine is opened anew for every round and would say the same every
 * time.
 */
static void log_once(void *private_data, enum pathring_log_level level, const char *message)
{
	static char last[512];
	int differs = 0;

	(void)private_data;

	if (level == PATHRING_LOG_INFO) {
		return;
	}
	differs = strncmp(last, message, sizeof(last) - 1);
	if (differs == 0) {
		return;
	}
	snprintf(last, sizeof(last), "%s", message);
	fprintf(stderr, "pathring-bench: pathring: %s\n", message);
}

/* The library's. */
#define DEFAULT_MAX_REQUESTS 131072

enum variant { PLAIN, URING, THREADS, SYNC, PIN_INLINE, PIN_RING, PIN_THREAD };

/* What each variant asks the library for. */
static const struct {
	enum pathring_backend backend;
	enum pathring_pin pin;
} variants[] = {
	[PLAIN] = { PATHRING_BACKEND_AUTO, PATHRING_PIN_LEARNED },
	[URING] = { PATHRING_BACKEND_URING, PATHRING_PIN_LEARNED },
	[THREADS] = { PATHRING_BACKEND_THREADS, PATHRING_PIN_LEARNED },
	[SYNC] = { PATHRING_BACKEND_SYNC, PATHRING_PIN_LEARNED },
	[PIN_INLINE] = { PATHRING_BACKEND_AUTO, PATHRING_PIN_INLINE },
	[PIN_RING] = { PATHRING_BACKEND_AUTO, PATHRING_PIN_RING },
	[PIN_THREAD] = { PATHRING_BACKEND_AUTO, PATHRING_PIN_THREAD },
};

static int make_identities(struct ring_state *state, const struct bench_target *target)
{
	size_t i = 0;

	state->identities = talloc_zero_array(state, struct pathring_identity *, target->num_users);
	if (state->identities == NULL) {
		return -ENOMEM;
	}
	for (i = 0; i < target->num_users; i++) {
		const struct bench_user *user = &target->users[i];
		int ret = 0;

		if (target->self) {
			state->identities[i] = pathring_identity_process(state->ring);
			continue;
		}
		ret = pathring_identity_unix(state->ring,
					     state->identities,
					     user->uid,
					     user->gid,
					     user->groups,
					     user->num_groups,
					     &state->identities[i]);
		if (ret != 0) {
			return ret;
		}
	}
	return 0;
}

static int make_handles(struct ring_state *state, const struct bench_target *target)
{
	size_t i = 0;

	state->handles =
		talloc_zero_array(state, struct pathring_handle *, target->num_descriptors);
	if (state->handles == NULL) {
		return -ENOMEM;
	}
	for (i = 0; i < target->num_descriptors; i++) {
		const struct bench_descriptor *descriptor = &target->descriptors[i];
		int ret = pathring_handle_borrow(state->handles,
						 descriptor->fd,
						 descriptor->io ? PATHRING_IO : PATHRING_PATHREF,
						 &state->handles[i]);

		if (ret != 0) {
			return ret;
		}
	}
	return 0;
}

/* A turn of the loop is over, which is all that is wanted. */
static void
woken(struct tevent_context *ev, struct tevent_fd *fde, uint16_t flags, void *private_data)
{
	(void)ev;
	(void)fde;
	(void)flags;
	(void)private_data;
}

static bool ring_open(TALLOC_CTX *mem_ctx,
		      const struct bench_engine *engine,
		      const struct bench_target *target,
		      size_t depth,
		      void **_state,
		      char **why)
{
	struct pathring_options options = {
		.backend = variants[engine->variant].backend,
		.max_workers = (unsigned int)target->settings->max_workers,
		.pin = variants[engine->variant].pin,
		.log_fn = log_once,
	};
	size_t max_requests = depth;
	struct ring_state *state = NULL;
	const char *what = "pathring_create";
	char *description = NULL;
	int ret = -ENOMEM;

	if (target->kinds[BENCH_LISTING]) {
		max_requests *= 2 + bench_entries_at_a_time(depth);
	}
	if (max_requests > DEFAULT_MAX_REQUESTS) {
		options.max_requests = max_requests;
	}
	state = talloc_zero(mem_ctx, struct ring_state);
	if (state == NULL) {
		goto fail;
	}
	state->num_entries = bench_entries_at_a_time(depth);
	state->ev = tevent_context_init(state);
	state->jobs = talloc_zero_array(state, struct ring_job, depth);
	if (state->ev == NULL || state->jobs == NULL) {
		goto fail;
	}
	if (target->wake_fd != -1 &&
	    tevent_add_fd(state->ev, state, target->wake_fd, TEVENT_FD_READ, woken, NULL) == NULL) {
		goto fail;
	}
	ret = pathring_create(state, state->ev, &options, &state->ring);
	if (ret != 0) {
		goto fail;
	}
	what = "pathring_start";
	ret = pathring_start(state->ring);
	if (ret != 0) {
		description = pathring_describe(state->ring, mem_ctx);
		goto fail;
	}
	what = "pathring_identity_unix";
	ret = make_identities(state, target);
	if (ret != 0) {
		goto fail;
	}
	what = "pathring_handle_borrow";
	ret = make_handles(state, target);
	if (ret != 0) {
		goto fail;
	}
	*_state = state;
	return true;
fail:
	*why = talloc_asprintf(mem_ctx,
			       "%s: %s%s%s",
			       what,
			       strerror(-ret),
			       description != NULL ? "\n" : "",
			       description != NULL ? description : "");
	talloc_free(description);
	talloc_free(state);
	return false;
}

static int ring_submit(void *_state, struct bench_request *request)
{
	struct ring_state *state = _state;
	struct ring_job *job = &state->jobs[request->number];

	job->state = state;
	job->request = request;
	return ring_start(job);
}

static int ring_turn(void *_state)
{
	struct ring_state *state = _state;
	int ret = 0;

	ret = tevent_loop_once(state->ev);
	return ret == 0 ? 0 : -errno;
}

static void ring_account(void *_state, struct bench_account *account)
{
	struct ring_state *state = _state;
	struct pathring_stats stats = { .submissions = 0 };
	size_t i = 0;

	pathring_stats(state->ring, &stats);
	*account = (struct bench_account) {
		.submissions = stats.submissions,
		.enters = stats.enters,
		.fallbacks = stats.fallbacks,
		.switches = stats.switches,
	};
	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		const uint64_t *placed = stats.operation[i].placed;

		account->placed[BENCH_INLINE] += placed[PATHRING_INLINE];
		account->placed[BENCH_RING] += placed[PATHRING_RING];
		account->placed[BENCH_THREAD] += placed[PATHRING_THREAD];
	}
}

static const char *ring_backend(void *_state)
{
	struct ring_state *state = _state;

	return pathring_backend_name(pathring_backend(state->ring));
}

static void ring_close(void *_state)
{
	struct ring_state *state = _state;

	/* In this order: the engine must not outlive the loop that it lives in. */
	talloc_free(state->ring);
	talloc_free(state);
}

#define RING_ENGINE(_name, _variant, _summary)                                                   \
	{                                                                                        \
		.name = _name, .variant = _variant, .summary = _summary, .identity = true,       \
		.concurrent = true, .open = ring_open, .submit = ring_submit, .turn = ring_turn, \
		.account = ring_account, .backend = ring_backend, .close = ring_close,           \
	}

const struct bench_engine bench_engine_pathring =
	RING_ENGINE("pathring", PLAIN, "libpathring, the backend that it chooses itself");
const struct bench_engine bench_engine_pathring_uring = RING_ENGINE(
	"pathring-uring", URING, "libpathring on io_uring, one personality an identity");
const struct bench_engine bench_engine_pathring_threads =
	RING_ENGINE("pathring-threads", THREADS, "libpathring with helper threads");
const struct bench_engine bench_engine_pathring_sync = RING_ENGINE(
	"pathring-sync", SYNC, "libpathring in the calling thread, switched for each request");
const struct bench_engine bench_engine_pathring_pin_inline =
	RING_ENGINE("pathring-pin-inline",
		    PIN_INLINE,
		    "libpathring, what has a choice runs in the calling thread");
const struct bench_engine bench_engine_pathring_pin_ring = RING_ENGINE(
	"pathring-pin-ring", PIN_RING, "libpathring, what has a choice runs on the ring");
const struct bench_engine bench_engine_pathring_pin_thread = RING_ENGINE(
	"pathring-pin-thread", PIN_THREAD, "libpathring, what has a choice runs in helper threads");
