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

static void threads_release(struct pathring *ring)
{
	/* The engine releases the helpers itself: they may exist beside the ring as well. */
	(void)ring;
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
	.stop = threads_release,
	.abandon = threads_release,
	.take = threads_take,
	.flush = helpers_flush,
	.reap = helpers_reap,
	.cancel = helpers_cancel,
	.poll_fd = helpers_poll_fd,
};
