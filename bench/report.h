/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is made of a document (document.h) that was measured or loaded. All of it is for documents
 * that have passed bench_document_check().
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* For a terminal. Whether it could be written is in ferror(file). */
void bench_report_table(const json_t *document, FILE *file);

/* A line a result. Whether it could be written is in ferror(file). */
void bench_report_csv(const json_t *document, FILE *file);

/*
 * The rest says on stderr what went wrong, and gives false then.
 *
 * Into the directory `path`, which is made if it is not there: a file a result, as HdrHistogram
 * prints percentiles; of an open loop a second one with the service times.
 */
bool bench_report_hgrm(const json_t *document, const char *path);

/* Into the directory `path`, which is made if it is not there: SVGs and index.html. */
bool bench_report_plot(const json_t *document, const char *path);

/* Where to write what; NULL: not wanted. "-" as csv is stdout. */
struct bench_report_paths {
	const char *csv;
	const char *hgrm;
	const char *plot;
};

bool bench_report_write(const json_t *document, const struct bench_report_paths *paths);

/* What changed, and whether it is more than noise. */
bool bench_compare(const char *old_path, const char *new_path, FILE *file);

/* The subcommands `report` and `compare`: argv[0] is their name. The exit code. */
int bench_report_main(int argc, const char **argv);
int bench_compare_main(int argc, const char **argv);

#endif /* BENCH_REPORT_H */
