/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON document of a replay, as pathring-replay.schema.json has it.
 */
#include "report_document.h"
#include "document.h"
#include "document_parts.h"
#include "report_format.h"
#include "report_parts.h"
#include "warn.h"

#include <math.h>
#include <string.h>

/* Whoever is as late as this all the time does not keep the pace. */
#define LATE_NS 10000000ULL

/* ---- between rounds ---- */

/* NAN where one of them is not known. */
static double ratio_of(const json_t *object, const json_t *first, const char *field)
{
	double below = bench_document_number(first, field);

	return below > 0 ? bench_document_number(object, field) / below : NAN;
}

static void set_ratio(json_t *ratio, const char *name, double value)
{
	json_object_set_new(ratio, name, isfinite(value) ? json_real(value) : json_null());
}

/* Of all but the first, to the first: their figure divided by its figure. */
static void add_ratios(json_t *rounds)
{
	const json_t *first = json_array_get(rounds, 0);
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < json_array_size(rounds); i++) {
		json_t *round = json_array_get(rounds, i);
		json_t *commands = json_object_get(round, "commands");
		json_t *ratio = json_object();

		for (j = 0; j < json_array_size(commands); j++) {
			json_t *command = json_array_get(commands, j);
			const char *name = bench_document_text(command, "command");

			set_ratio(command,
				  "ratio_p50",
				  i == 0 ? NAN
					 : ratio_of(command,
						    replay_report_command(first, name),
						    "latency_ns.p50"));
		}
		if (i == 0) {
			json_object_set_new(round, "ratio", json_null());
			json_decref(ratio);
			continue;
		}
		set_ratio(ratio,
			  "requests_per_second",
			  ratio_of(round, first, "requests_per_second"));
		set_ratio(ratio, "p50", ratio_of(round, first, "latency_ns.p50"));
		set_ratio(ratio, "cpu_per_request", ratio_of(round, first, "cpu_ns_per_request"));
		json_object_set_new(round, "ratio", ratio);
	}
}

/* ---- of the whole ---- */

static json_t *trace_json(const struct replay_report_about *about)
{
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:f, s:b, s:o}",
			 "name",
			 replay_text_json(about->trace),
			 "source",
			 replay_text_json(about->header->source),
			 "anonymised",
			 about->header->anonymised,
			 "begun",
			 about->header->begun > 0 ? json_real(about->header->begun) : json_null(),
			 "requests",
			 replay_count_json(about->requests),
			 "sessions",
			 replay_count_json(about->sessions),
			 "duration_seconds",
			 replay_seconds(about->duration_ns),
			 "whole",
			 about->end != NULL,
			 "lost",
			 about->end != NULL ? replay_count_json(about->end->lost) : json_null());
}

/* The first round's account with what is recorded of each command. */
static json_t *recorded_commands_json(const struct replay_results *results)
{
	json_t *commands = json_object();
	size_t i = 0;

	for (i = 0; i < REPLAY_NUM_COMMANDS && results->num_rounds > 0; i++) {
		const struct replay_account *account = &results->rounds[0]->commands[i].account;
		json_t *command = NULL;

		if (replay_reached(account) == 0) {
			continue;
		}
		command = replay_account_json(account);
		json_object_set_new(
			command, "recorded_latency_ns", replay_times_json(results->recorded[i]));
		json_object_set_new(commands, replay_command_name((enum replay_command)i), command);
	}
	return commands;
}

/* Of the first round, which the others are compared with. */
static json_t *requests_json(const json_t *rounds)
{
	const struct replay_account none = { .mismatched = 0 };
	const json_t *account = json_object_get(json_array_get(rounds, 0), "requests");

	return account != NULL ? json_deep_copy(account) : replay_account_json(&none);
}

static json_t *recorded_series_json(const struct replay_series *series)
{
	json_t *counts = json_array();
	size_t i = 0;

	for (i = 0; i < series->num_slots; i++) {
		json_array_append_new(counts, replay_count_json(series->slots[i].due));
	}
	return json_pack("{s:f, s:o}",
			 "slot_seconds",
			 replay_seconds(1ULL << series->shift),
			 "requests",
			 counts);
}

static json_t *warnings_json(const struct replay_results *results,
			     const struct replay_report_about *about,
			     const struct bench_host *host)
{
	json_t *warnings = json_array();
	size_t i = 0;

	if (about->end == NULL) {
		bench_warn(warnings, "the trace was cut short: it has no last line");
	} else if (about->end->lost > 0) {
		bench_warn(warnings,
			   "the trace's source says that %llu packets or lines of it are missing",
			   (unsigned long long)about->end->lost);
	}
	for (i = 0; i < results->num_rounds; i++) {
		const struct replay_round *round = results->rounds[i];
		uint64_t missing = replay_unreached(&round->account, about->round_requests);

		if (missing > 0 && !about->interrupted) {
			bench_warn(warnings,
				   "%s: %llu requests are not accounted for",
				   round->engine,
				   (unsigned long long)missing);
		}
		if (about->speed > 0 && round->slip.count > 0 &&
		    bench_histogram_percentile(&round->slip, 50000) > LATE_NS) {
			bench_warn(
				warnings,
				"%s: half of the requests were made more than %d ms late: this pace is too fast for it",
				round->engine,
				(int)(LATE_NS / 1000000));
		}
	}
	bench_warn_of_noise(warnings, &results->noise, host->file_system);
	return warnings;
}

static json_t *rounds_json(const struct replay_results *results,
			   const struct replay_report_about *about)
{
	json_t *rounds = json_array();
	size_t i = 0;

	for (i = 0; i < results->num_rounds; i++) {
		json_array_append_new(rounds,
				      replay_round_json(results, about, results->rounds[i]));
	}
	add_ratios(rounds);
	return rounds;
}

static bool is_complete(const json_t *rounds, const struct replay_report_about *about)
{
	size_t i = 0;

	for (i = 0; i < json_array_size(rounds); i++) {
		if (!json_is_true(json_object_get(json_array_get(rounds, i), "complete"))) {
			return false;
		}
	}
	return i > 0 && !about->interrupted;
}

json_t *replay_report_document(const struct replay_results *results,
			       const struct replay_report_about *about)
{
	struct bench_host *host = bench_host(NULL, about->root_fd);
	json_t *document = NULL;
	json_t *rounds = NULL;

	if (host == NULL || results->failed) {
		talloc_free(host);
		return NULL;
	}
	rounds = rounds_json(results, about);
	document = json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:O, s:f, s:o, s:o, s:o, s:o}",
			     "schema",
			     REPLAY_REPORT_SCHEMA,
			     "version",
			     PATHRING_VERSION,
			     "complete",
			     is_complete(rounds, about),
			     "warnings",
			     warnings_json(results, about, host),
			     "host",
			     bench_host_json(host, &results->noise),
			     "trace",
			     trace_json(about),
			     "root",
			     replay_text_json(about->root),
			     "options",
			     about->options,
			     "speed",
			     about->speed,
			     "requests",
			     requests_json(rounds),
			     "commands",
			     recorded_commands_json(results),
			     "recorded_series",
			     recorded_series_json(&results->recorded_series),
			     "rounds",
			     rounds);
	talloc_free(host);
	return document;
}

/* ---- for the other reports ---- */

size_t replay_report_num_rounds(const json_t *document)
{
	return json_array_size(json_object_get(document, "rounds"));
}

const json_t *replay_report_round(const json_t *document, size_t index)
{
	return json_array_get(json_object_get(document, "rounds"), index);
}

void replay_report_engine(const json_t *round, char *text, size_t size)
{
	const char *engine = bench_document_text(round, "engine");
	const char *backend = bench_document_text(round, "backend");
	char both[BENCH_CELL_SIZE];

	snprintf(both,
		 sizeof(both),
		 backend[0] != '\0' && strcmp(engine, backend) != 0 ? "%s (%s)" : "%s",
		 engine,
		 backend);
	bench_format_plain(both, text, size);
}

static const json_t *
find(const json_t *round, const char *list, const char *field, const char *name)
{
	const json_t *members = json_object_get(round, list);
	size_t i = 0;

	for (i = 0; i < json_array_size(members); i++) {
		const json_t *member = json_array_get(members, i);

		if (strcmp(bench_document_text(member, field), name) == 0) {
			return member;
		}
	}
	return NULL;
}

const json_t *replay_report_command(const json_t *round, const char *name)
{
	return find(round, "commands", "command", name);
}

const json_t *replay_report_operation(const json_t *round, const char *name)
{
	return find(round, "operations", "operation", name);
}
