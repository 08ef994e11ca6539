/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client may send as a path and a server must survive, with one defined answer on every
 * backend in every form; and what the engine's own ring refuses to anybody, the engine included.
 */
#include "operations.h"

#include <dirent.h>
#include <liburing.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A path, asked for in every way in which paths are resolved: each answers the same. */
static void check_path(struct fixture *f,
		       struct pathring_handle *dir,
		       const char *path,
		       uint64_t resolve,
		       int expected)
{
	static const int flags[] = { O_RDONLY, O_PATH };
	struct pathring_lookup_how lookup_how = { .mask = STATX_INO, .resolve = resolve };
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *handle = NULL;
	size_t i = 0;
	int ret = -1;

	for (i = 0; i < COUNT_OF(flags); i++) {
		struct pathring_how how = { .flags = (uint64_t)flags[i], .resolve = resolve };

		ret = do_openat(f, f->process, dir, path, &how, &handle);
		assert_eq(ret, expected, "openat of %.80s, flags %x", path, flags[i]);
		talloc_free(handle);
	}
	ret = do_lookup(f, f->process, dir, path, &lookup_how, &lookup);
	assert_eq(ret, expected, "lookup of %.80s", path);
	talloc_free(lookup);
}

struct path_case {
	const char *path;
	uint64_t resolve;
	int expected;
};

static void check_paths(struct fixture *f,
			struct pathring_handle *dir,
			const struct path_case *cases,
			size_t count)
{
	size_t i = 0;

	for (i = 0; i < count; i++) {
		check_path(f, dir, cases[i].path, cases[i].resolve, cases[i].expected);
	}
}

/* "top" is what the client is confined to; "outside" is beside it. */
static struct pathring_handle *make_tree(struct fixture *f)
{
	scratch_file(f, "outside", 0, 0, 0644, "not for the client");
	scratch_directory(f, "top", 0, 0, 0755);
	scratch_directory(f, "top/sub", 0, 0, 0755);
	scratch_file(f, "top/file", 0, 0, 0644, "content");
	scratch_file(f, "top/sub/file", 0, 0, 0644, "content");
	return must_open(f, f->process, "top", O_PATH | O_DIRECTORY);
}

/* ---- paths ---- */

OPERATION_TEST(paths, dots_slashes_and_nothing)
{
	static const struct path_case cases[] = {
		{ NULL, 0, -EINVAL },
		{ "", 0, -ENOENT },
		{ "", RESOLVE_IN_ROOT, -ENOENT },
		{ ".", 0, 0 },
		{ "./", 0, 0 },
		{ "sub/..", 0, 0 },
		{ "sub/.", 0, 0 },
		{ "sub/", 0, 0 },
		{ "sub//file", 0, 0 },
		{ "./sub/./file", 0, 0 },
		{ "sub/../file", 0, 0 },
		{ "..", 0, -EXDEV },
		{ "../", 0, -EXDEV },
		{ "../top/file", 0, -EXDEV },
		{ "../outside", RESOLVE_BENEATH, -EXDEV },
		{ "sub/../..", 0, -EXDEV },
		{ "sub/../../outside", 0, -EXDEV },
		{ "..", RESOLVE_IN_ROOT, 0 },
		{ "../../..", RESOLVE_IN_ROOT, 0 },
		{ "../file", RESOLVE_IN_ROOT, 0 },
		{ "../outside", RESOLVE_IN_ROOT, -ENOENT },
		{ "...", 0, -ENOENT },
		{ "missing/..", 0, -ENOENT },
		{ "missing/../file", 0, -ENOENT },
		{ "file/", 0, -ENOTDIR },
		{ "file/.", 0, -ENOTDIR },
		{ "file/..", 0, -ENOTDIR },
		{ "file/../file", 0, -ENOTDIR },
		{ "/", 0, -EXDEV },
		{ "//", 0, -EXDEV },
		{ "/file", 0, -EXDEV },
		{ "/file", RESOLVE_IN_ROOT, -EXDEV },
		{ "/etc/passwd", RESOLVE_NO_SYMLINKS, -EXDEV },
		{ "///file", RESOLVE_BENEATH, -EXDEV },
	};
	struct pathring_handle *top = make_tree(f);

	check_paths(f, top, cases, COUNT_OF(cases));
	talloc_free(top);
}

OPERATION_TEST(paths, without_a_directory_absolute_ones_alone)
{
	static const struct path_case cases[] = {
		{ NULL, 0, -EINVAL },
		{ "", 0, -ENOENT },
		{ ".", 0, -EINVAL },
		{ "..", 0, -EINVAL },
		{ "etc", 0, -EINVAL },
		{ "./etc", 0, -EINVAL },
		{ "/", 0, 0 },
		{ "/..", 0, 0 },
		{ "/../../etc/..", 0, 0 },
		{ "/proc/version", 0, 0 },
	};

	check_paths(f, NULL, cases, COUNT_OF(cases));
}

OPERATION_TEST(paths, lengths)
{
	struct pathring_handle *top = make_tree(f);
	char *path = talloc_array(f, char, 4 * PATH_MAX);

	/* A component of 255 bytes, of 256, and one that is not the last. */
	memset(path, 'c', NAME_MAX + 1);
	path[NAME_MAX] = '\0';
	check_path(f, top, path, 0, -ENOENT);
	strcpy(path + NAME_MAX, "c");
	check_path(f, top, path, 0, -ENAMETOOLONG);
	strcpy(path + NAME_MAX, "c/file");
	check_path(f, top, path, 0, -ENAMETOOLONG);
	strcpy(path + NAME_MAX, "/file");
	check_path(f, top, path, 0, -ENOENT);

	/* 4,095 bytes that lead to a file, 4,096 and more that would. */
	memset(path, '/', 4 * PATH_MAX);
	memcpy(path, "./", 2);
	strcpy(path + PATH_MAX - 1 - 4, "file");
	assert_eq(strlen(path), 4095);
	check_path(f, top, path, 0, 0);
	memset(path + PATH_MAX - 1 - 4, '/', 6);
	strcpy(path + PATH_MAX - 4, "file");
	assert_eq(strlen(path), 4096);
	check_path(f, top, path, 0, -ENAMETOOLONG);
	memset(path + PATH_MAX - 4, '/', 6);
	strcpy(path + 4 * PATH_MAX - 5, "file");
	check_path(f, top, path, 0, -ENAMETOOLONG);

	/* Without a directory the same. */
	path[0] = '/';
	path[1] = '/';
	check_path(f, NULL, path, 0, -ENAMETOOLONG);
	path[PATH_MAX - 1] = '\0';
	check_path(f, NULL, path, 0, 0);
	talloc_free(top);
}

/* A C string ends at its NUL: what comes after is not looked at. */
OPERATION_TEST(paths, nul_is_the_end)
{
	struct pathring_handle *top = make_tree(f);

	check_path(f, top, "file\0/../../outside", 0, 0);
	check_path(f, top, "missing\0file", 0, -ENOENT);
	check_path(f, top, "\0file", 0, -ENOENT);
	assert_result(do_mkdirat(f, f->process, top, "made\0/x", 0755), 0);
	assert_result(do_symlinkat(f, f->process, "t\0arget", top, "link\0.x"), 0);
	assert_result(do_renameat(f, f->process, top, "made\0x", top, "new\0/", 0), 0);
	assert_result(do_linkat(f, f->process, top, "file\0/", top, "second\0/"), 0);
	assert_str_eq(scratch_listing(f, "top"), "file\nlink\nnew\nsecond\nsub\n", "in top");
	assert_result(do_unlinkat(f, f->process, top, "second\0/", 0), 0);
	assert_result(do_unlinkat(f, f->process, top, "new\0/", AT_REMOVEDIR), 0);
	assert_str_eq(scratch_listing(f, "top"), "file\nlink\nsub\n", "in top");
	talloc_free(top);
}

OPERATION_TEST(paths, links_that_lead_outside)
{
	static const struct path_case cases[] = {
		{ "up", 0, -EXDEV },
		{ "up", RESOLVE_BENEATH, -EXDEV },
		{ "up", RESOLVE_IN_ROOT, -ENOENT },
		{ "up", RESOLVE_NO_SYMLINKS, -ELOOP },
		{ "up", RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, -ELOOP },
		{ "absolute", 0, -EXDEV },
		{ "absolute", RESOLVE_IN_ROOT, -ENOENT },
		{ "absolute", RESOLVE_NO_SYMLINKS, -ELOOP },
		{ "etc/passwd", 0, -EXDEV },
		{ "etc/passwd", RESOLVE_IN_ROOT, -ELOOP },
		{ "etc/passwd", RESOLVE_NO_SYMLINKS, -ELOOP },
		{ "far/outside", 0, -EXDEV },
		{ "far/outside", RESOLVE_IN_ROOT, -ENOENT },
		{ "inside", 0, 0 },
		{ "inside", RESOLVE_IN_ROOT, 0 },
		{ "inside", RESOLVE_NO_SYMLINKS, -ELOOP },
		{ "to_sub/", 0, 0 },
		{ "to_sub/file", 0, 0 },
		{ "to_sub/file", RESOLVE_NO_SYMLINKS, -ELOOP },
		{ "to_sub/../file", 0, 0 },
		{ "to_sub/../../outside", 0, -EXDEV },
		{ "rooted", 0, -EXDEV },
		{ "rooted", RESOLVE_IN_ROOT, 0 },
		{ "loop", 0, -ELOOP },
		{ "dangling", 0, -ENOENT },
	};
	struct pathring_handle *top = make_tree(f);

	scratch_symlink(f, "top/up", "../outside");
	scratch_symlink(f, "top/absolute", scratch_path(f, "outside"));
	scratch_symlink(f, "top/etc", "/etc");
	scratch_symlink(f, "top/far", "sub/../..");
	scratch_symlink(f, "top/inside", "sub/../file");
	scratch_symlink(f, "top/to_sub", "sub");
	scratch_symlink(f, "top/rooted", "/sub/file");
	scratch_symlink(f, "top/loop", "loop");
	scratch_symlink(f, "top/dangling", "missing");
	check_paths(f, top, cases, COUNT_OF(cases));
	talloc_free(top);
}

OPERATION_TEST(paths, unknown_rules)
{
	static const uint64_t bits[] = { 0x20 /* RESOLVE_CACHED: the engine's own */,
					 0x40,
					 1ULL << 31,
					 1ULL << 32,
					 1ULL << 63,
					 UINT64_MAX };
	struct pathring_handle *top = make_tree(f);
	size_t i = 0;

	for (i = 0; i < COUNT_OF(bits); i++) {
		check_path(f, top, "file", bits[i], -EINVAL);
		check_path(f, top, "file", bits[i] | RESOLVE_BENEATH, -EINVAL);
		check_path(f, NULL, "/", bits[i], -EINVAL);
	}
	check_path(f, top, "file", RESOLVE_BENEATH | RESOLVE_IN_ROOT, -EINVAL);
	check_path(f, top, "file", RESOLVE_NO_MAGICLINKS, 0);
	/* Confining oneself to the directory of an absolute path makes no sense. */
	check_path(f, NULL, "/proc/version", RESOLVE_BENEATH, -EXDEV);
	talloc_free(top);
}

/* ---- magic links ---- */

static struct pathring_handle *open_absolute(struct fixture *f, const char *path, int flags)
{
	struct pathring_how how = { .flags = (uint64_t)flags };
	struct pathring_handle *handle = NULL;

	assert_result(do_openat(f, f->process, NULL, path, &how, &handle), 0);
	return handle;
}

OPERATION_TEST(magic_links, are_never_followed)
{
	static const char *const names[] = { "exe", "cwd", "root", "root/etc", "ns/mnt", "cwd/." };
	struct pathring_handle *proc = open_absolute(f, "/proc", O_PATH | O_DIRECTORY);
	int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);
	char *path = NULL;
	size_t i = 0;

	for (i = 0; i < COUNT_OF(names); i++) {
		path = talloc_asprintf(f, "/proc/self/%s", names[i]);
		check_path(f, NULL, path, 0, -ELOOP);
		check_path(f, NULL, path, RESOLVE_NO_SYMLINKS, -ELOOP);
		check_path(f, proc, path + strlen("/proc/"), 0, -ELOOP);
		check_path(f, proc, path + strlen("/proc/"), RESOLVE_IN_ROOT, -ELOOP);
		path = talloc_asprintf(f, "%d/%s", getpid(), names[i]);
		check_path(f, proc, path, 0, -ELOOP);
		check_path(f, proc, path, RESOLVE_NO_SYMLINKS, -ELOOP);
	}
	path = talloc_asprintf(f, "/proc/self/fd/%d", fd);
	check_path(f, NULL, path, 0, -ELOOP);
	check_path(f, proc, path + strlen("/proc/"), 0, -ELOOP);
	path = talloc_asprintf(f, "/proc/thread-self/fd/%d", fd);
	check_path(f, NULL, path, 0, -ELOOP);
	path = talloc_asprintf(f, "/dev/fd/%d", fd);
	check_path(f, NULL, path, 0, -ELOOP);
	scratch_symlink(f, "link", talloc_asprintf(f, "/proc/self/fd/%d", fd));
	check_path(f, NULL, scratch_path(f, "link"), 0, -ELOOP);
	talloc_free(proc);
	close(fd);
}

OPERATION_TEST(magic_links, below_a_handle_on_the_descriptors)
{
	char *own = talloc_asprintf(f, "/proc/%d/fd", getpid());
	struct pathring_handle *descriptors = open_absolute(f, own, O_PATH | O_DIRECTORY);
	struct pathring_handle *link = NULL;
	struct pathring_how how = { .flags = O_PATH | O_NOFOLLOW };
	int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);
	char *name = talloc_asprintf(f, "%d", fd);
	char *target = NULL;

	check_path(f, descriptors, name, 0, -ELOOP);
	check_path(f, descriptors, name, RESOLVE_IN_ROOT, -ELOOP);
	/* As directories and names of what changes names they are themselves, too. */
	assert_result(do_linkat(f, f->process, descriptors, name, f->dir, "new"), -EXDEV);
	assert_result(do_renameat(f, f->process, descriptors, name, f->dir, "new", 0), -EXDEV);

	/* Not followed it can be looked at, and no further than that. */
	assert_result(do_openat(f, f->process, descriptors, name, &how, &link), 0);
	assert_result(do_readlinkat(f, f->process, link, &target), 13);
	assert_str_eq(target, "/proc/version", "target");
	check_path(f, link, ".", 0, -ENOTDIR);
	check_path(f, link, "x", 0, -ENOTDIR);
	check_path(f, link, "", 0, -ENOENT);
	assert_str_eq(scratch_listing(f, ""), "", "in the scratch directory");
	talloc_free(link);
	talloc_free(descriptors);
	close(fd);
}

/* ---- the ring ---- */

/* The one ring of this process. */
static int ring_descriptor(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry = NULL;
	char target[64];
	ssize_t length = -1;
	int found = -1;

	assert_not_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		length = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		if (strcmp(target, "anon_inode:[io_uring]") == 0) {
			assert_eq(found, -1, "more than one ring");
			found = atoi(entry->d_name);
		}
	}
	closedir(dir);
	assert_geq(found, 0, "no ring");
	return found;
}

static long register_on(int fd, unsigned int opcode, void *argument, unsigned int count)
{
	long ret = syscall(SYS_io_uring_register, fd, opcode, argument, count);

	return ret == -1 ? -errno : ret;
}

URING_TEST(restrictions, registrations_that_are_not_used)
{
	static const unsigned int refused[] = {
		IORING_REGISTER_BUFFERS,   IORING_REGISTER_FILES,	 IORING_REGISTER_EVENTFD,
		IORING_REGISTER_PROBE,	   IORING_REGISTER_RESTRICTIONS, IORING_REGISTER_RING_FDS,
		IORING_REGISTER_PBUF_RING, IORING_REGISTER_FILES2,
	};
	uint64_t argument[64] = { 0 };
	long id = -1;
	size_t i = 0;
	int fd = -1;

	assert_result(pathring_start(f->ring), 0);
	fd = ring_descriptor();
	for (i = 0; i < COUNT_OF(refused); i++) {
		assert_eq(register_on(fd, refused[i], argument, 1), -EACCES, "%u", refused[i]);
	}
	/* The ring that was asked is the right one, and it is the restriction that says no. */
	id = register_on(fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	assert_gt(id, 0);
	assert_result(register_on(fd, IORING_UNREGISTER_PERSONALITY, NULL, (unsigned int)id), 0);
	assert_result(try_open(f, fixture_user(f, USER_A), ".", O_RDONLY | O_DIRECTORY), 0);
}

/*
 * The engine's ring, mapped a second time. Where things are in it is told by a ring of the same
 * size. The engine keeps count of what it submits, so it must not be used afterwards.
 */
static void map_ring(struct fixture *f, struct io_uring *io_uring)
{
	struct io_uring_params parameters = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
		.cq_entries = 256 * 4,
	};
	int model = (int)syscall(SYS_io_uring_setup, 256, &parameters);
	int ret = -1;

	assert_geq(model, 0, "%s", strerror(errno));
	close(model);
	assert_result(pathring_start(f->ring), 0);
	ret = io_uring_queue_mmap(ring_descriptor(), &parameters, io_uring);
	assert_result(ret, 0);
	assert_eq(*io_uring->sq.ktail, *io_uring->sq.khead, "the engine has something to submit");
	io_uring->sq.sqe_head = *io_uring->sq.ktail;
	io_uring->sq.sqe_tail = *io_uring->sq.ktail;
}

static int submit_one(struct io_uring *io_uring, uint8_t opcode, uint8_t flags)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(io_uring);
	struct io_uring_cqe *completion = NULL;
	int result = 0;

	assert_not_null(entry);
	memset(entry, 0, sizeof(*entry));
	entry->opcode = opcode;
	entry->flags = flags;
	entry->fd = -1;
	entry->user_data = 1;
	assert_result(io_uring_submit_and_wait(io_uring, 1), 1);
	assert_result(io_uring_wait_cqe(io_uring, &completion), 0);
	assert_eq(completion->user_data, 1);
	result = completion->res;
	io_uring_cqe_seen(io_uring, completion);
	return result;
}

URING_TEST(restrictions, entries_that_are_not_used)
{
	static const uint8_t refused[] = {
		IORING_OP_NOP,	     IORING_OP_OPENAT,	 IORING_OP_READV,   IORING_OP_WRITEV,
		IORING_OP_SENDMSG,   IORING_OP_CONNECT,	 IORING_OP_TIMEOUT, IORING_OP_POLL_ADD,
		IORING_OP_EPOLL_CTL, IORING_OP_MSG_RING, IORING_OP_SOCKET,  IORING_OP_URING_CMD,
	};
	struct io_uring io_uring;
	size_t i = 0;

	map_ring(f, &io_uring);
	for (i = 0; i < COUNT_OF(refused); i++) {
		assert_eq(submit_one(&io_uring, refused[i], 0), -EACCES, "opcode %u", refused[i]);
	}
	/* One that is in use gets as far as to its bad descriptor; with flags that are not, not. */
	assert_result(submit_one(&io_uring, IORING_OP_FSYNC, 0), -EBADF);
	assert_result(submit_one(&io_uring, IORING_OP_FSYNC, IOSQE_IO_LINK), -EACCES);
	assert_result(submit_one(&io_uring, IORING_OP_FSYNC, IOSQE_IO_DRAIN), -EACCES);
	fixture_stop(f);
	/* The mappings; its descriptor was the engine's. */
	munmap(io_uring.sq.ring_ptr, io_uring.sq.ring_sz);
	munmap(io_uring.sq.sqes, 256 * sizeof(struct io_uring_sqe));
}
