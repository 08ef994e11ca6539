/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue and the threads of smbd-pool.
 */
#include "helper_pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct helper_pool {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct helper_job *first;
	struct helper_job **end;
	unsigned int num_idle;
	bool stopped;
	unsigned int num_threads;
	unsigned int max_threads;
	pthread_t threads[];
};

/* A mutex that fails was misused; nothing could be relied on after that. */
static void lock(struct helper_pool *pool)
{
	int ret = pthread_mutex_lock(&pool->mutex);

	if (ret != 0) {
		abort();
	}
}

static void unlock(struct helper_pool *pool)
{
	int ret = pthread_mutex_unlock(&pool->mutex);

	if (ret != 0) {
		abort();
	}
}

static void *serve(void *private_data)
{
	struct helper_pool *pool = private_data;
	int ret = 0;

	/* As Samba's threads, so that a working directory of their own is possible. */
	ret = unshare(CLONE_FS);
	if (ret == -1) {
		perror("pathring-bench: unshare");
	}
	lock(pool);
	while (true) {
		struct helper_job *job = NULL;

		while (pool->first == NULL && !pool->stopped) {
			pool->num_idle++;
			pthread_cond_wait(&pool->changed, &pool->mutex);
			pool->num_idle--;
		}
		job = pool->first;
		if (job == NULL) {
			break;
		}
		pool->first = job->next;
		if (pool->first == NULL) {
			pool->end = &pool->first;
		}
		unlock(pool);
		job->run(job);
		lock(pool);
	}
	unlock(pool);
	return NULL;
}

/* Signals are for the thread that has the loop. */
static int start_thread(struct helper_pool *pool)
{
	sigset_t all;
	sigset_t before;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	ret = pthread_create(&pool->threads[pool->num_threads], NULL, serve, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret == 0) {
		pool->num_threads++;
	}
	return -ret;
}

struct helper_pool *helper_pool_create(TALLOC_CTX *mem_ctx, unsigned int max_threads)
{
	struct helper_pool *pool = NULL;

	pool = talloc_zero_size(mem_ctx, sizeof(*pool) + max_threads * sizeof(pthread_t));
	if (pool == NULL) {
		return NULL;
	}
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pool->end = &pool->first;
	pool->max_threads = max_threads;
	return pool;
}

int helper_pool_add(struct helper_pool *pool, struct helper_job *job)
{
	int ret = 0;

	lock(pool);
	if (pool->num_idle == 0 && pool->num_threads < pool->max_threads) {
		ret = start_thread(pool);
		if (pool->num_threads > 0) {
			/* It waits for one that there is. */
			ret = 0;
		}
	}
	if (ret == 0) {
		job->next = NULL;
		*pool->end = job;
		pool->end = &job->next;
	}
	if (pool->num_idle > 0) {
		pthread_cond_signal(&pool->changed);
	}
	unlock(pool);
	return ret;
}

void helper_pool_end(struct helper_pool *pool)
{
	unsigned int i = 0;

	lock(pool);
	pool->stopped = true;
	pthread_cond_broadcast(&pool->changed);
	unlock(pool);
	for (i = 0; i < pool->num_threads; i++) {
		pthread_join(pool->threads[i], NULL);
	}
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->mutex);
	talloc_free(pool);
}
