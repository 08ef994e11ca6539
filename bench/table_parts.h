/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tables on a terminal have in common, whatever they are about.
 */
#ifndef BENCH_TABLE_PARTS_H
#define BENCH_TABLE_PARTS_H

#include "report_format.h"

#include <stdio.h>

/* A line about what else the machine did, and one for each warning of the document. */
void bench_table_noise(const json_t *document, FILE *file);
void bench_table_warnings(const json_t *document, FILE *file);

/* open: those columns too that are shown for open loops only. */
void bench_table_headings(const struct bench_column *columns, bool open, FILE *file);
void bench_table_cells(const struct bench_column *columns,
		       const json_t *object,
		       const struct bench_unit *unit,
		       bool open,
		       FILE *file);

/* "1.20x", or "-" where there is none. */
void bench_table_ratio(const json_t *ratio, const char *field, int width, FILE *file);

#endif /* BENCH_TABLE_PARTS_H */
