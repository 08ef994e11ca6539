/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Admits requests in the trace's order and at its pace, begins those that wait for nobody, and
 * takes their outcomes. What is needed for that was made at the round's beginning (run_round.c).
 *
 * Requests that can be made wait by user. Where the engine leaves operations to this thread, it
 * becomes a user once for all of his that are ready, and for those that become ready meanwhile: a
 * switch costs as much as several operations, whoever makes it.
 */
#include "run.h"

#include "operate.h"
#include "outcome.h"
#include "progress.h"

#include "signals.h"

#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Of one user at a time; and between two looks at what the engine has, and has completed. */
#define MAX_BATCH 256
#define MAX_BETWEEN_LOOKS 16

#define NSEC_PER_SEC 1000000000ULL

uint64_t replay_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* ---- what is used again and again ---- */

static struct replay_action *take_action(struct replay_run *run)
{
	struct replay_action *action = run->free_actions;

	if (action != NULL) {
		run->free_actions = action->next;
	}
	return action;
}

void replay_run_give_action(struct replay_run *run, struct replay_action *action)
{
	action->next = run->free_actions;
	run->free_actions = action;
}

struct replay_open *replay_run_take_open(struct replay_run *run)
{
	struct replay_open *open = run->free_opens;

	if (open == NULL) {
		open = talloc_size(run, sizeof(*open));
	} else {
		run->free_opens = open->next;
	}
	if (open != NULL) {
		*open = (struct replay_open) { .fd = { .fd = -1 } };
	}
	return open;
}

void replay_run_give_open(struct replay_run *run, struct replay_open *open)
{
	if (open->listing != NULL) {
		replay_run_give_listing(run, open->listing);
	}
	replay_drop(&open->fd);
	open->next = run->free_opens;
	run->free_opens = open;
}

struct replay_listing *replay_run_take_listing(struct replay_run *run)
{
	struct replay_listing *listing = run->free_listings;

	if (listing == NULL) {
		listing = talloc_size(run, sizeof(*listing) + REPLAY_LISTING_SIZE);
	} else {
		run->free_listings = listing->next;
	}
	if (listing != NULL) {
		memset(listing, 0, sizeof(*listing));
	}
	return listing;
}

void replay_run_give_listing(struct replay_run *run, struct replay_listing *listing)
{
	listing->next = run->free_listings;
	run->free_listings = listing;
}

/* ---- what is ready ---- */

static void list_user(struct replay_run *run, struct replay_ready *ready)
{
	if (ready->listed) {
		return;
	}
	ready->listed = true;
	ready->next = NULL;
	if (run->first_ready == NULL) {
		run->first_ready = ready;
	} else {
		run->last_ready->next = ready;
	}
	run->last_ready = ready;
}

/* Behind this one; NULL: before all. */
static void
insert(struct replay_run *run, struct replay_action *action, struct replay_action *behind)
{
	struct replay_ready *ready = &run->ready[action->item->user];
	struct replay_action **place = behind != NULL ? &behind->next : &ready->first;

	action->next = *place;
	*place = action;
	if (action->next == NULL) {
		ready->last = action;
	}
	run->num_ready++;
	list_user(run, ready);
}

static void add_ready(struct replay_run *run, struct replay_action *action)
{
	insert(run, action, run->ready[action->item->user].last);
}

/* It has what others wait for. */
static void add_begun(struct replay_run *run, struct replay_action *action)
{
	struct replay_ready *ready = &run->ready[action->item->user];

	insert(run, action, NULL);
	if (ready->last_begun == NULL) {
		ready->last_begun = action;
	}
}

/* It may be a link of a chain, and all that is behind it waits. */
static void add_waited(struct replay_run *run, struct replay_action *action)
{
	struct replay_ready *ready = &run->ready[action->item->user];

	insert(run, action, ready->last_waited != NULL ? ready->last_waited : ready->last_begun);
	ready->last_waited = action;
}

static struct replay_action *next_ready(struct replay_run *run, struct replay_ready *ready)
{
	struct replay_action *action = ready->first;

	ready->first = action->next;
	if (action == ready->last_begun) {
		ready->last_begun = NULL;
	}
	if (action == ready->last_waited) {
		ready->last_waited = NULL;
	}
	if (action == ready->last) {
		ready->last = NULL;
	}
	run->num_ready--;
	return action;
}

void replay_run_ready(struct replay_action *action)
{
	add_waited(action->client->run, action);
}

void replay_run_resume(struct replay_action *action)
{
	struct replay_run *run = action->client->run;

	if (run->here) {
		/* In the company of others of the same user. */
		add_begun(run, action);
		return;
	}
	action->clock = replay_now();
	replay_perform(action);
}

/* ---- the end of a request ---- */

static void let_go(struct replay_action *action)
{
	struct replay_client *client = action->client;
	struct replay_run *run = client->run;

	run->num_running--;
	run->num_done++;
	run->num_admitted--;
	client->num_admitted--;
	if (action->barrier) {
		client->barrier = false;
	}
	replay_order_release(action);
	replay_run_give_action(run, action);
}

static void name_outcome(const struct replay_run *run,
			 const struct replay_item *item,
			 struct replay_outcome *outcome)
{
	if (item->path != REPLAY_NONE) {
		outcome->path = run->plan->paths[item->path]->full;
	}
	outcome->user = run->plan->users[item->user].name;
}

void replay_run_end(struct replay_action *action, uint32_t status)
{
	struct replay_run *run = action->client->run;
	const struct replay_item *item = action->item;
	struct replay_request request;
	struct replay_outcome outcome = { .request = &request, .fate = REPLAY_REPLAYED };
	uint64_t now = action->clock;

	if (!run->is_switched || action->clock == action->begun) {
		now = replay_now();
	}
	replay_plan_request(run->plan, item, &request);
	name_outcome(run, item, &outcome);
	outcome.status = status;
	if (replay_differs(item, status)) {
		outcome.explained = replay_explain(item, status, action->lost);
		outcome.mismatched = outcome.explained == NULL;
	}
	outcome.service_ns = now - action->begun;
	outcome.slip_ns = action->begun > action->due ? action->begun - action->due : 0;
	outcome.finished_ns = now - run->began;
	replay_results_add(run->results, &outcome);
	let_go(action);
}

static void leave_out(struct replay_run *run,
		      const struct replay_item *item,
		      enum replay_fate fate,
		      const char *reason)
{
	struct replay_request request;
	struct replay_outcome outcome = {
		.request = &request,
		.fate = fate,
		.reason = reason,
		.finished_ns = replay_now() - run->began,
	};

	replay_plan_request(run->plan, item, &request);
	name_outcome(run, item, &outcome);
	replay_results_add(run->results, &outcome);
}

void replay_run_fail(struct replay_action *action, const char *reason)
{
	leave_out(action->client->run, action->item, REPLAY_FAILED, reason);
	let_go(action);
}

/* ---- making requests ---- */

static void begin_action(struct replay_run *run, struct replay_action *action)
{
	/* One that goes on has its beginning behind it. */
	if (action->begun == 0) {
		action->begun = replay_now();
		if (run->options->speed == 0) {
			action->due = action->begun;
		}
		run->num_running++;
		action->clock = action->begun;
	} else {
		action->clock = replay_now();
	}
	replay_perform(action);
}

static bool may_begin(const struct replay_run *run, const struct replay_action *action)
{
	return action->begun != 0 || run->num_running < run->options->depth;
}

static bool admit(struct replay_run *run);

struct batch {
	struct replay_run *run;
	struct replay_ready *ready;
	size_t count;
	size_t submitted; /* of those in flight */
};

/*
 * Is it time for the loop? Others wait for what the engine has been given and has completed, often
 * in a chain from one fsync to the next. With 256 requests in between, a replay of dbench's
 * loadfile (bench/replay-dbench) had nothing to do for a tenth of its time.
 */
static bool must_look(struct batch *batch)
{
	struct replay_run *run = batch->run;

	if (!run->here || run->in_flight == 0 || batch->count == 0 ||
	    batch->count % MAX_BETWEEN_LOOKS != 0) {
		return false;
	}
	if (run->in_flight > batch->submitted) {
		pathring_submit(run->ring);
		batch->submitted = run->in_flight;
	}
	return pathring_has_completions(run->ring);
}

static void run_batch(void *private_data)
{
	struct batch *batch = private_data;
	struct replay_run *run = batch->run;

	run->is_switched = run->here;
	batch->submitted = run->in_flight;
	while (batch->count < MAX_BATCH && !must_look(batch)) {
		if (batch->ready->first == NULL || !may_begin(run, batch->ready->first)) {
			/* What ended may have made room. */
			if (!admit(run) || batch->ready->first == NULL ||
			    !may_begin(run, batch->ready->first)) {
				break;
			}
		}
		begin_action(run, next_ready(run, batch->ready));
		batch->count++;
	}
	run->is_switched = false;
}

static void fail_all(struct replay_run *run, struct replay_ready *ready)
{
	while (ready->first != NULL) {
		struct replay_action *action = next_ready(run, ready);

		if (action->begun == 0) {
			run->num_running++;
		}
		replay_run_fail(action, "its user cannot be assumed");
	}
}

/* Those of one user. */
static void run_ready(struct replay_run *run)
{
	struct replay_ready *ready = run->first_ready;
	struct batch batch = { .run = run, .ready = ready };
	int ret = 0;

	if (ready == NULL) {
		return;
	}
	run->first_ready = ready->next;
	ready->listed = false;
	if (ready->first != NULL && may_begin(run, ready->first)) {
		if (run->here) {
			ret = pathring_run_as(run->ring, ready->identity, run_batch, &batch);
		} else {
			run_batch(&batch);
		}
		if (ret < 0) {
			fail_all(run, ready);
		}
	}
	if (ready->first != NULL) {
		/* Behind the others. */
		list_user(run, ready);
	}
}

/* Is there anything that can be begun now? */
static bool has_work(const struct replay_run *run)
{
	const struct replay_ready *ready = NULL;

	if (run->num_ready > 0 && run->num_running < run->options->depth) {
		return true;
	}
	for (ready = run->first_ready; ready != NULL; ready = ready->next) {
		if (ready->first != NULL && may_begin(run, ready->first)) {
			return true;
		}
	}
	return false;
}

/* ---- admitting them ---- */

static uint64_t due_of(const struct replay_run *run, const struct replay_item *item)
{
	uint64_t first = run->plan->items[0].time;

	if (run->options->speed == 0) {
		return 0;
	}
	return run->began + (uint64_t)((double)(item->time - first) / run->options->speed);
}

/* Whose next request is the earliest, of all clients in turn. False: none may be admitted now. */
static bool admit_one(struct replay_run *run, struct replay_client *client, uint64_t *now)
{
	const struct replay_item *item = &run->plan->items[client->next];
	struct replay_action *action = NULL;
	uint64_t due = due_of(run, item);

	if (due > *now) {
		*now = replay_now();
		if (due > *now) {
			return false;
		}
	}
	if (item->skip != NULL) {
		client->next++;
		run->num_done++;
		leave_out(run, item, item->bad ? REPLAY_FAILED : REPLAY_SKIPPED, item->skip);
		return true;
	}
	action = take_action(run);
	if (action == NULL) {
		return false;
	}
	client->next++;
	client->num_admitted++;
	run->num_admitted++;
	action->client = client;
	action->item = item;
	action->due = due;
	action->begun = 0;
	action->step = 0;
	action->lost = false;
	if (replay_order_claim(action)) {
		if (action->barrier && client->num_admitted > 1) {
			/* It gets its turn when the others are done. */
			client->barrier = true;
			client->waiting = action;
		} else {
			client->barrier = action->barrier;
			add_ready(run, action);
		}
	}
	return true;
}

/* True: something is ready now. */
static bool admit(struct replay_run *run)
{
	size_t num_clients = run->options->clients;
	size_t asked = 0;
	uint64_t now = 0;

	while (asked < num_clients && run->num_ready < MAX_BATCH) {
		struct replay_client *client = &run->clients[run->next_client];

		if (client->waiting != NULL && client->num_admitted == 1) {
			add_ready(run, client->waiting);
			client->waiting = NULL;
		}
		if (!run->stopped && !client->barrier && client->next < run->plan->num_items &&
		    client->num_admitted < run->window && admit_one(run, client, &now)) {
			asked = 0;
		} else {
			asked++;
		}
		run->next_client = (run->next_client + 1) % num_clients;
	}
	return run->num_ready > 0;
}

/* ---- waiting ---- */

static bool all_admitted(const struct replay_run *run)
{
	size_t i = 0;

	for (i = 0; i < run->options->clients; i++) {
		if (run->clients[i].next < run->plan->num_items) {
			return false;
		}
	}
	return true;
}

/* When the next one is due; 0: none waits for the clock. */
static uint64_t next_due(const struct replay_run *run)
{
	uint64_t earliest = 0;
	size_t i = 0;

	if (run->options->speed == 0 || run->stopped || run->free_actions == NULL) {
		return 0;
	}
	for (i = 0; i < run->options->clients; i++) {
		const struct replay_client *client = &run->clients[i];

		if (client->next < run->plan->num_items && !client->barrier) {
			uint64_t due = due_of(run, &run->plan->items[client->next]);

			if (earliest == 0 || due < earliest) {
				earliest = due;
			}
		}
	}
	return earliest;
}

/*
 * Until something has come in, or is due. A timer of the kernel's, because those of tevent are as
 * coarse as epoll_wait(), a millisecond. With more to do here, only a look at what has come in.
 */
static bool wait_for_events(struct replay_run *run, bool look)
{
	uint64_t when = look ? 1 : next_due(run);

	if (when != run->armed) {
		struct itimerspec timer = {
			.it_value = {
				.tv_sec = (time_t)(when / NSEC_PER_SEC),
				.tv_nsec = (long)(when % NSEC_PER_SEC),
			},
		};

		if (timerfd_settime(run->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL) == -1) {
			return false;
		}
		run->armed = when;
	}
	return tevent_loop_once(run->ev) == 0;
}

bool replay_run_all(struct replay_run *run)
{
	while (true) {
		bool more = false;

		if (bench_signal_caught() != 0) {
			run->stopped = true;
		}
		admit(run);
		if (run->num_admitted == 0 && (run->stopped || all_admitted(run))) {
			return true;
		}
		run_ready(run);
		admit(run);
		more = has_work(run);
		if ((run->in_flight > 0 || !more) && run->num_admitted + run->in_flight > 0) {
			if (!wait_for_events(run, more)) {
				return false;
			}
		} else if (!more && !all_admitted(run) && !wait_for_events(run, false)) {
			return false;
		}
		replay_progress_tell(run->progress, run->num_done);
	}
}
