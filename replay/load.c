/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a trace into memory: strings once each, everything else as numbers. What a request means is
 * the business of others; here is only decided which of them are replayed at all.
 */
#include "plan.h"

#include "intern.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* No server takes more at once; a buffer of so much is made. */
#define MAX_TRANSFER (16 * 1024 * 1024)

struct replay_load {
	struct replay_plan *plan;
	struct replay_paths *paths;
	struct replay_intern *texts;
	struct replay_intern *sessions;
	struct replay_intern *users;
	struct replay_intern *handles;
	uint32_t *user_of_session;
	const char **share_of_file; /* by the number of its handle */
	bool sorted;
};

static bool out_of_memory(void)
{
	fprintf(stderr, "pathring-replay: out of memory\n");
	return false;
}

static const char *never_set(const struct replay_request *request)
{
	/* Levels of SMB1 that mean one of [MS-FSCC], [MS-CIFS] 2.2.2.3.5. */
	uint32_t level = request->level >= 1000 ? request->level - 1000 : request->level;

	if (request->info == REPLAY_INFO_SECURITY) {
		return "sets a security descriptor";
	}
	if (request->info != REPLAY_INFO_FILE) {
		return "sets what is the server's own";
	}
	switch (level) {
	case REPLAY_LEVEL_BASIC:
	case REPLAY_LEVEL_RENAME:
	case REPLAY_LEVEL_RENAME_EX:
	case REPLAY_LEVEL_LINK:
	case REPLAY_LEVEL_LINK_EX:
	case REPLAY_LEVEL_DISPOSITION:
	case REPLAY_LEVEL_DISPOSITION_EX:
	case REPLAY_LEVEL_ALLOCATION:
	case REPLAY_LEVEL_END_OF_FILE:
		return NULL;
	default:
		return "sets what no operation of the engine does";
	}
}

/* Why requests of a kind are never replayed; NULL: they are. */
static const char *never_replayed(const struct replay_request *request)
{
	switch (request->command) {
	case REPLAY_SET_INFO:
		return never_set(request);
	case REPLAY_LOCK:
		return "locks are the server's own";
	case REPLAY_IOCTL:
		return "ioctls are not of files";
	case REPLAY_CHANGE_NOTIFY:
		return "waits for others";
	case REPLAY_OPLOCK_BREAK:
		return "oplocks are the server's own";
	case REPLAY_CANCEL:
	case REPLAY_ECHO:
	case REPLAY_NEGOTIATE:
	case REPLAY_SESSION_SETUP:
	case REPLAY_LOGOFF:
	case REPLAY_TREE_CONNECT:
	case REPLAY_TREE_DISCONNECT:
		return "of the connection, not of files";
	case REPLAY_OTHER:
		return "not known";
	default:
		return NULL;
	}
}

static const char *keep(struct replay_load *load, const char *text)
{
	uint32_t number = replay_intern_text(load->texts, text);

	return number != REPLAY_INTERN_FULL ? replay_intern_name(load->texts, number) : NULL;
}

/* ---- users ---- */

static bool
add_user(struct replay_load *load, const struct replay_session *session, uint32_t *number)
{
	struct replay_plan *plan = load->plan;
	struct replay_user *users = NULL;
	const char *domain = session->domain != NULL ? session->domain : "";
	bool known = session->user != NULL && session->user[0] != '\0';
	char *key = NULL;
	char *at = NULL;

	/* A line feed is in no name, so that no user of one kind is one of the other. */
	if (known) {
		key = talloc_asprintf(NULL, "%s\n%s", domain, session->user);
	} else {
		key = talloc_asprintf(NULL, "session %" PRIu32, session->number);
	}
	if (key == NULL) {
		return false;
	}
	for (at = key; *at != '\0'; at++) {
		if (*at >= 'A' && *at <= 'Z') {
			*at = (char)(*at + 'a' - 'A');
		}
	}
	*number = replay_intern_text(load->users, key);
	talloc_free(key);
	if (*number == REPLAY_INTERN_FULL) {
		return false;
	}
	if (*number < plan->num_users) {
		return true;
	}

	if (plan->num_users == talloc_array_length(plan->users)) {
		users = talloc_realloc(
			plan, plan->users, struct replay_user, plan->num_users * 2 + 16);
		if (users == NULL) {
			return false;
		}
		plan->users = users;
	}
	plan->users[*number] = (struct replay_user) {
		.name = known ? keep(load, session->user)
			      : talloc_asprintf(plan, "session %" PRIu32, session->number),
		.domain = keep(load, domain),
		.known = known,
	};
	plan->num_users++;
	return plan->users[*number].name != NULL && plan->users[*number].domain != NULL;
}

static bool
add_session(struct replay_load *load, const struct replay_session *session, uint32_t *number)
{
	uint32_t *users = NULL;
	uint32_t user = 0;
	size_t room = talloc_array_length(load->user_of_session);

	*number = replay_intern_number(load->sessions, session->number);
	if (*number == REPLAY_INTERN_FULL || !add_user(load, session, &user)) {
		return out_of_memory();
	}
	if (*number >= room) {
		users = talloc_realloc(load, load->user_of_session, uint32_t, room * 2 + 16);
		if (users == NULL) {
			return out_of_memory();
		}
		load->user_of_session = users;
		for (; room < talloc_array_length(users); room++) {
			users[room] = REPLAY_NONE;
		}
	}
	load->user_of_session[*number] = user;
	return true;
}

/* ---- requests ---- */

static bool is_stream(const char *path, size_t *length)
{
	const char *colon = strchr(path, ':');

	*length = strlen(path);
	if (colon == NULL) {
		return false;
	}
	/* The one that a file has without a name. */
	if (strcasecmp(colon, "::$DATA") == 0) {
		*length = (size_t)(colon - path);
		return false;
	}
	return true;
}

/* A target is relative to the share of its handle, which a request of a handle need not repeat. */
static bool
find_share(struct replay_load *load, const struct replay_request *request, const char **share)
{
	size_t room = talloc_array_length(load->share_of_file);
	uint32_t file = 0;

	*share = request->share;
	if ((request->present & REPLAY_HAS_HANDLE) == 0 ||
	    (request->command != REPLAY_CREATE && request->share != NULL)) {
		return true;
	}
	file = replay_intern_number(load->handles, request->handle);
	if (file == REPLAY_INTERN_FULL) {
		return out_of_memory();
	}
	if (request->command != REPLAY_CREATE) {
		*share = file < room ? load->share_of_file[file] : NULL;
		return true;
	}
	if (file >= room) {
		const char **shares = talloc_realloc(
			load, load->share_of_file, const char *, file *(size_t)2 + 16);

		if (shares == NULL) {
			return out_of_memory();
		}
		for (; room < talloc_array_length(shares); room++) {
			shares[room] = NULL;
		}
		load->share_of_file = shares;
	}
	if (request->share != NULL) {
		load->share_of_file[file] = keep(load, request->share);
		return load->share_of_file[file] != NULL || out_of_memory();
	}
	return true;
}

static bool find_path(struct replay_load *load,
		      const char *share,
		      const char *text,
		      struct replay_item *item,
		      uint32_t *number)
{
	struct replay_path *path = NULL;
	const char *why = NULL;
	char *stripped = NULL;
	size_t length = 0;

	if (is_stream(text, &length)) {
		item->skip = "a named stream";
		return true;
	}
	if (text[length] != '\0') {
		stripped = talloc_strndup(NULL, text, length);
		if (stripped == NULL) {
			return out_of_memory();
		}
	}
	path = replay_paths_find(load->paths, share, stripped != NULL ? stripped : text, &why);
	talloc_free(stripped);
	if (path == NULL) {
		item->skip = why;
		item->bad = true;
		return true;
	}
	*number = path->number;
	return true;
}

static uint32_t clamp(uint64_t number)
{
	return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static void fill_size(struct replay_item *item, const struct replay_request *request)
{
	item->offset = request->offset;
	if (request->command == REPLAY_CREATE || request->command == REPLAY_SET_INFO) {
		item->offset = request->size;
	}
}

static bool
fill_item(struct replay_load *load, const struct replay_request *request, struct replay_item *item)
{
	struct replay_session unknown = { .number = request->session };
	const char *share = NULL;

	*item = (struct replay_item) {
		.id = request->id,
		.time = request->time,
		.duration = request->duration,
		.handle = request->handle,
		.modified = request->modified,
		.length = clamp(request->length),
		.count = clamp(request->count),
		.status = request->status,
		.access = request->access,
		.options = request->options,
		.attributes = request->attributes,
		.path = REPLAY_NONE,
		.target = REPLAY_NONE,
		.file = REPLAY_NONE,
		.object = REPLAY_NONE,
		.flags = (uint16_t)((request->restart ? REPLAY_RESTART : 0) |
				    (request->replace ? REPLAY_REPLACE : 0) |
				    (request->remove ? REPLAY_REMOVE : 0)),
		.level = (uint16_t)request->level,
		.present = (uint8_t)request->present,
		.command = (uint8_t)request->command,
		.disposition = (uint8_t)request->disposition,
		.kind = (uint8_t)request->kind,
		.info = (uint8_t)request->info,
	};
	fill_size(item, request);

	item->session = replay_intern_number(load->sessions, request->session);
	if (item->session == REPLAY_INTERN_FULL) {
		return out_of_memory();
	}
	if (item->session >= talloc_array_length(load->user_of_session) ||
	    load->user_of_session[item->session] == REPLAY_NONE) {
		if (!add_session(load, &unknown, &item->session)) {
			return false;
		}
	}
	item->user = load->user_of_session[item->session];

	if (request->skip != NULL) {
		item->skip = keep(load, request->skip);
		return item->skip != NULL || out_of_memory();
	}
	item->skip = never_replayed(request);
	if (item->skip != NULL) {
		return true;
	}
	if (request->pattern != NULL) {
		item->pattern = keep(load, request->pattern);
		if (item->pattern == NULL) {
			return out_of_memory();
		}
	}
	if ((request->command == REPLAY_READ || request->command == REPLAY_WRITE)) {
		if (request->length > MAX_TRANSFER) {
			item->skip = "longer than 16 MiB, which no server takes";
			item->bad = true;
		} else if (request->length > load->plan->max_transfer) {
			load->plan->max_transfer = request->length;
		}
	}
	if (!find_share(load, request, &share)) {
		return false;
	}
	if (request->path != NULL && !find_path(load, share, request->path, item, &item->path)) {
		return false;
	}
	if (item->skip == NULL && request->target != NULL &&
	    !find_path(load, share, request->target, item, &item->target)) {
		return false;
	}
	return true;
}

static bool add_request(struct replay_load *load, const struct replay_request *request)
{
	struct replay_plan *plan = load->plan;
	struct replay_item *items = NULL;

	if (plan->num_items == talloc_array_length(plan->items)) {
		items = talloc_realloc(
			plan, plan->items, struct replay_item, plan->num_items * 3 / 2 + 1024);
		if (items == NULL) {
			return out_of_memory();
		}
		plan->items = items;
	}
	if (plan->num_items > 0 && request->id < plan->items[plan->num_items - 1].id) {
		load->sorted = false;
	}
	if (!fill_item(load, request, &plan->items[plan->num_items])) {
		return false;
	}
	plan->num_items++;
	return true;
}

static int compare_items(const void *a, const void *b)
{
	uint64_t left = ((const struct replay_item *)a)->id;
	uint64_t right = ((const struct replay_item *)b)->id;

	return (left > right) - (left < right);
}

/* ---- handles ---- */

/* What a handle's requests have of its create. */
struct opened {
	const char *skip;
	bool known;
	bool bad;
};

static bool resolve_handles(struct replay_load *load)
{
	struct replay_plan *plan = load->plan;
	struct opened *opened = talloc_zero_array(load, struct opened, plan->num_items + 1);
	uint64_t last = 0;
	size_t i = 0;

	if (opened == NULL) {
		return out_of_memory();
	}
	for (i = 0; i < plan->num_items; i++) {
		struct replay_item *item = &plan->items[i];
		struct opened *file = NULL;

		/* Without a time of its own it follows the one before at once. */
		if ((item->present & REPLAY_HAS_TIME) == 0) {
			item->time = last;
		}
		last = item->time;
		if ((item->present & REPLAY_HAS_HANDLE) == 0) {
			continue;
		}
		item->file = replay_intern_number(load->handles, item->handle);
		if (item->file == REPLAY_INTERN_FULL) {
			return out_of_memory();
		}
		file = &opened[item->file];
		if (item->command == REPLAY_CREATE) {
			file->known = true;
			file->skip = item->skip;
			file->bad = item->bad;
		} else if (item->skip == NULL && !file->known) {
			item->skip = "opened before the trace";
		} else if (item->skip == NULL && file->skip != NULL) {
			item->skip = file->skip;
			item->bad = file->bad;
		}
	}
	plan->num_files = replay_intern_count(load->handles);
	talloc_free(opened);
	return true;
}

static bool needs_path(const struct replay_item *item)
{
	if (item->skip != NULL || item->path != REPLAY_NONE) {
		return false;
	}
	return item->file == REPLAY_NONE || item->command == REPLAY_CREATE;
}

static bool needs_target(const struct replay_item *item)
{
	bool moves = item->command == REPLAY_RENAME;

	if (item->command == REPLAY_SET_INFO && item->info == REPLAY_INFO_FILE) {
		moves = item->level == REPLAY_LEVEL_RENAME || item->level == REPLAY_LEVEL_LINK ||
			item->level == REPLAY_LEVEL_RENAME_EX ||
			item->level == REPLAY_LEVEL_LINK_EX;
	}
	return moves && item->skip == NULL && item->target == REPLAY_NONE;
}

/* What a request without its object can't be replayed with, and levels of other protocols. */
static void check_items(struct replay_plan *plan, const struct replay_paths *paths)
{
	size_t i = 0;

	for (i = 0; i < plan->num_items; i++) {
		struct replay_item *item = &plan->items[i];

		/* [MS-CIFS] 2.2.2.3.5: a level of [MS-FSCC] and 1000. */
		if (item->level >= 1000) {
			item->level = (uint16_t)(item->level - 1000);
		}
		if (item->command == REPLAY_QUERY_INFO && item->info == REPLAY_INFO_FILESYSTEM &&
		    needs_path(item)) {
			item->path = replay_paths_root(paths)->number;
		}
		if (needs_path(item)) {
			item->skip = "the trace does not say what it is about";
			item->bad = true;
		} else if (needs_target(item)) {
			item->skip = "the trace does not say where to";
			item->bad = true;
		}
	}
}

bool replay_load_add(struct replay_load *load, const struct replay_record *record)
{
	uint32_t number = 0;

	switch (record->type) {
	case REPLAY_RECORD_SESSION:
		return add_session(load, &record->session, &number);
	case REPLAY_RECORD_REQUEST:
		return add_request(load, &record->request);
	case REPLAY_RECORD_END:
		load->plan->end = record->end;
		load->plan->complete = true;
		return true;
	}
	return false;
}

static bool read_records(struct replay_load *load, struct replay_trace_reader *reader)
{
	struct replay_record record;
	bool ok = true;
	int ret = 0;

	do {
		ret = replay_trace_next(reader, &record);
		ok = ret != 1 || replay_load_add(load, &record);
	} while (ok && ret == 1);
	return ok && ret == 0;
}

static bool prepare(struct replay_load *load)
{
	load->paths = replay_paths_create(load->plan);
	load->texts = replay_intern_create(load->plan);
	load->sessions = replay_intern_create(load);
	load->users = replay_intern_create(load);
	load->handles = replay_intern_create(load);
	return (load->paths != NULL && load->texts != NULL && load->sessions != NULL &&
		load->users != NULL && load->handles != NULL) ||
	       out_of_memory();
}

static bool finish(struct replay_load *load)
{
	struct replay_plan *plan = load->plan;

	if (!load->sorted) {
		qsort(plan->items, plan->num_items, sizeof(*plan->items), compare_items);
	}
	if (!resolve_handles(load)) {
		return false;
	}
	check_items(plan, load->paths);
	plan->num_sessions = replay_intern_count(load->sessions);
	plan->root = replay_paths_root(load->paths);
	if (!replay_model_follow(plan, load->paths)) {
		return out_of_memory();
	}
	plan->paths = replay_paths_all(load->paths, &plan->num_paths);
	return replay_model_rights(plan) || out_of_memory();
}

struct replay_load *replay_load_begin(TALLOC_CTX *mem_ctx, const struct replay_trace_header *header)
{
	struct replay_load *load = talloc_zero(mem_ctx, struct replay_load);

	if (load == NULL) {
		out_of_memory();
		return NULL;
	}
	load->sorted = true;
	load->plan = talloc_zero(load, struct replay_plan);
	if (load->plan != NULL) {
		load->plan->header = *header;
		load->plan->header.source = talloc_strdup(load->plan, header->source);
	}
	if (load->plan == NULL || load->plan->header.source == NULL) {
		out_of_memory();
		TALLOC_FREE(load);
	} else if (!prepare(load)) {
		TALLOC_FREE(load);
	}
	return load;
}

struct replay_plan *replay_load_end(TALLOC_CTX *mem_ctx, struct replay_load *load)
{
	struct replay_plan *plan = NULL;

	if (finish(load)) {
		plan = talloc_move(mem_ctx, &load->plan);
	}
	talloc_free(load);
	return plan;
}

struct replay_plan *replay_plan_load(TALLOC_CTX *mem_ctx, const char *name)
{
	struct replay_trace_reader *reader = replay_trace_open(mem_ctx, name);
	struct replay_load *load = NULL;
	struct replay_plan *plan = NULL;

	if (reader != NULL) {
		load = replay_load_begin(mem_ctx, replay_trace_header(reader));
	}
	if (load != NULL && read_records(load, reader)) {
		plan = replay_load_end(mem_ctx, load);
	} else {
		talloc_free(load);
	}
	talloc_free(reader);
	return plan;
}

void replay_plan_request(const struct replay_plan *plan,
			 const struct replay_item *item,
			 struct replay_request *request)
{
	*request = (struct replay_request) {
		.id = item->id,
		.time = item->time,
		.duration = item->duration,
		.session = item->session + 1,
		.command = (enum replay_command)item->command,
		.present = item->present,
		.status = item->status,
		.handle = item->handle,
		.access = item->access,
		.disposition = item->disposition,
		.options = item->options,
		.kind = (enum replay_kind)item->kind,
		.length = item->length,
		.count = item->count,
		.info = (enum replay_info)item->info,
		.level = item->level,
		.pattern = item->pattern,
		.restart = (item->flags & REPLAY_RESTART) != 0,
		.replace = (item->flags & REPLAY_REPLACE) != 0,
		.remove = (item->flags & REPLAY_REMOVE) != 0,
		.attributes = item->attributes,
		.modified = item->modified,
		.skip = item->skip,
	};
	if (item->command == REPLAY_CREATE || item->command == REPLAY_SET_INFO) {
		request->size = item->offset;
	} else {
		request->offset = item->offset;
	}
	if (item->path != REPLAY_NONE) {
		const struct replay_path *path = plan->paths[item->path];

		request->path =
			path->length >= path->share_length ? path->full + path->share_length : "";
	}
	if (item->target != REPLAY_NONE && item->command != REPLAY_QUERY_DIRECTORY) {
		const struct replay_path *target = plan->paths[item->target];

		request->target = target->full + target->share_length;
	}
}
