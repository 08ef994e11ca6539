/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * pathring: path-based file operations as io_uring submissions, each under its own identity,
 * completing into a tevent loop. This header is the whole public interface; what it does not say is
 * not promised.
 *
 * Rules that hold for every function here, unless its own text says otherwise:
 *
 * Errors. A function that returns int or ssize_t returns 0 or a count, or a negative errno as the
 * kernel gave it. The kernel's internal restart codes (-512 to -516) never leave the engine; they
 * become -EINTR.
 *
 * Threads. An engine belongs to the thread that created it (the ring is set up with
 * IORING_SETUP_SINGLE_ISSUER and personalities must be registered by the submitting thread). A call
 * from another thread fails with -EXDEV.
 *
 * Fork. A child that inherits a started engine gets -ECHILD from every call and can't touch the
 * parent's ring. Freeing what it inherited is allowed and releases the child's own copies of
 * descriptors and memory only. An engine that was not started yet may be used by either side.
 *
 * Credentials. After any call the thread's credentials, umask and working directory are what they
 * were. When they can't be restored the process is aborted: it would go on as the wrong user.
 *
 * Callbacks. None runs inside a _send or _request function, inside pathring_request_wait() or from
 * a destructor: they run from the tevent loop.
 *
 * Compiling. _GNU_SOURCE must be defined before any header, for struct statx; where off_t has 32
 * bits otherwise, _FILE_OFFSET_BITS=64 as well.
 *
 * Ownership. Objects are talloc objects of the mem_ctx they were asked for on. What the kernel may
 * still write to is owned by the engine until the kernel has let go of it, so anything here may be
 * freed at any moment.
 */
#ifndef PATHRING_H
#define PATHRING_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>
#include <talloc.h>
#include <tevent.h>

#ifdef __cplusplus
extern "C" {
#else
_Static_assert(sizeof(off_t) == 8, "pathring needs _FILE_OFFSET_BITS=64");
#endif

struct pathring;
struct pathring_identity;
struct pathring_handle;
struct pathring_request;

/* ---- the engine ---- */

enum pathring_backend {
	PATHRING_BACKEND_AUTO,	  /* the first of the following that this process may use */
	PATHRING_BACKEND_URING,	  /* io_uring, one personality an identity */
	PATHRING_BACKEND_THREADS, /* helper threads with credentials of their own */
	PATHRING_BACKEND_SYNC,	  /* the calling thread, switched for the time of the call */
};

/* Where a request runs when there is a choice. */
enum pathring_pin {
	PATHRING_PIN_LEARNED, /* where it is cheapest, by what the engine has seen */
	PATHRING_PIN_INLINE, /* in the engine's thread, switched to the identity where it must be */
	PATHRING_PIN_RING,
	PATHRING_PIN_THREAD,
};

enum pathring_log_level {
	PATHRING_LOG_ERROR,
	PATHRING_LOG_WARNING,
	PATHRING_LOG_INFO,
};

typedef void (*pathring_log_fn)(void *private_data,
				enum pathring_log_level level,
				const char *message);

/*
 * All members may be zero: that is the default, given in brackets.
 */
struct pathring_options {
	/*
	 * [AUTO] A backend named explicitly is never replaced by another: if it is refused every
	 * request fails.
	 */
	enum pathring_backend backend;
	/*
	 * [256] Entries of the submission queue, a power of two from 16 to 4096. The completion
	 * queue has 4 times as many.
	 */
	unsigned int entries;
	/* [131072] Requests that may exist and not be complete. One more fails with -ENOBUFS. */
	size_t max_requests;
	/*
	 * [128] Helper threads at most. They start when needed, more than a few only while requests
	 * wait for a slow file system, and end after some seconds without work.
	 */
	unsigned int max_threads;
	/*
	 * [256] Kernel workers of the ring at most, for requests that block. More than a few work
	 * only while requests wait for a slow file system.
	 */
	unsigned int max_workers;
	/*
	 * [4096] Personalities registered at once, 2 to 65535 (the kernel's limit). The least
	 * recently used goes; that of the process stays.
	 */
	unsigned int max_personalities;
	/*
	 * [LEARNED] Where requests run that have a choice. Any other value pins them there, for
	 * comparison: a request that can't run at that place runs where it would otherwise.
	 */
	enum pathring_pin pin;
	/*
	 * [false] Path references without O_PATH: see pathring_openat_send().
	 */
	bool without_o_path;
	/*
	 * [5000] Milliseconds that freeing the engine waits at most for requests that hang in the
	 * kernel.
	 */
	unsigned int destroy_msec;
	/*
	 * [none] Told once what was refused, why and what to do about it. Called from the loop,
	 * pathring_start() or pathring_describe(); must not free the engine.
	 */
	pathring_log_fn log_fn;
	void *log_private_data;
};

/*
 * Make an engine on mem_ctx. Cheap: no ring and no thread yet, they are made with the first request
 * (or pathring_start()) in the process that uses them, so that a server may create the engine
 * before it forks and use it after, or not at all.
 *
 * The thread's credentials at this moment become the process identity: the ring is created under
 * it, because ring memory counts against RLIMIT_MEMLOCK of an unprivileged creator.
 *
 * ev must outlive the engine's use. options may be NULL. Fails with -EINVAL (bad options), -ENOMEM,
 * or what capget(2) and mmap(2) say.
 *
 * Freeing the engine with talloc_free() cancels what is in flight and waits for every completion,
 * for options->destroy_msec at most. What hangs in the kernel then (a file system that does not
 * answer) keeps its memory and descriptors until the kernel lets go of them; a thread of the
 * library's own waits for that. A tevent_req still in progress then fails with ECANCELED from the
 * loop; a struct pathring_request still pending is gone, its callback is never called.
 */
int pathring_create(TALLOC_CTX *mem_ctx,
		    struct tevent_context *ev,
		    const struct pathring_options *options,
		    struct pathring **ring);

/*
 * Make the backend now and try what this kernel can do, instead of with the first request. Returns
 * 0 also when a lesser backend had to be taken (see pathring_backend()); the error of the last one
 * tried when there is none.
 */
int pathring_start(struct pathring *ring);

/*
 * The backend in use; PATHRING_BACKEND_AUTO before the engine was started or when it could not be.
 * A ring that takes nothing any more, for example since a seccomp filter was installed, is given
 * up: helper threads are in use from then on, whichever backend was asked for.
 */
enum pathring_backend pathring_backend(const struct pathring *ring);
const char *pathring_backend_name(enum pathring_backend backend);

/*
 * A text for people: kernel, backend, each capability, and why one is missing and what to do about
 * it. Starts the engine. NULL without memory.
 */
char *pathring_describe(struct pathring *ring, TALLOC_CTX *mem_ctx);

/*
 * Give everything queued to the kernel now instead of at the end of this turn of the loop. Never
 * needed for correctness.
 */
int pathring_submit(struct pathring *ring);

/*
 * May anything have completed that an event loop has not told of yet? For a caller with long work
 * of its own in the engine's thread, to know when to go back to the loop; one poll(2) at most.
 * Nothing is submitted or delivered here. false as well in a thread or process that may not use the
 * engine.
 */
bool pathring_has_completions(const struct pathring *ring);

/* ---- counters ---- */

/*
 * One line an operation: PATHRING_OPENAT and so on, and the name that pathring_operation_name()
 * gives.
 */
#define PATHRING_OPERATIONS(X)      \
	X(OPENAT, openat)           \
	X(CLOSE, close)             \
	X(STATX, statx)             \
	X(GETXATTR, getxattr)       \
	X(SETXATTR, setxattr)       \
	X(LISTXATTR, listxattr)     \
	X(REMOVEXATTR, removexattr) \
	X(PREAD, pread)             \
	X(PWRITE, pwrite)           \
	X(FSYNC, fsync)             \
	X(FTRUNCATE, ftruncate)     \
	X(FALLOCATE, fallocate)     \
	X(FCHMOD, fchmod)           \
	X(FCHOWN, fchown)           \
	X(UTIMENS, utimens)         \
	X(STATFS, statfs)           \
	X(READDIR, readdir)         \
	X(READLINKAT, readlinkat)   \
	X(MKDIRAT, mkdirat)         \
	X(UNLINKAT, unlinkat)       \
	X(RENAMEAT, renameat)       \
	X(LINKAT, linkat)           \
	X(SYMLINKAT, symlinkat)     \
	X(LOOKUP, lookup)           \
	X(LOOKUPS, lookups)         \
	X(JOB, job)

#define PATHRING_OPERATION_CONSTANT(constant, name) PATHRING_##constant,

enum pathring_operation {
	PATHRING_OPERATIONS(PATHRING_OPERATION_CONSTANT) PATHRING_NUM_OPERATIONS
};

enum pathring_placement {
	PATHRING_INLINE, /* in the engine's thread */
	PATHRING_RING,	 /* by the kernel, through the ring */
	PATHRING_THREAD, /* in a helper thread */
	PATHRING_NUM_PLACEMENTS
};

const char *pathring_operation_name(enum pathring_operation operation);
const char *pathring_placement_name(enum pathring_placement placement);

/* Why a request ran where it ran. */
#define PATHRING_REASONS(X)                                               \
	X(ONLY_WAY, "there is one way")                                   \
	X(PINNED, "pinned by option")                                     \
	X(CHEAPER, "learned to be cheapest")                              \
	X(TRIED, "tried again, to learn")                                 \
	X(REMOTE, "the file system may have to ask a server")             \
	X(OBJECTIVE, "the file system judges by more than a personality") \
	X(NOT_CACHED, "not in the cache")                                 \
	X(SLOW, "took too long in the engine's thread before")            \
	X(BUDGET, "the engine's thread has worked long enough")           \
	X(FALLBACK, "the ring could not run it")                          \
	X(NO_RING, "the ring takes nothing any more")

#define PATHRING_REASON_CONSTANT(constant, text) PATHRING_REASON_##constant,

enum pathring_reason { PATHRING_REASONS(PATHRING_REASON_CONSTANT) PATHRING_NUM_REASONS };

const char *pathring_reason_text(enum pathring_reason reason);

struct pathring_stats {
	struct pathring_operation_stats {
		uint64_t placed[PATHRING_NUM_PLACEMENTS]; /* where completed requests ran */
		uint64_t reason[PATHRING_NUM_REASONS];	  /* and why there */
		uint64_t denied;			  /* completed with EACCES or EPERM */
		uint64_t failed;			  /* completed with another error */
	} operation[PATHRING_NUM_OPERATIONS];
	uint64_t submissions; /* submission entries given to the kernel */
	uint64_t enters;      /* io_uring_enter calls that gave them */
	uint64_t fallbacks;   /* requests that the ring could not run and something else did */
	uint64_t orphaned;    /* requests freed before they were complete */
	uint64_t switches; /* times the engine changed a thread's credentials, restoring not counted
			    */
	uint64_t registrations; /* personalities registered so far */
	size_t personalities;	/* personalities registered now */
	size_t identities;	/* identities known now */
	size_t queued;		/* requests that wait in the engine's own queue now */
	size_t in_flight;	/* requests that a backend works on now */
	size_t room;		/* requests that may be made before one fails with -ENOBUFS */
	size_t lingering;	/* requests of engines freed in this process that hang still */
};

void pathring_stats(const struct pathring *ring, struct pathring_stats *stats);

/*
 * How long completed requests took, from _send or _request to completion: nanoseconds that quantile
 * (0 to 1) of them did not exceed, within 7 %. 0 where there were none.
 */
uint64_t pathring_latency(const struct pathring *ring,
			  enum pathring_operation operation,
			  enum pathring_placement placement,
			  double quantile);

/* A text for people: what ran where and why, how long it took, and under whom. NULL without memory.
 */
char *pathring_account(struct pathring *ring, TALLOC_CTX *mem_ctx);

/* ---- identities ---- */

/*
 * Identities are compared by value (uid, gid, supplementary groups as a set). Any number of objects
 * may stand for the same one. An object may be freed at any time; requests hold what they need.
 *
 * uid 0 is root with the capabilities that the process had at pathring_create(). Any other uid has
 * no effective capability: that is checked after each switch and before each registration, and what
 * fails the check fails.
 */

/*
 * An identity from its parts, for example of a logged-in user. Fails with -EPERM when this process
 * may not become that user (found out when the identity is first used by a backend, not here),
 * -EINVAL for uid or gid -1 or more than 65536 groups (NGROUPS_MAX), -ENOMEM.
 */
int pathring_identity_unix(struct pathring *ring,
			   TALLOC_CTX *mem_ctx,
			   uid_t uid,
			   gid_t gid,
			   const gid_t *groups,
			   size_t num_groups,
			   struct pathring_identity **identity);

/*
 * What this thread is right now (effective ids and groups, asked of the kernel): for a server that
 * has switched already. Euid 0 means root and is meant. On a running ring a new identity is
 * registered here, from the thread's own credentials, so that no switch is ever made for it. Fails
 * with -EPERM when the thread's effective capabilities are not those that such an identity may
 * have, or its file operations ask other ids than the effective ones (setfsuid).
 */
int pathring_identity_current(struct pathring *ring,
			      TALLOC_CTX *mem_ctx,
			      struct pathring_identity **identity);

/* The service itself, said explicitly. Owned by the engine. */
struct pathring_identity *pathring_identity_process(struct pathring *ring);

/*
 * Nobody in particular, for functions that serve a file system in user space, which has identities
 * of its own: taken by jobs, pathring_run_as() and pathring_callback_as(), which then never switch
 * this thread; helper threads run it as the process. Every operation on files of the kernel refuses
 * it with -EINVAL. Its ids are -1. Owned by the engine.
 */
struct pathring_identity *pathring_identity_none(struct pathring *ring);

uid_t pathring_identity_uid(const struct pathring_identity *identity);
gid_t pathring_identity_gid(const struct pathring_identity *identity);

/* ---- handles ---- */

/*
 * A handle is a descriptor that knows whether I/O may be done on it. A path reference (O_PATH) may
 * be looked at (statx, getxattr, as directory of an openat) and never read or written, also where
 * the kernel would allow it. A handle that a request uses stays open until the request is complete,
 * whoever frees it: the kernel resolves descriptors when a worker starts the operation, not at
 * submission.
 *
 * Freeing a handle closes its descriptor at once or with the last request that uses it;
 * pathring_close_send() does so without blocking the loop.
 */
enum pathring_handle_kind {
	PATHRING_PATHREF,
	PATHRING_IO,
};

/*
 * A handle on a duplicate of fd (close-on-exec). Not for I/O on files with POSIX locks: closing any
 * duplicate drops them.
 */
int pathring_handle_dup(TALLOC_CTX *mem_ctx,
			int fd,
			enum pathring_handle_kind kind,
			struct pathring_handle **handle);

/*
 * A handle on the caller's own fd. The caller promises that fd stays open and stays the same file
 * until every request made with the handle is complete, also one it has freed. The engine never
 * closes fd.
 */
int pathring_handle_borrow(TALLOC_CTX *mem_ctx,
			   int fd,
			   enum pathring_handle_kind kind,
			   struct pathring_handle **handle);

/* The descriptor, for I/O: -EBADF for a path reference or a closed handle. Owned by the handle. */
int pathring_handle_io_fd(const struct pathring_handle *handle);

/* The descriptor, for use as a path reference: of any open handle. Owned by the handle. */
int pathring_handle_pathref_fd(const struct pathring_handle *handle);

/* ---- requests ---- */

/*
 * Every operation comes in two dresses.
 *
 * pathring_X_send()/pathring_X_recv(): a tevent_req. Freeing it before it is complete orphans the
 * request: it is cancelled where possible, its result is dropped, a descriptor it opened is closed.
 * tevent_req_cancel() does the same and ends the tevent_req with ECANCELED, also where the kernel
 * can't be interrupted; false: it is complete. tevent_req_set_endtime() ends it with ETIMEDOUT.
 *
 * pathring_X_request()/pathring_X_result(): the request itself with a plain completion function,
 * for callers that make thousands of requests a turn. _request returns 0 and the request, or an
 * error and none. Once done (its function was called, or pathring_request_wait() returned 0)
 * _result gives the outcome, as often as wanted, until pathring_request_free(). Pointers that
 * _result gives live as long as the request.
 *
 * The identity, the handles, paths, names, data and all argument structures may be freed or reused
 * as soon as _send or _request has returned. In both dresses an error is, besides what the kernel
 * says of the operation: -EINVAL a bad argument (also NULL where an object, a path or a name is
 * needed, and an identity of another engine), -EPERM the identity can't be assumed, -ENOBUFS too
 * many requests, -ENOMEM, -ECHILD, -EXDEV, -ECANCELED the engine was freed, or the error with which
 * the backend was refused.
 */
typedef void (*pathring_request_fn)(struct pathring_request *request, void *private_data);

/*
 * Block until this one request is complete, running nobody's callback and no nested event loop. Its
 * own function will not be called any more. Requests that complete meanwhile are delivered by the
 * loop later. Returns 0; the outcome is asked with pathring_X_result(). There is no way out of it:
 * a request on a file system that does not answer blocks its caller for as long.
 */
int pathring_request_wait(struct pathring_request *request);

/* Free a request in any state; one that is not complete is orphaned. NULL is allowed. */
void pathring_request_free(struct pathring_request *request);

/*
 * Where a completed request ran, and how long from _send or _request to completion, in nanoseconds.
 */
enum pathring_placement pathring_request_placement(const struct pathring_request *request);
uint64_t pathring_request_duration(const struct pathring_request *request);

/*
 * openat. path is resolved by openat2(2) below dir. With dir NULL the path must be absolute
 * (-EINVAL); with dir it must not be (-EXDEV): AT_FDCWD is never used, since a kernel worker sees
 * whatever the working directory is by then.
 *
 * flags: O_* as for open(2). O_PATH makes a path reference. O_CLOEXEC is always set.
 * mode: of a file that is created; umask does not shape it (a default ACL of the directory does).
 * resolve: RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV. 0 with a dir
 * means RESOLVE_BENEATH. RESOLVE_NO_MAGICLINKS is always added and may be given. Any other
 * bit, or the first two together: -EINVAL.
 *
 * An empty path: -ENOENT; PATH_MAX bytes or more, or a component longer than the file system takes:
 * -ENAMETOOLONG. A path is a C string: whoever has counted strings must refuse those with a NUL.
 *
 * Where O_PATH is to be done without (options->without_o_path), a path reference is made by walking
 * the path: the identity must be allowed to search each directory, and root opens the next
 * component with O_RDONLY | O_NOFOLLOW | O_NONBLOCK. It can't be used for I/O all the same.
 * Symbolic links are not followed then (-ELOOP), ".." is not taken (-EXDEV), devices and sockets
 * can't be referred to (-EOPNOTSUPP), nor for now a file with a lease that excludes readers
 * (-EAGAIN, and its holder is told), and dir must be given (-EINVAL).
 */
struct pathring_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

struct tevent_req *pathring_openat_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *dir,
					const char *path,
					const struct pathring_how *how);
int pathring_openat_recv(struct tevent_req *req,
			 TALLOC_CTX *mem_ctx,
			 struct pathring_handle **handle);
int pathring_openat_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *dir,
			    const char *path,
			    const struct pathring_how *how,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **request);
/*
 * Moves the handle out: a second call fails with -EBADF. Not taken, it is closed with the request.
 */
int pathring_openat_result(struct pathring_request *request,
			   TALLOC_CTX *mem_ctx,
			   struct pathring_handle **handle);

/*
 * close. Takes the handle over: *handle is freed and set to NULL at once, also when the request
 * fails. The descriptor is closed when every other request that uses it is complete. Worth a
 * request where close flushes (NFS, FUSE); a borrowed handle is refused with -EINVAL and not
 * touched. -EBUSY: a request of a freed engine hangs on it, and closes it in the end.
 */
struct tevent_req *pathring_close_send(TALLOC_CTX *mem_ctx,
				       struct tevent_context *ev,
				       struct pathring *ring,
				       struct pathring_identity *identity,
				       struct pathring_handle **handle);
int pathring_close_recv(struct tevent_req *req);
int pathring_close_request(struct pathring *ring,
			   struct pathring_identity *identity,
			   struct pathring_handle **handle,
			   pathring_request_fn fn,
			   void *private_data,
			   struct pathring_request **request);
int pathring_close_result(struct pathring_request *request);

/*
 * statx of an open handle of either kind. flags: AT_STATX_FORCE_SYNC or AT_STATX_DONT_SYNC or 0;
 * mask: STATX_*. There is no statx by name: a path is resolved by openat and lookup alone.
 */
struct tevent_req *pathring_statx_send(TALLOC_CTX *mem_ctx,
				       struct tevent_context *ev,
				       struct pathring *ring,
				       struct pathring_identity *identity,
				       struct pathring_handle *handle,
				       unsigned int flags,
				       unsigned int mask);
int pathring_statx_recv(struct tevent_req *req, struct statx *stx);
int pathring_statx_request(struct pathring *ring,
			   struct pathring_identity *identity,
			   struct pathring_handle *handle,
			   unsigned int flags,
			   unsigned int mask,
			   pathring_request_fn fn,
			   void *private_data,
			   struct pathring_request **request);
int pathring_statx_result(struct pathring_request *request, struct statx *stx);

/*
 * getxattr of an open handle of either kind. size is the most that the value may have (up to
 * XATTR_SIZE_MAX, 65536); a longer value fails with -ERANGE, size 0 asks for the length alone.
 * Returns the length. _recv gives the value as a talloc object on mem_ctx, NULL for size 0; value
 * may be NULL. An empty name or one of over 255 bytes: -ERANGE; a size above XATTR_SIZE_MAX:
 * -EINVAL. Without procfs the xattrs of a path reference may not be had: -EOPNOTSUPP.
 */
struct tevent_req *pathring_getxattr_send(TALLOC_CTX *mem_ctx,
					  struct tevent_context *ev,
					  struct pathring *ring,
					  struct pathring_identity *identity,
					  struct pathring_handle *handle,
					  const char *name,
					  size_t size);
ssize_t pathring_getxattr_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, uint8_t **value);
int pathring_getxattr_request(struct pathring *ring,
			      struct pathring_identity *identity,
			      struct pathring_handle *handle,
			      const char *name,
			      size_t size,
			      pathring_request_fn fn,
			      void *private_data,
			      struct pathring_request **request);
ssize_t pathring_getxattr_result(struct pathring_request *request, const uint8_t **value);

/*
 * setxattr of an open handle of either kind. flags: XATTR_CREATE, XATTR_REPLACE or 0. The value is
 * copied before _send or _request returns. A size above XATTR_SIZE_MAX: -E2BIG, as the kernel says.
 * Names and path references: as for getxattr.
 */
struct tevent_req *pathring_setxattr_send(TALLOC_CTX *mem_ctx,
					  struct tevent_context *ev,
					  struct pathring *ring,
					  struct pathring_identity *identity,
					  struct pathring_handle *handle,
					  const char *name,
					  const void *value,
					  size_t size,
					  int flags);
int pathring_setxattr_recv(struct tevent_req *req);
int pathring_setxattr_request(struct pathring *ring,
			      struct pathring_identity *identity,
			      struct pathring_handle *handle,
			      const char *name,
			      const void *value,
			      size_t size,
			      int flags,
			      pathring_request_fn fn,
			      void *private_data,
			      struct pathring_request **request);
int pathring_setxattr_result(struct pathring_request *request);

/*
 * listxattr of an open handle of either kind: the names, each with its NUL, one after the other.
 * size is the most that they may take (up to XATTR_LIST_MAX, 65536); more fail with -ERANGE, size 0
 * asks for the length alone. Returns the length. The kernel lists what the identity may see.
 */
struct tevent_req *pathring_listxattr_send(TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct pathring *ring,
					   struct pathring_identity *identity,
					   struct pathring_handle *handle,
					   size_t size);
ssize_t pathring_listxattr_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, char **names);
int pathring_listxattr_request(struct pathring *ring,
			       struct pathring_identity *identity,
			       struct pathring_handle *handle,
			       size_t size,
			       pathring_request_fn fn,
			       void *private_data,
			       struct pathring_request **request);
ssize_t pathring_listxattr_result(struct pathring_request *request, const char **names);

/* removexattr of an open handle of either kind. Names and path references: as for getxattr. */
struct tevent_req *pathring_removexattr_send(TALLOC_CTX *mem_ctx,
					     struct tevent_context *ev,
					     struct pathring *ring,
					     struct pathring_identity *identity,
					     struct pathring_handle *handle,
					     const char *name);
int pathring_removexattr_recv(struct tevent_req *req);
int pathring_removexattr_request(struct pathring *ring,
				 struct pathring_identity *identity,
				 struct pathring_handle *handle,
				 const char *name,
				 pathring_request_fn fn,
				 void *private_data,
				 struct pathring_request **request);
int pathring_removexattr_result(struct pathring_request *request);

/*
 * pread from a handle for I/O; from any other, or NULL: -EBADF, as for pwrite and fsync. Reads
 * until size bytes, the end of the file or an error after which nothing was read; an error after
 * some bytes gives those bytes. The kernel writes into the engine's memory; the data is copied to
 * the caller's buffer (size bytes) in _recv. _result gives a pointer to it instead.
 */
struct tevent_req *pathring_pread_send(TALLOC_CTX *mem_ctx,
				       struct tevent_context *ev,
				       struct pathring *ring,
				       struct pathring_identity *identity,
				       struct pathring_handle *handle,
				       size_t size,
				       off_t offset);
ssize_t pathring_pread_recv(struct tevent_req *req, void *buffer);
int pathring_pread_request(struct pathring *ring,
			   struct pathring_identity *identity,
			   struct pathring_handle *handle,
			   size_t size,
			   off_t offset,
			   pathring_request_fn fn,
			   void *private_data,
			   struct pathring_request **request);
ssize_t pathring_pread_result(struct pathring_request *request, const uint8_t **data);
/*
 * The same into the caller's buffer, which spares a copy of the data, and memory. The buffer must
 * stay until the request is complete, and has no defined content until then.
 * pathring_request_free() of one that is running, and freeing the engine, wait for its end, however
 * long the file system takes: afterwards nothing writes there any more.
 */
int pathring_pread_lent_request(struct pathring *ring,
				struct pathring_identity *identity,
				struct pathring_handle *handle,
				void *buffer,
				size_t size,
				off_t offset,
				pathring_request_fn fn,
				void *private_data,
				struct pathring_request **request);

/*
 * pwrite to a handle for I/O. Writes until all is written or an error; an error after some bytes
 * gives their count. The data is copied before _send or _request returns.
 */
struct tevent_req *pathring_pwrite_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *handle,
					const void *data,
					size_t size,
					off_t offset);
ssize_t pathring_pwrite_recv(struct tevent_req *req);
int pathring_pwrite_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *handle,
			    const void *data,
			    size_t size,
			    off_t offset,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **request);
ssize_t pathring_pwrite_result(struct pathring_request *request);
/* The same from the caller's memory, which must stay as it is until then; see pread. */
int pathring_pwrite_lent_request(struct pathring *ring,
				 struct pathring_identity *identity,
				 struct pathring_handle *handle,
				 const void *data,
				 size_t size,
				 off_t offset,
				 pathring_request_fn fn,
				 void *private_data,
				 struct pathring_request **request);

/* fsync, or fdatasync with data_only, of a handle for I/O. */
struct tevent_req *pathring_fsync_send(TALLOC_CTX *mem_ctx,
				       struct tevent_context *ev,
				       struct pathring *ring,
				       struct pathring_identity *identity,
				       struct pathring_handle *handle,
				       bool data_only);
int pathring_fsync_recv(struct tevent_req *req);
int pathring_fsync_request(struct pathring *ring,
			   struct pathring_identity *identity,
			   struct pathring_handle *handle,
			   bool data_only,
			   pathring_request_fn fn,
			   void *private_data,
			   struct pathring_request **request);
int pathring_fsync_result(struct pathring_request *request);

/* ftruncate of a handle for I/O. A negative length: -EINVAL. */
struct tevent_req *pathring_ftruncate_send(TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct pathring *ring,
					   struct pathring_identity *identity,
					   struct pathring_handle *handle,
					   off_t length);
int pathring_ftruncate_recv(struct tevent_req *req);
int pathring_ftruncate_request(struct pathring *ring,
			       struct pathring_identity *identity,
			       struct pathring_handle *handle,
			       off_t length,
			       pathring_request_fn fn,
			       void *private_data,
			       struct pathring_request **request);
int pathring_ftruncate_result(struct pathring_request *request);

/* fallocate of a handle for I/O. mode: FALLOC_FL_*, judged by the kernel. */
struct tevent_req *pathring_fallocate_send(TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct pathring *ring,
					   struct pathring_identity *identity,
					   struct pathring_handle *handle,
					   int mode,
					   off_t offset,
					   off_t length);
int pathring_fallocate_recv(struct tevent_req *req);
int pathring_fallocate_request(struct pathring *ring,
			       struct pathring_identity *identity,
			       struct pathring_handle *handle,
			       int mode,
			       off_t offset,
			       off_t length,
			       pathring_request_fn fn,
			       void *private_data,
			       struct pathring_request **request);
int pathring_fallocate_result(struct pathring_request *request);

/* ---- attributes of an open handle of either kind ---- */

/*
 * fchmod. mode: 07777 at most (-EINVAL). Symbolic links have no mode: -EOPNOTSUPP. For a path
 * reference procfs is needed (-EOPNOTSUPP without it), as for utimens.
 */
struct tevent_req *pathring_fchmod_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *handle,
					mode_t mode);
int pathring_fchmod_recv(struct tevent_req *req);
int pathring_fchmod_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *handle,
			    mode_t mode,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **request);
int pathring_fchmod_result(struct pathring_request *request);

/* fchown. -1 leaves an id as it is. Of a symbolic link itself, not of what it points to. */
struct tevent_req *pathring_fchown_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *handle,
					uid_t uid,
					gid_t gid);
int pathring_fchown_recv(struct tevent_req *req);
int pathring_fchown_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *handle,
			    uid_t uid,
			    gid_t gid,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **request);
int pathring_fchown_result(struct pathring_request *request);

/*
 * utimens: access and modification time, UTIME_NOW or UTIME_OMIT for either. times NULL: both now.
 * Of a symbolic link itself.
 */
struct tevent_req *pathring_utimens_send(TALLOC_CTX *mem_ctx,
					 struct tevent_context *ev,
					 struct pathring *ring,
					 struct pathring_identity *identity,
					 struct pathring_handle *handle,
					 const struct timespec times[2]);
int pathring_utimens_recv(struct tevent_req *req);
int pathring_utimens_request(struct pathring *ring,
			     struct pathring_identity *identity,
			     struct pathring_handle *handle,
			     const struct timespec times[2],
			     pathring_request_fn fn,
			     void *private_data,
			     struct pathring_request **request);
int pathring_utimens_result(struct pathring_request *request);

/* statfs of the file system that the handle is on. */
struct tevent_req *pathring_statfs_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *handle);
int pathring_statfs_recv(struct tevent_req *req, struct statfs *statfs);
int pathring_statfs_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *handle,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **request);
int pathring_statfs_result(struct pathring_request *request, struct statfs *statfs);

/* ---- directories and names ---- */

/*
 * readdir: a batch of the entries of a directory, from position on, "." and ".." with them. handle
 * is one for I/O, of a directory opened with O_RDONLY | O_DIRECTORY (-ENOTDIR for a file). position
 * is 0 for the beginning, or the next of an entry that an earlier readdir gave. size is the memory
 * that the kernel may fill, 1 KiB to 1 MiB (-EINVAL); some 30 bytes and its name an entry.
 *
 * Returns the number of entries, 0 at the end. The descriptor has one position: while a readdir of
 * a handle is not complete another fails with -EBUSY. Duplicates (pathring_handle_dup(), or what
 * the caller does with a descriptor it lends) have that position in common: never two at a time.
 */
struct pathring_entry {
	const char *name;
	uint64_t inode;
	uint64_t next;	    /* the position after it */
	unsigned char type; /* DT_*; DT_UNKNOWN where the file system does not say */
};

struct tevent_req *pathring_readdir_send(TALLOC_CTX *mem_ctx,
					 struct tevent_context *ev,
					 struct pathring *ring,
					 struct pathring_identity *identity,
					 struct pathring_handle *handle,
					 uint64_t position,
					 size_t size);
ssize_t
pathring_readdir_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, struct pathring_entry **entries);
int pathring_readdir_request(struct pathring *ring,
			     struct pathring_identity *identity,
			     struct pathring_handle *handle,
			     uint64_t position,
			     size_t size,
			     pathring_request_fn fn,
			     void *private_data,
			     struct pathring_request **request);
ssize_t pathring_readdir_result(struct pathring_request *request,
				const struct pathring_entry **entries);

/*
 * readlinkat of a path reference to a symbolic link (openat with O_PATH | O_NOFOLLOW): its target,
 * with a NUL. Returns the length without it. Anything else: -EINVAL.
 */
struct tevent_req *pathring_readlinkat_send(TALLOC_CTX *mem_ctx,
					    struct tevent_context *ev,
					    struct pathring *ring,
					    struct pathring_identity *identity,
					    struct pathring_handle *handle);
ssize_t pathring_readlinkat_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, char **target);
int pathring_readlinkat_request(struct pathring *ring,
				struct pathring_identity *identity,
				struct pathring_handle *handle,
				pathring_request_fn fn,
				void *private_data,
				struct pathring_request **request);
ssize_t pathring_readlinkat_result(struct pathring_request *request, const char **target);

/*
 * The following change names. dir is any open directory; name is one component in it: not empty
 * (-ENOENT), no "/" in it (-EINVAL), neither "." nor ".." (-EINVAL), no longer than the file system
 * takes (-ENAMETOOLONG). The kernel has no RESOLVE_* rules for these calls, so a longer path is
 * opened first, with openat.
 */

/*
 * mkdirat. mode: 07777 at most (-EINVAL); umask does not shape it (a default ACL of dir does). The
 * kernel takes the set-user-ID and set-group-ID bits from dir alone, not from mode.
 */
struct tevent_req *pathring_mkdirat_send(TALLOC_CTX *mem_ctx,
					 struct tevent_context *ev,
					 struct pathring *ring,
					 struct pathring_identity *identity,
					 struct pathring_handle *dir,
					 const char *name,
					 mode_t mode);
int pathring_mkdirat_recv(struct tevent_req *req);
int pathring_mkdirat_request(struct pathring *ring,
			     struct pathring_identity *identity,
			     struct pathring_handle *dir,
			     const char *name,
			     mode_t mode,
			     pathring_request_fn fn,
			     void *private_data,
			     struct pathring_request **request);
int pathring_mkdirat_result(struct pathring_request *request);

/* unlinkat. flags: AT_REMOVEDIR or 0. */
struct tevent_req *pathring_unlinkat_send(TALLOC_CTX *mem_ctx,
					  struct tevent_context *ev,
					  struct pathring *ring,
					  struct pathring_identity *identity,
					  struct pathring_handle *dir,
					  const char *name,
					  int flags);
int pathring_unlinkat_recv(struct tevent_req *req);
int pathring_unlinkat_request(struct pathring *ring,
			      struct pathring_identity *identity,
			      struct pathring_handle *dir,
			      const char *name,
			      int flags,
			      pathring_request_fn fn,
			      void *private_data,
			      struct pathring_request **request);
int pathring_unlinkat_result(struct pathring_request *request);

/* renameat2. flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. */
struct tevent_req *pathring_renameat_send(TALLOC_CTX *mem_ctx,
					  struct tevent_context *ev,
					  struct pathring *ring,
					  struct pathring_identity *identity,
					  struct pathring_handle *old_dir,
					  const char *old_name,
					  struct pathring_handle *new_dir,
					  const char *new_name,
					  unsigned int flags);
int pathring_renameat_recv(struct tevent_req *req);
int pathring_renameat_request(struct pathring *ring,
			      struct pathring_identity *identity,
			      struct pathring_handle *old_dir,
			      const char *old_name,
			      struct pathring_handle *new_dir,
			      const char *new_name,
			      unsigned int flags,
			      pathring_request_fn fn,
			      void *private_data,
			      struct pathring_request **request);
int pathring_renameat_result(struct pathring_request *request);

/* linkat: a hard link. A symbolic link as old_name is linked itself. */
struct tevent_req *pathring_linkat_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *old_dir,
					const char *old_name,
					struct pathring_handle *new_dir,
					const char *new_name);
int pathring_linkat_recv(struct tevent_req *req);
int pathring_linkat_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *old_dir,
			    const char *old_name,
			    struct pathring_handle *new_dir,
			    const char *new_name,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **request);
int pathring_linkat_result(struct pathring_request *request);

/* symlinkat. target is stored as it is: empty -ENOENT, PATH_MAX bytes or more -ENAMETOOLONG. */
struct tevent_req *pathring_symlinkat_send(TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct pathring *ring,
					   struct pathring_identity *identity,
					   const char *target,
					   struct pathring_handle *dir,
					   const char *name);
int pathring_symlinkat_recv(struct tevent_req *req);
int pathring_symlinkat_request(struct pathring *ring,
			       struct pathring_identity *identity,
			       const char *target,
			       struct pathring_handle *dir,
			       const char *name,
			       pathring_request_fn fn,
			       void *private_data,
			       struct pathring_request **request);
int pathring_symlinkat_result(struct pathring_request *request);

/*
 * lookup: what a file server wants to know of a name, in one request: open it as a path reference,
 * statx it, and read any of its xattrs, all of exactly the inode that was opened.
 *
 * flags: O_NOFOLLOW and O_DIRECTORY only (O_PATH is implied); resolve: as for openat; mask:
 * STATX_*. xattrs: up to PATHRING_LOOKUP_MAX_XATTRS names, each with the most that its value may
 * have. NULL as a name asks for the names of all xattrs, as listxattr does; there is no opcode for
 * that, so that such a lookup does not go to the ring.
 *
 * The request fails as a whole when the open or the statx fails. Each xattr has its own outcome.
 */
#define PATHRING_LOOKUP_MAX_XATTRS 8

struct pathring_xattr_query {
	const char *name;
	size_t size;
};

struct pathring_lookup_how {
	uint64_t flags;
	uint64_t resolve;
	unsigned int mask;
	const struct pathring_xattr_query *xattrs;
	size_t num_xattrs;
};

struct pathring_xattr {
	const uint8_t *value; /* length bytes, NULL when the length is not positive or size was 0 */
	ssize_t length;	      /* or a negative errno: -ENODATA, -EACCES, -ERANGE, ... */
};

struct pathring_lookup {
	struct pathring_handle
		*handle; /* the path reference; a talloc child of this object, may be moved away */
	struct statx stx;
	size_t num_xattrs;
	struct pathring_xattr xattrs[PATHRING_LOOKUP_MAX_XATTRS]; /* in the order of the query */
};

struct tevent_req *pathring_lookup_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *dir,
					const char *path,
					const struct pathring_lookup_how *how);
int pathring_lookup_recv(struct tevent_req *req,
			 TALLOC_CTX *mem_ctx,
			 struct pathring_lookup **lookup);
int pathring_lookup_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *dir,
			    const char *path,
			    const struct pathring_lookup_how *how,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **request);
/*
 * stx and xattrs (PATHRING_LOOKUP_MAX_XATTRS at most) point into the request; either may be NULL.
 * The path reference is closed with the request unless pathring_lookup_take_handle() moves it out,
 * which works once (-EBADF after).
 */
int pathring_lookup_result(struct pathring_request *request,
			   const struct statx **stx,
			   const struct pathring_xattr **xattrs);
int pathring_lookup_take_handle(struct pathring_request *request,
				TALLOC_CTX *mem_ctx,
				struct pathring_handle **handle);

/*
 * lookups: the same of many names of one directory, as one request: for a server that lists. One
 * thread does them one after the other and is the identity once for all of them, which is cheapest
 * where nothing has to be waited for; where the file system makes one wait, lookup after lookup
 * waits, and requests of one name each overlap. dir must be given (-EINVAL); up to
 * PATHRING_LOOKUPS_MAX_NAMES names, at least one, each as path for lookup; how is for all.
 *
 * The request succeeds when the identity could be assumed; each name has its own outcome, with its
 * number: 0 or what lookup says. Results point into the request, and what is not moved out of it is
 * closed with it. pathring_lookups_take_fd() moves the path reference out as a plain descriptor
 * (O_PATH, close-on-exec) that is the caller's to close.
 */
#define PATHRING_LOOKUPS_MAX_NAMES 1024

struct pathring_lookups_entry {
	int result;
	struct pathring_lookup *lookup; /* a talloc child of the array; NULL with an error */
};

struct tevent_req *pathring_lookups_send(TALLOC_CTX *mem_ctx,
					 struct tevent_context *ev,
					 struct pathring *ring,
					 struct pathring_identity *identity,
					 struct pathring_handle *dir,
					 const char *const *names,
					 size_t num_names,
					 const struct pathring_lookup_how *how);
/* Returns the number of names, with as many entries on mem_ctx. */
ssize_t pathring_lookups_recv(struct tevent_req *req,
			      TALLOC_CTX *mem_ctx,
			      struct pathring_lookups_entry **entries);
int pathring_lookups_request(struct pathring *ring,
			     struct pathring_identity *identity,
			     struct pathring_handle *dir,
			     const char *const *names,
			     size_t num_names,
			     const struct pathring_lookup_how *how,
			     pathring_request_fn fn,
			     void *private_data,
			     struct pathring_request **request);
/*
 * The same in this thread, switched to the identity where it isn't it already: the request is
 * complete when this returns. For a caller that would wait for it at once. Does not start the
 * engine.
 */
int pathring_lookups_here(struct pathring *ring,
			  struct pathring_identity *identity,
			  struct pathring_handle *dir,
			  const char *const *names,
			  size_t num_names,
			  const struct pathring_lookup_how *how,
			  struct pathring_request **request);
int pathring_lookups_result(struct pathring_request *request,
			    size_t number,
			    const struct statx **stx,
			    const struct pathring_xattr **xattrs);
int pathring_lookups_take_handle(struct pathring_request *request,
				 size_t number,
				 TALLOC_CTX *mem_ctx,
				 struct pathring_handle **handle);
int pathring_lookups_take_fd(struct pathring_request *request, size_t number);
/*
 * How often the thread that did them had to wait for something (its voluntary context switches), to
 * tell a file system that makes one wait from a machine that is busy.
 */
unsigned long pathring_lookups_waits(struct pathring_request *request);

/* ---- functions of the caller's under an identity ---- */

/*
 * Run under an identity whatever this engine has no operation for. In a helper thread, whose
 * credentials, umask (0) and working directory are its own, with 512 KiB of stack and all signals
 * blocked. Where threads are refused, in the engine's thread, from the loop or
 * pathring_request_wait(); umask and working directory are then those of the process meanwhile.
 *
 * cwd: the working directory while job_fn runs, which the identity must be allowed to search
 * (-EACCES); NULL: "/". Nothing else tells where it is: relative paths are safe against being
 * moved.
 *
 * state is a talloc object, or NULL, that becomes the engine's at once, also on failure. Only
 * job_fn touches it until the job is complete; job_fn may allocate on it (unless it is of a talloc
 * pool, which others share), and on nothing else that another thread may use meanwhile. _recv moves
 * it to mem_ctx, _result only shows it. A job that is freed before it is complete runs to its end
 * all the same if it has begun; state is freed after it, in the helper thread if the engine did not
 * wait for that.
 *
 * Whatever job_fn does to the thread's own credentials, umask or working directory is undone after
 * it. It makes raw system calls for that: glibc's setuid() and its kin change every thread of the
 * process. It can't be interrupted: it should not block for ever. It can't use the engine: that
 * fails with -EXDEV.
 *
 * 0: job_fn has run; its own outcome is in its state. Otherwise it has not, and state is gone.
 */
typedef void (*pathring_job_fn)(void *state);

struct tevent_req *pathring_job_send(TALLOC_CTX *mem_ctx,
				     struct tevent_context *ev,
				     struct pathring *ring,
				     struct pathring_identity *identity,
				     struct pathring_handle *cwd,
				     pathring_job_fn job_fn,
				     void *state);
int pathring_job_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, void **state);
int pathring_job_request(struct pathring *ring,
			 struct pathring_identity *identity,
			 struct pathring_handle *cwd,
			 pathring_job_fn job_fn,
			 void *state,
			 pathring_request_fn fn,
			 void *private_data,
			 struct pathring_request **request);
int pathring_job_result(struct pathring_request *request, void **state);

/*
 * Run fn here and now under an identity, and be who one was again when it returns, whatever fn did
 * to this thread's credentials; when that is not possible the process is aborted. umask and working
 * directory stay as fn leaves them. Returns 0 when fn was run; else it was not. fn may use the
 * engine and may free it.
 */
int pathring_run_as(struct pathring *ring,
		    struct pathring_identity *identity,
		    void (*fn)(void *private_data),
		    void *private_data);

/*
 * As tevent_req_set_callback(), for any tevent_req, also of other libraries: fn runs under
 * identity, for callers whose callbacks touch files themselves. tevent_req_callback_data() works in
 * it. fn may free req, identity and the engine. What fn finishes has its callbacks run below fn,
 * under identity too; tevent_req_defer_callback() keeps them out.
 *
 * Fails with -EPERM where the identity can't be assumed, found out now; the callback is then not
 * set. If it can't be assumed when the time has come, the process is aborted: it would have to go
 * on as someone else, or not at all.
 */
int pathring_callback_as(struct pathring *ring,
			 struct pathring_identity *identity,
			 struct tevent_req *req,
			 tevent_req_fn fn,
			 void *private_data);

#ifdef __cplusplus
}
#endif

#endif /* PATHRING_H */
