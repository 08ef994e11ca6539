/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Latency and throughput of a family against its depth or its offered rate.
 */
#include "plot_canvas.h"
#include "document.h"
#include "report_format.h"

#include <math.h>
#include <stdlib.h>

struct bench_lines {
	const char *kind;
	const char *title;
	const char *note;
	const char *x;
	const char *x_label;
	const struct bench_curve *curves;
	size_t num_curves;
	bool log_x;
	bool time;
};

static const struct bench_curve two_percentiles[] = {
	{ "latency_ns.p50", "p50", 1 },
	{ "latency_ns.p99", "p99", 2 },
};

static const struct bench_curve three_percentiles[] = {
	{ "latency_ns.p50", "p50", 1 },
	{ "latency_ns.p99", "p99", 2 },
	{ "latency_ns.p99_9", "p99.9", 3 },
};

static const struct bench_curve throughput[] = {
	{ "ops_per_second", "", 1 },
};

static const struct bench_lines depth_throughput = {
	.kind = "throughput-depth",
	.title = "Throughput",
	.note = "Operations per second with so many requests in flight. An engine that works on one "
		"request at a time has the same throughput at every depth.",
	.x = "depth",
	.x_label = "depth: requests in flight",
	.curves = throughput,
	.num_curves = 1,
	.log_x = true,
};

static const struct bench_lines depth_latency = {
	.kind = "latency-depth",
	.title = "Latency",
	.note = "What one request takes with so many in flight: it waits for the others, too. Engines "
		"that work on one at a time let nobody wait inside, so their line is not comparable "
		"above depth 1.",
	.x = "depth",
	.x_label = "depth: requests in flight",
	.curves = two_percentiles,
	.num_curves = 2,
	.log_x = true,
	.time = true,
};

static const struct bench_lines rate_latency = {
	.kind = "latency-rate",
	.title = "Response time",
	.note = "From the moment a request was due. Where a line turns upwards the engine cannot keep "
		"up with what is asked of it, and requests queue.",
	.x = "rate",
	.x_label = "offered load, requests per second",
	.curves = three_percentiles,
	.num_curves = 3,
	.time = true,
};

struct point {
	double x;
	double y;
};

static int compare_points(const void *a, const void *b)
{
	const struct point *left = a;
	const struct point *right = b;

	return (left->x > right->x) - (left->x < right->x);
}

static void write_line(struct bench_drawing *drawing, size_t first, const char *x, const char *y)
{
	size_t num_results = bench_document_num_results(drawing->document);
	struct point *points = talloc_array(drawing, struct point, num_results);
	size_t num_points = 0;
	size_t i = 0;

	if (points == NULL) {
		drawing->failed = true;
		return;
	}
	for (i = first; i < num_results; i++) {
		const json_t *result = bench_document_result(drawing->document, i);

		if (bench_plot_is_of_line(drawing, first, i)) {
			points[num_points].x = bench_document_number(result, x);
			points[num_points].y = bench_document_number(result, y);
			num_points++;
		}
	}
	qsort(points, num_points, sizeof(points[0]), compare_points);
	bench_plot_begin_block(drawing);
	for (i = 0; i < num_points; i++) {
		if (isfinite(points[i].y)) {
			fprintf(drawing->script, "%.9g %.9g\n", points[i].x, fmax(points[i].y, 1));
		}
	}
	bench_plot_end_block(drawing);
	talloc_free(points);
}

/* Marks at the depths themselves. */
static void
depth_axis(struct bench_drawing *drawing, const json_t *family, const struct bench_extent *extent)
{
	size_t i = 0;
	bool first = true;

	fprintf(drawing->script,
		"set logscale x 2\nset xrange [%.9g:%.9g]\nset xtics (",
		extent->least / 1.2,
		extent->most * 1.2);
	for (i = 0; i < bench_document_num_results(drawing->document); i++) {
		const json_t *result = bench_document_result(drawing->document, i);

		if (bench_document_same_family(family, result) &&
		    bench_document_begins_setting(drawing->document, i)) {
			fprintf(drawing->script,
				"%s%.0f",
				first ? "" : ", ",
				bench_document_number(result, "depth"));
			first = false;
		}
	}
	fprintf(drawing->script, ")\n");
}

/* What the dashes mean, below the engines. */
static void plot_dashes(const struct bench_drawing *drawing, const struct bench_lines *series)
{
	size_t i = 0;

	for (i = 0; i < series->num_curves && series->num_curves > 1; i++) {
		fprintf(drawing->script,
			", keyentry with lines lc rgb '#555555' lw 2 dt %u title '%s'",
			series->curves[i].dash,
			series->curves[i].name);
	}
}

static void
plot_lines(struct bench_drawing *drawing, const json_t *family, const struct bench_lines *series)
{
	struct bench_extent xs = { INFINITY, 0 };
	struct bench_extent ys = { INFINITY, 0 };
	size_t num_results = bench_document_num_results(drawing->document);
	size_t block = drawing->num_blocks + 1;
	bool first = true;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < num_results; i++) {
		const json_t *result = bench_document_result(drawing->document, i);

		if (!bench_document_same_family(family, result)) {
			continue;
		}
		bench_plot_extend(&xs, bench_document_number(result, series->x));
		for (j = 0; j < series->num_curves; j++) {
			bench_plot_extend(
				&ys,
				fmax(1, bench_document_number(result, series->curves[j].field)));
		}
	}
	if (xs.least >= xs.most || !bench_plot_begin(drawing,
						     BENCH_PLOT_FAMILY,
						     family,
						     series->kind,
						     series->title,
						     series->note)) {
		return;
	}
	for (i = 0; i < num_results; i++) {
		const json_t *result = bench_document_result(drawing->document, i);

		if (!bench_document_same_family(family, result) ||
		    !bench_plot_begins_line(drawing, i)) {
			continue;
		}
		for (j = 0; j < series->num_curves; j++) {
			write_line(drawing, i, series->x, series->curves[j].field);
		}
	}
	if (series->log_x) {
		depth_axis(drawing, family, &xs);
	} else {
		bench_plot_linear_axis(drawing->script, "x", xs.most, false);
	}
	if (series->time) {
		bench_plot_log_time_axis(drawing->script, ys.least, ys.most);
	} else {
		bench_plot_linear_axis(drawing->script, "y", ys.most, false);
		fprintf(drawing->script, "set ylabel 'operations per second'\n");
	}
	fprintf(drawing->script, "set xlabel '%s'\nplot ", series->x_label);
	for (i = 0; i < num_results; i++) {
		const json_t *result = bench_document_result(drawing->document, i);
		char name[BENCH_CELL_SIZE];

		if (!bench_document_same_family(family, result) ||
		    !bench_plot_begins_line(drawing, i)) {
			continue;
		}
		bench_plot_legend_name(drawing, i, name, 24);
		for (j = 0; j < series->num_curves; j++) {
			fprintf(drawing->script,
				"%s$d%zu using 1:2 with linespoints lc rgb '%s' lw 2 dt %u pt %u ps 0.8 ",
				first ? "" : ", ",
				block,
				bench_plot_color(&drawing->plots, i),
				series->curves[j].dash,
				bench_plot_shape(drawing, i));
			if (j == 0) {
				fprintf(drawing->script, "title '%s'", name);
			} else {
				fprintf(drawing->script, "notitle");
			}
			first = false;
			block++;
		}
	}
	plot_dashes(drawing, series);
	fprintf(drawing->script, "\n");
	bench_plot_end(drawing);
}

void bench_plot_against_depth(struct bench_drawing *drawing, const json_t *family)
{
	plot_lines(drawing, family, &depth_throughput);
	plot_lines(drawing, family, &depth_latency);
}

void bench_plot_against_rate(struct bench_drawing *drawing, const json_t *family)
{
	plot_lines(drawing, family, &rate_latency);
}
