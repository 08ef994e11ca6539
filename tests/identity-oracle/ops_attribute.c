/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on the attributes of a handle: fchmod, fchown, utimens.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "operations.h"

/* ---- fchmod ---- */

static void fchmod_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_ANY);
	draw->call->mode = dice_percent(draw->dice, 2) ? 0100644 : draw_mode(draw);
	draw->call->changes = true;
}

static int fchmod_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_fchmod_request(flight->ring,
				       flight->identity,
				       flight->handle,
				       flight->call->mode,
				       fn,
				       flight,
				       &flight->request);
}

static void fchmod_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_fchmod_result(flight->request));
	outcome_add_fd(&flight->outcome, flight->fd);
}

static void fchmod_plain(struct plain *plain)
{
	mode_t mode = plain->call->mode;
	char path[PROC_PATH_SPACE];
	int64_t ret = -EINVAL;

	if (mode <= 07777) {
		plain_proc_path(plain->fd, path);
		ret = RESULT_OF(chmod(path, mode));
	}
	outcome_begin(plain->outcome, ret);
	outcome_add_fd(plain->outcome, plain->fd);
}

const struct operation operation_fchmod = {
	.name = "fchmod",
	.weight = 50,
	.draw = fchmod_draw,
	.request = fchmod_request,
	.result = fchmod_result,
	.plain = fchmod_plain,
};

/* ---- fchown ---- */

static void fchown_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_ANY);
	draw->call->uid = dice_percent(draw->dice, 65) ? (uid_t)-1 : draw_uid(draw);
	draw->call->gid = dice_percent(draw->dice, 15) ? (gid_t)-1 : draw_gid(draw);
	draw->call->changes = true;
}

static int fchown_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_fchown_request(flight->ring,
				       flight->identity,
				       flight->handle,
				       flight->call->uid,
				       flight->call->gid,
				       fn,
				       flight,
				       &flight->request);
}

static void fchown_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_fchown_result(flight->request));
	outcome_add_fd(&flight->outcome, flight->fd);
}

static void fchown_plain(struct plain *plain)
{
	const struct call *call = plain->call;

	outcome_begin(plain->outcome,
		      RESULT_OF(fchownat(plain->fd, "", call->uid, call->gid, AT_EMPTY_PATH)));
	outcome_add_fd(plain->outcome, plain->fd);
}

const struct operation operation_fchown = {
	.name = "fchown",
	.weight = 50,
	.draw = fchown_draw,
	.request = fchown_request,
	.result = fchown_result,
	.plain = fchown_plain,
};

/* ---- utimens ---- */

/* Both times now, though not given: NULL. */
#define TIMES_NULL 1

static void utimens_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_ANY);
	draw->call->flags = dice_percent(draw->dice, 20) ? TIMES_NULL : 0;
	draw->call->changes = true;
}

static const struct timespec *make_times(const struct call *call, struct timespec times[2])
{
	struct dice dice = { .state = call->seed };
	size_t i;

	for (i = 0; i < 2; i++) {
		times[i] = (struct timespec) {
			.tv_sec = dice_below(&dice, 1500000000),
			.tv_nsec = dice_below(&dice, 1000000000),
		};
		if (dice_percent(&dice, 25)) {
			times[i].tv_nsec = dice_percent(&dice, 50) ? UTIME_NOW : UTIME_OMIT;
		}
	}
	return call->flags == TIMES_NULL ? NULL : times;
}

/* The times that were given, if they were set. */
static void add_times(struct outcome *outcome, const struct call *call, int fd)
{
	struct timespec given[2];
	struct stat st;
	size_t i;
	int ret;

	outcome_add_fd(outcome, fd);
	ret = fstatat(fd, "", &st, AT_EMPTY_PATH);
	if (ret == -1 || outcome->result != 0 || make_times(call, given) == NULL) {
		return;
	}
	for (i = 0; i < 2; i++) {
		const struct timespec *time = i == 0 ? &st.st_atim : &st.st_mtim;

		if (given[i].tv_nsec != UTIME_NOW && given[i].tv_nsec != UTIME_OMIT) {
			outcome_add_number(outcome, (uint64_t)time->tv_sec);
			outcome_add_number(outcome, (uint64_t)time->tv_nsec);
		}
	}
}

static int utimens_request(struct flight *flight, pathring_request_fn fn)
{
	struct timespec times[2];

	return pathring_utimens_request(flight->ring,
					flight->identity,
					flight->handle,
					make_times(flight->call, times),
					fn,
					flight,
					&flight->request);
}

static void utimens_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_utimens_result(flight->request));
	add_times(&flight->outcome, flight->call, flight->fd);
}

static void utimens_plain(struct plain *plain)
{
	struct timespec times[2];
	const struct timespec *given = make_times(plain->call, times);

	outcome_begin(plain->outcome, RESULT_OF(utimensat(plain->fd, "", given, AT_EMPTY_PATH)));
	add_times(plain->outcome, plain->call, plain->fd);
}

const struct operation operation_utimens = {
	.name = "utimens",
	.weight = 30,
	.draw = utimens_draw,
	.request = utimens_request,
	.result = utimens_result,
	.plain = utimens_plain,
};
