/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of a name without opening it for I/O: statx, getxattr and the composite lookup,
 * with good and bad input, on every backend in every form.
 */
#include "operations.h"

#include <limits.h>
#include <sys/xattr.h>

static void assert_same_file(const struct statx *stx, const struct stat *st)
{
	assert_eq(stx->stx_ino, st->st_ino);
	assert_eq(stx->stx_mode, st->st_mode);
	assert_eq(stx->stx_uid, st->st_uid);
	assert_eq(stx->stx_gid, st->st_gid);
	assert_eq(stx->stx_size, (uint64_t)st->st_size);
	assert_eq(stx->stx_nlink, st->st_nlink);
	assert_eq(stx->stx_mtime.tv_sec, st->st_mtim.tv_sec);
	assert_eq(stx->stx_mtime.tv_nsec, st->st_mtim.tv_nsec);
}

OPERATION_TEST(statx, answers_what_stat_answers)
{
	static const struct {
		const char *name;
		int flags;
	} cases[] = {
		{ "file", O_RDONLY },
		{ "file", O_PATH },
		{ "sub", O_RDONLY | O_DIRECTORY },
		{ "sub", O_PATH },
		{ "link", O_PATH | O_NOFOLLOW },
		{ "fifo", O_PATH },
	};
	struct pathring_handle *handle = NULL;
	struct statx stx;
	struct stat st;
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_B, 0640, "content");
	scratch_directory(f, "sub", USER_B, USER_A, 0751);
	scratch_symlink(f, "link", "file");
	assert_eq(mkfifo(scratch_path(f, "fifo"), 0604), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		handle = must_open(f, f->process, cases[i].name, cases[i].flags);
		memset(&stx, 0xff, sizeof(stx));
		assert_result(
			do_statx(f, f->process, handle, 0, STATX_BASIC_STATS | STATX_BTIME, &stx),
			0);
		st = scratch_stat(f, cases[i].name);
		assert_eq(stx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
		assert_same_file(&stx, &st);
		talloc_free(handle);
	}
}

OPERATION_TEST(statx, flags_and_masks)
{
	struct pathring_handle *handle = NULL;
	struct statx stx;

	scratch_file(f, "file", USER_A, USER_B, 0640, "content");
	handle = must_open(f, f->process, "file", O_PATH);
	assert_result(do_statx(f, f->process, handle, AT_STATX_FORCE_SYNC, STATX_SIZE, &stx), 0);
	assert_eq(stx.stx_size, 7);
	assert_result(do_statx(f, f->process, handle, AT_STATX_DONT_SYNC, STATX_SIZE, &stx), 0);
	assert_eq(stx.stx_size, 7);
	assert_result(do_statx(f, f->process, handle, 0, 0, &stx), 0);
	assert_result(do_statx(f,
			       f->process,
			       handle,
			       AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC,
			       STATX_SIZE,
			       &stx),
		      -EINVAL);
	assert_result(do_statx(f, f->process, handle, AT_SYMLINK_NOFOLLOW, STATX_SIZE, &stx),
		      -EINVAL);
	assert_result(do_statx(f, f->process, handle, 1U << 30, STATX_SIZE, &stx), -EINVAL);
	assert_result(do_statx(f, f->process, handle, 0, STATX__RESERVED, &stx), -EINVAL);
	talloc_free(handle);
	assert_result(do_statx(f, f->process, NULL, 0, STATX_SIZE, &stx), -EINVAL);
}

/* The file is the one that was opened, whatever its name is by now. */
OPERATION_TEST(statx, follows_the_handle_and_not_the_name)
{
	struct pathring_handle *handle = NULL;
	struct statx stx;
	struct stat st;

	scratch_file(f, "file", 0, 0, 0644, "content");
	st = scratch_stat(f, "file");
	handle = must_open(f, f->process, "file", O_PATH);
	assert_eq(unlink(scratch_path(f, "file")), 0);
	scratch_file(f, "file", 0, 0, 0644, "another file");
	assert_result(do_statx(f, f->process, handle, 0, STATX_BASIC_STATS, &stx), 0);
	assert_eq(stx.stx_ino, st.st_ino);
	assert_eq(stx.stx_nlink, 0);
	talloc_free(handle);
}

static void check_xattr(struct fixture *f, const char *name, int flags)
{
	struct pathring_handle *handle = must_open(f, f->process, name, flags);
	uint8_t *value = NULL;

	assert_result(do_getxattr(f, f->process, handle, "user.first", 100, &value), 5);
	assert_bytes(value, "value", 5);
	assert_result(do_getxattr(f, f->process, handle, "user.first", 5, &value), 5);
	assert_bytes(value, "value", 5);
	assert_result(do_getxattr(f, f->process, handle, "user.first", 4, &value), -ERANGE);
	assert_null(value);
	assert_result(do_getxattr(f, f->process, handle, "user.first", 0, &value), 5);
	assert_null(value);
	assert_result(do_getxattr(f, f->process, handle, "user.empty", 100, &value), 0);
	assert_result(do_getxattr(f, f->process, handle, "user.missing", 100, &value), -ENODATA);
	assert_result(do_getxattr(f, f->process, handle, "user.missing", 0, &value), -ENODATA);
	assert_result(do_getxattr(f, f->process, handle, "bogus.name", 100, &value), -EOPNOTSUPP);
	assert_result(do_getxattr(f, f->process, handle, "security.test", 100, &value), 6);
	assert_bytes(value, "secure", 6);
	talloc_free(handle);
}

OPERATION_TEST(getxattr, values_of_files_and_directories)
{
	static const char *const names[] = { "file", "sub" };
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0640, "content");
	scratch_directory(f, "sub", USER_A, USER_A, 0750);
	for (i = 0; i < 2; i++) {
		scratch_xattr(f, names[i], "user.first", "value");
		scratch_xattr(f, names[i], "user.empty", "");
		scratch_xattr(f, names[i], "security.test", "secure");
		check_xattr(f, names[i], O_PATH);
		check_xattr(f, names[i], O_RDONLY);
	}
}

OPERATION_TEST(getxattr, bad_names)
{
	struct pathring_handle *handle = NULL;
	char *name = talloc_array(f, char, XATTR_NAME_MAX + 2);
	uint8_t *value = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_PATH);
	memset(name, 'x', XATTR_NAME_MAX + 1);
	memcpy(name, "user.", 5);
	name[XATTR_NAME_MAX + 1] = '\0';
	assert_result(do_getxattr(f, f->process, handle, name, 100, &value), -ERANGE);
	name[XATTR_NAME_MAX] = '\0';
	assert_result(do_getxattr(f, f->process, handle, name, 100, &value), -ENODATA);
	assert_result(do_getxattr(f, f->process, handle, "", 100, &value), -ERANGE);
	assert_result(do_getxattr(f, f->process, handle, NULL, 100, &value), -EINVAL);
	assert_result(do_getxattr(f, f->process, NULL, "user.first", 100, &value), -EINVAL);
	talloc_free(handle);
}

OPERATION_TEST(getxattr, long_value_whole)
{
	/*
	 * ext4 keeps the xattrs of an inode in one block, so this is as long as it gets everywhere.
	 */
	enum { LENGTH = 3500 };
	struct pathring_handle *handle = NULL;
	uint8_t *stored = talloc_array(f, uint8_t, LENGTH);
	uint8_t *value = NULL;
	size_t i = 0;

	for (i = 0; i < LENGTH; i++) {
		stored[i] = (uint8_t)(i * 31);
	}
	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_eq(setxattr(scratch_path(f, "file"), "user.long", stored, LENGTH, 0), 0);
	handle = must_open(f, f->process, "file", O_PATH);
	assert_result(do_getxattr(f, f->process, handle, "user.long", LENGTH, &value), LENGTH);
	assert_bytes(value, stored, LENGTH);
	assert_result(do_getxattr(f, f->process, handle, "user.long", XATTR_SIZE_MAX, &value),
		      LENGTH);
	assert_bytes(value, stored, LENGTH);
	assert_result(do_getxattr(f, f->process, handle, "user.long", LENGTH - 1, &value), -ERANGE);
	talloc_free(handle);
}

/* The xattrs of the link itself, never those of what it points to. */
OPERATION_TEST(getxattr, of_a_symlink)
{
	struct pathring_handle *handle = NULL;
	uint8_t *value = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_xattr(f, "file", "trusted.which", "target");
	scratch_xattr(f, "file", "user.which", "target");
	scratch_symlink(f, "link", "file");
	handle = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW);
	assert_result(do_getxattr(f, f->process, handle, "trusted.which", 100, &value), -ENODATA);
	assert_result(do_getxattr(f, f->process, handle, "user.which", 100, &value), -ENODATA);
	scratch_xattr(f, "link", "trusted.which", "link");
	assert_result(do_getxattr(f, f->process, handle, "trusted.which", 100, &value), 4);
	assert_bytes(value, "link", 4);
	talloc_free(handle);
}

static const struct pathring_xattr_query queries[] = {
	{ "user.first", 100 },	  { "user.missing", 100 }, { "user.first", 2 },
	{ "user.first", 0 },	  { "bogus.name", 100 },   { "user.empty", 100 },
	{ "security.test", 100 }, { "user.second", 100 },
};

static void lookup_all(struct fixture *f, const char *name, uint64_t flags)
{
	struct pathring_lookup_how how = {
		.flags = flags, .mask = STATX_BASIC_STATS, .xattrs = queries, .num_xattrs = 8
	};
	struct pathring_lookup *lookup = NULL;
	struct stat st = scratch_stat(f, name);

	assert_result(do_lookup(f, f->process, f->dir, name, &how, &lookup), 0);
	assert_same_file(&lookup->stx, &st);
	assert_result(pathring_handle_io_fd(lookup->handle), -EBADF);
	assert_true(fcntl(pathring_handle_pathref_fd(lookup->handle), F_GETFL) & O_PATH);
	assert_eq(fcntl(pathring_handle_pathref_fd(lookup->handle), F_GETFD), FD_CLOEXEC);
	assert_result(lookup->xattrs[0].length, 5);
	assert_bytes(lookup->xattrs[0].value, "value", 5);
	assert_result(lookup->xattrs[1].length, -ENODATA);
	assert_null(lookup->xattrs[1].value);
	assert_result(lookup->xattrs[2].length, -ERANGE);
	assert_null(lookup->xattrs[2].value);
	assert_result(lookup->xattrs[3].length, 5);
	assert_null(lookup->xattrs[3].value);
	assert_result(lookup->xattrs[4].length, -EOPNOTSUPP);
	assert_result(lookup->xattrs[5].length, 0);
	assert_null(lookup->xattrs[5].value);
	assert_result(lookup->xattrs[6].length, 6);
	assert_bytes(lookup->xattrs[6].value, "secure", 6);
	assert_result(lookup->xattrs[7].length, 3);
	assert_bytes(lookup->xattrs[7].value, "2nd", 3);
	talloc_free(lookup);
}

OPERATION_TEST(lookup, everything_of_files_and_directories)
{
	static const char *const names[] = { "file", "sub" };
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_B, 0640, "content");
	scratch_directory(f, "sub", USER_B, USER_A, 0750);
	for (i = 0; i < 2; i++) {
		scratch_xattr(f, names[i], "user.first", "value");
		scratch_xattr(f, names[i], "user.second", "2nd");
		scratch_xattr(f, names[i], "user.empty", "");
		scratch_xattr(f, names[i], "security.test", "secure");
	}
	lookup_all(f, "file", 0);
	lookup_all(f, "file", O_NOFOLLOW);
	lookup_all(f, "sub", 0);
	lookup_all(f, "sub", O_DIRECTORY);
}

OPERATION_TEST(lookup, any_number_of_xattrs)
{
	struct pathring_xattr_query query[PATHRING_LOOKUP_MAX_XATTRS + 1];
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS, .xattrs = query };
	struct pathring_lookup *lookup = NULL;
	/* The smallest ring must have room for the largest lookup. */
	struct pathring_options options = { .entries = 16 };
	size_t i = 0;

	fixture_restart(f, &options);

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_xattr(f, "file", "user.first", "value");
	for (i = 0; i <= PATHRING_LOOKUP_MAX_XATTRS; i++) {
		query[i].name = i % 2 == 0 ? "user.first" : "user.missing";
		query[i].size = 10;
	}
	for (how.num_xattrs = 0; how.num_xattrs <= PATHRING_LOOKUP_MAX_XATTRS; how.num_xattrs++) {
		assert_result(do_lookup(f, f->process, f->dir, "file", &how, &lookup), 0);
		for (i = 0; i < how.num_xattrs; i++) {
			assert_result(lookup->xattrs[i].length, i % 2 == 0 ? 5 : -ENODATA);
		}
		talloc_free(lookup);
	}
	assert_result(do_lookup(f, f->process, f->dir, "file", &how, &lookup), -EINVAL);
}

OPERATION_TEST(lookup, special_files_and_links)
{
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS,
					   .xattrs = queries,
					   .num_xattrs = 1 };
	struct pathring_lookup *lookup = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_xattr(f, "file", "user.first", "value");
	scratch_symlink(f, "link", "file");
	scratch_symlink(f, "dangling", "missing");
	assert_eq(mkfifo(scratch_path(f, "fifo"), 0666), 0);
	assert_result(do_lookup(f, f->process, f->dir, "fifo", &how, &lookup), 0);
	assert_true(S_ISFIFO(lookup->stx.stx_mode));
	assert_result(lookup->xattrs[0].length, -ENODATA);
	talloc_free(lookup);
	assert_result(do_lookup(f, f->process, f->dir, "link", &how, &lookup), 0);
	assert_true(S_ISREG(lookup->stx.stx_mode));
	assert_result(lookup->xattrs[0].length, 5);
	talloc_free(lookup);
	assert_result(do_lookup(f, f->process, f->dir, "dangling", &how, &lookup), -ENOENT);
	how.flags = O_NOFOLLOW;
	assert_result(do_lookup(f, f->process, f->dir, "link", &how, &lookup), 0);
	assert_true(S_ISLNK(lookup->stx.stx_mode));
	assert_result(lookup->xattrs[0].length, -ENODATA);
	talloc_free(lookup);
	how.flags = O_DIRECTORY;
	assert_result(do_lookup(f, f->process, f->dir, "file", &how, &lookup), -ENOTDIR);
}

OPERATION_TEST(lookup, bad_names_and_arguments)
{
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS };
	struct pathring_lookup *lookup = NULL;
	char *component = talloc_array(f, char, NAME_MAX + 2);
	char *path = talloc_array(f, char, PATH_MAX + 1);

	memset(component, 'c', NAME_MAX + 1);
	component[NAME_MAX + 1] = '\0';
	memset(path, 'p', PATH_MAX);
	path[PATH_MAX] = '\0';
	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_symlink(f, "escape", "/etc/passwd");
	assert_result(try_lookup(f, f->process, "missing"), -ENOENT);
	assert_result(try_lookup(f, f->process, ""), -ENOENT);
	assert_result(try_lookup(f, f->process, component), -ENAMETOOLONG);
	assert_result(try_lookup(f, f->process, path), -ENAMETOOLONG);
	assert_result(try_lookup(f, f->process, "file/below"), -ENOTDIR);
	assert_result(try_lookup(f, f->process, "../file"), -EXDEV);
	assert_result(try_lookup(f, f->process, "/etc/passwd"), -EXDEV);
	assert_result(try_lookup(f, f->process, "escape"), -EXDEV);
	assert_result(try_lookup(f, f->process, NULL), -EINVAL);

	assert_result(do_lookup(f, f->process, NULL, scratch_path(f, "file"), &how, &lookup), 0);
	talloc_free(lookup);
	assert_result(do_lookup(f, f->process, NULL, "/proc/self/cwd", &how, &lookup), -ELOOP);
	how.resolve = RESOLVE_NO_SYMLINKS;
	assert_result(do_lookup(f, f->process, f->dir, "escape", &how, &lookup), -ELOOP);
	how.resolve = 1ULL << 40;
	assert_result(do_lookup(f, f->process, f->dir, "file", &how, &lookup), -EINVAL);
	how.resolve = 0;
	how.flags = O_RDWR;
	assert_result(do_lookup(f, f->process, f->dir, "file", &how, &lookup), -EINVAL);
	how.flags = O_CREAT;
	assert_result(do_lookup(f, f->process, f->dir, "new", &how, &lookup), -EINVAL);
	assert_false(scratch_exists(f, "new"));
	how.flags = 0;
	how.mask = STATX__RESERVED;
	assert_result(do_lookup(f, f->process, f->dir, "file", &how, &lookup), -EINVAL);
}

OPERATION_TEST(lookup, path_reference_outlives_the_result)
{
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS };
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *directory = NULL;
	struct pathring_handle *handle = NULL;
	struct pathring_how open_how = { .flags = O_RDONLY };
	struct statx stx;
	int ret = -1;

	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_file(f, "sub/file", 0, 0, 0644, "content");
	assert_result(do_lookup(f, f->process, f->dir, "sub", &how, &lookup), 0);
	directory = talloc_move(f, &lookup->handle);
	talloc_free(lookup);
	assert_result(do_statx(f, f->process, directory, 0, STATX_BASIC_STATS, &stx), 0);
	assert_true(S_ISDIR(stx.stx_mode));
	ret = do_openat(f, f->process, directory, "file", &open_how, &handle);
	assert_result(ret, 0);
	talloc_free(handle);
	talloc_free(directory);
}

OPERATION_TEST(lookup, result_not_taken_is_closed)
{
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS,
					   .xattrs = queries,
					   .num_xattrs = 8 };
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	unsigned int before = 0;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(try_lookup(f, f->process, "file"), 0);
	before = count_descriptors();
	if (f->form == FORM_SEND) {
		INSIDE(f,
		       req = pathring_lookup_send(
			       f, f->ev, f->ring, f->process, f->dir, "file", &how));
		sent_complete(f, req);
		INSIDE(f, talloc_free(req));
	} else {
		ret = pathring_lookup_request(
			f->ring, f->process, f->dir, "file", &how, call_done, &call, &call.request);
		assert_result(ret, 0);
		call_complete(&call);
		assert_result(pathring_lookup_result(call.request, NULL, NULL), 0);
		call_free(&call);
	}
	assert_eq(count_descriptors(), before);
}
