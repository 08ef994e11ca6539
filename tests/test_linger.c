/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Freeing the engine while requests hang: it takes no longer than it may, what hangs keeps what it
 * needs, and when the file system answers at last, or goes, nothing is left.
 */
#include "operations.h"

#include <time.h>

#include "hung_filesystem.h"

/* Long enough to be told from not waiting at all, and nobody likes to wait for tests. */
#define DESTROY_MSEC 150
/* What a bound may be exceeded by on a busy machine. */
#define GRACE_SECONDS 20

static enum hung_kind kind;

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

HANG_TEST(linger, outlives_its_engine_and_answers)
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

HANG_TEST(linger, outlives_its_engine_and_is_aborted)
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

HANG_TEST(linger, outlives_several_engines)
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
HANG_TEST(linger, outlives_its_engine_under_null_tracking)
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

ASYNC_BACKEND_TEST(linger, job_outlives_its_engine)
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
HANG_TEST(linger, outlives_its_engine_and_keeps_a_handle)
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

HANG_TEST(linger, is_not_waited_for_by_a_forked_child)
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
