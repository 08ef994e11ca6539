/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Letting go of things early: of a request in each of its states, of handles and identities that a
 * request still uses, and of the engine. Nothing may leak, nothing may be called, nobody may be
 * answered about the wrong file.
 */
#include <time.h>

#include "operations.h"

static void never_called(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
	assert_true(false, "the callback of a freed request was called");
}

static void never_done(struct tevent_req *req)
{
	(void)req;
	assert_true(false, "the callback of a freed tevent_req was called");
}

static const struct pathring_xattr_query query = { "user.test", 32 };
static const struct pathring_lookup_how lookup_how = { .mask = STATX_BASIC_STATS,
						       .xattrs = &query,
						       .num_xattrs = 1 };

/* One request that leaves a descriptor behind when nobody closes it; openat or lookup in turn. */
static void make_orphan(struct fixture *f,
			unsigned int i,
			const char *name,
			int flags,
			bool free_now,
			void **orphan)
{
	struct pathring_how how = { .flags = (uint64_t)flags };
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret = 0;

	switch (i % 4) {
	case 0:
		INSIDE(f,
		       req = pathring_openat_send(
			       f, f->ev, f->ring, f->process, f->dir, name, &how));
		break;
	case 1:
		INSIDE(f,
		       req = pathring_lookup_send(
			       f, f->ev, f->ring, f->process, f->dir, name, &lookup_how));
		break;
	case 2:
		INSIDE(f,
		       ret = pathring_openat_request(f->ring,
						     f->process,
						     f->dir,
						     name,
						     &how,
						     never_called,
						     NULL,
						     &request));
		break;
	default:
		INSIDE(f,
		       ret = pathring_lookup_request(f->ring,
						     f->process,
						     f->dir,
						     name,
						     &lookup_how,
						     never_called,
						     NULL,
						     &request));
		break;
	}
	assert_result(ret, 0);
	if (req != NULL) {
		tevent_req_set_callback(req, never_done, NULL);
	}
	if (free_now && req != NULL) {
		INSIDE(f, talloc_free(req));
	} else if (free_now) {
		INSIDE(f, pathring_request_free(request));
	} else {
		*orphan = req != NULL ? (void *)req : (void *)request;
	}
}

static void free_orphan(struct fixture *f, unsigned int i, void *orphan)
{
	if (i % 4 < 2) {
		INSIDE(f, talloc_free(orphan));
	} else {
		INSIDE(f, pathring_request_free(orphan));
	}
}

static void orphan_files(struct fixture *f)
{
	scratch_file(f, "file", 0, 0, 0644, "content");
	scratch_xattr(f, "file", "user.test", "test");
	/* Whatever the engine makes with its first request is not what leaks. */
	assert_result(try_lookup(f, f->process, "file"), 0);
}

BACKEND_TEST(orphan, just_made)
{
	unsigned int before = 0;
	unsigned int i = 0;

	orphan_files(f);
	before = count_descriptors();
	for (i = 0; i < 400; i++) {
		make_orphan(f, i, "file", O_RDONLY, true, NULL);
	}
	loop_settle(f);
	assert_eq(count_descriptors(), before);
	assert_eq(fixture_stats(f).orphaned, 400);
	assert_result(try_lookup(f, f->process, "file"), 0);
}

/*
 * A lookup may take several submissions, on a file system that statx may have to wait for: freed in
 * between it waits in the queue like one that never ran, and has opened something all the same.
 */
BACKEND_TEST(orphan, between_submissions)
{
	struct pathring_request *requests[100] = { NULL };
	struct pathring_handle *sys = NULL;
	const struct timespec moment = { .tv_nsec = 20000000 };
	unsigned int before = 0;
	unsigned int round = 0;
	unsigned int i = 0;
	int ret = 0;
	int fd = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_geq(fd, 0);
	assert_result(pathring_handle_borrow(f, fd, PATHRING_PATHREF, &sys), 0);
	orphan_files(f);
	before = count_descriptors();
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 100; i++) {
			INSIDE(f,
			       ret = pathring_lookup_request(f->ring,
							     f->process,
							     sys,
							     "kernel",
							     &lookup_how,
							     never_called,
							     NULL,
							     &requests[i]));
			assert_result(ret, 0);
		}
		assert_result(pathring_submit(f->ring), 0);
		/* Collects what the kernel has done meanwhile, after having nothing to submit. */
		nanosleep(&moment, NULL);
		assert_result(pathring_submit(f->ring), 0);
		for (i = 0; i < 100; i++) {
			INSIDE(f, pathring_request_free(requests[i]));
		}
		loop_settle(f);
		assert_eq(count_descriptors(), before);
	}
	talloc_free(sys);
	close(fd);
	assert_result(try_lookup(f, f->process, "file"), 0);
}

BACKEND_TEST(orphan, submitted)
{
	void *orphans[400];
	unsigned int before = 0;
	unsigned int i = 0;

	orphan_files(f);
	before = count_descriptors();
	for (i = 0; i < 400; i++) {
		make_orphan(f, i, "file", O_RDONLY, false, &orphans[i]);
	}
	assert_result(pathring_submit(f->ring), 0);
	for (i = 0; i < 400; i++) {
		free_orphan(f, i, orphans[i]);
	}
	loop_settle(f);
	assert_eq(count_descriptors(), before);
	assert_result(try_lookup(f, f->process, "file"), 0);
}

static bool nothing_in_flight(struct fixture *f, void *arg)
{
	(void)arg;
	return fixture_stats(f).in_flight == 0;
}

/*
 * Inside the kernel, asleep. What can be interrupted is: on the ring the request ends without the
 * lease being released.
 */
ASYNC_BACKEND_TEST(orphan, running)
{
	struct blocker blocker;
	unsigned int before = 0;
	void *orphan = NULL;
	unsigned int i = 0;

	orphan_files(f);
	for (i = 0; i < 4; i += 2) {
		before = count_descriptors();
		blocker_arm(&blocker, f, "blocked");
		make_orphan(f, i, "blocked", O_WRONLY, false, &orphan);
		blocker_wait_hit(&blocker);
		free_orphan(f, i, orphan);
		if (f->backend == PATHRING_BACKEND_URING) {
			loop_until_true(f, nothing_in_flight, NULL);
		}
		blocker_release(&blocker);
		loop_settle(f);
		assert_eq(count_descriptors(), before);
		assert_result(try_lookup(f, f->process, "file"), 0);
	}
}

/* It succeeds after nobody wants it any more: what it opened has to be closed. */
ASYNC_BACKEND_TEST(orphan, running_and_about_to_succeed)
{
	struct blocker blocker;
	unsigned int before = 0;
	void *orphan = NULL;
	unsigned int i = 0;

	orphan_files(f);
	for (i = 0; i < 40; i += 2) {
		before = count_descriptors();
		blocker_arm(&blocker, f, "blocked");
		make_orphan(f, i, "blocked", O_WRONLY, false, &orphan);
		blocker_wait_hit(&blocker);
		blocker_release(&blocker);
		free_orphan(f, i, orphan);
		loop_settle(f);
		assert_eq(count_descriptors(), before);
	}
}

static void ignore(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
}

/* Bring everything that was made to completion without giving the loop a chance to deliver it. */
static void complete_without_delivery(struct fixture *f)
{
	struct pathring_request *request = NULL;
	struct pathring_stats stats;
	unsigned int tries = 0;
	int ret = -1;

	for (tries = 0; tries < 100000; tries++) {
		stats = fixture_stats(f);
		if (stats.queued == 0 && stats.in_flight == 0) {
			return;
		}
		ret = pathring_lookup_request(
			f->ring, f->process, f->dir, "file", &lookup_how, ignore, NULL, &request);
		assert_result(ret, 0);
		assert_result(pathring_request_wait(request), 0);
		pathring_request_free(request);
	}
	assert_true(false, "%zu queued, %zu in flight", stats.queued, stats.in_flight);
}

BACKEND_TEST(orphan, completed_and_not_delivered)
{
	void *orphans[40];
	unsigned int before = 0;
	unsigned int i = 0;

	orphan_files(f);
	before = count_descriptors();
	for (i = 0; i < 40; i++) {
		make_orphan(f, i, "file", O_RDONLY, false, &orphans[i]);
	}
	complete_without_delivery(f);
	assert_geq(count_descriptors(), before + 40, "nothing was opened");
	for (i = 0; i < 40; i++) {
		free_orphan(f, i, orphans[i]);
	}
	assert_eq(count_descriptors(), before);
	loop_settle(f);
}

BACKEND_TEST(orphan, delivered_and_not_received)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct sent sent[40];
	unsigned int total = 0;
	unsigned int before = 0;
	unsigned int i = 0;

	orphan_files(f);
	before = count_descriptors();
	for (i = 0; i < 40; i++) {
		sent_watch(
			&sent[i],
			f,
			pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "file", &how),
			&total);
	}
	loop_until(f, &total, 40);
	assert_eq(count_descriptors(), before + 40);
	for (i = 0; i < 40; i++) {
		INSIDE(f, talloc_free(sent[i].req));
	}
	assert_eq(count_descriptors(), before);
}

BACKEND_TEST(orphan, by_freeing_the_parent_of_a_tevent_req)
{
	struct pathring_how how = { .flags = O_RDONLY };
	TALLOC_CTX *parent = talloc_new(f);
	unsigned int before = 0;
	unsigned int i = 0;

	orphan_files(f);
	before = count_descriptors();
	for (i = 0; i < 40; i++) {
		tevent_req_set_callback(
			pathring_openat_send(
				parent, f->ev, f->ring, f->process, f->dir, "file", &how),
			never_done,
			NULL);
	}
	INSIDE(f, talloc_free(parent));
	loop_settle(f);
	assert_eq(count_descriptors(), before);
}

ASYNC_BACKEND_TEST(orphan, by_a_deadline)
{
	struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_handle *handle = NULL;
	struct tevent_req *req = NULL;
	struct blocker blocker;
	unsigned int before = 0;
	bool ok = false;

	orphan_files(f);
	before = count_descriptors();
	blocker_arm(&blocker, f, "blocked");
	req = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "blocked", &how);
	blocker_wait_hit(&blocker);
	ok = tevent_req_set_endtime(req, f->ev, tevent_timeval_current_ofs(0, 1000));
	assert_true(ok);
	sent_complete(f, req);
	assert_result(pathring_openat_recv(req, f, &handle), -ETIMEDOUT);
	assert_null(handle);
	talloc_free(req);
	blocker_release(&blocker);
	loop_settle(f);
	assert_eq(count_descriptors(), before);
}

struct callback_frees {
	struct fixture *f;
	struct pathring_request *requests[20];
	unsigned int calls;
};

static void free_all_requests(struct pathring_request *request, void *private_data)
{
	struct callback_frees *state = private_data;
	bool known = false;
	size_t i = 0;

	state->calls++;
	for (i = 0; i < 20; i++) {
		known = known || state->requests[i] == request;
		pathring_request_free(state->requests[i]);
		state->requests[i] = NULL;
	}
	assert_true(known, "the callback of a freed request was called");
}

/*
 * The first callback frees its own request and all the others, whichever state they have reached.
 */
BACKEND_TEST(orphan, from_a_callback)
{
	struct callback_frees state = { .f = f };
	struct pathring_how how = { .flags = O_RDONLY };
	unsigned int before = 0;
	unsigned int i = 0;
	int ret = -1;

	orphan_files(f);
	before = count_descriptors();
	for (i = 0; i < 20; i++) {
		ret = pathring_openat_request(f->ring,
					      f->process,
					      f->dir,
					      "file",
					      &how,
					      free_all_requests,
					      &state,
					      &state.requests[i]);
		assert_result(ret, 0);
	}
	loop_until(f, &state.calls, 1);
	loop_settle(f);
	assert_eq(state.calls, 1);
	assert_eq(count_descriptors(), before);
}

/* Arguments may be freed or used again as soon as the call has returned. */
BACKEND_TEST(orphan, arguments_are_free_after_the_call)
{
	enum { COUNT = 300 };
	struct sent sent[COUNT];
	struct pathring_identity *identity = NULL;
	struct pathring_handle *dir = NULL;
	struct pathring_lookup *lookup = NULL;
	unsigned int before = 0;
	unsigned int total = 0;
	unsigned int i = 0;
	int ret = -1;

	orphan_files(f);
	scratch_directory(f, "sub", USER_A, USER_A, 0700);
	scratch_file(f, "sub/file", USER_A, USER_A, 0600, "content");
	scratch_xattr(f, "sub/file", "user.test", "test");
	before = count_descriptors();
	for (i = 0; i < COUNT; i++) {
		char path[16] = "file";
		char name[16] = "user.test";
		gid_t groups[2] = { GROUP_X, GROUP_X + i % 7 };
		struct pathring_xattr_query own_query = { name, 32 };
		struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS,
						   .xattrs = &own_query,
						   .num_xattrs = 1 };

		ret = pathring_identity_unix(f->ring, f, USER_A, USER_A, groups, 2, &identity);
		assert_result(ret, 0);
		ret = pathring_handle_dup(
			f, pathring_handle_pathref_fd(f->dir), PATHRING_PATHREF, &dir);
		assert_result(ret, 0);
		talloc_free(dir);
		dir = must_open(f, identity, "sub", O_PATH | O_DIRECTORY);
		sent_watch(&sent[i],
			   f,
			   pathring_lookup_send(f, f->ev, f->ring, identity, dir, path, &how),
			   &total);
		INSIDE(f, talloc_free(identity));
		INSIDE(f, talloc_free(dir));
		memset(path, 'x', sizeof(path));
		memset(name, 'x', sizeof(name));
		memset(groups, 0, sizeof(groups));
		memset(&how, 0xff, sizeof(how));
		memset(&own_query, 0xff, sizeof(own_query));
	}
	loop_until(f, &total, COUNT);
	for (i = 0; i < COUNT; i++) {
		assert_result(pathring_lookup_recv(sent[i].req, f, &lookup), 0);
		assert_eq(lookup->stx.stx_uid, USER_A);
		assert_result(lookup->xattrs[0].length, 4);
		talloc_free(lookup);
		talloc_free(sent[i].req);
	}
	assert_eq(count_descriptors(), before);
}

/*
 * The number of a directory's descriptor is looked at when the operation starts, not when it is
 * submitted. With the one helper thread busy, or all kernel workers (4 for each processor), the
 * requests below wait while the handle is freed and other directories are opened, which would get
 * its number. On the ring that is statx, which never runs inside of the submission, asked to go to
 * the file system.
 */
ASYNC_BACKEND_TEST(handle, freed_while_requests_wait_is_not_reused)
{
	enum { BLOCKED = 300, LOOKUPS = 100, OTHERS = 20 };
	struct pathring_options options = { .max_threads = 1, .entries = 512 };
	struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_handle *dir = NULL;
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *handle = NULL;
	struct sent blocked[BLOCKED];
	struct sent sent[LOOKUPS];
	struct sent stats[LOOKUPS];
	struct blocker blocker;
	struct statx stx;
	unsigned int total = 0;
	int others[OTHERS];
	unsigned int i = 0;
	ino_t right = 0;

	fixture_restart(f, &options);
	scratch_directory(f, "right", 0, 0, 0755);
	scratch_directory(f, "wrong", 0, 0, 0755);
	scratch_file(f, "right/file", USER_A, 0, 0644, "content");
	scratch_file(f, "wrong/file", USER_B, 0, 0644, "content");
	right = scratch_stat(f, "right").st_ino;
	dir = must_open(f, f->process, "right", O_PATH | O_DIRECTORY);
	blocker_arm(&blocker, f, "blocked");
	for (i = 0; i < BLOCKED; i++) {
		sent_watch(&blocked[i],
			   f,
			   pathring_openat_send(
				   f, f->ev, f->ring, f->process, f->dir, "blocked", &how),
			   &total);
	}
	blocker_wait_hit(&blocker);
	for (i = 0; i < LOOKUPS; i++) {
		sent_watch(&sent[i],
			   f,
			   pathring_lookup_send(
				   f, f->ev, f->ring, f->process, dir, "file", &lookup_how),
			   &total);
		sent_watch(&stats[i],
			   f,
			   pathring_statx_send(f,
					       f->ev,
					       f->ring,
					       f->process,
					       dir,
					       AT_STATX_FORCE_SYNC,
					       STATX_BASIC_STATS),
			   &total);
	}
	assert_result(pathring_submit(f->ring), 0);
	INSIDE(f, talloc_free(dir));
	for (i = 0; i < OTHERS; i++) {
		others[i] = open(scratch_path(f, "wrong"), O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_geq(others[i], 0);
	}
	blocker_release(&blocker);
	loop_until(f, &total, BLOCKED + 2 * LOOKUPS);
	for (i = 0; i < LOOKUPS; i++) {
		assert_result(pathring_lookup_recv(sent[i].req, f, &lookup), 0);
		assert_eq(lookup->stx.stx_uid, USER_A, "answered about another directory");
		talloc_free(lookup);
		talloc_free(sent[i].req);
		assert_result(pathring_statx_recv(stats[i].req, &stx), 0);
		assert_eq(stx.stx_ino, right, "answered about another directory");
		talloc_free(stats[i].req);
	}
	for (i = 0; i < BLOCKED; i++) {
		assert_result(pathring_openat_recv(blocked[i].req, f, &handle), 0);
		talloc_free(handle);
		talloc_free(blocked[i].req);
	}
	for (i = 0; i < OTHERS; i++) {
		close(others[i]);
	}
}

/* Files that are created go another way than others, since umask is not to shape them. */
BACKEND_TEST(orphan, that_creates)
{
	enum { COUNT = 100 };
	struct pathring_how how = { .flags = O_RDWR | O_CREAT, .mode = 0666 };
	struct tevent_req *reqs[COUNT];
	unsigned int before = 0;
	unsigned int i = 0;
	char *name = NULL;

	orphan_files(f);
	assert_result(try_open(f, f->process, "file", O_RDWR | O_CREAT), 0);
	before = count_descriptors();
	for (i = 0; i < COUNT; i++) {
		name = talloc_asprintf(f, "new%u", i);
		reqs[i] = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, name, &how);
		tevent_req_set_callback(reqs[i], never_done, NULL);
		if (i == COUNT / 2) {
			assert_result(pathring_submit(f->ring), 0);
		}
	}
	for (i = 0; i < COUNT; i++) {
		INSIDE(f, talloc_free(reqs[i]));
	}
	loop_settle(f);
	assert_eq(count_descriptors(), before);
}

/* Freed while it waits for others a close leaves the descriptor to the last of them. */
ASYNC_BACKEND_TEST(orphan, close_that_waits)
{
	struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_handle *handle = NULL;
	struct pathring_handle *dir = NULL;
	struct tevent_req *req = NULL;
	struct blocker blocker;
	struct sent opening;
	int fd = -1;

	scratch_directory(f, "sub", 0, 0, 0755);
	dir = must_open(f, f->process, "sub", O_PATH | O_DIRECTORY);
	fd = pathring_handle_pathref_fd(dir);
	blocker_arm(&blocker, f, "sub/blocked");
	sent_watch(&opening,
		   f,
		   pathring_openat_send(f, f->ev, f->ring, f->process, dir, "blocked", &how),
		   NULL);
	blocker_wait_hit(&blocker);
	INSIDE(f, req = pathring_close_send(f, f->ev, f->ring, f->process, &dir));
	tevent_req_set_callback(req, never_done, NULL);
	INSIDE(f, talloc_free(req));
	assert_geq(fcntl(fd, F_GETFD), 0, "closed while in use");
	blocker_release(&blocker);
	loop_until(f, &opening.calls, 1);
	assert_eq(fcntl(fd, F_GETFD), -1, "never closed");
	assert_result(pathring_openat_recv(opening.req, f, &handle), 0);
	talloc_free(handle);
	talloc_free(opening.req);
}

/* A close waits for those who were there before. */
ASYNC_BACKEND_TEST(handle, closed_after_the_last_request_that_uses_it)
{
	struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_handle *handle = NULL;
	struct pathring_handle *dir = NULL;
	struct blocker blocker;
	struct sent opening;
	struct sent closing;
	int fd = -1;

	scratch_directory(f, "sub", 0, 0, 0755);
	dir = must_open(f, f->process, "sub", O_PATH | O_DIRECTORY);
	fd = pathring_handle_pathref_fd(dir);
	blocker_arm(&blocker, f, "sub/blocked");
	sent_watch(&opening,
		   f,
		   pathring_openat_send(f, f->ev, f->ring, f->process, dir, "blocked", &how),
		   NULL);
	sent_watch(&closing, f, pathring_close_send(f, f->ev, f->ring, f->process, &dir), NULL);
	assert_null(dir);
	blocker_wait_hit(&blocker);
	loop_turns(f, 50);
	assert_eq(closing.calls, 0, "closed while in use");
	assert_geq(fcntl(fd, F_GETFD), 0, "closed while in use");
	blocker_release(&blocker);
	loop_until(f, &opening.calls, 1);
	loop_until(f, &closing.calls, 1);
	assert_eq(fcntl(fd, F_GETFD), -1);
	assert_result(pathring_close_recv(closing.req), 0);
	assert_result(pathring_openat_recv(opening.req, f, &handle), 0);
	talloc_free(handle);
	talloc_free(opening.req);
	talloc_free(closing.req);
}
