/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * getxattrat: an xattr of a name that smbd holds a path reference for. What DOS attributes make of
 * it is in dosmode.c.
 */
#include "vfs_pathring.h"

struct getxattrat_state {
	struct vfs_pathring_call *call;
	ssize_t length;
	uint8_t *value;
	struct vfs_aio_state aio_state;
};

static void getxattrat_done(struct vfs_pathring_call *call);
static void getxattrat_passed_done(struct tevent_req *subreq);

/*
 * Not ours is what vfswrap_fgetxattr() (modules/vfs_default.c) would not read through
 * /proc/self/fd, or what might be more than a path reference: a name without an fsp, one opened for
 * I/O, one without /proc, a named stream.
 */
int vfs_pathring_xattr_lend(struct vfs_pathring_call *call,
			    const struct smb_filename *smb_fname,
			    struct pathring_handle **pathref)
{
	const struct files_struct *fsp = smb_fname->fsp;
	bool stream = is_named_stream(smb_fname);

	if (stream || fsp == NULL || !fsp->fsp_flags.is_pathref || !fsp->fsp_flags.have_proc_fds) {
		return -EOPNOTSUPP;
	}

	return vfs_pathring_call_lend(call, fsp_get_pathref_fd(fsp), PATHRING_PATHREF, pathref);
}

/* Returns false when the next module has to do it. */
static bool getxattrat_start(struct tevent_req *req,
			     struct tevent_context *ev,
			     const struct vfs_pathring_share *share,
			     struct connection_struct *conn,
			     const struct smb_filename *smb_fname,
			     const char *xattr_name,
			     size_t alloc_hint)
{
	struct getxattrat_state *state = tevent_req_data(req, struct getxattrat_state);
	struct pathring_handle *pathref = NULL;
	struct pathring_request *request = NULL;
	bool answers = vfs_pathring_share_answers(share, VFS_PATHRING_GETXATTRAT);
	int ret;

	if (!answers) {
		return false;
	}

	state->call = vfs_pathring_call_create(state, share, conn, VFS_PATHRING_GETXATTRAT);
	if (state->call == NULL) {
		return false;
	}

	ret = vfs_pathring_xattr_lend(state->call, smb_fname, &pathref);
	if (ret != 0) {
		goto fail;
	}

	/*
	 * The kernel knows no longer xattr and shortens the buffer itself (XATTR_SIZE_MAX in
	 * fs/xattr.c).
	 */
	ret = pathring_getxattr_request(state->call->engine->ring,
					state->call->identity,
					pathref,
					xattr_name,
					MIN(alloc_hint, XATTR_SIZE_MAX),
					vfs_pathring_call_completed,
					state->call,
					&request);
	if (ret != 0) {
		goto fail;
	}

	vfs_pathring_call_start(state->call, request, req, ev, getxattrat_done);

	return true;

fail:
	vfs_pathring_call_refused(state->call, ret);
	state->call = NULL;
	return false;
}

struct tevent_req *vfs_pathring_getxattrat_send(TALLOC_CTX *mem_ctx,
						struct tevent_context *ev,
						struct vfs_handle_struct *handle,
						files_struct *dir_fsp,
						const struct smb_filename *smb_fname,
						const char *xattr_name,
						size_t alloc_hint)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	struct getxattrat_state *state = NULL;
	struct tevent_req *req = NULL;
	struct tevent_req *subreq = NULL;
	bool started;

	req = tevent_req_create(mem_ctx, &state, struct getxattrat_state);
	if (req == NULL) {
		return NULL;
	}
	state->length = -1;

	started = getxattrat_start(req, ev, share, handle->conn, smb_fname, xattr_name, alloc_hint);
	if (started) {
		bool in_progress = tevent_req_is_in_progress(req);

		return in_progress ? req : tevent_req_post(req, ev);
	}

	subreq = SMB_VFS_NEXT_GETXATTRAT_SEND(state,
					      ev,
					      handle,
					      dir_fsp,
					      smb_fname,
					      xattr_name,
					      alloc_hint);
	if (tevent_req_nomem(subreq, req)) {
		return tevent_req_post(req, ev);
	}
	tevent_req_set_callback(subreq, getxattrat_passed_done, req);

	return req;
}

static void getxattrat_done(struct vfs_pathring_call *call)
{
	struct tevent_req *req = call->req;
	struct getxattrat_state *state = tevent_req_data(req, struct getxattrat_state);
	const uint8_t *value = NULL;
	bool wanted;

	state->aio_state.duration = pathring_request_duration(call->request);
	state->length = pathring_getxattr_result(call->request, &value);
	vfs_pathring_call_result(call, state->length);
	wanted = state->length > 0 && value != NULL;
	if (wanted) {
		state->value = talloc_memdup(state, value, state->length);
	}
	TALLOC_FREE(state->call);

	if (state->length < 0) {
		tevent_req_error(req, -state->length);
		return;
	}
	if (wanted && tevent_req_nomem(state->value, req)) {
		return;
	}
	tevent_req_done(req);
}

static void getxattrat_passed_done(struct tevent_req *subreq)
{
	struct tevent_req *req = tevent_req_callback_data(subreq, struct tevent_req);
	struct getxattrat_state *state = tevent_req_data(req, struct getxattrat_state);

	state->length = SMB_VFS_NEXT_GETXATTRAT_RECV(subreq,
						     &state->aio_state,
						     state,
						     &state->value);
	TALLOC_FREE(subreq);
	if (state->length == -1) {
		tevent_req_error(req, state->aio_state.error);
		return;
	}
	tevent_req_done(req);
}

ssize_t vfs_pathring_getxattrat_recv(struct tevent_req *req,
				     struct vfs_aio_state *aio_state,
				     TALLOC_CTX *mem_ctx,
				     uint8_t **xattr_value)
{
	struct getxattrat_state *state = tevent_req_data(req, struct getxattrat_state);
	ssize_t length = state->length;

	*aio_state = state->aio_state;
	if (tevent_req_is_unix_error(req, &aio_state->error)) {
		tevent_req_received(req);
		return -1;
	}

	if (xattr_value != NULL) {
		*xattr_value = talloc_move(mem_ctx, &state->value);
	}
	tevent_req_received(req);

	return length;
}
