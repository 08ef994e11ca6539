/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A configuration of tshark's own, in a directory that is removed afterwards. It keeps the user's
 * settings away from what tshark writes, and keys and passwords away from the command line, which
 * everyone on the machine can read.
 */
#ifndef REPLAY_CAPTURE_CONFIG_H
#define REPLAY_CAPTURE_CONFIG_H

#include "import.h"

#include <sys/types.h>

struct capture_config;

/*
 * uid: whom the files belong to, and nobody else can read them; 0: the caller. NULL after a message
 * on stderr. Freeing it removes all of it.
 */
struct capture_config *
capture_config_create(TALLOC_CTX *mem_ctx, const struct replay_import *import, uid_t uid);
const char *capture_config_dir(const struct capture_config *config);

#endif /* REPLAY_CAPTURE_CONFIG_H */
