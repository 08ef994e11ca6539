/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrays that grow.
 */
#ifndef REPLAY_ARRAY_H
#define REPLAY_ARRAY_H

#include <stddef.h>
#include <talloc.h>

/*
 * The array, with room for at least one more than the `num` in it: NULL is an empty one. It grows
 * by doubling; one by one would be quadratic. NULL without memory; the old one is still there then.
 */
void *replay_array_room(TALLOC_CTX *mem_ctx, void *array, size_t num, size_t item_size);

#endif /* REPLAY_ARRAY_H */
