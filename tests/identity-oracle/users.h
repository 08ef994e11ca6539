/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The users of a run: who they are, and how a process becomes one of them for good.
 */
#ifndef ORACLE_USERS_H
#define ORACLE_USERS_H

#include <stdio.h>

#include "oracle.h"

/* The ids in use; no accounts are needed. */
#define USER_BASE 40000
#define GROUP_BASE 50000
#define NUM_POOL_GROUPS 14

/* The first is the process, some are root with other groups, several share a uid or a gid. */
void users_draw(struct dice *dice, struct who *whos, size_t count);

/* All ids of the calling process, and no capability unless it is root: 0 or a negative errno. */
int users_become(const struct who *who);

void users_print(FILE *file, const struct who *who);

#endif /* ORACLE_USERS_H */
