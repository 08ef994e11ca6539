/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * openat and close with good and bad input, on every backend in every form. Who may open what is in
 * test_identity.c.
 */
#include "operations.h"

#include <limits.h>
#include <sys/acl.h>

static int open_how(struct fixture *f,
		    struct pathring_handle *dir,
		    const char *path,
		    const struct pathring_how *how)
{
	struct pathring_handle *handle = NULL;
	int ret = do_openat(f, f->process, dir, path, how, &handle);

	talloc_free(handle);
	return ret;
}

static int open_resolve(struct fixture *f, const char *path, uint64_t resolve)
{
	struct pathring_how how = { .flags = O_RDONLY, .resolve = resolve };

	return open_how(f, f->dir, path, &how);
}

/* Which file a descriptor is, against a path. */
static bool same_file(int fd, const char *path)
{
	struct stat a;
	struct stat b;

	assert_eq(fstat(fd, &a), 0);
	assert_eq(stat(path, &b), 0);
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

OPERATION_TEST(openat, opens_the_named_file)
{
	struct pathring_handle *handle = NULL;
	int flags = -1;
	int fd = -1;

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_file(f, "other", USER_A, USER_A, 0600, "another");
	handle = must_open(f, f->process, "file", O_RDWR);
	fd = pathring_handle_io_fd(handle);
	assert_geq(fd, 0);
	assert_result(pathring_handle_pathref_fd(handle), fd);
	assert_true(same_file(fd, scratch_path(f, "file")));
	flags = fcntl(fd, F_GETFL);
	assert_eq(flags & O_ACCMODE, O_RDWR);
	assert_eq(flags & O_NONBLOCK, 0, "O_NONBLOCK that nobody asked for");
	assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	talloc_free(handle);
	assert_eq(fcntl(fd, F_GETFD), -1, "still open after the handle was freed");
}

OPERATION_TEST(openat, opens_directories_and_path_references)
{
	struct pathring_handle *directory = NULL;
	struct pathring_handle *handle = NULL;
	struct pathring_how how = { .flags = O_PATH };
	int ret = -1;

	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_file(f, "sub/file", 0, 0, 0644, "content");
	directory = must_open(f, f->process, "sub", O_RDONLY | O_DIRECTORY);
	ret = do_openat(f, f->process, directory, "file", &how, &handle);
	assert_result(ret, 0);
	assert_true(fcntl(pathring_handle_pathref_fd(handle), F_GETFL) & O_PATH);
	assert_eq(fcntl(pathring_handle_pathref_fd(handle), F_GETFD), FD_CLOEXEC);
	assert_result(pathring_handle_io_fd(handle), -EBADF);
	talloc_free(handle);
	talloc_free(directory);

	/* As directory of the next step a path reference is enough. */
	directory = must_open(f, f->process, "sub", O_PATH | O_DIRECTORY);
	how.flags = O_RDONLY;
	ret = do_openat(f, f->process, directory, "file", &how, &handle);
	assert_result(ret, 0);
	talloc_free(handle);
	talloc_free(directory);
}

OPERATION_TEST(openat, absolute_path_without_directory)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *handle = NULL;
	char *path = scratch_path(f, "file");
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_symlink(f, "link", path);
	ret = do_openat(f, f->process, NULL, path, &how, &handle);
	assert_result(ret, 0);
	assert_true(same_file(pathring_handle_io_fd(handle), path));
	talloc_free(handle);
	assert_result(open_how(f, NULL, scratch_path(f, "link"), &how), 0);
	how.resolve = RESOLVE_NO_SYMLINKS;
	assert_result(open_how(f, NULL, scratch_path(f, "link"), &how), -ELOOP);
}

OPERATION_TEST(openat, never_relative_to_the_working_directory)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *handle = NULL;
	int ret = -1;

	scratch_file(f, "here", 0, 0, 0644, "content");
	assert_eq(chdir(f->path), 0);
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
	ret = do_openat(f, f->process, NULL, "here", &how, &handle);
	assert_result(ret, -EINVAL);
	assert_null(handle);
}

OPERATION_TEST(openat, bad_names)
{
	struct pathring_how how = { .flags = O_RDONLY };
	char *component = talloc_array(f, char, NAME_MAX + 2);
	char *path = talloc_array(f, char, PATH_MAX + 64);

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(try_open(f, f->process, "missing", O_RDONLY), -ENOENT);
	assert_result(try_open(f, f->process, "missing/file", O_RDONLY), -ENOENT);
	assert_result(try_open(f, f->process, "file/below", O_RDONLY), -ENOTDIR);
	assert_result(try_open(f, f->process, "file", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	assert_result(try_open(f, f->process, "", O_RDONLY), -ENOENT);
	assert_result(open_how(f, NULL, "", &how), -ENOENT);

	memset(component, 'c', NAME_MAX + 1);
	component[NAME_MAX + 1] = '\0';
	assert_result(try_open(f, f->process, component, O_RDONLY), -ENAMETOOLONG);
	component[NAME_MAX] = '\0';
	assert_result(try_open(f, f->process, component, O_RDONLY), -ENOENT);

	memset(path, '/', PATH_MAX + 63);
	memcpy(path, "./", 2);
	strcpy(path + PATH_MAX - 4, "file");
	assert_result(try_open(f, f->process, path, O_RDONLY), -ENAMETOOLONG);
	strcpy(path + PATH_MAX - 5, "file");
	assert_result(try_open(f, f->process, path, O_RDONLY), 0);
	path[0] = '/';
	memset(path, 'x', PATH_MAX + 63);
	path[PATH_MAX + 63] = '\0';
	assert_result(try_open(f, f->process, path, O_RDONLY), -ENAMETOOLONG);
}

OPERATION_TEST(openat, odd_names)
{
	static const char *const names[] = { " ",	  "a b", "-n",	    "\xff\xfe",
					     "new\nline", "*",	 "\xc3\xa4" };
	size_t i = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		scratch_file(f, names[i], 0, 0, 0644, "content");
		assert_result(try_open(f, f->process, names[i], O_RDONLY), 0);
	}
}

OPERATION_TEST(openat, absolute_path_with_directory_is_refused)
{
	char *path = scratch_path(f, "file");

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(open_resolve(f, path, 0), -EXDEV);
	assert_result(open_resolve(f, path, RESOLVE_NO_SYMLINKS), -EXDEV);
	assert_result(open_resolve(f, path, RESOLVE_IN_ROOT), -EXDEV);
	assert_result(open_resolve(f, "/", 0), -EXDEV);
}

OPERATION_TEST(openat, stays_beneath_the_directory)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *sub = NULL;

	scratch_file(f, "outside", 0, 0, 0644, "content");
	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_directory(f, "sub/deep", 0, 0, 0755);
	scratch_file(f, "sub/inside", 0, 0, 0644, "content");
	scratch_symlink(f, "sub/up", "../outside");
	scratch_symlink(f, "sub/absolute", scratch_path(f, "outside"));
	scratch_symlink(f, "sub/absolute_inside", scratch_path(f, "sub/inside"));
	scratch_symlink(f, "sub/relative", "deep/../inside");
	scratch_symlink(f, "sub/loop", "loop");
	scratch_symlink(f, "sub/rooted", "/inside");
	sub = must_open(f, f->process, "sub", O_PATH | O_DIRECTORY);

	assert_result(open_how(f, sub, "inside", &how), 0);
	assert_result(open_how(f, sub, "deep/../inside", &how), 0);
	assert_result(open_how(f, sub, "relative", &how), 0);
	assert_result(open_how(f, sub, "..", &how), -EXDEV);
	assert_result(open_how(f, sub, "../outside", &how), -EXDEV);
	assert_result(open_how(f, sub, "deep/../../outside", &how), -EXDEV);
	assert_result(open_how(f, sub, "up", &how), -EXDEV);
	assert_result(open_how(f, sub, "absolute", &how), -EXDEV);
	assert_result(open_how(f, sub, "absolute_inside", &how), -EXDEV);
	assert_result(open_how(f, sub, "loop", &how), -ELOOP);

	how.resolve = RESOLVE_BENEATH;
	assert_result(open_how(f, sub, "../outside", &how), -EXDEV);
	how.resolve = RESOLVE_NO_SYMLINKS;
	assert_result(open_how(f, sub, "inside", &how), 0);
	assert_result(open_how(f, sub, "relative", &how), -ELOOP);
	assert_result(open_how(f, sub, "absolute", &how), -ELOOP);
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	assert_result(open_how(f, sub, "relative", &how), -ELOOP);
	assert_result(open_how(f, sub, "../outside", &how), -EXDEV);
	how.resolve = RESOLVE_IN_ROOT;
	assert_result(open_how(f, sub, "rooted", &how), 0);
	assert_result(open_how(f, sub, "../inside", &how), 0);
	assert_result(open_how(f, sub, "../outside", &how), -ENOENT);
	how.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
	assert_result(open_how(f, sub, "inside", &how), -EINVAL);
	talloc_free(sub);
}

OPERATION_TEST(openat, other_file_systems)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *root = NULL;

	assert_result(do_openat(f, f->process, NULL, "/", &how, &root), 0);
	assert_result(open_how(f, root, "proc/version", &how), 0);
	how.resolve = RESOLVE_NO_XDEV;
	assert_result(open_how(f, root, "proc/version", &how), -EXDEV);
	talloc_free(root);
}

OPERATION_TEST(openat, magic_links_are_never_followed)
{
	struct pathring_how how = { .flags = O_RDONLY };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char *path = talloc_asprintf(f, "/proc/self/fd/%d", fd);

	scratch_symlink(f, "magic", "/proc/self/cwd");
	assert_result(open_how(f, NULL, path, &how), -ELOOP);
	assert_result(open_how(f, NULL, "/proc/self/cwd", &how), -ELOOP);
	assert_result(open_how(f, NULL, "/proc/self/root/etc", &how), -ELOOP);
	assert_result(open_how(f, NULL, scratch_path(f, "magic"), &how), -ELOOP);
	assert_result(open_how(f, NULL, "/proc/version", &how), 0);
	close(fd);
}

OPERATION_TEST(openat, last_component_symlink)
{
	struct pathring_handle *handle = NULL;
	struct stat st;

	scratch_file(f, "target", 0, 0, 0644, "content");
	scratch_symlink(f, "link", "target");
	assert_result(try_open(f, f->process, "link", O_RDONLY), 0);
	assert_result(try_open(f, f->process, "link", O_RDONLY | O_NOFOLLOW), -ELOOP);
	handle = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW);
	assert_eq(fstat(pathring_handle_pathref_fd(handle), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	talloc_free(handle);
}

OPERATION_TEST(openat, bad_arguments)
{
	struct pathring_how how = { .flags = O_RDONLY };

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(open_resolve(f, "file", 0x20 /* RESOLVE_CACHED */), -EINVAL);
	assert_result(open_resolve(f, "file", 1ULL << 40), -EINVAL);
	how.flags = 1ULL << 40;
	assert_result(open_how(f, f->dir, "file", &how), -EINVAL);
	how.flags = O_ACCMODE | O_CREAT | O_PATH;
	assert_result(open_how(f, f->dir, "file", &how), -EINVAL);
	how.flags = O_RDWR | O_CREAT;
	how.mode = 0200000;
	assert_result(open_how(f, f->dir, "new", &how), -EINVAL);
	assert_false(scratch_exists(f, "new"));
	how.mode = 0;
	how.flags = O_RDONLY;
	assert_result(open_how(f, f->dir, NULL, &how), -EINVAL);
}

OPERATION_TEST(openat, directory_that_is_a_file)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *file = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	file = must_open(f, f->process, "file", O_RDONLY);
	assert_result(open_how(f, file, "below", &how), -ENOTDIR);
	talloc_free(file);
}

OPERATION_TEST(openat, create_and_truncate)
{
	struct pathring_how how = { .flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0640 };
	struct stat st;

	assert_result(open_how(f, f->dir, "new", &how), 0);
	st = scratch_stat(f, "new");
	assert_eq(st.st_mode & 07777, 0640);
	assert_result(open_how(f, f->dir, "new", &how), -EEXIST);
	assert_result(open_how(f, f->dir, "missing/new", &how), -ENOENT);

	/* Of a file that is there already only the content changes. */
	how.flags = O_RDWR | O_CREAT | O_TRUNC;
	how.mode = 0666;
	scratch_file(f, "old", USER_A, USER_B, 0604, "content");
	assert_result(open_how(f, f->dir, "old", &how), 0);
	st = scratch_stat(f, "old");
	assert_eq(st.st_mode & 07777, 0604);
	assert_eq(st.st_uid, USER_A);
	assert_eq(st.st_gid, USER_B);
	assert_eq(st.st_size, 0);

	scratch_symlink(f, "dangling", "made_through_link");
	assert_result(open_how(f, f->dir, "dangling", &how), 0);
	assert_true(scratch_exists(f, "made_through_link"));
	how.flags = O_RDWR | O_CREAT | O_EXCL;
	assert_result(open_how(f, f->dir, "dangling", &how), -EEXIST);
}

OPERATION_TEST(openat, mode_is_exact_and_umask_stays)
{
	static const mode_t modes[] = { 0666, 0777, 0600, 0400, 0200, 0000, 0664 };
	struct pathring_how how = { .flags = O_RDWR | O_CREAT | O_EXCL };
	struct pathring_handle *handle = NULL;
	mode_t before = umask(077);
	char *name = NULL;
	size_t i = 0;
	int ret = -1;

	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		name = talloc_asprintf(f, "new%zu", i);
		how.mode = modes[i];
		ret = do_openat(f, f->process, f->dir, name, &how, &handle);
		assert_result(ret, 0);
		/* The creator may write whatever the mode says. */
		assert_eq(write(pathring_handle_io_fd(handle), "x", 1), 1);
		talloc_free(handle);
		assert_eq(scratch_stat(f, name).st_mode & 07777, modes[i], "%s", name);
	}
	assert_eq(umask(before), 077, "umask changed");
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
}

OPERATION_TEST(openat, default_acl_shapes_the_mode)
{
	struct pathring_how how = { .flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0666 };
	acl_t acl = NULL;
	int ret = -1;

	scratch_directory(f, "acl", 0, 0, 0755);
	acl = acl_from_text("u::rwx,g::rx,o::-");
	assert_not_null(acl);
	ret = acl_set_file(scratch_path(f, "acl"), ACL_TYPE_DEFAULT, acl);
	assert_eq(ret, 0, "%s", strerror(errno));
	acl_free(acl);
	assert_result(open_how(f, f->dir, "acl/new", &how), 0);
	assert_eq(scratch_stat(f, "acl/new").st_mode & 07777, 0640);
}

OPERATION_TEST(openat, special_files_do_not_block_as_path_references)
{
	struct pathring_handle *handle = NULL;
	struct stat st;

	assert_eq(mkfifo(scratch_path(f, "fifo"), 0666), 0);
	handle = must_open(f, f->process, "fifo", O_PATH);
	assert_eq(fstat(pathring_handle_pathref_fd(handle), &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	talloc_free(handle);
	assert_result(try_open(f, f->process, "fifo", O_RDONLY | O_NONBLOCK), 0);
	assert_result(try_open(f, f->process, "fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
}

OPERATION_TEST(openat, result_not_taken_is_closed)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	unsigned int before = 0;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(try_open(f, f->process, "file", O_RDONLY), 0);
	before = count_descriptors();
	if (f->form == FORM_SEND) {
		INSIDE(f,
		       req = pathring_openat_send(
			       f, f->ev, f->ring, f->process, f->dir, "file", &how));
		sent_complete(f, req);
		INSIDE(f, talloc_free(req));
	} else {
		ret = pathring_openat_request(
			f->ring, f->process, f->dir, "file", &how, call_done, &call, &call.request);
		assert_result(ret, 0);
		call_complete(&call);
		call_free(&call);
	}
	assert_eq(count_descriptors(), before);
}

OPERATION_TEST(close, closes_and_takes_the_handle_over)
{
	struct pathring_handle *handle = NULL;
	int fd = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_RDWR);
	fd = pathring_handle_io_fd(handle);
	assert_result(do_close(f, f->process, &handle), 0);
	assert_null(handle);
	assert_eq(fcntl(fd, F_GETFD), -1);

	handle = must_open(f, fixture_user(f, USER_B), "file", O_PATH);
	fd = pathring_handle_pathref_fd(handle);
	assert_result(do_close(f, fixture_user(f, USER_B), &handle), 0);
	assert_null(handle);
	assert_eq(fcntl(fd, F_GETFD), -1);
}

OPERATION_TEST(close, borrowed_handle_is_refused_and_kept)
{
	struct pathring_handle *handle = NULL;
	struct statx stx;
	int fd = -1;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	fd = open(scratch_path(f, "file"), O_RDONLY | O_CLOEXEC);
	ret = pathring_handle_borrow(f, fd, PATHRING_IO, &handle);
	assert_result(ret, 0);
	assert_result(do_close(f, f->process, &handle), -EINVAL);
	assert_not_null(handle);
	assert_result(do_statx(f, f->process, handle, 0, STATX_BASIC_STATS, &stx), 0);
	talloc_free(handle);
	assert_geq(fcntl(fd, F_GETFD), 0, "the caller's descriptor was closed");
	close(fd);
}

OPERATION_TEST(close, nothing_to_close)
{
	struct pathring_handle *handle = NULL;

	assert_result(do_close(f, f->process, &handle), -EINVAL);
}

OPERATION_TEST(handle, dup_is_a_descriptor_of_its_own)
{
	struct pathring_handle *handle = NULL;
	uint8_t buffer[16];
	int fd = -1;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	fd = open(scratch_path(f, "file"), O_RDONLY | O_CLOEXEC);
	ret = pathring_handle_dup(f, fd, PATHRING_IO, &handle);
	assert_result(ret, 0);
	close(fd);
	assert_neq(pathring_handle_io_fd(handle), fd);
	assert_eq(fcntl(pathring_handle_io_fd(handle), F_GETFD), FD_CLOEXEC);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), 7);
	assert_bytes(buffer, "content", 7);
	talloc_free(handle);
	ret = pathring_handle_dup(f, 19999, PATHRING_IO, &handle);
	assert_result(ret, -EBADF);
}

OPERATION_TEST(handle, borrowed_descriptor_is_used_and_never_closed)
{
	struct pathring_handle *handle = NULL;
	uint8_t buffer[16];
	int fd = -1;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	fd = open(scratch_path(f, "file"), O_RDONLY | O_CLOEXEC);
	ret = pathring_handle_borrow(f, fd, PATHRING_IO, &handle);
	assert_result(ret, 0);
	assert_result(pathring_handle_io_fd(handle), fd);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), 7);
	talloc_free(handle);
	assert_geq(fcntl(fd, F_GETFD), 0, "the caller's descriptor was closed");
	close(fd);
}
