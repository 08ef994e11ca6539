/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop that gives requests to an engine, closed or open, takes the times, and judges the
 * answers. What comes before and after it is load.c's.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include "load.h"
#include "pace.h"

struct bench_load {
	const struct bench_tree *tree;
	const struct bench_engine *engine;
	struct bench_workload *workload;
	void *state;
	struct bench_pace pace;
	int calls_fd;		     /* counts system calls; or -1 */
	struct bench_request *ready; /* not in flight */
	size_t in_flight;
	uint64_t now_ns;      /* the clock, as it was read last */
	uint64_t answered_ns; /* when the last answer came */
	uint64_t silent_ns;   /* since when some are in flight and none was answered */
	uint64_t end_ns;      /* of a closed phase: both must be reached */
	uint64_t end_request;
	bool by_clock;	/* this phase is an open loop */
	bool refilling; /* an answer makes the next requests */
	bool refused;	/* the engine has refused one, which was said */
	bool exhausted; /* there is no further request */
	bool measuring;
	struct bench_round *round;
};

/*
 * A closed loop until both the time is over and the number of requests is reached; all are answered
 * at the end.
 */
enum bench_load_result
bench_loop_closed(struct bench_load *load, uint64_t duration_ns, uint64_t min_requests);

/*
 * Those that the clock makes in this time. Where they are more than the engine can do, it ends
 * after twice the time, with what has not been begun in round->unissued; all others are answered.
 */
enum bench_load_result bench_loop_open(struct bench_load *load, uint64_t duration_ns);

/* Who and which path: what was wrong is said on stderr, the first few times. */
void bench_loop_complain(const struct bench_load *load,
			 const char *who,
			 const char *path,
			 const struct bench_complaint *complaint);

#endif /* BENCH_LOOP_H */
