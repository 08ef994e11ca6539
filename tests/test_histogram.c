/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The histogram against the values themselves, sorted.
 */
#include <criterion/criterion.h>

#include "histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 200000

static struct bench_histogram histogram;
static uint64_t values[MAX_VALUES];
static size_t num_values;
static uint64_t random_state;

static void clear(void)
{
	bench_histogram_clear(&histogram);
	num_values = 0;
	random_state = 20240607;
}

TestSuite(histogram, .init = clear);

/* xorshift64, so that a failure can be repeated. */
static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void add(uint64_t value)
{
	/* Not an assertion: Criterion reports each one that holds, too. */
	if (num_values == MAX_VALUES) {
		cr_assert_fail("more values than there is room for");
	}
	values[num_values] = value;
	num_values++;
	bench_histogram_add(&histogram, value);
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* The smallest value that at least `parts` of all do not exceed, found by counting. */
static uint64_t exact(uint32_t parts)
{
	size_t i = 0;

	for (i = 0; i < num_values; i++) {
		if ((i + 1) * BENCH_HISTOGRAM_PARTS >= (uint64_t)parts * num_values) {
			return values[i];
		}
	}
	return values[num_values - 1];
}

static void compare_all(void)
{
	static const uint32_t parts[] = { 1,	 100,	1000,  10000, 25000, 50000, 75000,
					  90000, 99000, 99900, 99990, 99999, 100000 };
	size_t i = 0;

	qsort(values, num_values, sizeof(values[0]), compare);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		double expected = (double)exact(parts[i]);
		double got = (double)bench_histogram_percentile(&histogram, parts[i]);

		cr_assert(fabs(got - expected) < expected * 0.01 || got == expected,
			  "%u of 100000: %.0f instead of %.0f",
			  parts[i],
			  got,
			  expected);
	}
	cr_assert_eq(histogram.count, num_values);
	cr_assert_eq(histogram.min, values[0]);
	cr_assert_eq(histogram.max, values[num_values - 1]);
}

Test(histogram, empty)
{
	cr_assert_eq(bench_histogram_percentile(&histogram, 50000), 0);
	cr_assert_eq(bench_histogram_mean(&histogram), 0);
}

Test(histogram, one_value_is_exact)
{
	add(1234567);
	cr_assert_eq(bench_histogram_percentile(&histogram, 1), 1234567);
	cr_assert_eq(bench_histogram_percentile(&histogram, 50000), 1234567);
	cr_assert_eq(bench_histogram_percentile(&histogram, 100000), 1234567);
	cr_assert_eq(bench_histogram_mean(&histogram), 1234567);
}

Test(histogram, small_values_are_exact)
{
	size_t i = 0;

	for (i = 0; i < 256; i++) {
		add(i);
	}
	for (i = 0; i < 256; i++) {
		uint32_t parts = (uint32_t)((i + 1) * BENCH_HISTOGRAM_PARTS / 256);

		cr_assert_eq(bench_histogram_percentile(&histogram, parts), i);
	}
	cr_assert_float_eq(bench_histogram_mean(&histogram), 127.5, 1e-9);
}

/* A thousandth of a thousand values is one value: p99.9 is the last but one, not the last. */
Test(histogram, ranks_are_not_rounded_up)
{
	size_t i = 0;

	for (i = 0; i < 999; i++) {
		add(10);
	}
	add(200);
	cr_assert_eq(bench_histogram_percentile(&histogram, 99900), 10);
	cr_assert_eq(bench_histogram_percentile(&histogram, 99901), 200);
}

/* Around each power of two, where the width of the buckets changes. */
Test(histogram, every_power_of_two)
{
	unsigned int bit = 0;

	for (bit = 1; bit < 64; bit++) {
		uint64_t power = 1ULL << bit;
		uint64_t near[] = { power - 1, power, power + 1, power + power / 3 };
		size_t i = 0;

		for (i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
			double got = 0;

			/*
			 * Between 0 and the largest, so that neither minimum nor maximum corrects
			 * the answer.
			 */
			bench_histogram_clear(&histogram);
			bench_histogram_add(&histogram, 0);
			bench_histogram_add(&histogram, near[i]);
			bench_histogram_add(&histogram, UINT64_MAX);
			got = (double)bench_histogram_percentile(&histogram, 50000);
			cr_assert(fabs(got - (double)near[i]) <= (double)near[i] * 0.005,
				  "%.0f instead of %.0f",
				  got,
				  (double)near[i]);
		}
	}
}

Test(histogram, largest_value)
{
	add(UINT64_MAX);
	cr_assert_eq(bench_histogram_percentile(&histogram, 100000), UINT64_MAX);
	cr_assert_eq(histogram.max, UINT64_MAX);
}

Test(histogram, uniform)
{
	size_t i = 0;

	for (i = 0; i < MAX_VALUES; i++) {
		add(1000 + next_random() % 1000000);
	}
	compare_all();
}

/* All magnitudes alike, from nanoseconds to minutes. */
Test(histogram, log_uniform)
{
	size_t i = 0;

	for (i = 0; i < MAX_VALUES; i++) {
		add(next_random() >> (64 - 1 - next_random() % 36));
	}
	compare_all();
}

/* As latencies are: most in a narrow range, few far away. */
Test(histogram, long_tail)
{
	size_t i = 0;

	for (i = 0; i < MAX_VALUES; i++) {
		uint64_t value = 2000 + next_random() % 500;

		if (i % 1000 == 0) {
			value *= 1 + next_random() % 5000;
		}
		add(value);
	}
	compare_all();
}

Test(histogram, few_values)
{
	size_t i = 0;

	for (i = 0; i < 7; i++) {
		add(300 + next_random() % 100000);
	}
	compare_all();
}

/* Parts that differ in size and magnitude, merged in turn: as rounds and threads are. */
Test(histogram, merged)
{
	static struct bench_histogram part;
	double sum = 0;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < 20; i++) {
		size_t count = i % 5 == 0 ? 0 : i * 700;

		bench_histogram_clear(&part);
		for (j = 0; j < count; j++) {
			uint64_t value = (next_random() % 1000000) >> (i % 7);

			/* Not by add(), which would put it into the whole at once. */
			values[num_values] = value;
			num_values++;
			sum += (double)value;
			bench_histogram_add(&part, value);
		}
		bench_histogram_merge(&histogram, &part);
	}
	compare_all();
	cr_assert_float_eq(bench_histogram_mean(&histogram), sum / (double)num_values, 1e-9);
}

Test(histogram, merging_an_empty_one_changes_nothing)
{
	static struct bench_histogram empty;

	bench_histogram_clear(&empty);
	add(1000);
	bench_histogram_merge(&histogram, &empty);
	compare_all();
	bench_histogram_merge(&empty, &histogram);
	cr_assert_eq(memcmp(&empty, &histogram, sizeof(empty)), 0);
}

/* What a reader of the non-empty buckets sees: every value once, in order, and off by < 1 %. */
Test(histogram, buckets_hold_every_value)
{
	struct bench_histogram_bucket bucket = { 0 };
	uint64_t end = 0;
	size_t position = 0;
	size_t first = 0;
	size_t i = 0;

	for (i = 0; i < 50000; i++) {
		add(next_random() >> (64 - 1 - next_random() % 63));
	}
	add(0);
	add(UINT64_MAX);
	qsort(values, num_values, sizeof(values[0]), compare);
	while (bench_histogram_next(&histogram, &position, &bucket)) {
		size_t last = first + bucket.count - 1;
		double middle = (double)bucket.middle;

		if (bucket.count == 0 || bucket.lower < end || last >= num_values ||
		    values[first] < bucket.lower ||
		    values[last] - bucket.lower > bucket.width - 1 ||
		    fabs(middle - (double)values[first]) > middle * 0.005 ||
		    fabs(middle - (double)values[last]) > middle * 0.005) {
			cr_assert_fail("a bucket from %.0f, %.0f wide, with %.0f values",
				       (double)bucket.lower,
				       (double)bucket.width,
				       (double)bucket.count);
		}
		end = bucket.lower + (bucket.width - 1);
		first += bucket.count;
	}
	cr_assert_eq(first, num_values);
	cr_assert(!bench_histogram_next(&histogram, &position, &bucket));
}

Test(histogram, empty_has_no_buckets)
{
	struct bench_histogram_bucket bucket = { 0 };
	size_t position = 0;

	cr_assert(!bench_histogram_next(&histogram, &position, &bucket));
}
