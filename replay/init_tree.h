/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_INIT_TREE_H
#define REPLAY_INIT_TREE_H

#include "plan.h"

struct replay_init_options {
	bool dos_attributes;
	bool self;     /* nothing is given to others */
	bool existing; /* what is there already stays as it is */
};

/* What the trace tells was there before it, below root. False after a message on stderr. */
bool replay_init_tree(const struct replay_plan *plan,
		      int root,
		      const struct replay_init_options *options);

#endif /* REPLAY_INIT_TREE_H */
