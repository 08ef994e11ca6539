/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The policy: where a request runs when there is a choice. batch.c carries it out. The numbers
 * behind it are explained in README.md.
 *
 * There is a choice for operations with an attempt (operation.h): an answer without waiting, from
 * what is in memory, or none. In this thread an attempt costs the system calls themselves, and a
 * switch of credentials for each identity there and back; on the ring no switch, but a kernel
 * worker for all that the kernel does not do at once; which of the two is less depends on the file
 * system, the operation, how many requests share the switch, and how many are on their way. So the
 * engine keeps, by file system and operation, what an attempt took, what a request took elsewhere
 * in company of how many, and how often an attempt found nothing, and takes the cheaper way. Now
 * and then it takes the other one, to see whether that is still so.
 */
#include "placement.h"

#include <errno.h>
#include <inttypes.h>

#include "mounts.h"
#include "request.h"

/*
 * What is assumed before anything is known, in nanoseconds. Near what one machine measured; a
 * wrong guess is corrected by the first requests.
 */
#define ASSUMED_SWITCH 4000
static const struct costs assumed = {
	.inline_nsec = 3000,
	.elsewhere = {
		{ .nsec = 17000 },
		{ .nsec = 10000 },
		{ .nsec = 7000 },
		{ .nsec = 5000 },
		{ .nsec = 4500 },
		{ .nsec = 4000 },
	},
};

/* A new value counts for an eighth: some ten decisions to learn, one outlier is forgiven. */
#define WEIGHT_SHIFT 3

/*
 * In one turn of so many all is decided against what is known, if that costs less than so many
 * times. The whole turn, because the ring's costs depend on how much of it there is.
 */
#define TRY_EVERY 128
#define TRY_AT_MOST 4

/*
 * No value counts for more than so many times what was known: a thread that lost its processor for
 * a moment says nothing of file systems.
 */
#define OUTLIER_TIMES 4

/*
 * Attempts that take longer than this, several times in a row, have waited for something, though
 * the file system is local: a cold cache. The operation then stays away from this thread for a
 * while. (Once may be another process that had the processor.)
 */
#define SLOW_NSEC 500000
#define SLOW_IN_A_ROW 2
#define SLOW_FOR_NSEC 100000000

#define PROBABILITY_ONE 65536

/* Without attempts to learn from, what is assumed to be missed becomes less by this part each time.
 */
#define FORGET_MISSES 32

static unsigned int company_class(size_t company)
{
	unsigned int number = 0;

	while (company > 1 && number < COMPANY_CLASSES - 1) {
		company >>= 1;
		number++;
	}
	return number;
}

static void learn(uint32_t *value, uint64_t sample)
{
	uint64_t most = (uint64_t)*value * OUTLIER_TIMES;

	if (sample > most) {
		sample = most;
	}
	*value = (uint32_t)(*value + ((int64_t)sample - *value) / (1 << WEIGHT_SHIFT));
}

void placement_assume(struct pathring *ring)
{
	ring->switch_nsec = ASSUMED_SWITCH;
	ring->return_nsec = ASSUMED_SWITCH;
}

void placement_assume_mount(struct mount *mount)
{
	size_t i;

	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		mount->costs[i] = assumed;
	}
}

static struct costs *costs_of(const struct pathring *ring, const struct pathring_request *request)
{
	struct mount *mount = mount_known(ring, request->operation.mount_id);

	return mount != NULL ? &mount->costs[request->operation.class->kind] : NULL;
}

bool placement_may_attempt(struct pathring *ring, struct pathring_request *request)
{
	struct operation *operation = &request->operation;
	struct mount *mount = NULL;

	if (request->begun) {
		/* It may have opened something already, which an attempt would open again. */
		return false;
	}
	if (operation->class->attempt == NULL || operation->target == NULL) {
		request->reason = PATHRING_REASON_ONLY_WAY;
		return false;
	}
	if (request->missed) {
		request->reason = PATHRING_REASON_NOT_CACHED;
		return false;
	}
	mount = mount_of(ring, operation->target);
	if (mount == NULL || !mount->local) {
		request->reason = PATHRING_REASON_REMOTE;
		return false;
	}
	operation->mount_id = mount->id;
	if (ring->options.pin != PATHRING_PIN_LEARNED) {
		request->reason = PATHRING_REASON_PINNED;
		return ring->options.pin == PATHRING_PIN_INLINE;
	}
	if (mount->costs[operation->class->kind].slow_until > engine_turn_time(ring)) {
		request->reason = PATHRING_REASON_SLOW;
		return false;
	}
	return true;
}

static bool takes_personality(struct pathring *ring, struct descriptor *descriptor)
{
	const struct mount *mount = mount_of(ring, descriptor);

	return mount != NULL && mount->takes_personality;
}

bool placement_pinned_to_thread(const struct pathring *ring, const struct pathring_request *request)
{
	return ring->options.pin == PATHRING_PIN_THREAD &&
	       request->operation.class->attempt != NULL;
}

/* An absolute path has no descriptor to judge by. It is what a server opens its shares with. */
bool placement_may_use_ring(struct pathring *ring, const struct pathring_request *request)
{
	const struct operation *operation = &request->operation;

	return operation->target != NULL && takes_personality(ring, operation->target) &&
	       (operation->second == NULL || takes_personality(ring, operation->second));
}

bool placement_attempts_batch(struct pathring *ring,
			      struct pathring_request *first,
			      size_t count,
			      bool switching,
			      enum pathring_reason *reason)
{
	struct costs *costs = costs_of(ring, first);
	uint64_t here;
	uint64_t elsewhere;
	bool attempts;

	if (ring->options.pin == PATHRING_PIN_INLINE) {
		*reason = PATHRING_REASON_PINNED;
		return true;
	}
	if (costs == NULL) {
		*reason = PATHRING_REASON_REMOTE;
		return false;
	}
	elsewhere = costs->elsewhere[company_class(ring->turn_company)].nsec;
	here = costs->inline_nsec;
	here += elsewhere * costs->missed / PROBABILITY_ONE;
	here *= count;
	elsewhere *= count;
	if (switching) {
		here += ring->switch_nsec + ring->return_nsec;
	}

	attempts = here <= elsewhere;
	*reason = PATHRING_REASON_CHEAPER;
	costs->decisions++;
	if (ring->submission.number % TRY_EVERY == 0 && here < elsewhere * TRY_AT_MOST &&
	    elsewhere < here * TRY_AT_MOST) {
		attempts = !attempts;
		*reason = PATHRING_REASON_TRIED;
	}
	if (!attempts) {
		/* What was not cached may be by now: the backend has looked at it. */
		costs->missed -= costs->missed / FORGET_MISSES;
	}
	return attempts;
}

void placement_learn_attempts(struct pathring *ring,
			      const struct pathring_request *like,
			      size_t count,
			      size_t missed,
			      uint64_t nsec)
{
	struct costs *costs = costs_of(ring, like);

	if (costs == NULL) {
		return;
	}
	costs->slow_in_a_row = nsec > SLOW_NSEC ? costs->slow_in_a_row + 1 : 0;
	if (costs->slow_in_a_row >= SLOW_IN_A_ROW) {
		costs->slow_in_a_row = 0;
		costs->slow_until = engine_turn_time(ring) + SLOW_FOR_NSEC;
	}
	learn(&costs->inline_nsec, nsec / count);
	costs->missed +=
		((int64_t)(missed * PROBABILITY_ONE / count) - costs->missed) / (1 << WEIGHT_SHIFT);
}

void placement_learn_switch(struct pathring *ring, uint64_t nsec)
{
	learn(&ring->switch_nsec, nsec);
}

void placement_learn_return(struct pathring *ring, uint64_t nsec)
{
	learn(&ring->return_nsec, nsec);
}

/*
 * In the company of others a request's share of the time is what it costs, not how long it took.
 * The callbacks of others meanwhile are not held against it: there are as many with attempts. Where
 * this thread has made attempts meanwhile, nothing can be learned: the ring's workers have gone on
 * on another processor.
 */
void placement_learn_elsewhere(struct pathring *ring, const struct pathring_request *request)
{
	const struct submission *submission = &request->submission;
	struct costs *costs = costs_of(ring, request);
	uint64_t took = request->finished - submission->time;
	uint64_t busy = ring->busy_nsec - submission->busy_nsec;
	size_t company = ring->companies[submission->number % REMEMBERED_TURNS];
	struct cost_elsewhere *cost = NULL;

	if (costs == NULL || company == 0 || ring->attempts != submission->attempts ||
	    ring->submission.number - submission->number >= REMEMBERED_TURNS) {
		return;
	}
	took = took > busy ? took - busy : 0;
	cost = &costs->elsewhere[company_class(company)];
	cost->sum += took / company + 1;
	cost->count++;
	if (cost->count >= company) {
		learn(&cost->nsec, cost->sum / cost->count);
		cost->count = 0;
		cost->sum = 0;
	}
}

static char *describe_costs(char *text, const struct mount *mount, size_t operation)
{
	const struct costs *costs = &mount->costs[operation];
	size_t i;

	text = talloc_asprintf_append(text,
				      "mount %" PRIu64 " %-12s here %6.1f us, elsewhere",
				      mount->id,
				      pathring_operation_name((enum pathring_operation)operation),
				      costs->inline_nsec / 1e3);
	for (i = 0; i < COMPANY_CLASSES; i++) {
		text = talloc_asprintf_append(text, " %6.1f", costs->elsewhere[i].nsec / 1e3);
	}
	return talloc_asprintf_append(
		text,
		" us (1, 2, 4, 8, 16, 32 at a time), %.1f %% not cached, %" PRIu32 " decisions\n",
		100.0 * costs->missed / PROBABILITY_ONE,
		costs->decisions);
}

char *placement_describe(const struct pathring *ring, char *text)
{
	const struct mount *mount = NULL;
	size_t operation;
	size_t i;

	for (i = 0; (mount = mount_number(ring, i)) != NULL; i++) {
		for (operation = 0; operation < PATHRING_NUM_OPERATIONS; operation++) {
			if (mount->costs[operation].decisions > 0) {
				text = describe_costs(text, mount, operation);
			}
		}
	}
	return talloc_asprintf_append(text,
				      "a switch of credentials and back: %.1f us\n",
				      (ring->switch_nsec + ring->return_nsec) / 1e3);
}

/*
 * statx of an open descriptor needs no identity: the descriptor is the proof. On the ring it always
 * goes to a kernel worker (it is never tried inline, Linux 6.3), which costs 3 us at depth 16 and
 * 17 or more alone, against half a microsecond in this thread, where it can't block if the
 * attributes are in memory once the inode is open, as they are for local file systems. For all
 * others AT_STATX_DONT_SYNC keeps the question from going to a server, and the answer is only used
 * to learn which mount this is.
 */
bool placement_statx_inline(struct pathring *ring,
			    int fd,
			    unsigned int flags,
			    unsigned int mask,
			    struct statx *stx,
			    int *result)
{
	int ret;

	if ((flags & AT_STATX_FORCE_SYNC) != 0) {
		return false;
	}
	ret = operation_statx_fd(fd, AT_STATX_DONT_SYNC, mask | STATX_MNT_ID, stx);
	if (ret < 0) {
		return false;
	}
	if ((flags & AT_STATX_DONT_SYNC) == 0) {
		const struct mount *mount = mount_of_statx(ring, fd, stx);

		if (mount == NULL || !mount->local) {
			return false;
		}
	}
	*result = 0;
	return true;
}
