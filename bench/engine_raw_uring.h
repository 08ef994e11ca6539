/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between engine_raw_uring.c, which has the ring and its loop, and those who know the entries of
 * each operation: uring_entries.c, uring_chains.c for those that are several in a row, and
 * uring_listing.c.
 */
#ifndef BENCH_ENGINE_RAW_URING_H
#define BENCH_ENGINE_RAW_URING_H

#include "engine.h"
#include "plain.h"

#include <liburing.h>
#include <sys/queue.h>

struct raw_uring {
	struct io_uring io_uring;
	const struct bench_descriptor *descriptors;
	struct raw_uring_job *jobs; /* by the number of the request */
	size_t num_entries;	    /* that a listing looks up at a time */
	int wake_fd;		    /* or -1 */
	bool watching;		    /* the ring looks at wake_fd */

	/* Lookups whose xattr is asked for at the end of the submission. */
	STAILQ_HEAD(, raw_uring_job) late;

	/* Fixed file slots, used again when their close has completed. */
	unsigned int *free_slots;
	unsigned int num_free_slots;
	unsigned int *closing_slots;
	unsigned int num_closing_slots;

	uint64_t done;
	uint64_t submissions;
	uint64_t enters;
};

/* Which entry of a job; it shares the pointer's low bits in user_data. */
enum raw_uring_step { STEP_FIRST, STEP_INSTALL, STEP_XATTR, STEP_SECOND, STEP_THIRD };

struct raw_uring_job {
	struct raw_uring *uring;
	struct bench_request *request;
	struct raw_uring_job *listing; /* of whose entries this looks up one; or NULL */
	enum bench_kind kind;	       /* the request's, or a lookup of an entry */
	int dir_fd;		       /* the descriptor that it goes to */
	const char *path;
	STAILQ_ENTRY(raw_uring_job) late_link;
	unsigned int outstanding; /* entries that have not completed */
	bool opened;		  /* the slot holds a file */
	bool early; /* what goes to the slot has come before the open was complete, and goes again
		     */
	unsigned int slot;
	int fd;
	int error;
	ssize_t length;
	struct open_how how;
	char proc_path[BENCH_PROC_PATH_SIZE];
	struct statx stx;
	uint8_t *data; /* as much as its operations need */

	struct raw_uring_listing *reading; /* what a listing needs; or NULL */
};

/* engine_raw_uring.c: room for an entry, after a submission if need be. */
struct io_uring_sqe *raw_uring_entry(struct raw_uring *uring);
/* Room for so many, which shall be submitted together. */
void raw_uring_reserve(struct raw_uring *uring, unsigned int num);
/* A free slot for a file. */
unsigned int raw_uring_take_slot(struct raw_uring *uring);

/* uring_chains.c */
void raw_uring_begin_write_fsync(struct raw_uring_job *job);
void raw_uring_begin_mkdir_rmdir(struct raw_uring_job *job);
void raw_uring_begin_link_unlink(struct raw_uring_job *job);
void raw_uring_begin_symlink_unlink(struct raw_uring_job *job);
void raw_uring_begin_create_delete(struct raw_uring_job *job);
void raw_uring_begin_open_read_close(struct raw_uring_job *job);

/* uring_listing.c: what listings of this depth need. False: no memory. */
bool raw_uring_prepare_listings(struct raw_uring *uring, size_t depth);
void raw_uring_begin_listing(struct raw_uring_job *job);
/* The directory was opened, or not. True: that was all, and *answer says what came of it. */
bool raw_uring_opened_listing(struct raw_uring_job *job, int result, struct bench_answer *answer);
/* The job has looked up an entry. True: the listing is complete. */
bool raw_uring_listed(struct raw_uring_job *job,
		      const struct bench_answer *entry,
		      struct bench_answer *answer);

/* uring_entries.c */
void raw_uring_ready(struct io_uring_sqe *entry,
		     struct raw_uring_job *job,
		     enum raw_uring_step step);
void raw_uring_begin_lookup(struct raw_uring_job *job);
bool raw_uring_has(enum bench_kind kind);
void raw_uring_begin(struct raw_uring_job *job);
void raw_uring_prepare_late(struct raw_uring *uring);
/* One entry has completed. True: that was all, and *answer says what came of it. */
bool raw_uring_step(struct raw_uring_job *job,
		    enum raw_uring_step step,
		    int result,
		    struct bench_answer *answer);

#endif /* BENCH_ENGINE_RAW_URING_H */
