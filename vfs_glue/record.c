/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording of a tree connect: whether there is any, the functions that do it, and what is the same
 * for every request. Which requests there are is the business of record_command.c and of the
 * functions.
 *
 * A tree connect that is recorded has another function table. Without the option nothing of this is
 * ever called.
 */
#include "record.h"

/* Those of this process. */
static struct record *records;

struct record *record_find(const struct vfs_handle_struct *handle)
{
	struct record *record = NULL;

	for (record = records; record != NULL; record = record->next) {
		if (record->handle == handle) {
			return record;
		}
	}
	return NULL;
}

struct record_open *record_open_find(struct vfs_handle_struct *handle,
				     const struct files_struct *fsp)
{
	return fsp != NULL ? VFS_FETCH_FSP_EXTENSION(handle, fsp) : NULL;
}

/* ----------------------------------------------------------------------------------- requests */

uint32_t record_session(const struct record *record)
{
	return record_file_session(record->file, record->handle->conn);
}

void record_begin(struct record *record,
		  uint32_t session,
		  enum replay_command command,
		  struct replay_request *request)
{
	struct record_file *file = record->file;

	*request = (struct replay_request) {
		.id = record_file_new_request(file),
		.time = record_file_now(file),
		.session = session,
		.command = command,
		.present = REPLAY_HAS_TIME,
	};
}

void record_end(struct record *record, struct replay_request *request, NTSTATUS status)
{
	request->duration = record_file_now(record->file) - request->time;
	request->status = NT_STATUS_V(status);
	request->present |= REPLAY_HAS_DURATION | REPLAY_HAS_STATUS;
	record_file_write(record->file, request);
}

/* smbd writes ":name:$DATA", and "." for the share's root. */
char *record_path(TALLOC_CTX *mem_ctx, const struct smb_filename *smb_fname)
{
	const char *base = smb_fname->base_name;
	const char *stream = smb_fname->stream_name;
	char *path = NULL;
	char *type = NULL;

	if (ISDOT(base)) {
		base = "";
	} else if (base[0] == '.' && base[1] == '/') {
		base += 2;
	}
	path = talloc_asprintf(mem_ctx, "%s%s", base, stream != NULL ? stream : "");
	if (path == NULL || stream == NULL) {
		return path;
	}
	type = strrchr(path, ':');
	if (strequal(type, ":$DATA")) {
		*type = '\0';
	}
	return path;
}

/* ------------------------------------------------------------------------------ tree connects */

/* The name of the file, on mem_ctx; NULL: none is asked for. */
static char *record_name(TALLOC_CTX *mem_ctx, struct connection_struct *conn)
{
	const struct loadparm_substitution *lp_sub = loadparm_s3_global_substitution();
	const struct auth_session_info *info = conn->session_info;
	const char *name = lp_parm_const_string(SNUM(conn), "pathring", "record", "");

	if (name[0] == '\0') {
		return NULL;
	}
	/* What other parametric options have substituted knows no share. */
	return talloc_sub_full(mem_ctx,
			       lp_servicename(talloc_tos(), lp_sub, SNUM(conn)),
			       info->unix_info->unix_name,
			       conn->connectpath,
			       info->unix_token->gid,
			       info->unix_info->sanitized_username,
			       info->info->domain_name,
			       name);
}

/* smbd frees the connection without a disconnect when another module's connect fails. */
static int record_destructor(struct record *record)
{
	struct record_command *command = NULL;

	while ((command = record->commands) != NULL) {
		record_command_end(command);
		DLIST_REMOVE(record->commands, command);
		command->record = NULL;
	}
	DLIST_REMOVE(records, record);

	return 0;
}

const char *vfs_pathring_record_connect(struct vfs_handle_struct *handle,
					const char *service,
					const struct vfs_fn_pointers *fns)
{
	struct connection_struct *conn = handle->conn;
	const char *key = NULL;
	struct record *record = NULL;
	char *name = NULL;

	/* As in vfs_pathring_share_connect(): no client, or no files. */
	if (IS_IPC(conn) || conn->sconn == NULL || conn->sconn->client == NULL ||
	    conn->sconn->ev_ctx == NULL) {
		return NULL;
	}
	key = lp_parm_const_string(SNUM(conn), "pathring", "record anonymise", NULL);
	name = record_name(talloc_tos(), conn);
	if (name == NULL) {
		return NULL;
	}
	record = talloc_zero(conn, struct record);
	if (record != NULL) {
		record->handle = handle;
		record->share = talloc_strdup(record, service);
		record->file = record_file_get(conn, name, key);
	}
	TALLOC_FREE(name);
	if (record == NULL || record->share == NULL || record->file == NULL) {
		TALLOC_FREE(record);
		return NULL;
	}
	DLIST_ADD(records, record);
	talloc_set_destructor(record, record_destructor);
	record->fns = handle->fns;
	handle->fns = fns;

	return record_file_path(record->file);
}

void vfs_pathring_record_disconnect(struct vfs_handle_struct *handle)
{
	struct record *record = record_find(handle);

	if (record != NULL) {
		handle->fns = record->fns;
	}
	TALLOC_FREE(record);
}

void vfs_pathring_record_hook(struct vfs_fn_pointers *fns)
{
	record_open_hook(fns);
	record_data_hook(fns);
	record_info_hook(fns);
}
