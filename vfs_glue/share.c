/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one tree connect lets the engine do: reads the options of the share and looks at the stack
 * of modules that it stands in. It makes no request and chooses no backend beyond what smb.conf
 * says.
 */
#include "vfs_pathring.h"

/* Entries; the value of pathring:readahead where there is none. */
#define DEFAULT_READAHEAD 128

static const struct {
	const char *name;
	bool off;
	enum pathring_backend backend;
} engine_values[] = {
	{ .name = "auto", .backend = PATHRING_BACKEND_AUTO },
	{ .name = "uring", .backend = PATHRING_BACKEND_URING },
	{ .name = "threads", .backend = PATHRING_BACKEND_THREADS },
	{ .name = "sync", .backend = PATHRING_BACKEND_SYNC },
	{ .name = "off", .off = true },
};

/* The tree connects of this process that have gone through connect and not through disconnect. */
static unsigned int num_shares;

/* Returns false for off. */
static bool share_engine(struct connection_struct *conn,
			 const char *service,
			 enum pathring_backend *backend)
{
	const char *value = NULL;
	size_t i;

	*backend = PATHRING_BACKEND_AUTO;

	value = lp_parm_const_string(SNUM(conn), "pathring", "engine", "auto");
	for (i = 0; i < ARRAY_SIZE(engine_values); i++) {
		bool same = strequal(value, engine_values[i].name);

		if (same) {
			*backend = engine_values[i].backend;
			return !engine_values[i].off;
		}
	}

	DBG_ERR("share [%s]: \"pathring:engine = %s\" is not one of auto, uring, threads, "
		"sync, off; auto is used\n",
		service,
		value);
	return true;
}

#if VFS_PATHRING_COMPAT_LOOKS_AHEAD
static bool has_readdir(const struct vfs_fn_pointers *fns)
{
	return fns->fdopendir_fn != NULL || fns->readdir_fn != NULL || fns->telldir_fn != NULL ||
	       fns->seekdir_fn != NULL || fns->rewind_dir_fn != NULL || fns->closedir_fn != NULL;
}

static bool has_openat(const struct vfs_fn_pointers *fns)
{
	return fns->openat_fn != NULL || fns->close_fn != NULL;
}

static bool has_fstat(const struct vfs_fn_pointers *fns)
{
	return fns->fstat_fn != NULL || fns->fstatat_fn != NULL;
}

static bool has_fgetxattr(const struct vfs_fn_pointers *fns)
{
	return fns->fgetxattr_fn != NULL || fns->flistxattr_fn != NULL;
}
#endif

static bool has_getxattrat(const struct vfs_fn_pointers *fns)
{
	return fns->getxattrat_send_fn != NULL;
}

static bool has_get_dos_attributes(const struct vfs_fn_pointers *fns)
{
	return fns->get_dos_attributes_send_fn != NULL;
}

static bool has_pread(const struct vfs_fn_pointers *fns)
{
	return fns->pread_send_fn != NULL;
}

static bool has_pwrite(const struct vfs_fn_pointers *fns)
{
	return fns->pwrite_send_fn != NULL;
}

static bool has_fsync(const struct vfs_fn_pointers *fns)
{
	return fns->fsync_send_fn != NULL;
}

/*
 * Whether smbd's own function, the one the engine does the work of, would be the next to be called.
 * Any other module between (one that keeps xattrs in a database, encrypts, or writes an audit
 * trail) must not be left out. smbd's own is the last of the list: smbd_vfs_init() (smbd/vfs.c)
 * loads it first and puts each further module in front.
 */
static bool next_is_default(const struct vfs_handle_struct *handle,
			    const char *service,
			    const char *function,
			    bool (*has_function)(const struct vfs_fn_pointers *fns))
{
	const struct vfs_handle_struct *next = NULL;

	for (next = handle->next; next != NULL; next = next->next) {
		bool has = has_function(next->fns);

		if (has) {
			break;
		}
	}
	if (next != NULL && next->next == NULL) {
		return true;
	}

	DBG_WARNING("share [%s]: %s is left to a module listed after pathring in \"vfs objects\"; "
		    "list pathring last to have the engine answer it\n",
		    service,
		    function);
	return false;
}

/* Whether a call of getxattrat from the top of the stack would come here first. */
static bool first_is_ours(const struct vfs_handle_struct *handle)
{
	const struct vfs_handle_struct *first = NULL;

	for (first = handle->conn->vfs_handles; first != NULL; first = first->next) {
		bool has = has_getxattrat(first->fns);

		if (has) {
			break;
		}
	}

	return first == handle;
}

/*
 * smbd's own get_dos_attributes (source3/modules/vfs_default.c) fetches the xattr with a getxattrat
 * from the top of the stack, adds what DMAPI knows of offline files, and that is all. The module
 * does that work itself where nobody else has a word in it, which spares each entry of a listing
 * two wrapper requests and two turns of the event loop. Everywhere else it passes the call on, and
 * still answers the getxattrat that comes back if it is asked.
 */
static bool answers_get_dos_attributes(const struct vfs_handle_struct *handle, const char *service)
{
	int snum = SNUM(handle->conn);
	bool stored = lp_store_dos_attributes(snum);
	bool dmapi = lp_dmapi_support(snum);
	bool first = first_is_ours(handle);
	bool last = next_is_default(handle, service, "get_dos_attributes", has_get_dos_attributes);

	return stored && !dmapi && first && last;
}

#if VFS_PATHRING_COMPAT_LOOKS_AHEAD
/*
 * Look-ahead answers what smbd asks of an entry in place of smbd's own functions, so that none of
 * them may be another module's.
 */
static struct vfs_pathring_ahead *share_ahead(TALLOC_CTX *mem_ctx,
					      struct vfs_handle_struct *handle,
					      const char *service,
					      enum pathring_backend backend)
{
	static const struct {
		const char *function;
		bool (*has)(const struct vfs_fn_pointers *fns);
	} needed[] = {
		{ "look-ahead (readdir)", has_readdir },
		{ "look-ahead (openat)", has_openat },
		{ "look-ahead (fstat)", has_fstat },
		{ "look-ahead (fgetxattr)", has_fgetxattr },
	};
	int window = lp_parm_int(SNUM(handle->conn), "pathring", "readahead", DEFAULT_READAHEAD);
	size_t i;

	if (window <= 0) {
		return NULL;
	}
	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		bool last = next_is_default(handle, service, needed[i].function, needed[i].has);

		if (!last) {
			return NULL;
		}
	}

	return vfs_pathring_ahead_create(mem_ctx, handle, backend, window);
}

static void share_log_ahead(const struct vfs_pathring_share *share)
{
	const struct vfs_pathring_ahead_counters *counters = NULL;

	if (share == NULL || share->ahead == NULL) {
		return;
	}
	counters = vfs_pathring_ahead_counters(share->ahead);
	DBG_NOTICE("look-ahead: %" PRIu64 " names looked up, answered from that: %" PRIu64
		   " openat, %" PRIu64 " fstat, %" PRIu64 " fgetxattr and flistxattr\n",
		   counters->looked,
		   counters->opened,
		   counters->stats,
		   counters->xattrs);
}
#else
static struct vfs_pathring_ahead *share_ahead(TALLOC_CTX *mem_ctx,
					      struct vfs_handle_struct *handle,
					      const char *service,
					      enum pathring_backend backend)
{
	(void)mem_ctx;
	(void)handle;
	(void)service;
	(void)backend;

	return NULL;
}

static void share_log_ahead(const struct vfs_pathring_share *share)
{
	(void)share;
}
#endif

void vfs_pathring_share_connect(struct vfs_handle_struct *handle, const char *service)
{
	struct connection_struct *conn = handle->conn;
	struct vfs_pathring_share *share = NULL;
	enum pathring_backend backend;
	bool on;

	num_shares++;

	/*
	 * Connections that no client made (create_conn_struct_as_root() in smbd/msdfs.c: referrals,
	 * RPC services) live shortly, on event contexts that go away, and call synchronous
	 * functions only. IPC$ has no files.
	 */
	if (IS_IPC(conn) || conn->sconn == NULL) {
		return;
	}
	if (conn->sconn->client == NULL || conn->sconn->ev_ctx == NULL) {
		return;
	}

	on = share_engine(conn, service, &backend);
	if (!on) {
		DBG_NOTICE("share [%s]: the engine is off, everything is passed on\n", service);
		return;
	}

	share = talloc_zero(conn, struct vfs_pathring_share);
	if (share == NULL) {
		DBG_ERR("share [%s]: no memory, everything is passed on\n", service);
		return;
	}
	share->backend = backend;
	share->getxattrat = next_is_default(handle, service, "getxattrat", has_getxattrat);
	if (share->getxattrat) {
		share->get_dos_attributes = answers_get_dos_attributes(handle, service);
	}
	share->pread = next_is_default(handle, service, "pread", has_pread);
	share->pwrite = next_is_default(handle, service, "pwrite", has_pwrite);
	share->fsync = next_is_default(handle, service, "fsync", has_fsync);
	share->ahead = share_ahead(share, handle, service, backend);
	SMB_VFS_HANDLE_SET_DATA(handle, share, NULL, struct vfs_pathring_share, return);

	/*
	 * smbd connects as root (make_connection_snum() in smbd/smb2_service.c), which is what the
	 * engine needs.
	 */
	vfs_pathring_engine_create(conn, backend);
}

void vfs_pathring_share_disconnect(struct vfs_handle_struct *handle)
{
	share_log_ahead(vfs_pathring_share_get(handle));
	TALLOC_FREE(handle->data);

	num_shares--;
	if (num_shares == 0) {
		vfs_pathring_engine_log_account();
	}
}

struct vfs_pathring_ahead *vfs_pathring_ahead_get(const struct vfs_handle_struct *handle)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);

	return share != NULL ? share->ahead : NULL;
}

const struct vfs_pathring_share *vfs_pathring_share_get(const struct vfs_handle_struct *handle)
{
	return handle->data;
}
