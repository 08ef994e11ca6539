/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comma-separated values: a line with the names of the columns, then for each engine one about all
 * of it, one for each command and one for each of the engine's operations. What is not known, or
 * makes no sense there, is empty.
 */
#include "report_document.h"

#include "csv.h"
#include "document.h"

/* Named as in the document. */
static const char *const columns[] = {
	"requests.recorded",
	"requests.replayed",
	"requests.skipped",
	"requests.failed",
	"requests.mismatched",
	"requests.explained",
	"requests.unreached",
	"count",
	"errors",
	"wall_seconds",
	"cpu_seconds",
	"requests_per_second",
	"cpu_ns_per_request",
	"latency_ns.min",
	"latency_ns.mean",
	"latency_ns.p50",
	"latency_ns.p90",
	"latency_ns.p99",
	"latency_ns.p99_9",
	"latency_ns.p99_99",
	"latency_ns.max",
	"slip_ns.p50",
	"slip_ns.p99",
	"slip_ns.max",
	"ratio.requests_per_second",
	"ratio.p50",
	"ratio.cpu_per_request",
	"ratio_p50",
};

#define NUM_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void print_head(FILE *file)
{
	size_t i = 0;

	fprintf(file, "complete,engine,backend,scope,name");
	for (i = 0; i < NUM_COLUMNS; i++) {
		fprintf(file, ",%s", columns[i]);
	}
	fputs("\r\n", file);
}

static void print_row(
	const json_t *round, const char *scope, const char *name, const json_t *object, FILE *file)
{
	bool complete = json_is_true(json_object_get(round, "complete"));
	size_t i = 0;

	fprintf(file, "%s,", complete ? "yes" : "no");
	bench_csv_text(bench_document_text(round, "engine"), file);
	fputc(',', file);
	bench_csv_text(bench_document_text(round, "backend"), file);
	fprintf(file, ",%s,", scope);
	bench_csv_text(name, file);
	for (i = 0; i < NUM_COLUMNS; i++) {
		fputc(',', file);
		bench_csv_value(bench_document_field(object, columns[i]), file);
	}
	fputs("\r\n", file);
}

static void
print_rows(const json_t *round, const char *list, const char *scope, const char *field, FILE *file)
{
	const json_t *members = json_object_get(round, list);
	size_t i = 0;

	for (i = 0; i < json_array_size(members); i++) {
		const json_t *member = json_array_get(members, i);

		print_row(round, scope, bench_document_text(member, field), member, file);
	}
}

void replay_report_csv(const json_t *document, FILE *file)
{
	size_t i = 0;

	print_head(file);
	for (i = 0; i < replay_report_num_rounds(document); i++) {
		const json_t *round = replay_report_round(document, i);

		print_row(round, "all", "", round, file);
		print_rows(round, "commands", "command", "command", file);
		print_rows(round, "operations", "operation", "operation", file);
	}
}
