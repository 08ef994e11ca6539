/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of an overview page that do not depend on what it shows.
 */
#include "page.h"
#include "program_name.h"
#include "report_format.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\""
	" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>";

static const char style[] =
	"</title>\n"
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

void bench_page_text(FILE *file, const char *text)
{
	size_t i = 0;

	for (i = 0; text[i] != '\0'; i++) {
		switch (text[i]) {
		case '&':
			fputs("&amp;", file);
			break;
		case '<':
			fputs("&lt;", file);
			break;
		case '>':
			fputs("&gt;", file);
			break;
		case '"':
			fputs("&quot;", file);
			break;
		case '\'':
			fputs("&#39;", file);
			break;
		default:
			fputc(text[i], file);
			break;
		}
	}
}

void bench_page_begin(FILE *file, const char *program, const char *version)
{
	fputs(head, file);
	fputs(program, file);
	fputs(style, file);
	fprintf(file, "<h1>%s ", program);
	bench_page_text(file, version);
	fprintf(file, "</h1>\n");
}

void bench_page_end(FILE *file)
{
	fprintf(file, "</body>\n</html>\n");
}

/* A line of what was measured where; none for what is not known. */
static void print_fact(FILE *file, const char *name, const char *text)
{
	if (text[0] != '\0') {
		fprintf(file, "<dt>%s</dt><dd>", name);
		bench_page_text(file, text);
		fprintf(file, "</dd>\n");
	}
}

void bench_page_host(FILE *file, const json_t *document)
{
	const json_t *host = json_object_get(document, "host");
	double steal = bench_document_number(host, "steal_percent");
	double other = bench_document_number(host, "other_cpu_percent");
	char text[BENCH_TITLE_SIZE];

	fprintf(file, "<dl>\n");
	print_fact(file, "processor", bench_document_text(host, "processor"));
	snprintf(text, sizeof(text), "%.0f", bench_document_number(host, "processors"));
	print_fact(file, "processors", text);
	print_fact(file, "machine", bench_document_text(host, "machine"));
	print_fact(file, "kernel", bench_document_text(host, "kernel"));
	print_fact(file, "file system", bench_document_text(host, "file_system"));
	if (isfinite(steal) && isfinite(other)) {
		snprintf(text,
			 sizeof(text),
			 "%.1f %% of the processors used by others, %.1f %% stolen by the host",
			 other,
			 steal);
		print_fact(file, "meanwhile", text);
	}
	fprintf(file, "</dl>\n");
}

void bench_page_warnings(FILE *file, const json_t *document)
{
	const json_t *warnings = json_object_get(document, "warnings");
	bool complete = json_is_true(json_object_get(document, "complete"));
	size_t i = 0;

	if (complete && json_array_size(warnings) == 0) {
		return;
	}
	fprintf(file, "<div class=\"warnings\">\n");
	if (!complete) {
		fprintf(file, "<p>Not complete: the run ended early.</p>\n");
	}
	for (i = 0; i < json_array_size(warnings); i++) {
		fprintf(file, "<p>");
		bench_page_text(file, json_string_value(json_array_get(warnings, i)));
		fprintf(file, "</p>\n");
	}
	fprintf(file, "</div>\n");
}

/* Without the lines before the element, which an HTML page cannot have in its middle. */
static bool print_svg(FILE *file, const struct bench_report_dir *dir, const char *name)
{
	char line[8192];
	bool begun = false;
	FILE *svg = NULL;
	int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd != -1) {
		svg = fdopen(fd, "r");
	}
	if (svg == NULL) {
		fprintf(stderr,
			"%s: gnuplot did not make %s/%s: %s\n",
			bench_program_name,
			dir->path,
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
			fputs(line, file);
		}
	}
	fclose(svg);
	return true;
}

bool bench_page_figure(FILE *file,
		       const struct bench_report_dir *dir,
		       const char *svg,
		       const char *title,
		       const char *note)
{
	fprintf(file, "<figure role=\"img\" aria-label=\"");
	bench_page_text(file, title);
	fprintf(file, "\">\n");
	if (!print_svg(file, dir, svg)) {
		return false;
	}
	fprintf(file, "<figcaption>%s</figcaption>\n</figure>\n", note);
	return true;
}

void bench_page_headings(FILE *file, const struct bench_column *columns, bool open)
{
	size_t i = 0;

	for (i = 0; columns[i].heading != NULL; i++) {
		if (open || !columns[i].only_open) {
			fprintf(file, "<th>%s</th>", columns[i].heading);
		}
	}
}

void bench_page_cells(FILE *file,
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
			fprintf(file, "<td>%s</td>", cell);
		}
	}
}

void bench_page_ratio(
	FILE *file, const json_t *ratio, const char *field, bool more_is_better, bool first)
{
	double value = bench_document_number(ratio, field);
	const char *verdict = "";

	if (!isfinite(value)) {
		fprintf(file, "<td%s>-</td>", first ? " class=\"first\"" : "");
		return;
	}
	if (value > 1.05) {
		verdict = more_is_better ? "better" : "worse";
	} else if (value < 0.95) {
		verdict = more_is_better ? "worse" : "better";
	}
	fprintf(file,
		value < 1e4 ? "<td class=\"%s%s\">%.2fx</td>" : "<td class=\"%s%s\">%.0ex</td>",
		first ? "first " : "",
		verdict,
		value);
}
