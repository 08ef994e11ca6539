/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads, writes and locks in a full_audit log. What of the file they are about is not logged with
 * them, but with the check for locks that smbd makes before.
 */
#include "audit.h"

#include "array.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

/* "/path:OFFSET-LENGTH:TYPE" or "/path:OFFSET-LENGTH. type=TYPE."; the path is cut off there. */
static bool read_range(char *arguments, struct audit_range *range)
{
	char *at = strrchr(arguments, '-');
	char *end = NULL;

	if (at == NULL) {
		return false;
	}
	range->length = strtoull(at + 1, &end, 10);
	while (at > arguments && at[-1] >= '0' && at[-1] <= '9') {
		at--;
	}
	if (at == arguments || at[-1] != ':' || (*end != ':' && *end != '.')) {
		return false;
	}
	range->offset = strtoull(at, NULL, 10);
	at[-1] = '\0';
	return true;
}

/* smbd asks this before each read and write, if `strict locking` has not told it not to. */
int replay_audit_on_strict_lock_check(struct audit *audit,
				      struct audit_session *session,
				      const struct audit_line *line)
{
	struct audit_range range;
	struct audit_open *open = NULL;

	if (!line->ok || !read_range(line->arguments, &range)) {
		return 0;
	}
	open = replay_audit_open(audit->sessions, session, line->arguments, false);
	if (open != NULL) {
		open->has_range = true;
		open->range = range;
	}
	return 0;
}

/* What is logged when it is begun is taken for the line that tells of its end. */
int replay_audit_on_sent(struct audit *audit,
			 struct audit_session *session,
			 const struct audit_line *line)
{
	struct audit_open *open =
		replay_audit_open(audit->sessions, session, line->arguments, false);
	struct audit_range *longer = NULL;

	if (open == NULL || !open->has_range) {
		return 0;
	}
	open->has_range = false;
	longer = replay_array_room(open, open->sent, open->num_sent, sizeof(*open->sent));
	if (longer == NULL) {
		return replay_complain_memory();
	}
	open->sent = longer;
	open->sent[open->num_sent] = open->range;
	open->num_sent++;
	return 0;
}

int replay_audit_on_data(struct audit *audit,
			 struct audit_session *session,
			 const struct audit_line *line,
			 enum replay_command command)
{
	struct replay_request request = { .command = command };
	struct audit_open *open =
		replay_audit_open(audit->sessions, session, line->arguments, false);

	if (open != NULL && open->num_sent > 0) {
		request.offset = open->sent[0].offset;
		request.length = open->sent[0].length;
		open->num_sent--;
		memmove(open->sent, open->sent + 1, open->num_sent * sizeof(*open->sent));
	} else if (open != NULL && open->has_range) {
		request.offset = open->range.offset;
		request.length = open->range.length;
		open->has_range = false;
	} else {
		request.skip = "its offset and length are not in the log";
	}
	return replay_audit_emit_open(audit, session, line, open, &request);
}

int replay_audit_on_flush(struct audit *audit,
			  struct audit_session *session,
			  const struct audit_line *line)
{
	struct replay_request request = { .command = REPLAY_FLUSH };

	return replay_audit_emit_open(
		audit,
		session,
		line,
		replay_audit_open(audit->sessions, session, line->arguments, false),
		&request);
}

int replay_audit_on_lock(struct audit *audit,
			 struct audit_session *session,
			 const struct audit_line *line)
{
	struct replay_request request = { .command = REPLAY_LOCK };
	struct audit_range range = { .offset = 0 };

	if (read_range(line->arguments, &range)) {
		request.offset = range.offset;
		request.length = range.length;
	}
	return replay_audit_emit_open(
		audit,
		session,
		line,
		replay_audit_open(audit->sessions, session, line->arguments, false),
		&request);
}
