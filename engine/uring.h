/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the files of the ring share: backend_uring.c (submission and completion), uring_probe.c
 * (set-up, restrictions and what this kernel can do), uring_prepare.c (operations as entries),
 * uring_lookup.c (the one operation that takes several), uring_workers.c (how many kernel workers),
 * uring_refused.c (submissions that fail), uring_stop.c.
 */
#ifndef PATHRING_ENGINE_URING_H
#define PATHRING_ENGINE_URING_H

#include <liburing.h>

#include "engine.h"
#include "request.h"

/* Linux 6.8 and 6.9. Debian 12's liburing 2.3 has no names for them. */
#define OP_FIXED_FD_INSTALL 54
#define OP_FTRUNCATE 55

#define NUM_OPCODES 256
#define OPERATION_OPCODES 3

/* An operation on the ring (uring_prepare.c). One without opcodes is not on it. */
struct uring_operation {
	void (*prepare)(struct io_uring_sqe *entry, struct operation *operation);
	uint8_t opcodes[OPERATION_OPCODES]; /* all that it may take; the rest 0, which is NOP */
	const char *since;
};

extern const struct uring_operation uring_operations[PATHRING_NUM_OPERATIONS];

/* uring_workers.c */
struct uring_workers {
	bool adjustable;
	unsigned int least; /* the kernel's own limit */
	unsigned int most;  /* options.max_workers */
	uint64_t needed;    /* engine_clock(), when there were last more entries than least */

	/* Since the last look */
	uint64_t looked;	/* engine_clock(); 0: there are workers for all entries */
	uint16_t look;		/* its number */
	unsigned int in_flight; /* entries then */
	unsigned int ended;	/* of these */

	struct statx stx; /* nothing is written to it */
};

struct uring {
	struct io_uring io_uring;
	unsigned int setup_flags;
	unsigned int in_flight; /* entries prepared or submitted, whose completions are to come */
	unsigned int capacity;	/* of in_flight: the completion queue */
	unsigned int limit; /* of in_flight for requests: less, so that slot closes and cancels find
			       room */

	struct uring_workers workers;

	uint64_t refused_since; /* engine_clock(); 0: the last submission was taken */
	bool given_up;		/* none is taken any more: see uring_refused.c */

	bool usable[NUM_OPCODES];	    /* opcodes */
	bool runs[PATHRING_NUM_OPERATIONS]; /* all opcodes of the operation are usable */
	bool restricted;
	bool direct_lookup; /* getxattr of an O_PATH file in a fixed slot works, and it can be
			       installed */
	bool identity_shown;

	/*
	 * Lookups whose xattrs go to the end of the submission, and how many entries that will be.
	 */
	STAILQ_HEAD(, pathring_request) late;
	unsigned int num_late_entries;

	/*
	 * Lookups that are not to count on a cached path, since a recent one was not: see
	 * uring_lookup.c.
	 */
	unsigned int doubts;

	/*
	 * Fixed file slots for direct lookups. A slot is used again only when its close has
	 * completed.
	 */
	unsigned int num_slots;
	unsigned int *free_slots;
	unsigned int num_free_slots;
	unsigned int *closing_slots;
	unsigned int num_closing_slots;
};

/*
 * Steps of a request; each has at most one entry in flight. They share the pointer's low four bits
 * in user_data.
 */
enum uring_step {
	STEP_ONLY = 0,
	STEP_OPEN = 1,
	STEP_INSTALL = 2,
	STEP_STATX = 3,
	STEP_XATTR = 4, /* and the PATHRING_LOOKUP_MAX_XATTRS - 1 after it */
	STEP_END = STEP_XATTR + PATHRING_LOOKUP_MAX_XATTRS,
};

#define STEP_MASK 15ULL

/* user_data of entries that belong to no request. No pointer of user space has this bit. */
#define INTERNAL_TAG (1ULL << 63)
#define INTERNAL_CANCEL (INTERNAL_TAG | 0)
#define INTERNAL_CLOSE_SLOT (INTERNAL_TAG | 1)
#define INTERNAL_WAKE (INTERNAL_TAG | 2)

/* Completions taken out of the ring at once. */
#define REAP_AT_ONCE 64

/*
 * The next entry for step of request, its user_data, personality and accounting done. There must be
 * room.
 */
struct io_uring_sqe *
uring_entry(struct uring *uring, struct pathring_request *request, unsigned int step);
void uring_entry_ready(struct io_uring_sqe *entry,
		       struct pathring_request *request,
		       unsigned int step,
		       int personality);

/*
 * The next entry for the engine itself, NULL when there is no room: such work waits, or is done
 * without.
 */
struct io_uring_sqe *uring_internal_entry(struct uring *uring);

/* Give the kernel what is prepared; false: not all was accepted. */
bool uring_flush_once(struct pathring *ring);

/* Take completions out of the ring, without blocking; and what one of them does. */
void uring_reap(struct pathring *ring);
void uring_completion(struct pathring *ring, uint64_t user_data, int result);

/* The outcome of a request of one step, and what it has opened or closed. In any thread. */
void uring_note_result(struct pathring_request *request, int result);

/* Room for count more entries, after a submission if need be. */
bool uring_make_room(struct pathring *ring, unsigned int count);

/* Whether the kernel's answer says that the ring could not run it, rather than what came of it. */
bool uring_must_divert(const struct pathring_request *request, ssize_t result);

/* How the ring opens what is to be opened, and whether that was too little. */
void uring_how(const struct open_how *how, struct open_how *ring_how);
bool uring_must_cross(const struct open_how *how, ssize_t result);
/* How many workers there may be, and whether more are needed. */
void uring_workers_start(struct pathring *ring);
void uring_workers_look(struct pathring *ring);
bool uring_workers_must_look(const struct pathring *ring);
/* An entry of request has completed. */
void uring_workers_note(struct uring *uring, const struct pathring_request *request);
/* Its entries linger, and those who come after it must have workers all the same. */
void uring_workers_leave_behind(struct uring *uring);

/* uring_stop.c */
void uring_stop(struct pathring *ring);

/* uring_refused.c */
/* What came of a submission: how many entries were taken, or a negative errno. */
void uring_note_answer(struct pathring *ring, int answer);
/*
 * What is prepared and was not taken never will be, and ends as if it had been cancelled before it
 * began. Not where something of a request may be on the stack.
 */
void uring_withdraw_entries(struct pathring *ring);
/* The slots to be closed, without a submission. */
void uring_clear_slots(struct uring *uring);
/* A request that would be submitted. */
void uring_run_elsewhere(struct pathring *ring, struct pathring_request *request);

int uring_setup(struct pathring *ring, struct uring *uring, const char **reason);
char *uring_describe(const struct pathring *ring, char *text);

/* uring_lookup.c */
unsigned int uring_lookup_entries(const struct pathring_request *request);
/* The entries that uring_lookup_prepare() has left for the end of the submission. */
void uring_lookup_prepare_late(struct pathring *ring);
void uring_lookup_prepare(struct pathring *ring, struct pathring_request *request, int personality);
void uring_lookup_step(struct pathring *ring,
		       struct pathring_request *request,
		       unsigned int step,
		       int result);
/* A step's completion when nobody waits for the lookup any more, in any thread. */
void uring_lookup_late_step(struct pathring_request *request, unsigned int step, int result);
void uring_lookup_withdraw(struct pathring *ring, struct pathring_request *request);
void uring_lookup_finish(struct pathring *ring, struct pathring_request *request);

#endif /* PATHRING_ENGINE_URING_H */
