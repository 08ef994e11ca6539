/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on the content of a file: pread, pwrite, fsync, ftruncate, fallocate. Who writes
 * matters although the file is open already: setuid and setgid bits go unless root writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "operations.h"

#define MAX_SIZE 1024
#define MAX_OFFSET 8192

/* ---- pread ---- */

static void pread_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_READ);
	draw->call->size = dice_below(draw->dice, MAX_SIZE);
	draw->call->offset = dice_percent(draw->dice, 60) ? 0 : dice_below(draw->dice, 300);
}

static int pread_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_pread_request(flight->ring,
				      flight->identity,
				      flight->handle,
				      flight->call->size,
				      flight->call->offset,
				      fn,
				      flight,
				      &flight->request);
}

static void pread_result(struct flight *flight)
{
	const uint8_t *data = NULL;
	ssize_t count;

	count = pathring_pread_result(flight->request, &data);
	outcome_begin(&flight->outcome, count);
	if (count > 0) {
		outcome_add(&flight->outcome, data, (size_t)count);
	}
}

static void pread_plain(struct plain *plain)
{
	const struct call *call = plain->call;
	uint8_t data[MAX_SIZE];
	int64_t count;

	count = RESULT_OF(pread(plain->fd, data, call->size, call->offset));
	outcome_begin(plain->outcome, count);
	if (count > 0) {
		outcome_add(plain->outcome, data, (size_t)count);
	}
}

const struct operation operation_pread = {
	.name = "pread",
	.weight = 60,
	.draw = pread_draw,
	.request = pread_request,
	.result = pread_result,
	.plain = pread_plain,
};

/* ---- pwrite ---- */

static void pwrite_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_WRITE);
	draw->call->size = dice_below(draw->dice, MAX_SIZE);
	draw->call->offset = dice_percent(draw->dice, 60) ? 0 : dice_below(draw->dice, MAX_OFFSET);
	draw->call->changes = true;
}

static void make_data(const struct call *call, uint8_t data[MAX_SIZE])
{
	struct dice dice = { .state = call->seed };
	size_t i;

	for (i = 0; i < call->size; i++) {
		data[i] = (uint8_t)('a' + dice_below(&dice, 26));
	}
}

static int pwrite_request(struct flight *flight, pathring_request_fn fn)
{
	uint8_t data[MAX_SIZE];

	make_data(flight->call, data);
	return pathring_pwrite_request(flight->ring,
				       flight->identity,
				       flight->handle,
				       data,
				       flight->call->size,
				       flight->call->offset,
				       fn,
				       flight,
				       &flight->request);
}

static void pwrite_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_pwrite_result(flight->request));
	outcome_add_fd(&flight->outcome, flight->fd);
}

static void pwrite_plain(struct plain *plain)
{
	const struct call *call = plain->call;
	uint8_t data[MAX_SIZE];

	make_data(call, data);
	outcome_begin(plain->outcome, RESULT_OF(pwrite(plain->fd, data, call->size, call->offset)));
	outcome_add_fd(plain->outcome, plain->fd);
}

const struct operation operation_pwrite = {
	.name = "pwrite",
	.weight = 60,
	.draw = pwrite_draw,
	.request = pwrite_request,
	.result = pwrite_result,
	.plain = pwrite_plain,
};

/* ---- fsync ---- */

static void fsync_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_READ);
	draw->call->flags = dice_percent(draw->dice, 50);
}

static int fsync_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_fsync_request(flight->ring,
				      flight->identity,
				      flight->handle,
				      flight->call->flags != 0,
				      fn,
				      flight,
				      &flight->request);
}

static void fsync_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_fsync_result(flight->request));
}

/* Synced by the other side, if at all: what is asked is whether it may be called. */
static void fsync_plain(struct plain *plain)
{
	int64_t ret;

	ret = plain->call->flags != 0 ? fdatasync(plain->fd) : fsync(plain->fd);
	outcome_begin(plain->outcome, RESULT_OF(ret));
}

const struct operation operation_fsync = {
	.name = "fsync",
	.weight = 1,
	.draw = fsync_draw,
	.request = fsync_request,
	.result = fsync_result,
	.plain = fsync_plain,
};

/* ---- ftruncate ---- */

static void ftruncate_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_WRITE);
	draw->call->length =
		dice_percent(draw->dice, 3) ? -1 : (int64_t)dice_below(draw->dice, MAX_OFFSET);
	draw->call->changes = true;
}

static int ftruncate_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_ftruncate_request(flight->ring,
					  flight->identity,
					  flight->handle,
					  flight->call->length,
					  fn,
					  flight,
					  &flight->request);
}

static void ftruncate_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_ftruncate_result(flight->request));
	outcome_add_fd(&flight->outcome, flight->fd);
}

static void ftruncate_plain(struct plain *plain)
{
	int64_t ret = -EBADF;

	/* A path reference is refused whatever the length. */
	if ((fcntl(plain->fd, F_GETFL) & O_PATH) == 0) {
		ret = RESULT_OF(ftruncate(plain->fd, plain->call->length));
	}
	outcome_begin(plain->outcome, ret);
	outcome_add_fd(plain->outcome, plain->fd);
}

const struct operation operation_ftruncate = {
	.name = "ftruncate",
	.weight = 20,
	.draw = ftruncate_draw,
	.request = ftruncate_request,
	.result = ftruncate_result,
	.plain = ftruncate_plain,
};

/* ---- fallocate ---- */

static void fallocate_draw(struct draw *draw)
{
	static const int modes[] = { 0,
				     FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_ZERO_RANGE,
				     FALLOC_FL_PUNCH_HOLE };

	draw->call->slot = draw_slot(draw, WANT_WRITE);
	draw->call->flags = (uint64_t)DICE_PICK(draw->dice, modes);
	draw->call->offset = dice_below(draw->dice, MAX_OFFSET);
	draw->call->length = dice_percent(draw->dice, 3) ? 0 : 1 + dice_below(draw->dice, MAX_SIZE);
	draw->call->changes = true;
}

static int fallocate_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_fallocate_request(flight->ring,
					  flight->identity,
					  flight->handle,
					  (int)flight->call->flags,
					  flight->call->offset,
					  flight->call->length,
					  fn,
					  flight,
					  &flight->request);
}

static void fallocate_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_fallocate_result(flight->request));
	outcome_add_fd(&flight->outcome, flight->fd);
}

static void fallocate_plain(struct plain *plain)
{
	const struct call *call = plain->call;

	outcome_begin(
		plain->outcome,
		RESULT_OF(fallocate(plain->fd, (int)call->flags, call->offset, call->length)));
	outcome_add_fd(plain->outcome, plain->fd);
}

const struct operation operation_fallocate = {
	.name = "fallocate",
	.weight = 20,
	.draw = fallocate_draw,
	.request = fallocate_request,
	.result = fallocate_result,
	.plain = fallocate_plain,
};
