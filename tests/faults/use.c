/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handles and files for attempts.
 */
#include "use.h"

bool one_in(unsigned int count)
{
	return random_below(&life.random, count) == 0;
}

static void use(struct attempt *attempt, const struct open_handle *open)
{
	attempt->owner = open->owner;
	attempt->node = open->node;
	attempt->io = open->io;
	attempt->inode = open->inode;
	attempt->uid = open->uid;
}

struct open_handle *use_any(struct attempt *attempt)
{
	struct open_handle *open = handles_any(&life.random);

	if (open != NULL) {
		use(attempt, open);
	}
	return open;
}

struct open_handle *use_node(struct attempt *attempt, enum node node)
{
	struct open_handle *open = handles_of(node, &life.random);

	if (open != NULL) {
		use(attempt, open);
	}
	return open;
}

struct open_handle *use_attributes(struct attempt *attempt)
{
	struct open_handle *open = use_node(attempt, NODE_ATTRIBUTES);

	if (open == NULL || open->attributes->busy || !open->attributes->known) {
		return NULL;
	}
	attempt->attributes = open->attributes;
	attempt->attributes->busy = true;
	return open;
}

bool is_allowed(const struct attempt *attempt)
{
	return world_allows(attempt->user, attempt->owner);
}

bool is_owner(const struct attempt *attempt)
{
	return attempt->user == 0 || attempt->user == attempt->owner;
}

void check_attributes(const struct attempt *attempt)
{
	if (attempt->attributes != NULL) {
		world_check_attributes(attempt->owner, attempt->attributes);
	}
}
