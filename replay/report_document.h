/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a replay's results to the document, and what the reports that are made of one have in
 * common. Those look at the document alone, with bench/document.h.
 */
#ifndef REPLAY_REPORT_DOCUMENT_H
#define REPLAY_REPORT_DOCUMENT_H

#include "report.h"

#include "report_files.h"

#include <stdio.h>

#define REPLAY_REPORT_SCHEMA "pathring-replay/1"

/* As pathring-replay.schema.json has it. NULL without memory. */
json_t *replay_report_document(const struct replay_results *results,
			       const struct replay_report_about *about);

size_t replay_report_num_rounds(const json_t *document);
const json_t *replay_report_round(const json_t *document, size_t index);

/* "pathring (uring)", plain. */
void replay_report_engine(const json_t *round, char *text, size_t size);

/* Of the round, by the name of the command or operation; NULL if there is none. */
const json_t *replay_report_command(const json_t *round, const char *name);
const json_t *replay_report_operation(const json_t *round, const char *name);

/* For a terminal. Whether it could be written is in ferror(file). */
void replay_report_table(const json_t *document, FILE *file);

/*
 * A line for each engine, and for each of its commands and operations. Whether it could be written
 * is in ferror(file).
 */
void replay_report_csv(const json_t *document, FILE *file);

/*
 * SVGs and index.html, into the directory `path`, which is made if it is not there. False after a
 * message on stderr.
 */
bool replay_report_plot(const json_t *document, const char *path);

/* A plot that has been made, for the page. */
struct replay_plot {
	const char *file;
	const char *title;
	const char *note; /* how to read it, in HTML */
};

/* index.html. False after a message on stderr. */
bool replay_report_page(const json_t *document,
			struct bench_report_dir *dir,
			const struct replay_plot *plots,
			size_t num_plots);

#endif /* REPLAY_REPORT_DOCUMENT_H */
