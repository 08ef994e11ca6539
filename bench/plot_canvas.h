/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the plots of a report are drawn on: gnuplot's script, with the blocks of data and legends
 * that are made of results. Within a plot the order is begin, the blocks of data, the axes, the
 * command "plot", end.
 */
#ifndef BENCH_PLOT_CANVAS_H
#define BENCH_PLOT_CANVAS_H

#include "plot_axes.h"
#include "report_plot.h"

#include <stdio.h>

struct bench_drawing {
	const json_t *document;
	struct bench_report_dir *dir;
	struct bench_plots plots;
	FILE *script;
	size_t num_blocks; /* of data */
	bool failed;	   /* without memory */
};

/* A line of a plot, made of some of the document's results. */
struct bench_curve {
	const char *field;
	const char *name; /* in the legend */
	unsigned int dash;
};

/* Engines are numbered as they first appear. False without memory. */
bool bench_plot_number_engines(struct bench_drawing *drawing);

/*
 * Registers the plot and writes what all plots begin with. False when that is not possible; nothing
 * is drawn then. note: how to read it, in HTML.
 */
bool bench_plot_begin(struct bench_drawing *drawing,
		      enum bench_plot_scope scope,
		      const json_t *result,
		      const char *kind,
		      const char *title,
		      const char *note);
void bench_plot_end(struct bench_drawing *drawing);

/* Lines of numbers go between the two; they are data $dN of the script with the number given. */
size_t bench_plot_begin_block(struct bench_drawing *drawing);
void bench_plot_end_block(const struct bench_drawing *drawing);

/* gnuplot's number of it: one an engine. */
unsigned int bench_plot_shape(const struct bench_drawing *drawing, size_t index);

/* The name of a result's engine, for between single quotes in the script. */
void bench_plot_legend_name(const struct bench_drawing *drawing,
			    size_t index,
			    char *name,
			    size_t size);

/* The results of one engine in a family are on one line, which the first of them begins. */
bool bench_plot_is_of_line(const struct bench_drawing *drawing, size_t first, size_t index);
bool bench_plot_begins_line(const struct bench_drawing *drawing, size_t index);

/* The plots themselves; each of them only if there are numbers for it. */
void bench_plot_percentiles(struct bench_drawing *drawing, const json_t *setting);
void bench_plot_against_depth(struct bench_drawing *drawing, const json_t *family);
void bench_plot_against_rate(struct bench_drawing *drawing, const json_t *family);
void bench_plot_bars(struct bench_drawing *drawing, const json_t *family);

#endif /* BENCH_PLOT_CANVAS_H */
