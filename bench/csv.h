/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cells of comma-separated values as RFC 4180 has them. Commas and ends of lines are the caller's.
 */
#ifndef BENCH_CSV_H
#define BENCH_CSV_H

#include <jansson.h>
#include <stdio.h>

void bench_csv_text(const char *text, FILE *file);

/* A string or number; nothing for anything else. */
void bench_csv_value(const json_t *value, FILE *file);

#endif /* BENCH_CSV_H */
