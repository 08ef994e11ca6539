/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts and keeps what a replay measures. How many kinds of outcomes it tells apart is bounded,
 * because a trace may have any status and reason in it.
 */
#include "round.h"

#include <string.h>

struct replay_results *replay_results_create(TALLOC_CTX *mem_ctx)
{
	struct replay_results *results = talloc_zero(mem_ctx, struct replay_results);

	if (results == NULL) {
		return NULL;
	}
	results->reasons[0] = "";
	results->num_reasons = 1;
	replay_series_init(&results->recorded_series);
	return results;
}

/* Without memory nothing is kept any more, and the report says so. */
static struct replay_round *current_round(const struct replay_results *results)
{
	return results->failed || results->num_rounds == 0
		       ? NULL
		       : results->rounds[results->num_rounds - 1];
}

void replay_results_begin_round(struct replay_results *results, const char *engine)
{
	struct replay_round **longer = NULL;
	struct replay_round *round = NULL;

	longer = talloc_realloc(
		results, results->rounds, struct replay_round *, results->num_rounds + 1);
	if (longer != NULL) {
		results->rounds = longer;
		round = talloc_zero(results, struct replay_round);
	}
	if (round != NULL) {
		round->engine = talloc_strdup(round, engine);
	}
	if (round == NULL || round->engine == NULL) {
		results->failed = true;
		return;
	}
	bench_histogram_clear(&round->slip);
	replay_series_init(&round->series);
	results->rounds[results->num_rounds] = round;
	results->num_rounds++;
	bench_noise_begin(&results->noise);
}

static char *copy_of(struct replay_results *results, const char *text)
{
	char *copy = text != NULL ? talloc_strdup(results, text) : NULL;

	results->failed = results->failed || (text != NULL && copy == NULL);
	return copy;
}

static void add_stats(struct pathring_stats *sum, const struct pathring_stats *stats)
{
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		for (j = 0; j < PATHRING_NUM_PLACEMENTS; j++) {
			sum->operation[i].placed[j] += stats->operation[i].placed[j];
		}
	}
	sum->submissions += stats->submissions;
	sum->enters += stats->enters;
	sum->fallbacks += stats->fallbacks;
	sum->switches += stats->switches;
}

void replay_results_set_engine(struct replay_results *results,
			       const char *backend,
			       const struct pathring_stats *stats)
{
	struct replay_round *round = current_round(results);

	if (round == NULL) {
		return;
	}
	if (backend != NULL && round->backend == NULL) {
		round->backend = copy_of(results, backend);
	}
	if (stats != NULL && round->stats == NULL) {
		round->stats = talloc_zero(round, struct pathring_stats);
		results->failed = results->failed || round->stats == NULL;
	}
	if (stats != NULL && round->stats != NULL) {
		add_stats(round->stats, stats);
	}
}

void replay_results_end_round(struct replay_results *results, uint64_t wall_ns, uint64_t cpu_ns)
{
	struct replay_round *round = current_round(results);

	if (round == NULL) {
		return;
	}
	bench_noise_end(&results->noise);
	round->wall_ns = wall_ns;
	round->cpu_ns = cpu_ns;
	round->ended = true;
}

/* By their text: those of a trace are gone with its line. */
static size_t number_of_reason(struct replay_results *results, const char *text)
{
	size_t i = 0;

	if (text == NULL) {
		return 0;
	}
	for (i = 1; i < results->num_reasons && i <= REPLAY_MAX_REASONS; i++) {
		if (strcmp(results->reasons[i], text) == 0) {
			return i;
		}
	}
	if (i <= REPLAY_MAX_REASONS) {
		results->reasons[i] = talloc_strdup(results, text);
		if (results->reasons[i] == NULL) {
			results->reasons[i] = "";
			results->failed = true;
		}
	} else {
		results->reasons[i] = "other reasons";
	}
	results->num_reasons = i + 1;
	return i;
}

static bool is_same_ending(const struct replay_ending *a, const struct replay_ending *b)
{
	return a->command == b->command && a->fate == b->fate && a->verdict == b->verdict &&
	       a->answered == b->answered && a->recorded == b->recorded &&
	       a->replayed == b->replayed && a->reason == b->reason;
}

static size_t place_of(const struct replay_ending *ending)
{
	uint64_t mixed = ((uint64_t)ending->recorded << 32 | ending->replayed) ^
			 ((uint64_t)ending->command << 48 | (uint64_t)ending->reason << 16 |
			  (uint64_t)ending->fate << 8 | (uint64_t)ending->verdict << 4 |
			  (uint64_t)ending->answered);

	/* 2^64 divided by the golden ratio. */
	return (size_t)(mixed * 0x9e3779b97f4a7c15ULL >> 52);
}

_Static_assert(4 * REPLAY_MAX_ENDINGS == 1 << 12, "place_of() takes 12 bits");

/* NULL when there are too many. At most a quarter of the places is taken, so the search ends. */
static struct replay_ending *find_ending(struct replay_round *round,
					 const struct replay_ending *like)
{
	size_t place = place_of(like);

	while (round->places[place] != 0) {
		struct replay_ending *ending = &round->endings[round->places[place] - 1];

		if (is_same_ending(ending, like)) {
			return ending;
		}
		place = (place + 1) % (4 * REPLAY_MAX_ENDINGS);
	}
	if (round->num_endings == REPLAY_MAX_ENDINGS) {
		return NULL;
	}
	round->endings[round->num_endings] = *like;
	round->num_endings++;
	round->places[place] = (uint16_t)round->num_endings;
	return &round->endings[round->num_endings - 1];
}

static void add_example(struct replay_results *results,
			struct replay_ending *ending,
			const struct replay_outcome *outcome)
{
	struct replay_example *example = &ending->examples[ending->num_examples];

	example->id = outcome->request->id;
	example->session = outcome->request->session;
	example->path =
		copy_of(results, outcome->path != NULL ? outcome->path : outcome->request->path);
	example->user = copy_of(results, outcome->user);
	ending->num_examples++;
}

static void add_to_ending(struct replay_results *results,
			  struct replay_round *round,
			  const struct replay_outcome *outcome,
			  enum replay_verdict verdict)
{
	const struct replay_request *request = outcome->request;
	bool replayed = outcome->fate == REPLAY_REPLAYED;
	struct replay_ending like = {
		.command = request->command,
		.fate = outcome->fate,
		.verdict = verdict,
	};
	struct replay_ending *ending = NULL;

	if (replayed) {
		like.answered = (request->present & REPLAY_HAS_STATUS) != 0;
		like.recorded = like.answered ? request->status : 0;
		like.replayed = outcome->status;
	}
	if (!replayed || verdict == REPLAY_EXPLAINED) {
		like.reason =
			number_of_reason(results, replayed ? outcome->explained : outcome->reason);
	}
	ending = find_ending(round, &like);
	if (ending == NULL) {
		round->unlisted++;
		return;
	}
	ending->count++;
	if (ending->num_examples < REPLAY_MAX_EXAMPLES && (!replayed || verdict != REPLAY_SAME)) {
		add_example(results, ending, outcome);
	}
}

static void
account(struct replay_account *account, enum replay_fate fate, enum replay_verdict verdict)
{
	account->fates[fate]++;
	account->mismatched += verdict == REPLAY_DIFFERENT;
	account->explained += verdict == REPLAY_EXPLAINED;
}

/* Made when it is first needed: most commands and operations never are, and it is 59 kB. */
static void
add_time(struct replay_results *results, struct bench_histogram **histogram, uint64_t duration)
{
	if (*histogram == NULL) {
		*histogram = talloc(results, struct bench_histogram);
		if (*histogram == NULL) {
			results->failed = true;
			return;
		}
		bench_histogram_clear(*histogram);
	}
	bench_histogram_add(*histogram, duration);
}

static void add_replayed(struct replay_results *results,
			 struct replay_round *round,
			 const struct replay_outcome *outcome)
{
	enum replay_command command = outcome->request->command;
	uint64_t before = outcome->service_ns + outcome->slip_ns;

	add_time(results, &round->commands[command].service, outcome->service_ns);
	bench_histogram_add(&round->slip, outcome->slip_ns);
	replay_series_add_due(&round->series,
			      outcome->finished_ns > before ? outcome->finished_ns - before : 0);
	replay_series_add_finished(&round->series, outcome->finished_ns, outcome->service_ns);
}

/* Of what is replayed only, as the replay's own. */
static void add_recorded(struct replay_results *results, const struct replay_request *request)
{
	if (request->present & REPLAY_HAS_DURATION) {
		add_time(results, &results->recorded[request->command], request->duration);
	}
	if (request->present & REPLAY_HAS_TIME) {
		replay_series_add_due(&results->recorded_series, request->time);
	}
}

void replay_results_add(struct replay_results *results, const struct replay_outcome *outcome)
{
	struct replay_round *round = current_round(results);
	const struct replay_request *request = outcome->request;
	bool replayed = outcome->fate == REPLAY_REPLAYED;
	enum replay_verdict verdict = REPLAY_SAME;

	if (round == NULL) {
		return;
	}
	if (replayed && outcome->mismatched) {
		verdict = REPLAY_DIFFERENT;
	} else if (replayed && outcome->explained != NULL) {
		verdict = REPLAY_EXPLAINED;
	}
	account(&round->account, outcome->fate, verdict);
	account(&round->commands[request->command].account, outcome->fate, verdict);
	add_to_ending(results, round, outcome, verdict);
	if (replayed) {
		add_replayed(results, round, outcome);
		if (results->num_rounds == 1) {
			add_recorded(results, request);
		}
	}
}

void replay_results_add_operation(struct replay_results *results,
				  enum pathring_operation operation,
				  uint64_t duration_ns,
				  ssize_t result)
{
	struct replay_round *round = current_round(results);

	if (round == NULL) {
		return;
	}
	add_time(results, &round->operations[operation].duration, duration_ns);
	if (result < 0) {
		uint64_t *errors = round->operations[operation].errors;

		errors[result > -REPLAY_MAX_ERROR ? -result : 0]++;
	}
}
