/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The synchronous backend: each request in the engine's own thread, switched to its identity for
 * the time of the call. The last resort where neither ring nor threads may be had, and the plainest
 * statement of what a request means.
 */
#include "backend.h"

#include <errno.h>
#include <sys/stat.h>

#include "request.h"

/* Requests run between two looks at the event loop: others must be served too. */
#define RUN_AT_ONCE 64

static int sync_start(struct pathring *ring, const char **reason)
{
	(void)ring;
	(void)reason;
	return 0;
}

static void sync_release(struct pathring *ring)
{
	(void)ring;
}

void sync_run(struct pathring *ring, struct pathring_request *request)
{
	struct operation *operation = &request->operation;
	struct identity_switch state = { .switched = false };
	bool creates = operation_creates(operation);
	mode_t saved_umask = 0;
	int ret;

	if (operation->class->kind == PATHRING_JOB) {
		job_run_here(operation, request->identity);
		ring->completion_time = 0;
		request_complete(request, PATHRING_INLINE);
		return;
	}
	ret = identity_enter(request->identity, &state);
	if (ret < 0) {
		operation->result = ret;
		request_complete(request, PATHRING_INLINE);
		return;
	}
	if (creates) {
		saved_umask = umask(0);
	}
	operation->class->perform(operation);
	if (creates) {
		umask(saved_umask);
	}
	identity_leave(&state);
	ring->completion_time = 0;
	request_complete(request, PATHRING_INLINE);
}

static bool sync_take(struct pathring *ring, struct pathring_request *request)
{
	if (ring->inline_run >= RUN_AT_ONCE) {
		return false;
	}
	ring->inline_run++;
	sync_run(ring, request);
	return true;
}

static bool sync_flush(struct pathring *ring)
{
	ring->inline_run = 0;
	return true;
}

static int sync_poll_fd(const struct pathring *ring)
{
	(void)ring;
	return -1;
}

const struct backend backend_sync = {
	.kind = PATHRING_BACKEND_SYNC,
	.name = "sync",
	.start = sync_start,
	.stop = sync_release,
	.abandon = sync_release,
	.take = sync_take,
	.flush = sync_flush,
	.reap = sync_release,
	.poll_fd = sync_poll_fd,
};
