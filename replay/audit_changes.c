/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clients ask of files and change, in a full_audit log. Much of what is set is not logged.
 */
#include "audit.h"

#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* [MS-FSCC] 2.4 and 2.5. */
#define FILE_BASIC_INFORMATION 4
#define FILE_LINK_INFORMATION 11
#define FILE_ALL_INFORMATION 18
#define FILE_FS_SIZE_INFORMATION 3

/* Only of what a client has open: smbd asks a lot for itself. */
int replay_audit_on_fstat(struct audit *audit,
			  struct audit_session *session,
			  const struct audit_line *line)
{
	struct replay_request request = {
		.command = REPLAY_QUERY_INFO,
		.info = REPLAY_INFO_FILE,
		.level = FILE_ALL_INFORMATION,
	};
	bool opening = session->opening;
	struct audit_open *open =
		replay_audit_open(audit->sessions, session, line->arguments, session->below);

	if (session->below) {
		session->below = false;
		if (open == NULL) {
			return replay_complain_memory();
		}
		open->balance++;
	}
	session->opening = false;
	if (opening || open == NULL || open->num_handles == 0) {
		return 0;
	}
	return replay_audit_emit_open(audit, session, line, open, &request);
}

int replay_audit_on_disk_free(struct audit *audit,
			      struct audit_session *session,
			      const struct audit_line *line)
{
	struct replay_request request = {
		.command = REPLAY_QUERY_INFO,
		.info = REPLAY_INFO_FILESYSTEM,
		.level = FILE_FS_SIZE_INFORMATION,
		.path = replay_audit_relative(session, line->arguments),
	};

	return replay_audit_emit(audit, session, line, &request);
}

/* Also of what smbd does when it makes a file: that has no handle yet. */
static int on_set(struct audit *audit,
		  struct audit_session *session,
		  const struct audit_line *line,
		  struct replay_request *request)
{
	struct audit_open *open = NULL;

	request->command = REPLAY_SET_INFO;
	open = replay_audit_open(audit->sessions, session, line->arguments, false);
	if (open == NULL || open->num_handles == 0) {
		return 0;
	}
	return replay_audit_emit_open(audit, session, line, open, request);
}

/* "/path|CREATED|ACCESSED|MODIFIED|CHANGED", as "Sun Nov 22 08:35:44 2026 UTC". */
int replay_audit_on_fntimes(struct audit *audit,
			    struct audit_session *session,
			    const struct audit_line *line)
{
	struct replay_request request = {
		.info = REPLAY_INFO_FILE,
		.level = FILE_BASIC_INFORMATION,
	};
	struct tm broken = { .tm_isdst = 0 };
	char *times[4] = { NULL };
	const char *zone = NULL;
	time_t seconds = 0;
	size_t i = 0;

	for (i = 4; i > 0; i--) {
		times[i - 1] = strrchr(line->arguments, '|');
		if (times[i - 1] == NULL) {
			return 0;
		}
		*times[i - 1] = '\0';
		times[i - 1]++;
	}
	zone = strptime(times[2], "%a %b %d %H:%M:%S %Y", &broken);
	seconds = zone != NULL ? timegm(&broken) : 0;
	if (zone == NULL || broken.tm_year >= 300 ||
	    (strcmp(zone, " UTC") != 0 && strcmp(zone, " GMT") != 0)) {
		request.skip = "the times it sets are not in the log";
	} else if (seconds > 1) {
		/* One second after 1970 began says that a time stays (SAMBA_UTIME_OMIT). */
		request.modified = (uint64_t)seconds * 1000000000ULL;
		request.present = REPLAY_HAS_MODIFIED;
	}
	return on_set(audit, session, line, &request);
}

int replay_audit_on_set_unknown(struct audit *audit,
				struct audit_session *session,
				const struct audit_line *line,
				uint32_t level,
				const char *skip)
{
	struct replay_request request = { .info = REPLAY_INFO_FILE, .level = level, .skip = skip };

	return on_set(audit, session, line, &request);
}

/* "/path [SDDL]" */
int replay_audit_on_fset_nt_acl(struct audit *audit,
				struct audit_session *session,
				const struct audit_line *line)
{
	struct replay_request request = {
		.info = REPLAY_INFO_SECURITY,
		.skip = "the security descriptor it sets is not in the trace",
	};
	char *descriptor = strstr(line->arguments, " [");

	if (descriptor != NULL) {
		*descriptor = '\0';
	}
	return on_set(audit, session, line, &request);
}

/* Two absolute paths; NULL if it is not clear where the second begins. */
static char *second_path(char *paths)
{
	char *bar = strstr(paths, "|/");

	if (bar == NULL || strstr(bar + 1, "|/") != NULL) {
		return NULL;
	}
	*bar = '\0';
	return bar + 1;
}

/* What is open moves along. False without memory. */
static bool
move_open(struct audit *audit, struct audit_session *session, const char *from, const char *to)
{
	struct audit_open *old = replay_audit_open(audit->sessions, session, from, false);
	struct audit_open *new = NULL;

	if (old == NULL || strcmp(from, to) == 0) {
		return true;
	}
	new = replay_audit_open(audit->sessions, session, to, true);
	if (new == NULL) {
		return false;
	}
	talloc_free(new->handles);
	new->handles = talloc_steal(new, old->handles);
	new->num_handles = old->num_handles;
	new->balance = old->balance;
	new->is_directory = old->is_directory;
	new->may_list = old->may_list;
	replay_audit_forget(audit->sessions, session, old);
	return true;
}

int replay_audit_on_renameat(struct audit *audit,
			     struct audit_session *session,
			     const struct audit_line *line)
{
	struct replay_request request = { .command = REPLAY_RENAME, .replace = true };
	const char *target = second_path(line->arguments);
	int ret = 0;

	if (target == NULL) {
		request.skip = "the log does not say clearly what and where to";
		return replay_audit_emit(audit, session, line, &request);
	}
	request.path = replay_audit_relative(session, line->arguments);
	request.target = replay_audit_relative(session, target);
	ret = replay_audit_emit(audit, session, line, &request);
	if (ret == 0 && line->ok && !move_open(audit, session, line->arguments, target)) {
		ret = replay_complain_memory();
	}
	return ret;
}

int replay_audit_on_linkat(struct audit *audit,
			   struct audit_session *session,
			   const struct audit_line *line)
{
	struct replay_request request = {
		.command = REPLAY_SET_INFO,
		.info = REPLAY_INFO_FILE,
		.level = FILE_LINK_INFORMATION,
	};
	const char *target = second_path(line->arguments);

	if (target == NULL) {
		request.skip = "the log does not say clearly what and where to";
		return replay_audit_emit(audit, session, line, &request);
	}
	request.path = replay_audit_relative(session, line->arguments);
	request.target = replay_audit_relative(session, target);
	return replay_audit_emit(audit, session, line, &request);
}

/* The log does not say whether it is a directory: a client has it open. */
int replay_audit_on_unlinkat(struct audit *audit,
			     struct audit_session *session,
			     const struct audit_line *line)
{
	struct replay_request request = {
		.command = REPLAY_UNLINK,
		.path = replay_audit_relative(session, line->arguments),
	};
	const struct audit_open *open =
		replay_audit_open(audit->sessions, session, line->arguments, false);

	if (open != NULL && open->is_directory) {
		request.command = REPLAY_RMDIR;
	}
	return replay_audit_emit(audit, session, line, &request);
}
