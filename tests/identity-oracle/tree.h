/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is in the trees: building a cell, removing it, and telling all of it.
 */
#ifndef ORACLE_TREE_H
#define ORACLE_TREE_H

#include "oracle.h"

#define TEXT_SPACE 32768

/* Of a cell, below its tree. */
void tree_cell_name(uint32_t cell, char name[16]);

/*
 * Remove what there is of a cell and build it from its seed: the same in whichever tree. As root.
 * Returns an O_PATH descriptor of its directory, or a negative errno.
 */
int tree_build_cell(const char *tree,
		    uint32_t cell,
		    uint64_t seed,
		    const struct who *whos,
		    const uint16_t cast[CELL_CAST]);

/* All that is in a cell, a line an object, sorted: 0 or a negative errno. As root. */
int tree_tell_cell(const char *tree, uint32_t cell, char text[TEXT_SPACE]);

/* Remove a directory and all below it: 0 or a negative errno. */
int tree_remove(int dirfd, const char *name);

#endif /* ORACLE_TREE_H */
