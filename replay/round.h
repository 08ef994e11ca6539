/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What results.c keeps, for those who report it.
 */
#ifndef REPLAY_ROUND_H
#define REPLAY_ROUND_H

#include "histogram.h"
#include "noise.h"
#include "results.h"
#include "series.h"

#define REPLAY_MAX_EXAMPLES 3
#define REPLAY_MAX_ENDINGS 1024
#define REPLAY_MAX_REASONS 255

enum replay_verdict { REPLAY_SAME, REPLAY_DIFFERENT, REPLAY_EXPLAINED };

/* One of those that made a ending. */
struct replay_example {
	uint64_t id;
	uint32_t session;
	char *path; /* these two or NULL */
	char *user;
};

/* Requests that ended alike. */
struct replay_ending {
	enum replay_command command;
	enum replay_fate fate;
	enum replay_verdict verdict; /* of what was replayed */
	bool answered;		     /* whether a status is recorded */
	uint32_t recorded;
	uint32_t replayed;
	size_t reason; /* its number in the results, or 0: of what was skipped, failed, explained */
	uint64_t count;
	size_t num_examples; /* none where everything is as it should be */
	struct replay_example examples[REPLAY_MAX_EXAMPLES];
};

struct replay_account {
	uint64_t fates[REPLAY_NUM_FATES];
	uint64_t mismatched; /* these two are among the replayed */
	uint64_t explained;
};

struct replay_command_results {
	struct replay_account account;
	struct bench_histogram *service; /* NULL: nothing was replayed */
};

/* Larger errors are no numbers of the kernel's. */
#define REPLAY_MAX_ERROR 256

struct replay_operation_results {
	struct bench_histogram *duration; /* NULL: none was made */
	uint64_t errors[REPLAY_MAX_ERROR];
};

struct replay_round {
	const char *engine;
	const char *backend;	      /* NULL: nobody said */
	struct pathring_stats *stats; /* counts only; NULL: nobody said */
	bool ended;
	uint64_t wall_ns;
	uint64_t cpu_ns;

	struct replay_account account;
	struct replay_command_results commands[REPLAY_NUM_COMMANDS];
	struct replay_operation_results operations[PATHRING_NUM_OPERATIONS];
	struct bench_histogram slip;
	struct replay_series series;

	struct replay_ending endings[REPLAY_MAX_ENDINGS];
	size_t num_endings;
	uint64_t unlisted; /* there were more kinds than that */

	/* From what is compared of a ending to its number + 1, open addressing. */
	uint16_t places[4 * REPLAY_MAX_ENDINGS];
};

struct replay_results {
	struct replay_round **rounds;
	size_t num_rounds;
	bool failed; /* without memory */

	/* Number 0 is none; the last one stands for all that have no number of their own. */
	const char *reasons[REPLAY_MAX_REASONS + 2];
	size_t num_reasons;

	/* As recorded, of the first round, since all are alike. */
	struct bench_histogram *recorded[REPLAY_NUM_COMMANDS];
	struct replay_series recorded_series;

	struct bench_noise noise;
};

#endif /* REPLAY_ROUND_H */
