/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What random steps with a failing kernel (tests/faults/) have found, each with just the fault that
 * it takes. The engine's calls of the kernel are those of tests/faults/kernel.c.
 */
#include "operations.h"

#include <stdarg.h>

#include "../engine/engine.h"
#include "../engine/handle.h"
#include "../engine/mounts.h"
#include "../engine/uring.h"
#include "faults/injector.h"
#include "faults/random.h"
#include "faults/report.h"

#define ALWAYS MILLION
#define HALF (MILLION / 2)

static const struct weather calm = { 0 };

void fail(const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	harness_fail(__FILE__, __LINE__, "the kernel's place", ": %s", text);
}

void fail_call(const char *what)
{
	fail("%s: %s", what, strerror(errno));
}

static void begin(struct fixture *f, unsigned int max_personalities)
{
	const struct pathring_options options = {
		.max_personalities = max_personalities,
		.pin = PATHRING_PIN_RING,
	};

	injector_init(1, false);
	injector_begin(max_personalities);
	injector_set_weather(&calm);
	fixture_restart(f, &options);
}

/* Turns of the engine, not of the loop, until the one request has come back for another round. */
static void submit_until_queued(struct fixture *f)
{
	unsigned int tries = 0;

	do {
		assert_lt(tries, 5000, "the request does not come back");
		usleep(tries > 0 ? 1000 : 0);
		assert_result(pathring_submit(f->ring), 0);
		tries++;
	} while (fixture_stats(f).queued == 0);
}

/* The only personality besides the process's goes to another user. */
static void take_personality(struct fixture *f, uid_t uid)
{
	struct pathring_identity *identity = NULL;
	int ret = -1;

	become(uid, uid, NULL, 0);
	ret = pathring_identity_current(f->ring, f, &identity);
	become_root();
	assert_result(ret, 0);
}

static const struct pathring_xattr_query query = { "user.test", 16 };
static const struct pathring_lookup_how how = {
	.mask = STATX_BASIC_STATS,
	.xattrs = &query,
	.num_xattrs = 1,
};

static void look_up(struct fixture *f, struct pathring_identity *identity, const char *name)
{
	struct pathring_lookup *lookup = NULL;

	assert_result(do_lookup(f, identity, f->dir, name, &how, &lookup), 0);
	assert_eq(lookup->stx.stx_ino, scratch_stat(f, name).st_ino, "%s is another file", name);
	talloc_free(lookup);
}

/*
 * A slot holds the file of another user, for its close has failed; the next open into it is not
 * done at once, so that the install finds what is there.
 */
URING_TEST(faulty_kernel, file_left_in_slot)
{
	const struct weather failing = { .entry = ALWAYS };
	const struct weather uncached = { .uncached = ALWAYS };

	scratch_file(f, "of_a", USER_A, USER_A, 0600, "a");
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "b");
	begin(f, 16);
	f->form = FORM_WAIT;
	look_up(f, fixture_user(f, USER_A), "of_a");

	injector_set_weather(&failing);
	assert_result(pathring_submit(f->ring), 0);
	assert_eq(injector_count(INJECTED_ENTRY), 1, "that is not the close alone");

	injector_set_weather(&uncached);
	look_up(f, fixture_user(f, USER_B), "of_b");
	assert_gt(injector_count(INJECTED_UNCACHED), 0);

	injector_set_weather(&calm);
	loop_settle(f);
	assert_eq(f->ring->uring->num_free_slots, f->ring->uring->num_slots);
}

/* The slot is given back, and the file in it closed, also where the second round is refused. */
URING_TEST(faulty_kernel, no_personality_for_second_round_of_lookup)
{
	const struct weather uncached = { .uncached = ALWAYS };
	const struct weather refused = { .registered = ALWAYS };
	struct call call = { .f = f };
	int ret = -1;

	scratch_file(f, "of_a", USER_A, USER_A, 0600, "a");
	begin(f, 2);
	injector_set_weather(&uncached);
	ret = pathring_lookup_request(f->ring,
				      fixture_user(f, USER_A),
				      f->dir,
				      "of_a",
				      &how,
				      call_done,
				      &call,
				      &call.request);
	assert_result(ret, 0);
	submit_until_queued(f);
	take_personality(f, USER_B);

	injector_set_weather(&refused);
	loop_until(f, &call.calls, 1);
	assert_eq(injector_count(INJECTED_REGISTERED), 1);
	ret = pathring_lookup_result(call.request, NULL, NULL);
	assert_true(ret == -ENOMEM || ret == -EBUSY || ret == -EPERM);
	pathring_request_free(call.request);

	injector_set_weather(&calm);
	loop_settle(f);
	assert_result(pathring_submit(f->ring), 0);
	loop_settle(f);
	assert_eq(f->ring->uring->num_free_slots, f->ring->uring->num_slots);
}

/*
 * A user for whom the kernel has no personality is served by a thread, as that user, whatever ring
 * and users there are besides.
 */
URING_TEST(faulty_kernel, no_personality_is_for_a_thread)
{
	const struct weather refused = { .registered = ALWAYS };
	struct pathring_operation_stats opens;

	scratch_file(f, "of_a", USER_A, USER_A, 0600, "a");
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "b");
	begin(f, 16);
	assert_result(try_open(f, fixture_user(f, USER_A), "of_a", O_RDONLY), 0);

	injector_set_weather(&refused);
	assert_result(try_open(f, fixture_user(f, USER_B), "of_b", O_RDONLY), 0);
	assert_result(try_open(f, fixture_user(f, USER_B), "of_a", O_RDONLY), -EACCES);
	assert_gt(injector_count(INJECTED_REGISTERED), 0);
	opens = fixture_stats(f).operation[PATHRING_OPENAT];
	assert_eq(opens.placed[PATHRING_RING], 1);
	assert_eq(opens.placed[PATHRING_THREAD], 2);
	assert_eq(fixture_stats(f).fallbacks, 2);
	assert_result(try_open(f, fixture_user(f, USER_A), "of_a", O_RDONLY), 0);
	assert_result(try_open(f, fixture_user(f, USER_A), "of_b", O_RDONLY), -EACCES);
	injector_set_weather(&calm);
}

/*
 * Whatever speaks for a thread by then, threads that could not be made before or a file system that
 * could not be asked: it would open the file again, and nobody would close the first.
 */
URING_TEST(faulty_kernel, second_round_of_lookup_stays_on_the_ring)
{
	const struct weather uncached = { .uncached = ALWAYS };
	struct call call = { .f = f };
	int ret = -1;

	scratch_file(f, "of_a", USER_A, USER_A, 0600, "a");
	begin(f, 16);
	injector_set_weather(&uncached);
	ret = pathring_lookup_request(f->ring,
				      fixture_user(f, USER_A),
				      f->dir,
				      "of_a",
				      &how,
				      call_done,
				      &call,
				      &call.request);
	assert_result(ret, 0);
	submit_until_queued(f);
	f->ring->options.pin = PATHRING_PIN_THREAD;
	mount_of(f->ring, handle_descriptor(f->dir))->takes_personality = false;

	loop_until(f, &call.calls, 1);
	assert_result(pathring_lookup_result(call.request, NULL, NULL), 0);
	assert_eq(pathring_request_placement(call.request), PATHRING_RING);
	pathring_request_free(call.request);

	assert_result(pathring_submit(f->ring), 0);
	loop_settle(f);
	assert_eq(f->ring->uring->num_free_slots, f->ring->uring->num_slots);
}

/* Bytes that were written are told of, whatever the next round ends with. */
URING_TEST(faulty_kernel, no_personality_for_second_round_of_pwrite)
{
	const struct weather cut_short = { .transfer = ALWAYS };
	const struct weather refused = { .registered = ALWAYS };
	struct pathring_identity *identity = NULL;
	struct pathring_handle *handle = NULL;
	static uint8_t data[10000];
	struct call call = { .f = f };
	ssize_t written = -1;
	int ret = -1;

	scratch_file(f, "of_a", USER_A, USER_A, 0600, "");
	begin(f, 2);
	identity = fixture_user(f, USER_A);
	handle = must_open(f, identity, "of_a", O_RDWR);
	injector_set_weather(&cut_short);
	ret = pathring_pwrite_request(
		f->ring, identity, handle, data, sizeof(data), 0, call_done, &call, &call.request);
	assert_result(ret, 0);
	submit_until_queued(f);
	take_personality(f, USER_B);

	injector_set_weather(&refused);
	loop_until(f, &call.calls, 1);
	assert_eq(injector_count(INJECTED_REGISTERED), 1);
	written = pathring_pwrite_result(call.request);
	assert_gt(written, 0);
	assert_lt(written, sizeof(data));
	assert_eq(scratch_stat(f, "of_a").st_size, written);
	pathring_request_free(call.request);
	talloc_free(handle);
}

/*
 * A close that ends with an error has closed, or has been cancelled: the number is closed once,
 * whichever it was.
 */
URING_TEST(faulty_kernel, closed_once)
{
	const struct weather failing = { .entry = ALWAYS };
	unsigned int i = 0;

	scratch_file(f, "file", 0, 0, 0600, "content");
	begin(f, 16);
	/* The helpers have their descriptor, which would take the number of one that is closed. */
	assert_result(do_mkdirat(f, f->process, f->dir, "directory", 0700), 0);
	for (i = 0; i < 100; i++) {
		struct pathring_handle *handle = must_open(f, f->process, "file", O_RDONLY);
		int fd = pathring_handle_io_fd(handle);
		int ret = -1;

		injector_set_weather(&failing);
		ret = do_close(f, f->process, &handle);
		injector_set_weather(&calm);
		assert_neq(ret, -EBADF, "closed twice");
		assert_eq(fcntl(fd, F_GETFD), -1, "not closed, and said %s", strerror(-ret));
	}
	assert_eq(injector_count(INJECTED_ENTRY), 100);
}

/* Where a close may flush, its ECANCELED may be the file system's own. */
URING_TEST(faulty_kernel, close_that_may_flush_not_on_ring)
{
	struct pathring_handle *handle = NULL;
	int fd = -1;

	begin(f, 16);
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_geq(fd, 0);
	assert_result(pathring_handle_dup(f, fd, PATHRING_IO, &handle), 0);
	close(fd);
	assert_result(do_close(f, f->process, &handle), 0);
	assert_eq(fixture_stats(f).operation[PATHRING_CLOSE].placed[PATHRING_RING], 0);
}

/* Nothing else is on its way that would wake who waits. */
URING_TEST(faulty_kernel, submission_refused_while_waiting)
{
	const struct weather refused = { .submit = HALF };
	unsigned int i = 0;

	scratch_file(f, "file", 0, 0, 0600, "content");
	begin(f, 16);
	f->form = FORM_WAIT;
	assert_result(try_open(f, f->process, "file", O_RDONLY), 0);
	injector_set_weather(&refused);
	for (i = 0; i < 50; i++) {
		assert_result(try_open(f, f->process, "file", O_RDONLY), 0);
	}
	assert_gt(injector_count(INJECTED_SUBMIT), 0);
}

/* ---- a ring that takes nothing any more ---- */

#define MANY 40

static const struct weather lost = { .outage = ALWAYS, .outage_error = EPERM };

/* Nothing of the ring is in use, and what runs now runs in threads, because the ring is lost. */
static void check_lost(struct fixture *f)
{
	struct pathring_operation_stats before = fixture_stats(f).operation[PATHRING_OPENAT];
	struct pathring_operation_stats after = { 0 };

	assert_result(try_open(f, fixture_user(f, USER_A), "of_a", O_RDONLY), 0);
	assert_result(try_open(f, fixture_user(f, USER_A), "of_b", O_RDONLY), -EACCES);
	look_up(f, fixture_user(f, USER_B), "of_b");
	after = fixture_stats(f).operation[PATHRING_OPENAT];
	assert_eq(after.placed[PATHRING_THREAD], before.placed[PATHRING_THREAD] + 2);
	assert_eq(after.reason[PATHRING_REASON_NO_RING],
		  before.reason[PATHRING_REASON_NO_RING] + 2);
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_THREADS);
	loop_settle(f);
	assert_eq(f->ring->uring->num_free_slots, f->ring->uring->num_slots);
	assert_eq(f->ring->uring->in_flight, 0);
	assert_eq(f->log_count, 1, "told:\n%s", f->log_text);
}

static void send_lookups(struct fixture *f, struct call *calls, unsigned int *total)
{
	unsigned int i = 0;

	for (i = 0; i < MANY; i++) {
		uid_t uid = i % 2 == 0 ? USER_A : USER_B;
		int ret = -1;

		calls[i] = (struct call) { .f = f, .total = total };
		ret = pathring_lookup_request(f->ring,
					      fixture_user(f, uid),
					      f->dir,
					      i % 3 == 0 ? "of_a" : "of_b",
					      &how,
					      call_done,
					      &calls[i],
					      &calls[i].request);
		assert_result(ret, 0);
	}
}

static void check_lookups(struct fixture *f, struct call *calls)
{
	unsigned int i = 0;

	for (i = 0; i < MANY; i++) {
		const char *name = i % 3 == 0 ? "of_a" : "of_b";
		bool owner = (i % 2 == 0) == (i % 3 == 0);
		const struct statx *stx = NULL;
		const struct pathring_xattr *xattrs = NULL;

		assert_result(pathring_lookup_result(calls[i].request, &stx, &xattrs), 0);
		assert_eq(stx->stx_ino, scratch_stat(f, name).st_ino);
		assert_eq(xattrs[0].length, owner ? 5 : -EACCES, "%u", i);
		pathring_request_free(calls[i].request);
	}
}

static void files_of_two(struct fixture *f)
{
	scratch_file(f, "of_a", USER_A, USER_A, 0600, "a");
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "b");
	scratch_xattr(f, "of_a", "user.test", "value");
	scratch_xattr(f, "of_b", "user.test", "value");
}

/* Whatever had happened of each: nothing, an open into a slot, a descriptor without an xattr. */
URING_TEST(faulty_kernel, lookups_on_a_ring_that_is_lost)
{
	unsigned int round = 0;

	files_of_two(f);
	for (round = 0; round < 30; round++) {
		const struct weather some = {
			.few = ALWAYS,
			.uncached = round % 2 == 0 ? HALF : 0,
			.late = round % 3 == 0 ? HALF : 0,
			.longest = 3,
		};
		struct call calls[MANY];
		unsigned int total = 0;

		f->log_count = 0;
		begin(f, 16);
		look_up(f, fixture_user(f, USER_A), "of_a");
		injector_set_weather(&some);
		send_lookups(f, calls, &total);
		assert_result(pathring_submit(f->ring), 0);
		assert_gt(injector_count(INJECTED_FEW), 0);
		injector_set_weather(&lost);
		loop_until(f, &total, MANY);
		assert_gt(injector_count(INJECTED_OUTAGE), 0);
		check_lookups(f, calls);
		check_lost(f);
	}
}

/* What changes something happens once: had the kernel begun any of these, it would exist. */
URING_TEST(faulty_kernel, changes_on_a_ring_that_is_lost)
{
	const struct weather none = { .submit = ALWAYS };
	struct pathring_handle *handle = NULL;
	struct call calls[3] = { { .f = f }, { .f = f }, { .f = f } };
	unsigned int total = 0;
	unsigned int i = 0;
	int fd = -1;

	files_of_two(f);
	scratch_file(f, "old", 0, 0, 0600, "");
	begin(f, 16);
	handle = must_open(f, f->process, "old", O_RDONLY);
	fd = pathring_handle_io_fd(handle);
	injector_set_weather(&none);
	for (i = 0; i < 3; i++) {
		calls[i].total = &total;
	}
	assert_result(
		pathring_close_request(
			f->ring, f->process, &handle, call_done, &calls[0], &calls[0].request),
		0);
	assert_result(pathring_renameat_request(f->ring,
						f->process,
						f->dir,
						"old",
						f->dir,
						"new",
						0,
						call_done,
						&calls[1],
						&calls[1].request),
		      0);
	assert_result(pathring_symlinkat_request(f->ring,
						 f->process,
						 "contents",
						 f->dir,
						 "link",
						 call_done,
						 &calls[2],
						 &calls[2].request),
		      0);
	assert_result(pathring_submit(f->ring), 0);
	assert_eq(total, 0);
	injector_set_weather(&lost);
	loop_until(f, &total, 3);
	for (i = 0; i < 3; i++) {
		assert_eq(pathring_request_placement(calls[i].request), PATHRING_THREAD, "%u", i);
	}
	assert_result(pathring_close_result(calls[0].request), 0);
	assert_result(pathring_renameat_result(calls[1].request), 0);
	assert_result(pathring_symlinkat_result(calls[2].request), 0);
	assert_eq(fcntl(fd, F_GETFD), -1);
	assert_eq(fixture_stats(f).fallbacks, 3);
	for (i = 0; i < 3; i++) {
		pathring_request_free(calls[i].request);
	}
	check_lost(f);
}

/* The thread goes on where the ring has ended: appended, the first bytes would be there twice. */
URING_TEST(faulty_kernel, second_round_of_pwrite_on_a_ring_that_is_lost)
{
	const struct weather cut_short = { .transfer = ALWAYS };
	static uint8_t data[10000];
	struct pathring_handle *handle = NULL;
	struct call call = { .f = f };
	int ret = -1;

	files_of_two(f);
	begin(f, 16);
	handle = must_open(f, fixture_user(f, USER_A), "of_a", O_RDWR | O_APPEND | O_TRUNC);
	injector_set_weather(&cut_short);
	ret = pathring_pwrite_request(f->ring,
				      fixture_user(f, USER_A),
				      handle,
				      data,
				      sizeof(data),
				      0,
				      call_done,
				      &call,
				      &call.request);
	assert_result(ret, 0);
	submit_until_queued(f);
	injector_set_weather(&lost);
	loop_until(f, &call.calls, 1);
	assert_result(pathring_pwrite_result(call.request), sizeof(data));
	assert_eq(pathring_request_placement(call.request), PATHRING_THREAD);
	assert_eq(scratch_stat(f, "of_a").st_size, sizeof(data));
	pathring_request_free(call.request);
	talloc_free(handle);
	check_lost(f);
}

/* What nobody waits for any more ends, also when the entry that was to cancel it ends with it. */
URING_TEST(faulty_kernel, orphans_on_a_ring_that_is_lost)
{
	const struct weather none = { .submit = ALWAYS };
	struct call calls[MANY];
	unsigned int total = 0;
	unsigned int i = 0;

	files_of_two(f);
	begin(f, 16);
	look_up(f, f->process, "of_a");
	injector_set_weather(&none);
	send_lookups(f, calls, &total);
	assert_result(pathring_submit(f->ring), 0);
	for (i = 0; i < MANY; i++) {
		pathring_request_free(calls[i].request);
	}
	assert_eq(fixture_stats(f).in_flight, MANY);
	injector_set_weather(&lost);
	loop_settle(f);
	assert_eq(fixture_stats(f).in_flight, 0);
	assert_eq(total, 0);
	check_lost(f);
}

/* What may pass is borne for a while, and not for ever; who waits is woken. */
URING_TEST(faulty_kernel, ring_without_memory_is_lost_later)
{
	static const int errors[] = { EAGAIN, ENOMEM, EBUSY, EINTR };
	size_t i = 0;

	files_of_two(f);
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct weather weather = { .outage = ALWAYS, .outage_error = errors[i] };
		uint64_t enters = 0;

		f->form = i % 2 == 0 ? FORM_WAIT : FORM_SEND;
		f->log_count = 0;
		begin(f, 16);
		look_up(f, fixture_user(f, USER_A), "of_a");
		injector_set_weather(&weather);
		enters = fixture_stats(f).enters;
		look_up(f, fixture_user(f, USER_A), "of_a");
		assert_gt(fixture_stats(f).enters, enters + 1);
		check_lost(f);
	}
}

/* All threads have ended, idle, and for a while no other can be made. */
URING_TEST(faulty_kernel, helpers_without_thread)
{
	const struct weather idle = { .idle = ALWAYS };
	const struct weather refused = { .thread = ALWAYS };
	unsigned int tries = 0;

	begin(f, 16);
	injector_set_weather(&idle);
	assert_result(do_mkdirat(f, f->process, f->dir, "one", 0700), 0);
	while (count_threads() > f->threads) {
		assert_lt(tries, 5000, "the helper thread does not end");
		usleep(1000);
		tries++;
	}
	injector_set_weather(&refused);
	assert_result(do_mkdirat(f, f->process, f->dir, "two", 0700), 0);
	assert_gt(injector_count(INJECTED_THREAD), 0);

	/* The loop hears of these as well as of the first. */
	injector_set_weather(&calm);
	assert_result(do_mkdirat(f, f->process, f->dir, "three", 0700), 0);
	assert_eq(fixture_stats(f).operation[PATHRING_MKDIRAT].placed[PATHRING_THREAD], 2);
}

static void open_with_few_threads(struct fixture *f)
{
	const struct weather failing = { .entry = ALWAYS, .idle = ALWAYS, .thread = HALF };
	unsigned int succeeded = 0;
	unsigned int i = 0;

	scratch_file(f, "file", 0, 0, 0600, "content");
	begin(f, 16);
	injector_set_weather(&failing);
	for (i = 0; i < 200; i++) {
		int ret = try_open(f, f->process, "file", O_RDONLY);

		assert_true(ret == 0 || ret == -EINTR || ret == -EAGAIN || ret == -ENOMEM);
		succeeded += ret == 0;
	}
	assert_gt(succeeded, 0);
}

/* What the ring can't run comes to helpers whose threads end all the time. */
URING_TEST(faulty_kernel, threads_end_under_diverted_requests)
{
	open_with_few_threads(f);
}

URING_TEST(faulty_kernel, threads_end_under_diverted_requests_waited_for)
{
	f->form = FORM_WAIT;
	open_with_few_threads(f);
}
