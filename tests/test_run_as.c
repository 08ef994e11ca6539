/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Functions in the caller's own thread under an identity: pathring_run_as() and callbacks of
 * tevent_reqs with pathring_callback_as(). Jobs are in test_job.c.
 */
#include "operations.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct visit {
	struct fixture *f;
	const char *name; /* a file to make */
	unsigned int runs;
	int made;
	int denied;
	struct pathring_identity *next;
};

static int error_of(long ret)
{
	return ret == -1 ? -errno : 0;
}

/* Make a file as whoever this thread is, and try one of B's. */
static void visit_files(struct visit *visit)
{
	char *path = scratch_path(visit->f, visit->name);
	char *other = scratch_path(visit->f, "of_b");
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	visit->runs++;
	visit->made = error_of(fd);
	if (fd >= 0) {
		close(fd);
	}
	fd = open(other, O_RDONLY | O_CLOEXEC);
	visit->denied = error_of(fd);
	if (fd >= 0) {
		close(fd);
	}
	talloc_free(path);
	talloc_free(other);
}

static void visit_fn(void *private_data)
{
	visit_files(private_data);
}

static void visit_setup(struct fixture *f)
{
	assert_eq(chmod(f->path, 01777), 0);
	scratch_file(f, "of_b", USER_B, GROUP_X, 0640, "content");
}

static int run_as(struct fixture *f,
		  struct pathring_identity *identity,
		  void (*fn)(void *private_data),
		  void *private_data)
{
	char *before = snapshot_credentials(NULL);
	char *after = NULL;
	int ret = pathring_run_as(f->ring, identity, fn, private_data);

	after = snapshot_credentials(NULL);
	assert_str_eq(after, before, "the thread changed");
	talloc_free(before);
	talloc_free(after);
	return ret;
}

static void check_visit(struct fixture *f, struct visit *visit, uid_t uid, gid_t gid, int denied)
{
	struct stat st;

	assert_result(visit->made, 0);
	assert_result(visit->denied, denied);
	st = scratch_stat(f, visit->name);
	assert_eq(st.st_uid, uid, "%s", visit->name);
	assert_eq(st.st_gid, gid, "%s", visit->name);
}

/* ---- at once ---- */

BACKEND_TEST(run_as, runs_now_as_the_identity)
{
	static const gid_t groups[] = { GROUP_X };
	struct visit visit = { .f = f };

	visit_setup(f);
	visit.name = "a";
	assert_result(run_as(f, fixture_user(f, USER_A), visit_fn, &visit), 0);
	assert_eq(visit.runs, 1);
	check_visit(f, &visit, USER_A, USER_A, -EACCES);
	visit.name = "c";
	assert_result(run_as(f, fixture_identity(f, USER_C, GROUP_Y, groups, 1), visit_fn, &visit),
		      0);
	check_visit(f, &visit, USER_C, GROUP_Y, 0);
	visit.name = "root";
	assert_result(run_as(f, f->process, visit_fn, &visit), 0);
	check_visit(f, &visit, 0, 0, 0);
	visit.name = "none";
	assert_result(run_as(f, pathring_identity_none(f->ring), visit_fn, &visit), 0);
	check_visit(f, &visit, 0, 0, 0);
	assert_eq(visit.runs, 4);
}

BACKEND_TEST(run_as, whoever_the_thread_is)
{
	struct pathring_stats before;
	struct visit visit = { .f = f };

	visit_setup(f);
	become(USER_A, USER_A, NULL, 0);
	visit.name = "b";
	assert_result(run_as(f, fixture_user(f, USER_B), visit_fn, &visit), 0);
	check_visit(f, &visit, USER_B, USER_B, 0);
	visit.name = "root";
	assert_result(run_as(f, f->process, visit_fn, &visit), 0);
	check_visit(f, &visit, 0, 0, 0);
	before = fixture_stats(f);
	visit.name = "a";
	assert_result(run_as(f, fixture_user(f, USER_A), visit_fn, &visit), 0);
	check_visit(f, &visit, USER_A, USER_A, -EACCES);
	visit.name = "none";
	assert_result(run_as(f, pathring_identity_none(f->ring), visit_fn, &visit), 0);
	check_visit(f, &visit, USER_A, USER_A, -EACCES);
	assert_eq(fixture_stats(f).switches, before.switches, "credentials were switched");
	become_root();
}

static void change_effective(void *private_data)
{
	(void)private_data;
	syscall(SYS_setresuid, -1, 0, -1);
	syscall(SYS_setgroups, 0, NULL);
	syscall(SYS_setresgid, -1, GROUP_Y, -1);
	syscall(SYS_setresuid, -1, USER_C, -1);
}

static void change_fsids(void *private_data)
{
	(void)private_data;
	setfsgid(GROUP_Y);
	setfsuid(0);
	setfsuid(USER_C);
}

static void change_real_and_saved(void *private_data)
{
	(void)private_data;
	syscall(SYS_setresuid, -1, 0, -1);
	syscall(SYS_setresgid, USER_B, GROUP_Y, 0);
	syscall(SYS_setresuid, 0, USER_B, USER_C);
}

static int change_capabilities(uint64_t effective, uint64_t inheritable, bool all)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[0].effective = (uint32_t)effective & data[0].permitted;
	data[1].effective = (uint32_t)(effective >> 32) & data[1].permitted;
	data[0].inheritable = (uint32_t)inheritable;
	data[1].inheritable = 0;
	if (all) {
		data[0].permitted &= (uint32_t)effective;
		data[1].permitted &= (uint32_t)(effective >> 32);
	}
	return (int)syscall(SYS_capset, &header, data);
}

static void drop_capabilities(void *private_data)
{
	(void)private_data;
	change_capabilities(0, 0, false);
}

static void raise_capabilities(void *private_data)
{
	(void)private_data;
	change_capabilities(UINT64_MAX, 1U << CAP_CHOWN, false);
}

BACKEND_TEST(run_as, what_it_changed_is_undone)
{
	static void (*const changes[])(void *) = {
		change_effective,  change_fsids,       change_real_and_saved,
		drop_capabilities, raise_capabilities,
	};
	size_t i = 0;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		/* Also where nothing had to be switched for it. */
		assert_result(run_as(f, f->process, changes[i], NULL), 0);
		assert_result(run_as(f, pathring_identity_none(f->ring), changes[i], NULL), 0);
		assert_result(run_as(f, fixture_user(f, USER_A), changes[i], NULL), 0);
		become(USER_A, USER_A, NULL, 0);
		assert_result(run_as(f, f->process, changes[i], NULL), 0);
		assert_result(run_as(f, fixture_user(f, USER_A), changes[i], NULL), 0);
		become_root();
	}
}

/* Real and saved ids go too: to another user, or as the user that one is. */
static void change_for_good(void *private_data)
{
	uid_t uid = geteuid() == 0 ? USER_B : geteuid();

	(void)private_data;
	assert_eq(syscall(SYS_setresuid, uid, uid, uid), 0);
}

static void never_returns(struct fixture *f, void *arg)
{
	pathring_run_as(f->ring, arg, change_for_good, NULL);
}

BACKEND_TEST(run_as, ends_the_process_where_there_is_no_way_back)
{
	in_aborted_child(f, never_returns, f->process);
	in_aborted_child(f, never_returns, fixture_user(f, USER_A));
}

static void change_place(void *private_data)
{
	(void)private_data;
	umask(031);
	assert_eq(chdir("/"), 0);
}

BACKEND_TEST(run_as, umask_and_directory_are_the_functions_own_affair)
{
	char cwd[4096];
	char now[4096];
	mode_t before = umask(022);

	assert_not_null(getcwd(cwd, sizeof(cwd)));
	assert_result(pathring_run_as(f->ring, fixture_user(f, USER_A), change_place, NULL), 0);
	assert_eq(umask(before), 031);
	assert_not_null(getcwd(now, sizeof(now)));
	assert_str_eq(now, "/", "working directory");
	assert_eq(chdir(cwd), 0);
}

static void visit_twice(void *private_data)
{
	struct visit *visit = private_data;
	struct visit inner = { .f = visit->f, .name = "inner" };

	assert_result(run_as(visit->f, visit->next, visit_fn, &inner), 0);
	check_visit(visit->f, &inner, USER_B, USER_B, 0);
	visit_files(visit);
}

BACKEND_TEST(run_as, within_another)
{
	struct visit visit = { .f = f, .name = "outer", .next = fixture_user(f, USER_B) };

	visit_setup(f);
	assert_result(run_as(f, fixture_user(f, USER_A), visit_twice, &visit), 0);
	check_visit(f, &visit, USER_A, USER_A, -EACCES);
}

/* Requests run under their own identity whoever asks for them. */
static void use_engine(void *private_data)
{
	struct visit *visit = private_data;
	enum form form = visit->f->form;

	visit->f->form = FORM_WAIT;
	visit->denied = try_open(visit->f, visit->next, "of_b", O_RDONLY);
	visit->f->form = form;
}

BACKEND_TEST(run_as, may_use_the_engine)
{
	struct visit visit = { .f = f, .next = fixture_user(f, USER_B) };

	visit_setup(f);
	assert_result(run_as(f, fixture_user(f, USER_A), use_engine, &visit), 0);
	assert_result(visit.denied, 0);
	visit.next = fixture_user(f, USER_A);
	assert_result(run_as(f, fixture_user(f, USER_B), use_engine, &visit), 0);
	assert_result(visit.denied, -EACCES);
}

struct submission {
	struct fixture *f;
	struct call calls[4];
	unsigned int total;
};

static void
queue_open(struct submission *submission, size_t number, struct pathring_identity *identity)
{
	static const struct pathring_how how = { .flags = O_RDONLY };
	struct call *call = &submission->calls[number];
	struct fixture *f = submission->f;

	call->f = f;
	call->total = &submission->total;
	assert_result(
		pathring_openat_request(
			f->ring, identity, f->dir, "of_b", &how, call_done, call, &call->request),
		0);
}

static void submit_fn(void *private_data)
{
	struct submission *submission = private_data;

	/* One of whoever this thread is now, behind those of others. */
	queue_open(submission, 3, fixture_user(submission->f, USER_A));
	assert_result(pathring_submit(submission->f->ring), 0);
}

/* What others have asked for is not asked for by whom the thread is when it is submitted. */
BACKEND_TEST(run_as, may_submit_what_others_have_queued)
{
	static const int expected[] = { 0, -EACCES, 0, -EACCES };
	struct submission submission = { .f = f };
	struct pathring_handle *handle = NULL;
	size_t i = 0;

	visit_setup(f);
	queue_open(&submission, 0, fixture_user(f, USER_B));
	queue_open(&submission, 1, fixture_user(f, USER_C));
	queue_open(&submission, 2, f->process);
	assert_result(run_as(f, fixture_user(f, USER_A), submit_fn, &submission), 0);
	loop_until(f, &submission.total, 4);
	for (i = 0; i < 4; i++) {
		struct call *call = &submission.calls[i];

		assert_result(pathring_openat_result(call->request, f, &handle), expected[i]);
		TALLOC_FREE(handle);
		pathring_request_free(call->request);
	}
}

static void free_engine(void *private_data)
{
	struct visit *visit = private_data;

	visit_files(visit);
	fixture_stop(visit->f);
}

BACKEND_TEST(run_as, may_free_the_engine)
{
	struct visit visit = { .f = f, .name = "new" };

	visit_setup(f);
	assert_result(try_open(f, f->process, "of_b", O_RDONLY), 0);
	assert_result(run_as(f, fixture_user(f, USER_A), free_engine, &visit), 0);
	check_visit(f, &visit, USER_A, USER_A, -EACCES);
}

struct refused {
	struct fixture *f;
	struct pathring_identity *identity;
	int expected;
};

static void check_refused(struct fixture *f, struct pathring_identity *identity, int expected)
{
	struct visit visit = { .f = f, .name = "never" };
	struct tevent_req *req = tevent_wakeup_send(f, f->ev, tevent_timeval_zero());
	tevent_req_fn fn = (tevent_req_fn)(void *)check_refused;

	assert_result(run_as(f, identity, visit_fn, &visit), expected);
	assert_eq(visit.runs, 0);
	assert_result(pathring_callback_as(f->ring, identity, req, fn, NULL), expected);
	/* It would be called from here. */
	assert_eq(tevent_loop_once(f->ev), 0);
	talloc_free(req);
}

BACKEND_TEST(run_as, refused)
{
	struct pathring_identity *identity = fixture_user(f, USER_A);
	struct tevent_req *req = tevent_wakeup_send(f, f->ev, tevent_timeval_zero());
	tevent_req_fn fn = (tevent_req_fn)(void *)check_refused;
	struct pathring *other = NULL;

	assert_result(pathring_create(f, f->ev, NULL, &other), 0);
	check_refused(f, NULL, -EINVAL);
	check_refused(f, pathring_identity_process(other), -EINVAL);
	check_refused(f, pathring_identity_none(other), -EINVAL);
	assert_result(run_as(f, identity, NULL, NULL), -EINVAL);
	assert_result(pathring_run_as(NULL, identity, visit_fn, NULL), -EINVAL);
	assert_result(pathring_callback_as(f->ring, identity, NULL, fn, NULL), -EINVAL);
	assert_result(pathring_callback_as(f->ring, identity, req, NULL, NULL), -EINVAL);
	talloc_free(req);
	talloc_free(other);
}

static void refused_in_child(struct fixture *f, void *arg)
{
	struct refused *refused = arg;

	check_refused(f, refused->identity, refused->expected);
}

BACKEND_TEST(run_as, refused_to_a_forked_child)
{
	struct refused refused = { .identity = f->process, .expected = -ECHILD };

	assert_result(pathring_start(f->ring), 0);
	in_child(f, refused_in_child, &refused);
}

static void *refused_in_thread(void *arg)
{
	struct refused *refused = arg;
	struct visit visit = { .f = refused->f };

	refused->expected = pathring_run_as(refused->f->ring, refused->identity, visit_fn, &visit);
	return NULL;
}

BACKEND_TEST(run_as, refused_to_another_thread)
{
	struct refused refused = { .f = f, .identity = f->process };
	pthread_t thread;

	assert_eq(pthread_create(&thread, NULL, refused_in_thread, &refused), 0);
	assert_eq(pthread_join(thread, NULL), 0);
	assert_result(refused.expected, -EXDEV);
}

static void without_privileges(struct fixture *f, void *arg)
{
	struct visit visit = { .f = f, .name = "own" };

	(void)arg;
	assert_eq(syscall(SYS_setgroups, 0, NULL), 0);
	assert_eq(syscall(SYS_setresgid, USER_A, USER_A, USER_A), 0);
	assert_eq(syscall(SYS_setresuid, USER_A, USER_A, USER_A), 0);
	fixture_restart(f, NULL);
	check_refused(f, fixture_user(f, USER_B), -EPERM);
	check_refused(f, fixture_user(f, 0), -EPERM);
	assert_result(run_as(f, f->process, visit_fn, &visit), 0);
	check_visit(f, &visit, USER_A, USER_A, -EACCES);
	fixture_stop(f);
}

BACKEND_TEST(run_as, refused_without_privileges)
{
	visit_setup(f);
	fixture_stop(f);
	in_child(f, without_privileges, NULL);
}

/*
 * Capabilities alone, without root, would take the thread to another user and not back: the kernel
 * drops them all on the way.
 */
static void with_capabilities_alone(struct fixture *f, void *arg)
{
	const uint64_t capabilities = 1U << CAP_SETUID | 1U << CAP_SETGID;

	(void)arg;
	assert_eq(syscall(SYS_setgroups, 0, NULL), 0);
	assert_eq(syscall(SYS_setresgid, USER_A, USER_A, USER_A), 0);
	assert_eq(prctl(PR_SET_KEEPCAPS, 1), 0);
	assert_eq(syscall(SYS_setresuid, USER_A, USER_A, USER_A), 0);
	assert_eq(prctl(PR_SET_KEEPCAPS, 0), 0);
	assert_eq(change_capabilities(capabilities, 0, true), 0);
	fixture_restart(f, NULL);
	check_refused(f, fixture_user(f, USER_B), -EPERM);
	check_refused(f, fixture_user(f, 0), -EPERM);
	f->form = FORM_WAIT;
	assert_result(try_open(f, fixture_user(f, USER_B), "of_b", O_RDONLY), -EPERM);
	assert_result(try_open(f, f->process, "of_b", O_RDONLY), -EACCES);
	fixture_stop(f);
}

BACKEND_TEST(run_as, refused_with_capabilities_and_without_root)
{
	visit_setup(f);
	fixture_stop(f);
	in_child(f, with_capabilities_alone, NULL);
}

/* ---- callbacks ---- */

static void visit_callback(struct tevent_req *req)
{
	struct visit *visit = tevent_req_callback_data_void(req);

	assert_eq(visit->f->inside, 0, "a callback ran inside a call of the library");
	visit_files(visit);
}

static void
watch_as(struct fixture *f, struct pathring_identity *identity, struct tevent_req *req, void *visit)
{
	int ret = -1;

	assert_not_null(req);
	INSIDE(f, ret = pathring_callback_as(f->ring, identity, req, visit_callback, visit));
	assert_result(ret, 0);
}

BACKEND_TEST(callback_as, runs_under_the_identity)
{
	static const gid_t groups[] = { GROUP_X };
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *handle = NULL;
	struct visit visits[3] = { { .f = f, .name = "a" },
				   { .f = f, .name = "c" },
				   { .f = f, .name = "early" } };
	struct tevent_req *req = NULL;

	visit_setup(f);
	req = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "of_b", &how);
	watch_as(f, fixture_user(f, USER_A), req, &visits[0]);
	loop_until(f, &visits[0].runs, 1);
	check_visit(f, &visits[0], USER_A, USER_A, -EACCES);
	assert_result(pathring_openat_recv(req, f, &handle), 0);
	talloc_free(handle);
	talloc_free(req);

	req = tevent_wakeup_send(f, f->ev, tevent_timeval_current_ofs(0, 1000));
	watch_as(f, fixture_identity(f, USER_C, GROUP_Y, groups, 1), req, &visits[1]);
	loop_until(f, &visits[1].runs, 1);
	check_visit(f, &visits[1], USER_C, GROUP_Y, 0);
	assert_true(tevent_wakeup_recv(req));
	talloc_free(req);

	/* One that has failed before its callback could be set. */
	req = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, NULL, &how);
	watch_as(f, fixture_user(f, USER_A), req, &visits[2]);
	loop_until(f, &visits[2].runs, 1);
	check_visit(f, &visits[2], USER_A, USER_A, -EACCES);
	assert_result(pathring_openat_recv(req, f, &handle), -EINVAL);
	talloc_free(req);
	loop_turns(f, 5);
	assert_eq(visits[0].runs + visits[1].runs + visits[2].runs, 3);
}

static void end_of_job(void *state)
{
	(void)state;
	usleep(50000);
}

BACKEND_TEST(callback_as, deadline)
{
	struct visit visit = { .f = f, .name = "late" };
	struct tevent_req *req = NULL;
	bool ok = false;

	visit_setup(f);
	req = pathring_job_send(f, f->ev, f->ring, f->process, NULL, end_of_job, NULL);
	ok = tevent_req_set_endtime(req, f->ev, tevent_timeval_zero());
	assert_true(ok);
	watch_as(f, fixture_user(f, USER_A), req, &visit);
	loop_until(f, &visit.runs, 1);
	check_visit(f, &visit, USER_A, USER_A, -EACCES);
	if (f->backend != PATHRING_BACKEND_SYNC) {
		assert_result(pathring_job_recv(req, f, NULL), -ETIMEDOUT);
	}
	talloc_free(req);
	loop_settle(f);
	assert_eq(visit.runs, 1);
}

struct frees_all {
	struct visit visit;
	struct pathring_identity *identity;
	TALLOC_CTX *of_the_request;
};

static void free_all(struct tevent_req *req)
{
	struct frees_all *state = tevent_req_callback_data_void(req);

	visit_files(&state->visit);
	talloc_free(req);
	talloc_free(state->identity);
	fixture_stop(state->visit.f);
	assert_eq(syscall(SYS_geteuid), USER_A);
}

BACKEND_TEST(callback_as, may_free_everything)
{
	struct frees_all state = { .visit = { .f = f, .name = "last" } };
	struct tevent_req *req = NULL;

	visit_setup(f);
	state.identity = fixture_user(f, USER_A);
	req = pathring_job_send(f, f->ev, f->ring, f->process, NULL, end_of_job, NULL);
	assert_result(pathring_callback_as(f->ring, state.identity, req, free_all, &state), 0);
	loop_until(f, &state.visit.runs, 1);
	check_visit(f, &state.visit, USER_A, USER_A, -EACCES);
}

/* The identity is known by value when the engine that made it is gone. */
BACKEND_TEST(callback_as, outlives_identity_and_engine)
{
	static const gid_t groups[] = { GROUP_X, GROUP_Y };
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_identity *identity = NULL;
	struct pathring_handle *handle = NULL;
	struct tevent_req *requests[3] = { NULL };
	struct visit visits[3] = { { .f = f, .name = "a" },
				   { .f = f, .name = "b" },
				   { .f = f, .name = "c" } };
	unsigned int i = 0;

	visit_setup(f);
	requests[0] = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "of_b", &how);
	requests[1] = tevent_wakeup_send(f, f->ev, tevent_timeval_current_ofs(0, 1000));
	requests[2] = tevent_wakeup_send(f, f->ev, tevent_timeval_current_ofs(0, 1000));
	identity = fixture_identity(f, USER_A, USER_A, groups, 2);
	watch_as(f, identity, requests[0], &visits[0]);
	watch_as(f, identity, requests[1], &visits[1]);
	watch_as(f, pathring_identity_none(f->ring), requests[2], &visits[2]);
	talloc_free(identity);
	fixture_stop(f);
	for (i = 0; i < 3; i++) {
		loop_until(f, &visits[i].runs, 1);
	}
	check_visit(f, &visits[0], USER_A, USER_A, 0);
	check_visit(f, &visits[1], USER_A, USER_A, 0);
	check_visit(f, &visits[2], 0, 0, 0);
	assert_result(pathring_openat_recv(requests[0], f, &handle), -ECANCELED);
	for (i = 0; i < 3; i++) {
		talloc_free(requests[i]);
	}
}

BACKEND_TEST(callback_as, request_freed_before)
{
	struct visit visit = { .f = f, .name = "never" };
	struct tevent_req *req = NULL;

	req = tevent_wakeup_send(f, f->ev, tevent_timeval_current_ofs(0, 1000));
	watch_as(f, fixture_user(f, USER_A), req, &visit);
	talloc_free(req);
	req = pathring_job_send(f, f->ev, f->ring, f->process, NULL, end_of_job, NULL);
	watch_as(f, fixture_user(f, USER_A), req, &visit);
	assert_result(pathring_submit(f->ring), 0);
	talloc_free(req);
	loop_settle(f);
	assert_eq(visit.runs, 0);
}

BACKEND_TEST(callback_as, replaced_by_another)
{
	struct visit never = { .f = f, .name = "never" };
	struct visit second = { .f = f, .name = "second" };
	struct visit plain = { .f = f, .name = "plain" };
	struct tevent_req *req = tevent_wakeup_send(f, f->ev, tevent_timeval_zero());

	visit_setup(f);
	watch_as(f, fixture_user(f, USER_A), req, &never);
	watch_as(f, fixture_user(f, USER_B), req, &second);
	loop_until(f, &second.runs, 1);
	check_visit(f, &second, USER_B, USER_B, 0);
	talloc_free(req);

	req = tevent_wakeup_send(f, f->ev, tevent_timeval_zero());
	watch_as(f, fixture_user(f, USER_A), req, &never);
	tevent_req_set_callback(req, visit_callback, &plain);
	loop_until(f, &plain.runs, 1);
	check_visit(f, &plain, 0, 0, 0);
	talloc_free(req);
	assert_eq(never.runs, 0);
}

static void change_in_callback(struct tevent_req *req)
{
	struct visit *visit = tevent_req_callback_data_void(req);

	visit->runs++;
	change_real_and_saved(NULL);
}

BACKEND_TEST(callback_as, what_it_changed_is_undone)
{
	struct visit visit = { .f = f };
	struct tevent_req *req = tevent_wakeup_send(f, f->ev, tevent_timeval_zero());
	char *now = NULL;
	int ret = -1;

	ret = pathring_callback_as(
		f->ring, fixture_user(f, USER_A), req, change_in_callback, &visit);
	assert_result(ret, 0);
	loop_until(f, &visit.runs, 1);
	now = snapshot_credentials(f);
	assert_str_eq(now, f->credentials, "the thread changed");
	talloc_free(req);
}

/* Asked for while somebody else, as a server's own callbacks are. */
BACKEND_TEST(callback_as, counts_switches)
{
	struct visit visit = { .f = f, .name = "new" };
	struct tevent_req *req = tevent_wakeup_send(f, f->ev, tevent_timeval_zero());
	struct pathring_stats before = fixture_stats(f);

	visit_setup(f);
	watch_as(f, fixture_user(f, USER_A), req, &visit);
	assert_eq(fixture_stats(f).switches, before.switches + 1, "it was not tried");
	loop_until(f, &visit.runs, 1);
	assert_eq(fixture_stats(f).switches, before.switches + 2);
	talloc_free(req);
}

/* Set by root, come due in a process that has given up being root. */
static void come_due_without_privileges(struct fixture *f, void *arg)
{
	struct visit visit = { .f = f, .name = "never" };
	struct tevent_req *req = NULL;

	(void)arg;
	fixture_restart(f, NULL);
	req = tevent_wakeup_send(f, f->ev, tevent_timeval_zero());
	watch_as(f, fixture_user(f, USER_A), req, &visit);
	assert_eq(syscall(SYS_setresuid, USER_B, USER_B, USER_B), 0);
	loop_until(f, &visit.runs, 1);
}

BACKEND_TEST(callback_as, ends_the_process_where_the_identity_is_out_of_reach)
{
	visit_setup(f);
	in_aborted_child(f, come_due_without_privileges, NULL);
	assert_false(scratch_exists(f, "never"));
}
