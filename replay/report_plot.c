/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plots of a replay: latency as time went by, percentiles of the most frequent commands, how
 * the replay went on beside what is recorded, and how late requests were made.
 *
 * Nothing of a document gets into gnuplot's script but numbers, and names of which only harmless
 * characters are left.
 */
#include "report_document.h"

#include "document.h"
#include "gnuplot.h"
#include "plot_axes.h"
#include "program_name.h"
#include "report_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GNUPLOT_SECONDS 120

/* As many curves of one plot, or plots, as a reader can tell apart. */
#define MAX_COMMANDS 8
#define MAX_PLOTS (3 + 1 + MAX_COMMANDS)

/* Engines of which a plot shows two lines each. */
#define MAX_TWOFOLD 2

#define GREY "#8a8a8a"

struct drawing {
	const json_t *document;
	struct bench_report_dir *dir;
	FILE *script;
	struct replay_plot plots[MAX_PLOTS];
	size_t num_plots;
	size_t num_blocks;
	bool first;  /* nothing stands behind "plot" yet */
	bool failed; /* without memory */
};

/* A curve that is being written: each one has a block of data and a place behind "plot". */
struct curve {
	const char *name; /* in the legend; NULL: not there */
	const char *color;
	const char *style; /* of the line, as gnuplot has it */
	const char *axes;
	bool points; /* so that one by itself is seen */
};

/* title: an owner of its own, for the page. note: how to read it, in HTML. */
static bool begin(struct drawing *drawing, const char *file, char *title, const char *note)
{
	struct bench_plot_frame frame = { .number = drawing->num_plots + 1, .file = file };
	char plain[BENCH_TITLE_SIZE];
	char host[BENCH_TITLE_SIZE];

	if (title == NULL || file == NULL || drawing->num_plots == MAX_PLOTS) {
		drawing->failed = true;
		return false;
	}
	snprintf(plain, sizeof(plain), "%s", title);
	bench_format_host(drawing->document, host, sizeof(host));
	bench_plot_harmless(plain);
	bench_plot_harmless(host);
	frame.title = plain;
	frame.subtitle = host;
	bench_plot_frame(drawing->script, &frame);
	drawing->plots[drawing->num_plots] =
		(struct replay_plot) { .file = file, .title = title, .note = note };
	drawing->num_plots++;
	drawing->first = true;
	return true;
}

static void begin_block(struct drawing *drawing)
{
	drawing->num_blocks++;
	fprintf(drawing->script, "$d%zu << END\n", drawing->num_blocks);
}

static void end_block(const struct drawing *drawing)
{
	fprintf(drawing->script, "END\n");
}

static void plot_curve(struct drawing *drawing, size_t block, const struct curve *curve)
{
	fprintf(drawing->script,
		"%s$d%zu using 1:2 %s with %s lc rgb '%s' %s ",
		drawing->first ? "plot " : ", ",
		block,
		curve->axes,
		curve->points ? "linespoints pt 7 ps 0.45" : "lines",
		curve->color,
		curve->style);
	drawing->first = false;
	if (curve->name != NULL) {
		char name[24];

		snprintf(name, sizeof(name), "%s", curve->name);
		bench_plot_harmless(name);
		fprintf(drawing->script, "title '%s'", name);
	} else {
		fprintf(drawing->script, "notitle");
	}
}

static void plot_key(const struct drawing *drawing, const char *style, const char *name)
{
	fprintf(drawing->script,
		", keyentry with lines lc rgb '#555555' %s title '%s'",
		style,
		name);
}

static void end(const struct drawing *drawing)
{
	fprintf(drawing->script, "\nset output\n");
}

/* "Latency of create: home.trace" */
static char *title_of(struct drawing *drawing, const char *about, const char *of)
{
	char trace[BENCH_CELL_SIZE];
	const char *name = bench_document_text(drawing->document, "trace.name");
	const char *slash = strrchr(name, '/');

	bench_format_plain(slash != NULL ? slash + 1 : name, trace, sizeof(trace));
	return talloc_asprintf(drawing->dir, "%s%s: %s", about, of, trace);
}

/* ---- as time goes by ---- */

static double slot_number(const json_t *series, size_t slot, const char *field)
{
	return bench_document_number(json_array_get(json_object_get(series, "slots"), slot), field);
}

static size_t num_slots(const json_t *series)
{
	return json_array_size(json_object_get(series, "slots"));
}

static double slot_ns(const json_t *series)
{
	return bench_document_number(series, "slot_seconds") * 1e9;
}

/* In the middle of its slot. Where nothing ended there is no line. */
static void write_latency(struct drawing *drawing, const json_t *series, const char *field)
{
	size_t i = 0;

	begin_block(drawing);
	for (i = 0; i < num_slots(series); i++) {
		if (slot_number(series, i, "finished") > 0) {
			fprintf(drawing->script,
				"%.9g %.9g\n",
				((double)i + 0.5) * slot_ns(series),
				fmax(slot_number(series, i, field), 1));
		} else {
			fprintf(drawing->script, "\n");
		}
	}
	end_block(drawing);
}

static void write_latencies(struct drawing *drawing, const char *field)
{
	size_t i = 0;

	for (i = 0; i < replay_report_num_rounds(drawing->document); i++) {
		const json_t *round = replay_report_round(drawing->document, i);

		write_latency(drawing, json_object_get(round, "series"), field);
	}
}

/* Those that were written after so many blocks. */
static void plot_latencies(struct drawing *drawing, size_t blocks, bool dashed)
{
	size_t i = 0;

	for (i = 0; i < replay_report_num_rounds(drawing->document); i++) {
		char engine[BENCH_CELL_SIZE];
		struct curve curve = {
			.name = dashed ? NULL : engine,
			.color = bench_plot_palette(i),
			.style = dashed ? "lw 1.5 dt 2" : "lw 2 dt 1",
			.axes = "",
			.points = true,
		};

		replay_report_engine(
			replay_report_round(drawing->document, i), engine, sizeof(engine));
		plot_curve(drawing, blocks + i + 1, &curve);
	}
}

static void plot_over_time(struct drawing *drawing)
{
	static const char few_note[] =
		"How long those requests took that ended at that time: half of them took no longer "
		"than the whole line says, 99 of 100 no longer than the dashed one.";
	static const char many_note[] =
		"How long those requests took that ended at that time: half of them took no longer.";
	struct bench_extent times = { INFINITY, 0 };
	size_t num_rounds = replay_report_num_rounds(drawing->document);
	bool few = num_rounds <= MAX_TWOFOLD;
	double most = 0;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < num_rounds; i++) {
		const json_t *series =
			json_object_get(replay_report_round(drawing->document, i), "series");

		most = fmax(most, (double)num_slots(series) * slot_ns(series));
		for (j = 0; j < num_slots(series); j++) {
			if (slot_number(series, j, "finished") > 0) {
				bench_plot_extend(&times,
						  fmax(slot_number(series, j, "p50_ns"), 1));
				bench_plot_extend(
					&times,
					fmax(slot_number(series, j, few ? "p99_ns" : "p50_ns"), 1));
			}
		}
	}
	if (times.most <= 0 ||
	    !begin(drawing,
		   "latency-time.svg",
		   title_of(drawing, few ? "Latency over time" : "Median latency over time", ""),
		   few ? few_note : many_note)) {
		return;
	}
	bench_plot_linear_axis(drawing->script, "x", most, true);
	bench_plot_log_time_axis(drawing->script, times.least, times.most);
	fprintf(drawing->script, "set xlabel 'time since the replay began'\n");
	write_latencies(drawing, "p50_ns");
	if (few) {
		write_latencies(drawing, "p99_ns");
	}
	plot_latencies(drawing, drawing->num_blocks - num_rounds * (few ? 2 : 1), false);
	if (few) {
		plot_latencies(drawing, drawing->num_blocks - num_rounds, true);
		plot_key(drawing, "lw 2 dt 1", "p50");
		plot_key(drawing, "lw 1.5 dt 2", "p99");
	}
	end(drawing);
}

/* ---- how the replay went on ---- */

/* A line that rises with each request of a slot; from 0. field: NULL for a list of numbers. */
static double
write_sum(struct drawing *drawing, const json_t *slots, const char *field, double width)
{
	double sum = 0;
	size_t i = 0;

	begin_block(drawing);
	fprintf(drawing->script, "0 0\n");
	for (i = 0; i < json_array_size(slots); i++) {
		const json_t *slot = json_array_get(slots, i);

		sum += field != NULL ? bench_document_number(slot, field) : json_number_value(slot);
		fprintf(drawing->script, "%.9g %.9g\n", ((double)i + 1) * width, sum);
	}
	end_block(drawing);
	return sum;
}

/*
 * At a pace, what was due and what was done share the axis of time. At full speed they have nothing
 * to share but their shape, so what is recorded has an axis of its own, above.
 */
static void plot_progress(struct drawing *drawing)
{
	static const char paced_note[] =
		"How many requests were due, and how many were done, until that time. Where the "
		"lines part the replay was behind.";
	static const char free_note[] =
		"How many requests were done until that time: of the replay below; as recorded "
		"above, if that is known.";
	bool paced = bench_document_number(drawing->document, "speed") > 0;
	const json_t *recorded = json_object_get(drawing->document, "recorded_series");
	const json_t *requests = json_object_get(recorded, "requests");
	struct curve other = { .color = GREY, .style = "lw 4 dt 1", .axes = "" };
	size_t first_block = drawing->num_blocks + 1;
	size_t num_rounds = replay_report_num_rounds(drawing->document);
	double most_time = 0;
	double most = 0;
	size_t i = 0;

	if (num_rounds == 0 || !begin(drawing,
				      "progress.svg",
				      title_of(drawing, "Requests done", ""),
				      paced ? paced_note : free_note)) {
		return;
	}
	for (i = 0; i < num_rounds; i++) {
		const json_t *series =
			json_object_get(replay_report_round(drawing->document, i), "series");
		const json_t *slots = json_object_get(series, "slots");

		most_time = fmax(most_time, (double)num_slots(series) * slot_ns(series));
		most = fmax(most, write_sum(drawing, slots, "finished", slot_ns(series)));
	}
	if (paced) {
		const json_t *series =
			json_object_get(replay_report_round(drawing->document, 0), "series");

		other.name = "due";
		most = fmax(
			most,
			write_sum(
				drawing, json_object_get(series, "slots"), "due", slot_ns(series)));
	} else if (json_array_size(requests) > 0) {
		other.name = "recorded";
		other.axes = "axes x2y1";
		most = fmax(most, write_sum(drawing, requests, NULL, slot_ns(recorded)));
		bench_plot_linear_axis(drawing->script,
				       "x2",
				       (double)json_array_size(requests) * slot_ns(recorded),
				       true);
		fprintf(drawing->script,
			"set tmargin at screen 0.74\nset border 7\n"
			"set x2label 'as recorded: time since the trace began' tc rgb '#666666'\n");
	}
	bench_plot_linear_axis(drawing->script, "x", most_time, true);
	bench_plot_linear_axis(drawing->script, "y", fmax(most, 1), false);
	fprintf(drawing->script,
		"set xlabel 'time since the replay began'\nset ylabel 'requests'\n");
	if (other.name != NULL) {
		plot_curve(drawing, first_block + num_rounds, &other);
	}
	for (i = 0; i < num_rounds; i++) {
		struct curve curve = { .color = bench_plot_palette(i),
				       .style = "lw 2 dt 1",
				       .axes = "" };
		char engine[BENCH_CELL_SIZE];

		replay_report_engine(
			replay_report_round(drawing->document, i), engine, sizeof(engine));
		curve.name = engine;
		plot_curve(drawing, first_block + i, &curve);
	}
	end(drawing);
}

/* ---- percentiles ---- */

/* A histogram to be drawn, and its name. */
struct stair {
	const json_t *buckets;
	char name[BENCH_CELL_SIZE];
};

static void plot_stairs(struct drawing *drawing, const struct stair *stairs, size_t num_stairs)
{
	struct bench_extent times = { INFINITY, 0 };
	size_t first_block = drawing->num_blocks + 1;
	double most = 100;
	size_t i = 0;

	for (i = 0; i < num_stairs; i++) {
		const json_t *buckets = stairs[i].buckets;
		size_t last = json_array_size(buckets) - 1;

		most = fmax(most, bench_plot_total(buckets));
		bench_plot_extend(
			&times,
			fmax(1, json_number_value(json_array_get(json_array_get(buckets, 0), 0))));
		bench_plot_extend(
			&times,
			fmax(10,
			     json_number_value(json_array_get(json_array_get(buckets, last), 0))));
		begin_block(drawing);
		bench_plot_stair(drawing->script, buckets);
		end_block(drawing);
	}
	bench_plot_nines_axis(drawing->script, most);
	bench_plot_log_time_axis(drawing->script, times.least, times.most);
	for (i = 0; i < num_stairs; i++) {
		struct curve curve = {
			.name = stairs[i].name,
			.color = bench_plot_palette(i),
			.style = "lw 2",
			.axes = "",
		};

		plot_curve(drawing, first_block + i, &curve);
	}
	end(drawing);
}

static int compare_commands(const void *a, const void *b)
{
	double left = bench_document_number(*(const json_t *const *)a, "requests.replayed");
	double right = bench_document_number(*(const json_t *const *)b, "requests.replayed");

	return (left < right) - (left > right);
}

/* Of the first engine, those with most requests; how many. */
static size_t frequent_commands(const json_t *document, const json_t *commands[MAX_COMMANDS])
{
	const json_t *list = json_object_get(replay_report_round(document, 0), "commands");
	const json_t *sorted[REPLAY_NUM_COMMANDS];
	size_t num_sorted = 0;
	size_t i = 0;

	for (i = 0; i < json_array_size(list) && num_sorted < REPLAY_NUM_COMMANDS; i++) {
		const json_t *command = json_array_get(list, i);

		if (json_array_size(json_object_get(command, "histogram")) > 0) {
			sorted[num_sorted] = command;
			num_sorted++;
		}
	}
	qsort(sorted, num_sorted, sizeof(sorted[0]), compare_commands);
	num_sorted = num_sorted < MAX_COMMANDS ? num_sorted : MAX_COMMANDS;
	memcpy(commands, sorted, num_sorted * sizeof(sorted[0]));
	return num_sorted;
}

static void plot_commands(struct drawing *drawing)
{
	static const char note[] =
		"How long requests took, from the fastest on the left to the slowest on the right. "
		"Each mark to the right is a tenth of the requests before it.";
	const json_t *commands[MAX_COMMANDS];
	size_t num_commands = frequent_commands(drawing->document, commands);
	struct stair stairs[MAX_COMMANDS];
	char engine[BENCH_CELL_SIZE];
	char of[BENCH_CELL_SIZE + 8];
	size_t i = 0;

	for (i = 0; i < num_commands; i++) {
		stairs[i].buckets = json_object_get(commands[i], "histogram");
		snprintf(stairs[i].name,
			 sizeof(stairs[i].name),
			 "%s",
			 bench_document_text(commands[i], "command"));
	}
	replay_report_engine(replay_report_round(drawing->document, 0), engine, sizeof(engine));
	snprintf(of, sizeof(of), " by %s", engine);
	if (num_commands > 0 &&
	    begin(drawing, "percentiles.svg", title_of(drawing, "Latency", of), note)) {
		plot_stairs(drawing, stairs, num_commands);
	}
}

/* Of each engine: how long this command took, or for NULL how late requests were made. */
static size_t
stairs_of_engines(const struct drawing *drawing, const char *command, struct stair **stairs)
{
	size_t num_rounds = replay_report_num_rounds(drawing->document);
	size_t num_stairs = 0;
	size_t i = 0;

	*stairs = talloc_array(drawing->dir, struct stair, num_rounds);
	for (i = 0; i < num_rounds && *stairs != NULL; i++) {
		const json_t *round = replay_report_round(drawing->document, i);
		struct stair *stair = &(*stairs)[num_stairs];

		stair->buckets = command != NULL
					 ? json_object_get(replay_report_command(round, command),
							   "histogram")
					 : json_object_get(round, "slip_histogram");
		if (json_array_size(stair->buckets) > 0) {
			replay_report_engine(round, stair->name, sizeof(stair->name));
			num_stairs++;
		}
	}
	return num_stairs;
}

static void plot_command(struct drawing *drawing, const char *name)
{
	struct stair *stairs = NULL;
	size_t num_stairs = stairs_of_engines(drawing, name, &stairs);
	char file[BENCH_CELL_SIZE];
	char of[BENCH_CELL_SIZE];

	snprintf(file, sizeof(file), "percentiles-%s.svg", name);
	snprintf(of, sizeof(of), " of %s", name);
	if (num_stairs > 0 &&
	    begin(drawing,
		  talloc_strdup(drawing->dir, file),
		  title_of(drawing, "Latency", of),
		  "The same command with each engine: a lower line is a faster engine.")) {
		plot_stairs(drawing, stairs, num_stairs);
	}
}

static void plot_slip(struct drawing *drawing)
{
	static const char note[] =
		"How much later than it was due each request was made. A replay that keeps its pace is "
		"late by what waking up takes.";
	struct stair *stairs = NULL;
	size_t num_stairs = stairs_of_engines(drawing, NULL, &stairs);

	if (num_stairs > 0 &&
	    begin(drawing, "slip.svg", title_of(drawing, "Made later than due", ""), note)) {
		plot_stairs(drawing, stairs, num_stairs);
	}
}

static void draw(struct drawing *drawing)
{
	const json_t *commands[MAX_COMMANDS];
	size_t num_commands = frequent_commands(drawing->document, commands);
	size_t i = 0;

	fprintf(drawing->script, "set encoding utf8\n");
	plot_over_time(drawing);
	plot_progress(drawing);
	plot_slip(drawing);
	plot_commands(drawing);
	for (i = 0; i < num_commands && replay_report_num_rounds(drawing->document) > 1; i++) {
		plot_command(drawing, bench_document_text(commands[i], "command"));
	}
}

bool replay_report_plot(const json_t *document, const char *path)
{
	struct bench_report_dir *dir = bench_report_dir(NULL, path);
	struct drawing drawing = { .document = document, .dir = dir };
	bool ok = false;

	if (dir == NULL) {
		return false;
	}
	drawing.script = bench_gnuplot_script();
	if (drawing.script != NULL) {
		draw(&drawing);
		ok = !drawing.failed &&
		     (drawing.num_plots == 0 ||
		      bench_gnuplot_run(drawing.script, dir->fd, GNUPLOT_SECONDS)) &&
		     replay_report_page(document, dir, drawing.plots, drawing.num_plots);
		fclose(drawing.script);
	}
	if (drawing.failed) {
		fprintf(stderr, "%s: out of memory\n", bench_program_name);
	}
	talloc_free(dir);
	return ok;
}
