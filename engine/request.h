/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The life of a request and its tevent dress.
 *
 *   created -> QUEUED -> RUNNING -> DONE -> DELIVERED -> freed
 *      \-> WAITING -^ (a close, until nobody else uses the descriptor)
 *   QUEUED -> HELD -> QUEUED (until its file system has a share of the ring's workers)
 *
 * Freed early it leaves the queue at once, or, when RUNNING, is orphaned: nobody waits for it any
 * more, and what it opens is closed when it completes.
 */
#ifndef PATHRING_ENGINE_REQUEST_H
#define PATHRING_ENGINE_REQUEST_H

#include <stddef.h>
#include <sys/queue.h>

#include "engine.h"
#include "operation.h"
#include "turn.h"

enum request_state {
	REQUEST_CREATED,
	REQUEST_WAITING,
	REQUEST_HELD,
	REQUEST_QUEUED,
	REQUEST_RUNNING,
	REQUEST_DONE,
	REQUEST_DELIVERED,
};

struct pathring_request {
	TAILQ_ENTRY(pathring_request) link; /* of the list of its state */
	struct pathring *ring;
	struct identity *identity;
	struct turn *turn; /* the event context that hears of it */
	enum request_state state;
	bool orphaned;
	bool missed;   /* an attempt in the engine's thread found no answer */
	bool begun;    /* waits for another round of the backend that has begun it */
	bool diverted; /* runs in a thread beside the ring */
	enum pathring_placement placement;
	enum pathring_reason reason; /* why there */
	ssize_t ring_answer;	     /* what made it a fallback; 0 for none */
	uint64_t started;	     /* CLOCK_MONOTONIC, ns */
	uint64_t finished;
	struct submission submission;

	pathring_request_fn fn;
	void *private_data;

	/* For whoever points to it and must learn that it is gone (the tevent dress). */
	struct pathring_request **backlink;

	struct operation operation;
	uint8_t *spare; /* what is left of the memory behind it */

	STAILQ_ENTRY(pathring_request) batch_link; /* batch.c */
	struct share_ticket ticket;		   /* of ring->shares, or helper.c's */

	/* What a backend notes of a request that it runs. */
	union {
		struct uring_note {
			uint16_t outstanding; /* a bit a step whose completion is to come */
			uint16_t look;	      /* of uring_workers.c, when it was last submitted */

			/* The rest is lookup's, which takes one submission or more. */
			uint8_t round; /* 0: the first */
			bool direct;   /* goes through a slot */
			bool opened;
			bool has_stat;
			int error; /* of open, install or statx; 0: none */
			int personality;
			STAILQ_ENTRY(pathring_request) late_link;
			unsigned int slot;
		} uring;
		struct helper_note {
			STAILQ_ENTRY(pathring_request) link;
			bool unwanted; /* orphaned while it ran */
		} helper;
	};
};

static inline struct pathring_request *request_of_ticket(struct share_ticket *ticket)
{
	return (struct pathring_request *)((char *)ticket -
					   offsetof(struct pathring_request, ticket));
}

/*
 * Make a request of class on behalf of a _request function: checks the engine and the identity,
 * holds what must be held. extra: what the operation will ask of request_memory(), so that a
 * request is one allocation.
 */
int request_create(struct pathring *ring,
		   struct pathring_identity *identity,
		   const struct operation_class *class,
		   struct descriptor *target,
		   size_t extra,
		   struct pathring_request **request);

/* How much of extra a piece of memory takes. Every piece is aligned for anything. */
#define REQUEST_MEMORY(size) (((size) + 15) & ~(size_t)15)

void *request_memory(struct pathring_request *request, size_t size);
const char *request_string(struct pathring_request *request, const char *string);

/*
 * The end of a _request function: the caller has what request_create() made and the operation
 * filled in, which is queued; a close that has to wait for other users of its descriptor is parked
 * until descriptor_release() queues it. Can't fail.
 */
void request_start(struct pathring_request *request,
		   pathring_request_fn fn,
		   void *private_data,
		   struct pathring_request **_request);
void request_enqueue(struct pathring_request *request);

/* For backends: it is complete, with operation.result set. */
void request_complete(struct pathring_request *request, enum pathring_placement placement);

/*
 * Whether the requests of its file system may occupy only a share of the workers; mount_id says
 * which, 0 for any.
 */
bool request_is_limited(struct pathring_request *request, uint64_t *mount_id);

/*
 * For backends: let a running request take its share of ring->shares, of which it may occupy weight
 * at once; it has it until it is complete. false: it was held back, and will be taken again.
 */
bool request_enter_share(struct pathring_request *request, unsigned int weight);
/* It will not run on the ring after all. */
void request_leave_share(struct pathring_request *request);

/* Nothing of theirs goes to the ring any more, so none waits for a share of it. */
void requests_release_held(struct pathring *ring);

/*
 * A running, orphaned request that the engine, which is being freed, does not wait for: nothing in
 * it points to the engine any more, and it is owner's (linger.c). Whoever still runs it need not
 * know.
 */
void request_outlive_engine(struct pathring_request *request, TALLOC_CTX *owner);

/*
 * For backends: a running request needs another round; it is taken again, before those that have
 * not run at all.
 */
void request_requeue(struct pathring_request *request);

/* A completed request's outcome, or -EINPROGRESS. */
ssize_t request_result(const struct pathring_request *request);

/*
 * Before the engine goes: waits for those that use memory of the caller's. requests_abandon() goes
 * through lists that waiting changes.
 */
void requests_return_memory(struct pathring *ring);

/*
 * The engine goes: every tevent_req fails with ECANCELED, every request is freed or, when running,
 * orphaned.
 */
void requests_abandon(struct pathring *ring);

/*
 * The tevent dress. A _send function begins it, hands request_dress_fn and the tevent_req to its
 * _request function, and ends it with what that gave. A _recv function undresses: 0 and the
 * completed request, or its error.
 */
struct tevent_req *request_dress_begin(TALLOC_CTX *mem_ctx);
void request_dress_fn(struct pathring_request *request, void *private_data);
struct tevent_req *request_dress_end(struct tevent_req *req,
				     struct tevent_context *ev,
				     int ret,
				     struct pathring_request *request);
int request_undress(struct tevent_req *req, struct pathring_request **request);
/* The whole _recv function of an operation whose outcome is a number. */
ssize_t request_receive(struct tevent_req *req);

#endif /* PATHRING_ENGINE_REQUEST_H */
