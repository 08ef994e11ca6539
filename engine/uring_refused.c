/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A ring that has worked and takes nothing any more: when that is so, and what becomes of the
 * entries that were prepared for it and of the requests to come. It is not tried again: the next
 * engine tries a ring of its own. A ring that can't be had from the start is uring_probe.c's and
 * engine.c's.
 *
 * An io_uring_enter that fails has consumed no entry, and one that took few says how many. What was
 * consumed ends at the head, which the kernel publishes before it returns (io_submit_sqes() and
 * io_uring_enter() in io_uring/io_uring.c, the same from 5.12 to 6.18). So nothing behind it has
 * begun, and what it was to do is done elsewhere for the first time; before it everything goes on,
 * and its completion comes.
 */
#include <errno.h>

#include "kernel.h"
#include "uring.h"

/*
 * Errors that time may mend are borne for so long; until then each submission is tried again, by
 * the next or by a timer (turn.c).
 */
#define REFUSED_NSEC 1000000000ULL

/*
 * EAGAIN: no memory for a request; EBUSY: too many completions wait; 0 is said for the former where
 * some memory was found too late.
 */
static bool may_pass(int answer)
{
	return answer == 0 || answer == -EAGAIN || answer == -EBUSY || answer == -EINTR ||
	       answer == -ENOMEM;
}

static const char *hint(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
	case -ENOSYS:
		return "io_uring_enter is denied by now: see the seccomp profile of the service or "
		       "container";
	case -EAGAIN:
	case -ENOMEM:
		return "no memory for submissions: raise the limit of the control group (memory.max)";
	default:
		return "io_uring_enter fails";
	}
}

void uring_note_answer(struct pathring *ring, int answer)
{
	struct uring *uring = ring->uring;
	uint64_t now;

	if (answer > 0) {
		uring->refused_since = 0;
		return;
	}
	if (may_pass(answer)) {
		now = engine_clock();
		if (uring->refused_since == 0) {
			uring->refused_since = now;
		}
		if (now - uring->refused_since < REFUSED_NSEC) {
			return;
		}
	}
	if (answer == 0) {
		answer = -EAGAIN;
	}
	uring->given_up = true;
	engine_lose_backend(ring, answer, hint(answer));
}

void uring_withdraw_entries(struct pathring *ring)
{
	struct io_uring_sq *queue = &ring->uring->io_uring.sq;
	unsigned int at = *queue->khead;
	unsigned int end = queue->sqe_tail;

	/* The kernel looks at its tail only where it is entered. */
	*queue->ktail = at;
	queue->sqe_head = at;
	queue->sqe_tail = at;
	while (at != end) {
		uring_completion(ring, queue->sqes[at & queue->ring_mask].user_data, -ECANCELED);
		at++;
	}
}

void uring_clear_slots(struct uring *uring)
{
	const int none = -1;

	while (uring->num_closing_slots > 0) {
		unsigned int slot = uring->closing_slots[--uring->num_closing_slots];
		int ret;

		ret = io_uring_register_files_update(&uring->io_uring, slot, &none, 1);
		if (ret == 1) {
			uring->free_slots[uring->num_free_slots++] = slot;
		}
		/* Else it is closed with the ring. */
	}
}

void uring_run_elsewhere(struct pathring *ring, struct pathring_request *request)
{
	struct operation *operation = &request->operation;

	/*
	 * A transfer goes on behind what an earlier round has moved; a lookup, which changes
	 * nothing, begins again.
	 */
	if (operation->class->kind == PATHRING_LOOKUP) {
		uring_lookup_withdraw(ring, request);
		operation->class->discard(operation);
	}
	request->reason = PATHRING_REASON_NO_RING;
	engine_run_in_thread(ring, request);
}
