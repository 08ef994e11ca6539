/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one tree connect lets the engine do, by the options of the share and by what the modules
 * around it leave (neighbours.c), said in one line of the log. It makes no request and chooses no
 * backend beyond what smb.conf says.
 */
#include "vfs_pathring.h"

/*
 * Entries; the value of pathring:readahead where there is none. With so many 20,000 hot entries are
 * listed 1.5 times as fast as by stock smbd, with 128 of them 1.35 times, with more no faster
 * (bench/smbd-listing --entries=20000 --option='pathring:readahead = N').
 */
#define DEFAULT_READAHEAD 192

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

/* ------------------------------------------------------------------------- the line in the log */

/* Everything is said in one line of the log, made piece by piece; a text is NULL without memory. */
struct share_line {
	char *used;
	char *unused;
	struct vfs_pathring_objection objection; /* to the last part of unused, not yet in it */
	char *unasked;
	bool misplaced;
};

static void line_add(char **text, const char *part)
{
	if (*text != NULL && (*text)[0] != '\0') {
		*text = talloc_strdup_append_buffer(*text, ", ");
	}
	if (*text != NULL) {
		*text = talloc_strdup_append_buffer(*text, part);
	}
}

static void line_add_objection(struct share_line *line)
{
	if (line->unused != NULL && line->objection.who != NULL) {
		line->unused = talloc_asprintf_append_buffer(
			line->unused, " (%s%s)", line->objection.who, line->objection.what);
	}
}

/* What the same stands against goes together. */
static void line_object(struct share_line *line,
			const char *part,
			const struct vfs_pathring_objection *objection)
{
	bool same = line->objection.who != NULL &&
		    strcmp(line->objection.who, objection->who) == 0 &&
		    strcmp(line->objection.what, objection->what) == 0;

	if (!same) {
		line_add_objection(line);
	}
	line_add(&line->unused, part);
	line->objection = *objection;
	line->misplaced |= objection->misplaced;
}

/* Operations that smb.conf keeps smbd from asking for. */
static void line_unasked(struct share_line *line, const struct vfs_handle_struct *handle)
{
	int snum = SNUM(handle->conn);
	bool async_dosmode = lp_smbd_async_dosmode(snum);

	if (!async_dosmode) {
		line_add(&line->unasked,
			 "getxattrat, get_dos_attributes (smbd async dosmode = no)");
	}
	if (lp_aio_read_size(snum) == 0) {
		line_add(&line->unasked, "pread (aio read size = 0)");
	}
	if (lp_aio_write_size(snum) == 0) {
		line_add(&line->unasked, "pwrite (aio write size = 0)");
	}
}

static bool is_empty(const char *text)
{
	return text == NULL || text[0] == '\0';
}

static void line_log(struct share_line *line,
		     const char *service,
		     const struct vfs_pathring_engine *engine,
		     const char *record)
{
	/* What an administrator can better is worth a word in every log. */
	int level = line->misplaced ? DBGLVL_WARNING : DBGLVL_NOTICE;

	line_add_objection(line);
	DBG_PREFIX(level,
		   ("share [%s]: engine \"%s\", which %s; answered: %s%s%s%s%s%s%s%s\n",
		    service,
		    pathring_backend_name(engine->backend),
		    vfs_pathring_engine_state(engine),
		    is_empty(line->used) ? "nothing" : line->used,
		    is_empty(line->unused) ? "" : "; passed on: ",
		    is_empty(line->unused) ? "" : line->unused,
		    is_empty(line->unasked) ? "" : "; not asked for: ",
		    is_empty(line->unasked) ? "" : line->unasked,
		    record == NULL ? "" : "; recorded in ",
		    record == NULL ? "" : record,
		    line->misplaced
			    ? ". List pathring last in \"vfs objects\" to have more answered"
			    : ""));
}

/* ---------------------------------------------------------------------------- what is answered */

/*
 * smbd's own get_dos_attributes (source3/modules/vfs_default.c) fetches the xattr with a getxattrat
 * from the top of the stack, adds what DMAPI knows of offline files, and that is all. The module
 * does that work itself where nobody else has a word in it, which spares each entry of a listing
 * two wrapper requests and two turns of the event loop. Everywhere else it passes the call on, and
 * still answers the getxattrat that comes back if it is asked.
 */
static bool allows_get_dos_attributes(const struct vfs_handle_struct *handle,
				      struct vfs_pathring_objection *objection)
{
	int snum = SNUM(handle->conn);
	bool stored = lp_store_dos_attributes(snum);
	bool dmapi = lp_dmapi_support(snum);
	bool allowed;

	if (!stored) {
		objection->who = "store dos attributes = no";
		return false;
	}
	if (dmapi) {
		objection->who = "dmapi support = yes";
		return false;
	}
	allowed = vfs_pathring_neighbours_allow(handle, VFS_PATHRING_GETXATTRAT, objection);
	if (!allowed) {
		return false;
	}

	return vfs_pathring_neighbours_let_getxattrat_through(handle, objection);
}

static bool allows_operation(struct vfs_pathring_share *share,
			     const struct vfs_handle_struct *handle,
			     enum vfs_pathring_operation operation,
			     struct vfs_pathring_objection *objection)
{
	bool allowed = vfs_pathring_neighbours_allow(handle, operation, objection);

	if (operation != VFS_PATHRING_GET_DOS_ATTRIBUTES) {
		return allowed;
	}
	share->dos_attributes_behind = !allowed;

	return allowed && allows_get_dos_attributes(handle, objection);
}

static void share_operations(struct vfs_pathring_share *share,
			     const struct vfs_handle_struct *handle,
			     struct share_line *line)
{
	size_t i;

	for (i = 0; i < VFS_PATHRING_NUM_OPERATIONS; i++) {
		const char *name = vfs_pathring_operation_name(i);
		struct vfs_pathring_objection objection = { .what = "" };

		share->answers[i] = allows_operation(share, handle, i, &objection);
		if (share->answers[i]) {
			line_add(&line->used, name);
		} else {
			line_object(line, name, &objection);
		}
	}
}

static void share_ahead(struct vfs_pathring_share *share,
			struct vfs_handle_struct *handle,
			struct share_line *line)
{
	struct vfs_pathring_objection objection = { .what = "" };
	int window = lp_parm_int(SNUM(handle->conn), "pathring", "readahead", DEFAULT_READAHEAD);
	bool allowed;

	if (window <= 0) {
		objection.who = "pathring:readahead = 0";
		line_object(line, "look-ahead", &objection);
		return;
	}
	allowed = vfs_pathring_neighbours_allow_ahead(handle, &objection);
	if (!allowed) {
		line_object(line, "look-ahead", &objection);
		return;
	}

	share->ahead = vfs_pathring_ahead_create(share, handle, window);
	if (share->ahead == NULL) {
		objection.who = "no memory";
		line_object(line, "look-ahead", &objection);
		return;
	}
	line_add(&line->used, "look-ahead");
}

/* With kernel oplocks smbd opens files to find out who has a lease on them. */
static void share_opens(struct vfs_pathring_share *share,
			struct vfs_handle_struct *handle,
			struct share_line *line)
{
	int snum = SNUM(handle->conn);
	struct vfs_pathring_objection objection = { .what = "" };
	const char *value = lp_parm_const_string(snum, "pathring", "async open", "no");
	bool always = strequal(value, "always");
	bool on = always || lp_parm_bool(snum, "pathring", "async open", false);
	bool kernel_oplocks = lp_kernel_oplocks(snum);
	bool early = vfs_pathring_neighbours_have_no_acls(handle);
	bool allowed = false;

	if (!on) {
		/* The default is no news. */
		return;
	}
	if (kernel_oplocks) {
		objection.who = "kernel oplocks = yes";
	} else {
		allowed = vfs_pathring_neighbours_allow_opens(handle, &objection);
	}
	if (allowed) {
		share->opens = vfs_pathring_opens_create(share, handle, always, early);
		if (share->opens != NULL) {
			line_add(&line->used, "async open");
			return;
		}
		objection.who = "no memory";
	}
	line_object(line, "async open", &objection);
}

static int share_destructor(struct vfs_pathring_share *share)
{
	vfs_pathring_counters_disconnect(share->counters);

	return 0;
}

static struct vfs_pathring_share *share_create(struct vfs_handle_struct *handle,
					       const char *service,
					       struct vfs_pathring_engine *engine,
					       const char *record)
{
	struct vfs_pathring_share *share = talloc_zero(handle->conn, struct vfs_pathring_share);
	TALLOC_CTX *frame = NULL;
	struct share_line line = { .misplaced = false };

	if (share == NULL) {
		return NULL;
	}
	share->backend = engine->backend;
	share->counters = vfs_pathring_counters_connect(engine, service);
	share->cached_reads = talloc_zero(share, struct vfs_pathring_cached_reads);
	if (share->counters == NULL || share->cached_reads == NULL) {
		TALLOC_FREE(share);
		return NULL;
	}
	talloc_set_destructor(share, share_destructor);

	frame = talloc_stackframe();
	line.used = talloc_strdup(frame, "");
	line.unused = talloc_strdup(frame, "");
	line.unasked = talloc_strdup(frame, "");
	share_operations(share, handle, &line);
	share_ahead(share, handle, &line);
	share_opens(share, handle, &line);
	line_unasked(&line, handle);
	line_log(&line, service, engine, record);
	TALLOC_FREE(frame);

	return share;
}

void vfs_pathring_share_connect(struct vfs_handle_struct *handle,
				const char *service,
				const char *record)
{
	struct connection_struct *conn = handle->conn;
	struct vfs_pathring_engine *engine = NULL;
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
		DBG_NOTICE("share [%s]: the engine is off, everything is passed on%s%s\n",
			   service,
			   record == NULL ? "" : "; recorded in ",
			   record == NULL ? "" : record);
		return;
	}

	/*
	 * smbd connects as root (make_connection_snum() in smbd/smb2_service.c), which is what the
	 * engine needs.
	 */
	vfs_pathring_engine_create(conn, backend);
	engine = vfs_pathring_engine_find(backend);
	if (engine != NULL) {
		share = share_create(handle, service, engine, record);
	}
	if (share == NULL) {
		DBG_ERR("share [%s]: no memory, everything is passed on\n", service);
		return;
	}
	SMB_VFS_HANDLE_SET_DATA(handle, share, NULL, struct vfs_pathring_share, return );
}

void vfs_pathring_share_disconnect(struct vfs_handle_struct *handle)
{
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

bool vfs_pathring_share_answers(const struct vfs_pathring_share *share,
				enum vfs_pathring_operation operation)
{
	if (share == NULL) {
		return false;
	}
	if (!share->answers[operation]) {
		share->counters->values.passed[operation][VFS_PATHRING_REASON_SHARE]++;
	}

	return share->answers[operation];
}
