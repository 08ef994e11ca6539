/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Performing a request of a client: which file knows how, and what several of them need.
 */
#include "perform.h"

#include "operate.h"
#include "outcome.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_MODE 0666
#define DIRECTORY_MODE 0777

/* Of a file that has them from the beginning. */
#define ATTRIBUTE_ARCHIVE 0x20

const struct replay_path *replay_path_of(const struct replay_action *action)
{
	return action->client->run->plan->paths[action->item->path];
}

const struct replay_path *replay_target_of(const struct replay_action *action)
{
	return action->client->run->plan->paths[action->item->target];
}

const char *replay_parent_of(const struct replay_path *path)
{
	return path->parent != NULL ? path->parent->full : path->full;
}

mode_t replay_mode_of(const struct replay_path *path, enum replay_kind kind)
{
	if (path->denied) {
		return path->mode;
	}
	return kind == REPLAY_KIND_DIRECTORY ? DIRECTORY_MODE : FILE_MODE;
}

unsigned int replay_rights_of(const struct replay_action *action, const struct replay_stat *stat)
{
	const struct replay_run *run = action->client->run;
	const struct replay_user *user = &run->plan->users[action->item->user];
	uid_t uid = run->options->self ? geteuid() : user->uid;
	size_t i = 0;

	if (uid == 0) {
		return REPLAY_WANTS_READ | REPLAY_WANTS_WRITE;
	}
	if (stat->uid == uid) {
		return stat->mode >> 6 & (REPLAY_WANTS_READ | REPLAY_WANTS_WRITE);
	}
	if (stat->gid == user->gid) {
		return stat->mode >> 3 & (REPLAY_WANTS_READ | REPLAY_WANTS_WRITE);
	}
	for (i = 0; i < user->num_groups; i++) {
		if (stat->gid == user->groups[i]) {
			return stat->mode >> 3 & (REPLAY_WANTS_READ | REPLAY_WANTS_WRITE);
		}
	}
	return stat->mode & (REPLAY_WANTS_READ | REPLAY_WANTS_WRITE);
}

void replay_dos_attributes(uint32_t attributes, uint8_t value[REPLAY_DOS_ATTRIBUTES_SIZE])
{
	uint8_t bits = (uint8_t)(attributes != 0 ? attributes : ATTRIBUTE_ARCHIVE);

	/* An empty string, the version twice, which members are valid (the attributes). */
	memset(value, 0, REPLAY_DOS_ATTRIBUTES_SIZE);
	value[2] = 5;
	value[4] = 5;
	value[8] = 1;
	value[12] = bits;
	value[13] = (uint8_t)(attributes >> 8);
}

uint32_t replay_dos_attributes_of(const uint8_t *value, ssize_t size)
{
	return size == REPLAY_DOS_ATTRIBUTES_SIZE ? value[12] | (uint32_t)value[13] << 8 : 0;
}

/* [MS-SMB2] 3.3.5.20, 3.3.5.21. One without any access comes from a source that tells none. */
bool replay_may(const struct replay_open *open, uint32_t any)
{
	if (open == NULL || open->access == 0) {
		return true;
	}
	return (open->access & (any | REPLAY_GENERIC_ALL | REPLAY_MAXIMUM_ALLOWED)) != 0;
}

void replay_perform_error(struct replay_action *action, ssize_t error)
{
	replay_run_end(action, replay_status_of((int)error));
}

/* smbd opens the directory first, and says which of the two is not there. */
void replay_perform_missing(struct replay_action *action, int error)
{
	const struct replay_path *path = replay_path_of(action);

	if (action->step < REPLAY_STEP_MISSING) {
		if (error != -ENOENT) {
			replay_run_end(action, REPLAY_STATUS_OBJECT_PATH_NOT_FOUND);
			return;
		}
		if (path->parent == NULL || path->parent->parent == NULL) {
			replay_run_end(action, REPLAY_STATUS_OBJECT_NAME_NOT_FOUND);
			return;
		}
		action->step = REPLAY_STEP_MISSING;
		if (!replay_open(action, path->parent->full, O_PATH | O_DIRECTORY, 0)) {
			return;
		}
	}
	replay_drop(&action->got);
	switch (action->result) {
	case 0:
		replay_run_end(action, REPLAY_STATUS_OBJECT_NAME_NOT_FOUND);
		return;
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
		replay_run_end(action, REPLAY_STATUS_OBJECT_PATH_NOT_FOUND);
		return;
	default:
		replay_perform_error(action, action->result);
	}
}

static bool find_open(struct replay_action *action)
{
	const struct replay_item *item = action->item;

	if (item->file == REPLAY_NONE || item->command == REPLAY_CREATE) {
		return true;
	}
	action->open = action->client->files[item->file];
	return action->open != NULL;
}

void replay_perform(struct replay_action *action)
{
	if (action->step == 0) {
		action->got.fd = -1;
		action->kept.fd = -1;
		action->other.fd = -1;
		action->open = NULL;
		if (!find_open(action)) {
			action->lost = true;
			replay_run_end(action, REPLAY_STATUS_FILE_CLOSED);
			return;
		}
	}
	if (action->step == REPLAY_STEP_MISSING) {
		replay_perform_missing(action, 0);
		return;
	}
	switch (action->item->command) {
	case REPLAY_CREATE:
		replay_perform_create(action);
		break;
	case REPLAY_CLOSE:
		replay_perform_close(action);
		break;
	case REPLAY_READ:
	case REPLAY_WRITE:
	case REPLAY_FLUSH:
		replay_perform_data(action);
		break;
	case REPLAY_QUERY_INFO:
		replay_perform_query_info(action);
		break;
	case REPLAY_SET_INFO:
		replay_perform_set_info(action);
		break;
	case REPLAY_QUERY_DIRECTORY:
		replay_perform_listing(action);
		break;
	default:
		replay_perform_names(action);
		break;
	}
}
