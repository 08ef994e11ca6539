/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A directory of an operation's own in the tree, for names and files that requests change.
 */
#ifndef BENCH_OPERATION_WORK_H
#define BENCH_OPERATION_WORK_H

#include "workload.h"

/*
 * Of one name for each operation, since a mix may have several of them. The mode's second
 * digit is for the users. False: *why says why not, as for begin().
 */
bool bench_work_make(struct bench_part *part, mode_t mode, char **why);

/*
 * Descriptors: of the work directory, and after it, for each user who has a private directory in
 * the tree, of another one in the work directory; for others of the work directory again.
 */
bool bench_work_open_directories(struct bench_part *part, char **why);

/*
 * A file there, a hole of this size, and a descriptor of it unless flags are -1. Ids of -1: the
 * process's own.
 */
struct bench_work_file {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int flags;
	off_t size;
};
bool bench_work_make_file(struct bench_part *part,
			  const char *name,
			  const struct bench_work_file *file,
			  char **why);

/* Remember a name that was made there, to be removed at the end. False: no memory. */
bool bench_work_remember(struct bench_part *part, const char *name);

/*
 * A file for each request at a time, "own-N" in the order of their numbers, that all may read and
 * write; its descriptors are first.
 */
bool bench_work_make_own_files(struct bench_part *part, int flags, off_t size, char **why);

/* For end(): remove a name that may be there. False after a message on stderr. */
bool bench_work_remove(struct bench_part *part, int dir_fd, const char *name, int flags);

/*
 * For end(): the work directory with what is in it, own->path and own->new_path too, which are
 * removed with these flags.
 */
bool bench_work_end(struct bench_part *part, int flags);

/* end() itself, where own files and those that were remembered are all. */
bool bench_work_end_files(struct bench_part *part);

#endif /* BENCH_OPERATION_WORK_H */
