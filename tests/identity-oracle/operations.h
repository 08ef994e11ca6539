/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations of the oracle: each is one block with how its arguments are drawn, how pathring is
 * asked, what is told of pathring's answer, and what a plain process does instead and tells of it.
 */
#ifndef ORACLE_OPERATIONS_H
#define ORACLE_OPERATIONS_H

#include "oracle.h"
#include "outcome.h"

/* What a call is drawn with. */
struct draw {
	struct dice *dice;
	struct cell *cell;
	const struct who *whos;
	struct call *call;
	bool poor; /* there was no handle of the kind wanted */
};

/* A call on pathring's side. */
struct flight {
	const struct call *call;
	const struct cell *cell;
	const struct oracle *oracle;
	struct tevent_context *ev;
	struct pathring *ring;
	struct pathring_identity *identity;
	struct pathring_handle *handle;
	struct pathring_handle *handle2;
	struct pathring_request *request;
	struct pathring_handle *opened; /* to be kept */
	unsigned int tries;
	/* What the handles were made of, to look at afterwards; valid for calls that change. */
	int fd;
	int fd2;
	bool own_fds;
	void (*finish)(struct flight *flight); /* for a start */
	struct outcome outcome;
};

/* A call on the side of the plain processes. */
struct plain {
	const struct call *call;
	const struct cell *cell;
	const struct oracle *oracle;
	int fd;
	int fd2;
	int opened;  /* -1: nothing */
	bool closed; /* fd was closed */
	struct outcome *outcome;
};

struct operation {
	const char *name;
	unsigned int weight; /* how often it is drawn, 0: never */
	void (*draw)(struct draw *draw);
	int (*request)(struct flight *flight, pathring_request_fn fn);
	void (*result)(struct flight *flight);
	void (*plain)(struct plain *plain);
	/* Instead of request and result, for what is no request: done when it returns, */
	void (*local)(struct flight *flight);
	/* or begun: 0 when flight->finish will be called from the loop, or a negative errno. */
	int (*start)(struct flight *flight);
};

extern const struct operation *const operations[];
extern const size_t num_operations;

uint8_t operation_index(const struct operation *operation);

extern const struct operation operation_build;
extern const struct operation operation_openat;
extern const struct operation operation_lookup;
extern const struct operation operation_lookups;
extern const struct operation operation_close;
extern const struct operation operation_statx;
extern const struct operation operation_statfs;
extern const struct operation operation_readdir;
extern const struct operation operation_readlinkat;
extern const struct operation operation_getxattr;
extern const struct operation operation_setxattr;
extern const struct operation operation_listxattr;
extern const struct operation operation_removexattr;
extern const struct operation operation_pread;
extern const struct operation operation_pwrite;
extern const struct operation operation_fsync;
extern const struct operation operation_ftruncate;
extern const struct operation operation_fallocate;
extern const struct operation operation_fchmod;
extern const struct operation operation_fchown;
extern const struct operation operation_utimens;
extern const struct operation operation_mkdirat;
extern const struct operation operation_unlinkat;
extern const struct operation operation_renameat;
extern const struct operation operation_linkat;
extern const struct operation operation_symlinkat;
extern const struct operation operation_job;
extern const struct operation operation_run_as;
extern const struct operation operation_callback_as;

/* ---- for drawing (draw.c) ---- */

enum want {
	WANT_ANY,
	WANT_READ,
	WANT_WRITE,
	WANT_DIRECTORY,
	WANT_LIST,
	WANT_LINK,
};

/* A handle in use, mostly of the kind wanted. */
int8_t draw_slot(struct draw *draw, enum want want);
/* A directory and a path below it, as openat and lookup take it; may lead anywhere in the cell. */
void draw_path(struct draw *draw);
/* One component in the directory of that slot; new: rather one that is not there. */
void draw_name(struct draw *draw, int8_t slot, bool new, char name[NAME_SPACE]);
/* Where what is opened goes, if there is room, and what it is by its name. */
void draw_into(struct draw *draw);
uint64_t draw_resolve(struct draw *draw);
mode_t draw_mode(struct draw *draw);
uid_t draw_uid(struct draw *draw);
gid_t draw_gid(struct draw *draw);

/* ---- for both sides ---- */

/* The name itself: a call has no room for an overlong one. */
#define LONG_NAME "\001long"
#define LONG_NAME_LENGTH 300
const char *call_name(const char *name, char buffer[LONG_NAME_LENGTH + 1]);
/* The path of openat and lookup: absolute if the call has no directory. */
#define CALL_PATH_SPACE 512
const char *call_path(const struct call *call, const char *tree, char path[CALL_PATH_SPACE]);

/* A negative errno in place of -1. */
#define RESULT_OF(expression) result_of(expression)
int64_t result_of(int64_t ret);

/* What pathring.h says of names and paths beyond what the kernel does; 0, or a negative errno. */
int plain_check_name(const char *name);
/* openat2() with the rules that pathring.h says it adds. */
int plain_openat2(const struct plain *plain, uint64_t flags, uint64_t mode);
#define PROC_PATH_SPACE 32
void plain_proc_path(int fd, char path[PROC_PATH_SPACE]);

#endif /* ORACLE_OPERATIONS_H */
