/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Outcomes of calls: what is told of them, whether two are the same, and how they are shown.
 * Inode numbers, block counts and times differ between the trees and are left out.
 */
#include "outcome.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_NAMES 256

void outcome_begin(struct outcome *outcome, int64_t result)
{
	outcome->result = result;
	outcome->length = 0;
	outcome->hash = 0xcbf29ce484222325ULL;
}

static void add_bytes(struct outcome *outcome, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t hash = outcome->hash;
	size_t i;

	if (size > 0 && outcome->length < PAYLOAD_SPACE) {
		size_t room = PAYLOAD_SPACE - outcome->length;

		memcpy(outcome->payload + outcome->length, bytes, size < room ? size : room);
	}
	for (i = 0; i < size; i++) {
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	}
	outcome->hash = hash;
	outcome->length += (uint32_t)size;
}

/* What an item is and how long, before each: for telling of it. */
enum kind {
	KIND_DATA,
	KIND_NUMBER,
	KIND_STATUS,
};

struct item {
	uint16_t kind;
	uint16_t size;
};

static void add_item(struct outcome *outcome, enum kind kind, const void *data, size_t size)
{
	struct item item = { .kind = (uint16_t)kind, .size = (uint16_t)size };

	add_bytes(outcome, &item, sizeof(item));
	add_bytes(outcome, data, size);
}

void outcome_add(struct outcome *outcome, const void *data, size_t size)
{
	add_item(outcome, KIND_DATA, data, size);
}

void outcome_add_number(struct outcome *outcome, uint64_t number)
{
	add_item(outcome, KIND_NUMBER, &number, sizeof(number));
}

/* The members that are compared; no padding. */
struct status {
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t links;
	uint64_t size;
};

static void add_status(struct outcome *outcome, struct status status)
{
	if (S_ISDIR(status.mode)) {
		/* What a directory's size means depends on its history. */
		status.size = 0;
	}
	add_item(outcome, KIND_STATUS, &status, sizeof(status));
}

void outcome_add_statx(struct outcome *outcome, const struct statx *stx)
{
	add_status(outcome,
		   (struct status) {
			   .mode = stx->stx_mode,
			   .uid = stx->stx_uid,
			   .gid = stx->stx_gid,
			   .links = stx->stx_nlink,
			   .size = stx->stx_size,
		   });
}

static void add_stat(struct outcome *outcome, int ret, const struct stat *st)
{
	if (ret == -1) {
		outcome_add_number(outcome, (uint64_t)errno);
		return;
	}
	add_status(outcome,
		   (struct status) {
			   .mode = st->st_mode,
			   .uid = st->st_uid,
			   .gid = st->st_gid,
			   .links = (uint32_t)st->st_nlink,
			   .size = (uint64_t)st->st_size,
		   });
}

void outcome_add_fd(struct outcome *outcome, int fd)
{
	struct stat st;
	int ret;

	if (outcome->result < 0) {
		return;
	}
	ret = fstatat(fd, "", &st, AT_EMPTY_PATH);
	add_stat(outcome, ret, &st);
}

void outcome_add_name(struct outcome *outcome, int dirfd, const char *name)
{
	struct stat st;
	int ret;

	if (outcome->result < 0) {
		return;
	}
	ret = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW);
	add_stat(outcome, ret, &st);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void outcome_add_names(struct outcome *outcome, const char **names, size_t count)
{
	size_t i;

	if (count > 0) {
		qsort(names, count, sizeof(*names), compare_names);
	}
	for (i = 0; i < count; i++) {
		outcome_add(outcome, names[i], strlen(names[i]) + 1);
	}
}

void outcome_add_name_list(struct outcome *outcome, const char *list, size_t size)
{
	const char *names[MAX_NAMES];
	size_t count = 0;
	size_t at = 0;

	while (at < size && count < MAX_NAMES) {
		names[count++] = list + at;
		at += strlen(list + at) + 1;
	}
	outcome_add_names(outcome, names, count);
}

bool outcome_same(const struct outcome *a, const struct outcome *b)
{
	size_t kept = a->length < PAYLOAD_SPACE ? a->length : PAYLOAD_SPACE;

	return a->result == b->result && a->length == b->length && a->hash == b->hash &&
	       memcmp(a->payload, b->payload, kept) == 0;
}

static void print_data(FILE *file, const uint8_t *data, size_t size)
{
	size_t i;

	fprintf(file, ", %zu bytes: ", size);
	for (i = 0; i < size; i++) {
		if (isgraph(data[i]) && data[i] != '\\') {
			fputc(data[i], file);
		} else {
			fprintf(file, "\\%02x", data[i]);
		}
	}
}

static void print_item(FILE *file, enum kind kind, const uint8_t *data, size_t size)
{
	struct status status;
	uint64_t number;

	if (kind == KIND_STATUS && size == sizeof(status)) {
		memcpy(&status, data, sizeof(status));
		fprintf(file,
			", mode %06o owner %u:%u links %u size %llu",
			status.mode,
			status.uid,
			status.gid,
			status.links,
			(unsigned long long)status.size);
	} else if (kind == KIND_NUMBER && size == sizeof(number)) {
		memcpy(&number, data, sizeof(number));
		fprintf(file, ", number %lld", (long long)number);
	} else {
		print_data(file, data, size);
	}
}

void outcome_print(FILE *file, const struct outcome *outcome)
{
	size_t kept = outcome->length < PAYLOAD_SPACE ? outcome->length : PAYLOAD_SPACE;
	const char *error = NULL;
	struct item item;
	size_t at = 0;

	if (outcome->result < 0) {
		error = strerrorname_np((int)-outcome->result);
	}
	if (error != NULL) {
		fprintf(file, "%s", error);
	} else {
		fprintf(file, "%lld", (long long)outcome->result);
	}
	while (at + sizeof(item) <= kept) {
		size_t size;

		memcpy(&item, outcome->payload + at, sizeof(item));
		at += sizeof(item);
		size = item.size < kept - at ? item.size : kept - at;
		print_item(file, (enum kind)item.kind, outcome->payload + at, size);
		at += size;
	}
	fputc('\n', file);
}
