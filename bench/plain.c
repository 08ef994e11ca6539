/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls of each operation: here those on paths and path references.
 */
#include "plain_performers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROC_PREFIX "/proc/self/fd/"

/* By hand, since snprintf() would cost as much as the lighter ones of the system calls. */
void bench_proc_path(char path[BENCH_PROC_PATH_SIZE], int fd)
{
	char digits[16];
	char *to = path + sizeof(PROC_PREFIX) - 1;
	size_t n = 0;
	unsigned int rest = (unsigned int)fd;

	if (path[0] == '\0') {
		memcpy(path, PROC_PREFIX, sizeof(PROC_PREFIX));
	}
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

int bench_statx(int fd, struct statx *stx)
{
	int ret = statx(fd, "", AT_EMPTY_PATH, BENCH_STATX_MASK, stx);

	return ret == -1 ? -errno : 0;
}

void bench_plain_init(struct bench_plain *plain, const struct bench_target *target)
{
	*plain = (struct bench_plain) { .descriptors = target->descriptors };
}

int bench_plain_fd(const struct bench_plain *plain, const struct bench_request *request)
{
	return plain->descriptors[request->descriptor].fd;
}

static int open_path(int dir_fd, const char *path)
{
	int fd = openat(dir_fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd == -1 ? -errno : fd;
}

/* fgetxattr() refuses an O_PATH descriptor. */
static ssize_t read_xattr(struct bench_plain *plain, int fd, size_t size)
{
	ssize_t length = 0;

	bench_proc_path(plain->proc_path, fd);
	length = getxattr(plain->proc_path, BENCH_XATTR_NAME, plain->data, size);
	return length == -1 ? -errno : length;
}

static void take(struct bench_plain *plain, ssize_t length, struct bench_answer *answer)
{
	if (length < 0) {
		answer->error = (int)length;
		return;
	}
	answer->data = plain->data;
	answer->length = length;
}

void bench_plain_take(struct bench_plain *plain, ssize_t length, struct bench_answer *answer)
{
	take(plain, length == -1 ? -errno : length, answer);
}

void bench_plain_lookup(struct bench_plain *plain,
			int dir_fd,
			const char *path,
			size_t size,
			struct bench_answer *answer)
{
	int fd = open_path(dir_fd, path);

	if (fd < 0) {
		answer->error = fd;
		return;
	}
	answer->error = bench_statx(fd, &plain->stx);
	if (answer->error == 0) {
		answer->stx = &plain->stx;
		answer->length = read_xattr(plain, fd, size);
		answer->data = plain->data;
	}
	close(fd);
}

static BENCH_PERFORMER(lookup)
{
	bench_plain_lookup(
		plain, bench_plain_fd(plain, request), request->path, request->size, answer);
}

static BENCH_PERFORMER(stat)
{
	int ret = statx(bench_plain_fd(plain, request),
			request->path,
			AT_SYMLINK_NOFOLLOW,
			BENCH_STATX_MASK,
			&plain->stx);

	answer->error = ret == -1 ? -errno : 0;
	answer->stx = &plain->stx;
}

static BENCH_PERFORMER(openat)
{
	int fd = open_path(bench_plain_fd(plain, request), request->path);

	if (fd < 0) {
		answer->error = fd;
		return;
	}
	if (request->check) {
		answer->error = bench_statx(fd, &plain->stx);
		answer->stx = &plain->stx;
	}
	close(fd);
}

static BENCH_PERFORMER(statx)
{
	answer->error = bench_statx(bench_plain_fd(plain, request), &plain->stx);
	answer->stx = &plain->stx;
}

static BENCH_PERFORMER(getxattr)
{
	ssize_t length = read_xattr(plain, bench_plain_fd(plain, request), request->size);

	take(plain, length, answer);
}

static BENCH_PERFORMER(setxattr)
{
	int ret = 0;

	bench_proc_path(plain->proc_path, bench_plain_fd(plain, request));
	ret = setxattr(plain->proc_path, BENCH_XATTR_WRITTEN, request->data, request->size, 0);
	answer->error = ret == -1 ? -errno : 0;
}

static BENCH_PERFORMER(listxattr)
{
	ssize_t length = 0;

	bench_proc_path(plain->proc_path, bench_plain_fd(plain, request));
	length = listxattr(plain->proc_path, (char *)plain->data, request->size);
	bench_plain_take(plain, length, answer);
}

static BENCH_PERFORMER(set_removexattr)
{
	int ret = 0;

	bench_proc_path(plain->proc_path, bench_plain_fd(plain, request));
	ret = setxattr(
		plain->proc_path, BENCH_XATTR_BRIEF, request->data, request->size, XATTR_CREATE);
	if (ret == 0) {
		ret = removexattr(plain->proc_path, BENCH_XATTR_BRIEF);
	}
	answer->error = ret == -1 ? -errno : 0;
}

void bench_plain_perform(struct bench_plain *plain,
			 const struct bench_request *request,
			 struct bench_answer *answer)
{
	static void (*const performers[BENCH_NUM_KINDS])(
		struct bench_plain *, const struct bench_request *, struct bench_answer *) = {
		[BENCH_LOOKUP] = plain_lookup,
		[BENCH_STAT] = plain_stat,
		[BENCH_OPENAT] = plain_openat,
		[BENCH_OPEN_READ_CLOSE] = plain_open_read_close,
		[BENCH_JOB] = plain_stat,
		[BENCH_STATX] = plain_statx,
		[BENCH_GETXATTR] = plain_getxattr,
		[BENCH_SETXATTR] = plain_setxattr,
		[BENCH_LISTXATTR] = plain_listxattr,
		[BENCH_SET_REMOVEXATTR] = plain_set_removexattr,
		[BENCH_PREAD] = plain_pread,
		[BENCH_PWRITE] = plain_pwrite,
		[BENCH_WRITE_FSYNC] = plain_write_fsync,
		[BENCH_FTRUNCATE] = plain_ftruncate,
		[BENCH_FALLOCATE] = plain_fallocate,
		[BENCH_FCHMOD] = plain_fchmod,
		[BENCH_FCHOWN] = plain_fchown,
		[BENCH_UTIMENS] = plain_utimens,
		[BENCH_STATFS] = plain_statfs,
		[BENCH_READDIR] = plain_readdir,
		[BENCH_READLINKAT] = plain_readlinkat,
		[BENCH_MKDIR_RMDIR] = plain_mkdir_rmdir,
		[BENCH_RENAMEAT] = plain_renameat,
		[BENCH_LINK_UNLINK] = plain_link_unlink,
		[BENCH_SYMLINK_UNLINK] = plain_symlink_unlink,
		[BENCH_CREATE_DELETE] = plain_create_delete,
		[BENCH_LISTING] = plain_listing,
	};

	*answer = (struct bench_answer) { .error = 0 };
	performers[request->kind](plain, request, answer);
}
