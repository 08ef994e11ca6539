/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pread, pwrite and fsync with good and bad input, on every backend in every form; that none of
 * them works on a path reference; and that memory the caller lends is let go of.
 */
#include "operations.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define LARGE (3 * 1024 * 1024 + 17)

static uint8_t *pattern(struct fixture *f, size_t size, unsigned int seed)
{
	uint8_t *data = talloc_array(f, uint8_t, size);
	size_t i = 0;

	assert_not_null(data);
	for (i = 0; i < size; i++) {
		seed = seed * 1103515245U + 12345U;
		data[i] = (uint8_t)(seed >> 16);
	}
	return data;
}

/* A file of size bytes of a pattern, made with plain calls. */
static uint8_t *pattern_file(struct fixture *f, const char *name, size_t size)
{
	uint8_t *data = pattern(f, size, 7);
	size_t done = 0;
	ssize_t written = -1;
	int fd = -1;

	scratch_file(f, name, USER_A, USER_A, 0644, "");
	fd = open(scratch_path(f, name), O_WRONLY | O_CLOEXEC);
	while (done < size) {
		written = write(fd, data + done, size - done);
		assert_gt(written, 0);
		done += (size_t)written;
	}
	close(fd);
	return data;
}

OPERATION_TEST(pread, whole_parts_and_ends)
{
	static const struct {
		size_t size;
		off_t offset;
		ssize_t expected;
	} reads[] = {
		{ LARGE, 0, LARGE },	   { LARGE + 4096, 0, LARGE },	 { LARGE, 1, LARGE - 1 },
		{ 4097, 4095, 4097 },	   { 1, LARGE - 1, 1 },		 { 1, LARGE, 0 },
		{ 65536, LARGE - 77, 77 }, { 100, LARGE + 1000000, 0 },	 { 0, 0, 0 },
		{ 0, LARGE + 5, 0 },	   { 1234567, 654321, 1234567 },
	};
	struct pathring_handle *handle = NULL;
	uint8_t *data = pattern_file(f, "file", LARGE);
	uint8_t *buffer = talloc_array(f, uint8_t, LARGE + 4096);
	ssize_t ret = -1;
	size_t i = 0;

	handle = must_open(f, f->process, "file", O_RDONLY);
	for (i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		memset(buffer, 0xaa, LARGE + 4096);
		ret = do_pread(f, f->process, handle, buffer, reads[i].size, reads[i].offset);
		assert_eq(ret,
			  reads[i].expected,
			  "read %zu: %zd, expected %zd",
			  i,
			  ret,
			  reads[i].expected);
		if (ret > 0) {
			assert_bytes(
				buffer, data + reads[i].offset, (size_t)ret, "read %zu differs", i);
		}
		assert_eq(buffer[ret], 0xaa, "read %zu wrote beyond its end", i);
	}
	talloc_free(handle);
}

OPERATION_TEST(pread, does_not_move_the_file_position)
{
	struct pathring_handle *handle = NULL;
	uint8_t buffer[4];

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_RDONLY);
	assert_result(do_pread(f, f->process, handle, buffer, 4, 1), 4);
	assert_bytes(buffer, "onte", 4);
	assert_eq(lseek(pathring_handle_io_fd(handle), 0, SEEK_CUR), 0);
	talloc_free(handle);
}

OPERATION_TEST(pread, bad_input)
{
	struct pathring_handle *handle = NULL;
	uint8_t buffer[16];

	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_directory(f, "sub", 0, 0, 0755);
	handle = must_open(f, f->process, "file", O_RDONLY);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), -1), -EINVAL);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), -4096), -EINVAL);
	talloc_free(handle);
	handle = must_open(f, f->process, "file", O_WRONLY);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), -EBADF);
	talloc_free(handle);
	handle = must_open(f, f->process, "sub", O_RDONLY | O_DIRECTORY);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), -EISDIR);
	talloc_free(handle);
	assert_result(do_pread(f, f->process, NULL, buffer, sizeof(buffer), 0), -EBADF);
}

OPERATION_TEST(pwrite, large_and_odd)
{
	struct pathring_handle *handle = NULL;
	uint8_t *data = pattern(f, LARGE, 99);
	uint8_t *buffer = talloc_array(f, uint8_t, LARGE);
	int fd = -1;

	scratch_file(f, "file", 0, 0, 0644, "");
	handle = must_open(f, f->process, "file", O_RDWR);
	assert_result(do_pwrite(f, f->process, handle, data, LARGE, 0), LARGE);
	fd = pathring_handle_io_fd(handle);
	assert_eq(scratch_stat(f, "file").st_size, LARGE);
	assert_eq(pread(fd, buffer, LARGE, 0), LARGE);
	assert_bytes(buffer, data, LARGE);

	/* In the middle, over the end, and none at all. */
	assert_result(do_pwrite(f, f->process, handle, data + 5, 8191, 4093), 8191);
	assert_eq(pread(fd, buffer, LARGE, 0), LARGE);
	assert_bytes(buffer, data, 4093);
	assert_bytes(buffer + 4093, data + 5, 8191);
	assert_bytes(buffer + 4093 + 8191, data + 4093 + 8191, LARGE - 4093 - 8191);
	assert_result(do_pwrite(f, f->process, handle, data, 3, LARGE + 100), 3);
	assert_eq(scratch_stat(f, "file").st_size, LARGE + 103);
	assert_result(do_pwrite(f, f->process, handle, data, 0, 0), 0);
	assert_eq(lseek(fd, 0, SEEK_CUR), 0);
	talloc_free(handle);
}

OPERATION_TEST(pwrite, many_at_once_each_in_its_place)
{
	enum { PIECES = 200, PIECE = 5003 };
	struct pathring_handle *handle = NULL;
	struct sent *sent = talloc_zero_array(f, struct sent, PIECES);
	uint8_t *data = pattern(f, (size_t)PIECES * PIECE, 3);
	uint8_t *buffer = talloc_array(f, uint8_t, (size_t)PIECES * PIECE);
	struct tevent_req *req = NULL;
	unsigned int total = 0;
	size_t i = 0;

	scratch_file(f, "file", 0, 0, 0644, "");
	handle = must_open(f, f->process, "file", O_RDWR);
	for (i = 0; i < PIECES; i++) {
		INSIDE(f,
		       req = pathring_pwrite_send(f,
						  f->ev,
						  f->ring,
						  f->process,
						  handle,
						  data + i * PIECE,
						  PIECE,
						  (off_t)(i * PIECE)));
		sent_watch(&sent[i], f, req, &total);
	}
	loop_until(f, &total, PIECES);
	for (i = 0; i < PIECES; i++) {
		assert_result(pathring_pwrite_recv(sent[i].req), PIECE);
		talloc_free(sent[i].req);
	}
	assert_eq(pread(pathring_handle_io_fd(handle), buffer, (size_t)PIECES * PIECE, 0),
		  PIECES * PIECE);
	assert_bytes(buffer, data, (size_t)PIECES * PIECE);
	talloc_free(handle);
}

OPERATION_TEST(pwrite, bad_input)
{
	struct pathring_handle *handle = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_RDONLY);
	assert_result(do_pwrite(f, f->process, handle, "x", 1, 0), -EBADF);
	talloc_free(handle);
	handle = must_open(f, f->process, "file", O_WRONLY);
	assert_result(do_pwrite(f, f->process, handle, "x", 1, -1), -EINVAL);
	talloc_free(handle);
	assert_eq(scratch_stat(f, "file").st_size, 7);
	assert_result(do_pwrite(f, f->process, NULL, "x", 1, 0), -EBADF);
}

OPERATION_TEST(pwrite, error_after_some_bytes_gives_their_count)
{
	struct rlimit limit = { .rlim_cur = 65536, .rlim_max = RLIM_INFINITY };
	struct pathring_handle *handle = NULL;
	uint8_t *data = pattern(f, 100000, 1);

	scratch_file(f, "file", 0, 0, 0644, "");
	handle = must_open(f, f->process, "file", O_RDWR);
	signal(SIGXFSZ, SIG_IGN);
	assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_result(do_pwrite(f, f->process, handle, data, 100000, 0), 65536);
	assert_result(do_pwrite(f, f->process, handle, data, 100000, 65536), -EFBIG);
	limit.rlim_cur = RLIM_INFINITY;
	assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_eq(scratch_stat(f, "file").st_size, 65536);
	talloc_free(handle);
}

/* ---- memory of the caller's ---- */

static ssize_t pread_lent(
	struct fixture *f, struct pathring_handle *handle, void *buffer, size_t size, off_t offset)
{
	struct call call = { .f = f };
	const uint8_t *data = NULL;
	ssize_t ret;

	INSIDE(f,
	       ret = pathring_pread_lent_request(f->ring,
						 f->process,
						 handle,
						 buffer,
						 size,
						 offset,
						 call_done,
						 &call,
						 &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_pread_result(call.request, &data);
	assert_true(data == (ret >= 0 ? buffer : NULL));
	call_free(&call);
	return ret;
}

static ssize_t pwrite_lent(struct fixture *f,
			   struct pathring_handle *handle,
			   const void *data,
			   size_t size,
			   off_t offset)
{
	struct call call = { .f = f };
	ssize_t ret;

	INSIDE(f,
	       ret = pathring_pwrite_lent_request(f->ring,
						  f->process,
						  handle,
						  data,
						  size,
						  offset,
						  call_done,
						  &call,
						  &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_pwrite_result(call.request);
	call_free(&call);
	return ret;
}

OPERATION_TEST(lent_memory, is_read_into_and_written_from)
{
	struct pathring_handle *handle = NULL;
	uint8_t *data = pattern(f, LARGE, 7);
	uint8_t *buffer = talloc_zero_array(f, uint8_t, LARGE + 100);

	scratch_file(f, "file", 0, 0, 0644, "");
	handle = must_open(f, f->process, "file", O_RDWR);
	assert_result(pwrite_lent(f, handle, data, LARGE, 3), LARGE);
	assert_eq(scratch_stat(f, "file").st_size, LARGE + 3);
	assert_result(pread_lent(f, handle, buffer, LARGE + 100, 3), LARGE);
	assert_bytes(buffer, data, LARGE);
	assert_result(pread_lent(f, handle, buffer, 10, LARGE + 3), 0);
	assert_result(pread_lent(f, handle, NULL, 10, 0), -EINVAL);
	assert_result(pwrite_lent(f, handle, NULL, 10, 0), -EINVAL);
	assert_result(pread_lent(f, handle, buffer, 10, -1), -EINVAL);
	talloc_free(handle);
	handle = must_open(f, f->process, "file", O_PATH);
	assert_result(pread_lent(f, handle, buffer, 10, 0), -EBADF);
	assert_result(pwrite_lent(f, handle, buffer, 10, 0), -EBADF);
	talloc_free(handle);
	assert_eq(scratch_stat(f, "file").st_size, LARGE + 3);
}

/*
 * Memory that makes whoever writes to it first wait until it is released, the kernel too
 * (userfaultfd): a read into it is on its way for as long as a test likes.
 */
#define SLOW_SIZE (4 * 4096)
#define SLOW_MSEC 60

struct slow_memory {
	int fd;
	uint8_t *memory;
	atomic_bool released;
	pthread_t thread;
};

static void *slow_memory_release(void *private_data)
{
	struct slow_memory *slow = private_data;
	const struct timespec moment = { .tv_nsec = SLOW_MSEC * 1000000L };
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)slow->memory, .len = SLOW_SIZE },
	};

	nanosleep(&moment, NULL);
	slow->released = true;
	/* Whatever becomes of it, closing the descriptor lets everybody go on. */
	ioctl(slow->fd, UFFDIO_ZEROPAGE, &zero);
	close(slow->fd);
	return NULL;
}

static void slow_memory_make(struct slow_memory *slow)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int ret;

	slow->released = false;
	slow->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (slow->fd == -1 && (errno == EPERM || errno == ENOSYS)) {
		cr_skip_test("no userfaultfd: %s", strerror(errno));
	}
	assert_geq(slow->fd, 0, "%s", strerror(errno));
	assert_eq(ioctl(slow->fd, UFFDIO_API, &api), 0);
	slow->memory =
		mmap(NULL, SLOW_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(slow->memory != MAP_FAILED);
	area.range.start = (uintptr_t)slow->memory;
	area.range.len = SLOW_SIZE;
	assert_eq(ioctl(slow->fd, UFFDIO_REGISTER, &area), 0);
	ret = pthread_create(&slow->thread, NULL, slow_memory_release, slow);
	assert_eq(ret, 0);
}

static void slow_memory_free(struct slow_memory *slow)
{
	assert_eq(pthread_join(slow->thread, NULL), 0);
	assert_eq(munmap(slow->memory, SLOW_SIZE), 0);
}

/* A read that has begun and waits. */
static void start_reading(struct fixture *f,
			  struct slow_memory *slow,
			  struct pathring_handle *handle,
			  struct pathring_request **request)
{
	const struct timespec moment = { .tv_nsec = SLOW_MSEC * 1000000L / 6 };

	slow_memory_make(slow);
	/* The ring reads what is in memory before pathring_submit() returns. */
	assert_eq(posix_fadvise(pathring_handle_io_fd(handle), 0, 0, POSIX_FADV_DONTNEED), 0);
	assert_result(pathring_pread_lent_request(f->ring,
						  f->process,
						  handle,
						  slow->memory,
						  SLOW_SIZE,
						  0,
						  call_done,
						  NULL,
						  request),
		      0);
	assert_result(pathring_submit(f->ring), 0);
	nanosleep(&moment, NULL);
}

static struct pathring_handle *slow_file(struct fixture *f)
{
	uint8_t *data = pattern(f, SLOW_SIZE, 5);
	struct pathring_handle *handle = NULL;
	int fd;

	scratch_file(f, "file", 0, 0, 0644, "");
	handle = must_open(f, f->process, "file", O_RDWR);
	fd = pathring_handle_io_fd(handle);
	assert_eq(pwrite(fd, data, SLOW_SIZE, 0), SLOW_SIZE);
	assert_eq(fsync(fd), 0);
	return handle;
}

ASYNC_BACKEND_TEST(lent_memory, is_let_go_of_by_a_request_that_is_freed)
{
	struct pathring_handle *handle = slow_file(f);
	struct pathring_request *request = NULL;
	struct slow_memory slow;

	start_reading(f, &slow, handle, &request);
	INSIDE(f, pathring_request_free(request));
	assert_true(slow.released);
	slow_memory_free(&slow);
	talloc_free(handle);
}

ASYNC_BACKEND_TEST(lent_memory, is_let_go_of_by_an_engine_that_is_freed)
{
	const struct pathring_options options = { .destroy_msec = 1 };
	struct pathring_handle *handle = NULL;
	struct pathring_request *request = NULL;
	struct slow_memory slow;

	fixture_restart(f, &options);
	handle = slow_file(f);
	start_reading(f, &slow, handle, &request);
	fixture_stop(f);
	assert_true(slow.released);
	slow_memory_free(&slow);
	talloc_free(handle);
}

OPERATION_TEST(fsync, files)
{
	struct pathring_handle *handle = NULL;

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_RDWR);
	assert_result(do_pwrite(f, f->process, handle, "x", 1, 0), 1);
	assert_result(do_fsync(f, f->process, handle, false), 0);
	assert_result(do_fsync(f, f->process, handle, true), 0);
	talloc_free(handle);
	handle = must_open(f, f->process, ".", O_RDONLY | O_DIRECTORY);
	assert_result(do_fsync(f, f->process, handle, false), 0);
	talloc_free(handle);
	assert_result(do_fsync(f, f->process, NULL, false), -EBADF);
}

OPERATION_TEST(fsync, what_cannot_be_synced)
{
	struct pathring_handle *handle = NULL;
	int fds[2] = { -1, -1 };
	int ret = -1;

	assert_eq(pipe(fds), 0);
	ret = pathring_handle_dup(f, fds[1], PATHRING_IO, &handle);
	assert_result(ret, 0);
	assert_result(do_fsync(f, f->process, handle, false), -EINVAL);
	talloc_free(handle);
	close(fds[0]);
	close(fds[1]);
}

OPERATION_TEST(path_reference, refuses_io)
{
	struct pathring_handle *handle = NULL;
	uint8_t buffer[16];

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_PATH);
	assert_result(pathring_handle_io_fd(handle), -EBADF);
	assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), -EBADF);
	assert_result(do_pwrite(f, f->process, handle, "x", 1, 0), -EBADF);
	assert_result(do_fsync(f, f->process, handle, false), -EBADF);
	assert_result(do_fsync(f, f->process, handle, true), -EBADF);
	talloc_free(handle);
}

/* The descriptor could do it all; what counts is what the handle was said to be. */
OPERATION_TEST(path_reference, refuses_io_that_the_kernel_would_allow)
{
	struct pathring_handle *handles[2] = { NULL, NULL };
	uint8_t buffer[16];
	size_t i = 0;
	int fd = -1;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	fd = open(scratch_path(f, "file"), O_RDWR | O_CLOEXEC);
	ret = pathring_handle_dup(f, fd, PATHRING_PATHREF, &handles[0]);
	assert_result(ret, 0);
	ret = pathring_handle_borrow(f, fd, PATHRING_PATHREF, &handles[1]);
	assert_result(ret, 0);
	for (i = 0; i < 2; i++) {
		assert_result(pathring_handle_io_fd(handles[i]), -EBADF);
		assert_geq(pathring_handle_pathref_fd(handles[i]), 0);
		assert_result(do_pread(f, f->process, handles[i], buffer, sizeof(buffer), 0),
			      -EBADF);
		assert_result(do_pwrite(f, f->process, handles[i], "x", 1, 0), -EBADF);
		assert_result(do_fsync(f, f->process, handles[i], false), -EBADF);
		talloc_free(handles[i]);
	}
	assert_eq(pread(fd, buffer, 7, 0), 7);
	assert_bytes(buffer, "content", 7, "something was written");
	close(fd);
}

/* And the other way round: calling it I/O does not make a descriptor able to do it. */
OPERATION_TEST(path_reference, cannot_be_passed_off_as_io)
{
	struct pathring_handle *handle = NULL;
	uint8_t buffer[16];
	int fd = -1;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	fd = open(scratch_path(f, "file"), O_PATH | O_CLOEXEC);
	ret = pathring_handle_dup(f, fd, PATHRING_IO, &handle);
	if (ret == 0) {
		assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), -EBADF);
		assert_result(do_pwrite(f, f->process, handle, "x", 1, 0), -EBADF);
		assert_result(do_fsync(f, f->process, handle, false), -EBADF);
	} else {
		assert_true(ret == -EBADF || ret == -EINVAL);
	}
	talloc_free(handle);
	close(fd);
}
