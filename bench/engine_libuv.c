/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine `libuv`: each request is a job for libuv's thread pool, which knows no identities. It
 * completes in a uv loop, as in node or any other program on libuv.
 *
 * A request is one job with all of its system calls; a listing is several, as for smbd-pool.
 * uv_fs_open(), uv_fs_stat() and the like are such jobs too, in the same pool, but of one call
 * each: a lookup would go to the pool and back for each of its calls, and its xattr has no uv_fs
 * function at all.
 */
#include "engine.h"
#include "pieces.h"
#include "plain.h"

#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <uv.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/*
 * How many threads the pool has, unless UV_THREADPOOL_SIZE says so. Where requests wait, as many of
 * them are worked on as there are threads; where they don't, more threads than processors only get
 * in one another's way: 64 instead of 4 cost a fifth of the operations per second (lookup, depth
 * 64, ext4, 2 processors), and on a file system that lets each operation wait for 10 ms they are 11
 * times as fast. libuv's own default is 4.
 */
#define FEWEST_THREADS 4
#define WAITING_THREADS 64

/* libuv takes no more. */
#define MAX_THREADS 1024

struct uv_job {
	uv_work_t work;
	struct uv_state *state;
	struct bench_request *request;
	struct bench_pieces *pieces; /* of a listing */
	struct bench_plain plain;
	struct bench_answer answer;
};

/* A piece of a listing. */
struct uv_piece {
	uv_work_t work;
	struct bench_piece *piece;
};

struct uv_state {
	uv_loop_t loop;
	uv_timer_t tick;
	uv_poll_t wake; /* the target's wake_fd, if it has one */
	bool has_wake;
	struct uv_job *jobs; /* by the number of the request */
	struct bench_target target;
	uint64_t done;
};

/* The metadata of these is in memory once it was used. */
static bool is_local(const struct bench_target *target)
{
	struct statfs st;
	int ret = target->num_descriptors > 0 ? fstatfs(target->descriptors[0].fd, &st) : -1;

	if (ret == -1) {
		return false;
	}
	switch ((unsigned long)st.f_type) {
	case BTRFS_SUPER_MAGIC:
	case EXT4_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case XFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static long best_threads(const struct bench_target *target)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (target->settings->cold || !is_local(target)) {
		return WAITING_THREADS;
	}
	return processors > FEWEST_THREADS ? processors : FEWEST_THREADS;
}

/* In a thread of the pool. */
static void job_run(uv_work_t *work)
{
	struct uv_job *job = work->data;

	bench_plain_perform(&job->plain, job->request, &job->answer);
}

/* In the loop's thread. */
static void job_done(uv_work_t *work, int status)
{
	struct uv_job *job = work->data;

	/* Not 0 when it was cancelled, which nobody does. */
	if (status != 0) {
		job->answer = (struct bench_answer) { .error = status };
	}
	job->state->done++;
	bench_complete(job->request, &job->answer);
}

/* ---- listings ---- */

/* In a thread of the pool. */
static void piece_run(uv_work_t *work)
{
	struct uv_piece *piece = work->data;

	bench_piece_run(piece->piece);
}

/* In the loop's thread. */
static void piece_done(uv_work_t *work, int status)
{
	struct uv_piece *piece = work->data;

	(void)status;

	bench_piece_done(piece->piece);
}

static int piece_start(void *private_data, struct bench_piece *bench_piece)
{
	struct uv_state *state = private_data;
	struct uv_piece *piece = bench_piece_private(bench_piece);

	if (piece == NULL) {
		piece = talloc_zero(bench_piece, struct uv_piece);
		if (piece == NULL) {
			return -ENOMEM;
		}
		piece->work.data = piece;
		piece->piece = bench_piece;
		bench_piece_set_private(bench_piece, piece);
	}
	return uv_queue_work(&state->loop, &piece->work, piece_run, piece_done);
}

static int begin_listing(struct uv_job *job)
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

/* ---- the engine ---- */

/* libuv waits on when a signal comes; a turn must not. */
static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

/* A turn is over, which is all that is wanted. */
static void on_wake(uv_poll_t *wake, int status, int events)
{
	(void)wake;
	(void)status;
	(void)events;
}

static void nothing_to_run(uv_work_t *work)
{
	(void)work;
}

static void nothing_done(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

/*
 * The pool is the process's, made with the first job and never ended. Its threads must not take the
 * signals that are meant for the loop's thread, and no round should have them made in it.
 */
static int start_pool(uv_loop_t *loop, const struct bench_target *target)
{
	char threads[24];
	uv_work_t work;
	sigset_t all;
	sigset_t before;
	int ret = 0;

	/* Not over what the user says, or an earlier round. */
	snprintf(threads, sizeof(threads), "%ld", best_threads(target));
	ret = setenv("UV_THREADPOOL_SIZE", threads, 0);
	if (ret == -1) {
		return -errno;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	ret = uv_queue_work(loop, &work, nothing_to_run, nothing_done);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret == 0) {
		uv_run(loop, UV_RUN_DEFAULT);
	}
	return ret;
}

static int watch(struct uv_state *state, int fd)
{
	int ret = 0;

	if (fd == -1) {
		return 0;
	}
	ret = uv_poll_init(&state->loop, &state->wake, fd);
	if (ret != 0) {
		return ret;
	}
	state->has_wake = true;
	return uv_poll_start(&state->wake, UV_READABLE, on_wake);
}

static void close_loop(struct uv_state *state)
{
	uv_close((uv_handle_t *)&state->tick, NULL);
	if (state->has_wake) {
		uv_close((uv_handle_t *)&state->wake, NULL);
	}
	uv_run(&state->loop, UV_RUN_DEFAULT);
	uv_loop_close(&state->loop);
}

static bool libuv_open(TALLOC_CTX *mem_ctx,
		       const struct bench_engine *engine,
		       const struct bench_target *target,
		       size_t depth,
		       void **_state,
		       char **why)
{
	struct uv_state *state = talloc_zero(mem_ctx, struct uv_state);
	size_t i = 0;
	int ret = 0;

	(void)engine;

	*why = NULL;
	if (state == NULL) {
		return false;
	}
	state->jobs = talloc_zero_array(state, struct uv_job, depth);
	if (state->jobs == NULL) {
		talloc_free(state);
		return false;
	}
	state->target = *target;
	for (i = 0; i < depth; i++) {
		state->jobs[i].work.data = &state->jobs[i];
		state->jobs[i].state = state;
		bench_plain_init(&state->jobs[i].plain, target);
	}
	ret = uv_loop_init(&state->loop);
	if (ret != 0) {
		*why = talloc_asprintf(mem_ctx, "uv_loop_init: %s", uv_strerror(ret));
		talloc_free(state);
		return false;
	}
	uv_timer_init(&state->loop, &state->tick);
	ret = start_pool(&state->loop, target);
	if (ret == 0) {
		ret = watch(state, target->wake_fd);
	}
	if (ret != 0) {
		*why = talloc_strdup(mem_ctx, uv_strerror(ret));
		close_loop(state);
		talloc_free(state);
		return false;
	}
	uv_timer_start(&state->tick, on_tick, 1000, 1000);
	*_state = state;
	return true;
}

static int libuv_submit(void *_state, struct bench_request *request)
{
	struct uv_state *state = _state;
	struct uv_job *job = &state->jobs[request->number];

	job->request = request;
	if (request->kind == BENCH_LISTING) {
		return begin_listing(job);
	}
	return uv_queue_work(&state->loop, &job->work, job_run, job_done);
}

static int libuv_turn(void *_state)
{
	struct uv_state *state = _state;

	uv_run(&state->loop, UV_RUN_ONCE);
	return 0;
}

static void libuv_account(void *_state, struct bench_account *account)
{
	struct uv_state *state = _state;

	*account = (struct bench_account) { .placed[BENCH_THREAD] = state->done };
}

/* Read as libuv reads it. */
static const char *libuv_backend(void *_state)
{
	static char name[32];
	const char *value = getenv("UV_THREADPOOL_SIZE");
	int threads = value != NULL ? atoi(value) : 0;

	(void)_state;

	if (threads == 0) {
		threads = 1;
	} else if (threads < 0 || threads > MAX_THREADS) {
		threads = MAX_THREADS;
	}
	snprintf(name, sizeof(name), threads == 1 ? "%d thread" : "%d threads", threads);
	return name;
}

static void libuv_close(void *_state)
{
	struct uv_state *state = _state;

	close_loop(state);
	talloc_free(state);
}

const struct bench_engine bench_engine_libuv = {
	.name = "libuv",
	.summary = "plain system calls in libuv's thread pool, no identity",
	.identity = false,
	.concurrent = true,
	.uncounted = true,
	.open = libuv_open,
	.submit = libuv_submit,
	.turn = libuv_turn,
	.account = libuv_account,
	.backend = libuv_backend,
	.close = libuv_close,
};
