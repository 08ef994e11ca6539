/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * setxattr, listxattr and removexattr on every backend in every form, through handles of both
 * kinds: what plain system calls see afterwards, who may, and which namespaces are whose.
 */
#include "operations.h"

#include <linux/limits.h>
#include <sys/acl.h>
#include <sys/xattr.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const int both_kinds[] = { O_PATH, O_RDONLY };

/* What a file really has, of the link itself. "(none)" without the xattr. */
static char *plain_value(struct fixture *f, const char *name, const char *xattr)
{
	char value[4096];
	ssize_t length = lgetxattr(scratch_path(f, name), xattr, value, sizeof(value));

	if (length == -1) {
		assert_eq(errno, ENODATA, "%s", strerror(errno));
		return talloc_strdup(f, "(none)");
	}
	return talloc_strndup(f, value, (size_t)length);
}

static bool lists(const char *names, ssize_t length, const char *wanted)
{
	const char *name = names;

	while (name < names + length) {
		if (strcmp(name, wanted) == 0) {
			return true;
		}
		name += strlen(name) + 1;
	}
	return false;
}

/* ---- setxattr ---- */

OPERATION_TEST(setxattr, stores_the_value)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *handle = NULL;
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_directory(f, "sub", USER_A, USER_A, 0700);
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_setxattr(f, a, handle, "user.test", "value", 5, 0), 0);
		assert_str_eq(plain_value(f, "file", "user.test"), "value", "xattr");
		assert_result(do_setxattr(f, a, handle, "user.test", "another value", 13, 0), 0);
		assert_str_eq(plain_value(f, "file", "user.test"), "another value", "xattr");
		assert_result(do_setxattr(f, a, handle, "user.test", "", 0, 0), 0);
		assert_str_eq(plain_value(f, "file", "user.test"), "", "xattr");
		assert_result(do_setxattr(f, a, handle, "user.null", NULL, 0, 0), 0);
		assert_str_eq(plain_value(f, "file", "user.null"), "", "xattr");
		talloc_free(handle);
		handle = must_open(f, f->process, "sub", both_kinds[i]);
		assert_result(do_setxattr(f, a, handle, "user.test", "\0binary\xff", 8, 0), 0);
		assert_eq(getxattr(scratch_path(f, "sub"), "user.test", NULL, 0), 8);
		talloc_free(handle);
	}
}

OPERATION_TEST(setxattr, create_and_replace)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *handle = NULL;
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_setxattr(f, a, handle, "user.x", "new", 3, XATTR_REPLACE),
			      -ENODATA);
		assert_str_eq(plain_value(f, "file", "user.x"), "(none)", "xattr");
		assert_result(do_setxattr(f, a, handle, "user.x", "first", 5, XATTR_CREATE), 0);
		assert_result(do_setxattr(f, a, handle, "user.x", "new", 3, XATTR_CREATE), -EEXIST);
		assert_str_eq(plain_value(f, "file", "user.x"), "first", "xattr");
		assert_result(do_setxattr(f, a, handle, "user.x", "second", 6, XATTR_REPLACE), 0);
		assert_str_eq(plain_value(f, "file", "user.x"), "second", "xattr");
		assert_result(do_setxattr(f, a, handle, "user.x", "new", 3, 4), -EINVAL);
		assert_result(do_setxattr(f, a, handle, "user.x", "new", 3, -1), -EINVAL);
		assert_result(do_removexattr(f, a, handle, "user.x"), 0);
		talloc_free(handle);
	}
}

/* ext4 keeps the xattrs of an inode in one block, so 3,500 bytes are what fits everywhere. */
OPERATION_TEST(setxattr, sizes)
{
	struct pathring_handle *handle = NULL;
	uint8_t *value = talloc_zero_size(f, XATTR_SIZE_MAX + 2);
	uint8_t *stored = NULL;
	int expected = 0;
	size_t i = 0;

	for (i = 0; i < XATTR_SIZE_MAX; i++) {
		value[i] = (uint8_t)(i * 31);
	}
	scratch_file(f, "file", 0, 0, 0644, "content");
	if (setxattr(scratch_path(f, "file"), "user.test", value, XATTR_SIZE_MAX, 0) == -1) {
		expected = -errno;
	}
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_setxattr(f, f->process, handle, "user.test", value, 3500, 0), 0);
		assert_result(
			do_getxattr(f, f->process, handle, "user.test", XATTR_SIZE_MAX, &stored),
			3500);
		assert_bytes(stored, value, 3500);
		assert_result(
			do_setxattr(f, f->process, handle, "user.test", value, XATTR_SIZE_MAX, 0),
			expected);
		assert_result(
			do_setxattr(
				f, f->process, handle, "user.test", value, XATTR_SIZE_MAX + 1, 0),
			-E2BIG);
		assert_result(do_setxattr(f, f->process, handle, "user.test", NULL, 1, 0), -EINVAL);
		talloc_free(handle);
	}
}

OPERATION_TEST(setxattr, names)
{
	struct pathring_handle *handle = NULL;
	char *name = talloc_array(f, char, XATTR_NAME_MAX + 2);
	size_t i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	memset(name, 'x', XATTR_NAME_MAX + 1);
	memcpy(name, "user.", 5);
	name[XATTR_NAME_MAX + 1] = '\0';
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		name[XATTR_NAME_MAX] = 'x';
		assert_result(do_setxattr(f, f->process, handle, name, "v", 1, 0), -ERANGE);
		assert_result(do_removexattr(f, f->process, handle, name), -ERANGE);
		name[XATTR_NAME_MAX] = '\0';
		assert_result(do_setxattr(f, f->process, handle, name, "v", 1, 0), 0);
		assert_str_eq(plain_value(f, "file", name), "v", "xattr");
		assert_result(do_removexattr(f, f->process, handle, name), 0);
		assert_result(do_setxattr(f, f->process, handle, "", "v", 1, 0), -ERANGE);
		assert_result(do_removexattr(f, f->process, handle, ""), -ERANGE);
		assert_result(do_setxattr(f, f->process, handle, NULL, "v", 1, 0), -EINVAL);
		assert_result(do_removexattr(f, f->process, handle, NULL), -EINVAL);
		assert_result(do_setxattr(f, f->process, handle, "bogus.x", "v", 1, 0),
			      -EOPNOTSUPP);
		assert_result(do_removexattr(f, f->process, handle, "bogus.x"), -EOPNOTSUPP);
		assert_result(do_setxattr(f, f->process, handle, "user.", "v", 1, 0), -EINVAL);
		talloc_free(handle);
	}
	assert_result(do_setxattr(f, f->process, NULL, "user.x", "v", 1, 0), -EINVAL);
	assert_result(do_removexattr(f, f->process, NULL, "user.x"), -EINVAL);
}

/* ---- who may ---- */

OPERATION_TEST(xattr, user_names_by_the_mode_of_the_file)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0644, "content");
	scratch_xattr(f, "file", "user.test", "value");
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_setxattr(f, b, handle, "user.test", "stranger", 8, 0), -EACCES);
		assert_result(do_setxattr(f, b, handle, "user.new", "stranger", 8, 0), -EACCES);
		assert_result(do_removexattr(f, b, handle, "user.test"), -EACCES);
		assert_str_eq(plain_value(f, "file", "user.test"), "value", "xattr");
		assert_str_eq(plain_value(f, "file", "user.new"), "(none)", "xattr");
		assert_result(do_removexattr(f, a, handle, "user.test"), 0);
		assert_result(do_removexattr(f, a, handle, "user.test"), -ENODATA);
		assert_result(do_setxattr(f, a, handle, "user.test", "value", 5, 0), 0);
		talloc_free(handle);
	}
}

/*
 * trusted.* needs CAP_SYS_ADMIN, to see as to change; security.* needs it to change. A user has
 * none, whoever the process is.
 */
OPERATION_TEST(xattr, trusted_and_security_names_are_for_root)
{
	static const char *const names[] = { "trusted.test", "security.test" };
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *handle = NULL;
	uint8_t *value = NULL;
	size_t i = 0;
	size_t j = 0;

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		for (j = 0; j < COUNT_OF(names); j++) {
			assert_result(do_setxattr(f, a, handle, names[j], "of a", 4, 0), -EPERM);
			assert_str_eq(plain_value(f, "file", names[j]), "(none)", "xattr");
			assert_result(do_setxattr(f, f->process, handle, names[j], "root", 4, 0),
				      0);
			assert_str_eq(plain_value(f, "file", names[j]), "root", "xattr");
			assert_result(do_setxattr(f, a, handle, names[j], "of a", 4, 0), -EPERM);
			assert_result(do_removexattr(f, a, handle, names[j]), -EPERM);
			assert_str_eq(plain_value(f, "file", names[j]), "root", "xattr");
		}
		assert_result(do_getxattr(f, a, handle, "trusted.test", 100, &value), -ENODATA);
		assert_result(do_getxattr(f, a, handle, "security.test", 100, &value), 4);
		for (j = 0; j < COUNT_OF(names); j++) {
			assert_result(do_removexattr(f, f->process, handle, names[j]), 0);
		}
		talloc_free(handle);
	}
}

/* An ACL through its xattr: the mode of the file follows, and only its owner may. */
OPERATION_TEST(xattr, posix_acl)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	uint8_t value[256];
	acl_t acl = NULL;
	ssize_t length = -1;
	size_t i = 0;

	scratch_file(f, "model", USER_A, USER_A, 0600, "content");
	acl = acl_from_text("u::rw,u:60002:r,g::-,m::r,o::-");
	assert_not_null(acl);
	assert_eq(acl_set_file(scratch_path(f, "model"), ACL_TYPE_ACCESS, acl), 0);
	acl_free(acl);
	length =
		getxattr(scratch_path(f, "model"), "system.posix_acl_access", value, sizeof(value));
	assert_gt(length, 0);

	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		char *name = talloc_asprintf(f, "file%zu", i);

		scratch_file(f, name, USER_A, USER_A, 0600, "content");
		handle = must_open(f, f->process, name, both_kinds[i]);
		assert_result(try_open(f, b, name, O_RDONLY), -EACCES);
		assert_result(
			do_setxattr(
				f, b, handle, "system.posix_acl_access", value, (size_t)length, 0),
			-EPERM);
		assert_result(
			do_setxattr(
				f, a, handle, "system.posix_acl_access", value, (size_t)length, 0),
			0);
		assert_result(try_open(f, b, name, O_RDONLY), 0);
		assert_result(try_open(f, b, name, O_WRONLY), -EACCES);
		assert_result(do_removexattr(f, a, handle, "system.posix_acl_access"), 0);
		assert_result(try_open(f, b, name, O_RDONLY), -EACCES);
		talloc_free(handle);
	}
}

/* The link itself, which takes trusted.* alone, and never what it points to. */
OPERATION_TEST(xattr, of_a_symbolic_link_itself)
{
	struct pathring_handle *handle = NULL;
	char *names = NULL;
	ssize_t length = -1;

	scratch_file(f, "file", USER_A, USER_A, 0666, "content");
	scratch_symlink(f, "link", "file");
	handle = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW);
	assert_result(do_setxattr(f, f->process, handle, "user.test", "link", 4, 0), -EPERM);
	assert_result(do_setxattr(f, f->process, handle, "trusted.test", "link", 4, 0), 0);
	assert_str_eq(plain_value(f, "link", "trusted.test"), "link", "of the link");
	assert_str_eq(plain_value(f, "file", "trusted.test"), "(none)", "of the file");
	assert_str_eq(plain_value(f, "file", "user.test"), "(none)", "of the file");
	length = do_listxattr(f, f->process, handle, 1000, &names);
	assert_true(lists(names, length, "trusted.test"));
	assert_result(do_removexattr(f, f->process, handle, "trusted.test"), 0);
	assert_str_eq(plain_value(f, "link", "trusted.test"), "(none)", "of the link");
	talloc_free(handle);
}

/* The file that was opened, whatever bears its name by now. */
OPERATION_TEST(xattr, of_a_file_without_a_name)
{
	struct pathring_handle *handle = NULL;
	uint8_t *value = NULL;
	char *names = NULL;
	size_t i = 0;

	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		scratch_file(f, "file", 0, 0, 0644, "content");
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_eq(unlink(scratch_path(f, "file")), 0);
		scratch_file(f, "file", 0, 0, 0644, "another");
		assert_result(do_setxattr(f, f->process, handle, "user.test", "gone", 4, 0), 0);
		assert_str_eq(plain_value(f, "file", "user.test"), "(none)", "xattr");
		assert_result(do_getxattr(f, f->process, handle, "user.test", 10, &value), 4);
		assert_result(do_listxattr(f, f->process, handle, 1000, &names), 10);
		assert_result(do_removexattr(f, f->process, handle, "user.test"), 0);
		assert_eq(unlink(scratch_path(f, "file")), 0);
		talloc_free(handle);
	}
}

/* ---- listxattr ---- */

OPERATION_TEST(listxattr, names_and_sizes)
{
	struct pathring_handle *handle = NULL;
	char expected[256];
	char *names = NULL;
	ssize_t length = -1;
	size_t i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_file(f, "bare", 0, 0, 0644, "content");
	scratch_xattr(f, "file", "user.first", "value");
	scratch_xattr(f, "file", "user.second", "value");
	length = listxattr(scratch_path(f, "file"), expected, sizeof(expected));
	assert_eq(length, 23);
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_listxattr(f, f->process, handle, 1000, &names), length);
		assert_bytes(names, expected, (size_t)length);
		assert_result(do_listxattr(f, f->process, handle, (size_t)length, &names), length);
		assert_bytes(names, expected, (size_t)length);
		assert_result(do_listxattr(f, f->process, handle, XATTR_LIST_MAX, &names), length);
		assert_result(do_listxattr(f, f->process, handle, 0, &names), length);
		assert_null(names);
		assert_result(do_listxattr(f, f->process, handle, 22, &names), -ERANGE);
		assert_null(names);
		assert_result(do_listxattr(f, f->process, handle, 1, &names), -ERANGE);
		assert_result(do_listxattr(f, f->process, handle, XATTR_LIST_MAX + 1, &names),
			      -EINVAL);
		talloc_free(handle);
		handle = must_open(f, f->process, "bare", both_kinds[i]);
		assert_result(do_listxattr(f, f->process, handle, 1000, &names), 0);
		assert_result(do_listxattr(f, f->process, handle, 0, &names), 0);
		talloc_free(handle);
	}
	assert_result(do_listxattr(f, f->process, NULL, 1000, &names), -EINVAL);
}

/* trusted.* is not even shown to a user; who can't read the file sees the names all the same. */
OPERATION_TEST(listxattr, what_the_identity_may_see)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	char *names = NULL;
	ssize_t length = -1;
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_xattr(f, "file", "trusted.test", "value");
	scratch_xattr(f, "file", "security.test", "value");
	scratch_xattr(f, "file", "user.test", "value");
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		length = do_listxattr(f, f->process, handle, 1000, &names);
		assert_result(length, 37);
		assert_true(lists(names, length, "trusted.test"));
		assert_true(lists(names, length, "security.test"));
		assert_true(lists(names, length, "user.test"));
		length = do_listxattr(f, a, handle, 1000, &names);
		assert_result(length, 24);
		assert_false(lists(names, length, "trusted.test"));
		assert_true(lists(names, length, "security.test"));
		length = do_listxattr(f, b, handle, 1000, &names);
		assert_result(length, 24);
		assert_false(lists(names, length, "trusted.test"));
		assert_result(do_listxattr(f, b, handle, 0, &names), 24);
		talloc_free(handle);
	}
}
