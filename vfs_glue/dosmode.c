/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * get_dos_attributes: the DOS attributes of an entry of a listing, from one getxattr in the engine,
 * and that a listing does not run out of descriptors. share.c decides whether a tree connect may do
 * it this way, and says why; which names are the next module's is in xattr.c.
 *
 * smbd keeps the path reference of each entry until its event loop has run, which it does not
 * before the response is full or the directory at its end: up to 65,535 entries. Its own brake
 * (max_async_dosmode_active in smbd/smb2_query_directory.c) looks at a queue that is not used here,
 * and that helper threads empty as fast as smbd fills it. An entry that can't be opened any more is
 * left out in silence (smbd_dirptr_get_entry() in smbd/dir.c): stock smbd 4.17 lists 16,430 of
 * 20,000 files. So here a path reference is closed as soon as the attributes are there, and how
 * many may be open without them is limited.
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

/* What smbd opened for this entry and nobody else uses. */
static bool is_pathref_of_entry(const struct smb_filename *smb_fname)
{
	bool stream = is_named_stream(smb_fname);

	return !stream && smb_fname->fsp != NULL && smb_fname->fsp->fsp_flags.is_pathref;
}

/*
 * Of the fsp smbd uses the name and the share from here on (dos_mode_post() in smbd/dosmode.c).
 * What remains of it smbd frees as one of a file that it never opened.
 */
static void let_go_of_pathref(struct files_struct *fsp)
{
	NTSTATUS status = fd_close(fsp);

	if (!NT_STATUS_IS_OK(status)) {
		DBG_ERR("closing %s: %s\n", fsp_str_dbg(fsp), nt_errstr(status));
	}
}

/*
 * The kernel gives out the lowest number that is free. One in the upper half of what smbd may open
 * says that half of it is in use, by this listing or by the client's open files.
 */
static bool are_descriptors_scarce(const struct files_struct *fsp)
{
	return fsp_get_pathref_fd(fsp) >= fsp->conn->sconn->real_max_open_files / 2;
}

/*
 * vfs_btrfs knows whether a file is compressed: smbd asks for that with the attributes in hand, so
 * that the path reference has to be open then.
 */
static bool has_compressed_files(const struct connection_struct *conn)
{
	return (conn->fs_capabilities & FILE_FILE_COMPRESSION) != 0;
}

static bool is_answered_by_engine(const struct vfs_pathring_share *share,
				  const struct files_struct *fsp)
{
	return share->answers[VFS_PATHRING_GET_DOS_ATTRIBUTES] && !has_compressed_files(fsp->conn);
}

/*
 * Of a fifo, a device or a socket fdos_mode() says since 4.22 that it is a reparse point, without
 * asking for its attributes. smbd's asynchronous way does ask.
 */
static bool is_file_or_directory(const struct smb_filename *smb_fname)
{
	return S_ISREG(smb_fname->st.st_ex_mode) || S_ISDIR(smb_fname->st.st_ex_mode);
}

/*
 * Whether to answer before _send returns: what was looked up ahead costs nothing, and when
 * descriptors are scarce this entry's must not stay open. The engine's requests can be waited for,
 * which frees as many again; those of the next module can't.
 */
static bool is_answered_at_once(const struct vfs_pathring_share *share,
				const struct smb_filename *smb_fname)
{
	bool pathref = is_pathref_of_entry(smb_fname);
	bool same = is_file_or_directory(smb_fname);

	if (share == NULL || !pathref) {
		return false;
	}
	if (same && !share->dos_attributes_behind &&
	    vfs_pathring_ahead_has_dos_attributes(share->ahead, smb_fname->fsp)) {
		return true;
	}
	if (!are_descriptors_scarce(smb_fname->fsp)) {
		return false;
	}
	if (is_answered_by_engine(share, smb_fname->fsp)) {
		same = !vfs_pathring_call_settle_pathrefs(share->backend) && same;
	}
	return same;
}

/*
 * As smbd does it without "smbd async dosmode" (smbd_dirptr_lanman2_mode_fn() in
 * smbd/smb2_trans2.c): from the top of the stack of modules, and with its own second try as root.
 */
static void get_dos_attributes_at_once(struct dosmode_state *state)
{
	struct files_struct *fsp = state->smb_fname->fsp;

	state->dosmode = fdos_mode(fsp);
	state->smb_fname->st = fsp->fsp_name->st;
	let_go_of_pathref(fsp);
}

/* Returns false when the next module has to do it. */
static bool get_dos_attributes_start(struct tevent_req *req,
				     const struct vfs_pathring_share *share,
				     struct connection_struct *conn)
{
	struct dosmode_state *state = tevent_req_data(req, struct dosmode_state);
	bool answers = vfs_pathring_share_answers(share, VFS_PATHRING_GET_DOS_ATTRIBUTES);
	int ret;

	if (!answers) {
		return false;
	}
	if (has_compressed_files(conn)) {
		share->counters->values
			.passed[VFS_PATHRING_GET_DOS_ATTRIBUTES][VFS_PATHRING_REASON_KIND]++;
		return false;
	}

	state->call = vfs_pathring_call_create(state, share, conn, VFS_PATHRING_GET_DOS_ATTRIBUTES);
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
	bool at_once;
	bool started;

	req = tevent_req_create(mem_ctx, &state, struct dosmode_state);
	if (req == NULL) {
		return NULL;
	}
	state->ev = ev;
	state->smb_fname = smb_fname;

	at_once = is_answered_at_once(share, smb_fname);
	if (at_once) {
		get_dos_attributes_at_once(state);
		tevent_req_done(req);
		return tevent_req_post(req, ev);
	}

	started = get_dos_attributes_start(req, share, handle->conn);
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
		let_go_of_pathref(state->smb_fname->fsp);
		state->aio_state.error = -length;
		tevent_req_nterror(req, map_nt_error_from_unix(-length));
		return;
	}

	blob = data_blob_const(value, length);
	status = parse_dos_attribute_blob(state->smb_fname, blob, &state->dosmode);
	TALLOC_FREE(state->call);
	let_go_of_pathref(state->smb_fname->fsp);
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
