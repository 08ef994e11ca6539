/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A log-linear histogram of durations in nanoseconds: every value of 64 bits fits, a percentile is
 * off by less than 1 %. Minimum, maximum and mean are exact. It knows nothing of what was measured.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Each power of two is cut into 128 buckets, so a bucket is at most 1/128 of its values wide and
 * its middle at most 0.4 % away from any of them. Below 256 a bucket is one value.
 */
#define BENCH_HISTOGRAM_BITS 7
#define BENCH_HISTOGRAM_BUCKETS ((64 - BENCH_HISTOGRAM_BITS + 1) << BENCH_HISTOGRAM_BITS)

/* Percentiles are asked for in parts of this: 50 % is 50000, 99.99 % is 99990. */
#define BENCH_HISTOGRAM_PARTS 100000U

struct bench_histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t buckets[BENCH_HISTOGRAM_BUCKETS];
};

void bench_histogram_clear(struct bench_histogram *histogram);
void bench_histogram_add(struct bench_histogram *histogram, uint64_t value);
void bench_histogram_add_many(struct bench_histogram *histogram, uint64_t value, uint64_t count);

/* The value that at least `parts` of all values do not exceed; 0 of an empty histogram. */
uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, uint32_t parts);

/* 0 of an empty histogram. */
double bench_histogram_mean(const struct bench_histogram *histogram);

/* As if every value of `other` had been added one by one. */
void bench_histogram_merge(struct bench_histogram *histogram, const struct bench_histogram *other);

/* Values from lower to lower + width - 1; middle is what stands for all of them. */
struct bench_histogram_bucket {
	uint64_t lower;
	uint64_t width;
	uint64_t middle;
	uint64_t count;
};

/*
 * Gives the non-empty buckets in ascending order. *position is 0 at first and belongs to the
 * iteration from then on; false after the last one.
 */
bool bench_histogram_next(const struct bench_histogram *histogram,
			  size_t *position,
			  struct bench_histogram_bucket *bucket);

#endif /* BENCH_HISTOGRAM_H */
