/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Helper threads with credentials, umask and working directory of their own: the threads backend,
 * and where requests go that the ring can't run.
 */
#ifndef PATHRING_ENGINE_HELPER_H
#define PATHRING_ENGINE_HELPER_H

#include "engine.h"

/* Make sure that there is at least one thread, or say why there can't be. */
int helpers_start(struct pathring *ring);
/* Wait for the threads until ring->stop_end at most. Those that hang then linger. */
void helpers_stop(struct pathring *ring);
void helpers_abandon(struct pathring *ring);

void helpers_take(struct pathring *ring, struct pathring_request *request);
bool helpers_flush(struct pathring *ring);
/* As engine_must_look(). */
bool helpers_must_look(const struct pathring *ring);
void helpers_reap(struct pathring *ring);
void helpers_cancel(struct pathring *ring, struct pathring_request *request);
int helpers_poll_fd(const struct pathring *ring);

#endif /* PATHRING_ENGINE_HELPER_H */
