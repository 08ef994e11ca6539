/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random numbers that are the same for the same seed everywhere (splitmix64).
 */
#ifndef ORACLE_DICE_H
#define ORACLE_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
	uint64_t mixed = dice->state += 0x9e3779b97f4a7c15ULL;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
	return mixed ^ mixed >> 31;
}

/* 0 to limit - 1 */
static inline unsigned int dice_below(struct dice *dice, size_t limit)
{
	return (unsigned int)(dice_next(dice) % limit);
}

static inline bool dice_percent(struct dice *dice, unsigned int percent)
{
	return dice_below(dice, 100) < percent;
}

#define DICE_PICK(dice, array) ((array)[dice_below((dice), sizeof(array) / sizeof((array)[0]))])

#endif /* ORACLE_DICE_H */
