/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was measured, as a table for people and as a JSON document.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "host.h"
#include "rounds.h"

#include <stdio.h>

struct bench_report {
	const struct bench_options *options;
	const struct bench_host *host;
	const struct bench_tree *tree;
	const struct bench_results *results;
};

void bench_report_table(const struct bench_report *report, FILE *file);

/* False without memory or when the file could not be written; errno says which. */
bool bench_report_json(const struct bench_report *report, FILE *file);

#endif /* BENCH_REPORT_H */
