/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of pathring-bench's run, checked.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "load.h"

#define BENCH_MAX_DEPTH 65536
#define BENCH_MAX_FILES 1000000
#define BENCH_MAX_DIRECTORIES 64
#define BENCH_MAX_REPEAT 1000
#define BENCH_MAX_SECONDS 86400
#define BENCH_MAX_WORKERS 65536
#define BENCH_MAX_RATE 100000000
#define BENCH_MAX_RATES 1000
#define BENCH_MAX_WEIGHT 1000000

struct bench_options {
	const struct bench_mix *mixes; /* one after the other */
	size_t num_mixes;
	const struct bench_engine **engines;
	size_t num_engines;
	struct bench_point *points; /* loads, one after the other */
	size_t num_points;
	double seconds; /* for each engine at each point, all rounds together */
	size_t repeat;
	struct bench_traffic traffic;
	const char *user_order; /* the name of traffic.users */
	const char *between;	/* or NULL */
	struct bench_settings settings;
	struct bench_tree_options tree;
	bool unprivileged; /* not root: the process itself makes the requests */
	const struct bench_engine **baselines;
	size_t num_baselines;

	/* Where reports are to be written besides the table, each or NULL. */
	const char *json;
	const char *csv;
	const char *hgrm;
	const char *plot;
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
