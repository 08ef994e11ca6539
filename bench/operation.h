/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is measured: an operation says what a request asks for, and what is right to answer. How it
 * is carried out is known by plain.c, engine_pathring_requests.c and uring_entries.c, one table
 * each.
 */
#ifndef BENCH_OPERATION_H
#define BENCH_OPERATION_H

#include "engine.h"
#include "verify.h"

struct bench_part;

/* What operations may look at that engines do not see. */
struct bench_operation {
	const char *name;
	const char *summary;
	enum bench_kind kind;

	/* All but the owner's class may write to files too, where it may read. */
	bool writes;

	/* Goes to directories, so files are in several. */
	bool lists;

	/* Requests have paths below one descriptor; otherwise files are open for them. */
	bool by_path;

	/*
	 * Open what requests go to. False: *why says why not; a NULL *why: no memory. end() is
	 * called in any case.
	 */
	bool (*begin)(struct bench_part *part, char **why);

	/*
	 * Fill in what is asked of request->file by request->user; all of it is zero before.
	 * request->descriptor is the number of one of the part's.
	 */
	void (*ask)(struct bench_part *part, struct bench_request *request);

	/* An entry has come (bench_entry()); what is wrong with it is for verify() to say. */
	void (*entry)(struct bench_part *part,
		      const struct bench_request *request,
		      const char *name,
		      const struct bench_answer *answer);

	bool (*verify)(struct bench_part *part,
		       const struct bench_request *request,
		       const struct bench_answer *answer,
		       struct bench_complaint *complaint);

	/*
	 * Whether what was answered as done has been done, to whatever has this index in
	 * part->touched, and make it as it was. NULL where nothing is changed for good.
	 */
	bool (*check)(struct bench_part *part, size_t index, struct bench_complaint *complaint);

	/* Remove what begin() has made; NULL where that is nothing. False after a message on
	 * stderr. */
	bool (*end)(struct bench_part *part);
};

/* By kind. */
extern const struct bench_operation *const bench_operations[BENCH_NUM_KINDS];

const struct bench_operation *bench_operation_by_name(const char *name);

/* One operation of several, and how often it is asked for among them. */
struct bench_share {
	const struct bench_operation *operation;
	uint64_t weight; /* not 0 */
};

/* What a run measures: one operation, or several in a random order. No operation is in it twice. */
struct bench_mix {
	const char *name;
	const char *summary;
	const struct bench_share *shares;
	size_t num_shares;
};

/* Why this engine can't measure it; NULL when it can. */
const char *bench_engine_lacks(const struct bench_engine *engine, const struct bench_mix *mix);

extern const struct bench_operation bench_operation_lookup;
extern const struct bench_operation bench_operation_stat;
extern const struct bench_operation bench_operation_openat;
extern const struct bench_operation bench_operation_open_read_close;
extern const struct bench_operation bench_operation_job;
extern const struct bench_operation bench_operation_statx;
extern const struct bench_operation bench_operation_getxattr;
extern const struct bench_operation bench_operation_setxattr;
extern const struct bench_operation bench_operation_listxattr;
extern const struct bench_operation bench_operation_set_removexattr;
extern const struct bench_operation bench_operation_pread;
extern const struct bench_operation bench_operation_pwrite;
extern const struct bench_operation bench_operation_write_fsync;
extern const struct bench_operation bench_operation_ftruncate;
extern const struct bench_operation bench_operation_fallocate;
extern const struct bench_operation bench_operation_fchmod;
extern const struct bench_operation bench_operation_fchown;
extern const struct bench_operation bench_operation_utimens;
extern const struct bench_operation bench_operation_statfs;
extern const struct bench_operation bench_operation_readdir;
extern const struct bench_operation bench_operation_readlinkat;
extern const struct bench_operation bench_operation_mkdir_rmdir;
extern const struct bench_operation bench_operation_renameat;
extern const struct bench_operation bench_operation_link_unlink;
extern const struct bench_operation bench_operation_symlink_unlink;
extern const struct bench_operation bench_operation_create_delete;
extern const struct bench_operation bench_operation_listing;

#endif /* BENCH_OPERATION_H */
