/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every way to choose num_a of all ranks is equally probable when there is no difference; so many
 * of them as have a sum that is as far from the expected one as ours, or farther, are counted.
 */
#include "rank_test.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

struct value {
	double value;
	bool of_a;
	size_t rank; /* twice: the mean of two ranks may have a half */
};

static int compare_values(const void *a, const void *b)
{
	const struct value *left = a;
	const struct value *right = b;

	return (left->value > right->value) - (left->value < right->value);
}

/* Equal values share the mean of their ranks. */
static void rank_values(struct value *values, size_t num_values)
{
	size_t first = 0;
	size_t end = 0;
	size_t i = 0;

	qsort(values, num_values, sizeof(values[0]), compare_values);
	for (first = 0; first < num_values; first = end) {
		for (end = first + 1; end < num_values; end++) {
			if (values[end].value != values[first].value) {
				break;
			}
		}
		for (i = first; i < end; i++) {
			values[i].rank = first + 1 + end;
		}
	}
}

/*
 * ways[k][sum]: in how many ways k of the values seen so far have this sum of ranks. Counts are
 * real numbers: 80 over 40 has 23 digits, and of the sum of few the first 15 are plenty.
 */
static double exact(const struct value *values, size_t num_values, size_t num_a, size_t sum_a)
{
	size_t most = 2 * num_values * num_a;
	size_t width = most + 1;
	double expected = (double)num_a * (double)(num_values + 1);
	double distance = fabs((double)sum_a - expected);
	double *ways = calloc((num_a + 1) * width, sizeof(double));
	double all = 0;
	double far = 0;
	size_t i = 0;
	size_t k = 0;
	size_t sum = 0;

	if (ways == NULL) {
		return NAN;
	}
	ways[0] = 1;
	for (i = 0; i < num_values; i++) {
		size_t rank = values[i].rank;

		for (k = i + 1 < num_a ? i + 1 : num_a; k > 0; k--) {
			double *to = ways + k * width;
			const double *from = ways + (k - 1) * width;

			for (sum = rank; sum <= most; sum++) {
				to[sum] += from[sum - rank];
			}
		}
	}
	for (sum = 0; sum <= most; sum++) {
		double count = ways[num_a * width + sum];

		all += count;
		if (fabs((double)sum - expected) >= distance) {
			far += count;
		}
	}
	free(ways);
	return far / all;
}

/* With a correction for equal values, and one for that sums are whole numbers. */
static double normal(const struct value *values, size_t num_values, size_t num_a, size_t sum_a)
{
	double n = (double)num_values;
	double a = (double)num_a;
	double b = n - a;
	double distance = fabs((double)sum_a - a * (n + 1)) / 2 - 0.5;
	double ties = 0;
	double variance = 0;
	size_t first = 0;
	size_t end = 0;

	for (first = 0; first < num_values; first = end) {
		double equal = 0;

		for (end = first; end < num_values; end++) {
			if (values[end].rank != values[first].rank) {
				break;
			}
		}
		equal = (double)(end - first);
		ties += equal * equal * equal - equal;
	}
	variance = a * b / 12 * (n + 1 - ties / (n * (n - 1)));
	if (variance <= 0 || distance <= 0) {
		return 1;
	}
	return erfc(distance / sqrt(2 * variance));
}

double bench_rank_test(const double *a, size_t num_a, const double *b, size_t num_b)
{
	size_t num_values = num_a + num_b;
	struct value *values = NULL;
	size_t sum_a = 0;
	double p = 0;
	size_t i = 0;

	if (num_a == 0 || num_b == 0) {
		return NAN;
	}
	values = calloc(num_values, sizeof(values[0]));
	if (values == NULL) {
		return NAN;
	}
	for (i = 0; i < num_values; i++) {
		values[i].value = i < num_a ? a[i] : b[i - num_a];
		values[i].of_a = i < num_a;
	}
	rank_values(values, num_values);
	for (i = 0; i < num_values; i++) {
		sum_a += values[i].of_a ? values[i].rank : 0;
	}
	if (num_values <= BENCH_RANK_TEST_EXACT) {
		p = exact(values, num_values, num_a, sum_a);
	} else {
		p = normal(values, num_values, num_a, sum_a);
	}
	free(values);
	return p;
}

double bench_rank_test_least(size_t num_a, size_t num_b)
{
	double ways = 1;
	size_t i = 0;

	for (i = 1; i <= num_a; i++) {
		ways *= (double)(num_b + i) / (double)i;
	}
	return fmin(1, 2 / ways);
}
