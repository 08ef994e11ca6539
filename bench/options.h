/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of pathring-bench, checked.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "tree.h"

#define BENCH_MAX_DEPTH 65536
#define BENCH_MAX_USERS 65536
#define BENCH_MAX_FILES 1000000
#define BENCH_MAX_REPEAT 1000
#define BENCH_MAX_SECONDS 86400

struct bench_options {
	const char *operation;
	const struct bench_engine **engines;
	size_t num_engines;
	size_t *depths;
	size_t num_depths;
	double seconds; /* for each engine at each depth, all rounds together */
	size_t repeat;
	struct bench_tree_options tree;
	const char *json;		     /* or NULL */
	const struct bench_engine *baseline; /* or NULL */
};

enum bench_options_result {
	BENCH_OPTIONS_RUN,
	BENCH_OPTIONS_DONE, /* --version */
	BENCH_OPTIONS_BAD,  /* said on stderr */
};

/* --help ends the process. */
enum bench_options_result bench_options_parse(TALLOC_CTX *mem_ctx,
					      int argc,
					      const char **argv,
					      struct bench_options **options);

#endif /* BENCH_OPTIONS_H */
