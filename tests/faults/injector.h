/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A kernel that fails: the engine's calls of engine/kernel.h, made to fail, come late and out of
 * order, and what is checked of each call on the way.
 */
#ifndef PATHRING_TESTS_FAULTS_INJECTOR_H
#define PATHRING_TESTS_FAULTS_INJECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How often what fails, in a million. */
struct weather {
	unsigned int ring;	 /* a ring can't be made */
	unsigned int submit;	 /* nothing is taken */
	unsigned int few;	 /* fewer are taken than there are */
	unsigned int outage;	 /* nothing is taken, and nothing will be */
	int outage_error;	 /* what is said then; 0: any of what may be */
	unsigned int entry;	 /* an entry ends with an error instead of running */
	unsigned int transfer;	 /* a read or write moves less than it was asked to */
	unsigned int uncached;	 /* a direct open runs after what counts on it */
	unsigned int late;	 /* a completion is held back */
	unsigned int disorder;	 /* completions overtake one another */
	unsigned int registered; /* a personality can't be registered or unregistered */
	unsigned int thread;	 /* a thread can't be made */
	unsigned int idle;	 /* a thread ends as if it had been idle for long */
	unsigned int longest;	 /* looks at the ring that a late completion is held for at most */
};

enum injected {
	INJECTED_RING,
	INJECTED_SUBMIT,
	INJECTED_FEW,
	INJECTED_OUTAGE,
	INJECTED_ENTRY,
	INJECTED_TRANSFER,
	INJECTED_UNCACHED,
	INJECTED_LATE,
	INJECTED_DISORDER,
	INJECTED_REGISTERED,
	INJECTED_THREAD,
	INJECTED_IDLE,
	NUM_INJECTED
};

/*
 * serial: entries run one after the other and each is waited for, and no thread can be made, so
 * that a seed decides everything.
 */
void injector_init(uint64_t seed, bool serial);
void injector_set_weather(const struct weather *weather);

/* An engine that may have so many personalities is about to start. */
void injector_begin(unsigned int max_personalities);
/* The engine is gone: nothing may be left. */
void injector_end(void);

uint64_t injector_count(enum injected what);
/* How often a request may have got this error (positive) from here. */
uint64_t injector_errors(int error);

#endif /* PATHRING_TESTS_FAULTS_INJECTOR_H */
