/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line, written over each half second, and gone at the end; nothing where nobody looks, and
 * nothing of what takes less than two seconds.
 */
#include "progress.h"

#include "run.h"

#include <stdio.h>
#include <unistd.h>

#define FIRST_NSEC 2000000000ULL
#define EACH_NSEC 500000000ULL
#define CLEAR_LINE "\r\033[K"

void replay_progress_begin(struct replay_progress *progress, const char *engine, size_t all)
{
	uint64_t now = replay_now();

	*progress = (struct replay_progress) {
		.engine = engine,
		.all = all,
		.began_ns = now,
		.next_ns = isatty(STDERR_FILENO) ? now + FIRST_NSEC : UINT64_MAX,
	};
}

void replay_progress_tell(struct replay_progress *progress, size_t done)
{
	uint64_t now = 0;

	if (progress->next_ns == UINT64_MAX) {
		return;
	}
	now = replay_now();
	if (now < progress->next_ns) {
		return;
	}
	progress->next_ns = now + EACH_NSEC;
	progress->shown = true;
	fprintf(stderr,
		CLEAR_LINE "%s: %zu of %zu requests, %.0f %%, %.0f s",
		progress->engine,
		done,
		progress->all,
		progress->all > 0 ? 100.0 * (double)done / (double)progress->all : 0.0,
		(double)(now - progress->began_ns) / 1e9);
	fflush(stderr);
}

void replay_progress_end(struct replay_progress *progress)
{
	if (progress->shown) {
		fputs(CLEAR_LINE, stderr);
		fflush(stderr);
	}
}
