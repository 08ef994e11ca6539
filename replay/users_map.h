/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_USERS_MAP_H
#define REPLAY_USERS_MAP_H

#include "plan.h"

/* Who the users of a trace are here. */
struct replay_users_options {
	const char *file; /* or NULL */
	uid_t first;	  /* for those who are not in it */
	uid_t last;
};

/* False after a message on stderr. */
bool replay_users_map(struct replay_plan *plan, const struct replay_users_options *options);

#endif /* REPLAY_USERS_MAP_H */
