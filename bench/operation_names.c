/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations that change names: those that make one and remove it, and renameat. Requests change
 * names of their own in one directory that all users may write to through their common group. Those
 * for a file that is forbidden go to a 0700 directory of its owner, and may do it there as nobody
 * but that owner.
 */
#include "operation_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * The mode of a directory where what one user has made no other may remove: both halves must run as
 * the same one.
 */
#define STICKY 01770

/* Names of their own, with this prefix. */
static bool brief_begin(struct bench_part *part, const char *prefix, char **why)
{
	size_t i = 0;

	for (i = 0; i < part->num_own; i++) {
		struct bench_own *own = &part->own[i];

		snprintf(own->path, sizeof(own->path), "%s-%zu", prefix, i);
	}
	return bench_work_make(part, STICKY, why) && bench_work_open_directories(part, why);
}

/* As nobody but the owner where that is a private directory. */
static void brief_ask(struct bench_part *part, struct bench_request *request)
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

/* Only what an answer that was wrong has left behind. */
static bool brief_remove(struct bench_part *part, int flags)
{
	bool ok = true;
	size_t i = 0;
	size_t j = 0;

	for (i = 1; i < part->num_descriptors; i++) {
		for (j = 0; bench_tree_has_private(part->tree, i - 1) && j < part->num_own; j++) {
			ok = bench_work_remove(
				     part, part->descriptors[i].fd, part->own[j].path, flags) &&
			     ok;
		}
	}
	return bench_work_end(part, flags) && ok;
}

static bool brief_end(struct bench_part *part)
{
	return brief_remove(part, 0);
}

/* ---- mkdir-rmdir ---- */

static bool mkdir_begin(struct bench_part *part, char **why)
{
	return brief_begin(part, "directory", why);
}

static bool mkdir_end(struct bench_part *part)
{
	return brief_remove(part, AT_REMOVEDIR);
}

const struct bench_operation bench_operation_mkdir_rmdir = {
	.name = "mkdir-rmdir",
	.summary = "make a directory and remove it: mkdirat, then unlinkat",
	.kind = BENCH_MKDIR_RMDIR,
	.begin = mkdir_begin,
	.ask = brief_ask,
	.verify = names_verify,
	.end = mkdir_end,
};

/* ---- symlink-unlink ---- */

/* Long enough not to be kept within the inode's own fields everywhere. */
#define TARGET "../a-directory/and-one-more/a-file-that-nobody-ever-follows-to"

static bool symlink_begin(struct bench_part *part, char **why)
{
	return brief_begin(part, "symlink", why);
}

static void symlink_ask(struct bench_part *part, struct bench_request *request)
{
	brief_ask(part, request);
	request->new_path = TARGET;
}

const struct bench_operation bench_operation_symlink_unlink = {
	.name = "symlink-unlink",
	.summary = "make a symbolic link and remove it: symlinkat, then unlinkat",
	.kind = BENCH_SYMLINK_UNLINK,
	.begin = symlink_begin,
	.ask = symlink_ask,
	.verify = names_verify,
	.end = brief_end,
};

/* ---- create-delete ---- */

static bool create_begin(struct bench_part *part, char **why)
{
	return brief_begin(part, "created", why);
}

const struct bench_operation bench_operation_create_delete = {
	.name = "create-delete",
	.summary = "create a file and remove it: openat with O_EXCL, close, unlinkat",
	.kind = BENCH_CREATE_DELETE,
	.begin = create_begin,
	.ask = brief_ask,
	.verify = names_verify,
	.end = brief_end,
};

/* ---- link-unlink ---- */

/*
 * The file is open to all, since who may neither read nor write it may not link it either
 * (fs.protected_hardlinks). Not sticky: the new name is of a file that is nobody's own.
 */
static bool link_begin(struct bench_part *part, char **why)
{
	size_t i = 0;
	bool ok = bench_work_make(part, 0770, why) && bench_work_open_directories(part, why) &&
		  bench_work_make_own_files(part, -1, 0, why);

	for (i = 0; ok && i < part->num_own; i++) {
		struct bench_own *own = &part->own[i];

		snprintf(own->path, sizeof(own->path), "own-%zu", i);
		snprintf(own->new_path, sizeof(own->new_path), "link-%zu", i);
	}
	return ok;
}

static void link_ask(struct bench_part *part, struct bench_request *request)
{
	const struct bench_own *own = &part->own[request->number];

	request->path = own->path;
	request->new_path = own->new_path;
	request->denied =
		part->identity && bench_tree_denies(part->tree, request->user, request->file);
	if (request->denied) {
		request->descriptor = 1 + part->tree->files[request->file].owner;
	}
}

const struct bench_operation bench_operation_link_unlink = {
	.name = "link-unlink",
	.summary = "give a file a second name and remove that: linkat, then unlinkat",
	.kind = BENCH_LINK_UNLINK,
	.begin = link_begin,
	.ask = link_ask,
	.verify = names_verify,
	.end = bench_work_end_files,
};

/* ---- renameat ---- */

static bool rename_begin(struct bench_part *part, char **why)
{
	size_t i = 0;
	bool ok = false;

	for (i = 0; i < part->num_own; i++) {
		struct bench_own *own = &part->own[i];

		snprintf(own->path, sizeof(own->path), "start-%zu", i);
		snprintf(own->new_path, sizeof(own->new_path), "here-%zu", i);
	}
	ok = bench_work_make(part, 0770, why) && bench_work_open_directories(part, why);
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
		bench_work_remove(part, part->work_fd, name, 0);
	}
	return bench_work_end(part, 0);
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
