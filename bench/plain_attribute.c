/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls of operations on attributes.
 */
#include "plain_performers.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

BENCH_PERFORMER(fchmod)
{
	int ret = fchmod(bench_plain_fd(plain, request), request->mode);

	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(fchown)
{
	int ret = fchown(bench_plain_fd(plain, request), (uid_t)-1, request->gid);

	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(utimens)
{
	int ret = futimens(bench_plain_fd(plain, request), request->times);

	answer->error = ret == -1 ? -errno : 0;
}

BENCH_PERFORMER(statfs)
{
	int ret = fstatfs(bench_plain_fd(plain, request), &plain->statfs);

	answer->error = ret == -1 ? -errno : 0;
	answer->statfs = &plain->statfs;
}
