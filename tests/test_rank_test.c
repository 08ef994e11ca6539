/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rank test against counting every choice, and against numbers of tables.
 */
#include <criterion/criterion.h>

#include "rank_test.h"

#include <math.h>

static const double one_to_five[] = { 1, 2, 3, 4, 5 };
static const double six_to_ten[] = { 6, 7, 8, 9, 10 };

/* The sum of the ranks of those whose bit is set, doubled. */
static double sum_of(const double *values, size_t num_values, unsigned int chosen)
{
	double sum = 0;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < num_values; i++) {
		for (j = 0; j < num_values && (chosen >> i & 1) != 0; j++) {
			sum += (values[j] < values[i] ? 2 : 0) + (values[j] == values[i] ? 1 : 0);
		}
		sum += (chosen >> i & 1) != 0 ? 1 : 0;
	}
	return sum;
}

/* By looking at every choice of num_a among all. */
static double counted(const double *a, size_t num_a, const double *b, size_t num_b)
{
	double values[16] = { 0 };
	double expected = (double)num_a * (double)(num_a + num_b + 1);
	double distance = 0;
	size_t all = 0;
	size_t far = 0;
	unsigned int chosen = 0;
	size_t i = 0;

	for (i = 0; i < num_a + num_b; i++) {
		values[i] = i < num_a ? a[i] : b[i - num_a];
	}
	distance = fabs(sum_of(values, num_a + num_b, (1U << num_a) - 1) - expected);
	for (chosen = 0; chosen < 1U << (num_a + num_b); chosen++) {
		if ((size_t)__builtin_popcount(chosen) == num_a) {
			double sum = sum_of(values, num_a + num_b, chosen);

			all++;
			far += fabs(sum - expected) >= distance;
		}
	}
	return (double)far / (double)all;
}

/* 2 of 252 choices are as far apart as these. */
Test(rank_test, apart)
{
	double p = bench_rank_test(one_to_five, 5, six_to_ten, 5);

	cr_assert_float_eq(p, 2.0 / 252, 1e-12);
	cr_assert_float_eq(bench_rank_test(six_to_ten, 5, one_to_five, 5), p, 1e-12);
	cr_assert_float_eq(bench_rank_test_least(5, 5), p, 1e-12);
}

Test(rank_test, equal)
{
	static const double same[] = { 7, 7, 7, 7 };

	cr_assert_float_eq(bench_rank_test(one_to_five, 5, one_to_five, 5), 1, 1e-12);
	cr_assert_float_eq(bench_rank_test(same, 4, same, 4), 1, 1e-12);
}

/* From a table of critical values: of 8 and 8, U = 13 is the largest with p < 0.05. */
Test(rank_test, table)
{
	static const double a[] = { 1, 2, 3, 4, 5, 6, 12, 13 };
	static const double b[] = { 7, 8, 9, 10, 11, 14, 15, 16 };
	static const double c[] = { 1, 2, 3, 4, 5, 6, 12, 14 };
	static const double d[] = { 7, 8, 9, 10, 11, 13, 15, 16 };
	static const double e[] = { 1, 2, 3, 4, 5, 9, 12, 14 };
	static const double f[] = { 6, 7, 8, 10, 11, 13, 15, 16 };

	/* U = 10, 11 and 14. */
	cr_assert_lt(bench_rank_test(a, 8, b, 8), 0.05);
	cr_assert_lt(bench_rank_test(c, 8, d, 8), 0.05);
	cr_assert_gt(bench_rank_test(e, 8, f, 8), 0.05);
}

/* All sizes up to 6 and 6, with and without equal values. */
Test(rank_test, every_choice_counted)
{
	double a[6];
	double b[6];
	unsigned int state = 1;
	size_t num_a = 0;
	size_t num_b = 0;
	size_t i = 0;
	unsigned int different = 0;

	for (num_a = 1; num_a <= 6; num_a++) {
		for (num_b = 1; num_b <= 6; num_b++) {
			for (different = 3; different <= 300; different *= 10) {
				for (i = 0; i < 6; i++) {
					state = state * 1103515245 + 12345;
					a[i] = (double)(state >> 16) / 7 -
					       floor((double)(state >> 16) / 7);
					a[i] = floor(a[i] * different);
					state = state * 1103515245 + 12345;
					b[i] = (double)((state >> 16) % different);
				}
				cr_assert_float_eq(bench_rank_test(a, num_a, b, num_b),
						   counted(a, num_a, b, num_b),
						   1e-12,
						   "%zu and %zu values",
						   num_a,
						   num_b);
			}
		}
	}
}

/* Where counting ends and the normal distribution begins, the answers agree. */
Test(rank_test, many_values)
{
	double a[60];
	double b[60];
	double fewer = 0;
	double more = 0;
	size_t i = 0;

	for (i = 0; i < 60; i++) {
		a[i] = (double)(i * 7 % 60);
		b[i] = (double)(i * 7 % 60) + 8.5;
	}
	fewer = bench_rank_test(a, 40, b, 40);
	more = bench_rank_test(a, 41, b, 40);
	cr_assert(fewer > 0 && more > 0 && fabs(log(more / fewer)) < 0.5,
		  "%g of 80 and %g of 81",
		  fewer,
		  more);
}

Test(rank_test, none)
{
	cr_assert(isnan(bench_rank_test(one_to_five, 0, six_to_ten, 5)));
	cr_assert(isnan(bench_rank_test(one_to_five, 5, six_to_ten, 0)));
	cr_assert_gt(bench_rank_test_least(3, 3), 0.05);
	cr_assert_lt(bench_rank_test_least(4, 4), 0.05);
}
