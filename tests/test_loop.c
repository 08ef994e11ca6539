/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine and the event loop: when callbacks run and when not, which event context they belong
 * to, waiting for one request, the bounds on how many there are, and that each is completed once.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "operations.h"

static const struct pathring_lookup_how lookup_how = { .mask = STATX_BASIC_STATS };

static void count_up(struct pathring_request *request, void *private_data)
{
	unsigned int *count = private_data;

	(void)request;
	(*count)++;
}

static void make_lookup(struct fixture *f, struct call *call, unsigned int *total)
{
	int ret = -1;

	memset(call, 0, sizeof(*call));
	call->f = f;
	call->total = total;
	INSIDE(f,
	       ret = pathring_lookup_request(f->ring,
					     f->process,
					     f->dir,
					     "file",
					     &lookup_how,
					     call_done,
					     call,
					     &call->request));
	assert_result(ret, 0);
}

/* Every wrapper raises f->inside while a call is made, and every callback looks at it. */
BACKEND_TEST(callback, runs_from_the_loop_alone)
{
	enum { COUNT = 200 };
	struct call calls[COUNT];
	unsigned int total = 0;
	unsigned int i = 0;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	for (i = 0; i < COUNT; i++) {
		make_lookup(f, &calls[i], &total);
	}
	for (i = 0; i < COUNT; i += 3) {
		INSIDE(f, ret = pathring_request_wait(calls[i].request));
		assert_result(ret, 0);
		assert_result(pathring_lookup_result(calls[i].request, NULL, NULL), 0);
		INSIDE(f, ret = pathring_submit(f->ring));
		assert_result(ret, 0);
	}
	for (i = 1; i < COUNT; i += 3) {
		INSIDE(f, pathring_request_free(calls[i].request));
	}
	assert_eq(total, 0, "a callback ran outside of the loop");
	loop_until(f, &total, (COUNT - 1) / 3);
	loop_settle(f);
	for (i = 0; i < COUNT; i++) {
		assert_eq(calls[i].calls, i % 3 == 2, "request %u", i);
		if (i % 3 != 1) {
			pathring_request_free(calls[i].request);
		}
	}
}

/* An error that is known at once is delivered like any other. */
BACKEND_TEST(callback, of_an_immediate_error_runs_from_the_loop)
{
	struct pathring_how how = { .flags = O_RDONLY, .resolve = 1ULL << 40 };
	struct pathring_handle *handle = NULL;
	struct tevent_req *req = NULL;

	INSIDE(f, req = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "file", &how));
	sent_complete(f, req);
	assert_result(pathring_openat_recv(req, f, &handle), -EINVAL);
	talloc_free(req);
}

struct chain {
	struct fixture *f;
	struct pathring_request *request;
	unsigned int length;
};

static void chain_next(struct pathring_request *request, void *private_data)
{
	struct chain *chain = private_data;
	int ret = -1;

	assert_true(request == chain->request);
	assert_eq(chain->f->inside, 0);
	assert_result(pathring_lookup_result(request, NULL, NULL), 0);
	pathring_request_free(request);
	chain->request = NULL;
	chain->length++;
	if (chain->length < 1000) {
		INSIDE(chain->f,
		       ret = pathring_lookup_request(chain->f->ring,
						     chain->f->process,
						     chain->f->dir,
						     "file",
						     &lookup_how,
						     chain_next,
						     chain,
						     &chain->request));
		assert_result(ret, 0);
	}
}

BACKEND_TEST(callback, makes_the_next_request)
{
	struct chain chain = { .f = f };
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	ret = pathring_lookup_request(f->ring,
				      f->process,
				      f->dir,
				      "file",
				      &lookup_how,
				      chain_next,
				      &chain,
				      &chain.request);
	assert_result(ret, 0);
	loop_until(f, &chain.length, 1000);
}

static bool has_completions_in_child(struct fixture *f)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		_exit(pathring_has_completions(f->ring) ? 1 : 0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status) != 0;
}

/* Once as the backend has it, once as the engine has taken it and not told of it. */
BACKEND_TEST(completions, are_seen_without_the_loop)
{
	struct call call = { 0 };
	unsigned int total = 0;
	unsigned int waited = 0;
	bool seen = true;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	loop_settle(f);
	INSIDE(f, seen = pathring_has_completions(f->ring));
	assert_false(seen, "before there was a request");
	make_lookup(f, &call, &total);
	INSIDE(f, ret = pathring_submit(f->ring));
	assert_result(ret, 0);
	while (!pathring_has_completions(f->ring)) {
		assert_lt(waited, LOOP_BOUND_SECONDS * 1000);
		usleep(1000);
		waited++;
	}
	INSIDE(f, ret = pathring_submit(f->ring));
	assert_result(ret, 0);
	INSIDE(f, seen = pathring_has_completions(f->ring));
	assert_true(seen, "taken by the engine");
	assert_false(has_completions_in_child(f));
	assert_eq(total, 0, "delivered without the loop");
	loop_until(f, &total, 1);
	loop_settle(f);
	INSIDE(f, seen = pathring_has_completions(f->ring));
	assert_false(seen, "after all is told");
	pathring_request_free(call.request);
}

struct nested {
	struct fixture *f;
	struct pathring_request *request;
	struct call other;
	unsigned int calls;
};

static void wait_for_other(struct pathring_request *request, void *private_data)
{
	struct nested *nested = private_data;
	int ret = -1;

	(void)request;
	INSIDE(nested->f, ret = pathring_request_wait(nested->other.request));
	assert_result(ret, 0);
	assert_result(pathring_lookup_result(nested->other.request, NULL, NULL), 0);
	nested->calls++;
}

BACKEND_TEST(wait, inside_of_a_callback)
{
	struct nested nested = { .f = f };
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	ret = pathring_lookup_request(f->ring,
				      f->process,
				      f->dir,
				      "file",
				      &lookup_how,
				      wait_for_other,
				      &nested,
				      &nested.request);
	assert_result(ret, 0);
	make_lookup(f, &nested.other, NULL);
	loop_until(f, &nested.calls, 1);
	loop_settle(f);
	/* Delivered before or never, but not after it was waited for. */
	assert_leq(nested.other.calls, 1);
	pathring_request_free(nested.request);
	pathring_request_free(nested.other.request);
}

BACKEND_TEST(wait, again_and_after_delivery)
{
	struct call call;

	scratch_file(f, "file", 0, 0, 0644, "content");
	make_lookup(f, &call, NULL);
	assert_result(pathring_request_wait(call.request), 0);
	assert_result(pathring_request_wait(call.request), 0);
	pathring_request_free(call.request);

	make_lookup(f, &call, NULL);
	loop_until(f, &call.calls, 1);
	assert_result(pathring_request_wait(call.request), 0);
	assert_result(pathring_lookup_result(call.request, NULL, NULL), 0);
	pathring_request_free(call.request);
}

/* One that hangs holds up neither the wait for another nor the delivery of others. */
ASYNC_BACKEND_TEST(wait, is_not_held_up_by_another_request)
{
	struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_handle *handle = NULL;
	struct tevent_req *req = NULL;
	struct blocker blocker;
	struct sent sent;
	struct call call;

	scratch_file(f, "file", 0, 0, 0644, "content");
	blocker_arm(&blocker, f, "blocked");
	req = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "blocked", &how);
	sent_watch(&sent, f, req, NULL);
	blocker_wait_hit(&blocker);
	make_lookup(f, &call, NULL);
	assert_result(pathring_request_wait(call.request), 0);
	pathring_request_free(call.request);
	assert_result(try_lookup(f, f->process, "file"), 0);
	assert_eq(sent.calls, 0);
	assert_eq(fixture_stats(f).in_flight, 1);
	blocker_release(&blocker);
	loop_until(f, &sent.calls, 1);
	assert_result(pathring_openat_recv(req, f, &handle), 0);
	talloc_free(handle);
	talloc_free(req);
}

/* How often this thread has gone to sleep. */
static long sleeps(void)
{
	struct rusage usage = { 0 };

	assert_eq(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nvcsw;
}

/* The end of a file is found by a second read: it need not be waited for, and is not. */
URING_TEST(wait, takes_the_next_step_at_once)
{
	struct pathring_handle *handle = NULL;
	char buffer[16];
	long before = 0;
	unsigned int i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_RDONLY);
	f->form = FORM_WAIT;
	before = sleeps();
	for (i = 0; i < 50; i++) {
		assert_result(do_pread(f, f->process, handle, buffer, sizeof(buffer), 0), 7);
	}
	assert_lt(sleeps() - before, 25);
	talloc_free(handle);
}

/* Nor what this thread does itself, in portions for the loop that does not run here. */
ONE_TEST_ON(wait, for_the_last_of_many, inline)
{
	struct call *calls = talloc_zero_array(f, struct call, 20000);
	long before = 0;
	size_t i = 0;
	int ret = -1;

	assert_not_null(calls);
	for (i = 0; i < 20000; i++) {
		calls[i].f = f;
		ret = pathring_getxattr_request(f->ring,
						f->process,
						f->dir,
						"user.none",
						0,
						call_done,
						&calls[i],
						&calls[i].request);
		assert_result(ret, 0);
	}
	before = sleeps();
	assert_result(pathring_request_wait(calls[19999].request), 0);
	assert_lt(sleeps() - before, 5);
	for (i = 0; i < 20000; i++) {
		pathring_request_free(calls[i].request);
	}
	talloc_free(calls);
}

/* A result asked for too early is no result. */
ASYNC_BACKEND_TEST(result, of_a_request_that_is_not_complete)
{
	struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_handle *handle = NULL;
	struct call call = { .f = f };
	struct blocker blocker;
	int ret = -1;

	blocker_arm(&blocker, f, "blocked");
	ret = pathring_openat_request(
		f->ring, f->process, f->dir, "blocked", &how, call_done, &call, &call.request);
	assert_result(ret, 0);
	ret = pathring_openat_result(call.request, f, &handle);
	assert_lt(ret, 0);
	assert_null(handle);
	blocker_wait_hit(&blocker);
	ret = pathring_openat_result(call.request, f, &handle);
	assert_lt(ret, 0);
	assert_null(handle);
	blocker_release(&blocker);
	loop_until(f, &call.calls, 1);
	assert_result(pathring_openat_result(call.request, f, &handle), 0);
	talloc_free(handle);
	pathring_request_free(call.request);
}

BACKEND_TEST(event_context, of_its_own_polled_alone)
{
	struct tevent_context *other = tevent_context_init(f);
	struct pathring_lookup *lookup = NULL;
	struct tevent_req *req = NULL;
	unsigned int i = 0;
	bool ok = false;

	scratch_file(f, "file", 0, 0, 0644, "content");
	for (i = 0; i < 50; i++) {
		req = pathring_lookup_send(
			f, other, f->ring, f->process, f->dir, "file", &lookup_how);
		ok = tevent_req_poll(req, other);
		assert_true(ok);
		assert_result(pathring_lookup_recv(req, f, &lookup), 0);
		talloc_free(lookup);
		talloc_free(req);
	}
	talloc_free(other);
	assert_result(try_lookup(f, f->process, "file"), 0);
}

/* What belongs to one context is not delivered by another, whoever turns first. */
BACKEND_TEST(event_context, delivers_its_own_requests)
{
	struct tevent_context *other = tevent_context_init(f);
	struct sent theirs[20];
	struct sent ours[20];
	unsigned int their_total = 0;
	unsigned int our_total = 0;
	unsigned int i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	for (i = 0; i < 20; i++) {
		sent_watch(&theirs[i],
			   f,
			   pathring_lookup_send(
				   f, other, f->ring, f->process, f->dir, "file", &lookup_how),
			   &their_total);
		sent_watch(&ours[i],
			   f,
			   pathring_lookup_send(
				   f, f->ev, f->ring, f->process, f->dir, "file", &lookup_how),
			   &our_total);
	}
	loop_until(f, &our_total, 20);
	loop_settle(f);
	assert_eq(their_total, 0, "delivered by a loop that was not theirs");
	for (i = 0; i < 1000 && their_total < 20; i++) {
		assert_eq(tevent_loop_once(other), 0);
	}
	assert_eq(their_total, 20);
	for (i = 0; i < 20; i++) {
		talloc_free(theirs[i].req);
		talloc_free(ours[i].req);
	}
	talloc_free(other);
}

/* A nested context may go while something of its was not delivered. */
BACKEND_TEST(event_context, freed_with_requests_pending)
{
	struct tevent_context *other = tevent_context_init(f);
	TALLOC_CTX *requests = talloc_new(f);
	unsigned int before = 0;
	unsigned int i = 0;

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(try_lookup(f, f->process, "file"), 0);
	for (i = 0; i < 20; i++) {
		pathring_lookup_send(
			requests, other, f->ring, f->process, f->dir, "file", &lookup_how);
	}
	talloc_free(requests);
	talloc_free(other);
	loop_settle(f);
	before = count_descriptors();
	assert_result(try_lookup(f, f->process, "file"), 0);
	assert_eq(count_descriptors(), before);
}

/* ---- bounds ---- */

BACKEND_TEST(bounds, too_many_requests)
{
	struct pathring_options options = { .max_requests = 4 };
	struct pathring_request *request = NULL;
	struct pathring_handle *handle = NULL;
	struct pathring_lookup *lookup = NULL;
	struct tevent_req *req = NULL;
	struct call calls[4];
	unsigned int total = 0;
	unsigned int i = 0;
	int fd = -1;
	int ret = -1;

	fixture_restart(f, &options);
	scratch_file(f, "file", 0, 0, 0644, "content");
	handle = must_open(f, f->process, "file", O_RDONLY);
	fd = pathring_handle_io_fd(handle);
	for (i = 0; i < 4; i++) {
		make_lookup(f, &calls[i], &total);
	}
	ret = pathring_lookup_request(
		f->ring, f->process, f->dir, "file", &lookup_how, count_up, &total, &request);
	assert_result(ret, -ENOBUFS);
	assert_null(request);
	ret = pathring_close_request(f->ring, f->process, &handle, count_up, &total, &request);
	assert_result(ret, -ENOBUFS);
	assert_null(handle, "close has to take the handle also when it fails");
	assert_eq(fcntl(fd, F_GETFD), -1, "and to close it");
	req = pathring_lookup_send(f, f->ev, f->ring, f->process, f->dir, "file", &lookup_how);
	sent_complete(f, req);
	assert_result(pathring_lookup_recv(req, f, &lookup), -ENOBUFS);
	talloc_free(req);
	loop_until(f, &total, 4);
	for (i = 0; i < 4; i++) {
		assert_result(pathring_lookup_result(calls[i].request, NULL, NULL), 0);
		pathring_request_free(calls[i].request);
	}
	assert_result(try_lookup(f, f->process, "file"), 0);
}

struct one {
	struct pathring_request *request;
	unsigned int calls;
	unsigned int *total;
};

static void one_done(struct pathring_request *request, void *private_data)
{
	struct one *one = private_data;

	assert_true(one->request == request);
	one->calls++;
	(*one->total)++;
}

static struct one *make_many(struct fixture *f, unsigned int count, unsigned int *total)
{
	struct one *many = talloc_zero_array(f, struct one, count);
	struct pathring_how how = { .flags = O_PATH };
	struct pathring_lookup_how missing_how = lookup_how;
	unsigned int i = 0;
	int ret = -1;

	assert_not_null(many);
	for (i = 0; i < count; i++) {
		many[i].total = total;
		if (i % 2 == 0) {
			ret = pathring_openat_request(f->ring,
						      f->process,
						      f->dir,
						      i % 4 == 0 ? "missing" : "sub/missing",
						      &how,
						      one_done,
						      &many[i],
						      &many[i].request);
		} else {
			ret = pathring_lookup_request(f->ring,
						      f->process,
						      f->dir,
						      "missing",
						      &missing_how,
						      one_done,
						      &many[i],
						      &many[i].request);
		}
		assert_result(ret, 0);
	}
	return many;
}

static void check_many(struct one *many, unsigned int count)
{
	struct pathring_handle *handle = NULL;
	unsigned int i = 0;

	for (i = 0; i < count; i++) {
		assert_eq(many[i].calls, 1, "request %u", i);
		if (i % 2 == 0) {
			assert_result(pathring_openat_result(many[i].request, NULL, &handle),
				      -ENOENT);
		} else {
			assert_result(pathring_lookup_result(many[i].request, NULL, NULL), -ENOENT);
		}
		pathring_request_free(many[i].request);
	}
}

BACKEND_TEST(bounds, twenty_thousand_at_once_each_completed_once)
{
	enum { COUNT = 20000 };
	unsigned int total = 0;
	struct one *many = make_many(f, COUNT, &total);
	struct pathring_stats stats;

	loop_until(f, &total, COUNT);
	loop_settle(f);
	assert_eq(total, COUNT);
	check_many(many, COUNT);
	stats = fixture_stats(f);
	assert_eq(stats.queued, 0);
	assert_eq(stats.in_flight, 0);
	assert_eq(stats.operation[PATHRING_OPENAT].failed, COUNT / 2);
	assert_eq(stats.operation[PATHRING_LOOKUP].failed, COUNT / 2);
}

/*
 * The smallest ring: 8 entries, 32 completions. The rest waits in the engine's own queue, and is
 * counted there.
 */
BACKEND_TEST(bounds, in_flight_never_exceeds_the_completion_queue)
{
	enum { COUNT = 3000 };
	struct pathring_options options = { .entries = 16, .max_threads = 4 };
	struct pathring_stats stats;
	struct one *many = NULL;
	unsigned int total = 0;
	size_t most_queued = 0;

	fixture_restart(f, &options);
	many = make_many(f, COUNT, &total);
	stats = fixture_stats(f);
	assert_eq(stats.queued + stats.in_flight, COUNT);
	while (total < COUNT) {
		unsigned int before = total;

		assert_eq(tevent_loop_once(f->ev), 0);
		stats = fixture_stats(f);
		if (f->backend == PATHRING_BACKEND_URING) {
			/* Of 64 completions 16 are kept for the engine's own entries. */
			assert_leq(stats.in_flight, 48);
		}
		assert_leq(stats.queued + stats.in_flight, COUNT - before);
		most_queued = stats.queued > most_queued ? stats.queued : most_queued;
	}
	if (f->backend == PATHRING_BACKEND_URING) {
		assert_gt(most_queued, COUNT / 2, "nothing waited");
	}
	check_many(many, COUNT);
}

BACKEND_TEST(bounds, options)
{
	static const unsigned int bad_entries[] = { 1, 8, 15, 17, 100, 8192 };
	struct pathring_options options = { .backend = f->backend };
	struct pathring *ring = NULL;
	size_t i = 0;

	for (i = 0; i < sizeof(bad_entries) / sizeof(bad_entries[0]); i++) {
		options.entries = bad_entries[i];
		assert_result(pathring_create(f, f->ev, &options, &ring), -EINVAL);
	}
	options.entries = 0;
	options.max_personalities = 65536;
	assert_result(pathring_create(f, f->ev, &options, &ring), -EINVAL);
	options.max_personalities = 1;
	assert_result(pathring_create(f, f->ev, &options, &ring), -EINVAL);
	options.max_personalities = 0;
	options.backend = (enum pathring_backend)17;
	assert_result(pathring_create(f, f->ev, &options, &ring), -EINVAL);
	assert_null(ring);
	assert_result(pathring_create(f, f->ev, NULL, &ring), 0);
	talloc_free(ring);
}

/* ---- submission ---- */

/* However many requests one turn of the loop makes, they are given to the kernel together. */
URING_TEST(submission, is_one_system_call_a_turn)
{
	enum { COUNT = 200 };
	struct pathring_how how = { .flags = O_PATH };
	struct pathring_stats before;
	struct pathring_stats after;
	struct one *many = talloc_zero_array(f, struct one, COUNT);
	unsigned int total = 0;
	unsigned int i = 0;
	int ret = -1;

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(try_open(f, f->process, "file", O_PATH), 0);
	before = fixture_stats(f);
	for (i = 0; i < COUNT; i++) {
		many[i].total = &total;
		ret = pathring_openat_request(f->ring,
					      f->process,
					      f->dir,
					      "file",
					      &how,
					      one_done,
					      &many[i],
					      &many[i].request);
		assert_result(ret, 0);
	}
	loop_until(f, &total, COUNT);
	after = fixture_stats(f);
	assert_eq(after.submissions - before.submissions, COUNT);
	assert_eq(after.enters - before.enters, 1, "%d requests of one turn", COUNT);
	for (i = 0; i < COUNT; i++) {
		pathring_request_free(many[i].request);
	}
}

URING_TEST(submission, on_demand)
{
	struct pathring_stats before;
	struct pathring_stats after;
	struct call call;

	scratch_file(f, "file", 0, 0, 0644, "content");
	assert_result(try_lookup(f, f->process, "file"), 0);
	make_lookup(f, &call, NULL);
	before = fixture_stats(f);
	assert_result(pathring_submit(f->ring), 0);
	after = fixture_stats(f);
	assert_eq(after.queued, 0);
	assert_eq(after.enters, before.enters + 1);
	assert_result(pathring_submit(f->ring), 0);
	assert_eq(fixture_stats(f).enters, after.enters, "a system call for nothing");
	loop_until(f, &call.calls, 1);
	pathring_request_free(call.request);
}
