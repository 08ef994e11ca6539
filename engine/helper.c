/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Helper threads. Each has credentials of its own (they belong to a thread in Linux; glibc's
 * wrappers only pretend otherwise) and, after unshare(CLONE_FS), a umask of its own, which is 0:
 * modes are those the caller gave.
 *
 * A thread takes on the identity of its request and keeps it until a request of another comes. It
 * touches nothing but the request's operation: talloc, the engine's lists and counters belong to
 * the engine's thread.
 */
#include "helper.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "request.h"

/* A thread that has had nothing to do for so long ends: an idle engine has none. */
#define IDLE_SECONDS 5

/*
 * The operations' own needs are small, and jobs are told how much there is; the default of 8 MiB
 * would count against address space limits.
 */
#define STACK_SIZE (512 * 1024)

STAILQ_HEAD(helper_list, pathring_request);

struct helpers {
	pthread_mutex_t mutex;
	pthread_cond_t work;
	pthread_cond_t ended;
	unsigned int max_threads;

	/* Below the mutex */
	struct helper_list waiting;
	struct helper_list finished;
	unsigned int num_waiting;
	unsigned int num_threads;
	unsigned int num_idle;
	unsigned int switches;
	bool stop;

	int event_fd;
	size_t num_taken; /* by the engine's thread, not yet reaped */
};

/* What a new thread tells the one that made it. */
struct helper_birth {
	struct helpers *helpers;
	int error; /* 1: not known yet */
	pthread_cond_t known;
};

static void announce(const struct helpers *helpers)
{
	uint64_t one = 1;
	ssize_t written;

	/*
	 * It can only fail with a counter near its end, and then the descriptor is readable
	 * already.
	 */
	written = write(helpers->event_fd, &one, sizeof(one));
	(void)written;
}

static int become(const struct identity *identity)
{
	int ret;

	ret = credentials_gain_root();
	if (ret == 0) {
		ret = credentials_become(&identity->target);
	}
	return ret;
}

/*
 * The thread keeps the identity of its last request. What that is, is asked of the kernel each
 * time: an identity's address may be another's by now, and setuid() of glibc, called by whomever,
 * changes the credentials of every thread of the process.
 *
 * An unprivileged process has one identity, which its threads inherit: nothing to switch then, and
 * no way to.
 */
static int take_on(const struct identity *identity, unsigned int *switches)
{
	struct credentials credentials = { 0 };
	bool same;
	int ret;

	ret = credentials_get(&credentials);
	if (ret < 0) {
		return ret;
	}
	same = credentials_match(&credentials, &identity->target);
	credentials_release(&credentials);
	if (same) {
		return 0;
	}
	credentials_join(&credentials);
	(*switches)++;
	return become(identity);
}

/* false: a job has left the thread in a state that it can't come back from; it must end. */
static bool run_request(struct pathring_request *request, unsigned int *switches)
{
	struct operation *operation = &request->operation;
	int ret;

	ret = take_on(request->identity, switches);
	if (ret < 0) {
		operation->result = ret;
		return true;
	}
	if (operation->class->kind == PATHRING_JOB) {
		return job_run_in_helper(operation);
	}
	operation->class->perform(operation);
	return true;
}

/* With the mutex held. NULL: the thread is to end. */
static struct pathring_request *next_request(struct helpers *helpers)
{
	struct timespec until = { 0 };
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;

	helpers->num_idle++;
	while (STAILQ_EMPTY(&helpers->waiting) && !helpers->stop && ret != ETIMEDOUT) {
		ret = kernel_wait_for_work(&helpers->work, &helpers->mutex, &until);
	}
	helpers->num_idle--;

	if (STAILQ_EMPTY(&helpers->waiting)) {
		return NULL;
	}
	helpers->num_waiting--;
	return STAILQ_FIRST(&helpers->waiting);
}

static int prepare_thread(void)
{
	int ret;

	/* A umask of its own. Fails in some containers, where seccomp denies unshare(). */
	ret = unshare(CLONE_FS);
	if (ret == -1) {
		return -errno;
	}
	umask(0);
	return 0;
}

static void *helper_main(void *private_data)
{
	struct helper_birth *birth = private_data;
	struct helpers *helpers = birth->helpers;
	struct pathring_request *request = NULL;
	bool usable = true;
	int ret;

	ret = prepare_thread();
	pthread_mutex_lock(&helpers->mutex);
	birth->error = ret;
	pthread_cond_signal(&birth->known);

	while (ret == 0 && usable && (request = next_request(helpers)) != NULL) {
		unsigned int switches = 0;
		bool first;

		STAILQ_REMOVE_HEAD(&helpers->waiting, helper.link);
		pthread_mutex_unlock(&helpers->mutex);

		usable = run_request(request, &switches);

		pthread_mutex_lock(&helpers->mutex);
		helpers->switches += switches;
		first = STAILQ_EMPTY(&helpers->finished);
		STAILQ_INSERT_TAIL(&helpers->finished, request, helper.link);
		if (first) {
			announce(helpers);
		}
	}

	if (ret == 0) {
		helpers->num_threads--;
		pthread_cond_signal(&helpers->ended);
	}
	pthread_mutex_unlock(&helpers->mutex);
	return NULL;
}

static int create_thread(struct helper_birth *birth)
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

	/* Signals are for the caller's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	ret = kernel_create_thread(&attributes, helper_main, birth);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	pthread_attr_destroy(&attributes);
	return ret;
}

/* With the mutex held: one more thread, alive and prepared, or -errno. */
static int add_thread(struct helpers *helpers)
{
	struct helper_birth birth = {
		.helpers = helpers,
		.error = 1,
	};
	int ret;

	pthread_cond_init(&birth.known, NULL);
	ret = create_thread(&birth);
	if (ret == 0) {
		while (birth.error == 1) {
			pthread_cond_wait(&birth.known, &helpers->mutex);
		}
		ret = birth.error;
	}
	if (ret == 0) {
		helpers->num_threads++;
	}
	pthread_cond_destroy(&birth.known);
	return ret;
}

static struct helpers *helpers_create(struct pathring *ring, int *error)
{
	struct helpers *helpers = NULL;
	pthread_condattr_t attributes;

	helpers = talloc_zero(ring, struct helpers);
	if (helpers == NULL) {
		*error = -ENOMEM;
		return NULL;
	}
	helpers->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (helpers->event_fd == -1) {
		*error = -errno;
		talloc_free(helpers);
		return NULL;
	}
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&helpers->mutex, NULL);
	pthread_cond_init(&helpers->work, &attributes);
	pthread_cond_init(&helpers->ended, NULL);
	pthread_condattr_destroy(&attributes);
	STAILQ_INIT(&helpers->waiting);
	STAILQ_INIT(&helpers->finished);
	helpers->max_threads = ring->options.max_threads;
	return helpers;
}

int helpers_start(struct pathring *ring)
{
	struct helpers *helpers = ring->helpers;
	bool unused = helpers == NULL;
	int ret = 0;

	if (helpers == NULL) {
		helpers = helpers_create(ring, &ret);
		if (helpers == NULL) {
			return ret;
		}
		ring->helpers = helpers;
	}

	pthread_mutex_lock(&helpers->mutex);
	if (helpers->num_threads == 0) {
		ret = add_thread(helpers);
	}
	pthread_mutex_unlock(&helpers->mutex);
	/* Others stay, without a thread: event loops watch their descriptor. */
	if (ret < 0 && unused) {
		helpers_stop(ring);
	}
	return ret;
}

void helpers_take(struct pathring *ring, struct pathring_request *request)
{
	struct helpers *helpers = ring->helpers;

	pthread_mutex_lock(&helpers->mutex);
	STAILQ_INSERT_TAIL(&helpers->waiting, request, helper.link);
	helpers->num_waiting++;
	pthread_mutex_unlock(&helpers->mutex);
	helpers->num_taken++;
}

bool helpers_flush(struct pathring *ring)
{
	struct helpers *helpers = ring->helpers;
	bool all_given;

	if (helpers == NULL || helpers->num_taken == 0) {
		return true;
	}
	pthread_mutex_lock(&helpers->mutex);
	while (helpers->num_waiting > helpers->num_idle &&
	       helpers->num_threads < helpers->max_threads) {
		int ret;

		ret = add_thread(helpers);
		if (ret < 0) {
			break;
		}
	}
	if (helpers->num_waiting == 1) {
		pthread_cond_signal(&helpers->work);
	} else if (helpers->num_waiting > 1) {
		pthread_cond_broadcast(&helpers->work);
	}
	/* All threads may have ended, idle, and no new one may be had just now. */
	all_given = helpers->num_waiting == 0 || helpers->num_threads > 0;
	pthread_mutex_unlock(&helpers->mutex);
	return all_given;
}

void helpers_reap(struct pathring *ring)
{
	struct helpers *helpers = ring->helpers;
	struct helper_list finished = STAILQ_HEAD_INITIALIZER(finished);
	struct pathring_request *request = NULL;
	uint64_t count;
	ssize_t got;

	if (helpers == NULL || helpers->num_taken == 0) {
		return;
	}

	pthread_mutex_lock(&helpers->mutex);
	if (!STAILQ_EMPTY(&helpers->finished)) {
		/* Below the mutex, so that the next to finish announces itself anew. */
		got = read(helpers->event_fd, &count, sizeof(count));
		(void)got;
		STAILQ_CONCAT(&finished, &helpers->finished);
	}
	ring->stats.switches += helpers->switches;
	helpers->switches = 0;
	pthread_mutex_unlock(&helpers->mutex);

	while ((request = STAILQ_FIRST(&finished)) != NULL) {
		STAILQ_REMOVE_HEAD(&finished, helper.link);
		helpers->num_taken--;
		request_complete(request, PATHRING_THREAD);
	}
}

/*
 * A request that no thread has begun need not run. One that runs can't be stopped: its result is
 * dropped.
 */
void helpers_cancel(struct pathring *ring, struct pathring_request *request)
{
	struct helpers *helpers = ring->helpers;
	struct pathring_request *other = NULL;

	pthread_mutex_lock(&helpers->mutex);
	STAILQ_FOREACH(other, &helpers->waiting, helper.link) {
		if (other == request) {
			break;
		}
	}
	if (other != NULL) {
		STAILQ_REMOVE(&helpers->waiting, request, pathring_request, helper.link);
		helpers->num_waiting--;
	}
	pthread_mutex_unlock(&helpers->mutex);

	if (other != NULL) {
		helpers->num_taken--;
		request->operation.result = -ECANCELED;
		request_complete(request, PATHRING_THREAD);
	}
}

int helpers_poll_fd(const struct pathring *ring)
{
	return ring->helpers != NULL ? ring->helpers->event_fd : -1;
}

void helpers_stop(struct pathring *ring)
{
	struct helpers *helpers = ring->helpers;

	if (helpers == NULL) {
		return;
	}

	/* What is taken is orphaned by now and was withdrawn where no thread had begun it. */
	pthread_mutex_lock(&helpers->mutex);
	helpers->stop = true;
	pthread_cond_broadcast(&helpers->work);
	while (helpers->num_threads > 0) {
		pthread_cond_wait(&helpers->ended, &helpers->mutex);
	}
	pthread_mutex_unlock(&helpers->mutex);
	helpers_reap(ring);

	pthread_cond_destroy(&helpers->ended);
	pthread_cond_destroy(&helpers->work);
	pthread_mutex_destroy(&helpers->mutex);
	close(helpers->event_fd);
	ring->helpers = NULL;
	talloc_free(helpers);
}

void helpers_abandon(struct pathring *ring)
{
	if (ring->helpers != NULL) {
		/* The threads, and whatever they held of the mutex, stayed with the parent. */
		close(ring->helpers->event_fd);
		TALLOC_FREE(ring->helpers);
	}
}
