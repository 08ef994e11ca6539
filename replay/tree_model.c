/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a trace tells of the tree it was made on: what existed before its first request, and what
 * each request changes. The trace is gone through once, with what is known of each path at that
 * moment; the first thing that is told of a path says how it was at the beginning.
 *
 * Who might do what is rights.c's.
 */
#include "plan.h"

#include "pattern.h"
#include "status.h"

#include <string.h>

/* What a handle stands for, through all its renames. */
struct object {
	uint32_t path;
	uint32_t num_open;
	bool removing;
};

struct file {
	uint32_t object;
	uint32_t last_listing; /* item, or REPLAY_NONE */
	uint32_t listed;       /* entries since the listing began */
	uint32_t access;
	bool removes; /* when it is closed */
	bool lists_all;
};

struct model {
	struct replay_plan *plan;
	struct replay_paths *paths;
	struct replay_path **all;
	struct object *objects;
	struct file *files;
};

/* ---- what is known of a path ---- */

static enum replay_existence now_of(const struct replay_path *path)
{
	if (path->now == REPLAY_UNKNOWN && path->parent != NULL &&
	    (path->parent->fresh || path->parent->now == REPLAY_ABSENT)) {
		return REPLAY_ABSENT;
	}
	return (enum replay_existence)path->now;
}

/*
 * It is there, at this moment, and so is what is above it. False: by what is known it can't be;
 * somebody who is not in the trace made it.
 */
static bool must_exist(struct replay_path *path)
{
	bool ok = true;

	for (; path != NULL && path->now != REPLAY_PRESENT; path = path->parent) {
		if (now_of(path) == REPLAY_ABSENT) {
			ok = false;
			if (path->initial == REPLAY_UNKNOWN) {
				path->initial = REPLAY_ABSENT;
			}
		} else {
			path->initial = REPLAY_PRESENT;
		}
		path->now = REPLAY_PRESENT;
		if (path->parent != NULL) {
			path->parent->kind = REPLAY_KIND_DIRECTORY;
		}
	}
	return ok;
}

/* What it is in is there. */
static bool must_have_parent(struct replay_path *path)
{
	bool ok = true;

	if (path->parent != NULL) {
		ok = must_exist(path->parent);
		path->parent->kind = REPLAY_KIND_DIRECTORY;
	}
	return ok;
}

static bool must_be_absent(struct replay_path *path)
{
	bool ok = path->now != REPLAY_PRESENT;

	if (path->initial == REPLAY_UNKNOWN) {
		path->initial = REPLAY_ABSENT;
	}
	path->now = REPLAY_ABSENT;
	return ok;
}

/* The first to tell is right: later it may be another file of the same name. */
static void tell_kind(struct replay_path *path, enum replay_kind kind)
{
	if (kind != REPLAY_KIND_UNKNOWN && path->kind == REPLAY_KIND_UNKNOWN) {
		path->kind = (uint8_t)kind;
	}
}

static void outside(struct replay_item *item, bool inside)
{
	if (!inside) {
		item->flags |= REPLAY_FROM_OUTSIDE;
	}
}

static uint32_t object_of(struct model *model, struct replay_path *path)
{
	if (path->object == REPLAY_NONE) {
		path->object = model->plan->num_objects++;
		model->objects[path->object] = (struct object) { .path = path->number };
	}
	return path->object;
}

static void changes_name(struct replay_path *path)
{
	path->name_changes = true;
	if (path->parent != NULL) {
		path->parent->entries_change = true;
	}
}

static void appears(struct replay_path *path, enum replay_kind kind)
{
	changes_name(path);
	path->now = REPLAY_PRESENT;
	path->kind = (uint8_t)kind;
	path->fresh = kind != REPLAY_KIND_FILE;
	path->written = 0;
	path->object = REPLAY_NONE;
}

static void disappears(struct replay_path *path)
{
	struct replay_path *child = NULL;

	changes_name(path);
	path->now = REPLAY_ABSENT;
	path->object = REPLAY_NONE;
	for (child = path->first_child; child != NULL; child = child->sibling) {
		if (child->now == REPLAY_PRESENT) {
			disappears(child);
		}
	}
}

/* ---- what answers tell ---- */

/* Of a request that wanted to find path: an open, a look at it, an unlink. */
static void follow_failure(struct replay_item *item, struct replay_path *path)
{
	switch (item->status) {
	case REPLAY_STATUS_OBJECT_NAME_NOT_FOUND:
	case REPLAY_STATUS_NO_SUCH_FILE:
		outside(item, must_have_parent(path));
		outside(item, must_be_absent(path));
		break;
	case REPLAY_STATUS_OBJECT_PATH_NOT_FOUND:
		if (path->parent != NULL && path->parent->parent != NULL &&
		    path->parent->kind != REPLAY_KIND_FILE) {
			outside(item, must_be_absent(path->parent));
		}
		break;
	case REPLAY_STATUS_FILE_IS_A_DIRECTORY:
		outside(item, must_exist(path));
		tell_kind(path, REPLAY_KIND_DIRECTORY);
		break;
	case REPLAY_STATUS_NOT_A_DIRECTORY:
		outside(item, must_exist(path));
		tell_kind(path, REPLAY_KIND_FILE);
		break;
	case REPLAY_STATUS_DIRECTORY_NOT_EMPTY:
		outside(item, must_exist(path));
		tell_kind(path, REPLAY_KIND_DIRECTORY);
		break;
	case REPLAY_STATUS_ACCESS_DENIED:
		path->denied = true;
		outside(item, must_exist(path));
		break;
	case REPLAY_STATUS_OBJECT_NAME_COLLISION:
	case REPLAY_STATUS_SHARING_VIOLATION:
	case REPLAY_STATUS_DELETE_PENDING:
	case REPLAY_STATUS_CANNOT_DELETE:
		outside(item, must_exist(path));
		break;
	default:
		break;
	}
}

static enum replay_kind kind_of(const struct replay_item *item)
{
	if (item->kind != REPLAY_KIND_UNKNOWN) {
		return (enum replay_kind)item->kind;
	}
	return (item->options & REPLAY_OPTION_DIRECTORY) != 0 ? REPLAY_KIND_DIRECTORY
							      : REPLAY_KIND_FILE;
}

/* Did this create find what it opened, or make it? */
static bool has_found(const struct replay_item *item, const struct replay_path *path)
{
	enum replay_existence now = now_of(path);

	switch (item->disposition) {
	case REPLAY_OPEN:
	case REPLAY_OVERWRITE:
		return true;
	case REPLAY_CREATE_NEW:
		return false;
	default:
		if (now != REPLAY_UNKNOWN) {
			return now == REPLAY_PRESENT;
		}
		/* A file that was just made has no content. */
		return path->parent == NULL || item->path == 0 ||
		       (item->disposition == REPLAY_OPEN_IF && item->offset > 0 &&
			kind_of(item) == REPLAY_KIND_FILE);
	}
}

static void follow_open(struct model *model, struct replay_item *item, struct replay_path *path)
{
	struct file *file = NULL;
	bool overwrites = item->disposition == REPLAY_OVERWRITE ||
			  item->disposition == REPLAY_OVERWRITE_IF ||
			  item->disposition == REPLAY_SUPERSEDE;

	if (has_found(item, path)) {
		bool unknown = now_of(path) == REPLAY_UNKNOWN;

		outside(item, must_exist(path));
		tell_kind(path, kind_of(item));
		if (unknown && !overwrites && kind_of(item) == REPLAY_KIND_FILE) {
			path->size = item->offset;
		}
		if (overwrites) {
			item->flags |= REPLAY_CHANGES_DATA;
		}
	} else {
		outside(item, must_have_parent(path));
		outside(item, must_be_absent(path));
		appears(path, kind_of(item));
		item->flags |= REPLAY_CHANGES_NAME;
	}
	item->object = object_of(model, path);
	if (item->file == REPLAY_NONE) {
		return;
	}
	file = &model->files[item->file];
	if (file->object != REPLAY_NONE) {
		return;
	}
	file->object = item->object;
	file->access = item->access;
	file->removes = (item->options & REPLAY_OPTION_DELETE_ON_CLOSE) != 0;
	model->objects[file->object].num_open++;
}

/* It failed. Should it not when it is replayed, others must not see it halfway. */
static void may_change(struct replay_item *item, struct replay_path *path)
{
	item->flags |= REPLAY_MAY_CHANGE;
	changes_name(path);
}

static void follow_create(struct model *model, struct replay_item *item, struct replay_path *path)
{
	bool creates = item->disposition == REPLAY_CREATE_NEW;

	if (replay_item_is_ok(item)) {
		follow_open(model, item, path);
		return;
	}
	if (item->disposition != REPLAY_OPEN && item->disposition != REPLAY_OVERWRITE) {
		may_change(item, path);
	}
	if ((item->present & REPLAY_HAS_STATUS) == 0) {
		return;
	}
	if (creates && item->status == REPLAY_STATUS_ACCESS_DENIED && path->parent != NULL) {
		path->parent->denied = true;
		outside(item, must_have_parent(path));
		return;
	}
	follow_failure(item, path);
}

/* What is below a directory goes with it. */
static bool move(struct model *model, struct replay_path *from, struct replay_path *to)
{
	struct replay_path *child = NULL;
	const char *why = NULL;
	uint32_t object = from->object;
	enum replay_kind kind = (enum replay_kind)from->kind;

	if (from == to) {
		return true;
	}
	if (to->initial == REPLAY_UNKNOWN) {
		to->initial = REPLAY_ABSENT;
	}
	appears(to, kind);
	to->fresh = from->fresh;
	to->object = object;
	to->written = from->written > from->size ? from->written : from->size;
	if (object != REPLAY_NONE) {
		model->objects[object].path = to->number;
	}
	changes_name(from);
	from->now = REPLAY_ABSENT;
	from->object = REPLAY_NONE;
	for (child = from->first_child; child != NULL; child = child->sibling) {
		struct replay_path *there = NULL;

		if (child->now != REPLAY_PRESENT) {
			continue;
		}
		there = replay_paths_below(
			model->paths, to, child->name, strlen(child->name), &why);
		/* Too long to be there: then it is not found there either. */
		if (there != NULL && !move(model, child, there)) {
			return false;
		}
	}
	return true;
}

/* Is anything in a directory open? No server renames it then. */
static bool is_held(const struct model *model, const struct replay_path *path)
{
	const struct replay_path *child = NULL;

	for (child = path->first_child; child != NULL; child = child->sibling) {
		if (child->object != REPLAY_NONE && model->objects[child->object].num_open > 0) {
			return true;
		}
		if (is_held(model, child)) {
			return true;
		}
	}
	return false;
}

/* By the rights on the directory that it was to come to; not because nobody had asked for them. */
static void follow_denied_rename(const struct model *model,
				 struct replay_item *item,
				 struct replay_path *path,
				 struct replay_path *target)
{
	uint32_t asked = REPLAY_DELETE | REPLAY_GENERIC_ALL | REPLAY_MAXIMUM_ALLOWED;

	outside(item, must_exist(path));
	if (is_held(model, path)) {
		item->flags |= REPLAY_HELD;
	} else if (target->parent != NULL &&
		   (item->file == REPLAY_NONE || (model->files[item->file].access & asked) != 0)) {
		target->parent->denied = true;
		item->flags |= REPLAY_NOT_THERE;
	}
}

static bool follow_rename(struct model *model, struct replay_item *item, struct replay_path *path)
{
	struct replay_path *target = model->all[item->target];
	size_t num = 0;
	bool ok = true;

	if (replay_item_is_ok(item)) {
		outside(item, must_exist(path));
		outside(item, must_have_parent(target));
		if (target->now == REPLAY_PRESENT && target != path &&
		    (item->flags & REPLAY_REPLACE) == 0) {
			item->flags |= REPLAY_FROM_OUTSIDE;
		}
		item->flags |= REPLAY_CHANGES_NAME | REPLAY_CHANGES_TARGET;
		item->object = object_of(model, path);
		ok = move(model, path, target);
		model->all = replay_paths_all(model->paths, &num);
		return ok;
	}
	may_change(item, path);
	may_change(item, target);
	if (item->status == REPLAY_STATUS_OBJECT_NAME_COLLISION) {
		outside(item, must_exist(target));
	} else if (item->status == REPLAY_STATUS_ACCESS_DENIED) {
		follow_denied_rename(model, item, path, target);
	} else if (item->status == REPLAY_STATUS_OBJECT_PATH_NOT_FOUND && target->parent != NULL &&
		   target->parent->parent != NULL) {
		outside(item, must_be_absent(target->parent));
	} else if ((item->present & REPLAY_HAS_STATUS) != 0) {
		follow_failure(item, path);
	}
	return ok;
}

static void follow_link(struct model *model, struct replay_item *item, struct replay_path *path)
{
	struct replay_path *target = model->all[item->target];

	if (replay_item_is_ok(item)) {
		outside(item, must_have_parent(target));
		outside(item, must_be_absent(target));
		appears(target, REPLAY_KIND_FILE);
		target->object = object_of(model, path);
		item->flags |= REPLAY_CHANGES_TARGET;
	} else if (item->status == REPLAY_STATUS_OBJECT_NAME_COLLISION) {
		outside(item, must_exist(target));
	}
}

static void lists(struct replay_item *item, struct replay_path *path)
{
	item->flags |= REPLAY_LISTS;
	path->is_listed = true;
}

static void follow_removal(struct replay_item *item, struct replay_path *path)
{
	item->flags |= REPLAY_CHANGES_NAME;
	lists(item, path);
	path->is_empty = true;
	disappears(path);
}

static void follow_close(struct model *model, struct replay_item *item)
{
	struct file *file = &model->files[item->file];
	struct object *object = &model->objects[file->object];

	if (!replay_item_is_ok(item)) {
		return;
	}
	if (file->removes) {
		object->removing = true;
	}
	if (object->num_open > 0) {
		object->num_open--;
	}
	if (object->num_open == 0 && object->removing) {
		item->flags |= REPLAY_REMOVES;
		follow_removal(item, model->all[object->path]);
		object->removing = false;
	}
	file->object = REPLAY_NONE;
}

/* ---- listings ---- */

static void follow_listing(struct model *model, struct replay_item *item, struct replay_path *path)
{
	struct file *file = item->file != REPLAY_NONE ? &model->files[item->file] : NULL;
	const char *pattern = item->pattern != NULL ? item->pattern : "*";
	bool ok = (item->present & REPLAY_HAS_STATUS) != 0 && item->status == 0;
	struct replay_path *child = NULL;
	const char *why = NULL;
	uint32_t number = (uint32_t)(item - model->plan->items);
	uint32_t known = 2; /* "." and ".." */
	uint32_t listed = item->count;

	lists(item, path);
	if (file != NULL) {
		if ((item->flags & REPLAY_RESTART) != 0 || file->last_listing == REPLAY_NONE) {
			file->lists_all = replay_pattern_is_all(pattern);
			file->listed = 0;
		} else if (ok) {
			model->plan->items[file->last_listing].flags |= REPLAY_LISTING_GOES_ON;
		}
		file->last_listing = number;
	}
	if (!replay_pattern_is_wild(pattern)) {
		child = replay_paths_below(model->paths, path, pattern, strlen(pattern), &why);
		if (child != NULL && ok) {
			outside(item, must_exist(child));
		} else if (child != NULL && item->status == REPLAY_STATUS_NO_SUCH_FILE) {
			outside(item, must_be_absent(child));
		}
		if (child != NULL) {
			item->target = child->number;
		}
		return;
	}
	if (file != NULL && ok) {
		file->listed += item->count;
		listed = file->listed;
	}
	if (!ok || !(file != NULL ? file->lists_all : replay_pattern_is_all(pattern)) ||
	    path->fresh) {
		return;
	}
	for (child = path->first_child; child != NULL; child = child->sibling) {
		known += child->now == REPLAY_PRESENT ? 1 : 0;
	}
	if (listed > known && listed - known > path->num_fillers) {
		path->num_fillers = listed - known;
	}
}

/* ---- by command ---- */

static void follow_set_info(struct model *model, struct replay_item *item, struct replay_path *path)
{
	bool ok = replay_item_is_ok(item);

	if (item->info != REPLAY_INFO_FILE) {
		return;
	}
	switch (item->level) {
	case REPLAY_LEVEL_DISPOSITION:
	case REPLAY_LEVEL_DISPOSITION_EX:
		if (ok && item->file != REPLAY_NONE) {
			model->objects[item->object].removing = (item->flags & REPLAY_REMOVE) != 0;
		}
		/* A directory must be empty. */
		lists(item, path);
		break;
	case REPLAY_LEVEL_ALLOCATION:
	case REPLAY_LEVEL_END_OF_FILE:
		if (ok && item->offset > path->written) {
			path->written = item->offset;
		}
		item->flags |= REPLAY_CHANGES_DATA;
		break;
	default:
		item->flags |= REPLAY_CHANGES_DATA;
		break;
	}
}

static void follow_read(const struct replay_item *item, struct replay_path *path)
{
	uint64_t end = item->offset + item->count;

	if (!replay_item_is_ok(item) || item->count == 0 || end < item->offset || end > INT64_MAX) {
		return;
	}
	if (path->initial == REPLAY_PRESENT && end > path->size && end > path->written) {
		path->size = end;
	}
}

static void follow_write(struct replay_item *item, struct replay_path *path)
{
	uint64_t end = item->offset + item->length;

	item->flags |= REPLAY_CHANGES_DATA;
	if (replay_item_is_ok(item) && end >= item->offset && end > path->written) {
		path->written = end;
	}
}

/* By path, without a handle. */
static void follow_look(struct model *model, struct replay_item *item, struct replay_path *path)
{
	if (replay_item_is_ok(item)) {
		outside(item, must_exist(path));
		item->object = object_of(model, path);
	} else if ((item->present & REPLAY_HAS_STATUS) != 0) {
		follow_failure(item, path);
	}
}

static bool follow_names(struct model *model, struct replay_item *item, struct replay_path *path)
{
	bool ok = replay_item_is_ok(item);

	switch (item->command) {
	case REPLAY_UNLINK:
	case REPLAY_RMDIR:
		follow_look(model, item, path);
		if (ok) {
			tell_kind(path,
				  item->command == REPLAY_RMDIR ? REPLAY_KIND_DIRECTORY
								: REPLAY_KIND_FILE);
			follow_removal(item, path);
		} else {
			may_change(item, path);
		}
		return true;
	case REPLAY_DELTREE:
		if (ok) {
			if (now_of(path) == REPLAY_UNKNOWN) {
				path->initial = REPLAY_ABSENT;
			}
			follow_removal(item, path);
		}
		return true;
	case REPLAY_MKDIR:
		if (ok) {
			outside(item, must_have_parent(path));
			outside(item, must_be_absent(path));
			appears(path, REPLAY_KIND_DIRECTORY);
			item->flags |= REPLAY_CHANGES_NAME;
			return true;
		}
		may_change(item, path);
		if ((item->present & REPLAY_HAS_STATUS) != 0) {
			follow_failure(item, path);
		}
		return true;
	default:
		return follow_rename(model, item, path);
	}
}

static bool is_rename(const struct replay_item *item)
{
	return item->info == REPLAY_INFO_FILE &&
	       (item->level == REPLAY_LEVEL_RENAME || item->level == REPLAY_LEVEL_RENAME_EX);
}

static bool is_link(const struct replay_item *item)
{
	return item->info == REPLAY_INFO_FILE &&
	       (item->level == REPLAY_LEVEL_LINK || item->level == REPLAY_LEVEL_LINK_EX);
}

static bool follow(struct model *model, struct replay_item *item)
{
	struct replay_path *path = NULL;

	if (item->command != REPLAY_CREATE && item->file != REPLAY_NONE) {
		struct file *file = &model->files[item->file];

		if (file->object == REPLAY_NONE) {
			/* Its open failed, or it is closed: the answer says so. */
			return true;
		}
		item->object = file->object;
		item->path = model->objects[file->object].path;
	}
	if (item->path == REPLAY_NONE) {
		return true;
	}
	path = model->all[item->path];

	switch (item->command) {
	case REPLAY_CREATE:
		follow_create(model, item, path);
		return true;
	case REPLAY_CLOSE:
		if (item->file != REPLAY_NONE) {
			follow_close(model, item);
		}
		return true;
	case REPLAY_READ:
		follow_read(item, path);
		return true;
	case REPLAY_WRITE:
		follow_write(item, path);
		return true;
	case REPLAY_QUERY_DIRECTORY:
		if (item->file == REPLAY_NONE && (item->present & REPLAY_HAS_STATUS) != 0 &&
		    (replay_item_is_ok(item) || item->status == REPLAY_STATUS_NO_SUCH_FILE)) {
			outside(item, must_exist(path));
			tell_kind(path, REPLAY_KIND_DIRECTORY);
		}
		follow_listing(model, item, path);
		return true;
	case REPLAY_SET_INFO:
	case REPLAY_QUERY_INFO:
		if (item->file == REPLAY_NONE) {
			follow_look(model, item, path);
		}
		if (item->command == REPLAY_QUERY_INFO) {
			return true;
		}
		if (is_rename(item)) {
			return follow_rename(model, item, path);
		}
		if (is_link(item)) {
			follow_link(model, item, path);
		} else {
			follow_set_info(model, item, path);
		}
		return true;
	case REPLAY_UNLINK:
	case REPLAY_RENAME:
	case REPLAY_MKDIR:
	case REPLAY_RMDIR:
	case REPLAY_DELTREE:
		return path->parent == NULL || follow_names(model, item, path);
	default:
		return true;
	}
}

/* What shares are, whatever is asked of them. */
static void begin(struct model *model, size_t num_paths)
{
	size_t i = 0;

	for (i = 0; i < num_paths; i++) {
		struct replay_path *path = model->all[i];

		if (path->parent == NULL || path->share_length == path->length + 1) {
			path->initial = REPLAY_PRESENT;
			path->now = REPLAY_PRESENT;
			path->kind = REPLAY_KIND_DIRECTORY;
		}
	}
}

/* Whom no request made but whom requests removed as empty directories had nothing else in them. */
static void settle(struct model *model)
{
	size_t num = 0;
	size_t i = 0;

	model->all = replay_paths_all(model->paths, &num);
	for (i = 0; i < num; i++) {
		struct replay_path *path = model->all[i];

		if (path->is_empty || path->initial != REPLAY_PRESENT) {
			path->num_fillers = 0;
		}
		if (path->kind == REPLAY_KIND_UNKNOWN) {
			path->kind = REPLAY_KIND_FILE;
		}
	}
}

bool replay_model_follow(struct replay_plan *plan, struct replay_paths *paths)
{
	struct model *model = talloc_zero(NULL, struct model);
	size_t num_paths = 0;
	size_t num = plan->num_items;
	bool ok = false;
	size_t i = 0;

	if (model == NULL) {
		return false;
	}
	model->plan = plan;
	model->paths = paths;
	model->all = replay_paths_all(paths, &num_paths);
	/* A request brings one object at most. */
	model->objects = talloc_array(model, struct object, num + 1);
	model->files = talloc_array(model, struct file, plan->num_files + 1);
	ok = model->objects != NULL && model->files != NULL;
	for (i = 0; ok && i < plan->num_files; i++) {
		model->files[i] = (struct file) {
			.object = REPLAY_NONE,
			.last_listing = REPLAY_NONE,
		};
	}
	if (ok) {
		begin(model, num_paths);
	}
	for (i = 0; ok && i < num; i++) {
		if (plan->items[i].skip == NULL) {
			ok = follow(model, &plan->items[i]);
			model->all = replay_paths_all(paths, &num_paths);
		}
	}
	if (ok) {
		settle(model);
	}
	talloc_free(model);
	return ok;
}
