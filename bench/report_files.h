/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A directory that a report is written to. Everything that goes wrong is said on stderr.
 */
#ifndef BENCH_REPORT_FILES_H
#define BENCH_REPORT_FILES_H

#include <stdbool.h>
#include <stdio.h>
#include <talloc.h>

struct bench_report_dir {
	const char *path;
	int fd;
	/* The names in use, without what they end in; and the file that is open. */
	char **names;
	size_t num_names;
	const char *open;
};

/* Makes it if it is not there. NULL after an error. */
struct bench_report_dir *bench_report_dir(TALLOC_CTX *mem_ctx, const char *path);

/*
 * A name that begins like this one and that no other file of this report has; NULL without memory.
 * It belongs to the directory.
 */
const char *bench_report_dir_name(struct bench_report_dir *dir, const char *name);

/* Replaces what has that name in the directory. */
FILE *bench_report_dir_open(struct bench_report_dir *dir, const char *file_name);

/* Finds a name of its own first. */
FILE *bench_report_dir_open_new(struct bench_report_dir *dir, const char *name, const char *end);

/* False when not everything was written. */
bool bench_report_dir_close(struct bench_report_dir *dir, FILE *file);

#endif /* BENCH_REPORT_FILES_H */
