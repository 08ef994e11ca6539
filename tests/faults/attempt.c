/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attempts of any kind: made, waited for, let go of, judged. What each operation asks and must
 * answer is in operations.c and names.c.
 */
#include "attempt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

#define MAX_ERROR 134

TAILQ_HEAD(attempt_list, attempt);

/* Not complete; complete, with its request still there. */
static struct attempt_list pending = TAILQ_HEAD_INITIALIZER(pending);
static struct attempt_list finished = TAILQ_HEAD_INITIALIZER(finished);
static unsigned int num_pending;
static unsigned int num_finished;
static uint64_t seen_errors[MAX_ERROR];

struct attempt_totals attempt_totals;

static void describe(const struct attempt *attempt, char *text, size_t size)
{
	snprintf(text,
		 size,
		 "%s of user %u in %s%s%s (form %d, engine %u)",
		 pathring_operation_name(attempt->kind),
		 attempt->user,
		 attempt->owner > 0 ? world.owners[attempt->owner].name : "-",
		 attempt->slot != NULL ? "/s/" : "",
		 attempt->slot != NULL ? attempt->slot->name : "",
		 attempt->form,
		 life.number);
}

/* ---- the outcome ---- */

static void release(struct attempt *attempt)
{
	if (attempt->slot != NULL) {
		attempt->slot->busy = false;
	}
	if (attempt->other_slot != NULL) {
		attempt->other_slot->busy = false;
	}
	if (attempt->block != NULL) {
		attempt->block->busy = false;
	}
	if (attempt->attributes != NULL) {
		attempt->attributes->busy = false;
	}
}

/* It may come to be or not: what it works on is not used again while this engine is there. */
void attempt_lose(struct attempt *attempt)
{
	if (attempt->slot != NULL) {
		attempt->slot->state = SLOT_UNKNOWN;
	}
	if (attempt->other_slot != NULL) {
		attempt->other_slot->state = SLOT_UNKNOWN;
	}
	if (attempt->block != NULL) {
		attempt->block->known = false;
	}
	if (attempt->attributes != NULL) {
		attempt->attributes->known = false;
	}
	attempt->slot = NULL;
	attempt->other_slot = NULL;
	attempt->block = NULL;
	attempt->attributes = NULL;
}

static bool was_put_there(const struct attempt *attempt, int error)
{
	if (error <= 0 || error >= MAX_ERROR) {
		return false;
	}
	/*
	 * The kernel's way to say that the ring can't run it: the engine must have found another.
	 * Not so where it is a file system's answer to a close.
	 */
	if (error == ECANCELED || (error == EINVAL && attempt->kind != PATHRING_CLOSE)) {
		return false;
	}
	if (injector_errors(error) > seen_errors[error]) {
		seen_errors[error]++;
		return true;
	}
	return error == ENOBUFS && life.options.max_requests != 0;
}

bool attempt_judge_part(struct attempt *attempt, ssize_t result, ssize_t expected)
{
	char text[120];

	if (result == expected || (attempt->may_race && result == -EAGAIN)) {
		return true;
	}
	if (was_put_there(attempt, (int)-result)) {
		return false;
	}
	if (result < 0 && life_is_refused()) {
		return false;
	}
	describe(attempt, text, sizeof(text));
	fail("%s gave %lld (%s) instead of %lld (%s)",
	     text,
	     (long long)result,
	     result < 0 ? strerror((int)-result) : "no error",
	     (long long)expected,
	     expected < 0 ? strerror((int)-expected) : "no error");
}

bool attempt_judge(struct attempt *attempt, ssize_t result)
{
	bool right;

	if (attempt->engine_gone && result >= 0) {
		fail("%s gave %lld although its engine is gone",
		     pathring_operation_name(attempt->kind),
		     (long long)result);
	}
	if ((attempt->engine_gone && result == -ECANCELED) ||
	    (attempt->doubtful && (result == -ECANCELED || result == -ETIMEDOUT))) {
		attempt_totals.doubtful++;
		attempt_lose(attempt);
		return false;
	}
	right = attempt_judge_part(attempt, result, attempt->expected);
	attempt_totals.right += right;
	attempt_totals.failed += !right;
	return right;
}

/* ---- completion ---- */

static void complete(struct attempt *attempt)
{
	attempt->done = true;
	TAILQ_REMOVE(&pending, attempt, link);
	num_pending--;
	attempt_operations[attempt->kind].end(attempt);
	release(attempt);
}

/* Some requests stay for a while when they are done. */
static void put_away(struct attempt *attempt)
{
	if (attempt->request != NULL && random_below(&life.random, 2) == 0) {
		TAILQ_INSERT_TAIL(&finished, attempt, link);
		num_finished++;
		return;
	}
	pathring_request_free(attempt->request);
	talloc_free(attempt);
}

static void check_callback(const struct attempt *attempt)
{
	char text[120];

	if (life.inside > 0 || attempt->done || !attempt->issued) {
		describe(attempt, text, sizeof(text));
		fail("%s: %s",
		     text,
		     attempt->done ? "completed twice" : "its callback came from within a call");
	}
	life_check();
}

/* What a callback may do on its own account, besides freeing what it is about. */
static void act_from_callback(void)
{
	unsigned int choice = random_below(&life.random, 64);
	struct attempt *other = NULL;

	if (life.ring == NULL) {
		return;
	}
	if (choice == 0) {
		other = attempt_any();
		if (other != NULL) {
			attempt_free(other);
		}
	} else if (choice < 6) {
		attempt_new();
	} else if (random_below(&life.random, 20000) == 0) {
		life_destroy();
	}
}

void attempt_request_done(struct pathring_request *request, void *private_data)
{
	struct attempt *attempt = private_data;

	if (request != attempt->request || attempt->engine_gone) {
		fail("a callback for another request, or for one of an engine that is gone");
	}
	check_callback(attempt);
	complete(attempt);
	put_away(attempt);
	act_from_callback();
}

static void send_done(struct tevent_req *req)
{
	struct attempt *attempt = tevent_req_callback_data(req, struct attempt);

	check_callback(attempt);
	complete(attempt);
	talloc_free(attempt);
	act_from_callback();
}

/* Under the identity that was asked for; what is checked must be checked by root. */
static void send_done_as(struct tevent_req *req)
{
	const struct attempt *attempt = tevent_req_callback_data(req, struct attempt);

	life_check_user(attempt->user);
	life_become_root();
	send_done(req);
}

void attempt_wait(struct attempt *attempt)
{
	int ret;

	life.inside++;
	ret = pathring_request_wait(attempt->request);
	life.inside--;
	if (ret != 0) {
		fail("pathring_request_wait: %s", strerror(-ret));
	}
	attempt_totals.waited++;
	complete(attempt);
	put_away(attempt);
}

/* ---- making them ---- */

struct pathring_identity *attempt_identity(const struct attempt *attempt)
{
	return attempt->as_nobody ? pathring_identity_none(life.ring)
				  : life_identity(attempt->user);
}

struct tevent_context *attempt_loop(const struct attempt *attempt)
{
	return attempt->form == FORM_SEND_ELSEWHERE ? life.other_ev : life.ev;
}

bool attempt_issued_request(struct attempt *attempt, int ret)
{
	bool right;

	attempt->issued = true;
	if (ret == 0) {
		return true;
	}
	if (attempt->request != NULL) {
		fail("a request was not made and is there");
	}
	attempt->done = true;
	if (attempt->may_be_busy && ret == -EBUSY) {
		attempt_totals.doubtful++;
		return true;
	}
	right = attempt_judge_part(attempt, ret, attempt->expected);
	attempt_totals.right += right;
	attempt_totals.failed += !right;
	return true;
}

static void set_callback(struct attempt *attempt)
{
	int ret;

	if (random_below(&life.random, 16) != 0) {
		tevent_req_set_callback(attempt->req, send_done, attempt);
		return;
	}
	ret = pathring_callback_as(
		life.ring, life_identity(attempt->user), attempt->req, send_done_as, attempt);
	if (ret < 0) {
		fail("pathring_callback_as: %s", strerror(-ret));
	}
}

bool attempt_issued_send(struct attempt *attempt, struct tevent_req *req)
{
	attempt->issued = true;
	attempt->req = req;
	if (req == NULL) {
		fail("no memory for a tevent_req");
	}
	set_callback(attempt);
	if (random_below(&life.random, 50) == 0) {
		attempt->doubtful = true;
		tevent_req_set_endtime(
			req,
			attempt_loop(attempt),
			tevent_timeval_current_ofs(0, random_below(&life.random, 2000)));
	}
	return true;
}

static enum form choose_form(void)
{
	unsigned int choice = random_below(&life.random, 16);

	if (choice == 0) {
		return FORM_SEND_ELSEWHERE;
	}
	return choice < 8 ? FORM_SEND : FORM_REQUEST;
}

bool attempt_new(void)
{
	struct attempt *attempt = NULL;
	bool made;

	attempt = talloc_zero(NULL, struct attempt);
	if (attempt == NULL) {
		fail("out of memory");
	}
	attempt->form = choose_form();
	attempt->kind = random_below(&life.random, PATHRING_NUM_OPERATIONS);
	/* What opens handles, and what takes several entries, more often than the others. */
	switch (random_below(&life.random, 4)) {
	case 0:
		attempt->kind = PATHRING_OPENAT;
		break;
	case 1:
		attempt->kind = PATHRING_LOOKUP;
		break;
	default:
		break;
	}
	attempt->user = random_below(&life.random, NUM_USERS);
	attempt->owner = 1 + random_below(&life.random, NUM_OWNERS);
	if (random_below(&life.random, 2) == 0) {
		attempt->user = attempt->owner;
	}

	TAILQ_INSERT_TAIL(&pending, attempt, link);
	num_pending++;
	life.inside++;
	made = attempt_operations[attempt->kind].begin(attempt);
	life.inside--;
	if (made) {
		attempt_totals.made[attempt->kind]++;
	}
	if (!made || attempt->done) {
		release(attempt);
		TAILQ_REMOVE(&pending, attempt, link);
		num_pending--;
		talloc_free(attempt);
	}
	return made;
}

unsigned int attempts_pending(void)
{
	return num_pending;
}

unsigned int attempts_finished(void)
{
	return num_finished;
}

unsigned int attempts_pending_elsewhere(void)
{
	const struct attempt *attempt = NULL;
	unsigned int count = 0;

	TAILQ_FOREACH(attempt, &pending, link) {
		count += attempt->form == FORM_SEND_ELSEWHERE;
	}
	return count;
}

/* One of those that were made lately or long ago, and really made. */
struct attempt *attempt_any(void)
{
	struct attempt *attempt = TAILQ_FIRST(&pending);
	unsigned int skip = num_pending > 0 ? random_below(&life.random, num_pending) : 0;

	while (skip > 0 && attempt != NULL) {
		attempt = TAILQ_NEXT(attempt, link);
		skip--;
	}
	return attempt != NULL && attempt->issued ? attempt : NULL;
}

struct attempt *attempt_any_of(enum form form)
{
	struct attempt *attempt = attempt_any();

	while (attempt != NULL && (attempt->form != form || !attempt->issued)) {
		attempt = TAILQ_NEXT(attempt, link);
	}
	return attempt;
}

/* ---- letting go of them ---- */

void attempt_free(struct attempt *attempt)
{
	attempt_totals.freed++;
	TAILQ_REMOVE(&pending, attempt, link);
	num_pending--;
	attempt_lose(attempt);
	life.inside++;
	if (attempt->request != NULL) {
		pathring_request_free(attempt->request);
	}
	/* A tevent_req goes with it. */
	talloc_free(attempt);
	life.inside--;
}

void attempt_cancel(struct attempt *attempt)
{
	bool cancelled;

	life.inside++;
	cancelled = tevent_req_cancel(attempt->req);
	life.inside--;
	attempt->doubtful = attempt->doubtful || cancelled;
}

void attempts_free_some_finished(void)
{
	struct attempt *attempt = NULL;
	unsigned int count = random_below(&life.random, 16);

	while (count > 0 && (attempt = TAILQ_FIRST(&finished)) != NULL) {
		TAILQ_REMOVE(&finished, attempt, link);
		num_finished--;
		life.inside++;
		pathring_request_free(attempt->request);
		life.inside--;
		talloc_free(attempt);
		count--;
	}
}

void attempts_engine_goes(void)
{
	struct attempt *attempt = NULL;

	TAILQ_FOREACH(attempt, &pending, link) {
		attempt->engine_gone = true;
	}
}

void attempts_engine_gone(void)
{
	struct attempt *attempt = NULL;
	struct attempt *next = NULL;

	/* Requests went with the engine; of tevent_reqs the loops tell. */
	while ((attempt = TAILQ_FIRST(&finished)) != NULL) {
		TAILQ_REMOVE(&finished, attempt, link);
		num_finished--;
		talloc_free(attempt);
	}
	for (attempt = TAILQ_FIRST(&pending); attempt != NULL; attempt = next) {
		next = TAILQ_NEXT(attempt, link);
		if (attempt->form != FORM_REQUEST) {
			continue;
		}
		attempt_totals.freed++;
		TAILQ_REMOVE(&pending, attempt, link);
		num_pending--;
		attempt_lose(attempt);
		talloc_free(attempt);
	}
}

void attempts_free_elsewhere(void)
{
	struct attempt *attempt = NULL;
	struct attempt *next = NULL;

	for (attempt = TAILQ_FIRST(&pending); attempt != NULL; attempt = next) {
		next = TAILQ_NEXT(attempt, link);
		if (attempt->form == FORM_SEND_ELSEWHERE) {
			attempt_free(attempt);
		}
	}
}
