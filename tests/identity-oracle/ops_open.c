/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations that make and end handles: openat, lookup, close, and the building of a cell, which is
 * no operation of pathring's but belongs to the order of calls in a cell.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "operations.h"
#include "tree.h"

/* ---- build ---- */

static void build_local(struct flight *flight)
{
	int fd;
	int ret;

	fd = tree_build_cell(flight->oracle->tree_a,
			     flight->call->cell,
			     flight->cell->seed,
			     flight->oracle->whos,
			     flight->cell->cast);
	outcome_begin(&flight->outcome, fd < 0 ? fd : 0);
	if (fd < 0) {
		return;
	}
	ret = pathring_handle_dup(flight->oracle->handles, fd, PATHRING_PATHREF, &flight->opened);
	close(fd);
	if (ret < 0) {
		flight->outcome.result = ret;
	}
}

static void build_plain(struct plain *plain)
{
	int fd;

	fd = tree_build_cell(plain->oracle->tree_b,
			     plain->call->cell,
			     plain->call->seed,
			     plain->oracle->whos,
			     plain->cell->cast);
	outcome_begin(plain->outcome, fd < 0 ? fd : 0);
	plain->opened = fd < 0 ? -1 : fd;
}

const struct operation operation_build = {
	.name = "(build)",
	.local = build_local,
	.plain = build_plain,
};

/* ---- openat ---- */

static uint64_t draw_flags(struct draw *draw)
{
	static const uint64_t access[] = { O_RDONLY, O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR, O_RDWR };
	uint64_t flags = DICE_PICK(draw->dice, access);
	enum place place = draw->call->hint_place;

	if (dice_percent(draw->dice, 25)) {
		flags = O_PATH;
		flags |= dice_percent(draw->dice, 50) ? O_NOFOLLOW : 0;
		flags |= dice_percent(draw->dice, 10) ? O_DIRECTORY : 0;
		return flags;
	}
	if (place <= PLACE_D2 && dice_percent(draw->dice, 85)) {
		flags = O_RDONLY | (dice_percent(draw->dice, 70) ? O_DIRECTORY : 0);
		if (dice_percent(draw->dice, 15)) {
			return (dice_percent(draw->dice, 50) ? O_RDWR : O_WRONLY) | O_TMPFILE;
		}
		return flags;
	}
	flags |= place == PLACE_NEW || dice_percent(draw->dice, 15) ? O_CREAT : 0;
	flags |= dice_percent(draw->dice, place == PLACE_NEW ? 25 : 2) ? O_EXCL : 0;
	flags |= dice_percent(draw->dice, 12) ? O_TRUNC : 0;
	flags |= dice_percent(draw->dice, 15) ? O_NOFOLLOW : 0;
	flags |= dice_percent(draw->dice, 6) ? O_NOATIME : 0;
	flags |= dice_percent(draw->dice, 6) ? O_APPEND : 0;
	flags |= dice_percent(draw->dice, 10) ? O_NONBLOCK : 0;
	return flags;
}

static void openat_draw(struct draw *draw)
{
	struct call *call = draw->call;

	draw_path(draw);
	call->flags = draw_flags(draw);
	call->mode = draw_mode(draw);
	call->changes = (call->flags & (O_CREAT | O_TRUNC)) != 0;
	if ((call->flags & O_TMPFILE) == O_TMPFILE) {
		call->hint_place = PLACE_FILE;
	}
	draw_into(draw);
}

static int openat_request(struct flight *flight, pathring_request_fn fn)
{
	const struct call *call = flight->call;
	const struct pathring_how how = {
		.flags = call->flags,
		.mode = call->mode,
		.resolve = call->resolve,
	};
	char path[CALL_PATH_SPACE];

	return pathring_openat_request(flight->ring,
				       flight->identity,
				       flight->handle,
				       call_path(call, flight->oracle->tree_a, path),
				       &how,
				       fn,
				       flight,
				       &flight->request);
}

static void openat_result(struct flight *flight)
{
	int ret;

	ret = pathring_openat_result(flight->request, flight->oracle->handles, &flight->opened);
	outcome_begin(&flight->outcome, ret);
	if (ret == 0) {
		outcome_add_fd(&flight->outcome, pathring_handle_pathref_fd(flight->opened));
	}
}

static void openat_plain(struct plain *plain)
{
	int fd;

	fd = plain_openat2(plain, plain->call->flags, plain->call->mode);
	outcome_begin(plain->outcome, fd < 0 ? fd : 0);
	if (fd >= 0) {
		outcome_add_fd(plain->outcome, fd);
		plain->opened = fd;
	}
}

const struct operation operation_openat = {
	.name = "openat",
	.weight = 300,
	.draw = openat_draw,
	.request = openat_request,
	.result = openat_result,
	.plain = openat_plain,
};

/* ---- lookup ---- */

static const struct pathring_xattr_query queries[] = {
	{ "user.a", 256 },  { "system.posix_acl_access", 256 },
	{ "trusted.t", 0 }, { "user.b", 8 },
	{ "user.b", 256 },  { NULL, 256 },
};

#define MAX_QUERIES (sizeof(queries) / sizeof(queries[0]))

static void lookup_draw(struct draw *draw)
{
	struct call *call = draw->call;

	draw_path(draw);
	call->flags = O_PATH | (dice_percent(draw->dice, 60) ? O_NOFOLLOW : 0);
	call->flags |= dice_percent(draw->dice, 10) ? O_DIRECTORY : 0;
	call->size = dice_below(draw->dice, MAX_QUERIES + 1);
	draw_into(draw);
}

static int lookup_request(struct flight *flight, pathring_request_fn fn)
{
	const struct call *call = flight->call;
	const struct pathring_lookup_how how = {
		.flags = call->flags & ~(uint64_t)O_PATH,
		.resolve = call->resolve,
		.mask = STATX_BASIC_STATS,
		.xattrs = queries,
		.num_xattrs = call->size,
	};
	char path[CALL_PATH_SPACE];

	return pathring_lookup_request(flight->ring,
				       flight->identity,
				       flight->handle,
				       call_path(call, flight->oracle->tree_a, path),
				       &how,
				       fn,
				       flight,
				       &flight->request);
}

/* The value, or the names in whatever order. */
static void add_xattr(struct outcome *outcome, size_t number, const char *value, ssize_t length)
{
	if (value == NULL || length <= 0) {
		return;
	}
	if (queries[number].name == NULL) {
		outcome_add_name_list(outcome, value, (size_t)length);
	} else {
		outcome_add(outcome, value, (size_t)length);
	}
}

static void lookup_result(struct flight *flight)
{
	const struct pathring_xattr *xattrs = NULL;
	const struct statx *stx = NULL;
	size_t i;
	int ret;

	ret = pathring_lookup_result(flight->request, &stx, &xattrs);
	outcome_begin(&flight->outcome, ret);
	if (ret < 0) {
		return;
	}
	outcome_add_statx(&flight->outcome, stx);
	for (i = 0; i < flight->call->size; i++) {
		outcome_add_number(&flight->outcome, (uint64_t)xattrs[i].length);
		add_xattr(&flight->outcome, i, (const char *)xattrs[i].value, xattrs[i].length);
	}
	ret = pathring_lookup_take_handle(
		flight->request, flight->oracle->handles, &flight->opened);
	outcome_add_number(&flight->outcome, (uint64_t)ret);
}

static void lookup_plain(struct plain *plain)
{
	char path[PROC_PATH_SPACE];
	struct statx stx;
	char value[256];
	size_t i;
	int fd;
	int ret;

	fd = plain_openat2(plain, plain->call->flags, 0);
	outcome_begin(plain->outcome, fd < 0 ? fd : 0);
	if (fd < 0) {
		return;
	}
	ret = statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx);
	if (ret == -1) {
		outcome_begin(plain->outcome, -errno);
		close(fd);
		return;
	}
	outcome_add_statx(plain->outcome, &stx);
	plain_proc_path(fd, path);
	for (i = 0; i < plain->call->size; i++) {
		const struct pathring_xattr_query *query = &queries[i];
		int64_t length;

		if (query->name == NULL) {
			length = RESULT_OF(listxattr(path, value, query->size));
		} else {
			length = RESULT_OF(getxattr(path, query->name, value, query->size));
		}
		outcome_add_number(plain->outcome, (uint64_t)length);
		add_xattr(plain->outcome, i, query->size > 0 ? value : NULL, length);
	}
	outcome_add_number(plain->outcome, 0);
	plain->opened = fd;
}

const struct operation operation_lookup = {
	.name = "lookup",
	.weight = 140,
	.draw = lookup_draw,
	.request = lookup_request,
	.result = lookup_result,
	.plain = lookup_plain,
};

/* ---- lookups: of one name among others, whose outcomes must not be taken for its own ---- */

static void lookups_draw(struct draw *draw)
{
	lookup_draw(draw);
	/* Below a directory, always. */
	if (draw->call->slot < 0) {
		draw->call->slot = 0;
	}
}

static int lookups_request(struct flight *flight, pathring_request_fn fn)
{
	const struct call *call = flight->call;
	const struct pathring_lookup_how how = {
		.flags = call->flags & ~(uint64_t)O_PATH,
		.resolve = call->resolve,
		.mask = STATX_BASIC_STATS,
		.xattrs = queries,
		.num_xattrs = call->size,
	};
	char path[CALL_PATH_SPACE];
	const char *const names[] = {
		"no such name",
		call_path(call, flight->oracle->tree_a, path),
		".",
	};

	return pathring_lookups_request(flight->ring,
					flight->identity,
					flight->handle,
					names,
					3,
					&how,
					fn,
					flight,
					&flight->request);
}

static void lookups_result(struct flight *flight)
{
	const struct pathring_xattr *xattrs = NULL;
	const struct statx *stx = NULL;
	size_t i;
	int ret;

	ret = pathring_lookups_result(flight->request, 1, &stx, &xattrs);
	outcome_begin(&flight->outcome, ret);
	if (ret < 0) {
		return;
	}
	outcome_add_statx(&flight->outcome, stx);
	for (i = 0; i < flight->call->size; i++) {
		outcome_add_number(&flight->outcome, (uint64_t)xattrs[i].length);
		add_xattr(&flight->outcome, i, (const char *)xattrs[i].value, xattrs[i].length);
	}
	ret = pathring_lookups_take_handle(
		flight->request, 1, flight->oracle->handles, &flight->opened);
	outcome_add_number(&flight->outcome, (uint64_t)ret);
}

const struct operation operation_lookups = {
	.name = "lookups",
	.weight = 60,
	.draw = lookups_draw,
	.request = lookups_request,
	.result = lookups_result,
	.plain = lookup_plain,
};

/* ---- close ---- */

static void close_draw(struct draw *draw)
{
	draw->call->slot = (int8_t)(1 + dice_below(draw->dice, CELL_SLOTS - 1));
	draw->call->changes = true;
}

static int close_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_close_request(
		flight->ring, flight->identity, &flight->handle, fn, flight, &flight->request);
}

static void close_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_close_result(flight->request));
}

static void close_plain(struct plain *plain)
{
	outcome_begin(plain->outcome, RESULT_OF(close(plain->fd)));
	plain->closed = true;
}

const struct operation operation_close = {
	.name = "close",
	.weight = 50,
	.draw = close_draw,
	.request = close_request,
	.result = close_result,
	.plain = close_plain,
};
