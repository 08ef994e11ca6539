/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * mkdirat, unlinkat, renameat, linkat and symlinkat: what changes names. A name is one component in
 * an open directory: these calls have no RESOLVE_* rules, so nothing that needs resolving is left
 * to them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle.h"
#include "request.h"

#define ALLOWED_MODE 07777

static int check_name(const struct pathring_handle *dir, const char *name)
{
	int ret;

	ret = dir != NULL ? operation_check_string(name) : -EINVAL;
	if (ret < 0) {
		return ret;
	}
	if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		return -EINVAL;
	}
	return 0;
}

/* renameat and linkat: from one name to another. */
static int check_names(const struct pathring_handle *old_dir,
		       const char *old_name,
		       const struct pathring_handle *new_dir,
		       const char *new_name)
{
	int ret;

	ret = check_name(old_dir, old_name);
	return ret == 0 ? check_name(new_dir, new_name) : ret;
}

static int directory_fd(const struct operation *operation)
{
	return descriptor_pathref_fd(operation->target);
}

static size_t string_memory(const char *string)
{
	return string != NULL ? REQUEST_MEMORY(strlen(string) + 1) : 0;
}

static const char *copy_string(struct pathring_request *request, const char *string)
{
	return string != NULL ? request_string(request, string) : NULL;
}

/* What they have in common, with arguments that are checked. new_dir is NULL where there is one. */
static int name_request(struct pathring *ring,
			struct pathring_identity *identity,
			const struct operation_class *class,
			struct pathring_handle *dir,
			struct pathring_handle *new_dir,
			const struct name_arguments *arguments,
			pathring_request_fn fn,
			void *private_data,
			struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	struct name_arguments *own = NULL;
	size_t extra = string_memory(arguments->name) + string_memory(arguments->new_name) +
		       string_memory(arguments->contents);
	int ret;

	ret = request_create(ring, identity, class, handle_descriptor(dir), extra, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.second = descriptor_hold(handle_descriptor(new_dir));
	own = &request->operation.name;
	*own = *arguments;
	own->name = copy_string(request, arguments->name);
	own->new_name = copy_string(request, arguments->new_name);
	own->contents = copy_string(request, arguments->contents);
	request_start(request, fn, private_data, _request);
	return 0;
}

/* ---- mkdirat ---- */

static void mkdirat_perform(struct operation *operation)
{
	int ret;

	ret = mkdirat(directory_fd(operation), operation->name.name, operation->name.mode);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class mkdirat_class = {
	.kind = PATHRING_MKDIRAT,
	.perform = mkdirat_perform,
};

int pathring_mkdirat_request(struct pathring *ring,
			     struct pathring_identity *identity,
			     struct pathring_handle *dir,
			     const char *name,
			     mode_t mode,
			     pathring_request_fn fn,
			     void *private_data,
			     struct pathring_request **request)
{
	const struct name_arguments arguments = { .name = name, .mode = mode };
	int ret;

	ret = check_name(dir, name);
	if (ret < 0) {
		return ret;
	}
	if ((mode & ~(mode_t)ALLOWED_MODE) != 0) {
		return -EINVAL;
	}
	return name_request(
		ring, identity, &mkdirat_class, dir, NULL, &arguments, fn, private_data, request);
}

int pathring_mkdirat_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_mkdirat_send(TALLOC_CTX *mem_ctx,
					 struct tevent_context *ev,
					 struct pathring *ring,
					 struct pathring_identity *identity,
					 struct pathring_handle *dir,
					 const char *name,
					 mode_t mode)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_mkdirat_request(
		ring, identity, dir, name, mode, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_mkdirat_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- unlinkat ---- */

static void unlinkat_perform(struct operation *operation)
{
	int ret;

	ret = unlinkat(directory_fd(operation), operation->name.name, (int)operation->name.flags);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class unlinkat_class = {
	.kind = PATHRING_UNLINKAT,
	.perform = unlinkat_perform,
};

int pathring_unlinkat_request(struct pathring *ring,
			      struct pathring_identity *identity,
			      struct pathring_handle *dir,
			      const char *name,
			      int flags,
			      pathring_request_fn fn,
			      void *private_data,
			      struct pathring_request **request)
{
	const struct name_arguments arguments = { .name = name, .flags = (unsigned int)flags };
	int ret;

	ret = check_name(dir, name);
	if (ret < 0) {
		return ret;
	}
	if ((flags & ~AT_REMOVEDIR) != 0) {
		return -EINVAL;
	}
	return name_request(
		ring, identity, &unlinkat_class, dir, NULL, &arguments, fn, private_data, request);
}

int pathring_unlinkat_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_unlinkat_send(TALLOC_CTX *mem_ctx,
					  struct tevent_context *ev,
					  struct pathring *ring,
					  struct pathring_identity *identity,
					  struct pathring_handle *dir,
					  const char *name,
					  int flags)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_unlinkat_request(
		ring, identity, dir, name, flags, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_unlinkat_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- renameat ---- */

static void renameat_perform(struct operation *operation)
{
	const struct name_arguments *arguments = &operation->name;
	int ret;

	ret = renameat2(directory_fd(operation),
			arguments->name,
			descriptor_pathref_fd(operation->second),
			arguments->new_name,
			arguments->flags);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class renameat_class = {
	.kind = PATHRING_RENAMEAT,
	.perform = renameat_perform,
};

int pathring_renameat_request(struct pathring *ring,
			      struct pathring_identity *identity,
			      struct pathring_handle *old_dir,
			      const char *old_name,
			      struct pathring_handle *new_dir,
			      const char *new_name,
			      unsigned int flags,
			      pathring_request_fn fn,
			      void *private_data,
			      struct pathring_request **request)
{
	const struct name_arguments arguments = {
		.name = old_name,
		.new_name = new_name,
		.flags = flags,
	};
	int ret;

	if ((flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0) {
		return -EINVAL;
	}
	ret = check_names(old_dir, old_name, new_dir, new_name);
	if (ret < 0) {
		return ret;
	}
	return name_request(ring,
			    identity,
			    &renameat_class,
			    old_dir,
			    new_dir,
			    &arguments,
			    fn,
			    private_data,
			    request);
}

int pathring_renameat_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_renameat_send(TALLOC_CTX *mem_ctx,
					  struct tevent_context *ev,
					  struct pathring *ring,
					  struct pathring_identity *identity,
					  struct pathring_handle *old_dir,
					  const char *old_name,
					  struct pathring_handle *new_dir,
					  const char *new_name,
					  unsigned int flags)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_renameat_request(ring,
					identity,
					old_dir,
					old_name,
					new_dir,
					new_name,
					flags,
					request_dress_fn,
					req,
					&request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_renameat_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- linkat ---- */

static void linkat_perform(struct operation *operation)
{
	const struct name_arguments *arguments = &operation->name;
	int ret;

	ret = linkat(directory_fd(operation),
		     arguments->name,
		     descriptor_pathref_fd(operation->second),
		     arguments->new_name,
		     0);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class linkat_class = {
	.kind = PATHRING_LINKAT,
	.perform = linkat_perform,
};

int pathring_linkat_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *old_dir,
			    const char *old_name,
			    struct pathring_handle *new_dir,
			    const char *new_name,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **request)
{
	const struct name_arguments arguments = { .name = old_name, .new_name = new_name };
	int ret;

	ret = check_names(old_dir, old_name, new_dir, new_name);
	if (ret < 0) {
		return ret;
	}
	return name_request(ring,
			    identity,
			    &linkat_class,
			    old_dir,
			    new_dir,
			    &arguments,
			    fn,
			    private_data,
			    request);
}

int pathring_linkat_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_linkat_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *old_dir,
					const char *old_name,
					struct pathring_handle *new_dir,
					const char *new_name)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_linkat_request(ring,
				      identity,
				      old_dir,
				      old_name,
				      new_dir,
				      new_name,
				      request_dress_fn,
				      req,
				      &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_linkat_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- symlinkat ---- */

static void symlinkat_perform(struct operation *operation)
{
	int ret;

	ret = symlinkat(operation->name.contents, directory_fd(operation), operation->name.name);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class symlinkat_class = {
	.kind = PATHRING_SYMLINKAT,
	.perform = symlinkat_perform,
};

int pathring_symlinkat_request(struct pathring *ring,
			       struct pathring_identity *identity,
			       const char *target,
			       struct pathring_handle *dir,
			       const char *name,
			       pathring_request_fn fn,
			       void *private_data,
			       struct pathring_request **request)
{
	const struct name_arguments arguments = { .name = name, .contents = target };
	int ret;

	ret = operation_check_string(target);
	if (ret == 0) {
		ret = check_name(dir, name);
	}
	if (ret < 0) {
		return ret;
	}
	return name_request(
		ring, identity, &symlinkat_class, dir, NULL, &arguments, fn, private_data, request);
}

int pathring_symlinkat_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_symlinkat_send(TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct pathring *ring,
					   struct pathring_identity *identity,
					   const char *target,
					   struct pathring_handle *dir,
					   const char *name)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_symlinkat_request(
		ring, identity, target, dir, name, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_symlinkat_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}
