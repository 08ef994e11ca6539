/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkdirat, unlinkat, renameat, linkat and symlinkat on every backend in every form: what they leave
 * behind as plain system calls see it, whom they refuse, and what names they take.
 */
#include "operations.h"

#include <limits.h>
#include <sys/acl.h>
#include <sys/sysmacros.h>

static struct pathring_handle *directory(struct fixture *f, const char *name)
{
	return must_open(f, f->process, name, O_PATH | O_DIRECTORY);
}

/* Of which the checks after each test must know. */
static mode_t set_umask(struct fixture *f, mode_t mask)
{
	mode_t before = umask(mask);

	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
	return before;
}

static void assert_made(struct fixture *f, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st = scratch_stat(f, name);

	assert_eq(st.st_mode, mode, "%s has mode %o", name, st.st_mode);
	assert_eq(st.st_uid, uid, "%s", name);
	assert_eq(st.st_gid, gid, "%s", name);
}

static char *target_of(struct fixture *f, const char *name)
{
	char *target = talloc_zero_size(f, PATH_MAX + 1);
	ssize_t length = readlink(scratch_path(f, name), target, PATH_MAX);

	assert_geq(length, 0, "%s: %s", name, strerror(errno));
	return target;
}

static bool same_inode(struct fixture *f, const char *a, const char *b)
{
	return scratch_stat(f, a).st_ino == scratch_stat(f, b).st_ino;
}

/* ---- names ---- */

enum change { MKDIR, UNLINK, RMDIR, RENAME_FROM, RENAME_TO, LINK_FROM, LINK_TO, SYMLINK, CHANGES };

/* One that would succeed, or fail with ENOENT, were it not for name. "present" is a file. */
static int try_change(struct fixture *f, enum change change, const char *name)
{
	struct pathring_handle *dir = f->dir;

	switch (change) {
	case MKDIR:
		return do_mkdirat(f, f->process, dir, name, 0755);
	case UNLINK:
		return do_unlinkat(f, f->process, dir, name, 0);
	case RMDIR:
		return do_unlinkat(f, f->process, dir, name, AT_REMOVEDIR);
	case RENAME_FROM:
		return do_renameat(f, f->process, dir, name, dir, "unused", 0);
	case RENAME_TO:
		return do_renameat(f, f->process, dir, "present", dir, name, 0);
	case LINK_FROM:
		return do_linkat(f, f->process, dir, name, dir, "unused");
	case LINK_TO:
		return do_linkat(f, f->process, dir, "present", dir, name);
	case SYMLINK:
	default:
		return do_symlinkat(f, f->process, "target", dir, name);
	}
}

OPERATION_TEST(names, one_component_and_nothing_else)
{
	static const struct {
		const char *name;
		int expected;
	} cases[] = {
		{ NULL, -EINVAL },	    { "", -ENOENT },	 { ".", -EINVAL },
		{ "..", -EINVAL },	    { "/", -EINVAL },	 { "sub/file", -EINVAL },
		{ "file/", -EINVAL },	    { "/tmp", -EINVAL }, { "./file", -EINVAL },
		{ "sub/../file", -EINVAL },
	};
	char *before = NULL;
	enum change change = 0;
	size_t i = 0;

	scratch_file(f, "present", 0, 0, 0644, "content");
	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_file(f, "sub/file", 0, 0, 0644, "content");
	before = scratch_listing(f, "");
	for (change = 0; change < CHANGES; change++) {
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			assert_result(try_change(f, change, cases[i].name), cases[i].expected);
		}
	}
	assert_str_eq(scratch_listing(f, ""), before, "something was changed");
}

OPERATION_TEST(names, long_names)
{
	static const size_t too_long[] = { NAME_MAX + 1, PATH_MAX - 1, PATH_MAX, PATH_MAX + 100 };
	char *name = talloc_array(f, char, PATH_MAX + 101);
	enum change change = 0;
	size_t i = 0;

	scratch_file(f, "present", 0, 0, 0644, "content");
	for (change = 0; change < CHANGES; change++) {
		for (i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
			memset(name, 'n', too_long[i]);
			name[too_long[i]] = '\0';
			assert_result(try_change(f, change, name), -ENAMETOOLONG);
		}
	}
	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	assert_result(try_change(f, MKDIR, name), 0);
	assert_result(try_change(f, RENAME_FROM, name), 0);
	assert_result(do_renameat(f, f->process, f->dir, "unused", f->dir, name, 0), 0);
	assert_result(try_change(f, RMDIR, name), 0);
	assert_result(try_change(f, SYMLINK, name), 0);
	assert_result(try_change(f, LINK_FROM, name), 0);
	assert_result(do_unlinkat(f, f->process, f->dir, "unused", 0), 0);
	assert_result(try_change(f, UNLINK, name), 0);
	assert_false(scratch_exists(f, name));
}

OPERATION_TEST(names, odd_but_right)
{
	static const char *const names[] = { " ",   "...",     "-r", "\xff\xfe", "new\nline",
					     "..a", ".hidden", "*",  "a\\b" };
	size_t i = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_result(do_mkdirat(f, f->process, f->dir, names[i], 0755), 0);
		assert_true(scratch_exists(f, names[i]));
		assert_result(do_renameat(f, f->process, f->dir, names[i], f->dir, "plain", 0), 0);
		assert_result(do_renameat(f, f->process, f->dir, "plain", f->dir, names[i], 0), 0);
		assert_result(do_unlinkat(f, f->process, f->dir, names[i], AT_REMOVEDIR), 0);
		assert_false(scratch_exists(f, names[i]));
	}
}

/* What is given as the directory and is none, or none any more. */
OPERATION_TEST(names, directories_that_are_none)
{
	struct pathring_handle *bad[3] = { NULL };
	const int expected[3] = { -ENOTDIR, -ENOTDIR, -ENOENT };
	size_t i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_directory(f, "gone", 0, 0, 0755);
	scratch_symlink(f, "link", "sub");
	bad[0] = must_open(f, f->process, "file", O_PATH);
	bad[1] = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW);
	bad[2] = directory(f, "gone");
	assert_eq(rmdir(scratch_path(f, "gone")), 0);
	for (i = 0; i < 3; i++) {
		struct pathring_handle *dir = bad[i];

		assert_result(do_mkdirat(f, f->process, dir, "x", 0755), expected[i]);
		assert_result(do_unlinkat(f, f->process, dir, "x", 0), expected[i]);
		assert_result(do_unlinkat(f, f->process, dir, "x", AT_REMOVEDIR), expected[i]);
		assert_result(do_renameat(f, f->process, dir, "x", f->dir, "y", 0), expected[i]);
		assert_result(do_renameat(f, f->process, f->dir, "file", dir, "y", 0), expected[i]);
		assert_result(do_linkat(f, f->process, dir, "x", f->dir, "y"), expected[i]);
		assert_result(do_linkat(f, f->process, f->dir, "file", dir, "y"), expected[i]);
		assert_result(do_symlinkat(f, f->process, "t", dir, "x"), expected[i]);
		talloc_free(dir);
	}
	assert_true(scratch_exists(f, "file"));
	assert_str_eq(scratch_listing(f, "sub"), "", "the link was followed");
}

OPERATION_TEST(names, without_a_directory)
{
	assert_result(do_mkdirat(f, f->process, NULL, "x", 0755), -EINVAL);
	assert_result(do_unlinkat(f, f->process, NULL, "x", 0), -EINVAL);
	assert_result(do_renameat(f, f->process, NULL, "x", f->dir, "y", 0), -EINVAL);
	assert_result(do_renameat(f, f->process, f->dir, "x", NULL, "y", 0), -EINVAL);
	assert_result(do_linkat(f, f->process, NULL, "x", f->dir, "y"), -EINVAL);
	assert_result(do_linkat(f, f->process, f->dir, "x", NULL, "y"), -EINVAL);
	assert_result(do_symlinkat(f, f->process, "t", NULL, "x"), -EINVAL);
	assert_result(do_mkdirat(f, NULL, f->dir, "x", 0755), -EINVAL);
	assert_result(do_renameat(f, NULL, f->dir, "x", f->dir, "y", 0), -EINVAL);
}

/* A stranger changes nothing, in a directory that everyone may look at. */
OPERATION_TEST(names, denied_to_others)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *of_a = NULL;
	struct pathring_handle *of_b = NULL;
	char *before = NULL;
	char *before_b = NULL;

	scratch_directory(f, "of_a", USER_A, USER_A, 0755);
	scratch_directory(f, "of_a/sub", USER_A, USER_A, 0755);
	scratch_file(f, "of_a/file", USER_A, USER_A, 0666, "content");
	scratch_directory(f, "of_b", USER_B, USER_B, 0755);
	scratch_file(f, "of_b/file", USER_B, USER_B, 0666, "content");
	of_a = directory(f, "of_a");
	of_b = directory(f, "of_b");
	before = scratch_listing(f, "of_a");
	before_b = scratch_listing(f, "of_b");

	assert_result(do_mkdirat(f, b, of_a, "new", 0755), -EACCES);
	assert_result(do_unlinkat(f, b, of_a, "file", 0), -EACCES);
	assert_result(do_unlinkat(f, b, of_a, "sub", AT_REMOVEDIR), -EACCES);
	assert_result(do_renameat(f, b, of_a, "file", of_a, "other", 0), -EACCES);
	assert_result(do_renameat(f, b, of_a, "file", of_b, "other", 0), -EACCES);
	assert_result(do_renameat(f, b, of_b, "file", of_a, "other", 0), -EACCES);
	assert_result(do_renameat(f, b, of_a, "file", of_b, "file", RENAME_EXCHANGE), -EACCES);
	assert_result(do_linkat(f, b, of_b, "file", of_a, "other"), -EACCES);
	assert_result(do_symlinkat(f, b, "target", of_a, "other"), -EACCES);
	assert_str_eq(scratch_listing(f, "of_a"), before, "changed by a stranger");
	assert_str_eq(scratch_listing(f, "of_b"), before_b, "changed by what was refused");

	/* The owner may. */
	assert_result(do_mkdirat(f, a, of_a, "new", 0700), 0);
	assert_made(f, "of_a/new", S_IFDIR | 0700, USER_A, USER_A);
	assert_result(do_symlinkat(f, a, "target", of_a, "link"), 0);
	assert_made(f, "of_a/link", S_IFLNK | 0777, USER_A, USER_A);
	assert_result(do_linkat(f, a, of_a, "file", of_a, "second"), 0);
	assert_result(do_renameat(f, a, of_a, "second", of_a, "third", 0), 0);
	assert_result(do_unlinkat(f, a, of_a, "third", 0), 0);
	assert_result(do_unlinkat(f, a, of_a, "sub", AT_REMOVEDIR), 0);
	talloc_free(of_a);
	talloc_free(of_b);
}

/* In a sticky directory a name belongs to the owner of the file, and to that of the directory. */
OPERATION_TEST(names, sticky_directory)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_identity *c = fixture_user(f, USER_C);
	struct pathring_handle *sticky = NULL;

	scratch_directory(f, "sticky", USER_C, USER_C, 01777);
	scratch_file(f, "sticky/of_a", USER_A, USER_A, 0666, "a");
	scratch_file(f, "sticky/of_b", USER_B, USER_B, 0666, "b");
	scratch_directory(f, "sticky/sub", USER_A, USER_A, 0777);
	sticky = directory(f, "sticky");
	assert_result(do_unlinkat(f, b, sticky, "of_a", 0), -EPERM);
	assert_result(do_unlinkat(f, b, sticky, "sub", AT_REMOVEDIR), -EPERM);
	assert_result(do_renameat(f, b, sticky, "of_a", sticky, "mine", 0), -EPERM);
	assert_result(do_renameat(f, b, sticky, "of_b", sticky, "of_a", 0), -EPERM);
	assert_result(do_renameat(f, b, sticky, "of_b", sticky, "of_a", RENAME_EXCHANGE), -EPERM);
	assert_result(do_mkdirat(f, b, sticky, "new", 0755), 0);
	assert_result(do_renameat(f, a, sticky, "of_a", sticky, "still_of_a", 0), 0);
	assert_result(do_unlinkat(f, a, sticky, "still_of_a", 0), 0);
	assert_result(do_unlinkat(f, c, sticky, "of_b", 0), 0);
	assert_str_eq(scratch_listing(f, "sticky"), "new\nsub\n", "in the sticky directory");
	talloc_free(sticky);
}

/* ---- mkdirat ---- */

OPERATION_TEST(mkdirat, mode_and_owner_whatever_the_umask)
{
	static const mode_t modes[] = { 0777, 0755, 0700, 0070, 0000, 01777, 0123 };
	static const mode_t masks[] = { 077, 0, 0777 };
	struct pathring_identity *a = fixture_identity(f, USER_A, GROUP_X, NULL, 0);
	struct pathring_handle *dir = NULL;
	char *name = NULL;
	mode_t before = 0;
	size_t i = 0;
	size_t j = 0;

	scratch_directory(f, "of_a", USER_A, GROUP_Y, 0700);
	dir = directory(f, "of_a");
	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		before = set_umask(f, masks[i]);
		for (j = 0; j < sizeof(modes) / sizeof(modes[0]); j++) {
			name = talloc_asprintf(f, "of_a/%zu-%zu", i, j);
			assert_result(do_mkdirat(f, a, dir, name + 5, modes[j]), 0);
			assert_made(f, name, S_IFDIR | modes[j], USER_A, GROUP_X);
		}
		assert_eq(set_umask(f, before), masks[i], "umask changed");
	}
	talloc_free(dir);
}

OPERATION_TEST(mkdirat, inherits_group_and_bits_of_a_setgid_directory)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *dir = NULL;

	scratch_directory(f, "of_x", USER_B, GROUP_X, 02777);
	dir = directory(f, "of_x");
	assert_result(do_mkdirat(f, a, dir, "new", 0750), 0);
	assert_made(f, "of_x/new", S_IFDIR | 02750, USER_A, GROUP_X);
	talloc_free(dir);

	/* And from nowhere else. */
	assert_result(do_mkdirat(f, f->process, f->dir, "new", 07755), 0);
	assert_made(f, "new", S_IFDIR | 01755, 0, 0);
}

OPERATION_TEST(mkdirat, default_acl_shapes_the_mode)
{
	struct pathring_handle *dir = NULL;
	acl_t acl = NULL;
	int ret = -1;

	scratch_directory(f, "acl", 0, 0, 0755);
	acl = acl_from_text("u::rwx,g::rx,o::-");
	assert_not_null(acl);
	ret = acl_set_file(scratch_path(f, "acl"), ACL_TYPE_DEFAULT, acl);
	assert_eq(ret, 0, "%s", strerror(errno));
	acl_free(acl);
	dir = directory(f, "acl");
	assert_result(do_mkdirat(f, f->process, dir, "new", 0777), 0);
	assert_made(f, "acl/new", S_IFDIR | 0750, 0, 0);
	talloc_free(dir);
}

OPERATION_TEST(mkdirat, what_is_refused)
{
	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_symlink(f, "dangling", "missing");
	assert_result(do_mkdirat(f, f->process, f->dir, "file", 0755), -EEXIST);
	assert_result(do_mkdirat(f, f->process, f->dir, "dangling", 0755), -EEXIST);
	assert_result(do_mkdirat(f, f->process, f->dir, "new", 010000), -EINVAL);
	assert_result(do_mkdirat(f, f->process, f->dir, "new", S_IFDIR | 0755), -EINVAL);
	assert_result(do_mkdirat(f, f->process, f->dir, "new", (mode_t)-1), -EINVAL);
	assert_false(scratch_exists(f, "new"));
	assert_false(scratch_exists(f, "missing"));
}

/* ---- unlinkat ---- */

OPERATION_TEST(unlinkat, files_links_and_directories)
{
	struct pathring_handle *dir = NULL;

	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_directory(f, "sub/empty", 0, 0, 0755);
	scratch_directory(f, "sub/full", 0, 0, 0755);
	scratch_file(f, "sub/full/file", 0, 0, 0644, "content");
	scratch_file(f, "sub/file", 0, 0, 0644, "content");
	scratch_symlink(f, "sub/link", "file");
	scratch_symlink(f, "sub/to_directory", "full");
	assert_eq(mkfifo(scratch_path(f, "sub/fifo"), 0666), 0);
	/* Also below a handle for I/O. */
	dir = must_open(f, f->process, "sub", O_RDONLY | O_DIRECTORY);
	assert_result(do_unlinkat(f, f->process, dir, "empty", 0), -EISDIR);
	assert_result(do_unlinkat(f, f->process, dir, "file", AT_REMOVEDIR), -ENOTDIR);
	assert_result(do_unlinkat(f, f->process, dir, "to_directory", AT_REMOVEDIR), -ENOTDIR);
	assert_result(do_unlinkat(f, f->process, dir, "full", AT_REMOVEDIR), -ENOTEMPTY);
	assert_result(do_unlinkat(f, f->process, dir, "missing", 0), -ENOENT);
	assert_result(do_unlinkat(f, f->process, dir, "missing", AT_REMOVEDIR), -ENOENT);
	assert_result(do_unlinkat(f, f->process, dir, "file", AT_SYMLINK_NOFOLLOW), -EINVAL);
	assert_result(do_unlinkat(f, f->process, dir, "file", -1), -EINVAL);
	assert_str_eq(scratch_listing(f, "sub"),
		      "empty\nfifo\nfile\nfull\nlink\nto_directory\n",
		      "after what was refused");

	assert_result(do_unlinkat(f, f->process, dir, "link", 0), 0);
	assert_result(do_unlinkat(f, f->process, dir, "to_directory", 0), 0);
	assert_result(do_unlinkat(f, f->process, dir, "fifo", 0), 0);
	assert_result(do_unlinkat(f, f->process, dir, "empty", AT_REMOVEDIR), 0);
	assert_str_eq(scratch_listing(f, "sub"), "file\nfull\n", "after what was not");
	assert_result(do_unlinkat(f, f->process, dir, "file", 0), 0);
	assert_result(do_unlinkat(f, f->process, dir, "file", 0), -ENOENT);
	talloc_free(dir);
}

/* ---- renameat ---- */

OPERATION_TEST(renameat, within_and_between_directories)
{
	struct pathring_handle *a = NULL;
	struct pathring_handle *b = NULL;
	struct stat st;

	scratch_directory(f, "a", 0, 0, 0755);
	scratch_directory(f, "b", 0, 0, 0755);
	scratch_file(f, "a/file", USER_A, USER_B, 0640, "content");
	scratch_file(f, "b/old", 0, 0, 0644, "old content");
	scratch_directory(f, "a/sub", 0, 0, 0755);
	scratch_file(f, "a/sub/deep", 0, 0, 0644, "deep");
	st = scratch_stat(f, "a/file");
	a = directory(f, "a");
	b = must_open(f, f->process, "b", O_RDONLY | O_DIRECTORY);
	assert_result(do_renameat(f, f->process, a, "file", a, "other", 0), 0);
	assert_result(do_renameat(f, f->process, a, "other", b, "old", 0), 0);
	assert_eq(scratch_stat(f, "b/old").st_ino, st.st_ino);
	assert_made(f, "b/old", S_IFREG | 0640, USER_A, USER_B);
	assert_result(do_renameat(f, f->process, a, "sub", b, "moved", 0), 0);
	assert_true(scratch_exists(f, "b/moved/deep"));
	assert_str_eq(scratch_listing(f, "a"), "", "left behind");

	/* The link is renamed, not what it points to. */
	scratch_symlink(f, "b/link", "old");
	assert_result(do_renameat(f, f->process, b, "link", a, "link", 0), 0);
	assert_str_eq(target_of(f, "a/link"), "old", "target");
	assert_str_eq(scratch_listing(f, "b"), "moved\nold\n", "in b");
	talloc_free(a);
	talloc_free(b);
}

OPERATION_TEST(renameat, what_is_refused)
{
	struct pathring_handle *sub = NULL;
	char *before = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_directory(f, "empty", 0, 0, 0755);
	scratch_file(f, "sub/file", 0, 0, 0644, "content");
	sub = directory(f, "sub");
	before = scratch_listing(f, "");
	assert_result(do_renameat(f, f->process, f->dir, "missing", f->dir, "new", 0), -ENOENT);
	assert_result(do_renameat(f, f->process, f->dir, "file", f->dir, "sub", 0), -EISDIR);
	assert_result(do_renameat(f, f->process, f->dir, "sub", f->dir, "file", 0), -ENOTDIR);
	assert_result(do_renameat(f, f->process, f->dir, "empty", f->dir, "sub", 0), -ENOTEMPTY);
	assert_result(do_renameat(f, f->process, f->dir, "sub", sub, "below", 0), -EINVAL);
	assert_result(do_renameat(f, f->process, f->dir, "file", f->dir, "new", 8), -EINVAL);
	assert_result(do_renameat(f, f->process, f->dir, "file", f->dir, "new", 1U << 31), -EINVAL);
	assert_result(do_renameat(f,
				  f->process,
				  f->dir,
				  "file",
				  f->dir,
				  "sub",
				  RENAME_NOREPLACE | RENAME_EXCHANGE),
		      -EINVAL);
	assert_str_eq(scratch_listing(f, ""), before, "something was renamed");
	talloc_free(sub);
}

OPERATION_TEST(renameat, without_replacing)
{
	scratch_file(f, "file", USER_A, USER_A, 0644, "content");
	scratch_file(f, "other", USER_B, USER_B, 0644, "content");
	assert_result(do_renameat(f, f->process, f->dir, "file", f->dir, "other", RENAME_NOREPLACE),
		      -EEXIST);
	assert_eq(scratch_stat(f, "other").st_uid, USER_B);
	assert_result(do_renameat(f, f->process, f->dir, "file", f->dir, "third", RENAME_NOREPLACE),
		      0);
	assert_eq(scratch_stat(f, "third").st_uid, USER_A);
	assert_false(scratch_exists(f, "file"));
}

OPERATION_TEST(renameat, exchanging)
{
	struct pathring_handle *sub = NULL;

	scratch_file(f, "file", USER_A, USER_A, 0644, "content");
	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_directory(f, "sub/other", USER_B, USER_B, 0755);
	sub = directory(f, "sub");
	assert_result(do_renameat(f, f->process, f->dir, "file", sub, "other", RENAME_EXCHANGE), 0);
	assert_made(f, "file", S_IFDIR | 0755, USER_B, USER_B);
	assert_made(f, "sub/other", S_IFREG | 0644, USER_A, USER_A);
	assert_result(do_renameat(f, f->process, f->dir, "file", sub, "missing", RENAME_EXCHANGE),
		      -ENOENT);
	talloc_free(sub);
}

OPERATION_TEST(renameat, leaving_a_whiteout)
{
	struct stat st;

	scratch_file(f, "file", USER_A, USER_A, 0644, "content");
	assert_result(do_renameat(f, f->process, f->dir, "file", f->dir, "new", RENAME_WHITEOUT),
		      0);
	assert_made(f, "new", S_IFREG | 0644, USER_A, USER_A);
	st = scratch_stat(f, "file");
	assert_true(S_ISCHR(st.st_mode));
	assert_eq(st.st_rdev, makedev(0, 0));
}

/* ---- linkat ---- */

OPERATION_TEST(linkat, a_second_name)
{
	struct pathring_handle *sub = NULL;

	scratch_file(f, "file", USER_A, USER_A, 0644, "content");
	scratch_symlink(f, "link", "file");
	scratch_directory(f, "sub", 0, 0, 0755);
	sub = directory(f, "sub");
	assert_result(do_linkat(f, f->process, f->dir, "file", sub, "second"), 0);
	assert_true(same_inode(f, "file", "sub/second"));
	assert_eq(scratch_stat(f, "file").st_nlink, 2);

	assert_result(do_linkat(f, f->process, f->dir, "link", sub, "link"), 0);
	assert_true(same_inode(f, "link", "sub/link"), "what the link points to was linked");

	assert_result(do_linkat(f, f->process, f->dir, "file", sub, "second"), -EEXIST);
	assert_result(do_linkat(f, f->process, f->dir, "missing", sub, "third"), -ENOENT);
	assert_result(do_linkat(f, f->process, f->dir, "sub", f->dir, "directory"), -EPERM);
	assert_eq(scratch_stat(f, "file").st_nlink, 2);
	talloc_free(sub);
}

OPERATION_TEST(linkat, not_to_another_file_system)
{
	struct pathring_how how = { .flags = O_PATH | O_DIRECTORY };
	struct pathring_handle *proc = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(do_openat(f, f->process, NULL, "/proc", &how, &proc), 0);
	assert_result(do_linkat(f, f->process, proc, "version", f->dir, "new"), -EXDEV);
	assert_result(do_renameat(f, f->process, f->dir, "file", proc, "file", 0), -EXDEV);
	assert_str_eq(scratch_listing(f, ""), "file\n", "in the directory");
	talloc_free(proc);
}

/* The kernel's own rule about links to what is another's (fs.protected_hardlinks), whatever it is.
 */
OPERATION_TEST(linkat, to_files_of_others_as_the_kernel_says)
{
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *dir = NULL;
	int expected = 0;

	scratch_directory(f, "open", 0, 0, 0777);
	scratch_file(f, "open/of_a", USER_A, USER_A, 0600, "content");
	become(USER_B, USER_B, NULL, 0);
	if (link(scratch_path(f, "open/of_a"), scratch_path(f, "open/plain")) == -1) {
		expected = -errno;
	}
	become_root();
	dir = directory(f, "open");
	assert_result(do_linkat(f, b, dir, "of_a", dir, "by_the_engine"), expected);
	assert_eq(scratch_exists(f, "open/by_the_engine"), expected == 0);
	talloc_free(dir);
}

/* ---- symlinkat ---- */

OPERATION_TEST(symlinkat, stores_the_target_as_it_is)
{
	static const char *const targets[] = {
		"file", "/absolute/path", "../up", ".", "a b\n", "/"
	};
	struct pathring_identity *a = fixture_identity(f, USER_A, GROUP_X, NULL, 0);
	struct pathring_handle *dir = NULL;
	mode_t before = set_umask(f, 077);
	char *name = NULL;
	size_t i = 0;

	scratch_directory(f, "of_a", USER_A, USER_A, 0700);
	dir = directory(f, "of_a");
	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		name = talloc_asprintf(f, "of_a/%zu", i);
		assert_result(do_symlinkat(f, a, targets[i], dir, name + 5), 0);
		assert_made(f, name, S_IFLNK | 0777, USER_A, GROUP_X);
		assert_str_eq(target_of(f, name), targets[i], "target");
	}
	assert_result(do_symlinkat(f, a, "again", dir, "0"), -EEXIST);
	assert_str_eq(target_of(f, "of_a/0"), targets[0], "target");
	set_umask(f, before);
	talloc_free(dir);
}

OPERATION_TEST(symlinkat, bad_targets)
{
	char *target = talloc_array(f, char, PATH_MAX + 1);

	assert_result(do_symlinkat(f, f->process, NULL, f->dir, "link"), -EINVAL);
	assert_result(do_symlinkat(f, f->process, "", f->dir, "link"), -ENOENT);
	memset(target, 't', PATH_MAX);
	target[PATH_MAX] = '\0';
	assert_result(do_symlinkat(f, f->process, target, f->dir, "link"), -ENAMETOOLONG);
	assert_false(scratch_exists(f, "link"));
	target[PATH_MAX - 1] = '\0';
	assert_result(do_symlinkat(f, f->process, target, f->dir, "link"), 0);
	assert_str_eq(target_of(f, "link"), target, "the longest target");
}

/* An argument that the kernel refuses is refused, on the ring as elsewhere, and no fallback. */
BACKEND_TEST(renameat, refused_is_no_fallback)
{
	struct pathring_handle *inside = NULL;

	scratch_directory(f, "directory", 0, 0, 0755);
	inside = must_open(f, f->process, "directory", O_PATH | O_DIRECTORY);
	assert_result(do_renameat(f, f->process, f->dir, "directory", inside, "new", 0), -EINVAL);
	assert_eq(fixture_stats(f).fallbacks, 0);
	talloc_free(inside);
}
