/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How figures and names of a document are written: alike on a terminal, on the overview page and
 * in plots.
 */
#ifndef BENCH_REPORT_FORMAT_H
#define BENCH_REPORT_FORMAT_H

#include "document.h"

#include <stdio.h>

/* Enough for any cell, name and title here. */
#define BENCH_CELL_SIZE 64
#define BENCH_TITLE_SIZE 256

/* What all times of one table are written in. */
struct bench_unit {
	const char *name;
	double ns;
};

/* Chosen for a table with this among its shorter times; for the results of this one's setting. */
const struct bench_unit *bench_format_unit_for(double ns);
const struct bench_unit *bench_format_unit(const json_t *document, const json_t *setting);

/* With the unit that suits it: "1.23 us". */
void bench_format_time(double ns, char *text, size_t size);

/* Operations per second, and other large numbers: "987", "123.4k", "1.23M". */
void bench_format_count(double count, char *text, size_t size);

/* Where operations ran: "inline 20%, ring 80%"; "" when nobody knows. */
void bench_format_placement(const json_t *result, char *text, size_t size);

/* "; one at a time" when that is less than the depth; "" otherwise. */
const char *bench_format_concurrency(const json_t *result);

/*
 * Text from a document, shortened to `size`. Whatever is not a printable ASCII character becomes
 * '?', so that nobody's name for an engine moves the cursor of a terminal.
 */
void bench_format_plain(const char *text, char *plain, size_t size);

/* As a name of a file: other characters than letters, digits, '-' and '.' become '_'. */
void bench_format_file_name(const char *text, char *name, size_t size);

/* "pathring (uring)": plain. */
void bench_format_engine(const json_t *result, char *text, size_t size);

/* "lookup, depth 64, 2 users, hot"; of a family without the depth or rate. Plain. */
void bench_format_setting(const json_t *result, char *text, size_t size);
void bench_format_family(const json_t *result, char *text, size_t size);

/* "Linux 6.18, 2 x Processor, ext4": plain. */
void bench_format_host(const json_t *document, char *text, size_t size);

enum bench_column_kind {
	BENCH_COLUMN_TIME,  /* in the unit of the table */
	BENCH_COLUMN_CPU,   /* in microseconds */
	BENCH_COLUMN_COUNT, /* a whole number, all of it */
	BENCH_COLUMN_PER_OP,
	BENCH_COLUMN_PERCENT,
};

/* Of a table of results; a list of them ends with a heading that is NULL. */
struct bench_column {
	const char *heading;
	const char *field;
	int width;
	enum bench_column_kind kind;
	bool only_open; /* shown for open loops only */
};

/* Of a result. */
extern const struct bench_column bench_rate_columns[];
/* Of "latency_ns" and its like. */
extern const struct bench_column bench_latency_columns[];
/* Of a result. */
extern const struct bench_column bench_cost_columns[];

/* "-" for what is not known. */
void bench_format_cell(const struct bench_column *column,
		       const json_t *object,
		       const struct bench_unit *unit,
		       char *text,
		       size_t size);

#endif /* BENCH_REPORT_FORMAT_H */
