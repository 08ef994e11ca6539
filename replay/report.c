/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the reports of a replay go. What is in them is known by report_*.c.
 */
#include "report_document.h"

#include "document_parts.h"
#include "outputs.h"
#include "program_name.h"

#include <string.h>

struct replay_report {
	const struct replay_report_paths *paths;
	struct bench_outputs outputs;
};

static bool is_stdout(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

/* What could not be written at the very end has been said by replay_report_write() already. */
static int close_outputs(struct replay_report *report)
{
	bench_outputs_close(&report->outputs);
	return 0;
}

struct replay_report *replay_report_open(TALLOC_CTX *mem_ctx,
					 const struct replay_report_paths *paths)
{
	struct replay_report *report = talloc_zero(mem_ctx, struct replay_report);
	struct bench_report_paths others = { .csv = paths->csv, .plot = paths->plot };
	bool ok = false;

	if (report == NULL) {
		fprintf(stderr, "%s: out of memory\n", bench_program_name);
		return NULL;
	}
	if (is_stdout(paths->json) && is_stdout(paths->csv)) {
		fprintf(stderr,
			"%s: --json - and --csv - want standard output both\n",
			bench_program_name);
		talloc_free(report);
		return NULL;
	}
	report->paths = paths;
	talloc_set_destructor(report, close_outputs);
	ok = bench_outputs_open(
		&report->outputs, is_stdout(paths->json) ? NULL : paths->json, &others);
	if (!ok) {
		talloc_free(report);
		return NULL;
	}
	return report;
}

static bool write_to_stdout(const struct replay_report_paths *paths, const json_t *document)
{
	if (!is_stdout(paths->json)) {
		return is_stdout(paths->csv) ||
		       bench_output_print("-", "the table", replay_report_table, document);
	}
	bench_document_write(document, stdout);
	return bench_output_flush(stdout, "the document");
}

bool replay_report_write(struct replay_report *report,
			 const struct replay_results *results,
			 const struct replay_report_about *about)
{
	json_t *document = replay_report_document(results, about);
	bool ok = true;

	if (document == NULL) {
		fprintf(stderr, "%s: out of memory\n", bench_program_name);
		return false;
	}
	ok = write_to_stdout(report->paths, document);
	ok = bench_outputs_write(&report->outputs, document) && ok;
	ok = bench_outputs_close(&report->outputs) && ok;
	if (report->paths->csv != NULL) {
		ok = bench_output_print(
			     report->paths->csv, "the CSV", replay_report_csv, document) &&
		     ok;
	}
	if (report->paths->plot != NULL) {
		ok = replay_report_plot(document, report->paths->plot) && ok;
	}
	json_decref(document);
	return ok;
}
