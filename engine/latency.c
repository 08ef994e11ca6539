/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Histograms of latency. Only those that are in use exist: an idle engine is small.
 */
#include "latency.h"

static unsigned int bucket_of(uint64_t nsec)
{
	unsigned int shift;

	if (nsec < 2U << LATENCY_BITS) {
		return (unsigned int)nsec;
	}
	shift = 63 - (unsigned int)__builtin_clzll(nsec) - LATENCY_BITS;
	if (shift >= LATENCY_MAX_SHIFT) {
		return LATENCY_BUCKETS - 1;
	}
	return (shift << LATENCY_BITS) + (unsigned int)(nsec >> shift);
}

static uint64_t middle_of(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2U << LATENCY_BITS) {
		return bucket;
	}
	shift = (bucket >> LATENCY_BITS) - 1;
	return ((uint64_t)(bucket - (shift << LATENCY_BITS)) << shift) + (1ULL << shift) / 2;
}

void latency_count(struct pathring *ring,
		   enum pathring_operation operation,
		   enum pathring_placement placement,
		   uint64_t nsec)
{
	struct latencies *latencies = ring->latencies[operation][placement];

	if (latencies == NULL) {
		latencies = talloc_zero(ring, struct latencies);
		if (latencies == NULL) {
			return;
		}
		ring->latencies[operation][placement] = latencies;
	}
	latencies->count++;
	latencies->buckets[bucket_of(nsec)]++;
}

uint64_t pathring_latency(const struct pathring *ring,
			  enum pathring_operation operation,
			  enum pathring_placement placement,
			  double quantile)
{
	const struct latencies *latencies = NULL;
	uint64_t seen = 0;
	unsigned int i;

	if (operation >= PATHRING_NUM_OPERATIONS || placement >= PATHRING_NUM_PLACEMENTS) {
		return 0;
	}
	latencies = ring->latencies[operation][placement];
	if (latencies == NULL) {
		return 0;
	}
	for (i = 0; i < LATENCY_BUCKETS - 1; i++) {
		seen += latencies->buckets[i];
		if (seen > 0 && (double)seen >= quantile * (double)latencies->count) {
			break;
		}
	}
	return middle_of(i);
}
