/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parts of tables on a terminal.
 */
#include "table_parts.h"

#include <math.h>

void bench_table_noise(const json_t *document, FILE *file)
{
	double steal = bench_document_number(document, "host.steal_percent");
	double other = bench_document_number(document, "host.other_cpu_percent");

	if (isfinite(steal) && isfinite(other)) {
		fprintf(file,
			"meanwhile others used %.1f%% of the processors, and %.1f%% were stolen by the host\n",
			other,
			steal);
	}
}

void bench_table_warnings(const json_t *document, FILE *file)
{
	const json_t *warnings = json_object_get(document, "warnings");
	size_t i = 0;

	for (i = 0; i < json_array_size(warnings); i++) {
		char plain[2 * BENCH_TITLE_SIZE];

		bench_format_plain(
			json_string_value(json_array_get(warnings, i)), plain, sizeof(plain));
		fprintf(file, "warning: %s\n", plain);
	}
}

void bench_table_headings(const struct bench_column *columns, bool open, FILE *file)
{
	size_t i = 0;

	for (i = 0; columns[i].heading != NULL; i++) {
		if (open || !columns[i].only_open) {
			fprintf(file, " %*s", columns[i].width, columns[i].heading);
		}
	}
}

void bench_table_cells(const struct bench_column *columns,
		       const json_t *object,
		       const struct bench_unit *unit,
		       bool open,
		       FILE *file)
{
	size_t i = 0;

	for (i = 0; columns[i].heading != NULL; i++) {
		char cell[BENCH_CELL_SIZE];

		if (open || !columns[i].only_open) {
			bench_format_cell(&columns[i], object, unit, cell, sizeof(cell));
			fprintf(file, " %*s", columns[i].width, cell);
		}
	}
}

void bench_table_ratio(const json_t *ratio, const char *field, int width, FILE *file)
{
	double value = bench_document_number(ratio, field);
	char text[BENCH_CELL_SIZE] = "-";

	if (isfinite(value)) {
		snprintf(text, sizeof(text), value < 1e4 ? "%.2fx" : "%.0ex", value);
	}
	fprintf(file, " %*s", width, text);
}
