/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine object and what the files of the engine need of each other. Nothing here is public.
 */
#ifndef PATHRING_ENGINE_ENGINE_H
#define PATHRING_ENGINE_ENGINE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/queue.h>

#include "backend.h"
#include "identity.h"
#include "pathring.h"
#include "share.h"

struct lingering;
struct log_message;
struct pathring_request;
struct turn;
struct helpers;
struct uring;
struct mounts;
struct latencies;

TAILQ_HEAD(request_list, pathring_request);
LIST_HEAD(turn_list, turn);
STAILQ_HEAD(log_list, log_message);

/* Why a backend was not taken, for pathring_describe(). */
struct refusal {
	int error; /* 0: not refused */
	const char *reason;
};

/* Requests that take longer than so many submissions teach nothing (placement.c). */
#define REMEMBERED_TURNS 16

/* The last submission, and of a request the one that gave it to a backend. */
struct submission {
	uint64_t number;
	uint64_t time;	    /* engine_clock() when it began */
	uint64_t busy_nsec; /* of the engine, up to then */
	uint64_t attempts;  /* as well */
};

struct pathring {
	struct tevent_context *ev;
	struct pathring_options options;

	pthread_t thread; /* whose engine this is */
	bool started;
	uint64_t process_mark; /* of the process that started it */

	const struct backend *backend; /* NULL: not started, or refused with start_error */
	int start_error;
	struct refusal refusals[PATHRING_BACKEND_SYNC + 1];
	bool closing;
	bool submit_again; /* there is something that engine_submit() has not given out */
	bool in_job;	   /* of the caller's, in this thread: it may not come back here */
	uint64_t stop_end; /* when closing: until when to wait, as of engine_clock() */
	struct lingering *lingering; /* linger.c: what may be left then */

	unsigned int inline_run; /* backend_sync.c: requests run since the last flush */
	struct uring *uring;	 /* backend_uring.c */
	struct helpers *helpers; /* helper.c: the threads backend, and what falls back to it */

	int proc_fd;	    /* /proc/self/fd of this process, -1 for none */
	uint64_t proc_mark; /* of the process that asked for it; 0: none has */

	struct identities identities;
	struct mounts *mounts;		 /* mounts.c */
	STAILQ_HEAD(, identity) batches; /* batch.c: empty between turns */
	uint32_t switch_nsec;		 /* placement.c: what a switch costs, and the way back */
	uint32_t return_nsec;
	uint64_t busy_nsec; /* of this thread, ever, with callbacks and registrations */
	uint64_t attempts;  /* slices of them, ever (batch.c) */
	struct submission submission;
	size_t turn_company; /* requests that run or are given out in this submission */
	size_t companies[REMEMBERED_TURNS]; /* requests on their way after each of the last */

	struct request_list queue;   /* QUEUED */
	struct request_list running; /* RUNNING */
	struct request_list waiting; /* WAITING for other users of their descriptor */
	struct request_list held;    /* HELD, until their file system has a share of the ring */
	struct share_group shares;
	size_t num_queued; /* HELD, too */
	size_t num_held;
	size_t num_running;
	size_t num_requests; /* that exist and are not complete */
	struct turn_list turns;
	struct turn *own_turn; /* of ev */

	uint64_t completion_time; /* 0: to be asked */
	struct latencies *latencies[PATHRING_NUM_OPERATIONS][PATHRING_NUM_PLACEMENTS];
	struct log_list log_messages;
	struct pathring_stats stats;
};

/* 0, or why this caller may not use the engine: -ECHILD, -EXDEV. */
int engine_check(const struct pathring *ring);
/* Whether this is a forked child looking at its parent's running engine. */
bool engine_inherited(const struct pathring *ring);

/* Check, and start the backend if that has not been done. */
int engine_use(struct pathring *ring);
/* The same for what needs no backend: it is not started for it. */
int engine_use_here(struct pathring *ring);

/*
 * Give queued requests to the backend and the backend's to the kernel, and look for completions
 * once: what the kernel could do at once is complete by then. false: something stays that no
 * completion will bring forward; try again later.
 */
bool engine_submit(struct pathring *ring);
/* As soon as possible, for a request that is queued. */
void engine_submit_again(struct pathring_request *request);
/* Look for completions. false: as above. */
bool engine_reap(struct pathring *ring);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t engine_clock(void);
/*
 * The time of the completions being collected, asked once for all that are found together: the
 * clock is a twentieth of a cached lookup.
 */
uint64_t engine_completion_time(struct pathring *ring);

/* When the engine last began to give out requests; for what need not be exact. */
uint64_t engine_turn_time(const struct pathring *ring);

/* What announces completions; -1 for none. */
#define ENGINE_POLL_FDS 2
void engine_poll_fds(const struct pathring *ring, int fds[ENGINE_POLL_FDS]);

/*
 * Submit again in so long, also if no completion comes before: to see whether what is on its way
 * needs more workers or threads.
 */
#define ENGINE_LOOK_NSEC 2000000
bool engine_must_look(const struct pathring *ring);

/*
 * Run it in a helper thread, or in this thread where threads are refused: what is not for the ring,
 * or, diverted, what the ring seems unable to run, judged by its answer. If the thread has another
 * answer it was a fallback; an EINVAL may just as well be what the caller deserves. Only in backend
 * functions that engine_submit() and engine_reap() call: the helpers are told at the end of those.
 */
void engine_run_in_thread(struct pathring *ring, struct pathring_request *request);
void engine_divert(struct pathring *ring, struct pathring_request *request, ssize_t answer);

/*
 * The backend, which must be the ring, takes nothing any more, and gives requests to helper threads
 * by itself: said once, with reason, a sentence for people.
 */
void engine_lose_backend(struct pathring *ring, int error, const char *reason);

/* Is there something to reap? */
bool engine_can_reap(const struct pathring *ring);

/*
 * Block until there may be something to reap; all_given: as engine_submit() has said just now.
 */
void engine_block(struct pathring *ring, bool all_given);

/*
 * A message for the caller's log function, which is called from the loop or pathring_start(), not
 * from here.
 */
void engine_log(struct pathring *ring, enum pathring_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void engine_deliver_log(struct pathring *ring);

/*
 * process_mark.c: a value that differs in a forked child.
 */
int process_mark_init(void);
uint64_t process_mark(void);
uint64_t process_mark_set(void);

#endif /* PATHRING_ENGINE_ENGINE_H */
