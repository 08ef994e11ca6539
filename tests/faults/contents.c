/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations that read and change what is in a file and what is told of it: what each asks, and
 * what it must answer.
 */
#include "contents.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "report.h"
#include "use.h"

/* ---- data ---- */

bool contents_begin_pread(struct attempt *attempt)
{
	struct open_handle *open = use_node(attempt, one_in(2) ? NODE_DATA : NODE_BLOB);

	if (open == NULL) {
		return false;
	}
	if (attempt->node == NODE_DATA) {
		attempt->offset = random_below(&life.random, DATA_SIZE + 100);
		attempt->size = random_below(&life.random, DATA_SIZE + 100);
		attempt->expected = 0;
		if (attempt->offset < DATA_SIZE) {
			size_t left = (size_t)(DATA_SIZE - attempt->offset);

			attempt->expected = (ssize_t)(attempt->size < left ? attempt->size : left);
		}
	} else {
		unsigned int number = random_below(&life.random, NUM_BLOCKS);
		struct block *block = &world.owners[attempt->owner].blocks[number];

		if (block->busy || !block->known) {
			return false;
		}
		attempt->block = block;
		block->busy = true;
		attempt->offset = (off_t)number * BLOCK_SIZE;
		attempt->size = BLOCK_SIZE;
		attempt->expected = BLOCK_SIZE;
	}
	if (!attempt->io) {
		attempt->expected = -EBADF;
	}
	return ISSUE(attempt, pread, open->handle, attempt->size, attempt->offset);
}

/* What of the expected may be there, when an error was put into the middle of a transfer. */
static bool judge_transfer(struct attempt *attempt, ssize_t *result)
{
	if (*result > 0 && *result < attempt->expected && injector_count(INJECTED_TRANSFER) > 0) {
		attempt->expected = *result;
	}
	return attempt_judge(attempt, *result);
}

void contents_end_pread(struct attempt *attempt)
{
	uint8_t buffer[BLOCK_SIZE];
	const uint8_t *data = buffer;
	ssize_t ret;
	ssize_t i;
	bool ok;

	if (attempt->req != NULL) {
		ret = pathring_pread_recv(attempt->req, buffer);
	} else {
		ret = pathring_pread_result(attempt->request, &data);
	}
	ok = judge_transfer(attempt, &ret);
	for (i = 0; ok && i < ret; i++) {
		uint8_t right =
			attempt->block != NULL
				? (uint8_t)(attempt->block->first + i)
				: world_data_byte(attempt->owner, (size_t)(attempt->offset + i));

		if (data[i] != right) {
			fail("pread at %lld gave another byte %zd of %zd",
			     (long long)attempt->offset,
			     i,
			     ret);
		}
	}
}

bool contents_begin_pwrite(struct attempt *attempt)
{
	struct open_handle *open = use_node(attempt, NODE_BLOB);
	unsigned int number = random_below(&life.random, NUM_BLOCKS);
	uint8_t bytes[BLOCK_SIZE];
	struct block *block = NULL;
	size_t i;

	if (open == NULL) {
		return false;
	}
	block = &world.owners[attempt->owner].blocks[number];
	if (block->busy || !block->known) {
		return false;
	}
	attempt->block = block;
	block->busy = true;
	attempt->first = (uint8_t)random_next(&life.random);
	for (i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(attempt->first + i);
	}
	attempt->expected = attempt->io ? BLOCK_SIZE : -EBADF;
	return ISSUE(attempt, pwrite, open->handle, bytes, BLOCK_SIZE, (off_t)number * BLOCK_SIZE);
}

void contents_end_pwrite(struct attempt *attempt)
{
	ssize_t ret = OUTCOME(attempt, pwrite);
	bool ok;

	ok = judge_transfer(attempt, &ret);
	if (ok && ret == BLOCK_SIZE) {
		attempt->block->first = attempt->first;
	} else if (ok && ret > 0) {
		attempt_lose(attempt);
	}
}

bool contents_begin_fsync(struct attempt *attempt)
{
	struct open_handle *open = use_any(attempt);

	if (open == NULL) {
		return false;
	}
	attempt->expected = attempt->io ? 0 : -EBADF;
	return ISSUE(attempt, fsync, open->handle, one_in(2));
}

void contents_end_fsync(struct attempt *attempt)
{
	attempt_judge(attempt, OUTCOME(attempt, fsync));
}

/* ---- size and attributes ---- */

bool contents_begin_ftruncate(struct attempt *attempt)
{
	struct open_handle *open = use_attributes(attempt);

	if (open == NULL) {
		return false;
	}
	attempt->expected = attempt->io ? 0 : -EBADF;
	attempt->size = random_below(&life.random, 20000);
	return ISSUE(attempt, ftruncate, open->handle, (off_t)attempt->size);
}

static void resized(struct attempt *attempt, ssize_t ret, off_t size)
{
	bool ok;

	ok = attempt_judge(attempt, ret);
	if (ok && attempt->expected == 0) {
		attempt->attributes->size = size;
		attempt->attributes->changed = 0;
	}
	check_attributes(attempt);
}

void contents_end_ftruncate(struct attempt *attempt)
{
	resized(attempt, OUTCOME(attempt, ftruncate), (off_t)attempt->size);
}

bool contents_begin_fallocate(struct attempt *attempt)
{
	struct open_handle *open = use_attributes(attempt);

	if (open == NULL) {
		return false;
	}
	attempt->expected = attempt->io ? 0 : -EBADF;
	attempt->offset = random_below(&life.random, 10000);
	attempt->size = 1 + random_below(&life.random, 10000);
	return ISSUE(attempt, fallocate, open->handle, 0, attempt->offset, (off_t)attempt->size);
}

void contents_end_fallocate(struct attempt *attempt)
{
	ssize_t ret = OUTCOME(attempt, fallocate);
	off_t end = attempt->offset + (off_t)attempt->size;

	if (attempt->attributes != NULL && attempt->attributes->size > end) {
		end = attempt->attributes->size;
	}
	resized(attempt, ret, end);
}

bool contents_begin_fchmod(struct attempt *attempt)
{
	static const mode_t modes[] = { 0660, 0770, 0670, 0760 };
	struct open_handle *open = use_attributes(attempt);

	if (open == NULL) {
		return false;
	}
	attempt->expected = is_owner(attempt) ? 0 : -EPERM;
	attempt->mode = modes[random_below(&life.random, 4)];
	return ISSUE(attempt, fchmod, open->handle, attempt->mode);
}

void contents_end_fchmod(struct attempt *attempt)
{
	bool ok;

	ok = attempt_judge(attempt, OUTCOME(attempt, fchmod));
	if (ok && attempt->expected == 0) {
		attempt->attributes->mode = attempt->mode;
	}
	check_attributes(attempt);
}

/* To what it is: an owner may, another may not. */
bool contents_begin_fchown(struct attempt *attempt)
{
	struct open_handle *open = use_attributes(attempt);

	if (open == NULL) {
		return false;
	}
	attempt->expected = is_owner(attempt) ? 0 : -EPERM;
	return ISSUE(attempt,
		     fchown,
		     open->handle,
		     world.users[attempt->owner].uid,
		     world.owners[attempt->owner].gid);
}

void contents_end_fchown(struct attempt *attempt)
{
	attempt_judge(attempt, OUTCOME(attempt, fchown));
	check_attributes(attempt);
}

bool contents_begin_utimens(struct attempt *attempt)
{
	struct open_handle *open = use_attributes(attempt);
	struct timespec times[2] = { 0 };

	if (open == NULL) {
		return false;
	}
	attempt->expected = is_owner(attempt) ? 0 : -EPERM;
	attempt->time = 1000000 + random_below(&life.random, 1000000);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_sec = attempt->time;
	return ISSUE(attempt, utimens, open->handle, times);
}

void contents_end_utimens(struct attempt *attempt)
{
	bool ok;

	ok = attempt_judge(attempt, OUTCOME(attempt, utimens));
	if (ok && attempt->expected == 0) {
		attempt->attributes->changed = attempt->time;
	}
	check_attributes(attempt);
}
