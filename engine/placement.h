/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where a request runs when there is a choice.
 */
#ifndef PATHRING_ENGINE_PLACEMENT_H
#define PATHRING_ENGINE_PLACEMENT_H

#include "engine.h"

/*
 * statx of an open descriptor in this thread, where that can't block: true and *result (0 or
 * -errno) with *stx filled. false: ask the kernel through the ring.
 */
bool placement_statx_inline(struct pathring *ring,
			    int fd,
			    unsigned int flags,
			    unsigned int mask,
			    struct statx *stx,
			    int *result);

/* What is assumed before anything was learned: of the engine, and of a new mount. */
void placement_assume(struct pathring *ring);
struct mount;
void placement_assume_mount(struct mount *mount);

/*
 * Whether a request may be attempted in this thread, together with others of its identity; if not,
 * its reason is noted.
 */
bool placement_may_attempt(struct pathring *ring, struct pathring_request *request);

/* Whether it may run in more than one place and the caller wants it in a helper thread. */
bool placement_pinned_to_thread(const struct pathring *ring,
				const struct pathring_request *request);

/*
 * Whether the ring may have it: not where the file system judges by more than a personality
 * overrides. Then a thread has to become the identity.
 */
bool placement_may_use_ring(struct pathring *ring, const struct pathring_request *request);

/*
 * Whether to attempt a batch of count requests like this one here, which takes a switch of
 * credentials or not. Otherwise they go to the backend.
 */
bool placement_attempts_batch(struct pathring *ring,
			      struct pathring_request *first,
			      size_t count,
			      bool switching,
			      enum pathring_reason *reason);

/* How long this thread may run requests until it looks at its loop again, in nanoseconds. */
#define PLACEMENT_BUDGET_NSEC 1000000

/* What came of it: count attempts like this one took nsec, and missed of them found no answer. */
void placement_learn_attempts(struct pathring *ring,
			      const struct pathring_request *like,
			      size_t count,
			      size_t missed,
			      uint64_t nsec);
/* Of credentials: to an identity, and back again. */
void placement_learn_switch(struct pathring *ring, uint64_t nsec);
void placement_learn_return(struct pathring *ring, uint64_t nsec);
/* A request that the backend has completed. */
void placement_learn_elsewhere(struct pathring *ring, const struct pathring_request *request);

/* Lines for pathring_account(), appended: what was learned. */
char *placement_describe(const struct pathring *ring, char *text);

#endif /* PATHRING_ENGINE_PLACEMENT_H */
