/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on xattrs, POSIX ACLs among them: getxattr, setxattr, listxattr, removexattr. The
 * plain side goes through /proc/self/fd, as it has to for a path reference.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acl.h"
#include "operations.h"

#define VALUE_SPACE 4096

static const char *const xattr_names[] = {
	"user.a",   "user.a",	 "user.b",    "user.c",	   ACL_ACCESS,
	ACL_ACCESS, ACL_DEFAULT, "trusted.t", "trusted.u", "security.capability",
};

/* Only where looking at a value: nothing is said of them to the kernel's modules otherwise. */
static const char *const odd_names[] = { "", "nonsense", "user.", "system.other" };

static void draw_xattr(struct draw *draw)
{
	const char *name = DICE_PICK(draw->dice, xattr_names);

	if (dice_percent(draw->dice, 4)) {
		name = DICE_PICK(draw->dice, odd_names);
	}
	draw->call->slot = draw_slot(draw, WANT_ANY);
	strcpy(draw->call->name, name);
}

/* Through /proc, but an empty name or a missing one as pathring.h says. */
static bool plain_path(const struct plain *plain, char path[PROC_PATH_SPACE])
{
	plain_proc_path(plain->fd, path);
	return plain->call->name[0] != '\0';
}

/* ---- getxattr ---- */

static void getxattr_draw(struct draw *draw)
{
	static const uint32_t sizes[] = { 0, 1, 16, 64, 256, 1024, 4096 };

	draw_xattr(draw);
	draw->call->size = DICE_PICK(draw->dice, sizes);
}

static int getxattr_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_getxattr_request(flight->ring,
					 flight->identity,
					 flight->handle,
					 flight->call->name,
					 flight->call->size,
					 fn,
					 flight,
					 &flight->request);
}

static void getxattr_result(struct flight *flight)
{
	const uint8_t *value = NULL;
	ssize_t length;

	length = pathring_getxattr_result(flight->request, &value);
	outcome_begin(&flight->outcome, length);
	if (length > 0 && flight->call->size > 0) {
		outcome_add(&flight->outcome, value, (size_t)length);
	}
}

static void getxattr_plain(struct plain *plain)
{
	const struct call *call = plain->call;
	char path[PROC_PATH_SPACE];
	char value[VALUE_SPACE];
	int64_t length = -ERANGE;

	if (plain_path(plain, path)) {
		length = RESULT_OF(getxattr(path, call->name, value, call->size));
	}
	outcome_begin(plain->outcome, length);
	if (length > 0 && call->size > 0) {
		outcome_add(plain->outcome, value, (size_t)length);
	}
}

const struct operation operation_getxattr = {
	.name = "getxattr",
	.weight = 70,
	.draw = getxattr_draw,
	.request = getxattr_request,
	.result = getxattr_result,
	.plain = getxattr_plain,
};

/* ---- setxattr ---- */

static void setxattr_draw(struct draw *draw)
{
	static const int flags[] = { 0, 0, 0, XATTR_CREATE, XATTR_REPLACE };

	draw_xattr(draw);
	draw->call->flags = (uint64_t)DICE_PICK(draw->dice, flags);
	draw->call->size = dice_below(draw->dice, 300);
	draw->call->changes = true;
}

/* The value, the same on both sides: an ACL for a name that takes one. */
static size_t
make_value(const struct call *call, const struct oracle *oracle, uint8_t value[VALUE_SPACE])
{
	struct dice dice = { .state = call->seed };
	size_t i;

	if (strncmp(call->name, "system.posix_acl_", 17) == 0 && !dice_percent(&dice, 5)) {
		return acl_draw(&dice, oracle->whos, oracle->cells[call->cell].cast, value);
	}
	for (i = 0; i < call->size; i++) {
		value[i] = (uint8_t)dice_next(&dice);
	}
	return call->size;
}

static int setxattr_request(struct flight *flight, pathring_request_fn fn)
{
	uint8_t value[VALUE_SPACE];
	size_t size = make_value(flight->call, flight->oracle, value);

	return pathring_setxattr_request(flight->ring,
					 flight->identity,
					 flight->handle,
					 flight->call->name,
					 value,
					 size,
					 (int)flight->call->flags,
					 fn,
					 flight,
					 &flight->request);
}

/* What the owner sees: an ACL also changes the mode. */
static void setxattr_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_setxattr_result(flight->request));
	outcome_add_fd(&flight->outcome, flight->fd);
}

static void setxattr_plain(struct plain *plain)
{
	const struct call *call = plain->call;
	char path[PROC_PATH_SPACE];
	uint8_t value[VALUE_SPACE];
	size_t size = make_value(call, plain->oracle, value);
	int64_t ret = -ERANGE;

	if (plain_path(plain, path)) {
		ret = RESULT_OF(setxattr(path, call->name, value, size, (int)call->flags));
	}
	outcome_begin(plain->outcome, ret);
	outcome_add_fd(plain->outcome, plain->fd);
}

const struct operation operation_setxattr = {
	.name = "setxattr",
	.weight = 50,
	.draw = setxattr_draw,
	.request = setxattr_request,
	.result = setxattr_result,
	.plain = setxattr_plain,
};

/* ---- listxattr ---- */

static void listxattr_draw(struct draw *draw)
{
	static const uint32_t sizes[] = { 0, 4, 32, 1024, 1024, 4096 };

	draw->call->slot = draw_slot(draw, WANT_ANY);
	draw->call->size = DICE_PICK(draw->dice, sizes);
}

static int listxattr_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_listxattr_request(flight->ring,
					  flight->identity,
					  flight->handle,
					  flight->call->size,
					  fn,
					  flight,
					  &flight->request);
}

static void listxattr_result(struct flight *flight)
{
	const char *names = NULL;
	ssize_t length;

	length = pathring_listxattr_result(flight->request, &names);
	outcome_begin(&flight->outcome, length);
	if (length > 0 && flight->call->size > 0) {
		outcome_add_name_list(&flight->outcome, names, (size_t)length);
	}
}

static void listxattr_plain(struct plain *plain)
{
	const struct call *call = plain->call;
	char path[PROC_PATH_SPACE];
	char names[VALUE_SPACE];
	int64_t length;

	plain_proc_path(plain->fd, path);
	length = RESULT_OF(listxattr(path, names, call->size));
	outcome_begin(plain->outcome, length);
	if (length > 0 && call->size > 0) {
		outcome_add_name_list(plain->outcome, names, (size_t)length);
	}
}

const struct operation operation_listxattr = {
	.name = "listxattr",
	.weight = 30,
	.draw = listxattr_draw,
	.request = listxattr_request,
	.result = listxattr_result,
	.plain = listxattr_plain,
};

/* ---- removexattr ---- */

static void removexattr_draw(struct draw *draw)
{
	draw_xattr(draw);
	draw->call->changes = true;
}

static int removexattr_request(struct flight *flight, pathring_request_fn fn)
{
	return pathring_removexattr_request(flight->ring,
					    flight->identity,
					    flight->handle,
					    flight->call->name,
					    fn,
					    flight,
					    &flight->request);
}

static void removexattr_result(struct flight *flight)
{
	outcome_begin(&flight->outcome, pathring_removexattr_result(flight->request));
	outcome_add_fd(&flight->outcome, flight->fd);
}

static void removexattr_plain(struct plain *plain)
{
	char path[PROC_PATH_SPACE];
	int64_t ret = -ERANGE;

	if (plain_path(plain, path)) {
		ret = RESULT_OF(removexattr(path, plain->call->name));
	}
	outcome_begin(plain->outcome, ret);
	outcome_add_fd(plain->outcome, plain->fd);
}

const struct operation operation_removexattr = {
	.name = "removexattr",
	.weight = 30,
	.draw = removexattr_draw,
	.request = removexattr_request,
	.result = removexattr_result,
	.plain = removexattr_plain,
};
