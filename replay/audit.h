/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the parts of the importer of full_audit logs: what becomes of each VFS function that is
 * logged. All return -1 after a message on stderr, after which the import has failed.
 */
#ifndef REPLAY_AUDIT_H
#define REPLAY_AUDIT_H

#include "audit_line.h"
#include "audit_session.h"
#include "import.h"
#include "lines.h"

struct audit {
	const struct replay_import *import;
	struct replay_lines *lines;
	struct audit_header header;
	struct audit_sessions *sessions;
	bool has_header; /* the trace has */
	int64_t begun;
	uint64_t num_requests;
	uint64_t num_creates;
	uint64_t num_handles;
};

/* A request that the line tells of; the rest of it, like its status, is taken from there. */
int replay_audit_emit(struct audit *audit,
		      const struct audit_session *session,
		      const struct audit_line *line,
		      struct replay_request *request);

/* The same of a path that a client has open. */
int replay_audit_emit_open(struct audit *audit,
			   const struct audit_session *session,
			   const struct audit_line *line,
			   const struct audit_open *open,
			   struct replay_request *request);

/* Of a mkdirat that no create_file has told of again. */
int replay_audit_emit_made(struct audit *audit, struct audit_session *session);

#define REPLAY_AUDIT_ON(function)       \
	int replay_audit_on_##function( \
		struct audit *audit, struct audit_session *session, const struct audit_line *line)

/* audit_opens.c */

/*
 * The reason of a create_file that failed is errno's, which smbd has not set where it refuses
 * access itself: by the ACL, which it reads, and then closes the file
 * (smbd_check_access_rights_fsp()). Changes the status of such a line.
 */
int replay_audit_notice_refusal(struct audit_session *session, struct audit_line *line);
REPLAY_AUDIT_ON(mkdirat);
REPLAY_AUDIT_ON(create_file);
REPLAY_AUDIT_ON(openat);
int replay_audit_on_close(struct audit *audit,
			  struct audit_session *session,
			  const struct audit_line *line,
			  const char *path);
REPLAY_AUDIT_ON(fdopendir);
REPLAY_AUDIT_ON(closedir);

/* audit_data.c */
REPLAY_AUDIT_ON(strict_lock_check);
REPLAY_AUDIT_ON(sent);
int replay_audit_on_data(struct audit *audit,
			 struct audit_session *session,
			 const struct audit_line *line,
			 enum replay_command command);
REPLAY_AUDIT_ON(flush);
REPLAY_AUDIT_ON(lock);

/* audit_changes.c */
REPLAY_AUDIT_ON(fstat);
REPLAY_AUDIT_ON(disk_free);
int replay_audit_on_set_unknown(struct audit *audit,
				struct audit_session *session,
				const struct audit_line *line,
				uint32_t level,
				const char *skip);
REPLAY_AUDIT_ON(fntimes);
REPLAY_AUDIT_ON(fset_nt_acl);
REPLAY_AUDIT_ON(renameat);
REPLAY_AUDIT_ON(linkat);
REPLAY_AUDIT_ON(unlinkat);

#endif /* REPLAY_AUDIT_H */
