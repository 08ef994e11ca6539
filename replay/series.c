/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Slots of a time series, and what is in them.
 */
#include "series.h"

#include <string.h>

/* 66 us a slot at first: 8 ms in all of them. */
#define FIRST_SHIFT 16

static size_t bucket_of(uint64_t duration)
{
	unsigned int high = 0;

	if (duration < (1ULL << REPLAY_SERIES_LOWEST)) {
		return 0;
	}
	high = 63 - (unsigned int)__builtin_clzll(duration);
	if (high >= REPLAY_SERIES_HIGHEST) {
		return REPLAY_SERIES_BUCKETS - 1;
	}
	return (size_t)(high - REPLAY_SERIES_LOWEST) * REPLAY_SERIES_PARTS +
	       ((duration >> (high - 3)) & (REPLAY_SERIES_PARTS - 1));
}

static uint64_t middle_of(size_t bucket)
{
	unsigned int high = REPLAY_SERIES_LOWEST + (unsigned int)(bucket / REPLAY_SERIES_PARTS);
	uint64_t width = 1ULL << (high - 3);

	return (1ULL << high) + (bucket % REPLAY_SERIES_PARTS) * width + width / 2;
}

static void take(struct replay_slot *slot, const struct replay_slot *other)
{
	size_t i = 0;

	slot->due += other->due;
	slot->finished += other->finished;
	slot->max = other->max > slot->max ? other->max : slot->max;
	for (i = 0; i < REPLAY_SERIES_BUCKETS; i++) {
		slot->buckets[i] += other->buckets[i];
	}
}

static void halve(struct replay_series *series)
{
	size_t i = 0;

	for (i = 0; i < REPLAY_SERIES_SLOTS / 2; i++) {
		if (i != 0) {
			series->slots[i] = series->slots[2 * i];
		}
		take(&series->slots[i], &series->slots[2 * i + 1]);
	}
	memset(&series->slots[i], 0, i * sizeof(series->slots[0]));
	series->num_slots = (series->num_slots + 1) / 2;
	series->shift++;
}

static struct replay_slot *slot_of(struct replay_series *series, uint64_t at)
{
	size_t number = 0;

	/* Ends: 2^64 ns are 128 slots of 2^57 ns. */
	while (at >> series->shift >= REPLAY_SERIES_SLOTS) {
		halve(series);
	}
	number = (size_t)(at >> series->shift);
	if (number >= series->num_slots) {
		series->num_slots = number + 1;
	}
	return &series->slots[number];
}

void replay_series_init(struct replay_series *series)
{
	memset(series, 0, sizeof(*series));
	series->shift = FIRST_SHIFT;
}

void replay_series_add_due(struct replay_series *series, uint64_t at)
{
	slot_of(series, at)->due++;
}

void replay_series_add_finished(struct replay_series *series, uint64_t at, uint64_t duration)
{
	struct replay_slot *slot = slot_of(series, at);

	slot->finished++;
	slot->buckets[bucket_of(duration)]++;
	if (duration > slot->max) {
		slot->max = duration;
	}
}

uint64_t replay_slot_quantile(const struct replay_slot *slot, double quantile)
{
	double rank = quantile * (double)slot->finished;
	uint64_t seen = 0;
	size_t i = 0;

	for (i = 0; i < REPLAY_SERIES_BUCKETS && slot->finished > 0; i++) {
		seen += slot->buckets[i];
		if (slot->buckets[i] > 0 && (double)seen >= rank) {
			uint64_t middle = middle_of(i);

			return middle < slot->max ? middle : slot->max;
		}
	}
	return 0;
}
