/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the options that are lists: of operations, engines, depths and rates.
 */
#include "choose.h"

#include "command_line.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is read from a list while it is being read. */
struct reader {
	struct bench_options *options;
	const char *mix;	    /* what --mix says, or NULL */
	struct bench_share *shares; /* of --mix */
	size_t num_shares;
	struct bench_mix *mixes;
	size_t *depths;
	size_t num_depths;
	double *rates;
	size_t num_rates;
};

/* ---- what is measured ---- */

char *bench_append_operations(char *text)
{
	size_t i = 0;

	for (i = 0; i < BENCH_NUM_KINDS; i++) {
		text = talloc_asprintf_append(text, " %s", bench_operations[i]->name);
	}
	return talloc_asprintf_append(text, " mix");
}

char *bench_append_engines(char *text)
{
	size_t i = 0;

	for (i = 0; bench_engines[i] != NULL; i++) {
		if (bench_engine_absent(bench_engines[i]) == NULL) {
			text = talloc_asprintf_append(text, " %s", bench_engines[i]->name);
		}
	}
	return text;
}

static void refuse_operation(const char *option, const char *name)
{
	char *names = bench_append_operations(talloc_strdup(NULL, "unknown operation; there are:"));

	bench_refuse(option, name, names != NULL ? names : "unknown operation");
	talloc_free(names);
}

/* "NAME=WEIGHT" */
static bool add_share(void *private_data, const char *part)
{
	struct reader *reader = private_data;
	const char *equals = strchr(part, '=');
	const struct bench_operation *operation = NULL;
	size_t weight = 0;
	char *name = NULL;
	size_t i = 0;
	bool ok = false;

	if (equals == NULL) {
		bench_refuse("--mix", part, "expected OPERATION=WEIGHT");
		return false;
	}
	name = talloc_strndup(reader->options, part, (size_t)(equals - part));
	operation = name != NULL ? bench_operation_by_name(name) : NULL;
	if (operation == NULL) {
		refuse_operation("--mix", name != NULL ? name : part);
		return false;
	}
	ok = bench_parse_number("--mix", equals + 1, 1, BENCH_MAX_WEIGHT, &weight);
	if (!ok) {
		return false;
	}
	for (i = 0; i < reader->num_shares; i++) {
		if (reader->shares[i].operation == operation) {
			bench_refuse("--mix", name, "given twice");
			return false;
		}
	}
	reader->shares = talloc_realloc(
		reader->options, reader->shares, struct bench_share, reader->num_shares + 1);
	if (reader->shares == NULL) {
		bench_refuse_memory();
		return false;
	}
	reader->shares[reader->num_shares] =
		(struct bench_share) { .operation = operation, .weight = weight };
	reader->num_shares++;
	return true;
}

static bool append_mix(struct reader *reader, const struct bench_mix *mix)
{
	struct bench_options *options = reader->options;
	size_t i = 0;

	for (i = 0; i < options->num_mixes; i++) {
		if (strcmp(reader->mixes[i].name, mix->name) == 0) {
			bench_refuse("--op", mix->name, "given twice");
			return false;
		}
	}
	reader->mixes =
		talloc_realloc(options, reader->mixes, struct bench_mix, options->num_mixes + 1);
	if (reader->mixes == NULL) {
		bench_refuse_memory();
		return false;
	}
	reader->mixes[options->num_mixes] = *mix;
	options->mixes = reader->mixes;
	options->num_mixes++;
	return true;
}

static bool add_operation(void *private_data, const char *name)
{
	struct reader *reader = private_data;
	const struct bench_operation *operation = bench_operation_by_name(name);
	struct bench_mix mix = { .name = "mix", .shares = reader->shares };
	struct bench_share *share = NULL;

	if (strcmp(name, "mix") == 0) {
		if (reader->shares == NULL) {
			bench_refuse(
				"--op", name, "say what is in it by --mix OPERATION=WEIGHT,...");
			return false;
		}
		mix.num_shares = reader->num_shares;
		mix.summary = reader->mix;
		return append_mix(reader, &mix);
	}
	if (operation == NULL) {
		refuse_operation("--op", name);
		return false;
	}
	share = talloc(reader->options, struct bench_share);
	if (share == NULL) {
		bench_refuse_memory();
		return false;
	}
	*share = (struct bench_share) { .operation = operation, .weight = 1 };
	mix = (struct bench_mix) {
		.name = operation->name,
		.summary = operation->summary,
		.shares = share,
		.num_shares = 1,
	};
	return append_mix(reader, &mix);
}

bool bench_choose_mixes(struct bench_options *options, const char *names, const char *mix)
{
	struct reader reader = { .options = options, .mix = mix };
	bool measured = mix == NULL;
	size_t i = 0;
	bool ok = true;

	if (mix != NULL) {
		ok = bench_parse_list(options, mix, add_share, &reader);
	}
	ok = ok && bench_parse_list(options, names, add_operation, &reader);
	for (i = 0; i < options->num_mixes; i++) {
		measured = measured || strcmp(options->mixes[i].name, "mix") == 0;
	}
	if (ok && !measured) {
		bench_refuse("--mix", mix, "given, but 'mix' is not among the operations of --op");
		return false;
	}
	return ok;
}

/* ---- by which engines ---- */

static const struct bench_engine *parse_engine(const char *option, const char *name)
{
	const struct bench_engine *engine = bench_engine_by_name(name);
	const char *absent = engine != NULL ? bench_engine_absent(engine) : NULL;
	char *names = NULL;

	if (absent != NULL) {
		bench_refuse(option, name, absent);
		return NULL;
	}
	if (engine != NULL) {
		return engine;
	}
	names = bench_append_engines(talloc_strdup(NULL, "unknown engine; there are:"));
	bench_refuse(option, name, names != NULL ? names : "unknown engine");
	talloc_free(names);
	return NULL;
}

static bool has_engine(const struct bench_engine **engines,
		       size_t num_engines,
		       const struct bench_engine *engine)
{
	size_t i = 0;

	for (i = 0; i < num_engines; i++) {
		if (engines[i] == engine) {
			return true;
		}
	}
	return false;
}

static bool append_engine(struct bench_options *options,
			  const char *option,
			  const struct bench_engine ***engines,
			  size_t *num_engines,
			  const struct bench_engine *engine)
{
	const struct bench_engine **longer = NULL;

	if (has_engine(*engines, *num_engines, engine)) {
		bench_refuse(option, engine->name, "given twice");
		return false;
	}
	longer = talloc_realloc(options, *engines, const struct bench_engine *, *num_engines + 1);
	if (longer == NULL) {
		bench_refuse_memory();
		return false;
	}
	longer[*num_engines] = engine;
	*engines = longer;
	*num_engines += 1;
	return true;
}

static bool add_engine(void *private_data, const char *name)
{
	struct reader *reader = private_data;
	struct bench_options *options = reader->options;
	const struct bench_engine *engine = parse_engine("--engine", name);

	return engine != NULL &&
	       append_engine(options, "--engine", &options->engines, &options->num_engines, engine);
}

static bool add_baseline(void *private_data, const char *name)
{
	struct reader *reader = private_data;
	struct bench_options *options = reader->options;
	const struct bench_engine *engine = parse_engine("--baseline", name);

	if (engine == NULL) {
		return false;
	}
	if (!has_engine(options->engines, options->num_engines, engine)) {
		bench_refuse("--baseline", name, "not among the engines that run");
		return false;
	}
	return append_engine(
		options, "--baseline", &options->baselines, &options->num_baselines, engine);
}

bool bench_choose_baselines(struct bench_options *options, const char *names)
{
	const struct bench_engine *const candidates[] = { &bench_engine_smbd, &bench_engine_raw };
	struct reader reader = { .options = options };
	size_t i = 0;

	if (names != NULL) {
		return bench_parse_list(options, names, add_baseline, &reader);
	}
	for (i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		if (has_engine(options->engines, options->num_engines, candidates[i])) {
			return append_engine(options,
					     "--baseline",
					     &options->baselines,
					     &options->num_baselines,
					     candidates[i]);
		}
	}
	return true;
}

/* At least one of them has it. */
static bool can_measure(const struct bench_options *options, const struct bench_mix *mix)
{
	size_t i = 0;

	for (i = 0; i < options->num_engines; i++) {
		if (bench_engine_lacks(options->engines[i], mix) == NULL) {
			return true;
		}
	}
	bench_refuse("--op", mix->name, "none of the engines has it");
	return false;
}

bool bench_choose_engines(struct bench_options *options, const char *names)
{
	struct reader reader = { .options = options };
	size_t i = 0;
	bool ok = bench_parse_list(options, names, add_engine, &reader);

	for (i = 0; ok && i < options->num_mixes; i++) {
		ok = can_measure(options, &options->mixes[i]);
	}
	return ok;
}

/* ---- at which loads ---- */

static bool add_depth(void *private_data, const char *text)
{
	struct reader *reader = private_data;
	size_t depth = 0;
	size_t i = 0;
	bool ok = bench_parse_number("--depth", text, 1, BENCH_MAX_DEPTH, &depth);

	for (i = 0; ok && i < reader->num_depths; i++) {
		if (reader->depths[i] == depth) {
			bench_refuse("--depth", text, "given twice");
			return false;
		}
	}
	if (!ok) {
		return false;
	}
	reader->depths =
		talloc_realloc(reader->options, reader->depths, size_t, reader->num_depths + 1);
	if (reader->depths == NULL) {
		bench_refuse_memory();
		return false;
	}
	reader->depths[reader->num_depths] = depth;
	reader->num_depths++;
	return true;
}

static bool append_rate(struct reader *reader, double rate)
{
	reader->rates =
		talloc_realloc(reader->options, reader->rates, double, reader->num_rates + 1);
	if (reader->rates == NULL) {
		bench_refuse_memory();
		return false;
	}
	reader->rates[reader->num_rates] = rate;
	reader->num_rates++;
	return true;
}

static bool add_rate(void *private_data, const char *text)
{
	struct reader *reader = private_data;
	double rate = 0;
	size_t i = 0;
	bool ok = bench_parse_real("--rate", text, 0.1, BENCH_MAX_RATE, &rate);

	for (i = 0; ok && i < reader->num_rates; i++) {
		if (reader->rates[i] == rate) {
			bench_refuse("--rate", text, "given twice");
			return false;
		}
	}
	return ok && append_rate(reader, rate);
}

/* "FROM:TO:STEPS": as many rates, each the same multiple of the one before. */
static bool add_sweep(struct reader *reader, const char *text)
{
	char *from = talloc_strdup(reader->options, text);
	char *to = from != NULL ? strchr(from, ':') : NULL;
	char *steps = to != NULL ? strchr(to + 1, ':') : NULL;
	double first = 0;
	double last = 0;
	size_t num = 0;
	size_t i = 0;
	bool ok = false;

	if (steps == NULL) {
		bench_refuse("--rate-sweep", text, "expected FROM:TO:STEPS");
		return false;
	}
	*to = '\0';
	*steps = '\0';
	ok = bench_parse_real("--rate-sweep", from, 0.1, BENCH_MAX_RATE, &first) &&
	     bench_parse_real("--rate-sweep", to + 1, 0.1, BENCH_MAX_RATE, &last) &&
	     bench_parse_number("--rate-sweep", steps + 1, 2, BENCH_MAX_RATES, &num);
	if (ok && first >= last) {
		bench_refuse("--rate-sweep", text, "the first rate must be below the last");
		return false;
	}
	for (i = 0; ok && i < num; i++) {
		ok = append_rate(reader,
				 round(first * pow(last / first, (double)i / (double)(num - 1))));
	}
	return ok;
}

bool bench_choose_points(struct bench_options *options,
			 const char *depths,
			 const char *rates,
			 const char *sweep)
{
	struct reader reader = { .options = options };
	bool open = rates != NULL || sweep != NULL;
	size_t num_rates = 0;
	size_t i = 0;
	bool ok = bench_parse_list(options, depths, add_depth, &reader);

	if (rates != NULL && sweep != NULL) {
		bench_refuse("--rate-sweep", sweep, "not together with --rate");
		return false;
	}
	if (rates != NULL) {
		ok = ok && bench_parse_list(options, rates, add_rate, &reader);
	}
	if (sweep != NULL) {
		ok = ok && add_sweep(&reader, sweep);
	}
	if (!ok) {
		return false;
	}

	num_rates = open ? reader.num_rates : 1;
	options->num_points = reader.num_depths * num_rates;
	options->points = talloc_array(options, struct bench_point, options->num_points);
	if (options->points == NULL) {
		bench_refuse_memory();
		return false;
	}
	for (i = 0; i < options->num_points; i++) {
		options->points[i] = (struct bench_point) {
			.depth = reader.depths[i / num_rates],
			.rate = open ? reader.rates[i % num_rates] : 0,
		};
	}
	return true;
}
