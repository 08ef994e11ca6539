/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a run writes besides the table: prepared before it, so that what cannot be written is known
 * before the time is spent, and written after it.
 */
#ifndef BENCH_OUTPUTS_H
#define BENCH_OUTPUTS_H

#include "options.h"
#include "report.h"

struct bench_outputs {
	const char *json_path; /* or NULL */
	FILE *json;
	struct bench_report_paths paths;
};

/* False after a message on stderr. bench_outputs_close() is called in any case. */
bool bench_outputs_open(struct bench_outputs *outputs, const struct bench_options *options);

/* False after a message on stderr; what can be written is. */
bool bench_outputs_write(struct bench_outputs *outputs, const json_t *document);

/* False after a message on stderr. */
bool bench_outputs_close(struct bench_outputs *outputs);

#endif /* BENCH_OUTPUTS_H */
