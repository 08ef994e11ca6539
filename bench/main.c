/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pathring-bench: from the command line to the exit code, and nothing left behind.
 *
 * Exit codes: 0 measured, and every answer was right; 1 an answer was wrong, or something failed; 2
 * bad command line; 128 and the signal's number when one ended the run.
 */
#include "descriptors.h"
#include "idle.h"
#include "options.h"
#include "outputs.h"
#include "probe.h"
#include "program_name.h"
#include "report.h"
#include "report_json.h"
#include "rounds.h"
#include "signals.h"
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char bench_program_name[] = "pathring-bench";

static bool all_right(const struct bench_report *report)
{
	uint64_t errors = 0;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < report->num_results; i++) {
		for (j = 0; j < report->results[i]->num_results; j++) {
			errors += report->results[i]->results[j].errors;
		}
	}
	if (errors != 0) {
		fprintf(stderr, "pathring-bench: %llu wrong answers\n", (unsigned long long)errors);
	}
	return errors == 0;
}

static bool report_all(const struct bench_report *report, struct bench_outputs *outputs)
{
	json_t *document = NULL;
	bool ok = false;

	if (report->num_results == 0) {
		return true;
	}
	document = bench_report_document(report);
	if (document == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return false;
	}
	ok = bench_output_print("-", "the table", bench_report_table, document);
	ok = bench_outputs_write(outputs, document) && ok;
	ok = bench_report_write(document, &outputs->paths) && ok;
	json_decref(document);
	return ok;
}

/* One mix, on a tree of its own. What was measured is added to the report. */
static enum bench_load_result
run_mix(struct bench_report *report, const struct bench_mix *mix, bool *removed)
{
	struct bench_tree_options options = report->options->tree;
	struct bench_tree *tree = NULL;
	struct bench_results *results = NULL;
	enum bench_load_result outcome = BENCH_LOAD_OK;
	char *why = NULL;
	size_t i = 0;
	bool ok = false;

	for (i = 0; i < mix->num_shares; i++) {
		options.writes = options.writes || mix->shares[i].operation->writes;
		options.lists = options.lists || mix->shares[i].operation->lists;
	}
	ok = bench_tree_create(report, &options, &tree, &why);
	if (!ok) {
		fprintf(stderr, "pathring-bench: %s\n", why != NULL ? why : "out of memory");
		return BENCH_LOAD_FAILED;
	}
	if (report->host == NULL) {
		report->host = bench_host(report, tree->dir_fd);
	}
	if (report->host == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		*removed = bench_tree_remove(tree);
		return BENCH_LOAD_FAILED;
	}
	outcome = bench_rounds_run(report, tree, report->options, mix, &results);
	if (results != NULL && results->results[0].num_rounds > 0) {
		report->results[report->num_results] = results;
		report->num_results++;
	}
	*removed = bench_tree_remove(tree);
	return outcome;
}

static int
run(TALLOC_CTX *mem_ctx, const struct bench_options *options, struct bench_outputs *outputs)
{
	struct bench_report *report = talloc_zero(mem_ctx, struct bench_report);
	enum bench_load_result outcome = BENCH_LOAD_OK;
	bool removed = true;
	bool reported = false;
	bool right = false;
	size_t i = 0;

	if (report != NULL) {
		report->options = options;
		report->results =
			talloc_array(report, const struct bench_results *, options->num_mixes);
	}
	if (report == NULL || report->results == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return EXIT_FAILURE;
	}
	for (i = 0; i < options->num_mixes && outcome == BENCH_LOAD_OK && removed; i++) {
		outcome = run_mix(report, &options->mixes[i], &removed);
	}
	reported = report_all(report, outputs);
	right = all_right(report);

	/* No orderly end is possible while the kernel may still write into the engine's memory. */
	if (outcome == BENCH_LOAD_STUCK) {
		_exit(EXIT_FAILURE);
	}
	if (bench_signal_caught() != 0) {
		return 128 + bench_signal_caught();
	}
	return outcome == BENCH_LOAD_OK && removed && reported && right ? EXIT_SUCCESS
									: EXIT_FAILURE;
}

static int idle_main(int argc, const char **argv)
{
	bool ok = false;

	if (argc > 1) {
		fprintf(stderr, "pathring-bench: idle %s: takes no argument\n", argv[1]);
		return 2;
	}
	ok = bench_idle_show(stdout);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_main(int argc, const char **argv)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct bench_options *options = NULL;
	enum bench_options_result parsed = BENCH_OPTIONS_BAD;
	struct bench_outputs outputs = { .json = NULL };
	struct bench_report_paths paths = { 0 };
	int code = EXIT_FAILURE;
	bool ok = false;

	parsed = bench_options_parse(mem_ctx, argc, argv, &options);
	if (parsed != BENCH_OPTIONS_RUN) {
		talloc_free(mem_ctx);
		return parsed == BENCH_OPTIONS_DONE ? EXIT_SUCCESS : 2;
	}
	if (options->unprivileged) {
		fprintf(stderr,
			"pathring-bench: not root: all requests run as user %u, and identities are not "
			"measured\n",
			(unsigned int)geteuid());
	}

	ok = bench_signals_install();
	if (!ok) {
		fprintf(stderr,
			"pathring-bench: cannot install signal handlers: %s\n",
			strerror(errno));
	}
	paths.csv = options->csv;
	paths.hgrm = options->hgrm;
	paths.plot = options->plot;
	ok = ok && bench_descriptors_allow(options) &&
	     bench_outputs_open(&outputs, options->json, &paths);
	if (ok) {
		code = run(mem_ctx, options, &outputs);
	}
	ok = bench_outputs_close(&outputs);
	if (!ok && code == EXIT_SUCCESS) {
		code = EXIT_FAILURE;
	}
	talloc_free(mem_ctx);
	return code;
}

int main(int argc, const char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, const char **argv);
	} commands[] = {
		{ "run", run_main },
		{ "idle", idle_main },
		{ "probe", probe_main },
		{ "report", bench_report_main },
		{ "compare", bench_compare_main },
	};
	size_t i = 0;

	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	return run_main(argc, argv);
}
