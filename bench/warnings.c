/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the machine was quiet enough to tell, in sentences.
 */
#include "report_json.h"
#include "warn.h"

/* Where rounds of one engine differ by more, a ratio of 1.2 between two engines says nothing. */
#define MAX_SPREAD_PERCENT 15

/* One sentence for all engines and loads of a mix, about the one that differs most. */
static void warn_of_spread(json_t *warnings, const struct bench_results *results)
{
	const struct bench_result *worst = NULL;
	char others[80] = "";
	char load[64] = "";
	size_t num = 0;
	size_t i = 0;

	for (i = 0; i < results->num_results; i++) {
		const struct bench_result *result = &results->results[i];

		if (result->num_rounds < 2 || result->spread_percent <= MAX_SPREAD_PERCENT) {
			continue;
		}
		num++;
		if (worst == NULL || result->spread_percent > worst->spread_percent) {
			worst = result;
		}
	}
	if (worst == NULL) {
		return;
	}
	if (worst->point.rate > 0) {
		snprintf(load, sizeof(load), "%g requests a second", worst->point.rate);
	} else {
		snprintf(load, sizeof(load), "depth %zu", worst->point.depth);
	}
	if (num > 1) {
		snprintf(others,
			 sizeof(others),
			 ", those of %zu other %s by more than %d %%",
			 num - 1,
			 num == 2 ? "result" : "results",
			 MAX_SPREAD_PERCENT);
	}
	bench_warn(
		warnings,
		"%s: the rounds of %s at %s differ by %.0f %%%s: repeat on a quieter machine, or with a longer --time",
		results->mix->name,
		worst->engine->name,
		load,
		worst->spread_percent,
		others);
}

struct bench_noise bench_report_noise(const struct bench_report *report)
{
	struct bench_noise noise = { .ticks = 0 };
	size_t i = 0;

	for (i = 0; i < report->num_results; i++) {
		bench_noise_add(&noise, &report->results[i]->noise);
	}
	return noise;
}

json_t *bench_report_warnings(const struct bench_report *report)
{
	struct bench_noise noise = bench_report_noise(report);
	json_t *warnings = json_array();
	size_t i = 0;

	if (report->num_results > 0 && report->results[0]->uncounted != NULL) {
		bench_warn(warnings,
			   "system calls could not be counted: %s",
			   report->results[0]->uncounted);
	}
	bench_warn_of_noise(warnings, &noise, report->host->file_system);
	for (i = 0; i < report->num_results; i++) {
		warn_of_spread(warnings, report->results[i]);
	}
	return warnings;
}
