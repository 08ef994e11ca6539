/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which plots a document has, gnuplot's run for them, and the page that shows them.
 */
#include "document.h"
#include "gnuplot.h"
#include "plot_canvas.h"
#include "report.h"

#define GNUPLOT_SECONDS 120

static void draw(struct bench_drawing *drawing)
{
	size_t i = 0;

	fprintf(drawing->script, "set encoding utf8\n");
	for (i = 0; i < bench_document_num_results(drawing->document); i++) {
		const json_t *result = bench_document_result(drawing->document, i);

		if (bench_document_begins_family(drawing->document, i)) {
			if (bench_document_is_open(result)) {
				bench_plot_against_rate(drawing, result);
			} else {
				bench_plot_against_depth(drawing, result);
			}
			bench_plot_bars(drawing, result);
		}
		if (bench_document_begins_setting(drawing->document, i)) {
			bench_plot_percentiles(drawing, result);
		}
	}
}

static bool make_plots(struct bench_drawing *drawing)
{
	if (!bench_plot_number_engines(drawing)) {
		drawing->failed = true;
		return false;
	}
	draw(drawing);
	if (drawing->failed) {
		return false;
	}
	/* A document without results needs no gnuplot. */
	return drawing->plots.num_plots == 0 ||
	       bench_gnuplot_run(drawing->script, drawing->dir->fd, GNUPLOT_SECONDS);
}

bool bench_report_plot(const json_t *document, const char *path)
{
	struct bench_drawing *drawing = talloc_zero(NULL, struct bench_drawing);
	bool ok = false;

	if (drawing == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return false;
	}
	drawing->document = document;
	drawing->dir = bench_report_dir(drawing, path);
	if (drawing->dir != NULL) {
		drawing->script = bench_gnuplot_script();
	}
	if (drawing->script != NULL) {
		ok = make_plots(drawing) &&
		     bench_report_html(document, drawing->dir, &drawing->plots);
		fclose(drawing->script);
	}
	if (drawing->failed) {
		fprintf(stderr, "pathring-bench: out of memory\n");
	}
	talloc_free(drawing);
	return ok;
}
