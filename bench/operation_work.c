/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes and removes the work directories of operations.
 */
#include "operation_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void work_name(const struct bench_part *part, char *name, size_t size)
{
	snprintf(name, size, "work-%s", part->operation->name);
}

static bool refuse(struct bench_part *part, const char *what, const char *name, char **why)
{
	*why = talloc_asprintf(part->own, "cannot %s %s: %s", what, name, strerror(errno));
	return false;
}

bool bench_work_make(struct bench_part *part, mode_t mode, char **why)
{
	const struct bench_tree *tree = part->tree;
	char name[32] = "";
	int ret = 0;

	work_name(part, name, sizeof(name));
	ret = mkdirat(tree->dir_fd, name, 0700);
	if (ret == 0) {
		part->work_fd =
			openat(tree->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		ret = part->work_fd == -1 ? -1 : 0;
	}
	if (ret == 0 && tree->has_common) {
		ret = fchown(part->work_fd, (uid_t)-1, tree->common_gid);
	}
	if (ret == 0) {
		ret = fchmod(part->work_fd, tree->has_common ? mode : mode | (mode & 070) >> 3);
	}
	return ret == 0 ? true : refuse(part, "make directory", name, why);
}

static bool remember(struct bench_part *part, const char *name, int flags)
{
	size_t room = talloc_array_length(part->made);
	struct bench_made *more = NULL;

	if (part->num_made == room) {
		more = talloc_realloc(talloc_parent(part->own),
				      part->made,
				      struct bench_made,
				      room < 16 ? 16 : room * 2);
		if (more == NULL) {
			return false;
		}
		part->made = more;
	}
	snprintf(part->made[part->num_made].name, sizeof(part->made->name), "%s", name);
	part->made[part->num_made].flags = flags;
	part->num_made++;
	return true;
}

bool bench_work_remember(struct bench_part *part, const char *name)
{
	return remember(part, name, 0);
}

static bool open_directory(struct bench_part *part, const char *name, char **why)
{
	int fd = openat(part->work_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd == -1 ? refuse(part, "open", name, why) : bench_part_keep(part, fd, false);
}

/* A 0700 directory there of a user. */
static bool make_private(struct bench_part *part, size_t owner, char **why)
{
	const struct bench_user *user = &part->tree->users[owner];
	char name[32] = "";
	int ret = 0;

	snprintf(name, sizeof(name), "private-%u", (unsigned int)user->uid);
	ret = mkdirat(part->work_fd, name, 0700);
	if (ret == 0) {
		bool ok = remember(part, name, AT_REMOVEDIR);

		if (!ok) {
			return false;
		}
		ret = fchownat(part->work_fd, name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW);
	}
	return ret == 0 ? open_directory(part, name, why)
			: refuse(part, "make directory", name, why);
}

bool bench_work_open_directories(struct bench_part *part, char **why)
{
	const struct bench_tree *tree = part->tree;
	size_t i = 0;
	bool ok = open_directory(part, ".", why);

	for (i = 0; ok && i <= tree->num_users; i++) {
		ok = bench_tree_has_private(tree, i) ? make_private(part, i, why)
						     : open_directory(part, ".", why);
	}
	return ok;
}

static int fill_file(int fd, const struct bench_work_file *file)
{
	int ret = ftruncate(fd, file->size);

	if (ret == 0) {
		ret = fchmod(fd, file->mode);
	}
	if (ret == 0) {
		ret = fchown(fd, file->uid, file->gid);
	}
	return ret;
}

bool bench_work_make_file(struct bench_part *part,
			  const char *name,
			  const struct bench_work_file *file,
			  char **why)
{
	bool ok = bench_work_remember(part, name);
	int fd = -1;
	int ret = 0;

	if (!ok) {
		return false;
	}
	fd = openat(part->work_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1) {
		return refuse(part, "create", name, why);
	}
	ret = fill_file(fd, file);
	if (ret == -1) {
		refuse(part, "prepare", name, why);
		close(fd);
		return false;
	}
	if (file->flags == O_RDWR) {
		return bench_part_keep(part, fd, true);
	}
	close(fd);
	if (file->flags == -1) {
		return true;
	}
	fd = openat(part->work_fd, name, file->flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		return refuse(part, "open", name, why);
	}
	return bench_part_keep(part, fd, (file->flags & O_PATH) == 0);
}

bool bench_work_make_own_files(struct bench_part *part, int flags, off_t size, char **why)
{
	const struct bench_work_file file = {
		.mode = 0666,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.flags = flags,
		.size = size,
	};
	size_t i = 0;
	bool ok = true;

	for (i = 0; ok && i < part->num_own; i++) {
		char name[32] = "";

		snprintf(name, sizeof(name), "own-%zu", i);
		ok = bench_work_make_file(part, name, &file, why);
	}
	return ok;
}

bool bench_work_remove(struct bench_part *part, int dir_fd, const char *name, int flags)
{
	int ret = unlinkat(dir_fd, name, flags);

	if (ret == -1 && errno != ENOENT) {
		fprintf(stderr,
			"pathring-bench: cannot remove %s of %s: %s\n",
			name,
			part->tree->path,
			strerror(errno));
		return false;
	}
	return true;
}

bool bench_work_end(struct bench_part *part, int flags)
{
	char name[32] = "";
	size_t i = 0;
	bool ok = true;

	if (part->work_fd == -1) {
		return true;
	}
	for (i = 0; i < part->num_own; i++) {
		const struct bench_own *own = &part->own[i];

		if (own->path[0] != '\0') {
			ok = bench_work_remove(part, part->work_fd, own->path, flags) && ok;
		}
		if (own->new_path[0] != '\0') {
			ok = bench_work_remove(part, part->work_fd, own->new_path, flags) && ok;
		}
	}
	for (i = 0; i < part->num_made; i++) {
		const struct bench_made *made = &part->made[i];

		ok = bench_work_remove(part, part->work_fd, made->name, made->flags) && ok;
	}
	close(part->work_fd);
	part->work_fd = -1;
	work_name(part, name, sizeof(name));
	return bench_work_remove(part, part->tree->dir_fd, name, AT_REMOVEDIR) && ok;
}

bool bench_work_end_files(struct bench_part *part)
{
	return bench_work_end(part, 0);
}
