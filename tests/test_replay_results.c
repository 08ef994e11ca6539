/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is counted of a replay, and what of it is bounded.
 */
#include <criterion/criterion.h>

#include "round.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static TALLOC_CTX *mem_ctx;
static struct replay_results *results;

static void begin(void)
{
	mem_ctx = talloc_new(NULL);
	results = replay_results_create(mem_ctx);
	replay_results_begin_round(results, "pathring");
}

static void end(void)
{
	talloc_free(mem_ctx);
}

TestSuite(replay_results, .init = begin, .fini = end);

static const struct replay_round *the_round(void)
{
	return results->rounds[results->num_rounds - 1];
}

static struct replay_request request(enum replay_command command, uint32_t status)
{
	static uint64_t id;

	return (struct replay_request) {
		.id = ++id,
		.session = 3,
		.command = command,
		.status = status,
		.present = REPLAY_HAS_STATUS,
		.path = "a/b",
	};
}

static void add(enum replay_command command, const struct replay_outcome *like)
{
	struct replay_outcome outcome = *like;
	struct replay_request asked = request(command, 0);

	outcome.request = &asked;
	replay_results_add(results, &outcome);
}

Test(replay_results, each_request_has_one_fate)
{
	const struct replay_account *all = &the_round()->account;
	const struct replay_account *creates = &the_round()->commands[REPLAY_CREATE].account;

	add(REPLAY_CREATE, &(struct replay_outcome) { .fate = REPLAY_REPLAYED });
	add(REPLAY_CREATE, &(struct replay_outcome) { .fate = REPLAY_FAILED, .reason = "a" });
	add(REPLAY_IOCTL, &(struct replay_outcome) { .fate = REPLAY_SKIPPED, .reason = "b" });
	cr_assert_eq(all->fates[REPLAY_REPLAYED], 1);
	cr_assert_eq(all->fates[REPLAY_FAILED], 1);
	cr_assert_eq(all->fates[REPLAY_SKIPPED], 1);
	cr_assert_eq(creates->fates[REPLAY_REPLAYED], 1);
	cr_assert_eq(creates->fates[REPLAY_FAILED], 1);
	cr_assert_eq(creates->fates[REPLAY_SKIPPED], 0);
	cr_assert_eq(the_round()->num_endings, 3);
}

/* What could not be replayed has taken no time. */
Test(replay_results, only_replayed_requests_have_latency)
{
	add(REPLAY_READ, &(struct replay_outcome) { .fate = REPLAY_FAILED, .service_ns = 7 });
	add(REPLAY_READ, &(struct replay_outcome) { .fate = REPLAY_SKIPPED, .service_ns = 7 });
	cr_assert_null(the_round()->commands[REPLAY_READ].service);
	add(REPLAY_READ, &(struct replay_outcome) { .fate = REPLAY_REPLAYED, .service_ns = 9 });
	cr_assert_eq(the_round()->commands[REPLAY_READ].service->count, 1);
	cr_assert_eq(the_round()->commands[REPLAY_READ].service->max, 9);
	cr_assert_eq(the_round()->slip.count, 1);
}

Test(replay_results, mismatched_is_not_explained)
{
	add(REPLAY_READ, &(struct replay_outcome) { .mismatched = true, .status = 5 });
	add(REPLAY_READ, &(struct replay_outcome) { .explained = "locks", .status = 5 });
	add(REPLAY_READ, &(struct replay_outcome) { .status = 5 });
	cr_assert_eq(the_round()->account.mismatched, 1);
	cr_assert_eq(the_round()->account.explained, 1);
	cr_assert_eq(the_round()->account.fates[REPLAY_REPLAYED], 3);
	cr_assert_eq(the_round()->num_endings, 3);
	cr_assert_str_eq(results->reasons[the_round()->endings[1].reason], "locks");
}

/* 0 is a status, too. */
Test(replay_results, no_answer_is_not_success)
{
	struct replay_request asked = request(REPLAY_READ, 0);
	struct replay_outcome outcome = { .request = &asked };

	replay_results_add(results, &outcome);
	asked.present = 0;
	replay_results_add(results, &outcome);
	cr_assert_eq(the_round()->num_endings, 2);
	cr_assert(the_round()->endings[0].answered);
	cr_assert_not(the_round()->endings[1].answered);
}

Test(replay_results, keeps_the_first_examples)
{
	uint64_t first = request(REPLAY_READ, 0).id + 1;
	const struct replay_ending *ending = &the_round()->endings[0];
	size_t i = 0;

	for (i = 0; i < 10; i++) {
		add(REPLAY_READ, &(struct replay_outcome) { .mismatched = true, .status = 5 });
	}
	cr_assert_eq(ending->count, 10);
	cr_assert_eq(ending->num_examples, REPLAY_MAX_EXAMPLES);
	for (i = 0; i < REPLAY_MAX_EXAMPLES; i++) {
		cr_assert_eq(ending->examples[i].id, first + i);
		cr_assert_eq(ending->examples[i].session, 3);
		cr_assert_str_eq(ending->examples[i].path, "a/b");
	}
}

Test(replay_results, what_is_as_it_should_be_needs_no_example)
{
	add(REPLAY_READ, &(struct replay_outcome) { .status = 0 });
	cr_assert_eq(the_round()->endings[0].num_examples, 0);
}

/* A trace's strings are gone with its line, and the next one may lie where they were. */
Test(replay_results, keeps_copies)
{
	char reason[] = "first";
	char path[] = "x/y";
	struct replay_outcome outcome = {
		.fate = REPLAY_SKIPPED,
		.reason = reason,
		.path = path,
		.user = path,
	};

	add(REPLAY_READ, &outcome);
	memcpy(reason, "later", sizeof(reason));
	memcpy(path, "z/z", sizeof(path));
	add(REPLAY_READ, &outcome);
	cr_assert_eq(the_round()->num_endings, 2);
	cr_assert_str_eq(results->reasons[the_round()->endings[0].reason], "first");
	cr_assert_str_eq(results->reasons[the_round()->endings[1].reason], "later");
	cr_assert_str_eq(the_round()->endings[0].examples[0].path, "x/y");
	cr_assert_str_eq(the_round()->endings[0].examples[0].user, "x/y");
}

/* Every request is counted somewhere, whatever is in the trace. */
Test(replay_results, kinds_are_bounded)
{
	uint64_t listed = 0;
	size_t i = 0;

	for (i = 0; i < 3 * REPLAY_MAX_ENDINGS; i++) {
		struct replay_request asked = request(REPLAY_READ, (uint32_t)i);
		struct replay_outcome outcome = { .request = &asked, .mismatched = true };

		replay_results_add(results, &outcome);
	}
	cr_assert_eq(the_round()->num_endings, REPLAY_MAX_ENDINGS);
	for (i = 0; i < REPLAY_MAX_ENDINGS; i++) {
		listed += the_round()->endings[i].count;
	}
	cr_assert_eq(listed + the_round()->unlisted, 3 * REPLAY_MAX_ENDINGS);
	cr_assert_eq(the_round()->account.mismatched, 3 * REPLAY_MAX_ENDINGS);
}

Test(replay_results, reasons_are_bounded)
{
	char reason[32];
	size_t i = 0;

	for (i = 0; i < 3 * REPLAY_MAX_REASONS; i++) {
		snprintf(reason, sizeof(reason), "reason %zu", i);
		add(REPLAY_READ,
		    &(struct replay_outcome) { .fate = REPLAY_SKIPPED, .reason = reason });
	}
	cr_assert_eq(the_round()->num_endings, REPLAY_MAX_REASONS + 1);
	cr_assert_eq(the_round()->endings[REPLAY_MAX_REASONS].count, 2 * REPLAY_MAX_REASONS);
	cr_assert_str_eq(results->reasons[REPLAY_MAX_REASONS], "reason 254");
	cr_assert_str_eq(results->reasons[REPLAY_MAX_REASONS + 1], "other reasons");
}

Test(replay_results, errors_of_operations)
{
	const struct replay_operation_results *opens = &the_round()->operations[PATHRING_OPENAT];

	replay_results_add_operation(results, PATHRING_OPENAT, 10, 0);
	replay_results_add_operation(results, PATHRING_OPENAT, 10, -ENOENT);
	replay_results_add_operation(results, PATHRING_OPENAT, 10, -ENOENT);
	replay_results_add_operation(results, PATHRING_OPENAT, 10, LONG_MIN);
	cr_assert_eq(opens->duration->count, 4);
	cr_assert_eq(opens->errors[ENOENT], 2);
	cr_assert_eq(opens->errors[0], 1);
}

Test(replay_results, rounds_are_apart)
{
	struct pathring_stats stats = { .submissions = 5 };

	add(REPLAY_READ, &(struct replay_outcome) { .fate = REPLAY_REPLAYED });
	replay_results_set_engine(results, "uring", &stats);
	replay_results_set_engine(results, NULL, &stats);
	replay_results_end_round(results, 10, 20);
	replay_results_begin_round(results, "sync");
	cr_assert_eq(the_round()->account.fates[REPLAY_REPLAYED], 0);
	cr_assert_null(the_round()->backend);
	cr_assert_not(the_round()->ended);
	cr_assert_eq(results->rounds[0]->account.fates[REPLAY_REPLAYED], 1);
	cr_assert_eq(results->rounds[0]->wall_ns, 10);
	cr_assert_eq(results->rounds[0]->cpu_ns, 20);
	cr_assert_eq(results->rounds[0]->stats->submissions, 10);
	cr_assert_str_eq(results->rounds[0]->backend, "uring");
	cr_assert(results->rounds[0]->ended);
}

/* All rounds replay the same trace. */
Test(replay_results, what_is_recorded_is_counted_once)
{
	struct replay_request asked = request(REPLAY_READ, 0);
	struct replay_outcome outcome = { .request = &asked };

	asked.present |= REPLAY_HAS_DURATION | REPLAY_HAS_TIME;
	asked.duration = 5;
	replay_results_add(results, &outcome);
	replay_results_begin_round(results, "sync");
	replay_results_add(results, &outcome);
	cr_assert_eq(results->recorded[REPLAY_READ]->count, 1);
	cr_assert_eq(results->recorded_series.slots[0].due, 1);
}

/* ---- the series ---- */

static struct replay_series series;

TestSuite(replay_series);

static void sum(uint64_t *due, uint64_t *finished, uint64_t *in_buckets)
{
	size_t i = 0;
	size_t j = 0;

	*due = *finished = *in_buckets = 0;
	for (i = 0; i < REPLAY_SERIES_SLOTS; i++) {
		*due += series.slots[i].due;
		*finished += series.slots[i].finished;
		for (j = 0; j < REPLAY_SERIES_BUCKETS; j++) {
			*in_buckets += series.slots[i].buckets[j];
		}
	}
}

/* However long it gets, everything is in a slot, and in the right one. */
Test(replay_series, grows)
{
	uint64_t due = 0;
	uint64_t finished = 0;
	uint64_t in_buckets = 0;
	uint64_t at = 0;
	size_t i = 0;

	replay_series_init(&series);
	for (i = 0; i < 10000; i++) {
		at = i * i * 1000;
		replay_series_add_due(&series, at);
		replay_series_add_finished(&series, at, i);
	}
	sum(&due, &finished, &in_buckets);
	cr_assert_eq(due, 10000);
	cr_assert_eq(finished, 10000);
	cr_assert_eq(in_buckets, 10000);
	cr_assert_eq(series.num_slots, (at >> series.shift) + 1);
	cr_assert_gt(series.num_slots, REPLAY_SERIES_SLOTS / 2);
	cr_assert_eq(series.slots[series.num_slots - 1].max, 9999);
	for (i = 0; i < 10000; i++) {
		series.slots[i * i * 1000 >> series.shift].finished--;
	}
	for (i = 0; i < REPLAY_SERIES_SLOTS; i++) {
		cr_assert_eq(series.slots[i].finished, 0, "slot %zu", i);
	}
}

Test(replay_series, takes_any_number)
{
	replay_series_init(&series);
	replay_series_add_finished(&series, 0, 0);
	replay_series_add_finished(&series, UINT64_MAX, UINT64_MAX);
	cr_assert_eq(series.num_slots, REPLAY_SERIES_SLOTS);
	cr_assert_eq(series.slots[0].finished, 1);
	cr_assert_eq(series.slots[REPLAY_SERIES_SLOTS - 1].finished, 1);
	cr_assert_eq(series.slots[REPLAY_SERIES_SLOTS - 1].max, UINT64_MAX);
}

/* Every size of a duration, within what the header promises. */
Test(replay_series, quantiles)
{
	uint64_t duration = 0;

	for (duration = 256; duration < 1ULL << 36; duration += duration / 100 + 1) {
		double off = 0;

		replay_series_init(&series);
		/* The largest would be an upper bound of every answer. */
		replay_series_add_finished(&series, 0, duration);
		series.slots[0].max = UINT64_MAX;
		off = (double)replay_slot_quantile(&series.slots[0], 0.5) / (double)duration - 1;
		if (off > 0.07 || off < -0.07) {
			cr_assert_fail("%llu is off by %g", (unsigned long long)duration, off);
		}
	}
	replay_series_init(&series);
	cr_assert_eq(replay_slot_quantile(&series.slots[0], 0.5), 0);
}

Test(replay_series, quantile_is_of_all)
{
	size_t i = 0;

	replay_series_init(&series);
	for (i = 0; i < 99; i++) {
		replay_series_add_finished(&series, 5, 1000);
	}
	replay_series_add_finished(&series, 5, 1000000);
	cr_assert_lt(replay_slot_quantile(&series.slots[0], 0.5), 1100);
	cr_assert_lt(replay_slot_quantile(&series.slots[0], 0.99), 1100);
	cr_assert_gt(replay_slot_quantile(&series.slots[0], 0.995), 900000);
}
