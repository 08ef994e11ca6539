/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is in a trace, in figures.
 */
#ifndef REPLAY_INFO_H
#define REPLAY_INFO_H

#include "histogram.h"
#include "trace.h"

#include <stdio.h>

/* Things that are told apart by a text and counted. */
struct replay_tally {
	const char *text;
	uint64_t count;
};

struct replay_info_session {
	const char *user; /* "DOMAIN\user"; "?" of nobody known */
	const char *client;
	uint64_t requests;
};

struct replay_info_command {
	uint64_t requests;
	uint64_t succeeded; /* [MS-ERREF] 2.3: also with a warning */
	uint64_t failed;
	uint64_t unanswered;
	uint64_t bytes; /* that were moved */
	struct bench_histogram durations;
	struct bench_histogram lengths; /* of reads and writes */
};

struct replay_trace_info {
	const struct replay_trace_header *header;
	bool complete;
	uint64_t requests;
	uint64_t skipped;
	uint64_t lost;
	bool timed;
	uint64_t duration_ns;
	size_t paths;
	struct replay_info_command *commands; /* by enum replay_command */

	struct replay_info_session *sessions;
	size_t num_sessions;
	struct replay_tally *statuses;
	size_t num_statuses;
	struct replay_tally *skips;
	size_t num_skips;
	/* Sums over the sessions. */
	struct replay_tally *users;
	size_t num_users;
	struct replay_tally *clients;
	size_t num_clients;
};

/* NULL after a message on stderr. The reader must live as long. */
struct replay_trace_info *replay_info_collect(TALLOC_CTX *mem_ctx,
					      struct replay_trace_reader *reader);

void replay_info_print(const struct replay_trace_info *info, FILE *file);
/* False after a message on stderr. */
bool replay_info_print_json(const struct replay_trace_info *info, FILE *file);

#endif /* REPLAY_INFO_H */
