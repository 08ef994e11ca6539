/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations that change names: mkdirat, unlinkat, renameat, linkat, symlinkat.
 */
#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "operations.h"

/*
 * A success tells of the name as it is then. Whoever could change a directory may search it, so the
 * plain process can look.
 */
#define NAME_BUFFER (LONG_NAME_LENGTH + 1)

static void draw_one_name(struct draw *draw, bool new)
{
	draw->call->slot = draw_slot(draw, WANT_DIRECTORY);
	draw_name(draw, draw->call->slot, new, draw->call->name);
	draw->call->changes = true;
}

/* ---- mkdirat ---- */

static void mkdirat_draw(struct draw *draw)
{
	draw_one_name(draw, true);
	draw->call->mode = dice_percent(draw->dice, 2) ? 040755 : draw_mode(draw);
}

static int mkdirat_request(struct flight *flight, pathring_request_fn fn)
{
	char name[NAME_BUFFER];

	return pathring_mkdirat_request(flight->ring,
					flight->identity,
					flight->handle,
					call_name(flight->call->name, name),
					flight->call->mode,
					fn,
					flight,
					&flight->request);
}

static void mkdirat_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_mkdirat_result(flight->request));
	outcome_add_name(&flight->outcome, flight->fd, flight->call->name);
}

static void mkdirat_plain(struct plain *plain)
{
	char name[NAME_BUFFER];
	const char *called = call_name(plain->call->name, name);
	int64_t ret;

	ret = plain_check_name(called);
	if (ret == 0 && plain->call->mode > 07777) {
		ret = -EINVAL;
	}
	if (ret == 0) {
		ret = RESULT_OF(mkdirat(plain->fd, called, plain->call->mode));
	}
	outcome_begin(plain->outcome, ret);
	outcome_add_name(plain->outcome, plain->fd, called);
}

const struct operation operation_mkdirat = {
	.name = "mkdirat",
	.weight = 50,
	.draw = mkdirat_draw,
	.request = mkdirat_request,
	.result = mkdirat_result,
	.plain = mkdirat_plain,
};

/* ---- unlinkat ---- */

static void unlinkat_draw(struct draw *draw)
{
	draw_one_name(draw, false);
	draw->call->flags = dice_percent(draw->dice, 30) ? AT_REMOVEDIR : 0;
}

static int unlinkat_request(struct flight *flight, pathring_request_fn fn)
{
	char name[NAME_BUFFER];

	return pathring_unlinkat_request(flight->ring,
					 flight->identity,
					 flight->handle,
					 call_name(flight->call->name, name),
					 (int)flight->call->flags,
					 fn,
					 flight,
					 &flight->request);
}

static void unlinkat_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_unlinkat_result(flight->request));
	outcome_add_name(&flight->outcome, flight->fd, flight->call->name);
}

static void unlinkat_plain(struct plain *plain)
{
	char name[NAME_BUFFER];
	const char *called = call_name(plain->call->name, name);
	int64_t ret;

	ret = plain_check_name(called);
	if (ret == 0) {
		ret = RESULT_OF(unlinkat(plain->fd, called, (int)plain->call->flags));
	}
	outcome_begin(plain->outcome, ret);
	outcome_add_name(plain->outcome, plain->fd, called);
}

const struct operation operation_unlinkat = {
	.name = "unlinkat",
	.weight = 50,
	.draw = unlinkat_draw,
	.request = unlinkat_request,
	.result = unlinkat_result,
	.plain = unlinkat_plain,
};

/* ---- renameat ---- */

static void draw_two_names(struct draw *draw)
{
	struct call *call = draw->call;

	draw_one_name(draw, false);
	call->slot2 = dice_percent(draw->dice, 50) ? call->slot : draw_slot(draw, WANT_DIRECTORY);
	draw_name(draw, call->slot2, true, call->name2);
}

/* Both names after a success; the first may be gone. */
static void add_two_names(struct outcome *outcome, const struct call *call, int fd, int fd2)
{
	outcome_add_name(outcome, fd, call->name);
	outcome_add_name(outcome, fd2, call->name2);
}

static void renameat_draw(struct draw *draw)
{
	static const unsigned int flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };

	draw_two_names(draw);
	draw->call->flags = DICE_PICK(draw->dice, flags);
	if (dice_percent(draw->dice, 3)) {
		draw->call->flags |= RENAME_WHITEOUT;
	}
}

static int renameat_request(struct flight *flight, pathring_request_fn fn)
{
	char name[NAME_BUFFER];
	char name2[NAME_BUFFER];

	return pathring_renameat_request(flight->ring,
					 flight->identity,
					 flight->handle,
					 call_name(flight->call->name, name),
					 flight->handle2,
					 call_name(flight->call->name2, name2),
					 (unsigned int)flight->call->flags,
					 fn,
					 flight,
					 &flight->request);
}

static void renameat_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_renameat_result(flight->request));
	add_two_names(&flight->outcome, flight->call, flight->fd, flight->fd2);
}

static int64_t check_two_names(const char *name, const char *name2)
{
	int ret;

	ret = plain_check_name(name);
	return ret != 0 ? ret : plain_check_name(name2);
}

static void renameat_plain(struct plain *plain)
{
	const struct call *call = plain->call;
	char name[NAME_BUFFER];
	char name2[NAME_BUFFER];
	const char *from = call_name(call->name, name);
	const char *to = call_name(call->name2, name2);
	int64_t ret;

	ret = check_two_names(from, to);
	if (ret == 0) {
		ret = RESULT_OF(
			renameat2(plain->fd, from, plain->fd2, to, (unsigned int)call->flags));
	}
	outcome_begin(plain->outcome, ret);
	add_two_names(plain->outcome, call, plain->fd, plain->fd2);
}

const struct operation operation_renameat = {
	.name = "renameat",
	.weight = 50,
	.draw = renameat_draw,
	.request = renameat_request,
	.result = renameat_result,
	.plain = renameat_plain,
};

/* ---- linkat ---- */

static int linkat_request(struct flight *flight, pathring_request_fn fn)
{
	char name[NAME_BUFFER];
	char name2[NAME_BUFFER];

	return pathring_linkat_request(flight->ring,
				       flight->identity,
				       flight->handle,
				       call_name(flight->call->name, name),
				       flight->handle2,
				       call_name(flight->call->name2, name2),
				       fn,
				       flight,
				       &flight->request);
}

static void linkat_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_linkat_result(flight->request));
	add_two_names(&flight->outcome, flight->call, flight->fd, flight->fd2);
}

static void linkat_plain(struct plain *plain)
{
	const struct call *call = plain->call;
	char name[NAME_BUFFER];
	char name2[NAME_BUFFER];
	const char *from = call_name(call->name, name);
	const char *to = call_name(call->name2, name2);
	int64_t ret;

	ret = check_two_names(from, to);
	if (ret == 0) {
		ret = RESULT_OF(linkat(plain->fd, from, plain->fd2, to, 0));
	}
	outcome_begin(plain->outcome, ret);
	add_two_names(plain->outcome, call, plain->fd, plain->fd2);
}

const struct operation operation_linkat = {
	.name = "linkat",
	.weight = 40,
	.draw = draw_two_names,
	.request = linkat_request,
	.result = linkat_result,
	.plain = linkat_plain,
};

/* ---- symlinkat ---- */

/* name2 is the target. */
static void symlinkat_draw(struct draw *draw)
{
	static const char *const targets[] = { "f0", "d0", "../f0", "../d0/d1", "n0", "." };

	draw_one_name(draw, true);
	snprintf(draw->call->name2, NAME_SPACE, "%s", DICE_PICK(draw->dice, targets));
	if (dice_percent(draw->dice, 2)) {
		draw->call->name2[0] = '\0';
	}
}

static int symlinkat_request(struct flight *flight, pathring_request_fn fn)
{
	char name[NAME_BUFFER];

	return pathring_symlinkat_request(flight->ring,
					  flight->identity,
					  flight->call->name2,
					  flight->handle,
					  call_name(flight->call->name, name),
					  fn,
					  flight,
					  &flight->request);
}

static void symlinkat_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_symlinkat_result(flight->request));
	outcome_add_name(&flight->outcome, flight->fd, flight->call->name);
}

static void symlinkat_plain(struct plain *plain)
{
	char name[NAME_BUFFER];
	const char *called = call_name(plain->call->name, name);
	int64_t ret;

	ret = plain->call->name2[0] == '\0' ? -ENOENT : plain_check_name(called);
	if (ret == 0) {
		ret = RESULT_OF(symlinkat(plain->call->name2, plain->fd, called));
	}
	outcome_begin(plain->outcome, ret);
	outcome_add_name(plain->outcome, plain->fd, called);
}

const struct operation operation_symlinkat = {
	.name = "symlinkat",
	.weight = 40,
	.draw = symlinkat_draw,
	.request = symlinkat_request,
	.result = symlinkat_result,
	.plain = symlinkat_plain,
};
