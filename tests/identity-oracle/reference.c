/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processes of the plain side and how they get their work. They share one descriptor table
 * (CLONE_FILES without CLONE_VM), so that a descriptor that one user opened is what another uses:
 * just what a handle of pathring's is. Credentials, umask and working directory are their own.
 *
 * A keeper stands between them and the oracle: it reaps them, says when one ends too early, and
 * takes them along when it ends; all of them end with the oracle.
 */
#include "reference.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "operations.h"
#include "users.h"

#define STACK_SIZE (256 * 1024)
#define ROUND_SECONDS 120
#define STOP_SECONDS 10

struct control {
	_Atomic uint32_t round;	    /* a futex: begins when it changes */
	_Atomic uint32_t remaining; /* a futex: processes that have not finished it */
	_Atomic bool stop;
	_Atomic bool broken; /* a process ended, or could not become its user */
};

struct reference {
	struct control *control;
	uint32_t *order;  /* calls of the round by user */
	uint32_t *starts; /* of each user in order; one more for the end */
	void *memory;
	size_t memory_size;
	pid_t keeper;
};

static long
futex(_Atomic uint32_t *word, int operation, uint32_t value, const struct timespec *limit)
{
	return syscall(SYS_futex, word, operation, value, limit, NULL, 0);
}

/* ---- in the processes ---- */

static void close_slots(struct cell *cell)
{
	size_t i;

	for (i = 0; i < CELL_SLOTS; i++) {
		if (cell->plain_fds[i] >= 0) {
			close(cell->plain_fds[i]);
			cell->plain_fds[i] = -1;
		}
	}
}

static void make_call(struct oracle *oracle, uint32_t index)
{
	const struct call *call = &oracle->calls[index];
	const struct operation *operation = operations[call->operation];
	struct cell *cell = &oracle->cells[call->cell];
	struct plain plain = {
		.call = call,
		.cell = cell,
		.oracle = oracle,
		.fd = call->slot >= 0 ? cell->plain_fds[call->slot] : -1,
		.fd2 = call->slot2 >= 0 ? cell->plain_fds[call->slot2] : -1,
		.opened = -1,
		.outcome = &oracle->expected[index],
	};

	if (operation == &operation_build) {
		close_slots(cell);
	}
	operation->plain(&plain);
	if (call->drop && !plain.closed) {
		close(plain.fd);
		plain.closed = true;
	}
	if (plain.closed) {
		cell->plain_fds[call->slot] = -1;
	}
	if (plain.opened >= 0 && call->into >= 0) {
		cell->plain_fds[call->into] = plain.opened;
	} else if (plain.opened >= 0) {
		close(plain.opened);
	}
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	long ret;

	memset(data, 0, sizeof(data));
	ret = syscall(SYS_capget, &header, data);
	return ret != 0 || data[0].effective != 0 || data[0].permitted != 0 ||
	       data[1].effective != 0 || data[1].permitted != 0;
}

/* Nothing may be left of the process that it was. */
static bool become(const struct who *who, pid_t keeper)
{
	int ret;

	ret = users_become(who);
	if (ret < 0 || (!who->process && who->uid != 0 && has_capabilities())) {
		return false;
	}
	/* After the change of ids, which clears it. */
	ret = prctl(PR_SET_PDEATHSIG, SIGKILL);
	return ret == 0 && getppid() == keeper;
}

struct child {
	struct oracle *oracle;
	size_t who;
	pid_t keeper;
};

static int child_main(void *private_data)
{
	const struct child *child = private_data;
	struct oracle *oracle = child->oracle;
	struct reference *reference = oracle->reference;
	struct control *control = reference->control;
	uint32_t round = 0;

	if (!become(&oracle->whos[child->who], child->keeper)) {
		return 1;
	}
	for (;;) {
		uint32_t i;

		while (atomic_load(&control->round) == round) {
			futex(&control->round, FUTEX_WAIT, round, NULL);
		}
		if (atomic_load(&control->stop)) {
			return 0;
		}
		round = atomic_load(&control->round);
		for (i = reference->starts[child->who]; i < reference->starts[child->who + 1];
		     i++) {
			make_call(oracle, reference->order[i]);
		}
		if (atomic_fetch_sub(&control->remaining, 1) == 1) {
			futex(&control->remaining, FUTEX_WAKE, 1, NULL);
		}
	}
}

static void say_broken(struct control *control)
{
	atomic_store(&control->broken, true);
	futex(&control->remaining, FUTEX_WAKE, 1, NULL);
}

static void keep(struct oracle *oracle, pid_t parent)
{
	struct control *control = oracle->reference->control;
	size_t started = 0;
	size_t i;
	void *stack = NULL;
	int ret;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	ret = prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ret == -1 || getppid() != parent) {
		_exit(1);
	}
	umask(0);
	ret = chdir("/");
	stack = malloc(STACK_SIZE);
	for (i = 0; i < oracle->num_whos && stack != NULL && ret == 0; i++) {
		struct child child = { .oracle = oracle, .who = i, .keeper = getpid() };
		pid_t pid;

		/* Without CLONE_VM each has a copy of the stack. */
		pid = clone(child_main, (char *)stack + STACK_SIZE, CLONE_FILES | SIGCHLD, &child);
		if (pid == -1) {
			break;
		}
		started++;
	}
	if (started < oracle->num_whos) {
		say_broken(control);
		_exit(1);
	}
	for (i = 0; i < started; i++) {
		waitpid(-1, NULL, 0);
		if (!atomic_load(&control->stop)) {
			say_broken(control);
		}
	}
	_exit(0);
}

/* ---- in the oracle ---- */

/* The pieces of the shared memory, each at a multiple of 64. */
static void *take(uint8_t **memory, size_t size)
{
	void *taken = *memory;

	*memory += (size + 63) / 64 * 64;
	return taken;
}

int reference_start(struct oracle *oracle, const char **reason)
{
	size_t max_calls = oracle->num_cells * CELL_CALLS;
	struct reference *reference = NULL;
	uint8_t *memory = NULL;
	pid_t parent = getpid();
	int ret;

	reference = talloc_zero(oracle->handles, struct reference);
	if (reference == NULL) {
		*reason = "out of memory";
		return -ENOMEM;
	}
	reference->memory_size = sizeof(struct control) + oracle->num_cells * sizeof(struct cell) +
				 max_calls * (sizeof(struct call) + sizeof(struct outcome)) +
				 (max_calls + oracle->num_whos + 1) * sizeof(uint32_t) + 6 * 64;
	memory = mmap(NULL,
		      reference->memory_size,
		      PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS,
		      -1,
		      0);
	if (memory == MAP_FAILED) {
		*reason = "no memory for what is shared";
		ret = -errno;
		talloc_free(reference);
		return ret;
	}
	reference->memory = memory;
	reference->control = take(&memory, sizeof(struct control));
	oracle->cells = take(&memory, oracle->num_cells * sizeof(struct cell));
	oracle->calls = take(&memory, max_calls * sizeof(struct call));
	oracle->expected = take(&memory, max_calls * sizeof(struct outcome));
	reference->order = take(&memory, max_calls * sizeof(uint32_t));
	reference->starts = take(&memory, (oracle->num_whos + 1) * sizeof(uint32_t));
	oracle->reference = reference;

	reference->keeper = fork();
	if (reference->keeper == 0) {
		keep(oracle, parent);
	}
	if (reference->keeper == -1) {
		*reason = "fork";
		ret = -errno;
		reference_stop(oracle);
		return ret;
	}
	return 0;
}

/* By user, in each user's part in the order of the calls. */
static void sort_calls(struct oracle *oracle)
{
	struct reference *reference = oracle->reference;
	uint32_t *starts = reference->starts;
	size_t i;

	memset(starts, 0, (oracle->num_whos + 1) * sizeof(*starts));
	for (i = 0; i < oracle->num_calls; i++) {
		if (!oracle->calls[i].abandoned) {
			starts[oracle->calls[i].who + 1]++;
		}
	}
	for (i = 0; i < oracle->num_whos; i++) {
		starts[i + 1] += starts[i];
	}
	for (i = 0; i < oracle->num_calls; i++) {
		if (!oracle->calls[i].abandoned) {
			reference->order[starts[oracle->calls[i].who]++] = (uint32_t)i;
		}
	}
	for (i = oracle->num_whos; i > 0; i--) {
		starts[i] = starts[i - 1];
	}
	starts[0] = 0;
}

void reference_begin_round(struct oracle *oracle)
{
	struct control *control = oracle->reference->control;

	sort_calls(oracle);
	atomic_store(&control->remaining, (uint32_t)oracle->num_whos);
	atomic_fetch_add(&control->round, 1);
	futex(&control->round, FUTEX_WAKE, INT32_MAX, NULL);
}

int reference_end_round(struct oracle *oracle, const char **reason)
{
	struct control *control = oracle->reference->control;
	const struct timespec second = { .tv_sec = 1 };
	time_t end = time(NULL) + ROUND_SECONDS;
	uint32_t remaining;

	while ((remaining = atomic_load(&control->remaining)) > 0) {
		if (atomic_load(&control->broken)) {
			*reason = "a plain process could not become its user, or ended";
			return -ECHILD;
		}
		if (time(NULL) > end) {
			*reason = "a plain process takes too long";
			return -ETIMEDOUT;
		}
		futex(&control->remaining, FUTEX_WAIT, remaining, &second);
	}
	return 0;
}

static void end_keeper(struct reference *reference)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	time_t end = time(NULL) + STOP_SECONDS;
	pid_t ended = 0;

	atomic_store(&reference->control->stop, true);
	atomic_fetch_add(&reference->control->round, 1);
	futex(&reference->control->round, FUTEX_WAKE, INT32_MAX, NULL);
	while (ended == 0 && time(NULL) <= end) {
		ended = waitpid(reference->keeper, NULL, WNOHANG);
		nanosleep(&pause, NULL);
	}
	if (ended == 0) {
		kill(reference->keeper, SIGKILL);
		waitpid(reference->keeper, NULL, 0);
	}
}

void reference_stop(struct oracle *oracle)
{
	struct reference *reference = oracle->reference;

	if (reference == NULL) {
		return;
	}
	if (reference->keeper > 0) {
		end_keeper(reference);
	}
	munmap(reference->memory, reference->memory_size);
	oracle->reference = NULL;
	oracle->cells = NULL;
	oracle->calls = NULL;
	oracle->expected = NULL;
	talloc_free(reference);
}
