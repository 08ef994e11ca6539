/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between engine_pathring.c, which has the engine and its loop, and engine_pathring_requests.c,
 * which makes the requests.
 */
#ifndef BENCH_ENGINE_PATHRING_H
#define BENCH_ENGINE_PATHRING_H

#include "engine.h"

#include <pathring.h>

struct ring_state {
	struct tevent_context *ev;
	struct pathring *ring;
	struct pathring_identity **identities; /* one a user, in their order */
	struct pathring_handle **handles;      /* one a descriptor of the target, in their order */
	struct ring_job *jobs;		       /* by the number of the request */
	size_t num_entries;		       /* that a listing looks up at a time */
};

/* One request of the benchmark's, which may be several of the engine's. */
struct ring_job {
	struct ring_state *state;
	struct bench_request *request;
	struct pathring_request *first; /* whose result is the answer */
	struct pathring_handle *handle; /* what was opened */
	size_t outstanding;		/* where several are in flight */
	int error;			/* the first of theirs */
};

/* 0, or a negative errno when the engine did not accept it. */
int ring_start(struct ring_job *job);

#endif /* BENCH_ENGINE_PATHRING_H */
