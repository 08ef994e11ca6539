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

#include "mounts.h"
#include "request.h"

/*
 * What is assumed before anything is known, in nanoseconds. Near what one machine measured; a
 * wrong guess is corrected by the first requests.
 */
#define ASSUMED_INLINE 3000
#define ASSUMED_SWITCH 8000
static const uint32_t assumed_elsewhere[COMPANY_CLASSES] = { 17000, 10000, 7000, 5000, 4500, 4000 };

/* A new value counts for an eighth: some ten decisions to learn, one outlier is forgiven. */
#define WEIGHT_SHIFT 3

/* One decision in so many is taken against what is known, if that costs less than so many times. */
#define TRY_EVERY 256
#define TRY_AT_MOST 4

/*
 * An attempt that took longer than this has waited for something, though the file system is local:
 * a cold cache. The operation then stays away from this thread for a while.
 */
#define SLOW_NSEC 500000
#define SLOW_FOR_NSEC 100000000

#define PROBABILITY_ONE 65536

static unsigned int company_class(size_t company)
{
	unsigned int class = 0;

	while (company > 1 && class < COMPANY_CLASSES - 1) {
		company >>= 1;
		class ++;
	}
	return class;
}

static void learn(uint32_t *value, uint64_t sample)
{
	int64_t difference;

	if (sample > UINT32_MAX / 2) {
		sample = UINT32_MAX / 2;
	}
	if (*value == 0) {
		*value = (uint32_t)sample;
		return;
	}
	difference = (int64_t)sample - *value;
	*value = (uint32_t)((int64_t)*value + difference / (1 << WEIGHT_SHIFT));
}

static uint32_t known_or(uint32_t value, uint32_t assumed)
{
	return value != 0 ? value : assumed;
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

bool placement_attempts_batch(struct pathring *ring,
			      struct pathring_request *first,
			      size_t count,
			      bool switching,
			      enum pathring_reason *reason)
{
	struct costs *costs = costs_of(ring, first);
	uint64_t here;
	uint64_t elsewhere;
	unsigned int class = company_class(ring->num_running);
	bool attempts;

	if (ring->options.pin == PATHRING_PIN_INLINE) {
		*reason = PATHRING_REASON_PINNED;
		return true;
	}
	if (costs == NULL) {
		*reason = PATHRING_REASON_REMOTE;
		return false;
	}
	elsewhere = known_or(costs->elsewhere_nsec[class], assumed_elsewhere[class]);
	here = known_or(costs->inline_nsec, ASSUMED_INLINE);
	here += elsewhere * costs->missed / PROBABILITY_ONE;
	here *= count;
	elsewhere *= count;
	if (switching) {
		here += known_or(ring->switch_nsec, ASSUMED_SWITCH);
	}

	attempts = here <= elsewhere;
	*reason = PATHRING_REASON_CHEAPER;
	costs->decisions++;
	if (costs->decisions % TRY_EVERY == 0 && here < elsewhere * TRY_AT_MOST &&
	    elsewhere < here * TRY_AT_MOST) {
		attempts = !attempts;
		*reason = PATHRING_REASON_TRIED;
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
	if (nsec > SLOW_NSEC) {
		costs->slow_until = engine_turn_time(ring) + SLOW_FOR_NSEC;
		return;
	}
	learn(&costs->inline_nsec, nsec / count);
	learn(&costs->missed, missed * PROBABILITY_ONE / count);
}

void placement_learn_switch(struct pathring *ring, uint64_t nsec)
{
	learn(&ring->switch_nsec, nsec);
}

/* In the company of others a request's share of the time is what it costs, not how long it took. */
void placement_learn_elsewhere(struct pathring *ring, const struct pathring_request *request)
{
	struct costs *costs = costs_of(ring, request);

	if (costs != NULL && ring->company > 0) {
		learn(&costs->elsewhere_nsec[company_class(ring->company)],
		      (request->finished - request->submitted) / ring->company);
	}
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
