/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What an operation is: kind, arguments and result in one description that every backend runs as it
 * is, so that all give the same answers. How an operation is done with blocking calls belongs to
 * its class (in the op_*.c files), how it is done on the ring to backend_uring.c, who waits for it
 * to request.c.
 */
#ifndef PATHRING_ENGINE_OPERATION_H
#define PATHRING_ENGINE_OPERATION_H

#include <stdatomic.h>

#include "identity.h"
#include "pathring.h"

struct operation;
struct descriptor;

/* "/proc/self/fd/" and an int */
#define PROC_FD_PATH_SIZE 32

struct operation_class {
	enum pathring_operation kind;

	/*
	 * Do it with blocking calls in whichever thread this is, already under the right identity,
	 * and set result. Touches nothing but the description: helper threads run this beside the
	 * engine's thread. Not for jobs: see job_run_here().
	 */
	void (*perform)(struct operation *operation);

	/*
	 * Do it in the engine's thread, already under the right identity, without waiting for
	 * anything but, at worst, one read of the local disk: true, with result set. false: it
	 * can't be answered so, and nothing has changed. Only called for a target on a local file
	 * system, operation->mount_id. NULL where there is no such way.
	 */
	bool (*attempt)(struct operation *operation);

	/* Never on the ring, although there is an opcode for its kind. */
	bool in_thread;

	/*
	 * In the engine's thread, before the _request function has returned; no backend is needed.
	 */
	bool here;

	/* Let go of a result that nobody took. NULL where a result is only memory. */
	void (*discard)(struct operation *operation);
};

struct openat_arguments {
	const char *path;
	struct open_how how;
	struct open_how ring_how; /* uring_prepare.c */
	int fd;			  /* the result, -1 for none or taken */
};

struct close_arguments {
	int fd;
};

struct statx_arguments {
	unsigned int flags;
	unsigned int mask;
	struct statx stx;
};

/* getxattr, setxattr, removexattr and listxattr, which has no name */
struct xattr_arguments {
	const char *name;
	size_t size;
	uint8_t *value;
	int flags;
	char proc_path[PROC_FD_PATH_SIZE];
};

/* pread and pwrite */
struct transfer_arguments {
	uint8_t *data;
	bool lent; /* the caller's, not the request's */
	size_t size;
	size_t done;
	off_t offset;
};

struct fsync_arguments {
	bool data_only;
};

struct ftruncate_arguments {
	off_t length;
};

struct fallocate_arguments {
	int mode;
	off_t offset;
	off_t length;
};

struct fchmod_arguments {
	mode_t mode;
};

struct fchown_arguments {
	uid_t uid;
	gid_t gid;
};

struct utimens_arguments {
	struct timespec times[2];
};

struct statfs_arguments {
	struct statfs statfs;
};

struct readdir_arguments {
	uint64_t position;
	size_t size;
	char *buffer;
	struct pathring_entry *entries;
};

struct readlinkat_arguments {
	char *target; /* PATH_MAX bytes */
};

/* mkdirat, unlinkat, renameat, linkat and symlinkat: each uses what it has. */
struct name_arguments {
	const char *name;
	const char *new_name; /* renameat, linkat: below operation->second */
	const char *contents; /* symlinkat */
	mode_t mode;
	unsigned int flags;
};

struct lookup_xattr {
	const char *name; /* NULL: the names of all */
	size_t size;
	uint8_t *value;
};

struct lookup_arguments {
	const char *path;
	struct open_how how;
	struct open_how ring_how; /* uring_lookup.c */
	unsigned int mask;
	size_t num_xattrs;
	struct lookup_xattr *queries;
	struct pathring_xattr *xattrs; /* the results */
	struct statx stx;
	int fd; /* -1 for none or taken */
	char proc_path[PROC_FD_PATH_SIZE];
};

struct lookups_arguments {
	struct lookup_arguments *each;
	int *results; /* 0 or -errno each; -ECANCELED until it is its turn */
	size_t count;
	bool by_name;	     /* xattrs may be read by name, if that can be proven */
	unsigned long waits; /* result */
};

struct job_arguments {
	pathring_job_fn fn;
	void *state;	   /* no talloc parent; NULL when taken */
	atomic_bool begun; /* and not at its end: what state is like nobody but fn knows */
};

struct operation {
	const struct operation_class *class;

	/*
	 * The handle it works on or below. NULL for an absolute path. Held until the request is
	 * complete.
	 */
	struct descriptor *target;
	uint64_t mount_id;	   /* of target; 0: not asked (placement.c) */
	int proc_fd;		   /* /proc/self/fd as a directory; -1: go by path */
	struct descriptor *second; /* where something is renamed or linked to; held as well */

	/* >= 0, or a negative errno. */
	ssize_t result;

	union {
		struct openat_arguments openat;
		struct close_arguments close;
		struct statx_arguments statx;
		struct xattr_arguments xattr;
		struct transfer_arguments transfer;
		struct fsync_arguments fsync;
		struct ftruncate_arguments ftruncate;
		struct fallocate_arguments fallocate;
		struct fchmod_arguments fchmod;
		struct fchown_arguments fchown;
		struct utimens_arguments utimens;
		struct statfs_arguments statfs;
		struct readdir_arguments readdir;
		struct readlinkat_arguments readlinkat;
		struct name_arguments name;
		struct lookup_arguments lookup;
		struct lookups_arguments lookups;
		struct job_arguments job;
	};
};

/*
 * Checks and calls that more than one file needs (op_open.c, op_stat.c, op_xattr.c).
 */
/* That it is there, not empty and not too long for the kernel. */
int operation_check_string(const char *string);
int operation_check_path(const struct descriptor *dir, const char *path);
int operation_fill_how(const struct descriptor *dir,
		       uint64_t flags,
		       uint64_t mode,
		       uint64_t resolve,
		       struct open_how *how);
int operation_directory_fd(const struct operation *operation);
int operation_openat2(int dirfd, const char *path, const struct open_how *how);
/* The same without waiting; -EAGAIN where it would have to, or can't be known. Only with O_PATH. */
int operation_openat2_cached(int dirfd, const char *path, const struct open_how *how);
int operation_statx_fd(int fd, unsigned int flags, unsigned int mask, struct statx *stx);
void operation_proc_path(int fd, char path[PROC_FD_PATH_SIZE]);
ssize_t operation_proc_result(const char *proc_path, ssize_t result);
ssize_t operation_getxattr_pathref(int proc_fd,
				   int fd,
				   char proc_path[PROC_FD_PATH_SIZE],
				   const char *name,
				   uint8_t *value,
				   size_t size);
ssize_t operation_listxattr_pathref(
	int proc_fd, int fd, char proc_path[PROC_FD_PATH_SIZE], char *names, size_t size);
/*
 * By name, which is not followed, where getxattrat is there, that is where proc_fd is. Only where
 * steady.h says what the name stood for.
 */
ssize_t operation_getxattr_name(
	int dirfd, const char *path, const char *name, uint8_t *value, size_t size);
ssize_t operation_listxattr_name(int dirfd, const char *path, char *names, size_t size);
/* A directory for these, or -1 where there is no procfs or no getxattrat (Linux 6.13). */
int operation_open_proc_fd(void);

/*
 * job.c: a job instead of its perform. In a helper thread that is its identity already; false: the
 * thread isn't who and where it was and must end. And in the engine's thread, which is itself
 * again; otherwise the process has ended.
 */
bool job_run_in_helper(struct operation *operation);
void job_run_here(struct operation *operation, struct identity *identity);

/* Whether it creates something whose mode umask would shape. */
bool operation_creates(const struct operation *operation);

#endif /* PATHRING_ENGINE_OPERATION_H */
