/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * statx of an open handle. There is none by name: lookup opens the name first, so that what is told
 * is of one inode.
 */
#include <errno.h>

#include "handle.h"
#include "request.h"

#define ALLOWED_FLAGS (AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC)

int operation_statx_fd(int fd, unsigned int flags, unsigned int mask, struct statx *stx)
{
	int ret;

	ret = statx(fd, "", (int)(flags | AT_EMPTY_PATH), mask, stx);
	return ret == -1 ? -errno : 0;
}

static void statx_perform(struct operation *operation)
{
	struct statx_arguments *arguments = &operation->statx;

	operation->result = operation_statx_fd(descriptor_pathref_fd(operation->target),
					       arguments->flags,
					       arguments->mask,
					       &arguments->stx);
}

static const struct operation_class statx_class = {
	.kind = PATHRING_STATX,
	.perform = statx_perform,
};

int pathring_statx_request(struct pathring *ring,
			   struct pathring_identity *identity,
			   struct pathring_handle *handle,
			   unsigned int flags,
			   unsigned int mask,
			   pathring_request_fn fn,
			   void *private_data,
			   struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	if (handle == NULL || (flags & ~(unsigned int)ALLOWED_FLAGS) != 0) {
		return -EINVAL;
	}
	ret = request_create(ring, identity, &statx_class, handle_descriptor(handle), 0, &request);
	if (ret < 0) {
		return ret;
	}

	request->operation.statx = (struct statx_arguments) {
		.flags = flags,
		.mask = mask,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_statx_result(struct pathring_request *request, struct statx *stx)
{
	ssize_t result;

	result = request_result(request);
	if (result < 0) {
		return (int)result;
	}
	*stx = request->operation.statx.stx;
	return 0;
}

struct tevent_req *pathring_statx_send(TALLOC_CTX *mem_ctx,
				       struct tevent_context *ev,
				       struct pathring *ring,
				       struct pathring_identity *identity,
				       struct pathring_handle *handle,
				       unsigned int flags,
				       unsigned int mask)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_statx_request(
		ring, identity, handle, flags, mask, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_statx_recv(struct tevent_req *req, struct statx *stx)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = pathring_statx_result(request, stx);
	}
	tevent_req_received(req);
	return ret;
}
