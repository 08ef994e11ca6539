/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON document, described in pathring-bench(1).
 */
#include "report.h"

#include <errno.h>
#include <jansson.h>

static json_t *json_count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_optional(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

static json_t *host_to_json(const struct bench_host *host)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:s}",
			 "kernel",
			 host->kernel,
			 "machine",
			 host->machine,
			 "processor",
			 host->processor,
			 "processors",
			 (json_int_t)host->processors,
			 "file_system",
			 host->file_system);
}

static json_t *config_to_json(const struct bench_report *report)
{
	const struct bench_options *options = report->options;
	json_t *engines = json_array();
	json_t *depths = json_array();
	json_t *baselines = json_array();
	size_t i = 0;

	for (i = 0; i < options->num_engines; i++) {
		json_array_append_new(engines, json_string(options->engines[i]->name));
	}
	for (i = 0; i < options->num_depths; i++) {
		json_array_append_new(depths, json_count(options->depths[i]));
	}
	for (i = 0; i < options->num_baselines; i++) {
		json_array_append_new(baselines, json_string(options->baselines[i]->name));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:f, s:o, s:o, s:s, s:o, s:o}",
			 "op",
			 options->operation->name,
			 "engines",
			 engines,
			 "depths",
			 depths,
			 "users",
			 json_count(options->tree.num_users),
			 "files",
			 json_count(options->tree.num_files),
			 "forbidden_percent",
			 options->tree.forbidden_percent,
			 "forbidden_files",
			 json_count(report->tree->num_forbidden),
			 "uid_base",
			 json_count(options->tree.uid_base),
			 "seconds",
			 options->seconds,
			 "repeat",
			 json_count(options->repeat),
			 "baselines",
			 baselines,
			 "pin",
			 options->pin,
			 "max_workers",
			 json_count(options->settings.max_workers),
			 "between",
			 json_optional(options->between));
}

static json_t *latency_to_json(const struct bench_result *result)
{
	const double *percentiles = result->median.percentile_ns;

	return json_pack("{s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:o}",
			 "min",
			 json_count(result->min_ns),
			 "mean",
			 result->median.mean_ns,
			 "p50",
			 percentiles[BENCH_P50],
			 "p90",
			 percentiles[BENCH_P90],
			 "p99",
			 percentiles[BENCH_P99],
			 "p99_9",
			 percentiles[BENCH_P99_9],
			 "p99_99",
			 percentiles[BENCH_P99_99],
			 "max",
			 json_count(result->max_ns));
}

static json_t *rounds_to_json(const struct bench_result *result)
{
	json_t *rounds = json_array();
	size_t i = 0;

	for (i = 0; i < result->num_rounds; i++) {
		const struct bench_figures *figures = &result->rounds[i];

		json_array_append_new(rounds,
				      json_pack("{s:o, s:f, s:f, s:f, s:f, s:f}",
						"ops",
						json_count(figures->ops),
						"seconds",
						figures->seconds,
						"ops_per_second",
						figures->ops_per_second,
						"p50_ns",
						figures->percentile_ns[BENCH_P50],
						"p99_ns",
						figures->percentile_ns[BENCH_P99],
						"cpu_ns_per_op",
						figures->cpu_ns_per_op));
	}
	return rounds;
}

static json_t *account_to_json(const struct bench_account *account)
{
	return json_pack("{s:o, s:o, s:o, s:o}",
			 "submissions",
			 json_count(account->submissions),
			 "enters",
			 json_count(account->enters),
			 "fallbacks",
			 json_count(account->fallbacks),
			 "credential_switches",
			 json_count(account->switches));
}

/* By the baseline's name; without those that did not run. */
static json_t *ratios_to_json(const struct bench_results *results,
			      const struct bench_result *result)
{
	json_t *ratios = json_object();
	size_t i = 0;

	for (i = 0; i < results->num_baselines; i++) {
		const struct bench_ratio *ratio = &result->ratios[i];

		if (ratio->ops_per_second == 0) {
			continue;
		}
		json_object_set_new(ratios,
				    results->baselines[i]->name,
				    json_pack("{s:f, s:o, s:f}",
					      "ops_per_second",
					      ratio->ops_per_second,
					      "p50",
					      ratio->p50 > 0 ? json_real(ratio->p50) : json_null(),
					      "cpu_per_op",
					      ratio->cpu_per_op));
	}
	return ratios;
}

static json_t *result_to_json(const struct bench_report *report, const struct bench_result *result)
{
	const struct bench_account *account = &result->account;
	json_t *placement = NULL;

	placement = json_pack("{s:o, s:o, s:o}",
			      "inline",
			      json_count(account->placed[BENCH_INLINE]),
			      "ring",
			      json_count(account->placed[BENCH_RING]),
			      "thread",
			      json_count(account->placed[BENCH_THREAD]));
	return json_pack(
		"{s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:f, s:f, s:o, s:o, s:o}",
		"engine",
		result->engine->name,
		"backend",
		json_optional(result->backend),
		"op",
		report->options->operation->name,
		"depth",
		json_count(result->depth),
		"concurrency",
		json_count(result->concurrency),
		"users",
		json_count(report->options->tree.num_users),
		"cache",
		report->options->cold ? "cold" : "hot",
		"ops",
		json_count(result->ops),
		"errors",
		json_count(result->errors),
		"denied",
		json_count(result->denied),
		"ops_per_second",
		result->median.ops_per_second,
		"spread_percent",
		result->spread_percent,
		"ratios",
		ratios_to_json(report->results, result),
		"latency_ns",
		latency_to_json(result),
		"cpu_ns_per_op",
		result->median.cpu_ns_per_op,
		"context_switches_per_op",
		result->median.context_switches_per_op,
		"placement",
		placement,
		"engine_counters",
		account_to_json(account),
		"rounds",
		rounds_to_json(result));
}

bool bench_report_json(const struct bench_report *report, FILE *file)
{
	json_t *results = json_array();
	json_t *document = NULL;
	size_t i = 0;
	int ret = 0;

	for (i = 0; i < report->results->num_results; i++) {
		const struct bench_result *result = &report->results->results[i];

		if (result->num_rounds > 0) {
			json_array_append_new(results, result_to_json(report, result));
		}
	}
	document = json_pack("{s:s, s:s, s:b, s:o, s:o, s:o}",
			     "schema",
			     "pathring-bench/2",
			     "version",
			     PATHRING_VERSION,
			     "complete",
			     report->results->interrupted ? 0 : 1,
			     "host",
			     host_to_json(report->host),
			     "config",
			     config_to_json(report),
			     "results",
			     results);
	if (document == NULL) {
		errno = ENOMEM;
		return false;
	}
	ret = json_dumpf(document, file, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(document);
	if (ret != 0) {
		return false;
	}
	ret = fputc('\n', file);
	if (ret == EOF) {
		return false;
	}
	ret = fflush(file);
	return ret == 0;
}
