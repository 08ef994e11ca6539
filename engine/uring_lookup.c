/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * lookup on the ring.
 *
 * With direct descriptors (found by trying, uring_probe.c) one linked submission does it:
 *
 *	OPENAT2 (O_PATH, into a slot) -> FIXED_FD_INSTALL -> FGETXATTR (slot) -> FGETXATTR ...
 *
 * FGETXATTR takes an O_PATH file from a slot since Linux 6.13, and so needs no procfs. The first two complete inside
 * io_uring_enter when the path is cached, so that this thread can ask statx of the installed descriptor while a worker
 * still reads the xattrs. The slot's close is not part of the link but goes with the next submission: a member after a
 * worker's costs a trip through this thread's task work (0.5 us of 3 us a lookup).
 *
 * Without: OPENAT2, then GETXATTR of /proc/self/fd/N for all xattrs at once, in a second round. statx takes part in the
 * second round where it may block.
 */
#include <errno.h>
#include <unistd.h>

#include "handle.h"
#include "placement.h"
#include "uring.h"

static bool goes_direct(const struct uring *uring, const struct lookup_arguments *arguments)
{
	return uring->direct_lookup && arguments->num_xattrs > 0;
}

unsigned int uring_lookup_entries(const struct uring *uring, const struct pathring_request *request)
{
	const struct lookup_arguments *arguments = &request->operation.lookup;
	unsigned int num_xattrs = (unsigned int)arguments->num_xattrs;

	if (request->uring.round > 0) {
		return num_xattrs + 1;
	}
	return goes_direct(uring, arguments) ? num_xattrs + 2 : 1;
}

static void prepare_direct(struct uring *uring, struct pathring_request *request, int personality)
{
	struct operation *operation = &request->operation;
	struct lookup_arguments *arguments = &operation->lookup;
	struct io_uring_sqe *entry = NULL;
	unsigned int slot;
	unsigned int i;

	slot = uring->free_slots[--uring->num_free_slots];
	request->uring.slot = slot;
	request->uring.has_slot = true;

	/* A direct open refuses O_CLOEXEC: a slot is not inherited anyway. */
	arguments->how.flags &= ~(uint64_t)O_CLOEXEC;
	entry = uring_entry(uring, request, STEP_OPEN);
	io_uring_prep_openat2_direct(entry, operation_directory_fd(operation), arguments->path, &arguments->how, slot);
	entry->flags |= IOSQE_IO_LINK;
	uring_entry_ready(uring, entry, request, STEP_OPEN, personality);

	/* Close-on-exec unless told otherwise. No personality: see backend_uring.c. */
	entry = uring_entry(uring, request, STEP_INSTALL);
	io_uring_prep_rw(OP_FIXED_FD_INSTALL, entry, (int)slot, NULL, 0, 0);
	entry->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;
	uring_entry_ready(uring, entry, request, STEP_INSTALL, 0);

	for (i = 0; i < arguments->num_xattrs; i++) {
		const struct lookup_xattr *query = &arguments->queries[i];

		entry = uring_entry(uring, request, STEP_XATTR + i);
		io_uring_prep_fgetxattr(entry, (int)slot, query->name, (char *)query->value, (unsigned int)query->size);
		entry->flags |= IOSQE_FIXED_FILE;
		if (i + 1 < arguments->num_xattrs) {
			/* ENODATA must not cut the chain. */
			entry->flags |= IOSQE_IO_HARDLINK;
		}
		uring_entry_ready(uring, entry, request, STEP_XATTR + i, personality);
	}
}

static void prepare_second_round(struct uring *uring, struct pathring_request *request, int personality)
{
	struct lookup_arguments *arguments = &request->operation.lookup;
	struct io_uring_sqe *entry = NULL;
	unsigned int i;

	if (!request->uring.has_stat) {
		entry = uring_entry(uring, request, STEP_STATX);
		io_uring_prep_statx(entry, arguments->fd, "", AT_EMPTY_PATH, arguments->mask, &arguments->stx);
		uring_entry_ready(uring, entry, request, STEP_STATX, personality);
	}
	if (goes_direct(uring, arguments)) {
		return;
	}
	operation_proc_path(arguments->fd, arguments->proc_path);
	for (i = 0; i < arguments->num_xattrs; i++) {
		const struct lookup_xattr *query = &arguments->queries[i];

		entry = uring_entry(uring, request, STEP_XATTR + i);
		io_uring_prep_getxattr(entry,
				       query->name,
				       (char *)query->value,
				       arguments->proc_path,
				       (unsigned int)query->size);
		uring_entry_ready(uring, entry, request, STEP_XATTR + i, personality);
	}
}

bool uring_lookup_prepare(struct pathring *ring, struct pathring_request *request, int personality)
{
	struct uring *uring = ring->uring;
	struct operation *operation = &request->operation;
	struct lookup_arguments *arguments = &operation->lookup;
	struct io_uring_sqe *entry = NULL;

	if (request->uring.round > 0) {
		prepare_second_round(uring, request, personality);
		return true;
	}
	if (goes_direct(uring, arguments)) {
		if (uring->num_free_slots == 0) {
			return false;
		}
		prepare_direct(uring, request, personality);
		return true;
	}
	if (!uring->usable[IORING_OP_STATX] || (arguments->num_xattrs > 0 && !uring->usable[IORING_OP_GETXATTR])) {
		engine_divert(ring, request);
		return true;
	}
	entry = uring_entry(uring, request, STEP_OPEN);
	io_uring_prep_openat2(entry, operation_directory_fd(operation), arguments->path, &arguments->how);
	uring_entry_ready(uring, entry, request, STEP_OPEN, personality);
	return true;
}

static void got_descriptor(struct pathring *ring, struct pathring_request *request, int fd)
{
	struct lookup_arguments *arguments = &request->operation.lookup;
	int result = 0;

	arguments->fd = fd;
	request->uring.has_stat = placement_statx_inline(ring, fd, 0, arguments->mask, &arguments->stx, &result);
}

void uring_lookup_step(struct pathring *ring, struct pathring_request *request, unsigned int step, int result)
{
	struct lookup_arguments *arguments = &request->operation.lookup;

	switch (step) {
	case STEP_OPEN:
		request->uring.open_result = result;
		if (result >= 0 && !request->uring.has_slot) {
			got_descriptor(ring, request, result);
		}
		break;
	case STEP_INSTALL:
		request->uring.install_result = result;
		if (result >= 0) {
			got_descriptor(ring, request, result);
		}
		break;
	case STEP_STATX:
		request->operation.result = result;
		break;
	default:
		if (result == -ENOENT && !request->uring.has_slot) {
			/* The descriptor is open, so it is procfs that is not there. */
			result = -EOPNOTSUPP;
		}
		arguments->xattrs[step - STEP_XATTR].length = result;
		break;
	}
}

static bool xattrs_must_divert(const struct pathring_request *request)
{
	const struct lookup_arguments *arguments = &request->operation.lookup;
	size_t i;

	for (i = 0; i < arguments->num_xattrs; i++) {
		if (uring_must_divert(request, arguments->xattrs[i].length)) {
			return true;
		}
	}
	return false;
}

/* From the beginning elsewhere: what was opened is not used. */
static void divert(struct pathring *ring, struct pathring_request *request)
{
	request->operation.class->discard(&request->operation);
	request->operation.result = 0;
	engine_divert(ring, request);
}

static void finish_or_divert(struct pathring *ring, struct pathring_request *request, int result)
{
	if (uring_must_divert(request, result)) {
		divert(ring, request);
		return;
	}
	request->operation.result = result;
	request_complete(request, PATHRING_RING);
}

static void finish_first_round(struct pathring *ring, struct pathring_request *request)
{
	struct uring *uring = ring->uring;
	struct lookup_arguments *arguments = &request->operation.lookup;
	bool direct = request->uring.has_slot;
	int result = request->uring.open_result;

	if (direct) {
		/* A failed open has left its slot empty. */
		if (result >= 0) {
			uring->closing_slots[uring->num_closing_slots++] = request->uring.slot;
		} else {
			uring->free_slots[uring->num_free_slots++] = request->uring.slot;
		}
		request->uring.has_slot = false;
		if (result >= 0) {
			result = request->uring.install_result;
		}
	}
	if (result < 0) {
		finish_or_divert(ring, request, result);
		return;
	}
	if (direct && xattrs_must_divert(request)) {
		divert(ring, request);
		return;
	}
	if (!request->orphaned && (!request->uring.has_stat || (!direct && arguments->num_xattrs > 0))) {
		request->uring.round = 1;
		request_requeue(request);
		return;
	}
	finish_or_divert(ring, request, 0);
}

void uring_lookup_finish(struct pathring *ring, struct pathring_request *request)
{
	if (request->uring.round == 0) {
		finish_first_round(ring, request);
		return;
	}
	if (xattrs_must_divert(request)) {
		divert(ring, request);
		return;
	}
	finish_or_divert(ring, request, (int)request->operation.result);
}
