/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all plots have in common. Nothing of a document gets into the script but numbers, and names
 * of which only harmless characters are left.
 */
#include "plot_canvas.h"
#include "document.h"
#include "report_format.h"

#include <string.h>

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
	return bench_plot_palette(plots->engines[index]);
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
	struct bench_plot_frame frame = { .title = whole, .subtitle = host };
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
	bench_plot_harmless(host);
	bench_plot_harmless(whole);
	frame.number = drawing->plots.num_plots;
	frame.file = file;
	bench_plot_frame(drawing->script, &frame);
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
	bench_plot_harmless(name);
}
