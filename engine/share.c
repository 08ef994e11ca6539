/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * How much of the workers each file system's requests may occupy, and which of those that wait
 * comes next. Who the workers are is the callers' matter.
 */
#include "share.h"

#include <stddef.h>
#include <stdlib.h>

static void share_start(struct share *share, struct share_group *group, uint64_t mount_id)
{
	*share = (struct share) {
		.group = group,
		.mount_id = mount_id,
		.limited = true,
	};
	TAILQ_INIT(&share->waiting);
}

void share_init(struct share_group *group, unsigned int workers)
{
	size_t i;

	*group = (struct share_group) { .workers = workers };
	TAILQ_INIT(&group->waiting);
	for (i = 0; i < SHARE_BUCKETS; i++) {
		LIST_INIT(&group->buckets[i]);
	}
	share_start(&group->free, group, 0);
	group->free.limited = false;
	share_start(&group->unknown, group, 0);
}

void share_set_workers(struct share_group *group, unsigned int workers)
{
	group->workers = workers;
}

static struct share *find_share(struct share_group *group, uint64_t mount_id)
{
	struct share_bucket *bucket = &group->buckets[mount_id % SHARE_BUCKETS];
	struct share *share = NULL;

	LIST_FOREACH(share, bucket, bucket_link) {
		if (share->mount_id == mount_id) {
			return share;
		}
	}
	/* Not talloc's: the last ticket may leave in a helper thread. */
	share = malloc(sizeof(*share));
	if (share == NULL) {
		return &group->unknown;
	}
	share_start(share, group, mount_id);
	LIST_INSERT_HEAD(bucket, share, bucket_link);
	return share;
}

void share_join(struct share_group *group,
		struct share_ticket *ticket,
		uint64_t mount_id,
		bool limited,
		unsigned int weight)
{
	struct share *share = &group->free;

	if (limited) {
		share = mount_id != 0 ? find_share(group, mount_id) : &group->unknown;
	}
	share->tickets++;
	*ticket = (struct share_ticket) {
		.share = share,
		.weight = weight,
	};
}

static bool admits(const struct share *share, unsigned int weight)
{
	const struct share_group *group = share->group;
	unsigned int others = group->used - share->used;
	unsigned int left = group->workers > others ? group->workers - others : 0;

	if (!share->limited || share->used + weight <= left / 2) {
		return true;
	}
	/* Something of each, also where a single request weighs more than that. */
	return share->used == 0 && (others == 0 || left >= 2);
}

static void count(struct share_ticket *ticket)
{
	struct share *share = ticket->share;

	share->used += ticket->weight;
	if (share->limited) {
		share->group->used += ticket->weight;
	}
}

static void uncount(struct share_ticket *ticket)
{
	struct share *share = ticket->share;

	share->used -= ticket->weight;
	if (share->limited) {
		share->group->used -= ticket->weight;
	}
}

bool share_enter(struct share_ticket *ticket)
{
	struct share *share = ticket->share;
	bool admitted;

	admitted = TAILQ_EMPTY(&share->waiting) && admits(share, ticket->weight);
	if (admitted) {
		count(ticket);
	} else {
		share_wait(ticket);
	}
	return admitted;
}

void share_wait(struct share_ticket *ticket)
{
	struct share *share = ticket->share;

	if (TAILQ_EMPTY(&share->waiting)) {
		TAILQ_INSERT_TAIL(&share->group->waiting, share, link);
	}
	TAILQ_INSERT_TAIL(&share->waiting, ticket, link);
	ticket->waiting = true;
	share->group->num_waiting++;
}

static void stop_waiting(struct share_ticket *ticket)
{
	struct share *share = ticket->share;

	TAILQ_REMOVE(&share->waiting, ticket, link);
	ticket->waiting = false;
	share->group->num_waiting--;
	if (TAILQ_EMPTY(&share->waiting)) {
		TAILQ_REMOVE(&share->group->waiting, share, link);
	}
}

static struct share *next_share(const struct share_group *group)
{
	struct share *share = NULL;

	TAILQ_FOREACH(share, &group->waiting, link) {
		if (admits(share, TAILQ_FIRST(&share->waiting)->weight)) {
			return share;
		}
	}
	return NULL;
}

bool share_has_next(const struct share_group *group)
{
	return next_share(group) != NULL;
}

struct share_ticket *share_next(struct share_group *group)
{
	struct share *share = next_share(group);
	struct share_ticket *ticket = NULL;

	if (share == NULL) {
		return NULL;
	}
	ticket = TAILQ_FIRST(&share->waiting);
	stop_waiting(ticket);
	if (!TAILQ_EMPTY(&share->waiting)) {
		TAILQ_REMOVE(&group->waiting, share, link);
		TAILQ_INSERT_TAIL(&group->waiting, share, link);
	}
	count(ticket);
	return ticket;
}

static void drop_ticket(struct share *share)
{
	struct share_group *group = share->group;

	share->tickets--;
	if (share->tickets == 0 && share != &group->free && share != &group->unknown) {
		LIST_REMOVE(share, bucket_link);
		free(share);
	}
}

void share_leave(struct share_ticket *ticket)
{
	struct share *share = ticket->share;

	if (ticket->waiting) {
		stop_waiting(ticket);
	} else {
		uncount(ticket);
	}
	ticket->share = NULL;
	drop_ticket(share);
}

void share_forget(struct share_group *group)
{
	struct share *share = NULL;
	size_t i;

	for (i = 0; i < SHARE_BUCKETS; i++) {
		while ((share = LIST_FIRST(&group->buckets[i])) != NULL) {
			LIST_REMOVE(share, bucket_link);
			free(share);
		}
	}
}
