/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One engine from its creation to its end, with what belongs to it, and what must hold all along.
 * The next follows in the same process.
 */
#ifndef PATHRING_TESTS_FAULTS_LIFE_H
#define PATHRING_TESTS_FAULTS_LIFE_H

#include <talloc.h>
#include <tevent.h>

#include "injector.h"
#include "pathring.h"
#include "random.h"
#include "world.h"

struct life {
	bool serial;
	struct random random; /* what the steps are decided by */
	struct tevent_context *ev;
	struct tevent_context *other_ev; /* a loop of somebody's own */
	int ready_fd; /* always readable, so that a turn of the loop never blocks */

	struct pathring_options options;
	struct pathring *ring;
	struct pathring_identity *identities[NUM_USERS]; /* NULL: not made yet, or freed */
	struct pathring_handle *base;
	struct pathring_handle *slots[NUM_OWNERS + 1];

	bool refused;	     /* the engine that has just gone */
	unsigned int inside; /* a function of the library is being called: no callback may run */
	unsigned int number; /* of this engine */
	unsigned int steps_left;
	unsigned int turns; /* of the loop, for each thousand steps: few of them make long queues */
	unsigned int base_descriptors; /* without handles from requests */
	unsigned int base_threads;
	uint64_t backends[PATHRING_BACKEND_SYNC + 1]; /* engines so far, by what they used */
};

extern struct life life;

/* serial: nothing that depends on time is left to the engine. */
void life_init(uint64_t seed, bool serial);
void life_begin(enum pathring_backend backend);
/* The engine alone goes, as it may from a callback, too; life_end() does the rest. */
void life_destroy(void);
void life_end(void);
/* Whether the engine was refused the one backend that it was to use. */
bool life_is_refused(void);
void life_finish(void);

/* What is cheap to look at, and what is looked at now and then. */
void life_check(void);
void life_check_all(void);

struct pathring_identity *life_identity(unsigned int user);
void life_forget_identity(unsigned int user);

/* One turn of the engine's loop, which does not block. */
void life_turn(void);
/* Turns until nothing is on its way. */
void life_drain(void);
/* Another loop of somebody's own, whatever waits for the one there was. */
void life_replace_other_loop(void);
/* As another user, as a server that has switched: nothing of the engine may change that. */
void life_check_user(unsigned int user);
void life_become_root(void);
void life_impersonate(unsigned int user);
void life_impersonate_end(unsigned int user);

#endif /* PATHRING_TESTS_FAULTS_LIFE_H */
