/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of pathring-bench, checked.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "operation.h"

#define BENCH_MAX_DEPTH 65536
#define BENCH_MAX_USERS 65536
#define BENCH_MAX_FILES 1000000
#define BENCH_MAX_REPEAT 1000
#define BENCH_MAX_SECONDS 86400
#define BENCH_MAX_WORKERS 65536

/* An engine that was asked for and can't do the operation. */
struct bench_left_out {
	const struct bench_engine *engine;
	const char *why;
};

struct bench_options {
	bool idle; /* look at an idle engine, and nothing of the following */
	const struct bench_operation *operation;
	const struct bench_engine **engines;
	size_t num_engines;
	struct bench_left_out *left_out;
	size_t num_left_out;
	size_t *depths;
	size_t num_depths;
	double seconds; /* for each engine at each depth, all rounds together */
	size_t repeat;
	bool cold;
	const char *between; /* or NULL */
	struct bench_settings settings;
	const char *pin; /* the name of settings.pin */
	struct bench_tree_options tree;
	const char *json; /* or NULL */
	const struct bench_engine **baselines;
	size_t num_baselines;
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
