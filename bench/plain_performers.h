/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between plain.c, which has the table of operations, and the files that carry them out.
 */
#ifndef BENCH_PLAIN_PERFORMERS_H
#define BENCH_PLAIN_PERFORMERS_H

#include "plain.h"

#define BENCH_PERFORMER(name)                                  \
	void plain_##name(struct bench_plain *plain,           \
			  const struct bench_request *request, \
			  struct bench_answer *answer)

/* plain_data.c */
BENCH_PERFORMER(pread);
BENCH_PERFORMER(pwrite);
BENCH_PERFORMER(write_fsync);
BENCH_PERFORMER(ftruncate);
BENCH_PERFORMER(fallocate);
BENCH_PERFORMER(open_read_close);

/* plain_attribute.c */
BENCH_PERFORMER(fchmod);
BENCH_PERFORMER(fchown);
BENCH_PERFORMER(utimens);
BENCH_PERFORMER(statfs);

/* plain_names.c */
BENCH_PERFORMER(mkdir_rmdir);
BENCH_PERFORMER(renameat);
BENCH_PERFORMER(link_unlink);
BENCH_PERFORMER(symlink_unlink);
BENCH_PERFORMER(create_delete);

/* plain_directory.c */
BENCH_PERFORMER(readdir);
BENCH_PERFORMER(readlinkat);
BENCH_PERFORMER(listing);

int bench_plain_fd(const struct bench_plain *plain, const struct bench_request *request);

/* What a call returned that gives a count of bytes in plain->data, or counts what it wrote. */
void bench_plain_take(struct bench_plain *plain, ssize_t length, struct bench_answer *answer);

#endif /* BENCH_PLAIN_PERFORMERS_H */
