/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two documents side by side. Whether a difference is more than noise is asked of the rounds: two
 * medians alone say nothing about that.
 */
#include "document.h"
#include "rank_test.h"
#include "report.h"
#include "report_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 24

/* What is improbable enough to be called a difference. */
#define SIGNIFICANT 0.05

enum metric_kind {
	METRIC_COUNT,
	METRIC_TIME,
};

static const struct metric {
	const char *name;
	const char *field;	 /* of a result */
	const char *round_field; /* of a round */
	enum metric_kind kind;
} metrics[] = {
	{ "ops/s", "ops_per_second", "ops_per_second", METRIC_COUNT },
	{ "p50", "latency_ns.p50", "p50_ns", METRIC_TIME },
	{ "p99", "latency_ns.p99", "p99_ns", METRIC_TIME },
	{ "CPU/op", "cpu_ns_per_op", "cpu_ns_per_op", METRIC_TIME },
};

#define NUM_METRICS (sizeof(metrics) / sizeof(metrics[0]))

struct comparison {
	const json_t *old;
	const json_t *new;
	FILE *file;
	size_t num_tests;
	bool too_few; /* of some result there were not enough rounds */
};

/* ------------------------------------------------------------------------------ the header */

static void warn_text(const struct comparison *comparison, const char *what, const char *field)
{
	const char *old = bench_document_text(comparison->old, field);
	const char *new = bench_document_text(comparison->new, field);
	char old_plain[BENCH_TITLE_SIZE];
	char new_plain[BENCH_TITLE_SIZE];

	if (strcmp(old, new) != 0) {
		bench_format_plain(old, old_plain, sizeof(old_plain));
		bench_format_plain(new, new_plain, sizeof(new_plain));
		fprintf(comparison->file,
			"warning: not the same %s: %s, then %s\n",
			what,
			old_plain,
			new_plain);
	}
}

static void warn_config(const struct comparison *comparison)
{
	const json_t *old = json_object_get(comparison->old, "config");
	const json_t *new = json_object_get(comparison->new, "config");
	const char *name = NULL;
	json_t *value = NULL;
	bool first = true;

	json_object_foreach((json_t *)old, name, value)
	{
		json_t *other = json_object_get(new, name);
		char plain[BENCH_CELL_SIZE];

		if (json_equal(value, other)) {
			continue;
		}
		bench_format_plain(name, plain, sizeof(plain));
		fprintf(comparison->file,
			"%s %s",
			first ? "warning: not the same options:" : ",",
			plain);
		first = false;
	}
	json_object_foreach((json_t *)new, name, value)
	{
		char plain[BENCH_CELL_SIZE];

		if (json_object_get(old, name) != NULL) {
			continue;
		}
		bench_format_plain(name, plain, sizeof(plain));
		fprintf(comparison->file,
			"%s %s",
			first ? "warning: not the same options:" : ",",
			plain);
		first = false;
	}
	if (!first) {
		fprintf(comparison->file, "\n");
	}
}

static void warn_of(const struct comparison *comparison, const json_t *document, const char *which)
{
	const json_t *warnings = json_object_get(document, "warnings");
	size_t i = 0;

	if (!json_is_true(json_object_get(document, "complete"))) {
		fprintf(comparison->file, "warning: the %s run ended early\n", which);
	}
	for (i = 0; i < json_array_size(warnings); i++) {
		char plain[2 * BENCH_TITLE_SIZE];

		bench_format_plain(
			json_string_value(json_array_get(warnings, i)), plain, sizeof(plain));
		fprintf(comparison->file, "warning of the %s run: %s\n", which, plain);
	}
}

static void print_header(const struct comparison *comparison)
{
	double old_processors = bench_document_number(comparison->old, "host.processors");
	double new_processors = bench_document_number(comparison->new, "host.processors");

	warn_text(comparison, "version", "version");
	warn_text(comparison, "kernel", "host.kernel");
	warn_text(comparison, "machine", "host.machine");
	warn_text(comparison, "processor", "host.processor");
	warn_text(comparison, "file system", "host.file_system");
	if (old_processors != new_processors) {
		fprintf(comparison->file,
			"warning: not as many processors: %.0f, then %.0f\n",
			old_processors,
			new_processors);
	}
	if (!json_equal(bench_document_field(comparison->old, "host.mitigations"),
			bench_document_field(comparison->new, "host.mitigations")) &&
	    (bench_document_field(comparison->old, "host.mitigations") != NULL ||
	     bench_document_field(comparison->new, "host.mitigations") != NULL)) {
		fprintf(comparison->file, "warning: not the same mitigations\n");
	}
	warn_config(comparison);
	warn_of(comparison, comparison->old, "old");
	warn_of(comparison, comparison->new, "new");
}

/* ----------------------------------------------------------------------------- the results */

/* Where it is `nth` of its kind, the nth of the other document; NULL when there is none. */
static const json_t *counterpart(const json_t *of, size_t index, const json_t *in)
{
	const json_t *result = bench_document_result(of, index);
	const char *engine = bench_document_text(result, "engine");
	size_t nth = 0;
	size_t i = 0;

	for (i = 0; i < index; i++) {
		const json_t *one = bench_document_result(of, i);

		nth += strcmp(bench_document_text(one, "engine"), engine) == 0 &&
		       bench_document_same_setting(one, result);
	}
	for (i = 0; i < bench_document_num_results(in); i++) {
		const json_t *one = bench_document_result(in, i);

		if (strcmp(bench_document_text(one, "engine"), engine) == 0 &&
		    bench_document_same_setting(one, result)) {
			if (nth == 0) {
				return one;
			}
			nth--;
		}
	}
	return NULL;
}

/* Those of the rounds that have it. */
static double *values_of(const json_t *result, const char *field, size_t *num_values)
{
	const json_t *rounds = json_object_get(result, "rounds");
	size_t num_rounds = json_array_size(rounds);
	double *values = calloc(num_rounds + 1, sizeof(values[0]));
	size_t i = 0;

	*num_values = 0;
	for (i = 0; i < num_rounds && values != NULL; i++) {
		double value = bench_document_number(json_array_get(rounds, i), field);

		if (isfinite(value)) {
			values[*num_values] = value;
			*num_values += 1;
		}
	}
	return values;
}

/* Better is up for throughput, and down for the others. */
static const char *verdict(const struct metric *metric, double old, double new)
{
	bool more = new > old;

	if (new == old) {
		return "differs, though not in the median";
	}
	if (metric->kind == METRIC_COUNT) {
		return more ? "better" : "WORSE";
	}
	return more ? "WORSE" : "better";
}

static void print_verdict(struct comparison *comparison,
			  const struct metric *metric,
			  const json_t *old,
			  const json_t *new)
{
	size_t num_old = 0;
	size_t num_new = 0;
	double *old_values = values_of(old, metric->round_field, &num_old);
	double *new_values = values_of(new, metric->round_field, &num_new);
	double p = NAN;

	if (old_values != NULL && new_values != NULL) {
		p = bench_rank_test(old_values, num_old, new_values, num_new);
	}
	if (num_old == 0 || num_new == 0) {
		fprintf(comparison->file, "        -  no rounds to tell by\n");
	} else if (bench_rank_test_least(num_old, num_new) > SIGNIFICANT) {
		comparison->too_few = true;
		fprintf(comparison->file,
			"        -  too few rounds to tell (%zu and %zu)\n",
			num_old,
			num_new);
	} else {
		comparison->num_tests++;
		fprintf(comparison->file,
			p < 0.0001 ? " %8.1e  %s\n" : " %8.4f  %s\n",
			p,
			p >= SIGNIFICANT ? "within noise"
					 : verdict(metric,
						   bench_document_number(old, metric->field),
						   bench_document_number(new, metric->field)));
	}
	free(old_values);
	free(new_values);
}

static void print_metric(struct comparison *comparison,
			 const struct metric *metric,
			 const json_t *old,
			 const json_t *new)
{
	double old_value = bench_document_number(old, metric->field);
	double new_value = bench_document_number(new, metric->field);
	char old_text[BENCH_CELL_SIZE];
	char new_text[BENCH_CELL_SIZE];
	char ratio[BENCH_CELL_SIZE] = "-";

	if (metric->kind == METRIC_COUNT) {
		bench_format_count(old_value, old_text, sizeof(old_text));
		bench_format_count(new_value, new_text, sizeof(new_text));
	} else {
		bench_format_time(old_value, old_text, sizeof(old_text));
		bench_format_time(new_value, new_text, sizeof(new_text));
	}
	if (old_value > 0 && isfinite(new_value)) {
		snprintf(ratio,
			 sizeof(ratio),
			 new_value / old_value < 1e4 ? "%.2fx" : "%.0ex",
			 new_value / old_value);
	}
	fprintf(comparison->file, "%-8s %10s %10s %8s", metric->name, old_text, new_text, ratio);
	if (!isfinite(old_value) || !isfinite(new_value)) {
		fprintf(comparison->file, "        -  not measured\n");
		return;
	}
	print_verdict(comparison, metric, old, new);
}

static void print_errors(const struct comparison *comparison, const json_t *old, const json_t *new)
{
	double old_errors = bench_document_number(old, "errors");
	double new_errors = bench_document_number(new, "errors");

	if (old_errors > 0 || new_errors > 0) {
		fprintf(comparison->file,
			"%*swrong answers: %.0f, then %.0f\n",
			NAME_WIDTH,
			"",
			old_errors,
			new_errors);
	}
}

static void print_pair(struct comparison *comparison, const json_t *old, const json_t *new)
{
	char name[NAME_WIDTH - 1];
	size_t i = 0;

	bench_format_plain(bench_document_text(new, "engine"), name, sizeof(name));
	for (i = 0; i < NUM_METRICS; i++) {
		fprintf(comparison->file, "  %-*s", NAME_WIDTH - 2, i == 0 ? name : "");
		print_metric(comparison, &metrics[i], old, new);
	}
	print_errors(comparison, old, new);
}

static void print_setting(struct comparison *comparison, const json_t *setting)
{
	char title[BENCH_TITLE_SIZE];
	bool first = true;
	size_t i = 0;

	bench_format_setting(setting, title, sizeof(title));
	for (i = 0; i < bench_document_num_results(comparison->new); i++) {
		const json_t *new = bench_document_result(comparison->new, i);
		const json_t *old = NULL;

		if (!bench_document_same_setting(setting, new)) {
			continue;
		}
		old = counterpart(comparison->new, i, comparison->old);
		if (old == NULL) {
			continue;
		}
		if (first) {
			fprintf(comparison->file,
				"\n%s\n\n%-*s%-8s %10s %10s %8s %8s\n",
				title,
				NAME_WIDTH,
				"",
				"",
				"old",
				"new",
				"new/old",
				"p");
			first = false;
		}
		print_pair(comparison, old, new);
	}
}

static void print_missing(const struct comparison *comparison,
			  const json_t *of,
			  const json_t *in,
			  const char *which)
{
	bool first = true;
	size_t i = 0;

	for (i = 0; i < bench_document_num_results(of); i++) {
		const json_t *result = bench_document_result(of, i);
		char engine[BENCH_CELL_SIZE];
		char title[BENCH_TITLE_SIZE];

		if (counterpart(of, i, in) != NULL) {
			continue;
		}
		if (first) {
			fprintf(comparison->file, "\nonly in the %s run:\n", which);
			first = false;
		}
		bench_format_plain(bench_document_text(result, "engine"), engine, sizeof(engine));
		bench_format_setting(result, title, sizeof(title));
		fprintf(comparison->file, "  %s: %s\n", engine, title);
	}
}

static void print_explanation(const struct comparison *comparison)
{
	if (comparison->num_tests > 0) {
		fprintf(comparison->file,
			"\np is how often two runs of the same thing would differ as much in their rounds, by the exact rank test\n"
			"(Mann-Whitney); below %.2g it is called a difference. Of these %zu comparisons some %.0f would be called one by\n"
			"chance. The test knows the noise within each run; that the machine was another one that day it cannot know.\n",
			SIGNIFICANT,
			comparison->num_tests,
			ceil((double)comparison->num_tests * SIGNIFICANT));
	}
	if (comparison->too_few) {
		fprintf(comparison->file,
			"\nIt takes 4 rounds in both runs (--repeat) before any difference can be told from chance.\n");
	}
}

bool bench_compare(const char *old_path, const char *new_path, FILE *file)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct comparison comparison = { .file = file };
	char *why = NULL;
	json_t *old = bench_document_load(mem_ctx, old_path, &why);
	json_t *new = old != NULL ? bench_document_load(mem_ctx, new_path, &why) : NULL;
	bool ok = old != NULL && new != NULL;
	size_t i = 0;

	if (!ok) {
		fprintf(stderr, "pathring-bench: %s\n", why != NULL ? why : "out of memory");
	} else {
		comparison.old = old;
		comparison.new = new;
		print_header(&comparison);
		for (i = 0; i < bench_document_num_results(new); i++) {
			if (bench_document_begins_setting(new, i)) {
				print_setting(&comparison, bench_document_result(new, i));
			}
		}
		print_missing(&comparison, old, new, "old");
		print_missing(&comparison, new, old, "new");
		print_explanation(&comparison);
	}
	json_decref(old);
	json_decref(new);
	talloc_free(mem_ctx);
	return ok;
}
