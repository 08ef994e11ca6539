/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * How long requests took, by operation and placement.
 */
#ifndef PATHRING_ENGINE_LATENCY_H
#define PATHRING_ENGINE_LATENCY_H

#include "engine.h"

/*
 * Log-linear, as HDR histograms are: each power of two in 8 buckets, whose middle is at most a
 * sixteenth away from any of their values. The last one takes all of 34 seconds and more.
 */
#define LATENCY_BITS 3
#define LATENCY_MAX_SHIFT 32
#define LATENCY_BUCKETS ((LATENCY_MAX_SHIFT + 1) << LATENCY_BITS)

struct latencies {
	uint64_t count;
	uint64_t buckets[LATENCY_BUCKETS];
};

/* Made when first needed; without memory the request is not counted here. */
void latency_count(struct pathring *ring,
		   enum pathring_operation operation,
		   enum pathring_placement placement,
		   uint64_t nsec);

#endif /* PATHRING_ENGINE_LATENCY_H */
