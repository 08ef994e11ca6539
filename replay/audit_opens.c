/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens and closes in a full_audit log, and the reading of directories. A log has no handles: that
 * a close is the client's and not smbd's own is told by counting.
 */
#include "audit.h"

#include "array.h"
#include "lines.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

/* [MS-SMB2] 2.2.13.1.2 and 2.2.13; [MS-FSCC] 2.4. */
#define FILE_LIST_DIRECTORY 0x1
#define FILE_DIRECTORY_FILE 0x1
#define FILE_ID_BOTH_DIRECTORY_INFORMATION 37

/* [MS-ERREF] 2.3 */
#define STATUS_ACCESS_DENIED 0xc0000022

/* Of a mkdirat that no create_file has told of again. */
int replay_audit_emit_made(struct audit *audit, struct audit_session *session)
{
	struct audit_line line = {
		.ok = session->made_status == 0,
		.status = session->made_status,
		.timed = session->made_timed,
		.time = session->made_time,
	};
	struct replay_request request = { .command = REPLAY_MKDIR };
	int ret = 0;

	if (session->made == NULL) {
		return 0;
	}
	request.path = replay_audit_relative(session, session->made);
	ret = replay_audit_emit(audit, session, &line, &request);
	TALLOC_FREE(session->made);
	return ret;
}

int replay_audit_on_mkdirat(struct audit *audit,
			    struct audit_session *session,
			    const struct audit_line *line)
{
	if (replay_audit_emit_made(audit, session) != 0) {
		return -1;
	}
	session->made = talloc_strdup(session, line->arguments);
	session->made_status = line->ok ? 0 : line->status;
	session->made_timed = line->timed;
	session->made_time = line->time;
	return session->made != NULL ? 0 : replay_complain_memory();
}

int replay_audit_notice_refusal(struct audit_session *session, struct audit_line *line)
{
	const char *path = line->arguments;
	bool same = false;
	size_t i = 0;

	if (line->function == AUDIT_FGET_NT_ACL && line->ok) {
		TALLOC_FREE(session->checked);
		session->refused = false;
		session->checked = talloc_strdup(session, path);
		return session->checked != NULL ? 0 : replay_complain_memory();
	}
	if (session->checked == NULL) {
		return 0;
	}
	for (i = 0; line->function == AUDIT_CREATE_FILE && i < 3 && path != NULL; i++) {
		path = strchr(path, '|');
		path = path != NULL ? path + 1 : NULL;
	}
	same = path != NULL && strcmp(path, session->checked) == 0;
	if (line->function == AUDIT_CLOSE && same && !session->refused) {
		session->refused = true;
		return 0;
	}
	if (line->function == AUDIT_CREATE_FILE && same && session->refused && !line->ok) {
		line->status = STATUS_ACCESS_DENIED;
	}
	TALLOC_FREE(session->checked);
	session->refused = false;
	return 0;
}

static bool read_disposition(const char *name, uint32_t *disposition)
{
	/* As vfs_full_audit.c, smb_full_audit_create_file(), calls them. */
	static const char *const names[] = { "supersede", "open",      "create",
					     "open_if",	  "overwrite", "overwrite_if" };
	size_t i = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*disposition = (uint32_t)i;
			return true;
		}
	}
	return false;
}

static bool add_handle(struct audit_open *open, uint64_t handle)
{
	uint64_t *longer =
		replay_array_room(open, open->handles, open->num_handles, sizeof(*open->handles));

	if (longer == NULL) {
		return false;
	}
	open->handles = longer;
	open->handles[open->num_handles] = handle;
	open->num_handles++;
	return true;
}

/* "0x120089|file|open|/path" */
int replay_audit_on_create_file(struct audit *audit,
				struct audit_session *session,
				const struct audit_line *line)
{
	struct replay_request request = { .command = REPLAY_CREATE };
	struct audit_open *open = NULL;
	char *rest = line->arguments;
	const char *access = strsep(&rest, "|");
	const char *kind = strsep(&rest, "|");
	const char *disposition = strsep(&rest, "|");

	if (rest == NULL) {
		return replay_lines_complain(audit->lines, "create_file without a path");
	}
	session->looking_up = false;
	if (session->made != NULL && strcmp(session->made, rest) == 0) {
		TALLOC_FREE(session->made);
	} else if (replay_audit_emit_made(audit, session) != 0) {
		return -1;
	}
	audit->num_creates++;
	request.path = replay_audit_relative(session, rest);
	request.access = (uint32_t)strtoul(access, NULL, 16);
	if (strcmp(kind, "dir") == 0) {
		request.options = FILE_DIRECTORY_FILE;
		request.kind = line->ok ? REPLAY_KIND_DIRECTORY : REPLAY_KIND_UNKNOWN;
	}
	if (!read_disposition(disposition, &request.disposition)) {
		request.skip = "its disposition is not in the log";
	}
	if (!line->ok) {
		return replay_audit_emit(audit, session, line, &request);
	}
	open = replay_audit_open(audit->sessions, session, rest, true);
	audit->num_handles++;
	if (open == NULL || !add_handle(open, audit->num_handles)) {
		return replay_complain_memory();
	}
	open->is_directory = request.options == FILE_DIRECTORY_FILE;
	open->may_list = open->is_directory && (request.access & FILE_LIST_DIRECTORY) != 0;
	request.handle = audit->num_handles;
	request.present = REPLAY_HAS_HANDLE;
	return replay_audit_emit(audit, session, line, &request);
}

/* "r|/path" */
int replay_audit_on_openat(struct audit *audit,
			   struct audit_session *session,
			   const struct audit_line *line)
{
	const char *path = strchr(line->arguments, '|');
	struct audit_open *open = NULL;

	if (path == NULL || !line->ok) {
		return 0;
	}
	path++;
	session->opens_are_logged = true;
	session->opening = true;
	/*
	 * smbd opens what lies deeper with one openat2(), with a name that is not set yet
	 * (openat_pathref_dirfsp_nosymlink() of Samba 4.17); the fstat after it has the name.
	 */
	session->below = path[0] != '\0' && path[strlen(path) - 1] == '/';
	if (session->below) {
		return 0;
	}
	open = replay_audit_open(audit->sessions, session, path, true);
	if (open == NULL) {
		return replay_complain_memory();
	}
	open->balance++;
	return 0;
}

int replay_audit_on_close(struct audit *audit,
			  struct audit_session *session,
			  const struct audit_line *line,
			  const char *path)
{
	struct replay_request request = { .command = REPLAY_CLOSE };
	struct audit_open *open = replay_audit_open(audit->sessions, session, path, false);
	int ret = 0;

	if (open == NULL) {
		return 0;
	}
	open->balance--;
	if (open->num_handles > 0 &&
	    (!session->opens_are_logged || open->balance < (int64_t)open->num_handles)) {
		ret = replay_audit_emit_made(audit, session);
		ret = ret == 0 ? replay_audit_emit_open(audit, session, line, open, &request) : ret;
		open->num_handles--;
	}
	if (open->num_handles == 0 && open->balance <= 0) {
		replay_audit_forget(audit->sessions, session, open);
	}
	return ret;
}

int replay_audit_on_fdopendir(struct audit *audit,
			      struct audit_session *session,
			      const struct audit_line *line)
{
	struct replay_request request = {
		.command = REPLAY_QUERY_DIRECTORY,
		.level = FILE_ID_BOTH_DIRECTORY_INFORMATION,
		.pattern = "*",
		.restart = true,
	};
	struct audit_open *open =
		replay_audit_open(audit->sessions, session, line->arguments, false);
	struct audit_listing *longer = NULL;
	bool by_client =
		!session->looking_up && open != NULL && open->num_handles > 0 && open->may_list;

	session->looking_up = false;
	if (line->ok) {
		longer = replay_array_room(session,
					   session->listings,
					   session->num_listings,
					   sizeof(*session->listings));
		if (longer == NULL) {
			return replay_complain_memory();
		}
		session->listings = longer;
		longer[session->num_listings].path = talloc_strdup(session, line->arguments);
		longer[session->num_listings].by_client = by_client;
		if (longer[session->num_listings].path == NULL) {
			return replay_complain_memory();
		}
		session->num_listings++;
	}
	return by_client ? replay_audit_emit_open(audit, session, line, open, &request) : 0;
}

/*
 * Of which directory is not said: mostly of the last. It closes the directory, and no close is
 * logged then.
 */
int replay_audit_on_closedir(struct audit *audit,
			     struct audit_session *session,
			     const struct audit_line *line)
{
	struct audit_listing listing;
	int ret = 0;

	if (session->num_listings == 0) {
		return 0;
	}
	session->num_listings--;
	listing = session->listings[session->num_listings];
	if (listing.by_client || session->opens_are_logged) {
		ret = replay_audit_on_close(audit, session, line, listing.path);
	}
	talloc_free(listing.path);
	return ret;
}
