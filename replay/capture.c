/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of a capture: from nothing, by one line of tshark after the other.
 */
#include "capture.h"

/*
 * What an importer remembers at most. One of each takes some 300 bytes, so that is 100 MB when all
 * are full.
 */
#define MAX_CONNECTIONS 65536
#define MAX_SESSIONS 65536
#define MAX_HANDLES 131072
#define MAX_WAITING 32768

static int
take_message(void *private_data, const struct capture_frame *frame, const json_t *message)
{
	struct capture *capture = private_data;
	uint64_t flags = 0;

	capture_ek_number(message, "smb2_smb2_flags", &flags);
	return (flags & SMB2_FLAG_RESPONSE) != 0 ? capture_take_answer(capture, frame, message)
						 : capture_take_request(capture, frame, message);
}

static int take_frame(void *private_data, const struct capture_frame *frame)
{
	struct capture *capture = private_data;

	capture->num_lost += frame->lost ? 1 : 0;
	capture->num_smb1 += frame->smb1 ? 1 : 0;
	capture->num_unreadable += frame->unreadable;
	/* The server's port is the lower one. */
	if (frame->undissected) {
		capture->undissected_port = frame->source_port < frame->destination_port
						    ? frame->source_port
						    : frame->destination_port;
	}
	return 0;
}

/* ---- life ---- */

/* In this order: some of them hold parts of others. */
static int end_capture(struct capture *capture)
{
	while (capture->oldest != NULL) {
		struct capture_pending *pending = capture->oldest;

		capture->oldest = pending->next;
		pending->queued = false;
		if (!pending->waiting) {
			capture_order_let_go(pending);
		}
	}
	TALLOC_FREE(capture->waiting);
	TALLOC_FREE(capture->connections);
	TALLOC_FREE(capture->handles);
	TALLOC_FREE(capture->sessions);
	return 0;
}

struct capture *capture_begin(const struct replay_import *import)
{
	struct capture *capture = talloc_zero(NULL, struct capture);

	if (capture == NULL) {
		return NULL;
	}
	capture->import = import;
	capture->connections =
		capture_cache_create(capture, MAX_CONNECTIONS, capture_connection_let_go);
	capture->sessions = capture_cache_create(capture, MAX_SESSIONS, capture_session_let_go);
	capture->handles = capture_cache_create(capture, MAX_HANDLES, capture_handle_let_go);
	capture->waiting = capture_cache_create(capture, MAX_WAITING, capture_order_let_go);
	if (capture->connections == NULL || capture->sessions == NULL || capture->handles == NULL ||
	    capture->waiting == NULL) {
		talloc_free(capture);
		return NULL;
	}
	talloc_set_destructor(capture, end_capture);
	return capture;
}

int capture_take_line(struct capture *capture, const char *line, size_t length)
{
	const struct capture_ek_handler handler = { .message = take_message,
						    .frame = take_frame,
						    .private_data = capture };
	int ret = capture_ek_line(&handler, line, length);

	if (ret == 1) {
		capture->num_not_understood++;
		ret = 0;
	}
	return ret;
}
