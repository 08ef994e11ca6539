/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of gnuplot's script that do not depend on what is drawn.
 */
#include "plot_axes.h"
#include "report_format.h"

#include <math.h>
#include <string.h>

/* Distinguishable also by the colour-blind: those of Okabe and Ito without yellow, then of Tol. */
static const char *const palette[] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
	"#000000", "#882255", "#999933", "#332288", "#7f7f7f", "#44aa99",
};

#define NUM_COLORS (sizeof(palette) / sizeof(palette[0]))

const char *bench_plot_palette(size_t number)
{
	return palette[number % NUM_COLORS];
}

void bench_plot_harmless(char *text)
{
	size_t i = 0;

	for (i = 0; text[i] != '\0'; i++) {
		bool plain = (text[i] >= 'a' && text[i] <= 'z') ||
			     (text[i] >= 'A' && text[i] <= 'Z') ||
			     (text[i] >= '0' && text[i] <= '9') ||
			     strchr(" .,:;()/+-=%_#*?!", text[i]) != NULL;

		if (!plain) {
			text[i] = '_';
		}
	}
}

void bench_plot_axis_time(double ns, char *text, size_t size)
{
	static const char *const names[] = { "ns", "µs", "ms", "s" };
	size_t i = 0;

	while (i < 3 && ns >= 999.5) {
		ns /= 1e3;
		i++;
	}
	snprintf(text, size, "%.4g %s", ns, names[i]);
}

void bench_plot_axis_count(double count, char *text, size_t size)
{
	static const char *const suffixes[] = { "", "k", "M", "G", "T" };
	size_t i = 0;

	while (i < 4 && count >= 999.5) {
		count /= 1e3;
		i++;
	}
	snprintf(text, size, "%.4g%s", count, suffixes[i]);
}

/* The step of an axis from 0 with about five of them. */
static double nice_step(double most)
{
	double rough = most / 5;
	double power = pow(10, floor(log10(rough)));

	if (rough <= power) {
		return power;
	}
	if (rough <= 2 * power) {
		return 2 * power;
	}
	return rough <= 5 * power ? 5 * power : 10 * power;
}

void bench_plot_extend(struct bench_extent *extent, double value)
{
	extent->least = fmin(extent->least, value);
	extent->most = fmax(extent->most, value);
}

void bench_plot_linear_axis(FILE *script, const char *axis, double most, bool time)
{
	double step = nice_step(most);
	double at = 0;
	size_t i = 0;

	fprintf(script, "set %srange [0:%.9g]\n", axis, most * 1.06);
	fprintf(script, "set %stics (", axis);
	for (i = 0, at = 0; at <= most * 1.06; i++, at = (double)i * step) {
		char label[BENCH_CELL_SIZE];

		if (time) {
			bench_plot_axis_time(at, label, sizeof(label));
		} else {
			bench_plot_axis_count(at, label, sizeof(label));
		}
		fprintf(script, "%s'%s' %.9g", i == 0 ? "" : ", ", at == 0 ? "0" : label, at);
	}
	fprintf(script, ")\n");
}

void bench_plot_log_time_axis(FILE *script, double least, double most)
{
	double low = floor(log10(least));
	double high = ceil(log10(most));
	bool fine = high - low <= 3;
	bool first = true;
	double decade = 0;
	int i = 0;

	fprintf(script,
		"set logscale y\nset yrange [%.9g:%.9g]\nset ytics (",
		least / 1.2,
		most * 1.3);
	for (decade = low; decade <= high; decade++) {
		for (i = 1; i < 10; i++) {
			double at = i * pow(10, decade);
			bool labelled = i == 1 || (fine && (i == 2 || i == 5));
			char label[BENCH_CELL_SIZE] = "";

			if (labelled) {
				bench_plot_axis_time(at, label, sizeof(label));
			}
			fprintf(script,
				"%s'%s' %.9g %d",
				first ? "" : ", ",
				label,
				at,
				labelled ? 0 : 1);
			first = false;
		}
	}
	fprintf(script, ")\n");
}

/*
 * Each nine as wide as the one before: 1 / (1 - percentile), on a logarithmic scale. gnuplot takes
 * the labels of an axis for formats, too.
 */
void bench_plot_nines_axis(FILE *script, double most)
{
	double at = 0;
	int nines = 0;

	fprintf(script,
		"set logscale x\nset xrange [1:%.9g]\nset xtics ('0' 1, '50 %%%%' 2, '90 %%%%' 10",
		most);
	for (at = 100, nines = 0; at <= most * 1.01; at *= 10, nines++) {
		fprintf(script,
			", '99%s%.*s %%%%' %.0f",
			nines > 0 ? "." : "",
			nines,
			"9999999999999999",
			at);
	}
	fprintf(script, ")\nset xlabel 'percentile of requests'\n");
}

double bench_plot_total(const json_t *buckets)
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
void bench_plot_stair(FILE *script, const json_t *buckets)
{
	size_t num_buckets = json_array_size(buckets);
	double total = bench_plot_total(buckets);
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
		fprintf(script, "%.9g %.9g\n%.9g %.9g\n", from, y, to, y);
		last_x = to;
		last_y = y;
	}
}

void bench_plot_frame(FILE *script, const struct bench_plot_frame *frame)
{
	fprintf(script,
		"reset\n"
		"set terminal svg size 960,460 dynamic noenhanced font 'sans-serif,14' "
		"background rgb '#ffffff' name 'p%zu'\n"
		"set output '%s'\n"
		"set label 1 '%s' at screen 0.012,0.955 left font ',17' tc rgb '#111111'\n"
		"set label 2 '%s' at screen 0.012,0.900 left font ',12' tc rgb '#666666'\n"
		"set tmargin at screen 0.85\n"
		"set border 3 lc rgb '#888888'\n"
		"set tics nomirror tc rgb '#222222'\n"
		"set grid xtics ytics lc rgb '#dddddd' lt 1 lw 1\n"
		"set key outside right top vertical Left reverse samplen 2.6 spacing 1.25 "
		"tc rgb '#222222'\n",
		frame->number,
		frame->file,
		frame->title,
		frame->subtitle);
}
