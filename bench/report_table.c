/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table on a terminal: times in microseconds, one block a depth. It shows what fits into a
 * line; the JSON document has everything.
 */
#include "report.h"

static void
print_header(const struct bench_report *report, const struct bench_results *results, FILE *file)
{
	const struct bench_options *options = report->options;
	const struct bench_host *host = report->host;
	size_t users = options->tree.num_users;
	size_t i = 0;

	fprintf(file, "%s (%s)\n", results->mix->name, results->mix->summary);
	if (users == 0) {
		fprintf(file, "the process itself, ");
	} else {
		fprintf(file, "%zu %s, ", users, users == 1 ? "user" : "users in turn");
	}
	fprintf(file,
		"%zu files (%zu of them for their owner alone), %s, %s\n",
		options->tree.num_files,
		results->num_forbidden,
		host->file_system,
		options->traffic.cold ? "cold" : "hot");
	fprintf(file, "Linux %s, %ld x %s\n", host->kernel, host->processors, host->processor);
	fprintf(file,
		"medians of %zu %s of %.3g s; latency and CPU time in microseconds\n",
		options->repeat,
		options->repeat == 1 ? "round" : "rounds",
		options->seconds / (double)options->repeat);
	for (i = 0; i < options->num_engines; i++) {
		const struct bench_engine *engine = options->engines[i];
		const char *lacks = bench_engine_lacks(engine, results->mix);

		fprintf(file,
			"  %-19s %s%s\n",
			engine->name,
			lacks != NULL ? "left out: " : "",
			lacks != NULL ? lacks : engine->summary);
	}
}

static void print_columns(size_t depth, FILE *file)
{
	fprintf(file,
		"\ndepth %-14zu %9s %7s %8s %8s %8s %8s %8s %7s %7s %7s %6s  %s\n",
		depth,
		"ops/s",
		"spread",
		"mean",
		"p50",
		"p99",
		"p99.9",
		"max",
		"CPU/op",
		"csw/op",
		"denied",
		"errors",
		"ran");
}

static void print_placement(const struct bench_account *account, FILE *file)
{
	static const char *const names[BENCH_NUM_PLACEMENTS] = {
		[BENCH_INLINE] = "inline",
		[BENCH_RING] = "ring",
		[BENCH_THREAD] = "thread",
	};
	uint64_t total = 0;
	size_t i = 0;

	for (i = 0; i < BENCH_NUM_PLACEMENTS; i++) {
		total += account->placed[i];
	}
	for (i = 0; i < BENCH_NUM_PLACEMENTS; i++) {
		if (account->placed[i] != 0) {
			fprintf(file,
				" %s %.4g%%",
				names[i],
				(double)account->placed[i] * 100 / (double)total);
		}
	}
}

static void set_name(const struct bench_result *result, char *name, size_t size)
{
	/* Where the engine chose a backend itself, which one, or with how many threads. */
	if ((result->engine == &bench_engine_pathring || result->engine == &bench_engine_libuv) &&
	    result->backend != NULL) {
		snprintf(name, size, "%s (%s)", result->engine->name, result->backend);
	} else {
		snprintf(name, size, "%s", result->engine->name);
	}
}

static void print_result(const struct bench_result *result, FILE *file)
{
	const struct bench_figures *median = &result->median;
	const struct bench_times *latency = &median->times[BENCH_LATENCY];
	char name[48];

	set_name(result, name, sizeof(name));
	fprintf(file,
		"  %-18s %9.0f %6.1f%% %8.2f %8.2f %8.2f %8.2f %8.1f %7.2f %7.3f %7llu %6llu ",
		name,
		median->ops_per_second,
		result->spread_percent,
		latency->mean_ns / 1e3,
		latency->percentile_ns[BENCH_P50] / 1e3,
		latency->percentile_ns[BENCH_P99] / 1e3,
		latency->percentile_ns[BENCH_P99_9] / 1e3,
		(double)result->times[BENCH_LATENCY].max / 1e3,
		median->cpu_ns_per_op / 1e3,
		median->context_switches_per_op,
		(unsigned long long)result->denied,
		(unsigned long long)result->errors);
	print_placement(&result->account, file);
	fprintf(file, "%s\n", result->concurrency < result->point.depth ? ", one at a time" : "");
}

/* Three figures a baseline, after the results of a depth. */
static void print_ratios(const struct bench_results *results, size_t depth, FILE *file)
{
	char name[48];
	size_t i = 0;
	size_t j = 0;

	if (results->num_baselines == 0) {
		return;
	}
	fprintf(file, "%-20s", "compared with");
	for (i = 0; i < results->num_baselines; i++) {
		fprintf(file, "  %25s", results->baselines[i]->name);
	}
	fprintf(file, "\n%-20s", "");
	for (i = 0; i < results->num_baselines; i++) {
		fprintf(file, "  %9s %7s %7s", "ops/s", "p50", "CPU/op");
	}
	fprintf(file, "\n");
	for (i = 0; i < results->num_results; i++) {
		const struct bench_result *result = &results->results[i];

		if (result->point.depth != depth || result->num_rounds == 0) {
			continue;
		}
		set_name(result, name, sizeof(name));
		fprintf(file, "  %-18s", name);
		for (j = 0; j < results->num_baselines; j++) {
			const struct bench_ratio *ratio = &result->ratios[j];
			char p50[16] = "-";

			if (ratio->p50 > 0) {
				snprintf(p50, sizeof(p50), "%.2fx", ratio->p50);
			}
			fprintf(file,
				"  %8.2fx %7s %6.2fx",
				ratio->ops_per_second,
				p50,
				ratio->cpu_per_op);
		}
		fprintf(file, "\n");
	}
}

void bench_report_table(const struct bench_report *report,
			const struct bench_results *results,
			FILE *file)
{
	size_t depth = 0;
	size_t i = 0;

	print_header(report, results, file);
	for (i = 0; i < results->num_results; i++) {
		const struct bench_result *result = &results->results[i];

		if (result->num_rounds == 0) {
			continue;
		}
		if (result->point.depth != depth) {
			if (depth != 0) {
				print_ratios(results, depth, file);
			}
			depth = result->point.depth;
			print_columns(depth, file);
		}
		print_result(result, file);
	}
	print_ratios(results, depth, file);
	if (results->interrupted) {
		fprintf(file, "\nnot complete: the run ended early\n");
	}
}
