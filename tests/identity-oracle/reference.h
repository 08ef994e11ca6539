/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain side: one process for each user, which really is that user and makes plain system
 * calls.
 */
#ifndef ORACLE_REFERENCE_H
#define ORACLE_REFERENCE_H

#include "oracle.h"

/*
 * Start the processes, and give oracle its cells, calls and expected outcomes in memory that they
 * see too. 0 or a negative errno, with a reason for people.
 */
int reference_start(struct oracle *oracle, const char **reason);

/* Have them make oracle->calls, and wait until they have. */
void reference_begin_round(struct oracle *oracle);
int reference_end_round(struct oracle *oracle, const char **reason);

/* End them all and forget the memory. */
void reference_stop(struct oracle *oracle);

#endif /* ORACLE_REFERENCE_H */
