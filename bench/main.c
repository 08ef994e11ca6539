/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pathring-bench: from the command line to the exit code, and nothing left behind.
 *
 * Exit codes: 0 measured, and every answer was right; 1 an answer was wrong, or something failed; 2
 * bad command line; 128 and the signal's number when one ended the run.
 */
#include "idle.h"
#include "options.h"
#include "report.h"
#include "rounds.h"
#include "signals.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * Opened before the run, so that a path that cannot be written is known before the time is spent.
 */
static bool open_json(const char *path, FILE **file)
{
	int fd = -1;

	if (path == NULL) {
		return true;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd != -1) {
		*file = fdopen(fd, "w");
	}
	if (*file == NULL) {
		fprintf(stderr, "pathring-bench: cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	return true;
}

static bool write_json(const struct bench_report *report, FILE *file)
{
	int ret = 0;
	bool ok = true;

	if (file == NULL) {
		return true;
	}
	/*
	 * Only now, so that an earlier result survives a run that fails. EINVAL: a pipe or a
	 * terminal.
	 */
	ret = ftruncate(fileno(file), 0);
	if (ret == 0 || errno == EINVAL) {
		ok = bench_report_json(report, file);
	} else {
		ok = false;
	}
	if (!ok) {
		fprintf(stderr,
			"pathring-bench: cannot write %s: %s\n",
			report->options->json,
			strerror(errno));
	}
	return ok;
}

static bool allow_descriptors(const struct bench_options *options)
{
	struct rlimit limit;
	size_t deepest = 1;
	rlim_t wanted = 0;
	size_t i = 0;
	int ret = 0;

	for (i = 0; i < options->num_depths; i++) {
		if (options->depths[i] > deepest) {
			deepest = options->depths[i];
		}
	}
	/*
	 * In flight one each, and of raw-uring three slots, which count too. Before that, each file
	 * or each user's directory.
	 */
	wanted = (rlim_t)deepest * 4 + options->tree.num_files + options->tree.num_users + 256;
	ret = getrlimit(RLIMIT_NOFILE, &limit);
	if (ret == 0 && limit.rlim_cur < wanted) {
		limit.rlim_cur = wanted;
		if (limit.rlim_max < wanted) {
			limit.rlim_max = wanted;
		}
		ret = setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (ret != 0) {
		fprintf(stderr,
			"pathring-bench: depth %zu and %zu files need a limit of %llu open files (ulimit -n): %s\n",
			deepest,
			options->tree.num_files,
			(unsigned long long)wanted,
			strerror(errno));
		return false;
	}
	return true;
}

static bool all_right(const struct bench_results *results)
{
	uint64_t errors = 0;
	size_t i = 0;

	for (i = 0; i < results->num_results; i++) {
		errors += results->results[i].errors;
	}
	if (errors != 0) {
		fprintf(stderr, "pathring-bench: %llu wrong answers\n", (unsigned long long)errors);
	}
	return errors == 0;
}

static bool report_all(TALLOC_CTX *mem_ctx,
		       const struct bench_options *options,
		       const struct bench_tree *tree,
		       const struct bench_results *results,
		       FILE *json)
{
	struct bench_report report = { .options = options, .tree = tree, .results = results };
	int ret = 0;
	bool ok = false;

	report.host = bench_host(mem_ctx, tree->dir_fd);
	if (report.host == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return false;
	}
	bench_report_table(&report, stdout);
	ret = fflush(stdout);
	if (ret != 0) {
		fprintf(stderr, "pathring-bench: cannot write the table: %s\n", strerror(errno));
	}
	ok = write_json(&report, json);
	return ok && ret == 0;
}

static int run(TALLOC_CTX *mem_ctx, const struct bench_options *options, FILE *json)
{
	struct bench_tree *tree = NULL;
	struct bench_results *results = NULL;
	enum bench_load_result outcome = BENCH_LOAD_OK;
	char *why = NULL;
	bool ok = false;

	ok = bench_tree_create(mem_ctx, &options->tree, &tree, &why);
	if (!ok) {
		fprintf(stderr, "pathring-bench: %s\n", why != NULL ? why : "out of memory");
		return EXIT_FAILURE;
	}

	outcome = bench_rounds_run(mem_ctx, tree, options, &results);
	ok = outcome == BENCH_LOAD_OK;
	if (results != NULL && results->results[0].num_rounds > 0) {
		bool reported = report_all(mem_ctx, options, tree, results, json);
		bool right = all_right(results);

		ok = ok && reported && right;
	}
	ok = bench_tree_remove(tree) && ok;

	/* No orderly end is possible while the kernel may still write into the engine's memory. */
	if (outcome == BENCH_LOAD_STUCK) {
		_exit(EXIT_FAILURE);
	}
	if (bench_signal_caught() != 0) {
		return 128 + bench_signal_caught();
	}
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, const char **argv)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct bench_options *options = NULL;
	enum bench_options_result parsed = BENCH_OPTIONS_BAD;
	FILE *json = NULL;
	uid_t euid = geteuid();
	int code = EXIT_FAILURE;
	bool ok = false;

	parsed = bench_options_parse(mem_ctx, argc, argv, &options);
	if (parsed != BENCH_OPTIONS_RUN) {
		talloc_free(mem_ctx);
		return parsed == BENCH_OPTIONS_DONE ? EXIT_SUCCESS : 2;
	}
	if (options->idle) {
		ok = bench_idle_show(&options->settings, stdout);
		talloc_free(mem_ctx);
		return ok ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (euid != 0) {
		fprintf(stderr,
			"pathring-bench: must run as root: requests run as other users, and files are given to them\n");
		talloc_free(mem_ctx);
		return EXIT_FAILURE;
	}

	ok = bench_signals_install();
	if (!ok) {
		fprintf(stderr,
			"pathring-bench: cannot install signal handlers: %s\n",
			strerror(errno));
	}
	ok = ok && allow_descriptors(options) && open_json(options->json, &json);
	if (ok) {
		code = run(mem_ctx, options, json);
	}
	if (json != NULL) {
		int ret = fclose(json);

		if (ret != 0 && code == EXIT_SUCCESS) {
			fprintf(stderr,
				"pathring-bench: cannot write %s: %s\n",
				options->json,
				strerror(errno));
			code = EXIT_FAILURE;
		}
	}
	talloc_free(mem_ctx);
	return code;
}
