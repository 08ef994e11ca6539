/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked and told of a file beside its data: query-info and set-info, by handle or by path.
 */
#include "perform.h"

#include "operate.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define NSEC_PER_SEC 1000000000

/* A listing of nothing but "." and "..". */
#define ENTRIES_OF_EMPTY 2

/* ---- query-info ---- */

enum { QUERY, QUERIED_ATTRIBUTES, QUERIED_XATTR, QUERIED_LAST, LOOKED_UP };

static bool wants_names(const struct replay_action *action)
{
	uint16_t level = action->item->level;

	return action->client->run->options->ea_support &&
	       (level == REPLAY_LEVEL_EA || level == REPLAY_LEVEL_ALL ||
		level == REPLAY_LEVEL_FULL_EA);
}

static bool begin_query(struct replay_action *action)
{
	const struct replay_item *item = action->item;
	struct replay_client *client = action->client;

	if (item->info == REPLAY_INFO_FILESYSTEM || item->info == REPLAY_INFO_QUOTA) {
		action->step = QUERIED_LAST;
		return replay_statfs(action,
				     action->open != NULL ? &action->open->fd : &client->root);
	}
	if (action->open == NULL) {
		action->step = LOOKED_UP;
		return replay_lookup(action, replay_path_of(action)->full, wants_names(action));
	}
	action->step = QUERIED_ATTRIBUTES;
	return replay_statx(action, &action->open->fd);
}

static bool query_xattr(struct replay_action *action)
{
	bool security = action->item->info == REPLAY_INFO_SECURITY;

	if (!security && !action->client->run->options->dos_attributes) {
		action->result = 0;
		action->step = QUERIED_XATTR;
		return true;
	}
	action->step = security ? QUERIED_LAST : QUERIED_XATTR;
	return replay_getxattr(
		action, &action->open->fd, security ? REPLAY_POSIX_ACL : REPLAY_DOS_ATTRIBUTES);
}

/* A file without the xattr is a file all the same. */
static ssize_t forgive(ssize_t result)
{
	return result == -ENODATA || result == -EOPNOTSUPP || result == -ERANGE ? 0 : result;
}

static void looked_up(struct replay_action *action)
{
	replay_drop(&action->got);
	switch (action->result) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
		replay_perform_missing(action, (int)action->result);
		return;
	default:
		replay_perform_error(action, action->result);
	}
}

void replay_perform_query_info(struct replay_action *action)
{
	const struct replay_item *item = action->item;
	bool goes_on = true;

	if (action->step == QUERY && item->info == REPLAY_INFO_SECURITY &&
	    !replay_may(action->open,
			REPLAY_READ_CONTROL | REPLAY_GENERIC_READ | REPLAY_GENERIC_WRITE |
				REPLAY_GENERIC_EXECUTE)) {
		replay_run_end(action, REPLAY_STATUS_ACCESS_DENIED);
		return;
	}
	while (goes_on) {
		switch (action->step) {
		case QUERY:
			goes_on = begin_query(action);
			break;
		case QUERIED_ATTRIBUTES:
			if (action->result < 0) {
				replay_perform_error(action, action->result);
				return;
			}
			goes_on = query_xattr(action);
			break;
		case QUERIED_XATTR:
			if (!wants_names(action)) {
				replay_perform_error(
					action, forgive(action->result) < 0 ? action->result : 0);
				return;
			}
			action->step = QUERIED_LAST;
			goes_on = replay_listxattr(action, &action->open->fd);
			break;
		case LOOKED_UP:
			looked_up(action);
			return;
		default:
			replay_perform_error(action,
					     forgive(action->result) < 0 ? action->result : 0);
			return;
		}
	}
}

/* ---- set-info: attributes and times ---- */

enum { SET, SET_TIMES, SET_LAST, OPENED_TO_SET };

static bool set_times(struct replay_action *action, struct replay_fd *fd)
{
	const struct replay_item *item = action->item;
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{
			.tv_sec = (time_t)(item->modified / NSEC_PER_SEC),
			.tv_nsec = (long)(item->modified % NSEC_PER_SEC),
		},
	};

	action->step = SET_TIMES;
	if ((item->present & (REPLAY_HAS_MODIFIED | REPLAY_HAS_ATTRIBUTES)) == 0) {
		/* Loadfiles do not say what is set. */
		return replay_utimens(action, fd, NULL);
	}
	if ((item->present & REPLAY_HAS_MODIFIED) == 0) {
		action->result = 0;
		return true;
	}
	return replay_utimens(action, fd, times);
}

static bool set_attributes(struct replay_action *action, struct replay_fd *fd)
{
	uint8_t dos[REPLAY_DOS_ATTRIBUTES_SIZE];

	action->step = SET_LAST;
	if ((action->item->present & REPLAY_HAS_ATTRIBUTES) == 0 ||
	    !action->client->run->options->dos_attributes) {
		action->result = 0;
		return true;
	}
	replay_dos_attributes(action->item->attributes, dos);
	return replay_setxattr(action, fd, REPLAY_DOS_ATTRIBUTES, dos, sizeof(dos));
}

static void set_basic(struct replay_action *action)
{
	struct replay_fd *fd = action->open != NULL ? &action->open->fd : &action->kept;
	bool goes_on = true;

	if (action->step == SET &&
	    !replay_may(action->open, REPLAY_WRITE_ATTRIBUTES | REPLAY_GENERIC_WRITE)) {
		replay_run_end(action, REPLAY_STATUS_ACCESS_DENIED);
		return;
	}
	while (goes_on) {
		switch (action->step) {
		case SET:
			if (action->open == NULL) {
				action->step = OPENED_TO_SET;
				goes_on =
					replay_lookup(action, replay_path_of(action)->full, false);
				break;
			}
			goes_on = set_times(action, fd);
			break;
		case OPENED_TO_SET:
			if (action->result < 0) {
				looked_up(action);
				return;
			}
			action->kept = action->got;
			action->got.fd = -1;
			goes_on = set_times(action, fd);
			break;
		case SET_TIMES:
			if (action->result < 0) {
				replay_drop(&action->kept);
				replay_perform_error(action, action->result);
				return;
			}
			goes_on = set_attributes(action, fd);
			break;
		default:
			replay_drop(&action->kept);
			replay_perform_error(action,
					     action->result == -EOPNOTSUPP ? 0 : action->result);
			return;
		}
	}
}

/* ---- set-info: size ---- */

/*
 * smbd's default (strict allocate = no) is to allocate nothing, so that here too a file only ever
 * shrinks by it (vfs_allocate_file_space()).
 */
static void set_size(struct replay_action *action)
{
	const struct replay_item *item = action->item;
	struct replay_fd *fd = NULL;
	bool done = true;

	if (action->open == NULL) {
		replay_run_fail(action, "sets a size without a handle");
		return;
	}
	if (item->offset > INT64_MAX) {
		replay_run_end(action, REPLAY_STATUS_INVALID_PARAMETER);
		return;
	}
	fd = &action->open->fd;
	if (action->step == SET) {
		if (!replay_may(action->open,
				REPLAY_WRITE_DATA | REPLAY_APPEND_DATA | REPLAY_GENERIC_WRITE) ||
		    !fd->io) {
			replay_run_end(action, REPLAY_STATUS_ACCESS_DENIED);
			return;
		}
		if (item->level == REPLAY_LEVEL_ALLOCATION) {
			action->step = SET_TIMES;
			done = replay_statx(action, fd);
		} else {
			action->step = SET_LAST;
			done = replay_ftruncate(action, fd, (off_t)item->offset);
		}
	}
	if (done && action->step == SET_TIMES) {
		if (action->result < 0 || item->offset >= action->stat.size) {
			replay_perform_error(action, action->result);
			return;
		}
		action->step = SET_LAST;
		done = replay_ftruncate(action, fd, (off_t)item->offset);
	}
	if (done) {
		replay_perform_error(action, action->result);
	}
}

/* ---- set-info: to be deleted ---- */

static bool is_read_only(const struct replay_action *action)
{
	return (action->item->flags & REPLAY_REMOVE) != 0 && action->result > 0 &&
	       (action->attributes & REPLAY_ATTRIBUTE_READ_ONLY) != 0;
}

/* That it is done when it is closed, the trace says; here smbd looks whether it may be. */
static void set_disposition(struct replay_action *action)
{
	struct replay_open *open = action->open;
	bool goes_on = true;

	if (open == NULL) {
		replay_run_fail(action, "marks for deletion without a handle");
		return;
	}
	if (action->step == SET && !replay_may(open, REPLAY_DELETE)) {
		replay_run_end(action, REPLAY_STATUS_ACCESS_DENIED);
		return;
	}
	while (goes_on) {
		switch (action->step) {
		case SET:
			if (open->is_directory && (action->item->flags & REPLAY_REMOVE) != 0) {
				action->step = OPENED_TO_SET;
				goes_on = replay_open(action,
						      replay_path_of(action)->full,
						      O_RDONLY | O_DIRECTORY,
						      0);
				break;
			}
			action->step = SET_LAST;
			if (!action->client->run->options->dos_attributes) {
				action->result = 0;
				break;
			}
			goes_on = replay_getxattr(action, &open->fd, REPLAY_DOS_ATTRIBUTES);
			break;
		case OPENED_TO_SET:
			if (action->result < 0) {
				replay_perform_error(action, action->result);
				return;
			}
			action->kept = action->got;
			action->state = replay_run_take_listing(action->client->run);
			if (action->state == NULL) {
				replay_drop(&action->kept);
				replay_perform_error(action, -ENOMEM);
				return;
			}
			action->step = SET_TIMES;
			goes_on = replay_readdir(action, &action->kept, action->state);
			break;
		case SET_TIMES:
			replay_run_give_listing(action->client->run, action->state);
			replay_drop(&action->kept);
			replay_run_end(action,
				       action->result > ENTRIES_OF_EMPTY
					       ? REPLAY_STATUS_DIRECTORY_NOT_EMPTY
					       : REPLAY_STATUS_OK);
			return;
		default:
			replay_run_end(action,
				       is_read_only(action) ? REPLAY_STATUS_CANNOT_DELETE
							    : REPLAY_STATUS_OK);
			return;
		}
	}
}

void replay_perform_set_info(struct replay_action *action)
{
	switch (action->item->level) {
	case REPLAY_LEVEL_BASIC:
		set_basic(action);
		break;
	case REPLAY_LEVEL_ALLOCATION:
	case REPLAY_LEVEL_END_OF_FILE:
		set_size(action);
		break;
	case REPLAY_LEVEL_DISPOSITION:
	case REPLAY_LEVEL_DISPOSITION_EX:
		set_disposition(action);
		break;
	default:
		replay_perform_names(action);
		break;
	}
}
