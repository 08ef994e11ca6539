/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pread, pwrite and fsync of open files, and the close that must not overtake them. The descriptors
 * are smbd's own and only lent: why, and what keeps them open, is in call.c.
 */
#include "vfs_pathring.h"

struct data_state {
	struct vfs_pathring_call *call;
	size_t size;
	ssize_t result;
	struct vfs_aio_state aio_state;
};

static void pread_done(struct vfs_pathring_call *call);
static void pwrite_done(struct vfs_pathring_call *call);
static void fsync_done(struct vfs_pathring_call *call);
static void pread_passed_done(struct tevent_req *subreq);
static void pwrite_passed_done(struct tevent_req *subreq);
static void fsync_passed_done(struct tevent_req *subreq);

/* A call and a handle on smbd's descriptor; false when the next module has to do it. */
static bool data_prepare(struct data_state *state,
			 const struct vfs_pathring_share *share,
			 enum vfs_pathring_operation operation,
			 const struct files_struct *fsp,
			 struct pathring_handle **io)
{
	int ret = -EBADF;

	state->call = vfs_pathring_call_create(state, share, fsp->conn, operation);
	if (state->call == NULL) {
		return false;
	}

	/*
	 * fsp_get_io_fd() complains loudly about a path reference, which the next module may know
	 * what to do with.
	 */
	if (!fsp->fsp_flags.is_pathref) {
		ret = vfs_pathring_call_lend(state->call, fsp_get_io_fd(fsp), PATHRING_IO, io);
	}
	if (ret != 0) {
		vfs_pathring_call_refused(state->call, ret);
		state->call = NULL;
		return false;
	}

	return true;
}

/*
 * The request was made, or ret says why not: then the next module has to do it, and false is
 * returned.
 */
static bool data_start(struct tevent_req *req,
		       struct tevent_context *ev,
		       int ret,
		       struct pathring_request *request,
		       vfs_pathring_call_fn fn)
{
	struct data_state *state = tevent_req_data(req, struct data_state);

	if (ret != 0) {
		vfs_pathring_call_refused(state->call, ret);
		state->call = NULL;
		return false;
	}

	vfs_pathring_call_start(state->call, request, req, ev, fn);

	return true;
}

/* A started request goes back to smbd; it is complete already when ev was not the engine's. */
static struct tevent_req *data_started(struct tevent_req *req, struct tevent_context *ev)
{
	bool in_progress = tevent_req_is_in_progress(req);

	return in_progress ? req : tevent_req_post(req, ev);
}

static struct tevent_req *data_passed(struct tevent_req *req,
				      struct tevent_context *ev,
				      struct tevent_req *subreq,
				      tevent_req_fn fn)
{
	if (tevent_req_nomem(subreq, req)) {
		return tevent_req_post(req, ev);
	}
	tevent_req_set_callback(subreq, fn, req);

	return req;
}

static void data_finish(struct tevent_req *req, ssize_t result)
{
	struct data_state *state = tevent_req_data(req, struct data_state);

	state->aio_state.duration = pathring_request_duration(state->call->request);
	vfs_pathring_call_result(state->call, result);
	TALLOC_FREE(state->call);
	if (result < 0) {
		tevent_req_error(req, -result);
		return;
	}
	state->result = result;
	tevent_req_done(req);
}

/* The answer of the next module, whose error is in state->aio_state. */
static void data_passed_finish(struct tevent_req *req, ssize_t result)
{
	struct data_state *state = tevent_req_data(req, struct data_state);

	if (result == -1) {
		tevent_req_error(req, state->aio_state.error);
		return;
	}
	state->result = result;
	tevent_req_done(req);
}

static ssize_t data_recv(struct tevent_req *req, struct vfs_aio_state *aio_state)
{
	struct data_state *state = tevent_req_data(req, struct data_state);
	ssize_t result = state->result;

	*aio_state = state->aio_state;
	if (tevent_req_is_unix_error(req, &aio_state->error)) {
		result = -1;
	}
	tevent_req_received(req);

	return result;
}

/* ---------------------------------------------------------------------------------------- pread */

/* After a read that was not in the cache twice as many go by without a try, up to so many. */
#define MAX_SKIPPED 64

static bool is_worth_a_try(struct vfs_pathring_cached_reads *reads)
{
	if (reads->skip > 0) {
		reads->skip--;
		return false;
	}
	return true;
}

/* Whether there is no more to read: else what is there in part only was read. */
static bool is_end_of_file(int fd, off_t offset)
{
	struct stat st = { 0 };
	int ret;

	ret = fstat(fd, &st);
	return ret == 0 && S_ISREG(st.st_mode) && offset >= st.st_size;
}

/*
 * What is in the page cache is read at once, by one system call that does not wait (RWF_NOWAIT,
 * Linux 4.14). An open file needs no identity, and the ring would copy the data in this thread too,
 * inside io_uring_enter(): that is 3 us more for 4 KiB.
 */
static bool pread_cached(struct tevent_req *req,
			 const struct vfs_pathring_share *share,
			 const struct files_struct *fsp,
			 void *data,
			 off_t offset)
{
	struct data_state *state = tevent_req_data(req, struct data_state);
	struct vfs_pathring_cached_reads *reads = share->cached_reads;
	struct iovec buffer = { .iov_base = data, .iov_len = state->size };
	struct timespec begun = { 0 };
	struct timespec ended = { 0 };
	ssize_t moved;
	bool tries;
	bool whole;
	int fd;

	tries = !fsp->fsp_flags.is_pathref && state->size > 0 && is_worth_a_try(reads);
	if (!tries) {
		return false;
	}
	fd = fsp_get_io_fd(fsp);
	clock_gettime_mono(&begun);
	moved = preadv2(fd, &buffer, 1, offset, RWF_NOWAIT);
	whole = moved == (ssize_t)state->size ||
		(moved >= 0 && is_end_of_file(fd, offset + (off_t)moved));
	if (!whole) {
		reads->missed = MIN(2 * reads->missed + 1, MAX_SKIPPED);
		reads->skip = reads->missed;
		return false;
	}
	reads->missed = 0;
	clock_gettime_mono(&ended);
	state->aio_state.duration = nsec_time_diff(&ended, &begun);
	state->result = moved;
	share->counters->values.requests[VFS_PATHRING_PREAD][PATHRING_INLINE]++;
	return true;
}

static bool pread_start(struct tevent_req *req,
			struct tevent_context *ev,
			const struct vfs_pathring_share *share,
			const struct files_struct *fsp,
			void *data,
			off_t offset)
{
	struct data_state *state = tevent_req_data(req, struct data_state);
	struct pathring_handle *io = NULL;
	struct pathring_request *request = NULL;
	bool ok;
	int ret;

	ok = vfs_pathring_share_answers(share, VFS_PATHRING_PREAD);
	if (!ok) {
		return false;
	}

	ok = pread_cached(req, share, fsp, data, offset);
	if (ok) {
		tevent_req_done(req);
		return true;
	}

	ok = data_prepare(state, share, VFS_PATHRING_PREAD, fsp, &io);
	if (!ok) {
		return false;
	}

	ret = pathring_pread_lent_request(state->call->engine->ring,
					  state->call->identity,
					  io,
					  data,
					  state->size,
					  offset,
					  vfs_pathring_call_completed,
					  state->call,
					  &request);

	return data_start(req, ev, ret, request, pread_done);
}

struct tevent_req *vfs_pathring_pread_send(struct vfs_handle_struct *handle,
					   TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct files_struct *fsp,
					   void *data,
					   size_t n,
					   off_t offset)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	struct data_state *state = NULL;
	struct tevent_req *req = NULL;
	struct tevent_req *subreq = NULL;
	bool started;

	req = tevent_req_create(mem_ctx, &state, struct data_state);
	if (req == NULL) {
		return NULL;
	}
	state->size = n;

	started = pread_start(req, ev, share, fsp, data, offset);
	if (started) {
		return data_started(req, ev);
	}

	subreq = SMB_VFS_NEXT_PREAD_SEND(state, ev, handle, fsp, data, n, offset);

	return data_passed(req, ev, subreq, pread_passed_done);
}

static void pread_done(struct vfs_pathring_call *call)
{
	data_finish(call->req, pathring_pread_result(call->request, NULL));
}

static void pread_passed_done(struct tevent_req *subreq)
{
	struct tevent_req *req = tevent_req_callback_data(subreq, struct tevent_req);
	struct data_state *state = tevent_req_data(req, struct data_state);
	ssize_t result;

	result = SMB_VFS_PREAD_RECV(subreq, &state->aio_state);
	TALLOC_FREE(subreq);
	data_passed_finish(req, result);
}

ssize_t vfs_pathring_pread_recv(struct tevent_req *req, struct vfs_aio_state *aio_state)
{
	return data_recv(req, aio_state);
}

/* --------------------------------------------------------------------------------------- pwrite */

static bool pwrite_start(struct tevent_req *req,
			 struct tevent_context *ev,
			 const struct vfs_pathring_share *share,
			 const struct files_struct *fsp,
			 const void *data,
			 off_t offset)
{
	struct data_state *state = tevent_req_data(req, struct data_state);
	struct pathring_handle *io = NULL;
	struct pathring_request *request = NULL;
	bool append = vfs_pathring_compat_is_append(offset);
	bool ok;
	int ret;

	ok = vfs_pathring_share_answers(share, VFS_PATHRING_PWRITE);
	if (!ok) {
		return false;
	}
	if (append) {
		share->counters->values.passed[VFS_PATHRING_PWRITE][VFS_PATHRING_REASON_KIND]++;
		return false;
	}

	ok = data_prepare(state, share, VFS_PATHRING_PWRITE, fsp, &io);
	if (!ok) {
		return false;
	}

	ret = pathring_pwrite_lent_request(state->call->engine->ring,
					   state->call->identity,
					   io,
					   data,
					   state->size,
					   offset,
					   vfs_pathring_call_completed,
					   state->call,
					   &request);

	return data_start(req, ev, ret, request, pwrite_done);
}

struct tevent_req *vfs_pathring_pwrite_send(struct vfs_handle_struct *handle,
					    TALLOC_CTX *mem_ctx,
					    struct tevent_context *ev,
					    struct files_struct *fsp,
					    const void *data,
					    size_t n,
					    off_t offset)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	struct data_state *state = NULL;
	struct tevent_req *req = NULL;
	struct tevent_req *subreq = NULL;
	bool started;

	req = tevent_req_create(mem_ctx, &state, struct data_state);
	if (req == NULL) {
		return NULL;
	}
	state->size = n;

	started = pwrite_start(req, ev, share, fsp, data, offset);
	if (started) {
		return data_started(req, ev);
	}

	subreq = SMB_VFS_NEXT_PWRITE_SEND(state, ev, handle, fsp, data, n, offset);

	return data_passed(req, ev, subreq, pwrite_passed_done);
}

static void pwrite_done(struct vfs_pathring_call *call)
{
	data_finish(call->req, pathring_pwrite_result(call->request));
}

static void pwrite_passed_done(struct tevent_req *subreq)
{
	struct tevent_req *req = tevent_req_callback_data(subreq, struct tevent_req);
	struct data_state *state = tevent_req_data(req, struct data_state);
	ssize_t result;

	result = SMB_VFS_PWRITE_RECV(subreq, &state->aio_state);
	TALLOC_FREE(subreq);
	data_passed_finish(req, result);
}

ssize_t vfs_pathring_pwrite_recv(struct tevent_req *req, struct vfs_aio_state *aio_state)
{
	return data_recv(req, aio_state);
}

/* ---------------------------------------------------------------------------------------- fsync */

static bool fsync_start(struct tevent_req *req,
			struct tevent_context *ev,
			const struct vfs_pathring_share *share,
			const struct files_struct *fsp)
{
	struct data_state *state = tevent_req_data(req, struct data_state);
	struct pathring_handle *io = NULL;
	struct pathring_request *request = NULL;
	bool ok;
	int ret;

	ok = vfs_pathring_share_answers(share, VFS_PATHRING_FSYNC);
	if (!ok) {
		return false;
	}

	ok = data_prepare(state, share, VFS_PATHRING_FSYNC, fsp, &io);
	if (!ok) {
		return false;
	}

	ret = pathring_fsync_request(state->call->engine->ring,
				     state->call->identity,
				     io,
				     false,
				     vfs_pathring_call_completed,
				     state->call,
				     &request);

	return data_start(req, ev, ret, request, fsync_done);
}

struct tevent_req *vfs_pathring_fsync_send(struct vfs_handle_struct *handle,
					   TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct files_struct *fsp)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	struct data_state *state = NULL;
	struct tevent_req *req = NULL;
	struct tevent_req *subreq = NULL;
	bool started;

	req = tevent_req_create(mem_ctx, &state, struct data_state);
	if (req == NULL) {
		return NULL;
	}

	started = fsync_start(req, ev, share, fsp);
	if (started) {
		return data_started(req, ev);
	}

	subreq = SMB_VFS_NEXT_FSYNC_SEND(state, ev, handle, fsp);

	return data_passed(req, ev, subreq, fsync_passed_done);
}

static void fsync_done(struct vfs_pathring_call *call)
{
	data_finish(call->req, pathring_fsync_result(call->request));
}

static void fsync_passed_done(struct tevent_req *subreq)
{
	struct tevent_req *req = tevent_req_callback_data(subreq, struct tevent_req);
	struct data_state *state = tevent_req_data(req, struct data_state);
	int result;

	result = SMB_VFS_FSYNC_RECV(subreq, &state->aio_state);
	TALLOC_FREE(subreq);
	data_passed_finish(req, result);
}

int vfs_pathring_fsync_recv(struct tevent_req *req, struct vfs_aio_state *aio_state)
{
	return data_recv(req, aio_state);
}

/* ---------------------------------------------------------------------------------------- close */

int vfs_pathring_close(struct vfs_handle_struct *handle, files_struct *fsp)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);

	if (share != NULL) {
		vfs_pathring_ahead_closing(share->ahead, fsp);
		vfs_pathring_call_settle(share->backend, fsp_get_pathref_fd(fsp));
	}

	return SMB_VFS_NEXT_CLOSE(handle, fsp);
}
