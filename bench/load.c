/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One engine for one round: it is opened, warmed up, measured and closed, and what it cost is
 * taken.
 */
#include "loop.h"
#include "signals.h"
#include "system_calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000ULL

/* Long enough for every user's identity to be known and the caches to be filled. */
#define WARM_UP_NS (NS_PER_SECOND / 10)

static uint64_t cpu_now(void)
{
	struct timespec ts;

	/*
	 * The same sum as getrusage(RUSAGE_SELF), exited and kernel workers included, but in
	 * nanoseconds.
	 */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

static uint64_t context_switches_now(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
}

/*
 * The caches and the engine get to know every user first, whatever the rate; then the engine what
 * it is to do with such a load. Cold, only each user is made known. Never longer than what is
 * measured.
 */
static enum bench_load_result warm_up(struct bench_load *load, const struct bench_plan *plan)
{
	uint64_t longest_ns = plan->duration_ns < WARM_UP_NS ? plan->duration_ns : WARM_UP_NS;
	uint64_t duration_ns = plan->traffic->cold ? 0 : longest_ns;
	bool open = plan->point.rate > 0;
	enum bench_load_result result = BENCH_LOAD_OK;

	result = bench_loop_closed(load, open ? 0 : duration_ns, load->tree->num_users);
	if (result == BENCH_LOAD_OK && open &&
	    plan->point.rate * (double)longest_ns >= NS_PER_SECOND) {
		result = bench_loop_open(load, longest_ns);
	}
	return result;
}

/*
 * Until the last answer; in an open loop at least for as long as requests were offered, or one that
 * is answered quickly would seem to come from a faster clock.
 */
static uint64_t measured_until(const struct bench_load *load)
{
	uint64_t end_ns = load->answered_ns;

	if (load->by_clock && bench_pace_end(&load->pace) > end_ns) {
		end_ns = bench_pace_end(&load->pace);
	}
	return end_ns;
}

static enum bench_load_result measure(struct bench_load *load, const struct bench_plan *plan)
{
	struct bench_round *round = load->round;
	struct bench_account before;
	uint64_t start_ns = 0;
	uint64_t cpu_ns = 0;
	uint64_t switches = 0;
	size_t i = 0;
	enum bench_load_result result = BENCH_LOAD_OK;

	load->engine->account(load->state, &before);
	load->measuring = true;
	switches = context_switches_now();
	cpu_ns = cpu_now();
	start_ns = bench_now();
	if (load->calls_fd != -1) {
		bench_system_calls_start(load->calls_fd);
	}

	if (plan->point.rate > 0) {
		result = bench_loop_open(load, plan->duration_ns);
	} else {
		result = bench_loop_closed(load, plan->duration_ns, 1);
	}

	if (load->calls_fd != -1) {
		round->system_calls = bench_system_calls_stop(load->calls_fd) - load->pace.calls;
	}
	round->elapsed_ns = measured_until(load) - start_ns;
	round->cpu_ns = cpu_now() - cpu_ns;
	round->context_switches = context_switches_now() - switches;
	load->measuring = false;

	load->engine->account(load->state, &round->account);
	for (i = 0; i < BENCH_NUM_PLACEMENTS; i++) {
		round->account.placed[i] -= before.placed[i];
	}
	round->account.submissions -= before.submissions;
	round->account.enters -= before.enters;
	round->account.fallbacks -= before.fallbacks;
	round->account.switches -= before.switches;
	return result;
}

/* What was answered as done, is it? */
static void check_effects(struct bench_load *load)
{
	struct bench_complaint complaint;
	char which[32];
	size_t index = 0;
	bool wrong = false;

	wrong = bench_workload_next_wrong(load->workload, &index, &complaint);
	while (wrong) {
		snprintf(which, sizeof(which), "number %zu", index);
		bench_loop_complain(load, "after it", which, &complaint);
		load->round->errors++;
		wrong = bench_workload_next_wrong(load->workload, &index, &complaint);
	}
}

static enum bench_load_result
run_engine(struct bench_load *load, TALLOC_CTX *mem_ctx, const struct bench_plan *plan)
{
	struct bench_target target = {
		.descriptors = load->workload->descriptors,
		.num_descriptors = load->workload->num_descriptors,
		.users = load->tree->users,
		.num_users = load->tree->num_users,
		.self = load->tree->self,
		.settings = plan->settings,
		.wake_fd = load->pace.timer_fd,
	};
	enum bench_load_result result = BENCH_LOAD_OK;
	char *why = NULL;
	bool ok = false;

	memcpy(target.kinds, load->workload->kinds, sizeof(target.kinds));
	ok = load->engine->open(
		mem_ctx, load->engine, &target, plan->point.depth, &load->state, &why);
	if (!ok) {
		fprintf(stderr,
			"pathring-bench: engine %s cannot run: %s\n",
			load->engine->name,
			why != NULL ? why : "out of memory");
		return BENCH_LOAD_FAILED;
	}
	if (load->engine->backend != NULL) {
		load->round->backend = load->engine->backend(load->state);
	}

	result = warm_up(load, plan);
	if (result == BENCH_LOAD_OK) {
		result = measure(load, plan);
	}
	if (result != BENCH_LOAD_STUCK) {
		load->engine->close(load->state);
		check_effects(load);
	}
	return result;
}

static enum bench_load_result run_by_itself(TALLOC_CTX *mem_ctx,
					    const struct bench_tree *tree,
					    const struct bench_engine *engine,
					    const struct bench_plan *plan,
					    struct bench_round *round)
{
	char *why = NULL;
	bool ok = engine->run(mem_ctx, tree, plan, round, &why);

	if (ok) {
		return BENCH_LOAD_OK;
	}
	if (bench_signal_caught() != 0) {
		return BENCH_LOAD_STOPPED;
	}
	fprintf(stderr,
		"pathring-bench: engine %s cannot run: %s\n",
		engine->name,
		why != NULL ? why : "out of memory");
	return BENCH_LOAD_FAILED;
}

enum bench_load_result bench_load_run(const struct bench_tree *tree,
				      const struct bench_engine *engine,
				      const struct bench_plan *plan,
				      struct bench_round *round)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct bench_load load = {
		.tree = tree,
		.engine = engine,
		.round = round,
		.calls_fd = -1,
	};
	size_t concurrency = engine->concurrent ? plan->point.depth : 1;
	struct bench_request *requests = NULL;
	enum bench_load_result result = BENCH_LOAD_FAILED;
	char *why = NULL;
	size_t i = 0;
	bool ok = false;

	*round = (struct bench_round) { .ops = 0 };
	for (i = 0; i < BENCH_NUM_TIMES; i++) {
		bench_histogram_clear(&round->times[i]);
	}
	if (engine->run != NULL) {
		result = run_by_itself(mem_ctx, tree, engine, plan, round);
		talloc_free(mem_ctx);
		return result;
	}
	ok = bench_pace_open(&load.pace, plan->point.rate);
	if (!ok) {
		fprintf(stderr, "pathring-bench: cannot make a timer: %s\n", strerror(errno));
		goto done;
	}

	/* Before the engine is opened, whose threads are to be counted. */
	if (plan->count_calls) {
		load.calls_fd = bench_system_calls_open(mem_ctx, &why);
		if (load.calls_fd == -1) {
			goto fail;
		}
	}
	requests = talloc_zero_array(mem_ctx, struct bench_request, concurrency);
	if (requests != NULL) {
		load.workload = bench_workload_open(mem_ctx,
						    tree,
						    plan->mix,
						    plan->traffic,
						    engine->identity,
						    concurrency,
						    &why);
	}
	if (load.workload == NULL) {
		goto fail;
	}
	for (i = 0; i < concurrency; i++) {
		requests[i].load = &load;
		requests[i].number = i;
		requests[i].next = load.ready;
		load.ready = &requests[i];
	}

	result = run_engine(&load, mem_ctx, plan);
	if (result != BENCH_LOAD_STUCK) {
		ok = bench_workload_close(load.workload);
		if (!ok && result == BENCH_LOAD_OK) {
			result = BENCH_LOAD_FAILED;
		}
	}
	goto done;
fail:
	fprintf(stderr, "pathring-bench: %s\n", why != NULL ? why : "out of memory");
done:
	/* What is stuck may still be written to. */
	if (result != BENCH_LOAD_STUCK) {
		if (load.calls_fd != -1) {
			close(load.calls_fd);
		}
		bench_pace_close(&load.pace);
		talloc_free(mem_ctx);
	}
	return result;
}
