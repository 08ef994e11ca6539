/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A load: closed, so many requests at a time, each next one when one is answered; or open, requests
 * made by the clock. It warms up, measures for a while and has every answer verified.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "engine.h"
#include "histogram.h"
#include "workload.h"

/* Times that a request takes. A closed loop has the latency alone. */
enum bench_time {
	BENCH_LATENCY, /* to the answer; in an open loop since it was due, else since it was made */
	BENCH_SERVICE, /* to the answer, since it was made */
	BENCH_SLIP,    /* until it was made, since it was due */
	BENCH_NUM_TIMES
};

/* What one engine did in one round. */
struct bench_round {
	uint64_t ops;
	uint64_t unissued; /* of an open loop: due, and could not even be begun */
	uint64_t errors;   /* wrong answers, of the warm-up too */
	uint64_t denied;   /* answers that were, or contained, EACCES, rightly */
	uint64_t elapsed_ns;
	uint64_t cpu_ns; /* of the whole process, helper threads and kernel workers included */
	uint64_t context_switches;
	uint64_t
		system_calls; /* where they were counted; those of waiting for the clock left out */
	struct bench_account account;
	const char *backend;
	struct bench_histogram times[BENCH_NUM_TIMES];
};

enum bench_load_result {
	BENCH_LOAD_OK,
	BENCH_LOAD_STOPPED, /* by a signal; the round is not to be used */
	BENCH_LOAD_FAILED,  /* said on stderr */
	BENCH_LOAD_STUCK, /* said on stderr; requests never came back, so the engine can't be closed
			     either */
};

/* What an engine is put under. */
struct bench_point {
	size_t depth; /* requests at a time; with a rate at most so many */
	double rate;  /* requests a second by the clock, or 0 for a closed loop */
};

/* One round. */
struct bench_plan {
	const struct bench_mix *mix;
	const struct bench_traffic *traffic;
	const struct bench_settings *settings;
	struct bench_point point;
	uint64_t duration_ns;
	bool count_calls; /* and take no times seriously */
};

enum bench_load_result bench_load_run(const struct bench_tree *tree,
				      const struct bench_engine *engine,
				      const struct bench_plan *plan,
				      struct bench_round *round);

#endif /* BENCH_LOAD_H */
