/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls of operations that change names.
 */
#include "plain_performers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

BENCH_PERFORMER(mkdir_rmdir)
{
	int dir_fd = bench_plain_fd(plain, request);
	int ret = mkdirat(dir_fd, request->path, 0755);

	if (ret == 0) {
		ret = unlinkat(dir_fd, request->path, AT_REMOVEDIR);
	}
	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(renameat)
{
	int dir_fd = bench_plain_fd(plain, request);
	int ret = renameat2(dir_fd, request->path, dir_fd, request->new_path, 0);

	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(link_unlink)
{
	int dir_fd = bench_plain_fd(plain, request);
	int ret = linkat(dir_fd, request->path, dir_fd, request->new_path, 0);

	if (ret == 0) {
		ret = unlinkat(dir_fd, request->new_path, 0);
	}
	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(symlink_unlink)
{
	int dir_fd = bench_plain_fd(plain, request);
	int ret = symlinkat(request->new_path, dir_fd, request->path);

	if (ret == 0) {
		ret = unlinkat(dir_fd, request->path, 0);
	}
	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(create_delete)
{
	int dir_fd = bench_plain_fd(plain, request);
	int fd = openat(
		dir_fd, request->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int ret = fd;

	if (fd != -1) {
		close(fd);
		ret = unlinkat(dir_fd, request->path, 0);
	}
	answer->error = ret == -1 ? -errno : 0;
}
