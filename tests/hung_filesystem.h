/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file system that answers, or answers late, or does not answer at all, as told: FUSE spoken by a
 * process of its own, mounted where only the test's process and its children see it.
 *
 * It has a root directory of mode 0777 in which every name that begins with "f" is a file of mode
 * 0666 with the xattr user.test, and nothing is cached: each lookup, getattr, open and getxattr is
 * a question to that process.
 */
#ifndef PATHRING_TESTS_HUNG_FILESYSTEM_H
#define PATHRING_TESTS_HUNG_FILESYSTEM_H

#include "operations.h"

struct hung_filesystem;

/* Who the last one to look up, open or ask for an xattr was, as the server sees it. */
struct hung_caller {
	uid_t uid;
	gid_t gid;
	char groups[128]; /* as in /proc/ID/status */
};

/*
 * The ring's workers have nothing to do with FUSE (mounts.c says why); what hangs for them is an
 * overlay with the FUSE file system below.
 */
enum hung_kind {
	HUNG_FUSE,
	HUNG_OVERLAY,
};

/*
 * Mount one on a directory below the scratch directory. Skips the test where that is not permitted.
 */
struct hung_filesystem *
hung_filesystem_mount(struct fixture *f, const char *name, enum hung_kind kind);
/* Answers what it has kept, first. Nothing of the engine's may be left on it. */
void hung_filesystem_unmount(struct hung_filesystem *filesystem);

/* A path reference of its root. */
struct pathring_handle *hung_filesystem_root(struct hung_filesystem *filesystem);

/* From now on questions are kept. */
void hung_filesystem_hang(struct hung_filesystem *filesystem);
/* From now on no close of a file is answered; what else was kept is. */
void hung_filesystem_hang_closes(struct hung_filesystem *filesystem);
/* Answer those that were kept, and all that follow. */
void hung_filesystem_release(struct hung_filesystem *filesystem);
/* Answer each so many milliseconds after it was asked. */
void hung_filesystem_delay(struct hung_filesystem *filesystem, unsigned int msec);
/* Its process dies: whoever waits for an answer gets an error (ENOTCONN, ECONNABORTED). */
void hung_filesystem_abort(struct hung_filesystem *filesystem);

struct hung_caller hung_filesystem_caller(const struct hung_filesystem *filesystem);

/* Questions that wait for an answer now. */
unsigned int hung_filesystem_waiting(const struct hung_filesystem *filesystem);
/* The most that have waited at once. */
unsigned int hung_filesystem_most(const struct hung_filesystem *filesystem);
/* Run the loop until so many wait. */
void hung_filesystem_until(struct hung_filesystem *filesystem, unsigned int waiting);

/*
 * Operations of each kind on the scratch directory, which is on another file system and has a file
 * "well".
 */
void others_go_on(struct fixture *f);

/*
 * On the ring's workers; on the helper threads; and on helper threads beside the ring, for a file
 * system that is not for the ring. The test's file has a static enum hung_kind kind, what to mount.
 */
#define ONE_HANG_TEST(suite, name, suffix, ground, hung_kind)             \
	Test(suite, name##_##suffix, .timeout = TEST_BOUND_SECONDS)       \
	{                                                                 \
		kind = hung_kind;                                         \
		harness_run(BACKEND_##ground, FORM_SEND, suite##_##name); \
	}

#define HANG_TEST(suite, name)                                     \
	static void suite##_##name(struct fixture *f);             \
	ONE_HANG_TEST(suite, name, uring, uring, HUNG_OVERLAY)     \
	ONE_HANG_TEST(suite, name, threads, threads, HUNG_FUSE)    \
	ONE_HANG_TEST(suite, name, beside_uring, uring, HUNG_FUSE) \
	static void suite##_##name(struct fixture *f)

#endif
