/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the clients of a full_audit log apart, by full_audit:prefix and process, and what they
 * have open.
 */
#include "audit_session.h"

#include "array.h"
#include "table.h"

#include <arpa/inet.h>
#include <string.h>

struct audit_sessions {
	const char *prefix;
	struct audit_session **list;
	size_t num;
	uint32_t num_told;
	struct replay_table *by_prefix; /* to the place in the list and one */
	struct replay_table *by_client; /* to the number in the trace */
	struct replay_table *opens;	/* to struct audit_open */
};

/* What a prefix can say. */
struct client {
	char *user;
	char *domain;
	char *address;
	char *share;
	char *root;
};

struct audit_sessions *replay_audit_sessions_create(TALLOC_CTX *mem_ctx, const char *prefix)
{
	struct audit_sessions *sessions = talloc_zero(mem_ctx, struct audit_sessions);

	if (sessions == NULL) {
		return NULL;
	}
	sessions->prefix = prefix;
	sessions->by_prefix = replay_table_create(sessions);
	sessions->by_client = replay_table_create(sessions);
	sessions->opens = replay_table_create(sessions);
	if (sessions->by_prefix == NULL || sessions->by_client == NULL || sessions->opens == NULL) {
		TALLOC_FREE(sessions);
	}
	return sessions;
}

/* ---- the prefix ---- */

static char **variable(struct client *client, char macro)
{
	switch (macro) {
	case 'u':
	case 'U':
		return &client->user;
	case 'D':
		return &client->domain;
	case 'I':
	case 'm':
	case 'M':
		return &client->address;
	case 'S':
		return &client->share;
	case 'P':
		return &client->root;
	default:
		return NULL;
	}
}

/* By what smb.conf says; each variable ends where the character behind it in there is. */
static bool read_by_template(const char *template, char *prefix, struct client *client)
{
	while (*template != '\0') {
		char **value = NULL;
		char *end = NULL;

		if (template[0] != '%' || template[1] == '\0') {
			if (*prefix != *template) {
				return false;
			}
			prefix++;
			template ++;
			continue;
		}
		end = template[2] != '\0' ? strchr(prefix, template[2]) : prefix + strlen(prefix);
		if (end == NULL) {
			return false;
		}
		value = variable(client, template[1]);
		if (value != NULL) {
			*value = prefix;
		}
		template += 2;
		/* The character behind it is looked at before it becomes the value's end. */
		if (*template == '\0') {
			return true;
		}
		*end = '\0';
		prefix = end + 1;
		template ++;
	}
	return *prefix == '\0';
}

static bool is_address(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* The default is "%u|%I"; mostly people add "%S". */
static void guess(char *prefix, struct client *client)
{
	char *field = NULL;

	client->user = strsep(&prefix, "|");
	while ((field = strsep(&prefix, "|")) != NULL) {
		if (client->address == NULL && is_address(field)) {
			client->address = field;
		} else if (client->share == NULL) {
			client->share = field;
		}
	}
}

/* ---- sessions ---- */

/* Of a user at a client in a process. False without memory. */
static bool number_session(struct audit_sessions *sessions,
			   struct audit_session *session,
			   const struct client *client,
			   uint32_t pid,
			   struct replay_session *told)
{
	uint64_t key = replay_table_key(sessions->by_client, pid, client->user);
	uint64_t *number = NULL;

	key = replay_table_key(
		sessions->by_client, key, client->domain != NULL ? client->domain : "");
	key = replay_table_key(
		sessions->by_client, key, client->address != NULL ? client->address : "");
	number = replay_table_add(sessions->by_client, key);
	if (number == NULL) {
		return false;
	}
	if (*number == 0) {
		sessions->num_told++;
		*number = sessions->num_told;
		told->number = sessions->num_told;
		told->user = talloc_strdup(session, client->user);
		told->domain = talloc_strdup(session, client->domain);
		told->client = talloc_strdup(session, client->address);
	}
	session->number = (uint32_t)*number;
	return true;
}

static struct audit_session *add_session(struct audit_sessions *sessions,
					 const struct audit_line *line,
					 struct replay_session *told)
{
	struct audit_session *session = talloc_zero(sessions, struct audit_session);
	struct client client = { .user = NULL };
	char *prefix = talloc_strdup(session, line->prefix);
	struct audit_session **longer = NULL;

	if (session == NULL || prefix == NULL) {
		return NULL;
	}
	if (sessions->prefix == NULL) {
		guess(prefix, &client);
	} else if (!read_by_template(sessions->prefix, prefix, &client) || client.user == NULL) {
		/* Not what was said: it tells clients apart all the same. */
		client = (struct client) { .user = line->prefix };
	}
	session->share = client.share;
	session->root = client.root;
	if (!number_session(sessions, session, &client, line->pid, told)) {
		return NULL;
	}
	longer =
		replay_array_room(sessions, sessions->list, sessions->num, sizeof(*sessions->list));
	if (longer == NULL) {
		return NULL;
	}
	sessions->list = longer;
	sessions->list[sessions->num] = session;
	sessions->num++;
	return session;
}

struct audit_session *replay_audit_session(struct audit_sessions *sessions,
					   const struct audit_line *line,
					   struct replay_session *told)
{
	uint64_t key = replay_table_key(sessions->by_prefix, line->pid, line->prefix);
	uint64_t *place = replay_table_find(sessions->by_prefix, key);
	struct audit_session *session = NULL;

	told->number = 0;
	if (place != NULL) {
		return sessions->list[*place - 1];
	}
	session = add_session(sessions, line, told);
	place = session != NULL ? replay_table_add(sessions->by_prefix, key) : NULL;
	if (place == NULL) {
		return NULL;
	}
	*place = sessions->num;
	session->key = key;
	return session;
}

struct audit_session *replay_audit_session_at(struct audit_sessions *sessions, size_t index)
{
	return index < sessions->num ? sessions->list[index] : NULL;
}

/* ---- paths ---- */

const char *replay_audit_relative(const struct audit_session *session, const char *path)
{
	size_t length = session->root != NULL ? strlen(session->root) : 0;

	if (length > 0 && strncmp(path, session->root, length) == 0 &&
	    (path[length] == '/' || path[length] == '\0')) {
		path += length;
	}
	path += strspn(path, "/");
	/* How smbd names what it has open at the share's root. */
	return strcmp(path, ".") == 0 ? "" : path;
}

static uint64_t open_key(const struct audit_sessions *sessions,
			 const struct audit_session *session,
			 const char *path)
{
	return replay_table_key(sessions->opens, session->key, path);
}

struct audit_open *replay_audit_open(struct audit_sessions *sessions,
				     const struct audit_session *session,
				     const char *path,
				     bool add)
{
	uint64_t key = open_key(sessions, session, path);
	uint64_t *place = replay_table_find(sessions->opens, key);
	struct audit_open *open = NULL;

	if (place != NULL) {
		return (struct audit_open *)(uintptr_t)*place;
	}
	if (!add) {
		return NULL;
	}
	open = talloc_zero(sessions, struct audit_open);
	if (open == NULL) {
		return NULL;
	}
	open->path = talloc_strdup(open, path);
	place = replay_table_add(sessions->opens, key);
	if (open->path == NULL || place == NULL) {
		return NULL;
	}
	*place = (uint64_t)(uintptr_t)open;
	return open;
}

void replay_audit_forget(struct audit_sessions *sessions,
			 const struct audit_session *session,
			 struct audit_open *open)
{
	replay_table_remove(sessions->opens, open_key(sessions, session, open->path));
	talloc_free(open);
}
