/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the engine does without: the ring refused, in part or as a whole, threads refused, a single
 * request that the ring can't run. The refusals are made with seccomp filters and resource limits,
 * as containers and administrators make them.
 */
#include "operations.h"

#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

/* Filters stay for the rest of the test's process. */
static void deny(int number, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	assert_not_null(filter);
	assert_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)error), number, 0), 0);
	assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

/*
 * clone3 takes its flags in memory, out of a filter's sight; told that there is none glibc uses
 * clone.
 */
static void deny_threads(int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret = -1;

	assert_not_null(filter);
	assert_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), 0);
	ret = seccomp_rule_add(filter,
			       SCMP_ACT_ERRNO((uint16_t)error),
			       SCMP_SYS(clone),
			       1,
			       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	assert_eq(ret, 0);
	assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

/* The filter sets no_new_privs, which is part of the snapshot. */
static void after_filter(struct fixture *f)
{
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
}

static void files(struct fixture *f)
{
	scratch_file(f, "of_a", USER_A, USER_A, 0600, "content");
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "content");
	scratch_xattr(f, "of_a", "user.test", "test");
}

static void check_works(struct fixture *f)
{
	static const struct pathring_xattr_query query = { "user.test", 32 };
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS,
					   .xattrs = &query,
					   .num_xattrs = 1 };
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *handle = NULL;
	uint8_t buffer[16];
	unsigned int i = 0;

	for (i = 0; i < 3; i++) {
		handle = must_open(f, a, "of_a", O_RDWR);
		assert_result(do_pread(f, a, handle, buffer, sizeof(buffer), 0), 7);
		assert_result(do_pwrite(f, a, handle, "content", 7, 0), 7);
		assert_result(do_fsync(f, a, handle, false), 0);
		assert_result(do_close(f, a, &handle), 0);
		assert_result(try_open(f, b, "of_a", O_RDONLY), -EACCES);
		assert_result(try_open(f, b, "of_b", O_RDONLY), 0);
		assert_result(do_lookup(f, a, f->dir, "of_a", &how, &lookup), 0);
		assert_result(lookup->xattrs[0].length, 4);
		talloc_free(lookup);
		assert_result(do_lookup(f, b, f->dir, "of_a", &how, &lookup), 0);
		assert_result(lookup->xattrs[0].length, -EACCES);
		talloc_free(lookup);
	}
}

static void check_all_fail(struct fixture *f, int error)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *handle = NULL;
	unsigned int i = 0;

	for (i = 0; i < 3; i++) {
		assert_result(pathring_start(f->ring), -error);
		assert_result(try_open(f, f->process, "of_a", O_RDONLY), -error);
		assert_result(do_openat(f, fixture_user(f, USER_A), f->dir, "of_a", &how, &handle),
			      -error);
		assert_result(try_lookup(f, f->process, "of_a"), -error);
	}
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_AUTO);
}

static void check_said_once(struct fixture *f, unsigned int times, const char *word, int error)
{
	char *text = pathring_describe(f->ring, f);

	loop_settle(f);
	assert_eq(f->log_count, times, "told:\n%s", f->log_text);
	assert_true(strstr(f->log_text, word) != NULL, "no %s in:\n%s", word, f->log_text);
	assert_true(strstr(f->log_text, strerror(error)) != NULL,
		    "no %s in:\n%s",
		    strerror(error),
		    f->log_text);
	assert_true(strstr(text, strerror(error)) != NULL, "no %s in:\n%s", strerror(error), text);
	if (pathring_backend(f->ring) != PATHRING_BACKEND_AUTO) {
		assert_true(strstr(text, pathring_backend_name(pathring_backend(f->ring))) != NULL,
			    "%s",
			    text);
	}
}

static void ring_refused_auto(struct fixture *f, int error)
{
	unsigned int before = 0;

	files(f);
	fixture_stop(f);
	before = count_descriptors();
	f->backend = PATHRING_BACKEND_AUTO;
	deny(SCMP_SYS(io_uring_setup), error);
	after_filter(f);
	fixture_restart(f, NULL);
	check_works(f);
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_THREADS);
	check_said_once(f, 1, "uring", error);
	fixture_stop(f);
	assert_eq(count_descriptors(), before);
}

static void ring_refused_explicit(struct fixture *f, int error)
{
	unsigned int before = 0;

	files(f);
	fixture_stop(f);
	before = count_descriptors();
	deny(SCMP_SYS(io_uring_setup), error);
	after_filter(f);
	fixture_restart(f, NULL);
	check_all_fail(f, error);
	check_said_once(f, 1, "uring", error);
	fixture_stop(f);
	assert_eq(count_descriptors(), before);
}

/* The log function of a server may well call the engine or free something. */
URING_TEST(log, is_not_written_from_within_a_call)
{
	files(f);
	fixture_stop(f);
	f->backend = PATHRING_BACKEND_AUTO;
	deny(SCMP_SYS(io_uring_setup), ENOSYS);
	after_filter(f);
	fixture_restart(f, NULL);
	check_works(f);
	assert_eq(f->log_count, 1);
	assert_eq(f->log_inside, 0);
}

#define REFUSED_TEST(errno_name)                                                               \
	Test(refused, ring_with_##errno_name##_auto, .timeout = TEST_BOUND_SECONDS)            \
	{                                                                                      \
		harness_run(BACKEND_uring, FORM_SEND, refused_auto_##errno_name);     \
	}                                                                                      \
	Test(refused, ring_with_##errno_name##_explicit, .timeout = TEST_BOUND_SECONDS)        \
	{                                                                                      \
		harness_run(BACKEND_uring, FORM_SEND, refused_explicit_##errno_name); \
	}

#define REFUSED_BODIES(errno_name)                                   \
	static void refused_auto_##errno_name(struct fixture *f)     \
	{                                                            \
		ring_refused_auto(f, errno_name);                    \
	}                                                            \
	static void refused_explicit_##errno_name(struct fixture *f) \
	{                                                            \
		ring_refused_explicit(f, errno_name);                \
	}

REFUSED_BODIES(ENOSYS)
REFUSED_BODIES(EPERM)
REFUSED_BODIES(ENOMEM)
REFUSED_BODIES(EMFILE)
REFUSED_TEST(ENOSYS)
REFUSED_TEST(EPERM)
REFUSED_TEST(ENOMEM)
REFUSED_TEST(EMFILE)

/*
 * A ring that can be made and not used: identities can't be registered, or nothing can be
 * submitted.
 */
static void check_half_a_ring(struct fixture *f, int number, int error)
{
	unsigned int before = 0;

	files(f);
	fixture_stop(f);
	before = count_descriptors();
	f->backend = PATHRING_BACKEND_AUTO;
	deny(number, error);
	after_filter(f);
	fixture_restart(f, NULL);
	check_works(f);
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_THREADS);
	fixture_restart(f, NULL);
	check_works(f);
	fixture_stop(f);
	f->backend = PATHRING_BACKEND_URING;
	fixture_restart(f, NULL);
	check_all_fail(f, error);
	fixture_stop(f);
	assert_eq(count_descriptors(), before);
}

URING_TEST(refused, register)
{
	check_half_a_ring(f, SCMP_SYS(io_uring_register), EPERM);
}

URING_TEST(refused, enter)
{
	check_half_a_ring(f, SCMP_SYS(io_uring_enter), EPERM);
}

URING_TEST(refused, ring_and_threads)
{
	files(f);
	fixture_stop(f);
	f->backend = PATHRING_BACKEND_AUTO;
	deny(SCMP_SYS(io_uring_setup), ENOSYS);
	deny_threads(EAGAIN);
	after_filter(f);
	fixture_restart(f, NULL);
	check_works(f);
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_SYNC);
	check_said_once(f, 2, "thread", EAGAIN);
	fixture_stop(f);
	f->backend = PATHRING_BACKEND_THREADS;
	fixture_restart(f, NULL);
	check_all_fail(f, EAGAIN);
}

/*
 * Refused while it works: what is going on goes on, and what is new is answered, by something else
 * or with an error.
 */
ASYNC_BACKEND_TEST(refused, threads_after_the_start)
{
	struct pathring_identity *a = fixture_user(f, USER_A);

	files(f);
	assert_result(pathring_start(f->ring), 0);
	deny_threads(EAGAIN);
	after_filter(f);
	assert_result(try_open(f, a, "of_a", O_RDONLY), 0);
	check_works(f);
}

/*
 * What the kernel has begun it ends; everything else goes to threads from then on, which is said
 * once, with what to do about it.
 */
static void check_ring_lost(struct fixture *f, int error)
{
	struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_handle *handle = NULL;
	struct blocker blocker = { 0 };
	struct call call = { .f = f };
	struct pathring_operation_stats opens = { 0 };
	char *text = NULL;
	int ret = -1;

	files(f);
	check_works(f);
	blocker_arm(&blocker, f, "blocked");
	ret = pathring_openat_request(f->ring,
				      fixture_user(f, USER_A),
				      f->dir,
				      "blocked",
				      &how,
				      call_done,
				      &call,
				      &call.request);
	assert_result(ret, 0);
	blocker_wait_hit(&blocker);
	opens = fixture_stats(f).operation[PATHRING_OPENAT];

	deny(SCMP_SYS(io_uring_enter), error);
	after_filter(f);
	check_works(f);
	assert_eq(fixture_stats(f).operation[PATHRING_OPENAT].placed[PATHRING_RING],
		  opens.placed[PATHRING_RING]);
	assert_gt(fixture_stats(f).operation[PATHRING_OPENAT].reason[PATHRING_REASON_NO_RING], 0);
	assert_eq(call.calls, 0);

	blocker_release(&blocker);
	loop_until(f, &call.calls, 1);
	assert_eq(pathring_request_placement(call.request), PATHRING_RING);
	assert_result(pathring_openat_result(call.request, f, &handle), 0);
	pathring_request_free(call.request);
	talloc_free(handle);
	check_works(f);

	check_said_once(f, 1, "uring", error);
	assert_true(strstr(f->log_text, "threads take its place") != NULL, "%s", f->log_text);
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_THREADS);
	text = pathring_describe(f->ring, f);
	assert_true(strstr(text, "backend: threads") != NULL, "%s", text);
}

#define LOST_TEST(errno_name)                                 \
	URING_TEST(refused, enter_after_the_start_##errno_name) \
	{                                                       \
		check_ring_lost(f, errno_name);                 \
	}

LOST_TEST(EPERM)
LOST_TEST(ENOSYS)
LOST_TEST(EBADF)
LOST_TEST(ENOMEM)
LOST_TEST(EAGAIN)

/* Neither is there a thread that could take the ring's place. */
URING_TEST(refused, enter_and_threads_after_the_start)
{
	files(f);
	check_works(f);
	deny(SCMP_SYS(io_uring_enter), EPERM);
	deny_threads(EAGAIN);
	after_filter(f);
	check_works(f);
	assert_gt(fixture_stats(f).operation[PATHRING_OPENAT].placed[PATHRING_INLINE], 0);
}

static void ignore(int number)
{
	(void)number;
}

/* A signal that arrives while it is tried what the ring can do says nothing of that. */
URING_TEST(refused, nothing_because_of_signals)
{
	const struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	const struct itimerval often = { .it_interval = { .tv_usec = 50 },
					 .it_value = { .tv_usec = 50 } };
	const struct itimerval never = { .it_interval = { .tv_usec = 0 } };
	struct sigaction before;
	unsigned int i = 0;

	assert_eq(sigaction(SIGALRM, &action, &before), 0);
	assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (i = 0; i < 200; i++) {
		fixture_restart(f, NULL);
		assert_result(pathring_start(f->ring), 0);
	}
	assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_eq(sigaction(SIGALRM, &before, NULL), 0);
	assert_eq(f->log_count, 0, "told:\n%s", f->log_text);
}

/* A place that was asked for and can't be had is not waited for. */
URING_TEST(refused, threads_where_requests_are_pinned)
{
	struct pathring_options options = { .pin = PATHRING_PIN_THREAD };

	files(f);
	deny_threads(EAGAIN);
	after_filter(f);
	fixture_restart(f, &options);
	assert_result(try_lookup(f, fixture_user(f, USER_A), "of_a"), 0);
	assert_eq(fixture_stats(f).operation[PATHRING_LOOKUP].placed[PATHRING_RING], 1);
}

/*
 * No descriptor is left: the error is the kernel's, and everything goes on when there are some
 * again.
 */
BACKEND_TEST(refused, descriptors)
{
	struct rlimit limit;
	struct rlimit none;
	struct pathring_identity *a = fixture_user(f, USER_A);

	files(f);
	assert_result(try_open(f, a, "of_a", O_RDONLY), 0);
	assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	/* The other forms look into /proc in each callback, which needs descriptors. */
	f->form = FORM_WAIT;
	assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_result(try_open(f, a, "of_a", O_RDONLY), -EMFILE);
	assert_result(try_lookup(f, a, "of_a"), -EMFILE);
	assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_result(try_open(f, a, "of_a", O_RDONLY), 0);
	assert_result(try_lookup(f, a, "of_a"), 0);
}

/*
 * The kernel answers with ECANCELED that nobody asked for when it can't start a worker, here
 * because the user already has as many tasks as allowed: each of these requests falls back by
 * itself.
 */
static void without_workers(struct fixture *f, void *arg)
{
	struct rlimit limit = { .rlim_cur = 1, .rlim_max = 1 };
	struct pathring_identity *self = NULL;
	struct pathring_handle *handle = NULL;
	struct pathring_stats stats;
	unsigned int i = 0;

	(void)arg;
	assert_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
	assert_eq(syscall(SYS_setgroups, 0, NULL), 0);
	assert_eq(syscall(SYS_setresgid, USER_A, USER_A, USER_A), 0);
	assert_eq(syscall(SYS_setresuid, USER_A, USER_A, USER_A), 0);
	after_filter(f);
	fixture_restart(f, NULL);
	self = fixture_user(f, USER_A);
	for (i = 0; i < 5; i++) {
		handle = must_open(f, self, "of_a", O_RDWR);
		assert_result(do_pwrite(f, self, handle, "content", 7, 0), 7);
		assert_result(do_fsync(f, self, handle, false), 0);
		assert_result(do_close(f, self, &handle), 0);
		assert_result(try_open(f, self, "of_b", O_RDONLY), -EACCES);
		assert_result(try_lookup(f, self, "of_a"), 0);
		assert_result(try_lookup(f, self, "missing"), -ENOENT);
	}
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_URING);
	stats = fixture_stats(f);
	assert_gt(stats.fallbacks, 0, "nothing fell back: the limit did not work");
	fixture_stop(f);
}

URING_TEST(fallback, of_single_requests_without_kernel_workers)
{
	files(f);
	fixture_stop(f);
	in_child(f, without_workers, NULL);
}
