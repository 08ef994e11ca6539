/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording of reads, writes and flushes of files that a client has opened. The time of one is from
 * smbd's call to its completion, on the ring or wherever it runs.
 */
#include "record.h"

struct io_state {
	struct record *record; /* NULL: no client's file, or it is in the trace */
	struct replay_request request;
	ssize_t result;
	struct vfs_aio_state aio_state;
};

static void pread_done(struct tevent_req *subreq);
static void pwrite_done(struct tevent_req *subreq);
static void fsync_done(struct tevent_req *subreq);

/* False: it is no client's file. */
static bool io_begin(struct vfs_handle_struct *handle,
		     const struct files_struct *fsp,
		     enum replay_command command,
		     struct replay_request *request)
{
	struct record_open *open = record_open_find(handle, fsp);

	if (open == NULL) {
		return false;
	}
	record_begin(open->record, record_session(open->record), command, request);
	request->handle = open->number;
	request->present |= REPLAY_HAS_HANDLE;

	return true;
}

/* What smbd makes of it: a read that begins at the file's end has failed. */
static void io_end(struct record *record, struct replay_request *request, ssize_t result, int error)
{
	NTSTATUS status = NT_STATUS_OK;

	if (result < 0) {
		status = map_nt_error_from_unix(error);
	} else if (request->command != REPLAY_FLUSH) {
		request->count = result;
		request->present |= REPLAY_HAS_COUNT;
		if (request->command == REPLAY_READ && result == 0 && request->length > 0) {
			status = NT_STATUS_END_OF_FILE;
		}
	}
	record_end(record, request, status);
}

/* ------------------------------------------------------------------------------- synchronous ones
 */

static ssize_t record_pread(struct vfs_handle_struct *handle,
			    struct files_struct *fsp,
			    void *data,
			    size_t n,
			    off_t offset)
{
	struct replay_request request;
	bool recorded = io_begin(handle, fsp, REPLAY_READ, &request);
	ssize_t result = SMB_VFS_NEXT_PREAD(handle, fsp, data, n, offset);
	int error = errno;

	if (recorded) {
		request.offset = offset;
		request.length = n;
		io_end(record_find(handle), &request, result, error);
	}
	errno = error;
	return result;
}

static ssize_t record_pwrite(struct vfs_handle_struct *handle,
			     struct files_struct *fsp,
			     const void *data,
			     size_t n,
			     off_t offset)
{
	struct replay_request request;
	bool recorded = io_begin(handle, fsp, REPLAY_WRITE, &request);
	ssize_t result = SMB_VFS_NEXT_PWRITE(handle, fsp, data, n, offset);
	int error = errno;

	if (recorded) {
		request.offset = offset;
		request.length = n;
		io_end(record_find(handle), &request, result, error);
	}
	errno = error;
	return result;
}

static ssize_t record_sendfile(struct vfs_handle_struct *handle,
			       int tofd,
			       files_struct *fromfsp,
			       const DATA_BLOB *header,
			       off_t offset,
			       size_t count)
{
	struct replay_request request;
	bool recorded = io_begin(handle, fromfsp, REPLAY_READ, &request);
	ssize_t result = SMB_VFS_NEXT_SENDFILE(handle, tofd, fromfsp, header, offset, count);
	int error = errno;
	/* The header is among the bytes sent. */
	ssize_t read = result > 0 && header != NULL ? result - (ssize_t)header->length : result;

	/* Where the file system can't do that smbd reads. */
	if (recorded && result != -1) {
		request.offset = offset;
		request.length = count;
		io_end(record_find(handle), &request, MAX(read, 0), error);
	}
	errno = error;
	return result;
}

static ssize_t record_recvfile(struct vfs_handle_struct *handle,
			       int fromfd,
			       files_struct *tofsp,
			       off_t offset,
			       size_t count)
{
	struct replay_request request;
	bool recorded = io_begin(handle, tofsp, REPLAY_WRITE, &request);
	ssize_t result = SMB_VFS_NEXT_RECVFILE(handle, fromfd, tofsp, offset, count);
	int error = errno;

	if (recorded && (result != -1 || error != ENOSYS)) {
		request.offset = offset;
		request.length = count;
		io_end(record_find(handle), &request, result, error);
	}
	errno = error;
	return result;
}

/* ------------------------------------------------------------------------------ asynchronous ones
 */

/* The client is gone, and smbd does not wait for what it has asked for: there is no answer. */
static int io_destructor(struct io_state *state)
{
	if (state->record != NULL) {
		record_file_write(state->record->file, &state->request);
	}
	return 0;
}

static struct tevent_req *io_create(TALLOC_CTX *mem_ctx,
				    struct vfs_handle_struct *handle,
				    const struct files_struct *fsp,
				    enum replay_command command)
{
	struct io_state *state = NULL;
	struct tevent_req *req = tevent_req_create(mem_ctx, &state, struct io_state);
	bool recorded;

	if (req == NULL) {
		return NULL;
	}
	recorded = io_begin(handle, fsp, command, &state->request);
	if (recorded) {
		state->record = record_find(handle);
		talloc_set_destructor(state, io_destructor);
	}
	return req;
}

static struct tevent_req *io_started(struct tevent_req *req,
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

static void io_finish(struct tevent_req *req, ssize_t result)
{
	struct io_state *state = tevent_req_data(req, struct io_state);

	if (state->record != NULL) {
		io_end(state->record, &state->request, result, state->aio_state.error);
		state->record = NULL;
	}
	if (result == -1) {
		tevent_req_error(req, state->aio_state.error);
		return;
	}
	state->result = result;
	tevent_req_done(req);
}

static ssize_t io_recv(struct tevent_req *req, struct vfs_aio_state *aio_state)
{
	struct io_state *state = tevent_req_data(req, struct io_state);
	ssize_t result = state->result;

	*aio_state = state->aio_state;
	if (tevent_req_is_unix_error(req, &aio_state->error)) {
		result = -1;
	}
	tevent_req_received(req);

	return result;
}

static struct tevent_req *record_pread_send(struct vfs_handle_struct *handle,
					    TALLOC_CTX *mem_ctx,
					    struct tevent_context *ev,
					    struct files_struct *fsp,
					    void *data,
					    size_t n,
					    off_t offset)
{
	struct tevent_req *req = io_create(mem_ctx, handle, fsp, REPLAY_READ);
	struct io_state *state = NULL;
	struct tevent_req *subreq = NULL;

	if (req == NULL) {
		return NULL;
	}
	state = tevent_req_data(req, struct io_state);
	state->request.offset = offset;
	state->request.length = n;
	subreq = vfs_pathring_pread_send(handle, state, ev, fsp, data, n, offset);

	return io_started(req, ev, subreq, pread_done);
}

static void pread_done(struct tevent_req *subreq)
{
	struct tevent_req *req = tevent_req_callback_data(subreq, struct tevent_req);
	struct io_state *state = tevent_req_data(req, struct io_state);
	ssize_t result = vfs_pathring_pread_recv(subreq, &state->aio_state);

	TALLOC_FREE(subreq);
	io_finish(req, result);
}

static struct tevent_req *record_pwrite_send(struct vfs_handle_struct *handle,
					     TALLOC_CTX *mem_ctx,
					     struct tevent_context *ev,
					     struct files_struct *fsp,
					     const void *data,
					     size_t n,
					     off_t offset)
{
	struct tevent_req *req = io_create(mem_ctx, handle, fsp, REPLAY_WRITE);
	struct io_state *state = NULL;
	struct tevent_req *subreq = NULL;

	if (req == NULL) {
		return NULL;
	}
	state = tevent_req_data(req, struct io_state);
	state->request.offset = offset;
	state->request.length = n;
	subreq = vfs_pathring_pwrite_send(handle, state, ev, fsp, data, n, offset);

	return io_started(req, ev, subreq, pwrite_done);
}

static void pwrite_done(struct tevent_req *subreq)
{
	struct tevent_req *req = tevent_req_callback_data(subreq, struct tevent_req);
	struct io_state *state = tevent_req_data(req, struct io_state);
	ssize_t result = vfs_pathring_pwrite_recv(subreq, &state->aio_state);

	TALLOC_FREE(subreq);
	io_finish(req, result);
}

static struct tevent_req *record_fsync_send(struct vfs_handle_struct *handle,
					    TALLOC_CTX *mem_ctx,
					    struct tevent_context *ev,
					    struct files_struct *fsp)
{
	struct tevent_req *req = io_create(mem_ctx, handle, fsp, REPLAY_FLUSH);
	struct io_state *state = NULL;
	struct tevent_req *subreq = NULL;

	if (req == NULL) {
		return NULL;
	}
	state = tevent_req_data(req, struct io_state);
	subreq = vfs_pathring_fsync_send(handle, state, ev, fsp);

	return io_started(req, ev, subreq, fsync_done);
}

static void fsync_done(struct tevent_req *subreq)
{
	struct tevent_req *req = tevent_req_callback_data(subreq, struct tevent_req);
	struct io_state *state = tevent_req_data(req, struct io_state);
	ssize_t result = vfs_pathring_fsync_recv(subreq, &state->aio_state);

	TALLOC_FREE(subreq);
	io_finish(req, result);
}

static int record_fsync_recv(struct tevent_req *req, struct vfs_aio_state *aio_state)
{
	return (int)io_recv(req, aio_state);
}

void record_data_hook(struct vfs_fn_pointers *fns)
{
	fns->pread_fn = record_pread;
	fns->pwrite_fn = record_pwrite;
	fns->sendfile_fn = record_sendfile;
	fns->recvfile_fn = record_recvfile;
	fns->pread_send_fn = record_pread_send;
	fns->pread_recv_fn = io_recv;
	fns->pwrite_send_fn = record_pwrite_send;
	fns->pwrite_recv_fn = io_recv;
	fns->fsync_send_fn = record_fsync_send;
	fns->fsync_recv_fn = record_fsync_recv;
}
