/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of a run. Everything wrong with them is found here, before anything is created.
 */
#include "options.h"

#include "choose.h"
#include "command_line.h"
#include "users.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What may be in flight at a time when requests are made by the clock. */
#define DEFAULT_OPEN_DEPTH "256"
#define DEFAULT_DEPTHS "1,64"

#define DEFAULT_ENGINES "pathring,raw,smbd"

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

/* The users of a file, or made up ones; without root the process itself. */
static bool choose_users(struct bench_options *options, const struct bench_arguments *arguments)
{
	struct bench_tree_options *tree = &options->tree;
	const char *users = bench_argument(arguments, OPTION_USERS, NULL);
	size_t uid_base = 0;
	bool ok = false;

	tree->identities = bench_argument(arguments, OPTION_IDENTITIES, NULL);
	if (tree->identities != NULL && users != NULL) {
		bench_refuse("--users", users, "not together with --identities");
		return false;
	}
	if (tree->identities != NULL) {
		tree->users = bench_users_read(options, tree->identities, &tree->num_users);
		ok = tree->users != NULL;
	} else {
		ok = bench_parse_number("--users",
					users != NULL ? users : "2",
					0,
					BENCH_MAX_USERS,
					&tree->num_users);
	}
	/*
	 * Three more ids follow the users', and the last of all ids means "no change" to the
	 * kernel.
	 */
	ok = ok && bench_parse_number("--uid-base",
				      bench_argument(arguments, OPTION_UID_BASE, "60000"),
				      1,
				      UINT32_MAX - 4 - BENCH_MAX_USERS * 2,
				      &uid_base);
	tree->uid_base = (uid_t)uid_base;
	if (ok && geteuid() != 0) {
		options->unprivileged = true;
		tree->num_users = 0;
		tree->forbidden_percent = 0;
	}
	return ok;
}

static bool choose_tree(struct bench_tree_options *tree, const struct bench_arguments *arguments)
{
	tree->dir = bench_argument(arguments, OPTION_DIR, ".");
	return bench_parse_number("--files",
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
				&tree->forbidden_percent);
}

/* What one value alone does not show. */
static bool check_together(const struct bench_options *options)
{
	size_t i = 0;

	for (i = 0; i < options->num_engines; i++) {
		const char *name = options->engines[i]->name;

		if (options->engines[i]->run == NULL) {
			continue;
		}
		if (options->traffic.cold || options->traffic.missing_percent > 0 ||
		    options->points[0].rate > 0) {
			bench_refuse(
				"--engine",
				name,
				"makes its own requests: not with --cold, --missing or a rate");
			return false;
		}
	}
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
	const char *mix = bench_argument(arguments, OPTION_MIX, NULL);
	const char *rates = bench_argument(arguments, OPTION_RATES, NULL);
	const char *sweep = bench_argument(arguments, OPTION_RATE_SWEEP, NULL);
	const char *depths = rates != NULL || sweep != NULL ? DEFAULT_OPEN_DEPTH : DEFAULT_DEPTHS;

	options->json = bench_argument(arguments, OPTION_JSON, NULL);
	options->csv = bench_argument(arguments, OPTION_CSV, NULL);
	options->hgrm = bench_argument(arguments, OPTION_HGRM, NULL);
	options->plot = bench_argument(arguments, OPTION_PLOT, NULL);
	options->between = bench_argument(arguments, OPTION_BETWEEN, NULL);
	options->traffic.cold = bench_argument(arguments, OPTION_COLD, NULL) != NULL;
	options->settings.cold = options->traffic.cold;

	return bench_choose_mixes(
		       options,
		       bench_argument(arguments, OPTION_OPERATIONS, mix != NULL ? "mix" : "lookup"),
		       mix) &&
	       bench_choose_engines(options,
				    bench_argument(arguments, OPTION_ENGINES, DEFAULT_ENGINES)) &&
	       bench_choose_points(
		       options, bench_argument(arguments, OPTION_DEPTHS, depths), rates, sweep) &&
	       bench_choose_baselines(options, bench_argument(arguments, OPTION_BASELINES, NULL)) &&
	       choose_order(options, bench_argument(arguments, OPTION_USER_ORDER, "turn")) &&
	       bench_parse_number("--max-workers",
				  bench_argument(arguments, OPTION_MAX_WORKERS, "0"),
				  0,
				  BENCH_MAX_WORKERS,
				  &options->settings.max_workers) &&
	       choose_tree(&options->tree, arguments) && choose_users(options, arguments) &&
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

static struct poptOption option_table[] = {
	VALUE("op", OPTION_OPERATIONS, NULL, "LIST"),
	VALUE("mix", OPTION_MIX,
	      "What the operation mix consists of, for example lookup=80,pread=20", "OP=WEIGHT,..."),
	VALUE("engine", OPTION_ENGINES, NULL, "LIST"),
	VALUE("depth", OPTION_DEPTHS,
	      "Requests at a time (default " DEFAULT_DEPTHS "; with a rate: at most so many, default "
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

/* The texts that name all of something. */
static void describe_lists(TALLOC_CTX *mem_ctx)
{
	size_t i = 0;

	for (i = 0; option_table[i].longName != NULL; i++) {
		char *text = NULL;

		if (option_table[i].val == OPTION_OPERATIONS) {
			text = talloc_strdup(mem_ctx, "What to measure, one after the other:");
			text = talloc_asprintf_append(bench_append_operations(text),
						      " (default lookup)");
			option_table[i].descrip = text;
		} else if (option_table[i].val == OPTION_ENGINES) {
			text = talloc_strdup(mem_ctx, "Engines to compare:");
			text = talloc_asprintf_append(bench_append_engines(text),
						      " (default " DEFAULT_ENGINES ")");
			option_table[i].descrip = text;
		}
	}
}

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
	describe_lists(options);
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
