/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cells of comma-separated values.
 */
#include "csv.h"

#include <string.h>

void bench_csv_text(const char *text, FILE *file)
{
	size_t i = 0;

	if (strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, file);
		return;
	}
	fputc('"', file);
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '"') {
			fputc('"', file);
		}
		fputc(text[i], file);
	}
	fputc('"', file);
}

void bench_csv_value(const json_t *value, FILE *file)
{
	if (json_is_string(value)) {
		bench_csv_text(json_string_value(value), file);
	} else if (json_is_integer(value)) {
		fprintf(file, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		fprintf(file, "%.12g", json_real_value(value));
	}
}
