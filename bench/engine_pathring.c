/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engines `pathring*`: lookups through libpathring in a tevent loop, each under its user's
 * identity. They use the public header alone and differ in the backend that they ask for.
 */
#include "engine.h"

#include <pathring.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ring_state {
	struct tevent_context *ev;
	struct pathring *ring;
	struct pathring_identity **identities; /* one a user, in their order */
	struct pathring_handle *dir;
	struct pathring_xattr_query query;
	struct pathring_lookup_how how;
};

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

static enum pathring_backend backend_of(const struct bench_engine *engine)
{
	if (engine == &bench_engine_pathring_uring) {
		return PATHRING_BACKEND_URING;
	}
	if (engine == &bench_engine_pathring_threads) {
		return PATHRING_BACKEND_THREADS;
	}
	if (engine == &bench_engine_pathring_sync) {
		return PATHRING_BACKEND_SYNC;
	}
	return PATHRING_BACKEND_AUTO;
}

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

/* Called only when the completion came before the wait did; the outcome is asked for either way. */
static void ignore_completion(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
}

static int open_directory(struct ring_state *state, const char *path)
{
	const struct pathring_how how = { .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW };
	struct pathring_request *request = NULL;
	int ret = 0;

	ret = pathring_openat_request(state->ring,
				      pathring_identity_process(state->ring),
				      NULL,
				      path,
				      &how,
				      ignore_completion,
				      NULL,
				      &request);
	if (ret != 0) {
		return ret;
	}
	ret = pathring_request_wait(request);
	if (ret == 0) {
		ret = pathring_openat_result(request, state, &state->dir);
	}
	pathring_request_free(request);
	return ret;
}

static bool ring_open(TALLOC_CTX *mem_ctx,
		      const struct bench_engine *engine,
		      const struct bench_target *target,
		      size_t depth,
		      void **_state,
		      char **why)
{
	struct pathring_options options = { .backend = backend_of(engine), .log_fn = log_once };
	struct ring_state *state = NULL;
	const char *what = "pathring_create";
	char *description = NULL;
	int ret = -ENOMEM;

	if (depth > 131072) {
		options.max_requests = depth;
	}
	state = talloc_zero(mem_ctx, struct ring_state);
	if (state == NULL) {
		goto fail;
	}
	state->ev = tevent_context_init(state);
	if (state->ev == NULL) {
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
	what = "pathring_openat_request";
	ret = open_directory(state, target->path);
	if (ret != 0) {
		goto fail;
	}

	state->query = (struct pathring_xattr_query) { .name = BENCH_XATTR_NAME,
						       .size = BENCH_XATTR_ROOM };
	state->how = (struct pathring_lookup_how) {
		.flags = O_NOFOLLOW,
		.mask = BENCH_STATX_MASK,
		.xattrs = &state->query,
		.num_xattrs = 1,
	};
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

static void lookup_done(struct pathring_request *lookup, void *private_data)
{
	struct bench_request *request = private_data;
	struct bench_answer answer = { .error = 0 };
	const struct pathring_xattr *xattrs = NULL;

	answer.error = pathring_lookup_result(lookup, &answer.stx, &xattrs);
	if (answer.error == 0) {
		answer.xattr = xattrs[0].value;
		answer.xattr_length = xattrs[0].length;
	}
	bench_complete(request, &answer);
	pathring_request_free(lookup);
}

static int ring_submit(void *_state, struct bench_request *request)
{
	struct ring_state *state = _state;
	struct pathring_request *lookup = NULL;

	return pathring_lookup_request(state->ring,
				       state->identities[request->user],
				       state->dir,
				       request->path,
				       &state->how,
				       lookup_done,
				       request,
				       &lookup);
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
	const uint64_t *placed = stats.operation[PATHRING_LOOKUP].placed;

	pathring_stats(state->ring, &stats);
	*account = (struct bench_account) {
		.placed[BENCH_INLINE] = placed[PATHRING_INLINE],
		.placed[BENCH_RING] = placed[PATHRING_RING],
		.placed[BENCH_THREAD] = placed[PATHRING_THREAD],
		.submissions = stats.submissions,
		.enters = stats.enters,
		.fallbacks = stats.fallbacks,
		.switches = stats.switches,
	};
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

#define RING_ENGINE(_name, _summary)                                                      \
	{                                                                                 \
		.name = _name, .summary = _summary, .identity = true, .concurrent = true, \
		.open = ring_open, .submit = ring_submit, .turn = ring_turn,              \
		.account = ring_account, .backend = ring_backend, .close = ring_close,    \
	}

const struct bench_engine bench_engine_pathring =
	RING_ENGINE("pathring", "libpathring, the backend that it chooses itself");
const struct bench_engine bench_engine_pathring_uring =
	RING_ENGINE("pathring-uring", "libpathring on io_uring, one personality an identity");
const struct bench_engine bench_engine_pathring_threads =
	RING_ENGINE("pathring-threads", "libpathring with helper threads");
const struct bench_engine bench_engine_pathring_sync = RING_ENGINE(
	"pathring-sync", "libpathring in the calling thread, switched for each request");
