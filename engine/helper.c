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
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "linger.h"
#include "request.h"
#include "share.h"
#include "thread.h"

/* A thread that has had nothing to do for so long ends: an idle engine has none. */
#define IDLE_SECONDS 5

/*
 * As many threads as CPUs do all there is to do where nobody has to wait for a server or a disk,
 * and more would only get into each other's way. They have to wait when each took longer than
 * SLOW_NSEC for a request on average, looked at every ENGINE_LOOK_NSEC: then there are twice as
 * many.
 */
#define SLOW_NSEC 500000
#define MIN_FEW_THREADS 2

STAILQ_HEAD(helper_list, pathring_request);

struct helpers {
	pthread_mutex_t mutex;
	pthread_cond_t work;
	pthread_cond_t changed; /* a thread is prepared, or has ended */
	unsigned int few_threads;
	unsigned int max_threads;

	/* Below the mutex */
	struct share_group shares; /* and all that waits */
	struct helper_list finished;
	unsigned int num_threads;
	unsigned int num_starting; /* of these */
	unsigned int num_idle;
	unsigned int num_ended; /* requests, ever */
	unsigned int switches;
	int start_error; /* of the last thread that could not be prepared */
	bool stop;
	struct lingering *lingering; /* the engine is gone, without having waited for all */

	/* The engine's thread's */
	int event_fd;
	size_t num_taken;   /* not yet reaped */
	uint64_t looked;    /* engine_clock(); 0: no request waits for a thread */
	unsigned int ended; /* num_ended then */
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
	struct share_ticket *ticket = share_next(&helpers->shares);
	struct timespec until = { 0 };
	int ret = 0;

	if (ticket != NULL) {
		return request_of_ticket(ticket);
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;

	helpers->num_idle++;
	while (ticket == NULL && !helpers->stop && ret != ETIMEDOUT) {
		ret = kernel_wait_for_work(&helpers->work, &helpers->mutex, &until);
		ticket = share_next(&helpers->shares);
	}
	helpers->num_idle--;
	return ticket != NULL ? request_of_ticket(ticket) : NULL;
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

/* With the mutex held, which is released where nobody waits for the request any more. */
static void
end_request(struct helpers *helpers, struct pathring_request *request, unsigned int switches)
{
	struct lingering *lingering = helpers->lingering;
	bool first = STAILQ_EMPTY(&helpers->finished);

	share_leave(&request->ticket);
	helpers->num_ended++;
	helpers->switches += switches;
	if (lingering != NULL) {
		pthread_mutex_unlock(&helpers->mutex);
		linger_end_request(lingering, request);
		pthread_mutex_lock(&helpers->mutex);
		return;
	}
	STAILQ_INSERT_TAIL(&helpers->finished, request, helper.link);
	if (first) {
		announce(helpers);
	}
}

/*
 * With the mutex held, which is released: what nobody waits for any more is closed here, since a
 * close may block, too (FUSE is told of every one, and answers). What a job has is not this
 * thread's to free.
 */
static void close_unwanted(struct helpers *helpers, struct pathring_request *request)
{
	struct operation *operation = &request->operation;

	if (operation->class->discard != NULL && operation->class->kind != PATHRING_JOB) {
		pthread_mutex_unlock(&helpers->mutex);
		operation->class->discard(operation);
		pthread_mutex_lock(&helpers->mutex);
	}
}

/* With the mutex held: run requests until there have been none for a while. */
static void serve(struct helpers *helpers)
{
	struct pathring_request *request = NULL;
	bool usable = true;

	while (usable && (request = next_request(helpers)) != NULL) {
		unsigned int switches = 0;

		pthread_mutex_unlock(&helpers->mutex);
		usable = run_request(request, &switches);
		pthread_mutex_lock(&helpers->mutex);
		if (request->helper.unwanted) {
			close_unwanted(helpers, request);
		}
		end_request(helpers, request, switches);
	}
}

static void helpers_destroy(struct helpers *helpers)
{
	share_forget(&helpers->shares);
	pthread_cond_destroy(&helpers->changed);
	pthread_cond_destroy(&helpers->work);
	pthread_mutex_destroy(&helpers->mutex);
}

static void *helper_main(void *private_data)
{
	struct helpers *helpers = private_data;
	struct lingering *lingering = NULL;
	int ret;

	ret = prepare_thread();
	pthread_mutex_lock(&helpers->mutex);
	helpers->num_starting--;
	pthread_cond_signal(&helpers->changed);
	if (ret == 0) {
		serve(helpers);
	} else {
		helpers->start_error = ret;
	}
	helpers->num_threads--;
	pthread_cond_signal(&helpers->changed);
	if (helpers->num_threads == 0) {
		lingering = helpers->lingering;
	}
	pthread_mutex_unlock(&helpers->mutex);

	if (lingering != NULL) {
		helpers_destroy(helpers);
		linger_end_part(lingering);
	}
	return NULL;
}

/* With the mutex held. */
static int add_thread(struct helpers *helpers)
{
	int ret;

	ret = thread_start(helper_main, helpers);
	if (ret == 0) {
		helpers->num_threads++;
		helpers->num_starting++;
	} else {
		helpers->start_error = ret;
	}
	return ret;
}

/* With the mutex held: at least one thread that is prepared, or the error. */
static int ensure_thread(struct helpers *helpers)
{
	if (helpers->num_threads == 0) {
		add_thread(helpers);
	}
	while (helpers->num_threads > 0 && helpers->num_threads == helpers->num_starting) {
		pthread_cond_wait(&helpers->changed, &helpers->mutex);
	}
	return helpers->num_threads > 0 ? 0 : helpers->start_error;
}

static unsigned int number_of_cpus(void)
{
	long number = sysconf(_SC_NPROCESSORS_ONLN);

	return number > 0 ? (unsigned int)number : 1;
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
	pthread_cond_init(&helpers->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	STAILQ_INIT(&helpers->finished);
	helpers->max_threads = ring->options.max_threads;
	helpers->few_threads = number_of_cpus();
	if (helpers->few_threads < MIN_FEW_THREADS) {
		helpers->few_threads = MIN_FEW_THREADS;
	}
	if (helpers->few_threads > helpers->max_threads) {
		helpers->few_threads = helpers->max_threads;
	}
	share_init(&helpers->shares, helpers->max_threads);
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
	ret = ensure_thread(helpers);
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
	uint64_t mount_id = 0;
	bool limited;

	limited = request_is_limited(request, &mount_id);
	request->helper.unwanted = false;
	pthread_mutex_lock(&helpers->mutex);
	share_join(&helpers->shares, &request->ticket, mount_id, limited, 1);
	share_wait(&request->ticket);
	pthread_mutex_unlock(&helpers->mutex);
	helpers->num_taken++;
}

/* With the mutex held: whether a request waits for nothing but a thread. */
static bool threads_lacking(const struct helpers *helpers)
{
	return helpers->shares.num_waiting > helpers->num_idle + helpers->num_starting &&
	       share_has_next(&helpers->shares);
}

/* With the mutex held: whether the threads have waited most of the time since the last look. */
static bool threads_are_slow(const struct helpers *helpers, uint64_t now)
{
	unsigned int ended = helpers->num_ended - helpers->ended;

	return ended < helpers->num_threads * ((now - helpers->looked) / SLOW_NSEC);
}

/* With the mutex held: more threads, where that helps. */
static void grow(struct helpers *helpers)
{
	unsigned int permitted = helpers->few_threads;
	uint64_t now = helpers->looked;
	int ret = 0;

	if (helpers->looked != 0) {
		now = engine_clock();
	}
	if (now - helpers->looked >= ENGINE_LOOK_NSEC) {
		if (threads_are_slow(helpers, now)) {
			permitted = helpers->num_threads * 2;
		}
		helpers->looked = 0;
	}
	if (permitted > helpers->max_threads) {
		permitted = helpers->max_threads;
	}
	while (ret == 0 && helpers->num_threads < permitted && threads_lacking(helpers)) {
		ret = add_thread(helpers);
	}

	if (helpers->num_threads == helpers->max_threads || !threads_lacking(helpers)) {
		helpers->looked = 0;
	} else if (helpers->looked == 0) {
		helpers->looked = engine_clock();
		helpers->ended = helpers->num_ended;
	}
}

bool helpers_flush(struct pathring *ring)
{
	struct helpers *helpers = ring->helpers;
	bool all_given = true;

	if (helpers == NULL || helpers->num_taken == 0) {
		return true;
	}
	pthread_mutex_lock(&helpers->mutex);
	if (share_has_next(&helpers->shares)) {
		grow(helpers);
		if (helpers->shares.num_waiting == 1) {
			pthread_cond_signal(&helpers->work);
		} else {
			pthread_cond_broadcast(&helpers->work);
		}
		/* All threads may have ended, idle, and no new one may be had just now. */
		all_given = ensure_thread(helpers) == 0;
	} else {
		helpers->looked = 0;
	}
	pthread_mutex_unlock(&helpers->mutex);
	return all_given;
}

bool helpers_must_look(const struct pathring *ring)
{
	const struct helpers *helpers = ring->helpers;

	return helpers != NULL && helpers->num_taken > 0 && helpers->looked != 0;
}

static void
take_finished(struct pathring *ring, struct helpers *helpers, struct helper_list *finished)
{
	uint64_t count;
	ssize_t got;

	if (!STAILQ_EMPTY(&helpers->finished)) {
		/* Below the mutex, so that the next to finish announces itself anew. */
		got = read(helpers->event_fd, &count, sizeof(count));
		(void)got;
		STAILQ_CONCAT(finished, &helpers->finished);
	}
	ring->stats.switches += helpers->switches;
	helpers->switches = 0;
}

static void complete_finished(struct helpers *helpers, struct helper_list *finished)
{
	struct pathring_request *request = NULL;

	while ((request = STAILQ_FIRST(finished)) != NULL) {
		STAILQ_REMOVE_HEAD(finished, helper.link);
		helpers->num_taken--;
		request_complete(request, PATHRING_THREAD);
	}
}

void helpers_reap(struct pathring *ring)
{
	struct helpers *helpers = ring->helpers;
	struct helper_list finished = STAILQ_HEAD_INITIALIZER(finished);

	if (helpers == NULL || helpers->num_taken == 0) {
		return;
	}
	pthread_mutex_lock(&helpers->mutex);
	take_finished(ring, helpers, &finished);
	pthread_mutex_unlock(&helpers->mutex);
	complete_finished(helpers, &finished);
}

/*
 * A request that no thread has begun need not run. One that runs can't be stopped: its result is
 * dropped.
 */
void helpers_cancel(struct pathring *ring, struct pathring_request *request)
{
	struct helpers *helpers = ring->helpers;
	bool waiting;

	pthread_mutex_lock(&helpers->mutex);
	waiting = request->ticket.share != NULL && request->ticket.waiting;
	if (waiting) {
		share_leave(&request->ticket);
	}
	request->helper.unwanted = true;
	pthread_mutex_unlock(&helpers->mutex);

	if (waiting) {
		helpers->num_taken--;
		request->operation.result = -ECANCELED;
		request_complete(request, PATHRING_THREAD);
	}
}

int helpers_poll_fd(const struct pathring *ring)
{
	return ring->helpers != NULL ? ring->helpers->event_fd : -1;
}

/* With the mutex held: what threads still run is theirs from here on. */
static void leave_behind(struct pathring *ring, struct helpers *helpers)
{
	struct pathring_request *request = NULL;

	linger_add_part(ring->lingering, helpers);
	while ((request = TAILQ_FIRST(&ring->running)) != NULL) {
		linger_add_request(ring->lingering, request);
	}
	helpers->lingering = ring->lingering;
}

static void wait_for_threads(struct helpers *helpers, uint64_t end)
{
	const struct timespec until = {
		.tv_sec = (time_t)(end / 1000000000),
		.tv_nsec = (long)(end % 1000000000),
	};
	int ret = 0;

	while (helpers->num_threads > 0 && ret != ETIMEDOUT) {
		ret = pthread_cond_timedwait(&helpers->changed, &helpers->mutex, &until);
	}
}

void helpers_stop(struct pathring *ring)
{
	struct helpers *helpers = ring->helpers;
	struct helper_list finished = STAILQ_HEAD_INITIALIZER(finished);
	bool linger;

	if (helpers == NULL) {
		return;
	}

	/* What is taken is orphaned by now and was withdrawn where no thread had begun it. */
	pthread_mutex_lock(&helpers->mutex);
	helpers->stop = true;
	pthread_cond_broadcast(&helpers->work);
	wait_for_threads(helpers, ring->stop_end);
	take_finished(ring, helpers, &finished);
	complete_finished(helpers, &finished);
	linger = helpers->num_threads > 0;
	if (linger) {
		leave_behind(ring, helpers);
	}
	close(helpers->event_fd);
	pthread_mutex_unlock(&helpers->mutex);

	ring->helpers = NULL;
	if (!linger) {
		helpers_destroy(helpers);
		talloc_free(helpers);
	}
}

void helpers_abandon(struct pathring *ring)
{
	if (ring->helpers != NULL) {
		/* The threads, and whatever they held of the mutex, stayed with the parent. */
		close(ring->helpers->event_fd);
		share_forget(&ring->helpers->shares);
		TALLOC_FREE(ring->helpers);
	}
}
