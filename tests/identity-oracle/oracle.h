/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of the identity oracle. It has two trees that begin as equals. A round draws some
 * thousand calls; pathring makes them in one tree, each under its identity and all in flight at
 * once, and processes that really are these users make them with plain system calls in the other.
 * Then every outcome is compared, and now and then all that is in the trees.
 *
 * A tree consists of cells, small directories with a few objects in them. Nothing in a cell
 * depends on another cell, and the calls of a round in one cell don't depend on one another:
 * several only look, or there is just one. So an outcome does not depend on the order in which
 * the calls happen to run.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pathring.h"

#include "dice.h"

/* Handles held in a cell; the first is its directory, opened by root. */
#define CELL_SLOTS 6
#define CELL_CAST 4
/* Calls in one cell in one round at most. */
#define CELL_CALLS 3
/* Calls between two times that a cell is built, at most; and how many of them are shown. */
#define CELL_LIFE 160
#define CELL_LOG 64

#define NAME_SPACE 40
#define PAYLOAD_SPACE 224
#define MAX_GROUPS 12
#define MAX_USERS 4096

/* A user. The first of them is the process itself. */
struct who {
	uid_t uid;
	gid_t gid;
	gid_t groups[MAX_GROUPS];
	size_t num_groups;
	bool process; /* whatever groups it has */
};

/* What came of a call: the result and whatever else can be told of it, in the order it was added.
 */
struct outcome {
	int64_t result;
	uint32_t length; /* of all that was added; what does not fit is in the hash only */
	uint64_t hash;
	uint8_t payload[PAYLOAD_SPACE];
};

/* Everything that determines a call, in numbers that mean the same to both sides. */
struct call {
	uint32_t cell;
	uint16_t who;
	uint8_t operation; /* index into operations[] */
	int8_t slot;	   /* of the handle, or directory; -1: absolute path, or no handle */
	int8_t slot2;	   /* of the second directory */
	int8_t into;	   /* slot for the handle that it opens; -1: closed at once */

	bool changes;	/* must be the only call in its cell */
	bool drop;	/* free the handle as soon as the request is made */
	bool ends;	/* its handle is closed in this round */
	bool transient; /* use a duplicate of the handle, freed as soon as the request is made */
	bool borrowed;	/* the same, with a borrowed descriptor */
	bool fresh_who; /* with an identity made for this call and freed at once */
	bool spoils;	/* a function of the caller's changes whom it runs as */
	bool walked;	/* path references without O_PATH */
	bool waited;	/* pathring_request_wait() */
	bool abandoned; /* freed before it is complete: there is no outcome */
	uint8_t hint_place; /* what it opens, as far as the name tells: enum place */

	uint64_t flags;
	uint64_t resolve;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t size;
	int64_t offset;
	int64_t length;
	uint64_t seed; /* of data, ACLs and whatever else is drawn anew by both sides */
	char name[NAME_SPACE];
	char name2[NAME_SPACE];
};

/* What a handle was opened on, by its name: it decides which names are tried below it. */
enum place {
	PLACE_CELL,
	PLACE_D0,
	PLACE_D1,
	PLACE_D2,
	PLACE_NEW,
	PLACE_FILE,
	PLACE_LINK,
};

struct slot {
	struct pathring_handle *handle; /* NULL: free */
	bool reserved;			/* a call of this round opens it */
	uint64_t flags;			/* that it was opened with */
	enum place place;
};

struct cell {
	uint64_t seed;
	uint16_t cast[CELL_CAST]; /* whose files these are, and who comes most often */
	unsigned int age;	  /* calls since it was built */
	unsigned int life;
	struct slot slots[CELL_SLOTS];
	int plain_fds[CELL_SLOTS]; /* the same in the table of the plain processes; -1: free */
	struct call log[CELL_LOG]; /* the last ones, in turn */
	unsigned int num_log;
};

struct oracle_options {
	uint64_t operations; /* on all backends together */
	uint64_t seed;
	enum pathring_backend backends[3];
	size_t num_backends;
	const char *directory; /* NULL: a fresh one */
	size_t users;
	size_t depth; /* cells: that many calls in flight and more */
	bool progress;
};

#define TREE_SPACE 256

/* One pass over one backend. */
struct oracle {
	const struct oracle_options *options;
	enum pathring_backend backend;
	struct dice dice;
	char tree_a[TREE_SPACE]; /* pathring's */
	char tree_b[TREE_SPACE]; /* the plain calls' */
	struct who *whos;
	size_t num_whos;
	size_t num_cells;
	uint64_t round;
	bool walks; /* the engine makes path references without O_PATH */

	/* Seen by the plain processes, too: */
	struct cell *cells;
	struct call *calls; /* of this round */
	size_t num_calls;
	struct outcome *expected; /* what the plain processes got, by call */

	TALLOC_CTX *handles;	/* all handles in the cells */
	struct flight *flights; /* by call */
	struct reference *reference;
	struct side *side;
};

#endif /* ORACLE_H */
