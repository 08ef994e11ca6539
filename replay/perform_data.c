/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading, writing and flushing.
 */
#include "perform.h"

#include "content.h"
#include "operate.h"
#include "status.h"

#include <errno.h>

static void end_transfer(struct replay_action *action)
{
	const struct replay_item *item = action->item;

	switch (action->result) {
	case -EBADF:
		/* Open, but not for that. */
		replay_run_end(action,
			       action->open->is_directory ? REPLAY_STATUS_INVALID_DEVICE_REQUEST
							  : REPLAY_STATUS_ACCESS_DENIED);
		return;
	case -EISDIR:
		replay_run_end(action, REPLAY_STATUS_INVALID_DEVICE_REQUEST);
		return;
	default:
		break;
	}
	if (action->result < 0) {
		replay_perform_error(action, action->result);
	} else if (item->command == REPLAY_READ && action->result == 0 && item->length > 0) {
		replay_run_end(action, REPLAY_STATUS_END_OF_FILE);
	} else if (item->command == REPLAY_WRITE && (size_t)action->result < item->length) {
		replay_run_end(action, REPLAY_STATUS_DISK_FULL);
	} else {
		replay_run_end(action, REPLAY_STATUS_OK);
	}
}

void replay_perform_data(struct replay_action *action)
{
	const struct replay_item *item = action->item;
	struct replay_fd *fd = NULL;
	bool done = false;

	if (action->step == 0) {
		if (action->open == NULL) {
			replay_run_fail(action, "reads and writes without a handle");
			return;
		}
		if (item->offset > (uint64_t)INT64_MAX - item->length) {
			replay_run_end(action, REPLAY_STATUS_INVALID_PARAMETER);
			return;
		}
		fd = &action->open->fd;
		action->step = 1;
		if (item->command == REPLAY_READ) {
			done = replay_pread(action, fd, item->length, (off_t)item->offset);
		} else if (item->command == REPLAY_WRITE) {
			done = replay_pwrite(action,
					     fd,
					     replay_content_at(action->client->run->content,
							       replay_path_of(action)->hash,
							       item->offset),
					     item->length,
					     (off_t)item->offset);
		} else if (!fd->io) {
			replay_run_end(action,
				       action->open->is_directory ? REPLAY_STATUS_OK
								  : REPLAY_STATUS_ACCESS_DENIED);
			return;
		} else {
			done = replay_fsync(action, fd);
		}
		if (!done) {
			return;
		}
	}
	end_transfer(action);
}
