/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random numbers that are the same in every run: all engines are asked the same. Not for secrets.
 */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

struct bench_random {
	uint64_t state;
};

/* The output function of splitmix64. */
static inline uint64_t bench_hash(uint64_t word)
{
	word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
	word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
	return word ^ (word >> 31);
}

static inline uint64_t bench_random_next(struct bench_random *random)
{
	random->state += 0x9e3779b97f4a7c15ULL;
	return bench_hash(random->state);
}

/* Below the bound, by the upper half of the product: uneven by less than bound / 2^32. */
static inline uint64_t bench_random_below(struct bench_random *random, uint32_t bound)
{
	return (bench_random_next(random) >> 32) * bound >> 32;
}

/* At least 0, and below 1. */
static inline double bench_random_real(struct bench_random *random)
{
	return (double)(bench_random_next(random) >> 11) * 0x1p-53;
}

#endif /* BENCH_RANDOM_H */
