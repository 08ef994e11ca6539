/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where an operation runs when there is a choice.
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

#endif /* PATHRING_ENGINE_PLACEMENT_H */
