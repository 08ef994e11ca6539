/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Sharing workers (helper threads, or the ring's) between file systems: one that does not answer
 * must not hold them all.
 *
 * A file system may occupy half of the workers that others leave free. With 64 of them one that
 * hangs has 32, the next 16, then 8, 4, 2 and 1, and one is left for local file systems, which are
 * not limited: they don't wait for anybody. What is beyond a share waits, and holds up nothing of
 * other file systems. Not thread-safe.
 */
#ifndef PATHRING_ENGINE_SHARE_H
#define PATHRING_ENGINE_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct share;

/* A request's part in it. */
struct share_ticket {
	TAILQ_ENTRY(share_ticket) link;
	struct share *share; /* NULL: takes no part */
	unsigned int weight; /* how many workers it may occupy at once */
	bool waiting;
};

TAILQ_HEAD(share_ticket_list, share_ticket);
TAILQ_HEAD(share_list, share);
LIST_HEAD(share_bucket, share);

#define SHARE_BUCKETS 16

/* The requests of one file system. */
struct share {
	LIST_ENTRY(share) bucket_link;
	TAILQ_ENTRY(share) link; /* where tickets wait */
	struct share_group *group;
	uint64_t mount_id;
	bool limited;
	unsigned int tickets;
	unsigned int used;
	struct share_ticket_list waiting;
};

struct share_group {
	unsigned int workers;
	unsigned int used; /* by limited shares */
	unsigned int num_waiting;
	struct share_list waiting;
	struct share_bucket buckets[SHARE_BUCKETS];
	struct share free;    /* of what is not limited */
	struct share unknown; /* of what may be on any file system */
};

void share_init(struct share_group *group, unsigned int workers);
void share_set_workers(struct share_group *group, unsigned int workers);

/*
 * Take part. mount_id 0: it is not known which file system it is. Not limited: whichever it is, it
 * is a local one.
 */
void share_join(struct share_group *group,
		struct share_ticket *ticket,
		uint64_t mount_id,
		bool limited,
		unsigned int weight);

/*
 * true: it may go on now, since its share permits that and none waits before it. Otherwise it waits
 * for share_next().
 */
bool share_enter(struct share_ticket *ticket);
/* Wait for share_next() in any case. */
void share_wait(struct share_ticket *ticket);
/* One that waits and may go on now, each file system in turn; NULL for none. */
struct share_ticket *share_next(struct share_group *group);
/* Whether there is such a one. */
bool share_has_next(const struct share_group *group);
/* Take no part any more, whether it waits or has gone on. */
void share_leave(struct share_ticket *ticket);
/* Free the group's memory with tickets in it that nobody looks at any more. */
void share_forget(struct share_group *group);

#endif /* PATHRING_ENGINE_SHARE_H */
