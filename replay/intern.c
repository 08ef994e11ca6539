/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table that only grows, of numbers or of texts.
 */
#include "intern.h"

#include <string.h>

#define FIRST_SLOTS 1024

struct entry {
	uint64_t key; /* of a text, its hash */
	char *text;   /* NULL: a number */
};

struct replay_intern {
	struct entry *entries;
	uint32_t num_entries;
	uint32_t *slots; /* number + 1, 0 for an empty one */
	size_t num_slots;
};

struct replay_intern *replay_intern_create(TALLOC_CTX *mem_ctx)
{
	struct replay_intern *intern = talloc_zero(mem_ctx, struct replay_intern);

	if (intern == NULL) {
		return NULL;
	}
	intern->num_slots = FIRST_SLOTS;
	intern->slots = talloc_zero_array(intern, uint32_t, FIRST_SLOTS);
	intern->entries = talloc_array(intern, struct entry, FIRST_SLOTS / 2);
	if (intern->slots == NULL || intern->entries == NULL) {
		TALLOC_FREE(intern);
	}
	return intern;
}

static size_t slot_of(uint64_t key, size_t num_slots)
{
	return (size_t)(key * 0x9e3779b97f4a7c15ULL >> 32) & (num_slots - 1);
}

static bool grow(struct replay_intern *intern)
{
	size_t num_slots = intern->num_slots * 2;
	uint32_t *slots = talloc_zero_array(intern, uint32_t, num_slots);
	uint32_t i = 0;

	if (slots == NULL) {
		return false;
	}
	for (i = 0; i < intern->num_entries; i++) {
		size_t slot = slot_of(intern->entries[i].key, num_slots);

		while (slots[slot] != 0) {
			slot = (slot + 1) & (num_slots - 1);
		}
		slots[slot] = i + 1;
	}
	talloc_free(intern->slots);
	intern->slots = slots;
	intern->num_slots = num_slots;
	intern->entries = talloc_realloc(intern, intern->entries, struct entry, num_slots / 2);
	return intern->entries != NULL;
}

static uint32_t find(struct replay_intern *intern, uint64_t key, const char *text)
{
	size_t slot = slot_of(key, intern->num_slots);
	struct entry *entry = NULL;

	for (; intern->slots[slot] != 0; slot = (slot + 1) & (intern->num_slots - 1)) {
		entry = &intern->entries[intern->slots[slot] - 1];
		if (entry->key == key && (text == NULL || strcmp(entry->text, text) == 0)) {
			return intern->slots[slot] - 1;
		}
	}
	if (intern->entries == NULL || intern->num_entries == REPLAY_INTERN_FULL - 1) {
		return REPLAY_INTERN_FULL;
	}
	entry = &intern->entries[intern->num_entries];
	*entry = (struct entry) { .key = key };
	if (text != NULL) {
		entry->text = talloc_strdup(intern, text);
		if (entry->text == NULL) {
			return REPLAY_INTERN_FULL;
		}
	}
	intern->num_entries++;
	intern->slots[slot] = intern->num_entries;
	if (intern->num_entries == intern->num_slots / 2 && !grow(intern)) {
		return REPLAY_INTERN_FULL;
	}
	return intern->num_entries - 1;
}

uint32_t replay_intern_number(struct replay_intern *intern, uint64_t key)
{
	return find(intern, key, NULL);
}

uint32_t replay_intern_text(struct replay_intern *intern, const char *key)
{
	uint64_t hash = 14695981039346656037ULL;
	const char *at = NULL;

	for (at = key; *at != '\0'; at++) {
		hash = (hash ^ (uint8_t)*at) * 1099511628211ULL;
	}
	return find(intern, hash, key);
}

const char *replay_intern_name(const struct replay_intern *intern, uint32_t number)
{
	return intern->entries[number].text;
}

uint32_t replay_intern_count(const struct replay_intern *intern)
{
	return intern->num_entries;
}
