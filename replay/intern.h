/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small numbers, from 0, for what a trace names by long ones or by words.
 */
#ifndef REPLAY_INTERN_H
#define REPLAY_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

struct replay_intern;

struct replay_intern *replay_intern_create(TALLOC_CTX *mem_ctx);

/* REPLAY_INTERN_FULL without memory. */
#define REPLAY_INTERN_FULL UINT32_MAX
uint32_t replay_intern_number(struct replay_intern *intern, uint64_t key);
uint32_t replay_intern_text(struct replay_intern *intern, const char *key);

/* Of a text; lives as long as the table. */
const char *replay_intern_name(const struct replay_intern *intern, uint32_t number);
uint32_t replay_intern_count(const struct replay_intern *intern);

#endif /* REPLAY_INTERN_H */
