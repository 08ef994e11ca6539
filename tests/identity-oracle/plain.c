/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What several operations of the plain side need: names and paths by the rules that pathring.h
 * gives beyond those of the kernel, kept with the user's own plain system calls.
 */
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "operations.h"

/* Tries of an open that the kernel gave up because something was renamed meanwhile. */
#define MAX_TRIES 100000

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

static int openat2_again(int dirfd, const char *path, const struct open_how *how)
{
	unsigned int tries = 0;
	long fd;

	do {
		fd = syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
	} while (fd == -1 && errno == EAGAIN && ++tries < MAX_TRIES);
	return fd == -1 ? -errno : (int)fd;
}

/* What of a path reference without O_PATH there can't be. */
static int check_walked(int fd, bool directory)
{
	struct stat st;
	int ret;

	ret = fstat(fd, &st);
	if (ret == -1) {
		return -errno;
	}
	if (S_ISLNK(st.st_mode)) {
		return -ELOOP;
	}
	if (directory && !S_ISDIR(st.st_mode)) {
		return -ENOTDIR;
	}
	return S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) ? 0 : -EOPNOTSUPP;
}

/* One component after the other, each a path reference of its own. */
static int walk(int dirfd, const char *path, bool directory)
{
	const struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS,
	};
	char copy[CALL_PATH_SPACE];
	char *rest = copy;
	char *name = NULL;
	int fd = dirfd;
	int ret = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	while (ret >= 0 && (name = strsep(&rest, "/")) != NULL) {
		size_t slashes = rest != NULL ? strspn(rest, "/") : 0;
		int below;

		/* Slashes at the end say that it is a directory. */
		bool must = rest != NULL || directory;

		if (rest != NULL) {
			rest = rest[slashes] == '\0' ? NULL : rest + slashes;
		}
		below = strcmp(name, "..") == 0 ? -EXDEV : openat2_again(fd, name, &how);
		ret = below >= 0 ? check_walked(below, must) : below;
		if (fd != dirfd) {
			close(fd);
		}
		fd = below;
	}
	if (ret < 0 && fd >= 0) {
		close(fd);
	}
	return ret < 0 ? ret : fd;
}

int plain_openat2(const struct plain *plain, uint64_t flags, uint64_t mode)
{
	uint64_t allowed = RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
	uint64_t both = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
	uint64_t resolve = plain->call->resolve;
	struct open_how how = { .flags = flags | O_CLOEXEC };
	char path[CALL_PATH_SPACE];

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
	if (plain->call->walked && (flags & O_PATH) != 0) {
		if (plain->call->slot < 0 || (resolve & both) == both) {
			return -EINVAL;
		}
		return walk(plain->fd, path, (flags & O_DIRECTORY) != 0);
	}
	if (plain->call->slot >= 0 && (resolve & ~(uint64_t)RESOLVE_NO_MAGICLINKS) == 0) {
		resolve |= RESOLVE_BENEATH;
	}
	how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		how.mode = mode;
	}
	return openat2_again(plain->fd, path, &how);
}

void plain_proc_path(int fd, char path[PROC_PATH_SPACE])
{
	snprintf(path, PROC_PATH_SPACE, "/proc/self/fd/%d", fd);
}
