/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Reading directories and symbolic links.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handle.h"
#include "request.h"

#define MIN_READDIR 1024
#define MAX_READDIR (1024 * 1024)

/* What getdents64(2) writes; glibc has no name for it. */
struct kernel_entry {
	uint64_t inode;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* The shortest: a name of one byte and its NUL, rounded to 8. */
#define MIN_ENTRY_LENGTH 24

/* ---- readdir ---- */

/* What the kernel wrote, as entries whose names stay in its buffer. */
static ssize_t parse_entries(struct readdir_arguments *arguments, size_t length)
{
	size_t position = 0;
	ssize_t count = 0;

	while (position < length) {
		const struct kernel_entry *from = (const void *)(arguments->buffer + position);

		arguments->entries[count++] = (struct pathring_entry) {
			.name = from->name,
			.inode = from->inode,
			.next = (uint64_t)from->next,
			.type = from->type,
		};
		position += from->length;
	}
	return count;
}

static void readdir_perform(struct operation *operation)
{
	struct readdir_arguments *arguments = &operation->readdir;
	int fd = descriptor_io_fd(operation->target);
	off_t position;
	long length;

	position = lseek(fd, (off_t)arguments->position, SEEK_SET);
	if (position == -1) {
		operation->result = errno == ESPIPE ? -ENOTDIR : -errno;
		return;
	}
	length = syscall(SYS_getdents64, fd, arguments->buffer, arguments->size);
	operation->result = length == -1 ? -errno : parse_entries(arguments, (size_t)length);
}

static const struct operation_class readdir_class = {
	.kind = PATHRING_READDIR,
	.perform = readdir_perform,
};

int pathring_readdir_request(struct pathring *ring,
			     struct pathring_identity *identity,
			     struct pathring_handle *handle,
			     uint64_t position,
			     size_t size,
			     pathring_request_fn fn,
			     void *private_data,
			     struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	struct descriptor *target = NULL;
	size_t entries;
	bool first;
	int ret;

	ret = pathring_handle_io_fd(handle);
	if (ret < 0) {
		return ret;
	}
	if (size < MIN_READDIR || size > MAX_READDIR) {
		return -EINVAL;
	}
	target = handle_descriptor(handle);
	first = descriptor_begin_reading(target);
	if (!first) {
		return -EBUSY;
	}
	entries = size / MIN_ENTRY_LENGTH * sizeof(struct pathring_entry);
	ret = request_create(ring,
			     identity,
			     &readdir_class,
			     target,
			     REQUEST_MEMORY(size) + REQUEST_MEMORY(entries),
			     &request);
	if (ret < 0) {
		descriptor_end_reading(target);
		return ret;
	}

	request->operation.readdir = (struct readdir_arguments) {
		.position = position,
		.size = size,
		.buffer = request_memory(request, size),
		.entries = request_memory(request, entries),
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

ssize_t pathring_readdir_result(struct pathring_request *request,
				const struct pathring_entry **entries)
{
	ssize_t result;

	result = request_result(request);
	if (entries != NULL) {
		*entries = result >= 0 ? request->operation.readdir.entries : NULL;
	}
	return result;
}

struct tevent_req *pathring_readdir_send(TALLOC_CTX *mem_ctx,
					 struct tevent_context *ev,
					 struct pathring *ring,
					 struct pathring_identity *identity,
					 struct pathring_handle *handle,
					 uint64_t position,
					 size_t size)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_readdir_request(
		ring, identity, handle, position, size, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

/* The entries as one object of the caller's, the names behind them. */
static struct pathring_entry *
copy_entries(TALLOC_CTX *mem_ctx, const struct pathring_entry *entries, size_t count)
{
	struct pathring_entry *copy = NULL;
	size_t size = count * sizeof(struct pathring_entry);
	char *names = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		size += strlen(entries[i].name) + 1;
	}
	copy = talloc_size(mem_ctx, size);
	if (copy == NULL) {
		return NULL;
	}
	talloc_set_name_const(copy, "struct pathring_entry");
	names = (char *)(copy + count);
	for (i = 0; i < count; i++) {
		copy[i] = entries[i];
		copy[i].name = names;
		names = stpcpy(names, entries[i].name) + 1;
	}
	return copy;
}

ssize_t
pathring_readdir_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, struct pathring_entry **_entries)
{
	struct pathring_request *request = NULL;
	const struct pathring_entry *entries = NULL;
	ssize_t ret;

	*_entries = NULL;
	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = pathring_readdir_result(request, &entries);
	}
	if (ret > 0) {
		*_entries = copy_entries(mem_ctx, entries, (size_t)ret);
		if (*_entries == NULL) {
			ret = -ENOMEM;
		}
	}
	tevent_req_received(req);
	return ret;
}

/* ---- readlinkat ---- */

/*
 * Of anything but a symbolic link an empty name says ENOENT (fs/stat.c); of a link the file system
 * may say it.
 */
static int not_a_link(int fd)
{
	struct stat st;
	int ret;

	ret = fstat(fd, &st);
	return ret == 0 && !S_ISLNK(st.st_mode) ? -EINVAL : -ENOENT;
}

static void readlinkat_perform(struct operation *operation)
{
	int fd = descriptor_pathref_fd(operation->target);
	char *target = operation->readlinkat.target;
	ssize_t length;

	length = readlinkat(fd, "", target, PATH_MAX - 1);
	if (length == -1) {
		operation->result = errno == ENOENT ? not_a_link(fd) : -errno;
		return;
	}
	target[length] = '\0';
	operation->result = length;
}

/* A target is in the inode, or one block of the local disk. */
static bool readlinkat_attempt(struct operation *operation)
{
	readlinkat_perform(operation);
	return true;
}

static const struct operation_class readlinkat_class = {
	.kind = PATHRING_READLINKAT,
	.perform = readlinkat_perform,
	.attempt = readlinkat_attempt,
};

int pathring_readlinkat_request(struct pathring *ring,
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
	ret = request_create(ring,
			     identity,
			     &readlinkat_class,
			     handle_descriptor(handle),
			     REQUEST_MEMORY(PATH_MAX),
			     &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.readlinkat = (struct readlinkat_arguments) {
		.target = request_memory(request, PATH_MAX),
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

ssize_t pathring_readlinkat_result(struct pathring_request *request, const char **target)
{
	ssize_t result;

	result = request_result(request);
	if (target != NULL) {
		*target = result >= 0 ? request->operation.readlinkat.target : NULL;
	}
	return result;
}

struct tevent_req *pathring_readlinkat_send(TALLOC_CTX *mem_ctx,
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
	ret = pathring_readlinkat_request(ring, identity, handle, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

ssize_t pathring_readlinkat_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, char **_target)
{
	struct pathring_request *request = NULL;
	const char *target = NULL;
	ssize_t ret;

	*_target = NULL;
	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = pathring_readlinkat_result(request, &target);
	}
	if (ret >= 0) {
		*_target = talloc_strdup(mem_ctx, target);
		if (*_target == NULL) {
			ret = -ENOMEM;
		}
	}
	tevent_req_received(req);
	return ret;
}
