/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compares outcomes and trees, says what differs, and counts.
 */
#ifndef ORACLE_VERDICT_H
#define ORACLE_VERDICT_H

#include <stdio.h>

#include "oracle.h"

/* The outcomes of this round, and all of each cell whose time has come: the number of differences.
 */
size_t verdict_round(const struct oracle *oracle);
/* All of every cell. */
size_t verdict_trees(const struct oracle *oracle);

/* How many calls of each operation succeeded, were denied, or failed otherwise. */
void verdict_print_table(FILE *file);

#endif /* ORACLE_VERDICT_H */
