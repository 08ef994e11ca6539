/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the bytes that are written.
 */
#include "content.h"

uint8_t *replay_content_make(TALLOC_CTX *mem_ctx, size_t max_length)
{
	size_t size = max_length + REPLAY_CONTENT_PERIOD;
	uint8_t *content = talloc_array(mem_ctx, uint8_t, size);
	uint64_t state = 1;
	size_t i = 0;

	if (content == NULL) {
		return NULL;
	}
	for (i = 0; i < size; i++) {
		if (i >= REPLAY_CONTENT_PERIOD) {
			content[i] = content[i - REPLAY_CONTENT_PERIOD];
			continue;
		}
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		content[i] = (uint8_t)(state >> 56);
	}
	return content;
}
