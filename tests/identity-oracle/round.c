/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draws the calls of a round: for each cell one that changes something, or up to CELL_CALLS that
 * only look, by users of the cell's cast for the most part.
 */
#include "round.h"

#include <string.h>

#include "operations.h"

#define MAX_REDRAWS 8

bool round_cell_ends(const struct cell *cell)
{
	return cell->age >= cell->life;
}

static uint16_t draw_who(struct oracle *oracle, const struct cell *cell)
{
	unsigned int roll = dice_below(&oracle->dice, 100);

	if (roll < 75) {
		return cell->cast[dice_below(&oracle->dice, CELL_CAST)];
	}
	if (roll < 83) {
		return (uint16_t)dice_below(&oracle->dice, 3);
	}
	return (uint16_t)dice_below(&oracle->dice, oracle->num_whos);
}

static struct call *draw_build(struct oracle *oracle, uint32_t index, struct call *call)
{
	struct cell *cell = &oracle->cells[index];
	size_t i;

	cell->seed = dice_next(&oracle->dice);
	for (i = 0; i < CELL_CAST; i++) {
		cell->cast[i] = (uint16_t)dice_below(&oracle->dice, oracle->num_whos);
	}
	cell->age = 0;
	cell->life = CELL_LIFE / 2 + dice_below(&oracle->dice, CELL_LIFE / 2);
	cell->num_log = 0;
	for (i = 0; i < CELL_SLOTS; i++) {
		TALLOC_FREE(cell->slots[i].handle);
		cell->slots[i] = (struct slot) { .place = PLACE_CELL };
	}
	*call = (struct call) {
		.cell = index,
		.operation = operation_index(&operation_build),
		.slot = -1,
		.slot2 = -1,
		.into = 0,
		.flags = O_PATH,
		.seed = cell->seed,
		.changes = true,
		.hint_place = PLACE_CELL,
	};
	return call + 1;
}

static uint8_t draw_operation(struct dice *dice)
{
	unsigned int total = 0;
	unsigned int roll;
	uint8_t i;

	for (i = 0; i < num_operations; i++) {
		total += operations[i]->weight;
	}
	roll = dice_below(dice, total);
	for (i = 0; roll >= operations[i]->weight; i++) {
		roll -= operations[i]->weight;
	}
	return i;
}

static void draw_one(struct oracle *oracle, uint32_t index, uint8_t operation, struct draw *draw)
{
	*draw->call = (struct call) {
		.cell = index,
		.who = draw->call->who,
		.operation = operation,
		.slot = -1,
		.slot2 = -1,
		.into = -1,
		.seed = dice_next(&oracle->dice),
		.walked = oracle->walks,
	};
	draw->poor = false;
	operations[operation]->draw(draw);
}

/* How it is made, beside what it is. */
static void draw_manner(struct oracle *oracle, struct call *call)
{
	struct dice *dice = &oracle->dice;
	bool is_request = operations[call->operation]->request != NULL;
	bool closes = operations[call->operation] == &operation_close;

	if (!is_request) {
		return;
	}
	if (!closes && call->slot >= 0) {
		call->transient = dice_percent(dice, 30);
		call->borrowed = call->transient && dice_percent(dice, 25);
	}
	call->fresh_who = dice_percent(dice, 10);
	call->waited = dice_percent(dice, 1);
	/* A listing that nobody waits for would make the next one of its handle fail (EBUSY). */
	if (!call->changes && operations[call->operation] != &operation_readdir &&
	    dice_percent(dice, 2)) {
		call->abandoned = true;
		call->waited = false;
		call->into = -1;
	}
}

static void reserve(struct cell *cell, const struct call *call)
{
	if (call->into > 0) {
		cell->slots[call->into].reserved = true;
	}
}

/* One that fits the others of this round in its cell; false if none was found. */
static bool draw_call(struct oracle *oracle, uint32_t index, struct call *call, bool first)
{
	struct cell *cell = &oracle->cells[index];
	struct draw draw = {
		.dice = &oracle->dice,
		.cell = cell,
		.whos = oracle->whos,
		.call = call,
	};
	unsigned int tries;

	for (tries = 0; tries < MAX_REDRAWS; tries++) {
		uint8_t operation = draw_operation(&oracle->dice);
		bool closes;

		draw_one(oracle, index, operation, &draw);
		if (draw.poor && dice_percent(&oracle->dice, 85)) {
			draw_one(oracle, index, operation_index(&operation_openat), &draw);
		}
		closes = operations[call->operation] == &operation_close;
		if (closes && cell->slots[call->slot].handle == NULL) {
			continue;
		}
		if (first || !call->changes) {
			return true;
		}
	}
	return false;
}

static bool lists_same(const struct call *a, const struct call *b)
{
	return operations[a->operation] == &operation_readdir && a->operation == b->operation &&
	       a->slot == b->slot;
}

/*
 * The end of a handle together with its last use: freed as soon as that is asked for, or closed by
 * a request of its own, which has to wait. The plain process that uses it closes it after that,
 * which is why nobody else may use it in this round, and nothing but requests, which hold it.
 */
static struct call *draw_end_of_handle(struct oracle *oracle, struct call *first, struct call *next)
{
	struct call *last = next - 1;
	struct call *call = NULL;
	bool opens;

	for (call = first; call < next; call++) {
		if (call->who != last->who || call->abandoned ||
		    operations[call->operation]->request == NULL) {
			return next;
		}
	}
	opens = operations[last->operation] == &operation_openat ||
		operations[last->operation] == &operation_lookup ||
		operations[last->operation] == &operation_lookups;
	if (last->slot <= 0 || operations[last->operation] == &operation_close ||
	    !dice_percent(&oracle->dice, 12)) {
		return next;
	}
	for (call = first; call < next; call++) {
		/* Its descriptor will not stay open long enough. */
		call->borrowed = false;
		call->ends = call->slot == last->slot;
	}
	if (dice_percent(&oracle->dice, 60) || opens || next - first == CELL_CALLS) {
		/* An open may have to be tried again, with a handle. */
		last->drop = !opens;
		last->transient = false;
		return next;
	}
	*next = (struct call) {
		.cell = last->cell,
		.who = last->who,
		.operation = operation_index(&operation_close),
		.slot = last->slot,
		.slot2 = -1,
		.into = -1,
		.changes = true,
	};
	return next + 1;
}

static struct call *draw_calls(struct oracle *oracle, uint32_t index, struct call *call)
{
	struct cell *cell = &oracle->cells[index];
	bool same_who = dice_percent(&oracle->dice, 50);
	struct call *first = call;
	struct call *next = call;
	bool more = true;
	size_t i;

	while (more && next - first < CELL_CALLS) {
		bool drawn;

		next->who = same_who && next > first ? first->who : draw_who(oracle, cell);
		drawn = draw_call(oracle, index, next, next == first);
		for (call = first; drawn && call < next; call++) {
			drawn = !lists_same(call, next);
		}
		if (!drawn) {
			break;
		}
		draw_manner(oracle, next);
		reserve(cell, next);
		more = !next->changes && dice_percent(&oracle->dice, 45);
		next++;
	}
	if (next > first) {
		next = draw_end_of_handle(oracle, first, next);
	}
	for (i = 0; i < CELL_SLOTS; i++) {
		cell->slots[i].reserved = false;
	}
	for (call = first; call < next; call++) {
		cell->log[cell->num_log++ % CELL_LOG] = *call;
		cell->age++;
	}
	return next;
}

size_t round_draw(struct oracle *oracle)
{
	struct call *next = oracle->calls;
	size_t drawn = 0;
	uint32_t i;

	for (i = 0; i < oracle->num_cells; i++) {
		if (round_cell_ends(&oracle->cells[i])) {
			next = draw_build(oracle, i, next);
		} else {
			struct call *end = draw_calls(oracle, i, next);

			drawn += (size_t)(end - next);
			next = end;
		}
	}
	oracle->num_calls = (size_t)(next - oracle->calls);
	return drawn;
}
