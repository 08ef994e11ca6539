/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests of one round: who asks what of which file in which order, the descriptors that they
 * go to, and the verdict on the answers.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "operation.h"
#include "random.h"
#include "tree.h"

enum bench_order {
	BENCH_IN_TURN, /* no two neighbours are the same */
	BENCH_RANDOM,
	BENCH_ZIPF, /* at random, the second user half as often as the first, the third a third */
};

/* How requests are made, whatever they ask. */
struct bench_traffic {
	enum bench_order users;
	double missing_percent; /* of requests for a name: it does not exist */
	bool cold; /* each file is asked for once, and then there are no more requests */
};

/* What requests of one number have to themselves. */
struct bench_own {
	char path[32];
	char new_path[32];
	bool moved; /* or otherwise not as at the start */
	off_t length;
	uint8_t value[BENCH_TREE_XATTR_LENGTH];
	struct timespec times[2];
};

/* A name in the work directory. */
struct bench_made {
	char name[32];
	int flags; /* AT_REMOVEDIR or 0 */
};

/* One operation of the mix, with all that it needs. */
struct bench_part {
	const struct bench_operation *operation;
	const struct bench_tree *tree;
	bool identity; /* requests run as their user, who is someone else than this process */
	uint64_t asked;
	struct bench_descriptor *descriptors;
	size_t num_descriptors;
	struct bench_own *own; /* by the number of the request */
	size_t num_own;
	bool *touched; /* for each file, or for each of own: something was answered as done to it */
	size_t num_touched;
	int work_fd; /* of a directory for new names, or -1 */
	struct bench_made *made;
	size_t num_made;
	const char **missing; /* for each file: a name that does not exist in its directory; or NULL
			       */
	struct statfs statfs;
	struct bench_entries *entries; /* the operation's own, of those that read directories */

	uint64_t weights;	 /* of this and of the parts before it together */
	size_t first_descriptor; /* where its own begin among all */
};

struct bench_workload {
	const struct bench_tree *tree;
	const struct bench_traffic *traffic;
	struct bench_part *parts;
	size_t num_parts;
	size_t part_of[BENCH_NUM_KINDS];
	bool kinds[BENCH_NUM_KINDS];
	struct bench_descriptor *descriptors; /* of all parts */
	size_t num_descriptors;
	struct bench_random random;
	uint64_t asked;
	const char **missing;
	bool by_directory;   /* only the first file of each directory is asked for */
	size_t num_places;   /* files or directories that a walk goes through */
	size_t *walked;	     /* for each user: of how many files they have asked something */
	double *up_to_user;  /* Zipf: the share of this user and of those before */
	size_t checked_part; /* bench_workload_next_wrong() has come so far */
};

/*
 * NULL: *why says why not, a talloc string on mem_ctx or NULL. depth: of requests at a time. The
 * same arguments give the same requests in the same order.
 */
struct bench_workload *bench_workload_open(TALLOC_CTX *mem_ctx,
					   const struct bench_tree *tree,
					   const struct bench_mix *mix,
					   const struct bench_traffic *traffic,
					   bool identity,
					   size_t depth,
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

/* For operations: keep a descriptor, which is closed at the end, now when there is no memory. */
bool bench_part_keep(struct bench_part *part, int fd, bool io);

/* For operations: keep descriptors of all files, as path references with O_PATH or for I/O. */
bool bench_part_open_files(struct bench_part *part, int flags, char **why);

/* For operations: there are more things than files and requests at a time. False: no memory. */
bool bench_part_touch(struct bench_part *part, size_t num);

/* For operations: write the data of all files. */
bool bench_part_write_files(struct bench_part *part, char **why);

/* For operations: an answer that is the data of a file. */
bool bench_verify_data(size_t file,
		       const struct bench_answer *answer,
		       struct bench_complaint *complaint);

#endif /* BENCH_WORKLOAD_H */
