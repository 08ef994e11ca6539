/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every overview page has, whatever it is about: its style, what is said of the machine, and
 * plots. A page is one file that needs no network and runs no scripts.
 */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include "report_files.h"
#include "report_format.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* program: a constant, for the title. */
void bench_page_begin(FILE *file, const char *program, const char *version);
void bench_page_end(FILE *file);

/* Of anybody's, so that nothing in it is taken for HTML. */
void bench_page_text(FILE *file, const char *text);

/* "host", "complete" and "warnings" of a document. */
void bench_page_host(FILE *file, const json_t *document);
void bench_page_warnings(FILE *file, const json_t *document);

/*
 * The plot itself, not a reference to its file. note: how to read it, in HTML. False after a
 * message on stderr.
 */
bool bench_page_figure(FILE *file,
		       const struct bench_report_dir *dir,
		       const char *svg,
		       const char *title,
		       const char *note);

/* Cells of a row. open: those columns too that are shown for open loops only. */
void bench_page_headings(FILE *file, const struct bench_column *columns, bool open);
void bench_page_cells(FILE *file,
		      const struct bench_column *columns,
		      const json_t *object,
		      const struct bench_unit *unit,
		      bool open);

/* "1.20x", coloured by whether that is good. first: of a group of columns. */
void bench_page_ratio(
	FILE *file, const json_t *ratio, const char *field, bool more_is_better, bool first);

#endif /* BENCH_PAGE_H */
