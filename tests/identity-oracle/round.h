/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draws the calls of a round.
 */
#ifndef ORACLE_ROUND_H
#define ORACLE_ROUND_H

#include "oracle.h"

/*
 * Fill oracle->calls. A cell whose time has come is built anew instead. Returns how many of the
 * calls are operations of pathring's.
 */
size_t round_draw(struct oracle *oracle);

/* Whether this cell will be built in the next round: the time to compare all of it. */
bool round_cell_ends(const struct cell *cell);

#endif /* ORACLE_ROUND_H */
