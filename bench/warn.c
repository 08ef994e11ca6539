/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Warnings of a document: sentences, and the one about noise.
 */
#include "warn.h"
#include "program_name.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <talloc.h>

/*
 * Of all processors. A percent is what any system does beside. Time that the host has taken comes
 * in pieces of milliseconds, which show in p99 long before they show in a throughput.
 */
#define MAX_OTHER_PERCENT 10
#define MAX_STEAL_PERCENT 2

/* A run that is shorter is not judged, since the kernel counts whole ticks. */
#define MIN_TICKS 50

void bench_warn(json_t *warnings, const char *format, ...)
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

void bench_warn_of_noise(json_t *warnings, const struct bench_noise *noise, const char *file_system)
{
	double steal = bench_noise_steal_percent(noise);
	double other = bench_noise_other_percent(noise);
	bool served = strncmp(file_system, "fuse", 4) == 0;

	if (noise->ticks < MIN_TICKS) {
		return;
	}
	if (steal > MAX_STEAL_PERCENT) {
		bench_warn(
			warnings,
			"the host of this machine took %.3g %% of the processors away meanwhile: p99 and what is above it may be its doing",
			steal);
	}
	if (other > MAX_OTHER_PERCENT) {
		bench_warn(warnings,
			   "others than %s used %.3g %% of the processors meanwhile%s: %s",
			   bench_program_name,
			   other,
			   served ? ", the server of this file system among them" : "",
			   served ? "look whether there were more" : "repeat on a quieter machine");
	}
}
