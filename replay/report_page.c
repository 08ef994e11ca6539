/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overview page of a replay: its plots and tables in one file (bench/page.h).
 */
#include "report_document.h"

#include "document.h"
#include "page.h"
#include "plot_axes.h"

#include <math.h>
#include <string.h>

struct page {
	const json_t *document;
	FILE *file;
};

static const struct bench_column request_columns[] = {
	{ "requests", "requests.recorded", 9, BENCH_COLUMN_COUNT, false },
	{ "replayed", "requests.replayed", 9, BENCH_COLUMN_COUNT, false },
	{ "skipped", "requests.skipped", 8, BENCH_COLUMN_COUNT, false },
	{ "failed", "requests.failed", 7, BENCH_COLUMN_COUNT, false },
	{ "mismatched", "requests.mismatched", 10, BENCH_COLUMN_COUNT, false },
	{ "explained", "requests.explained", 9, BENCH_COLUMN_COUNT, false },
	{ "seconds", "wall_seconds", 8, BENCH_COLUMN_PER_OP, false },
	{ "replayed/s", "requests_per_second", 10, BENCH_COLUMN_COUNT, false },
	{ "CPU µs/request", "cpu_ns_per_request", 10, BENCH_COLUMN_CPU, false },
	{ NULL, NULL, 0, BENCH_COLUMN_COUNT, false },
};

static const char how_to_read[] =
	"<details open>\n<summary>How to read this</summary>\n"
	"<p>Every <b>request</b> of the trace was <b>replayed</b>, <b>skipped</b> because there is "
	"nothing to replay of it, or <b>failed</b> because it could not be replayed. Of those that "
	"were replayed, <b>mismatched</b> would be answered otherwise than it is recorded, and "
	"nobody knows why; <b>explained</b> would be, too, for a reason that is told below.</p>\n"
	"<p><b>p99</b> is the time that 99 of 100 requests did not exceed, and so on. What is "
	"<b>recorded</b> is how long the server took that the trace was taken of: with its network, "
	"its disks and its load.</p>\n"
	"<p>At full speed a latency has the waiting in it for the other requests that an engine was "
	"given at the same time. Compare engines by <b>replayed/s</b> there, and by latency at a pace "
	"(<code>--speed</code>).</p>\n"
	"<p>With several engines <b>2.00x</b> is twice of what the first one has: good of "
	"replayed/s, bad of times and of CPU. Differences of less than 5 % are not coloured.</p>\n"
	"</details>\n";

static void print_fact(const struct page *page, const char *name, const char *text)
{
	fprintf(page->file, "<dt>");
	bench_page_text(page->file, name);
	fprintf(page->file, "</dt><dd>");
	bench_page_text(page->file, text);
	fprintf(page->file, "</dd>\n");
}

static void print_trace(const struct page *page)
{
	char text[BENCH_TITLE_SIZE];
	const char *name = NULL;
	json_t *value = NULL;

	fprintf(page->file, "<dl>\n");
	print_fact(page, "trace", bench_document_text(page->document, "trace.name"));
	print_fact(page, "made from", bench_document_text(page->document, "trace.source"));
	snprintf(text,
		 sizeof(text),
		 "%.0f of %.0f sessions in %.3g s",
		 bench_document_number(page->document, "trace.requests"),
		 bench_document_number(page->document, "trace.sessions"),
		 bench_document_number(page->document, "trace.duration_seconds"));
	print_fact(page, "requests", text);
	json_object_foreach(json_object_get(page->document, "options"), name, value)
	{
		if (json_is_number(value)) {
			snprintf(text, sizeof(text), "%.10g", json_number_value(value));
			print_fact(page, name, text);
		} else if (json_is_string(value)) {
			print_fact(page, name, json_string_value(value));
		} else if (json_is_boolean(value)) {
			print_fact(page, name, json_is_true(value) ? "yes" : "no");
		}
	}
	fprintf(page->file, "</dl>\n");
}

static void print_engine(const struct page *page, size_t index)
{
	char engine[BENCH_CELL_SIZE];

	replay_report_engine(replay_report_round(page->document, index), engine, sizeof(engine));
	fprintf(page->file,
		"<th><span class=\"swatch\" style=\"background:%s\"></span>",
		bench_plot_palette(index));
	bench_page_text(page->file, engine);
	fprintf(page->file, "</th>");
}

static void begin_table(const struct page *page, const char *title)
{
	fprintf(page->file,
		"<div class=\"wide\"><table>\n<thead><tr><th class=\"name\">%s</th>",
		title);
}

static void end_table(const struct page *page)
{
	fprintf(page->file, "</tbody>\n</table></div>\n");
}

static void print_engines(const struct page *page)
{
	bool several = replay_report_num_rounds(page->document) > 1;
	size_t i = 0;

	begin_table(page, "engine");
	bench_page_headings(page->file, request_columns, true);
	if (several) {
		fprintf(page->file, "<th class=\"first\">replayed/s</th><th>p50</th><th>CPU</th>");
	}
	fprintf(page->file, "</tr></thead>\n<tbody>\n");
	for (i = 0; i < replay_report_num_rounds(page->document); i++) {
		const json_t *round = replay_report_round(page->document, i);
		const json_t *ratio = json_object_get(round, "ratio");

		fprintf(page->file, "<tr>");
		print_engine(page, i);
		bench_page_cells(page->file, request_columns, round, NULL, true);
		if (several) {
			bench_page_ratio(page->file, ratio, "requests_per_second", true, true);
			bench_page_ratio(page->file, ratio, "p50", false, false);
			bench_page_ratio(page->file, ratio, "cpu_per_request", false, false);
		}
		fprintf(page->file, "</tr>\n");
	}
	end_table(page);
}

static void print_unit(const struct page *page, const struct bench_unit *unit)
{
	fprintf(page->file, "<th>in %s</th>", unit->ns == 1e3 ? "µs" : unit->name);
}

static const struct bench_unit *unit_of(const json_t *round)
{
	return bench_format_unit_for(bench_document_number(round, "latency_ns.p50"));
}

static void print_commands(const struct page *page, const json_t *round)
{
	static const struct bench_column recorded_columns[] = {
		{ "recorded p50", "recorded_latency_ns.p50", 9, BENCH_COLUMN_TIME, false },
		{ NULL, NULL, 0, BENCH_COLUMN_COUNT, false },
	};
	const json_t *commands = json_object_get(round, "commands");
	const json_t *recorded = json_object_get(page->document, "commands");
	bool several = replay_report_num_rounds(page->document) > 1;
	size_t i = 0;

	begin_table(page, "command");
	print_unit(page, unit_of(round));
	bench_page_headings(page->file, bench_latency_columns, true);
	bench_page_headings(page->file, recorded_columns, true);
	fprintf(page->file, several ? "<th class=\"first\">p50</th>" : "");
	fprintf(page->file, "</tr></thead>\n<tbody>\n");
	for (i = 0; i < json_array_size(commands); i++) {
		const json_t *command = json_array_get(commands, i);
		const char *name = bench_document_text(command, "command");
		const json_t *latency = bench_document_field(command, "latency_ns");

		if (latency == NULL) {
			continue;
		}
		fprintf(page->file,
			"<tr><th>%s</th><td>%.0f</td>",
			name,
			bench_document_number(command, "requests.replayed"));
		bench_page_cells(page->file, bench_latency_columns, latency, unit_of(round), true);
		bench_page_cells(page->file,
				 recorded_columns,
				 json_object_get(recorded, name),
				 unit_of(round),
				 true);
		if (several) {
			bench_page_ratio(page->file, command, "ratio_p50", false, true);
		}
		fprintf(page->file, "</tr>\n");
	}
	end_table(page);
}

static void print_operations(const struct page *page, const json_t *round)
{
	const json_t *operations = json_object_get(round, "operations");
	size_t i = 0;

	begin_table(page, "engine’s operation");
	print_unit(page, unit_of(round));
	bench_page_headings(page->file, bench_latency_columns, true);
	fprintf(page->file, "<th>errors</th><th class=\"name\">ran</th></tr></thead>\n<tbody>\n");
	for (i = 0; i < json_array_size(operations); i++) {
		const json_t *operation = json_array_get(operations, i);
		char placement[BENCH_CELL_SIZE];

		fprintf(page->file,
			"<tr><th>%s</th><td>%.0f</td>",
			bench_document_text(operation, "operation"),
			bench_document_number(operation, "count"));
		bench_page_cells(page->file,
				 bench_latency_columns,
				 json_object_get(operation, "latency_ns"),
				 unit_of(round),
				 true);
		bench_format_placement(operation, placement, sizeof(placement));
		fprintf(page->file,
			"<td>%.0f</td><td class=\"text\">%s</td></tr>\n",
			bench_document_number(operation, "errors"),
			placement);
	}
	end_table(page);
}

static void print_examples(const struct page *page, const json_t *kind)
{
	const json_t *examples = json_object_get(kind, "examples");
	size_t i = 0;

	fprintf(page->file, "<td class=\"text\">");
	for (i = 0; i < json_array_size(examples); i++) {
		const json_t *example = json_array_get(examples, i);

		fprintf(page->file,
			"%s%.0f (session %.0f",
			i == 0 ? "" : "<br>",
			bench_document_number(example, "request"),
			bench_document_number(example, "session"));
		if (json_is_string(json_object_get(example, "user"))) {
			fprintf(page->file, " of ");
			bench_page_text(page->file, bench_document_text(example, "user"));
		}
		fprintf(page->file, ") ");
		bench_page_text(page->file, bench_document_text(example, "path"));
	}
	fprintf(page->file, "</td></tr>\n");
}

static void print_text_cell(const struct page *page, const char *text)
{
	fprintf(page->file, "<td class=\"text\">");
	bench_page_text(page->file, text);
	fprintf(page->file, "</td>");
}

/* What did not go as it was recorded. */
static void print_outcomes(const struct page *page, const json_t *round)
{
	const json_t *outcomes = json_object_get(round, "outcomes");
	bool begun = false;
	size_t i = 0;

	for (i = 0; i < json_array_size(outcomes); i++) {
		const json_t *outcome = json_array_get(outcomes, i);
		const char *recorded = bench_document_text(outcome, "recorded");

		if (strcmp(bench_document_text(outcome, "verdict"), "same") == 0) {
			continue;
		}
		if (!begun) {
			begin_table(page, "not as recorded");
			fprintf(page->file,
				"<th></th><th class=\"name\">recorded</th><th class=\"name\">now</th>"
				"<th class=\"name\">why</th><th class=\"name\">the first of them</th>"
				"</tr></thead>\n<tbody>\n");
			begun = true;
		}
		fprintf(page->file,
			"<tr><th>%s</th><td>%.0f</td>",
			bench_document_text(outcome, "command"),
			bench_document_number(outcome, "count"));
		print_text_cell(page, recorded[0] != '\0' ? recorded : "no answer");
		print_text_cell(page, bench_document_text(outcome, "replayed"));
		print_text_cell(page, bench_document_text(outcome, "explanation"));
		print_examples(page, outcome);
	}
	if (begun) {
		end_table(page);
	}
}

static void print_left_out(const struct page *page, const json_t *round)
{
	const json_t *left_out = json_object_get(round, "left_out");
	size_t i = 0;

	if (json_array_size(left_out) == 0) {
		return;
	}
	begin_table(page, "not replayed");
	fprintf(page->file,
		"<th></th><th></th><th class=\"name\">why</th>"
		"<th class=\"name\">the first of them</th></tr></thead>\n<tbody>\n");
	for (i = 0; i < json_array_size(left_out); i++) {
		const json_t *kind = json_array_get(left_out, i);

		fprintf(page->file,
			"<tr><th>%s</th><td>%.0f</td>",
			bench_document_text(kind, "command"),
			bench_document_number(kind, "count"));
		print_text_cell(page, bench_document_text(kind, "fate"));
		print_text_cell(page, bench_document_text(kind, "reason"));
		print_examples(page, kind);
	}
	end_table(page);
}

static void print_round(const struct page *page, size_t index)
{
	const json_t *round = replay_report_round(page->document, index);
	char engine[BENCH_CELL_SIZE];

	replay_report_engine(round, engine, sizeof(engine));
	fprintf(page->file, "<h2 id=\"r%zu\">", index);
	bench_page_text(page->file, engine);
	fprintf(page->file, "</h2>\n");
	print_commands(page, round);
	print_operations(page, round);
	print_outcomes(page, round);
	print_left_out(page, round);
}

bool replay_report_page(const json_t *document,
			struct bench_report_dir *dir,
			const struct replay_plot *plots,
			size_t num_plots)
{
	struct page page = { .document = document };
	size_t i = 0;
	bool ok = true;
	bool closed = false;

	page.file = bench_report_dir_open(dir, "index.html");
	if (page.file == NULL) {
		return false;
	}
	bench_page_begin(page.file, "pathring-replay", bench_document_text(document, "version"));
	bench_page_host(page.file, document);
	print_trace(&page);
	bench_page_warnings(page.file, document);
	print_engines(&page);
	fputs(how_to_read, page.file);
	for (i = 0; i < num_plots && ok; i++) {
		ok = bench_page_figure(
			page.file, dir, plots[i].file, plots[i].title, plots[i].note);
	}
	for (i = 0; i < replay_report_num_rounds(document); i++) {
		print_round(&page, i);
	}
	bench_page_end(page.file);
	closed = bench_report_dir_close(dir, page.file);
	return ok && closed;
}
