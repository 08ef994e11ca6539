/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON document, described in pathring-bench(1).
 */
#include "report_json.h"
#include "document_parts.h"

#include <errno.h>

static json_t *json_count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_optional(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

static json_t *names_to_json(const struct bench_engine **engines, size_t num_engines)
{
	json_t *names = json_array();
	size_t i = 0;

	for (i = 0; i < num_engines; i++) {
		json_array_append_new(names, json_string(engines[i]->name));
	}
	return names;
}

/* Each mix as an object of weights. */
static json_t *operations_to_json(const struct bench_options *options)
{
	json_t *operations = json_object();
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < options->num_mixes; i++) {
		const struct bench_mix *mix = &options->mixes[i];
		json_t *shares = json_object();

		for (j = 0; j < mix->num_shares; j++) {
			json_object_set_new(shares,
					    mix->shares[j].operation->name,
					    json_count(mix->shares[j].weight));
		}
		json_object_set_new(operations, mix->name, shares);
	}
	return operations;
}

static json_t *points_to_json(const struct bench_options *options)
{
	json_t *points = json_array();
	size_t i = 0;

	for (i = 0; i < options->num_points; i++) {
		const struct bench_point *point = &options->points[i];

		json_array_append_new(
			points,
			json_pack("{s:o, s:o}",
				  "depth",
				  json_count(point->depth),
				  "rate",
				  point->rate > 0 ? json_real(point->rate) : json_null()));
	}
	return points;
}

static json_t *tree_to_json(const struct bench_tree_options *tree)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:f, s:o}",
			 "users",
			 json_count(tree->num_users),
			 "identities",
			 json_optional(tree->identities),
			 "files",
			 json_count(tree->num_files),
			 "entries",
			 json_count(tree->entries),
			 "deep",
			 json_count(tree->deep),
			 "forbidden_percent",
			 tree->forbidden_percent,
			 "uid_base",
			 json_count(tree->uid_base));
}

/* Which engines cannot do what was asked for, and why. */
static json_t *left_out_to_json(const struct bench_options *options)
{
	json_t *left_out = json_array();
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < options->num_mixes; i++) {
		for (j = 0; j < options->num_engines; j++) {
			const struct bench_mix *mix = &options->mixes[i];
			const char *why = bench_engine_lacks(options->engines[j], mix);

			if (why != NULL) {
				json_array_append_new(left_out,
						      json_pack("{s:s, s:s, s:s}",
								"engine",
								options->engines[j]->name,
								"op",
								mix->name,
								"why",
								why));
			}
		}
	}
	return left_out;
}

static json_t *config_to_json(const struct bench_options *options)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:f, s:b, s:o, s:f, s:o, s:o}",
			 "mixes",
			 operations_to_json(options),
			 "engines",
			 names_to_json(options->engines, options->num_engines),
			 "left_out",
			 left_out_to_json(options),
			 "baselines",
			 names_to_json(options->baselines, options->num_baselines),
			 "loads",
			 points_to_json(options),
			 "tree",
			 tree_to_json(&options->tree),
			 "user_order",
			 options->user_order,
			 "missing_percent",
			 options->traffic.missing_percent,
			 "cold",
			 options->traffic.cold ? 1 : 0,
			 "between",
			 json_optional(options->between),
			 "seconds",
			 options->seconds,
			 "repeat",
			 json_count(options->repeat),
			 "max_workers",
			 json_count(options->settings.max_workers));
}

/* Over the rounds, as all figures are; but the least and the most of all of them. */
static json_t *times_to_json(const struct bench_result *result, enum bench_time which)
{
	const struct bench_times *times = &result->median.times[which];
	const double *percentiles = times->percentile_ns;

	return json_pack("{s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:o}",
			 "min",
			 json_count(result->times[which].min),
			 "mean",
			 times->mean_ns,
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
			 json_count(result->times[which].max));
}

static json_t *rounds_to_json(const struct bench_result *result)
{
	json_t *rounds = json_array();
	size_t i = 0;

	for (i = 0; i < result->num_rounds; i++) {
		const struct bench_figures *figures = &result->rounds[i];
		const struct bench_times *latency = &figures->times[BENCH_LATENCY];

		json_array_append_new(rounds,
				      json_pack("{s:o, s:f, s:f, s:f, s:f, s:f, s:f}",
						"ops",
						json_count(figures->ops),
						"seconds",
						figures->seconds,
						"ops_per_second",
						figures->ops_per_second,
						"mean_ns",
						latency->mean_ns,
						"p50_ns",
						latency->percentile_ns[BENCH_P50],
						"p99_ns",
						latency->percentile_ns[BENCH_P99],
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

static json_t *histograms_to_json(const struct bench_result *result, bool open)
{
	json_t *histograms = json_object();

	json_object_set_new(
		histograms, "latency", bench_buckets_json(&result->times[BENCH_LATENCY]));
	if (open) {
		json_object_set_new(
			histograms, "service", bench_buckets_json(&result->times[BENCH_SERVICE]));
		json_object_set_new(
			histograms, "slip", bench_buckets_json(&result->times[BENCH_SLIP]));
	}
	return histograms;
}

static json_t *placement_to_json(const struct bench_account *account)
{
	return json_pack("{s:o, s:o, s:o}",
			 "inline",
			 json_count(account->placed[BENCH_INLINE]),
			 "ring",
			 json_count(account->placed[BENCH_RING]),
			 "thread",
			 json_count(account->placed[BENCH_THREAD]));
}

static json_t *submissions_per_enter(const struct bench_account *account)
{
	if (account->enters == 0) {
		return json_null();
	}
	return json_real((double)account->submissions / (double)account->enters);
}

static json_t *result_to_json(const struct bench_options *options,
			      const struct bench_results *results,
			      const struct bench_result *result)
{
	bool open = result->point.rate > 0;
	json_t *object = NULL;
	json_t *measured = NULL;

	object = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:s}",
			   "engine",
			   result->engine->name,
			   "summary",
			   result->engine->summary,
			   "backend",
			   json_optional(result->backend),
			   "op",
			   results->mix->name,
			   "load",
			   open ? "open" : "closed",
			   "depth",
			   json_count(result->point.depth),
			   "rate",
			   open ? json_real(result->point.rate) : json_null(),
			   "concurrency",
			   json_count(result->concurrency),
			   "users",
			   json_count(options->tree.num_users),
			   "cache",
			   options->traffic.cold ? "cold" : "hot");
	measured = json_pack(
		"{s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"ops",
		json_count(result->ops),
		"errors",
		json_count(result->errors),
		"denied",
		json_count(result->denied),
		"unissued",
		json_count(result->unissued),
		"ops_per_second",
		result->median.ops_per_second,
		"spread_percent",
		result->spread_percent,
		"latency_ns",
		times_to_json(result, BENCH_LATENCY),
		"service_ns",
		open ? times_to_json(result, BENCH_SERVICE) : json_null(),
		"slip_ns",
		open ? times_to_json(result, BENCH_SLIP) : json_null(),
		"cpu_ns_per_op",
		result->median.cpu_ns_per_op,
		"context_switches_per_op",
		result->median.context_switches_per_op,
		"syscalls_per_op",
		result->calls_per_op >= 0 ? json_real(result->calls_per_op) : json_null(),
		"submissions_per_enter",
		submissions_per_enter(&result->account),
		"placement",
		placement_to_json(&result->account),
		"engine_counters",
		account_to_json(&result->account),
		"ratios",
		ratios_to_json(results, result),
		"rounds",
		rounds_to_json(result),
		"histogram",
		histograms_to_json(result, open));
	json_object_update_new(object, measured);
	return object;
}

json_t *bench_report_document(const struct bench_report *report)
{
	struct bench_noise noise = bench_report_noise(report);
	json_t *all = json_array();
	bool complete = report->num_results == report->options->num_mixes;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < report->num_results; i++) {
		const struct bench_results *results = report->results[i];

		complete = complete && !results->interrupted;
		for (j = 0; j < results->num_results; j++) {
			if (results->results[j].num_rounds > 0) {
				json_array_append_new(all,
						      result_to_json(report->options,
								     results,
								     &results->results[j]));
			}
		}
	}
	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o}",
			 "schema",
			 "pathring-bench/1",
			 "version",
			 PATHRING_VERSION,
			 "complete",
			 complete ? 1 : 0,
			 "warnings",
			 bench_report_warnings(report),
			 "host",
			 bench_host_json(report->host, &noise),
			 "config",
			 config_to_json(report->options),
			 "results",
			 all);
}
