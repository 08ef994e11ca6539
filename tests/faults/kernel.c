/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's place in the tests of faults. It links before engine/kernel.c and passes on to the
 * real kernel what it does not spoil. What it does never differs from what a kernel may do:
 *
 * An entry that is to fail is replaced, before it is submitted, by one that does nothing, and its
 * completion gets the error; so an operation with an error has had no effect, and one that is run
 * again elsewhere runs for the first time.
 *
 * A completion that is held back is kept here. The ring's descriptor must stay readable meanwhile,
 * or a blocked engine would never look again: the last completion is left in the ring, although it
 * has been seen, for as long as there are others here.
 */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "injector.h"
#include "random.h"
#include "report.h"

/* The completion queue of the largest ring. */
#define MAX_IN_FLIGHT 16384
#define MAX_PERSONALITIES 65536
#define MAX_ERROR 134

/* Linux 6.8; no name in Debian 12's liburing. */
#define OP_FIXED_FD_INSTALL 54

/* An index of an entry, in user_data. */
#define TAG (0x5aULL << 48)

enum entry_state {
	ENTRY_FREE,
	ENTRY_PREPARED, /* seen, and maybe submitted */
	ENTRY_HELD,	/* complete, and not told yet */
};

struct entry {
	enum entry_state state;
	uint64_t user_data; /* the engine's */
	int instead;	    /* of the result, where not 0 */
	bool only_success;  /* instead is said only where the real result was 0 */
	int result;
	unsigned int looks; /* until it is told */
};

static struct {
	struct random random;
	bool serial;
	struct weather weather;
	uint64_t counts[NUM_INJECTED];
	uint64_t errors[MAX_ERROR];

	/* Of the ring that is there now; never more than one. */
	unsigned int max_personalities;
	struct entry entries[MAX_IN_FLIGHT];
	unsigned int free[MAX_IN_FLIGHT]; /* the last is taken first */
	unsigned int num_free;
	unsigned int num_used;		  /* that have been used at all: the first ones */
	unsigned int held[MAX_IN_FLIGHT]; /* in the order of their completion */
	unsigned int num_held;
	bool seen_first;	   /* the first completion in the ring is one that is here, too */
	unsigned int seen_entries; /* the submission queue up to here */
	int outage;		   /* what every submission ends with; 0: it does not */
	bool registered[MAX_PERSONALITIES];
	unsigned int num_registered;
	unsigned int num_stuck; /* could not be unregistered, by a fault */
} injector;

/* Beside injector.random, for the helper threads draw from it, in whichever order they come. */
static uint64_t thread_counter;
static unsigned int thread_idle;
static uint64_t thread_idle_count;

void injector_init(uint64_t seed, bool serial)
{
	injector.random.counter = random_mix(seed + 1);
	injector.serial = serial;
	__atomic_store_n(&thread_counter, random_mix(seed + 2), __ATOMIC_RELAXED);
}

void injector_set_weather(const struct weather *weather)
{
	injector.weather = *weather;
	__atomic_store_n(&thread_idle, weather->idle, __ATOMIC_RELAXED);
}

void injector_begin(unsigned int max_personalities)
{
	unsigned int i;

	injector.max_personalities = max_personalities;
	memset(injector.entries, 0, sizeof(injector.entries));
	memset(injector.registered, 0, sizeof(injector.registered));
	injector.num_free = MAX_IN_FLIGHT;
	for (i = 0; i < MAX_IN_FLIGHT; i++) {
		injector.free[i] = MAX_IN_FLIGHT - 1 - i;
	}
	injector.num_used = 0;
	injector.num_held = 0;
	injector.seen_first = false;
	injector.seen_entries = 0;
	injector.outage = 0;
	injector.num_registered = 0;
	injector.num_stuck = 0;
}

void injector_end(void)
{
	if (injector.num_free != MAX_IN_FLIGHT) {
		fail("the engine is gone and %u entries are not complete",
		     MAX_IN_FLIGHT - injector.num_free);
	}
}

uint64_t injector_count(enum injected what)
{
	if (what == INJECTED_IDLE) {
		return __atomic_load_n(&thread_idle_count, __ATOMIC_RELAXED);
	}
	return injector.counts[what];
}

uint64_t injector_errors(int error)
{
	return error > 0 && error < MAX_ERROR ? injector.errors[error] : 0;
}

static bool inject(enum injected what, unsigned int of_a_million)
{
	bool now = random_chance(&injector.random, of_a_million);

	injector.counts[what] += now;
	return now;
}

static int pick(const int *errors, size_t count)
{
	return errors[random_below(&injector.random, (unsigned int)count)];
}

#define PICK(errors) pick(errors, sizeof(errors) / sizeof((errors)[0]))

static void count_error(int error)
{
	/* The restart codes are told as EINTR. */
	if (error <= -512) {
		error = -EINTR;
	}
	injector.errors[-error]++;
}

/* ---- the ring ---- */

int kernel_create_ring(unsigned int entries,
		       struct io_uring *io_uring,
		       struct io_uring_params *parameters)
{
	/* EINVAL says that a flag is not known: the engine drops one after the other. */
	static const int errors[] = {
		-ENOSYS, -EPERM, -ENOMEM, -EMFILE, -EINVAL, -EINVAL, -EINVAL
	};

	if (inject(INJECTED_RING, injector.weather.ring)) {
		return PICK(errors);
	}
	return io_uring_queue_init_params(entries, io_uring, parameters);
}

/* ---- submission ---- */

static unsigned int entry_index(uint64_t user_data)
{
	unsigned int i;

	for (i = 0; i < injector.num_used; i++) {
		if (injector.entries[i].state != ENTRY_FREE &&
		    injector.entries[i].user_data == user_data) {
			return i;
		}
	}
	return MAX_IN_FLIGHT;
}

static bool has_directory(uint8_t opcode)
{
	return opcode == IORING_OP_OPENAT || opcode == IORING_OP_OPENAT2 ||
	       opcode == IORING_OP_STATX || opcode == IORING_OP_UNLINKAT ||
	       opcode == IORING_OP_RENAMEAT || opcode == IORING_OP_MKDIRAT ||
	       opcode == IORING_OP_LINKAT || opcode == IORING_OP_SYMLINKAT;
}

/* What must hold for each entry, whatever it is. */
static void check_entry(const struct io_uring_sqe *sqe)
{
	if (sqe->opcode == OP_FIXED_FD_INSTALL) {
		if (sqe->personality != 0) {
			fail("an install names a personality, which the kernel refuses");
		}
	} else if (!injector.registered[sqe->personality]) {
		fail("an entry (opcode %u) names personality %u, which is not registered",
		     sqe->opcode,
		     sqe->personality);
	}
	if (has_directory(sqe->opcode) && sqe->fd == AT_FDCWD) {
		fail("an entry (opcode %u) begins in the working directory", sqe->opcode);
	}
}

/*
 * What an entry may end with instead of running. A close is different: only when it was cancelled
 * has it not closed; what else it says is the file system's, and the descriptor is gone.
 */
static void choose_error(const struct io_uring_sqe *sqe, struct entry *entry)
{
	static const int errors[] = { -ECANCELED, -EINTR,  -512,    -513,   -514,
				      -516,	  -EAGAIN, -ENOMEM, -EINVAL };
	static const int close_errors[] = { -EINTR, -512, -EIO, -ENOSPC, -EDQUOT, -EINVAL };
	bool is_close = sqe->opcode == IORING_OP_CLOSE && sqe->file_index == 0;

	entry->only_success = is_close && random_chance(&injector.random, MILLION / 2);
	if (entry->only_success) {
		entry->instead = PICK(close_errors);
	} else if (is_close) {
		entry->instead = -ECANCELED;
	} else {
		entry->instead = PICK(errors);
	}
	count_error(entry->instead);
}

static void become_nothing(struct io_uring_sqe *sqe)
{
	uint16_t personality = sqe->personality;
	uint64_t user_data = sqe->user_data;

	/* A descriptor that is not there is closed: nothing happens, at once. */
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_CLOSE;
	sqe->fd = -1;
	sqe->personality = personality;
	sqe->user_data = user_data;
}

static void take_over_entry(struct io_uring_sqe *sqe)
{
	struct entry *entry = NULL;
	unsigned int index;

	check_entry(sqe);
	if (injector.num_free == 0) {
		fail("more entries in flight than any completion queue has room for");
	}
	index = injector.free[--injector.num_free];
	if (index >= injector.num_used) {
		injector.num_used = index + 1;
	}
	entry = &injector.entries[index];
	*entry = (struct entry) {
		.state = ENTRY_PREPARED,
		.user_data = sqe->user_data,
	};
	sqe->user_data = TAG | index;
	if (sqe->opcode == IORING_OP_ASYNC_CANCEL) {
		/* MAX_IN_FLIGHT, of none: what it is to cancel is complete. */
		sqe->addr = TAG | entry_index(sqe->addr);
	}

	if (inject(INJECTED_ENTRY, injector.weather.entry)) {
		choose_error(sqe, entry);
		if (!entry->only_success) {
			become_nothing(sqe);
		}
	} else if ((sqe->opcode == IORING_OP_READ || sqe->opcode == IORING_OP_WRITE) &&
		   sqe->len > 1 && inject(INJECTED_TRANSFER, injector.weather.transfer)) {
		sqe->len = 1 + random_below(&injector.random, sqe->len);
	}
	if (inject(INJECTED_LATE, injector.weather.late)) {
		entry->looks = random_below(&injector.random, injector.weather.longest + 1);
	}
}

/* An open into a slot whose path is not cached: it runs after what counts on it. */
static void overtake(struct io_uring_sq *sq, unsigned int first)
{
	struct io_uring_sqe *last = &sq->sqes[(sq->sqe_tail - 1) & sq->ring_mask];
	unsigned int i;

	for (i = first; i != sq->sqe_tail; i++) {
		struct io_uring_sqe *sqe = &sq->sqes[i & sq->ring_mask];
		struct io_uring_sqe copy = *sqe;

		if (sqe->opcode == IORING_OP_OPENAT2 && sqe->file_index != 0 &&
		    inject(INJECTED_UNCACHED, injector.weather.uncached)) {
			*sqe = *last;
			*last = copy;
		}
	}
}

static void take_over_entries(struct io_uring *io_uring)
{
	struct io_uring_sq *sq = &io_uring->sq;
	unsigned int head = *sq->khead;
	unsigned int first;

	/* What was tried before the ring was used at all did not come through here. */
	if ((int)(injector.seen_entries - head) < 0) {
		injector.seen_entries = head;
	}
	first = injector.seen_entries;
	while (injector.seen_entries != sq->sqe_tail) {
		take_over_entry(&sq->sqes[injector.seen_entries & sq->ring_mask]);
		injector.seen_entries++;
	}
	overtake(sq, first);
}

static unsigned int collect(struct io_uring *io_uring);

/* Only the first count of those that the kernel does not know of. */
static int submit_some(struct io_uring *io_uring, unsigned int count)
{
	struct io_uring_sq *sq = &io_uring->sq;
	unsigned int left = sq->sqe_tail - sq->sqe_head - count;
	int ret;

	sq->sqe_tail -= left;
	ret = io_uring_submit(io_uring);
	sq->sqe_tail += left;
	return ret;
}

/* Until there are so many completions. Nothing is submitted with it. */
static void wait_for(struct io_uring *io_uring, unsigned int count)
{
	while (io_uring_cq_ready(io_uring) < count) {
		long ret;

		ret = syscall(SYS_io_uring_enter,
			      io_uring->ring_fd,
			      0,
			      count,
			      IORING_ENTER_GETEVENTS,
			      NULL,
			      0);
		if (ret == -1 && errno != EINTR) {
			fail_call("waiting for an entry");
		}
	}
}

static int submit_serially(struct io_uring *io_uring, unsigned int count)
{
	int taken = 0;

	while (count > 0) {
		unsigned int complete = collect(io_uring);
		int ret;

		ret = submit_some(io_uring, 1);
		if (ret != 1) {
			return taken > 0 ? taken : ret;
		}
		wait_for(io_uring, complete + 1);
		taken++;
		count--;
	}
	return taken;
}

/* What the kernel has not taken is as the engine has prepared it, as far as the engine looks. */
static void give_back_entries(struct io_uring *io_uring)
{
	struct io_uring_sq *sq = &io_uring->sq;
	unsigned int at;

	for (at = *sq->khead; (int)(injector.seen_entries - at) > 0; at++) {
		struct io_uring_sqe *sqe = &sq->sqes[at & sq->ring_mask];
		unsigned int index = (unsigned int)(sqe->user_data & ~TAG);

		sqe->user_data = injector.entries[index].user_data;
		injector.entries[index].state = ENTRY_FREE;
		injector.free[injector.num_free++] = index;
	}
	injector.seen_entries = *sq->khead;
}

/* It might be another time, for all that one can know. */
static bool may_pass(int error)
{
	return error == -EAGAIN || error == -ENOMEM || error == -EBUSY || error == -EINTR;
}

static int choose_outage(void)
{
	static const int errors[] = { -EPERM, -ENOSYS, -EACCES, -EBADF, -EINVAL, -ENXIO };
	static const int passing[] = { -EAGAIN, -ENOMEM };

	if (injector.weather.outage_error != 0) {
		return -injector.weather.outage_error;
	}
	/* They are borne for a second, which is very long where only looks at the clock count. */
	if (!injector.serial && random_below(&injector.random, 4) == 0) {
		return PICK(passing);
	}
	return PICK(errors);
}

static bool is_outage(void)
{
	if (injector.outage != 0 && !may_pass(injector.outage)) {
		fail("a submission after one that ended with: %s", strerror(-injector.outage));
	}
	if (injector.outage == 0 && inject(INJECTED_OUTAGE, injector.weather.outage)) {
		injector.outage = choose_outage();
	}
	return injector.outage != 0;
}

int kernel_submit(struct io_uring *io_uring)
{
	static const int errors[] = { -EAGAIN, -EBUSY, -EINTR, -ENOMEM };
	unsigned int unknown = io_uring->sq.sqe_tail - io_uring->sq.sqe_head;

	if (is_outage()) {
		give_back_entries(io_uring);
		return injector.outage;
	}
	take_over_entries(io_uring);
	if (inject(INJECTED_SUBMIT, injector.weather.submit)) {
		return PICK(errors);
	}
	if (unknown > 1 && inject(INJECTED_FEW, injector.weather.few)) {
		unknown = 1 + random_below(&injector.random, unknown - 1);
	}
	if (injector.serial) {
		return submit_serially(io_uring, unknown);
	}
	return submit_some(io_uring, unknown);
}

/* ---- completion ---- */

static void hold(const struct io_uring_cqe *cqe)
{
	unsigned int index = (unsigned int)(cqe->user_data & ~TAG);
	struct entry *entry = &injector.entries[index];

	if ((cqe->user_data & TAG) != TAG || index >= MAX_IN_FLIGHT ||
	    entry->state != ENTRY_PREPARED) {
		fail("a completion (user_data %#llx) of no entry, or a second one",
		     (unsigned long long)cqe->user_data);
	}
	entry->state = ENTRY_HELD;
	entry->result = cqe->res;
	if (entry->instead != 0 && (cqe->res == 0 || !entry->only_success)) {
		entry->result = entry->instead;
	}
	injector.held[injector.num_held++] = index;
}

/* Returns how many completions remain in the ring: one that has been seen, or none. */
static unsigned int collect(struct io_uring *io_uring)
{
	struct io_uring_cq *cq = &io_uring->cq;
	unsigned int ready = io_uring_cq_ready(io_uring);
	unsigned int i;

	for (i = injector.seen_first; i < ready; i++) {
		hold(&cq->cqes[(*cq->khead + i) & cq->ring_mask]);
	}
	injector.seen_first = injector.num_held > 0;
	io_uring_cq_advance(io_uring, ready - injector.seen_first);
	return injector.seen_first;
}

static void shuffle(void)
{
	unsigned int i;

	for (i = injector.num_held; i > 1; i--) {
		unsigned int other = random_below(&injector.random, i);
		unsigned int index = injector.held[i - 1];

		injector.held[i - 1] = injector.held[other];
		injector.held[other] = index;
	}
}

unsigned int kernel_completions(struct io_uring *io_uring,
				struct kernel_completion *completions,
				unsigned int size)
{
	unsigned int kept = 0;
	unsigned int count = 0;
	unsigned int i;

	collect(io_uring);
	if (injector.num_held > 1 && inject(INJECTED_DISORDER, injector.weather.disorder)) {
		shuffle();
	}
	for (i = 0; i < injector.num_held; i++) {
		struct entry *entry = &injector.entries[injector.held[i]];

		if (entry->looks > 0 || count == size) {
			entry->looks -= entry->looks > 0;
			injector.held[kept++] = injector.held[i];
			continue;
		}
		completions[count++] = (struct kernel_completion) {
			.user_data = entry->user_data,
			.result = entry->result,
		};
		entry->state = ENTRY_FREE;
		injector.free[injector.num_free++] = injector.held[i];
	}
	injector.num_held = kept;
	collect(io_uring);
	return count;
}

/* ---- personalities ---- */

static int registration_error(void)
{
	static const int errors[] = { -ENOMEM, -EBUSY, -EPERM };
	int error = PICK(errors);

	count_error(error);
	return error;
}

int kernel_register_personality(struct io_uring *io_uring)
{
	int personality;

	if (inject(INJECTED_REGISTERED, injector.weather.registered)) {
		return registration_error();
	}
	personality = io_uring_register_personality(io_uring);
	if (personality <= 0) {
		return personality;
	}
	injector.registered[personality] = true;
	injector.num_registered++;
	if (injector.num_registered > injector.max_personalities + injector.num_stuck) {
		fail("%u personalities are registered, %u may be",
		     injector.num_registered,
		     injector.max_personalities);
	}
	return personality;
}

int kernel_unregister_personality(struct io_uring *io_uring, int personality)
{
	const struct io_uring_sq *sq = &io_uring->sq;
	unsigned int i;
	int ret;

	for (i = *sq->khead; i != sq->sqe_tail; i++) {
		if (sq->sqes[i & sq->ring_mask].personality == personality) {
			fail("personality %d goes while an unsubmitted entry names it",
			     personality);
		}
	}
	if (inject(INJECTED_REGISTERED, injector.weather.registered)) {
		injector.num_stuck++;
		return registration_error();
	}
	ret = io_uring_unregister_personality(io_uring, personality);
	if (ret < 0) {
		fail("personality %d can't be unregistered: %s", personality, strerror(-ret));
	}
	injector.registered[personality] = false;
	injector.num_registered--;
	return ret;
}

/* ---- threads ---- */

int kernel_create_thread(const pthread_attr_t *attributes,
			 void *(*main_fn)(void *private_data),
			 void *private_data)
{
	pthread_t thread;

	if (injector.serial || inject(INJECTED_THREAD, injector.weather.thread)) {
		return -EAGAIN;
	}
	return -pthread_create(&thread, attributes, main_fn, private_data);
}

/* Below the engine's mutex, in any thread. Ended early, or woken for nothing. */
int kernel_wait_for_work(pthread_cond_t *work, pthread_mutex_t *mutex, const struct timespec *until)
{
	struct random random = {
		.counter = __atomic_add_fetch(&thread_counter, 1, __ATOMIC_RELAXED),
	};

	if (random_chance(&random, __atomic_load_n(&thread_idle, __ATOMIC_RELAXED))) {
		__atomic_add_fetch(&thread_idle_count, 1, __ATOMIC_RELAXED);
		return random_below(&random, 2) == 0 ? ETIMEDOUT : 0;
	}
	return pthread_cond_timedwait(work, mutex, until);
}
