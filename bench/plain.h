/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A lookup by plain system calls, as the calling thread: shared by the engines that have nothing
 * else. It knows nothing of identities.
 */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

#include "engine.h"

struct bench_plain {
	int dir_fd;
	char proc_path[32]; /* the prefix is written once, a lookup writes the number only */
	struct statx stx;
	uint8_t xattr[BENCH_XATTR_ROOM];
};

void bench_plain_init(struct bench_plain *plain, int dir_fd);

/* openat(O_PATH), statx, getxattr through /proc/self/fd, close. The answer points into plain. */
void bench_plain_lookup(struct bench_plain *plain, const char *path, struct bench_answer *answer);

#endif /* BENCH_PLAIN_H */
