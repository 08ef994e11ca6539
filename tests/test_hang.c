/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * File systems that don't answer, or answer late: only their own requests wait, a request can be
 * given up, the engine can be freed within its bound, and when they answer at last nothing is left.
 */
#include "operations.h"

#include <sys/syscall.h>
#include <time.h>

#include "hung_filesystem.h"

/* What is asked of a file system that hangs. */
#define MANY 300

/* Long enough to be told from not waiting at all, and nobody likes to wait for tests. */
#define DESTROY_MSEC 150
/* What a bound may be exceeded by on a busy machine. */
#define GRACE_SECONDS 20

/*
 * On the ring's workers; on the helper threads; and on helper threads beside the ring, for a file
 * system that is not for the ring.
 */
static enum hung_kind kind;

#define ONE_HANG_TEST(name, suffix, ground, hung_kind)                 \
	Test(hang, name##_##suffix, .timeout = TEST_BOUND_SECONDS)     \
	{                                                              \
		kind = hung_kind;                                      \
		harness_run(BACKEND_##ground, FORM_SEND, hang_##name); \
	}

#define HANG_TEST(name)                                     \
	static void hang_##name(struct fixture *f);         \
	ONE_HANG_TEST(name, uring, uring, HUNG_OVERLAY)     \
	ONE_HANG_TEST(name, threads, threads, HUNG_FUSE)    \
	ONE_HANG_TEST(name, beside_uring, uring, HUNG_FUSE) \
	static void hang_##name(struct fixture *f)

struct open_answers {
	unsigned int total;
	unsigned int count;
	struct sent sent[MANY];
};

static void send_opens(struct fixture *f,
		       struct hung_filesystem *filesystem,
		       struct open_answers *answers,
		       unsigned int count)
{
	struct pathring_how how = { .flags = O_PATH };
	struct tevent_req *req = NULL;
	char name[32];
	unsigned int i = 0;

	answers->total = 0;
	answers->count = count;
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		INSIDE(f,
		       req = pathring_openat_send(f,
						  f->ev,
						  f->ring,
						  fixture_user(f, USER_A + i % 3),
						  hung_filesystem_root(filesystem),
						  name,
						  &how));
		sent_watch(&answers->sent[i], f, req, &answers->total);
	}
}

static void free_opens(struct open_answers *answers)
{
	unsigned int i = 0;

	for (i = 0; i < answers->count; i++) {
		TALLOC_FREE(answers->sent[i].req);
	}
}

static void expect_opens(struct fixture *f, struct open_answers *answers, int expected)
{
	struct pathring_handle *handle = NULL;
	unsigned int i = 0;

	loop_until(f, &answers->total, answers->count);
	for (i = 0; i < answers->count; i++) {
		assert_result(pathring_openat_recv(answers->sent[i].req, f, &handle), expected);
		TALLOC_FREE(handle);
	}
	free_opens(answers);
}

/* Operations of each kind on the scratch directory, which is on another file system. */
static void others_go_on(struct fixture *f)
{
	struct pathring_handle *file = NULL;
	uint8_t *value = NULL;
	char buffer[16];
	unsigned int i = 0;

	for (i = 0; i < 10; i++) {
		file = must_open(f, f->process, "well", O_RDWR);
		assert_result(do_pwrite(f, f->process, file, "content", 7, 0), 7);
		assert_result(do_pread(f, f->process, file, buffer, 16, 0), 7);
		assert_result(do_fsync(f, f->process, file, false), 0);
		assert_result(do_getxattr(f, f->process, file, "user.absent", 16, &value),
			      -ENODATA);
		assert_result(try_lookup(f, f->process, "well"), 0);
		assert_result(do_close(f, f->process, &file), 0);
		assert_result(try_open(f, f->process, "new", O_WRONLY | O_CREAT), 0);
	}
}

static uint64_t now_msec(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool nothing_lingers(struct fixture *f, void *arg)
{
	(void)arg;
	return fixture_stats(f).lingering == 0;
}

/* Until the late threads and rings have let go of all; tries with the loop of a second engine. */
static void until_nothing_lingers(struct fixture *f)
{
	unsigned int tries = 0;

	for (tries = 0; tries < 30000 && !nothing_lingers(f, NULL); tries++) {
		loop_turns(f, 1);
	}
	assert_eq(fixture_stats(f).lingering, 0);
}

/* The last thing to go is closed after it is not counted any more. */
static void until_descriptors(unsigned int expected)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	unsigned int tries = 0;

	for (tries = 0; tries < 5000 && count_descriptors() > expected; tries++) {
		nanosleep(&moment, NULL);
	}
	assert_eq(count_descriptors(), expected);
}

static void start_with_bound(struct fixture *f)
{
	const struct pathring_options options = { .destroy_msec = DESTROY_MSEC };

	fixture_restart(f, &options);
}

static void stop_within_bound(struct fixture *f)
{
	uint64_t started = now_msec();
	uint64_t took;

	fixture_stop(f);
	took = now_msec() - started;
	assert_geq(took, DESTROY_MSEC, "nothing was waited for");
	assert_leq(took, DESTROY_MSEC + GRACE_SECONDS * 1000);
}

/* ---- others go on ---- */

HANG_TEST(stalls_its_own_requests_only)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct open_answers answers = { 0 };

	scratch_file(f, "well", 0, 0, 0644, "");
	hung_filesystem_hang(filesystem);
	send_opens(f, filesystem, &answers, MANY);
	hung_filesystem_until(filesystem, 2);
	others_go_on(f);
	assert_eq(answers.total, 0);
	hung_filesystem_release(filesystem);
	expect_opens(f, &answers, 0);
	hung_filesystem_unmount(filesystem);
}

/*
 * As long as others leave them free one file system has half of the workers, the next half of the
 * rest.
 */
HANG_TEST(of_two_file_systems)
{
	struct hung_filesystem *first = hung_filesystem_mount(f, "first", kind);
	struct hung_filesystem *second = hung_filesystem_mount(f, "second", kind);
	struct open_answers answers[2] = { 0 };
	unsigned int workers = kind == HUNG_OVERLAY ? 256 : 64;

	scratch_file(f, "well", 0, 0, 0644, "");
	hung_filesystem_hang(first);
	hung_filesystem_hang(second);
	send_opens(f, first, &answers[0], MANY);
	hung_filesystem_until(first, workers / 2);
	send_opens(f, second, &answers[1], MANY);
	hung_filesystem_until(second, workers / 4);
	others_go_on(f);
	assert_eq(hung_filesystem_most(first), workers / 2);
	assert_eq(hung_filesystem_most(second), workers / 4);

	/* One that answers again gets its requests through, whatever the other does. */
	hung_filesystem_release(second);
	expect_opens(f, &answers[1], 0);
	assert_eq(answers[0].total, 0);
	hung_filesystem_release(first);
	expect_opens(f, &answers[0], 0);
	hung_filesystem_unmount(first);
	hung_filesystem_unmount(second);
}

/* The smallest of everything. */
HANG_TEST(with_few_workers)
{
	const struct pathring_options options = {
		.entries = 16,
		.max_workers = 2,
		.max_threads = 2,
	};
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct open_answers answers = { 0 };

	scratch_file(f, "well", 0, 0, 0644, "");
	fixture_restart(f, &options);
	hung_filesystem_hang(filesystem);
	send_opens(f, filesystem, &answers, MANY);
	hung_filesystem_until(filesystem, 1);
	others_go_on(f);
	assert_eq(hung_filesystem_most(filesystem), 1);
	hung_filesystem_release(filesystem);
	expect_opens(f, &answers, 0);
	hung_filesystem_unmount(filesystem);
}

/* Lookups have several entries on their way at once; each may hold a worker. */
HANG_TEST(with_lookups)
{
	const struct pathring_xattr_query queries[] = { { "user.test", 16 }, { "user.none", 16 } };
	const struct pathring_lookup_how how = {
		.mask = STATX_BASIC_STATS,
		.xattrs = queries,
		.num_xattrs = 2,
	};
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct sent sent[MANY];
	struct pathring_lookup *lookup = NULL;
	unsigned int total = 0;
	unsigned int i = 0;
	char name[32];

	scratch_file(f, "well", 0, 0, 0644, "");
	hung_filesystem_hang(filesystem);
	for (i = 0; i < MANY; i++) {
		struct tevent_req *req = NULL;

		snprintf(name, sizeof(name), "f%u", i);
		INSIDE(f,
		       req = pathring_lookup_send(f,
						  f->ev,
						  f->ring,
						  f->process,
						  hung_filesystem_root(filesystem),
						  name,
						  &how));
		sent_watch(&sent[i], f, req, &total);
	}
	hung_filesystem_until(filesystem, 2);
	others_go_on(f);
	assert_eq(total, 0);
	hung_filesystem_release(filesystem);
	loop_until(f, &total, MANY);
	for (i = 0; i < MANY; i++) {
		assert_result(pathring_lookup_recv(sent[i].req, f, &lookup), 0);
		assert_eq(lookup->xattrs[0].length, 5);
		assert_bytes(lookup->xattrs[0].value, "value", 5);
		assert_eq(lookup->xattrs[1].length, -ENODATA);
		talloc_free(lookup);
		talloc_free(sent[i].req);
	}
	hung_filesystem_unmount(filesystem);
}

/* pathring_request_wait() for another one, too. */
HANG_TEST(while_others_are_waited_for)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct open_answers answers = { 0 };

	scratch_file(f, "well", 0, 0, 0644, "");
	hung_filesystem_hang(filesystem);
	send_opens(f, filesystem, &answers, MANY);
	f->form = FORM_WAIT;
	others_go_on(f);
	assert_eq(answers.total, 0);
	hung_filesystem_release(filesystem);
	expect_opens(f, &answers, 0);
	hung_filesystem_unmount(filesystem);
}

HANG_TEST(is_served_in_parallel_when_it_is_only_slow)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "slow", kind);
	struct open_answers answers = { 0 };
	uint64_t started = 0;

	hung_filesystem_delay(filesystem, 5);
	started = now_msec();
	send_opens(f, filesystem, &answers, 64);
	expect_opens(f, &answers, 0);
	fprintf(stderr,
		"# 64 opens of a file system that takes 5 ms for each: %u ms, %u at once\n",
		(unsigned int)(now_msec() - started),
		hung_filesystem_most(filesystem));
	assert_gt(hung_filesystem_most(filesystem), 8);
	hung_filesystem_unmount(filesystem);
}

/* ---- giving up ---- */

HANG_TEST(canceled)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct open_answers answers = { 0 };
	unsigned int before = 0;
	unsigned int i = 0;
	bool canceled = false;

	assert_result(try_open(f, f->process, "absent", O_RDONLY), -ENOENT);
	before = count_descriptors();
	hung_filesystem_hang(filesystem);
	send_opens(f, filesystem, &answers, MANY);
	hung_filesystem_until(filesystem, 2);
	for (i = 0; i < MANY; i++) {
		INSIDE(f, canceled = tevent_req_cancel(answers.sent[i].req));
		assert_true(canceled);
	}
	assert_eq(answers.total, 0, "a callback ran inside of tevent_req_cancel()");
	expect_opens(f, &answers, -ECANCELED);
	assert_gt(fixture_stats(f).in_flight, 0);
	assert_eq(fixture_stats(f).orphaned, MANY);
	hung_filesystem_release(filesystem);
	loop_settle(f);
	assert_leq(count_descriptors(), before + 1, "a descriptor that came late was not closed");
	hung_filesystem_unmount(filesystem);
}

ASYNC_BACKEND_TEST(hang, canceled_when_complete)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct tevent_req *req = NULL;
	struct pathring_handle *handle = NULL;
	struct sent sent = { 0 };
	bool canceled = true;

	scratch_file(f, "file", 0, 0, 0644, "content");
	INSIDE(f, req = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "file", &how));
	sent_watch(&sent, f, req, NULL);
	loop_until(f, &sent.calls, 1);
	INSIDE(f, canceled = tevent_req_cancel(req));
	assert_false(canceled);
	assert_result(pathring_openat_recv(req, f, &handle), 0);
	talloc_free(handle);
	talloc_free(req);
}

HANG_TEST(timed_out)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct timeval end = tevent_timeval_current_ofs(0, 20000);
	struct open_answers answers = { 0 };
	unsigned int i = 0;

	hung_filesystem_hang(filesystem);
	send_opens(f, filesystem, &answers, MANY);
	for (i = 0; i < MANY; i++) {
		assert_true(tevent_req_set_endtime(answers.sent[i].req, f->ev, end));
	}
	expect_opens(f, &answers, -ETIMEDOUT);
	hung_filesystem_release(filesystem);
	loop_settle(f);
	hung_filesystem_unmount(filesystem);
}

HANG_TEST(freed)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct open_answers answers = { 0 };
	unsigned int rounds = 0;

	scratch_file(f, "well", 0, 0, 0644, "");
	hung_filesystem_hang(filesystem);
	for (rounds = 0; rounds < 4; rounds++) {
		send_opens(f, filesystem, &answers, MANY);
		loop_turns(f, rounds);
		free_opens(&answers);
		others_go_on(f);
	}
	hung_filesystem_release(filesystem);
	loop_settle(f);
	hung_filesystem_unmount(filesystem);
}

/* A file that is opened for nobody has to be closed again, and that may hang as well. */
ASYNC_BACKEND_TEST(hang, at_the_close_of_what_came_late)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", HUNG_FUSE);
	struct pathring_how how = { .flags = O_RDONLY };
	struct tevent_req *req = NULL;

	scratch_file(f, "well", 0, 0, 0644, "");
	hung_filesystem_hang(filesystem);
	INSIDE(f,
	       req = pathring_openat_send(
		       f, f->ev, f->ring, f->process, hung_filesystem_root(filesystem), "f", &how));
	hung_filesystem_until(filesystem, 1);
	talloc_free(req);
	hung_filesystem_hang_closes(filesystem);
	loop_turns(f, 20);
	hung_filesystem_until(filesystem, 1);
	others_go_on(f);
	hung_filesystem_until(filesystem, 1);
	hung_filesystem_release(filesystem);
	loop_settle(f);
	hung_filesystem_unmount(filesystem);
}

/* ---- freeing the engine ---- */

static void stop_hung(struct fixture *f, struct hung_filesystem *filesystem, struct sent *sent)
{
	static const struct pathring_xattr_query query = { "user.test", 16 };
	const struct pathring_lookup_how look = {
		.mask = STATX_BASIC_STATS,
		.xattrs = &query,
		.num_xattrs = 1,
	};
	struct pathring_handle *root = hung_filesystem_root(filesystem);
	struct pathring_handle *dir = NULL;
	struct pathring_how how = { .flags = O_RDONLY };
	struct tevent_req *reqs[5] = { NULL };
	unsigned int before = hung_filesystem_waiting(filesystem);
	unsigned int total = 0;
	unsigned int i = 0;

	/* A directory that nobody but a request holds, and an identity likewise. */
	assert_result(
		pathring_handle_dup(f, pathring_handle_pathref_fd(root), PATHRING_PATHREF, &dir),
		0);
	hung_filesystem_hang(filesystem);
	reqs[0] = pathring_openat_send(f, f->ev, f->ring, fixture_user(f, USER_A), dir, "fa", &how);
	reqs[1] =
		pathring_lookup_send(f, f->ev, f->ring, fixture_user(f, USER_B), root, "fb", &look);
	reqs[2] = pathring_statx_send(
		f, f->ev, f->ring, f->process, root, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS);
	reqs[3] = pathring_getxattr_send(f, f->ev, f->ring, f->process, root, "user.test", 16);
	reqs[4] = pathring_listxattr_send(f, f->ev, f->ring, f->process, root, 256);
	for (i = 0; i < 5; i++) {
		sent_watch(&sent[i], f, reqs[i], &total);
	}
	talloc_free(dir);
	hung_filesystem_until(filesystem, before + 5);

	stop_within_bound(f);
	assert_eq(total, 0);
	loop_until(f, &total, 5);
	for (i = 0; i < 5; i++) {
		uint64_t error = 0;
		enum tevent_req_state state;

		assert_true(tevent_req_is_error(sent[i].req, &state, &error));
		assert_eq(error, ECANCELED);
		talloc_free(sent[i].req);
	}
}

HANG_TEST(outlives_its_engine_and_answers)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct sent sent[5] = { 0 };
	unsigned int before = 0;

	scratch_file(f, "well", 0, 0, 0644, "");
	fixture_stop(f);
	before = count_descriptors();
	start_with_bound(f);
	stop_hung(f, filesystem, sent);

	fixture_restart(f, NULL);
	assert_eq(fixture_stats(f).lingering, 5);
	others_go_on(f);
	assert_eq(fixture_stats(f).lingering, 5);
	hung_filesystem_release(filesystem);
	until_nothing_lingers(f);
	fixture_stop(f);
	until_descriptors(before);
	hung_filesystem_unmount(filesystem);
}

HANG_TEST(outlives_its_engine_and_is_aborted)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct sent sent[5] = { 0 };
	unsigned int before = 0;

	fixture_stop(f);
	before = count_descriptors();
	start_with_bound(f);
	stop_hung(f, filesystem, sent);
	hung_filesystem_abort(filesystem);
	fixture_restart(f, NULL);
	until_nothing_lingers(f);
	fixture_stop(f);
	until_descriptors(before);
	hung_filesystem_unmount(filesystem);
}

HANG_TEST(outlives_several_engines)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct sent sent[4][5] = { 0 };
	unsigned int before = 0;
	unsigned int i = 0;

	fixture_stop(f);
	before = count_descriptors();
	for (i = 0; i < 4; i++) {
		start_with_bound(f);
		assert_eq(fixture_stats(f).lingering, i * 5);
		stop_hung(f, filesystem, sent[i]);
	}
	fixture_restart(f, NULL);
	assert_eq(fixture_stats(f).lingering, i * 5);
	hung_filesystem_release(filesystem);
	until_nothing_lingers(f);
	fixture_stop(f);
	until_descriptors(before);
	hung_filesystem_unmount(filesystem);
}

/* Where talloc's objects without a parent have one after all, which threads must not share. */
HANG_TEST(outlives_its_engine_under_null_tracking)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct sent sent[5] = { 0 };

	talloc_enable_null_tracking();
	start_with_bound(f);
	stop_hung(f, filesystem, sent);
	fixture_restart(f, NULL);
	hung_filesystem_release(filesystem);
	until_nothing_lingers(f);
	fixture_restart(f, NULL);
	talloc_disable_null_tracking();
	hung_filesystem_unmount(filesystem);
}

/* Shared with a thread that goes on when the test's engine is gone. */
struct late_job {
	int fd; /* to read from */
	unsigned int *freed;
	char *text;
};

static int late_job_destructor(struct late_job *job)
{
	assert_str_eq(job->text, "late", "what the job has done");
	__atomic_store_n(job->freed, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void run_late(void *state)
{
	struct late_job *job = state;
	char byte;
	ssize_t got;

	got = read(job->fd, &byte, 1);
	job->text = talloc_strdup(job, got == 1 ? "late" : "never");
}

ASYNC_BACKEND_TEST(hang, job_outlives_its_engine)
{
	struct late_job *job = talloc_zero(NULL, struct late_job);
	struct pathring_request *request = NULL;
	unsigned int freed = 0;
	int fds[2] = { -1, -1 };
	int ret = -1;

	assert_eq(pipe2(fds, O_CLOEXEC), 0);
	start_with_bound(f);
	job->fd = fds[0];
	job->freed = &freed;
	talloc_set_destructor(job, late_job_destructor);
	ret = pathring_job_request(
		f->ring, fixture_user(f, USER_A), f->dir, run_late, job, NULL, NULL, &request);
	assert_result(ret, 0);
	assert_result(pathring_submit(f->ring), 0);
	loop_turns(f, 20);
	stop_within_bound(f);
	fixture_restart(f, NULL);
	assert_eq(fixture_stats(f).lingering, 1);
	assert_eq(__atomic_load_n(&freed, __ATOMIC_SEQ_CST), 0);
	assert_eq(write(fds[1], "x", 1), 1);
	until_nothing_lingers(f);
	assert_eq(__atomic_load_n(&freed, __ATOMIC_SEQ_CST), 1);
	close(fds[0]);
	close(fds[1]);
}

/* A handle that such a request uses may be used on, and is not closed under it. */
HANG_TEST(outlives_its_engine_and_keeps_a_handle)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct pathring_handle *handle = NULL;
	struct pathring_handle *other = NULL;
	struct pathring_request *request = NULL;
	struct stat st;
	int fd = -1;
	int ret = -1;

	start_with_bound(f);
	assert_result(
		pathring_handle_dup(f,
				    pathring_handle_pathref_fd(hung_filesystem_root(filesystem)),
				    PATHRING_PATHREF,
				    &handle),
		0);
	fd = pathring_handle_pathref_fd(handle);
	hung_filesystem_hang(filesystem);
	ret = pathring_getxattr_request(
		f->ring, f->process, handle, "user.test", 16, NULL, NULL, &request);
	assert_result(ret, 0);
	hung_filesystem_until(filesystem, 1);
	stop_within_bound(f);

	fixture_restart(f, NULL);
	INSIDE(f, ret = pathring_close_request(f->ring, f->process, &handle, NULL, NULL, &request));
	assert_result(ret, -EBUSY);
	assert_null(handle);
	assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC, "closed while the kernel uses it");
	hung_filesystem_release(filesystem);
	until_nothing_lingers(f);
	assert_eq(fcntl(fd, F_GETFD), -1, "never closed");

	/* Another one of a file system that answers again. */
	other = hung_filesystem_root(filesystem);
	assert_eq(fstat(pathring_handle_pathref_fd(other), &st), 0);
	hung_filesystem_unmount(filesystem);
}

static void use_engine_in_child(struct fixture *f, void *arg)
{
	const struct pathring_options options = { .backend = f->backend, .destroy_msec = 60000 };
	struct pathring_how how = { .flags = O_RDONLY };
	struct tevent_context *ev = tevent_context_init(NULL);
	struct pathring_request *request = NULL;
	struct pathring_stats stats = { 0 };
	struct pathring *ring = NULL;
	uint64_t started = now_msec();

	(void)arg;
	assert_result(pathring_create(NULL, ev, &options, &ring), 0);
	assert_result(pathring_openat_request(ring,
					      pathring_identity_process(ring),
					      f->dir,
					      "well",
					      &how,
					      NULL,
					      NULL,
					      &request),
		      0);
	assert_result(pathring_request_wait(request), 0);
	pathring_stats(ring, &stats);
	assert_eq(stats.lingering, 0, "what the parent waits for is not the child's");
	talloc_free(ring);
	talloc_free(ev);
	assert_lt(now_msec() - started, GRACE_SECONDS * 1000);
}

HANG_TEST(is_not_waited_for_by_a_forked_child)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct sent sent[5] = { 0 };

	scratch_file(f, "well", 0, 0, 0644, "");
	start_with_bound(f);
	stop_hung(f, filesystem, sent);
	in_child(f, use_engine_in_child, NULL);
	fixture_restart(f, NULL);
	assert_eq(fixture_stats(f).lingering, 5);
	hung_filesystem_release(filesystem);
	until_nothing_lingers(f);
	hung_filesystem_unmount(filesystem);
}

/* ---- who a server in user space takes somebody for ---- */

static void check_caller(struct hung_filesystem *filesystem, uid_t uid, const char *groups)
{
	struct hung_caller caller = hung_filesystem_caller(filesystem);

	assert_eq(caller.uid, uid);
	assert_eq(caller.gid, uid);
	assert_str_eq(caller.groups, groups, "groups");
}

static void set_process_groups(struct fixture *f, const gid_t *groups, size_t count)
{
	assert_eq(syscall(SYS_setgroups, count, groups), 0);
	TALLOC_FREE(f->credentials);
	f->credentials = snapshot_credentials(f);
}

/*
 * A kernel worker has the groups of the thread that made it, whatever its personality says; here
 * those of the process, which a request must neither gain nor be held to.
 */
BACKEND_TEST(server, sees_the_groups_of_the_identity)
{
	const gid_t of_process[] = { GROUP_Y };
	const gid_t of_a[] = { GROUP_X };
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "fuse", HUNG_FUSE);
	struct pathring_handle *root = hung_filesystem_root(filesystem);
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS };
	struct pathring_how open_how = { .flags = O_RDONLY };
	struct pathring_identity *a = fixture_identity(f, USER_A, USER_A, of_a, 1);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *handle = NULL;
	uint8_t *value = NULL;
	char expected[32];

	snprintf(expected, sizeof(expected), "%d ", GROUP_X);
	set_process_groups(f, of_process, 1);
	assert_result(do_lookup(f, a, root, "f1", &how, &lookup), 0);
	check_caller(filesystem, USER_A, expected);
	assert_eq(do_getxattr(f, a, lookup->handle, "user.test", 100, &value), 5);
	check_caller(filesystem, USER_A, expected);
	TALLOC_FREE(lookup);
	assert_result(do_openat(f, a, root, "f2", &open_how, &handle), 0);
	check_caller(filesystem, USER_A, expected);
	TALLOC_FREE(handle);

	assert_result(do_lookup(f, b, root, "f3", &how, &lookup), 0);
	check_caller(filesystem, USER_B, " ");
	TALLOC_FREE(lookup);
	set_process_groups(f, NULL, 0);
	hung_filesystem_unmount(filesystem);
}
