/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random POSIX ACLs. Written as the kernel wants them (linux/posix_acl_xattr.h): entries sorted by
 * tag and then by id, no id twice, a mask when an id is named.
 */
#include "acl.h"

#include <endian.h>
#include <string.h>

#define ACL_VERSION 2
#define TAG_OWNER 0x01
#define TAG_USER 0x02
#define TAG_OWNING_GROUP 0x04
#define TAG_GROUP 0x08
#define TAG_MASK 0x10
#define TAG_OTHER 0x20
#define NO_ID 0xffffffffU
#define MAX_NAMED 2

static size_t put(uint8_t *value, size_t at, uint16_t tag, uint16_t rights, uint32_t id)
{
	tag = htole16(tag);
	rights = htole16(rights);
	id = htole32(id);
	memcpy(value + at, &tag, sizeof(tag));
	memcpy(value + at + 2, &rights, sizeof(rights));
	memcpy(value + at + 4, &id, sizeof(id));
	return at + 8;
}

/* Up to MAX_NAMED different ids, in order. */
static size_t draw_ids(struct dice *dice,
		       const struct who *whos,
		       const uint16_t cast[CELL_CAST],
		       bool groups,
		       uint32_t ids[MAX_NAMED])
{
	size_t wanted = dice_below(dice, MAX_NAMED + 1);
	size_t count = 0;
	size_t i;

	for (i = 0; i < wanted; i++) {
		const struct who *who = &whos[cast[dice_below(dice, CELL_CAST)]];
		uint32_t id = groups ? who->gid : who->uid;

		if (groups && who->num_groups > 0 && dice_percent(dice, 60)) {
			id = who->groups[dice_below(dice, who->num_groups)];
		}
		if (count == 0) {
			ids[count++] = id;
		} else if (id > ids[0]) {
			ids[count++] = id;
		} else if (id < ids[0]) {
			ids[1] = ids[0];
			ids[0] = id;
			count++;
		}
	}
	return count;
}

size_t acl_draw(struct dice *dice,
		const struct who *whos,
		const uint16_t cast[CELL_CAST],
		uint8_t value[ACL_SPACE])
{
	uint32_t version = htole32(ACL_VERSION);
	uint32_t ids[MAX_NAMED];
	size_t named = 0;
	size_t count;
	size_t at = sizeof(version);
	size_t i;

	memcpy(value, &version, sizeof(version));
	at = put(value, at, TAG_OWNER, (uint16_t)dice_below(dice, 8), NO_ID);
	count = draw_ids(dice, whos, cast, false, ids);
	for (i = 0; i < count; i++) {
		at = put(value, at, TAG_USER, (uint16_t)dice_below(dice, 8), ids[i]);
	}
	named += count;
	at = put(value, at, TAG_OWNING_GROUP, (uint16_t)dice_below(dice, 8), NO_ID);
	count = draw_ids(dice, whos, cast, true, ids);
	for (i = 0; i < count; i++) {
		at = put(value, at, TAG_GROUP, (uint16_t)dice_below(dice, 8), ids[i]);
	}
	named += count;
	if (named > 0 || dice_percent(dice, 20)) {
		uint16_t mask = dice_percent(dice, 60) ? 7 : (uint16_t)dice_below(dice, 8);

		at = put(value, at, TAG_MASK, mask, NO_ID);
	}
	return put(value, at, TAG_OTHER, (uint16_t)dice_below(dice, 8), NO_ID);
}
