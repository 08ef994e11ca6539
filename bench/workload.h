/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests of one round: who asks what of which file in which order, the descriptors that they
 * go to, and the verdict on the answers.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "operation.h"
#include "tree.h"

/* What requests of one number have to themselves. */
struct bench_own {
	char path[32];
	char new_path[32];
	bool moved;
	uint8_t value[BENCH_TREE_XATTR_LENGTH];
};

struct bench_workload {
	const struct bench_tree *tree;
	const struct bench_operation *operation;
	bool identity; /* requests run as their user, who is someone else than this process */
	bool cold;     /* each file is asked for once */
	uint64_t asked;
	int *fds;
	size_t num_fds;
	struct bench_own *own;
	size_t num_own;
	bool *touched; /* for each file, or for each of own: something was answered as done to it */
	size_t num_touched;
	int work_fd; /* of a directory for new names, or -1 */
};

/* NULL: *why says why not, a talloc string on mem_ctx or NULL. depth: of requests at a time. */
struct bench_workload *bench_workload_open(TALLOC_CTX *mem_ctx,
					   const struct bench_tree *tree,
					   const struct bench_operation *operation,
					   bool identity,
					   size_t depth,
					   bool cold,
					   char **why);

/* The next request. False when there is none, since each file was asked for. */
bool bench_workload_ask(struct bench_workload *workload, struct bench_request *request);

bool bench_workload_verify(struct bench_workload *workload,
			   const struct bench_request *request,
			   const struct bench_answer *answer,
			   struct bench_complaint *complaint);

/*
 * The next thing to which not everything was done that was answered, from *index on; false when
 * there is none. To be called before the end, until it says so: it also makes things as they were.
 */
bool bench_workload_next_wrong(struct bench_workload *workload,
			       size_t *index,
			       struct bench_complaint *complaint);

/* False after a message on stderr when something stays behind. */
bool bench_workload_close(struct bench_workload *workload);

/* For operations: descriptors on all files, for I/O or as path references. */
bool bench_workload_open_files(struct bench_workload *workload, int flags, char **why);

#endif /* BENCH_WORKLOAD_H */
