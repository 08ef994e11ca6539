/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pathring's side: an engine, and the calls of a round as requests that are all in flight at once.
 */
#ifndef ORACLE_SIDE_H
#define ORACLE_SIDE_H

#include <stdio.h>

#include "oracle.h"

/* 0 or a negative errno. -EPERM, -ENOSYS and the like: the backend is refused here. */
int side_start(struct oracle *oracle, const char **reason);
/* Also frees all handles. An error if descriptors were left open. */
int side_stop(struct oracle *oracle, const char **reason);

/* Before a round is drawn: now and then a new engine, with other options. */
int side_prepare(struct oracle *oracle, const char **reason);

/*
 * Make oracle->calls and wait for all of them; the outcomes are in oracle->flights. Also checks
 * that this process is who and where it was.
 */
int side_round(struct oracle *oracle, const char **reason);

/* With which options the engine runs. */
void side_print(FILE *file, const struct oracle *oracle);

#endif /* ORACLE_SIDE_H */
