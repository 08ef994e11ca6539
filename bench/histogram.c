/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log-linear histogram: from value to bucket and back, percentiles, and several made one.
 */
#include "histogram.h"

#include <string.h>

#define SUB_BUCKETS (1ULL << BENCH_HISTOGRAM_BITS)

/*
 * With the highest set bit at position `high`, the 8 bits from there on choose the bucket; their
 * first is always set, so buckets of one power of two begin where those of the power before end.
 */
static size_t bucket_of(uint64_t value)
{
	unsigned int high = 0;
	unsigned int shift = 0;

	if (value < 2 * SUB_BUCKETS) {
		return (size_t)value;
	}
	high = 63 - (unsigned int)__builtin_clzll(value);
	shift = high - BENCH_HISTOGRAM_BITS;
	return (size_t)(shift * SUB_BUCKETS + (value >> shift));
}

static uint64_t lower_of(size_t bucket, uint64_t *width)
{
	unsigned int shift = 0;

	if (bucket >= 2 * SUB_BUCKETS) {
		shift = (unsigned int)(bucket / SUB_BUCKETS) - 1;
	}
	*width = 1ULL << shift;
	return (bucket - shift * SUB_BUCKETS) << shift;
}

static uint64_t middle_of(size_t bucket)
{
	uint64_t width = 0;
	uint64_t lower = lower_of(bucket, &width);

	return lower + width / 2;
}

void bench_histogram_clear(struct bench_histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
	histogram->min = UINT64_MAX;
}

void bench_histogram_add(struct bench_histogram *histogram, uint64_t value)
{
	bench_histogram_add_many(histogram, value, 1);
}

void bench_histogram_add_many(struct bench_histogram *histogram, uint64_t value, uint64_t count)
{
	if (count == 0) {
		return;
	}
	histogram->buckets[bucket_of(value)] += count;
	histogram->count += count;
	histogram->sum += value * count;
	if (value < histogram->min) {
		histogram->min = value;
	}
	if (value > histogram->max) {
		histogram->max = value;
	}
}

uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, uint32_t parts)
{
	uint64_t rank = 0;
	uint64_t seen = 0;
	size_t i = 0;

	if (histogram->count == 0) {
		return 0;
	}

	/* Integers, because 0.999 * 1000 in floating point rounds up to the wrong rank. */
	rank = (histogram->count * parts + BENCH_HISTOGRAM_PARTS - 1) / BENCH_HISTOGRAM_PARTS;
	if (rank < 1) {
		rank = 1;
	}
	for (i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		uint64_t value = 0;

		seen += histogram->buckets[i];
		if (seen < rank) {
			continue;
		}
		value = middle_of(i);
		if (value < histogram->min) {
			value = histogram->min;
		}
		if (value > histogram->max) {
			value = histogram->max;
		}
		return value;
	}
	return histogram->max;
}

double bench_histogram_mean(const struct bench_histogram *histogram)
{
	if (histogram->count == 0) {
		return 0;
	}
	return (double)histogram->sum / (double)histogram->count;
}

void bench_histogram_merge(struct bench_histogram *histogram, const struct bench_histogram *other)
{
	size_t i = 0;

	for (i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		histogram->buckets[i] += other->buckets[i];
	}
	histogram->count += other->count;
	histogram->sum += other->sum;
	if (other->min < histogram->min) {
		histogram->min = other->min;
	}
	if (other->max > histogram->max) {
		histogram->max = other->max;
	}
}

bool bench_histogram_next(const struct bench_histogram *histogram,
			  size_t *position,
			  struct bench_histogram_bucket *bucket)
{
	size_t i = *position;

	while (i < BENCH_HISTOGRAM_BUCKETS && histogram->buckets[i] == 0) {
		i++;
	}
	if (i >= BENCH_HISTOGRAM_BUCKETS) {
		*position = BENCH_HISTOGRAM_BUCKETS;
		return false;
	}
	bucket->lower = lower_of(i, &bucket->width);
	bucket->middle = bucket->lower + bucket->width / 2;
	bucket->count = histogram->buckets[i];
	*position = i + 1;
	return true;
}
