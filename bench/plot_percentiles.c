/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Percentile curves of one setting, on an axis of nines.
 */
#include "plot_canvas.h"
#include "document.h"
#include "report_format.h"

#include <math.h>

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
			most = fmax(most, bench_plot_total(buckets));
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
				bench_plot_stair(drawing->script, buckets);
				bench_plot_end_block(drawing);
			}
		}
	}
	bench_plot_nines_axis(drawing->script, most);
	bench_plot_log_time_axis(drawing->script, times.least, times.most);
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
