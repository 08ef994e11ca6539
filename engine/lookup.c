/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * lookup: open a name as a path reference, statx it and read its xattrs, as one request about one
 * inode. How the ring does that with few submissions is in uring_lookup.c.
 */
#include "lookup.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <unistd.h>

#include "handle.h"
#include "pathref.h"
#include "request.h"

#define ALLOWED_FLAGS (O_NOFOLLOW | O_DIRECTORY)

void lookup_read_xattrs_by_name(const struct operation *operation,
				struct lookup_arguments *arguments)
{
	int dirfd = operation_directory_fd(operation);
	size_t i;

	for (i = 0; i < arguments->num_xattrs; i++) {
		const struct lookup_xattr *query = &arguments->queries[i];
		ssize_t length;

		if (query->name == NULL) {
			length = operation_listxattr_name(
				dirfd, arguments->path, (char *)query->value, query->size);
		} else {
			length = operation_getxattr_name(
				dirfd, arguments->path, query->name, query->value, query->size);
		}
		arguments->xattrs[i].length = length;
	}
}

void lookup_read_xattrs(const struct operation *operation, struct lookup_arguments *arguments)
{
	size_t i;

	for (i = 0; i < arguments->num_xattrs; i++) {
		const struct lookup_xattr *query = &arguments->queries[i];

		if (query->name == NULL) {
			arguments->xattrs[i].length =
				operation_listxattr_pathref(operation->proc_fd,
							    arguments->fd,
							    arguments->proc_path,
							    (char *)query->value,
							    query->size);
			continue;
		}
		arguments->xattrs[i].length = operation_getxattr_pathref(operation->proc_fd,
									 arguments->fd,
									 arguments->proc_path,
									 query->name,
									 query->value,
									 query->size);
	}
}

/* fd: of the open, or -errno. */
static int opened(struct lookup_arguments *arguments, int fd)
{
	if (fd < 0) {
		return fd;
	}
	arguments->fd = fd;
	return operation_statx_fd(fd, 0, arguments->mask, &arguments->stx);
}

int lookup_open(const struct operation *operation, struct lookup_arguments *arguments)
{
	int fd = operation_openat2(
		operation_directory_fd(operation), arguments->path, &arguments->how);

	return opened(arguments, fd);
}

int lookup_walk(const struct operation *operation, struct lookup_arguments *arguments)
{
	int fd = pathref_open(operation_directory_fd(operation), arguments->path, &arguments->how);

	return opened(arguments, fd);
}

static void perform(struct operation *operation,
		    int (*open)(const struct operation *operation,
				struct lookup_arguments *arguments))
{
	operation->result = open(operation, &operation->lookup);
	if (operation->result == 0) {
		lookup_read_xattrs(operation, &operation->lookup);
	}
}

static void lookup_perform(struct operation *operation)
{
	perform(operation, lookup_open);
}

static void walked_perform(struct operation *operation)
{
	perform(operation, lookup_walk);
}

static bool lookup_attempt(struct operation *operation)
{
	struct lookup_arguments *arguments = &operation->lookup;
	bool same_mount;
	int fd;

	fd = operation_openat2_cached(
		operation_directory_fd(operation), arguments->path, &arguments->how);
	if (fd == -EAGAIN) {
		return false;
	}
	if (fd < 0) {
		operation->result = fd;
		return true;
	}
	operation->result = operation_statx_fd(
		fd, AT_STATX_DONT_SYNC, arguments->mask | STATX_MNT_ID, &arguments->stx);
	same_mount = (arguments->stx.stx_mask & STATX_MNT_ID) != 0 &&
		     arguments->stx.stx_mnt_id == operation->mount_id;
	if (operation->result < 0 || !same_mount) {
		close(fd);
		return false;
	}
	arguments->fd = fd;
	lookup_read_xattrs(operation, arguments);
	return true;
}

void lookup_close(struct lookup_arguments *arguments)
{
	if (arguments->fd >= 0) {
		close(arguments->fd);
		arguments->fd = -1;
	}
}

static void lookup_discard(struct operation *operation)
{
	lookup_close(&operation->lookup);
}

static const struct operation_class lookup_class = {
	.kind = PATHRING_LOOKUP,
	.perform = lookup_perform,
	.attempt = lookup_attempt,
	.discard = lookup_discard,
};

/* With a path reference without O_PATH. */
static const struct operation_class walked_class = {
	.kind = PATHRING_LOOKUP,
	.perform = walked_perform,
	.discard = lookup_discard,
	.in_thread = true,
};

/* The names of all xattrs have no opcode. */
static const struct operation_class listing_class = {
	.kind = PATHRING_LOOKUP,
	.perform = lookup_perform,
	.attempt = lookup_attempt,
	.discard = lookup_discard,
	.in_thread = true,
};

static bool lists_names(const struct pathring_lookup_how *how)
{
	size_t i;

	for (i = 0; i < how->num_xattrs; i++) {
		if (how->xattrs[i].name == NULL) {
			return true;
		}
	}
	return false;
}

static int check_query(const struct pathring_xattr_query *query)
{
	if (query->size > XATTR_SIZE_MAX) {
		return -EINVAL;
	}
	if (query->name != NULL &&
	    (query->name[0] == '\0' || strnlen(query->name, XATTR_NAME_MAX + 1) > XATTR_NAME_MAX)) {
		return -ERANGE;
	}
	return 0;
}

ssize_t lookup_check_queries(const struct pathring_lookup_how *how)
{
	size_t extra = 0;
	size_t i;

	if (how->num_xattrs > PATHRING_LOOKUP_MAX_XATTRS ||
	    (how->num_xattrs > 0 && how->xattrs == NULL)) {
		return -EINVAL;
	}
	for (i = 0; i < how->num_xattrs; i++) {
		const struct pathring_xattr_query *query = &how->xattrs[i];

		int ret = check_query(query);

		if (ret < 0) {
			return ret;
		}
		if (query->name != NULL) {
			extra += REQUEST_MEMORY(strlen(query->name) + 1);
		}
		extra += REQUEST_MEMORY(query->size);
	}
	extra += REQUEST_MEMORY(how->num_xattrs * sizeof(struct lookup_xattr));
	extra += REQUEST_MEMORY(how->num_xattrs * sizeof(struct pathring_xattr));
	return (ssize_t)extra;
}

void lookup_fill_queries(struct pathring_request *request,
			 struct lookup_arguments *arguments,
			 const struct pathring_lookup_how *how,
			 const struct lookup_arguments *like)
{
	size_t i;

	arguments->num_xattrs = how->num_xattrs;
	arguments->queries = request_memory(request, how->num_xattrs * sizeof(struct lookup_xattr));
	arguments->xattrs =
		request_memory(request, how->num_xattrs * sizeof(struct pathring_xattr));
	for (i = 0; i < how->num_xattrs; i++) {
		const struct pathring_xattr_query *query = &how->xattrs[i];
		const char *name = NULL;

		if (like != NULL) {
			name = like->queries[i].name;
		} else if (query->name != NULL) {
			name = request_string(request, query->name);
		}
		arguments->queries[i] = (struct lookup_xattr) {
			.name = name,
			.size = query->size,
			.value = query->size > 0 ? request_memory(request, query->size) : NULL,
		};
		arguments->xattrs[i] = (struct pathring_xattr) {
			.length = -ECANCELED,
		};
	}
}

static const struct operation_class *class_of(const struct pathring_lookup_how *how, bool walked)
{
	if (walked) {
		return &walked_class;
	}
	return lists_names(how) ? &listing_class : &lookup_class;
}

int lookup_check_how(const struct pathring_lookup_how *how,
		     const struct descriptor *target,
		     bool walked,
		     struct open_how *kernel_how)
{
	int ret;

	if (how == NULL || (how->flags & ~(uint64_t)ALLOWED_FLAGS) != 0) {
		return -EINVAL;
	}
	if (how->num_xattrs > PATHRING_LOOKUP_MAX_XATTRS ||
	    (how->num_xattrs > 0 && how->xattrs == NULL)) {
		return -EINVAL;
	}
	ret = operation_fill_how(target, how->flags | O_PATH, 0, how->resolve, kernel_how);
	if (ret == 0 && walked) {
		ret = pathref_check(target, kernel_how);
	}
	return ret;
}

int pathring_lookup_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *dir,
			    const char *path,
			    const struct pathring_lookup_how *how,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **_request)
{
	struct descriptor *target = handle_descriptor(dir);
	struct pathring_request *request = NULL;
	struct open_how kernel_how = { 0 };
	bool walked = pathref_is_walked(ring);
	ssize_t extra;
	int ret;

	ret = operation_check_path(target, path);
	if (ret < 0) {
		return ret;
	}
	ret = lookup_check_how(how, target, walked, &kernel_how);
	if (ret < 0) {
		return ret;
	}
	extra = lookup_check_queries(how);
	if (extra < 0) {
		return (int)extra;
	}
	ret = request_create(ring,
			     identity,
			     class_of(how, walked),
			     target,
			     REQUEST_MEMORY(strlen(path) + 1) + (size_t)extra,
			     &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.lookup = (struct lookup_arguments) {
		.path = request_string(request, path),
		.how = kernel_how,
		.mask = how->mask,
		.fd = -1,
	};
	lookup_fill_queries(request, &request->operation.lookup, how, NULL);
	request_start(request, fn, private_data, _request);
	return 0;
}

void lookup_results(struct lookup_arguments *arguments,
		    const struct statx **stx,
		    const struct pathring_xattr **xattrs)
{
	size_t i;

	for (i = 0; i < arguments->num_xattrs; i++) {
		struct pathring_xattr *xattr = &arguments->xattrs[i];

		xattr->value = xattr->length > 0 ? arguments->queries[i].value : NULL;
	}
	if (stx != NULL) {
		*stx = &arguments->stx;
	}
	if (xattrs != NULL) {
		*xattrs = arguments->xattrs;
	}
}

int pathring_lookup_result(struct pathring_request *request,
			   const struct statx **stx,
			   const struct pathring_xattr **xattrs)
{
	struct lookup_arguments *arguments = &request->operation.lookup;
	ssize_t result;

	result = request_result(request);
	if (result < 0) {
		return (int)result;
	}
	lookup_results(arguments, stx, xattrs);
	return 0;
}

int lookup_take_handle(struct lookup_arguments *arguments,
		       TALLOC_CTX *mem_ctx,
		       struct pathring_handle **handle)
{
	int fd = arguments->fd;

	if (fd < 0) {
		return -EBADF;
	}
	arguments->fd = -1;
	return handle_create(mem_ctx, fd, PATHRING_PATHREF, handle);
}

int pathring_lookup_take_handle(struct pathring_request *request,
				TALLOC_CTX *mem_ctx,
				struct pathring_handle **handle)
{
	ssize_t result;

	result = request_result(request);
	if (result < 0) {
		return (int)result;
	}
	return lookup_take_handle(&request->operation.lookup, mem_ctx, handle);
}

struct tevent_req *pathring_lookup_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *dir,
					const char *path,
					const struct pathring_lookup_how *how)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_lookup_request(
		ring, identity, dir, path, how, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int lookup_copy(struct lookup_arguments *arguments,
		TALLOC_CTX *mem_ctx,
		struct pathring_lookup **_lookup)
{
	const struct pathring_xattr *xattrs = NULL;
	struct pathring_lookup *lookup = NULL;
	size_t i;
	int ret;

	lookup_results(arguments, NULL, &xattrs);
	lookup = talloc_zero(mem_ctx, struct pathring_lookup);
	if (lookup == NULL) {
		return -ENOMEM;
	}
	lookup->stx = arguments->stx;
	lookup->num_xattrs = arguments->num_xattrs;
	for (i = 0; i < arguments->num_xattrs; i++) {
		lookup->xattrs[i].length = xattrs[i].length;
		if (xattrs[i].value == NULL) {
			continue;
		}
		lookup->xattrs[i].value =
			talloc_memdup(lookup, xattrs[i].value, (size_t)xattrs[i].length);
		if (lookup->xattrs[i].value == NULL) {
			talloc_free(lookup);
			return -ENOMEM;
		}
	}
	ret = lookup_take_handle(arguments, lookup, &lookup->handle);
	if (ret < 0) {
		talloc_free(lookup);
		return ret;
	}
	*_lookup = lookup;
	return 0;
}

int pathring_lookup_recv(struct tevent_req *req,
			 TALLOC_CTX *mem_ctx,
			 struct pathring_lookup **lookup)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = (int)request_result(request);
	}
	if (ret == 0) {
		ret = lookup_copy(&request->operation.lookup, mem_ctx, lookup);
	}
	tevent_req_received(req);
	return ret;
}
