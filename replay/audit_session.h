/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of the clients of a full_audit log: who they are, and what they have open. Such a
 * log has no handles; they are found by paths.
 */
#ifndef REPLAY_AUDIT_SESSION_H
#define REPLAY_AUDIT_SESSION_H

#include "audit_line.h"
#include "trace.h"

#include <stddef.h>
#include <talloc.h>

struct audit_range {
	uint64_t offset;
	uint64_t length;
};

/* A path that is open in smbd, for a client or for smbd itself. */
struct audit_open {
	char *path; /* as in the log */
	bool is_directory;
	bool may_list; /* the last handle */
	/*
	 * How often, as openat, close and closedir say. smbd opens a path for itself, too, and
	 * closes it again: only when clients have more handles than that, one of theirs was closed.
	 */
	int64_t balance;
	uint64_t *handles;
	size_t num_handles;

	/* What the last strict_lock_check says of the read or write that comes next. */
	bool has_range;
	struct audit_range range;
	/* Of those between pread_send and pread_recv, or pwrite_send and pwrite_recv. */
	struct audit_range *sent;
	size_t num_sent;
};

/* A directory that is being read. */
struct audit_listing {
	char *path;
	bool by_client;
};

/* A share that someone uses: a prefix, of one process. */
struct audit_session {
	uint32_t number; /* of the session in the trace, which may have several shares */
	uint64_t key;
	const char *share;
	char *root; /* the share's directory; NULL: not known */
	bool connecting;
	bool opens_are_logged; /* a balance can be told */

	/* What the lines before have to say of the next. */
	bool looking_up; /* the next fdopendir is smbd's own, to find a name */
	bool opening;	 /* the next fstat belongs to an openat */
	bool below;	 /* and says what that has opened */
	char *checked;	 /* whose ACL was just read */
	bool refused;	 /* and which was closed then */
	char *made;	 /* a directory, of which a create_file may tell again */
	uint32_t made_status;
	bool made_timed;
	int64_t made_time;

	/* Between fdopendir and closedir, which does not say of which. */
	struct audit_listing *listings;
	size_t num_listings;
};

struct audit_sessions;

/* prefix: full_audit:prefix of smb.conf, or NULL to guess. NULL without memory. */
struct audit_sessions *replay_audit_sessions_create(TALLOC_CTX *mem_ctx, const char *prefix);

/*
 * Of a line. told: set to what has to be told of first, or its number to 0. NULL without memory.
 */
struct audit_session *replay_audit_session(struct audit_sessions *sessions,
					   const struct audit_line *line,
					   struct replay_session *told);

/* One after the other, for what is left of them at the end; NULL after the last. */
struct audit_session *replay_audit_session_at(struct audit_sessions *sessions, size_t index);

/* Relative to the share where that is known. Part of the path. */
const char *replay_audit_relative(const struct audit_session *session, const char *path);

/* NULL: it is not open; or no memory, if it is to be added. */
struct audit_open *replay_audit_open(struct audit_sessions *sessions,
				     const struct audit_session *session,
				     const char *path,
				     bool add);
/* It is open no more. */
void replay_audit_forget(struct audit_sessions *sessions,
			 const struct audit_session *session,
			 struct audit_open *open);

#endif /* REPLAY_AUDIT_SESSION_H */
