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
#include <sys/vfs.h>
#include <time.h>
#include <talloc.h>

/*
 * The xattr in which Samba keeps DOS attributes, and the room it gives to its value when it asks.
 */
#define BENCH_XATTR_NAME "user.DOSATTRIB"
#define BENCH_XATTR_ROOM 256

/* The xattr that is written; nobody else's. */
#define BENCH_XATTR_WRITTEN "user.pathring-bench"

/* An xattr that is set and removed again. */
#define BENCH_XATTR_BRIEF "user.pathring-bench-brief"

/* Bytes that a pread or pwrite is about. */
#define BENCH_DATA_SIZE 4096

/* What is read of a directory at a time: as much as readdir() of the C library asks for. */
#define BENCH_DIRECTORY_ROOM 32768

/* What every engine asks of a file. */
#define BENCH_STATX_MASK (STATX_BASIC_STATS | STATX_BTIME)

/* What a request is about; operations.c says it in words. */
enum bench_kind {
	BENCH_LOOKUP,
	BENCH_STAT,
	BENCH_OPENAT,
	BENCH_OPEN_READ_CLOSE,
	BENCH_JOB,
	BENCH_STATX,
	BENCH_GETXATTR,
	BENCH_SETXATTR,
	BENCH_LISTXATTR,
	BENCH_SET_REMOVEXATTR,
	BENCH_PREAD,
	BENCH_PWRITE,
	BENCH_WRITE_FSYNC,
	BENCH_FTRUNCATE,
	BENCH_FALLOCATE,
	BENCH_FCHMOD,
	BENCH_FCHOWN,
	BENCH_UTIMENS,
	BENCH_STATFS,
	BENCH_READDIR,
	BENCH_READLINKAT,
	BENCH_MKDIR_RMDIR,
	BENCH_RENAMEAT,
	BENCH_LINK_UNLINK,
	BENCH_SYMLINK_UNLINK,
	BENCH_CREATE_DELETE,
	BENCH_LISTING,
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
	bool cold;	    /* requests wait for a disk */
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
struct bench_part;
struct bench_plan;
struct bench_round;
struct bench_tree;

/* The caller's until bench_complete() was called for it. */
struct bench_request {
	struct bench_load *load;
	struct bench_part *part; /* of the workload; not for engines */
	struct bench_request *next;
	size_t number;	 /* below the depth; no two in flight have the same */
	uint64_t due_ns; /* when it was to be made; in a closed loop when it was */
	uint64_t start_ns;
	size_t user;
	size_t file;

	enum bench_kind kind;
	size_t descriptor; /* which of the target's */
	const char *path;
	const char *new_path; /* of a rename or link, what a symbolic link says */
	const uint8_t *data;  /* to write; as an xattr or at the start of the file */
	size_t size;	      /* of data, or the most that may be answered */
	off_t length;	      /* of the file, or of what is allocated from its start on */
	unsigned int mode;    /* of the file, or FALLOC_FL_* */
	gid_t gid;	      /* a file's new group */
	const struct timespec *times;
	bool check; /* openat: stx of what was opened is wanted */

	bool missing; /* an operation that asks for a name asks for one that is not there */
	bool denied;  /* the right answer is, or contains, EACCES or EPERM */
};

/* Needs to be valid only until bench_complete() returns. What was not asked for is zero. */
struct bench_answer {
	int error; /* negative errno of the operation as a whole, or 0 and the following */
	const struct statx *stx;
	const struct statfs *statfs;
	const uint8_t *data; /* an xattr's value, names of xattrs, a link's target, or what was read
			      */
	ssize_t length; /* of data, or what was written; of a lookup's xattr also a negative errno
			 */
};

/*
 * How many entries a listing looks up at a time, where an engine can have any number in flight:
 * each of them has a descriptor open, and there are not so many.
 */
static inline size_t bench_entries_at_a_time(size_t depth)
{
	size_t num = 4096 / depth;

	if (num == 0) {
		return 1;
	}
	return num > 128 ? 128 : num;
}

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

	/*
	 * Its system calls can't be counted: it isn't all in this process, or its threads are
	 * older than the round.
	 */
	bool uncounted;

	/*
	 * Why it isn't there on this machine, or in this build; NULL when it is. A NULL function:
	 * always there.
	 */
	const char *(*absent)(void);

	/* Why it can't do this operation anywhere; NULL when it can. */
	const char *(*lacks)(enum bench_kind kind);

	/*
	 * Instead of all that follows, for what takes no requests from us: measure a whole round,
	 * in a closed loop of names that exist. False: *why says why not, a talloc string on
	 * mem_ctx, or a signal was caught.
	 */
	bool (*run)(TALLOC_CTX *mem_ctx,
		    const struct bench_tree *tree,
		    const struct bench_plan *plan,
		    struct bench_round *round,
		    char **why);

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
extern const struct bench_engine bench_engine_libuv;
extern const struct bench_engine bench_engine_fio;
extern const struct bench_engine bench_engine_pathring;
extern const struct bench_engine bench_engine_pathring_uring;
extern const struct bench_engine bench_engine_pathring_threads;
extern const struct bench_engine bench_engine_pathring_sync;
extern const struct bench_engine bench_engine_pathring_pin_inline;
extern const struct bench_engine bench_engine_pathring_pin_ring;
extern const struct bench_engine bench_engine_pathring_pin_thread;

/* All engines, absent ones too, ended by NULL. */
extern const struct bench_engine *const bench_engines[];

const struct bench_engine *bench_engine_by_name(const char *name);

/* Why it can't be chosen here; NULL when it can. */
const char *bench_engine_absent(const struct bench_engine *engine);

/*
 * For engines: an entry of the directory that is read or listed; "." and ".." are left out. The
 * answer is that to a lookup of it, or says nothing where entries are only read. For each request
 * one at a time, whatever the thread.
 */
void bench_entry(const struct bench_request *request,
		 const char *name,
		 const struct bench_answer *answer);

/* For engines: this request is answered. Its latency ends here. */
void bench_complete(struct bench_request *request, const struct bench_answer *answer);

#endif /* BENCH_ENGINE_H */
