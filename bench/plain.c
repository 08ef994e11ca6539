/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls of each operation.
 */
#include "plain.h"

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

static int descriptor_of(const struct bench_plain *plain, const struct bench_request *request)
{
	return plain->descriptors[request->descriptor].fd;
}

static int open_path(const struct bench_plain *plain, const struct bench_request *request)
{
	int fd = openat(
		descriptor_of(plain, request), request->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

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

/* Everything but a lookup's xattr fails as a whole. */
static void
take_length(struct bench_plain *plain, ssize_t length, int error, struct bench_answer *answer)
{
	if (length < 0) {
		answer->error = error;
		return;
	}
	answer->data = plain->data;
	answer->length = length;
}

static void plain_lookup(struct bench_plain *plain,
			 const struct bench_request *request,
			 struct bench_answer *answer)
{
	int fd = open_path(plain, request);

	if (fd < 0) {
		answer->error = fd;
		return;
	}
	answer->error = bench_statx(fd, &plain->stx);
	if (answer->error == 0) {
		answer->stx = &plain->stx;
		answer->length = read_xattr(plain, fd, request->size);
		answer->data = plain->data;
	}
	close(fd);
}

static void plain_openat(struct bench_plain *plain,
			 const struct bench_request *request,
			 struct bench_answer *answer)
{
	int fd = open_path(plain, request);

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

static void plain_statx(struct bench_plain *plain,
			const struct bench_request *request,
			struct bench_answer *answer)
{
	answer->error = bench_statx(descriptor_of(plain, request), &plain->stx);
	answer->stx = &plain->stx;
}

static void plain_getxattr(struct bench_plain *plain,
			   const struct bench_request *request,
			   struct bench_answer *answer)
{
	ssize_t length = read_xattr(plain, descriptor_of(plain, request), request->size);

	take_length(plain, length, (int)length, answer);
}

static void plain_setxattr(struct bench_plain *plain,
			   const struct bench_request *request,
			   struct bench_answer *answer)
{
	int ret = 0;

	bench_proc_path(plain->proc_path, descriptor_of(plain, request));
	ret = setxattr(plain->proc_path, BENCH_XATTR_WRITTEN, request->data, request->size, 0);
	answer->error = ret == -1 ? -errno : 0;
}

static void plain_listxattr(struct bench_plain *plain,
			    const struct bench_request *request,
			    struct bench_answer *answer)
{
	ssize_t length = 0;

	bench_proc_path(plain->proc_path, descriptor_of(plain, request));
	length = listxattr(plain->proc_path, (char *)plain->data, request->size);
	take_length(plain, length, -errno, answer);
}

static void plain_pread(struct bench_plain *plain,
			const struct bench_request *request,
			struct bench_answer *answer)
{
	ssize_t length = pread(descriptor_of(plain, request), plain->data, request->size, 0);

	take_length(plain, length, -errno, answer);
}

static void plain_pwrite(struct bench_plain *plain,
			 const struct bench_request *request,
			 struct bench_answer *answer)
{
	ssize_t length = pwrite(descriptor_of(plain, request), request->data, request->size, 0);

	take_length(plain, length, -errno, answer);
}

static void plain_mkdir_rmdir(struct bench_plain *plain,
			      const struct bench_request *request,
			      struct bench_answer *answer)
{
	int dir_fd = descriptor_of(plain, request);
	int ret = mkdirat(dir_fd, request->path, 0755);

	if (ret == 0) {
		ret = unlinkat(dir_fd, request->path, AT_REMOVEDIR);
	}
	answer->error = ret == -1 ? -errno : 0;
}

static void plain_renameat(struct bench_plain *plain,
			   const struct bench_request *request,
			   struct bench_answer *answer)
{
	int dir_fd = descriptor_of(plain, request);
	int ret = renameat2(dir_fd, request->path, dir_fd, request->new_path, 0);

	answer->error = ret == -1 ? -errno : 0;
}

void bench_plain_perform(struct bench_plain *plain,
			 const struct bench_request *request,
			 struct bench_answer *answer)
{
	static void (*const performers[BENCH_NUM_KINDS])(
		struct bench_plain *, const struct bench_request *, struct bench_answer *) = {
		[BENCH_LOOKUP] = plain_lookup,
		[BENCH_OPENAT] = plain_openat,
		[BENCH_STATX] = plain_statx,
		[BENCH_GETXATTR] = plain_getxattr,
		[BENCH_SETXATTR] = plain_setxattr,
		[BENCH_LISTXATTR] = plain_listxattr,
		[BENCH_PREAD] = plain_pread,
		[BENCH_PWRITE] = plain_pwrite,
		[BENCH_MKDIR_RMDIR] = plain_mkdir_rmdir,
		[BENCH_RENAMEAT] = plain_renameat,
	};

	*answer = (struct bench_answer) { .error = 0 };
	performers[request->kind](plain, request, answer);
}
