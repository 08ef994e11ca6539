/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end of import.h: for the command that runs an importer.
 */
#ifndef REPLAY_SINK_H
#define REPLAY_SINK_H

#include "import.h"

#include <talloc.h>

struct replay_anonymiser;

/*
 * NULL after a message on stderr. output: where the trace will be, or "-" for standard output.
 * anonymiser: NULL, or what changes names; not owned.
 */
struct replay_sink *
replay_sink_create(TALLOC_CTX *mem_ctx, const char *output, struct replay_anonymiser *anonymiser);

/*
 * After an importer that succeeded, or that was interrupted: then the trace is cut short. -1 after
 * a message on stderr. A sink that is freed without this leaves no file behind.
 */
int replay_sink_finish(struct replay_sink *sink);

#endif /* REPLAY_SINK_H */
