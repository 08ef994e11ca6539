/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers that a seed decides (splitmix64: a counter, mixed; any seed is a good one). What the
 * steps draw from and what the faults draw from are kept apart, so that a run without faults makes
 * the same steps.
 */
#ifndef PATHRING_TESTS_FAULTS_RANDOM_H
#define PATHRING_TESTS_FAULTS_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t counter;
};

#define MILLION 1000000U

static inline uint64_t random_mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
	value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
	return value ^ value >> 31;
}

static inline uint64_t random_next(struct random *random)
{
	random->counter += 0x9e3779b97f4a7c15ULL;
	return random_mix(random->counter);
}

/* 0 to limit - 1. */
static inline unsigned int random_below(struct random *random, unsigned int limit)
{
	return (unsigned int)((random_next(random) >> 32) * limit >> 32);
}

/* True so many times in a million. */
static inline bool random_chance(struct random *random, unsigned int of_a_million)
{
	return of_a_million > 0 && random_below(random, MILLION) < of_a_million;
}

#endif /* PATHRING_TESTS_FAULTS_RANDOM_H */
