/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Freeing the engine while requests are in each of their states: a tevent_req fails with ECANCELED
 * from the loop, a request is never called, every completion is waited for, nothing leaks.
 */
#include "operations.h"

#include <pthread.h>
#include <time.h>

static void never_called(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
	assert_true(false, "a request of a freed engine was called");
}

struct open_answer {
	struct sent sent;
	struct pathring_handle *handle;
};

static void send_open(struct fixture *f,
		      struct open_answer *answer,
		      const char *name,
		      int flags,
		      unsigned int *total)
{
	struct pathring_how how = { .flags = (uint64_t)flags };
	struct tevent_req *req = NULL;

	INSIDE(f, req = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, name, &how));
	sent_watch(&answer->sent, f, req, total);
}

static void make_pending(struct fixture *f, const char *name, int flags)
{
	struct pathring_how how = { .flags = (uint64_t)flags };
	struct pathring_request *request = NULL;
	int ret = -1;

	INSIDE(f,
	       ret = pathring_openat_request(
		       f->ring, f->process, f->dir, name, &how, never_called, NULL, &request));
	assert_result(ret, 0);
}

static void expect_canceled(struct fixture *f,
			    struct open_answer *answers,
			    unsigned int count,
			    unsigned int *total)
{
	unsigned int i = 0;

	assert_eq(*total, 0, "a callback ran while the engine was freed");
	loop_until(f, total, count);
	for (i = 0; i < count; i++) {
		assert_result(pathring_openat_recv(answers[i].sent.req, f, &answers[i].handle),
			      -ECANCELED);
		assert_null(answers[i].handle);
		talloc_free(answers[i].sent.req);
	}
}

BACKEND_TEST(destroy, with_requests_that_were_just_made)
{
	struct open_answer answers[100] = { 0 };
	unsigned int before = 0;
	unsigned int total = 0;
	unsigned int i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	before = count_descriptors();
	assert_result(try_open(f, f->process, "file", O_RDONLY), 0);
	for (i = 0; i < 100; i++) {
		send_open(f, &answers[i], "file", O_RDONLY, &total);
		make_pending(f, "file", O_RDONLY);
	}
	fixture_stop(f);
	assert_leq(count_descriptors(), before);
	expect_canceled(f, answers, 100, &total);
}

/* An engine that nothing was asked of before: not even its backend exists. */
BACKEND_TEST(destroy, before_it_was_started)
{
	struct open_answer answer = { 0 };
	unsigned int total = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	send_open(f, &answer, "file", O_RDONLY, &total);
	make_pending(f, "file", O_RDONLY);
	fixture_stop(f);
	expect_canceled(f, &answer, 1, &total);
	fixture_restart(f, NULL);
	fixture_stop(f);
}

BACKEND_TEST(destroy, with_requests_that_were_submitted)
{
	struct open_answer answers[100] = { 0 };
	struct pathring_handle *handle = NULL;
	unsigned int before = 0;
	unsigned int total = 0;
	unsigned int i = 0;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	before = count_descriptors();
	assert_result(try_open(f, f->process, "file", O_RDONLY), 0);
	for (i = 0; i < 100; i++) {
		send_open(f, &answers[i], "file", O_RDONLY, &total);
		make_pending(f, "file", O_RDONLY);
	}
	assert_result(pathring_submit(f->ring), 0);
	fixture_stop(f);
	assert_leq(count_descriptors(), before);
	assert_eq(total, 0, "a callback ran while the engine was freed");
	loop_until(f, &total, 100);
	for (i = 0; i < 100; i++) {
		/* What was complete may be delivered or given up. */
		ret = pathring_openat_recv(answers[i].sent.req, f, &handle);
		assert_true(ret == -ECANCELED || ret == 0, "%d", ret);
		talloc_free(handle);
		handle = NULL;
		talloc_free(answers[i].sent.req);
	}
	assert_leq(count_descriptors(), before);
}

struct releaser {
	struct blocker *blocker;
	int fd;
};

static void *release_when_told(void *arg)
{
	struct releaser *releaser = arg;
	char byte = 0;

	if (read(releaser->fd, &byte, 1) == 1) {
		fcntl(releaser->blocker->lease_fd, F_SETLEASE, F_UNLCK);
	}
	return NULL;
}

/*
 * Freeing the engine waits for what can't be cancelled, so somebody else has to end it: a thread
 * that is told to just before. Whether it acts before or after the engine starts to wait makes no
 * difference to the outcome.
 */
ASYNC_BACKEND_TEST(destroy, with_requests_that_run)
{
	struct open_answer answers[3] = { 0 };
	struct releaser releaser;
	struct blocker blocker;
	pthread_t thread;
	unsigned int before = 0;
	unsigned int total = 0;
	unsigned int i = 0;
	int fds[2] = { -1, -1 };

	before = count_descriptors();
	blocker_arm(&blocker, f, "blocked");
	for (i = 0; i < 3; i++) {
		send_open(f, &answers[i], "blocked", O_WRONLY, &total);
		make_pending(f, "blocked", O_WRONLY);
	}
	blocker_wait_hit(&blocker);
	assert_eq(pipe(fds), 0);
	releaser.blocker = &blocker;
	releaser.fd = fds[0];
	assert_eq(pthread_create(&thread, NULL, release_when_told, &releaser), 0);
	assert_eq(write(fds[1], "x", 1), 1);
	fixture_stop(f);
	assert_eq(pthread_join(thread, NULL), 0);
	close(fds[0]);
	close(fds[1]);
	close(blocker.lease_fd);
	assert_leq(count_descriptors(), before);
	expect_canceled(f, answers, 3, &total);
}

/* On the ring a sleep that can be interrupted is: nobody needs to come to help. */
URING_TEST(destroy, interrupts_what_runs_on_the_ring)
{
	struct open_answer answers[3] = { 0 };
	struct blocker blocker;
	unsigned int total = 0;
	unsigned int i = 0;

	blocker_arm(&blocker, f, "blocked");
	for (i = 0; i < 3; i++) {
		send_open(f, &answers[i], "blocked", O_WRONLY, &total);
		make_pending(f, "blocked", O_WRONLY);
	}
	blocker_wait_hit(&blocker);
	fixture_stop(f);
	blocker_release(&blocker);
	expect_canceled(f, answers, 3, &total);
}

/* A close that waits for such a request goes with it. */
URING_TEST(destroy, with_a_close_that_waits)
{
	struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_handle *dir = NULL;
	struct pathring_request *request = NULL;
	struct blocker blocker;
	struct sent closing;
	int fd = -1;
	int ret = -1;

	scratch_directory(f, "sub", 0, 0, 0755);
	assert_result(
		pathring_handle_dup(f, pathring_handle_pathref_fd(f->dir), PATHRING_PATHREF, &dir),
		0);
	fd = pathring_handle_pathref_fd(dir);
	blocker_arm(&blocker, f, "blocked");
	ret = pathring_openat_request(
		f->ring, f->process, dir, "blocked", &how, never_called, NULL, &request);
	assert_result(ret, 0);
	sent_watch(&closing, f, pathring_close_send(f, f->ev, f->ring, f->process, &dir), NULL);
	blocker_wait_hit(&blocker);
	fixture_stop(f);
	assert_eq(fcntl(fd, F_GETFD), -1, "never closed");
	blocker_release(&blocker);
	loop_until(f, &closing.calls, 1);
	assert_result(pathring_close_recv(closing.req), -ECANCELED);
	talloc_free(closing.req);
}

struct destroyer {
	struct fixture *f;
	unsigned int calls;
};

static void free_engine(struct pathring_request *request, void *private_data)
{
	struct destroyer *destroyer = private_data;

	(void)request;
	destroyer->calls++;
	fixture_stop(destroyer->f);
}

BACKEND_TEST(destroy, from_a_callback)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct destroyer destroyer = { .f = f };
	struct pathring_request *request = NULL;
	struct open_answer answers[10] = { 0 };
	struct pathring_handle *handle = NULL;
	unsigned int total = 0;
	unsigned int i = 0;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	ret = pathring_openat_request(
		f->ring, f->process, f->dir, "file", &how, free_engine, &destroyer, &request);
	assert_result(ret, 0);
	for (i = 0; i < 10; i++) {
		send_open(f, &answers[i], "file", O_RDONLY, &total);
	}
	loop_until(f, &destroyer.calls, 1);
	loop_until(f, &total, 10);
	for (i = 0; i < 10; i++) {
		ret = pathring_openat_recv(answers[i].sent.req, f, &handle);
		assert_true(ret == -ECANCELED || ret == 0, "%d", ret);
		talloc_free(handle);
		handle = NULL;
		talloc_free(answers[i].sent.req);
	}
	assert_eq(destroyer.calls, 1);
}

BACKEND_TEST(destroy, after_the_answer_and_before_recv)
{
	struct open_answer answer = { 0 };
	unsigned int total = 0;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	send_open(f, &answer, "file", O_RDONLY, &total);
	loop_until(f, &total, 1);
	fixture_stop(f);
	ret = pathring_openat_recv(answer.sent.req, f, &answer.handle);
	assert_true(ret == 0 || ret == -ECANCELED, "%d", ret);
	talloc_free(answer.handle);
	talloc_free(answer.sent.req);
}

/* Handles and identities may be freed before the engine or after it. */
BACKEND_TEST(destroy, before_handles_and_identities)
{
	struct pathring_identity *identity = NULL;
	struct pathring_handle *handle = NULL;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	ret = pathring_identity_unix(f->ring, f, USER_A, USER_A, NULL, 0, &identity);
	assert_result(ret, 0);
	handle = must_open(f, identity, "file", O_RDONLY);
	fixture_stop(f);
	assert_geq(fcntl(pathring_handle_io_fd(handle), F_GETFD),
		   0,
		   "the engine closed somebody's handle");
	talloc_free(handle);
	talloc_free(identity);
}

BACKEND_TEST(destroy, again_and_again)
{
	unsigned int i = 0;

	scratch_file(f, "mine", USER_A, USER_A, 0600, "content");
	for (i = 0; i < 50; i++) {
		assert_result(try_open(f, fixture_user(f, USER_A), "mine", O_RDONLY), 0);
		assert_result(try_open(f, fixture_user(f, USER_B), "mine", O_RDONLY), -EACCES);
		fixture_restart(f, NULL);
	}
}

static void count_done(struct tevent_req *req)
{
	unsigned int *count = tevent_req_callback_data_void(req);

	(*count)++;
}

/* An event context that is not the engine's is the engine's concern as long as a request needs it.
 */
BACKEND_TEST(destroy, completed_for_other_event_contexts)
{
	struct pathring_how how = { .flags = O_PATH };
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct tevent_context *others[3] = { NULL };
	struct tevent_req *reqs[3] = { NULL };
	struct pathring_stats stats;
	unsigned int before = 0;
	unsigned int done = 0;
	unsigned int i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	for (i = 0; i < 3; i++) {
		others[i] = tevent_context_init(f);
		INSIDE(f,
		       reqs[i] = pathring_openat_send(
			       f, others[i], f->ring, f->process, f->dir, "file", &how));
		tevent_req_set_callback(reqs[i], count_done, &done);
	}
	do {
		assert_result(pathring_submit(f->ring), 0);
		nanosleep(&moment, NULL);
		stats = fixture_stats(f);
	} while (stats.in_flight + stats.queued > 0 && before++ < 10000);

	assert_eq(stats.in_flight + stats.queued, 0);
	fixture_stop(f);
	assert_eq(done, 0);
	for (i = 0; i < 3; i++) {
		struct pathring_handle *handle = NULL;

		assert_eq(tevent_loop_once(others[i]), 0);
		assert_eq(done, i + 1);
		assert_result(pathring_openat_recv(reqs[i], f, &handle), -ECANCELED);
		talloc_free(reqs[i]);
		talloc_free(others[i]);
	}
}
