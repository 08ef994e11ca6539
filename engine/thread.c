/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads of the library's own. What they do is helper.c's and linger.c's.
 */
#include "thread.h"

#include <pthread.h>
#include <signal.h>

#include "kernel.h"

/*
 * The operations' own needs are small, and jobs are told how much there is; the default of 8 MiB
 * would count against address space limits.
 */
#define STACK_SIZE (512 * 1024)

int thread_start(void *(*main_fn)(void *private_data), void *private_data)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigset_t saved;
	int ret;

	ret = pthread_attr_init(&attributes);
	if (ret != 0) {
		return -ret;
	}
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	ret = kernel_create_thread(&attributes, main_fn, private_data);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	pthread_attr_destroy(&attributes);
	return ret;
}
