/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose engine it is: a child that inherits a running one gets an error from every call and can't
 * harm the parent's, and so does another thread. One that was not started yet works in whichever
 * process uses it.
 */
#include "operations.h"

#include <pthread.h>

static void unexpected(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
	assert_true(false, "a callback ran where the engine does not belong");
}

struct foreign {
	struct fixture *f;
	struct pathring_identity *identity;
	struct pathring_handle *file;
	int expected;
	const char *failed; /* the first call that answered otherwise */
	int answer;
};

static void note(struct foreign *foreign, const char *call, long long answer)
{
	if (answer != foreign->expected && foreign->failed == NULL) {
		foreign->failed = call;
		foreign->answer = (int)answer;
	}
}

static void foreign_requests(struct foreign *foreign)
{
	struct pathring *ring = foreign->f->ring;
	struct pathring_identity *identity = foreign->identity;
	struct pathring_handle *dir = foreign->f->dir;
	struct pathring_handle *own = NULL;
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_lookup_how lookup_how = { .mask = STATX_BASIC_STATS };
	struct pathring_request *r = NULL;

	note(foreign,
	     "openat",
	     pathring_openat_request(ring, identity, dir, "file", &how, unexpected, NULL, &r));
	note(foreign,
	     "lookup",
	     pathring_lookup_request(
		     ring, identity, dir, "file", &lookup_how, unexpected, NULL, &r));
	note(foreign,
	     "statx",
	     pathring_statx_request(ring, identity, dir, 0, STATX_SIZE, unexpected, NULL, &r));
	note(foreign,
	     "getxattr",
	     pathring_getxattr_request(ring, identity, dir, "user.x", 9, unexpected, NULL, &r));
	note(foreign,
	     "pread",
	     pathring_pread_request(ring, identity, foreign->file, 1, 0, unexpected, NULL, &r));
	note(foreign,
	     "pwrite",
	     pathring_pwrite_request(
		     ring, identity, foreign->file, "x", 1, 0, unexpected, NULL, &r));
	note(foreign,
	     "fsync",
	     pathring_fsync_request(ring, identity, foreign->file, false, unexpected, NULL, &r));
	if (pathring_handle_dup(NULL, 2, PATHRING_IO, &own) == 0) {
		note(foreign,
		     "close",
		     pathring_close_request(ring, identity, &own, unexpected, NULL, &r));
		note(foreign, "close, the handle", own == NULL ? foreign->expected : 1);
	}
	note(foreign, "any request", r == NULL ? foreign->expected : 1);
}

static void foreign_calls(struct foreign *foreign)
{
	struct pathring *ring = foreign->f->ring;
	struct pathring_identity *identity = NULL;
	char *text = NULL;

	foreign_requests(foreign);
	note(foreign, "start", pathring_start(ring));
	note(foreign, "submit", pathring_submit(ring));
	note(foreign,
	     "identity_unix",
	     pathring_identity_unix(ring, NULL, 1, 1, NULL, 0, &identity));
	note(foreign, "identity_current", pathring_identity_current(ring, NULL, &identity));
	text = pathring_describe(ring, NULL);
	note(foreign, "describe", text != NULL ? foreign->expected : 1);
	talloc_free(text);
}

static void prepare_foreign(struct fixture *f, struct foreign *foreign, int expected)
{
	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "content");
	foreign->f = f;
	foreign->identity = fixture_user(f, USER_A);
	foreign->file = must_open(f, foreign->identity, "file", O_RDWR);
	foreign->expected = expected;
	foreign->failed = NULL;
}

static void check_foreign(const struct foreign *foreign)
{
	assert_true(foreign->failed == NULL,
		    "%s: %d (%s)",
		    foreign->failed,
		    foreign->answer,
		    foreign->answer < 0 ? strerror(-foreign->answer) : "no error");
}

static void call_everything(struct fixture *f, void *arg)
{
	struct foreign *foreign = arg;

	(void)f;
	foreign_calls(foreign);
	check_foreign(foreign);
}

static void call_as_tevent_req(struct fixture *f, void *arg)
{
	struct foreign *foreign = arg;
	struct pathring_how how = { .flags = O_RDONLY };
	struct tevent_context *ev = tevent_context_init(f);
	struct pathring_handle *handle = NULL;
	struct tevent_req *req = NULL;

	req = pathring_openat_send(f, ev, f->ring, foreign->identity, f->dir, "file", &how);
	assert_not_null(req);
	assert_true(tevent_req_poll(req, ev));
	assert_result(pathring_openat_recv(req, f, &handle), -ECHILD);
	talloc_free(req);
}

static void free_everything(struct fixture *f, void *arg)
{
	struct foreign *foreign = arg;

	talloc_free(foreign->file);
	talloc_free(foreign->identity);
	talloc_free(f->ring);
	f->ring = NULL;
	/* And what a process of its own makes works. */
	fixture_restart(f, NULL);
	assert_result(try_open(f, fixture_user(f, USER_A), "file", O_RDWR), 0);
	assert_result(try_open(f, fixture_user(f, USER_A), "of_b", O_RDWR), -EACCES);
	fixture_stop(f);
}

static void check_parent(struct fixture *f, struct foreign *foreign)
{
	uint8_t buffer[16];

	assert_result(try_open(f, foreign->identity, "file", O_RDONLY), 0);
	assert_result(try_open(f, foreign->identity, "of_b", O_RDONLY), -EACCES);
	assert_result(try_open(f, fixture_user(f, USER_B), "of_b", O_RDONLY), 0);
	assert_result(do_pread(f, foreign->identity, foreign->file, buffer, sizeof(buffer), 0), 7);
	assert_bytes(buffer, "content", 7);
}

BACKEND_TEST(child, gets_an_error_from_every_call)
{
	struct foreign foreign;

	prepare_foreign(f, &foreign, -ECHILD);
	in_child(f, call_everything, &foreign);
	check_parent(f, &foreign);
	in_child(f, call_as_tevent_req, &foreign);
	check_parent(f, &foreign);
	talloc_free(foreign.file);
}

BACKEND_TEST(child, frees_what_it_inherited)
{
	struct foreign foreign;
	unsigned int i = 0;

	prepare_foreign(f, &foreign, -ECHILD);
	for (i = 0; i < 3; i++) {
		in_child(f, free_everything, &foreign);
		check_parent(f, &foreign);
	}
	talloc_free(foreign.file);
}

/*
 * It may not even look at the parent's completions: the loop goes on in the child, as in a
 * server's.
 */
static void turn_the_loop(struct fixture *f, void *arg)
{
	unsigned int *total = arg;

	assert_eq(tevent_re_initialise(f->ev), 0);
	loop_turns(f, 30);
	assert_eq(*total, 0, "a request of the parent was delivered in the child");
	talloc_free(f->ring);
	f->ring = NULL;
	loop_turns(f, 30);
}

BACKEND_TEST(child, while_requests_are_pending)
{
	enum { COUNT = 200 };
	struct pathring_how how = { .flags = O_PATH };
	struct pathring_handle *handle = NULL;
	struct foreign foreign;
	struct sent sent[COUNT];
	unsigned int total = 0;
	unsigned int round = 0;
	unsigned int i = 0;

	prepare_foreign(f, &foreign, -ECHILD);
	for (round = 0; round < 3; round++) {
		total = 0;
		for (i = 0; i < COUNT; i++) {
			sent_watch(
				&sent[i],
				f,
				pathring_openat_send(
					f, f->ev, f->ring, foreign.identity, f->dir, "file", &how),
				&total);
		}
		if (round > 0) {
			assert_result(pathring_submit(f->ring), 0);
		}
		/* Callbacks would report into the child's copy of total. */
		in_child(f, turn_the_loop, &total);
		loop_until(f, &total, COUNT);
		for (i = 0; i < COUNT; i++) {
			assert_result(pathring_openat_recv(sent[i].req, f, &handle), 0);
			talloc_free(handle);
			talloc_free(sent[i].req);
		}
		check_parent(f, &foreign);
	}
	talloc_free(foreign.file);
}

static void use_it(struct fixture *f, void *arg)
{
	(void)arg;
	assert_result(try_open(f, fixture_user(f, USER_A), "file", O_RDWR), 0);
	assert_result(try_open(f, fixture_user(f, USER_A), "of_b", O_RDWR), -EACCES);
	assert_eq(pathring_backend(f->ring), f->backend);
	fixture_stop(f);
}

/*
 * A server makes the engine, forks for each client, and the children use it: each makes a ring of
 * its own.
 */
BACKEND_TEST(child, uses_an_engine_that_was_not_started)
{
	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "content");
	in_child(f, use_it, NULL);
	in_child(f, use_it, NULL);
	use_it(f, NULL);
}

static void grandchild(struct fixture *f, void *arg)
{
	struct foreign *foreign = arg;

	use_it(f, NULL);
	fixture_restart(f, NULL);
	foreign->identity = fixture_user(f, USER_A);
	foreign->file = must_open(f, foreign->identity, "file", O_RDWR);
	in_child(f, call_everything, foreign);
	check_parent(f, foreign);
	fixture_stop(f);
}

BACKEND_TEST(child, has_a_child_itself)
{
	struct foreign foreign = { .f = f, .expected = -ECHILD };

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "content");
	in_child(f, grandchild, &foreign);
}

/* The ring is not inherited across exec, and nothing else either. */
BACKEND_TEST(child, inherits_no_descriptor_across_exec)
{
	struct foreign foreign;
	char *line = NULL;
	char *text = NULL;
	int fd = -1;
	int flags = -1;

	prepare_foreign(f, &foreign, -ECHILD);
	assert_result(try_lookup(f, foreign.identity, "file"), 0);
	text = snapshot_descriptors(f);
	for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strstr(f->descriptors, line) != NULL) {
			continue;
		}
		assert_eq(sscanf(line, "%d ->", &fd), 1);
		flags = fcntl(fd, F_GETFD);
		assert_eq(flags & FD_CLOEXEC, FD_CLOEXEC, "%s is not close-on-exec", line);
	}
	talloc_free(foreign.file);
}

static void *call_from_thread(void *arg)
{
	foreign_calls(arg);
	return NULL;
}

BACKEND_TEST(thread, other_than_the_creator_gets_an_error_from_every_call)
{
	struct foreign foreign;
	pthread_t thread;

	prepare_foreign(f, &foreign, -EXDEV);
	assert_eq(pthread_create(&thread, NULL, call_from_thread, &foreign), 0);
	assert_eq(pthread_join(thread, NULL), 0);
	check_foreign(&foreign);
	check_parent(f, &foreign);
	talloc_free(foreign.file);
}

static void *start_from_thread(void *arg)
{
	struct foreign *foreign = arg;

	note(foreign, "start", pathring_start(foreign->f->ring));
	return NULL;
}

/* The engine belongs to the thread that created it, also before it was used. */
BACKEND_TEST(thread, other_than_the_creator_can_not_start_it)
{
	struct foreign foreign = { .f = f, .expected = -EXDEV };
	pthread_t thread;

	scratch_file(f, "file", 0, 0, 0600, "content");
	assert_eq(pthread_create(&thread, NULL, start_from_thread, &foreign), 0);
	assert_eq(pthread_join(thread, NULL), 0);
	check_foreign(&foreign);
	assert_result(try_lookup(f, f->process, "file"), 0);
}
