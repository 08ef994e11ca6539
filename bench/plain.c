/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The four system calls of a lookup.
 */
#include "plain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROC_PREFIX "/proc/self/fd/"

void bench_plain_init(struct bench_plain *plain, int dir_fd)
{
	*plain = (struct bench_plain) { .dir_fd = dir_fd };
	memcpy(plain->proc_path, PROC_PREFIX, sizeof(PROC_PREFIX));
}

/* By hand, since snprintf() would cost as much as the lighter ones of the system calls. */
static void set_proc_path(struct bench_plain *plain, int fd)
{
	char digits[16];
	char *to = plain->proc_path + sizeof(PROC_PREFIX) - 1;
	size_t n = 0;
	unsigned int rest = (unsigned int)fd;

	do {
		digits[n] = (char)('0' + rest % 10);
		rest /= 10;
		n++;
	} while (rest != 0);
	while (n > 0) {
		n--;
		*to = digits[n];
		to++;
	}
	*to = '\0';
}

void bench_plain_lookup(struct bench_plain *plain, const char *path, struct bench_answer *answer)
{
	int fd = -1;
	int ret = 0;
	ssize_t length = 0;

	*answer = (struct bench_answer) { .error = 0 };

	fd = openat(plain->dir_fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		answer->error = -errno;
		return;
	}

	ret = statx(fd, "", AT_EMPTY_PATH, BENCH_STATX_MASK, &plain->stx);
	if (ret == -1) {
		answer->error = -errno;
		close(fd);
		return;
	}
	answer->stx = &plain->stx;

	/* fgetxattr() refuses an O_PATH descriptor. */
	set_proc_path(plain, fd);
	length = getxattr(plain->proc_path, BENCH_XATTR_NAME, plain->xattr, sizeof(plain->xattr));
	answer->xattr = plain->xattr;
	answer->xattr_length = length == -1 ? -errno : length;

	close(fd);
}
