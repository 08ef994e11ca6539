/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is made of a replay's results (results.h): one JSON document
 * (replay/pathring-replay.schema.json), and from it the tables on the terminal, comma-separated
 * values and plots.
 */
#ifndef REPLAY_REPORT_H
#define REPLAY_REPORT_H

#include "results.h"

#include <jansson.h>
#include <stdbool.h>
#include <talloc.h>

/* Where to write what; NULL: not wanted. "-" as json or csv is stdout, instead of the tables. */
struct replay_report_paths {
	const char *json;
	const char *csv;
	const char *plot; /* a directory */
};

/* What is known of a replay besides what it measured. */
struct replay_report_about {
	const char *trace; /* its name, as given */
	const struct replay_trace_header *header;
	const struct replay_trace_end *end; /* NULL: the trace was cut short */
	uint64_t requests;		    /* in the trace */
	uint64_t sessions;
	uint64_t duration_ns; /* from the trace's first request to its last */

	/* That each round is to account for: those of the trace, times --loop, times --clients. */
	uint64_t round_requests;

	const char *root; /* of what was replayed, as given */
	int root_fd;	  /* for its file system */

	double speed;	       /* 0: as fast as possible; 1: as recorded */
	const json_t *options; /* an object: the run's options by their names, for the reader */
	bool interrupted;
};

/*
 * Before the replay, so that what cannot be written is known before the time is spent: NULL after a
 * message on stderr. Its files are closed when it is freed. The paths must live as long.
 */
struct replay_report *replay_report_open(TALLOC_CTX *mem_ctx,
					 const struct replay_report_paths *paths);

/* False after a message on stderr; what can be written is. Only once. */
bool replay_report_write(struct replay_report *report,
			 const struct replay_results *results,
			 const struct replay_report_about *about);

#endif /* REPLAY_REPORT_H */
