/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shows what is in a trace: to people, and to programs.
 */
#include "info.h"

#include "message.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

#define SCHEMA "pathring-replay-info/1"

/* In a list for people. */
#define MAX_SHOWN 20

#define P50 50000
#define P99 99000

static void print_text(FILE *file, const char *text)
{
	char shown[256];

	snprintf(shown, sizeof(shown), "%s", text);
	replay_remove_controls(shown);
	fputs(shown, file);
}

static void print_begun(FILE *file, double begun)
{
	time_t seconds = (time_t)begun;
	struct tm utc;
	char text[64];

	if (begun > 0 && gmtime_r(&seconds, &utc) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc) > 0) {
		fprintf(file, "begun      %s\n", text);
	}
}

static void print_bytes(FILE *file, const char *what, const struct replay_info_command *command)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double bytes = (double)command->bytes;
	size_t i = 0;

	if (command->requests == 0) {
		return;
	}
	while (bytes >= 1024 && i + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		i++;
	}
	fprintf(file,
		"%-10s %.*f %s in %llu requests, of %llu bytes each (median; largest %llu)\n",
		what,
		i > 0 ? 1 : 0,
		bytes,
		units[i],
		(unsigned long long)command->requests,
		(unsigned long long)bench_histogram_percentile(&command->lengths, P50),
		(unsigned long long)command->lengths.max);
}

static void print_summary(const struct replay_trace_info *info, FILE *file)
{
	fprintf(file, "source     ");
	print_text(file, info->header->source);
	fprintf(file, "%s\n", info->header->anonymised ? ", anonymised" : "");
	if (!info->complete) {
		fprintf(file, "cut short  its last line is missing\n");
	}
	print_begun(file, info->header->begun);
	if (info->timed) {
		fprintf(file, "duration   %.3f s\n", (double)info->duration_ns / 1e9);
	} else {
		fprintf(file, "duration   not recorded\n");
	}
	fprintf(file,
		"requests   %llu, of which %llu are replayed\n",
		(unsigned long long)info->requests,
		(unsigned long long)(info->requests - info->skipped));
	if (info->lost > 0) {
		fprintf(file,
			"lost       %llu, missing in the source\n",
			(unsigned long long)info->lost);
	}
	fprintf(file,
		"sessions   %zu, of %zu user%s at %zu client%s\n",
		info->num_sessions,
		info->num_users,
		info->num_users == 1 ? "" : "s",
		info->num_clients,
		info->num_clients == 1 ? "" : "s");
	fprintf(file, "paths      %zu\n", info->paths);
	print_bytes(file, "read", &info->commands[REPLAY_READ]);
	print_bytes(file, "written", &info->commands[REPLAY_WRITE]);
}

static void
print_tallies(FILE *file, const char *heading, const struct replay_tally *tallies, size_t num)
{
	size_t i = 0;

	if (num == 0) {
		return;
	}
	fprintf(file, "\n%10s  %s\n", "requests", heading);
	for (i = 0; i < num && i < MAX_SHOWN; i++) {
		fprintf(file, "%10llu  ", (unsigned long long)tallies[i].count);
		print_text(file, tallies[i].text);
		fputc('\n', file);
	}
	if (num > MAX_SHOWN) {
		fprintf(file, "%10s  and %zu more\n", "", num - MAX_SHOWN);
	}
}

static void print_microseconds(FILE *file, const struct bench_histogram *durations, uint32_t parts)
{
	if (durations->count == 0) {
		fprintf(file, " %10s", "-");
		return;
	}
	fprintf(file, " %10.1f", (double)bench_histogram_percentile(durations, parts) / 1e3);
}

static void print_commands(const struct replay_trace_info *info, FILE *file)
{
	size_t i = 0;

	fprintf(file,
		"\n%10s %10s %10s %10s %10s  %s\n",
		"requests",
		"failed",
		"no answer",
		"p50 us",
		"p99 us",
		"command");
	for (i = 0; i < REPLAY_NUM_COMMANDS; i++) {
		const struct replay_info_command *command = &info->commands[i];

		if (command->requests == 0) {
			continue;
		}
		fprintf(file,
			"%10llu %10llu %10llu",
			(unsigned long long)command->requests,
			(unsigned long long)command->failed,
			(unsigned long long)command->unanswered);
		print_microseconds(file, &command->durations, P50);
		print_microseconds(file, &command->durations, P99);
		fprintf(file, "  %s\n", replay_command_name((enum replay_command)i));
	}
}

void replay_info_print(const struct replay_trace_info *info, FILE *file)
{
	print_summary(info, file);
	print_commands(info, file);
	print_tallies(file, "user", info->users, info->num_users);
	print_tallies(file, "client", info->clients, info->num_clients);
	print_tallies(file, "status", info->statuses, info->num_statuses);
	print_tallies(file, "not replayed because", info->skips, info->num_skips);
}

/* ---- JSON ---- */

/* What is no UTF-8 loses the bytes that are not: it is for counting, and not to find a file. */
static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);
	char plain[256];
	size_t i = 0;

	if (value != NULL) {
		return value;
	}
	snprintf(plain, sizeof(plain), "%s", text);
	for (i = 0; plain[i] != '\0'; i++) {
		if ((unsigned char)plain[i] >= 0x80) {
			plain[i] = '?';
		}
	}
	return json_string(plain);
}

static json_t *number(uint64_t value)
{
	return json_integer(value <= INT64_MAX ? (json_int_t)value : INT64_MAX);
}

static json_t *tallies_value(const char *name, const struct replay_tally *tallies, size_t num)
{
	json_t *array = json_array();
	size_t i = 0;

	for (i = 0; i < num; i++) {
		json_t *item = json_pack("{s:o, s:o}",
					 name,
					 text_value(tallies[i].text),
					 "requests",
					 number(tallies[i].count));

		json_array_append_new(array, item);
	}
	return array;
}

static json_t *command_value(const struct replay_info_command *command, bool moves)
{
	json_t *value = json_pack("{s:o, s:o, s:o, s:o}",
				  "requests",
				  number(command->requests),
				  "succeeded",
				  number(command->succeeded),
				  "failed",
				  number(command->failed),
				  "unanswered",
				  number(command->unanswered));

	if (moves) {
		json_object_set_new(value, "bytes", number(command->bytes));
		json_object_set_new(value,
				    "median_length",
				    number(bench_histogram_percentile(&command->lengths, P50)));
		json_object_set_new(value, "max_length", number(command->lengths.max));
	}
	if (command->durations.count > 0) {
		json_object_set_new(
			value,
			"duration_ns",
			json_pack("{s:o, s:o, s:o}",
				  "p50",
				  number(bench_histogram_percentile(&command->durations, P50)),
				  "p99",
				  number(bench_histogram_percentile(&command->durations, P99)),
				  "max",
				  number(command->durations.max)));
	}
	return value;
}

static json_t *commands_value(const struct replay_trace_info *info)
{
	json_t *commands = json_object();
	size_t i = 0;

	for (i = 0; i < REPLAY_NUM_COMMANDS; i++) {
		if (info->commands[i].requests > 0) {
			json_object_set_new(commands,
					    replay_command_name((enum replay_command)i),
					    command_value(&info->commands[i],
							  i == REPLAY_READ || i == REPLAY_WRITE));
		}
	}
	return commands;
}

bool replay_info_print_json(const struct replay_trace_info *info, FILE *file)
{
	json_t *document = NULL;
	int ret = -1;

	document =
		json_pack("{s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o}",
			  "schema",
			  SCHEMA,
			  "source",
			  text_value(info->header->source),
			  "anonymised",
			  info->header->anonymised,
			  "complete",
			  info->complete,
			  "requests",
			  number(info->requests),
			  "skipped",
			  number(info->skipped),
			  "lost",
			  number(info->lost),
			  "sessions",
			  (int)info->num_sessions,
			  "paths",
			  (int)info->paths,
			  "commands",
			  commands_value(info),
			  "users",
			  tallies_value("user", info->users, info->num_users),
			  "clients",
			  tallies_value("client", info->clients, info->num_clients),
			  "statuses",
			  tallies_value("status", info->statuses, info->num_statuses),
			  "skips",
			  tallies_value("reason", info->skips, info->num_skips));
	if (document != NULL) {
		if (info->timed) {
			json_object_set_new(document, "duration_ns", number(info->duration_ns));
		}
		if (info->header->begun > 0) {
			json_object_set_new(document, "begun", json_real(info->header->begun));
		}
		ret = json_dumpf(document, file, JSON_INDENT(2));
		fputc('\n', file);
	}
	json_decref(document);
	if (ret != 0) {
		replay_complain_memory();
	}
	return ret == 0;
}
