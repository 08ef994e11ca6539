/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an importer remembers, by a key of some bytes: no more than so many, the one that was used
 * least recently goes first. A capture that opens files for days and never closes one takes no more
 * memory than that.
 */
#ifndef REPLAY_CAPTURE_CACHE_H
#define REPLAY_CAPTURE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

/* Longer keys are no keys. */
#define CAPTURE_KEY_SIZE 48

struct capture_cache;

/* let_go is called for each value that is removed, replaced, or has to make room. */
struct capture_cache *
capture_cache_create(TALLOC_CTX *mem_ctx, size_t max_entries, void (*let_go)(void *value));

/* NULL: there is none. */
void *capture_cache_find(struct capture_cache *cache, const void *key, size_t length);

/* In the place of what has this key. False: no memory, and nothing has changed. */
bool capture_cache_put(struct capture_cache *cache, const void *key, size_t length, void *value);

void capture_cache_remove(struct capture_cache *cache, const void *key, size_t length);

/* How many had to make room. */
uint64_t capture_cache_forgotten(const struct capture_cache *cache);

#endif /* REPLAY_CAPTURE_CACHE_H */
