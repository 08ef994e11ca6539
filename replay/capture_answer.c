/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an answer says: how a request ended, and for some what it brought.
 */
#include "capture.h"

#include "message.h"

#include <string.h>

#define FILE_ATTRIBUTE_DIRECTORY 0x10u

/* The server's own messages, oplock and lease breaks, answer nothing and have this id. */
#define MESSAGE_ID_OF_NOTIFICATION UINT64_MAX

struct capture_message_key capture_message_key(const struct capture_frame *frame,
					       const json_t *message)
{
	struct capture_message_key key = { .stream = frame->stream };

	capture_ek_number(message, "smb2_smb2_msg_id", &key.id);
	return key;
}

static bool take_negotiate(struct capture_connection *connection, const json_t *message)
{
	const char *guid = capture_ek_string(message, "smb2_smb2_server_guid");
	char *server = NULL;

	if (guid == NULL) {
		return true;
	}
	server = talloc_strdup(connection, guid);
	if (server == NULL) {
		return false;
	}
	talloc_free(connection->server);
	connection->server = server;
	return true;
}

/*
 * The first answer gives the session its id; the last one settles who it is, also when that one may
 * not come in.
 */
static bool
take_session_setup(struct capture *capture, struct capture_pending *pending, const json_t *message)
{
	uint64_t session_id = 0;
	struct capture_session *session = pending->session;

	if (session == NULL) {
		if (!capture_ek_number(message, "smb2_smb2_sesid", &session_id) ||
		    session_id == 0) {
			return true;
		}
		session = capture_session_begin(capture, pending->connection, session_id);
		if (session == NULL ||
		    (pending->user != NULL &&
		     !capture_session_identify(session, pending->user, pending->domain))) {
			return false;
		}
		pending->session = capture_session_hold(session);
	}
	if (pending->request.status != STATUS_MORE_PROCESSING_REQUIRED) {
		session->settled = true;
	}
	return true;
}

static bool
take_create(struct capture *capture, struct capture_pending *pending, const json_t *message)
{
	struct replay_request *request = &pending->request;
	const char *fid = capture_ek_string(message, "smb2_smb2_fid");
	uint64_t attributes = 0;

	if (request->status != STATUS_SUCCESS || fid == NULL || pending->session == NULL) {
		return true;
	}
	request->present |= REPLAY_HAS_HANDLE;
	request->handle = pending->handle->number;
	if (capture_ek_number(message, "smb2_smb2_eof", &request->size)) {
		request->present |= REPLAY_HAS_SIZE;
	}
	if (capture_ek_number(message, "smb2_smb2_file_attribute", &attributes)) {
		request->kind = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? REPLAY_KIND_DIRECTORY
									     : REPLAY_KIND_FILE;
	}
	return capture_handle_opened(capture, pending->session, fid, pending->handle);
}

static void take_close(struct capture *capture, struct capture_pending *pending)
{
	if (pending->request.status == STATUS_SUCCESS && pending->session != NULL &&
	    pending->handle != NULL) {
		capture_handle_closed(capture, pending->session, pending->handle);
	}
}

static void take_count(struct replay_request *request, const json_t *message, const char *name)
{
	if ((request->status == STATUS_SUCCESS || request->status == STATUS_BUFFER_OVERFLOW) &&
	    capture_ek_number(message, name, &request->count)) {
		request->present |= REPLAY_HAS_COUNT;
	}
}

/* A name for each entry. Of levels that it does not know tshark names none. */
static void take_entries(struct replay_request *request, const json_t *message)
{
	request->count = capture_ek_count(message, "smb2_smb2_filename");
	if (request->status == STATUS_SUCCESS && request->count > 0) {
		request->present |= REPLAY_HAS_COUNT;
	}
}

static bool
take_fields(struct capture *capture, struct capture_pending *pending, const json_t *message)
{
	switch (pending->command) {
	case SMB2_SESSION_SETUP:
		return take_session_setup(capture, pending, message);
	case SMB2_LOGOFF:
		if (pending->request.status == STATUS_SUCCESS) {
			capture_session_end(capture, pending->connection, pending->session_id);
		}
		return true;
	case SMB2_CREATE:
		return take_create(capture, pending, message);
	case SMB2_CLOSE:
		take_close(capture, pending);
		return true;
	case SMB2_READ:
		take_count(&pending->request, message, "smb2_smb2_olb_length");
		return true;
	case SMB2_WRITE:
		take_count(&pending->request, message, "smb2_smb2_write_count");
		return true;
	case SMB2_QUERY_DIRECTORY:
		take_entries(&pending->request, message);
		return true;
	default:
		return true;
	}
}

int capture_take_answer(struct capture *capture,
			const struct capture_frame *frame,
			const json_t *message)
{
	struct capture_message_key key = capture_message_key(frame, message);
	struct capture_pending *pending = NULL;
	uint64_t command = 0;
	uint64_t status = 0;
	bool ok = true;

	if (key.id == MESSAGE_ID_OF_NOTIFICATION ||
	    !capture_ek_number(message, "smb2_smb2_cmd", &command) ||
	    !capture_ek_number(message, "smb2_smb2_nt_status", &status) ||
	    status == STATUS_PENDING) {
		return 0;
	}
	/* Also to an SMB1 request, which is none of ours. */
	if (command == SMB2_NEGOTIATE) {
		struct capture_connection *connection = capture_connection_of(capture, frame, true);

		if (connection == NULL || !take_negotiate(connection, message)) {
			return replay_complain_memory();
		}
	}
	pending = capture_cache_find(capture->waiting, &key, sizeof(key));
	if (pending == NULL || pending->command != command) {
		capture->num_unasked += command != SMB2_NEGOTIATE ? 1 : 0;
		return 0;
	}
	pending->request.status = (uint32_t)status;
	pending->request.duration = frame->time > pending->made ? frame->time - pending->made : 0;
	pending->request.present |= REPLAY_HAS_STATUS | REPLAY_HAS_DURATION;
	ok = take_fields(capture, pending, message);
	capture_cache_remove(capture->waiting, &key, sizeof(key));
	return ok ? capture_order_write(capture, false) : replay_complain_memory();
}
