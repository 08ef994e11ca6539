/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Path references without O_PATH: descriptors that could do I/O and must not, opened by root for
 * users who may not pass everywhere. Path references as such are in test_look.c, paths in
 * test_openat.c.
 */
#include "operations.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/acl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static void without_o_path(struct fixture *f)
{
	struct pathring_options options = { .without_o_path = true };

	fixture_restart(f, &options);
}

static int open_pathref(struct fixture *f,
			struct pathring_identity *identity,
			struct pathring_handle *dir,
			const char *path,
			uint64_t resolve,
			struct pathring_handle **handle)
{
	struct pathring_how how = { .flags = O_PATH, .resolve = resolve };

	return do_openat(f, identity, dir, path, &how, handle);
}

/* openat and lookup must be of one mind. */
static int try_below(struct fixture *f,
		     struct pathring_identity *identity,
		     struct pathring_handle *dir,
		     const char *path,
		     uint64_t resolve)
{
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS, .resolve = resolve };
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *handle = NULL;
	int looked_up = -1;
	int ret = -1;

	ret = open_pathref(f, identity, dir, path, resolve, &handle);
	talloc_free(handle);
	looked_up = do_lookup(f, identity, dir, path, &how, &lookup);
	talloc_free(lookup);
	assert_result(looked_up, ret);
	return ret;
}

static int try_path(struct fixture *f, struct pathring_identity *identity, const char *path)
{
	return try_below(f, identity, f->dir, path, 0);
}

static struct pathring_handle *
must_refer(struct fixture *f, struct pathring_identity *identity, const char *path)
{
	struct pathring_handle *handle = NULL;

	assert_result(open_pathref(f, identity, f->dir, path, 0, &handle), 0);
	return handle;
}

/* Which file it is, and that it is not O_PATH. */
static void check_handle(struct fixture *f, struct pathring_handle *handle, const char *name)
{
	struct stat expected = scratch_stat(f, name);
	int fd = pathring_handle_pathref_fd(handle);
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	assert_geq(flags, 0);
	assert_eq(flags & (O_PATH | O_ACCMODE), O_RDONLY, "0%o", (unsigned int)flags);
	assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_eq(fstat(fd, &st), 0);
	assert_eq(st.st_ino, expected.st_ino);
	assert_eq(st.st_dev, expected.st_dev);
}

OPERATION_TEST(pathref, is_for_no_io_though_the_kernel_would_allow_it)
{
	struct pathring_identity *a = NULL;
	struct pathring_request *request = NULL;
	struct pathring_handle *handle = NULL;
	struct statx stx;
	char buffer[16];

	without_o_path(f);
	a = fixture_user(f, USER_A);
	scratch_file(f, "file", 0, 0, 0600, "content");
	handle = must_refer(f, a, "file");
	check_handle(f, handle, "file");
	assert_eq(pread(pathring_handle_pathref_fd(handle), buffer, 16, 0), 7, "not tested");

	assert_result(pathring_handle_io_fd(handle), -EBADF);
	assert_result(do_pread(f, a, handle, buffer, sizeof(buffer), 0), -EBADF);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), -EBADF);
	assert_result(do_pwrite(f, f->process, handle, "x", 1, 0), -EBADF);
	assert_result(do_fsync(f, f->process, handle, false), -EBADF);
	assert_result(pathring_ftruncate_request(
			      f->ring, f->process, handle, 0, call_done, NULL, &request),
		      -EBADF);
	assert_result(pathring_fallocate_request(
			      f->ring, f->process, handle, 0, 0, 1, call_done, NULL, &request),
		      -EBADF);
	assert_result(do_statx(f, a, handle, 0, STATX_BASIC_STATS, &stx), 0);
	assert_eq(stx.stx_size, 7);
	talloc_free(handle);

	handle = must_refer(f, a, ".");
	assert_result(
		pathring_readdir_request(f->ring, a, handle, 0, 4096, call_done, NULL, &request),
		-EBADF);
	talloc_free(handle);
	/* It is asked for with O_PATH; everything else is as ever. */
	assert_result(try_open(f, a, "file", O_RDONLY), -EACCES);
	assert_result(try_open(f, f->process, "file", O_RDWR), 0);
}

BACKEND_TEST(pathref, runs_in_a_thread)
{
	enum pathring_placement expected =
		f->backend == PATHRING_BACKEND_SYNC ? PATHRING_INLINE : PATHRING_THREAD;

	without_o_path(f);
	scratch_file(f, "file", 0, 0, 0600, "content");
	assert_result(try_path(f, f->process, "file"), 0);
	assert_eq(fixture_stats(f).operation[PATHRING_OPENAT].placed[expected], 1);
	assert_eq(fixture_stats(f).operation[PATHRING_LOOKUP].placed[expected], 1);
	assert_eq(fixture_stats(f).fallbacks, 0);
}

OPERATION_TEST(pathref, xattrs_are_asked_for_as_the_identity)
{
	static const struct pathring_xattr_query query = { "user.test", 32 };
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS,
					   .xattrs = &query,
					   .num_xattrs = 1 };
	struct pathring_identity *a = NULL;
	struct pathring_identity *b = NULL;
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *handle = NULL;
	uint8_t *value = NULL;

	without_o_path(f);
	a = fixture_user(f, USER_A);
	b = fixture_user(f, USER_B);
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "content");
	scratch_xattr(f, "of_b", "user.test", "test");
	handle = must_refer(f, a, "of_b");
	assert_result(do_getxattr(f, a, handle, "user.test", 32, &value), -EACCES);
	assert_result(do_getxattr(f, b, handle, "user.test", 32, &value), 4);
	assert_bytes(value, "test", 4);
	talloc_free(handle);

	assert_result(do_lookup(f, a, f->dir, "of_b", &how, &lookup), 0);
	assert_result(lookup->xattrs[0].length, -EACCES);
	assert_eq(lookup->stx.stx_uid, USER_B);
	check_handle(f, lookup->handle, "of_b");
	assert_result(pathring_handle_io_fd(lookup->handle), -EBADF);
	talloc_free(lookup);
	assert_result(do_lookup(f, b, f->dir, "of_b", &how, &lookup), 0);
	assert_result(lookup->xattrs[0].length, 4);
	talloc_free(lookup);
}

/* ---- who may pass where ---- */

static void closed_directories(struct fixture *f)
{
	scratch_directory(f, "closed", 0, 0, 0700);
	scratch_directory(f, "closed/open", 0, 0, 0777);
	scratch_file(f, "closed/open/file", USER_A, USER_A, 0666, "content");
	scratch_file(f, "closed/file", USER_A, USER_A, 0666, "content");
	scratch_directory(f, "open", 0, 0, 0711);
	scratch_directory(f, "open/closed", USER_B, USER_B, 0600);
	scratch_directory(f, "open/closed/below", USER_A, USER_A, 0777);
	scratch_file(f, "open/file", 0, 0, 0000, "content");
	scratch_directory(f, "of_group", 0, GROUP_X, 0710);
	scratch_file(f, "of_group/file", 0, 0, 0000, "content");
	scratch_directory(f, "not_owner", USER_A, USER_A, 0677);
	scratch_file(f, "not_owner/file", USER_A, USER_A, 0666, "content");
}

OPERATION_TEST(pathref, directory_that_can_not_be_searched_can_not_be_passed)
{
	static const gid_t groups[] = { GROUP_X };
	struct pathring_identity *a = NULL;
	struct pathring_identity *b = NULL;
	struct pathring_identity *in_group = NULL;

	without_o_path(f);
	a = fixture_user(f, USER_A);
	b = fixture_user(f, USER_B);
	in_group = fixture_identity(f, USER_A, USER_A, groups, 1);
	closed_directories(f);

	assert_result(try_path(f, a, "closed"), 0);
	assert_result(try_path(f, a, "closed/"), 0);
	assert_result(try_path(f, a, "closed/."), -EACCES);
	assert_result(try_path(f, a, "closed/file"), -EACCES);
	assert_result(try_path(f, a, "closed/missing"), -EACCES);
	assert_result(try_path(f, a, "closed/open"), -EACCES);
	assert_result(try_path(f, a, "closed/open/file"), -EACCES);
	assert_result(try_path(f, a, "open/file"), 0);
	assert_result(try_path(f, a, "open/missing"), -ENOENT);
	assert_result(try_path(f, a, "open/closed"), 0);
	assert_result(try_path(f, a, "open/closed/below"), -EACCES);
	assert_result(try_path(f, b, "open/closed/below"), -EACCES);
	assert_result(try_path(f, a, "of_group/file"), -EACCES);
	assert_result(try_path(f, in_group, "of_group/file"), 0);
	assert_result(try_path(f, a, "not_owner/file"), -EACCES);
	assert_result(try_path(f, b, "not_owner/file"), 0);
	assert_result(try_path(f, f->process, "closed/open/file"), 0);
	assert_result(try_path(f, f->process, "open/closed/below"), 0);
}

/* Whoever opened it, and also if the user itself could: to refer to is not to search. */
OPERATION_TEST(pathref, nor_can_it_by_a_handle)
{
	struct pathring_lookup_how lookup_how = { .mask = STATX_BASIC_STATS };
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_identity *a = NULL;
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *dirs[4] = { NULL };
	struct pathring_handle *handle = NULL;
	unsigned int i = 0;

	without_o_path(f);
	a = fixture_user(f, USER_A);
	closed_directories(f);
	dirs[0] = must_refer(f, a, "closed");
	dirs[1] = must_refer(f, f->process, "closed");
	dirs[2] = must_open(f, f->process, "closed", O_RDONLY | O_DIRECTORY);
	assert_result(do_lookup(f, a, f->dir, "closed", &lookup_how, &lookup), 0);
	dirs[3] = talloc_move(f, &lookup->handle);
	talloc_free(lookup);
	for (i = 0; i < 4; i++) {
		assert_result(try_below(f, a, dirs[i], "file", 0), -EACCES);
		assert_result(try_below(f, a, dirs[i], ".", 0), -EACCES);
		assert_result(try_below(f, a, dirs[i], "open", 0), -EACCES);
		assert_result(try_below(f, a, dirs[i], "open/file", 0), -EACCES);
		assert_result(do_openat(f, a, dirs[i], "file", &how, &handle), -EACCES);
		assert_result(try_below(f, f->process, dirs[i], "open/file", 0), 0);
		talloc_free(dirs[i]);
	}
}

OPERATION_TEST(pathref, acls_count)
{
	struct pathring_identity *a = NULL;
	acl_t acl = acl_from_text("u::rwx,u:60001:---,g::rx,m::rwx,o::rx");

	without_o_path(f);
	a = fixture_user(f, USER_A);
	scratch_directory(f, "acl", 0, 0, 0755);
	scratch_file(f, "acl/file", 0, 0, 0644, "content");
	assert_result(try_path(f, a, "acl/file"), 0);
	assert_not_null(acl);
	assert_eq(acl_set_file(scratch_path(f, "acl"), ACL_TYPE_ACCESS, acl), 0);
	acl_free(acl);
	assert_result(try_path(f, a, "acl/file"), -EACCES);
	assert_result(try_path(f, fixture_user(f, USER_B), "acl/file"), 0);
}

struct swapper {
	const char *a;
	const char *b;
	atomic_bool stop;
};

static void *swap_names(void *arg)
{
	struct swapper *swapper = arg;

	while (!swapper->stop) {
		syscall(SYS_renameat2, AT_FDCWD, swapper->a, AT_FDCWD, swapper->b, 2);
	}
	return NULL;
}

/*
 * x and y change places all the time, and x/file or x is asked for: A's own is what there may be,
 * or the error that the other one gives.
 */
static void open_while_swapped(struct fixture *f, const char *path, int other, bool often)
{
	struct swapper swapper = { .stop = false };
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *handle = NULL;
	unsigned int opened = 0;
	unsigned int denied = 0;
	pthread_t thread;
	struct stat st;
	unsigned int i = 0;
	int ret = -1;

	f->form = FORM_WAIT;
	swapper.a = scratch_path(f, "x");
	swapper.b = scratch_path(f, "y");
	assert_eq(pthread_create(&thread, NULL, swap_names, &swapper), 0);
	for (i = 0; i < 20000 && (often || i < 2000 || opened == 0 || denied == 0); i++) {
		ret = open_pathref(f, a, f->dir, path, 0, &handle);
		if (ret == 0) {
			assert_eq(fstat(pathring_handle_pathref_fd(handle), &st), 0);
			assert_eq(st.st_uid, USER_A, "what A can't come to was opened");
			opened++;
		} else {
			assert_result(ret, other);
			denied++;
		}
		TALLOC_FREE(handle);
	}
	swapper.stop = true;
	assert_eq(pthread_join(thread, NULL), 0);
	assert_gt(opened, 0);
	assert_gt(denied, 0);
}

/* What is checked must be what is opened. */
BACKEND_TEST(pathref, directory_swapped_meanwhile)
{
	without_o_path(f);
	scratch_directory(f, "x", 0, 0, 0755);
	scratch_file(f, "x/file", USER_A, 0, 0600, "public");
	scratch_directory(f, "y", 0, 0, 0700);
	scratch_file(f, "y/file", USER_B, 0, 0600, "secret");
	open_while_swapped(f, "x/file", -EACCES, false);
}

/* What was a file when it was looked at may be a link when root opens it. */
BACKEND_TEST(pathref, link_swapped_in_meanwhile)
{
	without_o_path(f);
	scratch_file(f, "x", USER_A, 0, 0600, "public");
	scratch_directory(f, "closed", 0, 0, 0700);
	scratch_file(f, "closed/file", USER_B, 0, 0600, "secret");
	scratch_symlink(f, "y", "closed/file");
	open_while_swapped(f, "x", -ELOOP, true);
}

/* ---- paths ---- */

OPERATION_TEST(pathref, paths)
{
	struct pathring_handle *handle = NULL;
	struct pathring_identity *a = NULL;
	char *longest = talloc_asprintf(f, "%0255d", 7);
	char *too_long = talloc_asprintf(f, "%0256d", 7);

	without_o_path(f);
	a = fixture_user(f, USER_A);
	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_directory(f, "sub/..deep", 0, 0, 0755);
	scratch_file(f, "sub/..deep/file", 0, 0, 0600, "content");
	scratch_file(f, "file", 0, 0, 0600, "content");
	scratch_file(f, longest, 0, 0, 0600, "content");

	handle = must_refer(f, a, "sub//..deep/././/file");
	check_handle(f, handle, "sub/..deep/file");
	talloc_free(handle);
	handle = must_refer(f, a, "./sub/..deep//");
	check_handle(f, handle, "sub/..deep");
	talloc_free(handle);
	handle = must_refer(f, a, ".");
	check_handle(f, handle, ".");
	talloc_free(handle);
	handle = must_refer(f, a, "sub/.");
	check_handle(f, handle, "sub");
	talloc_free(handle);

	assert_result(try_path(f, a, "./"), 0);
	assert_result(try_path(f, a, "sub/..deep/file/"), -ENOTDIR);
	assert_result(try_path(f, a, "file//"), -ENOTDIR);
	assert_result(try_path(f, a, "file/."), -ENOTDIR);
	assert_result(try_path(f, a, "file/below"), -ENOTDIR);
	assert_result(try_path(f, a, "missing"), -ENOENT);
	assert_result(try_path(f, a, "missing/file"), -ENOENT);
	assert_result(try_path(f, a, ""), -ENOENT);
	assert_result(try_path(f, a, longest), 0);
	assert_result(try_path(f, a, too_long), -ENAMETOOLONG);
	assert_result(try_path(f, a, ".."), -EXDEV);
	assert_result(try_path(f, a, "sub/.."), -EXDEV);
	assert_result(try_path(f, a, "sub/../file"), -EXDEV);
	assert_result(try_path(f, f->process, "../"), -EXDEV);
	assert_result(try_path(f, a, "/etc"), -EXDEV);
	assert_result(try_below(f, a, NULL, "/etc", 0), -EINVAL);
	assert_result(try_below(f, a, NULL, "file", 0), -EINVAL);
}

OPERATION_TEST(pathref, flags_and_rules)
{
	struct pathring_how how = { .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	struct pathring_handle *handle = NULL;
	struct pathring_handle *file = NULL;
	struct pathring_identity *a = NULL;

	without_o_path(f);
	a = fixture_user(f, USER_A);
	scratch_directory(f, "sub", 0, 0, 0700);
	scratch_file(f, "file", 0, 0, 0600, "content");
	assert_result(do_openat(f, a, f->dir, "sub", &how, &handle), 0);
	check_handle(f, handle, "sub");
	talloc_free(handle);
	assert_result(do_openat(f, a, f->dir, "file", &how, &handle), -ENOTDIR);
	how.flags = O_PATH | O_CREAT;
	assert_result(do_openat(f, a, f->dir, "new", &how, &handle), -EINVAL);
	how.flags = O_PATH | O_TRUNC;
	assert_result(do_openat(f, a, f->dir, "file", &how, &handle), -EINVAL);
	assert_eq(scratch_stat(f, "file").st_size, 7);

	assert_result(try_below(f, a, f->dir, "file", RESOLVE_BENEATH), 0);
	assert_result(try_below(f, a, f->dir, "file", RESOLVE_IN_ROOT), 0);
	assert_result(try_below(f, a, f->dir, "file", RESOLVE_NO_SYMLINKS), 0);
	assert_result(try_below(f, a, f->dir, "file", RESOLVE_NO_XDEV), 0);
	assert_result(try_below(f, a, f->dir, "file", RESOLVE_BENEATH | RESOLVE_IN_ROOT), -EINVAL);
	assert_result(try_below(f, a, f->dir, "file", 1ULL << 40), -EINVAL);

	file = must_open(f, f->process, "file", O_RDONLY);
	assert_result(try_below(f, f->process, file, "below", 0), -ENOTDIR);
	talloc_free(file);
}

OPERATION_TEST(pathref, other_file_systems)
{
	struct pathring_how how = { .flags = O_RDONLY | O_DIRECTORY };
	struct pathring_handle *root = NULL;

	without_o_path(f);
	assert_result(do_openat(f, f->process, NULL, "/", &how, &root), 0);
	assert_result(try_below(f, f->process, root, "proc/version", 0), 0);
	assert_result(try_below(f, f->process, root, "proc/version", RESOLVE_NO_XDEV), -EXDEV);
	assert_result(try_below(f, f->process, root, "proc", RESOLVE_NO_XDEV), -EXDEV);
	assert_result(try_below(f, f->process, root, "etc/passwd", RESOLVE_NO_XDEV), 0);
	talloc_free(root);
}

OPERATION_TEST(pathref, symbolic_links_are_refused)
{
	without_o_path(f);
	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_file(f, "sub/file", 0, 0, 0644, "content");
	scratch_symlink(f, "to_file", "sub/file");
	scratch_symlink(f, "to_sub", "sub");
	scratch_symlink(f, "dangling", "missing");
	scratch_symlink(f, "absolute", "/etc");
	assert_result(try_path(f, f->process, "to_file"), -ELOOP);
	assert_result(try_path(f, f->process, "to_sub"), -ELOOP);
	assert_result(try_path(f, f->process, "to_sub/"), -ELOOP);
	assert_result(try_path(f, f->process, "to_sub/file"), -ELOOP);
	assert_result(try_path(f, f->process, "dangling"), -ELOOP);
	assert_result(try_path(f, f->process, "absolute/passwd"), -ELOOP);
	assert_result(try_path(f, f->process, "sub/file"), 0);
}

OPERATION_TEST(pathref, special_files)
{
	without_o_path(f);
	assert_eq(mkfifo(scratch_path(f, "fifo"), 0600), 0);
	assert_eq(mknod(scratch_path(f, "socket"), S_IFSOCK | 0666, 0), 0);
	assert_eq(mknod(scratch_path(f, "null"), S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_eq(mknod(scratch_path(f, "block"), S_IFBLK | 0666, makedev(7, 250)), 0);
	/* Nobody has it open for writing: this would wait for that. */
	assert_result(try_path(f, f->process, "fifo"), 0);
	assert_result(try_path(f, fixture_user(f, USER_A), "fifo"), 0);
	assert_result(try_path(f, f->process, "fifo/"), -ENOTDIR);
	assert_result(try_path(f, f->process, "socket"), -EOPNOTSUPP);
	assert_result(try_path(f, f->process, "null"), -EOPNOTSUPP);
	assert_result(try_path(f, f->process, "block"), -EOPNOTSUPP);
	assert_result(try_path(f, f->process, "null/"), -ENOTDIR);
	assert_result(try_path(f, f->process, "socket/below"), -ENOTDIR);
}

/* Who holds a lease is asked to give it up; nobody waits for that here. */
OPERATION_TEST(pathref, leases)
{
	int fd = -1;

	without_o_path(f);
	signal(SIGIO, SIG_IGN);
	scratch_file(f, "file", 0, 0, 0600, "content");
	fd = open(scratch_path(f, "file"), O_RDWR | O_CLOEXEC);
	assert_geq(fd, 0);
	assert_eq(fcntl(fd, F_SETLEASE, F_WRLCK), 0, "%s", strerror(errno));
	assert_result(try_path(f, f->process, "file"), -EAGAIN);
	assert_eq(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	assert_result(try_path(f, f->process, "file"), 0);
	close(fd);
	fd = open(scratch_path(f, "file"), O_RDONLY | O_CLOEXEC);
	assert_eq(fcntl(fd, F_SETLEASE, F_RDLCK), 0, "%s", strerror(errno));
	assert_result(try_path(f, f->process, "file"), 0);
	assert_eq(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	close(fd);
}

/* ---- descriptors and credentials ---- */

BACKEND_TEST(pathref, nothing_stays_open)
{
	struct pathring_how how = { .flags = O_PATH };
	struct pathring_lookup_how lookup_how = { .mask = STATX_BASIC_STATS };
	struct pathring_identity *a = NULL;
	struct pathring_request *requests[200];
	unsigned int before = 0;
	unsigned int i = 0;
	int ret = -1;

	without_o_path(f);
	a = fixture_user(f, USER_A);
	closed_directories(f);
	assert_result(try_path(f, a, "open/file"), 0);
	before = count_descriptors();
	for (i = 0; i < 50; i++) {
		assert_result(try_path(f, a, "open/closed/below"), -EACCES);
		assert_result(try_path(f, a, "open/../file"), -EXDEV);
		assert_result(try_path(f, a, "open/missing"), -ENOENT);
	}
	assert_eq(count_descriptors(), before);

	for (i = 0; i < 200; i++) {
		if (i % 2 == 0) {
			ret = pathring_openat_request(f->ring,
						      a,
						      f->dir,
						      "open/file",
						      &how,
						      call_done,
						      NULL,
						      &requests[i]);
		} else {
			ret = pathring_lookup_request(f->ring,
						      a,
						      f->dir,
						      "open/file",
						      &lookup_how,
						      call_done,
						      NULL,
						      &requests[i]);
		}
		assert_result(ret, 0);
	}
	assert_result(pathring_submit(f->ring), 0);
	for (i = 0; i < 200; i++) {
		INSIDE(f, pathring_request_free(requests[i]));
	}
	loop_settle(f);
	assert_eq(count_descriptors(), before);
}

/* Also where the thread is the identity already and nothing is switched around the whole. */
BACKEND_TEST(pathref, leaves_an_impersonating_caller_alone)
{
	struct pathring_identity *a = NULL;
	struct pathring_identity *b = NULL;
	char *before = NULL;
	char *after = NULL;

	without_o_path(f);
	f->form = FORM_WAIT;
	a = fixture_user(f, USER_A);
	b = fixture_user(f, USER_B);
	closed_directories(f);
	assert_result(pathring_start(f->ring), 0);
	become(USER_A, USER_A, NULL, 0);
	before = snapshot_credentials(f);
	assert_result(try_path(f, a, "open/file"), 0);
	assert_result(try_path(f, a, "closed/file"), -EACCES);
	assert_result(try_path(f, b, "not_owner/file"), 0);
	assert_result(try_path(f, f->process, "closed/open/file"), 0);
	after = snapshot_credentials(f);
	assert_str_eq(after, before, "the thread changed");
	become_root();
}

static void without_privileges(struct fixture *f, void *arg)
{
	struct pathring_handle *handle = NULL;
	struct pathring_identity *self = NULL;

	(void)arg;
	assert_eq(syscall(SYS_setgroups, 0, NULL), 0);
	assert_eq(syscall(SYS_setresgid, USER_A, USER_A, USER_A), 0);
	assert_eq(syscall(SYS_setresuid, USER_A, USER_A, USER_A), 0);
	f->form = FORM_WAIT;
	without_o_path(f);
	self = fixture_user(f, USER_A);
	handle = must_refer(f, self, "of_a");
	check_handle(f, handle, "of_a");
	talloc_free(handle);
	/* It can't be opened for reading, and there is no other way. */
	assert_result(try_path(f, self, "open/file"), -EACCES);
	assert_result(try_path(f, self, "closed/file"), -EACCES);
	assert_result(try_path(f, self, "not_owner/file"), -EACCES);
	fixture_stop(f);
}

BACKEND_TEST(pathref, without_privileges)
{
	closed_directories(f);
	scratch_file(f, "of_a", USER_A, USER_A, 0600, "content");
	fixture_stop(f);
	in_child(f, without_privileges, NULL);
}

BACKEND_TEST(pathref, many_of_several_users)
{
	enum { COUNT = 600 };
	static const char *const paths[] = { "open/file", "closed/open/file", "of_group/file" };
	static const int expected[3][3] = {
		{ 0, -EACCES, -EACCES }, /* A */
		{ 0, -EACCES, 0 },	 /* of group X */
		{ 0, 0, 0 },		 /* the process */
	};
	static const gid_t groups[] = { GROUP_X };
	struct pathring_how how = { .flags = O_PATH };
	struct pathring_identity *users[3] = { NULL };
	struct pathring_handle *handle = NULL;
	struct sent *sent = talloc_array(f, struct sent, COUNT);
	unsigned int total = 0;
	unsigned int i = 0;
	int ret = -1;

	without_o_path(f);
	closed_directories(f);
	users[0] = fixture_user(f, USER_A);
	users[1] = fixture_identity(f, USER_C, USER_C, groups, 1);
	users[2] = f->process;
	for (i = 0; i < COUNT; i++) {
		const char *path = paths[i / 3 % 3];

		sent_watch(
			&sent[i],
			f,
			pathring_openat_send(f, f->ev, f->ring, users[i % 3], f->dir, path, &how),
			&total);
	}
	loop_until(f, &total, COUNT);
	for (i = 0; i < COUNT; i++) {
		ret = pathring_openat_recv(sent[i].req, f, &handle);
		assert_result(ret, expected[i % 3][i / 3 % 3]);
		if (ret == 0) {
			talloc_free(handle);
		}
		talloc_free(sent[i].req);
	}
	talloc_free(sent);
}
