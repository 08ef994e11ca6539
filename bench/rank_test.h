/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rank test of Mann, Whitney and Wilcoxon: could two samples be of one and the same thing? It
 * assumes nothing of how they are distributed, so one bad round among good ones does not fool it.
 */
#ifndef BENCH_RANK_TEST_H
#define BENCH_RANK_TEST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How probable it is, were both the same, that they differ at least as much as they do, in either
 * direction. Exact, also where values are equal, up to BENCH_RANK_TEST_EXACT values together; by
 * the normal distribution above. NAN without memory, or without values on one side.
 */
double bench_rank_test(const double *a, size_t num_a, const double *b, size_t num_b);

#define BENCH_RANK_TEST_EXACT 80

/* The smallest answer that so many values can give: all of one side above all of the other. */
double bench_rank_test_least(size_t num_a, size_t num_b);

#endif /* BENCH_RANK_TEST_H */
