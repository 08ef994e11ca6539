/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads of the library's own.
 */
#ifndef PATHRING_ENGINE_THREAD_H
#define PATHRING_ENGINE_THREAD_H

/*
 * Start a detached thread with a small stack and all signals blocked: signals are for the caller's
 * threads. 0 or a negative errno.
 */
int thread_start(void *(*main_fn)(void *private_data), void *private_data);

#endif /* PATHRING_ENGINE_THREAD_H */
