/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Percentile curves of one setting, on an axis of nines.
 */
#include "plot_canvas.h"
#include "document.h"
#include "report_format.h"

#include <math.h>

/*
 * Each nine as wide as the one before: 1 / (1 - percentile), on a logarithmic scale. gnuplot takes
 * the labels of an axis for formats, too.
 */
static void nines_axis(const struct bench_drawing *drawing, double most)
{
	double at = 0;
	int nines = 0;

	fprintf(drawing->script,
		"set logscale x\nset xrange [1:%.9g]\nset xtics ('0' 1, '50 %%%%' 2, '90 %%%%' 10",
		most);
	for (at = 100, nines = 0; at <= most * 1.01; at *= 10, nines++) {
		fprintf(drawing->script,
			", '99%s%.*s %%%%' %.0f",
			nines > 0 ? "." : "",
			nines,
			"9999999999999999",
			at);
	}
	fprintf(drawing->script, ")\nset xlabel 'percentile of requests'\n");
}

static double total_of(const json_t *buckets)
{
	double total = 0;
	size_t i = 0;

	for (i = 0; i < json_array_size(buckets); i++) {
		total += json_number_value(json_array_get(json_array_get(buckets, i), 1));
	}
	return total;
}

/*
 * A stair: from the first percentile of a bucket to its last one it has the same value. Steps that
 * are finer than a pixel are left out.
 */
static void write_stair(const struct bench_drawing *drawing, const json_t *buckets)
{
	size_t num_buckets = json_array_size(buckets);
	double total = total_of(buckets);
	double seen = 0;
	double last_x = 0;
	double last_y = 0;
	size_t i = 0;

	for (i = 0; i < num_buckets; i++) {
		const json_t *bucket = json_array_get(buckets, i);
		double y = json_number_value(json_array_get(bucket, 0));
		double from = total / (total - seen);
		double to = 0;

		seen += json_number_value(json_array_get(bucket, 1));
		to = i + 1 < num_buckets ? total / (total - seen) : fmax(total, from);
		/* Nothing is at 0 on a logarithmic scale. */
		y = fmax(y, 1);
		if (i + 1 < num_buckets && to < last_x * 1.008 && y < last_y * 1.02) {
			continue;
		}
		fprintf(drawing->script, "%.9g %.9g\n%.9g %.9g\n", from, y, to, y);
		last_x = to;
		last_y = y;
	}
}

static const struct bench_curve percentile_curves[] = {
	{ "histogram.latency", "", 1 },
	{ "histogram.service", ", service", 3 },
};

#define NUM_PERCENTILE_CURVES (sizeof(percentile_curves) / sizeof(percentile_curves[0]))

void bench_plot_percentiles(struct bench_drawing *drawing, const json_t *setting)
{
	static const char closed_note[] =
		"How long requests took, from the fastest on the left to the slowest on the right. "
		"Each mark to the right is a tenth of the requests before it.";
	static const char open_note[] =
		"Response time (whole lines) runs from the moment a request was due, so that a stall is "
		"charged to every request that it delayed; service time (dotted) from when it was "
		"made. Where they part, requests were waiting to be made.";
	struct bench_extent times = { INFINITY, 0 };
	double most = 100;
	bool open = bench_document_is_open(setting);
	size_t num_results = bench_document_num_results(drawing->document);
	size_t first_block = drawing->num_blocks + 1;
	size_t block = first_block;
	bool first = true;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < num_results; i++) {
		const json_t *result = bench_document_result(drawing->document, i);

		for (j = 0; j < NUM_PERCENTILE_CURVES; j++) {
			const json_t *buckets =
				bench_document_field(result, percentile_curves[j].field);
			size_t num_buckets = json_array_size(buckets);

			if (num_buckets == 0 || !bench_document_same_setting(setting, result)) {
				continue;
			}
			most = fmax(most, total_of(buckets));
			bench_plot_extend(&times,
					  fmax(1,
					       json_number_value(json_array_get(
						       json_array_get(buckets, 0), 0))));
			bench_plot_extend(&times,
					  json_number_value(json_array_get(
						  json_array_get(buckets, num_buckets - 1), 0)));
		}
	}
	if (times.most <= 0 || !bench_plot_begin(drawing,
						 BENCH_PLOT_SETTING,
						 setting,
						 "percentiles",
						 open ? "Response and service time" : "Latency",
						 open ? open_note : closed_note)) {
		return;
	}
	for (i = 0; i < num_results; i++) {
		const json_t *result = bench_document_result(drawing->document, i);

		for (j = 0; j < NUM_PERCENTILE_CURVES; j++) {
			const json_t *buckets =
				bench_document_field(result, percentile_curves[j].field);

			if (json_array_size(buckets) > 0 &&
			    bench_document_same_setting(setting, result)) {
				bench_plot_begin_block(drawing);
				write_stair(drawing, buckets);
				bench_plot_end_block(drawing);
			}
		}
	}
	nines_axis(drawing, most);
	bench_plot_log_time_axis(drawing, times.least, times.most);
	fprintf(drawing->script, "plot ");
	for (i = 0; i < num_results; i++) {
		const json_t *result = bench_document_result(drawing->document, i);
		char name[BENCH_CELL_SIZE];

		bench_plot_legend_name(drawing, i, name, 24);
		for (j = 0; j < NUM_PERCENTILE_CURVES; j++) {
			const struct bench_curve *curve = &percentile_curves[j];
			const json_t *buckets = bench_document_field(result, curve->field);

			if (json_array_size(buckets) > 0 &&
			    bench_document_same_setting(setting, result)) {
				fprintf(drawing->script,
					"%s$d%zu using 1:2 with lines lc rgb '%s' lw 2 dt %u title '%s%s'",
					first ? "" : ", ",
					block,
					bench_plot_color(&drawing->plots, i),
					curve->dash,
					name,
					curve->name);
				first = false;
				block++;
			}
		}
	}
	fprintf(drawing->script, "\n");
	bench_plot_end(drawing);
}
