/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From single figures of a replay to parts of its document.
 */
#include "report_parts.h"

#include <string.h>

json_t *replay_count_json(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* Of a trace's text anything is expected; JSON has to be UTF-8. */
json_t *replay_text_json(const char *text)
{
	json_t *value = NULL;
	char *copy = NULL;
	char *at = NULL;

	if (text == NULL) {
		return json_null();
	}
	value = json_string(text);
	if (value != NULL) {
		return value;
	}
	copy = talloc_strdup(NULL, text);
	for (at = copy; at != NULL && *at != '\0'; at++) {
		if ((unsigned char)*at >= 0x80) {
			*at = '?';
		}
	}
	value = copy != NULL ? json_string(copy) : NULL;
	talloc_free(copy);
	return value;
}

double replay_seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* Null where there are none. */
json_t *replay_times_json(const struct bench_histogram *histogram)
{
	static const struct {
		const char *name;
		uint32_t parts;
	} percentiles[] = {
		{ "p50", 50000 },   { "p90", 90000 },	 { "p99", 99000 },
		{ "p99_9", 99900 }, { "p99_99", 99990 },
	};
	json_t *times = NULL;
	size_t i = 0;

	if (histogram == NULL || histogram->count == 0) {
		return json_null();
	}
	times = json_pack("{s:o, s:f}",
			  "min",
			  replay_count_json(histogram->min),
			  "mean",
			  bench_histogram_mean(histogram));
	for (i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
		json_object_set_new(times,
				    percentiles[i].name,
				    replay_count_json(bench_histogram_percentile(
					    histogram, percentiles[i].parts)));
	}
	json_object_set_new(times, "max", replay_count_json(histogram->max));
	return times;
}

uint64_t replay_reached(const struct replay_account *account)
{
	return account->fates[REPLAY_REPLAYED] + account->fates[REPLAY_SKIPPED] +
	       account->fates[REPLAY_FAILED];
}

json_t *replay_account_json(const struct replay_account *account)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
			 "recorded",
			 replay_count_json(replay_reached(account)),
			 "replayed",
			 replay_count_json(account->fates[REPLAY_REPLAYED]),
			 "skipped",
			 replay_count_json(account->fates[REPLAY_SKIPPED]),
			 "failed",
			 replay_count_json(account->fates[REPLAY_FAILED]),
			 "mismatched",
			 replay_count_json(account->mismatched),
			 "explained",
			 replay_count_json(account->explained));
}

uint64_t replay_unreached(const struct replay_account *account, uint64_t expected)
{
	uint64_t got = replay_reached(account);

	return expected > got ? expected - got : 0;
}
