/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * fchmod, fchown, utimens and statfs of an open handle. Size is data's (op_data.c), and so are
 * xattrs their own file's.
 *
 * A path reference is changed through /proc/self/fd where the call has no AT_EMPTY_PATH: the kernel
 * comes to the inode itself and asks the permission of whoever calls.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle.h"
#include "request.h"

#define ALLOWED_MODE 07777

/* ---- fchmod ---- */

/*
 * chmod() through procfs comes to a symbolic link itself. Before Linux 6.6 most file systems
 * changed the link's mode then, some of them saying EOPNOTSUPP all the same.
 */
static int chmod_pathref(int fd, mode_t mode)
{
	char path[PROC_FD_PATH_SIZE];
	struct stat st;
	int ret;

	ret = fstat(fd, &st);
	if (ret == -1) {
		return -errno;
	}
	if (S_ISLNK(st.st_mode)) {
		return -EOPNOTSUPP;
	}
	operation_proc_path(fd, path);
	ret = chmod(path, mode);
	return (int)operation_proc_result(path, ret == -1 ? -errno : 0);
}

static void fchmod_perform(struct operation *operation)
{
	int fd = descriptor_io_fd(operation->target);
	mode_t mode = operation->fchmod.mode;
	int ret;

	if (fd < 0) {
		operation->result = chmod_pathref(descriptor_pathref_fd(operation->target), mode);
		return;
	}
	ret = fchmod(fd, mode);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class fchmod_class = {
	.kind = PATHRING_FCHMOD,
	.perform = fchmod_perform,
};

int pathring_fchmod_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *handle,
			    mode_t mode,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	if (handle == NULL || (mode & ~(mode_t)ALLOWED_MODE) != 0) {
		return -EINVAL;
	}
	ret = request_create(ring, identity, &fchmod_class, handle_descriptor(handle), 0, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.fchmod = (struct fchmod_arguments) {
		.mode = mode,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_fchmod_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_fchmod_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *handle,
					mode_t mode)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_fchmod_request(
		ring, identity, handle, mode, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_fchmod_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- fchown ---- */

static void fchown_perform(struct operation *operation)
{
	int fd = descriptor_pathref_fd(operation->target);
	int ret;

	ret = fchownat(fd, "", operation->fchown.uid, operation->fchown.gid, AT_EMPTY_PATH);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class fchown_class = {
	.kind = PATHRING_FCHOWN,
	.perform = fchown_perform,
};

int pathring_fchown_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *handle,
			    uid_t uid,
			    gid_t gid,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	if (handle == NULL) {
		return -EINVAL;
	}
	ret = request_create(ring, identity, &fchown_class, handle_descriptor(handle), 0, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.fchown = (struct fchown_arguments) {
		.uid = uid,
		.gid = gid,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_fchown_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_fchown_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *handle,
					uid_t uid,
					gid_t gid)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_fchown_request(
		ring, identity, handle, uid, gid, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_fchown_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- utimens ---- */

static void utimens_perform(struct operation *operation)
{
	int fd = descriptor_io_fd(operation->target);
	const struct timespec *times = operation->utimens.times;
	char path[PROC_FD_PATH_SIZE];
	int ret;

	if (fd >= 0) {
		ret = futimens(fd, times);
		operation->result = ret == -1 ? -errno : 0;
		return;
	}
	operation_proc_path(descriptor_pathref_fd(operation->target), path);
	ret = utimensat(-1, path, times, 0);
	operation->result = operation_proc_result(path, ret == -1 ? -errno : 0);
}

static const struct operation_class utimens_class = {
	.kind = PATHRING_UTIMENS,
	.perform = utimens_perform,
};

int pathring_utimens_request(struct pathring *ring,
			     struct pathring_identity *identity,
			     struct pathring_handle *handle,
			     const struct timespec times[2],
			     pathring_request_fn fn,
			     void *private_data,
			     struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	const struct timespec now = { .tv_nsec = UTIME_NOW };
	int ret;

	if (handle == NULL) {
		return -EINVAL;
	}
	ret = request_create(
		ring, identity, &utimens_class, handle_descriptor(handle), 0, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.utimens = (struct utimens_arguments) {
		.times = {
			times != NULL ? times[0] : now,
			times != NULL ? times[1] : now,
		},
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_utimens_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_utimens_send(TALLOC_CTX *mem_ctx,
					 struct tevent_context *ev,
					 struct pathring *ring,
					 struct pathring_identity *identity,
					 struct pathring_handle *handle,
					 const struct timespec times[2])
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_utimens_request(
		ring, identity, handle, times, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_utimens_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- statfs ---- */

static void statfs_perform(struct operation *operation)
{
	int ret;

	ret = fstatfs(descriptor_pathref_fd(operation->target), &operation->statfs.statfs);
	operation->result = ret == -1 ? -errno : 0;
}

/* A local file system knows its numbers. */
static bool statfs_attempt(struct operation *operation)
{
	statfs_perform(operation);
	return true;
}

static const struct operation_class statfs_class = {
	.kind = PATHRING_STATFS,
	.perform = statfs_perform,
	.attempt = statfs_attempt,
};

int pathring_statfs_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *handle,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	if (handle == NULL) {
		return -EINVAL;
	}
	ret = request_create(ring, identity, &statfs_class, handle_descriptor(handle), 0, &request);
	if (ret < 0) {
		return ret;
	}

	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_statfs_result(struct pathring_request *request, struct statfs *statfs)
{
	ssize_t result;

	result = request_result(request);
	if (result < 0) {
		return (int)result;
	}
	*statfs = request->operation.statfs.statfs;
	return 0;
}

struct tevent_req *pathring_statfs_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *handle)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_statfs_request(ring, identity, handle, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_statfs_recv(struct tevent_req *req, struct statfs *statfs)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = pathring_statfs_result(request, statfs);
	}
	tevent_req_received(req);
	return ret;
}
