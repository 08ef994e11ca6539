/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrays that grow.
 */
#include "array.h"

#define FIRST_SIZE 8

void *replay_array_room(TALLOC_CTX *mem_ctx, void *array, size_t num, size_t item_size)
{
	size_t size = array != NULL ? talloc_get_size(array) / item_size : 0;

	if (num < size) {
		return array;
	}
	return talloc_realloc_size(mem_ctx, array, (size > 0 ? size * 2 : FIRST_SIZE) * item_size);
}
