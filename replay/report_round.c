/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A round of a replay as a part of its document.
 */
#include "report_parts.h"

#include "document_parts.h"

#include <stdlib.h>
#include <string.h>

static json_t *per_request(double value, uint64_t requests)
{
	return requests > 0 ? json_real(value / (double)requests) : json_null();
}

static json_t *round_account_json(const struct replay_round *round,
				  const struct replay_report_about *about)
{
	json_t *account = replay_account_json(&round->account);

	json_object_set_new(
		account,
		"unreached",
		replay_count_json(replay_unreached(&round->account, about->round_requests)));
	return account;
}

static json_t *commands_json(const struct replay_round *round)
{
	json_t *commands = json_array();
	size_t i = 0;

	for (i = 0; i < REPLAY_NUM_COMMANDS; i++) {
		const struct replay_command_results *command = &round->commands[i];

		if (replay_reached(&command->account) == 0) {
			continue;
		}
		json_array_append_new(commands,
				      json_pack("{s:s, s:o, s:o, s:o}",
						"command",
						replay_command_name((enum replay_command)i),
						"requests",
						replay_account_json(&command->account),
						"latency_ns",
						replay_times_json(command->service),
						"histogram",
						command->service != NULL
							? bench_buckets_json(command->service)
							: json_array()));
	}
	return commands;
}

static json_t *errors_json(const struct replay_operation_results *operation, uint64_t *num_errors)
{
	json_t *errors = json_object();
	size_t i = 0;

	for (i = 0; i < REPLAY_MAX_ERROR; i++) {
		const char *name = i != 0 ? strerrorname_np((int)i) : NULL;
		char number[16];

		if (operation->errors[i] == 0) {
			continue;
		}
		snprintf(number, sizeof(number), "%zu", i);
		json_object_set_new(errors,
				    name != NULL ? name : number,
				    replay_count_json(operation->errors[i]));
		*num_errors += operation->errors[i];
	}
	return errors;
}

/* What the engine has not counted the replayer did itself, under the user: "caller". */
static json_t *placement_json(const struct replay_round *round, enum pathring_operation operation)
{
	uint64_t others = round->operations[operation].duration->count;
	json_t *placement = NULL;
	size_t i = 0;

	if (round->stats == NULL) {
		return json_null();
	}
	placement = json_object();
	for (i = 0; i < PATHRING_NUM_PLACEMENTS; i++) {
		uint64_t placed = round->stats->operation[operation].placed[i];

		others -= placed < others ? placed : others;
		json_object_set_new(placement,
				    pathring_placement_name((enum pathring_placement)i),
				    replay_count_json(placed));
	}
	json_object_set_new(placement, "caller", replay_count_json(others));
	return placement;
}

static json_t *operations_json(const struct replay_round *round)
{
	json_t *operations = json_array();
	size_t i = 0;

	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		const struct replay_operation_results *operation = &round->operations[i];
		uint64_t num_errors = 0;
		json_t *errors = NULL;

		if (operation->duration == NULL) {
			continue;
		}
		errors = errors_json(operation, &num_errors);
		json_array_append_new(operations,
				      json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}",
						"operation",
						pathring_operation_name((enum pathring_operation)i),
						"count",
						replay_count_json(operation->duration->count),
						"errors",
						replay_count_json(num_errors),
						"errors_by_name",
						errors,
						"latency_ns",
						replay_times_json(operation->duration),
						"placement",
						placement_json(round, (enum pathring_operation)i)));
	}
	return operations;
}

static json_t *examples_json(const struct replay_ending *ending)
{
	json_t *examples = json_array();
	size_t i = 0;

	for (i = 0; i < ending->num_examples; i++) {
		const struct replay_example *example = &ending->examples[i];

		json_array_append_new(examples,
				      json_pack("{s:o, s:o, s:o, s:o}",
						"request",
						replay_count_json(example->id),
						"session",
						replay_count_json(example->session),
						"user",
						replay_text_json(example->user),
						"path",
						replay_text_json(example->path)));
	}
	return examples;
}

static json_t *status_json(uint32_t status)
{
	char text[REPLAY_STATUS_SIZE];

	return json_string(replay_status_name(status, text));
}

static json_t *outcome_json(const struct replay_results *results,
			    const struct replay_ending *ending)
{
	static const char *const verdicts[] = { "same", "different", "explained" };

	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o}",
			 "command",
			 replay_command_name(ending->command),
			 "recorded",
			 ending->answered ? status_json(ending->recorded) : json_null(),
			 "replayed",
			 status_json(ending->replayed),
			 "verdict",
			 verdicts[ending->verdict],
			 "explanation",
			 ending->verdict == REPLAY_EXPLAINED
				 ? replay_text_json(results->reasons[ending->reason])
				 : json_null(),
			 "count",
			 replay_count_json(ending->count),
			 "examples",
			 examples_json(ending));
}

static json_t *left_out_json(const struct replay_results *results,
			     const struct replay_ending *ending)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o}",
			 "command",
			 replay_command_name(ending->command),
			 "fate",
			 ending->fate == REPLAY_SKIPPED ? "skipped" : "failed",
			 "reason",
			 replay_text_json(results->reasons[ending->reason]),
			 "count",
			 replay_count_json(ending->count),
			 "examples",
			 examples_json(ending));
}

/* The most frequent first; of equals the one that came first. */
static int compare_endings(const void *a, const void *b)
{
	const struct replay_ending *left = *(const struct replay_ending *const *)a;
	const struct replay_ending *right = *(const struct replay_ending *const *)b;

	if (left->count != right->count) {
		return left->count < right->count ? 1 : -1;
	}
	return (left > right) - (left < right);
}

/* Of what was replayed, or of everything else. */
static json_t *
endings_json(const struct replay_results *results, const struct replay_round *round, bool replayed)
{
	const struct replay_ending *sorted[REPLAY_MAX_ENDINGS];
	json_t *endings = json_array();
	size_t num_sorted = 0;
	size_t i = 0;

	for (i = 0; i < round->num_endings; i++) {
		if ((round->endings[i].fate == REPLAY_REPLAYED) == replayed) {
			sorted[num_sorted] = &round->endings[i];
			num_sorted++;
		}
	}
	qsort(sorted, num_sorted, sizeof(sorted[0]), compare_endings);
	for (i = 0; i < num_sorted; i++) {
		json_array_append_new(endings,
				      replayed ? outcome_json(results, sorted[i])
					       : left_out_json(results, sorted[i]));
	}
	return endings;
}

static json_t *series_json(const struct replay_series *series)
{
	json_t *slots = json_array();
	size_t i = 0;

	for (i = 0; i < series->num_slots; i++) {
		const struct replay_slot *slot = &series->slots[i];

		json_array_append_new(slots,
				      json_pack("{s:o, s:o, s:o, s:o, s:o}",
						"due",
						replay_count_json(slot->due),
						"finished",
						replay_count_json(slot->finished),
						"p50_ns",
						replay_count_json(replay_slot_quantile(slot, 0.5)),
						"p99_ns",
						replay_count_json(replay_slot_quantile(slot, 0.99)),
						"max_ns",
						replay_count_json(slot->max)));
	}
	return json_pack("{s:f, s:o}",
			 "slot_seconds",
			 replay_seconds(1ULL << series->shift),
			 "slots",
			 slots);
}

static json_t *counters_json(const struct pathring_stats *stats)
{
	if (stats == NULL) {
		return json_null();
	}
	return json_pack("{s:o, s:o, s:o, s:o}",
			 "submissions",
			 replay_count_json(stats->submissions),
			 "enters",
			 replay_count_json(stats->enters),
			 "fallbacks",
			 replay_count_json(stats->fallbacks),
			 "credential_switches",
			 replay_count_json(stats->switches));
}

/* All commands together. */
static json_t *latency_json(const struct replay_round *round)
{
	struct bench_histogram *all = talloc(NULL, struct bench_histogram);
	json_t *latency = NULL;
	size_t i = 0;

	if (all == NULL) {
		return NULL;
	}
	bench_histogram_clear(all);
	for (i = 0; i < REPLAY_NUM_COMMANDS; i++) {
		if (round->commands[i].service != NULL) {
			bench_histogram_merge(all, round->commands[i].service);
		}
	}
	latency = replay_times_json(all);
	talloc_free(all);
	return latency;
}

json_t *replay_round_json(const struct replay_results *results,
			  const struct replay_report_about *about,
			  const struct replay_round *round)
{
	uint64_t replayed = round->account.fates[REPLAY_REPLAYED];
	bool paced = about->speed > 0;
	json_t *object = NULL;
	json_t *kept = NULL;

	object = json_pack(
		"{s:s, s:o, s:b, s:o, s:f, s:f, s:o, s:o, s:o, s:o}",
		"engine",
		round->engine,
		"backend",
		replay_text_json(round->backend),
		"complete",
		round->ended && replay_unreached(&round->account, about->round_requests) == 0,
		"requests",
		round_account_json(round, about),
		"wall_seconds",
		replay_seconds(round->wall_ns),
		"cpu_seconds",
		replay_seconds(round->cpu_ns),
		"requests_per_second",
		round->wall_ns > 0 ? json_real((double)replayed / replay_seconds(round->wall_ns))
				   : json_null(),
		"cpu_ns_per_request",
		per_request((double)round->cpu_ns, replayed),
		"latency_ns",
		latency_json(round),
		"slip_ns",
		paced ? replay_times_json(&round->slip) : json_null());
	kept = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "commands",
			 commands_json(round),
			 "operations",
			 operations_json(round),
			 "outcomes",
			 endings_json(results, round, true),
			 "left_out",
			 endings_json(results, round, false),
			 "unlisted",
			 replay_count_json(round->unlisted),
			 "engine_counters",
			 counters_json(round->stats),
			 "series",
			 series_json(&round->series),
			 "slip_histogram",
			 paced ? bench_buckets_json(&round->slip) : json_null());
	json_object_update_new(object, kept);
	return object;
}
