/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be known of a machine to judge a number that was measured on it.
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <talloc.h>

struct bench_host {
	const char *kernel;
	const char *machine;
	const char *processor;
	long processors;
	const char *file_system;
};

/* dir_fd: on the file system in question. NULL without memory. */
struct bench_host *bench_host(TALLOC_CTX *mem_ctx, int dir_fd);

#endif /* BENCH_HOST_H */
