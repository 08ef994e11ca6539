/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations by plain system calls, as the calling thread: shared by the engines that have nothing
 * else. It knows nothing of identities.
 */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

#include "engine.h"

#define BENCH_PROC_PATH_SIZE 32

/* What one operation at a time needs. */
struct bench_plain {
	const struct bench_descriptor *descriptors;
	char proc_path[BENCH_PROC_PATH_SIZE]; /* the prefix is written once, an operation writes the
						 number only */
	struct statx stx;
	struct statfs statfs;
	uint8_t data[BENCH_DATA_SIZE];
};

void bench_plain_init(struct bench_plain *plain, const struct bench_target *target);

/* The answer points into plain and the request. */
void bench_plain_perform(struct bench_plain *plain,
			 const struct bench_request *request,
			 struct bench_answer *answer);

/* A lookup of a name in any directory, with room for the xattr's value. */
void bench_plain_lookup(struct bench_plain *plain,
			int dir_fd,
			const char *path,
			size_t size,
			struct bench_answer *answer);

/* "/proc/self/fd/N"; the memory must be zero before its first use. */
void bench_proc_path(char path[BENCH_PROC_PATH_SIZE], int fd);

/* The statx of a descriptor, as a negative errno or 0. */
int bench_statx(int fd, struct statx *stx);

#endif /* BENCH_PLAIN_H */
