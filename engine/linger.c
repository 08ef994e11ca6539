/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Keeping what the kernel still uses of engines that are freed, and letting go of it when it does.
 * How the ring and the helper threads stop is their own matter; here is what outlives that.
 *
 * Helper threads come back by themselves and report the end of their requests. For rings one thread
 * in the process waits, as long as there are any; it only looks at completions, and never enters
 * the kernel for a ring, which belongs to the thread that made it.
 */
#include "linger.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include "handle.h"
#include "request.h"
#include "thread.h"

struct lingering {
	TAILQ_ENTRY(lingering) link;
	bool listed;
	unsigned int parts;
	struct request_list requests;
	int fd; /* to be closed at the end, -1 for none */

	/*
	 * Only where talloc's null tracking is on: it is a child of an object that all threads
	 * share, and must be freed by the caller's.
	 */
	bool tracked;

	struct linger_watch {
		int fd; /* -1: none */
		bool active;
		pthread_t thread; /* whose ring it was */
		unsigned int entries;
		bool (*collect)(struct lingering *lingering, void *private_data);
		void (*release)(void *private_data);
		void *private_data;
	} watch;
};

TAILQ_HEAD(lingering_list, lingering);

/* One a process, below its mutex. */
static struct {
	pthread_mutex_t mutex;
	struct lingering_list lingering;
	struct lingering_list ended;	 /* to be freed by a thread of the caller's */
	struct lingering_list inherited; /* of the parent's, in a forked child */
	size_t num_requests;
	size_t num_watches;
	bool waiting; /* there is a thread that waits for epoll_fd */
	int epoll_fd;
} process = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.lingering = TAILQ_HEAD_INITIALIZER(process.lingering),
	.ended = TAILQ_HEAD_INITIALIZER(process.ended),
	.inherited = TAILQ_HEAD_INITIALIZER(process.inherited),
	.epoll_fd = -1,
};

/* ---- forked children ---- */

static void before_fork(void)
{
	pthread_mutex_lock(&process.mutex);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&process.mutex);
}

/*
 * None of the threads is here, and what the kernel does it does to the parent's memory. The rest is
 * for linger_sweep(): little may be done in a child before that comes to an engine.
 */
static void after_fork_in_child(void)
{
	if (process.epoll_fd >= 0) {
		close(process.epoll_fd);
		process.epoll_fd = -1;
	}
	process.waiting = false;
	process.num_watches = 0;
	process.num_requests = 0;
	TAILQ_CONCAT(&process.inherited, &process.lingering, link);
	pthread_mutex_unlock(&process.mutex);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ---- the thread that waits for rings ---- */

static bool no_watches(void)
{
	bool none;

	pthread_mutex_lock(&process.mutex);
	none = process.num_watches == 0;
	if (none) {
		close(process.epoll_fd);
		process.epoll_fd = -1;
		process.waiting = false;
	}
	pthread_mutex_unlock(&process.mutex);
	return none;
}

static void end_watch(struct lingering *lingering)
{
	/* A forked child may have the descriptor too: closing it would not end the watch. */
	epoll_ctl(process.epoll_fd, EPOLL_CTL_DEL, lingering->watch.fd, NULL);

	/* Together: a child that is forked between them would close whatever has the number. */
	pthread_mutex_lock(&process.mutex);
	lingering->watch.release(lingering->watch.private_data);
	lingering->watch.fd = -1;
	process.num_watches--;
	pthread_mutex_unlock(&process.mutex);
	linger_end_part(lingering);
}

static void *wait_for_rings(void *private_data)
{
	struct epoll_event event = { 0 };

	(void)private_data;
	do {
		int count = epoll_wait(process.epoll_fd, &event, 1, -1);
		struct lingering *lingering = event.data.ptr;
		bool all_come = false;

		if (count == 1) {
			all_come =
				lingering->watch.collect(lingering, lingering->watch.private_data);
		}
		if (all_come) {
			end_watch(lingering);
		}
	} while (!no_watches());
	return NULL;
}

/* With the mutex held. What fails is tried again with the next engine that is made or freed. */
static void ensure_waiting(void)
{
	struct lingering *lingering = NULL;
	int ret;

	TAILQ_FOREACH(lingering, &process.lingering, link) {
		struct epoll_event event = {
			.events = EPOLLIN,
			.data.ptr = lingering,
		};

		if (lingering->watch.fd < 0 || lingering->watch.active) {
			continue;
		}
		if (process.epoll_fd < 0) {
			process.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		}
		ret = epoll_ctl(process.epoll_fd, EPOLL_CTL_ADD, lingering->watch.fd, &event);
		if (ret == 0) {
			lingering->watch.active = true;
			process.num_watches++;
		}
	}
	if (process.num_watches > 0 && !process.waiting) {
		ret = thread_start(wait_for_rings, NULL);
		process.waiting = ret == 0;
	}
}

/* ---- what lingers ---- */

struct lingering *linger_create(void)
{
	struct lingering *lingering = NULL;

	lingering = talloc_zero(NULL, struct lingering);
	if (lingering == NULL) {
		return NULL;
	}
	lingering->tracked = talloc_parent(lingering) != NULL;
	lingering->parts = 1;
	lingering->fd = -1;
	lingering->watch.fd = -1;
	TAILQ_INIT(&lingering->requests);
	return lingering;
}

void linger_add_part(struct lingering *lingering, TALLOC_CTX *part)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	talloc_steal(lingering, part);
	pthread_mutex_lock(&process.mutex);
	lingering->parts++;
	if (!lingering->listed) {
		lingering->listed = true;
		TAILQ_INSERT_TAIL(&process.lingering, lingering, link);
	}
	pthread_mutex_unlock(&process.mutex);
}

void linger_add_request(struct lingering *lingering, struct pathring_request *request)
{
	request_outlive_engine(request, lingering);
	pthread_mutex_lock(&process.mutex);
	TAILQ_INSERT_TAIL(&lingering->requests, request, link);
	process.num_requests++;
	pthread_mutex_unlock(&process.mutex);
}

void linger_add_fd(struct lingering *lingering, int fd)
{
	lingering->fd = fd;
}

void linger_watch(struct lingering *lingering,
		  int fd,
		  unsigned int entries,
		  bool (*collect)(struct lingering *lingering, void *private_data),
		  void (*release)(void *private_data),
		  void *private_data)
{
	pthread_mutex_lock(&process.mutex);
	lingering->watch = (struct linger_watch) {
		.fd = fd,
		.thread = pthread_self(),
		.entries = entries,
		.collect = collect,
		.release = release,
		.private_data = private_data,
	};
	pthread_mutex_unlock(&process.mutex);
}

static void release_descriptors(struct pathring_request *request)
{
	descriptor_release_lingering(request->operation.target);
	descriptor_release_lingering(request->operation.second);
}

void linger_end_request(struct lingering *lingering, struct pathring_request *request)
{
	struct operation *operation = &request->operation;
	bool is_job = operation->class->kind == PATHRING_JOB;

	/* First: a child that is forked meanwhile would release again what is released here. */
	pthread_mutex_lock(&process.mutex);
	TAILQ_REMOVE(&lingering->requests, request, link);
	pthread_mutex_unlock(&process.mutex);

	/* What a job has of talloc's goes with the request where it must not be freed here. */
	if (operation->class->discard != NULL && !(is_job && lingering->tracked)) {
		operation->class->discard(operation);
	}
	if (operation->class->kind == PATHRING_READDIR) {
		descriptor_end_reading(operation->target);
	}
	release_descriptors(request);

	pthread_mutex_lock(&process.mutex);
	process.num_requests--;
	pthread_mutex_unlock(&process.mutex);
}

static void free_lingering(struct lingering *lingering)
{
	if (lingering->fd >= 0) {
		close(lingering->fd);
	}
	talloc_free(lingering);
}

void linger_end_part(struct lingering *lingering)
{
	bool free_here = false;

	pthread_mutex_lock(&process.mutex);
	lingering->parts--;
	if (lingering->parts == 0) {
		if (lingering->listed) {
			TAILQ_REMOVE(&process.lingering, lingering, link);
		}
		free_here = !lingering->tracked;
		if (!free_here) {
			TAILQ_INSERT_TAIL(&process.ended, lingering, link);
		}
	}
	pthread_mutex_unlock(&process.mutex);
	if (free_here) {
		free_lingering(lingering);
	}
}

/* The child's own copies of descriptors and memory. The rings' mappings were not inherited. */
static void free_inherited(struct lingering *lingering)
{
	struct pathring_request *request = NULL;

	TAILQ_FOREACH(request, &lingering->requests, link) {
		release_descriptors(request);
	}
	if (lingering->watch.fd >= 0) {
		close(lingering->watch.fd);
	}
	free_lingering(lingering);
}

void linger_sweep(void)
{
	struct lingering_list ended = TAILQ_HEAD_INITIALIZER(ended);
	struct lingering_list inherited = TAILQ_HEAD_INITIALIZER(inherited);
	struct lingering *lingering = NULL;

	pthread_mutex_lock(&process.mutex);
	ensure_waiting();
	TAILQ_CONCAT(&ended, &process.ended, link);
	TAILQ_CONCAT(&inherited, &process.inherited, link);
	pthread_mutex_unlock(&process.mutex);

	while ((lingering = TAILQ_FIRST(&ended)) != NULL) {
		TAILQ_REMOVE(&ended, lingering, link);
		free_lingering(lingering);
	}
	while ((lingering = TAILQ_FIRST(&inherited)) != NULL) {
		TAILQ_REMOVE(&inherited, lingering, link);
		free_inherited(lingering);
	}
}

size_t linger_entries(void)
{
	const struct lingering *lingering = NULL;
	size_t entries = 0;

	pthread_mutex_lock(&process.mutex);
	TAILQ_FOREACH(lingering, &process.lingering, link) {
		if (lingering->watch.fd >= 0 &&
		    pthread_equal(lingering->watch.thread, pthread_self())) {
			entries += lingering->watch.entries;
		}
	}
	pthread_mutex_unlock(&process.mutex);
	return entries;
}

size_t linger_count(void)
{
	size_t count;

	pthread_mutex_lock(&process.mutex);
	count = process.num_requests;
	pthread_mutex_unlock(&process.mutex);
	return count;
}
