/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations that change names: mkdir-rmdir and renameat. Requests change names of their own in one
 * directory that all users may write to through their common group. Those for a file that is
 * forbidden go to the 0700 directory of its owner, and may do it there as nobody but that owner.
 */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of its own for each operation, which a mix may have several of. */
static void work_name(const struct bench_part *part, char *name, size_t size)
{
	snprintf(name, size, "work-%s", part->operation->name);
}

/* Descriptors: of the work directory, and after it of each user's private one where there is one.
 */
static bool open_directories(struct bench_part *part, char **why)
{
	const struct bench_tree *tree = part->tree;
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	size_t i = 0;

	for (i = 0; i < tree->num_users + 2; i++) {
		char name[32] = "";
		int fd = -1;
		bool ok = false;

		work_name(part, name, sizeof(name));
		if (i > 0 && tree->private_made[i - 1]) {
			bench_tree_private_name(tree, i - 1, name, sizeof(name));
		}
		fd = openat(tree->dir_fd, name, flags);
		if (fd == -1) {
			*why = talloc_asprintf(
				part->own, "cannot open %s: %s", name, strerror(errno));
			return false;
		}
		ok = bench_part_keep(part, fd, false);
		if (!ok) {
			return false;
		}
	}
	return true;
}

static bool make_work_directory(struct bench_part *part, mode_t mode, char **why)
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
		ret = fchmod(part->work_fd, tree->has_common ? mode : mode | 07);
	}
	if (ret == -1) {
		*why = talloc_asprintf(
			part->own, "cannot make directory %s: %s", name, strerror(errno));
		return false;
	}
	return open_directories(part, why);
}

static bool remove_name(struct bench_part *part, int dir_fd, const char *name, int flags)
{
	int ret = 0;

	ret = unlinkat(dir_fd, name, flags);
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

/* The work directory with what may be in it: two names of each request. */
static bool remove_work_directory(struct bench_part *part, int flags)
{
	char name[32] = "";
	size_t i = 0;
	bool ok = true;

	if (part->work_fd == -1) {
		return true;
	}
	work_name(part, name, sizeof(name));
	for (i = 0; i < part->num_own; i++) {
		const struct bench_own *own = &part->own[i];

		ok = remove_name(part, part->work_fd, own->path, flags) && ok;
		if (own->new_path[0] != '\0') {
			ok = remove_name(part, part->work_fd, own->new_path, flags) && ok;
		}
	}
	close(part->work_fd);
	part->work_fd = -1;
	return remove_name(part, part->tree->dir_fd, name, AT_REMOVEDIR) && ok;
}

/*
 * Sticky: what one user has made no other may remove, so both halves must run as the same one.
 */
static bool mkdir_begin(struct bench_part *part, char **why)
{
	size_t i = 0;

	for (i = 0; i < part->num_own; i++) {
		struct bench_own *own = &part->own[i];

		snprintf(own->path, sizeof(own->path), "directory-%zu", i);
	}
	return make_work_directory(part, 01770, why);
}

static void mkdir_ask(struct bench_part *part, struct bench_request *request)
{
	const struct bench_file *file = &part->tree->files[request->file];

	request->path = part->own[request->number].path;
	if (part->identity &&
	    (file->kind == BENCH_FILE_PRIVATE || file->kind == BENCH_FILE_CLOSED)) {
		request->descriptor = 1 + file->owner;
		request->denied = file->owner != request->user;
	}
}

static bool names_verify(struct bench_part *part,
			 const struct bench_request *request,
			 const struct bench_answer *answer,
			 struct bench_complaint *complaint)
{
	(void)part;
	return bench_verify_error(answer->error, request->denied, complaint);
}

static bool mkdir_end(struct bench_part *part)
{
	const struct bench_tree *tree = part->tree;
	bool ok = true;
	size_t i = 0;
	size_t j = 0;

	/* Only what an answer that was wrong has left behind. */
	for (i = 1; i < part->num_descriptors; i++) {
		for (j = 0; tree->private_made[i - 1] && j < part->num_own; j++) {
			const char *name = part->own[j].path;

			ok = remove_name(part, part->descriptors[i].fd, name, AT_REMOVEDIR) && ok;
		}
	}
	return remove_work_directory(part, AT_REMOVEDIR) && ok;
}

const struct bench_operation bench_operation_mkdir_rmdir = {
	.name = "mkdir-rmdir",
	.summary = "make a directory and remove it: mkdirat, then unlinkat",
	.kind = BENCH_MKDIR_RMDIR,
	.begin = mkdir_begin,
	.ask = mkdir_ask,
	.verify = names_verify,
	.end = mkdir_end,
};

static bool rename_begin(struct bench_part *part, char **why)
{
	size_t i = 0;
	bool ok = false;

	for (i = 0; i < part->num_own; i++) {
		struct bench_own *own = &part->own[i];

		snprintf(own->path, sizeof(own->path), "start-%zu", i);
		snprintf(own->new_path, sizeof(own->new_path), "here-%zu", i);
	}
	ok = make_work_directory(part, 0770, why);
	for (i = 0; ok && i < part->num_own; i++) {
		const char *path = part->own[i].path;
		int fd = openat(part->work_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd == -1) {
			*why = talloc_asprintf(
				part->own, "cannot create %s: %s", path, strerror(errno));
			return false;
		}
		close(fd);
	}
	return ok;
}

/* From the start to here, and then between here and there: what was never renamed is noticed. */
static void rename_ask(struct bench_part *part, struct bench_request *request)
{
	const struct bench_file *file = &part->tree->files[request->file];
	const struct bench_own *own = &part->own[request->number];

	request->path = own->moved ? own->new_path : own->path;
	request->new_path = own->moved ? own->path : own->new_path;
	request->denied =
		part->identity && bench_tree_denies(part->tree, request->user, request->file);
	if (request->denied) {
		request->descriptor = 1 + file->owner;
	}
}

static bool rename_verify(struct bench_part *part,
			  const struct bench_request *request,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	struct bench_own *own = &part->own[request->number];

	if (answer->error == 0) {
		own->moved = !own->moved;
	}
	if (answer->error == 0 && !part->touched[request->number]) {
		snprintf(own->path, sizeof(own->path), "there-%zu", request->number);
		part->touched[request->number] = true;
	}
	return names_verify(part, request, answer, complaint);
}

/* Each file has the name that it was given last. */
static bool rename_check(struct bench_part *part, size_t index, struct bench_complaint *complaint)
{
	const struct bench_own *own = &part->own[index];
	const char *path = own->moved ? own->new_path : own->path;
	int ret = faccessat(part->work_fd, path, F_OK, AT_SYMLINK_NOFOLLOW);

	if (ret == -1) {
		return bench_wrong(complaint, strerror(errno), path);
	}
	return true;
}

static bool rename_end(struct bench_part *part)
{
	size_t i = 0;

	for (i = 0; part->work_fd != -1 && i < part->num_own; i++) {
		char name[32];

		/* Where an answer that was wrong has left it. */
		snprintf(name, sizeof(name), "start-%zu", i);
		remove_name(part, part->work_fd, name, 0);
	}
	return remove_work_directory(part, 0);
}

const struct bench_operation bench_operation_renameat = {
	.name = "renameat",
	.summary = "rename a file in its directory",
	.kind = BENCH_RENAMEAT,
	.begin = rename_begin,
	.ask = rename_ask,
	.verify = rename_verify,
	.check = rename_check,
	.end = rename_end,
};
