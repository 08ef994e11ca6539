/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overview page: one file, with the plots in it, that needs no network and runs no scripts.
 */
#include "report_format.h"
#include "report_plot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

struct page {
	const json_t *document;
	struct bench_report_dir *dir;
	const struct bench_plots *plots;
	FILE *file;
};

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\""
	" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>pathring-bench</title>\n"
	"<style>\n"
	"body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;"
	" max-width: 68rem; margin: 0 auto; padding: 1.5rem; }\n"
	"h1 { font-size: 1.7rem; margin: 0 0 .5rem; }\n"
	"h2 { font-size: 1.35rem; margin: 3rem 0 .5rem; padding-top: .6rem;"
	" border-top: 2px solid #ccc; }\n"
	"h3 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }\n"
	"p { margin: .5rem 0; max-width: 50rem; }\n"
	"a { color: #0057a3; }\n"
	"figure { margin: 1.2rem 0; }\n"
	"figure svg { width: 100%; height: auto; }\n"
	"figcaption { color: #555; font-size: .9rem; max-width: 50rem; }\n"
	".wide { overflow-x: auto; }\n"
	"table { border-collapse: collapse; font-size: .88rem; margin: .8rem 0;"
	" font-variant-numeric: tabular-nums; }\n"
	"th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #e2e2e2;"
	" white-space: nowrap; }\n"
	"thead th { color: #555; font-weight: 600; border-bottom: 1px solid #999; }\n"
	"tbody th, th.name, td.text { text-align: left; }\n"
	"tbody th { font-weight: 600; }\n"
	"tr.part th { font-weight: 400; color: #555; padding-left: 1.9rem; }\n"
	"th.group { text-align: center; }\n"
	"th.first, td.first { border-left: 1px solid #ccc; }\n"
	".better { color: #005a8f; font-weight: 600; }\n"
	".worse { color: #a84300; }\n"
	".swatch { display: inline-block; width: .75em; height: .75em; margin-right: .45em;"
	" border-radius: 2px; }\n"
	".warnings { background: #fff4d6; border-left: 4px solid #d99a00; padding: .4rem 1rem;"
	" margin: 1rem 0; }\n"
	".warnings p { margin: .2rem 0; }\n"
	"dl { display: grid; grid-template-columns: max-content auto; gap: .15rem 1rem;"
	" margin: .8rem 0; }\n"
	"dt { color: #555; }\n"
	"dd { margin: 0; }\n"
	"details { margin: 1rem 0; }\n"
	"summary { cursor: pointer; font-weight: 600; }\n"
	"@media print { details > * { display: block; } h3, figure, table { break-inside: avoid; } }\n"
	"</style>\n"
	"</head>\n"
	"<body>\n";

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

static void print_text(const struct page *page, const char *text)
{
	size_t i = 0;

	for (i = 0; text[i] != '\0'; i++) {
		switch (text[i]) {
		case '&':
			fputs("&amp;", page->file);
			break;
		case '<':
			fputs("&lt;", page->file);
			break;
		case '>':
			fputs("&gt;", page->file);
			break;
		case '"':
			fputs("&quot;", page->file);
			break;
		case '\'':
			fputs("&#39;", page->file);
			break;
		default:
			fputc(text[i], page->file);
			break;
		}
	}
}

/* A line of what was measured where; none for what is not known. */
static void print_fact(const struct page *page, const char *name, const char *text)
{
	if (text[0] != '\0') {
		fprintf(page->file, "<dt>%s</dt><dd>", name);
		print_text(page, text);
		fprintf(page->file, "</dd>\n");
	}
}

static void print_host(const struct page *page)
{
	const json_t *host = json_object_get(page->document, "host");
	double steal = bench_document_number(host, "steal_percent");
	double other = bench_document_number(host, "other_cpu_percent");
	char text[BENCH_TITLE_SIZE];

	fprintf(page->file, "<dl>\n");
	print_fact(page, "processor", bench_document_text(host, "processor"));
	snprintf(text, sizeof(text), "%.0f", bench_document_number(host, "processors"));
	print_fact(page, "processors", text);
	print_fact(page, "machine", bench_document_text(host, "machine"));
	print_fact(page, "kernel", bench_document_text(host, "kernel"));
	print_fact(page, "file system", bench_document_text(host, "file_system"));
	if (isfinite(steal) && isfinite(other)) {
		snprintf(text,
			 sizeof(text),
			 "%.1f %% of the processors used by others, %.1f %% stolen by the host",
			 other,
			 steal);
		print_fact(page, "meanwhile", text);
	}
	fprintf(page->file, "</dl>\n");
}

static void print_warnings(const struct page *page)
{
	const json_t *warnings = json_object_get(page->document, "warnings");
	bool complete = json_is_true(json_object_get(page->document, "complete"));
	size_t i = 0;

	if (complete && json_array_size(warnings) == 0) {
		return;
	}
	fprintf(page->file, "<div class=\"warnings\">\n");
	if (!complete) {
		fprintf(page->file, "<p>Not complete: the run ended early.</p>\n");
	}
	for (i = 0; i < json_array_size(warnings); i++) {
		fprintf(page->file, "<p>");
		print_text(page, json_string_value(json_array_get(warnings, i)));
		fprintf(page->file, "</p>\n");
	}
	fprintf(page->file, "</div>\n");
}

static void print_name(const struct page *page, size_t index)
{
	char name[BENCH_CELL_SIZE];

	bench_format_engine(bench_document_result(page->document, index), name, sizeof(name));
	fprintf(page->file,
		"<span class=\"swatch\" style=\"background:%s\"></span>",
		bench_plot_color(page->plots, index));
	print_text(page, name);
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
		print_text(page, bench_document_text(result, "engine"));
		fprintf(page->file, "</th><td class=\"text\">");
		print_text(page, bench_document_text(result, "summary"));
		fprintf(page->file, "</td></tr>\n");
	}
	fprintf(page->file, "</tbody>\n</table></div>\n");
}

static void print_headings(const struct page *page, const struct bench_column *columns, bool open)
{
	size_t i = 0;

	for (i = 0; columns[i].heading != NULL; i++) {
		if (open || !columns[i].only_open) {
			fprintf(page->file, "<th>%s</th>", columns[i].heading);
		}
	}
}

static void print_cells(const struct page *page,
			const struct bench_column *columns,
			const json_t *object,
			const struct bench_unit *unit,
			bool open)
{
	size_t i = 0;

	for (i = 0; columns[i].heading != NULL; i++) {
		char cell[BENCH_CELL_SIZE];

		if (open || !columns[i].only_open) {
			bench_format_cell(&columns[i], object, unit, cell, sizeof(cell));
			fprintf(page->file, "<td>%s</td>", cell);
		}
	}
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
		print_cells(page, bench_latency_columns, latency, unit, true);
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
	print_headings(page, bench_rate_columns, open);
	print_headings(page, bench_latency_columns, open);
	fprintf(page->file, "</tr></thead>\n<tbody>\n");
	for (i = 0; i < bench_document_num_results(page->document); i++) {
		const json_t *result = bench_document_result(page->document, i);

		if (!bench_document_same_setting(setting, result)) {
			continue;
		}
		fprintf(page->file, "<tr><th>");
		print_name(page, i);
		fprintf(page->file, "</th>");
		print_cells(page, bench_rate_columns, result, unit, open);
		print_cells(page,
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
	print_headings(page, bench_cost_columns, open);
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
		print_cells(page, bench_cost_columns, result, NULL, open);
		bench_format_placement(result, placement, sizeof(placement));
		fprintf(page->file,
			"<td class=\"text\">%s%s</td></tr>\n",
			placement[0] != '\0' ? placement : "-",
			bench_format_concurrency(result));
	}
	fprintf(page->file, "</tbody>\n</table></div>\n");
}

static void print_ratio(const struct page *page,
			const json_t *ratio,
			const char *field,
			bool more_is_better,
			bool first)
{
	double value = bench_document_number(ratio, field);
	const char *verdict = "";

	if (!isfinite(value)) {
		fprintf(page->file, "<td%s>-</td>", first ? " class=\"first\"" : "");
		return;
	}
	if (value > 1.05) {
		verdict = more_is_better ? "better" : "worse";
	} else if (value < 0.95) {
		verdict = more_is_better ? "worse" : "better";
	}
	fprintf(page->file,
		value < 1e4 ? "<td class=\"%s%s\">%.2fx</td>" : "<td class=\"%s%s\">%.0ex</td>",
		first ? "first " : "",
		verdict,
		value);
}

static void
print_baselines(const struct page *page, const char *const *baselines, size_t num_baselines)
{
	size_t i = 0;

	fprintf(page->file,
		"<div class=\"wide\"><table>\n<thead><tr><th class=\"name\">compared with</th>");
	for (i = 0; i < num_baselines; i++) {
		fprintf(page->file, "<th class=\"group first\" colspan=\"3\">");
		print_text(page, baselines[i]);
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

			print_ratio(page, ratio, "ops_per_second", true, true);
			print_ratio(page, ratio, "p50", false, false);
			print_ratio(page, ratio, "cpu_per_op", false, false);
		}
		fprintf(page->file, "</tr>\n");
	}
	fprintf(page->file, "</tbody>\n</table></div>\n");
	talloc_free(baselines);
}

/* Without the lines before the element, which an HTML page cannot have in its middle. */
static bool print_svg(const struct page *page, const char *name)
{
	char line[8192];
	bool begun = false;
	FILE *svg = NULL;
	int fd = openat(page->dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd != -1) {
		svg = fdopen(fd, "r");
	}
	if (svg == NULL) {
		fprintf(stderr,
			"pathring-bench: gnuplot did not make %s/%s: %s\n",
			page->dir->path,
			name,
			strerror(errno));
		if (fd != -1) {
			close(fd);
		}
		return false;
	}
	while (fgets(line, sizeof(line), svg) != NULL) {
		begun = begun || strncmp(line, "<svg", 4) == 0;
		if (begun) {
			fputs(line, page->file);
		}
	}
	fclose(svg);
	return true;
}

static bool print_plots(const struct page *page, enum bench_plot_scope scope, const json_t *result)
{
	size_t i = 0;

	for (i = 0; i < page->plots->num_plots; i++) {
		const struct bench_plot *plot = &page->plots->plots[i];

		if (plot->scope != scope || plot->result != result) {
			continue;
		}
		fprintf(page->file, "<figure role=\"img\" aria-label=\"");
		print_text(page, plot->title);
		fprintf(page->file, "\">\n");
		if (!print_svg(page, plot->file)) {
			return false;
		}
		fprintf(page->file, "<figcaption>%s</figcaption>\n</figure>\n", plot->note);
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
	print_text(page, title);
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
		print_text(page, title);
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
		print_text(page, title);
		fprintf(page->file, "</a></li>\n");
	}
	fprintf(page->file, "</ul></nav>\n");
}

static bool print_page(const struct page *page)
{
	size_t i = 0;
	bool ok = true;

	fputs(head, page->file);
	fprintf(page->file, "<h1>pathring-bench ");
	print_text(page, bench_document_text(page->document, "version"));
	fprintf(page->file, "</h1>\n");
	print_host(page);
	print_warnings(page);
	print_engines(page);
	print_contents(page);
	fputs(how_to_read, page->file);
	for (i = 0; i < bench_document_num_results(page->document) && ok; i++) {
		if (bench_document_begins_family(page->document, i)) {
			ok = print_family(page, i);
		}
	}
	fprintf(page->file, "</body>\n</html>\n");
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
