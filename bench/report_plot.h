/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the plots of a report and the page that shows them.
 */
#ifndef BENCH_REPORT_PLOT_H
#define BENCH_REPORT_PLOT_H

#include "report_files.h"

#include <jansson.h>

enum bench_plot_scope {
	BENCH_PLOT_FAMILY,  /* of all depths or rates */
	BENCH_PLOT_SETTING, /* of one */
};

struct bench_plot {
	enum bench_plot_scope scope;
	const json_t *result; /* one that it is about */
	const char *file;
	const char *title;
	const char *note; /* how to read it */
};

struct bench_plots {
	const size_t *engines; /* of each result, the number of its engine in the document */
	struct bench_plot *plots;
	size_t num_plots;
};

/* "#0072b2": the same for the engine of this result in all plots and on the page. */
const char *bench_plot_color(const struct bench_plots *plots, size_t index);

/* index.html, with the plots, which must have been made, in it. */
bool bench_report_html(const json_t *document,
		       struct bench_report_dir *dir,
		       const struct bench_plots *plots);

#endif /* BENCH_REPORT_PLOT_H */
