/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * get_dos_attributes: the DOS attributes of an entry of a listing, from one getxattr in the engine.
 * share.c decides whether a tree connect may do it this way, and says why; which names are the next
 * module's is in xattr.c.
 */
#include "vfs_pathring.h"

struct dosmode_state {
	struct tevent_context *ev;
	struct smb_filename *smb_fname;
	struct vfs_pathring_call *call;
	struct pathring_handle *pathref; /* the call's, kept for the second try */
	uint32_t dosmode;
	bool as_root;
	struct vfs_aio_state aio_state;
};

static void get_dos_attributes_done(struct vfs_pathring_call *call);
static void get_dos_attributes_passed_done(struct tevent_req *subreq);

/* state->call is there; 0 or a negative errno. */
static int get_dos_attributes_request(struct tevent_req *req, struct pathring_identity *identity)
{
	struct dosmode_state *state = tevent_req_data(req, struct dosmode_state);
	struct pathring_request *request = NULL;
	int ret;

	/* The size is the one of vfswrap_get_dos_attributes_send() in modules/vfs_default.c. */
	ret = pathring_getxattr_request(state->call->engine->ring,
					identity,
					state->pathref,
					SAMBA_XATTR_DOS_ATTRIB,
					sizeof(fstring),
					vfs_pathring_call_completed,
					state->call,
					&request);
	if (ret != 0) {
		return ret;
	}

	vfs_pathring_call_start(state->call, request, req, state->ev, get_dos_attributes_done);

	return 0;
}

/* Returns false when the next module has to do it. */
static bool get_dos_attributes_start(struct tevent_req *req, const struct vfs_pathring_share *share)
{
	struct dosmode_state *state = tevent_req_data(req, struct dosmode_state);
	bool answers = vfs_pathring_share_answers(share, VFS_PATHRING_GET_DOS_ATTRIBUTES);
	int ret;

	if (!answers) {
		return false;
	}

	state->call = vfs_pathring_call_create(state, share, VFS_PATHRING_GET_DOS_ATTRIBUTES);
	if (state->call == NULL) {
		return false;
	}

	ret = vfs_pathring_xattr_lend(state->call, state->smb_fname, &state->pathref);
	if (ret == 0) {
		ret = get_dos_attributes_request(req, state->call->identity);
	}
	if (ret != 0) {
		vfs_pathring_call_refused(state->call, ret);
		state->call = NULL;
		return false;
	}

	return true;
}

struct tevent_req *vfs_pathring_get_dos_attributes_send(TALLOC_CTX *mem_ctx,
							struct tevent_context *ev,
							struct vfs_handle_struct *handle,
							files_struct *dir_fsp,
							struct smb_filename *smb_fname)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	struct dosmode_state *state = NULL;
	struct tevent_req *req = NULL;
	struct tevent_req *subreq = NULL;
	bool started;

	req = tevent_req_create(mem_ctx, &state, struct dosmode_state);
	if (req == NULL) {
		return NULL;
	}
	state->ev = ev;
	state->smb_fname = smb_fname;

	started = get_dos_attributes_start(req, share);
	if (started) {
		bool in_progress = tevent_req_is_in_progress(req);

		return in_progress ? req : tevent_req_post(req, ev);
	}

	subreq = SMB_VFS_NEXT_GET_DOS_ATTRIBUTES_SEND(state, ev, handle, dir_fsp, smb_fname);
	if (tevent_req_nomem(subreq, req)) {
		return tevent_req_post(req, ev);
	}
	tevent_req_set_callback(subreq, get_dos_attributes_passed_done, req);

	return req;
}

/*
 * smbd lets a user see the attributes of a file that it may list and not read, by a second try as
 * root (vfswrap_get_dos_attributes_getxattr_done() in modules/vfs_default.c). smbd switches to root
 * for it; the engine knows root already, as the identity it was made under, and just names that.
 * Where smbd isn't root there is no second try. EPERM gets none either: the kernel denies reading
 * an xattr with EACCES, so it is the engine saying that it can't be the user, which must not end in
 * being root.
 */
static bool get_dos_attributes_again(struct tevent_req *req, ssize_t error)
{
	struct dosmode_state *state = tevent_req_data(req, struct dosmode_state);
	struct vfs_pathring_call *call = state->call;
	struct pathring_identity *root = pathring_identity_process(call->engine->ring);
	uid_t uid = pathring_identity_uid(root);
	int ret;

	if (error != -EACCES || state->as_root || uid != 0) {
		return false;
	}
	state->as_root = true;
	pathring_request_free(call->request);
	call->request = NULL;

	ret = get_dos_attributes_request(req, root);

	return ret == 0;
}

static void get_dos_attributes_done(struct vfs_pathring_call *call)
{
	struct tevent_req *req = call->req;
	struct dosmode_state *state = tevent_req_data(req, struct dosmode_state);
	const uint8_t *value = NULL;
	DATA_BLOB blob = { 0 };
	ssize_t length;
	NTSTATUS status;

	state->aio_state.duration += pathring_request_duration(call->request);
	length = pathring_getxattr_result(call->request, &value);
	vfs_pathring_call_result(call, length);
	if (length < 0) {
		bool again = get_dos_attributes_again(req, length);

		if (again) {
			return;
		}
		TALLOC_FREE(state->call);
		state->aio_state.error = -length;
		tevent_req_nterror(req, map_nt_error_from_unix(-length));
		return;
	}

	blob = data_blob_const(value, length);
	status = parse_dos_attribute_blob(state->smb_fname, blob, &state->dosmode);
	TALLOC_FREE(state->call);
	if (tevent_req_nterror(req, status)) {
		return;
	}
	tevent_req_done(req);
}

static void get_dos_attributes_passed_done(struct tevent_req *subreq)
{
	struct tevent_req *req = tevent_req_callback_data(subreq, struct tevent_req);
	struct dosmode_state *state = tevent_req_data(req, struct dosmode_state);
	NTSTATUS status;

	status = SMB_VFS_NEXT_GET_DOS_ATTRIBUTES_RECV(subreq, &state->aio_state, &state->dosmode);
	TALLOC_FREE(subreq);
	if (tevent_req_nterror(req, status)) {
		return;
	}
	tevent_req_done(req);
}

NTSTATUS vfs_pathring_get_dos_attributes_recv(struct tevent_req *req,
					      struct vfs_aio_state *aio_state,
					      uint32_t *dosmode)
{
	struct dosmode_state *state = tevent_req_data(req, struct dosmode_state);
	NTSTATUS status;

	*aio_state = state->aio_state;
	if (tevent_req_is_nterror(req, &status)) {
		tevent_req_received(req);
		return status;
	}

	*dosmode = state->dosmode;
	tevent_req_received(req);

	return NT_STATUS_OK;
}
