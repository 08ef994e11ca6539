/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Path references and I/O handles, how long their descriptors live, and the accessor boundary
 * between them. What is done with a descriptor belongs to the operations.
 */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "request.h"

struct pathring_handle {
	struct descriptor *descriptor;
};

static int handle_destructor(struct pathring_handle *handle)
{
	descriptor_release(handle->descriptor);
	handle->descriptor = NULL;
	return 0;
}

static int handle_wrap(TALLOC_CTX *mem_ctx,
		       int fd,
		       enum pathring_handle_kind kind,
		       bool borrowed,
		       struct pathring_handle **_handle)
{
	struct pathring_handle *handle = NULL;

	handle = talloc_zero(mem_ctx, struct pathring_handle);
	if (handle == NULL) {
		return -ENOMEM;
	}

	/*
	 * Requests may hold it longer than any mem_ctx lives, and the last of them may end in
	 * another thread: not talloc's. The references own it.
	 */
	handle->descriptor = malloc(sizeof(struct descriptor));
	if (handle->descriptor == NULL) {
		talloc_free(handle);
		return -ENOMEM;
	}
	*handle->descriptor = (struct descriptor) {
		.fd = fd,
		.kind = kind,
		.borrowed = borrowed,
		.references = 1,
		.holders = 1,
	};

	talloc_set_destructor(handle, handle_destructor);
	*_handle = handle;
	return 0;
}

int handle_create(TALLOC_CTX *mem_ctx,
		  int fd,
		  enum pathring_handle_kind kind,
		  struct pathring_handle **handle)
{
	int ret;

	ret = handle_wrap(mem_ctx, fd, kind, false, handle);
	if (ret < 0) {
		close(fd);
	}
	return ret;
}

int pathring_handle_dup(TALLOC_CTX *mem_ctx,
			int fd,
			enum pathring_handle_kind kind,
			struct pathring_handle **handle)
{
	int own_fd;

	own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own_fd == -1) {
		return -errno;
	}
	return handle_create(mem_ctx, own_fd, kind, handle);
}

int pathring_handle_borrow(TALLOC_CTX *mem_ctx,
			   int fd,
			   enum pathring_handle_kind kind,
			   struct pathring_handle **handle)
{
	if (fd < 0) {
		return -EBADF;
	}
	return handle_wrap(mem_ctx, fd, kind, true, handle);
}

struct descriptor *handle_descriptor(const struct pathring_handle *handle)
{
	if (handle == NULL) {
		return NULL;
	}
	return handle->descriptor;
}

struct descriptor *descriptor_hold(struct descriptor *descriptor)
{
	if (descriptor != NULL) {
		descriptor->references++;
	}
	return descriptor;
}

static void let_go(struct descriptor *descriptor)
{
	unsigned int holders = __atomic_sub_fetch(&descriptor->holders, 1, __ATOMIC_ACQ_REL);

	if (holders > 0) {
		return;
	}
	if (!descriptor->borrowed && descriptor->fd >= 0) {
		close(descriptor->fd);
	}
	free(descriptor);
}

void descriptor_release(struct descriptor *descriptor)
{
	if (descriptor == NULL) {
		return;
	}

	descriptor->references--;
	if (descriptor->references == 1 && descriptor->closer != NULL) {
		struct pathring_request *closer = descriptor->closer;

		descriptor->closer = NULL;
		if (descriptor_lingers(descriptor)) {
			closer->operation.result = -EBUSY;
			request_complete(closer, PATHRING_INLINE);
		} else {
			request_enqueue(closer);
		}
		return;
	}
	if (descriptor->references == 0) {
		let_go(descriptor);
	}
}

void descriptor_linger(struct descriptor *descriptor)
{
	if (descriptor != NULL) {
		__atomic_add_fetch(&descriptor->holders, 1, __ATOMIC_RELAXED);
		descriptor_release(descriptor);
	}
}

void descriptor_release_lingering(struct descriptor *descriptor)
{
	if (descriptor != NULL) {
		let_go(descriptor);
	}
}

bool descriptor_lingers(const struct descriptor *descriptor)
{
	return __atomic_load_n(&descriptor->holders, __ATOMIC_ACQUIRE) > 1;
}

bool descriptor_begin_reading(struct descriptor *descriptor)
{
	return !__atomic_exchange_n(&descriptor->reading, true, __ATOMIC_ACQUIRE);
}

void descriptor_end_reading(struct descriptor *descriptor)
{
	__atomic_store_n(&descriptor->reading, false, __ATOMIC_RELEASE);
}

int descriptor_io_fd(const struct descriptor *descriptor)
{
	if (descriptor == NULL || descriptor->kind != PATHRING_IO) {
		return -EBADF;
	}
	return descriptor->fd;
}

int descriptor_pathref_fd(const struct descriptor *descriptor)
{
	if (descriptor == NULL) {
		return -EBADF;
	}
	return descriptor->fd;
}

int pathring_handle_io_fd(const struct pathring_handle *handle)
{
	return descriptor_io_fd(handle_descriptor(handle));
}

int pathring_handle_pathref_fd(const struct pathring_handle *handle)
{
	return descriptor_pathref_fd(handle_descriptor(handle));
}
