/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The closed loop, the clock, and the verdict on each answer.
 */
#include "load.h"

#include "signals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_SECOND 1000000000ULL

/* Long enough for every user's identity to be known and the caches to be filled. */
#define WARM_UP_NS (NS_PER_SECOND / 10)

/* A request that takes longer than this counts as lost. */
#define STUCK_NS (60 * NS_PER_SECOND)

/* Wrong answers that are described in full, over the whole run. */
#define MAX_COMPLAINTS 10

struct bench_load {
	const struct bench_tree *tree;
	const struct bench_engine *engine;
	struct bench_workload *workload;
	void *state;
	struct bench_request *ready; /* not in flight */
	size_t in_flight;
	uint64_t last_ns; /* when the last answer came */
	uint64_t end_ns;  /* of the phase: both must be reached */
	uint64_t end_request;
	bool refilling; /* an answer makes the next request */
	bool refused;	/* the engine has refused one, which was said */
	bool exhausted; /* there is no further request */
	bool measuring;
	struct bench_round *round;
};

uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

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

static void complain(const struct bench_load *load,
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
	complain(load, who, path, complaint);
}

static void give_back(struct bench_request *request)
{
	struct bench_load *load = request->load;

	request->next = load->ready;
	load->ready = request;
	load->in_flight--;
}

static bool submit_next(struct bench_load *load);

static bool phase_is_over(const struct bench_load *load)
{
	if (load->exhausted) {
		return true;
	}
	return load->last_ns >= load->end_ns && load->workload->asked >= load->end_request;
}

void bench_complete(struct bench_request *request, const struct bench_answer *answer)
{
	struct bench_load *load = request->load;
	struct bench_round *round = load->round;
	struct bench_complaint complaint;
	bool ok = false;

	load->last_ns = bench_now();
	ok = bench_workload_verify(load->workload, request, answer, &complaint);
	if (!ok) {
		complain_of_answer(load, request, &complaint);
		round->errors++;
	}
	if (load->measuring) {
		bench_histogram_add(&round->latency, load->last_ns - request->start_ns);
		round->ops++;
		if (ok && request->denied) {
			round->denied++;
		}
	}
	give_back(request);

	/*
	 * At once, as a client would: one that waited for all answers of a turn would have fewer
	 * than depth requests in flight. An engine that answers inside of submit gets its next
	 * request from run_phase().
	 */
	if (load->refilling && !phase_is_over(load)) {
		load->refilling = submit_next(load);
	}
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
	load->ready = request->next;
	load->in_flight++;
	request->start_ns = bench_now();
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

static enum bench_load_result turn(struct bench_load *load)
{
	uint64_t now = 0;
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
	now = bench_now();
	if (now > load->last_ns + STUCK_NS) {
		fprintf(stderr,
			"pathring-bench: %s: none of %zu requests in flight was answered for %llu s\n",
			load->engine->name,
			load->in_flight,
			STUCK_NS / NS_PER_SECOND);
		return BENCH_LOAD_STUCK;
	}
	return BENCH_LOAD_OK;
}

static enum bench_load_result drain(struct bench_load *load)
{
	enum bench_load_result result = BENCH_LOAD_OK;

	while (load->in_flight > 0 && result == BENCH_LOAD_OK) {
		result = turn(load);
	}
	return result;
}

/*
 * Until both the time is over and the number of requests is reached; all are answered at the end.
 */
static enum bench_load_result
run_phase(struct bench_load *load, uint64_t duration_ns, uint64_t min_requests)
{
	enum bench_load_result result = BENCH_LOAD_OK;

	load->last_ns = bench_now();
	load->end_ns = load->last_ns + duration_ns;
	load->end_request = load->workload->asked + min_requests;
	load->refilling = load->engine->concurrent;
	while (result == BENCH_LOAD_OK) {
		if (bench_signal_caught() != 0) {
			result = BENCH_LOAD_STOPPED;
			break;
		}
		if (load->refused) {
			result = BENCH_LOAD_FAILED;
			break;
		}
		if (phase_is_over(load)) {
			break;
		}
		if (load->ready == NULL) {
			result = turn(load);
			continue;
		}
		/*
		 * All that are ready in one turn of the loop, so that an engine can take them
		 * together.
		 */
		do {
			bool ok = submit_next(load);

			if (!ok) {
				break;
			}
		} while (load->ready != NULL && load->in_flight > 0 && !phase_is_over(load));
	}

	load->refilling = false;
	if (result != BENCH_LOAD_STUCK) {
		enum bench_load_result drained = drain(load);

		if (drained != BENCH_LOAD_OK) {
			result = drained;
		}
	}
	return result;
}

static enum bench_load_result measure(struct bench_load *load, uint64_t duration_ns)
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

	result = run_phase(load, duration_ns, 1);

	round->elapsed_ns = load->last_ns - start_ns;
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
		complain(load, "after it", which, &complaint);
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
	};
	/* Cold, warming up is only for the engine: it knows each user then. */
	uint64_t warm_up_ns = plan->traffic->cold ? 0 : WARM_UP_NS;
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

	result = run_phase(load, warm_up_ns, target.num_users);
	if (result == BENCH_LOAD_OK) {
		result = measure(load, plan->duration_ns);
	}
	if (result != BENCH_LOAD_STUCK) {
		load->engine->close(load->state);
		check_effects(load);
	}
	return result;
}

enum bench_load_result bench_load_run(const struct bench_tree *tree,
				      const struct bench_engine *engine,
				      const struct bench_plan *plan,
				      struct bench_round *round)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct bench_load load = { .tree = tree, .engine = engine, .round = round };
	size_t concurrency = engine->concurrent ? plan->point.depth : 1;
	struct bench_request *requests = NULL;
	enum bench_load_result result = BENCH_LOAD_FAILED;
	char *why = NULL;
	size_t i = 0;
	bool ok = false;

	*round = (struct bench_round) { .ops = 0 };
	bench_histogram_clear(&round->latency);

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
		fprintf(stderr, "pathring-bench: %s\n", why != NULL ? why : "out of memory");
		goto done;
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
done:
	/* What is stuck may still be written to. */
	if (result != BENCH_LOAD_STUCK) {
		talloc_free(mem_ctx);
	}
	return result;
}
