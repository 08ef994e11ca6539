/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Helper threads that take jobs from one queue, the way of Samba's lib/pthreadpool: one mutex and
 * one condition, and a new thread only when no thread is idle and the maximum is not reached.
 * Threads don't end for want of work as Samba's do after a second: no round leaves them without it
 * for so long. It knows nothing of credentials, nor how a job says that it is done.
 */
#ifndef BENCH_HELPER_POOL_H
#define BENCH_HELPER_POOL_H

#include <talloc.h>

/* The first member of what the caller has for a job; its own until run was called. */
struct helper_job {
	void (*run)(struct helper_job *job);
	struct helper_job *next;
};

struct helper_pool;

/* No thread yet. NULL without memory. */
struct helper_pool *helper_pool_create(TALLOC_CTX *mem_ctx, unsigned int max_threads);

/* Run the job in some thread. 0, or a negative errno when there is no thread and can be none. */
int helper_pool_add(struct helper_pool *pool, struct helper_job *job);

/* Wait for all threads to end, when no job is left; then the pool is freed. */
void helper_pool_end(struct helper_pool *pool);

#endif /* BENCH_HELPER_POOL_H */
