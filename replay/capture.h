/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known while a capture is imported, shared by the capture_*.c: connections, sessions, open
 * files, and requests that wait for their answers or for their turn in the trace.
 */
#ifndef REPLAY_CAPTURE_H
#define REPLAY_CAPTURE_H

#include "capture_cache.h"
#include "capture_ek.h"
#include "import.h"

/* [MS-SMB2] 2.2.1.2, Flags */
#define SMB2_FLAG_RESPONSE 0x00000001u
#define SMB2_FLAG_ASYNC 0x00000002u
#define SMB2_FLAG_RELATED 0x00000004u
#define SMB2_FLAG_DFS 0x10000000u

/* [MS-SMB2] 2.2.1.2, Command */
enum smb2_command {
	SMB2_NEGOTIATE,
	SMB2_SESSION_SETUP,
	SMB2_LOGOFF,
	SMB2_TREE_CONNECT,
	SMB2_TREE_DISCONNECT,
	SMB2_CREATE,
	SMB2_CLOSE,
	SMB2_FLUSH,
	SMB2_READ,
	SMB2_WRITE,
	SMB2_LOCK,
	SMB2_IOCTL,
	SMB2_CANCEL,
	SMB2_ECHO,
	SMB2_QUERY_DIRECTORY,
	SMB2_CHANGE_NOTIFY,
	SMB2_QUERY_INFO,
	SMB2_SET_INFO,
	SMB2_OPLOCK_BREAK,
	SMB2_NUM_COMMANDS
};

#define STATUS_SUCCESS 0x00000000u
#define STATUS_PENDING 0x00000103u
#define STATUS_BUFFER_OVERFLOW 0x80000005u
#define STATUS_MORE_PROCESSING_REQUIRED 0xc0000016u

/*
 * An open file, or one that is just being opened. Held by its CREATE, by the table of open files,
 * and by the connection while a compound refers to it.
 */
struct capture_handle {
	unsigned int holders;
	uint64_t number;  /* in the trace */
	char *fid;	  /* as soon as it is open */
	bool referred_to; /* by a later request of the compound that opens it */
	const char *skip; /* why nothing that is done with it can be replayed, or NULL */
};

struct capture_session {
	unsigned int holders;
	uint64_t serial; /* among all, never used again */
	uint32_t number; /* in the trace; 0: not told yet */
	bool settled;	 /* nothing more will be learned about who it is */
	char *user;
	char *domain;
	char *client;
};

struct capture_connection {
	unsigned int holders;
	char *client;
	char *server;		       /* its GUID, or its address where no NEGOTIATE tells one */
	struct capture_session *first; /* for requests that belong to no session */

	/* Of the compound that is being read: what its related requests refer to. */
	struct capture_session *chain_session;
	struct capture_handle *chain_handle;
	char *chain_share;
	const char *chain_skip;
};

/*
 * A request that was made: it waits for its answer ("waiting"), for its turn in the trace
 * ("queued"), or both.
 */
struct capture_pending {
	bool waiting;
	bool queued;
	struct capture_pending *next;

	struct replay_request request; /* strings are children of this structure */
	uint64_t made;		       /* in the time of the capture */
	enum smb2_command command;
	uint64_t session_id;
	struct capture_connection *connection;
	struct capture_session *session; /* NULL: the connection's */
	struct capture_handle *handle;	 /* of a create; of a close: what it closes */
	const char *user;		 /* of a session setup */
	const char *domain;
};

struct capture {
	const struct replay_import *import;

	struct capture_cache *connections; /* by the stream's number */
	struct capture_cache *sessions;	   /* by server and id */
	struct capture_cache *handles;	   /* by session and file id */
	struct capture_cache *waiting;	   /* by stream and message id */

	/* In the order in which they were made. */
	struct capture_pending *oldest;
	struct capture_pending *newest;
	size_t num_queued;

	bool begun;
	uint64_t begun_at;
	uint64_t last_time;
	uint64_t last_id;
	uint64_t last_handle;
	uint64_t last_serial;
	uint32_t last_number;

	/* For what is said in the end. */
	uint64_t num_replayable;
	uint64_t num_lost;
	uint64_t num_unreadable;
	uint64_t num_repeated;	     /* requests that came again */
	uint64_t num_unanswered;     /* requests that should have been answered */
	uint64_t num_unasked;	     /* answers without a request */
	uint64_t num_not_understood; /* lines of tshark */
	uint64_t num_smb1;
	uint32_t undissected_port;
};

/* ---- capture.c ---- */

/* NULL: no memory. To be freed with talloc_free(). */
struct capture *capture_begin(const struct replay_import *import);
/* 0, or -1 after a message on stderr. */
int capture_take_line(struct capture *capture, const char *line, size_t length);

/* ---- capture_sessions.c ---- */

/* Of a frame that has a request in it (or an answer, is_answer). NULL: no memory. */
struct capture_connection *
capture_connection_of(struct capture *capture, const struct capture_frame *frame, bool is_answer);
/* Made where there is none: a capture may begin in the middle of a session. */
struct capture_session *capture_session_of(struct capture *capture,
					   struct capture_connection *connection,
					   uint64_t session_id);
/* The same; what was there before under this id is another session. */
struct capture_session *capture_session_begin(struct capture *capture,
					      struct capture_connection *connection,
					      uint64_t session_id);
void capture_session_end(struct capture *capture,
			 struct capture_connection *connection,
			 uint64_t session_id);
/* For a connection's first, where it is not known who that will be. */
bool capture_session_assume(struct capture *capture, struct capture_connection *connection);
/* False: no memory. */
bool capture_session_identify(struct capture_session *session,
			      const char *user,
			      const char *domain);

struct capture_handle *capture_handle_new(struct capture *capture, const char *skip);
struct capture_handle *
capture_handle_of(struct capture *capture, const struct capture_session *session, const char *fid);
bool capture_handle_opened(struct capture *capture,
			   const struct capture_session *session,
			   const char *fid,
			   struct capture_handle *handle);
void capture_handle_closed(struct capture *capture,
			   const struct capture_session *session,
			   const struct capture_handle *handle);

/* What "holders" counts: hold returns what it is given; NULL is held and let go by nobody. */
struct capture_handle *capture_handle_hold(struct capture_handle *handle);
struct capture_session *capture_session_hold(struct capture_session *session);
struct capture_connection *capture_connection_hold(struct capture_connection *connection);
void capture_handle_let_go(void *handle);
void capture_session_let_go(void *session);
void capture_connection_let_go(void *connection);

/* ---- capture_request.c, capture_answer.c ---- */

/* By which an answer finds its request. */
struct capture_message_key {
	uint64_t stream;
	uint64_t id;
};

struct capture_message_key capture_message_key(const struct capture_frame *frame,
					       const json_t *message);

/* Both are the handler of capture_ek.h for one message: 0, or -1 after a message on stderr. */
int capture_take_request(struct capture *capture,
			 const struct capture_frame *frame,
			 const json_t *message);
int capture_take_answer(struct capture *capture,
			const struct capture_frame *frame,
			const json_t *message);

/* ---- capture_info.c ---- */

void capture_take_info(struct replay_request *request, const json_t *message);
/* The same, with what is set. False: no memory. */
bool capture_take_set_info(struct capture_pending *pending, const json_t *message, bool is_dfs);

/* ---- capture_path.c ---- */

/* As a trace has it. NULL: no memory. is_dfs: server and share come first, and are left out. */
char *capture_path(TALLOC_CTX *mem_ctx, const char *name, bool is_dfs);
/* Of \\SERVER\SHARE. */
char *capture_share(TALLOC_CTX *mem_ctx, const char *tree);

/* ---- capture_order.c ---- */

/* pending is the newest one from now on. */
void capture_order_add(struct capture *capture, struct capture_pending *pending);
/* Writes what has its turn: all of it, if that is the end. -1 after a message on stderr. */
int capture_order_write(struct capture *capture, bool is_end);
/* For `waiting`. */
void capture_order_let_go(void *pending);

#endif /* REPLAY_CAPTURE_H */
