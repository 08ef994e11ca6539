/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an SMB2 request to one of the trace. What only the answer tells is added by
 * capture_answer.c.
 */
#include "capture.h"

#include "message.h"

#include <string.h>

/* [MS-SMB2] 2.2.13 and 2.2.33 */
#define FILE_OPEN_BY_FILE_ID 0x00002000u
#define FIND_RESTART_SCANS 0x01u
#define FIND_REOPEN 0x10u

#define SHARE_TYPE_PIPE 2u
#define SHARE_TYPE_PRINT 3u

/* A related request names this file, session and tree: those of the one before. */
#define FID_OF_CHAIN "ffffffff-ffff-ffff-ffff-ffffffffffff"

static const char skip_pipe[] = "pipe";
static const char skip_printer[] = "printer";
static const char skip_file_id[] = "opened by file id";
static const char skip_unknown[] = "its open is not in the capture";

static const enum replay_command commands[SMB2_NUM_COMMANDS] = {
	[SMB2_NEGOTIATE] = REPLAY_NEGOTIATE,
	[SMB2_SESSION_SETUP] = REPLAY_SESSION_SETUP,
	[SMB2_LOGOFF] = REPLAY_LOGOFF,
	[SMB2_TREE_CONNECT] = REPLAY_TREE_CONNECT,
	[SMB2_TREE_DISCONNECT] = REPLAY_TREE_DISCONNECT,
	[SMB2_CREATE] = REPLAY_CREATE,
	[SMB2_CLOSE] = REPLAY_CLOSE,
	[SMB2_FLUSH] = REPLAY_FLUSH,
	[SMB2_READ] = REPLAY_READ,
	[SMB2_WRITE] = REPLAY_WRITE,
	[SMB2_LOCK] = REPLAY_LOCK,
	[SMB2_IOCTL] = REPLAY_IOCTL,
	[SMB2_CANCEL] = REPLAY_CANCEL,
	[SMB2_ECHO] = REPLAY_ECHO,
	[SMB2_QUERY_DIRECTORY] = REPLAY_QUERY_DIRECTORY,
	[SMB2_CHANGE_NOTIFY] = REPLAY_CHANGE_NOTIFY,
	[SMB2_QUERY_INFO] = REPLAY_QUERY_INFO,
	[SMB2_SET_INFO] = REPLAY_SET_INFO,
	[SMB2_OPLOCK_BREAK] = REPLAY_OPLOCK_BREAK,
};

/* ---- compounds ---- */

static void end_chain(struct capture_connection *connection)
{
	capture_session_let_go(connection->chain_session);
	capture_handle_let_go(connection->chain_handle);
	connection->chain_session = NULL;
	connection->chain_handle = NULL;
	connection->chain_skip = NULL;
	TALLOC_FREE(connection->chain_share);
}

/*
 * tshark says of every message to which tree it belongs, where it has seen that being connected; a
 * related one may name no tree of its own.
 */
static bool take_tree(struct capture_connection *connection, const json_t *message)
{
	const char *tree = capture_ek_string(message, "smb2_smb2_tree");
	uint64_t type = capture_ek_or_zero(message, "smb2_smb2_share_type");

	if (tree == NULL) {
		return true;
	}
	TALLOC_FREE(connection->chain_share);
	connection->chain_share = capture_share(connection, tree);
	connection->chain_skip = type == SHARE_TYPE_PIPE    ? skip_pipe
				 : type == SHARE_TYPE_PRINT ? skip_printer
							    : NULL;
	return connection->chain_share != NULL;
}

static bool take_session(struct capture *capture, struct capture_pending *pending, bool is_related)
{
	struct capture_connection *connection = pending->connection;
	struct capture_session *session = NULL;

	if (is_related && connection->chain_session != NULL) {
		session = connection->chain_session;
	} else if (pending->session_id != 0 && pending->session_id != UINT64_MAX) {
		session = capture_session_of(capture, connection, pending->session_id);
		if (session == NULL) {
			return false;
		}
	}
	if (session != NULL && pending->command != SMB2_SESSION_SETUP) {
		session->settled = true;
	}
	pending->session = capture_session_hold(session);
	capture_session_let_go(connection->chain_session);
	connection->chain_session = capture_session_hold(session);
	return true;
}

/* What the file id of a request stands for; from now on also for those that are related to it. */
static struct capture_handle *
find_handle(struct capture *capture, struct capture_pending *pending, const char *fid)
{
	struct capture_connection *connection = pending->connection;
	struct capture_handle *handle = NULL;

	if (strcmp(fid, FID_OF_CHAIN) == 0) {
		handle = connection->chain_handle;
		if (handle != NULL) {
			handle->referred_to = true;
		}
		return handle;
	}
	if (pending->session != NULL) {
		handle = capture_handle_of(capture, pending->session, fid);
	}
	capture_handle_let_go(connection->chain_handle);
	connection->chain_handle = capture_handle_hold(handle);
	return handle;
}

/* ---- each command ---- */

static bool take_create(struct capture *capture,
			struct capture_pending *pending,
			const json_t *message,
			bool is_dfs)
{
	struct replay_request *request = &pending->request;
	struct capture_connection *connection = pending->connection;
	const char *name = capture_ek_string(message, "smb2_smb2_filename");

	request->access = (uint32_t)capture_ek_or_zero(message, "smb_smb_access_mask");
	request->disposition =
		(uint32_t)capture_ek_or_zero(message, "smb2_smb2_create_disposition");
	request->options = (uint32_t)capture_ek_or_zero(message, "smb_smb_create_options");
	request->skip = connection->chain_skip;
	if (request->skip == NULL && (request->options & FILE_OPEN_BY_FILE_ID) != 0) {
		request->skip = skip_file_id;
		name = NULL;
	}
	if (connection->chain_share != NULL) {
		request->share = talloc_strdup(pending, connection->chain_share);
	}
	request->path = capture_path(pending, name != NULL ? name : "", is_dfs);
	pending->handle = capture_handle_new(capture, request->skip);
	if (request->path == NULL || pending->handle == NULL ||
	    (connection->chain_share != NULL && request->share == NULL)) {
		return false;
	}
	capture_handle_let_go(connection->chain_handle);
	connection->chain_handle = capture_handle_hold(pending->handle);
	return true;
}

static bool take_query_directory(struct capture_pending *pending, const json_t *message)
{
	struct replay_request *request = &pending->request;
	const char *pattern = capture_ek_string(message, "smb2_smb2_find_pattern");
	uint64_t flags = capture_ek_or_zero(message, "smb2_smb2_find_flags");

	request->level = (uint32_t)capture_ek_or_zero(message, "smb2_smb2_find_infolevel");
	request->length = capture_ek_or_zero(message, "smb2_smb2_output_buffer_len");
	request->restart = (flags & (FIND_RESTART_SCANS | FIND_REOPEN)) != 0;
	request->pattern = talloc_strdup(pending, pattern != NULL ? pattern : "");
	return request->pattern != NULL;
}

/* The name is in the ticket, which tshark reads with a keytab, or in NTLM's own message. */
static bool take_session_setup(struct capture_pending *pending, const json_t *message)
{
	const char *user = capture_ek_find_string(message, "ntlmssp_ntlmssp_auth_username");
	const char *domain = capture_ek_find_string(message, "ntlmssp_ntlmssp_auth_domain");

	if (user == NULL) {
		user = capture_ek_find_string(message, "kerberos_kerberos_CNameString");
		domain = capture_ek_find_string(message, "kerberos_kerberos_crealm");
	}
	if (user == NULL) {
		return true;
	}
	if (pending->session != NULL) {
		return capture_session_identify(pending->session, user, domain);
	}
	pending->user = talloc_strdup(pending, user);
	pending->domain = talloc_strdup(pending, domain != NULL ? domain : "");
	return pending->user != NULL && pending->domain != NULL;
}

/* False: no memory. */
static bool
take_fields(struct capture *capture, struct capture_pending *pending, const json_t *message)
{
	struct replay_request *request = &pending->request;
	const char *fid = capture_ek_string(message, "smb2_smb2_fid");
	bool is_dfs = (capture_ek_or_zero(message, "smb2_smb2_flags") & SMB2_FLAG_DFS) != 0;
	struct capture_handle *handle = NULL;

	if (!take_tree(pending->connection, message)) {
		return false;
	}
	if (pending->command == SMB2_CREATE) {
		return take_create(capture, pending, message, is_dfs);
	}
	if (pending->command == SMB2_SESSION_SETUP) {
		return take_session_setup(pending, message);
	}
	if (pending->command == SMB2_TREE_CONNECT) {
		request->share = pending->connection->chain_share != NULL
					 ? talloc_strdup(pending, pending->connection->chain_share)
					 : NULL;
		return true;
	}
	if (fid == NULL) {
		return true;
	}
	handle = find_handle(capture, pending, fid);
	if (handle != NULL) {
		request->present |= REPLAY_HAS_HANDLE;
		request->handle = handle->number;
		request->skip = handle->skip;
	} else if (pending->connection->chain_skip != NULL) {
		request->skip = pending->connection->chain_skip;
	} else if (replay_command_is_replayed(request->command)) {
		request->skip = skip_unknown;
	}
	switch (pending->command) {
	case SMB2_CLOSE:
		pending->handle = capture_handle_hold(handle);
		return true;
	case SMB2_READ:
		request->offset = capture_ek_or_zero(message, "smb2_smb2_file_offset");
		request->length = capture_ek_or_zero(message, "smb2_smb2_read_length");
		return true;
	case SMB2_WRITE:
		request->offset = capture_ek_or_zero(message, "smb2_smb2_file_offset");
		request->length = capture_ek_or_zero(message, "smb2_smb2_write_length");
		return true;
	case SMB2_QUERY_DIRECTORY:
		return take_query_directory(pending, message);
	case SMB2_QUERY_INFO:
		capture_take_info(request, message);
		request->length = capture_ek_or_zero(message, "smb2_smb2_max_response_size");
		return true;
	case SMB2_SET_INFO:
		return capture_take_set_info(pending, message, is_dfs);
	default:
		return true;
	}
}

static void free_new(struct capture_pending *pending)
{
	pending->waiting = true;
	pending->queued = false;
	capture_order_let_go(pending);
}

static struct capture_pending *
new_pending(struct capture *capture, const struct capture_frame *frame, const json_t *message)
{
	uint64_t command = capture_ek_or_zero(message, "smb2_smb2_cmd");
	uint64_t flags = capture_ek_or_zero(message, "smb2_smb2_flags");
	struct capture_connection *connection = capture_connection_of(capture, frame, false);
	struct capture_pending *pending = NULL;

	if (connection == NULL) {
		return NULL;
	}
	pending = talloc_zero(capture, struct capture_pending);
	if (pending == NULL) {
		return NULL;
	}
	if ((flags & SMB2_FLAG_RELATED) == 0) {
		end_chain(connection);
	}
	pending->connection = capture_connection_hold(connection);
	pending->command =
		command < SMB2_NUM_COMMANDS ? (enum smb2_command)command : SMB2_NUM_COMMANDS;
	pending->request.command = command < SMB2_NUM_COMMANDS ? commands[command] : REPLAY_OTHER;
	pending->request.present = REPLAY_HAS_TIME;
	pending->made = frame->time;
	pending->session_id = capture_ek_or_zero(message, "smb2_smb2_sesid");
	if (!take_session(capture, pending, (flags & SMB2_FLAG_RELATED) != 0) ||
	    !take_fields(capture, pending, message)) {
		free_new(pending);
		return NULL;
	}
	if (capture_ek_or_zero(message, "smb2_smb2_chain_offset") == 0) {
		end_chain(connection);
	}
	return pending;
}

int capture_take_request(struct capture *capture,
			 const struct capture_frame *frame,
			 const json_t *message)
{
	struct capture_message_key key = capture_message_key(frame, message);
	struct capture_pending *before = capture_cache_find(capture->waiting, &key, sizeof(key));
	struct capture_pending *pending = NULL;
	bool is_cancel = capture_ek_or_zero(message, "smb2_smb2_cmd") == SMB2_CANCEL;

	/* TCP has sent it again. A CANCEL has the id of what it cancels, and gets no answer. */
	if (before != NULL && before->command == capture_ek_or_zero(message, "smb2_smb2_cmd")) {
		capture->num_repeated++;
		return 0;
	}
	pending = new_pending(capture, frame, message);
	if (pending == NULL) {
		return replay_complain_memory();
	}
	if (!is_cancel) {
		if (!capture_cache_put(capture->waiting, &key, sizeof(key), pending)) {
			free_new(pending);
			return replay_complain_memory();
		}
		pending->waiting = true;
	}
	capture_order_add(capture, pending);
	return capture_order_write(capture, false);
}
