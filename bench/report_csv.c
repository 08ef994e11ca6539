/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comma-separated values as RFC 4180 has them: a line with the names of the columns, then a line a
 * result. What is not known is empty.
 */
#include "csv.h"
#include "document.h"
#include "report.h"

/* Named as in the document. */
static const char *const columns[] = {
	"engine",
	"backend",
	"op",
	"load",
	"depth",
	"concurrency",
	"rate",
	"users",
	"cache",
	"entries",
	"ops",
	"errors",
	"denied",
	"unissued",
	"ops_per_second",
	"spread_percent",
	"latency_ns.min",
	"latency_ns.mean",
	"latency_ns.p50",
	"latency_ns.p90",
	"latency_ns.p99",
	"latency_ns.p99_9",
	"latency_ns.p99_99",
	"latency_ns.max",
	"service_ns.min",
	"service_ns.mean",
	"service_ns.p50",
	"service_ns.p90",
	"service_ns.p99",
	"service_ns.p99_9",
	"service_ns.p99_99",
	"service_ns.max",
	"slip_ns.min",
	"slip_ns.mean",
	"slip_ns.p50",
	"slip_ns.p90",
	"slip_ns.p99",
	"slip_ns.p99_9",
	"slip_ns.p99_99",
	"slip_ns.max",
	"cpu_ns_per_op",
	"context_switches_per_op",
	"syscalls_per_op",
	"syscalls_per_100_entries",
	"submissions_per_enter",
	"placement.inline",
	"placement.ring",
	"placement.thread",
};

#define NUM_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const char *const ratio_columns[] = { "ops_per_second", "p50", "cpu_per_op" };

#define NUM_RATIO_COLUMNS (sizeof(ratio_columns) / sizeof(ratio_columns[0]))

static void print_head(const char **baselines, size_t num_baselines, FILE *file)
{
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < NUM_COLUMNS; i++) {
		fprintf(file, "%s%s", i == 0 ? "" : ",", columns[i]);
	}
	fprintf(file, ",rounds");
	for (i = 0; i < num_baselines; i++) {
		for (j = 0; j < NUM_RATIO_COLUMNS; j++) {
			char *name = talloc_asprintf(
				baselines, "ratios.%s.%s", baselines[i], ratio_columns[j]);

			fputc(',', file);
			bench_csv_text(name != NULL ? name : "", file);
			talloc_free(name);
		}
	}
	fputs("\r\n", file);
}

static void
print_result(const json_t *result, const char **baselines, size_t num_baselines, FILE *file)
{
	const json_t *ratios = json_object_get(result, "ratios");
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < NUM_COLUMNS; i++) {
		if (i != 0) {
			fputc(',', file);
		}
		bench_csv_value(bench_document_field(result, columns[i]), file);
	}
	fprintf(file, ",%zu", json_array_size(json_object_get(result, "rounds")));
	for (i = 0; i < num_baselines; i++) {
		const json_t *ratio = json_object_get(ratios, baselines[i]);

		for (j = 0; j < NUM_RATIO_COLUMNS; j++) {
			fputc(',', file);
			bench_csv_value(json_object_get(ratio, ratio_columns[j]), file);
		}
	}
	fputs("\r\n", file);
}

void bench_report_csv(const json_t *document, FILE *file)
{
	size_t num_baselines = 0;
	const char **baselines = NULL;
	size_t i = 0;

	baselines = bench_document_baselines(NULL, document, NULL, &num_baselines);
	if (baselines == NULL) {
		num_baselines = 0;
	}
	print_head(baselines, num_baselines, file);
	for (i = 0; i < bench_document_num_results(document); i++) {
		print_result(bench_document_result(document, i), baselines, num_baselines, file);
	}
	talloc_free(baselines);
}
