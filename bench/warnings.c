/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the machine was quiet enough to tell, in sentences.
 */
#include "report_json.h"

#include <string.h>

/* Where rounds of one engine differ by more, a ratio of 1.2 between two engines says nothing. */
#define MAX_SPREAD_PERCENT 15

/*
 * Of all processors. A percent is what any system does beside. Time that the host has taken comes
 * in pieces of milliseconds, which show in p99 long before they show in a throughput.
 */
#define MAX_OTHER_PERCENT 10
#define MAX_STEAL_PERCENT 2

/* A run that is shorter is not judged, since the kernel counts whole ticks. */
#define MIN_TICKS 50

static void warn(json_t *warnings, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(json_t *warnings, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	text = talloc_vasprintf(NULL, format, arguments);
	va_end(arguments);
	if (text != NULL) {
		json_array_append_new(warnings, json_string(text));
	}
	talloc_free(text);
}

static void warn_of_noise(json_t *warnings, const struct bench_report *report)
{
	struct bench_noise noise = bench_report_noise(report);
	double steal = bench_noise_steal_percent(&noise);
	double other = bench_noise_other_percent(&noise);
	const char *type = report->host->file_system;
	bool served = strncmp(type, "fuse", 4) == 0;

	if (noise.ticks < MIN_TICKS) {
		return;
	}
	if (steal > MAX_STEAL_PERCENT) {
		warn(warnings,
		     "the host of this machine took %.3g %% of the processors away meanwhile: p99 and what is above it may be its doing",
		     steal);
	}
	if (other > MAX_OTHER_PERCENT) {
		warn(warnings,
		     "others than pathring-bench used %.3g %% of the processors meanwhile%s: %s",
		     other,
		     served ? ", the server of this file system among them" : "",
		     served ? "look whether there were more" : "repeat on a quieter machine");
	}
}

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
	warn(warnings,
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
	json_t *warnings = json_array();
	size_t i = 0;

	if (report->num_results > 0 && report->results[0]->uncounted != NULL) {
		warn(warnings,
		     "system calls could not be counted: %s",
		     report->results[0]->uncounted);
	}
	warn_of_noise(warnings, report);
	for (i = 0; i < report->num_results; i++) {
		warn_of_spread(warnings, report->results[i]);
	}
	return warnings;
}
