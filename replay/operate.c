/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all operations have in common: where they are done, what they took, whose they are.
 */
#include "operate_internal.h"

#include <unistd.h>

/*
 * Two in a row that took so long have waited for something: then operations of the kind are the
 * engine's for a while, whose other requests go on meanwhile. (Once may be another process that had
 * the processor.) The same numbers as the engine's own, engine/placement.c.
 */
#define SLOW_NSEC 500000
#define SLOW_IN_A_ROW 2
#define SLOW_FOR_NSEC 100000000

bool replay_operate_here(const struct replay_action *action, enum pathring_operation operation)
{
	const struct replay_run *run = action->client->run;

	return run->is_switched && run->slow_until[operation] <= action->clock;
}

static void
learn(struct replay_run *run, enum pathring_operation operation, uint64_t nsec, uint64_t now)
{
	/* What moves megabytes takes its time. */
	if (nsec < SLOW_NSEC || operation == PATHRING_PREAD || operation == PATHRING_PWRITE) {
		run->slow_in_a_row[operation] = 0;
		return;
	}
	run->slow_in_a_row[operation]++;
	if (run->slow_in_a_row[operation] == SLOW_IN_A_ROW) {
		run->slow_in_a_row[operation] = 0;
		run->slow_until[operation] = now + SLOW_FOR_NSEC;
	}
}

bool replay_operate_did(struct replay_action *action,
			enum pathring_operation operation,
			ssize_t result)
{
	struct replay_run *run = action->client->run;
	uint64_t now = replay_now();
	uint64_t nsec = now - action->clock;

	action->clock = now;
	action->result = result;
	/* Of many names each is one. */
	learn(run,
	      operation,
	      operation == PATHRING_LOOKUPS && result > 0 ? nsec / (uint64_t)result : nsec,
	      now);
	replay_results_add_operation(run->results, operation, nsec, result);
	return true;
}

bool replay_operate_asked(struct replay_action *action, enum pathring_operation operation, int ret)
{
	struct replay_run *run = action->client->run;

	action->operation = operation;
	if (ret < 0) {
		action->request = NULL;
		action->result = ret;
		replay_results_add_operation(run->results, operation, 0, ret);
		return true;
	}
	run->in_flight++;
	return false;
}

void replay_operate_done(struct replay_action *action, ssize_t result)
{
	struct replay_run *run = action->client->run;

	replay_results_add_operation(run->results,
				     action->operation,
				     pathring_request_duration(action->request),
				     result);
	pathring_request_free(action->request);
	action->request = NULL;
	action->result = result;
	run->in_flight--;
	replay_run_resume(action);
}

struct pathring_handle *replay_fd_handle(struct replay_action *action, struct replay_fd *fd)
{
	int ret = 0;

	if (fd->handle == NULL && fd->fd != -1) {
		ret = pathring_handle_borrow(action->client->run,
					     fd->fd,
					     fd->io ? PATHRING_IO : PATHRING_PATHREF,
					     &fd->handle);
		if (ret < 0) {
			fd->handle = NULL;
		}
	}
	return fd->handle;
}

struct pathring_identity *replay_operate_identity(const struct replay_action *action)
{
	return action->client->run->ready[action->item->user].identity;
}

void replay_drop(struct replay_fd *fd)
{
	if (fd->fd == -1) {
		return;
	}
	TALLOC_FREE(fd->handle);
	if (!fd->owned) {
		close(fd->fd);
	}
	*fd = (struct replay_fd) { .fd = -1 };
}
