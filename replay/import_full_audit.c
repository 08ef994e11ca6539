/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logs of Samba's vfs_full_audit. It logs calls of smbd's VFS and not requests of clients, so this
 * has to tell which calls are one: create_file is, as are those that change something; close is one
 * when it closes what create_file has opened, and a directory that is read is one unless smbd looks
 * for a name. What the log does not say, such as handles, is found as well as can be; a request
 * that lacks what a replay needs says so.
 */
#include "audit.h"

#include "message.h"

#include <string.h>

#define MAX_LINE 65536

/* [MS-FSCC] 2.4. */
#define FILE_BASIC_INFORMATION 4
#define FILE_ALLOCATION_INFORMATION 19
#define FILE_END_OF_FILE_INFORMATION 20

int replay_audit_emit(struct audit *audit,
		      const struct audit_session *session,
		      const struct audit_line *line,
		      struct replay_request *request)
{
	audit->num_requests++;
	request->id = audit->num_requests;
	request->session = session->number;
	request->share = session->share;
	request->status = line->ok ? 0 : line->status;
	request->present |= REPLAY_HAS_STATUS;
	if (line->timed) {
		/* Lines of several processes may change places. */
		request->time =
			line->time > audit->begun ? (uint64_t)(line->time - audit->begun) : 0;
		request->present |= REPLAY_HAS_TIME;
	}
	return replay_sink_request(audit->import->sink, request);
}

/* A command that is about a path, by the handle that is open of it. */
int replay_audit_emit_open(struct audit *audit,
			   const struct audit_session *session,
			   const struct audit_line *line,
			   const struct audit_open *open,
			   struct replay_request *request)
{
	if (open != NULL && open->num_handles > 0) {
		request->handle = open->handles[open->num_handles - 1];
		request->present |= REPLAY_HAS_HANDLE;
	} else if (request->skip == NULL) {
		request->skip = "opened before the trace";
	}
	return replay_audit_emit(audit, session, line, request);
}

static int
on_connect(struct audit *audit, struct audit_session *session, const struct audit_line *line)
{
	struct replay_request request = { .command = REPLAY_TREE_CONNECT };

	session->connecting = line->ok;
	if (session->share == NULL) {
		session->share = talloc_strdup(session, line->arguments);
	}
	return replay_audit_emit(audit, session, line, &request);
}

static int
on_disconnect(struct audit *audit, struct audit_session *session, const struct audit_line *line)
{
	struct replay_request request = { .command = REPLAY_TREE_DISCONNECT };
	int ret = replay_audit_emit_made(audit, session);

	return ret == 0 ? replay_audit_emit(audit, session, line, &request) : ret;
}

/* After connect, smbd looks where the share is before it does anything in there. */
static int on_root(struct audit_session *session, const struct audit_line *line)
{
	const char *path = strchr(line->arguments, '/');

	if (!session->connecting || !line->ok || path == NULL || session->root != NULL) {
		return 0;
	}
	session->connecting = false;
	session->root = talloc_strdup(session, path);
	return session->root != NULL ? 0 : replay_complain_memory();
}

static int on_function(struct audit *audit,
		       struct audit_session *session,
		       const struct audit_line *line,
		       enum replay_command command)
{
	struct replay_request request = { .command = command };

	return replay_audit_emit(audit, session, line, &request);
}

/* A call that ended before it was begun is told of by that line alone. */
static int
on_line(struct audit *audit, struct audit_session *session, const struct audit_line *line)
{
	switch (line->function) {
	case AUDIT_CONNECT:
		return on_connect(audit, session, line);
	case AUDIT_DISCONNECT:
		return on_disconnect(audit, session, line);
	case AUDIT_REALPATH:
	case AUDIT_CHDIR:
		return on_root(session, line);
	case AUDIT_CREATE_FILE:
		return replay_audit_on_create_file(audit, session, line);
	case AUDIT_OPENAT:
		return replay_audit_on_openat(audit, session, line);
	case AUDIT_CLOSE:
		return replay_audit_on_close(audit, session, line, line->arguments);
	case AUDIT_FDOPENDIR:
		return replay_audit_on_fdopendir(audit, session, line);
	case AUDIT_CLOSEDIR:
		return replay_audit_on_closedir(audit, session, line);
	case AUDIT_GET_REAL_FILENAME_AT:
		session->looking_up = !line->ok;
		return 0;
	case AUDIT_FSTAT:
		return replay_audit_on_fstat(audit, session, line);
	case AUDIT_DISK_FREE:
		return replay_audit_on_disk_free(audit, session, line);
	case AUDIT_STRICT_LOCK_CHECK:
		return replay_audit_on_strict_lock_check(audit, session, line);
	case AUDIT_PREAD_SEND:
		return line->ok ? replay_audit_on_sent(audit, session, line)
				: replay_audit_on_data(audit, session, line, REPLAY_READ);
	case AUDIT_PREAD:
	case AUDIT_PREAD_RECV:
	case AUDIT_SENDFILE:
		return replay_audit_on_data(audit, session, line, REPLAY_READ);
	case AUDIT_PWRITE_SEND:
		return line->ok ? replay_audit_on_sent(audit, session, line)
				: replay_audit_on_data(audit, session, line, REPLAY_WRITE);
	case AUDIT_PWRITE:
	case AUDIT_PWRITE_RECV:
	case AUDIT_RECVFILE:
		return replay_audit_on_data(audit, session, line, REPLAY_WRITE);
	case AUDIT_FSYNC_SEND:
		return line->ok ? 0 : replay_audit_on_flush(audit, session, line);
	case AUDIT_FSYNC_RECV:
		return replay_audit_on_flush(audit, session, line);
	case AUDIT_RENAMEAT:
		return replay_audit_on_renameat(audit, session, line);
	case AUDIT_UNLINKAT:
		return replay_audit_on_unlinkat(audit, session, line);
	case AUDIT_MKDIRAT:
		return replay_audit_on_mkdirat(audit, session, line);
	case AUDIT_LINKAT:
		return replay_audit_on_linkat(audit, session, line);
	case AUDIT_FTRUNCATE:
		return replay_audit_on_set_unknown(audit,
						   session,
						   line,
						   FILE_END_OF_FILE_INFORMATION,
						   "the size it sets is not in the log");
	case AUDIT_FALLOCATE:
		return replay_audit_on_set_unknown(audit,
						   session,
						   line,
						   FILE_ALLOCATION_INFORMATION,
						   "the size it sets is not in the log");
	case AUDIT_FNTIMES:
		return replay_audit_on_fntimes(audit, session, line);
	case AUDIT_FSET_DOS_ATTRIBUTES:
		return replay_audit_on_set_unknown(audit,
						   session,
						   line,
						   FILE_BASIC_INFORMATION,
						   "the attributes it sets are not in the log");
	case AUDIT_FSET_NT_ACL:
		return replay_audit_on_fset_nt_acl(audit, session, line);
	case AUDIT_FSCTL:
		return on_function(audit, session, line, REPLAY_IOCTL);
	case AUDIT_BRL_LOCK_WINDOWS:
	case AUDIT_BRL_UNLOCK_WINDOWS:
		return replay_audit_on_lock(audit, session, line);
	case AUDIT_FGET_NT_ACL:
	case AUDIT_OTHER:
		return 0;
	}
	return 0;
}

static int begin_trace(struct audit *audit, const struct audit_line *line)
{
	struct replay_trace_header header = { .source = "full-audit" };

	audit->has_header = true;
	audit->begun = line->timed ? line->time : 0;
	if (line->zoned) {
		header.begun = (double)line->time / 1e9;
	}
	return replay_sink_header(audit->import->sink, &header);
}

static int read_line(struct audit *audit, char *text)
{
	struct audit_line line;
	struct audit_session *session = NULL;
	struct replay_session told;

	if (!replay_audit_parse(&audit->header, text, &line)) {
		return 0;
	}
	if (!audit->has_header && begin_trace(audit, &line) != 0) {
		return -1;
	}
	session = replay_audit_session(audit->sessions, &line, &told);
	if (session == NULL) {
		return replay_complain_memory();
	}
	if (told.number != 0 && replay_sink_session(audit->import->sink, &told) != 0) {
		return -1;
	}
	if (replay_audit_notice_refusal(session, &line) != 0) {
		return -1;
	}
	return on_line(audit, session, &line);
}

/* -1 after a message. */
static int read_lines(struct audit *audit)
{
	const struct replay_import *import = audit->import;
	struct audit_session *session = NULL;
	char *text = NULL;
	size_t length = 0;
	size_t i = 0;
	int ret = 0;

	while (!replay_sink_is_interrupted(import->sink)) {
		ret = replay_lines_next(audit->lines, &text, &length);
		if (ret != 1) {
			break;
		}
		ret = read_line(audit, text);
		if (ret != 0) {
			return ret;
		}
		replay_sink_progress(import->sink,
				     replay_lines_done(audit->lines),
				     replay_lines_all(audit->lines));
	}
	for (i = 0; ret == 0; i++) {
		session = replay_audit_session_at(audit->sessions, i);
		if (session == NULL) {
			break;
		}
		ret = replay_audit_emit_made(audit, session);
	}
	return ret;
}

int replay_import_full_audit(const struct replay_import *import)
{
	struct audit *audit = talloc_zero(import->sink, struct audit);
	int ret = -1;

	if (audit == NULL) {
		return replay_complain_memory();
	}
	audit->import = import;
	audit->sessions = replay_audit_sessions_create(audit, import->audit_prefix);
	audit->lines = replay_lines_open(audit, import->input, MAX_LINE);
	if (audit->sessions == NULL) {
		replay_complain_memory();
	} else if (audit->lines != NULL) {
		ret = read_lines(audit);
	}
	if (ret == 0 && audit->num_creates == 0) {
		ret = replay_complain(
			"%s: no create_file in it, without which it can't be told what was "
			"opened: full_audit:success and full_audit:failure must have it",
			import->input);
	}
	talloc_free(audit);
	return ret;
}
