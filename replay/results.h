/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a replay has measured, as it goes on: for every request of the trace what became of it, for
 * every operation of the engine how long it took. What is printed of it is the business of the
 * reports.
 */
#ifndef REPLAY_RESULTS_H
#define REPLAY_RESULTS_H

#include "trace.h"

#include <pathring.h>

/* A request is in one of these, never in two and never in none. */
enum replay_fate {
	REPLAY_REPLAYED,
	REPLAY_SKIPPED, /* nothing was done for it, and should not be: reason says why */
	REPLAY_FAILED,	/* it should have been done and could not: reason says why */
	REPLAY_NUM_FATES
};

struct replay_outcome {
	const struct replay_request *request; /* of the trace */
	enum replay_fate fate;
	const char *reason; /* the same text for all of its kind */
	/* What it was about, where the request names a handle instead; or NULL. For examples. */
	const char *path;
	const char *user; /* who made it; or NULL. Likewise. */

	/* Of what was replayed */
	uint32_t status; /* what it would have been answered now */
	/*
	 * Whether that differs from what is recorded, in a way that the replay does not explain;
	 * "explained" says why it may (one text a kind), then it is no mismatch.
	 */
	bool mismatched;
	const char *explained;
	uint64_t service_ns;  /* from when it was made to its end */
	uint64_t slip_ns;     /* it was made so much later than it was due; 0 at full speed */
	uint64_t finished_ns; /* since the replay's beginning, for what is drawn over time */
};

struct replay_results;

/* NULL without memory. */
struct replay_results *replay_results_create(TALLOC_CTX *mem_ctx);

/* A round is the whole trace replayed once (or --loop times) by one engine. */
void replay_results_begin_round(struct replay_results *results, const char *engine);

/*
 * Before its end: which backend the engine really had, and what it counted. Either may be NULL. Of
 * an engine that is made anew for each loop the counts add up.
 */
void replay_results_set_engine(struct replay_results *results,
			       const char *backend,
			       const struct pathring_stats *stats);
void replay_results_end_round(struct replay_results *results, uint64_t wall_ns, uint64_t cpu_ns);

/* In a round; each costs some tens of nanoseconds. Nothing that the arguments point to is kept. */
void replay_results_add(struct replay_results *results, const struct replay_outcome *outcome);
/* result: a negative errno, or what the engine gave. */
void replay_results_add_operation(struct replay_results *results,
				  enum pathring_operation operation,
				  uint64_t duration_ns,
				  ssize_t result);

#endif /* REPLAY_RESULTS_H */
