/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long requests took as time went by, in a bounded number of slots: when the last one is full,
 * each slot takes its neighbour's and lasts twice as long.
 */
#ifndef REPLAY_SERIES_H
#define REPLAY_SERIES_H

#include <stddef.h>
#include <stdint.h>

#define REPLAY_SERIES_SLOTS 128

/*
 * Each power of two of nanoseconds from 2^8 to 2^36 is cut into 8: what is drawn is off by 6 % at
 * most, less than a line is wide.
 */
#define REPLAY_SERIES_PARTS 8
#define REPLAY_SERIES_LOWEST 8
#define REPLAY_SERIES_HIGHEST 36
#define REPLAY_SERIES_BUCKETS ((REPLAY_SERIES_HIGHEST - REPLAY_SERIES_LOWEST) * REPLAY_SERIES_PARTS)

struct replay_slot {
	uint64_t due; /* requests that were to be made */
	uint64_t finished;
	uint64_t max; /* of the durations of those that finished */
	uint32_t buckets[REPLAY_SERIES_BUCKETS];
};

struct replay_series {
	unsigned int shift; /* a slot lasts 2^shift ns */
	size_t num_slots;   /* up to the last one that is not empty */
	struct replay_slot slots[REPLAY_SERIES_SLOTS];
};

/* Times are nanoseconds since the series began. */
void replay_series_init(struct replay_series *series);
void replay_series_add_due(struct replay_series *series, uint64_t at);
void replay_series_add_finished(struct replay_series *series, uint64_t at, uint64_t duration);

/* The duration that this part (0 to 1) of those in the slot did not exceed; 0 if there are none. */
uint64_t replay_slot_quantile(const struct replay_slot *slot, double quantile);

#endif /* REPLAY_SERIES_H */
