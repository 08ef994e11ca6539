/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the figures and strings of a document to text.
 */
#include "report_format.h"

#include <math.h>
#include <string.h>

const struct bench_column bench_rate_columns[] = {
	{ "ops/s", "ops_per_second", 9, BENCH_COLUMN_COUNT, false },
	{ "spread", "spread_percent", 7, BENCH_COLUMN_PERCENT, false },
	{ NULL, NULL, 0, BENCH_COLUMN_COUNT, false },
};

const struct bench_column bench_latency_columns[] = {
	{ "min", "min", 8, BENCH_COLUMN_TIME, false },
	{ "mean", "mean", 9, BENCH_COLUMN_TIME, false },
	{ "p50", "p50", 9, BENCH_COLUMN_TIME, false },
	{ "p90", "p90", 9, BENCH_COLUMN_TIME, false },
	{ "p99", "p99", 9, BENCH_COLUMN_TIME, false },
	{ "p99.9", "p99_9", 9, BENCH_COLUMN_TIME, false },
	{ "p99.99", "p99_99", 10, BENCH_COLUMN_TIME, false },
	{ "max", "max", 10, BENCH_COLUMN_TIME, false },
	{ NULL, NULL, 0, BENCH_COLUMN_COUNT, false },
};

const struct bench_column bench_cost_columns[] = {
	{ "CPU us/op", "cpu_ns_per_op", 9, BENCH_COLUMN_CPU, false },
	{ "csw/op", "context_switches_per_op", 7, BENCH_COLUMN_PER_OP, false },
	{ "sys/op", "syscalls_per_op", 8, BENCH_COLUMN_PER_OP, false },
	{ "subm/enter", "submissions_per_enter", 10, BENCH_COLUMN_PER_OP, false },
	{ "operations", "ops", 10, BENCH_COLUMN_COUNT, false },
	{ "denied", "denied", 9, BENCH_COLUMN_COUNT, false },
	{ "unissued", "unissued", 9, BENCH_COLUMN_COUNT, true },
	{ "errors", "errors", 7, BENCH_COLUMN_COUNT, false },
	{ NULL, NULL, 0, BENCH_COLUMN_COUNT, false },
};

/* The engine's, and in documents of pathring-replay its own thread. */
#define NUM_PLACES 4

static const struct bench_unit units[] = { { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };

const struct bench_unit *bench_format_unit_for(double ns)
{
	if (!isfinite(ns) || ns < 1e6) {
		return &units[0];
	}
	return ns < 1e9 ? &units[1] : &units[2];
}

const struct bench_unit *bench_format_unit(const json_t *document, const json_t *setting)
{
	double least = INFINITY;
	size_t i = 0;

	for (i = 0; i < bench_document_num_results(document); i++) {
		const json_t *result = bench_document_result(document, i);
		double p50 = bench_document_number(result, "latency_ns.p50");

		if (bench_document_same_setting(setting, result) && p50 < least) {
			least = p50;
		}
	}
	return bench_format_unit_for(least);
}

void bench_format_time(double ns, char *text, size_t size)
{
	static const struct bench_unit from_ns[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }
	};
	size_t i = 0;
	double value = 0;

	if (!isfinite(ns)) {
		snprintf(text, size, "-");
		return;
	}
	while (i < 3 && ns >= from_ns[i].ns * 999.5) {
		i++;
	}
	value = ns / from_ns[i].ns;
	snprintf(text,
		 size,
		 "%.*f %s",
		 i == 0 || value >= 99.95 ? 0
		 : value >= 9.995	  ? 1
					  : 2,
		 value,
		 from_ns[i].name);
}

void bench_format_count(double count, char *text, size_t size)
{
	static const char *const suffixes[] = { "", "k", "M", "G", "T" };
	size_t i = 0;

	if (!isfinite(count)) {
		snprintf(text, size, "-");
		return;
	}
	while (i < 4 && count >= 999.5) {
		count /= 1e3;
		i++;
	}
	snprintf(text,
		 size,
		 "%.*f%s",
		 (i == 0 && count == floor(count)) || count >= 99.95 ? 0
		 : count >= 9.995				     ? 1
								     : 2,
		 count,
		 suffixes[i]);
}

void bench_format_placement(const json_t *result, char *text, size_t size)
{
	static const char *const names[] = { "inline", "ring", "thread", "caller" };
	const json_t *placement = json_object_get(result, "placement");
	double total = 0;
	size_t length = 0;
	size_t i = 0;

	text[0] = '\0';
	for (i = 0; i < NUM_PLACES; i++) {
		double count = bench_document_number(placement, names[i]);

		total += count > 0 ? count : 0;
	}
	for (i = 0; i < NUM_PLACES; i++) {
		double count = bench_document_number(placement, names[i]);

		if (count > 0 && length < size) {
			length += (size_t)snprintf(text + length,
						   size - length,
						   "%s%s %.3g%%",
						   length > 0 ? ", " : "",
						   names[i],
						   count * 100 / total);
		}
	}
}

const char *bench_format_concurrency(const json_t *result)
{
	double concurrency = bench_document_number(result, "concurrency");

	if (concurrency >= bench_document_number(result, "depth")) {
		return "";
	}
	return concurrency == 1 ? "; one at a time" : "; fewer at a time";
}

void bench_format_plain(const char *text, char *plain, size_t size)
{
	size_t i = 0;

	for (i = 0; text[i] != '\0' && i + 1 < size; i++) {
		plain[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	}
	plain[i] = '\0';
	if (text[i] != '\0' && i > 2) {
		plain[i - 1] = '.';
		plain[i - 2] = '.';
	}
}

void bench_format_file_name(const char *text, char *name, size_t size)
{
	size_t i = 0;

	for (i = 0; text[i] != '\0' && i + 1 < size; i++) {
		bool plain = (text[i] >= 'a' && text[i] <= 'z') ||
			     (text[i] >= 'A' && text[i] <= 'Z') ||
			     (text[i] >= '0' && text[i] <= '9') ||
			     (i > 0 && (text[i] == '-' || text[i] == '.'));

		name[i] = plain ? text[i] : '_';
	}
	name[i] = '\0';
}

/* Where the engine chose a backend itself, which one; or with how many threads. */
void bench_format_engine(const json_t *result, char *text, size_t size)
{
	const char *engine = bench_document_text(result, "engine");
	const char *backend = bench_document_text(result, "backend");
	char both[BENCH_CELL_SIZE];

	if (backend[0] != '\0' &&
	    (strcmp(engine, "pathring") == 0 || strcmp(engine, "libuv") == 0)) {
		snprintf(both, sizeof(both), "%s (%s)", engine, backend);
		engine = both;
	}
	bench_format_plain(engine, text, size);
}

/* ", 100 entries, 2 users, hot" */
static void append_conditions(const json_t *result, char *text, size_t size)
{
	size_t length = strlen(text);
	double entries = bench_document_number(result, "entries");
	double users = bench_document_number(result, "users");

	if (isfinite(entries)) {
		length += (size_t)snprintf(text + length, size - length, ", %.0f entries", entries);
	}
	if (users == 0) {
		snprintf(text + length, size - length, ", the process itself");
	} else {
		snprintf(text + length,
			 size - length,
			 ", %.0f %s",
			 users,
			 users == 1 ? "user" : "users");
	}
	length = strlen(text);
	snprintf(text + length, size - length, ", %s", bench_document_text(result, "cache"));
}

void bench_format_family(const json_t *result, char *text, size_t size)
{
	char op[BENCH_CELL_SIZE];

	bench_format_plain(bench_document_text(result, "op"), op, sizeof(op));
	snprintf(text, size, "%s, %s loop", op, bench_document_is_open(result) ? "open" : "closed");
	append_conditions(result, text, size);
}

void bench_format_setting(const json_t *result, char *text, size_t size)
{
	char op[BENCH_CELL_SIZE];
	double depth = bench_document_number(result, "depth");

	bench_format_plain(bench_document_text(result, "op"), op, sizeof(op));
	if (bench_document_is_open(result)) {
		snprintf(text,
			 size,
			 "%s, offered %.10g/s, at most %.0f in flight",
			 op,
			 bench_document_number(result, "rate"),
			 depth);
	} else {
		snprintf(text, size, "%s, depth %.0f", op, depth);
	}
	append_conditions(result, text, size);
}

void bench_format_host(const json_t *document, char *text, size_t size)
{
	char line[4 * BENCH_TITLE_SIZE];

	snprintf(line,
		 sizeof(line),
		 "Linux %s, %.0f x %s, %s",
		 bench_document_text(document, "host.kernel"),
		 bench_document_number(document, "host.processors"),
		 bench_document_text(document, "host.processor"),
		 bench_document_text(document, "host.file_system"));
	bench_format_plain(line, text, size);
}

void bench_format_cell(const struct bench_column *column,
		       const json_t *object,
		       const struct bench_unit *unit,
		       char *text,
		       size_t size)
{
	double value = bench_document_number(object, column->field);
	int decimals = 0;

	if (!isfinite(value)) {
		snprintf(text, size, "-");
		return;
	}
	switch (column->kind) {
	case BENCH_COLUMN_TIME:
		value /= unit->ns;
		decimals = 2;
		break;
	case BENCH_COLUMN_CPU:
		value /= 1e3;
		decimals = 2;
		break;
	case BENCH_COLUMN_COUNT:
		break;
	case BENCH_COLUMN_PER_OP:
		decimals = 3;
		break;
	case BENCH_COLUMN_PERCENT:
		decimals = 1;
		break;
	}
	/* Decimals say nothing any more where a number is as wide as its column. */
	while (decimals > 0 && value >= pow(10, column->width - decimals - 2)) {
		decimals--;
	}
	if (value >= pow(10, column->width)) {
		snprintf(text, size, "%.3g", value);
	} else {
		snprintf(text, size, "%.*f", decimals, value);
	}
	if (column->kind == BENCH_COLUMN_PERCENT) {
		strncat(text, "%", size - strlen(text) - 1);
	}
}
