/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * File systems that don't answer, or answer late: only their own requests wait, and a request can
 * be given up. Freeing the engine then is test_linger.c's.
 */
#include "operations.h"

#include <seccomp.h>
#include <sys/syscall.h>
#include <time.h>

#include "hung_filesystem.h"

/* What is asked of a file system that hangs. */
#define MANY 300

static enum hung_kind kind;

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

static uint64_t now_msec(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- others go on ---- */

HANG_TEST(hang, stalls_its_own_requests_only)
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
HANG_TEST(hang, of_two_file_systems)
{
	struct hung_filesystem *first = hung_filesystem_mount(f, "first", kind);
	struct hung_filesystem *second = hung_filesystem_mount(f, "second", kind);
	struct open_answers answers[2] = { 0 };
	unsigned int workers = kind == HUNG_OVERLAY ? 256 : 128;

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

/* The filter stays for the rest of the test's process. */
static void deny_enter(struct fixture *f)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int number = SCMP_SYS(io_uring_enter);

	assert_not_null(filter);
	assert_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0), 0);
	assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
	/* It sets no_new_privs, which is part of the snapshot. */
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
}

/*
 * The ring takes nothing any more while much hangs in it: what has waited for a share of it takes
 * one of the threads, half of 128.
 */
HANG_TEST(hang, on_a_ring_that_is_lost)
{
	struct hung_filesystem *filesystem = hung_filesystem_mount(f, "hung", kind);
	struct open_answers answers = { 0 };
	unsigned int on_ring = kind == HUNG_OVERLAY ? 128 : 0;
	uint64_t placed = 0;

	scratch_file(f, "well", 0, 0, 0644, "");
	hung_filesystem_hang(filesystem);
	send_opens(f, filesystem, &answers, MANY);
	hung_filesystem_until(filesystem, on_ring > 0 ? on_ring : 64);
	deny_enter(f);
	others_go_on(f);
	hung_filesystem_until(filesystem, on_ring + 64);
	others_go_on(f);
	assert_eq(answers.total, 0);
	hung_filesystem_release(filesystem);
	expect_opens(f, &answers, 0);
	placed = fixture_stats(f).operation[PATHRING_OPENAT].placed[PATHRING_RING];
	assert_eq(placed, on_ring);
	hung_filesystem_unmount(filesystem);
}

/* The smallest of everything. */
HANG_TEST(hang, with_few_workers)
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
HANG_TEST(hang, with_lookups)
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
HANG_TEST(hang, while_others_are_waited_for)
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

HANG_TEST(hang, is_served_in_parallel_when_it_is_only_slow)
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

HANG_TEST(hang, canceled)
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

HANG_TEST(hang, timed_out)
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

HANG_TEST(hang, freed)
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
