/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections, sessions and open files. A session is known by its server and its id, never by its
 * connection: it may have several of these, and a connection may have several sessions.
 */
#include "capture.h"

#include <inttypes.h>
#include <string.h>

/* Of all three, and of names. */
#define MAX_SERVER 40

struct capture_connection *
capture_connection_of(struct capture *capture, const struct capture_frame *frame, bool is_answer)
{
	struct capture_connection *connection =
		capture_cache_find(capture->connections, &frame->stream, sizeof(frame->stream));

	if (connection != NULL) {
		return connection;
	}
	connection = talloc_zero(capture, struct capture_connection);
	if (connection == NULL) {
		return NULL;
	}
	connection->client =
		talloc_strdup(connection, is_answer ? frame->destination : frame->source);
	connection->server =
		talloc_strdup(connection, is_answer ? frame->source : frame->destination);
	if (connection->client == NULL || connection->server == NULL ||
	    !capture_cache_put(
		    capture->connections, &frame->stream, sizeof(frame->stream), connection)) {
		talloc_free(connection);
		return NULL;
	}
	connection->holders = 1;
	return connection;
}

/* ---- sessions ---- */

struct session_key {
	uint64_t id;
	char server[MAX_SERVER];
};

_Static_assert(sizeof(struct session_key) <= CAPTURE_KEY_SIZE, "a key must fit");

static struct session_key session_key(const struct capture_connection *connection,
				      uint64_t session_id)
{
	struct session_key key = { .id = session_id };

	/* A GUID has 36 characters, an IPv6 address at most 39. */
	memcpy(key.server, connection->server, strnlen(connection->server, sizeof(key.server)));
	return key;
}

static struct capture_session *new_session(struct capture *capture,
					   const struct capture_connection *connection)
{
	struct capture_session *session = talloc_zero(capture, struct capture_session);

	if (session == NULL) {
		return NULL;
	}
	session->client = talloc_strdup(session, connection->client);
	if (session->client == NULL) {
		talloc_free(session);
		return NULL;
	}
	session->serial = ++capture->last_serial;
	session->holders = 1;
	return session;
}

struct capture_session *capture_session_begin(struct capture *capture,
					      struct capture_connection *connection,
					      uint64_t session_id)
{
	struct session_key key = session_key(connection, session_id);
	struct capture_session *session = new_session(capture, connection);

	if (session == NULL) {
		return NULL;
	}
	if (!capture_cache_put(capture->sessions, &key, sizeof(key), session)) {
		talloc_free(session);
		return NULL;
	}
	if (connection->first == NULL) {
		connection->first = capture_session_hold(session);
	}
	return session;
}

struct capture_session *capture_session_of(struct capture *capture,
					   struct capture_connection *connection,
					   uint64_t session_id)
{
	struct session_key key = session_key(connection, session_id);
	struct capture_session *session = capture_cache_find(capture->sessions, &key, sizeof(key));

	if (session == NULL) {
		return capture_session_begin(capture, connection, session_id);
	}
	if (connection->first == NULL) {
		connection->first = capture_session_hold(session);
	}
	return session;
}

void capture_session_end(struct capture *capture,
			 struct capture_connection *connection,
			 uint64_t session_id)
{
	struct session_key key = session_key(connection, session_id);

	capture_cache_remove(capture->sessions, &key, sizeof(key));
}

bool capture_session_assume(struct capture *capture, struct capture_connection *connection)
{
	if (connection->first == NULL) {
		connection->first = new_session(capture, connection);
	}
	return connection->first != NULL;
}

/*
 * tshark writes NULL for an empty name, as that of an anonymous user is. Nobody can be told apart
 * from anonymous who is really called so.
 */
static bool take_name(TALLOC_CTX *mem_ctx, const char *name, char **taken)
{
	if (name == NULL || name[0] == '\0' || strcmp(name, "NULL") == 0) {
		return true;
	}
	*taken = talloc_strdup(mem_ctx, name);
	return *taken != NULL;
}

bool capture_session_identify(struct capture_session *session, const char *user, const char *domain)
{
	/* Once the trace has said who it is, that stays. */
	if (session->number != 0 || session->user != NULL) {
		return true;
	}
	return take_name(session, user, &session->user) &&
	       (session->user == NULL || take_name(session, domain, &session->domain));
}

/* ---- open files ---- */

struct handle_key {
	uint64_t session;
	char fid[40]; /* a GUID as text has 36 characters */
};

_Static_assert(sizeof(struct handle_key) <= CAPTURE_KEY_SIZE, "a key must fit");

static struct handle_key handle_key(const struct capture_session *session, const char *fid)
{
	struct handle_key key = { .session = session->serial };

	memcpy(key.fid, fid, strnlen(fid, sizeof(key.fid)));
	return key;
}

struct capture_handle *capture_handle_new(struct capture *capture, const char *skip)
{
	struct capture_handle *handle = talloc_zero(capture, struct capture_handle);

	if (handle != NULL) {
		handle->number = ++capture->last_handle;
		handle->skip = skip;
		handle->holders = 1;
	}
	return handle;
}

struct capture_handle *
capture_handle_of(struct capture *capture, const struct capture_session *session, const char *fid)
{
	struct handle_key key = handle_key(session, fid);

	return capture_cache_find(capture->handles, &key, sizeof(key));
}

bool capture_handle_opened(struct capture *capture,
			   const struct capture_session *session,
			   const char *fid,
			   struct capture_handle *handle)
{
	struct handle_key key = handle_key(session, fid);

	handle->fid = talloc_strdup(handle, fid);
	if (handle->fid == NULL ||
	    !capture_cache_put(capture->handles, &key, sizeof(key), handle)) {
		return false;
	}
	capture_handle_hold(handle);
	return true;
}

void capture_handle_closed(struct capture *capture,
			   const struct capture_session *session,
			   const struct capture_handle *handle)
{
	struct handle_key key = { .session = 0 };

	/* The server may have given the id to another file since. */
	if (handle->fid != NULL && capture_handle_of(capture, session, handle->fid) == handle) {
		key = handle_key(session, handle->fid);
		capture_cache_remove(capture->handles, &key, sizeof(key));
	}
}

/* ---- who holds them ---- */

struct capture_handle *capture_handle_hold(struct capture_handle *handle)
{
	if (handle != NULL) {
		handle->holders++;
	}
	return handle;
}

void capture_handle_let_go(void *value)
{
	struct capture_handle *handle = value;

	if (handle != NULL && --handle->holders == 0) {
		talloc_free(handle);
	}
}

struct capture_session *capture_session_hold(struct capture_session *session)
{
	if (session != NULL) {
		session->holders++;
	}
	return session;
}

void capture_session_let_go(void *value)
{
	struct capture_session *session = value;

	if (session != NULL && --session->holders == 0) {
		talloc_free(session);
	}
}

struct capture_connection *capture_connection_hold(struct capture_connection *connection)
{
	connection->holders++;
	return connection;
}

void capture_connection_let_go(void *value)
{
	struct capture_connection *connection = value;

	if (--connection->holders == 0) {
		capture_session_let_go(connection->first);
		capture_session_let_go(connection->chain_session);
		capture_handle_let_go(connection->chain_handle);
		talloc_free(connection);
	}
}
