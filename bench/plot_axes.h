/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every plot has, whatever it is about, as parts of gnuplot's script: a frame with title and
 * legend, axes, colours, and stairs of percentiles.
 */
#ifndef BENCH_PLOT_AXES_H
#define BENCH_PLOT_AXES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What a plot begins with. The texts go between single quotes: see bench_plot_harmless(). */
struct bench_plot_frame {
	size_t number; /* of the plot in its page, from 1 */
	const char *file;
	const char *title;
	const char *subtitle;
};

void bench_plot_frame(FILE *script, const struct bench_plot_frame *frame);

/* In place: what is left may stand between single quotes in the script. */
void bench_plot_harmless(char *text);

/* "#0072b2": the colour of the thing with this number. */
const char *bench_plot_palette(size_t number);

/* Least and most of what is drawn: from { INFINITY, 0 } on. */
struct bench_extent {
	double least;
	double most;
};

void bench_plot_extend(struct bench_extent *extent, double value);

/* axis: "x" or "y", of a time or a number, from 0. */
void bench_plot_linear_axis(FILE *script, const char *axis, double most, bool time);

/* The y axis, of nanoseconds. */
void bench_plot_log_time_axis(FILE *script, double least, double most);

/* The x axis of percentiles, up to where 1 request of `most` is. */
void bench_plot_nines_axis(FILE *script, double most);

/* The buckets of a histogram, of a document: how many values they hold; and as a stair. */
double bench_plot_total(const json_t *buckets);
void bench_plot_stair(FILE *script, const json_t *buckets);

/* "10 µs", "25k": for beside an axis. */
void bench_plot_axis_time(double ns, char *text, size_t size);
void bench_plot_axis_count(double count, char *text, size_t size);

#endif /* BENCH_PLOT_AXES_H */
