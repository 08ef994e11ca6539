/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A trace in memory, made ready to be replayed: its requests in order, 112 bytes each, with paths,
 * users and handles as numbers; and what follows from all of them together: what was there before
 * the first one, and which of them must wait for which.
 */
#ifndef REPLAY_PLAN_H
#define REPLAY_PLAN_H

#include "trace.h"

#include <stddef.h>
#include <sys/types.h>

/* No path, file, object or resource. */
#define REPLAY_NONE UINT32_MAX

/* [MS-SMB2] 2.2.13 */
enum {
	REPLAY_SUPERSEDE,
	REPLAY_OPEN,
	REPLAY_CREATE_NEW,
	REPLAY_OPEN_IF,
	REPLAY_OVERWRITE,
	REPLAY_OVERWRITE_IF
};
#define REPLAY_OPTION_DIRECTORY 0x1
#define REPLAY_OPTION_NON_DIRECTORY 0x40
#define REPLAY_OPTION_DELETE_ON_CLOSE 0x1000

/* [MS-SMB2] 2.2.13.1 */
#define REPLAY_READ_DATA 0x1
#define REPLAY_WRITE_DATA 0x2
#define REPLAY_APPEND_DATA 0x4
#define REPLAY_READ_EA 0x8
#define REPLAY_WRITE_EA 0x10
#define REPLAY_EXECUTE 0x20
#define REPLAY_WRITE_ATTRIBUTES 0x100
#define REPLAY_DELETE 0x10000
#define REPLAY_READ_CONTROL 0x20000
#define REPLAY_WRITE_DAC 0x40000
#define REPLAY_WRITE_OWNER 0x80000
#define REPLAY_MAXIMUM_ALLOWED 0x2000000
#define REPLAY_GENERIC_ALL 0x10000000
#define REPLAY_GENERIC_EXECUTE 0x20000000
#define REPLAY_GENERIC_WRITE 0x40000000
#define REPLAY_GENERIC_READ 0x80000000

/* [MS-FSCC] 2.6 */
#define REPLAY_ATTRIBUTE_READ_ONLY 0x1

/* [MS-FSCC] 2.4 */
enum {
	REPLAY_LEVEL_BASIC = 4,
	REPLAY_LEVEL_EA = 7,
	REPLAY_LEVEL_RENAME = 10,
	REPLAY_LEVEL_LINK = 11,
	REPLAY_LEVEL_DISPOSITION = 13,
	REPLAY_LEVEL_FULL_EA = 15,
	REPLAY_LEVEL_ALL = 18,
	REPLAY_LEVEL_ALLOCATION = 19,
	REPLAY_LEVEL_END_OF_FILE = 20,
	REPLAY_LEVEL_DISPOSITION_EX = 64,
	REPLAY_LEVEL_RENAME_EX = 65,
	REPLAY_LEVEL_LINK_EX = 72,
};

/* What a request does to a share, as far as others must wait for it or it for them. */
enum replay_item_flag {
	REPLAY_RESTART = 1 << 0,	 /* of a listing */
	REPLAY_REPLACE = 1 << 1,	 /* of a rename or link */
	REPLAY_REMOVE = 1 << 2,		 /* of a disposition */
	REPLAY_LISTING_GOES_ON = 1 << 3, /* the next listing of this handle brings more */
	REPLAY_REMOVES = 1 << 4,	 /* of a close: the last one of what is to be deleted */
	REPLAY_CHANGES_NAME = 1 << 5,	 /* path begins or ends to exist */
	REPLAY_CHANGES_TARGET = 1 << 6,
	REPLAY_CHANGES_DATA = 1 << 7,
	REPLAY_HELD = 1 << 11,	      /* of a rename: something in the directory is open */
	REPLAY_NOT_THERE = 1 << 13,   /* of a rename: denied by the directory it was to go to */
	REPLAY_MAY_CHANGE = 1 << 12,  /* failed, and would change names if it did not */
	REPLAY_LISTS = 1 << 10,	      /* whether anything is in path is of concern */
	REPLAY_FROM_OUTSIDE = 1 << 8, /* the trace alone does not explain its outcome */
	REPLAY_BEYOND_MODES = 1 << 9, /* no owner and mode gives its outcome and that of others */
};

struct replay_item {
	uint64_t id;
	uint64_t time;
	uint64_t duration;
	uint64_t handle;
	uint64_t offset; /* of a create and set-info: size */
	uint64_t modified;
	const char *pattern;
	const char *skip; /* why it is not replayed, a constant or of the trace */
	uint32_t length;
	uint32_t count;
	uint32_t status;
	uint32_t session;
	uint32_t user; /* in plan->users */
	uint32_t access;
	uint32_t options;
	uint32_t attributes;
	uint32_t path;	 /* in plan->paths; of a handle's request, the handle's */
	uint32_t target; /* likewise, of a rename or link */
	uint32_t file;	 /* the handle's number, from 0 */
	uint32_t object; /* what the path stood for then */
	uint16_t flags;
	uint16_t level;
	uint8_t present;
	uint8_t command;
	uint8_t disposition;
	uint8_t kind;
	uint8_t info;
	bool bad; /* skip says why it can't be replayed at all */
};

enum replay_existence { REPLAY_UNKNOWN, REPLAY_PRESENT, REPLAY_ABSENT };

/* Below a client's tree. One for all spellings: SMB does not tell them apart. */
struct replay_path {
	struct replay_path *parent; /* NULL: the root */
	struct replay_path *next;   /* of the same hash */
	const char *name;	    /* as the trace spells it first; "." for the root */
	const char *full; /* with the names above; of what a request names and its parent */
	const char *folded;
	uint32_t hash;
	uint32_t number;
	uint32_t length;       /* of full */
	uint32_t share_length; /* of full, that is the share with its '/' */

	/* Before the first request. */
	uint64_t size;
	uint32_t owner; /* in plan->users; REPLAY_NONE: nobody of them */
	uint16_t mode;
	uint8_t initial; /* enum replay_existence */
	uint8_t kind;	 /* enum replay_kind */

	/* Whether anybody has to wait for anybody here. */
	bool name_changes;
	bool entries_change;
	bool is_listed;
	bool denied;

	uint32_t num_fillers; /* entries of its listing that nobody names */

	/* While the trace is gone through. */
	struct replay_path *first_child;
	struct replay_path *sibling;
	uint64_t written; /* as far as requests have written it */
	uint32_t object;
	uint8_t now;
	bool fresh;    /* made by a request: nothing is in it that no request made */
	bool is_empty; /* was removed as a directory, so that nobody else's files were in it */
};

struct replay_user {
	const char *name;
	const char *domain;
	bool known; /* else it is a session's own */
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t num_groups;
};

struct replay_plan {
	struct replay_trace_header header;
	struct replay_trace_end end;
	bool complete; /* there was an end */

	struct replay_item *items;
	size_t num_items;
	struct replay_path **paths;
	size_t num_paths;
	struct replay_path *root;
	struct replay_user *users;
	size_t num_users;
	uint32_t num_files;
	uint32_t num_objects;
	uint32_t num_sessions;
	uint64_t max_transfer; /* the longest read or write */
};

/* NULL after a message on stderr. name: of a file, or "-". */
struct replay_plan *replay_plan_load(TALLOC_CTX *mem_ctx, const char *name);

/*
 * The same, for one who reads the trace: each record in between, then the plan, on mem_ctx, and no
 * load any more. NULL and false after a message on stderr.
 */
struct replay_load;

struct replay_load *replay_load_begin(TALLOC_CTX *mem_ctx,
				      const struct replay_trace_header *header);
bool replay_load_add(struct replay_load *load, const struct replay_record *record);
struct replay_plan *replay_load_end(TALLOC_CTX *mem_ctx, struct replay_load *load);

/* What it was in the trace, for reports. */
void replay_plan_request(const struct replay_plan *plan,
			 const struct replay_item *item,
			 struct replay_request *request);

/*
 * Paths. share may be NULL. NULL with why: what no server would take, or no share can have, or no
 * memory.
 */
struct replay_paths;

struct replay_paths *replay_paths_create(TALLOC_CTX *mem_ctx);
struct replay_path *replay_paths_find(struct replay_paths *paths,
				      const char *share,
				      const char *path,
				      const char **why);
/* One component below a directory. */
struct replay_path *replay_paths_below(struct replay_paths *paths,
				       struct replay_path *directory,
				       const char *name,
				       size_t length,
				       const char **why);
struct replay_path *replay_paths_root(const struct replay_paths *paths);
struct replay_path **replay_paths_all(const struct replay_paths *paths, size_t *num);

/*
 * Go through the trace: what must have been there before it, what each request changes. False
 * without memory.
 */
bool replay_model_follow(struct replay_plan *plan, struct replay_paths *paths);

/* Whom a file or directory belonged to and who might do what: false without memory. */
bool replay_model_rights(struct replay_plan *plan);

/* What a create asks of a file's data. */
#define REPLAY_WANTS_READ 4
#define REPLAY_WANTS_WRITE 2
unsigned int replay_access_wants(uint32_t access);

static inline bool replay_item_is_ok(const struct replay_item *item)
{
	/* Success and warnings such as "there is more" (STATUS_BUFFER_OVERFLOW is one). */
	return (item->present & REPLAY_HAS_STATUS) != 0 && item->status < 0xc0000000;
}

#endif /* REPLAY_PLAN_H */
