/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and passwords, from files: on a command line everybody can read them.
 */
#ifndef REPLAY_SECRET_H
#define REPLAY_SECRET_H

#include <stddef.h>
#include <talloc.h>

/*
 * All of a small file, followed by a NUL; overwritten when it is freed. NULL after a message on
 * stderr that names the option.
 */
char *replay_secret_read(TALLOC_CTX *mem_ctx, const char *option, const char *name, size_t *length);

#endif /* REPLAY_SECRET_H */
