/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what was measured to the document that everything else is made from (report.h).
 */
#ifndef BENCH_REPORT_JSON_H
#define BENCH_REPORT_JSON_H

#include "host.h"
#include "rounds.h"

#include <jansson.h>

struct bench_report {
	const struct bench_options *options;
	const struct bench_host *host;
	const struct bench_results **results; /* one for each mix that was begun */
	size_t num_results;
};

/* While all rounds ran. */
struct bench_noise bench_report_noise(const struct bench_report *report);

/* What makes the figures doubtful: sentences for people, in an array. */
json_t *bench_report_warnings(const struct bench_report *report);

/* What was measured, as pathring-bench(1) describes it; NULL without memory. */
json_t *bench_report_document(const struct bench_report *report);

#endif /* BENCH_REPORT_JSON_H */
