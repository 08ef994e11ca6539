/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * lookup on the ring. Each round submits what is still missing. A cached path takes one round:
 *
 *     OPENAT2 with O_PATH into a slot, FIXED_FD_INSTALL of the slot, FGETXATTR of the slot
 *
 * They are not linked. The kernel begins entries in order, and an open of a cached path is complete
 * when the next entry begins; if it was not cached, the others find the slot empty (EBADF), never
 * another's file: a slot belongs to one request until its close has completed. A link would be safe
 * without that argument and costs a fifth more CPU, for each member but the first is issued from
 * this thread's task work.
 *
 * The xattrs of all lookups come last in a submission: an xattr goes to a kernel worker, which
 * takes the ring's lock to look at the slot, and would meet this thread there, which holds that
 * lock for as long as it submits.
 *
 * After a path that was not cached the next lookups don't count on the cache, and go without a
 * slot, as all do where the kernel can't do direct lookups (uring_probe.c): OPENAT2, then STATX of
 * the descriptor and GETXATTR of /proc/self/fd/N, all at once.
 *
 * Where statx can't block (placement.c) it is done in this thread as soon as there is a descriptor,
 * while a worker still reads the xattrs.
 */
#include <errno.h>

#include "handle.h"
#include "placement.h"
#include "uring.h"

/* Lookups without a slot after one that found its path not cached. */
#define DOUBTS 32

/* Of an xattr whose outcome is to come. */
#define PENDING (-EINPROGRESS)

unsigned int uring_lookup_entries(const struct pathring_request *request)
{
	return (unsigned int)request->operation.lookup.num_xattrs + 2;
}

static void prepare_open(struct uring *uring, struct pathring_request *request, int personality)
{
	struct operation *operation = &request->operation;
	struct lookup_arguments *arguments = &operation->lookup;
	int dirfd = operation_directory_fd(operation);
	struct io_uring_sqe *entry = uring_entry(uring, request, STEP_OPEN);

	uring_how(&arguments->how, &arguments->ring_how);
	if (request->uring.direct) {
		/* A direct open refuses O_CLOEXEC: a slot is not inherited anyway. */
		arguments->ring_how.flags &= ~(uint64_t)O_CLOEXEC;
		io_uring_prep_openat2_direct(
			entry, dirfd, arguments->path, &arguments->ring_how, request->uring.slot);
	} else {
		io_uring_prep_openat2(entry, dirfd, arguments->path, &arguments->ring_how);
	}
	uring_entry_ready(entry, request, STEP_OPEN, personality);
}

static void prepare_install(struct uring *uring, struct pathring_request *request)
{
	struct io_uring_sqe *entry = uring_entry(uring, request, STEP_INSTALL);

	/* Close-on-exec unless told otherwise. No personality: see backend_uring.c. */
	io_uring_prep_rw(OP_FIXED_FD_INSTALL, entry, (int)request->uring.slot, NULL, 0, 0);
	entry->flags |= IOSQE_FIXED_FILE;
	uring_entry_ready(entry, request, STEP_INSTALL, 0);
}

static void prepare_statx(struct uring *uring, struct pathring_request *request, int personality)
{
	struct lookup_arguments *arguments = &request->operation.lookup;
	struct io_uring_sqe *entry = uring_entry(uring, request, STEP_STATX);

	io_uring_prep_statx(
		entry, arguments->fd, "", AT_EMPTY_PATH, arguments->mask, &arguments->stx);
	uring_entry_ready(entry, request, STEP_STATX, personality);
}

static void prepare_xattrs(struct uring *uring, struct pathring_request *request, int personality)
{
	struct lookup_arguments *arguments = &request->operation.lookup;
	unsigned int i;

	if (!request->uring.direct) {
		operation_proc_path(arguments->fd, arguments->proc_path);
	}
	for (i = 0; i < arguments->num_xattrs; i++) {
		const struct lookup_xattr *query = &arguments->queries[i];
		struct io_uring_sqe *entry = NULL;
		char *value = (char *)query->value;
		unsigned int size = (unsigned int)query->size;

		if (arguments->xattrs[i].length != PENDING) {
			continue;
		}
		entry = uring_entry(uring, request, STEP_XATTR + i);
		if (request->uring.direct) {
			io_uring_prep_fgetxattr(
				entry, (int)request->uring.slot, query->name, value, size);
			entry->flags |= IOSQE_FIXED_FILE;
		} else {
			io_uring_prep_getxattr(
				entry, query->name, value, arguments->proc_path, size);
		}
		uring_entry_ready(entry, request, STEP_XATTR + i, personality);
	}
}

/* The first round: how it is to go. */
static void choose_way(struct uring *uring, struct pathring_request *request)
{
	struct lookup_arguments *arguments = &request->operation.lookup;
	size_t i;

	for (i = 0; i < arguments->num_xattrs; i++) {
		arguments->xattrs[i].length = PENDING;
	}
	if (uring->doubts > 0) {
		uring->doubts--;
		return;
	}
	if (uring->direct_lookup && arguments->num_xattrs > 0 && uring->num_free_slots > 0) {
		request->uring.direct = true;
		request->uring.slot = uring->free_slots[--uring->num_free_slots];
	}
}

void uring_lookup_prepare(struct pathring *ring, struct pathring_request *request, int personality)
{
	struct uring *uring = ring->uring;
	struct lookup_arguments *arguments = &request->operation.lookup;

	if (request->uring.round == 0) {
		choose_way(uring, request);
		prepare_open(uring, request, personality);
	}
	if (request->uring.direct && arguments->fd < 0) {
		prepare_install(uring, request);
	}
	if (request->uring.direct && request->uring.round == 0) {
		request->uring.personality = personality;
		STAILQ_INSERT_TAIL(&uring->late, request, uring.late_link);
		uring->num_late_entries += (unsigned int)arguments->num_xattrs;
	} else if (request->uring.direct || arguments->fd >= 0) {
		prepare_xattrs(uring, request, personality);
	}
	if (arguments->fd >= 0 && !request->uring.has_stat) {
		prepare_statx(uring, request, personality);
	}
}

void uring_lookup_prepare_late(struct pathring *ring)
{
	struct uring *uring = ring->uring;
	struct pathring_request *request = NULL;

	while ((request = STAILQ_FIRST(&uring->late)) != NULL) {
		unsigned int count = (unsigned int)request->operation.lookup.num_xattrs;
		bool room;

		STAILQ_REMOVE_HEAD(&uring->late, uring.late_link);
		uring->num_late_entries -= count;
		room = uring_make_room(ring, count);
		if (room) {
			prepare_xattrs(uring, request, request->uring.personality);
		}
		/* Else the kernel takes nothing just now, and they are the next round's. */
	}
}

static void got_descriptor(struct pathring *ring, struct pathring_request *request, int fd)
{
	struct lookup_arguments *arguments = &request->operation.lookup;
	int result = 0;

	arguments->fd = fd;
	request->uring.has_stat =
		placement_statx_inline(ring, fd, 0, arguments->mask, &arguments->stx, &result);
}

void uring_lookup_step(struct pathring *ring,
		       struct pathring_request *request,
		       unsigned int step,
		       int result)
{
	struct lookup_arguments *arguments = &request->operation.lookup;
	struct uring_note *note = &request->uring;
	bool too_early = note->direct && note->round == 0 && result == -EBADF;

	switch (step) {
	case STEP_OPEN:
		if (result < 0) {
			note->error = result;
			break;
		}
		note->opened = true;
		if (!note->direct) {
			got_descriptor(ring, request, result);
		}
		break;
	case STEP_INSTALL:
		if (result >= 0) {
			got_descriptor(ring, request, result);
		} else if (!too_early) {
			note->error = result;
		}
		break;
	case STEP_STATX:
		note->has_stat = true;
		note->error = result;
		break;
	default:
		if (!note->direct) {
			result = (int)operation_proc_result(arguments->proc_path, result);
		}
		if (!too_early) {
			arguments->xattrs[step - STEP_XATTR].length = result;
		}
		break;
	}
}

void uring_lookup_late_step(struct pathring_request *request, unsigned int step, int result)
{
	bool descriptor = step == STEP_INSTALL || (step == STEP_OPEN && !request->uring.direct);

	if (descriptor && result >= 0) {
		request->operation.lookup.fd = result;
	}
}

/* Whether an xattr is in the state that the function tells of. */
static bool any_xattr(const struct pathring_request *request,
		      bool (*is)(const struct pathring_request *, ssize_t))
{
	const struct lookup_arguments *arguments = &request->operation.lookup;
	size_t i;

	for (i = 0; i < arguments->num_xattrs; i++) {
		if (is(request, arguments->xattrs[i].length)) {
			return true;
		}
	}
	return false;
}

static bool is_pending(const struct pathring_request *request, ssize_t length)
{
	(void)request;
	return length == PENDING;
}

/* A slot is free again when its close has completed, or at once if the open has left it empty. */
static void give_back_slot(struct uring *uring, struct pathring_request *request)
{
	if (!request->uring.direct) {
		return;
	}
	request->uring.direct = false;
	if (request->uring.opened) {
		uring->closing_slots[uring->num_closing_slots++] = request->uring.slot;
	} else {
		uring->free_slots[uring->num_free_slots++] = request->uring.slot;
	}
}

void uring_lookup_withdraw(struct pathring *ring, struct pathring_request *request)
{
	if (request->operation.class->kind == PATHRING_LOOKUP && request->uring.direct) {
		give_back_slot(ring->uring, request);
		turn_schedule(ring->own_turn);
	}
}

void uring_lookup_finish(struct pathring *ring, struct pathring_request *request)
{
	struct operation *operation = &request->operation;
	struct uring_note *note = &request->uring;
	bool complete =
		operation->lookup.fd >= 0 && note->has_stat && !any_xattr(request, is_pending);

	if (note->error == 0 && !complete && !request->orphaned) {
		if (note->direct && note->round == 0 && operation->lookup.fd < 0) {
			ring->uring->doubts = DOUBTS;
		}
		note->round++;
		request_requeue(request);
		return;
	}

	give_back_slot(ring->uring, request);
	if (uring_must_divert(request, note->error) ||
	    (!request->orphaned && uring_must_cross(&operation->lookup.how, note->error)) ||
	    any_xattr(request, uring_must_divert)) {
		/* From the beginning elsewhere: what was opened is not used. */
		operation->class->discard(operation);
		engine_divert(ring, request, note->error < 0 ? note->error : -EINVAL);
		return;
	}
	operation->result = note->error;
	request_complete(request, PATHRING_RING);
}
