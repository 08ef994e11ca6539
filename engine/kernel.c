/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The kernel as it is.
 */
#include "kernel.h"

int kernel_create_ring(unsigned int entries,
		       struct io_uring *io_uring,
		       struct io_uring_params *parameters)
{
	return io_uring_queue_init_params(entries, io_uring, parameters);
}

int kernel_submit(struct io_uring *io_uring)
{
	return io_uring_submit(io_uring);
}

unsigned int kernel_completions(struct io_uring *io_uring,
				struct kernel_completion *completions,
				unsigned int size)
{
	struct io_uring_cqe *completion = NULL;
	unsigned int count = 0;
	unsigned int head;

	io_uring_for_each_cqe(io_uring, head, completion) {
		if (count == size) {
			break;
		}
		completions[count++] = (struct kernel_completion) {
			.user_data = completion->user_data,
			.result = completion->res,
		};
	}
	io_uring_cq_advance(io_uring, count);
	return count;
}

int kernel_register_personality(struct io_uring *io_uring)
{
	return io_uring_register_personality(io_uring);
}

int kernel_unregister_personality(struct io_uring *io_uring, int personality)
{
	return io_uring_unregister_personality(io_uring, personality);
}

int kernel_create_thread(const pthread_attr_t *attributes,
			 void *(*main_fn)(void *private_data),
			 void *private_data)
{
	pthread_t thread;

	return -pthread_create(&thread, attributes, main_fn, private_data);
}

int kernel_wait_for_work(pthread_cond_t *work, pthread_mutex_t *mutex, const struct timespec *until)
{
	return pthread_cond_timedwait(work, mutex, until);
}
