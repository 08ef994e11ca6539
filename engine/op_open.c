/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * openat and close, and the rules for paths that openat shares with lookup: nothing else resolves a
 * path.
 */
#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handle.h"
#include "pathref.h"
#include "request.h"

#define ALLOWED_RESOLVE                                                              \
	(RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | \
	 RESOLVE_NO_MAGICLINKS)

int operation_check_string(const char *string)
{
	size_t length;

	if (string == NULL) {
		return -EINVAL;
	}
	length = strnlen(string, PATH_MAX);
	if (length == 0) {
		return -ENOENT;
	}
	return length == PATH_MAX ? -ENAMETOOLONG : 0;
}

int operation_check_path(const struct descriptor *dir, const char *path)
{
	int ret;

	ret = operation_check_string(path);
	if (ret < 0) {
		return ret;
	}
	if (dir == NULL && path[0] != '/') {
		return -EINVAL;
	}
	if (dir != NULL && path[0] == '/') {
		return -EXDEV;
	}
	return 0;
}

int operation_fill_how(const struct descriptor *dir,
		       uint64_t flags,
		       uint64_t mode,
		       uint64_t resolve,
		       struct open_how *how)
{
	if ((resolve & ~(uint64_t)ALLOWED_RESOLVE) != 0) {
		return -EINVAL;
	}
	/* As the kernel says, also where operation_openat2_cached() puts another rule for one. */
	if ((resolve & RESOLVE_BENEATH) != 0 && (resolve & RESOLVE_IN_ROOT) != 0) {
		return -EINVAL;
	}
	if (dir != NULL && (resolve & ~(uint64_t)RESOLVE_NO_MAGICLINKS) == 0) {
		resolve = RESOLVE_BENEATH;
	}
	*how = (struct open_how) {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	return 0;
}

int operation_directory_fd(const struct operation *operation)
{
	/*
	 * An absolute path does not look at it. Never AT_FDCWD: a worker would see the directory of
	 * another moment.
	 */
	return operation->target != NULL ? descriptor_pathref_fd(operation->target) : -1;
}

int operation_openat2(int dirfd, const char *path, const struct open_how *how)
{
	struct open_how closing_on_exec = *how;
	long fd;

	closing_on_exec.flags |= O_CLOEXEC;
	fd = syscall(SYS_openat2, dirfd, path, &closing_on_exec, sizeof(closing_on_exec));
	return fd == -1 ? -errno : (int)fd;
}

/*
 * Whether a path leads downward as long as it meets no symbolic link. RESOLVE_NO_SYMLINKS then says
 * no less than RESOLVE_BENEATH, and spares the kernel a look at the mount lock at the end of the
 * walk (path_is_under() in fs/namei.c, 0.4 us of 2.5); where there is a link, it is ELOOP, and the
 * path is walked as it was asked for.
 */
static bool leads_downward(const char *path)
{
	const char *dots = strstr(path, "..");

	while (dots != NULL) {
		if ((dots == path || dots[-1] == '/') && (dots[2] == '/' || dots[2] == '\0')) {
			return false;
		}
		dots = strstr(dots + 1, "..");
	}
	return path[0] != '/';
}

int operation_openat2_cached(int dirfd, const char *path, const struct open_how *how)
{
	struct open_how cached = *how;
	int fd;

	/* Linux 5.12; EAGAIN where the walk would have to wait, EINVAL before. */
	cached.resolve |= RESOLVE_CACHED;
	/* Both at once are refused by the kernel, and must be here. */
	if ((cached.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == RESOLVE_BENEATH &&
	    leads_downward(path)) {
		cached.resolve ^= RESOLVE_BENEATH;
		cached.resolve |= RESOLVE_NO_SYMLINKS;
	}
	fd = operation_openat2(dirfd, path, &cached);
	return fd == -EINVAL || fd == -ELOOP ? -EAGAIN : fd;
}

static bool flags_create(uint64_t flags)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

bool operation_creates(const struct operation *operation)
{
	return operation->class->kind == PATHRING_MKDIRAT ||
	       (operation->class->kind == PATHRING_OPENAT &&
		flags_create(operation->openat.how.flags));
}

/* ---- openat ---- */

static void set_openat_result(struct operation *operation, int ret)
{
	operation->openat.fd = ret >= 0 ? ret : -1;
	operation->result = ret >= 0 ? 0 : ret;
}

static void openat_perform(struct operation *operation)
{
	const struct openat_arguments *arguments = &operation->openat;

	set_openat_result(operation,
			  operation_openat2(operation_directory_fd(operation),
					    arguments->path,
					    &arguments->how));
}

static void walked_perform(struct operation *operation)
{
	const struct openat_arguments *arguments = &operation->openat;

	set_openat_result(
		operation,
		pathref_open(operation_directory_fd(operation), arguments->path, &arguments->how));
}

/* Without O_PATH an open may wait for a lease, a FIFO's other end, a device: not in this thread. */
static bool pathref_attempt(struct operation *operation)
{
	struct openat_arguments *arguments = &operation->openat;
	int ret;

	ret = operation_openat2_cached(
		operation_directory_fd(operation), arguments->path, &arguments->how);
	if (ret == -EAGAIN) {
		return false;
	}
	set_openat_result(operation, ret);
	return true;
}

static void openat_discard(struct operation *operation)
{
	if (operation->openat.fd >= 0) {
		close(operation->openat.fd);
		operation->openat.fd = -1;
	}
}

static const struct operation_class openat_class = {
	.kind = PATHRING_OPENAT,
	.perform = openat_perform,
	.discard = openat_discard,
};

static const struct operation_class pathref_class = {
	.kind = PATHRING_OPENAT,
	.perform = openat_perform,
	.attempt = pathref_attempt,
	.discard = openat_discard,
};

/* A path reference without O_PATH. */
static const struct operation_class walked_class = {
	.kind = PATHRING_OPENAT,
	.perform = walked_perform,
	.discard = openat_discard,
	.in_thread = true,
};

static const struct operation_class *choose_class(const struct pathring *ring,
						  const struct open_how *how)
{
	if ((how->flags & O_PATH) == 0) {
		return &openat_class;
	}
	return pathref_is_walked(ring) ? &walked_class : &pathref_class;
}

int pathring_openat_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *dir,
			    const char *path,
			    const struct pathring_how *how,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **_request)
{
	struct descriptor *target = handle_descriptor(dir);
	const struct operation_class *class = NULL;
	struct pathring_request *request = NULL;
	struct open_how kernel_how = { 0 };
	int ret;

	if (how == NULL) {
		return -EINVAL;
	}
	ret = operation_check_path(target, path);
	if (ret < 0) {
		return ret;
	}
	/*
	 * openat2() is strict where open() ignores: a mode is only allowed where a file may be
	 * created.
	 */
	ret = operation_fill_how(target,
				 how->flags,
				 flags_create(how->flags) ? how->mode : 0,
				 how->resolve,
				 &kernel_how);
	if (ret < 0) {
		return ret;
	}
	class = choose_class(ring, &kernel_how);
	if (class == &walked_class) {
		ret = pathref_check(target, &kernel_how);
		if (ret < 0) {
			return ret;
		}
	}
	ret = request_create(
		ring, identity, class, target, REQUEST_MEMORY(strlen(path) + 1), &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.openat = (struct openat_arguments) {
		.path = request_string(request, path),
		.how = kernel_how,
		.fd = -1,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_openat_result(struct pathring_request *request,
			   TALLOC_CTX *mem_ctx,
			   struct pathring_handle **handle)
{
	struct openat_arguments *arguments = &request->operation.openat;
	enum pathring_handle_kind kind;
	ssize_t result;
	int fd;

	result = request_result(request);
	if (result < 0) {
		return (int)result;
	}
	fd = arguments->fd;
	if (fd < 0) {
		return -EBADF;
	}
	arguments->fd = -1;
	kind = (arguments->how.flags & O_PATH) != 0 ? PATHRING_PATHREF : PATHRING_IO;
	return handle_create(mem_ctx, fd, kind, handle);
}

struct tevent_req *pathring_openat_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *dir,
					const char *path,
					const struct pathring_how *how)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_openat_request(
		ring, identity, dir, path, how, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_openat_recv(struct tevent_req *req,
			 TALLOC_CTX *mem_ctx,
			 struct pathring_handle **handle)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = pathring_openat_result(request, mem_ctx, handle);
	}
	tevent_req_received(req);
	return ret;
}

/* ---- close ---- */

static void close_perform(struct operation *operation)
{
	int ret;

	ret = close(operation->close.fd);
	operation->result = ret == -1 ? -errno : 0;

	/* Closed whatever it said, also for EINTR. */
	operation->target->fd = -1;
}

static const struct operation_class close_class = {
	.kind = PATHRING_CLOSE,
	.perform = close_perform,
};

int pathring_close_request(struct pathring *ring,
			   struct pathring_identity *identity,
			   struct pathring_handle **handle,
			   pathring_request_fn fn,
			   void *private_data,
			   struct pathring_request **_request)
{
	struct descriptor *target = handle_descriptor(*handle);
	struct pathring_request *request = NULL;
	int ret;

	if (target == NULL || target->borrowed) {
		return -EINVAL;
	}
	if (descriptor_lingers(target)) {
		TALLOC_FREE(*handle);
		return -EBUSY;
	}
	ret = request_create(ring, identity, &close_class, target, 0, &request);
	TALLOC_FREE(*handle);
	if (ret < 0) {
		return ret;
	}

	request->operation.close = (struct close_arguments) {
		.fd = target->fd,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_close_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_close_send(TALLOC_CTX *mem_ctx,
				       struct tevent_context *ev,
				       struct pathring *ring,
				       struct pathring_identity *identity,
				       struct pathring_handle **handle)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_close_request(ring, identity, handle, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_close_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}
