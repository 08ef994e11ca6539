/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The calls that give work to the kernel, hear of it, register identities and make threads, and
 * nothing else: the one file that a test replaces to have them fail, come late or out of order.
 */
#ifndef PATHRING_ENGINE_KERNEL_H
#define PATHRING_ENGINE_KERNEL_H

#include <liburing.h>
#include <pthread.h>
#include <time.h>

struct kernel_completion {
	uint64_t user_data;
	int result;
};

/* As io_uring_queue_init_params(). */
int kernel_create_ring(unsigned int entries,
		       struct io_uring *io_uring,
		       struct io_uring_params *parameters);

/* As io_uring_submit(): how many entries the kernel has taken, or a negative errno. */
int kernel_submit(struct io_uring *io_uring);

/* Take up to size completions out of the ring, without blocking. */
unsigned int kernel_completions(struct io_uring *io_uring,
				struct kernel_completion *completions,
				unsigned int size);

/* The personality, positive, or a negative errno. */
int kernel_register_personality(struct io_uring *io_uring);
int kernel_unregister_personality(struct io_uring *io_uring, int personality);

/* 0 or a negative errno. */
int kernel_create_thread(const pthread_attr_t *attributes,
			 void *(*main_fn)(void *private_data),
			 void *private_data);

/* As pthread_cond_timedwait(): a helper thread without work waits for some, or for its end. */
int kernel_wait_for_work(pthread_cond_t *work,
			 pthread_mutex_t *mutex,
			 const struct timespec *until);

#endif /* PATHRING_ENGINE_KERNEL_H */
