/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * How many kernel workers the ring may have for what blocks. The kernel's own limit is small (the
 * lesser of the submission entries and 4 times the CPUs), which is right as long as nothing has to
 * wait for a server or a disk: a submission of many entries makes a worker for each up to the
 * limit. Where they wait for longer it is doubled, again and again, and goes back when that is long
 * over.
 */
#include <unistd.h>

#include "linger.h"
#include "uring.h"

/* A worker that takes longer than this for an entry, on average, has waited for something. */
#define SLOW_NSEC 500000

/* The limit goes back when so much of it was not needed for so long. */
#define CALM_NSEC 10000000000ULL

/*
 * The workers are the thread's, whatever rings it has (struct io_uring_task), and so is their
 * limit. Those of rings that were left behind (linger.c) count, too, and are added to it.
 */
static _Thread_local unsigned int thread_limit;

static bool set_thread_limit(struct uring *uring, unsigned int limit)
{
	unsigned int values[2] = { limit, 0 };
	int ret;

	ret = io_uring_register_iowq_max_workers(&uring->io_uring, values);
	if (ret == 0) {
		thread_limit = limit;
	}
	return ret == 0;
}

/* Without those that are lost. */
static unsigned int current_limit(void)
{
	unsigned int lost = (unsigned int)linger_entries();

	return thread_limit > lost ? thread_limit - lost : 1;
}

/* What the kernel permits by itself (io_init_wq_offload() in io_uring/tctx.c). */
static unsigned int kernel_limit(unsigned int entries)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int limit = cpus > 0 ? (unsigned int)cpus * 4 : 4;

	return limit < entries ? limit : entries;
}

void uring_workers_start(struct pathring *ring)
{
	struct uring *uring = ring->uring;
	struct uring_workers *workers = &uring->workers;
	unsigned int values[2] = { 0, 0 };
	unsigned int shared;
	unsigned int limit;
	int ret;

	workers->most = ring->options.max_workers;
	workers->least = kernel_limit(ring->options.entries);
	if (workers->least > workers->most) {
		workers->least = workers->most;
	}

	/* Linux 5.15. Zeroes change nothing and ask. */
	ret = io_uring_register_iowq_max_workers(&uring->io_uring, values);
	workers->adjustable = ret == 0;
	thread_limit = ret == 0 ? values[0] : 0;
	limit = current_limit();
	if (workers->adjustable && (limit < workers->least || limit > workers->most)) {
		limit = limit < workers->least ? workers->least : workers->most;
		workers->adjustable =
			set_thread_limit(uring, limit + (unsigned int)linger_entries());
	}

	shared = workers->adjustable ? workers->most : workers->least;
	share_set_workers(&ring->shares, shared < uring->limit ? shared : uring->limit);
}

void uring_workers_note(struct uring *uring, const struct pathring_request *request)
{
	if (request->uring.look != uring->workers.look) {
		uring->workers.ended++;
	}
}

static void begin_look(struct uring_workers *workers, unsigned int in_flight, uint64_t now)
{
	workers->looked = now;
	workers->look++;
	workers->in_flight = in_flight;
	workers->ended = 0;
}

/*
 * More entries than there can be workers have been on their way since the last look, and few have
 * ended.
 */
static bool workers_are_slow(const struct uring_workers *workers, unsigned int limit, uint64_t now)
{
	unsigned int left =
		workers->in_flight > workers->ended ? workers->in_flight - workers->ended : 0;

	return left > limit && workers->ended < limit * ((now - workers->looked) / SLOW_NSEC);
}

/*
 * A raised limit alone makes no worker: one comes with the next entry that is queued for them
 * (io_wq_enqueue() in io_uring/io-wq.c), and then others as long as each goes to sleep. So here is
 * an entry, which fails as soon as a worker looks at it.
 */
static void wake_workers(struct pathring *ring)
{
	const struct identity *process = identity_of(ring, ring->identities.process);
	struct io_uring_sqe *entry = NULL;

	if (process->personality != 0) {
		entry = uring_internal_entry(ring->uring);
	}
	if (entry != NULL) {
		io_uring_prep_statx(entry, -1, "", AT_EMPTY_PATH, 0, &ring->uring->workers.stx);
		entry->personality = process->personality;
		entry->user_data = INTERNAL_WAKE;
	}
}

static void raise_limit(struct pathring *ring, unsigned int limit)
{
	struct uring_workers *workers = &ring->uring->workers;

	if (limit > workers->most) {
		limit = workers->most;
	}
	workers->adjustable = set_thread_limit(ring->uring, limit + (unsigned int)linger_entries());
	if (workers->adjustable) {
		wake_workers(ring);
	}
}

/* When there may be more entries than workers. */
static void look_at_limit(struct pathring *ring, uint64_t now)
{
	struct uring_workers *workers = &ring->uring->workers;
	unsigned int in_flight = ring->uring->in_flight;
	unsigned int limit = current_limit();

	if (in_flight <= limit || limit >= workers->most) {
		workers->looked = 0;
		return;
	}
	if (workers->looked != 0 && now - workers->looked < ENGINE_LOOK_NSEC) {
		return;
	}
	if (workers->looked != 0 && workers_are_slow(workers, limit, now)) {
		raise_limit(ring, limit * 2);
	}
	begin_look(workers, in_flight, now);
}

void uring_workers_look(struct pathring *ring)
{
	struct uring_workers *workers = &ring->uring->workers;
	uint64_t now = engine_turn_time(ring);

	if (!workers->adjustable) {
		return;
	}
	if (ring->uring->in_flight > workers->least) {
		workers->needed = now;
		look_at_limit(ring, now);
		return;
	}
	workers->looked = 0;
	if (thread_limit > workers->least && now - workers->needed > CALM_NSEC &&
	    current_limit() > workers->least) {
		set_thread_limit(ring->uring, workers->least + (unsigned int)linger_entries());
	}
}

bool uring_workers_must_look(const struct pathring *ring)
{
	const struct uring *uring = ring->uring;

	return uring->workers.looked != 0 && uring->in_flight > uring->workers.least &&
	       !uring->given_up;
}

void uring_workers_leave_behind(struct uring *uring)
{
	if (uring->workers.adjustable) {
		set_thread_limit(uring, thread_limit + uring->in_flight);
	}
}
