/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A replay while it runs: between run.c, which decides what is next, order.c, which says who waits
 * for whom, perform*.c, which know what a request of a client is in operations on files, and
 * operate*.c, which do these.
 */
#ifndef REPLAY_RUN_H
#define REPLAY_RUN_H

#include "plan.h"
#include "progress.h"
#include "results.h"

#include <pathring.h>
#include <tevent.h>

enum replay_order { REPLAY_ORDER_RESOURCE, REPLAY_ORDER_SESSION, REPLAY_ORDER_NONE };

/* How one engine runs what it is given. */
struct replay_engine {
	const char *name;
	enum pathring_backend backend;
	/*
	 * Whether operations that do not wait for anything are done in this thread, many of one
	 * user under one switch to him, as smbd does them; else each is a request to the engine.
	 */
	bool here;
	const char *help;
};

struct replay_run_options {
	enum replay_order order;
	double speed; /* 0: as fast as possible */
	size_t depth;
	size_t loops;
	size_t clients;
	bool dos_attributes; /* smbd's "store dos attributes" */
	bool ea_support;     /* smbd's "ea support" */
	bool self;	     /* everything as whoever this process is */
	bool init;
};

/* A descriptor, by itself or the engine's. */
struct replay_fd {
	int fd; /* -1: none */
	bool io;
	bool owned; /* the handle is the engine's own; else it borrows fd */
	struct pathring_handle *handle;
};

/* What has been read of a directory and not been told yet. */
struct replay_listing {
	struct replay_listing *next; /* of those not in use */
	char pattern[256];	     /* as it was when the listing began */
	uint64_t position;
	uint64_t told; /* entries since its beginning */
	size_t used;   /* bytes in names */
	size_t at;     /* the next one */
	bool single;   /* the pattern is a name */
	bool wild;
	bool is_all;
	bool ended;
	char names[]; /* REPLAY_LISTING_SIZE, each with its NUL */
};

#define REPLAY_LISTING_SIZE 32768

/* What a client has open. */
struct replay_open {
	struct replay_open *next; /* of those not in use */
	struct replay_fd fd;
	struct replay_listing *listing;
	uint32_t access; /* as asked for */
	bool is_directory;
};

/* Those who wait for a resource, and how many have it. */
struct replay_claim;
struct replay_resource {
	struct replay_claim *first; /* of those who wait */
	struct replay_claim *last;
	uint32_t granted;
	uint32_t mode;
};

struct replay_action;
struct replay_claim {
	struct replay_claim *next;
	struct replay_action *action;
	struct replay_resource *resource;
	uint32_t mode;
};

/* More than that: it runs when nothing else does. */
#define REPLAY_MAX_CLAIMS 10

/* A copy of those who are in the trace, with a tree of its own. */
struct replay_client {
	struct replay_run *run;
	size_t number;
	struct replay_fd root;
	struct replay_open **files; /* by the handle's number */
	struct replay_resource *resources;
	size_t next;		       /* item */
	size_t num_admitted;	       /* and not ended */
	bool barrier;		       /* one is admitted with which nothing else may run */
	struct replay_action *waiting; /* this one, until it may */
};

/* What is wanted of statx(); all of it for each request in flight would empty the cache. */
struct replay_stat {
	uint64_t size;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Names that are looked up in one request. */
#define REPLAY_CHUNK 64

struct replay_action {
	struct replay_action *next; /* of those ready, or not in use */
	struct replay_client *client;
	const struct replay_item *item;
	uint64_t due;	/* by the clock of CLOCK_MONOTONIC */
	uint64_t begun; /* 0: not yet */
	uint64_t clock; /* when the last operation ended */

	/* perform*.c */
	uint8_t step;
	bool lost; /* an open that it depends on went otherwise */
	bool barrier;
	uint32_t status;
	struct replay_open *open;
	struct replay_fd kept; /* what is to be kept through further operations */
	struct replay_fd other;
	size_t num_names; /* of a chunk of lookups, in run->names */
	size_t told;

	/* operate*.c: what the last operation brought */
	struct pathring_request *request;
	enum pathring_operation operation;
	ssize_t result;
	struct replay_fd got;
	struct replay_stat stat;
	uint32_t attributes; /* of DOS, with the last xattr that was read */
	void *state;

	uint32_t num_claims;
	uint32_t num_waiting;
	struct replay_claim claims[REPLAY_MAX_CLAIMS];
};

/* Requests that can be made, of one user. */
struct replay_ready {
	struct replay_ready *next; /* of those who have some */
	/* Those that have begun, those that have waited for others, and all others. */
	struct replay_action *first;
	struct replay_action *last_begun;
	struct replay_action *last_waited;
	struct replay_action *last;
	bool listed;
	struct pathring_identity *identity;
};

struct replay_run {
	const struct replay_plan *plan;
	const struct replay_run_options *options;
	const struct replay_engine *engine;
	struct replay_results *results;
	struct tevent_context *ev;
	struct pathring *ring;
	bool here;	  /* as the engine's, and the file system is local */
	bool in_memory;	  /* so that nothing waits for a disk */
	bool is_switched; /* this thread is the user whose requests are performed */
	uint64_t slow_until[PATHRING_NUM_OPERATIONS];
	uint8_t slow_in_a_row[PATHRING_NUM_OPERATIONS];

	struct replay_client *clients;
	struct replay_ready *ready; /* by user */
	struct replay_ready *first_ready;
	struct replay_ready *last_ready;
	size_t num_ready;
	size_t num_running; /* begun, and not ended */
	size_t in_flight;   /* operations with the engine */
	uint64_t began;
	size_t num_admitted;
	size_t num_done;
	size_t window;	    /* requests that a client may have admitted */
	size_t next_client; /* to be asked for what is next */
	bool stopped;	    /* nothing more is admitted */
	int timer_fd;
	uint64_t armed;
	struct replay_progress *progress;

	/* Nobody allocates for each request. */
	struct replay_action *actions;
	struct replay_action *free_actions;
	struct replay_open *free_opens;
	struct replay_listing *free_listings;
	const char *names[REPLAY_CHUNK]; /* until the engine has been asked */
	uint8_t *scratch;		 /* what is read goes here, whatever it is */
	uint8_t *content;		 /* what is written comes from here */

	/* order.c */
	size_t num_resources; /* of a client */
	uint32_t *name_resource;
	uint32_t *entries_resource;
};

/* ---- run.c ---- */

uint64_t replay_now(void);

/* An operation of it with the engine has ended: it can go on. */
void replay_run_resume(struct replay_action *action);

/* Its outcome: the action is over and must not be touched any more. */
void replay_run_end(struct replay_action *action, uint32_t status);
void replay_run_fail(struct replay_action *action, const char *reason);

struct replay_open *replay_run_take_open(struct replay_run *run);
void replay_run_give_open(struct replay_run *run, struct replay_open *open);
struct replay_listing *replay_run_take_listing(struct replay_run *run);
void replay_run_give_listing(struct replay_run *run, struct replay_listing *listing);

void replay_run_give_action(struct replay_run *run, struct replay_action *action);

/* Until all requests are done, or a signal has come; false when the event loop fails. */
bool replay_run_all(struct replay_run *run);

/* ---- run_round.c ---- */

/* Of all that was replayed of a round. */
struct replay_times {
	uint64_t wall_ns;
	uint64_t cpu_ns;
};

/*
 * The trace once, by one engine, in trees that are there: one root a client. False after a message
 * on stderr.
 */
bool replay_run_round(const struct replay_plan *plan,
		      const struct replay_run_options *options,
		      const struct replay_engine *engine,
		      const int *roots,
		      struct replay_results *results,
		      struct replay_progress *progress,
		      struct replay_times *times);

/* ---- order.c ---- */

/* False without memory. */
bool replay_order_prepare(struct replay_run *run);

/* Has it to wait for others? Then it is told by replay_run_ready() when it has not any more. */
bool replay_order_claim(struct replay_action *action);
void replay_order_release(struct replay_action *action);
void replay_run_ready(struct replay_action *action);

/* ---- perform*.c: from action->step on, until the action has ended or an operation is on its way
 */

void replay_perform(struct replay_action *action);
void replay_perform_create(struct replay_action *action);
void replay_perform_close(struct replay_action *action);
void replay_perform_data(struct replay_action *action);
void replay_perform_query_info(struct replay_action *action);
void replay_perform_set_info(struct replay_action *action);
void replay_perform_listing(struct replay_action *action);
void replay_perform_names(struct replay_action *action);

#endif /* REPLAY_RUN_H */
