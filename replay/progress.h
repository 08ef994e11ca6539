/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far a replay is, on stderr, for someone who looks at a terminal.
 */
#ifndef REPLAY_PROGRESS_H
#define REPLAY_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_progress {
	const char *engine;
	size_t all; /* requests of what is running */
	uint64_t next_ns;
	uint64_t began_ns;
	bool shown;
};

void replay_progress_begin(struct replay_progress *progress, const char *engine, size_t all);
void replay_progress_tell(struct replay_progress *progress, size_t done);
void replay_progress_end(struct replay_progress *progress);

#endif /* REPLAY_PROGRESS_H */
