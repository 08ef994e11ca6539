/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations of the library as blocking calls in each form. What they must answer is up to the
 * tests.
 */
#include "operations.h"

static void check_callback(struct fixture *f)
{
	char *credentials = snapshot_credentials(f);

	assert_eq(f->inside, 0, "a callback ran inside a call of the library");
	assert_str_eq(credentials,
		      f->credentials,
		      "a callback ran under other credentials than the loop");
	talloc_free(credentials);
}

void call_done(struct pathring_request *request, void *private_data)
{
	struct call *call = private_data;

	check_callback(call->f);
	assert_true(call->request == request, "called with another request");
	assert_eq(call->calls, 0, "completed twice");
	call->calls++;
	if (call->total != NULL) {
		(*call->total)++;
	}
}

void call_complete(struct call *call)
{
	int ret = -1;

	assert_not_null(call->request, "success without a request");
	if (call->f->form == FORM_WAIT) {
		INSIDE(call->f, ret = pathring_request_wait(call->request));
		assert_result(ret, 0);
		assert_eq(call->calls, 0, "called inside of pathring_request_wait()");
		return;
	}
	loop_until(call->f, &call->calls, 1);
}

void call_free(struct call *call)
{
	unsigned int calls = call->f->form == FORM_WAIT ? 0 : 1;

	INSIDE(call->f, pathring_request_free(call->request));
	call->request = NULL;
	assert_eq(call->calls, calls);
}

static void sent_done(struct tevent_req *req)
{
	struct sent *sent = tevent_req_callback_data_void(req);

	check_callback(sent->f);
	assert_true(sent->req == req);
	assert_eq(sent->calls, 0, "completed twice");
	sent->calls++;
	if (sent->total != NULL) {
		(*sent->total)++;
	}
}

void sent_watch(struct sent *sent, struct fixture *f, struct tevent_req *req, unsigned int *total)
{
	assert_not_null(req);
	sent->f = f;
	sent->req = req;
	sent->calls = 0;
	sent->total = total;
	tevent_req_set_callback(req, sent_done, sent);
}

void sent_complete(struct fixture *f, struct tevent_req *req)
{
	struct sent sent = { .f = NULL };

	sent_watch(&sent, f, req, NULL);
	loop_until(f, &sent.calls, 1);
}

int do_openat(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *dir,
	      const char *path,
	      const struct pathring_how *how,
	      struct pathring_handle **handle)
{
	struct call call = { .f = f };
	struct pathring_handle *again = NULL;
	struct tevent_req *req = NULL;
	int ret = -1;

	*handle = NULL;
	if (f->form == FORM_SEND) {
		INSIDE(f, req = pathring_openat_send(f, f->ev, f->ring, identity, dir, path, how));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_openat_recv(req, f, handle));
		talloc_free(req);
	} else {
		INSIDE(f,
		       ret = pathring_openat_request(
			       f->ring, identity, dir, path, how, call_done, &call, &call.request));
		if (ret != 0) {
			assert_null(call.request);
			return ret;
		}
		call_complete(&call);
		INSIDE(f, ret = pathring_openat_result(call.request, f, handle));
		if (ret == 0) {
			assert_result(pathring_openat_result(call.request, f, &again), -EBADF);
			assert_null(again);
		}
		call_free(&call);
	}
	assert_eq(ret == 0, *handle != NULL, "handle %p with %d", (void *)*handle, ret);
	return ret;
}

int do_close(struct fixture *f, struct pathring_identity *identity, struct pathring_handle **handle)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	int ret = -1;

	if (f->form == FORM_SEND) {
		INSIDE(f, req = pathring_close_send(f, f->ev, f->ring, identity, handle));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_close_recv(req));
		talloc_free(req);
		return ret;
	}
	INSIDE(f,
	       ret = pathring_close_request(
		       f->ring, identity, handle, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_close_result(call.request);
	call_free(&call);
	return ret;
}

int do_statx(struct fixture *f,
	     struct pathring_identity *identity,
	     struct pathring_handle *handle,
	     unsigned int flags,
	     unsigned int mask,
	     struct statx *stx)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	int again = -1;
	int ret = -1;

	if (f->form == FORM_SEND) {
		INSIDE(f,
		       req = pathring_statx_send(f, f->ev, f->ring, identity, handle, flags, mask));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_statx_recv(req, stx));
		talloc_free(req);
		return ret;
	}
	INSIDE(f,
	       ret = pathring_statx_request(
		       f->ring, identity, handle, flags, mask, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	again = pathring_statx_result(call.request, stx);
	ret = pathring_statx_result(call.request, stx);
	assert_eq(again, ret, "the result changed from %d to %d", again, ret);
	call_free(&call);
	return ret;
}

ssize_t do_getxattr(struct fixture *f,
		    struct pathring_identity *identity,
		    struct pathring_handle *handle,
		    const char *name,
		    size_t size,
		    uint8_t **value)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	const uint8_t *inside = NULL;
	ssize_t ret = -1;

	*value = NULL;
	if (f->form == FORM_SEND) {
		INSIDE(f,
		       req = pathring_getxattr_send(
			       f, f->ev, f->ring, identity, handle, name, size));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_getxattr_recv(req, f, value));
		talloc_free(req);
		if (ret > 0 && size > 0) {
			assert_not_null(*value);
			assert_true(talloc_parent(*value) == f, "the value has another owner");
			assert_geq((ssize_t)talloc_get_size(*value), ret);
		}
		return ret;
	}
	INSIDE(f,
	       ret = pathring_getxattr_request(
		       f->ring, identity, handle, name, size, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_getxattr_result(call.request, &inside);
	assert_eq(pathring_getxattr_result(call.request, NULL), ret, "the result changed");
	if (ret > 0 && size > 0) {
		assert_not_null(inside);
		*value = talloc_memdup(f, inside, (size_t)ret);
	}
	call_free(&call);
	return ret;
}

ssize_t do_pread(struct fixture *f,
		 struct pathring_identity *identity,
		 struct pathring_handle *handle,
		 void *buffer,
		 size_t size,
		 off_t offset)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	const uint8_t *data = NULL;
	ssize_t ret = -1;

	if (f->form == FORM_SEND) {
		INSIDE(f,
		       req = pathring_pread_send(
			       f, f->ev, f->ring, identity, handle, size, offset));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_pread_recv(req, buffer));
		talloc_free(req);
		return ret;
	}
	INSIDE(f,
	       ret = pathring_pread_request(
		       f->ring, identity, handle, size, offset, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_pread_result(call.request, &data);
	if (ret > 0) {
		assert_not_null(data);
		assert_leq((size_t)ret, size);
		memcpy(buffer, data, (size_t)ret);
	}
	call_free(&call);
	return ret;
}

ssize_t do_pwrite(struct fixture *f,
		  struct pathring_identity *identity,
		  struct pathring_handle *handle,
		  const void *data,
		  size_t size,
		  off_t offset)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	ssize_t ret = -1;
	/* The caller's data may be reused as soon as the call has returned: so it is. */
	uint8_t *copy = talloc_memdup(f, data, size);

	assert_not_null(copy);
	if (f->form == FORM_SEND) {
		INSIDE(f,
		       req = pathring_pwrite_send(
			       f, f->ev, f->ring, identity, handle, copy, size, offset));
		memset(copy, 0xee, size);
		talloc_free(copy);
		sent_complete(f, req);
		INSIDE(f, ret = pathring_pwrite_recv(req));
		talloc_free(req);
		return ret;
	}
	INSIDE(f,
	       ret = pathring_pwrite_request(f->ring,
					     identity,
					     handle,
					     copy,
					     size,
					     offset,
					     call_done,
					     &call,
					     &call.request));
	memset(copy, 0xee, size);
	talloc_free(copy);
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_pwrite_result(call.request);
	call_free(&call);
	return ret;
}

int do_fsync(struct fixture *f,
	     struct pathring_identity *identity,
	     struct pathring_handle *handle,
	     bool data_only)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	int ret = -1;

	if (f->form == FORM_SEND) {
		INSIDE(f,
		       req = pathring_fsync_send(f, f->ev, f->ring, identity, handle, data_only));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_fsync_recv(req));
		talloc_free(req);
		return ret;
	}
	INSIDE(f,
	       ret = pathring_fsync_request(
		       f->ring, identity, handle, data_only, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_fsync_result(call.request);
	call_free(&call);
	return ret;
}

/* Make of a completed request what pathring_lookup_recv() gives. */
static struct pathring_lookup *copy_lookup(struct fixture *f, struct call *call, size_t num_xattrs)
{
	struct pathring_lookup *lookup = talloc_zero(f, struct pathring_lookup);
	const struct pathring_xattr *xattrs = NULL;
	const struct statx *stx = NULL;
	struct pathring_handle *again = NULL;
	size_t i = 0;
	int ret = -1;

	assert_not_null(lookup);
	ret = pathring_lookup_result(call->request, &stx, &xattrs);
	assert_result(ret, 0);
	lookup->stx = *stx;
	lookup->num_xattrs = num_xattrs;
	for (i = 0; i < num_xattrs; i++) {
		lookup->xattrs[i].length = xattrs[i].length;
		if (xattrs[i].value != NULL) {
			assert_gt(xattrs[i].length, 0);
			lookup->xattrs[i].value =
				talloc_memdup(lookup, xattrs[i].value, (size_t)xattrs[i].length);
		}
	}
	INSIDE(f, ret = pathring_lookup_take_handle(call->request, lookup, &lookup->handle));
	assert_result(ret, 0);
	assert_result(pathring_lookup_take_handle(call->request, lookup, &again), -EBADF);
	assert_null(again);
	return lookup;
}

int do_lookup(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *dir,
	      const char *path,
	      const struct pathring_lookup_how *how,
	      struct pathring_lookup **lookup)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	int ret = -1;

	*lookup = NULL;
	if (f->form == FORM_SEND) {
		INSIDE(f, req = pathring_lookup_send(f, f->ev, f->ring, identity, dir, path, how));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_lookup_recv(req, f, lookup));
		talloc_free(req);
	} else {
		INSIDE(f,
		       ret = pathring_lookup_request(
			       f->ring, identity, dir, path, how, call_done, &call, &call.request));
		if (ret != 0) {
			assert_null(call.request);
			return ret;
		}
		call_complete(&call);
		ret = pathring_lookup_result(call.request, NULL, NULL);
		if (ret == 0) {
			*lookup = copy_lookup(f, &call, how->num_xattrs);
		}
		call_free(&call);
	}
	assert_eq(ret == 0, *lookup != NULL);
	if (*lookup != NULL) {
		assert_not_null((*lookup)->handle);
		assert_eq((*lookup)->num_xattrs, how->num_xattrs);
	}
	return ret;
}

int do_job(struct fixture *f,
	   struct pathring_identity *identity,
	   struct pathring_handle *cwd,
	   pathring_job_fn job_fn,
	   void *state)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	void *got = NULL;
	int ret = -1;

	if (f->form == FORM_SEND) {
		INSIDE(f, req = pathring_job_send(f, f->ev, f->ring, identity, cwd, job_fn, state));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_job_recv(req, f, &got));
		talloc_free(req);
		assert_true(got == (ret == 0 ? state : NULL), "state %p with %d", got, ret);
		assert_true(got == NULL || talloc_parent(got) == f);
		talloc_free(got);
		return ret;
	}
	INSIDE(f,
	       ret = pathring_job_request(
		       f->ring, identity, cwd, job_fn, state, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_job_result(call.request, &got);
	assert_true(got == (ret == 0 ? state : NULL), "state %p with %d", got, ret);
	assert_result(pathring_job_result(call.request, NULL), ret);
	call_free(&call);
	return ret;
}

struct pathring_handle *
must_open(struct fixture *f, struct pathring_identity *identity, const char *path, int flags)
{
	struct pathring_how how = { .flags = (uint64_t)flags };
	struct pathring_handle *handle = NULL;
	int ret = do_openat(f, identity, f->dir, path, &how, &handle);

	assert_eq(ret, 0, "open of %s: %s", path, strerror(-ret));
	return handle;
}

int try_open(struct fixture *f, struct pathring_identity *identity, const char *path, int flags)
{
	struct pathring_how how = { .flags = (uint64_t)flags };
	struct pathring_handle *handle = NULL;
	int ret = do_openat(f, identity, f->dir, path, &how, &handle);

	INSIDE(f, talloc_free(handle));
	return ret;
}

int try_lookup(struct fixture *f, struct pathring_identity *identity, const char *path)
{
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS };
	struct pathring_lookup *lookup = NULL;
	int ret = do_lookup(f, identity, f->dir, path, &how, &lookup);

	INSIDE(f, talloc_free(lookup));
	return ret;
}
