/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls of operations on data.
 */
#include "plain_performers.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

BENCH_PERFORMER(pread)
{
	ssize_t length = pread(bench_plain_fd(plain, request), plain->data, request->size, 0);

	bench_plain_take(plain, length, answer);
}

BENCH_PERFORMER(pwrite)
{
	ssize_t length = pwrite(bench_plain_fd(plain, request), request->data, request->size, 0);

	bench_plain_take(plain, length, answer);
}

BENCH_PERFORMER(write_fsync)
{
	int fd = bench_plain_fd(plain, request);
	ssize_t length = pwrite(fd, request->data, request->size, 0);
	int ret = length == -1 ? -1 : fsync(fd);

	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(ftruncate)
{
	int ret = ftruncate(bench_plain_fd(plain, request), request->length);

	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(fallocate)
{
	int ret = fallocate(bench_plain_fd(plain, request), (int)request->mode, 0, request->length);

	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(open_read_close)
{
	int fd = openat(
		bench_plain_fd(plain, request), request->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1) {
		answer->error = -errno;
		return;
	}
	bench_plain_take(plain, pread(fd, plain->data, request->size, 0), answer);
	close(fd);
}
