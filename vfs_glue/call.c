/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request of the module while the engine works on it: the identity it runs under, the end it
 * comes to, and the safety of the descriptors that smbd lends. What is asked and what the answer
 * means is the business of the VFS functions.
 */
#include "vfs_pathring.h"

/*
 * The engine works on smbd's own descriptors and not on duplicates. Closing a duplicate of a file's
 * descriptor would drop smbd's POSIX locks on the file. Path references have no locks, but there
 * are many: one for each entry of a response until its attributes are there, and no more than "max
 * open files" allows (dosmode.c).
 *
 * So until a request is complete its descriptor must not be closed: the number would soon stand for
 * another file, and a write that still waits in a queue would go there. smbd keeps a file open for
 * the requests it knows of (smbd_smb2_close_send() in smbd/smb2_close.c waits for
 * fsp->aio_requests), except when the last connection is gone: then assert_no_pending_aio() in
 * smbd/close.c frees them, and closes. vfs_pread_state_destructor() in modules/vfs_default.c
 * refuses to be freed, which saves the buffer and not the descriptor. Here the buffers are the
 * engine's, and both freeing a call and closing the descriptor wait for the end of the request.
 * Both happen for clients that have gone.
 */
static void call_list_remove(struct vfs_pathring_call *call)
{
	DLIST_REMOVE(call->engine->lent[call->fd], call);
	call->engine->num_lent_pathrefs -= call->is_pathref ? 1 : 0;
	call->in_flight = false;
}

static int vfs_pathring_call_destructor(struct vfs_pathring_call *call)
{
	if (call->in_flight) {
		call_list_remove(call);
		call->counters->values.waits[VFS_PATHRING_WAIT_FREED]++;
		pathring_request_wait(call->request);
	}
	pathring_request_free(call->request);

	return 0;
}

struct vfs_pathring_call *vfs_pathring_call_create(TALLOC_CTX *mem_ctx,
						   const struct vfs_pathring_share *share,
						   struct connection_struct *conn,
						   enum vfs_pathring_operation operation)
{
	struct vfs_pathring_engine *engine = NULL;
	struct vfs_pathring_call *call = NULL;
	uint64_t *passed = share->counters->values.passed[operation];

	engine = vfs_pathring_engine_get(share->backend);
	if (engine == NULL) {
		passed[VFS_PATHRING_REASON_ENGINE]++;
		return NULL;
	}

	call = talloc_zero(mem_ctx, struct vfs_pathring_call);
	if (call == NULL) {
		passed[VFS_PATHRING_REASON_REFUSED]++;
		return NULL;
	}
	call->engine = engine;
	call->counters = share->counters;
	call->operation = operation;
	call->fd = -1;

	call->identity = vfs_pathring_who_identity(engine, conn);
	if (call->identity == NULL) {
		passed[VFS_PATHRING_REASON_IDENTITY]++;
		TALLOC_FREE(call);
		return NULL;
	}
	talloc_set_destructor(call, vfs_pathring_call_destructor);

	return call;
}

void vfs_pathring_call_refused(struct vfs_pathring_call *call, int error)
{
	uint64_t *passed = call->counters->values.passed[call->operation];

	DBG_DEBUG("%s is passed on: %s\n",
		  vfs_pathring_operation_name(call->operation),
		  strerror(-error));
	if (error == -EOPNOTSUPP || error == -EBADF) {
		passed[VFS_PATHRING_REASON_KIND]++;
	} else {
		passed[VFS_PATHRING_REASON_REFUSED]++;
	}
	TALLOC_FREE(call);
}

void vfs_pathring_call_result(const struct vfs_pathring_call *call, ssize_t result)
{
	struct vfs_pathring_values *values = &call->counters->values;
	enum pathring_placement placement = pathring_request_placement(call->request);

	values->requests[call->operation][placement]++;
	if (result == -EACCES || result == -EPERM) {
		values->denied[call->operation]++;
	}
}

int vfs_pathring_call_lend(struct vfs_pathring_call *call,
			   int fd,
			   enum pathring_handle_kind kind,
			   struct pathring_handle **handle)
{
	struct vfs_pathring_engine *engine = call->engine;
	size_t old_size = talloc_array_length(engine->lent);
	int ret;

	if (fd < 0) {
		return -EBADF;
	}
	if ((size_t)fd >= old_size) {
		size_t size = MAX((size_t)fd + 1, 2 * old_size);
		struct vfs_pathring_call **lent = NULL;

		lent = talloc_realloc(engine, engine->lent, struct vfs_pathring_call *, size);
		if (lent == NULL) {
			return -ENOMEM;
		}
		memset(&lent[old_size], 0, (size - old_size) * sizeof(lent[0]));
		engine->lent = lent;
	}

	ret = pathring_handle_borrow(call, fd, kind, handle);
	if (ret == 0) {
		call->fd = fd;
		call->is_pathref = kind == PATHRING_PATHREF;
	}

	return ret;
}

static void call_finish(struct vfs_pathring_call *call)
{
	call_list_remove(call);
	call->fn(call);
}

void vfs_pathring_call_completed(struct pathring_request *request, void *private_data)
{
	struct vfs_pathring_call *call = NULL;

	call = talloc_get_type_abort(private_data, struct vfs_pathring_call);
	SMB_ASSERT(call->request == request);
	call_finish(call);
}

void vfs_pathring_call_start(struct vfs_pathring_call *call,
			     struct pathring_request *request,
			     struct tevent_req *req,
			     struct tevent_context *ev,
			     vfs_pathring_call_fn fn)
{
	call->request = request;
	call->req = req;
	call->ev = ev;
	call->fn = fn;
	call->in_flight = true;
	DLIST_ADD(call->engine->lent[call->fd], call);
	call->engine->num_lent_pathrefs += call->is_pathref ? 1 : 0;

	/*
	 * smb_vfs_fsync_sync() (smbd/vfs.c) polls an event context made for this one request, in
	 * which the engine's descriptors are not. It blocks until the request is complete, so
	 * blocking here costs nobody anything.
	 */
	if (ev != call->engine->ev) {
		call->counters->values.waits[VFS_PATHRING_WAIT_LOOP]++;
		pathring_request_wait(request);
		call_finish(call);
	}
}

static void settle(struct vfs_pathring_engine *engine, int fd, enum vfs_pathring_wait why)
{
	struct vfs_pathring_call *call = NULL;

	while ((call = engine->lent[fd]) != NULL) {
		call->counters->values.waits[why]++;
		pathring_request_wait(call->request);

		/* Nobody's callback may run inside a close, or inside another's _send. */
		tevent_req_defer_callback(call->req, call->ev);
		call_finish(call);
	}
}

void vfs_pathring_call_settle(enum pathring_backend backend, int fd)
{
	struct vfs_pathring_engine *engine = vfs_pathring_engine_find(backend);

	if (engine == NULL || fd < 0 || (size_t)fd >= talloc_array_length(engine->lent)) {
		return;
	}
	settle(engine, fd, VFS_PATHRING_WAIT_CLOSE);
}

bool vfs_pathring_call_settle_pathrefs(enum pathring_backend backend)
{
	struct vfs_pathring_engine *engine = vfs_pathring_engine_find(backend);
	size_t fd;

	if (engine == NULL || engine->num_lent_pathrefs == 0) {
		return false;
	}
	for (fd = 0; engine->num_lent_pathrefs > 0; fd++) {
		SMB_ASSERT(fd < talloc_array_length(engine->lent));
		if (engine->lent[fd] != NULL && engine->lent[fd]->is_pathref) {
			settle(engine, fd, VFS_PATHRING_WAIT_DESCRIPTORS);
		}
	}
	return true;
}

void vfs_pathring_call_forget(struct vfs_pathring_engine *engine)
{
	size_t size = talloc_array_length(engine->lent);
	size_t fd;

	for (fd = 0; fd < size; fd++) {
		struct vfs_pathring_call *call = NULL;

		while ((call = engine->lent[fd]) != NULL) {
			call_list_remove(call);
			call->request = NULL;
		}
	}
}
