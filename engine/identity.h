/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Identities interned by value, the credential switch of the engine's thread, and which identities
 * have a personality registered with the ring.
 */
#ifndef PATHRING_ENGINE_IDENTITY_H
#define PATHRING_ENGINE_IDENTITY_H

#include <sys/queue.h>

#include "credentials.h"
#include "pathring.h"

/* One for each value of (uid, gid, groups). The groups follow it in memory. */
struct identity {
	LIST_ENTRY(identity) bucket_link;
	STAILQ_ENTRY(identity) batch_link;
	STAILQ_HEAD(, pathring_request) batch; /* batch.c; valid while batch_size is not 0 */
	size_t batch_size;
	TAILQ_ENTRY(identity) used_link; /* least recently used first */
	struct pathring *ring;
	struct credentials_target target;
	uint64_t hash;
	unsigned int references; /* objects of the caller's, and requests */
	bool spare;		 /* nobody holds it, and it has no personality */
	TAILQ_ENTRY(identity) spare_link;
	bool none;	      /* whoever the thread is; the process in a thread of the engine's */
	uint16_t personality; /* 0: none; the kernel starts at 1 */
	struct identity_counters {
		uint64_t placed[PATHRING_NUM_PLACEMENTS];
		uint64_t denied;
		uint64_t failed;
	} counters;
};

LIST_HEAD(identity_bucket, identity);
TAILQ_HEAD(identity_list, identity);

struct identities {
	struct identity_bucket *buckets; /* as many as there are identities, and more */
	size_t num_buckets;
	struct identity_list used;
	struct identity_list spare; /* longest first */
	size_t count;
	size_t personalities;
	struct pathring_identity *process;
	struct pathring_identity *none;
	/* Objects of the caller's that must learn when the engine goes. */
	LIST_HEAD(, pathring_identity) objects;
};

/* Set up, with the process identity as the thread is now. */
int identities_init(struct pathring *ring);
/* Forget everything; objects of the caller's stay as empty shells. The ring is gone already. */
void identities_free(struct pathring *ring);

/*
 * The identity behind an object of the caller's, or NULL when the engine it belongs to is not ring.
 * identity_of() refuses pathring_identity_none(), for operations on files; identity_of_function()
 * is for functions of the caller's.
 */
struct identity *identity_of(const struct pathring *ring, const struct pathring_identity *object);
struct identity *identity_of_function(const struct pathring *ring,
				      const struct pathring_identity *object);

/* An object more on an identity, and the identity behind it: NULL when the engine is gone. */
struct pathring_identity *identity_object(TALLOC_CTX *mem_ctx, struct identity *identity);
struct identity *identity_of_object(const struct pathring_identity *object);

struct identity *identity_hold(struct identity *identity);
void identity_release(struct identity *identity);
/* The engine is being freed; somebody who runs as identity goes on, and owner keeps it for them. */
void identity_outlive_engine(struct identity *identity, TALLOC_CTX *owner);

/*
 * Make the engine's thread run as identity until identity_leave(). When it fails nothing has
 * changed. Where the thread is that identity already, nothing is switched.
 */
struct identity_switch {
	struct credentials saved;
	bool switched;
};

int identity_enter(struct identity *identity, struct identity_switch *state);

/*
 * The same for several identities, one after the other, with one way back. A failing
 * identity_switch_to() leaves the thread as it was before identity_switch_begin(); others may
 * follow.
 */
int identity_switch_begin(struct identity_switch *state);
bool identity_switch_needed(const struct identity *identity, const struct identity_switch *state);
int identity_switch_to(struct identity *identity, struct identity_switch *state);

/* identity_enter() where the engine may be gone. */
int identity_enter_target(const struct credentials_target *target, struct identity_switch *state);

void identity_leave(struct identity_switch *state);

/*
 * The personality to put into a submission entry, registered when needed; or -errno, -EAGAIN when
 * all personalities are taken and none may go now. flush must give the kernel everything that is
 * prepared: no personality is unregistered while an unsubmitted entry names it (the kernel takes
 * its reference when it consumes the entry, io_init_req).
 */
struct personality_methods {
	int (*register_current)(struct pathring *ring);
	int (*unregister)(struct pathring *ring, int personality);
	bool (*flush)(struct pathring *ring);
};

int identity_personality(struct identity *identity, const struct personality_methods *methods);

#endif /* PATHRING_ENGINE_IDENTITY_H */
