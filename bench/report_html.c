/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overview page of a benchmark (page.h).
 */
#include "page.h"
#include "report_format.h"
#include "report_plot.h"

#include <math.h>

struct page {
	const json_t *document;
	struct bench_report_dir *dir;
	const struct bench_plots *plots;
	FILE *file;
};

static const char how_to_read[] =
	"<details open>\n<summary>How to read this</summary>\n"
	"<p><b>ops/s</b> is the median over the rounds; <b>spread</b> is the distance from the "
	"slowest round to the fastest one. Engines that are closer than their spread are equal.</p>\n"
	"<p><b>p99</b> is the time that 99 of 100 requests did not exceed, and so on. Also of these "
	"the median over the rounds is shown; min and max are those of all rounds.</p>\n"
	"<p>In a <b>closed loop</b> a new request is made when one is answered, so that latency grows "
	"with the depth, and a stall hides the requests that were not made meanwhile. In an <b>open "
	"loop</b> requests are due at a fixed rate whatever happens: <b>response</b> time runs from "
	"the moment a request was due, <b>service</b> time from when it was made, and <b>slip</b> is "
	"what lies between.</p>\n"
	"<p><b>CPU/op</b> is processor time of the whole process with its helper threads and the "
	"kernel's workers; <b>csw/op</b> are context switches, <b>sys/op</b> system calls, "
	"<b>subm/enter</b> the requests that one io_uring_enter submitted. <b>denied</b> is no "
	"failure: some files are forbidden on purpose. <b>errors</b> must be 0.</p>\n"
	"<p>In the <b>ratios</b> 2.00x is twice of what the baseline has: good of ops/s, bad of times "
	"and of CPU. Differences of less than 5 % are not coloured.</p>\n"
	"</details>\n";

static void print_name(const struct page *page, size_t index)
{
	char name[BENCH_CELL_SIZE];

	bench_format_engine(bench_document_result(page->document, index), name, sizeof(name));
	fprintf(page->file,
		"<span class=\"swatch\" style=\"background:%s\"></span>",
		bench_plot_color(page->plots, index));
	bench_page_text(page->file, name);
}

static void print_engines(const struct page *page)
{
	size_t next = 0;
	size_t i = 0;

	fprintf(page->file, "<div class=\"wide\"><table>\n<tbody>\n");
	for (i = 0; i < bench_document_num_results(page->document); i++) {
		const json_t *result = bench_document_result(page->document, i);

		/* Numbered as they appear. */
		if (page->plots->engines[i] != next) {
			continue;
		}
		next++;
		fprintf(page->file,
			"<tr><th><span class=\"swatch\" style=\"background:%s\"></span>",
			bench_plot_color(page->plots, i));
		bench_page_text(page->file, bench_document_text(result, "engine"));
		fprintf(page->file, "</th><td class=\"text\">");
		bench_page_text(page->file, bench_document_text(result, "summary"));
		fprintf(page->file, "</td></tr>\n");
	}
	fprintf(page->file, "</tbody>\n</table></div>\n");
}

static void print_part(const struct page *page,
		       const json_t *result,
		       const char *field,
		       const char *name,
		       const struct bench_unit *unit)
{
	const json_t *latency = bench_document_field(result, field);

	if (latency != NULL) {
		fprintf(page->file, "<tr class=\"part\"><th>%s</th><td></td><td></td>", name);
		bench_page_cells(page->file, bench_latency_columns, latency, unit, true);
		fprintf(page->file, "</tr>\n");
	}
}

static void print_latency(const struct page *page, const json_t *setting)
{
	const struct bench_unit *unit = bench_format_unit(page->document, setting);
	bool open = bench_document_is_open(setting);
	size_t i = 0;

	fprintf(page->file,
		"<div class=\"wide\"><table>\n<thead><tr><th class=\"name\">%s in %s%s</th>",
		open ? "response time" : "latency",
		unit->name[0] == 'u' ? "µ" : "",
		unit->name + (unit->name[0] == 'u'));
	bench_page_headings(page->file, bench_rate_columns, open);
	bench_page_headings(page->file, bench_latency_columns, open);
	fprintf(page->file, "</tr></thead>\n<tbody>\n");
	for (i = 0; i < bench_document_num_results(page->document); i++) {
		const json_t *result = bench_document_result(page->document, i);

		if (!bench_document_same_setting(setting, result)) {
			continue;
		}
		fprintf(page->file, "<tr><th>");
		print_name(page, i);
		fprintf(page->file, "</th>");
		bench_page_cells(page->file, bench_rate_columns, result, unit, open);
		bench_page_cells(page->file,
				 bench_latency_columns,
				 json_object_get(result, "latency_ns"),
				 unit,
				 open);
		fprintf(page->file, "</tr>\n");
		print_part(page, result, "service_ns", "service", unit);
		print_part(page, result, "slip_ns", "slip", unit);
	}
	fprintf(page->file, "</tbody>\n</table></div>\n");
}

static void print_cost(const struct page *page, const json_t *setting)
{
	bool open = bench_document_is_open(setting);
	size_t i = 0;

	fprintf(page->file, "<div class=\"wide\"><table>\n<thead><tr><th class=\"name\">cost</th>");
	bench_page_headings(page->file, bench_cost_columns, open);
	fprintf(page->file, "<th class=\"name\">ran</th></tr></thead>\n<tbody>\n");
	for (i = 0; i < bench_document_num_results(page->document); i++) {
		const json_t *result = bench_document_result(page->document, i);
		char placement[BENCH_CELL_SIZE];

		if (!bench_document_same_setting(setting, result)) {
			continue;
		}
		fprintf(page->file, "<tr><th>");
		print_name(page, i);
		fprintf(page->file, "</th>");
		bench_page_cells(page->file, bench_cost_columns, result, NULL, open);
		bench_format_placement(result, placement, sizeof(placement));
		fprintf(page->file,
			"<td class=\"text\">%s%s</td></tr>\n",
			placement[0] != '\0' ? placement : "-",
			bench_format_concurrency(result));
	}
	fprintf(page->file, "</tbody>\n</table></div>\n");
}

static void
print_baselines(const struct page *page, const char *const *baselines, size_t num_baselines)
{
	size_t i = 0;

	fprintf(page->file,
		"<div class=\"wide\"><table>\n<thead><tr><th class=\"name\">compared with</th>");
	for (i = 0; i < num_baselines; i++) {
		fprintf(page->file, "<th class=\"group first\" colspan=\"3\">");
		bench_page_text(page->file, baselines[i]);
		fprintf(page->file, "</th>");
	}
	fprintf(page->file, "</tr>\n<tr><th></th>");
	for (i = 0; i < num_baselines; i++) {
		fprintf(page->file, "<th class=\"first\">ops/s</th><th>p50</th><th>CPU/op</th>");
	}
	fprintf(page->file, "</tr></thead>\n<tbody>\n");
}

static void print_ratios(const struct page *page, const json_t *setting)
{
	const char **baselines = NULL;
	size_t num_baselines = 0;
	size_t i = 0;
	size_t j = 0;

	baselines = bench_document_baselines(NULL, page->document, setting, &num_baselines);
	if (num_baselines == 0 || baselines == NULL) {
		talloc_free(baselines);
		return;
	}
	print_baselines(page, baselines, num_baselines);
	for (i = 0; i < bench_document_num_results(page->document); i++) {
		const json_t *result = bench_document_result(page->document, i);

		if (!bench_document_same_setting(setting, result)) {
			continue;
		}
		fprintf(page->file, "<tr><th>");
		print_name(page, i);
		fprintf(page->file, "</th>");
		for (j = 0; j < num_baselines; j++) {
			const json_t *ratio =
				json_object_get(json_object_get(result, "ratios"), baselines[j]);

			bench_page_ratio(page->file, ratio, "ops_per_second", true, true);
			bench_page_ratio(page->file, ratio, "p50", false, false);
			bench_page_ratio(page->file, ratio, "cpu_per_op", false, false);
		}
		fprintf(page->file, "</tr>\n");
	}
	fprintf(page->file, "</tbody>\n</table></div>\n");
	talloc_free(baselines);
}

static bool print_plots(const struct page *page, enum bench_plot_scope scope, const json_t *result)
{
	size_t i = 0;

	for (i = 0; i < page->plots->num_plots; i++) {
		const struct bench_plot *plot = &page->plots->plots[i];

		if (plot->scope != scope || plot->result != result) {
			continue;
		}
		if (!bench_page_figure(
			    page->file, page->dir, plot->file, plot->title, plot->note)) {
			return false;
		}
	}
	return true;
}

static bool print_family(const struct page *page, size_t index)
{
	const json_t *family = bench_document_result(page->document, index);
	char title[BENCH_TITLE_SIZE];
	size_t i = 0;

	bench_format_family(family, title, sizeof(title));
	fprintf(page->file, "<h2 id=\"f%zu\">", index);
	bench_page_text(page->file, title);
	fprintf(page->file, "</h2>\n");
	if (!print_plots(page, BENCH_PLOT_FAMILY, family)) {
		return false;
	}
	for (i = index; i < bench_document_num_results(page->document); i++) {
		const json_t *setting = bench_document_result(page->document, i);

		if (!bench_document_same_family(family, setting) ||
		    !bench_document_begins_setting(page->document, i)) {
			continue;
		}
		bench_format_setting(setting, title, sizeof(title));
		fprintf(page->file, "<h3>");
		bench_page_text(page->file, title);
		fprintf(page->file, "</h3>\n");
		print_latency(page, setting);
		print_cost(page, setting);
		print_ratios(page, setting);
		if (!print_plots(page, BENCH_PLOT_SETTING, setting)) {
			return false;
		}
	}
	return true;
}

static void print_contents(const struct page *page)
{
	size_t i = 0;

	fprintf(page->file, "<nav><ul>\n");
	for (i = 0; i < bench_document_num_results(page->document); i++) {
		char title[BENCH_TITLE_SIZE];

		if (!bench_document_begins_family(page->document, i)) {
			continue;
		}
		bench_format_family(bench_document_result(page->document, i), title, sizeof(title));
		fprintf(page->file, "<li><a href=\"#f%zu\">", i);
		bench_page_text(page->file, title);
		fprintf(page->file, "</a></li>\n");
	}
	fprintf(page->file, "</ul></nav>\n");
}

static bool print_page(const struct page *page)
{
	size_t i = 0;
	bool ok = true;

	bench_page_begin(
		page->file, "pathring-bench", bench_document_text(page->document, "version"));
	bench_page_host(page->file, page->document);
	bench_page_warnings(page->file, page->document);
	print_engines(page);
	print_contents(page);
	fputs(how_to_read, page->file);
	for (i = 0; i < bench_document_num_results(page->document) && ok; i++) {
		if (bench_document_begins_family(page->document, i)) {
			ok = print_family(page, i);
		}
	}
	bench_page_end(page->file);
	return ok;
}

bool bench_report_html(const json_t *document,
		       struct bench_report_dir *dir,
		       const struct bench_plots *plots)
{
	struct page page = { .document = document, .dir = dir, .plots = plots };
	bool ok = false;
	bool closed = false;

	page.file = bench_report_dir_open(dir, "index.html");
	if (page.file == NULL) {
		return false;
	}
	ok = print_page(&page);
	closed = bench_report_dir_close(dir, page.file);
	return ok && closed;
}
