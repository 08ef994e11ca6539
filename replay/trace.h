/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A trace: what clients of a file server asked, who asked it, when, and what they were told. It is
 * what importers write and everything else reads; pathring-trace(5) describes the file.
 *
 * A trace is a stream. Nobody here keeps more of it than one line, so that a million requests take
 * as much memory as ten.
 */
#ifndef REPLAY_TRACE_H
#define REPLAY_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

/* "format" in the first line of a file. */
#define REPLAY_TRACE_FORMAT "pathring-trace/1"

/* Bytes of a line with its end, at most. */
#define REPLAY_TRACE_MAX_LINE (1024 * 1024)

/*
 * One line a command: REPLAY_CREATE and so on, and its name in a trace and in reports. Those after
 * DELTREE are never replayed, only accounted for.
 */
/* clang-format off */
#define REPLAY_COMMANDS(X) \
	X(CREATE, "create") \
	X(CLOSE, "close") \
	X(READ, "read") \
	X(WRITE, "write") \
	X(FLUSH, "flush") \
	X(QUERY_INFO, "query-info") \
	X(SET_INFO, "set-info") \
	X(QUERY_DIRECTORY, "query-directory") \
	X(UNLINK, "unlink") \
	X(RENAME, "rename") \
	X(MKDIR, "mkdir") \
	X(RMDIR, "rmdir") \
	X(DELTREE, "deltree") \
	X(LOCK, "lock") \
	X(IOCTL, "ioctl") \
	X(CHANGE_NOTIFY, "change-notify") \
	X(OPLOCK_BREAK, "oplock-break") \
	X(ECHO, "echo") \
	X(CANCEL, "cancel") \
	X(NEGOTIATE, "negotiate") \
	X(SESSION_SETUP, "session-setup") \
	X(LOGOFF, "logoff") \
	X(TREE_CONNECT, "tree-connect") \
	X(TREE_DISCONNECT, "tree-disconnect") \
	X(OTHER, "other")
/* clang-format on */

enum replay_command {
#define REPLAY_COMMAND_CONSTANT(constant, name) REPLAY_##constant,
	REPLAY_COMMANDS(REPLAY_COMMAND_CONSTANT) REPLAY_NUM_COMMANDS
#undef REPLAY_COMMAND_CONSTANT
};

/* What a query-info or set-info is about. */
enum replay_info {
	REPLAY_INFO_FILE,
	REPLAY_INFO_FILESYSTEM,
	REPLAY_INFO_SECURITY,
	REPLAY_INFO_QUOTA
};

/* What an open brought, as the answer says. */
enum replay_kind { REPLAY_KIND_UNKNOWN, REPLAY_KIND_FILE, REPLAY_KIND_DIRECTORY };

/* In replay_request.present: which of the members that may be absent are there. */
enum replay_field {
	REPLAY_HAS_STATUS = 1 << 0, /* an answer came */
	REPLAY_HAS_DURATION = 1 << 1,
	REPLAY_HAS_HANDLE = 1 << 2,
	REPLAY_HAS_SIZE = 1 << 3,
	REPLAY_HAS_COUNT = 1 << 4,
	REPLAY_HAS_ATTRIBUTES = 1 << 5,
	REPLAY_HAS_MODIFIED = 1 << 6,
	REPLAY_HAS_TIME = 1 << 7, /* without one it follows the one before at once */
};

/*
 * One request with its answer. Strings are NULL where there is nothing to say. Paths are relative
 * to the share, UTF-8, with '/' between components, "" is the share's root; a named stream is
 * "path:stream".
 */
struct replay_request {
	/*
	 * From 1, in the order in which requests were made. Lines need not be in that order: one
	 * that was answered late may stand behind later ones.
	 */
	uint64_t id;
	uint64_t time;	   /* nanoseconds since the trace's beginning */
	uint64_t duration; /* nanoseconds until the (last) answer */
	uint32_t session;  /* replay_session.number */
	enum replay_command command;
	uint32_t present; /* enum replay_field */

	/* The answer: an NTSTATUS. */
	uint32_t status;

	/* What it is about: a handle, or a share and a path. A create has all of them. */
	uint64_t handle; /* of a create: what it brought; unique in the trace, never used again */
	const char *share;
	const char *path;
	const char *target; /* the new path, of a rename or link */

	/* create, in the terms of [MS-SMB2] 2.2.13 */
	uint32_t access;
	uint32_t disposition;
	uint32_t options;
	enum replay_kind kind;

	/* read, write; a size also: of a create, the file's at that moment; of a set-info, the new
	 * one */
	uint64_t offset;
	uint64_t length;
	uint64_t count; /* bytes moved, or entries of a listing */
	uint64_t size;

	/* query-info, set-info, query-directory, in the terms of [MS-FSCC] and [MS-SMB2] 2.2.37 */
	enum replay_info info;
	uint32_t level;
	const char *pattern;
	bool restart;	     /* of a query-directory: from the beginning */
	bool replace;	     /* of a rename or link: what is there already */
	bool remove;	     /* of a disposition: delete on close */
	uint32_t attributes; /* DOS attributes to be set */
	uint64_t modified;   /* the time to be set, in nanoseconds since 1970 */

	/* Why it can't be replayed, where the importer knows: "pipe", "opened before the trace" */
	const char *skip;
};

/* Who asks. Told before the first request of it. */
struct replay_session {
	uint32_t number;    /* 1, 2, 3 and so on, in the order in which they are told */
	const char *user;   /* NULL: not known */
	const char *domain; /* or NULL */
	const char *client; /* the address, or another name for the computer */
};

struct replay_trace_header {
	const char *source; /* "capture", "loadfile", "full-audit", "module" */
	bool anonymised;
	/* Seconds since 1970 at time 0; 0: not known. */
	double begun;
};

/* The last line: without one the trace was cut short. */
struct replay_trace_end {
	uint64_t requests;
	uint64_t lost; /* of which the source says that they are missing: packets, lines */
};

enum replay_record_type { REPLAY_RECORD_SESSION, REPLAY_RECORD_REQUEST, REPLAY_RECORD_END };

struct replay_record {
	enum replay_record_type type;
	struct replay_session session;
	struct replay_request request;
	struct replay_trace_end end;
};

/*
 * ---- writing: 0, or a negative errno after which the writer only can be freed ----
 *
 * -EMSGSIZE: strings that would make a line longer than any may be. Nothing of it is written then,
 * and the writer can be used on.
 */

struct replay_trace_writer;

/* fd: taken over, also when this fails. */
int replay_trace_writer_create(TALLOC_CTX *mem_ctx,
			       int fd,
			       const struct replay_trace_header *header,
			       struct replay_trace_writer **writer);
int replay_trace_write_session(struct replay_trace_writer *writer,
			       const struct replay_session *session);
int replay_trace_write_request(struct replay_trace_writer *writer,
			       const struct replay_request *request);
/* What has been written so far is in the file then. */
int replay_trace_write_flush(struct replay_trace_writer *writer);
/*
 * After an error: what has been written since the last flush is gone, from the file too, and the
 * writer can be used on. So that a full disk leaves a trace that says what it lacks.
 */
int replay_trace_write_back(struct replay_trace_writer *writer);
/* Everything is in the file when this has returned 0; without it, the trace is cut short. */
int replay_trace_write_end(struct replay_trace_writer *writer, const struct replay_trace_end *end);

/* ---- reading ---- */

struct replay_trace_reader;

/*
 * NULL after a message on stderr. name: of a file, or "-" for standard input. Ctrl-C (signals.h)
 * is the end of what can be read.
 */
struct replay_trace_reader *replay_trace_open(TALLOC_CTX *mem_ctx, const char *name);
const struct replay_trace_header *replay_trace_header(const struct replay_trace_reader *reader);

/*
 * 1: a record, whose strings live until the next call. 0: the file's end; if no REPLAY_RECORD_END
 * came before, the trace was cut short, which has been said on stderr. -1, after a message on
 * stderr that names the file and line: what is not a trace.
 */
int replay_trace_next(struct replay_trace_reader *reader, struct replay_record *record);

/*
 * Of a request without "skip": the name of a field that its command can't do without and that is
 * not there, or NULL. Readers never give out such a request; the sink of the importers skips it.
 */
const char *replay_request_missing(const struct replay_request *request);

/* ---- names ---- */

const char *replay_command_name(enum replay_command command);
bool replay_command_is_replayed(enum replay_command command);

/* "NT_STATUS_OBJECT_NAME_NOT_FOUND", or "0xc0000034" written into text. */
#define REPLAY_STATUS_SIZE 11
const char *replay_status_name(uint32_t status, char text[REPLAY_STATUS_SIZE]);
bool replay_status_parse(const char *name, uint32_t *status);

#endif /* REPLAY_TRACE_H */
