/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on attributes of open files: fchmod, fchown, utimens and statfs. Attributes belong to
 * owners, so there are files for each user, and one who goes to another's is denied: EPERM.
 */
#include "operation_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* So many for each user that in turn as many as there are requests at a time are gone to. */
static size_t files_of_each(const struct bench_part *part)
{
	return (part->num_own + part->tree->num_users - 1) / part->tree->num_users;
}

/*
 * One more user has some, if anything is forbidden: who makes no requests, and whose files are not
 * the only one's.
 */
static bool attribute_begin(struct bench_part *part, char **why)
{
	const struct bench_tree *tree = part->tree;
	size_t each = files_of_each(part);
	size_t num = (tree->num_users + (tree->num_forbidden > 0 ? 1 : 0)) * each;
	size_t i = 0;
	bool ok = bench_part_touch(part, num) && bench_work_make(part, 0700, why);

	for (i = 0; ok && i < num; i++) {
		const struct bench_work_file file = {
			.mode = 0,
			.uid = tree->users[i / each].uid,
			.gid = tree->common_gid,
			.flags = O_RDWR,
		};
		char name[32] = "";

		snprintf(name, sizeof(name), "file-%zu", i);
		ok = bench_work_make_file(part, name, &file, why);
	}
	return ok;
}

static size_t owner_of(const struct bench_part *part, const struct bench_request *request)
{
	bool foreign = bench_tree_denies(part->tree, request->user, request->file);

	return foreign ? part->tree->files[request->file].owner : request->user;
}

static void attribute_ask(struct bench_part *part, struct bench_request *request)
{
	size_t owner = owner_of(part, request);
	size_t each = files_of_each(part);

	request->descriptor = owner * each + request->number % each;
	request->denied = part->identity && owner != request->user;
}

static bool attribute_verify(struct bench_part *part,
			     const struct bench_request *request,
			     const struct bench_answer *answer,
			     struct bench_complaint *complaint)
{
	bool ok = bench_verify_outcome(answer->error, request->denied ? EPERM : 0, complaint);

	if (ok && !request->denied) {
		part->touched[request->descriptor - part->first_descriptor] = true;
	}
	return ok;
}

static bool stat_touched(struct bench_part *part,
			 size_t index,
			 struct stat *st,
			 struct bench_complaint *complaint)
{
	int ret = fstat(part->descriptors[index].fd, st);

	return ret == 0 ? true : bench_wrong(complaint, strerror(errno), "what was set");
}

/* ---- fchmod ---- */

static void fchmod_ask(struct bench_part *part, struct bench_request *request)
{
	attribute_ask(part, request);
	request->mode = 0600 | (part->asked & 077);
}

/* Any of those that were asked for; at the start it was 0. */
static bool fchmod_check(struct bench_part *part, size_t index, struct bench_complaint *complaint)
{
	struct stat st;
	bool ok = stat_touched(part, index, &st, complaint);

	if (ok && (st.st_mode & 0700) != 0600) {
		return bench_wrong_number(complaint, "mode", st.st_mode & 07777, 0600);
	}
	return ok;
}

const struct bench_operation bench_operation_fchmod = {
	.name = "fchmod",
	.summary = "set another mode of an open file",
	.kind = BENCH_FCHMOD,
	.begin = attribute_begin,
	.ask = fchmod_ask,
	.verify = attribute_verify,
	.check = fchmod_check,
	.end = bench_work_end_files,
};

/* ---- fchown ---- */

/* From the group of all to one's own and back would need to know who has done which last. */
static void fchown_ask(struct bench_part *part, struct bench_request *request)
{
	attribute_ask(part, request);
	request->gid = part->tree->users[owner_of(part, request)].gid;
}

static bool fchown_check(struct bench_part *part, size_t index, struct bench_complaint *complaint)
{
	gid_t gid = part->tree->users[index / files_of_each(part)].gid;
	struct stat st;
	bool ok = stat_touched(part, index, &st, complaint);

	if (ok && st.st_gid != gid) {
		return bench_wrong_number(complaint, "group", st.st_gid, gid);
	}
	return ok;
}

const struct bench_operation bench_operation_fchown = {
	.name = "fchown",
	.summary = "set the group of an open file",
	.kind = BENCH_FCHOWN,
	.begin = attribute_begin,
	.ask = fchown_ask,
	.verify = attribute_verify,
	.check = fchown_check,
	.end = bench_work_end_files,
};

/* ---- utimens ---- */

/* Long ago, and a second later each time. */
#define LONG_AGO 1000000000

static void utimens_ask(struct bench_part *part, struct bench_request *request)
{
	struct timespec *times = part->own[request->number].times;

	attribute_ask(part, request);
	times[0] = (struct timespec) { .tv_sec = LONG_AGO };
	times[1] = (struct timespec) { .tv_sec = LONG_AGO + (time_t)(part->asked % LONG_AGO / 2) };
	request->times = times;
}

static bool utimens_check(struct bench_part *part, size_t index, struct bench_complaint *complaint)
{
	struct stat st;
	bool ok = stat_touched(part, index, &st, complaint);

	if (ok && (st.st_atime != LONG_AGO || st.st_mtime > LONG_AGO + LONG_AGO / 2)) {
		return bench_wrong_number(
			complaint, "modification time", (uint64_t)st.st_mtime, LONG_AGO);
	}
	return ok;
}

const struct bench_operation bench_operation_utimens = {
	.name = "utimens",
	.summary = "set the times of an open file",
	.kind = BENCH_UTIMENS,
	.begin = attribute_begin,
	.ask = utimens_ask,
	.verify = attribute_verify,
	.check = utimens_check,
	.end = bench_work_end_files,
};

/* ---- statfs ---- */

static bool statfs_begin(struct bench_part *part, char **why)
{
	int ret = fstatfs(part->tree->dir_fd, &part->statfs);

	if (ret == -1) {
		*why = talloc_asprintf(part->own, "statfs: %s", strerror(errno));
		return false;
	}
	return bench_part_open_files(part, O_PATH, why);
}

static void statfs_ask(struct bench_part *part, struct bench_request *request)
{
	(void)part;
	request->descriptor = request->file;
}

/* What is free is others' business too. */
static bool statfs_verify(struct bench_part *part,
			  const struct bench_request *request,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	const struct statfs *got = answer->statfs;
	const struct statfs *expected = &part->statfs;
	bool ok = bench_verify_error(answer->error, false, complaint);
	int differs = 0;

	(void)request;

	if (!ok) {
		return false;
	}
	if (got->f_type != expected->f_type) {
		return bench_wrong_number(complaint,
					  "type of file system",
					  (uint64_t)got->f_type,
					  (uint64_t)expected->f_type);
	}
	differs = memcmp(&got->f_fsid, &expected->f_fsid, sizeof(got->f_fsid));
	if (differs != 0 || got->f_bsize != expected->f_bsize ||
	    got->f_namelen != expected->f_namelen) {
		return bench_wrong(complaint, "another file system", "that of the tree");
	}
	return true;
}

const struct bench_operation bench_operation_statfs = {
	.name = "statfs",
	.summary = "ask about the file system of a path reference",
	.kind = BENCH_STATFS,
	.begin = statfs_begin,
	.ask = statfs_ask,
	.verify = statfs_verify,
};
