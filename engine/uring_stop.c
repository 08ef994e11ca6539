/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The end of a ring: cancelling what is on its way, waiting for it, and what is done with
 * completions that come when there is no engine any more. Who keeps what they need until then, and
 * who waits, is linger.c's.
 */
#include <errno.h>
#include <poll.h>

#include "kernel.h"
#include "linger.h"
#include "uring.h"

/* How often a stopping ring cancels again what has begun meanwhile, in milliseconds. */
#define STOP_POLL_MSEC 50

/*
 * What a completion of a request brings that has outlived the engine: only what it has opened or
 * closed matters. In linger.c's thread.
 */
static void late_completion(struct uring *uring,
			    struct lingering *lingering,
			    const struct kernel_completion *completion)
{
	unsigned int step = (unsigned int)(completion->user_data & STEP_MASK);
	struct pathring_request *request = NULL;

	uring->in_flight--;
	if ((completion->user_data & INTERNAL_TAG) != 0) {
		return;
	}
	request = (struct pathring_request *)(uintptr_t)(completion->user_data & ~STEP_MASK);
	request->uring.outstanding &= (uint16_t) ~(1U << step);
	if (step == STEP_ONLY) {
		uring_note_result(request, completion->result);
	} else {
		uring_lookup_late_step(request, step, completion->result);
	}
	if (request->uring.outstanding == 0) {
		linger_end_request(lingering, request);
	}
}

static bool collect_late(struct lingering *lingering, void *private_data)
{
	struct uring *uring = private_data;
	struct kernel_completion completions[REAP_AT_ONCE];
	unsigned int count;
	unsigned int i;

	do {
		count = kernel_completions(&uring->io_uring, completions, REAP_AT_ONCE);
		for (i = 0; i < count; i++) {
			late_completion(uring, lingering, &completions[i]);
		}
	} while (count > 0);
	return uring->in_flight == 0;
}

static void release_late(void *private_data)
{
	struct uring *uring = private_data;

	io_uring_queue_exit(&uring->io_uring);
}

static void leave_behind(struct pathring *ring)
{
	struct uring *uring = ring->uring;
	struct pathring_request *request = NULL;
	struct pathring_request *next = NULL;

	linger_add_part(ring->lingering, uring);
	for (request = TAILQ_FIRST(&ring->running); request != NULL; request = next) {
		next = TAILQ_NEXT(request, link);
		if (!request->diverted) {
			linger_add_request(ring->lingering, request);
		}
	}
	ring->uring = NULL;
	uring_workers_leave_behind(uring);
	linger_watch(ring->lingering,
		     uring->io_uring.ring_fd,
		     uring->in_flight,
		     collect_late,
		     release_late,
		     uring);
}

/*
 * Completions are waited for: until then the kernel may write into requests. Workers can be
 * interrupted where they sleep interruptibly; what was not yet begun when it was cancelled is
 * caught by the next try. What is left at the end sleeps otherwise: FUSE, for example, doesn't let
 * go of a request that its server has read (request_wait_answer() in fs/fuse/dev.c).
 */
void uring_stop(struct pathring *ring)
{
	struct uring *uring = ring->uring;

	while (uring->in_flight > 0 && engine_clock() < ring->stop_end) {
		struct io_uring_sync_cancel_reg cancel = {
			.fd = -1,
			.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
		};
		struct pollfd polled = {
			.fd = uring->io_uring.ring_fd,
			.events = POLLIN,
		};

		uring_flush_once(ring);
		uring_reap(ring);
		if (uring->in_flight == 0) {
			break;
		}
		io_uring_register_sync_cancel(&uring->io_uring, &cancel);
		poll(&polled, 1, STOP_POLL_MSEC);
		uring_reap(ring);
	}
	if (uring->in_flight > 0) {
		uring_withdraw_entries(ring);
	}
	if (uring->in_flight > 0) {
		leave_behind(ring);
		return;
	}
	io_uring_queue_exit(&uring->io_uring);
	TALLOC_FREE(ring->uring);
}
