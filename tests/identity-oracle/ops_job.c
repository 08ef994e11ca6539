/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Functions of the caller's under an identity: job, pathring_run_as() and pathring_callback_as().
 * Both sides run the same functions, which tell who runs them and touch files by names. On
 * pathring's side they also spoil what they run with, at the end: it must not matter to anybody
 * else.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "operations.h"
#include "users.h"

#define CONTENT_SIZE 64
#define MAX_TOLD_GROUPS 64

enum task { TASK_WHO, TASK_READ, TASK_CREATE, NUM_TASKS };

struct job {
	enum task task;
	int dirfd;
	mode_t mode;
	bool spoils;
	bool in_this_thread; /* whose umask and working directory are nobody's business */
	char name[NAME_SPACE];
	struct outcome outcome;
};

static void tell_capabilities(struct outcome *outcome)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	syscall(SYS_capget, &header, data);
	outcome_add_number(outcome, data[0].effective);
	outcome_add_number(outcome, data[1].effective);
}

/* Raw calls: glibc's are about the whole process. -1 is no id: it changes nothing. */
static void tell_who(struct job *job)
{
	struct outcome *outcome = &job->outcome;
	gid_t groups[MAX_TOLD_GROUPS];
	struct stat root;
	struct stat here;
	long count;
	int ret;

	outcome_begin(outcome, 0);
	outcome_add_number(outcome, (uint64_t)syscall(SYS_geteuid));
	outcome_add_number(outcome, (uint64_t)syscall(SYS_getegid));
	outcome_add_number(outcome, (uint64_t)syscall(SYS_setfsuid, -1));
	outcome_add_number(outcome, (uint64_t)syscall(SYS_setfsgid, -1));
	count = syscall(SYS_getgroups, MAX_TOLD_GROUPS, groups);
	if (count > 0) {
		outcome_add(outcome, groups, (size_t)count * sizeof(groups[0]));
	}
	tell_capabilities(outcome);
	if (!job->in_this_thread) {
		outcome_add_number(outcome, umask(0));
		ret = stat("/", &root);
		if (ret == 0) {
			ret = stat(".", &here);
		}
		outcome_add_number(outcome, ret == 0 && root.st_ino == here.st_ino);
	}
}

static void read_file(struct job *job)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	char content[CONTENT_SIZE];
	int64_t count;
	int fd;

	fd = openat(job->dirfd, job->name, flags);
	outcome_begin(&job->outcome, RESULT_OF(fd) < 0 ? RESULT_OF(fd) : 0);
	if (fd == -1) {
		return;
	}
	count = RESULT_OF(read(fd, content, sizeof(content)));
	outcome_add_number(&job->outcome, (uint64_t)count);
	if (count > 0) {
		outcome_add(&job->outcome, content, (size_t)count);
	}
	outcome_add_fd(&job->outcome, fd);
	close(fd);
}

static void create_file(struct job *job)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd;

	fd = openat(job->dirfd, job->name, flags, job->mode);
	outcome_begin(&job->outcome, RESULT_OF(fd) < 0 ? RESULT_OF(fd) : 0);
	if (fd != -1) {
		outcome_add_fd(&job->outcome, fd);
		close(fd);
	}
}

static void spoil(const struct job *job)
{
	int ret;

	if (!job->in_this_thread) {
		umask(0777);
		ret = chdir("/proc");
		(void)ret;
	}
	/* Root can; others stay who they are. */
	syscall(SYS_setgroups, 0, NULL);
	syscall(SYS_setresgid, -1, USER_BASE, -1);
	syscall(SYS_setresuid, -1, USER_BASE, -1);
}

static void run(void *private_data)
{
	struct job *job = private_data;

	switch (job->task) {
	case TASK_WHO:
		tell_who(job);
		break;
	case TASK_READ:
		read_file(job);
		break;
	case TASK_CREATE:
	case NUM_TASKS:
		create_file(job);
		break;
	}
	if (job->spoils) {
		spoil(job);
	}
}

static struct job make_job(const struct call *call)
{
	struct job job = {
		.task = (enum task)call->flags,
		.dirfd = AT_FDCWD,
		.mode = call->mode,
	};

	memcpy(job.name, call->name, sizeof(job.name));
	return job;
}

static void draw_task(struct draw *draw)
{
	struct call *call = draw->call;

	call->slot = draw_slot(draw, WANT_DIRECTORY);
	call->flags = dice_below(draw->dice, NUM_TASKS);
	do {
		/* fn is given any name; what is asked here is under whom it runs. */
		draw_name(draw, call->slot, call->flags == TASK_CREATE, call->name);
	} while (strchr(call->name, '/') != NULL || call->name[0] == '\0' || call->name[0] == '.' ||
		 strcmp(call->name, LONG_NAME) == 0);
	call->mode = draw_mode(draw);
	call->changes = call->flags == TASK_CREATE;
	call->spoils = dice_percent(draw->dice, 20);
}

/* ---- job ---- */

static void job_draw(struct draw *draw)
{
	draw_task(draw);
	if (draw->call->flags == TASK_WHO && dice_percent(draw->dice, 30)) {
		/* In no directory: in the root. */
		draw->call->slot = -1;
	}
}

static int job_request(struct flight *flight, pathring_request_fn fn)
{
	struct job *job = talloc(NULL, struct job);

	if (job == NULL) {
		return -ENOMEM;
	}
	*job = make_job(flight->call);
	job->spoils = flight->call->spoils;
	return pathring_job_request(flight->ring,
				    flight->identity,
				    flight->handle,
				    run,
				    job,
				    fn,
				    flight,
				    &flight->request);
}

static void job_result(struct flight *flight)
{
	const struct job *job = NULL;
	void *state = NULL;
	int ret;

	ret = pathring_job_result(flight->request, &state);
	outcome_begin(&flight->outcome, ret);
	if (ret == 0) {
		job = talloc_get_type_abort(state, struct job);
		flight->outcome = job->outcome;
	}
}

static void job_plain(struct plain *plain)
{
	struct job job = make_job(plain->call);
	int ret = 0;

	if (plain->call->slot >= 0) {
		ret = fchdir(plain->fd);
	}
	if (ret == -1) {
		outcome_begin(plain->outcome, -errno);
		return;
	}
	run(&job);
	*plain->outcome = job.outcome;
	umask(0);
	ret = chdir("/");
	if (ret == -1) {
		outcome_begin(plain->outcome, -errno);
	}
}

const struct operation operation_job = {
	.name = "job",
	.weight = 60,
	.draw = job_draw,
	.request = job_request,
	.result = job_result,
	.plain = job_plain,
};

/* ---- run_as ---- */

static void run_as_draw(struct draw *draw)
{
	do {
		draw_task(draw);
	} while (draw->call->flags == TASK_CREATE);
}

/* Here and now, with what this thread has for umask and directory. */
static void run_as_local(struct flight *flight)
{
	struct job job = make_job(flight->call);
	int ret;

	job.dirfd = pathring_handle_pathref_fd(flight->handle);
	job.in_this_thread = true;
	job.spoils = flight->call->spoils;
	ret = pathring_run_as(flight->ring, flight->identity, run, &job);
	if (ret < 0) {
		outcome_begin(&job.outcome, ret);
	}
	flight->outcome = job.outcome;
}

static void here_plain(struct plain *plain)
{
	struct job job = make_job(plain->call);

	job.dirfd = plain->fd;
	job.in_this_thread = true;
	run(&job);
	*plain->outcome = job.outcome;
}

const struct operation operation_run_as = {
	.name = "run_as",
	.weight = 20,
	.draw = run_as_draw,
	.local = run_as_local,
	.plain = here_plain,
};

/* ---- callback_as ---- */

static void called_back(struct tevent_req *req)
{
	struct flight *flight = tevent_req_callback_data_void(req);
	struct job job = make_job(flight->call);
	struct statx stx;
	int ret;

	ret = pathring_statx_recv(req, &stx);
	job.dirfd = pathring_handle_pathref_fd(flight->handle);
	job.in_this_thread = true;
	run(&job);
	if (ret < 0) {
		outcome_begin(&job.outcome, ret);
	}
	flight->outcome = job.outcome;
	talloc_free(req);
	flight->finish(flight);
}

/* The identity of the callback is another matter than that of the request: the process here. */
static int callback_as_start(struct flight *flight)
{
	struct tevent_req *req = NULL;
	int ret;

	req = pathring_statx_send(flight->oracle->handles,
				  flight->ev,
				  flight->ring,
				  pathring_identity_process(flight->ring),
				  flight->handle,
				  0,
				  STATX_BASIC_STATS);
	if (req == NULL) {
		return -ENOMEM;
	}
	ret = pathring_callback_as(flight->ring, flight->identity, req, called_back, flight);
	if (ret < 0) {
		talloc_free(req);
	}
	return ret;
}

const struct operation operation_callback_as = {
	.name = "callback_as",
	.weight = 20,
	.draw = run_as_draw,
	.start = callback_as_start,
	.plain = here_plain,
};
