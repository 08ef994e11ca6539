/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole run of one mix: engines in alternation at every point, and what the rounds of one
 * engine at one point say together.
 */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "load.h"
#include "noise.h"
#include "options.h"

enum bench_percentile {
	BENCH_P50,
	BENCH_P90,
	BENCH_P99,
	BENCH_P99_9,
	BENCH_P99_99,
	BENCH_NUM_PERCENTILES
};

struct bench_times {
	double mean_ns;
	double percentile_ns[BENCH_NUM_PERCENTILES];
};

/* One round, as far as it is kept. */
struct bench_figures {
	uint64_t ops;
	double seconds;
	double ops_per_second;
	struct bench_times times[BENCH_NUM_TIMES]; /* of a closed loop the latency alone */
	double cpu_ns_per_op;
	double context_switches_per_op;
};

/* To a baseline at the same point: 2 is twice of what it has. */
struct bench_ratio {
	double ops_per_second;
	double p50; /* 0 where one of them works on fewer at a time, and none waits for others */
	double cpu_per_op;
};

struct bench_result {
	const struct bench_engine *engine;
	const char *backend; /* or NULL */
	struct bench_point point;
	size_t concurrency; /* 1 for an engine that knows no depth */

	struct bench_figures *rounds;
	size_t num_rounds;

	uint64_t ops;
	uint64_t errors;
	uint64_t denied;
	uint64_t unissued; /* of an open loop: due, and could not even be begun */
	struct bench_account account;

	struct bench_figures median;   /* each figure by itself, over the rounds */
	double spread_percent;	       /* of operations per second: (most - least) / median */
	struct bench_histogram *times; /* one of each kind, of all rounds */
	double calls_per_op;	       /* system calls; -1 where they were not counted */
	struct bench_ratio *ratios;    /* one a baseline; zeros where that did not run */
};

/* Of one mix. */
struct bench_results {
	const struct bench_mix *mix;
	size_t num_forbidden;	      /* files of the tree */
	struct bench_result *results; /* by point, then in the order of the engines */
	size_t num_results;
	const struct bench_engine **baselines;
	size_t num_baselines;
	struct bench_noise noise; /* while the rounds ran */
	const char *uncounted;	  /* why system calls can't be counted here; or NULL */
	bool interrupted;
};

/*
 * The tree is left and come back to before each round, where something is run there. The result of
 * the worst round; also when it is not OK, *results holds what was measured until
 * then.
 */
enum bench_load_result bench_rounds_run(TALLOC_CTX *mem_ctx,
					struct bench_tree *tree,
					const struct bench_options *options,
					const struct bench_mix *mix,
					struct bench_results **results);

#endif /* BENCH_ROUNDS_H */
