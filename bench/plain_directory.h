/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading directories by hand, for all engines that do without a C library's DIR.
 */
#ifndef BENCH_PLAIN_DIRECTORY_H
#define BENCH_PLAIN_DIRECTORY_H

#include <stddef.h>
#include <sys/types.h>

/* Entries as the kernel gives them, BENCH_DIRECTORY_ROOM of them at most. */
struct bench_batch {
	const char *next;
	const char *end;
};

/* For reading, of request->path and the like: a negative errno, or a descriptor. */
int bench_open_directory(int dir_fd, const char *path);

/* The next batch into the buffer: a negative errno, 0 at the end, else *batch is filled in. */
int bench_read_directory(int fd, void *buffer, size_t size, struct bench_batch *batch);

/* The next name but "." and ".."; NULL: there is none. It points into the buffer. */
const char *bench_next_name(struct bench_batch *batch);

#endif /* BENCH_PLAIN_DIRECTORY_H */
