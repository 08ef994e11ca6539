/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations that look at a handle: statx, statfs, readdir, readlinkat.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "operations.h"

/* ---- statx ---- */

static void statx_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_ANY);
	draw->call->flags = dice_percent(draw->dice, 30) ? AT_STATX_FORCE_SYNC : 0;
}

static int statx_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_statx_request(flight->ring,
				      flight->identity,
				      flight->handle,
				      (unsigned int)flight->call->flags,
				      STATX_BASIC_STATS,
				      fn,
				      flight,
				      &flight->request);
}

static void statx_result(struct flight *flight)
{
	struct statx stx;
	int ret;

	ret = pathring_statx_result(flight->request, &stx);
	outcome_begin(&flight->outcome, ret);
	if (ret == 0) {
		outcome_add_statx(&flight->outcome, &stx);
	}
}

static void statx_plain(struct plain *plain)
{
	int flags = (int)plain->call->flags | AT_EMPTY_PATH;
	struct statx stx;
	int64_t ret;

	ret = RESULT_OF(statx(plain->fd, "", flags, STATX_BASIC_STATS, &stx));
	outcome_begin(plain->outcome, ret);
	if (ret == 0) {
		outcome_add_statx(plain->outcome, &stx);
	}
}

const struct operation operation_statx = {
	.name = "statx",
	.weight = 50,
	.draw = statx_draw,
	.request = statx_request,
	.result = statx_result,
	.plain = statx_plain,
};

/* ---- statfs ---- */

static void statfs_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_ANY);
}

static int statfs_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_statfs_request(
		flight->ring, flight->identity, flight->handle, fn, flight, &flight->request);
}

/* What does not change while others write to it. */
static void add_statfs(struct outcome *outcome, int64_t ret, const struct statfs *statfs)
{
	outcome_begin(outcome, ret);
	if (ret == 0) {
		outcome_add_number(outcome, (uint64_t)statfs->f_type);
		outcome_add_number(outcome, (uint64_t)statfs->f_bsize);
		outcome_add_number(outcome, (uint64_t)statfs->f_namelen);
		outcome_add_number(outcome, (uint64_t)statfs->f_flags);
	}
}

static void statfs_result(struct flight *flight)
{
	struct statfs statfs;
	int ret;

	ret = pathring_statfs_result(flight->request, &statfs);
	add_statfs(&flight->outcome, ret, &statfs);
}

static void statfs_plain(struct plain *plain)
{
	struct statfs statfs;

	add_statfs(plain->outcome, RESULT_OF(fstatfs(plain->fd, &statfs)), &statfs);
}

const struct operation operation_statfs = {
	.name = "statfs",
	.weight = 10,
	.draw = statfs_draw,
	.request = statfs_request,
	.result = statfs_result,
	.plain = statfs_plain,
};

/* ---- readdir ---- */

/* All of a directory of a cell at once. */
#define READDIR_SIZE 4096
#define MAX_ENTRIES 128

static void readdir_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_LIST);
}

static int readdir_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_readdir_request(flight->ring,
					flight->identity,
					flight->handle,
					0,
					READDIR_SIZE,
					fn,
					flight,
					&flight->request);
}

/* The type goes before the name, so that they are sorted together. */
struct listing {
	size_t count;
	char texts[MAX_ENTRIES][NAME_MAX + 2];
};

static void add_entry(struct listing *listing, unsigned char type, const char *name)
{
	if (listing->count < MAX_ENTRIES) {
		char *text = listing->texts[listing->count++];

		text[0] = (char)('A' + type);
		snprintf(text + 1, NAME_MAX + 1, "%s", name);
	}
}

static void add_listing(struct outcome *outcome, const struct listing *listing)
{
	const char *names[MAX_ENTRIES];
	size_t i;

	for (i = 0; i < listing->count; i++) {
		names[i] = listing->texts[i];
	}
	outcome_add_names(outcome, names, listing->count);
}

static void readdir_result(struct flight *flight)
{
	const struct pathring_entry *entries = NULL;
	struct listing listing;
	ssize_t count;
	ssize_t i;

	count = pathring_readdir_result(flight->request, &entries);
	outcome_begin(&flight->outcome, count);
	listing.count = 0;
	for (i = 0; i < count; i++) {
		add_entry(&listing, entries[i].type, entries[i].name);
	}
	add_listing(&flight->outcome, &listing);
}

static void readdir_plain(struct plain *plain)
{
	char buffer[READDIR_SIZE] __attribute__((aligned(8)));
	struct listing listing;
	long length;
	long at;

	lseek(plain->fd, 0, SEEK_SET);
	length = syscall(SYS_getdents64, plain->fd, buffer, sizeof(buffer));
	if (length == -1) {
		outcome_begin(plain->outcome, -errno);
		return;
	}
	listing.count = 0;
	for (at = 0; at < length;) {
		const struct dirent64 *entry = (const struct dirent64 *)(const void *)(buffer + at);

		add_entry(&listing, entry->d_type, entry->d_name);
		at += entry->d_reclen;
	}
	outcome_begin(plain->outcome, (int64_t)listing.count);
	add_listing(plain->outcome, &listing);
}

const struct operation operation_readdir = {
	.name = "readdir",
	.weight = 40,
	.draw = readdir_draw,
	.request = readdir_request,
	.result = readdir_result,
	.plain = readdir_plain,
};

/* ---- readlinkat ---- */

static void readlinkat_draw(struct draw *draw)
{
	draw->call->slot = draw_slot(draw, WANT_LINK);
}

static int readlinkat_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_readlinkat_request(
		flight->ring, flight->identity, flight->handle, fn, flight, &flight->request);
}

static void readlinkat_result(struct flight *flight)
{
	const char *target = NULL;
	ssize_t length;

	length = pathring_readlinkat_result(flight->request, &target);
	outcome_begin(&flight->outcome, length);
	if (length >= 0) {
		outcome_add(&flight->outcome, target, (size_t)length);
	}
}

static void readlinkat_plain(struct plain *plain)
{
	char target[PATH_MAX];
	ssize_t length;

	length = readlinkat(plain->fd, "", target, sizeof(target));
	if (length == -1) {
		/* The kernel says ENOENT of an empty name where it is no link. */
		outcome_begin(plain->outcome, errno == ENOENT ? -EINVAL : -errno);
		return;
	}
	outcome_begin(plain->outcome, length);
	outcome_add(plain->outcome, target, (size_t)length);
}

const struct operation operation_readlinkat = {
	.name = "readlinkat",
	.weight = 20,
	.draw = readlinkat_draw,
	.request = readlinkat_request,
	.result = readlinkat_result,
	.plain = readlinkat_plain,
};
