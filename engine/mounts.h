/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which file system a descriptor is on, and whether it is a local one.
 */
#ifndef PATHRING_ENGINE_MOUNTS_H
#define PATHRING_ENGINE_MOUNTS_H

#include "handle.h"
#include "operation.h"

/* What the engine has learned of one operation on one file system (placement.c). */
#define COMPANY_CLASSES 6

struct costs {
	uint32_t inline_nsec; /* an attempt in this thread, the switch not counted */
	struct cost_elsewhere {
		uint32_t nsec;
		uint32_t count; /* of what is not in nsec yet, and its sum */
		uint64_t sum;
	} elsewhere[COMPANY_CLASSES]; /* by how many were on their way */
	int32_t missed;		      /* of 65536 attempts */
	uint32_t decisions;
	uint32_t slow_in_a_row;
	uint64_t slow_until; /* engine_clock() */
};

struct mount {
	uint64_t id;
	uint64_t expires; /* engine_clock() */
	bool local;
	bool takes_personality; /* judges by nothing that a personality does not override */
	struct costs costs[PATHRING_NUM_OPERATIONS];
};

/* NULL where that can't be known. Asks no server. */
struct mount *mount_of(struct pathring *ring, struct descriptor *descriptor);

/* As an operation on it has told: stx has STATX_MNT_ID, or else NULL. */
struct mount *mount_of_statx(struct pathring *ring, int fd, const struct statx *stx);

/* The mount of that id if it is known still. */
struct mount *mount_known(const struct pathring *ring, uint64_t id);

/* One after the other; NULL after the last. */
const struct mount *mount_number(const struct pathring *ring, size_t number);

#endif /* PATHRING_ENGINE_MOUNTS_H */
