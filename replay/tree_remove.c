/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Removes trees by descriptors, so that nobody who renames meanwhile leads it elsewhere.
 */
#include "tree_remove.h"

#include "operate_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Deeper than any path that can be asked for. */
#define MAX_DEPTH 4096

static int remove_below(int fd, int depth, int *error);

static int remove_one(int dir, const char *name, int depth, int *error)
{
	int fd = -1;
	int ret = 0;

	ret = unlinkat(dir, name, 0);
	if (ret == 0 || errno == ENOENT) {
		return 0;
	}
	if (errno != EISDIR && errno != EPERM) {
		return -errno;
	}
	fd = replay_openat2(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd == -ENOTDIR) {
		return -EPERM;
	}
	if (fd >= 0) {
		ret = depth < MAX_DEPTH ? remove_below(fd, depth + 1, error) : -ENAMETOOLONG;
		if (ret < 0) {
			return ret;
		}
	}
	ret = unlinkat(dir, name, AT_REMOVEDIR);
	return ret == 0 || errno == ENOENT ? 0 : -errno;
}

/* Closes fd. An error of one entry does not keep the others. */
static int remove_below(int fd, int depth, int *error)
{
	DIR *stream = fdopendir(fd);
	struct dirent *entry = NULL;

	if (stream == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(stream)) != NULL) {
		int ret = 0;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		ret = remove_one(fd, entry->d_name, depth, error);
		if (ret < 0 && *error == 0) {
			*error = ret;
		}
	}
	closedir(stream);
	return 0;
}

int replay_tree_remove(int dir, const char *name)
{
	int error = 0;
	int ret = remove_one(dir, name, 0, &error);

	return error < 0 ? error : ret;
}

int replay_tree_empty(int dir)
{
	int error = 0;
	int fd = replay_openat2(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	int ret = fd;

	if (fd >= 0) {
		ret = remove_below(fd, 0, &error);
	}
	return error < 0 ? error : ret;
}
