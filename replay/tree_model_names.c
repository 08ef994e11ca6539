/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests after which names are there that were not, or are not there any more: opens and closes,
 * renames, links, removals; and what a handle stands for meanwhile.
 */
#include "tree_model.h"

#include "status.h"

#include <string.h>

static uint32_t object_of(struct tree_model *model, struct replay_path *path)
{
	if (path->object == REPLAY_NONE) {
		path->object = model->plan->num_objects++;
		model->objects[path->object] = (struct tree_object) { .path = path->number };
	}
	return path->object;
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
	enum replay_existence now = tree_existence(path);

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

static void
follow_open(struct tree_model *model, struct replay_item *item, struct replay_path *path)
{
	struct tree_file *file = NULL;
	bool overwrites = item->disposition == REPLAY_OVERWRITE ||
			  item->disposition == REPLAY_OVERWRITE_IF ||
			  item->disposition == REPLAY_SUPERSEDE;

	if (has_found(item, path)) {
		bool unknown = tree_existence(path) == REPLAY_UNKNOWN;

		tree_explained(item, tree_must_exist(path));
		tree_tell_kind(path, kind_of(item));
		if (unknown && !overwrites && kind_of(item) == REPLAY_KIND_FILE) {
			path->size = item->offset;
		}
		if (overwrites) {
			item->flags |= REPLAY_CHANGES_DATA;
		}
	} else {
		tree_explained(item, tree_parent_must_exist(path));
		tree_explained(item, tree_must_be_absent(path));
		tree_appears(path, kind_of(item));
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

void tree_create(struct tree_model *model, struct replay_item *item, struct replay_path *path)
{
	bool creates = item->disposition == REPLAY_CREATE_NEW;

	if (replay_item_is_ok(item)) {
		follow_open(model, item, path);
		return;
	}
	if (item->disposition != REPLAY_OPEN && item->disposition != REPLAY_OVERWRITE) {
		tree_may_change(item, path);
	}
	if ((item->present & REPLAY_HAS_STATUS) == 0) {
		return;
	}
	if (creates && item->status == REPLAY_STATUS_ACCESS_DENIED && path->parent != NULL) {
		path->parent->denied = true;
		tree_explained(item, tree_parent_must_exist(path));
		return;
	}
	tree_failure(item, path);
}

/* What is below a directory goes with it. */
static bool move(struct tree_model *model, struct replay_path *from, struct replay_path *to)
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
	tree_appears(to, kind);
	to->fresh = from->fresh;
	to->object = object;
	to->written = from->written > from->size ? from->written : from->size;
	if (object != REPLAY_NONE) {
		model->objects[object].path = to->number;
	}
	tree_changes_name(from);
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
static bool is_held(const struct tree_model *model, const struct replay_path *path)
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
static void follow_denied_rename(const struct tree_model *model,
				 struct replay_item *item,
				 struct replay_path *path,
				 struct replay_path *target)
{
	uint32_t asked = REPLAY_DELETE | REPLAY_GENERIC_ALL | REPLAY_MAXIMUM_ALLOWED;

	tree_explained(item, tree_must_exist(path));
	if (is_held(model, path)) {
		item->flags |= REPLAY_HELD;
	} else if (target->parent != NULL &&
		   (item->file == REPLAY_NONE || (model->files[item->file].access & asked) != 0)) {
		target->parent->denied = true;
		item->flags |= REPLAY_NOT_THERE;
	}
}

bool tree_rename(struct tree_model *model, struct replay_item *item, struct replay_path *path)
{
	struct replay_path *target = model->all[item->target];
	size_t num = 0;
	bool ok = true;

	if (replay_item_is_ok(item)) {
		tree_explained(item, tree_must_exist(path));
		tree_explained(item, tree_parent_must_exist(target));
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
	tree_may_change(item, path);
	tree_may_change(item, target);
	if (item->status == REPLAY_STATUS_OBJECT_NAME_COLLISION) {
		tree_explained(item, tree_must_exist(target));
	} else if (item->status == REPLAY_STATUS_ACCESS_DENIED) {
		follow_denied_rename(model, item, path, target);
	} else if (item->status == REPLAY_STATUS_OBJECT_PATH_NOT_FOUND && target->parent != NULL &&
		   target->parent->parent != NULL) {
		tree_explained(item, tree_must_be_absent(target->parent));
	} else if ((item->present & REPLAY_HAS_STATUS) != 0) {
		tree_failure(item, path);
	}
	return ok;
}

void tree_link(struct tree_model *model, struct replay_item *item, struct replay_path *path)
{
	struct replay_path *target = model->all[item->target];

	if (replay_item_is_ok(item)) {
		tree_explained(item, tree_parent_must_exist(target));
		tree_explained(item, tree_must_be_absent(target));
		tree_appears(target, REPLAY_KIND_FILE);
		target->object = object_of(model, path);
		item->flags |= REPLAY_CHANGES_TARGET;
	} else if (item->status == REPLAY_STATUS_OBJECT_NAME_COLLISION) {
		tree_explained(item, tree_must_exist(target));
	}
}

static void follow_removal(struct replay_item *item, struct replay_path *path)
{
	item->flags |= REPLAY_CHANGES_NAME;
	tree_lists(item, path);
	path->is_empty = true;
	tree_disappears(path);
}

void tree_close(struct tree_model *model, struct replay_item *item)
{
	struct tree_file *file = &model->files[item->file];
	struct tree_object *object = &model->objects[file->object];

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

void tree_look(struct tree_model *model, struct replay_item *item, struct replay_path *path)
{
	if (replay_item_is_ok(item)) {
		tree_explained(item, tree_must_exist(path));
		item->object = object_of(model, path);
	} else if ((item->present & REPLAY_HAS_STATUS) != 0) {
		tree_failure(item, path);
	}
}

bool tree_names(struct tree_model *model, struct replay_item *item, struct replay_path *path)
{
	bool ok = replay_item_is_ok(item);

	switch (item->command) {
	case REPLAY_UNLINK:
	case REPLAY_RMDIR:
		tree_look(model, item, path);
		if (ok) {
			tree_tell_kind(path,
				       item->command == REPLAY_RMDIR ? REPLAY_KIND_DIRECTORY
								     : REPLAY_KIND_FILE);
			follow_removal(item, path);
		} else {
			tree_may_change(item, path);
		}
		return true;
	case REPLAY_DELTREE:
		if (ok) {
			if (tree_existence(path) == REPLAY_UNKNOWN) {
				path->initial = REPLAY_ABSENT;
			}
			follow_removal(item, path);
		}
		return true;
	case REPLAY_MKDIR:
		if (ok) {
			tree_explained(item, tree_parent_must_exist(path));
			tree_explained(item, tree_must_be_absent(path));
			tree_appears(path, REPLAY_KIND_DIRECTORY);
			item->flags |= REPLAY_CHANGES_NAME;
			return true;
		}
		tree_may_change(item, path);
		if ((item->present & REPLAY_HAS_STATUS) != 0) {
			tree_failure(item, path);
		}
		return true;
	default:
		return tree_rename(model, item, path);
	}
}
