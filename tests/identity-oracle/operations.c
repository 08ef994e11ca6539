/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of operations, and what several of them need.
 */
#include "operations.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree.h"

/* Tries of an open that the kernel gave up because something was renamed meanwhile. */
#define MAX_TRIES 100000

const struct operation *const operations[] = {
	&operation_build,     &operation_openat,   &operation_lookup,	 &operation_close,
	&operation_statx,     &operation_statfs,   &operation_readdir,	 &operation_readlinkat,
	&operation_getxattr,  &operation_setxattr, &operation_listxattr, &operation_removexattr,
	&operation_pread,     &operation_pwrite,   &operation_fsync,	 &operation_ftruncate,
	&operation_fallocate, &operation_fchmod,   &operation_fchown,	 &operation_utimens,
	&operation_mkdirat,   &operation_unlinkat, &operation_renameat,	 &operation_linkat,
	&operation_symlinkat, &operation_job,	   &operation_run_as,	 &operation_callback_as,
};

const size_t num_operations = sizeof(operations) / sizeof(operations[0]);

uint8_t operation_index(const struct operation *operation)
{
	uint8_t i = 0;

	while (operations[i] != operation) {
		i++;
	}
	return i;
}

int64_t result_of(int64_t ret)
{
	return ret == -1 ? -errno : ret;
}

const char *call_name(const char *name, char buffer[LONG_NAME_LENGTH + 1])
{
	if (strcmp(name, LONG_NAME) != 0) {
		return name;
	}
	memset(buffer, 'x', LONG_NAME_LENGTH);
	buffer[LONG_NAME_LENGTH] = '\0';
	return buffer;
}

const char *call_path(const struct call *call, const char *tree, char path[CALL_PATH_SPACE])
{
	char buffer[LONG_NAME_LENGTH + 1];
	char cell[16];

	if (call->slot >= 0) {
		snprintf(path, CALL_PATH_SPACE, "%s", call_name(call->name, buffer));
		return path;
	}
	tree_cell_name(call->cell, cell);
	snprintf(path, CALL_PATH_SPACE, "%s/%s/%s", tree, cell, call_name(call->name, buffer));
	return path;
}

int plain_check_name(const char *name)
{
	if (name[0] == '\0') {
		return -ENOENT;
	}
	if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		return -EINVAL;
	}
	return 0;
}

int plain_openat2(const struct plain *plain, uint64_t flags, uint64_t mode)
{
	uint64_t allowed = RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
	uint64_t resolve = plain->call->resolve;
	struct open_how how = { .flags = flags | O_CLOEXEC };
	char path[CALL_PATH_SPACE];
	unsigned int tries = 0;
	long fd;

	call_path(plain->call, plain->oracle->tree_b, path);
	if (path[0] == '\0') {
		return -ENOENT;
	}
	if (plain->call->slot >= 0 && path[0] == '/') {
		return -EXDEV;
	}
	if ((resolve & ~allowed) != 0) {
		return -EINVAL;
	}
	if (plain->call->slot >= 0 && (resolve & ~(uint64_t)RESOLVE_NO_MAGICLINKS) == 0) {
		resolve |= RESOLVE_BENEATH;
	}
	how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		how.mode = mode;
	}
	do {
		fd = syscall(SYS_openat2, plain->fd, path, &how, sizeof(how));
	} while (fd == -1 && errno == EAGAIN && ++tries < MAX_TRIES);
	return fd == -1 ? -errno : (int)fd;
}

void plain_proc_path(int fd, char path[PROC_PATH_SPACE])
{
	snprintf(path, PROC_PATH_SPACE, "/proc/self/fd/%d", fd);
}
