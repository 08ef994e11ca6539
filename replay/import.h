/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between importers and the trace they write: where an importer puts what it finds. Anonymising,
 * counting and progress happen here, alike for all of them.
 */
#ifndef REPLAY_IMPORT_H
#define REPLAY_IMPORT_H

#include "trace.h"

struct replay_sink;

struct replay_import {
	const char *input; /* name of a file */
	struct replay_sink *sink;

	/* captures only */
	const char **ports;	   /* further ones than 445 and 139, ended by NULL; or NULL */
	const char *password;	   /* of NTLM, to decrypt */
	const char **session_keys; /* "SESSION-ID,KEY" in hexadecimal, ended by NULL; or NULL */
	const char *keytab;	   /* a file */

	/* full_audit only */
	const char *audit_prefix; /* full_audit:prefix of smb.conf, or NULL */
};

/*
 * Importers: 0, or -1 after a message on stderr that says what is wrong and what to do. One that
 * found no request at all has failed.
 */
int replay_import_capture(const struct replay_import *import);
int replay_import_loadfile(const struct replay_import *import);
int replay_import_full_audit(const struct replay_import *import);
int replay_import_trace(const struct replay_import *import);

/*
 * What an importer has found. Sessions before their requests. -1 after a message on stderr: the
 * importer ends then.
 */
int replay_sink_header(struct replay_sink *sink, const struct replay_trace_header *header);
int replay_sink_session(struct replay_sink *sink, const struct replay_session *session);
int replay_sink_request(struct replay_sink *sink, const struct replay_request *request);

/* What the source itself says is missing; part of the trace's last line. */
void replay_sink_lost(struct replay_sink *sink, uint64_t count);

/* The source ends before what it tells of does: the trace will be marked so. */
void replay_sink_cut_short(struct replay_sink *sink);

/* How much of the input has been read, of how much in all (0: not known), in bytes; for the
 * progress. */
void replay_sink_progress(struct replay_sink *sink, uint64_t done, uint64_t all);

/* Ctrl-C: the importer ends as if the input did. */
bool replay_sink_is_interrupted(const struct replay_sink *sink);

#endif /* REPLAY_IMPORT_H */
