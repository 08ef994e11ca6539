/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a backend is: a table of functions that run requests. All are called in the engine's thread
 * and none calls a callback of the user's. A backend gets each request with its identity and
 * descriptors held, and gives it back through request_complete() or request_divert(), once.
 */
#ifndef PATHRING_ENGINE_BACKEND_H
#define PATHRING_ENGINE_BACKEND_H

#include "pathring.h"

struct identity;
struct pathring_request;

struct backend {
	enum pathring_backend kind;
	const char *name;

	/*
	 * Make it work, or say why not: a negative errno, with a sentence for people in *reason
	 * (static or on ring). Called under the process identity.
	 */
	int (*start)(struct pathring *ring, const char **reason);

	/*
	 * Cancel what can be, wait for all completions until ring->stop_end, release everything or
	 * leave it to linger.c. Every request was orphaned before.
	 */
	void (*stop)(struct pathring *ring);

	/*
	 * Release what a forked child inherited, without touching anything that is shared with the
	 * parent.
	 */
	void (*abandon)(struct pathring *ring);

	/* Take one request. false: no room now, ask again after the next completion. */
	bool (*take)(struct pathring *ring, struct pathring_request *request);

	/*
	 * Give all that was taken to whoever runs it, with one system call. false: not all was
	 * accepted, try again.
	 */
	bool (*flush)(struct pathring *ring);

	/* Flush again in ENGINE_LOOK_NSEC also if nothing has happened until then. May be NULL. */
	bool (*must_look)(const struct pathring *ring);

	/* Collect completions without blocking. */
	void (*reap)(struct pathring *ring);

	/* An orphaned request that it has taken should end soon. May be NULL. */
	void (*cancel)(struct pathring *ring, struct pathring_request *request);

	/*
	 * A queued request is freed, which this may have had before and given back with
	 * request_requeue(): what is noted for its next round will not be used. May be NULL.
	 */
	void (*withdraw)(struct pathring *ring, struct pathring_request *request);

	/* Becomes readable when there is something to reap; -1 for none. */
	int (*poll_fd)(const struct pathring *ring);

	/*
	 * The thread is identity right now: whatever the backend needs of its credentials it can
	 * have without a switch. Best effort. May be NULL.
	 */
	void (*adopt)(struct pathring *ring, struct identity *identity);

	/* Lines for pathring_describe(), appended. May be NULL. */
	char *(*describe)(const struct pathring *ring, char *text);
};

/*
 * Run one request in this thread, under its identity, and complete it: where even helper threads
 * are refused.
 */
void sync_run(struct pathring *ring, struct pathring_request *request);

extern const struct backend backend_uring;
extern const struct backend backend_threads;
extern const struct backend backend_sync;

#endif /* PATHRING_ENGINE_BACKEND_H */
