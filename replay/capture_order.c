/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests go into the trace in the order in which they were made, so each waits for the answers of
 * those before it, and for its session to say who it is: an identity comes in the middle of a
 * session setup, or after it.
 */
#include "capture.h"

#include "message.h"

/*
 * So many wait at most, then the oldest is written with what is known of it: some 20 MB. Who waits
 * longest is a CHANGE_NOTIFY that is answered after minutes or never, which is no loss.
 */
#define MAX_QUEUED 32768

static void free_pending(struct capture_pending *pending)
{
	capture_session_let_go(pending->session);
	capture_handle_let_go(pending->handle);
	capture_connection_let_go(pending->connection);
	talloc_free(pending);
}

void capture_order_let_go(void *value)
{
	struct capture_pending *pending = value;

	pending->waiting = false;
	if (!pending->queued) {
		free_pending(pending);
	}
}

void capture_order_add(struct capture *capture, struct capture_pending *pending)
{
	pending->queued = true;
	if (capture->newest != NULL) {
		capture->newest->next = pending;
	} else {
		capture->oldest = pending;
	}
	capture->newest = pending;
	capture->num_queued++;
}

static struct capture_session *session_of(const struct capture_pending *pending)
{
	return pending->session != NULL ? pending->session : pending->connection->first;
}

static bool has_turn(const struct capture_pending *pending)
{
	const struct capture_session *session = session_of(pending);

	return !pending->waiting && session != NULL && session->settled;
}

static int begin(struct capture *capture, const struct capture_pending *pending)
{
	struct replay_trace_header header = { .source = "capture",
					      .begun = (double)pending->made / 1e9 };

	capture->begun = true;
	capture->begun_at = pending->made;
	return replay_sink_header(capture->import->sink, &header);
}

static int introduce(struct capture *capture, struct capture_session *session)
{
	struct replay_session told = { .user = session->user,
				       .domain = session->domain,
				       .client = session->client };

	session->number = ++capture->last_number;
	session->settled = true;
	told.number = session->number;
	return replay_sink_session(capture->import->sink, &told);
}

static int write_one(struct capture *capture, struct capture_pending *pending)
{
	struct replay_request *request = &pending->request;
	struct capture_session *session = NULL;
	uint64_t time = 0;

	if (pending->session == NULL && !capture_session_assume(capture, pending->connection)) {
		return replay_complain_memory();
	}
	session = session_of(pending);
	if (!capture->begun && begin(capture, pending) != 0) {
		return -1;
	}
	if (session->number == 0 && introduce(capture, session) != 0) {
		return -1;
	}
	/* The clock of who made the capture may have been set back. */
	time = pending->made > capture->begun_at ? pending->made - capture->begun_at : 0;
	if (time < capture->last_time) {
		time = capture->last_time;
	}
	capture->last_time = time;
	request->id = ++capture->last_id;
	request->time = time;
	request->session = session->number;
	/* A file that could not be opened has a number where others depend on that. */
	if (request->command == REPLAY_CREATE && pending->handle->referred_to) {
		request->present |= REPLAY_HAS_HANDLE;
		request->handle = pending->handle->number;
	}
	if (request->skip == NULL && replay_command_is_replayed(request->command)) {
		capture->num_replayable++;
	}
	if ((request->present & REPLAY_HAS_STATUS) == 0 && request->command != REPLAY_CANCEL &&
	    request->command != REPLAY_CHANGE_NOTIFY) {
		capture->num_unanswered++;
	}
	return replay_sink_request(capture->import->sink, request);
}

int capture_order_write(struct capture *capture, bool is_end)
{
	while (capture->oldest != NULL) {
		struct capture_pending *pending = capture->oldest;
		int ret = 0;

		if (!is_end && capture->num_queued <= MAX_QUEUED && !has_turn(pending)) {
			break;
		}
		capture->oldest = pending->next;
		if (capture->oldest == NULL) {
			capture->newest = NULL;
		}
		capture->num_queued--;
		ret = write_one(capture, pending);
		pending->queued = false;
		pending->next = NULL;
		if (!pending->waiting) {
			free_pending(pending);
		}
		if (ret != 0) {
			return ret;
		}
	}
	return 0;
}
