/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each operation of the library as one blocking call, made in the form that the fixture says
 * (tevent_req, request with a function, request waited for), so that a test says only what goes in
 * and what must come out. Also what holds for any form is checked here: a callback runs once, from
 * the loop, under the caller's own credentials.
 */
#ifndef PATHRING_TESTS_OPERATIONS_H
#define PATHRING_TESTS_OPERATIONS_H

#include "harness.h"

/* A request on its way; for tests that have many of them. The callback counts. */
struct call {
	struct fixture *f;
	struct pathring_request *request;
	unsigned int calls;
	unsigned int *total; /* counted too, where not NULL */
};

void call_done(struct pathring_request *request, void *private_data);
/* Wait for it in the fixture's form. */
void call_complete(struct call *call);
void call_free(struct call *call);

/* The same for a tevent_req. */
struct sent {
	struct fixture *f;
	struct tevent_req *req;
	unsigned int calls;
	unsigned int *total;
};
void sent_watch(struct sent *sent, struct fixture *f, struct tevent_req *req, unsigned int *total);
void sent_complete(struct fixture *f, struct tevent_req *req);

int do_openat(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *dir,
	      const char *path,
	      const struct pathring_how *how,
	      struct pathring_handle **handle);
int do_close(struct fixture *f,
	     struct pathring_identity *identity,
	     struct pathring_handle **handle);
int do_statx(struct fixture *f,
	     struct pathring_identity *identity,
	     struct pathring_handle *handle,
	     unsigned int flags,
	     unsigned int mask,
	     struct statx *stx);
/* The value belongs to f. */
ssize_t do_getxattr(struct fixture *f,
		    struct pathring_identity *identity,
		    struct pathring_handle *handle,
		    const char *name,
		    size_t size,
		    uint8_t **value);
ssize_t do_pread(struct fixture *f,
		 struct pathring_identity *identity,
		 struct pathring_handle *handle,
		 void *buffer,
		 size_t size,
		 off_t offset);
ssize_t do_pwrite(struct fixture *f,
		  struct pathring_identity *identity,
		  struct pathring_handle *handle,
		  const void *data,
		  size_t size,
		  off_t offset);
int do_fsync(struct fixture *f,
	     struct pathring_identity *identity,
	     struct pathring_handle *handle,
	     bool data_only);
/* The lookup belongs to f. */
int do_lookup(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *dir,
	      const char *path,
	      const struct pathring_lookup_how *how,
	      struct pathring_lookup **lookup);

/* ---- operations_change.c ---- */

int do_setxattr(struct fixture *f,
		struct pathring_identity *identity,
		struct pathring_handle *handle,
		const char *name,
		const void *value,
		size_t size,
		int flags);
/* The names belong to f; NULL with size 0. */
ssize_t do_listxattr(struct fixture *f,
		     struct pathring_identity *identity,
		     struct pathring_handle *handle,
		     size_t size,
		     char **names);
int do_removexattr(struct fixture *f,
		   struct pathring_identity *identity,
		   struct pathring_handle *handle,
		   const char *name);
int do_ftruncate(struct fixture *f,
		 struct pathring_identity *identity,
		 struct pathring_handle *handle,
		 off_t length);
int do_fallocate(struct fixture *f,
		 struct pathring_identity *identity,
		 struct pathring_handle *handle,
		 int mode,
		 off_t offset,
		 off_t length);
int do_fchmod(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *handle,
	      mode_t mode);
int do_fchown(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *handle,
	      uid_t uid,
	      gid_t gid);
int do_utimens(struct fixture *f,
	       struct pathring_identity *identity,
	       struct pathring_handle *handle,
	       const struct timespec times[2]);
int do_statfs(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *handle,
	      struct statfs *statfs);
/* The entries belong to f; NULL at the end. */
ssize_t do_readdir(struct fixture *f,
		   struct pathring_identity *identity,
		   struct pathring_handle *handle,
		   uint64_t position,
		   size_t size,
		   struct pathring_entry **entries);
/* The target belongs to f. */
ssize_t do_readlinkat(struct fixture *f,
		      struct pathring_identity *identity,
		      struct pathring_handle *handle,
		      char **target);
int do_mkdirat(struct fixture *f,
	       struct pathring_identity *identity,
	       struct pathring_handle *dir,
	       const char *name,
	       mode_t mode);
int do_unlinkat(struct fixture *f,
		struct pathring_identity *identity,
		struct pathring_handle *dir,
		const char *name,
		int flags);
int do_renameat(struct fixture *f,
		struct pathring_identity *identity,
		struct pathring_handle *old_dir,
		const char *old_name,
		struct pathring_handle *new_dir,
		const char *new_name,
		unsigned int flags);
int do_linkat(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *old_dir,
	      const char *old_name,
	      struct pathring_handle *new_dir,
	      const char *new_name);
int do_symlinkat(struct fixture *f,
		 struct pathring_identity *identity,
		 const char *target,
		 struct pathring_handle *dir,
		 const char *name);

/* ---- shorter ---- */

/*
 * What the job did is told through its state, which is given back to nobody: it is moved or shown,
 * as the form says, checked to be the one that was given, and freed.
 */
int do_job(struct fixture *f,
	   struct pathring_identity *identity,
	   struct pathring_handle *cwd,
	   pathring_job_fn job_fn,
	   void *state);

/*
 * Shorter: below the scratch directory, resolve 0. try_open gives only the error and closes what it
 * got.
 */
struct pathring_handle *
must_open(struct fixture *f, struct pathring_identity *identity, const char *path, int flags);
int try_open(struct fixture *f, struct pathring_identity *identity, const char *path, int flags);
int try_lookup(struct fixture *f, struct pathring_identity *identity, const char *path);

#endif
