/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a replay's document is put together from. Without memory these are NULL.
 */
#ifndef REPLAY_REPORT_PARTS_H
#define REPLAY_REPORT_PARTS_H

#include "report.h"
#include "round.h"

json_t *replay_count_json(uint64_t value);

/* Of a trace's text anything is expected: what is no UTF-8 becomes '?'. Null for NULL. */
json_t *replay_text_json(const char *text);

/* Percentiles; null where nothing was measured. */
json_t *replay_times_json(const struct bench_histogram *histogram);

json_t *replay_account_json(const struct replay_account *account);

/* How many requests have ended in one way or another, and how many of those expected have not. */
uint64_t replay_reached(const struct replay_account *account);
uint64_t replay_unreached(const struct replay_account *account, uint64_t expected);

double replay_seconds(uint64_t ns);

/* An element of "rounds", without its ratios. */
json_t *replay_round_json(const struct replay_results *results,
			  const struct replay_report_about *about,
			  const struct replay_round *round);

#endif /* REPLAY_REPORT_PARTS_H */
