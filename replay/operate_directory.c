/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on a directory: its names, and what is behind many of them.
 */
#include "operate_internal.h"

#include <dirent.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As linux_dirent64, which no header of the C library has. */
struct entry {
	uint64_t inode;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* False: there is no room for it. */
static bool keep(struct replay_listing *listing, const char *name, uint64_t next)
{
	size_t length = strlen(name) + 1;

	if (length > REPLAY_LISTING_SIZE - listing->used) {
		return false;
	}
	memcpy(listing->names + listing->used, name, length);
	listing->used += length;
	listing->position = next;
	return true;
}

static ssize_t read_here(struct replay_fd *fd, struct replay_listing *listing)
{
	_Alignas(struct entry) char buffer[REPLAY_LISTING_SIZE];
	ssize_t count = 0;
	long size = 0;
	long at = 0;
	off_t moved = 0;

	/* Names are shorter than their entries: all that the kernel gives has room. */
	moved = lseek(fd->fd, (off_t)listing->position, SEEK_SET);
	size = moved == -1 ? -1 : syscall(SYS_getdents64, fd->fd, buffer, sizeof(buffer));
	if (size < 0) {
		return -errno;
	}
	while (at < size) {
		const struct entry *entry = (const struct entry *)(buffer + at);

		keep(listing, entry->name, (uint64_t)entry->next);
		at += entry->length;
		count++;
	}
	return count;
}

static void readdir_done(struct pathring_request *request, void *private_data)
{
	struct replay_action *action = private_data;
	struct replay_listing *listing = action->state;
	const struct pathring_entry *entries = NULL;
	ssize_t count = pathring_readdir_result(request, &entries);
	ssize_t i = 0;

	for (i = 0; i < count; i++) {
		if (!keep(listing, entries[i].name, entries[i].next)) {
			count = i;
		}
	}
	replay_operate_done(action, count);
}

bool replay_readdir(struct replay_action *action,
		    struct replay_fd *fd,
		    struct replay_listing *listing)
{
	int ret = 0;

	listing->used = 0;
	listing->at = 0;
	if (replay_operate_here(action, PATHRING_READDIR)) {
		return replay_operate_did(action, PATHRING_READDIR, read_here(fd, listing));
	}
	action->state = listing;
	ret = pathring_readdir_request(action->client->run->ring,
				       replay_operate_identity(action),
				       replay_fd_handle(action, fd),
				       listing->position,
				       REPLAY_LISTING_SIZE,
				       readdir_done,
				       action,
				       &action->request);
	return replay_operate_asked(action, PATHRING_READDIR, ret);
}

static void lookups_done(struct pathring_request *request, void *private_data)
{
	struct replay_action *action = private_data;

	/* The request itself has no outcome but that the identity could be assumed. */
	replay_operate_done(action,
			    pathring_lookups_result(request, 0, NULL, NULL) == -EPERM
				    ? -EPERM
				    : (ssize_t)action->num_names);
}

bool replay_lookups(struct replay_action *action, struct replay_fd *fd, bool with_names)
{
	struct replay_run *run = action->client->run;
	struct pathring_request *request = NULL;
	struct pathring_lookup_how how;
	int ret = 0;

	replay_lookup_how(run->options->dos_attributes, with_names, &how);
	if (replay_operate_here(action, PATHRING_LOOKUPS)) {
		ret = pathring_lookups_here(run->ring,
					    replay_operate_identity(action),
					    replay_fd_handle(action, fd),
					    run->names,
					    action->num_names,
					    &how,
					    &request);
		pathring_request_free(request);
		return replay_operate_did(
			action, PATHRING_LOOKUPS, ret < 0 ? ret : (ssize_t)action->num_names);
	}
	ret = pathring_lookups_request(run->ring,
				       replay_operate_identity(action),
				       replay_fd_handle(action, fd),
				       action->client->run->names,
				       action->num_names,
				       &how,
				       lookups_done,
				       action,
				       &action->request);
	return replay_operate_asked(action, PATHRING_LOOKUPS, ret);
}
