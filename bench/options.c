/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of a run. Everything wrong with them is found here, before anything is created.
 */
#include "options.h"

#include "command_line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may be in flight at a time when requests are made by the clock. */
#define DEFAULT_OPEN_DEPTH "256"

enum option {
	OPTION_OPERATIONS = 1,
	OPTION_MIX,
	OPTION_ENGINES,
	OPTION_DEPTHS,
	OPTION_RATES,
	OPTION_RATE_SWEEP,
	OPTION_USERS,
	OPTION_USER_ORDER,
	OPTION_IDENTITIES,
	OPTION_UID_BASE,
	OPTION_FILES,
	OPTION_ENTRIES,
	OPTION_DEEP,
	OPTION_FORBIDDEN,
	OPTION_MISSING,
	OPTION_SECONDS,
	OPTION_REPEAT,
	OPTION_COLD,
	OPTION_BETWEEN,
	OPTION_DIR,
	OPTION_MAX_WORKERS,
	OPTION_BASELINES,
	OPTION_JSON,
	OPTION_CSV,
	OPTION_HGRM,
	OPTION_PLOT,
	OPTION_VERSION,
	NUM_OPTIONS
};

/* What is read from a list while it is being read. */
struct reader {
	struct bench_options *options;
	const struct bench_arguments *arguments;
	struct bench_share *shares; /* of --mix */
	size_t num_shares;
	struct bench_mix *mixes;
	size_t *depths;
	size_t num_depths;
	double *rates;
	size_t num_rates;
};

/* ---- what is measured ---- */

static void refuse_operation(const char *option, const char *name)
{
	char *names = talloc_strdup(NULL, "unknown operation; there are:");
	size_t i = 0;

	for (i = 0; i < BENCH_NUM_KINDS; i++) {
		names = talloc_asprintf_append(names, " %s", bench_operations[i]->name);
	}
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
		mix.summary = bench_argument(reader->arguments, OPTION_MIX, "");
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

static bool choose_operations(struct reader *reader)
{
	const char *mix = bench_argument(reader->arguments, OPTION_MIX, NULL);
	const char *names = bench_argument(
		reader->arguments, OPTION_OPERATIONS, mix != NULL ? "mix" : "lookup");
	const struct bench_options *options = reader->options;
	bool measured = mix == NULL;
	size_t i = 0;
	bool ok = true;

	if (mix != NULL) {
		ok = bench_parse_list(reader->options, mix, add_share, reader);
	}
	ok = ok && bench_parse_list(reader->options, names, add_operation, reader);
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
	char *names = NULL;
	size_t i = 0;

	if (engine != NULL) {
		return engine;
	}
	names = talloc_strdup(NULL, "unknown engine; there are:");
	for (i = 0; bench_engines[i] != NULL; i++) {
		names = talloc_asprintf_append(names, " %s", bench_engines[i]->name);
	}
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

static bool choose_baselines(struct reader *reader)
{
	const struct bench_engine *const candidates[] = { &bench_engine_smbd, &bench_engine_raw };
	const char *names = bench_argument(reader->arguments, OPTION_BASELINES, NULL);
	struct bench_options *options = reader->options;
	size_t i = 0;

	if (names != NULL) {
		return bench_parse_list(options, names, add_baseline, reader);
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

static bool choose_engines(struct reader *reader)
{
	const char *names = bench_argument(reader->arguments, OPTION_ENGINES, "pathring,raw,smbd");
	const struct bench_options *options = reader->options;
	size_t i = 0;
	bool ok = bench_parse_list(reader->options, names, add_engine, reader);

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

static bool choose_points(struct reader *reader)
{
	const struct bench_arguments *arguments = reader->arguments;
	const char *rates = bench_argument(arguments, OPTION_RATES, NULL);
	const char *sweep = bench_argument(arguments, OPTION_RATE_SWEEP, NULL);
	bool open = rates != NULL || sweep != NULL;
	const char *depths =
		bench_argument(arguments, OPTION_DEPTHS, open ? DEFAULT_OPEN_DEPTH : "1,64");
	struct bench_options *options = reader->options;
	size_t num_rates = 0;
	size_t i = 0;
	bool ok = bench_parse_list(options, depths, add_depth, reader);

	if (rates != NULL && sweep != NULL) {
		bench_refuse("--rate-sweep", sweep, "not together with --rate");
		return false;
	}
	if (rates != NULL) {
		ok = ok && bench_parse_list(options, rates, add_rate, reader);
	}
	if (sweep != NULL) {
		ok = ok && add_sweep(reader, sweep);
	}
	if (!ok) {
		return false;
	}

	num_rates = open ? reader->num_rates : 1;
	options->num_points = reader->num_depths * num_rates;
	options->points = talloc_array(options, struct bench_point, options->num_points);
	if (options->points == NULL) {
		bench_refuse_memory();
		return false;
	}
	for (i = 0; i < options->num_points; i++) {
		options->points[i] = (struct bench_point) {
			.depth = reader->depths[i / num_rates],
			.rate = open ? reader->rates[i % num_rates] : 0,
		};
	}
	return true;
}

/* ---- on what, by whom ---- */

static bool choose_order(struct bench_options *options, const char *name)
{
	static const struct {
		const char *name;
		enum bench_order order;
	} orders[] = {
		{ "turn", BENCH_IN_TURN },
		{ "random", BENCH_RANDOM },
		{ "zipf", BENCH_ZIPF },
	};
	size_t i = 0;

	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].name, name) == 0) {
			options->traffic.users = orders[i].order;
			options->user_order = orders[i].name;
			return true;
		}
	}
	bench_refuse("--user-order", name, "expected turn, random or zipf");
	return false;
}

static bool choose_tree(struct bench_tree_options *tree, const struct bench_arguments *arguments)
{
	size_t uid_base = 0;
	bool ok = false;

	tree->dir = bench_argument(arguments, OPTION_DIR, ".");
	tree->identities = bench_argument(arguments, OPTION_IDENTITIES, NULL);
	if (tree->identities != NULL && bench_argument(arguments, OPTION_USERS, NULL) != NULL) {
		bench_refuse("--users",
			     bench_argument(arguments, OPTION_USERS, NULL),
			     "not together with --identities, which has as many as it has lines");
		return false;
	}
	ok = bench_parse_number("--users",
				bench_argument(arguments, OPTION_USERS, "2"),
				0,
				BENCH_MAX_USERS,
				&tree->num_users) &&
	     bench_parse_number("--files",
				bench_argument(arguments, OPTION_FILES, "2000"),
				1,
				BENCH_MAX_FILES,
				&tree->num_files) &&
	     bench_parse_number("--entries",
				bench_argument(arguments, OPTION_ENTRIES, "100"),
				1,
				BENCH_MAX_FILES,
				&tree->entries) &&
	     bench_parse_number("--deep",
				bench_argument(arguments, OPTION_DEEP, "0"),
				0,
				BENCH_MAX_DIRECTORIES,
				&tree->deep) &&
	     bench_parse_real("--forbidden",
			      bench_argument(arguments, OPTION_FORBIDDEN, "2"),
			      0,
			      100,
			      &tree->forbidden_percent) &&
	     /*
	      * Three more ids follow the users', and the last of all ids means "no change" to the
	      * kernel.
	      */
	     bench_parse_number("--uid-base",
				bench_argument(arguments, OPTION_UID_BASE, "60000"),
				1,
				UINT32_MAX - 4 - tree->num_users,
				&uid_base);
	tree->uid_base = (uid_t)uid_base;
	return ok;
}

/* What one value alone does not show. */
static bool check_together(const struct bench_options *options)
{
	/* Each user's first request is to warm up, and one more is measured. */
	if (options->traffic.cold && options->tree.num_files <= options->tree.num_users) {
		fprintf(stderr, "pathring-bench: --cold: more files than users are needed\n");
		return false;
	}
	if (options->traffic.cold && options->points[0].rate > 0) {
		fprintf(stderr, "pathring-bench: --cold: not together with a rate\n");
		return false;
	}
	return true;
}

static bool check(struct bench_options *options, const struct bench_arguments *arguments)
{
	struct reader reader = { .options = options, .arguments = arguments };

	options->json = bench_argument(arguments, OPTION_JSON, NULL);
	options->csv = bench_argument(arguments, OPTION_CSV, NULL);
	options->hgrm = bench_argument(arguments, OPTION_HGRM, NULL);
	options->plot = bench_argument(arguments, OPTION_PLOT, NULL);
	options->between = bench_argument(arguments, OPTION_BETWEEN, NULL);
	options->traffic.cold = bench_argument(arguments, OPTION_COLD, NULL) != NULL;

	return choose_operations(&reader) && choose_engines(&reader) && choose_points(&reader) &&
	       choose_baselines(&reader) &&
	       choose_order(options, bench_argument(arguments, OPTION_USER_ORDER, "turn")) &&
	       bench_parse_number("--max-workers",
				  bench_argument(arguments, OPTION_MAX_WORKERS, "0"),
				  0,
				  BENCH_MAX_WORKERS,
				  &options->settings.max_workers) &&
	       choose_tree(&options->tree, arguments) &&
	       bench_parse_real("--missing",
				bench_argument(arguments, OPTION_MISSING, "0"),
				0,
				100,
				&options->traffic.missing_percent) &&
	       bench_parse_real("--time",
				bench_argument(arguments, OPTION_SECONDS, "3"),
				0.01,
				BENCH_MAX_SECONDS,
				&options->seconds) &&
	       bench_parse_number("--repeat",
				  bench_argument(arguments, OPTION_REPEAT, "3"),
				  1,
				  BENCH_MAX_REPEAT,
				  &options->repeat) &&
	       check_together(options);
}

/* clang-format off */
#define VALUE(name, option, help, value) \
	{ name, '\0', POPT_ARG_STRING, NULL, option, help, value }
#define FLAG(name, option, help) { name, '\0', POPT_ARG_NONE, NULL, option, help, NULL }

static const struct poptOption option_table[] = {
	VALUE("op", OPTION_OPERATIONS,
	      "Operations to measure, one after the other (default lookup): lookup, openat, statx, "
	      "getxattr, setxattr, listxattr, pread, pwrite, mkdir-rmdir, renameat, mix", "LIST"),
	VALUE("mix", OPTION_MIX,
	      "What the operation mix consists of, for example lookup=80,pread=20", "OP=WEIGHT,..."),
	VALUE("engine", OPTION_ENGINES,
	      "Engines to compare: pathring pathring-uring pathring-threads pathring-sync "
	      "pathring-pin-inline pathring-pin-ring pathring-pin-thread raw raw-uring smbd smbd-pool "
	      "(default pathring,raw,smbd)", "LIST"),
	VALUE("depth", OPTION_DEPTHS,
	      "Requests at a time (default 1,64; with a rate: at most so many, default "
	      DEFAULT_OPEN_DEPTH ")", "LIST"),
	VALUE("rate", OPTION_RATES,
	      "Make so many requests a second by the clock, whether or not earlier ones are answered",
	      "LIST"),
	VALUE("rate-sweep", OPTION_RATE_SWEEP,
	      "The same at STEPS rates between two", "FROM:TO:STEPS"),
	VALUE("users", OPTION_USERS,
	      "Users that make requests; 0: the process itself (default 2)", "N"),
	VALUE("user-order", OPTION_USER_ORDER,
	      "Who is next: turn (the default), random or zipf", "ORDER"),
	VALUE("identities", OPTION_IDENTITIES,
	      "The users, a line each: UID:GID[:GROUP,GROUP...]", "FILE"),
	VALUE("uid-base", OPTION_UID_BASE,
	      "User and group ids are taken from here on, they need not exist (default 60000)", "UID"),
	VALUE("files", OPTION_FILES, "Files in the tree (default 2000)", "N"),
	VALUE("entries", OPTION_ENTRIES,
	      "Files in a directory that is listed (default 100)", "N"),
	VALUE("deep", OPTION_DEEP,
	      "Directories on the way to each file (default 0)", "N"),
	VALUE("forbidden", OPTION_FORBIDDEN,
	      "Share of the files that only their owner may read (default 2)", "PERCENT"),
	VALUE("missing", OPTION_MISSING,
	      "Share of the requests for a name that does not exist (default 0)", "PERCENT"),
	VALUE("time", OPTION_SECONDS,
	      "Time to measure for each engine at each depth or rate (default 3)", "SECONDS"),
	VALUE("repeat", OPTION_REPEAT,
	      "Rounds that this time is split into, engines in turn (default 3)", "N"),
	FLAG("cold", OPTION_COLD,
	     "Empty the kernel's caches before each round, and ask for each file once in it"),
	VALUE("between", OPTION_BETWEEN,
	      "Shell command to run before each round, for example to mount anew", "COMMAND"),
	VALUE("dir", OPTION_DIR,
	      "Where to make the tree; it is removed at the end (default: working directory)", "DIR"),
	VALUE("max-workers", OPTION_MAX_WORKERS,
	      "Kernel workers of a ring at most (default 0: as the engine likes)", "N"),
	VALUE("baseline", OPTION_BASELINES,
	      "Engines that the others are compared with (default smbd or raw)", "LIST"),
	VALUE("json", OPTION_JSON, "Write everything measured to this file", "FILE"),
	VALUE("csv", OPTION_CSV, "Write a line for each result to this file", "FILE"),
	VALUE("hgrm", OPTION_HGRM, "Write the distributions of latency", "DIR"),
	VALUE("plot", OPTION_PLOT,
	      "Draw: pictures and a page that shows them, in this directory", "DIR"),
	FLAG("version", OPTION_VERSION, "Show the version"),
	POPT_AUTOHELP
	POPT_TABLEEND
};
/* clang-format on */

enum bench_options_result bench_options_parse(TALLOC_CTX *mem_ctx,
					      int argc,
					      const char **argv,
					      struct bench_options **_options)
{
	struct bench_options *options = talloc_zero(mem_ctx, struct bench_options);
	struct bench_arguments *arguments = NULL;
	enum bench_options_result result = BENCH_OPTIONS_BAD;
	bool ok = false;

	if (options == NULL) {
		bench_refuse_memory();
		return BENCH_OPTIONS_BAD;
	}
	arguments =
		bench_arguments_read(options,
				     argc,
				     argv,
				     option_table,
				     NUM_OPTIONS,
				     "[run] [OPTION...]\n"
				     "       pathring-bench report|compare|probe|idle [OPTION...]\n"
				     "Measures file operations of many users, by several engines.");
	if (arguments == NULL) {
		result = BENCH_OPTIONS_BAD;
	} else if (arguments->rest[0] != NULL) {
		bench_refuse("argument", arguments->rest[0], "not expected, see --help");
	} else if (bench_argument(arguments, OPTION_VERSION, NULL) != NULL) {
		printf("pathring-bench %s\n", PATHRING_VERSION);
		result = BENCH_OPTIONS_DONE;
	} else {
		ok = check(options, arguments);
		result = ok ? BENCH_OPTIONS_RUN : BENCH_OPTIONS_BAD;
	}
	if (result != BENCH_OPTIONS_RUN) {
		talloc_free(options);
		return result;
	}
	*_options = options;
	return BENCH_OPTIONS_RUN;
}
