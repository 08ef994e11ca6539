/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The ring: operations as submission entries, each with an explicit personality, and their
 * completions. Set-up and what the kernel can do are in uring_probe.c, lookup in uring_lookup.c.
 *
 * Every entry names a personality, root's too: without one, an entry that the kernel issues later
 * from task work runs as whoever the thread happens to be at that moment. The one exception is
 * FIXED_FD_INSTALL, which the kernel refuses with a personality (EPERM, io_uring/openclose.c, 6.8):
 * it opens nothing and asks no permission, it moves a file that was opened under an identity into
 * the descriptor table.
 */
#include "backend.h"

#include <errno.h>
#include <unistd.h>

#include "handle.h"
#include "helper.h"
#include "kernel.h"
#include "mounts.h"
#include "placement.h"
#include "uring.h"

/* ---- personalities ---- */

static int register_current(struct pathring *ring)
{
	return kernel_register_personality(&ring->uring->io_uring);
}

static int unregister(struct pathring *ring, int personality)
{
	return kernel_unregister_personality(&ring->uring->io_uring, personality);
}

static bool uring_flush(struct pathring *ring);

static bool flush_prepared(struct pathring *ring)
{
	uring_flush(ring);
	return io_uring_sq_ready(&ring->uring->io_uring) == 0;
}

static const struct personality_methods personality_methods = {
	.register_current = register_current,
	.unregister = unregister,
	.flush = flush_prepared,
};

/* The thread is identity now: the registration needs no switch. */
static void uring_adopt(struct pathring *ring, struct identity *identity)
{
	if (identity->personality == 0 && !ring->uring->given_up) {
		identity_personality(identity, &personality_methods);
	}
}

static int process_personality(struct pathring *ring)
{
	return identity_personality(identity_of(ring, ring->identities.process),
				    &personality_methods);
}

/* ---- submission ---- */

bool uring_flush_once(struct pathring *ring)
{
	struct uring *uring = ring->uring;
	unsigned int ready = io_uring_sq_ready(&uring->io_uring);
	int ret;

	if (ready == 0 || uring->given_up) {
		return ready == 0;
	}
	ret = kernel_submit(&uring->io_uring);
	ring->stats.enters++;
	if (ret > 0) {
		ring->stats.submissions += (uint64_t)ret;
	}
	uring_note_answer(ring, ret);
	return ret == (int)ready;
}

bool uring_make_room(struct pathring *ring, unsigned int count)
{
	struct uring *uring = ring->uring;

	if (uring->in_flight + uring->num_late_entries + count > uring->limit) {
		return false;
	}
	if (io_uring_sq_space_left(&uring->io_uring) < count) {
		uring_flush_once(ring);
	}
	return io_uring_sq_space_left(&uring->io_uring) >= count;
}

struct io_uring_sqe *
uring_entry(struct uring *uring, struct pathring_request *request, unsigned int step)
{
	uring->in_flight++;
	request->uring.outstanding |= (uint16_t)(1U << step);
	request->uring.look = uring->workers.look;
	return io_uring_get_sqe(&uring->io_uring);
}

void uring_entry_ready(struct io_uring_sqe *entry,
		       struct pathring_request *request,
		       unsigned int step,
		       int personality)
{
	entry->user_data = (uint64_t)(uintptr_t)request | step;
	entry->personality = (uint16_t)personality;
}

/* How many entries the next round of a request takes at most. */
static unsigned int entries_needed(const struct pathring_request *request)
{
	if (request->operation.class->kind == PATHRING_LOOKUP) {
		return uring_lookup_entries(request);
	}
	return 1;
}

/*
 * How many workers it may hold at once: a lookup's xattrs and statx go together, once it has a
 * descriptor.
 */
static unsigned int workers_needed(const struct pathring_request *request)
{
	if (request->operation.class->kind == PATHRING_LOOKUP) {
		return (unsigned int)request->operation.lookup.num_xattrs + 1;
	}
	return 1;
}

/* Done in this thread because it can't block: see placement.c. */
static bool take_inline(struct pathring *ring, struct pathring_request *request)
{
	struct operation *operation = &request->operation;
	int result = 0;
	bool done;

	if (operation->class->kind != PATHRING_STATX) {
		return false;
	}
	done = placement_statx_inline(ring,
				      descriptor_pathref_fd(operation->target),
				      operation->statx.flags,
				      operation->statx.mask,
				      &operation->statx.stx,
				      &result);
	if (done) {
		operation->result = result;
		request_complete(request, PATHRING_INLINE);
	}
	return done;
}

/*
 * A close that flushes ends with whatever the file system says (FUSE: with what a user's server
 * says), ECANCELED included, and the descriptor is gone. An ECANCELED from the ring must mean that
 * it is not: else the number would be closed twice, and be another file's by then.
 */
static bool may_flush(struct pathring *ring, const struct operation *operation)
{
	const struct mount *mount = NULL;

	if (operation->class->kind != PATHRING_CLOSE) {
		return false;
	}
	mount = mount_of(ring, operation->target);
	return mount == NULL || !mount->local;
}

/* What the kernel would not do on the ring as it does the system call. */
static bool needs_thread(struct pathring *ring, const struct pathring_request *request)
{
	const struct operation *operation = &request->operation;

	/*
	 * umask would shape the mode: a kernel worker shares the fs_struct of the thread that
	 * submits.
	 */
	if (operation_creates(operation) || operation->class->in_thread ||
	    !ring->uring->runs[operation->class->kind]) {
		return true;
	}
	/*
	 * Of nothing at all from a directory: 0 instead of EISDIR, where a file has no read_iter
	 * (loop_rw_iter() in io_uring/rw.c, 6.18).
	 */
	if (operation->class->kind == PATHRING_PREAD && operation->transfer.size == 0) {
		return true;
	}
	return may_flush(ring, operation);
}

/*
 * Whatever has changed since: what the ring has begun goes on there. It may have opened something,
 * which a thread would open again.
 */
static bool goes_to_thread(struct pathring *ring, struct pathring_request *request)
{
	if (request->begun) {
		return false;
	}
	if (needs_thread(ring, request)) {
		return true;
	}
	if (placement_pinned_to_thread(ring, request) && helpers_start(ring) == 0) {
		request->reason = PATHRING_REASON_PINNED;
		return true;
	}
	if (!placement_may_use_ring(ring, request)) {
		request->reason = PATHRING_REASON_OBJECTIVE;
		return true;
	}
	return false;
}

/* There is no personality any more for what had one in an earlier round. */
static void refuse(struct pathring *ring, struct pathring_request *request, int error)
{
	struct operation *operation = &request->operation;
	enum pathring_operation kind = operation->class->kind;
	bool is_transfer = kind == PATHRING_PREAD || kind == PATHRING_PWRITE;

	uring_lookup_withdraw(ring, request);
	if (!is_transfer || operation->transfer.done == 0) {
		operation->result = error;
	}
	request_complete(request, PATHRING_INLINE);
}

static bool uring_take(struct pathring *ring, struct pathring_request *request)
{
	struct uring *uring = ring->uring;
	struct io_uring_sqe *entry = NULL;
	int personality;
	bool entered;
	bool room;

	if (goes_to_thread(ring, request)) {
		engine_run_in_thread(ring, request);
		return true;
	}
	if (take_inline(ring, request)) {
		return true;
	}
	if (uring->given_up) {
		uring_run_elsewhere(ring, request);
		return true;
	}
	entered = request_enter_share(request, workers_needed(request));
	if (!entered) {
		return true;
	}

	personality = identity_personality(request->identity, &personality_methods);
	if (personality == -EAGAIN) {
		return false;
	}
	if (personality < 0 && request->begun) {
		refuse(ring, request, personality);
		return true;
	}
	if (personality < 0) {
		/* A thread can be whom the ring can't have, or will say itself that it can't. */
		engine_divert(ring, request, personality);
		return true;
	}

	room = uring_make_room(ring, entries_needed(request));
	if (!room) {
		return false;
	}
	if (request->operation.class->kind == PATHRING_LOOKUP) {
		uring_lookup_prepare(ring, request, personality);
		return true;
	}
	entry = uring_entry(uring, request, STEP_ONLY);
	uring_operations[request->operation.class->kind].prepare(entry, &request->operation);
	uring_entry_ready(entry, request, STEP_ONLY, personality);
	return true;
}

struct io_uring_sqe *uring_internal_entry(struct uring *uring)
{
	struct io_uring_sqe *entry = NULL;

	if (uring->in_flight >= uring->capacity) {
		return NULL;
	}
	entry = io_uring_get_sqe(&uring->io_uring);
	if (entry != NULL) {
		uring->in_flight++;
	}
	return entry;
}

/* Slots of finished lookups are closed with whatever is submitted next. */
static void close_slots(struct pathring *ring)
{
	struct uring *uring = ring->uring;
	int personality;

	if (uring->num_closing_slots == 0) {
		return;
	}
	personality = process_personality(ring);
	if (personality < 0) {
		return;
	}
	while (uring->num_closing_slots > 0) {
		struct io_uring_sqe *entry = uring_internal_entry(uring);
		unsigned int slot;

		if (entry == NULL) {
			break;
		}
		slot = uring->closing_slots[--uring->num_closing_slots];
		io_uring_prep_close_direct(entry, slot);
		entry->personality = (uint16_t)personality;
		entry->user_data = INTERNAL_CLOSE_SLOT | (uint64_t)slot << 8;
	}
}

static bool uring_flush(struct pathring *ring)
{
	close_slots(ring);
	uring_lookup_prepare_late(ring);
	uring_workers_look(ring);
	return uring_flush_once(ring);
}

/* ---- completion ---- */

bool uring_must_divert(const struct pathring_request *request, ssize_t result)
{
	if (request->orphaned || request->diverted) {
		return false;
	}
	/*
	 * EINVAL: an old kernel, or the arguments: a thread will tell. ECANCELED: no worker could
	 * be made (RLIMIT_NPROC).
	 */
	return result == -EINVAL || result == -ECANCELED;
}

/* Whether a transfer is to go on, and its outcome so far. */
static bool transfer_goes_on(struct pathring_request *request, int result)
{
	struct operation *operation = &request->operation;
	struct transfer_arguments *arguments = &operation->transfer;

	if (result > 0) {
		arguments->done += (size_t)result;
	}
	operation->result = result < 0 && arguments->done == 0 ? result : (ssize_t)arguments->done;
	return result > 0 && arguments->done < arguments->size && !request->orphaned;
}

void uring_note_result(struct pathring_request *request, int result)
{
	struct operation *operation = &request->operation;

	operation->result = result;
	if (operation->class->kind == PATHRING_OPENAT) {
		operation->openat.fd = result >= 0 ? result : -1;
		operation->result = result >= 0 ? 0 : result;
	} else if (operation->class->kind == PATHRING_CLOSE && result != -ECANCELED) {
		/* Closed whatever it said. */
		operation->target->fd = -1;
	}
}

static void complete_single(struct pathring *ring, struct pathring_request *request, int result)
{
	struct operation *operation = &request->operation;

	uring_note_result(request, result);
	switch (operation->class->kind) {
	case PATHRING_OPENAT:
		if (!request->orphaned && uring_must_cross(&operation->openat.how, result)) {
			engine_divert(ring, request, result);
			return;
		}
		break;
	case PATHRING_CLOSE:
		if (result != -ECANCELED) {
			/* No other way is tried. */
			request_complete(request, PATHRING_RING);
			return;
		}
		break;
	case PATHRING_GETXATTR:
	case PATHRING_SETXATTR:
		if (descriptor_io_fd(operation->target) < 0) {
			operation->result =
				operation_proc_result(operation->xattr.proc_path, result);
		}
		break;
	case PATHRING_PREAD:
	case PATHRING_PWRITE:
		if (uring_must_divert(request, result)) {
			/* Behind what was moved before. */
			engine_divert(ring, request, result);
			return;
		}
		if (transfer_goes_on(request, result)) {
			request_requeue(request);
			return;
		}
		break;
	default:
		break;
	}

	if (uring_must_divert(request, operation->result)) {
		engine_divert(ring, request, operation->result);
		return;
	}
	request_complete(request, PATHRING_RING);
}

/*
 * ERESTARTSYS and its kin are for the system call path; on the ring they leak out of interrupted
 * workers.
 */
static int sane_result(int result)
{
	return result <= -512 && result >= -516 ? -EINTR : result;
}

/*
 * Where the close has failed the slot still holds the file, and an install that comes before the
 * next open into it would give that file to whoever asked for another.
 */
static void slot_closed(struct uring *uring, unsigned int slot, int result)
{
	if (result == 0) {
		uring->free_slots[uring->num_free_slots++] = slot;
	} else {
		uring->closing_slots[uring->num_closing_slots++] = slot;
	}
}

void uring_completion(struct pathring *ring, uint64_t user_data, int result)
{
	struct uring *uring = ring->uring;
	struct pathring_request *request = NULL;
	unsigned int step = (unsigned int)(user_data & STEP_MASK);

	uring->in_flight--;
	if ((user_data & INTERNAL_TAG) != 0) {
		if (step == (INTERNAL_CLOSE_SLOT & STEP_MASK)) {
			slot_closed(uring, (unsigned int)(user_data >> 8) & 0xffffff, result);
		}
		return;
	}

	request = (struct pathring_request *)(uintptr_t)(user_data & ~STEP_MASK);
	result = sane_result(result);
	request->uring.outstanding &= (uint16_t) ~(1U << step);
	uring_workers_note(uring, request);
	if (step == STEP_ONLY) {
		complete_single(ring, request, result);
		return;
	}
	uring_lookup_step(ring, request, step, result);
	if (request->uring.outstanding == 0) {
		uring_lookup_finish(ring, request);
	}
}

void uring_reap(struct pathring *ring)
{
	struct kernel_completion completions[REAP_AT_ONCE];
	unsigned int count;
	unsigned int i;

	if (ring->uring->given_up) {
		uring_withdraw_entries(ring);
		requests_release_held(ring);
	}
	do {
		count = kernel_completions(&ring->uring->io_uring, completions, REAP_AT_ONCE);
		for (i = 0; i < count; i++) {
			uring_completion(ring, completions[i].user_data, completions[i].result);
		}
	} while (count > 0);
	if (ring->uring->given_up) {
		uring_clear_slots(ring->uring);
	}
}

static void uring_cancel(struct pathring *ring, struct pathring_request *request)
{
	struct uring *uring = ring->uring;
	unsigned int step;
	int personality;

	if (request->diverted) {
		helpers_cancel(ring, request);
		return;
	}
	personality = process_personality(ring);
	if (personality < 0 || ring->closing) {
		return;
	}
	for (step = 0; step < STEP_END; step++) {
		struct io_uring_sqe *entry = NULL;

		if ((request->uring.outstanding & 1U << step) == 0) {
			continue;
		}
		if (io_uring_sq_space_left(&uring->io_uring) == 0) {
			uring_flush_once(ring);
		}
		entry = uring_internal_entry(uring);
		if (entry == NULL) {
			/* It ends when it ends: its completion is swallowed either way. */
			break;
		}
		io_uring_prep_cancel64(entry, (uint64_t)(uintptr_t)request | step, 0);
		entry->personality = (uint16_t)personality;
		entry->user_data = INTERNAL_CANCEL;
	}
	turn_schedule(ring->own_turn);
}

/* ---- start and stop ---- */

static int uring_start(struct pathring *ring, const char **reason)
{
	struct uring *uring = NULL;
	int ret;

	uring = talloc_zero(ring, struct uring);
	if (uring == NULL) {
		*reason = "out of memory";
		return -ENOMEM;
	}
	ring->uring = uring;
	ret = uring_setup(ring, uring, reason);
	if (ret < 0) {
		TALLOC_FREE(ring->uring);
	}
	return ret;
}

static void uring_abandon(struct pathring *ring)
{
	/*
	 * The mappings were not inherited (MADV_DONTFORK), the descriptor was; the ring itself is
	 * the parent's.
	 */
	close(ring->uring->io_uring.ring_fd);
	TALLOC_FREE(ring->uring);
}

static int uring_poll_fd(const struct pathring *ring)
{
	return ring->uring->io_uring.ring_fd;
}

const struct backend backend_uring = {
	.kind = PATHRING_BACKEND_URING,
	.name = "uring",
	.start = uring_start,
	.stop = uring_stop,
	.abandon = uring_abandon,
	.take = uring_take,
	.flush = uring_flush,
	.must_look = uring_workers_must_look,
	.reap = uring_reap,
	.cancel = uring_cancel,
	.withdraw = uring_lookup_withdraw,
	.poll_fd = uring_poll_fd,
	.adopt = uring_adopt,
	.describe = uring_describe,
};
