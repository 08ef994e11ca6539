/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of one path while a trace is gone through, and what that says of the beginning.
 */
#include "tree_model.h"

#include "status.h"

enum replay_existence tree_existence(const struct replay_path *path)
{
	if (path->now == REPLAY_UNKNOWN && path->parent != NULL &&
	    (path->parent->fresh || path->parent->now == REPLAY_ABSENT)) {
		return REPLAY_ABSENT;
	}
	return (enum replay_existence)path->now;
}

bool tree_must_exist(struct replay_path *path)
{
	bool ok = true;

	for (; path != NULL && path->now != REPLAY_PRESENT; path = path->parent) {
		if (tree_existence(path) == REPLAY_ABSENT) {
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

bool tree_parent_must_exist(struct replay_path *path)
{
	bool ok = true;

	if (path->parent != NULL) {
		ok = tree_must_exist(path->parent);
		path->parent->kind = REPLAY_KIND_DIRECTORY;
	}
	return ok;
}

bool tree_must_be_absent(struct replay_path *path)
{
	bool ok = path->now != REPLAY_PRESENT;

	if (path->initial == REPLAY_UNKNOWN) {
		path->initial = REPLAY_ABSENT;
	}
	path->now = REPLAY_ABSENT;
	return ok;
}

void tree_tell_kind(struct replay_path *path, enum replay_kind kind)
{
	if (kind != REPLAY_KIND_UNKNOWN && path->kind == REPLAY_KIND_UNKNOWN) {
		path->kind = (uint8_t)kind;
	}
}

void tree_explained(struct replay_item *item, bool explained)
{
	if (!explained) {
		item->flags |= REPLAY_FROM_OUTSIDE;
	}
}

void tree_changes_name(struct replay_path *path)
{
	path->name_changes = true;
	if (path->parent != NULL) {
		path->parent->entries_change = true;
	}
}

void tree_appears(struct replay_path *path, enum replay_kind kind)
{
	tree_changes_name(path);
	path->now = REPLAY_PRESENT;
	path->kind = (uint8_t)kind;
	path->fresh = kind != REPLAY_KIND_FILE;
	path->written = 0;
	path->object = REPLAY_NONE;
}

void tree_disappears(struct replay_path *path)
{
	struct replay_path *child = NULL;

	tree_changes_name(path);
	path->now = REPLAY_ABSENT;
	path->object = REPLAY_NONE;
	for (child = path->first_child; child != NULL; child = child->sibling) {
		if (child->now == REPLAY_PRESENT) {
			tree_disappears(child);
		}
	}
}

void tree_may_change(struct replay_item *item, struct replay_path *path)
{
	item->flags |= REPLAY_MAY_CHANGE;
	tree_changes_name(path);
}

void tree_lists(struct replay_item *item, struct replay_path *path)
{
	item->flags |= REPLAY_LISTS;
	path->is_listed = true;
}

void tree_failure(struct replay_item *item, struct replay_path *path)
{
	switch (item->status) {
	case REPLAY_STATUS_OBJECT_NAME_NOT_FOUND:
	case REPLAY_STATUS_NO_SUCH_FILE:
		tree_explained(item, tree_parent_must_exist(path));
		tree_explained(item, tree_must_be_absent(path));
		break;
	case REPLAY_STATUS_OBJECT_PATH_NOT_FOUND:
		if (path->parent != NULL && path->parent->parent != NULL &&
		    path->parent->kind != REPLAY_KIND_FILE) {
			tree_explained(item, tree_must_be_absent(path->parent));
		}
		break;
	case REPLAY_STATUS_FILE_IS_A_DIRECTORY:
	case REPLAY_STATUS_DIRECTORY_NOT_EMPTY:
		tree_explained(item, tree_must_exist(path));
		tree_tell_kind(path, REPLAY_KIND_DIRECTORY);
		break;
	case REPLAY_STATUS_NOT_A_DIRECTORY:
		tree_explained(item, tree_must_exist(path));
		tree_tell_kind(path, REPLAY_KIND_FILE);
		break;
	case REPLAY_STATUS_ACCESS_DENIED:
		path->denied = true;
		tree_explained(item, tree_must_exist(path));
		break;
	case REPLAY_STATUS_OBJECT_NAME_COLLISION:
	case REPLAY_STATUS_SHARING_VIOLATION:
	case REPLAY_STATUS_DELETE_PENDING:
	case REPLAY_STATUS_CANNOT_DELETE:
		tree_explained(item, tree_must_exist(path));
		break;
	default:
		break;
	}
}
