/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draws what calls are about: handles, paths, names, modes and ids. Mostly what makes sense, so
 * that calls come as far as the permission checks, and now and then what does not.
 *
 * Paths never leave their cell by chance: where symbolic links are followed it is under
 * RESOLVE_BENEATH or RESOLVE_IN_ROOT, and ".." leads up first only under these.
 */
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>

#include "operations.h"

#define MAX_CHOICES 12

struct choices {
	size_t count;
	const char *names[MAX_CHOICES];
};

/* By enum place: the names below. */
static const struct choices names_below[] = {
	[PLACE_CELL] = { 12,
			 { "f0",
			   "f1",
			   "d0",
			   "d2",
			   "s0",
			   "s2",
			   "s3",
			   "h0",
			   "n0",
			   "n1",
			   "n2",
			   "s4" } },
	[PLACE_D0] = { 5, { "f2", "d1", "s1", "n0", "n1" } },
	[PLACE_D1] = { 3, { "f3", "n0", "n1" } },
	[PLACE_D2] = { 4, { "f4", "n0", "n1", "n2" } },
	[PLACE_NEW] = { 5, { "n0", "n1", "f0", "d0", "f2" } },
	[PLACE_FILE] = { 2, { "f0", "n0" } },
	[PLACE_LINK] = { 2, { "f0", "n0" } },
};

/* Longer paths below the cell itself. */
static const char *const long_paths[] = {
	"d0/f2", "d0/d1", "d0/d1/f3", "d2/f4", "s2/f2",	   "d0/s1",    "d2/n0",
	"d0/n0", "d2/n1", "n0/n0",    "s2/d1", "s2/d1/f3", "d0/d1/n0", "s5",
};

/* By the last component: what is likely there. */
static enum place place_of(const char *path)
{
	const char *last = strrchr(path, '/');

	last = last != NULL && last[1] != '\0' ? last + 1 : path;
	switch (last[0]) {
	case 'f':
	case 'h':
		return PLACE_FILE;
	case 'd':
		return last[1] == '0' ? PLACE_D0 : last[1] == '1' ? PLACE_D1 : PLACE_D2;
	case 's':
		return last[1] == '2' ? PLACE_D0 : PLACE_LINK;
	case '.':
		return PLACE_CELL;
	default:
		return PLACE_NEW;
	}
}

static bool is_directory(enum place place)
{
	return place < PLACE_NEW;
}

static bool matches(const struct slot *slot, enum want want)
{
	switch (want) {
	case WANT_READ:
		return !is_directory(slot->place) && (slot->flags & (O_PATH | O_WRONLY)) == 0;
	case WANT_WRITE:
		return (slot->flags & O_PATH) == 0 && (slot->flags & O_ACCMODE) != O_RDONLY;
	case WANT_DIRECTORY:
		return is_directory(slot->place);
	case WANT_LIST:
		return is_directory(slot->place) && (slot->flags & O_PATH) == 0;
	case WANT_LINK:
		return slot->place == PLACE_LINK;
	case WANT_ANY:
		break;
	}
	return true;
}

int8_t draw_slot(struct draw *draw, enum want want)
{
	int8_t fitting[CELL_SLOTS];
	size_t count = 0;
	int8_t i;

	if (dice_percent(draw->dice, 6)) {
		want = WANT_ANY;
	}
	for (i = 0; i < CELL_SLOTS; i++) {
		const struct slot *slot = &draw->cell->slots[i];

		if (slot->handle != NULL && matches(slot, want)) {
			fitting[count++] = i;
		}
	}
	if (count > 0) {
		return fitting[dice_below(draw->dice, count)];
	}
	draw->poor = true;
	return want == WANT_ANY || want == WANT_DIRECTORY ? 0 : draw_slot(draw, WANT_ANY);
}

static void set_name(char name[NAME_SPACE], const char *text)
{
	snprintf(name, NAME_SPACE, "%s", text);
}

static const char *name_below(struct draw *draw, enum place place)
{
	const struct choices *choices = &names_below[place];

	return choices->names[dice_below(draw->dice, choices->count)];
}

/* What a path may be dressed up as; some forms are refused. */
static void disguise_path(struct draw *draw, char name[NAME_SPACE], const char *path)
{
	static const char *const forms[] = {
		"./%s", "d0/../%s", "%s/", "%s/.", "../%s", "/%s", "%s//", "../../%s",
	};
	const char *form = DICE_PICK(draw->dice, forms);
	const char *at = strstr(form, "%s");

	snprintf(name, NAME_SPACE, "%.*s%s%s", (int)(at - form), form, path, at + 2);
}

uint64_t draw_resolve(struct draw *draw)
{
	const struct call *call = draw->call;
	unsigned int roll = dice_below(draw->dice, 100);

	if (call->slot < 0) {
		return RESOLVE_NO_SYMLINKS | (roll < 20 ? RESOLVE_NO_XDEV : 0);
	}
	if (roll < 50) {
		return 0;
	}
	if (roll < 65) {
		return RESOLVE_BENEATH;
	}
	if (roll < 75) {
		return RESOLVE_IN_ROOT;
	}
	if (roll < 85) {
		return RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	}
	if (roll < 95) {
		return strncmp(call->name, "..", 2) == 0 ? RESOLVE_BENEATH : RESOLVE_NO_SYMLINKS;
	}
	if (roll < 97) {
		return RESOLVE_IN_ROOT | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
	}
	return roll == 97   ? RESOLVE_BENEATH | RESOLVE_IN_ROOT
	       : roll == 98 ? RESOLVE_BENEATH | RESOLVE_CACHED
			    : RESOLVE_BENEATH | 1ULL << 40;
}

void draw_path(struct draw *draw)
{
	struct call *call = draw->call;
	enum place place = PLACE_CELL;
	const char *path = NULL;

	call->slot = dice_percent(draw->dice, 50) ? 0 : draw_slot(draw, WANT_DIRECTORY);
	if (dice_percent(draw->dice, 5)) {
		call->slot = -1;
	}
	if (call->slot > 0) {
		place = draw->cell->slots[call->slot].place;
	}
	path = name_below(draw, place);
	if (place == PLACE_CELL && dice_percent(draw->dice, 45)) {
		path = DICE_PICK(draw->dice, long_paths);
	}
	set_name(call->name, path);
	if (dice_percent(draw->dice, 4)) {
		set_name(call->name, dice_percent(draw->dice, 60) ? "." : "..");
	} else if (dice_percent(draw->dice, 8) && call->slot >= 0) {
		disguise_path(draw, call->name, path);
	} else if (dice_percent(draw->dice, 1)) {
		set_name(call->name, dice_percent(draw->dice, 50) ? LONG_NAME : "");
	}
	if (call->slot < 0 && strncmp(call->name, "..", 2) == 0) {
		set_name(call->name, "d0");
	}
	call->hint_place = (uint8_t)place_of(call->name);
	call->resolve = draw_resolve(draw);
}

void draw_name(struct draw *draw, int8_t slot, bool new, char name[NAME_SPACE])
{
	static const char *const new_names[] = { "n0", "n1", "n2", "n3", "n4", "n5" };

	static const char *const odd[] = { "", ".", "..", "d0/f2", "/", "f0/", LONG_NAME };

	if (dice_percent(draw->dice, 2)) {
		set_name(name, DICE_PICK(draw->dice, odd));
		return;
	}
	if (new &&dice_percent(draw->dice, 80)) {
		set_name(name, DICE_PICK(draw->dice, new_names));
		return;
	}
	set_name(name, name_below(draw, draw->cell->slots[slot].place));
}

void draw_into(struct draw *draw)
{
	int8_t i;

	draw->call->into = -1;
	for (i = 1; i < CELL_SLOTS; i++) {
		const struct slot *slot = &draw->cell->slots[i];

		if (slot->handle == NULL && !slot->reserved) {
			draw->call->into = i;
			return;
		}
	}
}

mode_t draw_mode(struct draw *draw)
{
	static const mode_t modes[] = { 0644, 0600, 0666,  0755,  0777,	 0700,	0640,  0660,
					0,    0444, 02755, 04755, 02775, 01777, 07777, 06711 };

	return DICE_PICK(draw->dice, modes);
}

uid_t draw_uid(struct draw *draw)
{
	return draw->whos[draw->cell->cast[dice_below(draw->dice, CELL_CAST)]].uid;
}

gid_t draw_gid(struct draw *draw)
{
	const struct who *who = NULL;

	/* One's own groups are what chown takes. */
	who = &draw->whos[dice_percent(draw->dice, 60)
				  ? draw->call->who
				  : draw->cell->cast[dice_below(draw->dice, CELL_CAST)]];
	if (who->num_groups > 0 && dice_percent(draw->dice, 70)) {
		return who->groups[dice_below(draw->dice, who->num_groups)];
	}
	return who->gid;
}
