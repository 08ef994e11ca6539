/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine's place in an event loop. Each event context that requests complete into has a turn:
 * one immediate that submits what was queued and delivers what is done, and watches on the
 * descriptors that announce completions.
 */
#ifndef PATHRING_ENGINE_TURN_H
#define PATHRING_ENGINE_TURN_H

#include "engine.h"

struct pathring_request;
struct turn;

/* The turn of ev, counted. NULL without memory; never for the engine's own event context. */
struct turn *turn_get(struct pathring *ring, struct tevent_context *ev);
void turn_put(struct turn *turn);

/* Have it run with the next turn of its loop. */
void turn_schedule(struct turn *turn);

/* Put a completed request into its list, or take it out. */
void turn_done(struct turn *turn, struct pathring_request *request);
void turn_withdraw(struct turn *turn, struct pathring_request *request);

/* NULL when the event context is gone. */
struct tevent_context *turn_event_context(const struct turn *turn);
struct request_list *turn_done_list(struct turn *turn);
struct turn *turns_first(const struct pathring *ring);
struct turn *turns_next(const struct turn *turn);

/* Descriptors to watch have come into being. */
void turns_watch(struct pathring *ring);
/*
 * They are about to be closed. A forked child may have them too, so that closing alone would not
 * end the watch.
 */
void turns_unwatch(struct pathring *ring);

int turns_init(struct pathring *ring);
void turns_free(struct pathring *ring);

#endif /* PATHRING_ENGINE_TURN_H */
