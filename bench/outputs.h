/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a run writes besides the table: prepared before it, so that what cannot be written is known
 * before the time is spent, and written after it. And the like of other commands.
 */
#ifndef BENCH_OUTPUTS_H
#define BENCH_OUTPUTS_H

#include "report.h"

struct bench_outputs {
	const char *json_path; /* or NULL */
	FILE *json;
	struct bench_report_paths paths;
};

/* False after a message on stderr. bench_outputs_close() is called in any case. */
bool bench_outputs_open(struct bench_outputs *outputs,
			const char *json,
			const struct bench_report_paths *paths);

/* The document itself, if it is wanted. False after a message on stderr. */
bool bench_outputs_write(const struct bench_outputs *outputs, const json_t *document);

/* False after a message on stderr. */
bool bench_outputs_close(struct bench_outputs *outputs);

/* False after a message on stderr. name: of what is written, where the file has none. */
bool bench_output_flush(FILE *file, const char *name);

/* To that file, or for "-" to stdout. False after a message on stderr. */
bool bench_output_print(const char *path,
			const char *name,
			void (*print)(const json_t *document, FILE *file),
			const json_t *document);

#endif /* BENCH_OUTPUTS_H */
