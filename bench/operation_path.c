/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on a path below the tree: lookup and openat.
 */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * A statx of what was opened would be a quarter of what openat costs, on all sides alike, and make
 * them look more equal than they are. So one in so many; a prime, to come to all files and users.
 */
#define CHECK_ONE_IN 17

static bool path_begin(struct bench_part *part, char **why)
{
	int fd = -1;

	fd = fcntl(part->tree->dir_fd, F_DUPFD_CLOEXEC, 0);
	if (fd == -1) {
		*why = talloc_strdup(part->own, strerror(errno));
		return false;
	}
	return bench_part_keep(part, fd, false);
}

static bool is_hidden(const struct bench_part *part, const struct bench_request *request)
{
	return request->denied && part->tree->files[request->file].kind == BENCH_FILE_PRIVATE;
}

static void lookup_ask(struct bench_part *part, struct bench_request *request)
{
	request->path = part->tree->files[request->file].path;
	request->size = BENCH_XATTR_ROOM;
	request->denied =
		part->identity && bench_tree_denies(part->tree, request->user, request->file);
}

static bool lookup_verify(struct bench_part *part,
			  const struct bench_request *request,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	bool hidden = is_hidden(part, request);
	bool ok = false;

	ok = bench_verify_error(answer->error, hidden, complaint);
	if (!ok || hidden) {
		return ok;
	}
	return bench_verify_stat(part->tree, request->file, answer->stx, complaint) &&
	       bench_verify_xattr(
		       request->file, answer->data, answer->length, request->denied, complaint);
}

const struct bench_operation bench_operation_lookup = {
	.name = "lookup",
	.summary = "open a path as a path reference, stat it, read an xattr; close it",
	.kind = BENCH_LOOKUP,
	.begin = path_begin,
	.ask = lookup_ask,
	.verify = lookup_verify,
};

static void openat_ask(struct bench_part *part, struct bench_request *request)
{
	const struct bench_file *file = &part->tree->files[request->file];

	request->path = file->path;
	request->check = part->asked % CHECK_ONE_IN == 0;
	/* A path reference needs no permission of the file itself. */
	request->denied =
		part->identity && file->kind == BENCH_FILE_PRIVATE && file->owner != request->user;
}

static bool openat_verify(struct bench_part *part,
			  const struct bench_request *request,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	bool ok = false;

	ok = bench_verify_error(answer->error, request->denied, complaint);
	if (!ok || request->denied || !request->check) {
		return ok;
	}
	return bench_verify_stat(part->tree, request->file, answer->stx, complaint);
}

const struct bench_operation bench_operation_openat = {
	.name = "openat",
	.summary = "open a path as a path reference; close it",
	.kind = BENCH_OPENAT,
	.begin = path_begin,
	.ask = openat_ask,
	.verify = openat_verify,
};
