/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of a trace, for those who read and write one.
 */
#ifndef REPLAY_NAMES_H
#define REPLAY_NAMES_H

#include "trace.h"

/* By their number in [MS-SMB2] 2.2.13, enum replay_info, enum replay_kind; ended by NULL. */
extern const char *const replay_disposition_names[];
#define REPLAY_NUM_DISPOSITIONS 6
extern const char *const replay_info_names[];
extern const char *const replay_kind_names[];

bool replay_command_parse(const char *name, enum replay_command *command);

#endif /* REPLAY_NAMES_H */
