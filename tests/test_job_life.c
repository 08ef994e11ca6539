/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a job: whose its state is at each moment, jobs that are freed early, and where
 * threads are refused. Who a job is while it runs is in test_job.c.
 */
#include "work.h"

#include <pthread.h>
#include <sched.h>
#include <seccomp.h>

static void count_run(void *private_data)
{
	struct work_state *state = private_data;

	state->work->runs++;
}

static void run_without_state(void *private_data)
{
	(void)private_data;
}

OPERATION_TEST(job, without_state)
{
	assert_result(do_job(f, f->process, NULL, run_without_state, NULL), 0);
	assert_result(do_job(f, f->process, NULL, NULL, NULL), -EINVAL);
}

OPERATION_TEST(job, state_is_gone_when_it_is_refused)
{
	struct pathring_options options = { .max_requests = 1 };
	struct pathring_request *request = NULL;
	struct pathring_request *refused = NULL;
	struct pathring *other = NULL;
	struct work work = { .f = f };
	TALLOC_CTX *parent = talloc_new(f);
	int ret = -1;

	assert_result(do_job(f, NULL, NULL, count_run, new_state(parent, &work)), -EINVAL);
	assert_eq(work.freed, 1);
	assert_result(do_job(f, f->process, NULL, NULL, new_state(parent, &work)), -EINVAL);
	assert_eq(work.freed, 2);
	assert_result(pathring_create(f, f->ev, NULL, &other), 0);
	ret = do_job(
		f, pathring_identity_process(other), NULL, count_run, new_state(parent, &work));
	assert_result(ret, -EINVAL);
	assert_eq(work.freed, 3);
	ret = do_job(f, pathring_identity_none(other), NULL, count_run, new_state(parent, &work));
	assert_result(ret, -EINVAL);
	assert_eq(work.freed, 4);
	talloc_free(other);

	fixture_restart(f, &options);
	ret = pathring_job_request(f->ring,
				   f->process,
				   NULL,
				   count_run,
				   new_state(parent, &work),
				   call_done,
				   NULL,
				   &request);
	assert_result(ret, 0);
	ret = pathring_job_request(f->ring,
				   f->process,
				   NULL,
				   count_run,
				   new_state(parent, &work),
				   call_done,
				   NULL,
				   &refused);
	assert_result(ret, -ENOBUFS);
	assert_null(refused);
	assert_eq(work.freed, 5);
	pathring_request_free(request);
	assert_eq(work.freed, 6);
	assert_eq(work.runs, 0);
	talloc_free(parent);
}

/* It was the caller's object; what the caller frees it with does not matter any more. */
BACKEND_TEST(job, state_moves_to_the_engine_and_on)
{
	struct sent sent;
	struct work work = { .f = f };
	TALLOC_CTX *parent = talloc_new(f);
	TALLOC_CTX *mem_ctx = talloc_new(f);
	struct work_state *state = new_state(parent, &work);
	void *got = NULL;

	sent_watch(&sent,
		   f,
		   pathring_job_send(f, f->ev, f->ring, f->process, NULL, count_run, state),
		   NULL);
	assert_null(talloc_parent(state));
	talloc_free(parent);
	assert_eq(work.freed, 0);
	loop_until(f, &sent.calls, 1);
	assert_result(pathring_job_recv(sent.req, mem_ctx, &got), 0);
	talloc_free(sent.req);
	assert_true(got == state);
	assert_true(talloc_parent(got) == mem_ctx);
	assert_eq(work.runs, 1);
	assert_eq(work.freed, 0);
	talloc_free(mem_ctx);
	assert_eq(work.freed, 1);
}

BACKEND_TEST(job, state_that_nobody_takes_is_freed)
{
	struct sent sent;
	struct work work = { .f = f };
	unsigned int i = 0;

	for (i = 0; i < 2; i++) {
		sent_watch(&sent,
			   f,
			   pathring_job_send(f,
					     f->ev,
					     f->ring,
					     f->process,
					     NULL,
					     count_run,
					     new_state(f, &work)),
			   NULL);
		loop_until(f, &sent.calls, 1);
		if (i == 1) {
			assert_result(pathring_job_recv(sent.req, f, NULL), 0);
		}
		talloc_free(sent.req);
		assert_eq(work.runs, i + 1);
		assert_eq(work.freed, i + 1);
	}
}

static void allocate(void *private_data)
{
	struct work_state *state = private_data;
	unsigned int i = 0;

	for (i = 0; i < 100; i++) {
		state->work->snapshot = talloc_asprintf(state, "number %u", i);
	}
}

OPERATION_TEST(job, may_allocate_on_its_state)
{
	struct work work = { .f = f };
	unsigned int i = 0;

	for (i = 0; i < 20; i++) {
		assert_result(do_job(f, f->process, NULL, allocate, new_state(f, &work)), 0);
	}
	assert_eq(work.freed, 20);
}

/* ---- freed early ---- */

BACKEND_TEST(job, freed_before_it_began_never_runs)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	struct work work = { .f = f };
	int ret = -1;

	INSIDE(f,
	       req = pathring_job_send(
		       f, f->ev, f->ring, f->process, NULL, count_run, new_state(f, &work)));
	talloc_free(req);
	assert_eq(work.freed, 1);
	INSIDE(f,
	       ret = pathring_job_request(f->ring,
					  f->process,
					  f->dir,
					  count_run,
					  new_state(f, &work),
					  call_done,
					  NULL,
					  &request));
	assert_result(ret, 0);
	pathring_request_free(request);
	assert_eq(work.freed, 2);
	loop_settle(f);
	assert_eq(work.runs, 0);
}

static void wait_to_go_on(void *private_data)
{
	struct work_state *state = private_data;
	struct work *work = state->work;

	sem_post(&work->begun);
	while (sem_wait(&work->go_on) == -1) {
	}
	/* It is still there, and may be used. */
	work->error = talloc_strdup(state, "alive") != NULL ? 0 : -ENOMEM;
	work->runs++;
}

static struct tevent_req *
begin_waiting(struct fixture *f, struct work *work, struct pathring_identity *identity)
{
	struct tevent_req *req = NULL;

	sem_init(&work->begun, 0, 0);
	sem_init(&work->go_on, 0, 0);
	INSIDE(f,
	       req = pathring_job_send(
		       f, f->ev, f->ring, identity, NULL, wait_to_go_on, new_state(f, work)));
	assert_not_null(req);
	assert_result(pathring_submit(f->ring), 0);
	while (sem_wait(&work->begun) == -1) {
	}
	return req;
}

ASYNC_BACKEND_TEST(job, freed_while_it_runs_goes_to_its_end)
{
	struct work work = { .f = f };
	struct tevent_req *req = begin_waiting(f, &work, fixture_user(f, USER_A));

	INSIDE(f, talloc_free(req));
	loop_turns(f, 20);
	assert_eq(work.freed, 0, "its state was freed below it");
	assert_eq(fixture_stats(f).in_flight, 1);
	sem_post(&work.go_on);
	loop_settle(f);
	assert_eq(work.runs, 1);
	assert_result(work.error, 0);
	assert_eq(work.freed, 1);
	assert_eq(fixture_stats(f).orphaned, 1);
}

ASYNC_BACKEND_TEST(job, deadline)
{
	struct work work = { .f = f };
	struct tevent_req *req = begin_waiting(f, &work, f->process);
	void *got = &work;
	bool ok = tevent_req_set_endtime(req, f->ev, tevent_timeval_current_ofs(0, 1000));

	assert_true(ok);
	sent_complete(f, req);
	assert_result(pathring_job_recv(req, f, &got), -ETIMEDOUT);
	assert_null(got);
	talloc_free(req);
	assert_eq(work.freed, 0);
	sem_post(&work.go_on);
	loop_settle(f);
	assert_eq(work.runs, 1);
	assert_eq(work.freed, 1);
}

static void *release_soon(void *arg)
{
	struct work *work = arg;

	usleep(200000);
	sem_post(&work->go_on);
	return NULL;
}

/* One job runs, others wait or have not begun. */
ASYNC_BACKEND_TEST(job, engine_freed_while_it_runs)
{
	struct work running = { .f = f };
	struct work waiting = { .f = f };
	struct tevent_req *req = begin_waiting(f, &running, f->process);
	struct sent sent;
	struct sent late;
	pthread_t thread;

	sent_watch(&sent, f, req, NULL);
	sent_watch(&late,
		   f,
		   pathring_job_send(
			   f, f->ev, f->ring, f->process, NULL, count_run, new_state(f, &waiting)),
		   NULL);
	assert_eq(pthread_create(&thread, NULL, release_soon, &running), 0);
	fixture_stop(f);
	assert_eq(pthread_join(thread, NULL), 0);
	assert_eq(running.runs, 1);
	assert_eq(running.freed, 1);
	assert_eq(waiting.freed, 1);
	assert_eq(sent.calls, 0);
	loop_until(f, &sent.calls, 1);
	loop_until(f, &late.calls, 1);
	assert_result(pathring_job_recv(sent.req, f, NULL), -ECANCELED);
	assert_result(pathring_job_recv(late.req, f, NULL), -ECANCELED);
	talloc_free(sent.req);
	talloc_free(late.req);
}

static void free_inherited(struct fixture *f, void *arg)
{
	struct work *work = arg;

	fixture_stop(f);
	assert_eq(work->freed, 0, "a state was freed that a thread of the parent's works on");
}

/* A child has a copy of the state, in whatever condition, and no thread that will finish with it.
 */
ASYNC_BACKEND_TEST(job, forked_child_does_not_touch_it)
{
	struct work work = { .f = f };
	struct tevent_req *req = begin_waiting(f, &work, f->process);

	in_child(f, free_inherited, &work);
	sem_post(&work.go_on);
	sent_complete(f, req);
	assert_result(pathring_job_recv(req, f, NULL), 0);
	talloc_free(req);
	assert_eq(work.freed, 1);
}

/* ---- where threads are refused, and what a job may not do ---- */

URING_TEST(job, where_threads_are_refused)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct work work = { .f = f };
	int ret = -1;

	job_files(f);
	assert_result(pathring_start(f->ring), 0);
	/* clone3 has its flags in memory; told that there is none glibc uses clone. */
	assert_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), 0);
	ret = seccomp_rule_add(filter,
			       SCMP_ACT_ERRNO(EAGAIN),
			       SCMP_SYS(clone),
			       1,
			       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	assert_eq(ret, 0);
	assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);

	work.name = "new";
	assert_result(try_look(f, fixture_user(f, USER_A), f->dir, &work), 0);
	assert_result(work.error, 0);
	assert_result(work.denied, -EACCES);
	check_made(f, "new", USER_A, USER_A);
	assert_eq(fixture_stats(f).operation[PATHRING_JOB].placed[PATHRING_INLINE], 1);
	work_end(&work);
}

static void use_engine(void *private_data)
{
	struct work_state *state = private_data;
	struct work *work = state->work;
	struct pathring_identity *identity = NULL;

	work->error = pathring_submit(work->f->ring);
	work->denied = pathring_identity_current(work->f->ring, state, &identity);
}

OPERATION_TEST(job, can_not_use_the_engine)
{
	struct work work = { .f = f };

	assert_result(do_job(f, f->process, NULL, use_engine, new_state(f, &work)), 0);
	assert_result(work.error, -EXDEV);
	assert_result(work.denied, -EXDEV);
	assert_result(pathring_submit(f->ring), 0);
}

BACKEND_TEST(job, many_of_several_users)
{
	enum { COUNT = 600 };
	struct work works[3] = { { .f = f }, { .f = f }, { .f = f } };
	struct sent *sent = talloc_array(f, struct sent, COUNT);
	struct pathring_identity *users[3] = { fixture_user(f, USER_A),
					       fixture_user(f, USER_B),
					       f->process };
	unsigned int total = 0;
	unsigned int i = 0;

	for (i = 0; i < COUNT; i++) {
		sent_watch(&sent[i],
			   f,
			   pathring_job_send(f,
					     f->ev,
					     f->ring,
					     users[i % 3],
					     f->dir,
					     run_without_state,
					     new_state(f, &works[i % 3])),
			   &total);
	}
	loop_until(f, &total, COUNT);
	for (i = 0; i < COUNT; i++) {
		assert_result(pathring_job_recv(sent[i].req, f, NULL), 0);
		talloc_free(sent[i].req);
	}
	for (i = 0; i < 3; i++) {
		assert_eq(works[i].freed, COUNT / 3);
	}
	talloc_free(sent);
}
