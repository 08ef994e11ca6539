/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Path references without O_PATH, for openat and lookup: the path is walked here, one component at
 * a time. What a path reference may be used for is decided elsewhere, by what it is called, not by
 * how it was opened (handle.c).
 *
 * A descriptor without O_PATH takes the right to read, which the user need not have. So root opens
 * it, and the permission that the kernel would have asked of the user, to search the directory, is
 * asked before of exactly the directory that root then opens the component in, by descriptor. A
 * component can't be a link, nor lead up.
 */
#include "pathref.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"

/* As openat2() allows with O_PATH. */
#define ALLOWED_FLAGS ((uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))

struct walk {
	char path[PATH_MAX];
	char *rest;
	bool one_mount; /* RESOLVE_NO_XDEV */
	uint64_t mount_id;
	struct credentials user; /* who asks; the thread is that, but for moments */
	int fd;			 /* where the walk has come to */
	bool own_fd;
};

bool pathref_is_walked(const struct pathring *ring)
{
	return ring != NULL && ring->options.without_o_path;
}

int pathref_check(const struct descriptor *dir, const struct open_how *how)
{
	return dir == NULL || (how->flags & ~ALLOWED_FLAGS) != 0 ? -EINVAL : 0;
}

/*
 * The next component, NUL-terminated in the walk's copy of the path, NULL at the end. *last also
 * where only slashes follow, which say that it is a directory.
 */
static const char *next_component(struct walk *walk, bool *last, bool *directory)
{
	char *name = walk->rest + strspn(walk->rest, "/");
	char *end = name + strcspn(name, "/");
	char *rest = end + strspn(end, "/");

	if (*name == '\0') {
		return NULL;
	}
	*last = *rest == '\0';
	*directory = *end == '/' || !*last;
	*end = '\0';
	walk->rest = rest;
	return name;
}

/* Whether the user may search the directory that the walk has come to. */
static int check_search(const struct walk *walk)
{
	struct stat st = { 0 };
	long ret;

	ret = fstat(walk->fd, &st);
	if (ret == -1) {
		return -errno;
	}
	if (!S_ISDIR(st.st_mode)) {
		return -ENOTDIR;
	}
	/* Linux 5.8. AT_EACCESS: as the thread is, not as its real ids are. */
	ret = syscall(SYS_faccessat2, walk->fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH);
	return ret == -1 ? -errno : 0;
}

static int check_type(mode_t mode, bool directory)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 0;
	case S_IFLNK:
		return -ELOOP;
	case S_IFREG:
	case S_IFIFO:
		return directory ? -ENOTDIR : 0;
	default:
		return directory ? -ENOTDIR : -EOPNOTSUPP;
	}
}

static int check_mount(const struct walk *walk, int fd)
{
	struct statx stx = { 0 };
	int ret;

	if (!walk->one_mount) {
		return 0;
	}
	ret = operation_statx_fd(fd, AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx);
	if (ret < 0) {
		return ret;
	}
	return stx.stx_mnt_id == walk->mount_id ? 0 : -EXDEV;
}

/*
 * As root. Looked at before it is opened, because opening a device can do things, and after,
 * because it may be another by then. With O_NONBLOCK neither a FIFO nor a lease makes this wait.
 */
static int open_component(const struct walk *walk, const char *name, bool directory)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st = { 0 };
	int ret;
	int fd;

	ret = fstatat(walk->fd, name, &st, AT_SYMLINK_NOFOLLOW);
	if (ret == -1) {
		return -errno;
	}
	ret = check_type(st.st_mode, directory);
	if (ret < 0) {
		return ret;
	}
	fd = openat(walk->fd, name, flags | (directory ? O_DIRECTORY : 0));
	if (fd == -1) {
		return -errno;
	}
	ret = fstat(fd, &st);
	ret = ret == -1 ? -errno : check_type(st.st_mode, directory);
	if (ret == 0) {
		ret = check_mount(walk, fd);
	}
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

/* A process that isn't root's opens what it may open as it is. */
static int open_as_root(const struct walk *walk, const char *name, bool directory)
{
	bool switched = false;
	int ret;

	if (walk->user.euid != 0) {
		ret = credentials_gain_root();
		switched = ret == 0;
	}
	ret = open_component(walk, name, directory);
	if (switched) {
		credentials_restore(&walk->user);
	}
	return ret;
}

static int walk_on(struct walk *walk, const char *name, bool directory)
{
	int ret;

	if (strcmp(name, "..") == 0) {
		return -EXDEV;
	}
	ret = check_search(walk);
	if (ret < 0) {
		return ret;
	}
	ret = open_as_root(walk, name, directory);
	if (ret < 0) {
		return ret;
	}
	if (walk->own_fd) {
		close(walk->fd);
	}
	walk->fd = ret;
	walk->own_fd = true;
	return 0;
}

static int walk_path(struct walk *walk, bool last_is_directory)
{
	const char *name = NULL;
	bool directory = false;
	bool last = false;
	int ret = 0;

	while (ret == 0 && (name = next_component(walk, &last, &directory)) != NULL) {
		ret = walk_on(walk, name, directory || (last && last_is_directory));
	}
	if (ret < 0 && walk->own_fd) {
		close(walk->fd);
	}
	return ret < 0 ? ret : walk->fd;
}

int pathref_open(int dirfd, const char *path, const struct open_how *how)
{
	struct walk walk = {
		.one_mount = (how->resolve & RESOLVE_NO_XDEV) != 0,
		.fd = dirfd,
	};
	struct statx stx = { 0 };
	int ret;

	memcpy(walk.path, path, strlen(path) + 1);
	walk.rest = walk.path;
	if (walk.one_mount) {
		ret = operation_statx_fd(dirfd, AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx);
		if (ret < 0) {
			return ret;
		}
		if ((stx.stx_mask & STATX_MNT_ID) == 0) {
			/* Linux 5.8, as the check of the search permission. */
			return -EOPNOTSUPP;
		}
		walk.mount_id = stx.stx_mnt_id;
	}
	ret = credentials_get(&walk.user);
	if (ret < 0) {
		return ret;
	}
	ret = walk_path(&walk, (how->flags & O_DIRECTORY) != 0);
	credentials_release(&walk.user);
	return ret;
}
