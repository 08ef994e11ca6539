/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The percentile distribution as HdrHistogram prints it, in microseconds, for its plotter and
 * whatever else reads that. The plotter takes several files, a curve each, named by the file; it
 * pairs their lines by number, so the percentiles must be the same ones in all files: those that
 * HdrHistogram steps through.
 */
#include "report.h"
#include "report_files.h"
#include "report_format.h"

#include <math.h>
#include <string.h>

/* Steps from one halving of the distance to 100 % to the next. */
#define TICKS_PER_HALF 5

/* Our histogram in HdrHistogram's terms: 57 ranges, the first of 256 values. */
#define BUCKETS 57
#define SUB_BUCKETS 256

struct series {
	const json_t *buckets;
	double total;
	double mean;
	double deviation;
	double max;
};

static double bucket_ns(const json_t *buckets, size_t index)
{
	return json_number_value(json_array_get(json_array_get(buckets, index), 0));
}

static double bucket_count(const json_t *buckets, size_t index)
{
	return json_number_value(json_array_get(json_array_get(buckets, index), 1));
}

static struct series describe(const json_t *buckets, double max)
{
	struct series series = { .buckets = buckets, .max = max };
	size_t num_buckets = json_array_size(buckets);
	double sum = 0;
	size_t i = 0;

	for (i = 0; i < num_buckets; i++) {
		series.total += bucket_count(buckets, i);
		sum += bucket_count(buckets, i) * bucket_ns(buckets, i);
	}
	series.mean = sum / series.total;
	sum = 0;
	for (i = 0; i < num_buckets; i++) {
		double distance = bucket_ns(buckets, i) - series.mean;

		sum += bucket_count(buckets, i) * distance * distance;
	}
	series.deviation = sqrt(sum / series.total);
	if (!isfinite(max)) {
		series.max = bucket_ns(buckets, num_buckets - 1);
	}
	return series;
}

static double next_level(double level)
{
	double halvings = floor(log2(100 / (100 - level))) + 1;

	return level + 100 / (TICKS_PER_HALF * exp2(halvings));
}

static void print_line(double ns, double level, double seen, FILE *file)
{
	fprintf(file, "%12.3f %2.12f %10.0f", ns / 1e3, level / 100, seen);
	if (level < 100) {
		fprintf(file, " %14.2f", 1 / (1 - level / 100));
	}
	fprintf(file, "\n");
}

static void print_series(const struct series *series, FILE *file)
{
	size_t num_buckets = json_array_size(series->buckets);
	double level = 0;
	double seen = 0;
	size_t i = 0;

	fprintf(file,
		"%12s %14s %10s %14s\n\n",
		"Value",
		"Percentile",
		"TotalCount",
		"1/(1-Percentile)");
	for (i = 0; i < num_buckets; i++) {
		seen += bucket_count(series->buckets, i);
		while (level < 100 && 100 * seen / series->total >= level) {
			/* The middle of a bucket may be above all that is in it. */
			print_line(fmin(bucket_ns(series->buckets, i), series->max),
				   level,
				   seen,
				   file);
			level = next_level(level);
			if (i + 1 == num_buckets) {
				break;
			}
		}
	}
	print_line(series->max, 100, series->total, file);
	fprintf(file,
		"#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
		series->mean / 1e3,
		series->deviation / 1e3);
	fprintf(file,
		"#[Max     = %12.3f, Total count    = %12.0f]\n",
		series->max / 1e3,
		series->total);
	fprintf(file, "#[Buckets = %12d, SubBuckets     = %12d]\n", BUCKETS, SUB_BUCKETS);
}

/* Without what all results have in common: engine-op-depthN, with the rate of an open loop. */
static void
name_of(const json_t *document, const json_t *result, const char *part, char *name, size_t size)
{
	const json_t *first = bench_document_result(document, 0);
	char whole[BENCH_TITLE_SIZE];
	int length = 0;
	bool users = false;
	bool cache = false;
	size_t i = 0;

	for (i = 0; i < bench_document_num_results(document); i++) {
		const json_t *other = bench_document_result(document, i);

		users = users || bench_document_number(other, "users") !=
					 bench_document_number(first, "users");
		cache = cache || strcmp(bench_document_text(other, "cache"),
					bench_document_text(first, "cache")) != 0;
	}
	length = snprintf(whole,
			  sizeof(whole) / 2,
			  "%.64s-%.64s",
			  bench_document_text(result, "engine"),
			  bench_document_text(result, "op"));
	length += snprintf(whole + length,
			   sizeof(whole) - (size_t)length,
			   "-depth%.0f",
			   bench_document_number(result, "depth"));
	if (bench_document_is_open(result)) {
		length += snprintf(whole + length,
				   sizeof(whole) - (size_t)length,
				   "-rate%.0f",
				   bench_document_number(result, "rate"));
	}
	if (bench_document_field(result, "entries") != NULL) {
		length += snprintf(whole + length,
				   sizeof(whole) - (size_t)length,
				   "-entries%.0f",
				   bench_document_number(result, "entries"));
	}
	if (users) {
		length += snprintf(whole + length,
				   sizeof(whole) - (size_t)length,
				   "-users%.0f",
				   bench_document_number(result, "users"));
	}
	snprintf(whole + length,
		 sizeof(whole) - (size_t)length,
		 "%s%s%s",
		 cache ? "-" : "",
		 cache ? bench_document_text(result, "cache") : "",
		 part);
	bench_format_file_name(whole, name, size);
}

static bool write_series(struct bench_report_dir *dir,
			 const json_t *document,
			 const json_t *result,
			 const char *key,
			 const char *part)
{
	char field[BENCH_CELL_SIZE];
	char name[BENCH_TITLE_SIZE];
	const json_t *buckets = NULL;
	struct series series;
	FILE *file = NULL;

	snprintf(field, sizeof(field), "histogram.%s", key);
	buckets = bench_document_field(result, field);
	if (json_array_size(buckets) == 0) {
		return true;
	}
	snprintf(field, sizeof(field), "%s_ns.max", key);
	series = describe(buckets, bench_document_number(result, field));
	name_of(document, result, part, name, sizeof(name));
	file = bench_report_dir_open_new(dir, name, ".hgrm");
	if (file == NULL) {
		return false;
	}
	print_series(&series, file);
	return bench_report_dir_close(dir, file);
}

bool bench_report_hgrm(const json_t *document, const char *path)
{
	struct bench_report_dir *dir = bench_report_dir(NULL, path);
	size_t i = 0;
	bool ok = dir != NULL;

	for (i = 0; i < bench_document_num_results(document) && ok; i++) {
		const json_t *result = bench_document_result(document, i);

		ok = write_series(dir, document, result, "latency", "") &&
		     write_series(dir, document, result, "service", "-service");
	}
	talloc_free(dir);
	return ok;
}
