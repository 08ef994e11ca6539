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

#define WORK_DIRECTORY "work"

/* fds: of the work directory, and after it of each user's private one where there is one. */
static bool open_directories(struct bench_workload *workload, char **why)
{
	const struct bench_tree *tree = workload->tree;
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	size_t i = 0;

	workload->fds = talloc_array(workload, int, tree->num_users + 2);
	if (workload->fds == NULL) {
		return false;
	}
	for (i = 0; i < tree->num_users + 2; i++) {
		char name[32] = WORK_DIRECTORY;
		int fd = -1;

		if (i > 0 && tree->private_made[i - 1]) {
			bench_tree_private_name(tree, i - 1, name, sizeof(name));
		}
		fd = openat(tree->dir_fd, name, flags);
		if (fd == -1) {
			*why = talloc_asprintf(
				workload, "cannot open %s: %s", name, strerror(errno));
			return false;
		}
		workload->fds[i] = fd;
		workload->num_fds++;
	}
	return true;
}

static bool make_work_directory(struct bench_workload *workload, mode_t mode, char **why)
{
	const struct bench_tree *tree = workload->tree;
	int ret = 0;

	ret = mkdirat(tree->dir_fd, WORK_DIRECTORY, 0700);
	if (ret == 0) {
		workload->work_fd = openat(tree->dir_fd,
					   WORK_DIRECTORY,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		ret = workload->work_fd == -1 ? -1 : 0;
	}
	if (ret == 0) {
		ret = fchown(workload->work_fd, 0, tree->common_gid);
	}
	if (ret == 0) {
		ret = fchmod(workload->work_fd, mode);
	}
	if (ret == -1) {
		*why = talloc_asprintf(
			workload, "cannot make directory " WORK_DIRECTORY ": %s", strerror(errno));
		return false;
	}
	return open_directories(workload, why);
}

static bool remove_name(struct bench_workload *workload, int dir_fd, const char *name, int flags)
{
	int ret = 0;

	ret = unlinkat(dir_fd, name, flags);
	if (ret == -1 && errno != ENOENT) {
		fprintf(stderr,
			"pathring-bench: cannot remove %s of %s: %s\n",
			name,
			workload->tree->path,
			strerror(errno));
		return false;
	}
	return true;
}

/* The work directory with what may be in it: two names of each request. */
static bool remove_work_directory(struct bench_workload *workload, int flags)
{
	size_t i = 0;
	bool ok = true;

	if (workload->work_fd == -1) {
		return true;
	}
	for (i = 0; i < workload->num_own; i++) {
		const struct bench_own *own = &workload->own[i];

		ok = remove_name(workload, workload->work_fd, own->path, flags) && ok;
		if (own->new_path[0] != '\0') {
			ok = remove_name(workload, workload->work_fd, own->new_path, flags) && ok;
		}
	}
	close(workload->work_fd);
	workload->work_fd = -1;
	return remove_name(workload, workload->tree->dir_fd, WORK_DIRECTORY, AT_REMOVEDIR) && ok;
}

/*
 * Sticky: what one user has made no other may remove, so both halves must run as the same one.
 */
static bool mkdir_begin(struct bench_workload *workload, char **why)
{
	size_t i = 0;

	for (i = 0; i < workload->num_own; i++) {
		struct bench_own *own = &workload->own[i];

		snprintf(own->path, sizeof(own->path), "directory-%zu", i);
	}
	return make_work_directory(workload, 01770, why);
}

static void mkdir_ask(struct bench_workload *workload, struct bench_request *request)
{
	const struct bench_file *file = &workload->tree->files[request->file];

	request->path = workload->own[request->number].path;
	if (workload->identity &&
	    (file->kind == BENCH_FILE_PRIVATE || file->kind == BENCH_FILE_CLOSED)) {
		request->fd = 1 + file->owner;
		request->denied = file->owner != request->user;
	}
}

static bool names_verify(struct bench_workload *workload,
			 const struct bench_request *request,
			 const struct bench_answer *answer,
			 struct bench_complaint *complaint)
{
	(void)workload;
	return bench_verify_error(answer->error, request->denied, complaint);
}

static bool mkdir_end(struct bench_workload *workload)
{
	const struct bench_tree *tree = workload->tree;
	bool ok = true;
	size_t i = 0;
	size_t j = 0;

	/* Only what an answer that was wrong has left behind. */
	for (i = 1; i < workload->num_fds; i++) {
		for (j = 0; tree->private_made[i - 1] && j < workload->num_own; j++) {
			const char *name = workload->own[j].path;

			ok = remove_name(workload, workload->fds[i], name, AT_REMOVEDIR) && ok;
		}
	}
	return remove_work_directory(workload, AT_REMOVEDIR) && ok;
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

static bool rename_begin(struct bench_workload *workload, char **why)
{
	size_t i = 0;
	bool ok = false;

	for (i = 0; i < workload->num_own; i++) {
		struct bench_own *own = &workload->own[i];

		snprintf(own->path, sizeof(own->path), "start-%zu", i);
		snprintf(own->new_path, sizeof(own->new_path), "here-%zu", i);
	}
	ok = make_work_directory(workload, 0770, why);
	for (i = 0; ok && i < workload->num_own; i++) {
		const char *path = workload->own[i].path;
		int fd = openat(
			workload->work_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd == -1) {
			*why = talloc_asprintf(
				workload, "cannot create %s: %s", path, strerror(errno));
			return false;
		}
		close(fd);
	}
	return ok;
}

/* From the start to here, and then between here and there: what was never renamed is noticed. */
static void rename_ask(struct bench_workload *workload, struct bench_request *request)
{
	const struct bench_file *file = &workload->tree->files[request->file];
	const struct bench_own *own = &workload->own[request->number];

	request->path = own->moved ? own->new_path : own->path;
	request->new_path = own->moved ? own->path : own->new_path;
	request->denied = workload->identity &&
			  bench_tree_denies(workload->tree, request->user, request->file);
	if (request->denied) {
		request->fd = 1 + file->owner;
	}
}

static bool rename_verify(struct bench_workload *workload,
			  const struct bench_request *request,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	struct bench_own *own = &workload->own[request->number];

	if (answer->error == 0) {
		own->moved = !own->moved;
	}
	if (answer->error == 0 && !workload->touched[request->number]) {
		snprintf(own->path, sizeof(own->path), "there-%zu", request->number);
		workload->touched[request->number] = true;
	}
	return names_verify(workload, request, answer, complaint);
}

/* Each file has the name that it was given last. */
static bool
rename_check(struct bench_workload *workload, size_t index, struct bench_complaint *complaint)
{
	const struct bench_own *own = &workload->own[index];
	const char *path = own->moved ? own->new_path : own->path;
	int ret = faccessat(workload->work_fd, path, F_OK, AT_SYMLINK_NOFOLLOW);

	if (ret == -1) {
		return bench_wrong(complaint, strerror(errno), path);
	}
	return true;
}

static bool rename_end(struct bench_workload *workload)
{
	size_t i = 0;

	for (i = 0; workload->work_fd != -1 && i < workload->num_own; i++) {
		char name[32];

		/* Where an answer that was wrong has left it. */
		snprintf(name, sizeof(name), "start-%zu", i);
		remove_name(workload, workload->work_fd, name, 0);
	}
	return remove_work_directory(workload, 0);
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
