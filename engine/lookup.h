/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What one look-up of a name is, for a request of one (lookup.c) and one of many (lookups.c).
 */
#ifndef PATHRING_ENGINE_LOOKUP_H
#define PATHRING_ENGINE_LOOKUP_H

#include "request.h"

/* That how may be had below target, and what it is for the kernel. */
int lookup_check_how(const struct pathring_lookup_how *how,
		     const struct descriptor *target,
		     bool walked,
		     struct open_how *kernel_how);
/* What the queries need of the request's memory, or a negative errno. */
ssize_t lookup_check_queries(const struct pathring_lookup_how *how);
/* like: one of the same request whose queries have the names already, or NULL. */
void lookup_fill_queries(struct pathring_request *request,
			 struct lookup_arguments *arguments,
			 const struct pathring_lookup_how *how,
			 const struct lookup_arguments *like);

/* With blocking calls, by openat2 or, without O_PATH, by hand; with its statx: 0 or -errno. */
int lookup_open(const struct operation *operation, struct lookup_arguments *arguments);
int lookup_walk(const struct operation *operation, struct lookup_arguments *arguments);
/* Then: those of what was opened. */
void lookup_read_xattrs(const struct operation *operation, struct lookup_arguments *arguments);
/*
 * The same for less, where the path is a name whose file steady.h proves: without the walk through
 * procfs, 1.0 us instead of 2.5 each.
 */
void lookup_read_xattrs_by_name(const struct operation *operation,
				struct lookup_arguments *arguments);

/* Of one that has succeeded. */
void lookup_results(struct lookup_arguments *arguments,
		    const struct statx **stx,
		    const struct pathring_xattr **xattrs);
int lookup_take_handle(struct lookup_arguments *arguments,
		       TALLOC_CTX *mem_ctx,
		       struct pathring_handle **handle);
/* As an object of the caller's, with the handle moved to it. */
int lookup_copy(struct lookup_arguments *arguments,
		TALLOC_CTX *mem_ctx,
		struct pathring_lookup **lookup);
/* Of one in any state. */
void lookup_close(struct lookup_arguments *arguments);

#endif /* PATHRING_ENGINE_LOOKUP_H */
