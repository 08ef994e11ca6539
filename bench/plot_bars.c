/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an operation cost, as bars: a group a depth or rate, a bar an engine.
 */
#include "plot_canvas.h"
#include "document.h"
#include "report_format.h"

#include <math.h>
#include <stdlib.h>

#define MAX_BARS 120
#define MAX_LABELLED_BARS 32

struct bars {
	double *groups; /* depths or rates */
	size_t num_groups;
	size_t *lines; /* the first result of each engine */
	size_t num_lines;
	double most;
};

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

static bool find_bars(struct bench_drawing *drawing, const json_t *family, struct bars *bars)
{
	const char *field = bench_document_is_open(family) ? "rate" : "depth";
	size_t num_results = bench_document_num_results(drawing->document);
	size_t i = 0;

	bars->groups = talloc_array(drawing, double, num_results);
	bars->lines = talloc_array(drawing, size_t, num_results);
	if (bars->groups == NULL || bars->lines == NULL) {
		drawing->failed = true;
		return false;
	}
	for (i = 0; i < num_results; i++) {
		const json_t *result = bench_document_result(drawing->document, i);

		if (!bench_document_same_family(family, result)) {
			continue;
		}
		if (bench_document_begins_setting(drawing->document, i)) {
			bars->groups[bars->num_groups] = bench_document_number(result, field);
			bars->num_groups++;
		}
		if (bench_plot_begins_line(drawing, i)) {
			bars->lines[bars->num_lines] = i;
			bars->num_lines++;
		}
		bars->most = fmax(bars->most, bench_document_number(result, "cpu_ns_per_op"));
	}
	qsort(bars->groups, bars->num_groups, sizeof(bars->groups[0]), compare_doubles);
	return bars->most > 0 && bars->num_groups * bars->num_lines <= MAX_BARS;
}

static size_t group_of(const struct bars *bars, double value)
{
	size_t i = 0;

	for (i = 0; i + 1 < bars->num_groups; i++) {
		if (bars->groups[i] == value) {
			break;
		}
	}
	return i;
}

static void write_bars(struct bench_drawing *drawing, const struct bars *bars, size_t line)
{
	size_t first = bars->lines[line];
	const json_t *family = bench_document_result(drawing->document, first);
	const char *field = bench_document_is_open(family) ? "rate" : "depth";
	double width = 0.84 / (double)bars->num_lines;
	size_t i = 0;

	bench_plot_begin_block(drawing);
	for (i = first; i < bench_document_num_results(drawing->document); i++) {
		const json_t *result = bench_document_result(drawing->document, i);
		double cpu = bench_document_number(result, "cpu_ns_per_op");

		if (bench_plot_is_of_line(drawing, first, i) && isfinite(cpu)) {
			size_t group = group_of(bars, bench_document_number(result, field));

			fprintf(drawing->script,
				cpu < 1e6 ? "%.9g %.9g %.9g %.3g\n" : "%.9g %.9g %.9g %.0f\n",
				(double)group + ((double)line + 0.5) * width - 0.42,
				cpu,
				width * 0.94,
				cpu / 1e3);
		}
	}
	bench_plot_end_block(drawing);
}

void bench_plot_bars(struct bench_drawing *drawing, const json_t *family)
{
	bool open = bench_document_is_open(family);
	struct bars bars = { 0 };
	size_t block = drawing->num_blocks + 1;
	bool labelled = false;
	size_t i = 0;

	if (!find_bars(drawing, family, &bars) ||
	    !bench_plot_begin(
		    drawing,
		    BENCH_PLOT_FAMILY,
		    family,
		    "cpu",
		    "CPU per operation",
		    "Processor time that one operation cost the machine, those of the kernel's "
		    "workers and of helper threads included. In microseconds above the bars.")) {
		return;
	}
	labelled = bars.num_groups * bars.num_lines <= MAX_LABELLED_BARS;
	for (i = 0; i < bars.num_lines; i++) {
		write_bars(drawing, &bars, i);
	}
	bench_plot_linear_axis(drawing->script, "y", bars.most * 1.04, true);
	fprintf(drawing->script,
		"unset grid\nset grid ytics lc rgb '#dddddd' lt 1 lw 1\n"
		"set style fill solid 1 noborder\nset xrange [-0.6:%.9g]\nset xtics scale 0 (",
		(double)bars.num_groups - 0.4);
	for (i = 0; i < bars.num_groups; i++) {
		char label[BENCH_CELL_SIZE];

		if (open) {
			bench_plot_axis_count(bars.groups[i], label, sizeof(label));
		} else {
			snprintf(label, sizeof(label), "%.0f", bars.groups[i]);
		}
		fprintf(drawing->script, "%s'%s' %zu", i == 0 ? "" : ", ", label, i);
	}
	fprintf(drawing->script,
		")\nset xlabel '%s'\nplot ",
		open ? "offered load, requests per second" : "depth: requests in flight");
	for (i = 0; i < bars.num_lines; i++, block++) {
		char name[BENCH_CELL_SIZE];

		bench_plot_legend_name(drawing, bars.lines[i], name, 24);
		fprintf(drawing->script,
			"%s$d%zu using 1:2:3 with boxes lc rgb '%s' title '%s'",
			i == 0 ? "" : ", ",
			block,
			bench_plot_color(&drawing->plots, bars.lines[i]),
			name);
		if (labelled) {
			fprintf(drawing->script,
				", $d%zu using 1:2:4 with labels offset 0,0.5 font ',10' "
				"tc rgb '#444444' notitle",
				block);
		}
	}
	fprintf(drawing->script, "\n");
	bench_plot_end(drawing);
}
