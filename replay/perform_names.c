/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Renaming, linking, making and removing: by path, and renames and links of a handle's file too.
 * Names are changed in a directory that was found before, by the last component alone.
 */
#include "perform.h"

#include "operate.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { BEGIN, LOOKED, FOUND_PARENT, FOUND_TARGET, DONE };

static bool has_target(const struct replay_item *item)
{
	return item->target != REPLAY_NONE;
}

static bool links(const struct replay_item *item)
{
	return item->command == REPLAY_SET_INFO &&
	       (item->level == REPLAY_LEVEL_LINK || item->level == REPLAY_LEVEL_LINK_EX);
}

static bool find_parent(struct replay_action *action)
{
	action->step = FOUND_PARENT;
	return replay_open(
		action, replay_parent_of(replay_path_of(action)), O_PATH | O_DIRECTORY, 0);
}

/* What is to be unlinked or renamed is looked at first; smbd opens it for that. */
static bool begin(struct replay_action *action)
{
	const struct replay_path *path = replay_path_of(action);

	if (path->parent == NULL) {
		replay_run_end(action, REPLAY_STATUS_ACCESS_DENIED);
		return false;
	}
	if (!links(action->item) && !replay_may(action->open, REPLAY_DELETE)) {
		replay_run_end(action, REPLAY_STATUS_ACCESS_DENIED);
		return false;
	}
	if (action->item->command == REPLAY_UNLINK ||
	    (has_target(action->item) && !links(action->item))) {
		action->step = LOOKED;
		return replay_lookup(action, path->full, false);
	}
	return find_parent(action);
}

static bool looked(struct replay_action *action)
{
	bool is_directory = action->result == 0 && S_ISDIR(action->stat.mode);

	replay_drop(&action->got);
	if (action->result == -ENOENT || action->result == -ENOTDIR || action->result == -ELOOP) {
		replay_perform_missing(action, (int)action->result);
		return false;
	}
	if (action->result < 0) {
		replay_perform_error(action, action->result);
		return false;
	}
	if ((action->item->flags & REPLAY_HELD) != 0) {
		/* smbd asks its table of open files (have_file_open_below()); here the trace knows.
		 */
		replay_run_end(action, REPLAY_STATUS_ACCESS_DENIED);
		return false;
	}
	if (is_directory && action->item->command == REPLAY_UNLINK) {
		replay_run_end(action, REPLAY_STATUS_FILE_IS_A_DIRECTORY);
		return false;
	}
	return find_parent(action);
}

/* A directory on the way is not there, or nobody's to be passed. */
static bool check_parent(struct replay_action *action)
{
	if (action->result == 0) {
		return true;
	}
	replay_drop(&action->kept);
	if (action->result == -ENOENT || action->result == -ENOTDIR || action->result == -ELOOP) {
		/* Removing a tree that is not there is done at once. */
		replay_run_end(action,
			       action->item->command == REPLAY_DELTREE
				       ? REPLAY_STATUS_OK
				       : REPLAY_STATUS_OBJECT_PATH_NOT_FOUND);
	} else {
		replay_perform_error(action, action->result);
	}
	return false;
}

static bool change(struct replay_action *action)
{
	const struct replay_path *path = replay_path_of(action);

	action->step = DONE;
	switch (action->item->command) {
	case REPLAY_UNLINK:
		return replay_unlinkat(action, &action->kept, path->name, 0);
	case REPLAY_RMDIR:
		return replay_unlinkat(action, &action->kept, path->name, AT_REMOVEDIR);
	case REPLAY_MKDIR:
		return replay_mkdirat(action,
				      &action->kept,
				      path->name,
				      replay_mode_of(path, REPLAY_KIND_DIRECTORY));
	default:
		return replay_remove_tree(action, &action->kept, path->name);
	}
}

static bool change_both(struct replay_action *action)
{
	const struct replay_item *item = action->item;
	const struct replay_path *path = replay_path_of(action);
	const struct replay_path *target = replay_target_of(action);
	bool replaces = (item->flags & REPLAY_REPLACE) != 0;

	action->step = DONE;
	if (links(item)) {
		return replay_linkat(
			action, &action->kept, path->name, &action->other, target->name);
	}
	/* Another spelling of the same name is the same name here. */
	return replay_renameat(action,
			       &action->kept,
			       path->name,
			       &action->other,
			       target->name,
			       replaces || path == target ? 0 : RENAME_NOREPLACE);
}

void replay_perform_names(struct replay_action *action)
{
	const struct replay_item *item = action->item;
	bool goes_on = true;

	while (goes_on) {
		switch (action->step) {
		case BEGIN:
			goes_on = begin(action);
			break;
		case LOOKED:
			goes_on = looked(action);
			break;
		case FOUND_PARENT:
			if (!check_parent(action)) {
				return;
			}
			action->kept = action->got;
			action->got.fd = -1;
			if (!has_target(item)) {
				goes_on = change(action);
				break;
			}
			action->step = FOUND_TARGET;
			goes_on = replay_open(action,
					      replay_parent_of(replay_target_of(action)),
					      O_PATH | O_DIRECTORY,
					      0);
			break;
		case FOUND_TARGET:
			if (!check_parent(action)) {
				return;
			}
			action->other = action->got;
			action->got.fd = -1;
			goes_on = change_both(action);
			break;
		default:
			replay_drop(&action->kept);
			replay_drop(&action->other);
			replay_perform_error(action, action->result);
			return;
		}
	}
}
