/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * pread, pwrite, fsync, ftruncate and fallocate: the operations that path references refuse.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "handle.h"
#include "request.h"

/*
 * The most that one read or write moves (MAX_RW_COUNT): more would be a short transfer by design.
 */
#define MAX_TRANSFER 0x7ffff000

static int check_transfer(const struct pathring_handle *handle, size_t size, off_t offset)
{
	int fd;

	fd = pathring_handle_io_fd(handle);
	if (fd < 0) {
		return fd;
	}
	if (size > MAX_TRANSFER || offset < 0) {
		return -EINVAL;
	}
	return 0;
}

/* memory: lent by the caller; NULL: the request brings its own. */
static int transfer_create(struct pathring *ring,
			   struct pathring_identity *identity,
			   const struct operation_class *class,
			   struct pathring_handle *handle,
			   uint8_t *memory,
			   size_t size,
			   off_t offset,
			   struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	size_t extra = memory == NULL ? REQUEST_MEMORY(size) : 0;
	int ret;

	ret = check_transfer(handle, size, offset);
	if (ret < 0) {
		return ret;
	}
	ret = request_create(ring, identity, class, handle_descriptor(handle), extra, &request);
	if (ret < 0) {
		return ret;
	}
	request->operation.transfer = (struct transfer_arguments) {
		.data = memory == NULL ? request_memory(request, size) : memory,
		.lent = memory != NULL,
		.size = size,
		.offset = offset,
	};
	*_request = request;
	return 0;
}

static int lent_request(struct pathring *ring,
			struct pathring_identity *identity,
			const struct operation_class *class,
			struct pathring_handle *handle,
			void *memory,
			size_t size,
			off_t offset,
			pathring_request_fn fn,
			void *private_data,
			struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	if (memory == NULL) {
		return -EINVAL;
	}
	ret = transfer_create(ring, identity, class, handle, memory, size, offset, &request);
	if (ret == 0) {
		request_start(request, fn, private_data, _request);
	}
	return ret;
}

/* Repeat a transfer until all is moved; what was moved before an error counts. */
static void transfer_perform(struct operation *operation, bool writing)
{
	struct transfer_arguments *arguments = &operation->transfer;
	int fd = descriptor_io_fd(operation->target);
	ssize_t moved;

	do {
		uint8_t *data = arguments->data + arguments->done;
		size_t left = arguments->size - arguments->done;
		off_t offset = arguments->offset + (off_t)arguments->done;

		moved = writing ? pwrite(fd, data, left, offset) : pread(fd, data, left, offset);
		if (moved > 0) {
			arguments->done += (size_t)moved;
		}
	} while ((moved > 0 && arguments->done < arguments->size) ||
		 (moved == -1 && errno == EINTR));

	if (moved == -1 && arguments->done == 0) {
		operation->result = -errno;
		return;
	}
	operation->result = (ssize_t)arguments->done;
}

/* ---- pread ---- */

static void pread_perform(struct operation *operation)
{
	transfer_perform(operation, false);
}

static const struct operation_class pread_class = {
	.kind = PATHRING_PREAD,
	.perform = pread_perform,
};

int pathring_pread_request(struct pathring *ring,
			   struct pathring_identity *identity,
			   struct pathring_handle *handle,
			   size_t size,
			   off_t offset,
			   pathring_request_fn fn,
			   void *private_data,
			   struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = transfer_create(ring, identity, &pread_class, handle, NULL, size, offset, &request);
	if (ret == 0) {
		request_start(request, fn, private_data, _request);
	}
	return ret;
}

int pathring_pread_lent_request(struct pathring *ring,
				struct pathring_identity *identity,
				struct pathring_handle *handle,
				void *buffer,
				size_t size,
				off_t offset,
				pathring_request_fn fn,
				void *private_data,
				struct pathring_request **request)
{
	return lent_request(ring,
			    identity,
			    &pread_class,
			    handle,
			    buffer,
			    size,
			    offset,
			    fn,
			    private_data,
			    request);
}

ssize_t pathring_pread_result(struct pathring_request *request, const uint8_t **data)
{
	ssize_t result;

	result = request_result(request);
	if (data != NULL) {
		*data = result >= 0 ? request->operation.transfer.data : NULL;
	}
	return result;
}

struct tevent_req *pathring_pread_send(TALLOC_CTX *mem_ctx,
				       struct tevent_context *ev,
				       struct pathring *ring,
				       struct pathring_identity *identity,
				       struct pathring_handle *handle,
				       size_t size,
				       off_t offset)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_pread_request(
		ring, identity, handle, size, offset, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

ssize_t pathring_pread_recv(struct tevent_req *req, void *buffer)
{
	struct pathring_request *request = NULL;
	const uint8_t *data = NULL;
	ssize_t ret;

	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = pathring_pread_result(request, &data);
	}
	if (ret > 0) {
		memcpy(buffer, data, (size_t)ret);
	}
	tevent_req_received(req);
	return ret;
}

/* ---- pwrite ---- */

static void pwrite_perform(struct operation *operation)
{
	transfer_perform(operation, true);
}

static const struct operation_class pwrite_class = {
	.kind = PATHRING_PWRITE,
	.perform = pwrite_perform,
};

int pathring_pwrite_request(struct pathring *ring,
			    struct pathring_identity *identity,
			    struct pathring_handle *handle,
			    const void *data,
			    size_t size,
			    off_t offset,
			    pathring_request_fn fn,
			    void *private_data,
			    struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	if (data == NULL && size > 0) {
		return -EINVAL;
	}
	ret = transfer_create(ring, identity, &pwrite_class, handle, NULL, size, offset, &request);
	if (ret < 0) {
		return ret;
	}
	if (size > 0) {
		memcpy(request->operation.transfer.data, data, size);
	}
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_pwrite_lent_request(struct pathring *ring,
				 struct pathring_identity *identity,
				 struct pathring_handle *handle,
				 const void *data,
				 size_t size,
				 off_t offset,
				 pathring_request_fn fn,
				 void *private_data,
				 struct pathring_request **request)
{
	/* Only read from; reads and writes share their arguments. */
	uint8_t *memory = (uint8_t *)(uintptr_t)data;

	return lent_request(ring,
			    identity,
			    &pwrite_class,
			    handle,
			    memory,
			    size,
			    offset,
			    fn,
			    private_data,
			    request);
}

ssize_t pathring_pwrite_result(struct pathring_request *request)
{
	return request_result(request);
}

struct tevent_req *pathring_pwrite_send(TALLOC_CTX *mem_ctx,
					struct tevent_context *ev,
					struct pathring *ring,
					struct pathring_identity *identity,
					struct pathring_handle *handle,
					const void *data,
					size_t size,
					off_t offset)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_pwrite_request(
		ring, identity, handle, data, size, offset, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

ssize_t pathring_pwrite_recv(struct tevent_req *req)
{
	return request_receive(req);
}

/* ---- fsync ---- */

static void fsync_perform(struct operation *operation)
{
	int fd = descriptor_io_fd(operation->target);
	int ret;

	ret = operation->fsync.data_only ? fdatasync(fd) : fsync(fd);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class fsync_class = {
	.kind = PATHRING_FSYNC,
	.perform = fsync_perform,
};

int pathring_fsync_request(struct pathring *ring,
			   struct pathring_identity *identity,
			   struct pathring_handle *handle,
			   bool data_only,
			   pathring_request_fn fn,
			   void *private_data,
			   struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = pathring_handle_io_fd(handle);
	if (ret < 0) {
		return ret;
	}
	ret = request_create(ring, identity, &fsync_class, handle_descriptor(handle), 0, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.fsync = (struct fsync_arguments) {
		.data_only = data_only,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_fsync_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_fsync_send(TALLOC_CTX *mem_ctx,
				       struct tevent_context *ev,
				       struct pathring *ring,
				       struct pathring_identity *identity,
				       struct pathring_handle *handle,
				       bool data_only)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_fsync_request(
		ring, identity, handle, data_only, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_fsync_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- ftruncate ---- */

static void ftruncate_perform(struct operation *operation)
{
	int ret;

	ret = ftruncate(descriptor_io_fd(operation->target), operation->ftruncate.length);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class ftruncate_class = {
	.kind = PATHRING_FTRUNCATE,
	.perform = ftruncate_perform,
};

int pathring_ftruncate_request(struct pathring *ring,
			       struct pathring_identity *identity,
			       struct pathring_handle *handle,
			       off_t length,
			       pathring_request_fn fn,
			       void *private_data,
			       struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = pathring_handle_io_fd(handle);
	if (ret < 0) {
		return ret;
	}
	if (length < 0) {
		return -EINVAL;
	}
	ret = request_create(
		ring, identity, &ftruncate_class, handle_descriptor(handle), 0, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.ftruncate = (struct ftruncate_arguments) {
		.length = length,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_ftruncate_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_ftruncate_send(TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct pathring *ring,
					   struct pathring_identity *identity,
					   struct pathring_handle *handle,
					   off_t length)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_ftruncate_request(
		ring, identity, handle, length, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_ftruncate_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}

/* ---- fallocate ---- */

static void fallocate_perform(struct operation *operation)
{
	const struct fallocate_arguments *arguments = &operation->fallocate;
	int ret;

	ret = fallocate(descriptor_io_fd(operation->target),
			arguments->mode,
			arguments->offset,
			arguments->length);
	operation->result = ret == -1 ? -errno : 0;
}

static const struct operation_class fallocate_class = {
	.kind = PATHRING_FALLOCATE,
	.perform = fallocate_perform,
};

int pathring_fallocate_request(struct pathring *ring,
			       struct pathring_identity *identity,
			       struct pathring_handle *handle,
			       int mode,
			       off_t offset,
			       off_t length,
			       pathring_request_fn fn,
			       void *private_data,
			       struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = pathring_handle_io_fd(handle);
	if (ret < 0) {
		return ret;
	}
	ret = request_create(
		ring, identity, &fallocate_class, handle_descriptor(handle), 0, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.fallocate = (struct fallocate_arguments) {
		.mode = mode,
		.offset = offset,
		.length = length,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_fallocate_result(struct pathring_request *request)
{
	return (int)request_result(request);
}

struct tevent_req *pathring_fallocate_send(TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct pathring *ring,
					   struct pathring_identity *identity,
					   struct pathring_handle *handle,
					   int mode,
					   off_t offset,
					   off_t length)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_fallocate_request(
		ring, identity, handle, mode, offset, length, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_fallocate_recv(struct tevent_req *req)
{
	return (int)request_receive(req);
}
