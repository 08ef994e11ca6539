/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is written: a function of the file's name and of the place in it, so that the same trace
 * always leaves the same bytes.
 */
#ifndef REPLAY_CONTENT_H
#define REPLAY_CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

/* A prime, so that no block of a file is like its neighbour. */
#define REPLAY_CONTENT_PERIOD 65521

/* For writes of so many bytes. NULL without memory. */
uint8_t *replay_content_make(TALLOC_CTX *mem_ctx, size_t max_length);

static inline const uint8_t *
replay_content_at(const uint8_t *content, uint32_t name, uint64_t offset)
{
	return content + (name % REPLAY_CONTENT_PERIOD + offset) % REPLAY_CONTENT_PERIOD;
}

#endif /* REPLAY_CONTENT_H */
