/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open addressing with linear probing. Where a key goes depends on a number drawn for each table:
 * keys come from files that anyone may have made, and must not be able to meet in one place.
 */
#include "table.h"

#include <nettle/sha2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_SIZE 64

struct slot {
	uint64_t key;
	uint64_t value;
	bool used;
};

struct replay_table {
	struct slot *slots;
	size_t size; /* a power of two */
	size_t count;
	uint64_t secret[2];
};

struct replay_table *replay_table_create(TALLOC_CTX *mem_ctx)
{
	struct replay_table *table = talloc_zero(mem_ctx, struct replay_table);

	if (table == NULL) {
		return NULL;
	}
	table->size = FIRST_SIZE;
	table->slots = talloc_zero_array(table, struct slot, table->size);
	if (table->slots == NULL ||
	    getrandom(table->secret, sizeof(table->secret), 0) != sizeof(table->secret)) {
		talloc_free(table);
		return NULL;
	}
	return table;
}

/* The finalizer of MurmurHash3, over a secret. */
static size_t place(const struct replay_table *table, uint64_t key)
{
	key ^= table->secret[0];
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdULL;
	key ^= table->secret[1];
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ULL;
	key ^= key >> 33;
	return (size_t)key & (table->size - 1);
}

/* Where it is, or the free slot where it would be: there always is one. */
static size_t search(const struct replay_table *table, uint64_t key)
{
	size_t at = place(table, key);

	while (table->slots[at].used && table->slots[at].key != key) {
		at = (at + 1) & (table->size - 1);
	}
	return at;
}

uint64_t *replay_table_find(const struct replay_table *table, uint64_t key)
{
	struct slot *slot = &table->slots[search(table, key)];

	return slot->used ? &slot->value : NULL;
}

static bool grow(struct replay_table *table)
{
	struct slot *old = table->slots;
	size_t old_size = table->size;
	size_t i = 0;

	table->slots = talloc_zero_array(table, struct slot, old_size * 2);
	if (table->slots == NULL) {
		table->slots = old;
		return false;
	}
	table->size = old_size * 2;
	for (i = 0; i < old_size; i++) {
		if (old[i].used) {
			table->slots[search(table, old[i].key)] = old[i];
		}
	}
	talloc_free(old);
	return true;
}

uint64_t *replay_table_add(struct replay_table *table, uint64_t key)
{
	struct slot *slot = NULL;

	/* At most two of three are used, or searches become long. */
	if (table->count >= table->size / 3 * 2 && !grow(table)) {
		return NULL;
	}
	slot = &table->slots[search(table, key)];
	if (!slot->used) {
		*slot = (struct slot) { .key = key, .used = true };
		table->count++;
	}
	return &slot->value;
}

void replay_table_remove(struct replay_table *table, uint64_t key)
{
	size_t mask = table->size - 1;
	size_t hole = search(table, key);
	size_t at = hole;

	if (!table->slots[hole].used) {
		return;
	}
	table->count--;
	table->slots[hole].used = false;
	/* What stands behind moves up where the hole would otherwise hide it from a search. */
	for (at = (hole + 1) & mask; table->slots[at].used; at = (at + 1) & mask) {
		size_t home = place(table, table->slots[at].key);

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			table->slots[hole] = table->slots[at];
			table->slots[at].used = false;
			hole = at;
		}
	}
}

size_t replay_table_count(const struct replay_table *table)
{
	return table->count;
}

uint64_t replay_table_key(const struct replay_table *table, uint64_t before, const char *text)
{
	struct sha256_ctx context;
	uint64_t key = 0;

	sha256_init(&context);
	sha256_update(&context, sizeof(table->secret), (const uint8_t *)table->secret);
	sha256_update(&context, sizeof(before), (const uint8_t *)&before);
	sha256_update(&context, strlen(text), (const uint8_t *)text);
	sha256_digest(&context, sizeof(key), (uint8_t *)&key);
	return key;
}
