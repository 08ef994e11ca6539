/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Running requests in the engine's thread, those of one identity together: the switch of
 * credentials costs as much as several lookups. What is attempted here at all is placement.c's
 * decision.
 *
 * An attempt asks for what is in memory (operation.h). Between two looks at the loop there is
 * PLACEMENT_BUDGET_NSEC for them.
 */
#include "batch.h"

#include "placement.h"
#include "request.h"

/* Attempts between two looks at the clock. */
#define SLICE 16

void batch_add(struct pathring *ring, struct pathring_request *request)
{
	struct identity *identity = request->identity;

	if (identity->batch_size == 0) {
		STAILQ_INIT(&identity->batch);
		STAILQ_INSERT_TAIL(&ring->batches, identity, batch_link);
	}
	STAILQ_INSERT_TAIL(&identity->batch, request, batch_link);
	identity->batch_size++;
}

static struct pathring_request *next_of(struct identity *identity)
{
	struct pathring_request *request = STAILQ_FIRST(&identity->batch);

	if (request != NULL) {
		STAILQ_REMOVE_HEAD(&identity->batch, batch_link);
		identity->batch_size--;
	}
	return request;
}

static void hand_over(struct pathring *ring,
		      struct pathring_request *request,
		      struct request_list *list,
		      enum pathring_reason reason)
{
	request->reason = reason;
	TAILQ_REMOVE(&ring->running, request, link);
	TAILQ_INSERT_TAIL(list, request, link);
}

static void hand_over_all(struct pathring *ring,
			  struct identity *identity,
			  struct request_list *list,
			  enum pathring_reason reason)
{
	struct pathring_request *request = NULL;

	while ((request = next_of(identity)) != NULL) {
		hand_over(ring, request, list, reason);
	}
}

static void fail_all(struct identity *identity, int error)
{
	struct pathring_request *request = NULL;

	while ((request = next_of(identity)) != NULL) {
		request->operation.result = error;
		request_complete(request, PATHRING_INLINE);
	}
}

static bool alike(const struct pathring_request *a, const struct pathring_request *b)
{
	return a->operation.class == b->operation.class &&
	       a->operation.mount_id == b->operation.mount_id;
}

/*
 * Some requests of one operation and file system, between two looks at the clock. *now is when it
 * began, and then when it ended.
 */
static void run_slice(struct pathring *ring,
		      struct identity *identity,
		      enum pathring_reason reason,
		      struct request_list *elsewhere,
		      uint64_t *now)
{
	struct pathring_request *requests[SLICE];
	bool answered[SLICE];
	uint64_t began = *now;
	size_t missed = 0;
	size_t count = 0;
	size_t i;

	do {
		struct pathring_request *request = next_of(identity);

		requests[count] = request;
		answered[count] = request->operation.class->attempt(&request->operation);
		missed += answered[count] ? 0 : 1;
		count++;
	} while (count < SLICE && identity->batch_size > 0 &&
		 alike(STAILQ_FIRST(&identity->batch), requests[0]));

	ring->attempts++;
	*now = engine_clock();
	placement_learn_attempts(ring, requests[0], count, missed, *now - began);
	ring->completion_time = *now;
	for (i = 0; i < count; i++) {
		if (answered[i]) {
			requests[i]->reason = reason;
			request_complete(requests[i], PATHRING_INLINE);
		} else {
			requests[i]->missed = true;
			hand_over(ring, requests[i], elsewhere, PATHRING_REASON_NOT_CACHED);
		}
	}
}

static void run_batch(struct pathring *ring,
		      struct identity *identity,
		      struct identity_switch *state,
		      struct request_list *elsewhere,
		      struct request_list *later,
		      uint64_t *now,
		      uint64_t end)
{
	enum pathring_reason reason = PATHRING_REASON_CHEAPER;
	bool switching = identity_switch_needed(identity, state);
	bool attempts;
	int ret;

	if (*now >= end) {
		hand_over_all(ring, identity, later, PATHRING_REASON_BUDGET);
		return;
	}
	attempts = placement_attempts_batch(
		ring, STAILQ_FIRST(&identity->batch), identity->batch_size, switching, &reason);
	if (!attempts) {
		hand_over_all(ring, identity, elsewhere, reason);
		return;
	}

	ret = identity_switch_to(identity, state);
	if (switching) {
		uint64_t switched = engine_clock();

		placement_learn_switch(ring, switched - *now);
		*now = switched;
	}
	if (ret < 0) {
		fail_all(identity, ret);
		return;
	}
	while (identity->batch_size > 0 && *now < end) {
		run_slice(ring, identity, reason, elsewhere, now);
	}
	hand_over_all(ring, identity, later, PATHRING_REASON_BUDGET);
}

void batches_run(struct pathring *ring, struct request_list *elsewhere, struct request_list *later)
{
	struct identity_switch state = { .switched = false };
	struct identity *identity = NULL;
	uint64_t now;
	uint64_t end;
	int ret;

	if (STAILQ_EMPTY(&ring->batches)) {
		return;
	}
	ret = identity_switch_begin(&state);
	now = engine_turn_time(ring);
	end = now + PLACEMENT_BUDGET_NSEC;
	while ((identity = STAILQ_FIRST(&ring->batches)) != NULL) {
		STAILQ_REMOVE_HEAD(&ring->batches, batch_link);
		if (ret < 0) {
			fail_all(identity, ret);
			continue;
		}
		run_batch(ring, identity, &state, elsewhere, later, &now, end);
	}
	if (ret == 0 && state.switched) {
		now = engine_clock();
		identity_leave(&state);
		placement_learn_return(ring, engine_clock() - now);
	} else if (ret == 0) {
		identity_leave(&state);
	}
}
