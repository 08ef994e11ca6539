/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables on a terminal, for a line of some 130 columns: of each setting first how fast, then
 * what it cost, then how the engines compare. The document has everything.
 */
#include "report.h"
#include "report_format.h"
#include "table_parts.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define NAME_WIDTH 24
#define BASELINES_IN_A_LINE 4

/* Its fields are nobody's promise: what is not there is not mentioned. */
static void print_config(const json_t *document, FILE *file)
{
	double files = bench_document_number(document, "config.tree.files");
	double forbidden = bench_document_number(document, "config.tree.forbidden_percent");

	if (isfinite(files)) {
		fprintf(file, ", %.0f files", files);
	}
	if (isfinite(forbidden) && forbidden > 0) {
		fprintf(file, " (%.3g%% of them for their owner alone)", forbidden);
	}
	fprintf(file, "\n");
}

static void print_left_out(const json_t *document, FILE *file)
{
	const json_t *left_out = bench_document_field(document, "config.left_out");
	size_t i = 0;

	for (i = 0; i < json_array_size(left_out); i++) {
		const json_t *one = json_array_get(left_out, i);
		char engine[BENCH_CELL_SIZE];
		char op[BENCH_CELL_SIZE];
		char why[BENCH_TITLE_SIZE];

		bench_format_plain(bench_document_text(one, "op"), op, sizeof(op));
		bench_format_plain(bench_document_text(one, "engine"), engine, sizeof(engine));
		bench_format_plain(bench_document_text(one, "why"), why, sizeof(why));
		fprintf(file, "  %-20s left out: %s: %s\n", engine, op, why);
	}
}

static bool is_first_of_engine(const json_t *document, size_t index)
{
	const json_t *result = bench_document_result(document, index);
	size_t i = 0;

	for (i = 0; i < index; i++) {
		const json_t *earlier = bench_document_result(document, i);

		if (strcmp(bench_document_text(earlier, "engine"),
			   bench_document_text(result, "engine")) == 0) {
			return false;
		}
	}
	return true;
}

static void print_engines(const json_t *document, FILE *file)
{
	size_t i = 0;

	for (i = 0; i < bench_document_num_results(document); i++) {
		const json_t *result = bench_document_result(document, i);
		const char *summary = bench_document_text(result, "summary");
		char engine[BENCH_CELL_SIZE];
		char plain[BENCH_TITLE_SIZE];

		if (summary[0] == '\0' || !is_first_of_engine(document, i)) {
			continue;
		}
		bench_format_plain(bench_document_text(result, "engine"), engine, sizeof(engine));
		bench_format_plain(summary, plain, sizeof(plain));
		fprintf(file, "  %-20s %s\n", engine, plain);
	}
}

static void print_rounds(const json_t *document, FILE *file)
{
	const json_t *rounds = NULL;
	size_t least = SIZE_MAX;
	size_t most = 0;
	size_t i = 0;

	for (i = 0; i < bench_document_num_results(document); i++) {
		size_t num_rounds = 0;

		rounds = json_object_get(bench_document_result(document, i), "rounds");
		num_rounds = json_array_size(rounds);
		least = num_rounds < least ? num_rounds : least;
		most = num_rounds > most ? num_rounds : most;
	}
	if (most == 0) {
		return;
	}
	if (least == most) {
		fprintf(file, "medians of %zu %s", most, most == 1 ? "round" : "rounds");
	} else {
		fprintf(file, "medians of %zu to %zu rounds", least, most);
	}
	if (json_array_size(rounds) > 0) {
		fprintf(file,
			" of %.3g s",
			bench_document_number(json_array_get(rounds, 0), "seconds"));
	}
	fprintf(file, "\n");
}

static void print_header(const json_t *document, FILE *file)
{
	char host[BENCH_TITLE_SIZE];
	char version[BENCH_CELL_SIZE];

	bench_format_plain(bench_document_text(document, "version"), version, sizeof(version));
	bench_format_host(document, host, sizeof(host));
	fprintf(file, "pathring-bench %s: %s", version, host);
	print_config(document, file);
	print_rounds(document, file);
	bench_table_noise(document, file);
	print_engines(document, file);
	print_left_out(document, file);
	bench_table_warnings(document, file);
}

/* In columns that belong to the result as a whole and not to one of its three latencies. */
static void print_nothing(const struct bench_column *columns, FILE *file)
{
	size_t i = 0;

	for (i = 0; columns[i].heading != NULL; i++) {
		fprintf(file, " %*s", columns[i].width, "");
	}
}

static void print_name(const json_t *result, FILE *file)
{
	char name[NAME_WIDTH - 1];

	bench_format_engine(result, name, sizeof(name));
	fprintf(file, "  %-*s", NAME_WIDTH - 2, name);
}

/* A line of an open loop below the one about responses. */
static void print_part(const json_t *result,
		       const char *field,
		       const char *name,
		       const struct bench_unit *unit,
		       FILE *file)
{
	const json_t *latency = bench_document_field(result, field);

	if (latency != NULL) {
		fprintf(file, "    %-*s", NAME_WIDTH - 4, name);
		print_nothing(bench_rate_columns, file);
		bench_table_cells(bench_latency_columns, latency, unit, true, file);
		fprintf(file, "\n");
	}
}

static void print_latency(const json_t *document, const json_t *setting, FILE *file)
{
	const struct bench_unit *unit = bench_format_unit(document, setting);
	bool open = bench_document_is_open(setting);
	char heading[NAME_WIDTH + 1];
	size_t i = 0;

	snprintf(heading,
		 sizeof(heading),
		 "%s in %s",
		 open ? "response time" : "latency",
		 unit->name);
	fprintf(file, "%-*s", NAME_WIDTH, heading);
	bench_table_headings(bench_rate_columns, open, file);
	bench_table_headings(bench_latency_columns, open, file);
	fprintf(file, "\n");
	for (i = 0; i < bench_document_num_results(document); i++) {
		const json_t *result = bench_document_result(document, i);

		if (!bench_document_same_setting(setting, result)) {
			continue;
		}
		print_name(result, file);
		bench_table_cells(bench_rate_columns, result, unit, open, file);
		bench_table_cells(bench_latency_columns,
				  json_object_get(result, "latency_ns"),
				  unit,
				  open,
				  file);
		fprintf(file, "\n");
		print_part(result, "service_ns", "service", unit, file);
		print_part(result, "slip_ns", "slip", unit, file);
	}
}

static void print_cost(const json_t *document, const json_t *setting, FILE *file)
{
	bool open = bench_document_is_open(setting);
	size_t i = 0;

	fprintf(file, "%-*s", NAME_WIDTH, "cost");
	bench_table_headings(bench_cost_columns, open, file);
	fprintf(file, "  ran\n");
	for (i = 0; i < bench_document_num_results(document); i++) {
		const json_t *result = bench_document_result(document, i);
		char placement[BENCH_CELL_SIZE];

		if (!bench_document_same_setting(setting, result)) {
			continue;
		}
		print_name(result, file);
		bench_table_cells(bench_cost_columns, result, NULL, open, file);
		bench_format_placement(result, placement, sizeof(placement));
		fprintf(file,
			"  %s%s\n",
			placement[0] != '\0' ? placement : "-",
			bench_format_concurrency(result));
	}
}

/* Three figures a baseline. */
static void print_ratios(const json_t *document,
			 const json_t *setting,
			 const char *const *baselines,
			 size_t num_baselines,
			 FILE *file)
{
	size_t i = 0;
	size_t j = 0;

	fprintf(file, "%-*s", NAME_WIDTH, "compared with");
	for (i = 0; i < num_baselines; i++) {
		char name[26];

		bench_format_plain(baselines[i], name, sizeof(name));
		fprintf(file, "  %26s", name);
	}
	fprintf(file, "\n%-*s", NAME_WIDTH, "");
	for (i = 0; i < num_baselines; i++) {
		fprintf(file, "  %9s %8s %7s", "ops/s", "p50", "CPU/op");
	}
	fprintf(file, "\n");
	for (i = 0; i < bench_document_num_results(document); i++) {
		const json_t *result = bench_document_result(document, i);

		if (!bench_document_same_setting(setting, result)) {
			continue;
		}
		print_name(result, file);
		for (j = 0; j < num_baselines; j++) {
			/* Not by a path: a baseline's name may have a dot in it. */
			const json_t *ratio =
				json_object_get(json_object_get(result, "ratios"), baselines[j]);

			fprintf(file, " ");
			bench_table_ratio(ratio, "ops_per_second", 9, file);
			bench_table_ratio(ratio, "p50", 8, file);
			bench_table_ratio(ratio, "cpu_per_op", 7, file);
		}
		fprintf(file, "\n");
	}
}

static void print_setting(const json_t *document, const json_t *setting, FILE *file)
{
	char title[BENCH_TITLE_SIZE];
	const char **baselines = NULL;
	size_t num_baselines = 0;
	size_t i = 0;

	bench_format_setting(setting, title, sizeof(title));
	fprintf(file, "\n%s\n\n", title);
	print_latency(document, setting, file);
	fprintf(file, "\n");
	print_cost(document, setting, file);
	baselines = bench_document_baselines(NULL, document, setting, &num_baselines);
	for (i = 0; i < num_baselines && baselines != NULL; i += BASELINES_IN_A_LINE) {
		size_t rest = num_baselines - i;

		fprintf(file, "\n");
		print_ratios(document,
			     setting,
			     baselines + i,
			     rest < BASELINES_IN_A_LINE ? rest : BASELINES_IN_A_LINE,
			     file);
	}
	talloc_free(baselines);
}

void bench_report_table(const json_t *document, FILE *file)
{
	size_t i = 0;

	print_header(document, file);
	for (i = 0; i < bench_document_num_results(document); i++) {
		if (bench_document_begins_setting(document, i)) {
			print_setting(document, bench_document_result(document, i), file);
		}
	}
	if (!json_is_true(json_object_get(document, "complete"))) {
		fprintf(file, "\nnot complete: the run ended early\n");
	}
}
