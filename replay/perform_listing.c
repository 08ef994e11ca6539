/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listing a directory: its names, and a look at each that the client is told of
 * (smbd_smb2_query_directory_send(), smbd_marshall_dir_entry()). A name without wildcards is looked
 * up by itself.
 */
#include "perform.h"

#include "operate.h"
#include "outcome.h"
#include "pattern.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BEGIN, OPENED, READ, LOOKED, LOOKED_AT_ONE, CLOSED };

static struct replay_fd *directory_of(struct replay_action *action)
{
	return action->open != NULL ? &action->open->fd : &action->kept;
}

static struct replay_listing *listing_of(struct replay_action *action)
{
	return action->open != NULL ? action->open->listing : action->state;
}

static void begin_listing(struct replay_listing *listing, const char *pattern)
{
	*listing = (struct replay_listing) {
		.single = !replay_pattern_is_wild(pattern) && !replay_pattern_is_all(pattern),
		.is_all = replay_pattern_is_all(pattern),
	};
	snprintf(listing->pattern, sizeof(listing->pattern), "%s", pattern);
}

/* Levels with the size of extended attributes: all but [MS-FSCC] 2.4.10 and 2.4.26. */
static bool wants_names(const struct replay_action *action)
{
	uint16_t level = action->item->level;

	return action->client->run->options->ea_support && level != 1 && level != 12;
}

/* How many entries the client was told; what the buffer's end cut off it asks for again. */
static size_t limit_of(const struct replay_item *item)
{
	if ((item->flags & REPLAY_LISTING_GOES_ON) != 0 && item->count > 0) {
		return item->count;
	}
	return SIZE_MAX;
}

static bool end(struct replay_action *action, uint32_t status)
{
	action->status = status;
	if (action->open == NULL) {
		replay_run_give_listing(action->client->run, action->state);
		action->state = NULL;
		action->step = CLOSED;
		return replay_close(action, &action->kept);
	}
	replay_run_end(action, status);
	return false;
}

static uint32_t end_status(const struct replay_listing *listing, size_t told)
{
	if (told > 0) {
		return REPLAY_STATUS_OK;
	}
	return listing->told > 0 ? REPLAY_STATUS_NO_MORE_FILES : REPLAY_STATUS_NO_SUCH_FILE;
}

/* Names that the pattern takes, as many as are there and may be told. */
static void choose(struct replay_action *action, struct replay_listing *listing)
{
	size_t left = limit_of(action->item) - action->told;

	action->num_names = 0;
	while (listing->at < listing->used && action->num_names < REPLAY_CHUNK &&
	       action->num_names < left) {
		const char *name = listing->names + listing->at;

		listing->at += strlen(name) + 1;
		if (!listing->is_all && !replay_pattern_matches(listing->pattern, name)) {
			continue;
		}
		/* What is above a directory is no name beneath it; it looks the same. */
		action->client->run->names[action->num_names++] =
			strcmp(name, "..") == 0 ? "." : name;
	}
	action->told += action->num_names;
	listing->told += action->num_names;
}

static bool go_on(struct replay_action *action)
{
	struct replay_listing *listing = listing_of(action);

	choose(action, listing);
	if (action->num_names > 0) {
		action->step = LOOKED;
		return replay_lookups(action, directory_of(action), wants_names(action));
	}
	if (listing->ended || action->told == limit_of(action->item)) {
		return end(action, end_status(listing, action->told));
	}
	action->step = READ;
	return replay_readdir(action, directory_of(action), listing);
}

static bool look_at_one(struct replay_action *action)
{
	struct replay_listing *listing = listing_of(action);
	const char *name = listing->pattern;

	if (listing->told > 0) {
		return end(action, REPLAY_STATUS_NO_MORE_FILES);
	}
	if (action->item->target != REPLAY_NONE) {
		/* As it is spelled here. */
		name = replay_target_of(action)->name;
	}
	action->step = LOOKED_AT_ONE;
	return replay_lookup_below(action, directory_of(action), name, wants_names(action));
}

static bool begin(struct replay_action *action)
{
	struct replay_run *run = action->client->run;
	const struct replay_item *item = action->item;
	const char *pattern = item->pattern != NULL ? item->pattern : "*";
	struct replay_open *open = action->open;
	struct replay_listing *listing = NULL;

	action->told = 0;
	if (strlen(pattern) >= sizeof(listing->pattern)) {
		replay_run_end(action, REPLAY_STATUS_OBJECT_NAME_INVALID);
		return false;
	}
	if (open == NULL) {
		action->step = OPENED;
		return replay_open(action, replay_path_of(action)->full, O_RDONLY | O_DIRECTORY, 0);
	}
	if (!open->is_directory) {
		replay_run_end(action, REPLAY_STATUS_INVALID_PARAMETER);
		return false;
	}
	if (!open->fd.io) {
		replay_run_end(action, REPLAY_STATUS_ACCESS_DENIED);
		return false;
	}
	if (open->listing == NULL) {
		open->listing = replay_run_take_listing(run);
		if (open->listing == NULL) {
			replay_perform_error(action, -ENOMEM);
			return false;
		}
		begin_listing(open->listing, pattern);
	} else if ((item->flags & REPLAY_RESTART) != 0) {
		begin_listing(open->listing, pattern);
	}
	return open->listing->single ? look_at_one(action) : go_on(action);
}

static bool opened(struct replay_action *action)
{
	struct replay_run *run = action->client->run;
	const struct replay_item *item = action->item;

	if (action->result == -ENOENT || action->result == -ENOTDIR || action->result == -ELOOP) {
		replay_run_end(action, REPLAY_STATUS_OBJECT_PATH_NOT_FOUND);
		return false;
	}
	if (action->result < 0) {
		replay_perform_error(action, action->result);
		return false;
	}
	action->kept = action->got;
	action->state = replay_run_take_listing(run);
	if (action->state == NULL) {
		replay_drop(&action->kept);
		replay_perform_error(action, -ENOMEM);
		return false;
	}
	begin_listing(action->state, item->pattern != NULL ? item->pattern : "*");
	return listing_of(action)->single ? look_at_one(action) : go_on(action);
}

void replay_perform_listing(struct replay_action *action)
{
	bool goes_on = true;

	while (goes_on) {
		struct replay_listing *listing = NULL;

		switch (action->step) {
		case BEGIN:
			goes_on = begin(action);
			break;
		case OPENED:
			goes_on = opened(action);
			break;
		case READ:
			listing = listing_of(action);
			if (action->result < 0) {
				goes_on = end(action, REPLAY_STATUS_NO_SUCH_FILE);
				break;
			}
			listing->ended = action->result == 0;
			goes_on = go_on(action);
			break;
		case LOOKED:
			goes_on = action->result < 0
					  ? end(action, replay_status_of((int)action->result))
					  : go_on(action);
			break;
		case LOOKED_AT_ONE:
			listing = listing_of(action);
			replay_drop(&action->got);
			listing->told = action->result == 0 ? 1 : 0;
			goes_on = end(action,
				      action->result == 0 ? REPLAY_STATUS_OK
							  : REPLAY_STATUS_NO_SUCH_FILE);
			break;
		default:
			replay_run_end(action, action->status);
			return;
		}
	}
}
