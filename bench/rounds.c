/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the engines in turn and takes medians. Engines alternate within each repetition (A B C A B C
 * ...), because a machine's speed drifts over minutes and both sides of a comparison should see the
 * same drift.
 */
#include "rounds.h"

#include "signals.h"
#include "system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* System calls are counted for so long. */
#define COUNTED_NS 200000000U

static const uint32_t percentile_parts[BENCH_NUM_PERCENTILES] = {
	[BENCH_P50] = 50000,   [BENCH_P90] = 90000,    [BENCH_P99] = 99000,
	[BENCH_P99_9] = 99900, [BENCH_P99_99] = 99990,
};

static void keep_times(struct bench_times *times, const struct bench_histogram *histogram)
{
	size_t i = 0;

	times->mean_ns = bench_histogram_mean(histogram);
	for (i = 0; i < BENCH_NUM_PERCENTILES; i++) {
		times->percentile_ns[i] =
			(double)bench_histogram_percentile(histogram, percentile_parts[i]);
	}
}

static void keep_round(struct bench_result *result, const struct bench_round *round)
{
	struct bench_figures *figures = &result->rounds[result->num_rounds];
	double ops = (double)round->ops;
	size_t i = 0;

	result->num_rounds++;
	result->backend = round->backend;
	result->ops += round->ops;
	result->errors += round->errors;
	result->denied += round->denied;
	result->unissued += round->unissued;
	for (i = 0; i < BENCH_NUM_PLACEMENTS; i++) {
		result->account.placed[i] += round->account.placed[i];
	}
	result->account.submissions += round->account.submissions;
	result->account.enters += round->account.enters;
	result->account.fallbacks += round->account.fallbacks;
	result->account.switches += round->account.switches;

	figures->ops = round->ops;
	figures->seconds = (double)round->elapsed_ns / 1e9;
	figures->ops_per_second = ops / figures->seconds;
	figures->cpu_ns_per_op = (double)round->cpu_ns / ops;
	figures->context_switches_per_op = (double)round->context_switches / ops;
	for (i = 0; i < BENCH_NUM_TIMES; i++) {
		bench_histogram_merge(&result->times[i], &round->times[i]);
		keep_times(&figures->times[i], &round->times[i]);
	}
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Of the member at `offset` of each round; the spread is wanted of one figure only. */
static double
median_of(const struct bench_result *result, size_t offset, double *values, double *spread_percent)
{
	size_t num = result->num_rounds;
	double median = 0;
	size_t i = 0;

	for (i = 0; i < num; i++) {
		const char *figures = (const char *)&result->rounds[i];

		memcpy(&values[i], figures + offset, sizeof(double));
	}
	qsort(values, num, sizeof(double), compare_doubles);
	median = (values[(num - 1) / 2] + values[num / 2]) / 2;
	if (spread_percent != NULL) {
		*spread_percent = median > 0 ? (values[num - 1] - values[0]) / median * 100 : 0;
	}
	return median;
}

static void take_medians(struct bench_result *result, double *values)
{
	struct bench_figures *median = &result->median;
	size_t i = 0;
	size_t j = 0;

	median->ops_per_second = median_of(result,
					   offsetof(struct bench_figures, ops_per_second),
					   values,
					   &result->spread_percent);
	median->cpu_ns_per_op =
		median_of(result, offsetof(struct bench_figures, cpu_ns_per_op), values, NULL);
	median->context_switches_per_op = median_of(
		result, offsetof(struct bench_figures, context_switches_per_op), values, NULL);
	for (i = 0; i < BENCH_NUM_TIMES; i++) {
		size_t base =
			offsetof(struct bench_figures, times) + i * sizeof(struct bench_times);
		size_t mean = base + offsetof(struct bench_times, mean_ns);
		size_t percentiles = base + offsetof(struct bench_times, percentile_ns);
		struct bench_times *times = &median->times[i];

		times->mean_ns = median_of(result, mean, values, NULL);
		for (j = 0; j < BENCH_NUM_PERCENTILES; j++) {
			times->percentile_ns[j] =
				median_of(result, percentiles + j * sizeof(double), values, NULL);
		}
	}
}

static const struct bench_result *result_at(const struct bench_results *results,
					    const struct bench_engine *engine,
					    const struct bench_point *point)
{
	size_t i = 0;

	for (i = 0; i < results->num_results; i++) {
		const struct bench_result *result = &results->results[i];

		if (result->engine == engine && result->point.depth == point->depth &&
		    result->point.rate == point->rate && result->num_rounds > 0) {
			return result;
		}
	}
	return NULL;
}

static double divide(double value, double by)
{
	return by > 0 ? value / by : 0;
}

static double p50_of(const struct bench_result *result)
{
	return result->median.times[BENCH_LATENCY].percentile_ns[BENCH_P50];
}

/* Compared at the same point, also with an engine that knows none: both ran in the same minute. */
static void take_ratios(struct bench_results *results, struct bench_result *result)
{
	const struct bench_figures *median = &result->median;
	size_t i = 0;

	for (i = 0; i < results->num_baselines; i++) {
		const struct bench_result *base =
			result_at(results, results->baselines[i], &result->point);

		if (base == NULL) {
			continue;
		}
		result->ratios[i] = (struct bench_ratio) {
			.ops_per_second =
				divide(median->ops_per_second, base->median.ops_per_second),
			.cpu_per_op = divide(median->cpu_ns_per_op, base->median.cpu_ns_per_op),
		};
		if (result->concurrency == base->concurrency) {
			result->ratios[i].p50 = divide(p50_of(result), p50_of(base));
		}
	}
}

static bool make_result(struct bench_results *results,
			const struct bench_options *options,
			const struct bench_engine *engine,
			const struct bench_point *point)
{
	struct bench_result *result = &results->results[results->num_results];
	size_t i = 0;

	*result = (struct bench_result) {
		.engine = engine,
		.point = *point,
		.concurrency = engine->concurrent ? point->depth : 1,
		.calls_per_op = -1,
	};
	result->rounds = talloc_zero_array(results, struct bench_figures, options->repeat);
	result->ratios = talloc_zero_array(results, struct bench_ratio, options->num_baselines);
	result->times = talloc_array(results, struct bench_histogram, BENCH_NUM_TIMES);
	if (result->rounds == NULL || result->ratios == NULL || result->times == NULL) {
		return false;
	}
	for (i = 0; i < BENCH_NUM_TIMES; i++) {
		bench_histogram_clear(&result->times[i]);
	}
	results->num_results++;
	return true;
}

static struct bench_results *
make_results(TALLOC_CTX *mem_ctx, const struct bench_options *options, const struct bench_mix *mix)
{
	struct bench_results *results = talloc_zero(mem_ctx, struct bench_results);
	size_t i = 0;
	size_t j = 0;
	bool ok = results != NULL;

	if (!ok) {
		return NULL;
	}
	results->mix = mix;
	results->baselines = options->baselines;
	results->num_baselines = options->num_baselines;
	results->results = talloc_zero_array(
		results, struct bench_result, options->num_points * options->num_engines);
	ok = results->results != NULL;
	for (i = 0; i < options->num_points; i++) {
		for (j = 0; ok && j < options->num_engines; j++) {
			const struct bench_engine *engine = options->engines[j];

			if (bench_engine_lacks(engine, mix) == NULL) {
				ok = make_result(results, options, engine, &options->points[i]);
			}
		}
	}
	if (!ok) {
		TALLOC_FREE(results);
	}
	return results;
}

/* The run of one mix. */
struct run {
	struct bench_tree *tree;
	const struct bench_options *options;
	struct bench_results *results;
	struct bench_round *round;
	size_t done; /* rounds, timed or counted */
	size_t total;
};

static void show_progress(const struct run *run, const struct bench_result *result)
{
	int terminal = isatty(STDERR_FILENO);

	if (terminal != 1) {
		return;
	}
	if (result == NULL) {
		fprintf(stderr, "\033[K");
		return;
	}
	/* The cursor goes back to the start, so that a message writes over it. */
	fprintf(stderr,
		"\033[K[%zu/%zu] %s, depth %zu, ",
		run->done + 1,
		run->total,
		run->results->mix->name,
		result->point.depth);
	if (result->point.rate > 0) {
		fprintf(stderr, "%g/s, ", result->point.rate);
	}
	fprintf(stderr, "%s\r", result->engine->name);
}

/* What it prints is not the program's to hide. */
static enum bench_load_result run_command(const char *command)
{
	int status = system(command);

	if (status == 0) {
		return BENCH_LOAD_OK;
	}
	if (bench_signal_caught() != 0) {
		return BENCH_LOAD_STOPPED;
	}
	if (status == -1) {
		perror("pathring-bench: --between");
	} else {
		fprintf(stderr,
			"pathring-bench: --between: the command failed with exit code %d: %s\n",
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
			command);
	}
	return BENCH_LOAD_FAILED;
}

/* It may mount the file system anew. */
static enum bench_load_result run_between(struct bench_tree *tree, const char *command)
{
	enum bench_load_result outcome = BENCH_LOAD_OK;
	char *why = NULL;
	bool ok = false;

	if (command == NULL) {
		return BENCH_LOAD_OK;
	}
	bench_tree_leave(tree);
	outcome = run_command(command);
	ok = bench_tree_return(tree, &why);
	if (!ok) {
		fprintf(stderr,
			"pathring-bench: after --between: %s\n",
			why != NULL ? why : "out of memory");
		return BENCH_LOAD_FAILED;
	}
	return outcome;
}

static bool drop_caches(int fd)
{
	ssize_t length = write(fd, "3", 1);

	return length == 1;
}

/*
 * Of all file systems. What has not been written could not be dropped, so that comes first; and it
 * is done twice, since pages are dropped before inodes and a journal's notes, which hold pages:
 * ext4 reads nothing at all after the first time.
 */
static enum bench_load_result empty_caches(const struct bench_tree *tree)
{
	static const char path[] = "/proc/sys/vm/drop_caches";
	int fd = -1;
	int ret = 0;
	bool ok = false;

	ret = syncfs(tree->dir_fd);
	if (ret == 0) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	ok = fd != -1 && drop_caches(fd) && drop_caches(fd);
	if (!ok) {
		fprintf(stderr,
			"pathring-bench: --cold: cannot empty the kernel's caches: %s: %s\n",
			ret == 0 ? path : tree->path,
			strerror(errno));
	}
	if (fd != -1) {
		close(fd);
	}
	return ok ? BENCH_LOAD_OK : BENCH_LOAD_FAILED;
}

static enum bench_load_result prepare_round(struct run *run, const struct bench_result *result)
{
	enum bench_load_result outcome = BENCH_LOAD_OK;

	show_progress(run, result);
	run->done++;
	outcome = run_between(run->tree, run->options->between);
	if (outcome == BENCH_LOAD_OK && run->options->traffic.cold) {
		outcome = empty_caches(run->tree);
	}
	return outcome;
}

static enum bench_load_result
time_round(struct run *run, struct bench_result *result, const struct bench_plan *plan)
{
	struct bench_noise *noise = &run->results->noise;
	enum bench_load_result outcome = prepare_round(run, result);

	if (outcome != BENCH_LOAD_OK) {
		return outcome;
	}
	bench_noise_begin(noise);
	outcome = bench_load_run(run->tree, result->engine, plan, run->round);
	bench_noise_end(noise);
	if (outcome == BENCH_LOAD_OK) {
		keep_round(result, run->round);
	}
	return outcome;
}

/* A short one, apart: its answers must be right too, and its times are nobody's. */
static enum bench_load_result
count_round(struct run *run, struct bench_result *result, const struct bench_plan *timed)
{
	struct bench_plan plan = *timed;
	enum bench_load_result outcome = BENCH_LOAD_OK;

	if (result->engine->uncounted) {
		return outcome;
	}
	outcome = prepare_round(run, result);
	if (outcome != BENCH_LOAD_OK) {
		return outcome;
	}
	plan.point = result->point;
	plan.count_calls = true;
	if (plan.duration_ns > COUNTED_NS) {
		plan.duration_ns = COUNTED_NS;
	}
	outcome = bench_load_run(run->tree, result->engine, &plan, run->round);
	result->errors += run->round->errors;
	if (outcome == BENCH_LOAD_OK) {
		result->calls_per_op = (double)run->round->system_calls / (double)run->round->ops;
	}
	return outcome;
}

/* All engines at one point, in turn. */
static enum bench_load_result run_point(struct run *run, size_t first, size_t num)
{
	const struct bench_options *options = run->options;
	struct bench_results *results = run->results;
	struct bench_plan plan = {
		.mix = results->mix,
		.traffic = &options->traffic,
		.settings = &options->settings,
		.duration_ns = (uint64_t)(options->seconds * 1e9 / (double)options->repeat),
	};
	enum bench_load_result outcome = BENCH_LOAD_OK;
	size_t repetition = 0;
	size_t i = 0;

	for (repetition = 0; repetition < options->repeat; repetition++) {
		for (i = first; i < first + num && outcome == BENCH_LOAD_OK; i++) {
			plan.point = results->results[i].point;
			outcome = time_round(run, &results->results[i], &plan);
		}
	}
	for (i = first; i < first + num && results->uncounted == NULL; i++) {
		if (outcome == BENCH_LOAD_OK) {
			outcome = count_round(run, &results->results[i], &plan);
		}
	}
	return outcome;
}

/* Whether it is possible is known before the time is spent. */
static void try_counting(struct bench_results *results)
{
	char *why = NULL;
	int fd = bench_system_calls_open(results, &why);

	if (fd == -1) {
		results->uncounted = why != NULL ? why : "out of memory";
		return;
	}
	close(fd);
}

static enum bench_load_result run_all(struct run *run)
{
	const struct bench_options *options = run->options;
	size_t num = run->results->num_results / options->num_points;
	enum bench_load_result outcome = BENCH_LOAD_OK;
	size_t i = 0;

	try_counting(run->results);
	run->total = run->results->num_results * options->repeat;
	if (run->results->uncounted == NULL) {
		run->total += run->results->num_results;
	}
	for (i = 0; i < options->num_points && outcome == BENCH_LOAD_OK; i++) {
		outcome = run_point(run, i * num, num);
	}
	show_progress(run, NULL);
	return outcome;
}

enum bench_load_result bench_rounds_run(TALLOC_CTX *mem_ctx,
					struct bench_tree *tree,
					const struct bench_options *options,
					const struct bench_mix *mix,
					struct bench_results **_results)
{
	struct bench_results *results = make_results(mem_ctx, options, mix);
	struct bench_round *round = talloc(mem_ctx, struct bench_round);
	double *values = talloc_array(mem_ctx, double, options->repeat);
	struct run run = {
		.tree = tree,
		.options = options,
		.results = results,
		.round = round,
	};
	enum bench_load_result outcome = BENCH_LOAD_FAILED;
	size_t i = 0;

	*_results = NULL;
	if (results == NULL || round == NULL || values == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return BENCH_LOAD_FAILED;
	}

	results->num_forbidden = tree->num_forbidden;
	outcome = run_all(&run);
	results->interrupted = outcome != BENCH_LOAD_OK;
	for (i = 0; i < results->num_results; i++) {
		if (results->results[i].num_rounds > 0) {
			take_medians(&results->results[i], values);
		}
	}
	for (i = 0; i < results->num_results; i++) {
		if (results->results[i].num_rounds > 0) {
			take_ratios(results, &results->results[i]);
		}
	}

	talloc_free(values);
	talloc_free(round);
	*_results = results;
	return outcome;
}
