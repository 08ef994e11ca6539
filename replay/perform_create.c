/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening and closing, as smbd does: a look at the name by a path reference, which also is what a
 * client gets who wants no data; a real open for those who do; the disposition's rules in between
 * (open_file_ntcreate() and open_directory() of smbd).
 */
#include "perform.h"

#include "operate.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define READING                                                                             \
	(REPLAY_READ_DATA | REPLAY_EXECUTE | REPLAY_GENERIC_READ | REPLAY_GENERIC_EXECUTE | \
	 REPLAY_GENERIC_ALL)
#define WRITING (REPLAY_WRITE_DATA | REPLAY_APPEND_DATA | REPLAY_GENERIC_WRITE | REPLAY_GENERIC_ALL)

enum { LOOK, LOOKED, OPENED, MADE_FILE, MARKED_FILE, FOUND_PARENT, MADE_DIRECTORY, FOUND_MADE };

static bool overwrites(const struct replay_item *item)
{
	return item->disposition == REPLAY_OVERWRITE || item->disposition == REPLAY_OVERWRITE_IF ||
	       item->disposition == REPLAY_SUPERSEDE;
}

/* What the kernel is asked for; -1: a path reference will do. */
static int open_flags(const struct replay_action *action, bool is_directory)
{
	uint32_t access = action->item->access;
	unsigned int wants = 0;

	if (is_directory) {
		bool lists = (access & (READING | REPLAY_MAXIMUM_ALLOWED)) != 0;

		return lists ? O_RDONLY | O_DIRECTORY : -1;
	}
	wants |= (access & READING) != 0 ? REPLAY_WANTS_READ : 0;
	wants |= (access & WRITING) != 0 ? REPLAY_WANTS_WRITE : 0;
	if ((access & REPLAY_MAXIMUM_ALLOWED) != 0) {
		/* Whoever makes a file may do anything with the handle. */
		wants |= action->result == 0 ? replay_rights_of(action, &action->stat)
					     : REPLAY_WANTS_READ | REPLAY_WANTS_WRITE;
	}
	if (overwrites(action->item)) {
		wants |= REPLAY_WANTS_WRITE;
	}
	switch (wants) {
	case 0:
		return -1;
	case REPLAY_WANTS_READ:
		return O_RDONLY;
	case REPLAY_WANTS_WRITE:
		return O_WRONLY;
	default:
		return O_RDWR;
	}
}

/*
 * What the kernel is not asked, because no open is needed for it: smbd judges by the file's rights
 * (smbd_check_access_rights_fsp()).
 */
static bool is_denied(const struct replay_action *action, bool is_directory)
{
	uint32_t access = action->item->access;
	unsigned int rights = replay_rights_of(action, &action->stat);
	uint32_t opened = is_directory ? READING : READING | WRITING;

	if ((access & REPLAY_MAXIMUM_ALLOWED) != 0 && rights == 0) {
		return true;
	}
	return (replay_access_wants(access & ~opened) & ~rights) != 0;
}

static uint32_t judge(const struct replay_action *action, bool is_directory)
{
	const struct replay_item *item = action->item;

	if (item->disposition == REPLAY_CREATE_NEW) {
		return REPLAY_STATUS_OBJECT_NAME_COLLISION;
	}
	if (is_directory && (item->options & REPLAY_OPTION_NON_DIRECTORY) != 0) {
		return REPLAY_STATUS_FILE_IS_A_DIRECTORY;
	}
	if (!is_directory && (item->options & REPLAY_OPTION_DIRECTORY) != 0) {
		return REPLAY_STATUS_NOT_A_DIRECTORY;
	}
	if (is_directory && overwrites(item)) {
		return REPLAY_STATUS_INVALID_PARAMETER;
	}
	if (is_denied(action, is_directory)) {
		return REPLAY_STATUS_ACCESS_DENIED;
	}
	return REPLAY_STATUS_OK;
}

static void finish(struct replay_action *action, struct replay_fd *fd, bool is_directory)
{
	struct replay_client *client = action->client;
	const struct replay_item *item = action->item;
	struct replay_open *open = NULL;

	if (item->file == REPLAY_NONE || !replay_item_is_ok(item)) {
		/* Nobody was given a handle, so nobody will close this one. */
		replay_drop(fd);
		replay_run_end(action, REPLAY_STATUS_OK);
		return;
	}
	if (client->files[item->file] != NULL) {
		replay_run_give_open(client->run, client->files[item->file]);
		client->files[item->file] = NULL;
	}
	open = replay_run_take_open(client->run);
	if (open == NULL) {
		replay_drop(fd);
		replay_perform_error(action, -ENOMEM);
		return;
	}
	open->fd = *fd;
	open->access = item->access;
	open->is_directory = is_directory;
	*fd = (struct replay_fd) { .fd = -1 };
	client->files[item->file] = open;
	replay_run_end(action, REPLAY_STATUS_OK);
}

static bool makes(const struct replay_item *item)
{
	return item->disposition != REPLAY_OPEN && item->disposition != REPLAY_OVERWRITE;
}

static bool looked(struct replay_action *action)
{
	const struct replay_item *item = action->item;
	const struct replay_path *path = replay_path_of(action);
	bool is_directory = S_ISDIR(action->stat.mode);
	uint32_t status = REPLAY_STATUS_OK;
	int flags = 0;

	if (action->result == -ENOENT && makes(item)) {
		bool directory = (item->options & REPLAY_OPTION_DIRECTORY) != 0;

		action->step = directory ? FOUND_PARENT : MADE_FILE;
		if (directory) {
			return replay_open(action, replay_parent_of(path), O_PATH | O_DIRECTORY, 0);
		}
		flags = open_flags(action, false);
		return replay_open(action,
				   path->full,
				   (flags == -1 ? O_RDONLY : (uint64_t)flags) | O_CREAT | O_EXCL,
				   replay_mode_of(path, REPLAY_KIND_FILE));
	}
	if (action->result == -ENOENT || action->result == -ENOTDIR || action->result == -ELOOP) {
		replay_perform_missing(action, (int)action->result);
		return false;
	}
	if (action->result < 0) {
		replay_perform_error(action, action->result);
		return false;
	}
	if (S_ISLNK(action->stat.mode)) {
		/* One that the replay did not make: nobody follows it. */
		replay_drop(&action->got);
		replay_run_end(action, REPLAY_STATUS_OBJECT_PATH_NOT_FOUND);
		return false;
	}
	status = judge(action, is_directory);
	if (status != REPLAY_STATUS_OK) {
		replay_drop(&action->got);
		replay_run_end(action, status);
		return false;
	}
	flags = open_flags(action, is_directory);
	if (flags == -1) {
		finish(action, &action->got, is_directory);
		return false;
	}
	if (overwrites(item)) {
		flags |= O_TRUNC;
	}
	action->kept = action->got;
	action->step = OPENED;
	return replay_open(action, path->full, (uint64_t)flags, 0);
}

void replay_perform_create(struct replay_action *action)
{
	const struct replay_path *path = replay_path_of(action);
	uint8_t dos[REPLAY_DOS_ATTRIBUTES_SIZE];
	bool goes_on = true;

	while (goes_on) {
		switch (action->step) {
		case LOOK:
			action->step = LOOKED;
			goes_on = replay_lookup(action, path->full, false);
			break;
		case LOOKED:
			goes_on = looked(action);
			break;
		case OPENED:
			replay_drop(&action->kept);
			if (action->result < 0) {
				replay_perform_error(action, action->result);
				return;
			}
			finish(action, &action->got, S_ISDIR(action->stat.mode));
			return;
		case MADE_FILE:
			if (action->result == -ENOENT || action->result == -ENOTDIR ||
			    action->result == -ELOOP) {
				replay_run_end(action, REPLAY_STATUS_OBJECT_PATH_NOT_FOUND);
				return;
			}
			if (action->result < 0) {
				replay_perform_error(action, action->result);
				return;
			}
			if (!action->client->run->options->dos_attributes) {
				finish(action, &action->got, false);
				return;
			}
			replay_dos_attributes(0, dos);
			action->step = MARKED_FILE;
			goes_on = replay_setxattr(
				action, &action->got, REPLAY_DOS_ATTRIBUTES, dos, sizeof(dos));
			break;
		case MARKED_FILE:
			/* smbd does without them where a file system has no xattrs. */
			finish(action, &action->got, false);
			return;
		case FOUND_PARENT:
			if (action->result < 0) {
				replay_run_end(action,
					       action->result == -EACCES
						       ? REPLAY_STATUS_ACCESS_DENIED
						       : REPLAY_STATUS_OBJECT_PATH_NOT_FOUND);
				return;
			}
			action->kept = action->got;
			action->step = MADE_DIRECTORY;
			goes_on = replay_mkdirat(action,
						 &action->kept,
						 path->name,
						 replay_mode_of(path, REPLAY_KIND_DIRECTORY));
			break;
		case MADE_DIRECTORY:
			replay_drop(&action->kept);
			if (action->result < 0) {
				replay_perform_error(action, action->result);
				return;
			}
			/* One who makes a directory has it open. */
			action->step = FOUND_MADE;
			goes_on = replay_open(action, path->full, O_RDONLY | O_DIRECTORY, 0);
			break;
		default:
			if (action->result < 0) {
				replay_perform_error(action, action->result);
				return;
			}
			finish(action, &action->got, true);
			return;
		}
	}
}

/* ---- close ---- */

enum { CLOSE, PARENT, REMOVED, CLOSED };

/* Removed before it is closed, as close_remove_share_mode() of smbd does. */
void replay_perform_close(struct replay_action *action)
{
	struct replay_client *client = action->client;
	const struct replay_item *item = action->item;
	const struct replay_path *path = NULL;
	bool goes_on = true;

	while (goes_on) {
		switch (action->step) {
		case CLOSE:
			client->files[item->file] = NULL;
			action->status = REPLAY_STATUS_OK;
			if ((item->flags & REPLAY_REMOVES) == 0) {
				action->step = CLOSED;
				goes_on = replay_close(action, &action->open->fd);
				break;
			}
			path = replay_path_of(action);
			action->step = PARENT;
			goes_on = replay_open(
				action, replay_parent_of(path), O_PATH | O_DIRECTORY, 0);
			break;
		case PARENT:
			action->step = REMOVED;
			if (action->result < 0) {
				break;
			}
			path = replay_path_of(action);
			action->kept = action->got;
			goes_on = replay_unlinkat(action,
						  &action->kept,
						  path->name,
						  action->open->is_directory ? AT_REMOVEDIR : 0);
			break;
		case REMOVED:
			action->status = (uint32_t)-action->result;
			replay_drop(&action->kept);
			action->step = CLOSED;
			goes_on = replay_close(action, &action->open->fd);
			break;
		default:
			replay_run_give_open(client->run, action->open);
			action->open = NULL;
			replay_perform_error(action,
					     action->status != 0 ? -(ssize_t)action->status
								 : action->result);
			return;
		}
	}
}
