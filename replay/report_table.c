/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables on a terminal, for a line of some 130 columns: how fast each engine was, how long each
 * command and each of the engine's operations took, and then every kind of request that did not go
 * as it was recorded. The document has everything.
 */
#include "report_document.h"

#include "document.h"
#include "table_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 24
#define RATIO_WIDTH 8

/* Kinds of requests shown of a list; the document has all of them. */
#define MAX_KINDS 12

static const struct bench_column request_columns[] = {
	{ "requests", "recorded", 9, BENCH_COLUMN_COUNT, false },
	{ "replayed", "replayed", 9, BENCH_COLUMN_COUNT, false },
	{ "skipped", "skipped", 8, BENCH_COLUMN_COUNT, false },
	{ "failed", "failed", 7, BENCH_COLUMN_COUNT, false },
	{ "mismatched", "mismatched", 10, BENCH_COLUMN_COUNT, false },
	{ "explained", "explained", 9, BENCH_COLUMN_COUNT, false },
	{ NULL, NULL, 0, BENCH_COLUMN_COUNT, false },
};

static const struct bench_column speed_columns[] = {
	{ "seconds", "wall_seconds", 8, BENCH_COLUMN_PER_OP, false },
	{ "replayed/s", "requests_per_second", 10, BENCH_COLUMN_COUNT, false },
	{ "CPU us/req", "cpu_ns_per_request", 10, BENCH_COLUMN_CPU, false },
	{ NULL, NULL, 0, BENCH_COLUMN_COUNT, false },
};

/* What is printed of each command or operation of an engine. */
struct members {
	const char *heading;
	const char *list;    /* in a round */
	const char *field;   /* of a member: its name */
	const char *counted; /* of a member: how many of them have a latency */
	const json_t *(*find)(const json_t *round, const char *name);
};

static const struct members of_commands = {
	.heading = "command",
	.list = "commands",
	.field = "command",
	.counted = "requests.replayed",
	.find = replay_report_command,
};

static const struct members of_operations = {
	.heading = "engine's operation",
	.list = "operations",
	.field = "operation",
	.counted = "count",
	.find = replay_report_operation,
};

/* Those of the run, as it named them. */
static void print_option(const char *name, const json_t *value, bool first, FILE *file)
{
	char plain[BENCH_TITLE_SIZE];

	bench_format_plain(name, plain, sizeof(plain));
	fprintf(file, "%s%s ", first ? "options: " : ", ", plain);
	if (json_is_string(value)) {
		bench_format_plain(json_string_value(value), plain, sizeof(plain));
		fputs(plain, file);
	} else if (json_is_number(value)) {
		fprintf(file, "%.10g", json_number_value(value));
	} else {
		fputs(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-", file);
	}
}

static void print_trace(const json_t *document, FILE *file)
{
	double sessions = bench_document_number(document, "trace.sessions");
	char name[BENCH_TITLE_SIZE];
	char source[BENCH_CELL_SIZE];

	bench_format_plain(bench_document_text(document, "trace.name"), name, sizeof(name));
	bench_format_plain(bench_document_text(document, "trace.source"), source, sizeof(source));
	fprintf(file,
		"trace %s: %s, %.0f requests of %.0f %s",
		name,
		source,
		bench_document_number(document, "trace.requests"),
		sessions,
		sessions == 1 ? "session" : "sessions");
	if (bench_document_number(document, "trace.duration_seconds") > 0) {
		fprintf(file,
			" in %.3g s",
			bench_document_number(document, "trace.duration_seconds"));
	}
	fprintf(file, "\n");
}

static void print_header(const json_t *document, FILE *file)
{
	char host[BENCH_TITLE_SIZE];
	char version[BENCH_CELL_SIZE];
	const char *name = NULL;
	json_t *value = NULL;
	bool first = true;

	bench_format_plain(bench_document_text(document, "version"), version, sizeof(version));
	bench_format_host(document, host, sizeof(host));
	fprintf(file, "pathring-replay %s: %s\n", version, host);
	print_trace(document, file);
	json_object_foreach(json_object_get(document, "options"), name, value)
	{
		print_option(name, value, first, file);
		first = false;
	}
	fputs(first ? "" : "\n", file);
	bench_table_noise(document, file);
	bench_table_warnings(document, file);
}

static void print_name(const char *name, unsigned int indent, FILE *file)
{
	char plain[NAME_WIDTH - 1];

	bench_format_plain(name, plain, sizeof(plain) - (indent - 2));
	fprintf(file, "%*s%-*s", (int)indent, "", NAME_WIDTH - (int)indent, plain);
}

static void print_engine(const json_t *round, unsigned int indent, FILE *file)
{
	char engine[BENCH_CELL_SIZE];

	replay_report_engine(round, engine, sizeof(engine));
	print_name(engine, indent, file);
}

/* Beside what they are compared with: the first engine, which stands above. */
static void print_ratios(const json_t *round, bool several, FILE *file)
{
	const json_t *ratio = json_object_get(round, "ratio");

	if (several && json_is_object(ratio)) {
		fprintf(file, "  ");
		bench_table_ratio(ratio, "requests_per_second", RATIO_WIDTH + 2, file);
		bench_table_ratio(ratio, "p50", RATIO_WIDTH, file);
		bench_table_ratio(ratio, "cpu_per_request", RATIO_WIDTH, file);
	}
}

static void print_engines(const json_t *document, FILE *file)
{
	bool several = replay_report_num_rounds(document) > 1;
	size_t i = 0;

	fprintf(file, "\n%-*s", NAME_WIDTH, "engine");
	bench_table_headings(request_columns, true, file);
	bench_table_headings(speed_columns, true, file);
	if (several) {
		fprintf(file,
			"  %*s %*s %*s",
			RATIO_WIDTH + 3,
			"replayed/s",
			RATIO_WIDTH,
			"p50",
			RATIO_WIDTH,
			"CPU/req");
	}
	fprintf(file, "\n");
	for (i = 0; i < replay_report_num_rounds(document); i++) {
		const json_t *round = replay_report_round(document, i);

		print_engine(round, 2, file);
		bench_table_cells(
			request_columns, json_object_get(round, "requests"), NULL, true, file);
		bench_table_cells(speed_columns, round, NULL, true, file);
		print_ratios(round, several, file);
		fprintf(file, "\n");
	}
}

/* Names of all rounds, in the order in which they are met; NULL without memory. */
static const char **
names_of(const json_t *document, const struct members *members, size_t *num_names)
{
	const char **names = talloc_array(NULL, const char *, 0);
	size_t i = 0;
	size_t j = 0;
	size_t k = 0;

	*num_names = 0;
	for (i = 0; i < replay_report_num_rounds(document); i++) {
		const json_t *list =
			json_object_get(replay_report_round(document, i), members->list);

		for (j = 0; j < json_array_size(list) && names != NULL; j++) {
			const json_t *member = json_array_get(list, j);
			const char *name = bench_document_text(member, members->field);

			for (k = 0; k < *num_names && strcmp(names[k], name) != 0; k++) {
			}
			if (k < *num_names ||
			    !(bench_document_number(member, members->counted) > 0)) {
				continue;
			}
			names = talloc_realloc(NULL, names, const char *, *num_names + 1);
			if (names != NULL) {
				names[*num_names] = name;
				(*num_names)++;
			}
		}
	}
	return names;
}

/* So that most of them are readable: by the first engine's median of all commands. */
static const struct bench_unit *unit_of(const json_t *document)
{
	return bench_format_unit_for(
		bench_document_number(replay_report_round(document, 0), "latency_ns.p50"));
}

/* A loadfile has no times. */
static bool has_recorded(const json_t *document)
{
	const char *name = NULL;
	json_t *command = NULL;

	json_object_foreach(json_object_get(document, "commands"), name, command)
	{
		if (json_is_object(json_object_get(command, "recorded_latency_ns"))) {
			return true;
		}
	}
	return false;
}

/* What only commands have, and what only operations have. */
static void print_extra(const json_t *document,
			const struct members *members,
			const json_t *member,
			const char *name,
			const struct bench_unit *unit,
			FILE *file)
{
	static const struct bench_column recorded = {
		"recorded", "p50", 9, BENCH_COLUMN_TIME, false
	};
	char cell[BENCH_CELL_SIZE];

	if (members == &of_commands) {
		const json_t *command =
			json_object_get(json_object_get(document, "commands"), name);

		if (has_recorded(document)) {
			bench_format_cell(&recorded,
					  json_object_get(command, "recorded_latency_ns"),
					  unit,
					  cell,
					  sizeof(cell));
			fprintf(file, " %*s", recorded.width, cell);
		}
		if (replay_report_num_rounds(document) > 1) {
			bench_table_ratio(member, "ratio_p50", RATIO_WIDTH, file);
		}
	} else {
		bench_format_placement(member, cell, sizeof(cell));
		fprintf(file, " %9.0f", bench_document_number(member, "errors"));
		fprintf(file, "%s%s", cell[0] != '\0' ? "  " : "", cell);
	}
}

static void print_member(const json_t *document,
			 const struct members *members,
			 const char *name,
			 const struct bench_unit *unit,
			 FILE *file)
{
	bool several = replay_report_num_rounds(document) > 1;
	size_t i = 0;

	if (several) {
		char plain[BENCH_CELL_SIZE];

		bench_format_plain(name, plain, sizeof(plain));
		fprintf(file, "  %s\n", plain);
	} else {
		print_name(name, 2, file);
	}
	for (i = 0; i < replay_report_num_rounds(document); i++) {
		const json_t *round = replay_report_round(document, i);
		const json_t *member = members->find(round, name);

		if (member == NULL) {
			continue;
		}
		if (several) {
			print_engine(round, 4, file);
		}
		fprintf(file, " %9.0f", bench_document_number(member, members->counted));
		bench_table_cells(bench_latency_columns,
				  json_object_get(member, "latency_ns"),
				  unit,
				  true,
				  file);
		print_extra(document, members, member, name, unit, file);
		fprintf(file, "\n");
	}
}

static void print_members(const json_t *document, const struct members *members, FILE *file)
{
	const struct bench_unit *unit = unit_of(document);
	size_t num_names = 0;
	const char **names = names_of(document, members, &num_names);
	char heading[NAME_WIDTH + 1];
	size_t i = 0;

	if (num_names > 0) {
		snprintf(heading, sizeof(heading), "%s in %s", members->heading, unit->name);
		fprintf(file, "\n%-*s %9s", NAME_WIDTH, heading, "count");
		bench_table_headings(bench_latency_columns, true, file);
		if (members == &of_commands) {
			fputs(has_recorded(document) ? "  recorded" : "", file);
			if (replay_report_num_rounds(document) > 1) {
				fprintf(file, " %*s", RATIO_WIDTH, "p50");
			}
		} else {
			fprintf(file, " %9s  %s", "errors", "ran");
		}
		fprintf(file, "\n");
	}
	for (i = 0; i < num_names && names != NULL; i++) {
		print_member(document, members, names[i], unit, file);
	}
	talloc_free(names);
}

static void print_slip(const json_t *document, FILE *file)
{
	const struct bench_unit *unit = unit_of(document);
	size_t i = 0;

	if (!(bench_document_number(document, "speed") > 0)) {
		return;
	}
	fprintf(file, "\nmade late, in %-*s %9s", NAME_WIDTH - 14, unit->name, "");
	bench_table_headings(bench_latency_columns, true, file);
	fprintf(file, "\n");
	for (i = 0; i < replay_report_num_rounds(document); i++) {
		const json_t *round = replay_report_round(document, i);

		print_engine(round, 2, file);
		fprintf(file, " %9s", "");
		bench_table_cells(
			bench_latency_columns, json_object_get(round, "slip_ns"), unit, true, file);
		fprintf(file, "\n");
	}
}

static void print_examples(const json_t *kind, FILE *file)
{
	const json_t *examples = json_object_get(kind, "examples");
	size_t i = 0;

	for (i = 0; i < json_array_size(examples); i++) {
		const json_t *example = json_array_get(examples, i);
		bool has_path = json_is_string(json_object_get(example, "path"));
		char path[BENCH_TITLE_SIZE / 2];
		char user[BENCH_CELL_SIZE];

		bench_format_plain(bench_document_text(example, "path"), path, sizeof(path));
		bench_format_plain(bench_document_text(example, "user"), user, sizeof(user));
		fprintf(file,
			"%*s request %.0f, session %.0f%s%s%s%s\n",
			10,
			"",
			bench_document_number(example, "request"),
			bench_document_number(example, "session"),
			user[0] != '\0' ? " of " : "",
			user,
			has_path ? ": " : "",
			has_path && path[0] == '\0' ? "the share's root" : path);
	}
}

static void print_outcome(const json_t *outcome, FILE *file)
{
	const char *recorded = bench_document_text(outcome, "recorded");
	char explanation[BENCH_TITLE_SIZE];

	bench_format_plain(
		bench_document_text(outcome, "explanation"), explanation, sizeof(explanation));
	fprintf(file,
		"%10.0f %s: recorded %s, now %s%s%s\n",
		bench_document_number(outcome, "count"),
		bench_document_text(outcome, "command"),
		recorded[0] != '\0' ? recorded : "no answer",
		bench_document_text(outcome, "replayed"),
		explanation[0] != '\0' ? ": " : "",
		explanation);
}

static void print_left_out(const json_t *left_out, FILE *file)
{
	char reason[BENCH_TITLE_SIZE];

	bench_format_plain(bench_document_text(left_out, "reason"), reason, sizeof(reason));
	fprintf(file,
		"%10.0f %s: %s\n",
		bench_document_number(left_out, "count"),
		bench_document_text(left_out, "command"),
		reason);
}

/* Those of a round's list of which `field` is `value`. */
static void print_kinds(const json_t *round,
			const char *list,
			const char *field,
			const char *value,
			const char *title,
			void (*print)(const json_t *kind, FILE *file),
			bool examples,
			FILE *file)
{
	const json_t *kinds = json_object_get(round, list);
	size_t num_kinds = 0;
	size_t i = 0;

	for (i = 0; i < json_array_size(kinds); i++) {
		const json_t *kind = json_array_get(kinds, i);

		if (strcmp(bench_document_text(kind, field), value) != 0) {
			continue;
		}
		if (num_kinds == 0) {
			char engine[BENCH_CELL_SIZE];

			replay_report_engine(round, engine, sizeof(engine));
			fprintf(file, "\n%s (%s)\n", title, engine);
		}
		if (num_kinds < MAX_KINDS) {
			print(kind, file);
			if (examples) {
				print_examples(kind, file);
			}
		}
		num_kinds++;
	}
	if (num_kinds > MAX_KINDS) {
		fprintf(file,
			"%10s and %zu more kinds: --json has them\n",
			"",
			num_kinds - MAX_KINDS);
	}
}

static bool is_skipped(const json_t *kind, const json_t *reason)
{
	return strcmp(bench_document_text(kind, "fate"), "skipped") == 0 &&
	       json_equal(json_object_get(kind, "reason"), reason);
}

/* "36 of the connection, not of files: echo 32, logoff 4" */
static void print_skipped_for(const json_t *kinds, size_t first, const json_t *reason, FILE *file)
{
	char plain[BENCH_TITLE_SIZE];
	double count = 0;
	size_t i = 0;

	for (i = first; i < json_array_size(kinds); i++) {
		if (is_skipped(json_array_get(kinds, i), reason)) {
			count += bench_document_number(json_array_get(kinds, i), "count");
		}
	}
	bench_format_plain(json_string_value(reason), plain, sizeof(plain));
	fprintf(file, "%10.0f %s: ", count, plain);
	for (i = first; i < json_array_size(kinds); i++) {
		const json_t *kind = json_array_get(kinds, i);

		if (is_skipped(kind, reason)) {
			fprintf(file,
				"%s%s %.0f",
				i == first ? "" : ", ",
				bench_document_text(kind, "command"),
				bench_document_number(kind, "count"));
		}
	}
	fprintf(file, "\n");
}

/* A line a reason, where its first kind stands in the list. */
static void print_skipped(const json_t *round, FILE *file)
{
	const json_t *kinds = json_object_get(round, "left_out");
	bool begun = false;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < json_array_size(kinds); i++) {
		const json_t *kind = json_array_get(kinds, i);
		const json_t *reason = json_object_get(kind, "reason");

		for (j = 0; j < i && !is_skipped(json_array_get(kinds, j), reason); j++) {
		}
		if (is_skipped(kind, reason) && j == i) {
			fputs(begun ? "" : "\nskipped\n", file);
			begun = true;
			print_skipped_for(kinds, i, reason, file);
		}
	}
}

/* The same kinds, as often; the examples may be others. */
static bool same_kinds(const json_t *round, const json_t *first, const char *list)
{
	static const char *const fields[] = { "command",     "recorded", "replayed", "verdict",
					      "explanation", "fate",	 "reason",   "count" };
	const json_t *kinds = json_object_get(round, list);
	const json_t *others = json_object_get(first, list);
	size_t i = 0;
	size_t j = 0;

	if (json_array_size(kinds) != json_array_size(others)) {
		return false;
	}
	for (i = 0; i < json_array_size(kinds); i++) {
		const json_t *kind = json_array_get(kinds, i);
		const json_t *other = json_array_get(others, i);

		for (j = 0; j < sizeof(fields) / sizeof(fields[0]); j++) {
			const json_t *value = json_object_get(kind, fields[j]);

			if (value != NULL &&
			    !json_equal(value, json_object_get(other, fields[j]))) {
				return false;
			}
		}
	}
	return true;
}

static bool same_as_first(const json_t *document, size_t index)
{
	const json_t *first = replay_report_round(document, 0);
	const json_t *round = replay_report_round(document, index);

	return index > 0 && same_kinds(round, first, "outcomes") &&
	       same_kinds(round, first, "left_out");
}

static void print_same(const json_t *document, FILE *file)
{
	bool first = true;
	size_t i = 0;

	for (i = 1; i < replay_report_num_rounds(document); i++) {
		if (same_as_first(document, i)) {
			char engine[BENCH_CELL_SIZE];

			replay_report_engine(
				replay_report_round(document, i), engine, sizeof(engine));
			fprintf(file, "%s%s", first ? "\nthe same with " : ", ", engine);
			first = false;
		}
	}
	fputs(first ? "" : "\n", file);
}

static void print_round(const json_t *document, size_t index, FILE *file)
{
	const json_t *round = replay_report_round(document, index);

	if (same_as_first(document, index)) {
		return;
	}
	print_kinds(round,
		    "outcomes",
		    "verdict",
		    "different",
		    "not as recorded",
		    print_outcome,
		    true,
		    file);
	print_kinds(round,
		    "left_out",
		    "fate",
		    "failed",
		    "failed to be replayed",
		    print_left_out,
		    true,
		    file);
	/* The rest is the trace's doing and the same for every engine. */
	if (index > 0) {
		return;
	}
	print_kinds(round,
		    "outcomes",
		    "verdict",
		    "explained",
		    "not as recorded, with a reason",
		    print_outcome,
		    false,
		    file);
	print_skipped(round, file);
}

static void print_incomplete(const json_t *document, FILE *file)
{
	size_t i = 0;

	fprintf(file, "\nnot complete: the replay ended early\n");
	for (i = 0; i < replay_report_num_rounds(document); i++) {
		const json_t *round = replay_report_round(document, i);
		double unreached = bench_document_number(round, "requests.unreached");

		if (unreached > 0) {
			print_engine(round, 2, file);
			fprintf(file, " did not come to %.0f requests\n", unreached);
		}
	}
}

void replay_report_table(const json_t *document, FILE *file)
{
	size_t i = 0;

	print_header(document, file);
	print_engines(document, file);
	print_members(document, &of_commands, file);
	print_members(document, &of_operations, file);
	print_slip(document, file);
	for (i = 0; i < replay_report_num_rounds(document); i++) {
		print_round(document, i, file);
	}
	print_same(document, file);
	if (!json_is_true(json_object_get(document, "complete"))) {
		print_incomplete(document, file);
	}
}
