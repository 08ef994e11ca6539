/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who might do what: of a file that somebody was denied, an owner and a mode by which the same
 * opens are denied again and the others are not. Everything else may be read and written by all:
 * the trace knows of nobody who might not.
 */
#include "plan.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>

#define MODE_FILE 0666
#define MODE_DIRECTORY 0777

/* As owners only so many are tried. */
#define MAX_CANDIDATES 16

#define READS REPLAY_WANTS_READ
#define WRITES REPLAY_WANTS_WRITE

/* What was told of one open of a path that somebody was denied. */
struct told {
	uint32_t path;
	uint32_t user;
	uint32_t item;
	uint8_t wants;
	bool denied;
};

struct guess {
	uint32_t owner;
	unsigned int owner_bits;
	unsigned int other_bits;
	size_t wrong;
	size_t granted; /* opens of the owner's that were */
};

unsigned int replay_access_wants(uint32_t access)
{
	unsigned int wants = 0;

	if ((access & (REPLAY_READ_DATA | REPLAY_READ_EA | REPLAY_EXECUTE | REPLAY_READ_CONTROL |
		       REPLAY_GENERIC_READ | REPLAY_GENERIC_EXECUTE | REPLAY_GENERIC_ALL)) != 0) {
		wants |= READS;
	}
	if ((access & (REPLAY_WRITE_DATA | REPLAY_APPEND_DATA | REPLAY_WRITE_EA |
		       REPLAY_WRITE_ATTRIBUTES | REPLAY_GENERIC_WRITE | REPLAY_GENERIC_ALL)) != 0) {
		wants |= WRITES;
	}
	return wants;
}

static int compare_told(const void *a, const void *b)
{
	const struct told *left = a;
	const struct told *right = b;

	if (left->path != right->path) {
		return left->path < right->path ? -1 : 1;
	}
	return (left->item > right->item) - (left->item < right->item);
}

/* The most that a user may be given: what was denied is not, unless a smaller part is to blame. */
static unsigned int allow(const struct told *told, size_t num, uint32_t owner, bool of_owner)
{
	unsigned int proven = 0;
	unsigned int bits = READS | WRITES;
	size_t i = 0;

	for (i = 0; i < num; i++) {
		if ((told[i].user == owner) == of_owner && !told[i].denied) {
			proven |= told[i].wants;
		}
	}
	for (i = 0; i < num; i++) {
		unsigned int wants = told[i].wants;

		if ((told[i].user == owner) != of_owner || !told[i].denied) {
			continue;
		}
		if (wants == 0 || (wants & ~proven) == 0) {
			wants = READS | WRITES;
		}
		bits &= ~(wants & ~proven);
		if (proven == 0) {
			bits &= ~wants;
		}
	}
	return bits;
}

static void judge(const struct told *told, size_t num, struct guess *guess)
{
	size_t i = 0;

	guess->owner_bits = allow(told, num, guess->owner, true);
	guess->other_bits = allow(told, num, guess->owner, false);
	for (i = 0; i < num; i++) {
		bool owns = told[i].user == guess->owner;
		unsigned int bits = owns ? guess->owner_bits : guess->other_bits;
		bool denied = (told[i].wants & ~bits) != 0;

		guess->wrong += denied != told[i].denied ? 1 : 0;
		guess->granted += owns && !told[i].denied ? 1 : 0;
	}
}

static bool is_better(const struct guess *guess, const struct guess *best)
{
	if (guess->wrong != best->wrong) {
		return guess->wrong < best->wrong;
	}
	return guess->granted > best->granted;
}

/* One who made it in the trace owns it, whoever that is. */
static void choose(const struct replay_plan *plan,
		   struct replay_path *path,
		   const struct told *told,
		   size_t num)
{
	struct guess best = { .owner = REPLAY_NONE };
	uint32_t tried[MAX_CANDIDATES];
	size_t num_tried = 0;
	unsigned int mode = 0;
	size_t i = 0;
	size_t j = 0;

	judge(told, num, &best);
	for (i = 0; i < num && num_tried < MAX_CANDIDATES; i++) {
		struct guess guess = { .owner = told[i].user };

		for (j = 0; j < num_tried && tried[j] != guess.owner; j++) {
		}
		if (told[i].denied || j < num_tried) {
			continue;
		}
		tried[num_tried++] = guess.owner;
		judge(told, num, &guess);
		if (path->initial == REPLAY_ABSENT || is_better(&guess, &best)) {
			best = guess;
		}
		if (path->initial == REPLAY_ABSENT) {
			break;
		}
	}

	mode = best.owner_bits << 6 | best.other_bits << 3 | best.other_bits;
	if (path->kind == REPLAY_KIND_DIRECTORY) {
		/* Who may read a directory may also pass it. */
		mode |= (mode & 0444) >> 2;
	}
	path->owner = best.owner;
	path->mode = (uint16_t)mode;
	for (i = 0; i < num; i++) {
		bool owns = told[i].user == best.owner;
		unsigned int bits = owns ? best.owner_bits : best.other_bits;

		if (((told[i].wants & ~bits) != 0) != told[i].denied) {
			plan->items[told[i].item].flags |= REPLAY_BEYOND_MODES;
		}
	}
}

/* Of all others the first who had it owns it, so that he may set its times and mode. */
static void give_to_first(struct replay_plan *plan)
{
	size_t i = 0;

	for (i = 0; i < plan->num_items; i++) {
		const struct replay_item *item = &plan->items[i];

		if (item->path != REPLAY_NONE && item->skip == NULL && replay_item_is_ok(item) &&
		    plan->paths[item->path]->owner == REPLAY_NONE) {
			plan->paths[item->path]->owner = item->user;
		}
	}
	for (i = 0; i < plan->num_paths; i++) {
		struct replay_path *path = plan->paths[i];

		path->mode = path->kind == REPLAY_KIND_DIRECTORY ? MODE_DIRECTORY : MODE_FILE;
	}
}

static bool
add_told(struct replay_plan *plan, struct told **told, size_t *num, const struct told *one)
{
	if (!plan->paths[one->path]->denied) {
		return true;
	}
	if (*num == talloc_array_length(*told)) {
		struct told *more = talloc_realloc(plan, *told, struct told, *num * 2 + 64);

		if (more == NULL) {
			return false;
		}
		*told = more;
	}
	(*told)[(*num)++] = *one;
	return true;
}

/* A rename wants to write to the directory that it goes to. */
static bool collect_rename(struct replay_plan *plan, size_t number, struct told **told, size_t *num)
{
	const struct replay_item *item = &plan->items[number];
	const struct replay_path *parent = plan->paths[item->target]->parent;
	struct told one = {
		.user = item->user,
		.item = (uint32_t)number,
		.wants = REPLAY_WANTS_WRITE,
		.denied = !replay_item_is_ok(item),
	};

	if (parent == NULL || (one.denied && (item->flags & REPLAY_NOT_THERE) == 0)) {
		return true;
	}
	one.path = parent->number;
	return add_told(plan, told, num, &one);
}

static bool is_rename(const struct replay_item *item)
{
	if (item->target == REPLAY_NONE || item->path == REPLAY_NONE) {
		return false;
	}
	return item->command == REPLAY_RENAME ||
	       (item->command == REPLAY_SET_INFO &&
		(item->level == REPLAY_LEVEL_RENAME || item->level == REPLAY_LEVEL_RENAME_EX));
}

/* Of what an open wants of a path, and what it wants of the directory if it makes one. */
static bool collect(struct replay_plan *plan, size_t number, struct told **told, size_t *num)
{
	const struct replay_item *item = &plan->items[number];
	struct told one = {
		.path = item->path,
		.user = item->user,
		.item = (uint32_t)number,
		.wants = (uint8_t)replay_access_wants(item->access),
		.denied = !replay_item_is_ok(item),
	};
	const struct replay_path *parent = NULL;
	bool makes = (item->flags & REPLAY_CHANGES_NAME) != 0 ||
		     (one.denied && item->disposition == REPLAY_CREATE_NEW);

	if (item->skip != NULL || (item->present & REPLAY_HAS_STATUS) == 0) {
		return true;
	}
	if (is_rename(item)) {
		return collect_rename(plan, number, told, num);
	}
	if (item->path == REPLAY_NONE || item->command != REPLAY_CREATE) {
		return true;
	}
	if (one.denied && item->status != REPLAY_STATUS_ACCESS_DENIED) {
		return true;
	}
	parent = plan->paths[item->path]->parent;
	if (makes && parent != NULL) {
		struct told above = one;

		above.path = parent->number;
		above.wants = REPLAY_WANTS_WRITE;
		if (!add_told(plan, told, num, &above)) {
			return false;
		}
	}
	/* Whoever makes a file gets the handle that he asks for, whatever its mode. */
	return makes || add_told(plan, told, num, &one);
}

bool replay_model_rights(struct replay_plan *plan)
{
	struct told *told = NULL;
	size_t num = 0;
	size_t first = 0;
	size_t i = 0;

	give_to_first(plan);
	for (i = 0; i < plan->num_items; i++) {
		if (!collect(plan, i, &told, &num)) {
			talloc_free(told);
			return false;
		}
	}
	if (num > 0) {
		qsort(told, num, sizeof(*told), compare_told);
	}
	for (i = 1; i <= num; i++) {
		if (i == num || told[i].path != told[first].path) {
			choose(plan, plan->paths[told[first].path], &told[first], i - first);
			first = i;
		}
	}
	talloc_free(told);
	return true;
}
