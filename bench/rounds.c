/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the engines in turn and takes medians. Engines alternate within each repetition (A B C A B C
 * ...), because a machine's speed drifts over minutes and both sides of a comparison should see the
 * same drift.
 */
#include "rounds.h"

#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint32_t percentile_parts[BENCH_NUM_PERCENTILES] = {
	[BENCH_P50] = 50000,   [BENCH_P90] = 90000,    [BENCH_P99] = 99000,
	[BENCH_P99_9] = 99900, [BENCH_P99_99] = 99990,
};

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
	if (result->num_rounds == 1 || round->latency.min < result->min_ns) {
		result->min_ns = round->latency.min;
	}
	if (round->latency.max > result->max_ns) {
		result->max_ns = round->latency.max;
	}
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
	figures->mean_ns = bench_histogram_mean(&round->latency);
	figures->cpu_ns_per_op = (double)round->cpu_ns / ops;
	figures->context_switches_per_op = (double)round->context_switches / ops;
	for (i = 0; i < BENCH_NUM_PERCENTILES; i++) {
		figures->percentile_ns[i] =
			(double)bench_histogram_percentile(&round->latency, percentile_parts[i]);
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

	median->ops_per_second = median_of(result,
					   offsetof(struct bench_figures, ops_per_second),
					   values,
					   &result->spread_percent);
	median->mean_ns = median_of(result, offsetof(struct bench_figures, mean_ns), values, NULL);
	median->cpu_ns_per_op =
		median_of(result, offsetof(struct bench_figures, cpu_ns_per_op), values, NULL);
	median->context_switches_per_op = median_of(
		result, offsetof(struct bench_figures, context_switches_per_op), values, NULL);
	for (i = 0; i < BENCH_NUM_PERCENTILES; i++) {
		size_t offset = offsetof(struct bench_figures, percentile_ns) + i * sizeof(double);

		median->percentile_ns[i] = median_of(result, offset, values, NULL);
	}
}

static const struct bench_result *
result_of(const struct bench_results *results, const struct bench_engine *engine, size_t depth)
{
	size_t i = 0;

	for (i = 0; i < results->num_results; i++) {
		const struct bench_result *result = &results->results[i];

		if (result->engine == engine && result->depth == depth && result->num_rounds > 0) {
			return result;
		}
	}
	return NULL;
}

static double divide(double value, double by)
{
	return by > 0 ? value / by : 0;
}

/* Compared at the same depth, also with an engine that knows none: both ran in the same minute. */
static void take_ratios(struct bench_results *results, struct bench_result *result)
{
	const struct bench_figures *median = &result->median;
	size_t i = 0;

	for (i = 0; i < results->num_baselines; i++) {
		const struct bench_result *base =
			result_of(results, results->baselines[i], result->depth);

		if (base == NULL) {
			continue;
		}
		result->ratios[i] = (struct bench_ratio) {
			.ops_per_second =
				divide(median->ops_per_second, base->median.ops_per_second),
			.cpu_per_op = divide(median->cpu_ns_per_op, base->median.cpu_ns_per_op),
		};
		if (result->concurrency == base->concurrency) {
			result->ratios[i].p50 = divide(median->percentile_ns[BENCH_P50],
						       base->median.percentile_ns[BENCH_P50]);
		}
	}
}

static void
show_progress(const struct bench_options *options, size_t done, size_t depth, size_t engine)
{
	size_t total = options->num_depths * options->repeat * options->num_engines;
	int terminal = isatty(STDERR_FILENO);

	if (terminal != 1) {
		return;
	}
	if (done == total) {
		fprintf(stderr, "\033[K");
		return;
	}
	/* The cursor goes back to the start, so that a message writes over it. */
	fprintf(stderr,
		"\033[K[%zu/%zu] depth %zu, %s\r",
		done + 1,
		total,
		options->depths[depth],
		options->engines[engine]->name);
}

static struct bench_results *make_results(TALLOC_CTX *mem_ctx, const struct bench_options *options)
{
	struct bench_results *results = NULL;
	size_t num = options->num_depths * options->num_engines;
	size_t i = 0;

	results = talloc_zero(mem_ctx, struct bench_results);
	if (results == NULL) {
		return NULL;
	}
	results->baselines = options->baselines;
	results->num_baselines = options->num_baselines;
	results->num_results = num;
	results->results = talloc_zero_array(results, struct bench_result, num);
	if (results->results == NULL) {
		talloc_free(results);
		return NULL;
	}
	for (i = 0; i < num; i++) {
		struct bench_result *result = &results->results[i];

		result->engine = options->engines[i % options->num_engines];
		result->depth = options->depths[i / options->num_engines];
		result->concurrency = result->engine->concurrent ? result->depth : 1;
		result->rounds = talloc_zero_array(results, struct bench_figures, options->repeat);
		result->ratios =
			talloc_zero_array(results, struct bench_ratio, options->num_baselines);
		if (result->rounds == NULL || result->ratios == NULL) {
			talloc_free(results);
			return NULL;
		}
	}
	return results;
}

/* Emptying the caches, mostly; what it prints is not the program's to hide. */
static enum bench_load_result run_between(const char *command)
{
	int status = 0;

	if (command == NULL) {
		return BENCH_LOAD_OK;
	}
	status = system(command);
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

static enum bench_load_result run_all(const struct bench_tree *tree,
				      const struct bench_options *options,
				      struct bench_results *results,
				      struct bench_round *round)
{
	struct bench_plan plan = {
		.operation = options->operation,
		.settings = &options->settings,
		.duration_ns = (uint64_t)(options->seconds * 1e9 / (double)options->repeat),
		.cold = options->cold,
	};
	enum bench_load_result outcome = BENCH_LOAD_OK;
	size_t done = 0;
	size_t depth = 0;
	size_t repetition = 0;
	size_t engine = 0;

	for (depth = 0; depth < options->num_depths; depth++) {
		for (repetition = 0; repetition < options->repeat; repetition++) {
			for (engine = 0; engine < options->num_engines; engine++) {
				struct bench_result *result =
					&results->results[depth * options->num_engines + engine];

				show_progress(options, done, depth, engine);
				outcome = run_between(options->between);
				if (outcome != BENCH_LOAD_OK) {
					return outcome;
				}
				plan.depth = result->depth;
				outcome = bench_load_run(tree, result->engine, &plan, round);
				if (outcome != BENCH_LOAD_OK) {
					return outcome;
				}
				keep_round(result, round);
				done++;
			}
		}
	}
	show_progress(options, done, 0, 0);
	return outcome;
}

enum bench_load_result bench_rounds_run(TALLOC_CTX *mem_ctx,
					const struct bench_tree *tree,
					const struct bench_options *options,
					struct bench_results **_results)
{
	struct bench_results *results = make_results(mem_ctx, options);
	struct bench_round *round = talloc(mem_ctx, struct bench_round);
	double *values = talloc_array(mem_ctx, double, options->repeat);
	enum bench_load_result outcome = BENCH_LOAD_FAILED;
	size_t i = 0;

	*_results = NULL;
	if (results == NULL || round == NULL || values == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return BENCH_LOAD_FAILED;
	}

	outcome = run_all(tree, options, results, round);
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
