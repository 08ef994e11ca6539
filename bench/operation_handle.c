/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on path references that were opened before, by the process: statx and those on xattrs.
 * An xattr asks the permission of whoever calls, each time; the directories on the way don't matter
 * any more.
 */
#include "operation_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static bool handle_begin(struct bench_part *part, char **why)
{
	return bench_part_open_files(part, O_PATH, why);
}

static bool is_closed(const struct bench_part *part, const struct bench_request *request)
{
	const struct bench_file *file = &part->tree->files[request->file];

	return part->identity && file->kind == BENCH_FILE_CLOSED && file->owner != request->user;
}

static void statx_ask(struct bench_part *part, struct bench_request *request)
{
	(void)part;
	request->descriptor = request->file;
}

static bool statx_verify(struct bench_part *part,
			 const struct bench_request *request,
			 const struct bench_answer *answer,
			 struct bench_complaint *complaint)
{
	bool ok = false;

	ok = bench_verify_error(answer->error, false, complaint);
	return ok && bench_verify_stat(part->tree, request->file, answer->stx, complaint);
}

const struct bench_operation bench_operation_statx = {
	.name = "statx",
	.summary = "stat a path reference",
	.kind = BENCH_STATX,
	.begin = handle_begin,
	.ask = statx_ask,
	.verify = statx_verify,
};

static void getxattr_ask(struct bench_part *part, struct bench_request *request)
{
	request->descriptor = request->file;
	request->size = BENCH_XATTR_ROOM;
	request->denied = is_closed(part, request);
}

static bool getxattr_verify(struct bench_part *part,
			    const struct bench_request *request,
			    const struct bench_answer *answer,
			    struct bench_complaint *complaint)
{
	ssize_t length = answer->error != 0 ? answer->error : answer->length;

	(void)part;
	return bench_verify_xattr(request->file, answer->data, length, request->denied, complaint);
}

const struct bench_operation bench_operation_getxattr = {
	.name = "getxattr",
	.summary = "read an xattr of a path reference",
	.kind = BENCH_GETXATTR,
	.begin = handle_begin,
	.ask = getxattr_ask,
	.verify = getxattr_verify,
};

/*
 * Each value is new, or the file system would find that there is nothing to do: a number in it
 * counts the requests.
 */
#define NUMBER_AT 12

static void setxattr_ask(struct bench_part *part, struct bench_request *request)
{
	uint8_t *value = part->own[request->number].value;

	bench_tree_xattr(request->file, value);
	memcpy(value + NUMBER_AT, &part->asked, sizeof(part->asked));
	request->descriptor = request->file;
	request->data = value;
	request->size = BENCH_TREE_XATTR_LENGTH;
	request->denied = is_closed(part, request);
}

static bool setxattr_verify(struct bench_part *part,
			    const struct bench_request *request,
			    const struct bench_answer *answer,
			    struct bench_complaint *complaint)
{
	bool ok = false;

	ok = bench_verify_error(answer->error, request->denied, complaint);
	if (ok && !request->denied) {
		part->touched[request->file] = true;
	}
	return ok;
}

static bool setxattr_check(struct bench_part *part, size_t file, struct bench_complaint *complaint)
{
	uint8_t expected[BENCH_TREE_XATTR_LENGTH];
	uint8_t value[BENCH_XATTR_ROOM];
	uint64_t number = 0;
	char path[32];
	ssize_t length = 0;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", part->descriptors[file].fd);
	length = getxattr(path, BENCH_XATTR_WRITTEN, value, sizeof(value));
	if (length == -1) {
		return bench_wrong(complaint, strerror(errno), "the xattr that was set");
	}
	bench_tree_xattr(file, expected);
	memcpy(&number, value + NUMBER_AT, sizeof(number));
	memcpy(expected + NUMBER_AT, &number, sizeof(number));
	ret = memcmp(value, expected, sizeof(expected));
	if (length != sizeof(expected) || ret != 0 || number == 0 || number > part->asked) {
		return bench_wrong(complaint, "another xattr value", "what was set");
	}
	ret = removexattr(path, BENCH_XATTR_WRITTEN);
	if (ret == -1) {
		return bench_wrong(complaint, strerror(errno), "removing the xattr");
	}
	return true;
}

const struct bench_operation bench_operation_setxattr = {
	.name = "setxattr",
	.summary = "set an xattr of a path reference to a new value",
	.kind = BENCH_SETXATTR,
	.writes = true,
	.begin = handle_begin,
	.ask = setxattr_ask,
	.verify = setxattr_verify,
	.check = setxattr_check,
};

static void listxattr_ask(struct bench_part *part, struct bench_request *request)
{
	(void)part;
	request->descriptor = request->file;
	request->size = BENCH_XATTR_ROOM;
}

/* There may be others, of a security module for example. */
static bool listxattr_verify(struct bench_part *part,
			     const struct bench_request *request,
			     const struct bench_answer *answer,
			     struct bench_complaint *complaint)
{
	const char *name = (const char *)answer->data;
	bool ok = false;

	(void)part;
	(void)request;

	ok = bench_verify_error(answer->error, false, complaint);
	if (!ok) {
		return false;
	}
	if (answer->length <= 0 || name[answer->length - 1] != '\0') {
		return bench_wrong(complaint, "no names", BENCH_XATTR_NAME);
	}
	while (name < (const char *)answer->data + answer->length) {
		int differs = strcmp(name, BENCH_XATTR_NAME);

		if (differs == 0) {
			return true;
		}
		name += strlen(name) + 1;
	}
	return bench_wrong(complaint, "other names", BENCH_XATTR_NAME);
}

const struct bench_operation bench_operation_listxattr = {
	.name = "listxattr",
	.summary = "list the xattrs of a path reference",
	.kind = BENCH_LISTXATTR,
	.begin = handle_begin,
	.ask = listxattr_ask,
	.verify = listxattr_verify,
};

/*
 * Files of its own, one for each request at a time: others would find that the xattr exists, or is
 * gone. As many again are nobody's to write to.
 */
static bool set_remove_begin(struct bench_part *part, char **why)
{
	const struct bench_work_file forbidden = {
		.mode = 0600,
		.uid = part->tree->users[part->tree->num_users].uid,
		.gid = (gid_t)-1,
		.flags = O_PATH,
	};
	size_t i = 0;
	bool ok =
		bench_work_make(part, 0755, why) && bench_work_make_own_files(part, O_PATH, 0, why);

	for (i = 0; ok && i < part->num_own; i++) {
		char name[32] = "";

		if (part->tree->num_forbidden > 0) {
			snprintf(name, sizeof(name), "forbidden-%zu", i);
			ok = bench_work_make_file(part, name, &forbidden, why);
		}
		bench_tree_xattr(i, part->own[i].value);
	}
	return ok;
}

static void set_remove_ask(struct bench_part *part, struct bench_request *request)
{
	bool forbidden = bench_tree_denies(part->tree, request->user, request->file);

	request->descriptor = request->number + (forbidden ? part->num_own : 0);
	request->denied = forbidden && part->identity;
	request->data = part->own[request->number].value;
	request->size = sizeof(part->own->value);
}

static bool set_remove_verify(struct bench_part *part,
			      const struct bench_request *request,
			      const struct bench_answer *answer,
			      struct bench_complaint *complaint)
{
	(void)part;
	return bench_verify_error(answer->error, request->denied, complaint);
}

const struct bench_operation bench_operation_set_removexattr = {
	.name = "set-removexattr",
	.summary = "set a new xattr of a path reference and remove it",
	.kind = BENCH_SET_REMOVEXATTR,
	.begin = set_remove_begin,
	.ask = set_remove_ask,
	.verify = set_remove_verify,
	.end = bench_work_end_files,
};
