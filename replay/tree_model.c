/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a trace tells of the tree it was made on: what existed before its first request, and what
 * each request changes. The trace is gone through once, with what is known of each path at that
 * moment; the first thing that is told of a path says how it was at the beginning.
 *
 * What is known of a path is tree_model_path.c's, requests that change names are
 * tree_model_names.c's; who might do what is rights.c's.
 */
#include "tree_model.h"

#include "pattern.h"
#include "status.h"

#include <string.h>

static void
follow_listing(struct tree_model *model, struct replay_item *item, struct replay_path *path)
{
	struct tree_file *file = item->file != REPLAY_NONE ? &model->files[item->file] : NULL;
	const char *pattern = item->pattern != NULL ? item->pattern : "*";
	bool ok = (item->present & REPLAY_HAS_STATUS) != 0 && item->status == 0;
	struct replay_path *child = NULL;
	const char *why = NULL;
	uint32_t number = (uint32_t)(item - model->plan->items);
	uint32_t known = 2; /* "." and ".." */
	uint32_t listed = item->count;

	tree_lists(item, path);
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
			tree_explained(item, tree_must_exist(child));
		} else if (child != NULL && item->status == REPLAY_STATUS_NO_SUCH_FILE) {
			tree_explained(item, tree_must_be_absent(child));
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

static void
follow_set_info(struct tree_model *model, struct replay_item *item, struct replay_path *path)
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
		tree_lists(item, path);
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

static bool follow(struct tree_model *model, struct replay_item *item)
{
	struct replay_path *path = NULL;

	if (item->command != REPLAY_CREATE && item->file != REPLAY_NONE) {
		struct tree_file *file = &model->files[item->file];

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
		tree_create(model, item, path);
		return true;
	case REPLAY_CLOSE:
		if (item->file != REPLAY_NONE) {
			tree_close(model, item);
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
			tree_explained(item, tree_must_exist(path));
			tree_tell_kind(path, REPLAY_KIND_DIRECTORY);
		}
		follow_listing(model, item, path);
		return true;
	case REPLAY_SET_INFO:
	case REPLAY_QUERY_INFO:
		if (item->file == REPLAY_NONE) {
			tree_look(model, item, path);
		}
		if (item->command == REPLAY_QUERY_INFO) {
			return true;
		}
		if (is_rename(item)) {
			return tree_rename(model, item, path);
		}
		if (is_link(item)) {
			tree_link(model, item, path);
		} else {
			follow_set_info(model, item, path);
		}
		return true;
	case REPLAY_UNLINK:
	case REPLAY_RENAME:
	case REPLAY_MKDIR:
	case REPLAY_RMDIR:
	case REPLAY_DELTREE:
		return path->parent == NULL || tree_names(model, item, path);
	default:
		return true;
	}
}

/* What shares are, whatever is asked of them. */
static void begin(struct tree_model *model, size_t num_paths)
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
static void settle(struct tree_model *model)
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
	struct tree_model *model = talloc_zero(NULL, struct tree_model);
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
	model->objects = talloc_array(model, struct tree_object, num + 1);
	model->files = talloc_array(model, struct tree_file, plan->num_files + 1);
	ok = model->objects != NULL && model->files != NULL;
	for (i = 0; ok && i < plan->num_files; i++) {
		model->files[i] = (struct tree_file) {
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
