/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens of files that would block: the protocol with smbd, and what belongs to which CREATE.
 *
 * smbd handles one CREATE after the other and waits for the file system several times in each. Here
 * a CREATE that would wait is put off, with smbd's own means for opens that have to wait for
 * another client, and handled again when a helper thread has found out what smbd will ask. smbd
 * does all of it each time: the path, access, share modes, oplocks.
 */
#include "opens.h"

/* CREATEs at a time; more are handled as if this was off. */
#define MAX_WORKS 512

/* Files looked at ahead are given up when smbd has not come to them by then. */
#define EXPIRY_SEC 1

/* How much waiting there was: from SLOW on it is worth putting a CREATE off. */
#define MAX_WAITS 16
#define SLOW 9
#define WAITED 4

static int work_destructor(struct opens_work *work)
{
	struct vfs_pathring_opens *opens = work->opens;

	if (opens->current == work) {
		opens->current = NULL;
	}
	DLIST_REMOVE(opens->works, work);
	opens->num_works--;
	/* A job that has begun goes on; what it has opened is closed at its end. */
	pathring_request_free(work->looking);
	pathring_request_free(work->opening);

	return 0;
}

static void work_abandon(struct opens_work *work)
{
	work->opens->counters->abandoned++;
	TALLOC_FREE(work);
}

struct opens_work *
opens_work_create(struct vfs_pathring_opens *opens, const struct smb_request *req, uint64_t mid)
{
	struct vfs_pathring_engine *engine = NULL;
	struct opens_work *work = NULL;
	int ret;

	if (opens->num_works >= MAX_WORKS) {
		return NULL;
	}
	engine = vfs_pathring_engine_get(opens->backend);
	if (engine == NULL || pathring_backend(engine->ring) == PATHRING_BACKEND_SYNC) {
		return NULL;
	}
	work = talloc_zero(opens, struct opens_work);
	if (work == NULL) {
		return NULL;
	}
	work->opens = opens;
	work->begun = timeval_current();
	work->mid = mid;
	work->channel_id = req->xconn->channel_id;
	work->vuid = req->vuid;
	work->token = copy_unix_token(work, get_current_utok(opens->handle->conn));
	ret = pathring_identity_current(engine->ring, work, &work->identity);
	if (work->token == NULL || ret != 0) {
		TALLOC_FREE(work);
		return NULL;
	}
	DLIST_ADD_END(opens->works, work);
	opens->num_works++;
	talloc_set_destructor(work, work_destructor);

	return work;
}

struct opens_work *
opens_work_find(struct vfs_pathring_opens *opens, const struct smb_request *req, uint64_t mid)
{
	struct opens_work *work = NULL;

	for (work = opens->works; work != NULL; work = work->next) {
		if (work->mid == mid && work->channel_id == req->xconn->channel_id) {
			return work;
		}
	}
	return NULL;
}

/*
 * smbd handles requests in the order in which they come, and clients number them in that order. So
 * those before this one that smbd has not come to were no opens of files, or have failed before.
 */
static void works_forget_before(struct vfs_pathring_opens *opens, const struct smb_request *req)
{
	struct opens_work *work = NULL;
	struct opens_work *next = NULL;

	for (work = opens->works; work != NULL; work = next) {
		next = work->next;
		if (!work->claimed && work->mid < req->mid &&
		    work->channel_id == req->xconn->channel_id) {
			TALLOC_FREE(work);
		}
	}
}

static struct opens_work *work_find(struct vfs_pathring_opens *opens, const struct smb_request *req)
{
	struct opens_work *work = opens_work_find(opens, req, req->mid);
	bool same;

	if (work == NULL) {
		return NULL;
	}
	work->claimed = true;
	work->scheduled = false;
	same = unix_token_equal(work->token, get_current_utok(opens->handle->conn));
	if (!same || work->vuid != req->vuid) {
		work->failed = true;
	}

	return work;
}

static void expire(struct tevent_context *ev,
		   struct tevent_timer *timer,
		   struct timeval now,
		   void *private_data)
{
	struct vfs_pathring_opens *opens =
		talloc_get_type_abort(private_data, struct vfs_pathring_opens);
	struct opens_work *work = NULL;
	struct opens_work *next = NULL;
	bool left = false;

	(void)ev;
	(void)timer;
	opens->expiry = NULL;
	for (work = opens->works; work != NULL; work = next) {
		next = work->next;
		if (work->claimed) {
			continue;
		}
		if (timeval_elapsed2(&work->begun, &now) >= EXPIRY_SEC) {
			work_abandon(work);
		} else {
			left = true;
		}
	}
	if (left) {
		opens_expire_later(opens);
	}
}

void opens_expire_later(struct vfs_pathring_opens *opens)
{
	if (opens->expiry == NULL) {
		opens->expiry = tevent_add_timer(opens->handle->conn->sconn->ev_ctx,
						 opens,
						 timeval_current_ofs(EXPIRY_SEC, 0),
						 expire,
						 opens);
	}
}

static bool is_in_progress(const struct opens_work *work)
{
	if (work->failed) {
		return false;
	}
	return work->look == NULL || (work->opening != NULL && work->opened == NULL);
}

/* ------------------------------------------------------------------------- whether it is worth it
 */

static void note_waits(struct vfs_pathring_opens *opens, long waits)
{
	if (waits > 0) {
		opens->waits = MIN(opens->waits + WAITED, MAX_WAITS);
	} else if (opens->waits > 0) {
		opens->waits--;
	}
}

static bool is_slow(const struct vfs_pathring_opens *opens)
{
	return opens->always || opens->waits >= SLOW;
}

/* ------------------------------------------------------------------------------------ putting off
 */

/* The connection of a CREATE may be gone, and the client has others. */
static struct smbXsrv_connection *work_connection(const struct opens_work *work)
{
	struct smbXsrv_connection *xconn = NULL;

	xconn = work->opens->handle->conn->sconn->client->connections;
	for (; xconn != NULL; xconn = xconn->next) {
		if (xconn->channel_id == work->channel_id) {
			return xconn;
		}
	}
	return NULL;
}

/*
 * smbd has handled again what was scheduled before this. A CREATE that did not come here in that
 * has been cancelled, or its file is gone by now.
 */
static void sweep(struct tevent_context *ev, struct tevent_immediate *im, void *private_data)
{
	struct vfs_pathring_opens *opens =
		talloc_get_type_abort(private_data, struct vfs_pathring_opens);
	struct opens_work *work = NULL;
	struct opens_work *next = NULL;

	(void)ev;
	(void)im;
	for (work = opens->works; work != NULL; work = next) {
		next = work->next;
		if (work->scheduled) {
			work_abandon(work);
		}
	}
}

void opens_work_completed(struct opens_work *work)
{
	struct smbXsrv_connection *xconn = NULL;
	bool scheduled = false;

	if (work->look != NULL && work->opening == NULL) {
		note_waits(work->opens, work->look->waits);
	}
	if (!work->deferred) {
		/* smbd has not come to it yet. */
		return;
	}
	xconn = work_connection(work);
	if (xconn != NULL) {
		scheduled = schedule_deferred_open_message_smb(xconn, work->mid);
	}
	if (!scheduled) {
		/* Cancelled, or its session or connection is gone. */
		work_abandon(work);
		return;
	}
	work->scheduled = true;
	tevent_schedule_immediate(
		work->opens->sweep, work->opens->handle->conn->sconn->ev_ctx, sweep, work->opens);
}

/*
 * smbd tries again every 200 ms until a second after the request has come (SMB1's sharing
 * violations; the only way to put a request off that smbd has for modules), or when
 * opens_work_completed() says so. There is no interim response to the client, as there would be
 * none without us (until smbd handles the request again: smbd_smb2_request_dispatch()). False: it
 * has been long enough, or the administrator has switched that off.
 */
static bool work_defer(struct opens_work *work, struct smb_request *req)
{
	bool deferred = defer_smb1_sharing_violation(req);

	if (deferred) {
		work->deferred = true;
		smb2_request_set_async_internal(req->smb2req, true);
	}
	return deferred;
}

/* What was known is old when the request has been answered. */
static void turn_end(struct tevent_context *ev, struct tevent_immediate *im, void *private_data)
{
	struct vfs_pathring_opens *opens =
		talloc_get_type_abort(private_data, struct vfs_pathring_opens);

	(void)ev;
	(void)im;
	TALLOC_FREE(opens->current);
}

struct create {
	struct smb_request *req;
	struct files_struct *dirfsp;
	struct smb_filename *smb_fname;
	uint32_t access_mask;
	uint32_t share_access;
	uint32_t create_disposition;
	uint32_t create_options;
	uint32_t file_attributes;
	uint32_t oplock_request;
	const struct smb2_lease *lease;
	uint64_t allocation_size;
	uint32_t private_flags;
	struct security_descriptor *sd;
	struct ea_list *ea_list;
	files_struct **result;
	int *pinfo;
	const struct smb2_create_blobs *in_context_blobs;
	struct smb2_create_blobs *out_context_blobs;
};

static NTSTATUS create_next(struct vfs_handle_struct *handle, const struct create *create)
{
	return SMB_VFS_NEXT_CREATE_FILE(handle,
					create->req,
					create->dirfsp,
					create->smb_fname,
					create->access_mask,
					create->share_access,
					create->create_disposition,
					create->create_options,
					create->file_attributes,
					create->oplock_request,
					create->lease,
					create->allocation_size,
					create->private_flags,
					create->sd,
					create->ea_list,
					create->result,
					create->pinfo,
					create->in_context_blobs,
					create->out_context_blobs);
}

/*
 * A regular file that is there, of an SMB2 client that asks for nothing else in the same breath.
 * New files are not put off: of the ten calls that wait for a create, smbd lets a module delay the
 * open alone, and repeats others for it.
 */
static bool may_defer(const struct create *create)
{
	const struct smb_request *req = create->req;
	const struct smb_filename *smb_fname = create->smb_fname;
	const struct files_struct *fsp = smb_fname->fsp;
	bool stream;
	bool compound;

	if (req == NULL || req->smb2req == NULL || req->xconn == NULL || fsp == NULL) {
		return false;
	}
	stream = is_named_stream(smb_fname);
	compound = smbd_smb2_is_compound(req->smb2req);
	if (stream || compound) {
		return false;
	}

	return fsp->fsp_flags.is_pathref && fsp->fsp_flags.have_proc_fds &&
	       VALID_STAT(smb_fname->st) && S_ISREG(smb_fname->st.st_ex_mode) &&
	       (create->create_options & FILE_DIRECTORY_FILE) == 0 &&
	       create->create_disposition != FILE_CREATE;
}

static NTSTATUS create_measured(struct vfs_pathring_opens *opens, const struct create *create)
{
	long before = vfs_pathring_thread_waits();
	NTSTATUS status = create_next(opens->handle, create);

	note_waits(opens, vfs_pathring_thread_waits() - before);

	return status;
}

/* NULL: it is not to be put off. */
static struct opens_work *work_begin(struct vfs_pathring_opens *opens, const struct create *create)
{
	struct opens_work *work = opens_work_create(opens, create->req, create->req->mid);
	bool looking;

	if (work == NULL) {
		return NULL;
	}
	work->claimed = true;
	looking = opens_look_at_pathref(
		work, fsp_get_pathref_fd(create->smb_fname->fsp), create->access_mask);
	if (!looking) {
		TALLOC_FREE(work);
	}
	return work;
}

/* Everything is known; what smbd asks now is answered. Frees the work, at the end of this turn. */
static NTSTATUS create_answered(struct opens_work *work, const struct create *create)
{
	struct vfs_pathring_opens *opens = work->opens;
	struct smb_request *req = create->req;
	bool overwrites = create->create_disposition != FILE_OPEN &&
			  create->create_disposition != FILE_OPEN_IF;
	bool in_progress;
	NTSTATUS status;

	/* The turn of the one before may not have ended yet. */
	TALLOC_FREE(opens->current);
	opens->current = work;
	work->fsp = create->smb_fname->fsp;
	/* smbd reads them before it opens the file and, changed or not, for the response. */
	work->dos_answers = overwrites ? 1 : 2;
	opens->depth++;
	status = create_next(opens->handle, create);
	opens->depth--;

	in_progress = is_in_progress(work);
	if (in_progress) {
		work->deferred = open_was_deferred(req->xconn, req->mid);
	}
	if (in_progress && work->deferred) {
		opens->current = NULL;
		opens->counters->deferred++;
		smb2_request_set_async_internal(req->smb2req, true);
		return status;
	}
	if (!NT_STATUS_IS_OK(status)) {
		TALLOC_FREE(work);
		return status;
	}
	tevent_schedule_immediate(
		opens->turn_end, opens->handle->conn->sconn->ev_ctx, turn_end, opens);

	return status;
}

static NTSTATUS create_deferred(struct vfs_pathring_opens *opens, const struct create *create)
{
	struct smb_request *req = create->req;
	struct opens_work *work = NULL;
	bool deferred = get_deferred_open_message_state(req, NULL, NULL);

	works_forget_before(opens, req);
	work = work_find(opens, req);
	if (work != NULL && work->failed && !work->deferred) {
		/* Its name is another one's on disk, or was not as it seemed in the socket. */
		work_abandon(work);
		work = NULL;
	}
	if (work == NULL && deferred) {
		/* Not by us: smbd waits for another client. */
		return create_next(opens->handle, create);
	}
	if (work == NULL) {
		bool slow = is_slow(opens);

		if (!slow) {
			return create_measured(opens, create);
		}
		opens_socket_look(opens, req);
		work = work_begin(opens, create);
		if (work == NULL) {
			return create_next(opens->handle, create);
		}
	} else if (work->deferred) {
		/* smbd is not to take this for its second attempt: it would break no lease then. */
		remove_deferred_open_message_smb(req->xconn, req->mid);
		work->deferred = false;
	}
	if (is_in_progress(work)) {
		deferred = work_defer(work, req);
		if (deferred) {
			opens->counters->deferred++;
			return NT_STATUS_SHARING_VIOLATION;
		}
		work->failed = true;
	}
	if (work->failed || !opens_is_same(work, create->smb_fname->fsp)) {
		DBG_DEBUG("%s: %s\n",
			  create->smb_fname->base_name,
			  work->failed ? "not looked at" : "has changed");
		work_abandon(work);
		return create_next(opens->handle, create);
	}
	opens_socket_look(opens, req);

	return create_answered(work, create);
}

NTSTATUS vfs_pathring_create_file(struct vfs_handle_struct *handle,
				  struct smb_request *req,
				  struct files_struct *dirfsp,
				  struct smb_filename *smb_fname,
				  uint32_t access_mask,
				  uint32_t share_access,
				  uint32_t create_disposition,
				  uint32_t create_options,
				  uint32_t file_attributes,
				  uint32_t oplock_request,
				  const struct smb2_lease *lease,
				  uint64_t allocation_size,
				  uint32_t private_flags,
				  struct security_descriptor *sd,
				  struct ea_list *ea_list,
				  files_struct **result,
				  int *pinfo,
				  const struct smb2_create_blobs *in_context_blobs,
				  struct smb2_create_blobs *out_context_blobs)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	const struct create create = {
		.req = req,
		.dirfsp = dirfsp,
		.smb_fname = smb_fname,
		.access_mask = access_mask,
		.share_access = share_access,
		.create_disposition = create_disposition,
		.create_options = create_options,
		.file_attributes = file_attributes,
		.oplock_request = oplock_request,
		.lease = lease,
		.allocation_size = allocation_size,
		.private_flags = private_flags,
		.sd = sd,
		.ea_list = ea_list,
		.result = result,
		.pinfo = pinfo,
		.in_context_blobs = in_context_blobs,
		.out_context_blobs = out_context_blobs,
	};
	bool may;

	if (share == NULL || share->opens == NULL) {
		return create_next(handle, &create);
	}
	/* Opens of smbd's own for the sake of this one: streams. */
	may = share->opens->depth == 0 && may_defer(&create);
	if (!may) {
		return create_next(handle, &create);
	}

	return create_deferred(share->opens, &create);
}

void vfs_pathring_opens_give_back(struct vfs_pathring_opens *opens)
{
	struct opens_work *work = opens != NULL ? opens->works : NULL;
	struct opens_work *next = NULL;

	for (; work != NULL; work = next) {
		next = work->next;
		if (!work->claimed) {
			work_abandon(work);
		}
	}
}

/* ------------------------------------------------------------------------------ the tree connect
 */

static int opens_destructor(struct vfs_pathring_opens *opens)
{
	while (opens->works != NULL) {
		talloc_free(opens->works);
	}
	return 0;
}

struct vfs_pathring_opens *vfs_pathring_opens_create(struct vfs_pathring_share *share,
						     struct vfs_handle_struct *handle,
						     bool always,
						     bool opens_early)
{
	struct vfs_pathring_opens *opens = talloc_zero(share, struct vfs_pathring_opens);

	if (opens == NULL) {
		return NULL;
	}
	opens->turn_end = tevent_create_immediate(opens);
	opens->sweep = tevent_create_immediate(opens);
	if (opens->turn_end == NULL || opens->sweep == NULL) {
		TALLOC_FREE(opens);
		return NULL;
	}
	opens->handle = handle;
	opens->backend = share->backend;
	opens->counters = &share->counters->values.opens;
	opens->always = always;
	opens->opens_early = opens_early;
	talloc_set_destructor(opens, opens_destructor);

	return opens;
}
