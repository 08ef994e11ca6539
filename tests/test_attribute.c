/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fchmod, fchown, utimens and statfs, and the two that change a file's size, on every backend in
 * every form, through handles of both kinds: what plain system calls see afterwards, and who and
 * what is refused.
 */
#include "operations.h"

#include <limits.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void assert_mode(struct fixture *f, const char *name, mode_t mode)
{
	assert_eq(scratch_stat(f, name).st_mode & 07777, mode, "%s", name);
}

static void assert_owner(struct fixture *f, const char *name, uid_t uid, gid_t gid)
{
	struct stat st = scratch_stat(f, name);

	assert_eq(st.st_uid, uid, "%s", name);
	assert_eq(st.st_gid, gid, "%s", name);
}

/* ---- ftruncate and fallocate ---- */

OPERATION_TEST(ftruncate, sets_the_size)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *handle = NULL;
	uint8_t buffer[16] = { 0 };

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	handle = must_open(f, a, "file", O_RDWR);
	assert_result(do_ftruncate(f, a, handle, 3), 0);
	assert_eq(scratch_stat(f, "file").st_size, 3);
	assert_result(do_ftruncate(f, a, handle, 6), 0);
	assert_result(do_pread(f, a, handle, buffer, sizeof(buffer), 0), 6);
	assert_bytes(buffer, "con\0\0\0", 6);
	assert_result(do_ftruncate(f, a, handle, 0), 0);
	assert_eq(scratch_stat(f, "file").st_size, 0);
	assert_result(do_ftruncate(f, a, handle, 5000000000), 0);
	assert_eq(scratch_stat(f, "file").st_size, 5000000000);
	/* The handle is the permission, whoever asks. */
	assert_result(do_ftruncate(f, fixture_user(f, USER_B), handle, 1), 0);
	assert_eq(scratch_stat(f, "file").st_size, 1);
	talloc_free(handle);
}

OPERATION_TEST(ftruncate, what_is_refused)
{
	struct pathring_handle *handle = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_directory(f, "sub", 0, 0, 0755);
	handle = must_open(f, f->process, "file", O_RDWR);
	assert_result(do_ftruncate(f, f->process, handle, -1), -EINVAL);
	assert_result(do_ftruncate(f, f->process, handle, INT64_MAX), -EFBIG);
	talloc_free(handle);
	handle = must_open(f, f->process, "file", O_RDONLY);
	assert_result(do_ftruncate(f, f->process, handle, 0), -EINVAL);
	talloc_free(handle);
	handle = must_open(f, f->process, "sub", O_RDONLY | O_DIRECTORY);
	assert_result(do_ftruncate(f, f->process, handle, 0), -EINVAL);
	talloc_free(handle);
	assert_result(do_ftruncate(f, f->process, NULL, 0), -EBADF);
	assert_eq(scratch_stat(f, "file").st_size, 7);
}

OPERATION_TEST(fallocate, allocates_and_frees)
{
	struct pathring_handle *handle = NULL;
	uint8_t buffer[8192];
	struct stat st;

	memset(buffer, 'x', sizeof(buffer));
	scratch_file(f, "file", 0, 0, 0644, "");
	handle = must_open(f, f->process, "file", O_RDWR);
	assert_result(do_fallocate(f, f->process, handle, 0, 0, 65536), 0);
	st = scratch_stat(f, "file");
	assert_eq(st.st_size, 65536);
	assert_geq(st.st_blocks * 512, 65536);
	assert_result(do_fallocate(f, f->process, handle, FALLOC_FL_KEEP_SIZE, 65536, 65536), 0);
	st = scratch_stat(f, "file");
	assert_eq(st.st_size, 65536);
	assert_geq(st.st_blocks * 512, 131072);

	assert_result(do_pwrite(f, f->process, handle, buffer, sizeof(buffer), 0), sizeof(buffer));
	assert_result(
		do_fallocate(
			f, f->process, handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
		0);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), sizeof(buffer));
	assert_eq(buffer[0], 0);
	assert_eq(buffer[4095], 0);
	assert_eq(buffer[4096], 'x');
	assert_eq(scratch_stat(f, "file").st_size, 65536);
	talloc_free(handle);
}

OPERATION_TEST(fallocate, what_is_refused)
{
	struct pathring_handle *handle = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_RDWR);
	assert_result(do_fallocate(f, f->process, handle, 0, -1, 4096), -EINVAL);
	assert_result(do_fallocate(f, f->process, handle, 0, 0, 0), -EINVAL);
	assert_result(do_fallocate(f, f->process, handle, 0, 0, -1), -EINVAL);
	assert_result(do_fallocate(f, f->process, handle, 0, INT64_MAX, 2), -EFBIG);
	assert_result(do_fallocate(f, f->process, handle, 0x4000, 0, 4096), -EOPNOTSUPP);
	assert_result(do_fallocate(f, f->process, handle, FALLOC_FL_PUNCH_HOLE, 0, 4096),
		      -EOPNOTSUPP);
	talloc_free(handle);
	handle = must_open(f, f->process, "file", O_RDONLY);
	assert_result(do_fallocate(f, f->process, handle, 0, 0, 4096), -EBADF);
	talloc_free(handle);
	assert_result(do_fallocate(f, f->process, NULL, 0, 0, 4096), -EBADF);
	assert_eq(scratch_stat(f, "file").st_size, 7);
}

/* The accessor boundary: not even where the descriptor behind it would do. */
OPERATION_TEST(size, path_references_are_refused)
{
	struct pathring_handle *handle = NULL;
	int fd = -1;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_PATH);
	assert_result(do_ftruncate(f, f->process, handle, 0), -EBADF);
	assert_result(do_fallocate(f, f->process, handle, 0, 0, 4096), -EBADF);
	talloc_free(handle);

	fd = open(scratch_path(f, "file"), O_RDWR | O_CLOEXEC);
	ret = pathring_handle_borrow(f, fd, PATHRING_PATHREF, &handle);
	assert_result(ret, 0);
	assert_result(do_ftruncate(f, f->process, handle, 0), -EBADF);
	assert_result(do_fallocate(f, f->process, handle, 0, 0, 4096), -EBADF);
	talloc_free(handle);
	close(fd);
	assert_eq(scratch_stat(f, "file").st_size, 7);
}

/* ---- fchmod ---- */

static const int both_kinds[] = { O_PATH, O_RDONLY };

OPERATION_TEST(fchmod, sets_the_mode)
{
	static const mode_t modes[] = { 0, 0777, 07777, 0640, 04755, 01000 };
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *handle = NULL;
	mode_t before = umask(0777);
	size_t i = 0;
	size_t j = 0;

	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_directory(f, "sub", USER_A, USER_A, 0700);
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		struct pathring_handle *sub = must_open(f, f->process, "sub", both_kinds[i]);

		handle = must_open(f, f->process, "file", both_kinds[i]);
		for (j = 0; j < COUNT_OF(modes); j++) {
			assert_result(do_fchmod(f, a, handle, modes[j]), 0);
			assert_mode(f, "file", modes[j]);
			assert_result(do_fchmod(f, a, sub, modes[j]), 0);
			assert_mode(f, "sub", modes[j]);
		}
		talloc_free(handle);
		talloc_free(sub);
	}
	umask(before);
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
}

OPERATION_TEST(fchmod, whom_and_what_it_refuses)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	size_t i = 0;

	scratch_file(f, "file", USER_A, GROUP_X, 0666, "content");
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_fchmod(f, b, handle, 0777), -EPERM);
		assert_result(do_fchmod(f, a, handle, 010000), -EINVAL);
		assert_result(do_fchmod(f, a, handle, S_IFREG | 0644), -EINVAL);
		assert_mode(f, "file", 0666);
		/* Who is not of the file's group can't give it the set-group-ID bit. */
		assert_result(do_fchmod(f, a, handle, 02755), 0);
		assert_mode(f, "file", 0755);
		assert_result(do_fchmod(f, f->process, handle, 0666), 0);
		talloc_free(handle);
	}
	assert_result(do_fchmod(f, a, NULL, 0644), -EINVAL);
}

OPERATION_TEST(fchmod, symbolic_links_have_no_mode)
{
	struct pathring_handle *handle = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_symlink(f, "link", "file");
	handle = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW);
	assert_result(do_fchmod(f, f->process, handle, 0600), -EOPNOTSUPP);
	assert_mode(f, "link", 0777);
	assert_mode(f, "file", 0644);
	talloc_free(handle);
}

/* ---- fchown ---- */

OPERATION_TEST(fchown, sets_owner_and_group)
{
	struct pathring_handle *handle = NULL;
	size_t i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_fchown(f, f->process, handle, USER_A, GROUP_X), 0);
		assert_owner(f, "file", USER_A, GROUP_X);
		assert_result(do_fchown(f, f->process, handle, USER_B, (gid_t)-1), 0);
		assert_owner(f, "file", USER_B, GROUP_X);
		assert_result(do_fchown(f, f->process, handle, (uid_t)-1, GROUP_Y), 0);
		assert_owner(f, "file", USER_B, GROUP_Y);
		assert_result(do_fchown(f, f->process, handle, (uid_t)-1, (gid_t)-1), 0);
		assert_owner(f, "file", USER_B, GROUP_Y);
		assert_result(do_fchown(f, f->process, handle, 0, 0), 0);
		assert_owner(f, "file", 0, 0);
		talloc_free(handle);
	}
}

OPERATION_TEST(fchown, only_to_groups_of_ones_own)
{
	static const gid_t groups[] = { GROUP_X };
	struct pathring_identity *a = fixture_identity(f, USER_A, USER_A, groups, 1);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0666, "content");
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_fchown(f, b, handle, USER_B, USER_B), -EPERM);
		assert_result(do_fchown(f, b, handle, (uid_t)-1, USER_B), -EPERM);
		assert_result(do_fchown(f, a, handle, USER_B, (gid_t)-1), -EPERM);
		assert_result(do_fchown(f, a, handle, (uid_t)-1, GROUP_Y), -EPERM);
		assert_owner(f, "file", USER_A, USER_A);
		assert_result(do_fchown(f, a, handle, (uid_t)-1, GROUP_X), 0);
		assert_owner(f, "file", USER_A, GROUP_X);
		assert_result(do_fchown(f, a, handle, USER_A, USER_A), 0);
		assert_owner(f, "file", USER_A, USER_A);
		talloc_free(handle);
	}
	assert_result(do_fchown(f, a, NULL, USER_A, USER_A), -EINVAL);
}

OPERATION_TEST(fchown, of_a_symbolic_link_itself)
{
	struct pathring_handle *handle = NULL;

	scratch_file(f, "file", USER_A, USER_A, 0644, "content");
	scratch_symlink(f, "link", "file");
	handle = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW);
	assert_result(do_fchown(f, f->process, handle, USER_B, GROUP_X), 0);
	assert_owner(f, "link", USER_B, GROUP_X);
	assert_owner(f, "file", USER_A, USER_A);
	talloc_free(handle);
}

/* ---- utimens ---- */

static void assert_times(struct fixture *f, const char *name, const struct timespec expected[2])
{
	struct stat st = scratch_stat(f, name);

	assert_eq(st.st_atim.tv_sec, expected[0].tv_sec, "%s: access", name);
	assert_eq(st.st_atim.tv_nsec, expected[0].tv_nsec, "%s: access", name);
	assert_eq(st.st_mtim.tv_sec, expected[1].tv_sec, "%s: modification", name);
	assert_eq(st.st_mtim.tv_nsec, expected[1].tv_nsec, "%s: modification", name);
}

OPERATION_TEST(utimens, sets_the_times)
{
	static const struct timespec times[2] = { { 1000000000, 123456789 }, { 3000000000, 1 } };
	static const struct timespec one[2] = { { 0, UTIME_OMIT }, { 5, 6 } };
	static const struct timespec after_one[2] = { { 1000000000, 123456789 }, { 5, 6 } };
	static const struct timespec none[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *handle = NULL;
	time_t start = time(NULL);
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0400, "content");
	scratch_directory(f, "sub", USER_A, USER_A, 0500);
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_result(do_utimens(f, a, handle, times), 0);
		assert_times(f, "file", times);
		assert_result(do_utimens(f, a, handle, one), 0);
		assert_times(f, "file", after_one);
		assert_result(do_utimens(f, a, handle, none), 0);
		assert_times(f, "file", after_one);
		assert_result(do_utimens(f, a, handle, NULL), 0);
		/* The kernel's clock for files may lag by a tick. */
		assert_geq(scratch_stat(f, "file").st_atim.tv_sec, start - 1);
		assert_geq(scratch_stat(f, "file").st_mtim.tv_sec, start - 1);
		talloc_free(handle);
		handle = must_open(f, f->process, "sub", both_kinds[i]);
		assert_result(do_utimens(f, a, handle, times), 0);
		assert_times(f, "sub", times);
		talloc_free(handle);
	}
}

OPERATION_TEST(utimens, whom_and_what_it_refuses)
{
	static const struct timespec times[2] = { { 1000000000, 0 }, { 1000000001, 0 } };
	static const struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	static const struct timespec half[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	static const struct timespec bad[2] = { { 0, 1000000000 }, { 0, 0 } };
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	struct pathring_handle *closed = NULL;
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0666, "content");
	scratch_file(f, "closed", USER_A, USER_A, 0644, "content");
	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		handle = must_open(f, f->process, "file", both_kinds[i]);
		closed = must_open(f, f->process, "closed", both_kinds[i]);
		assert_result(do_utimens(f, f->process, handle, times), 0);
		assert_result(do_utimens(f, f->process, closed, times), 0);
		/* Who may write may say that it was just now, and nothing else. */
		assert_result(do_utimens(f, b, handle, times), -EPERM);
		assert_result(do_utimens(f, b, handle, half), -EPERM);
		assert_result(do_utimens(f, b, closed, NULL), -EACCES);
		assert_result(do_utimens(f, b, closed, now), -EACCES);
		assert_result(do_utimens(f, f->process, handle, bad), -EINVAL);
		assert_times(f, "file", times);
		assert_times(f, "closed", times);
		assert_result(do_utimens(f, b, handle, i == 0 ? now : NULL), 0);
		assert_gt(scratch_stat(f, "file").st_mtim.tv_sec, times[1].tv_sec);
		talloc_free(handle);
		talloc_free(closed);
	}
	assert_result(do_utimens(f, b, NULL, times), -EINVAL);
}

OPERATION_TEST(utimens, of_a_symbolic_link_itself)
{
	static const struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };
	struct pathring_handle *handle = NULL;
	struct stat st;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_symlink(f, "link", "file");
	st = scratch_stat(f, "file");
	handle = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW);
	assert_result(do_utimens(f, f->process, handle, times), 0);
	assert_times(f, "link", times);
	assert_eq(scratch_stat(f, "file").st_mtim.tv_sec, st.st_mtim.tv_sec);
	talloc_free(handle);
}

/* ---- statfs ---- */

OPERATION_TEST(statfs, of_either_kind)
{
	static const int kinds[] = { O_PATH, O_RDONLY, O_PATH | O_NOFOLLOW };
	static const char *const names[] = { "file", "file", "link" };
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	struct pathring_how how = { .flags = O_PATH };
	struct statfs expected;
	struct statfs got;
	size_t i = 0;

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_symlink(f, "link", "file");
	assert_eq(statfs(f->path, &expected), 0);
	for (i = 0; i < COUNT_OF(kinds); i++) {
		handle = must_open(f, f->process, names[i], kinds[i]);
		memset(&got, 0xff, sizeof(got));
		assert_result(do_statfs(f, b, handle, &got), 0);
		assert_eq(got.f_type, expected.f_type);
		assert_eq(got.f_blocks, expected.f_blocks);
		assert_eq(got.f_bsize, expected.f_bsize);
		assert_eq(got.f_namelen, expected.f_namelen);
		assert_bytes(&got.f_fsid, &expected.f_fsid, sizeof(got.f_fsid));
		talloc_free(handle);
	}
	assert_result(do_openat(f, f->process, NULL, "/proc/version", &how, &handle), 0);
	assert_result(do_statfs(f, b, handle, &got), 0);
	assert_eq(got.f_type, PROC_SUPER_MAGIC);
	talloc_free(handle);
	assert_result(do_statfs(f, b, NULL, &got), -EINVAL);
}

/* ---- either kind, and without procfs ---- */

/* The inode that was opened, whatever bears its name by now. */
OPERATION_TEST(attributes, of_a_file_without_a_name)
{
	static const struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };
	struct pathring_handle *handle = NULL;
	struct statfs statfs;
	struct stat st;
	size_t i = 0;

	for (i = 0; i < COUNT_OF(both_kinds); i++) {
		scratch_file(f, "file", 0, 0, 0644, "content");
		handle = must_open(f, f->process, "file", both_kinds[i]);
		assert_eq(unlink(scratch_path(f, "file")), 0);
		scratch_file(f, "file", 0, 0, 0604, "another");
		assert_result(do_fchmod(f, f->process, handle, 0123), 0);
		assert_result(do_fchown(f, f->process, handle, USER_A, USER_B), 0);
		assert_result(do_utimens(f, f->process, handle, times), 0);
		assert_result(do_statfs(f, f->process, handle, &statfs), 0);
		assert_eq(fstat(pathring_handle_pathref_fd(handle), &st), 0);
		assert_eq(st.st_mode & 07777, 0123);
		assert_eq(st.st_uid, USER_A);
		assert_eq(st.st_gid, USER_B);
		assert_eq(st.st_mtim.tv_sec, 2000);
		assert_mode(f, "file", 0604);
		assert_owner(f, "file", 0, 0);
		assert_eq(unlink(scratch_path(f, "file")), 0);
		talloc_free(handle);
	}
}

/* In a mount namespace of its own, where /proc is an empty directory. */
static void without_procfs(struct fixture *f, void *arg)
{
	struct pathring_options options = { .backend = f->backend };
	struct pathring_handle *pathref = NULL;
	struct pathring_handle *file = NULL;
	struct statfs statfs;
	uint8_t *value = NULL;
	char *names = NULL;

	(void)arg;
	assert_eq(unshare(CLONE_NEWNS), 0, "%s", strerror(errno));
	assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "%s", strerror(errno));
	assert_eq(mount("none", "/proc", "tmpfs", 0, NULL), 0, "%s", strerror(errno));
	/* The checks in callbacks read /proc. */
	f->form = FORM_WAIT;
	fixture_restart(f, &options);
	pathref = must_open(f, f->process, "file", O_PATH);
	file = must_open(f, f->process, "file", O_RDWR);

	assert_result(do_fchmod(f, f->process, pathref, 0600), -EOPNOTSUPP);
	assert_result(do_utimens(f, f->process, pathref, NULL), -EOPNOTSUPP);
	assert_result(do_getxattr(f, f->process, pathref, "user.test", 100, &value), -EOPNOTSUPP);
	assert_result(do_setxattr(f, f->process, pathref, "user.test", "x", 1, 0), -EOPNOTSUPP);
	assert_result(do_listxattr(f, f->process, pathref, 100, &names), -EOPNOTSUPP);
	assert_result(do_removexattr(f, f->process, pathref, "user.test"), -EOPNOTSUPP);
	assert_result(do_fchown(f, f->process, pathref, USER_A, USER_A), 0);
	assert_result(do_statfs(f, f->process, pathref, &statfs), 0);

	assert_result(do_fchmod(f, f->process, file, 0600), 0);
	assert_result(do_utimens(f, f->process, file, NULL), 0);
	assert_result(do_setxattr(f, f->process, file, "user.test", "new", 3, 0), 0);
	assert_result(do_getxattr(f, f->process, file, "user.test", 100, &value), 3);
	assert_result(do_removexattr(f, f->process, file, "user.test"), 0);
}

BACKEND_TEST(attributes, without_procfs)
{
	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_xattr(f, "file", "user.test", "value");
	in_child(f, without_procfs, NULL);
	assert_mode(f, "file", 0600);
	assert_owner(f, "file", USER_A, USER_A);
}
