/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The threads backend: every request to the helper threads. How they work is in helper.c, which the
 * ring needs too.
 */
#include "backend.h"

#include "helper.h"

static int threads_start(struct pathring *ring, const char **reason)
{
	int ret;

	ret = helpers_start(ring);
	if (ret < 0) {
		*reason =
			"no helper thread with a umask of its own can be started; check the limit "
			"of processes and whether "
			"a seccomp filter denies clone or unshare";
	}
	return ret;
}

/* What the engine does itself: there may be helpers beside the ring as well. */
static void nothing(struct pathring *ring)
{
	(void)ring;
}

static bool nothing_to_flush(struct pathring *ring)
{
	(void)ring;
	return true;
}

static bool threads_take(struct pathring *ring, struct pathring_request *request)
{
	helpers_take(ring, request);
	return true;
}

const struct backend backend_threads = {
	.kind = PATHRING_BACKEND_THREADS,
	.name = "threads",
	.start = threads_start,
	.stop = nothing,
	.abandon = nothing,
	.take = threads_take,
	.flush = nothing_to_flush,
	.reap = nothing,
	.cancel = helpers_cancel,
	.poll_fd = helpers_poll_fd,
};
