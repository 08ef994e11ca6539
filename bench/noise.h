/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What else the machine did while it was measured.
 */
#ifndef BENCH_NOISE_H
#define BENCH_NOISE_H

#include <stdint.h>

/* Sums over everything between a begin and its end; all zero at first. */
struct bench_noise {
	uint64_t ticks; /* of all processors, idle or not; 0 where the kernel doesn't say */
	uint64_t busy_ticks;
	uint64_t stolen_ticks; /* in which the host ran something else */
	uint64_t own_ns;       /* CPU time of this process */
};

void bench_noise_begin(struct bench_noise *noise);
void bench_noise_end(struct bench_noise *noise);

void bench_noise_add(struct bench_noise *noise, const struct bench_noise *other);

/* Of the time of all processors. */
double bench_noise_steal_percent(const struct bench_noise *noise);

/* Other processes, and what the kernel does besides. */
double bench_noise_other_percent(const struct bench_noise *noise);

#endif /* BENCH_NOISE_H */
