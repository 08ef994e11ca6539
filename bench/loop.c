/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The closed and the open loop, which differ in when a request is due and when a phase is over.
 */
#include "loop.h"

#include "signals.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_SECOND 1000000000ULL

/* A request that takes longer than this counts as lost. */
#define STUCK_NS (60 * NS_PER_SECOND)

/* Wrong answers that are described in full, over the whole run. */
#define MAX_COMPLAINTS 10

void bench_loop_complain(const struct bench_load *load,
			 const char *who,
			 const char *path,
			 const struct bench_complaint *complaint)
{
	static unsigned int complaints;

	complaints++;
	if (complaints > MAX_COMPLAINTS) {
		return;
	}
	fprintf(stderr,
		"pathring-bench: wrong answer: %s, %s, %s: %s\n",
		load->engine->name,
		who,
		path,
		complaint->text);
	if (complaints == MAX_COMPLAINTS) {
		fprintf(stderr,
			"pathring-bench: further wrong answers are counted and not shown\n");
	}
}

static void complain_of_answer(const struct bench_load *load,
			       const struct bench_request *request,
			       const struct bench_complaint *complaint)
{
	const char *path = request->path;
	char who[32];

	if (path == NULL) {
		path = load->tree->files[request->file].path;
	}
	snprintf(who, sizeof(who), "user %u", (unsigned int)load->tree->users[request->user].uid);
	bench_loop_complain(load, who, path, complaint);
}

static bool is_due(const struct bench_load *load)
{
	return !load->by_clock || load->pace.due_ns <= load->now_ns;
}

static bool phase_is_over(const struct bench_load *load)
{
	const struct bench_pace *pace = &load->pace;

	if (load->exhausted || load->refused) {
		return true;
	}
	if (load->by_clock) {
		return pace->made >= pace->num || load->now_ns >= pace->stop_ns;
	}
	return load->now_ns >= load->end_ns && load->workload->asked >= load->end_request;
}

static void give_back(struct bench_request *request)
{
	struct bench_load *load = request->load;

	request->next = load->ready;
	load->ready = request;
	load->in_flight--;
}

/* False: the engine has refused it, or there is none. */
static bool submit_next(struct bench_load *load)
{
	struct bench_request *request = load->ready;
	int ret = 0;
	bool more = false;

	more = bench_workload_ask(load->workload, request);
	if (!more) {
		load->exhausted = true;
		return false;
	}
	load->now_ns = bench_now();
	request->start_ns = load->now_ns;
	request->due_ns = load->now_ns;
	if (load->by_clock) {
		request->due_ns = load->pace.due_ns;
		bench_pace_next(&load->pace);
	}
	if (load->in_flight == 0) {
		load->silent_ns = load->now_ns;
	}
	load->ready = request->next;
	load->in_flight++;
	ret = load->engine->submit(load->state, request);
	if (ret != 0) {
		fprintf(stderr,
			"pathring-bench: %s refused a request: %s\n",
			load->engine->name,
			strerror(-ret));
		give_back(request);
		load->refused = true;
		return false;
	}
	return true;
}

/*
 * All that are due and have room, so that an engine can take them together. One that was answered
 * at once ends it, for the run to look around.
 */
static void submit_due(struct bench_load *load)
{
	bool ok = true;

	while (ok && load->ready != NULL && is_due(load) && !phase_is_over(load)) {
		ok = submit_next(load) && load->in_flight > 0;
	}
}

static void take_times(struct bench_load *load, const struct bench_request *request)
{
	struct bench_histogram *times = load->round->times;

	bench_histogram_add(&times[BENCH_LATENCY], load->now_ns - request->due_ns);
	if (load->by_clock) {
		bench_histogram_add(&times[BENCH_SERVICE], load->now_ns - request->start_ns);
		bench_histogram_add(&times[BENCH_SLIP], request->start_ns - request->due_ns);
	}
}

void bench_complete(struct bench_request *request, const struct bench_answer *answer)
{
	struct bench_load *load = request->load;
	struct bench_round *round = load->round;
	struct bench_complaint complaint;
	bool ok = false;

	load->now_ns = bench_now();
	load->answered_ns = load->now_ns;
	load->silent_ns = load->now_ns;
	ok = bench_workload_verify(load->workload, request, answer, &complaint);
	if (!ok) {
		complain_of_answer(load, request, &complaint);
		round->errors++;
	}
	if (load->measuring) {
		take_times(load, request);
		round->ops++;
		if (ok && request->denied) {
			round->denied++;
		}
	}
	give_back(request);

	/*
	 * At once, as clients would: if the answers of a turn were all awaited, fewer than depth
	 * requests would be in flight, and what became due meanwhile would be late. An engine that
	 * answers inside of submit gets its next request from run_phase().
	 */
	if (load->refilling) {
		submit_due(load);
	}
}

static enum bench_load_result turn(struct bench_load *load)
{
	int ret = 0;

	ret = load->engine->turn(load->state);
	if (ret != 0) {
		fprintf(stderr,
			"pathring-bench: %s: %zu requests in flight and the event loop failed: %s\n",
			load->engine->name,
			load->in_flight,
			strerror(-ret));
		return BENCH_LOAD_STUCK;
	}
	load->now_ns = bench_now();
	if (load->in_flight > 0 && load->now_ns > load->silent_ns + STUCK_NS) {
		fprintf(stderr,
			"pathring-bench: %s: none of %zu requests in flight was answered for %llu s\n",
			load->engine->name,
			load->in_flight,
			STUCK_NS / NS_PER_SECOND);
		return BENCH_LOAD_STUCK;
	}
	return BENCH_LOAD_OK;
}

/* For an answer, or until the next request is due, where there is room for it. */
static enum bench_load_result wait_for_work(struct bench_load *load)
{
	if (load->engine->turn == NULL) {
		bench_pace_sleep(&load->pace);
		load->now_ns = bench_now();
		return BENCH_LOAD_OK;
	}
	bench_pace_arm(&load->pace, load->ready != NULL);
	return turn(load);
}

static enum bench_load_result drain(struct bench_load *load)
{
	enum bench_load_result result = BENCH_LOAD_OK;

	bench_pace_arm(&load->pace, false);
	while (load->in_flight > 0 && result == BENCH_LOAD_OK) {
		result = turn(load);
	}
	return result;
}

static enum bench_load_result run_phase(struct bench_load *load)
{
	enum bench_load_result result = BENCH_LOAD_OK;

	load->refilling = load->engine->concurrent;
	while (result == BENCH_LOAD_OK && !phase_is_over(load)) {
		if (bench_signal_caught() != 0) {
			result = BENCH_LOAD_STOPPED;
		} else if (load->ready != NULL && is_due(load)) {
			submit_due(load);
		} else {
			result = wait_for_work(load);
		}
	}
	load->refilling = false;
	if (result == BENCH_LOAD_OK && load->refused) {
		result = BENCH_LOAD_FAILED;
	}

	if (result != BENCH_LOAD_STUCK) {
		enum bench_load_result drained = drain(load);

		if (drained != BENCH_LOAD_OK) {
			result = drained;
		}
	}
	return result;
}

enum bench_load_result
bench_loop_closed(struct bench_load *load, uint64_t duration_ns, uint64_t min_requests)
{
	load->by_clock = false;
	load->now_ns = bench_now();
	load->answered_ns = load->now_ns;
	load->end_ns = load->now_ns + duration_ns;
	load->end_request = load->workload->asked + min_requests;
	return run_phase(load);
}

enum bench_load_result bench_loop_open(struct bench_load *load, uint64_t duration_ns)
{
	enum bench_load_result result = BENCH_LOAD_OK;

	load->by_clock = true;
	load->now_ns = bench_now();
	load->answered_ns = load->now_ns;
	bench_pace_start(&load->pace, load->now_ns, duration_ns);
	result = run_phase(load);
	load->round->unissued = load->pace.num - load->pace.made;
	return result;
}
