/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table with chains, whose entries are also in a list by their last use.
 */
#include "capture_cache.h"

#include <string.h>
#include <sys/random.h>

#define FIRST_SIZE 64

struct entry {
	struct entry *next;  /* in the chain */
	struct entry *newer; /* by last use */
	struct entry *older;
	void *value;
	uint64_t hash;
	size_t length;
	unsigned char key[CAPTURE_KEY_SIZE];
};

struct capture_cache {
	struct entry **chains;
	size_t num_chains; /* a power of two */
	size_t count;
	size_t max_entries;
	struct entry *newest;
	struct entry *oldest;
	uint64_t forgotten;
	/* Keys come from captures that anyone may have made. */
	uint64_t secret;
	void (*let_go)(void *value);
};

static int end_cache(struct capture_cache *cache)
{
	struct entry *entry = NULL;

	for (entry = cache->newest; entry != NULL; entry = entry->older) {
		cache->let_go(entry->value);
	}
	return 0;
}

struct capture_cache *
capture_cache_create(TALLOC_CTX *mem_ctx, size_t max_entries, void (*let_go)(void *value))
{
	struct capture_cache *cache = talloc_zero(mem_ctx, struct capture_cache);

	if (cache == NULL) {
		return NULL;
	}
	cache->num_chains = FIRST_SIZE;
	cache->max_entries = max_entries;
	cache->let_go = let_go;
	cache->chains = talloc_zero_array(cache, struct entry *, cache->num_chains);
	if (cache->chains == NULL ||
	    getrandom(&cache->secret, sizeof(cache->secret), 0) != sizeof(cache->secret)) {
		talloc_free(cache);
		return NULL;
	}
	talloc_set_destructor(cache, end_cache);
	return cache;
}

/* Words of the key, each mixed in as the finalizer of MurmurHash3 does. */
static uint64_t hash_of(const struct capture_cache *cache, const void *key, size_t length)
{
	const unsigned char *bytes = key;
	uint64_t hash = cache->secret ^ length;

	while (length > 0) {
		uint64_t word = 0;
		size_t part = length < sizeof(word) ? length : sizeof(word);

		memcpy(&word, bytes, part);
		hash ^= word;
		hash ^= hash >> 33;
		hash *= 0xff51afd7ed558ccdULL;
		hash ^= hash >> 33;
		hash *= 0xc4ceb9fe1a85ec53ULL;
		hash ^= hash >> 33;
		bytes += part;
		length -= part;
	}
	return hash;
}

/* Where the chain points to it, or to NULL at its end. */
static struct entry **
search(struct capture_cache *cache, uint64_t hash, const void *key, size_t length)
{
	struct entry **at = &cache->chains[hash & (cache->num_chains - 1)];

	while (*at != NULL && ((*at)->hash != hash || (*at)->length != length ||
			       memcmp((*at)->key, key, length) != 0)) {
		at = &(*at)->next;
	}
	return at;
}

static void unlist(struct capture_cache *cache, struct entry *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void list_as_newest(struct capture_cache *cache, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

static void drop(struct capture_cache *cache, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	unlist(cache, entry);
	cache->count--;
	cache->let_go(entry->value);
	talloc_free(entry);
}

/* With fewer chains it still works. */
static void grow(struct capture_cache *cache)
{
	size_t num_chains = cache->num_chains * 2;
	struct entry **chains = talloc_zero_array(cache, struct entry *, num_chains);
	struct entry *entry = NULL;

	if (chains == NULL) {
		return;
	}
	for (entry = cache->newest; entry != NULL; entry = entry->older) {
		struct entry **first = &chains[entry->hash & (num_chains - 1)];

		entry->next = *first;
		*first = entry;
	}
	talloc_free(cache->chains);
	cache->chains = chains;
	cache->num_chains = num_chains;
}

void *capture_cache_find(struct capture_cache *cache, const void *key, size_t length)
{
	struct entry *entry = *search(cache, hash_of(cache, key, length), key, length);

	if (entry == NULL) {
		return NULL;
	}
	unlist(cache, entry);
	list_as_newest(cache, entry);
	return entry->value;
}

bool capture_cache_put(struct capture_cache *cache, const void *key, size_t length, void *value)
{
	uint64_t hash = hash_of(cache, key, length);
	struct entry **at = search(cache, hash, key, length);
	struct entry *entry = NULL;

	if (length > CAPTURE_KEY_SIZE) {
		return false;
	}
	entry = talloc_zero(cache, struct entry);
	if (entry == NULL) {
		return false;
	}
	if (*at != NULL) {
		drop(cache, at);
	} else if (cache->count == cache->max_entries) {
		struct entry *oldest = cache->oldest;

		drop(cache, search(cache, oldest->hash, oldest->key, oldest->length));
		cache->forgotten++;
	}
	if (cache->count >= cache->num_chains) {
		grow(cache);
	}
	entry->value = value;
	entry->hash = hash;
	entry->length = length;
	memcpy(entry->key, key, length);
	entry->next = cache->chains[hash & (cache->num_chains - 1)];
	cache->chains[hash & (cache->num_chains - 1)] = entry;
	list_as_newest(cache, entry);
	cache->count++;
	return true;
}

void capture_cache_remove(struct capture_cache *cache, const void *key, size_t length)
{
	struct entry **at = search(cache, hash_of(cache, key, length), key, length);

	if (*at != NULL) {
		drop(cache, at);
	}
}

uint64_t capture_cache_forgotten(const struct capture_cache *cache)
{
	return cache->forgotten;
}
