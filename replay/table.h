/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table from numbers to numbers: handles, and paths by their hash.
 */
#ifndef REPLAY_TABLE_H
#define REPLAY_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

struct replay_table;

struct replay_table *replay_table_create(TALLOC_CTX *mem_ctx);

/* NULL: no such key. Valid until the next change of the table. */
uint64_t *replay_table_find(const struct replay_table *table, uint64_t key);
/* The same; a new one has the value 0. NULL: no memory. */
uint64_t *replay_table_add(struct replay_table *table, uint64_t key);
void replay_table_remove(struct replay_table *table, uint64_t key);
size_t replay_table_count(const struct replay_table *table);

/*
 * A key for a text, or for several one after the other: with the key of those before, 0 for the
 * first. Two texts have the same only by a chance of 2^-64, which nobody can help: it is another
 * one in each table.
 */
uint64_t replay_table_key(const struct replay_table *table, uint64_t before, const char *text);

#endif /* REPLAY_TABLE_H */
