/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all plots have in common. Nothing of a document gets into the script but numbers, and names
 * of which only harmless characters are left.
 */
#include "plot_canvas.h"
#include "document.h"
#include "report_format.h"

#include <math.h>
#include <string.h>

/* Distinguishable also by the colour-blind: those of Okabe and Ito without yellow, then of Tol. */
static const char *const palette[] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
	"#000000", "#882255", "#999933", "#332288", "#7f7f7f", "#44aa99",
};

#define NUM_COLORS (sizeof(palette) / sizeof(palette[0]))

/* Engines are numbered as they first appear. */
bool bench_plot_number_engines(struct bench_drawing *drawing)
{
	size_t num_results = bench_document_num_results(drawing->document);
	size_t *engines = talloc_array(drawing, size_t, num_results);
	size_t num_engines = 0;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < num_results && engines != NULL; i++) {
		const json_t *result = bench_document_result(drawing->document, i);
		const char *name = bench_document_text(result, "engine");

		for (j = 0; j < i; j++) {
			const json_t *earlier = bench_document_result(drawing->document, j);

			if (strcmp(bench_document_text(earlier, "engine"), name) == 0) {
				break;
			}
		}
		engines[i] = j < i ? engines[j] : num_engines;
		num_engines += j == i;
	}
	drawing->plots.engines = engines;
	return engines != NULL;
}

const char *bench_plot_color(const struct bench_plots *plots, size_t index)
{
	return palette[plots->engines[index] % NUM_COLORS];
}

/* For between single quotes in gnuplot's script. */
static void harmless(char *text)
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

/* "10 µs", for the axis of a plot. */
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

/* The results of one engine, of a family. */
bool bench_plot_is_of_line(const struct bench_drawing *drawing, size_t first, size_t index)
{
	return drawing->plots.engines[first] == drawing->plots.engines[index] &&
	       bench_document_same_family(bench_document_result(drawing->document, first),
					  bench_document_result(drawing->document, index));
}

bool bench_plot_begins_line(const struct bench_drawing *drawing, size_t index)
{
	size_t i = 0;

	for (i = 0; i < index; i++) {
		if (bench_plot_is_of_line(drawing, i, index)) {
			return false;
		}
	}
	return true;
}

/* A time or a number, from 0. */
void bench_plot_linear_axis(const struct bench_drawing *drawing,
			    const char *axis,
			    double most,
			    bool time)
{
	double step = nice_step(most);
	double at = 0;
	size_t i = 0;

	fprintf(drawing->script, "set %srange [0:%.9g]\n", axis, most * 1.06);
	fprintf(drawing->script, "set %stics (", axis);
	for (i = 0, at = 0; at <= most * 1.06; i++, at = (double)i * step) {
		char label[BENCH_CELL_SIZE];

		if (time) {
			bench_plot_axis_time(at, label, sizeof(label));
		} else {
			bench_plot_axis_count(at, label, sizeof(label));
		}
		fprintf(drawing->script,
			"%s'%s' %.9g",
			i == 0 ? "" : ", ",
			at == 0 ? "0" : label,
			at);
	}
	fprintf(drawing->script, ")\n");
}

void bench_plot_log_time_axis(const struct bench_drawing *drawing, double least, double most)
{
	double low = floor(log10(least));
	double high = ceil(log10(most));
	bool fine = high - low <= 3;
	bool first = true;
	double decade = 0;
	int i = 0;

	fprintf(drawing->script,
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
			fprintf(drawing->script,
				"%s'%s' %.9g %d",
				first ? "" : ", ",
				label,
				at,
				labelled ? 0 : 1);
			first = false;
		}
	}
	fprintf(drawing->script, ")\n");
}

/*
 * Registers the plot and writes what all plots begin with. False when that is not possible; nothing
 * is drawn then.
 */
bool bench_plot_begin(struct bench_drawing *drawing,
		      enum bench_plot_scope scope,
		      const json_t *result,
		      const char *kind,
		      const char *title,
		      const char *note)
{
	struct bench_plot plot = { .scope = scope, .result = result, .note = note };
	struct bench_plot *longer = NULL;
	char host[BENCH_TITLE_SIZE];
	char about[BENCH_TITLE_SIZE];
	char whole[2 * BENCH_TITLE_SIZE];
	char name[BENCH_TITLE_SIZE];
	char *file = NULL;
	const char *unused = NULL;

	if (scope == BENCH_PLOT_FAMILY) {
		bench_format_family(result, about, sizeof(about));
		snprintf(whole,
			 sizeof(whole),
			 "%s-%.64s-%s",
			 kind,
			 bench_document_text(result, "op"),
			 bench_document_text(result, "load"));
	} else {
		bool open = bench_document_is_open(result);

		bench_format_setting(result, about, sizeof(about));
		snprintf(whole,
			 sizeof(whole),
			 "%s-%.64s-%s%.0f",
			 kind,
			 bench_document_text(result, "op"),
			 open ? "rate" : "depth",
			 bench_document_number(result, open ? "rate" : "depth"));
	}
	bench_format_file_name(whole, name, sizeof(name));
	unused = bench_report_dir_name(drawing->dir, name);
	file = talloc_asprintf(drawing, "%s.svg", unused != NULL ? unused : "");
	longer = talloc_realloc(
		drawing, drawing->plots.plots, struct bench_plot, drawing->plots.num_plots + 1);
	snprintf(whole, sizeof(whole), "%s: %s", title, about);
	plot.file = file;
	plot.title = talloc_strdup(drawing, whole);
	if (unused == NULL || file == NULL || longer == NULL || plot.title == NULL) {
		drawing->failed = true;
		return false;
	}
	drawing->plots.plots = longer;
	drawing->plots.plots[drawing->plots.num_plots] = plot;
	drawing->plots.num_plots++;

	bench_format_host(drawing->document, host, sizeof(host));
	harmless(host);
	harmless(whole);
	fprintf(drawing->script,
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
		drawing->plots.num_plots,
		file,
		whole,
		host);
	return true;
}

void bench_plot_end(struct bench_drawing *drawing)
{
	fprintf(drawing->script, "set output\n");
}

size_t bench_plot_begin_block(struct bench_drawing *drawing)
{
	drawing->num_blocks++;
	fprintf(drawing->script, "$d%zu << END\n", drawing->num_blocks);
	return drawing->num_blocks;
}

void bench_plot_end_block(const struct bench_drawing *drawing)
{
	fprintf(drawing->script, "END\n");
}

/* One shape an engine, too; filled ones. */
unsigned int bench_plot_shape(const struct bench_drawing *drawing, size_t index)
{
	static const unsigned int shapes[] = { 7, 5, 9, 13, 11, 15 };

	return shapes[drawing->plots.engines[index] % (sizeof(shapes) / sizeof(shapes[0]))];
}

void bench_plot_legend_name(const struct bench_drawing *drawing,
			    size_t index,
			    char *name,
			    size_t size)
{
	bench_format_engine(bench_document_result(drawing->document, index), name, size);
	harmless(name);
}
