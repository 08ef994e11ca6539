/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Helper threads that come back when their engine is gone, beside engines that are in use: a plain
 * program, for ThreadSanitizer, which Criterion's processes don't go together with. What blocks is
 * the open of a FIFO; what blocks for ever, with FUSE, is test_hang.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pathring.h"

#define ENGINES 8
#define FIFOS 6
#define SUBMISSIONS 5
#define BOUND_SECONDS 30

static char directory[64] = "/tmp/pathring-linger.XXXXXX";

static void fail(const char *what, int error)
{
	fprintf(stderr, "linger_threads: %s: %s\n", what, strerror(error));
	exit(1);
}

static void check(int ret, const char *what)
{
	if (ret < 0) {
		fail(what, -ret);
	}
}

static void in_directory(char path[128], unsigned int number)
{
	snprintf(path, 128, "%s/fifo%u", directory, number);
}

static struct pathring *create_engine(struct tevent_context *ev)
{
	const struct pathring_options options = {
		.backend = PATHRING_BACKEND_THREADS,
		.destroy_msec = 20,
	};
	struct pathring *ring = NULL;
	int ret;

	ret = pathring_create(ev, ev, &options, &ring);
	check(ret, "pathring_create");
	return ring;
}

static struct pathring_request *
open_fifo(struct pathring *ring, struct pathring_handle *dir, unsigned int number)
{
	const struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_request *request = NULL;
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "fifo%u", number);
	ret = pathring_openat_request(
		ring, pathring_identity_process(ring), dir, name, &how, NULL, NULL, &request);
	check(ret, "pathring_openat_request");
	return request;
}

/* A writer lets every reader's open come back that waits there now. */
static void release(unsigned int number)
{
	char path[128];
	int fd;

	in_directory(path, number);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	check(fd == -1 ? -errno : 0, path);
	close(fd);
}

static size_t lingering(const struct pathring *ring)
{
	struct pathring_stats stats;

	pathring_stats(ring, &stats);
	return stats.lingering;
}

/* Have them come back one after the other, while an engine is at work. */
static void release_all(struct pathring *ring, struct pathring_handle *dir)
{
	unsigned int tries = BOUND_SECONDS * 1000;
	unsigned int i = 0;

	while (lingering(ring) > 0 && --tries > 0) {
		struct pathring_handle *handle = NULL;
		struct pathring_request *request = NULL;

		release(i++ % FIFOS);
		check(pathring_handle_dup(
			      ring, pathring_handle_pathref_fd(dir), PATHRING_PATHREF, &handle),
		      "pathring_handle_dup");
		check(pathring_statx_request(ring,
					     pathring_identity_process(ring),
					     handle,
					     AT_STATX_FORCE_SYNC,
					     STATX_BASIC_STATS,
					     NULL,
					     NULL,
					     &request),
		      "pathring_statx_request");
		check(pathring_request_wait(request), "pathring_request_wait");
		pathring_request_free(request);
		talloc_free(handle);
	}
	if (tries == 0) {
		fail("requests of freed engines linger", ETIMEDOUT);
	}
}

static void run(struct tevent_context *ev, struct pathring_handle *dir)
{
	const struct timespec moment = { .tv_nsec = 3000000 };
	struct pathring *ring = NULL;
	unsigned int engine;
	unsigned int i;

	for (engine = 0; engine < ENGINES; engine++) {
		ring = create_engine(ev);
		for (i = 0; i < FIFOS; i++) {
			open_fifo(ring, dir, i);
		}
		/* Often enough to be seen to wait, and to get a thread each. */
		for (i = 0; i < SUBMISSIONS; i++) {
			check(pathring_submit(ring), "pathring_submit");
			nanosleep(&moment, NULL);
		}
		if (engine % 2 == 1) {
			/* Some come back before their engine is freed, or meanwhile. */
			release(0);
		}
		talloc_free(ring);
	}
	ring = create_engine(ev);
	if (lingering(ring) < ENGINES / 2 * FIFOS) {
		fail("too few requests of freed engines linger", 0);
	}
	release_all(ring, dir);
	talloc_free(ring);
}

int main(void)
{
	struct tevent_context *ev = tevent_context_init(NULL);
	struct pathring_handle *dir = NULL;
	char path[128];
	unsigned int i;
	int ret;
	int fd;

	alarm(BOUND_SECONDS * 4);
	if (ev == NULL || mkdtemp(directory) == NULL) {
		fail(directory, errno);
	}
	for (i = 0; i < FIFOS; i++) {
		in_directory(path, i);
		ret = mkfifo(path, 0600);
		check(ret == -1 ? -errno : 0, path);
	}
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	check(fd == -1 ? -errno : 0, directory);
	ret = pathring_handle_borrow(ev, fd, PATHRING_PATHREF, &dir);
	check(ret, "pathring_handle_borrow");

	run(ev, dir);

	talloc_free(ev);
	close(fd);
	for (i = 0; i < FIFOS; i++) {
		in_directory(path, i);
		unlink(path);
	}
	rmdir(directory);
	return 0;
}
