/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What pathring-bench compares: one table of functions an engine, and the requests that the load
 * gives it. An engine only carries requests out; warm-up, timing and verification are the load's
 * (load.c).
 */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <talloc.h>

/*
 * The xattr in which Samba keeps DOS attributes, and the room it gives to its value when it asks.
 */
#define BENCH_XATTR_NAME "user.DOSATTRIB"
#define BENCH_XATTR_ROOM 256

/* The xattr that is written; nobody else's. */
#define BENCH_XATTR_WRITTEN "user.pathring-bench"

/* Bytes that a pread or pwrite is about. */
#define BENCH_DATA_SIZE 4096

/* What every engine asks of a file. */
#define BENCH_STATX_MASK (STATX_BASIC_STATS | STATX_BTIME)

/* What a request is about; operations.c says it in words. */
enum bench_kind {
	BENCH_LOOKUP,
	BENCH_OPENAT,
	BENCH_STATX,
	BENCH_GETXATTR,
	BENCH_SETXATTR,
	BENCH_LISTXATTR,
	BENCH_PREAD,
	BENCH_PWRITE,
	BENCH_MKDIR_RMDIR,
	BENCH_RENAMEAT,
	BENCH_NUM_KINDS
};

struct bench_user {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t num_groups;
};

/* What requests go to. */
struct bench_descriptor {
	int fd;
	bool io; /* for I/O, otherwise a path reference or a directory */
};

/* What the command line says to engines that can be told. */
struct bench_settings {
	size_t max_workers; /* 0: as the engine likes */
};

/* Where requests go and who makes them; the same for every engine. */
struct bench_target {
	bool kinds[BENCH_NUM_KINDS];		    /* that requests will be of */
	const struct bench_descriptor *descriptors; /* open for as long as the engine is */
	size_t num_descriptors;
	const struct bench_user *users;
	size_t num_users;
	bool self; /* the one user is who the process is */
	const struct bench_settings *settings;

	/*
	 * turn() also returns when this is readable, and does not read it; -1 in a closed loop. An
	 * engine without turn() need not look at it.
	 */
	int wake_fd;
};

struct bench_load;

/* The caller's until bench_complete() was called for it. */
struct bench_request {
	struct bench_load *load;
	struct bench_request *next;
	size_t number;	 /* below the depth; no two in flight have the same */
	uint64_t due_ns; /* when it was to be made; in a closed loop when it was */
	uint64_t start_ns;
	size_t user;
	size_t file;

	enum bench_kind kind;
	size_t descriptor; /* which of the target's */
	const char *path;
	const char *new_path; /* of a rename */
	const uint8_t *data;  /* to write; as an xattr or at the start of the file */
	size_t size;	      /* of data, or the most that may be answered */
	bool check;	      /* openat: stx of what was opened is wanted */

	bool missing; /* an operation that asks for a name asks for one that is not there */
	bool denied;  /* the right answer is, or contains, EACCES */
};

/* Needs to be valid only until bench_complete() returns. What was not asked for is zero. */
struct bench_answer {
	int error; /* negative errno of the operation as a whole, or 0 and the following */
	const struct statx *stx;
	const uint8_t *data; /* an xattr's value, names of xattrs, or what was read */
	ssize_t length; /* of data, or what was written; of a lookup's xattr also a negative errno
			 */
};

enum bench_placement { BENCH_INLINE, BENCH_RING, BENCH_THREAD, BENCH_NUM_PLACEMENTS };

/* Sums since the engine was opened. */
struct bench_account {
	uint64_t placed[BENCH_NUM_PLACEMENTS];
	uint64_t submissions; /* given to the kernel's ring */
	uint64_t enters;      /* system calls that gave them */
	uint64_t fallbacks;   /* requests that the ring could not run */
	uint64_t switches;    /* of a thread's credentials */
};

struct bench_engine {
	const char *name;
	const char *summary;
	int variant;	 /* which of those that share these functions; theirs to understand */
	bool identity;	 /* requests run as their user; without it nothing is denied */
	bool concurrent; /* more than one request at a time */

	/* Why it can't do this operation anywhere; NULL when it can. */
	const char *(*lacks)(enum bench_kind kind);

	/*
	 * Make ready for `depth` requests at a time. False: *why says why not, a talloc string on
	 * mem_ctx.
	 */
	bool (*open)(TALLOC_CTX *mem_ctx,
		     const struct bench_engine *engine,
		     const struct bench_target *target,
		     size_t depth,
		     void **state,
		     char **why);

	/*
	 * Carry a request out or begin it; bench_complete() is called for it once, now or from
	 * turn(). 0, or a negative errno when it was not accepted.
	 */
	int (*submit)(void *state, struct bench_request *request);

	/*
	 * Wait until something happened; a signal is something. NULL when submit() has always
	 * completed.
	 */
	int (*turn)(void *state);

	void (*account)(void *state, struct bench_account *account);

	/* The name of what carries the requests out, where open() had a choice; else NULL. */
	const char *(*backend)(void *state);

	/* The thread is as it was before open(), credentials included. */
	void (*close)(void *state);
};

extern const struct bench_engine bench_engine_raw;
extern const struct bench_engine bench_engine_raw_uring;
extern const struct bench_engine bench_engine_smbd;
extern const struct bench_engine bench_engine_smbd_pool;
extern const struct bench_engine bench_engine_pathring;
extern const struct bench_engine bench_engine_pathring_uring;
extern const struct bench_engine bench_engine_pathring_threads;
extern const struct bench_engine bench_engine_pathring_sync;
extern const struct bench_engine bench_engine_pathring_pin_inline;
extern const struct bench_engine bench_engine_pathring_pin_ring;
extern const struct bench_engine bench_engine_pathring_pin_thread;

/* All engines, ended by NULL. */
extern const struct bench_engine *const bench_engines[];

const struct bench_engine *bench_engine_by_name(const char *name);

/* For engines: this request is answered. Its latency ends here. */
void bench_complete(struct bench_request *request, const struct bench_answer *answer);

#endif /* BENCH_ENGINE_H */
