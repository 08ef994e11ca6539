/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on a path below the tree: lookup, stat, openat, open-read-close and job. Some of the
 * names do not exist, if the traffic says so.
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

/* Lies where the user may not search. */
static bool is_hidden(const struct bench_part *part, const struct bench_request *request)
{
	const struct bench_file *file = &part->tree->files[request->file];

	return part->identity && file->kind == BENCH_FILE_PRIVATE && file->owner != request->user;
}

static void ask_path(struct bench_part *part, struct bench_request *request)
{
	request->path = request->missing ? part->missing[request->file]
					 : part->tree->files[request->file].path;
	request->denied = is_hidden(part, request);
}

/* The same where a permission of the file itself is asked for. */
static void ask_readable(struct bench_part *part, struct bench_request *request)
{
	ask_path(part, request);
	if (!request->missing) {
		request->denied = part->identity &&
				  bench_tree_denies(part->tree, request->user, request->file);
	}
}

/* That a hidden directory lacks a name is not for everyone to know. */
static int missing_or(const struct bench_request *request, bool hidden)
{
	if (hidden) {
		return EACCES;
	}
	return request->missing ? ENOENT : 0;
}

static void lookup_ask(struct bench_part *part, struct bench_request *request)
{
	ask_readable(part, request);
	request->size = BENCH_XATTR_ROOM;
}

static bool lookup_verify(struct bench_part *part,
			  const struct bench_request *request,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	int expected = missing_or(request, request->denied && is_hidden(part, request));
	bool ok = bench_verify_outcome(answer->error, expected, complaint);

	if (!ok || expected != 0) {
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
	.by_path = true,
	.begin = path_begin,
	.ask = lookup_ask,
	.verify = lookup_verify,
};

static bool stat_verify(struct bench_part *part,
			const struct bench_request *request,
			const struct bench_answer *answer,
			struct bench_complaint *complaint)
{
	int expected = missing_or(request, request->denied);
	bool ok = bench_verify_outcome(answer->error, expected, complaint);

	if (!ok || expected != 0) {
		return ok;
	}
	return bench_verify_stat(part->tree, request->file, answer->stx, complaint);
}

const struct bench_operation bench_operation_stat = {
	.name = "stat",
	.summary = "stat a path",
	.kind = BENCH_STAT,
	.by_path = true,
	.begin = path_begin,
	.ask = ask_path,
	.verify = stat_verify,
};

const struct bench_operation bench_operation_job = {
	.name = "job",
	.summary = "run a function that stats a path",
	.kind = BENCH_JOB,
	.by_path = true,
	.begin = path_begin,
	.ask = ask_path,
	.verify = stat_verify,
};

/* A path reference needs no permission of the file itself. */
static void openat_ask(struct bench_part *part, struct bench_request *request)
{
	ask_path(part, request);
	request->check = part->asked % CHECK_ONE_IN == 0;
}

static bool openat_verify(struct bench_part *part,
			  const struct bench_request *request,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	int expected = missing_or(request, request->denied);
	bool ok = bench_verify_outcome(answer->error, expected, complaint);

	if (!ok || expected != 0 || !request->check) {
		return ok;
	}
	return bench_verify_stat(part->tree, request->file, answer->stx, complaint);
}

const struct bench_operation bench_operation_openat = {
	.name = "openat",
	.summary = "open a path as a path reference; close it",
	.kind = BENCH_OPENAT,
	.by_path = true,
	.begin = path_begin,
	.ask = openat_ask,
	.verify = openat_verify,
};

static bool read_begin(struct bench_part *part, char **why)
{
	return bench_part_write_files(part, why) && path_begin(part, why);
}

static void read_ask(struct bench_part *part, struct bench_request *request)
{
	ask_readable(part, request);
	request->size = BENCH_DATA_SIZE;
}

static bool read_verify(struct bench_part *part,
			const struct bench_request *request,
			const struct bench_answer *answer,
			struct bench_complaint *complaint)
{
	int expected = missing_or(request, request->denied);

	(void)part;

	if (expected != 0) {
		return bench_verify_outcome(answer->error, expected, complaint);
	}
	return bench_verify_data(request->file, answer, complaint);
}

const struct bench_operation bench_operation_open_read_close = {
	.name = "open-read-close",
	.summary = "open a file for reading, read 4 KiB of it, close it",
	.kind = BENCH_OPEN_READ_CLOSE,
	.by_path = true,
	.begin = read_begin,
	.ask = read_ask,
	.verify = read_verify,
};
