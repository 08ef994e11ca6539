/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The subcommands that measure nothing, and the files that reports are written to.
 *
 * Exit codes: 0; 1 when a file cannot be read, is no document, or cannot be written; 2 bad command
 * line.
 */
#include "document.h"
#include "outputs.h"
#include "report.h"

#include <popt.h>
#include <stdlib.h>
#include <string.h>

/* What can be written is, also when something else cannot. */
bool bench_report_write(const json_t *document, const struct bench_report_paths *paths)
{
	bool ok = true;

	if (paths->csv != NULL) {
		ok = bench_output_print(paths->csv, "the CSV", bench_report_csv, document) && ok;
	}
	if (paths->hgrm != NULL) {
		ok = bench_report_hgrm(document, paths->hgrm) && ok;
	}
	if (paths->plot != NULL) {
		ok = bench_report_plot(document, paths->plot) && ok;
	}
	return ok;
}

static int report(const char *path, const struct bench_report_paths *paths)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	char *why = NULL;
	json_t *document = bench_document_load(mem_ctx, path, &why);
	bool ok = false;

	if (document == NULL) {
		fprintf(stderr, "pathring-bench: %s\n", why != NULL ? why : "out of memory");
		talloc_free(mem_ctx);
		return EXIT_FAILURE;
	}
	ok = true;
	if (paths->csv == NULL || strcmp(paths->csv, "-") != 0) {
		ok = bench_output_print("-", "the table", bench_report_table, document);
	}
	ok = bench_report_write(document, paths) && ok;
	json_decref(document);
	talloc_free(mem_ctx);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * The arguments that are no options: as many as `files` has room for. False when there are more or
 * fewer, or an option is wrong: that has been said then.
 */
static bool parse(poptContext context, const char *command, const char **files, size_t num_files)
{
	const char *argument = NULL;
	size_t count = 0;
	int ret = poptGetNextOpt(context);

	if (ret < -1) {
		fprintf(stderr,
			"pathring-bench %s: %s: %s\n",
			command,
			poptBadOption(context, POPT_BADOPTION_NOALIAS),
			poptStrerror(ret));
		return false;
	}
	for (argument = poptGetArg(context); argument != NULL; argument = poptGetArg(context)) {
		if (count < num_files) {
			files[count] = argument;
		}
		count++;
	}
	if (count != num_files) {
		fprintf(stderr,
			"pathring-bench %s: %s; try --help\n",
			command,
			num_files == 1 ? "needs one file: a JSON document"
				       : "needs two files: the old and the new JSON document");
		return false;
	}
	return true;
}

int bench_report_main(int argc, const char **argv)
{
	char *csv = NULL;
	char *hgrm = NULL;
	char *plot = NULL;
	const char *file = NULL;
	const struct poptOption table[] = {
		{ "csv",
		  '\0',
		  POPT_ARG_STRING,
		  &csv,
		  0,
		  "write comma-separated values, a line a result ('-': to stdout, instead of the table)",
		  "FILE" },
		{ "hgrm",
		  '\0',
		  POPT_ARG_STRING,
		  &hgrm,
		  0,
		  "write percentile distributions as HdrHistogram does, a file a result",
		  "DIR" },
		{ "plot",
		  '\0',
		  POPT_ARG_STRING,
		  &plot,
		  0,
		  "draw SVGs with gnuplot, and index.html, a page with all of them and the tables",
		  "DIR" },
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("pathring-bench report", argc, argv, table, 0);
	struct bench_report_paths paths = { 0 };
	int code = 2;
	bool ok = false;

	poptSetOtherOptionHelp(
		context,
		"FILE.json [OPTION]...\n\n"
		"Prints the tables of a run that was kept with --json, and writes what "
		"is asked for.\n");
	ok = parse(context, "report", &file, 1);
	if (ok) {
		paths.csv = csv;
		paths.hgrm = hgrm;
		paths.plot = plot;
		code = report(file, &paths);
	}
	poptFreeContext(context);
	free(csv);
	free(hgrm);
	free(plot);
	return code;
}

int bench_compare_main(int argc, const char **argv)
{
	const char *files[2] = { NULL, NULL };
	const struct poptOption table[] = {
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("pathring-bench compare", argc, argv, table, 0);
	int code = 2;
	bool ok = false;

	poptSetOtherOptionHelp(context,
			       "OLD.json NEW.json\n\n"
			       "Shows what changed from one run to another, and whether it is more "
			       "than noise.\n");
	ok = parse(context, "compare", files, 2);
	if (ok) {
		ok = bench_compare(files[0], files[1], stdout);
		ok = bench_output_flush(stdout, "the comparison") && ok;
		code = ok ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	poptFreeContext(context);
	return code;
}
