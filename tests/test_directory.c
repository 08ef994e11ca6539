/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * readdir and readlinkat on every backend in every form, against what plain system calls list.
 */
#include "operations.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct pathring_handle *directory(struct fixture *f, const char *name)
{
	return must_open(f, f->process, name, O_RDONLY | O_DIRECTORY);
}

/* "name type inode", a line each. */
struct listing {
	char **lines;
	size_t count;
};

static void listing_add(struct fixture *f,
			struct listing *listing,
			const char *name,
			unsigned int type,
			uint64_t inode)
{
	listing->lines = talloc_realloc(f, listing->lines, char *, listing->count + 1);
	assert_not_null(listing->lines);
	listing->lines[listing->count++] = talloc_asprintf(
		listing->lines, "%s %u %llu", name, type, (unsigned long long)inode);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct listing list_plainly(struct fixture *f, const char *name)
{
	struct listing listing = { NULL, 0 };
	struct dirent *entry = NULL;
	DIR *dir = opendir(scratch_path(f, name));

	assert_not_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		listing_add(f, &listing, entry->d_name, entry->d_type, entry->d_ino);
	}
	closedir(dir);
	qsort(listing.lines, listing.count, sizeof(char *), compare_lines);
	return listing;
}

/* In batches of size bytes, from position to the end. */
static struct listing list_by_engine(struct fixture *f,
				     struct pathring_identity *identity,
				     struct pathring_handle *handle,
				     uint64_t position,
				     size_t size,
				     unsigned int *batches)
{
	struct listing listing = { NULL, 0 };
	struct pathring_entry *entries = NULL;
	ssize_t count = 0;
	ssize_t i = 0;

	*batches = 0;
	for (;;) {
		count = do_readdir(f, identity, handle, position, size, &entries);
		assert_geq(count, 0, "%s", strerror((int)-count));
		if (count == 0) {
			break;
		}
		(*batches)++;
		for (i = 0; i < count; i++) {
			listing_add(
				f, &listing, entries[i].name, entries[i].type, entries[i].inode);
		}
		position = entries[count - 1].next;
		talloc_free(entries);
	}
	qsort(listing.lines, listing.count, sizeof(char *), compare_lines);
	return listing;
}

static void assert_same_listing(const struct listing *a, const struct listing *b)
{
	size_t i = 0;

	assert_eq(a->count, b->count);
	for (i = 0; i < a->count; i++) {
		assert_str_eq(a->lines[i], b->lines[i], "an entry");
	}
}

static void make_entries(struct fixture *f, const char *name, unsigned int count)
{
	char *path = NULL;
	unsigned int i = 0;
	int fd = -1;

	scratch_directory(f, name, USER_A, USER_A, 0755);
	for (i = 0; i < count; i++) {
		/* Names of all lengths, so that batches end anywhere. */
		path = talloc_asprintf(f, "%s/%s/%u-%0*d", f->path, name, i, i % 150 + 1, 0);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		assert_geq(fd, 0);
		close(fd);
		talloc_free(path);
	}
}

/* ---- readdir ---- */

OPERATION_TEST(readdir, names_types_and_inodes)
{
	struct pathring_handle *handle = NULL;
	struct listing expected;
	struct listing got;
	unsigned int batches = 0;
	char *name = talloc_zero_size(f, NAME_MAX + 1);

	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_directory(f, "sub/directory", 0, 0, 0755);
	scratch_file(f, "sub/file", 0, 0, 0644, "content");
	scratch_symlink(f, "sub/link", "nowhere");
	assert_eq(mkfifo(scratch_path(f, "sub/fifo"), 0600), 0);
	scratch_file(f, "sub/a", 0, 0, 0644, "the shortest");
	memset(name, 'n', NAME_MAX);
	scratch_file(f, talloc_asprintf(f, "sub/%s", name), 0, 0, 0644, "the longest");
	handle = directory(f, "sub");
	got = list_by_engine(f, f->process, handle, 0, 65536, &batches);
	assert_eq(batches, 1);
	assert_eq(got.count, 8, "with . and ..");
	expected = list_plainly(f, "sub");
	assert_same_listing(&got, &expected);
	talloc_free(handle);
}

BACKEND_TEST(readdir, thousands_of_entries_in_batches)
{
	static const size_t sizes[] = { 1024, 4096, 65536, 1024 * 1024 };
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_handle *handle = NULL;
	struct listing expected;
	struct listing got;
	unsigned int batches = 0;
	size_t i = 0;

	make_entries(f, "many", 5500);
	expected = list_plainly(f, "many");
	assert_eq(expected.count, 5502);
	handle = must_open(f, a, "many", O_RDONLY | O_DIRECTORY);
	for (i = 0; i < COUNT_OF(sizes); i++) {
		/* The same handle from the beginning again. */
		got = list_by_engine(f, a, handle, 0, sizes[i], &batches);
		assert_same_listing(&got, &expected);
		assert_geq(batches, 5502 * 100 / sizes[i]);
		talloc_free(got.lines);
	}
	talloc_free(handle);
}

/* From the position after any entry of a batch, not only of its last. */
OPERATION_TEST(readdir, goes_on_after_any_entry)
{
	struct pathring_handle *handle = NULL;
	struct pathring_entry *entries = NULL;
	struct pathring_entry *after = NULL;
	ssize_t count = 0;
	ssize_t rest = 0;
	ssize_t i = 0;

	make_entries(f, "some", 20);
	handle = directory(f, "some");
	count = do_readdir(f, f->process, handle, 0, 65536, &entries);
	assert_result(count, 22);
	for (i = count - 1; i >= 0; i--) {
		rest = do_readdir(f, f->process, handle, entries[i].next, 65536, &after);
		assert_result(rest, count - 1 - i);
		if (rest > 0) {
			assert_str_eq(after[0].name, entries[i + 1].name, "the next entry");
			assert_eq(after[0].inode, entries[i + 1].inode);
		}
		talloc_free(after);
	}
	talloc_free(entries);
	talloc_free(handle);
}

OPERATION_TEST(readdir, what_is_refused)
{
	struct pathring_handle *handle = NULL;
	struct pathring_entry *entries = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = directory(f, ".");
	assert_result(do_readdir(f, f->process, handle, 0, 1023, &entries), -EINVAL);
	assert_result(do_readdir(f, f->process, handle, 0, 0, &entries), -EINVAL);
	assert_result(do_readdir(f, f->process, handle, 0, 1024 * 1024 + 1, &entries), -EINVAL);
	assert_result(do_readdir(f, f->process, handle, 0, SIZE_MAX, &entries), -EINVAL);
	assert_result(do_readdir(f, f->process, handle, 1ULL << 63, 4096, &entries), -EINVAL);
	assert_result(do_readdir(f, f->process, handle, 0, 4096, &entries), 3);
	talloc_free(handle);

	assert_result(do_readdir(f, f->process, f->dir, 0, 4096, &entries), -EBADF);
	assert_result(do_readdir(f, f->process, NULL, 0, 4096, &entries), -EBADF);
	handle = must_open(f, f->process, "file", O_RDONLY);
	assert_result(do_readdir(f, f->process, handle, 0, 4096, &entries), -ENOTDIR);
	talloc_free(handle);
	assert_eq(mkfifo(scratch_path(f, "fifo"), 0600), 0);
	handle = must_open(f, f->process, "fifo", O_RDONLY | O_NONBLOCK);
	assert_result(do_readdir(f, f->process, handle, 0, 4096, &entries), -ENOTDIR);
	talloc_free(handle);
}

OPERATION_TEST(readdir, deleted_directory)
{
	struct pathring_handle *handle = NULL;
	struct pathring_entry *entries = NULL;

	scratch_directory(f, "sub", 0, 0, 0755);
	handle = directory(f, "sub");
	assert_eq(rmdir(scratch_path(f, "sub")), 0);
	assert_result(do_readdir(f, f->process, handle, 0, 4096, &entries), -ENOENT);
	/* And it is not taken for one that still reads. */
	assert_result(do_readdir(f, f->process, handle, 0, 4096, &entries), -ENOENT);
	talloc_free(handle);
}

/* The open was the permission; that other users may ask too is as with the system call. */
OPERATION_TEST(readdir, needs_the_open_alone)
{
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	struct pathring_entry *entries = NULL;

	scratch_directory(f, "closed", USER_A, USER_A, 0711);
	assert_result(try_open(f, b, "closed", O_RDONLY | O_DIRECTORY), -EACCES);
	handle = must_open(f, fixture_user(f, USER_A), "closed", O_RDONLY | O_DIRECTORY);
	assert_result(do_readdir(f, b, handle, 0, 4096, &entries), 2);
	talloc_free(handle);
}

/* ---- one position, one reader ---- */

static int request_readdir(struct fixture *f, struct pathring_handle *handle, struct call *call)
{
	int ret = -1;

	*call = (struct call) { .f = f };
	INSIDE(f,
	       ret = pathring_readdir_request(
		       f->ring, f->process, handle, 0, 4096, call_done, call, &call->request));
	return ret;
}

BACKEND_TEST(readdir, only_one_at_a_time)
{
	struct pathring_handle *handle = NULL;
	struct pathring_handle *other = NULL;
	struct call first;
	struct call second;
	struct call third;

	f->form = FORM_FUNCTION;
	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = directory(f, ".");
	other = directory(f, ".");
	assert_result(request_readdir(f, handle, &first), 0);
	assert_result(request_readdir(f, handle, &second), -EBUSY);
	assert_null(second.request);
	assert_result(request_readdir(f, other, &third), 0);
	assert_result(pathring_submit(f->ring), 0);
	call_complete(&first);
	call_complete(&third);
	assert_result(pathring_readdir_result(first.request, NULL), 3);
	assert_result(pathring_readdir_result(third.request, NULL), 3);

	/* Complete, though not freed: the next may come. */
	assert_result(request_readdir(f, handle, &second), 0);
	call_complete(&second);
	assert_result(pathring_readdir_result(second.request, NULL), 3);
	call_free(&first);
	call_free(&second);
	call_free(&third);
	talloc_free(handle);
	talloc_free(other);
}

/* A request that was refused for another reason leaves the handle free. */
BACKEND_TEST(readdir, a_failed_request_does_not_count)
{
	struct pathring_options options = { .max_requests = 1 };
	struct pathring_handle *handle = NULL;
	struct pathring_handle *other = NULL;
	struct call first;
	struct call second;

	fixture_restart(f, &options);
	f->form = FORM_FUNCTION;
	handle = directory(f, ".");
	other = directory(f, ".");
	assert_result(request_readdir(f, handle, &first), 0);
	assert_result(request_readdir(f, other, &second), -ENOBUFS);
	call_complete(&first);
	call_free(&first);
	assert_result(request_readdir(f, other, &second), 0);
	call_complete(&second);
	call_free(&second);
	talloc_free(handle);
	talloc_free(other);
}

/* Freed at each stage of its way; the handle is to be had again, at the latest when all is done. */
BACKEND_TEST(readdir, freed_early)
{
	struct pathring_handle *handle = directory(f, ".");
	struct pathring_entry *entries = NULL;
	struct call call;
	unsigned int stage = 0;
	int ret = -1;

	for (stage = 0; stage < 3; stage++) {
		assert_result(request_readdir(f, handle, &call), 0);
		if (stage == 1) {
			assert_result(pathring_submit(f->ring), 0);
		} else if (stage == 2) {
			pathring_submit(f->ring);
			loop_settle(f);
			assert_eq(call.calls, 1);
		}
		INSIDE(f, pathring_request_free(call.request));
		ret = request_readdir(f, handle, &call);
		if (stage != 1) {
			assert_result(ret, 0);
		}
		if (ret == 0) {
			INSIDE(f, pathring_request_free(call.request));
		} else {
			assert_result(ret, -EBUSY);
		}
		loop_settle(f);
		assert_result(do_readdir(f, f->process, handle, 0, 4096, &entries), 2);
		talloc_free(entries);
	}
	talloc_free(handle);
}

/* The engine goes while a directory is being read; the handle, which is not its own, stays. */
BACKEND_TEST(readdir, the_engine_is_freed)
{
	struct pathring_handle *handle = directory(f, ".");
	struct pathring_entry *entries = NULL;
	struct call call;
	unsigned int submitted = 0;

	for (submitted = 0; submitted < 2; submitted++) {
		assert_result(request_readdir(f, handle, &call), 0);
		if (submitted == 1) {
			assert_result(pathring_submit(f->ring), 0);
		}
		fixture_restart(f, NULL);
		assert_result(do_readdir(f, f->process, handle, 0, 4096, &entries), 2);
	}
	talloc_free(handle);
}

/* Closed while it is being read: the close waits. */
BACKEND_TEST(readdir, closed_meanwhile)
{
	struct pathring_handle *handle = directory(f, ".");
	int fd = pathring_handle_io_fd(handle);
	struct call reading;

	f->form = FORM_FUNCTION;
	assert_result(request_readdir(f, handle, &reading), 0);
	assert_result(do_close(f, f->process, &handle), 0);
	assert_eq(fcntl(fd, F_GETFD), -1);
	assert_eq(reading.calls, 1, "closed before the directory was read");
	assert_result(pathring_readdir_result(reading.request, NULL), 2);
	call_free(&reading);
}

/* ---- readlinkat ---- */

OPERATION_TEST(readlinkat, the_target_of_the_link)
{
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_handle *handle = NULL;
	char *target = NULL;
	char *longest = talloc_zero_size(f, PATH_MAX);

	memset(longest, 'l', PATH_MAX - 1);
	scratch_symlink(f, "link", "target with space");
	scratch_symlink(f, "x", "y");
	scratch_symlink(f, "longest", longest);
	handle = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW);
	assert_result(do_readlinkat(f, b, handle, &target), 17);
	assert_str_eq(target, "target with space", "target");
	/* The link that was opened, not another of that name. */
	assert_eq(unlink(scratch_path(f, "link")), 0);
	scratch_symlink(f, "link", "another");
	assert_result(do_readlinkat(f, b, handle, &target), 17);
	assert_str_eq(target, "target with space", "target");
	talloc_free(handle);
	handle = must_open(f, f->process, "x", O_PATH | O_NOFOLLOW);
	assert_result(do_readlinkat(f, b, handle, &target), 1);
	assert_str_eq(target, "y", "target");
	talloc_free(handle);
	handle = must_open(f, f->process, "longest", O_PATH | O_NOFOLLOW);
	assert_result(do_readlinkat(f, b, handle, &target), PATH_MAX - 1);
	assert_str_eq(target, longest, "target");
	talloc_free(handle);
}

OPERATION_TEST(readlinkat, of_what_is_no_link)
{
	static const int flags[] = {
		O_PATH, O_RDONLY, O_PATH | O_DIRECTORY, O_RDONLY | O_DIRECTORY
	};
	static const char *const names[] = { "file", "file", "sub", "sub" };
	struct pathring_handle *handle = NULL;
	char *target = NULL;
	size_t i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_directory(f, "sub", 0, 0, 0755);
	scratch_symlink(f, "link", "file");
	for (i = 0; i < COUNT_OF(flags); i++) {
		handle = must_open(f, f->process, names[i], flags[i]);
		assert_result(do_readlinkat(f, f->process, handle, &target), -EINVAL);
		talloc_free(handle);
	}
	/* Followed when it was opened. */
	handle = must_open(f, f->process, "link", O_PATH);
	assert_result(do_readlinkat(f, f->process, handle, &target), -EINVAL);
	talloc_free(handle);
	assert_result(do_readlinkat(f, f->process, NULL, &target), -EINVAL);
}
