/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine `smbd-pool`: each request is a job for a helper thread, which takes the user's credentials
 * for it, as smbd does for its asynchronous getxattr (vfswrap_getxattrat_do_async() in
 * source3/modules/vfs_default.c, 4.17). The pool itself is helper_pool.c's. It imitates nothing
 * else of smbd: no tevent_req for a job, and no change of this thread to the user when it is done.
 */
#include "engine.h"
#include "helper_pool.h"
#include "pieces.h"
#include "plain.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <tevent.h>
#include <unistd.h>

/* smbd's default of `aio max threads`. */
#define MAX_THREADS 100

/* As copy_unix_token() of source3/lib/util.c makes it, one for each job. */
struct pool_token {
	uid_t uid;
	gid_t gid;
	size_t num_groups;
	gid_t *groups;
};

struct pool_job {
	struct helper_job job;
	struct pool_state *state;
	struct bench_request *request;
	struct bench_pieces *pieces; /* of a listing */
	struct pool_token *token;
	bool switched; /* the thread had other credentials */
	struct tevent_immediate *im;
	struct bench_plain plain;
	struct bench_answer answer;
};

/* The same for a piece of a listing. */
struct piece_job {
	struct helper_job job;
	struct pool_state *state;
	struct bench_piece *piece;
	struct pool_token *token;
	bool switched;
	struct tevent_immediate *im;
};

struct pool_state {
	struct tevent_context *ev;
	struct tevent_threaded_context *threaded;
	struct helper_pool *pool;
	struct pool_job *jobs; /* by the number of the request */
	struct bench_target target;
	const struct bench_user *users;
	bool privileged; /* otherwise the one user is who the process is */
	int dumpable;
	uint64_t done;
	uint64_t switches;
};

/* A thread that went on as somebody else would read and write as the wrong user. */
static void give_up(const char *what)
{
	fprintf(stderr,
		"pathring-bench: cannot change a thread's credentials: %s: %s\n",
		what,
		strerror(errno));
	abort();
}

/*
 * False: it has them already. The 8 system calls of set_thread_credentials() in
 * source3/lib/util_sec.c, which leaves them out where the thread has these credentials already. It
 * tells groups by their address, so that it does so only when a copy has come to lie where that of
 * the thread's last job was.
 */
static bool set_thread_credentials(const struct pool_token *token)
{
	static _Thread_local struct pool_token has;
	static _Thread_local bool has_any;
	long ret = 0;

	if (has_any && has.uid == token->uid && has.gid == token->gid &&
	    has.num_groups == token->num_groups && has.groups == token->groups) {
		return false;
	}
	ret = syscall(SYS_setresuid, 0, 0, -1);
	if (ret != 0) {
		give_up("setresuid");
	}
	ret = syscall(SYS_setresgid, token->gid, token->gid, -1);
	if (ret != 0) {
		give_up("setresgid");
	}
	ret = syscall(SYS_setgroups, token->num_groups, token->groups);
	if (ret != 0) {
		give_up("setgroups");
	}
	ret = syscall(SYS_setresuid, token->uid, token->uid, -1);
	if (ret != 0) {
		give_up("setresuid");
	}
	if (geteuid() != token->uid || getuid() != token->uid || getegid() != token->gid ||
	    getgid() != token->gid) {
		give_up("they are not what was set");
	}
	/* The address is compared and never followed. */
	has = *token;
	has_any = true;
	return true;
}

static struct pool_token *copy_token(TALLOC_CTX *mem_ctx, const struct bench_user *user)
{
	struct pool_token *token = talloc(mem_ctx, struct pool_token);

	if (token == NULL) {
		return NULL;
	}
	*token = (struct pool_token) {
		.uid = user->uid,
		.gid = user->gid,
		.num_groups = user->num_groups,
	};
	if (user->num_groups > 0) {
		token->groups = talloc_memdup(
			token, user->groups, user->num_groups * sizeof(user->groups[0]));
		if (token->groups == NULL) {
			TALLOC_FREE(token);
		}
	}
	return token;
}

/* In the loop's thread. */
static void job_done(struct tevent_context *ev, struct tevent_immediate *im, void *private_data)
{
	struct pool_job *job = private_data;

	(void)ev;

	job->state->done++;
	job->state->switches += job->switched ? 1 : 0;
	/* One for each job, as in Samba: a helper could be scheduling the next while this one ends.
	 */
	talloc_free(im);
	talloc_free(job->token);
	bench_complete(job->request, &job->answer);
}

/* In a helper thread. */
static void job_run(struct helper_job *helper_job)
{
	struct pool_job *job = (struct pool_job *)helper_job;
	struct pool_state *state = job->state;

	if (state->privileged) {
		job->switched = set_thread_credentials(job->token);
	}
	bench_plain_perform(&job->plain, job->request, &job->answer);
	tevent_threaded_schedule_immediate(state->threaded, job->im, job_done, job);
}

/* A turn of the loop is over, which is all that is wanted. */
static void
woken(struct tevent_context *ev, struct tevent_fd *fde, uint16_t flags, void *private_data)
{
	(void)ev;
	(void)fde;
	(void)flags;
	(void)private_data;
}

/* ---- listings ---- */

static void piece_done(struct tevent_context *ev, struct tevent_immediate *im, void *private_data)
{
	struct piece_job *job = private_data;

	(void)ev;

	job->state->switches += job->switched ? 1 : 0;
	talloc_free(im);
	talloc_free(job->token);
	bench_piece_done(job->piece);
}

/* In a helper thread. */
static void piece_run(struct helper_job *helper_job)
{
	struct piece_job *job = (struct piece_job *)helper_job;
	struct pool_state *state = job->state;

	if (state->privileged) {
		job->switched = set_thread_credentials(job->token);
	}
	bench_piece_run(job->piece);
	tevent_threaded_schedule_immediate(state->threaded, job->im, piece_done, job);
}

static int piece_start(void *private_data, struct bench_piece *piece)
{
	struct pool_state *state = private_data;
	struct piece_job *job = bench_piece_private(piece);

	if (job == NULL) {
		job = talloc_zero(piece, struct piece_job);
		if (job == NULL) {
			return -ENOMEM;
		}
		job->job.run = piece_run;
		job->state = state;
		job->piece = piece;
		bench_piece_set_private(piece, job);
	}
	job->token = copy_token(state, &state->users[bench_piece_request(piece)->user]);
	job->im = tevent_create_immediate(state);
	if (job->token == NULL || job->im == NULL) {
		return -ENOMEM;
	}
	return helper_pool_add(state->pool, &job->job);
}

static int begin_listing(struct pool_job *job)
{
	job->state->done++;
	if (job->pieces == NULL) {
		job->pieces = bench_pieces_create(
			job->state, &job->state->target, piece_start, job->state);
	}
	if (job->pieces == NULL) {
		return -ENOMEM;
	}
	return bench_pieces_begin(job->pieces, job->request);
}

static bool pool_open(TALLOC_CTX *mem_ctx,
		      const struct bench_engine *engine,
		      const struct bench_target *target,
		      size_t depth,
		      void **_state,
		      char **why)
{
	struct pool_state *state = NULL;
	size_t i = 0;

	(void)engine;

	*why = NULL;
	state = talloc_zero(mem_ctx, struct pool_state);
	if (state == NULL) {
		return false;
	}
	state->target = *target;
	state->users = target->users;
	state->privileged = geteuid() == 0;
	state->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	state->jobs = talloc_zero_array(state, struct pool_job, depth);
	state->ev = tevent_context_init(state);
	if (state->jobs == NULL || state->ev == NULL) {
		goto fail;
	}
	if (target->wake_fd != -1 &&
	    tevent_add_fd(state->ev, state, target->wake_fd, TEVENT_FD_READ, woken, NULL) == NULL) {
		goto fail;
	}
	state->threaded = tevent_threaded_context_create(state, state->ev);
	if (state->threaded == NULL) {
		*why = talloc_strdup(mem_ctx, "tevent has no threads here");
		goto fail;
	}
	for (i = 0; i < depth; i++) {
		state->jobs[i].job.run = job_run;
		state->jobs[i].state = state;
		bench_plain_init(&state->jobs[i].plain, target);
	}
	state->pool = helper_pool_create(state, MAX_THREADS);
	if (state->pool == NULL) {
		goto fail;
	}
	*_state = state;
	return true;
fail:
	talloc_free(state);
	return false;
}

static int pool_submit(void *_state, struct bench_request *request)
{
	struct pool_state *state = _state;
	struct pool_job *job = &state->jobs[request->number];

	job->request = request;
	if (request->kind == BENCH_LISTING) {
		return begin_listing(job);
	}
	job->token = copy_token(state, &state->users[request->user]);
	job->im = tevent_create_immediate(state);
	if (job->token == NULL || job->im == NULL) {
		return -ENOMEM;
	}
	return helper_pool_add(state->pool, &job->job);
}

static int pool_turn(void *_state)
{
	struct pool_state *state = _state;
	int ret = tevent_loop_once(state->ev);

	return ret == 0 ? 0 : -errno;
}

static void pool_account(void *_state, struct bench_account *account)
{
	struct pool_state *state = _state;

	*account = (struct bench_account) {
		.placed[BENCH_THREAD] = state->done,
		.switches = state->switches,
	};
}

static void pool_close(void *_state)
{
	struct pool_state *state = _state;

	helper_pool_end(state->pool);
	/* A thread's change of euid makes the whole process undumpable, as in engine_smbd.c. */
	if (state->dumpable == 1) {
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	}
	talloc_free(state);
}

const struct bench_engine bench_engine_smbd_pool = {
	.name = "smbd-pool",
	.summary =
		"plain system calls in helper threads, credentials set for each job as smbd does",
	.identity = true,
	.concurrent = true,
	.open = pool_open,
	.submit = pool_submit,
	.turn = pool_turn,
	.account = pool_account,
	.close = pool_close,
};
