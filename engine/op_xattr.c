/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * getxattr of an open handle, and how the xattrs of a path reference are read at all.
 */
#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "handle.h"
#include "request.h"

/*
 * fgetxattr() refuses O_PATH descriptors. Through procfs the kernel comes to the inode itself,
 * whatever name it has by now, and asks the permission of whoever calls. Only the engine builds
 * such a path.
 */
void operation_proc_path(int fd, char path[PROC_FD_PATH_SIZE])
{
	snprintf(path, PROC_FD_PATH_SIZE, "/proc/self/fd/%d", fd);
}

ssize_t operation_getxattr_pathref(
	int fd, char proc_path[PROC_FD_PATH_SIZE], const char *name, uint8_t *value, size_t size)
{
	ssize_t ret;

	operation_proc_path(fd, proc_path);
	ret = getxattr(proc_path, name, value, size);
	if (ret >= 0) {
		return ret;
	}
	/* The descriptor is open, so it is procfs that is not there. */
	return errno == ENOENT ? -EOPNOTSUPP : -errno;
}

static void getxattr_perform(struct operation *operation)
{
	struct getxattr_arguments *arguments = &operation->getxattr;
	int fd = descriptor_io_fd(operation->target);

	if (fd >= 0) {
		ssize_t ret = fgetxattr(fd, arguments->name, arguments->value, arguments->size);

		operation->result = ret == -1 ? -errno : ret;
		return;
	}
	operation->result = operation_getxattr_pathref(descriptor_pathref_fd(operation->target),
						       arguments->proc_path,
						       arguments->name,
						       arguments->value,
						       arguments->size);
}

static const struct operation_class getxattr_class = {
	.kind = PATHRING_GETXATTR,
	.perform = getxattr_perform,
};

int pathring_getxattr_request(struct pathring *ring,
			      struct pathring_identity *identity,
			      struct pathring_handle *handle,
			      const char *name,
			      size_t size,
			      pathring_request_fn fn,
			      void *private_data,
			      struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	size_t extra;
	int ret;

	if (handle == NULL || name == NULL || size > XATTR_SIZE_MAX) {
		return -EINVAL;
	}
	/* The kernel's answer to a name that is empty or longer than XATTR_NAME_MAX. */
	if (name[0] == '\0' || strnlen(name, XATTR_NAME_MAX + 1) > XATTR_NAME_MAX) {
		return -ERANGE;
	}
	extra = REQUEST_MEMORY(strlen(name) + 1) + REQUEST_MEMORY(size);
	ret = request_create(
		ring, identity, &getxattr_class, handle_descriptor(handle), extra, &request);
	if (ret < 0) {
		return ret;
	}

	request->fn = fn;
	request->private_data = private_data;
	request->operation.getxattr = (struct getxattr_arguments) {
		.name = request_string(request, name),
		.size = size,
		.value = size > 0 ? request_memory(request, size) : NULL,
	};
	request_enqueue(request);
	*_request = request;
	return 0;
}

ssize_t pathring_getxattr_result(struct pathring_request *request, const uint8_t **value)
{
	ssize_t result;

	result = request_result(request);
	if (value != NULL) {
		*value = result >= 0 ? request->operation.getxattr.value : NULL;
	}
	return result;
}

struct tevent_req *pathring_getxattr_send(TALLOC_CTX *mem_ctx,
					  struct tevent_context *ev,
					  struct pathring *ring,
					  struct pathring_identity *identity,
					  struct pathring_handle *handle,
					  const char *name,
					  size_t size)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_getxattr_request(
		ring, identity, handle, name, size, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

ssize_t pathring_getxattr_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, uint8_t **_value)
{
	struct pathring_request *request = NULL;
	const uint8_t *value = NULL;
	ssize_t ret;

	if (_value != NULL) {
		*_value = NULL;
	}
	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = pathring_getxattr_result(request, &value);
	}
	if (ret >= 0 && value != NULL && _value != NULL) {
		*_value = talloc_memdup(mem_ctx, value, (size_t)ret);
		if (*_value == NULL) {
			ret = -ENOMEM;
		}
	}
	tevent_req_received(req);
	return ret;
}
