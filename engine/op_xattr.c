/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * getxattr, setxattr, listxattr and removexattr of an open handle, and how the xattrs of a path
 * reference are reached at all.
 */
#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "handle.h"
#include "request.h"

/*
 * fgetxattr() refuses O_PATH descriptors. Through procfs the kernel comes to the inode itself,
 * whatever name it has by now, and asks the permission of whoever calls. Only the engine builds
 * such a path.
 */
#define PROC_FD_PREFIX "/proc/self/fd/"

/* By hand: snprintf() takes as long as some of the system calls. */
void operation_proc_path(int fd, char path[PROC_FD_PATH_SIZE])
{
	char digits[16];
	char *to = stpcpy(path, PROC_FD_PREFIX);
	unsigned int rest = (unsigned int)fd;
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	while (count > 0) {
		*to++ = digits[--count];
	}
	*to = '\0';
}

static const char *number_in(const char path[PROC_FD_PATH_SIZE])
{
	return path + strlen(PROC_FD_PREFIX);
}

/* struct xattr_args of linux/xattr.h, which Debian 12 does not have yet. */
struct getxattrat_arguments {
	uint64_t value;
	uint32_t size;
	uint32_t flags;
};

#ifndef SYS_getxattrat
#ifdef __alpha__
#define SYS_getxattrat 574
#else
#define SYS_getxattrat 464
#endif
#endif

static ssize_t
getxattrat(int dirfd, const char *path, int flags, const char *name, uint8_t *value, size_t size)
{
	struct getxattrat_arguments arguments = {
		.value = (uint64_t)(uintptr_t)value,
		.size = (uint32_t)size,
	};

	return syscall(SYS_getxattrat, dirfd, path, flags, name, &arguments, sizeof(arguments));
}

#ifndef SYS_listxattrat
#ifdef __alpha__
#define SYS_listxattrat 575
#else
#define SYS_listxattrat 465
#endif
#endif

static ssize_t listxattrat(int dirfd, const char *path, int flags, char *names, size_t size)
{
	return syscall(SYS_listxattrat, dirfd, path, flags, names, size);
}

ssize_t operation_getxattr_name(
	int dirfd, const char *path, const char *name, uint8_t *value, size_t size)
{
	ssize_t ret = getxattrat(dirfd, path, AT_SYMLINK_NOFOLLOW, name, value, size);

	return ret == -1 ? -errno : ret;
}

ssize_t operation_listxattr_name(int dirfd, const char *path, char *names, size_t size)
{
	ssize_t ret = listxattrat(dirfd, path, AT_SYMLINK_NOFOLLOW, names, size);

	return ret == -1 ? -errno : ret;
}

int operation_open_proc_fd(void)
{
	char path[PROC_FD_PATH_SIZE];
	ssize_t ret;
	int fd;

	fd = open(PROC_FD_PREFIX, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		return -1;
	}
	operation_proc_path(fd, path);
	ret = getxattrat(fd, number_in(path), 0, "user.pathring", NULL, 0);
	if (ret == -1 && (errno == ENOSYS || errno == EPERM)) {
		/* An older kernel, or a seccomp filter that does not know the call. */
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * What a call on a path through procfs says. ENOENT: either procfs is not there, or the file system
 * says so of a file whose name is gone (FUSE). The link tells which; looking at it does not touch
 * the file system.
 */
ssize_t operation_proc_result(const char *proc_path, ssize_t result)
{
	struct stat st;
	int ret;

	if (result != -ENOENT) {
		return result;
	}
	ret = lstat(proc_path, &st);
	return ret == -1 && errno == ENOENT ? -EOPNOTSUPP : -ENOENT;
}

/*
 * Relative to an open /proc/self/fd the walk is three components shorter: 1.2 us instead of 1.7.
 */
ssize_t operation_getxattr_pathref(int proc_fd,
				   int fd,
				   char proc_path[PROC_FD_PATH_SIZE],
				   const char *name,
				   uint8_t *value,
				   size_t size)
{
	ssize_t ret;

	operation_proc_path(fd, proc_path);
	if (proc_fd >= 0) {
		ret = getxattrat(proc_fd, number_in(proc_path), 0, name, value, size);
	} else {
		ret = getxattr(proc_path, name, value, size);
	}
	return operation_proc_result(proc_path, ret == -1 ? -errno : ret);
}

/* listxattrat came with getxattrat: proc_fd is there for both or none. */
ssize_t operation_listxattr_pathref(
	int proc_fd, int fd, char proc_path[PROC_FD_PATH_SIZE], char *names, size_t size)
{
	ssize_t ret;

	operation_proc_path(fd, proc_path);
	if (proc_fd >= 0) {
		ret = listxattrat(proc_fd, number_in(proc_path), 0, names, size);
	} else {
		ret = listxattr(proc_path, names, size);
	}
	return operation_proc_result(proc_path, ret == -1 ? -errno : ret);
}

/* For the calls that take a path and have no descriptor to work on. */
static const char *proc_path_of(struct operation *operation)
{
	char *path = operation->xattr.proc_path;

	operation_proc_path(descriptor_pathref_fd(operation->target), path);
	return path;
}

/* fd: what it was done with, negative for a path through procfs. */
static ssize_t xattr_result(const struct operation *operation, int fd, ssize_t ret)
{
	ssize_t result = ret == -1 ? -errno : ret;

	return fd >= 0 ? result : operation_proc_result(operation->xattr.proc_path, result);
}

static int check_name(const struct pathring_handle *handle, const char *name)
{
	if (handle == NULL || name == NULL) {
		return -EINVAL;
	}
	/* The kernel's answer to a name that is empty or longer than XATTR_NAME_MAX. */
	if (name[0] == '\0' || strnlen(name, XATTR_NAME_MAX + 1) > XATTR_NAME_MAX) {
		return -ERANGE;
	}
	return 0;
}

/* The outcome of getxattr and listxattr, as memory of the caller's where it is wanted. */
static ssize_t bytes_receive(struct tevent_req *req, TALLOC_CTX *mem_ctx, uint8_t **bytes)
{
	struct pathring_request *request = NULL;
	ssize_t ret;

	if (bytes != NULL) {
		*bytes = NULL;
	}
	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = request_result(request);
	}
	if (ret >= 0 && bytes != NULL && request->operation.xattr.value != NULL) {
		*bytes = talloc_memdup(mem_ctx, request->operation.xattr.value, (size_t)ret);
		if (*bytes == NULL) {
			ret = -ENOMEM;
		}
	}
	tevent_req_received(req);
	return ret;
}

/* ---- getxattr ---- */

static void getxattr_perform(struct operation *operation)
{
	struct xattr_arguments *arguments = &operation->xattr;
	int fd = descriptor_io_fd(operation->target);

	if (fd >= 0) {
		ssize_t ret = fgetxattr(fd, arguments->name, arguments->value, arguments->size);

		operation->result = ret == -1 ? -errno : ret;
		return;
	}
	operation->result = operation_getxattr_pathref(operation->proc_fd,
						       descriptor_pathref_fd(operation->target),
						       arguments->proc_path,
						       arguments->name,
						       arguments->value,
						       arguments->size);
}

/* The inode is in memory; the xattrs of a local file system are, or are one block of its disk. */
static bool getxattr_attempt(struct operation *operation)
{
	getxattr_perform(operation);
	return true;
}

static const struct operation_class getxattr_class = {
	.kind = PATHRING_GETXATTR,
	.perform = getxattr_perform,
	.attempt = getxattr_attempt,
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

	ret = check_name(handle, name);
	if (ret < 0) {
		return ret;
	}
	if (size > XATTR_SIZE_MAX) {
		return -EINVAL;
	}
	extra = REQUEST_MEMORY(strlen(name) + 1) + REQUEST_MEMORY(size);
	ret = request_create(
		ring, identity, &getxattr_class, handle_descriptor(handle), extra, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.xattr = (struct xattr_arguments) {
		.name = request_string(request, name),
		.size = size,
		.value = size > 0 ? request_memory(request, size) : NULL,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

ssize_t pathring_getxattr_result(struct pathring_request *request, const uint8_t **value)
{
	ssize_t result;

	result = request_result(request);
	if (value != NULL) {
		*value = result >= 0 ? request->operation.xattr.value : NULL;
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

ssize_t pathring_getxattr_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, uint8_t **value)
{
	return bytes_receive(req, mem_ctx, value);
}

/* ---- setxattr ---- */

static void setxattr_perform(struct operation *operation)
{
	struct xattr_arguments *arguments = &operation->xattr;
	int fd = descriptor_io_fd(operation->target);
	int ret;

	if (fd >= 0) {
		ret = fsetxattr(
			fd, arguments->name, arguments->value, arguments->size, arguments->flags);
	} else {
		ret = setxattr(proc_path_of(operation),
			       arguments->name,
			       arguments->value,
			       arguments->size,
			       arguments->flags);
	}
	operation->result = xattr_result(operation, fd, ret);
}

static const struct operation_class setxattr_class = {
	.kind = PATHRING_SETXATTR,
	.perform = setxattr_perform,
};

int pathring_setxattr_request(struct pathring *ring,
			      struct pathring_identity *identity,
			      struct pathring_handle *handle,
			      const char *name,
			      const void *value,
			      size_t size,
			      int flags,
			      pathring_request_fn fn,
			      void *private_data,
			      struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	size_t extra;
	int ret;

	ret = check_name(handle, name);
	if (ret < 0) {
		return ret;
	}
	if ((value == NULL && size > 0) || (flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) {
		return -EINVAL;
	}
	if (size > XATTR_SIZE_MAX) {
		return -E2BIG;
	}
	extra = REQUEST_MEMORY(strlen(name) + 1) + REQUEST_MEMORY(size);
	ret = request_create(
		ring, identity, &setxattr_class, handle_descriptor(handle), extra, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.xattr = (struct xattr_arguments) {
		.name = request_string(request, name),
		.size = size,
		.value = request_memory(request, size),
		.flags = flags,
	};
	if (size > 0) {
		memcpy(request->operation.xattr.value, value, size);
	}
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_setxattr_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_setxattr_send(TALLOC_CTX *mem_ctx,
					  struct tevent_context *ev,
					  struct pathring *ring,
					  struct pathring_identity *identity,
					  struct pathring_handle *handle,
					  const char *name,
					  const void *value,
					  size_t size,
					  int flags)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_setxattr_request(
		ring, identity, handle, name, value, size, flags, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_setxattr_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- listxattr ---- */

static void listxattr_perform(struct operation *operation)
{
	struct xattr_arguments *arguments = &operation->xattr;
	int fd = descriptor_io_fd(operation->target);
	char *names = (char *)arguments->value;
	ssize_t ret;

	if (fd >= 0) {
		ret = flistxattr(fd, names, arguments->size);
		operation->result = ret == -1 ? -errno : ret;
		return;
	}
	operation->result = operation_listxattr_pathref(operation->proc_fd,
							descriptor_pathref_fd(operation->target),
							arguments->proc_path,
							names,
							arguments->size);
}

static bool listxattr_attempt(struct operation *operation)
{
	listxattr_perform(operation);
	return true;
}

static const struct operation_class listxattr_class = {
	.kind = PATHRING_LISTXATTR,
	.perform = listxattr_perform,
	.attempt = listxattr_attempt,
};

int pathring_listxattr_request(struct pathring *ring,
			       struct pathring_identity *identity,
			       struct pathring_handle *handle,
			       size_t size,
			       pathring_request_fn fn,
			       void *private_data,
			       struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	if (handle == NULL || size > XATTR_LIST_MAX) {
		return -EINVAL;
	}
	ret = request_create(ring,
			     identity,
			     &listxattr_class,
			     handle_descriptor(handle),
			     REQUEST_MEMORY(size),
			     &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.xattr = (struct xattr_arguments) {
		.size = size,
		.value = size > 0 ? request_memory(request, size) : NULL,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

ssize_t pathring_listxattr_result(struct pathring_request *request, const char **names)
{
	ssize_t result;

	result = request_result(request);
	if (names != NULL) {
		*names = result >= 0 ? (const char *)request->operation.xattr.value : NULL;
	}
	return result;
}

struct tevent_req *pathring_listxattr_send(TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct pathring *ring,
					   struct pathring_identity *identity,
					   struct pathring_handle *handle,
					   size_t size)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_listxattr_request(
		ring, identity, handle, size, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

ssize_t pathring_listxattr_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, char **names)
{
	uint8_t *bytes = NULL;
	ssize_t ret;

	ret = bytes_receive(req, mem_ctx, names != NULL ? &bytes : NULL);
	if (names != NULL) {
		*names = (char *)bytes;
	}
	return ret;
}

/* ---- removexattr ---- */

static void removexattr_perform(struct operation *operation)
{
	struct xattr_arguments *arguments = &operation->xattr;
	int fd = descriptor_io_fd(operation->target);
	int ret;

	if (fd >= 0) {
		ret = fremovexattr(fd, arguments->name);
	} else {
		ret = removexattr(proc_path_of(operation), arguments->name);
	}
	operation->result = xattr_result(operation, fd, ret);
}

static const struct operation_class removexattr_class = {
	.kind = PATHRING_REMOVEXATTR,
	.perform = removexattr_perform,
};

int pathring_removexattr_request(struct pathring *ring,
				 struct pathring_identity *identity,
				 struct pathring_handle *handle,
				 const char *name,
				 pathring_request_fn fn,
				 void *private_data,
				 struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = check_name(handle, name);
	if (ret < 0) {
		return ret;
	}
	ret = request_create(ring,
			     identity,
			     &removexattr_class,
			     handle_descriptor(handle),
			     REQUEST_MEMORY(strlen(name) + 1),
			     &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.xattr = (struct xattr_arguments) {
		.name = request_string(request, name),
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_removexattr_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_removexattr_send(TALLOC_CTX *mem_ctx,
					     struct tevent_context *ev,
					     struct pathring *ring,
					     struct pathring_identity *identity,
					     struct pathring_handle *handle,
					     const char *name)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_removexattr_request(
		ring, identity, handle, name, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_removexattr_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}
