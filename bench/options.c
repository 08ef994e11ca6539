/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the command line. Everything wrong with it is found here, before anything is created.
 */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option {
	OPTION_OPERATION = 1,
	OPTION_ENGINES,
	OPTION_DEPTHS,
	OPTION_USERS,
	OPTION_FILES,
	OPTION_FORBIDDEN,
	OPTION_SECONDS,
	OPTION_REPEAT,
	OPTION_DIR,
	OPTION_JSON,
	OPTION_UID_BASE,
	OPTION_BASELINE,
	OPTION_PIN,
	OPTION_MAX_WORKERS,
	OPTION_COLD,
	OPTION_BETWEEN,
	OPTION_IDLE,
	OPTION_VERSION,
	NUM_OPTIONS
};

/* As given; strings, so that a bad number can be shown as it was written. NULL: not given. */
struct raw_options {
	char *values[NUM_OPTIONS];
};

static void say(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "pathring-bench: %s %s: %s\n", option, value, expected);
}

static bool
parse_number(const char *option, const char *text, size_t min, size_t max, size_t *value)
{
	char expected[80];
	char *end = NULL;
	unsigned long long number = 0;

	errno = 0;
	number = strtoull(text, &end, 10);
	/* strtoull() takes a sign and leading space, and wraps a negative number around. */
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < min ||
	    number > max) {
		snprintf(expected, sizeof(expected), "expected a number from %zu to %zu", min, max);
		say(option, text, expected);
		return false;
	}
	*value = (size_t)number;
	return true;
}

static bool parse_real(const char *option, const char *text, double min, double max, double *value)
{
	char expected[80];
	char *end = NULL;
	double number = 0;

	number = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(number) || number < min || number > max) {
		snprintf(expected, sizeof(expected), "expected a number from %g to %g", min, max);
		say(option, text, expected);
		return false;
	}
	*value = number;
	return true;
}

static char *engine_names(TALLOC_CTX *mem_ctx)
{
	char *names = talloc_strdup(mem_ctx, "");
	size_t i = 0;

	for (i = 0; bench_engines[i] != NULL; i++) {
		names = talloc_asprintf_append(
			names, "%s%s", i == 0 ? "" : " ", bench_engines[i]->name);
	}
	return names;
}

static const struct bench_engine *
parse_engine(TALLOC_CTX *mem_ctx, const char *option, const char *name)
{
	const struct bench_engine *engine = bench_engine_by_name(name);
	char *names = NULL;

	if (engine == NULL) {
		names = engine_names(mem_ctx);
		fprintf(stderr,
			"pathring-bench: %s: unknown engine '%s'; there are: %s\n",
			option,
			name,
			names != NULL ? names : "");
	}
	return engine;
}

/*
 * Split at commas into `list`, calling parse for each part. An empty part is passed on too and
 * refused there.
 */
static bool parse_list(struct bench_options *options,
		       const char *text,
		       bool (*parse)(struct bench_options *options, const char *part))
{
	char *copy = talloc_strdup(options, text);
	char *rest = copy;
	char *part = NULL;

	if (copy == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return false;
	}
	for (part = strsep(&rest, ","); part != NULL; part = strsep(&rest, ",")) {
		bool ok = parse(options, part);

		if (!ok) {
			return false;
		}
	}
	talloc_free(copy);
	return true;
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
			  const struct bench_engine ***engines,
			  size_t *num_engines,
			  const struct bench_engine *engine)
{
	const struct bench_engine **longer = NULL;

	longer = talloc_realloc(options, *engines, const struct bench_engine *, *num_engines + 1);
	if (longer == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return false;
	}
	longer[*num_engines] = engine;
	*engines = longer;
	*num_engines += 1;
	return true;
}

static bool
leave_out(struct bench_options *options, const struct bench_engine *engine, const char *why)
{
	struct bench_left_out *longer = NULL;

	longer = talloc_realloc(
		options, options->left_out, struct bench_left_out, options->num_left_out + 1);
	if (longer == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return false;
	}
	longer[options->num_left_out] = (struct bench_left_out) { .engine = engine, .why = why };
	options->left_out = longer;
	options->num_left_out++;
	return true;
}

static bool is_left_out(const struct bench_options *options, const struct bench_engine *engine)
{
	size_t i = 0;

	for (i = 0; i < options->num_left_out; i++) {
		if (options->left_out[i].engine == engine) {
			return true;
		}
	}
	return false;
}

static bool add_engine(struct bench_options *options, const char *name)
{
	const struct bench_engine *engine = parse_engine(options, "--engine", name);
	const char *why = NULL;

	if (engine == NULL) {
		return false;
	}
	if (has_engine(options->engines, options->num_engines, engine) ||
	    is_left_out(options, engine)) {
		say("--engine", name, "given twice");
		return false;
	}
	if (engine->lacks != NULL) {
		why = engine->lacks(options->operation->kind);
	}
	if (why != NULL) {
		return leave_out(options, engine, why);
	}
	return append_engine(options, &options->engines, &options->num_engines, engine);
}

static bool add_depth(struct bench_options *options, const char *text)
{
	size_t depth = 0;
	size_t i = 0;
	bool ok = false;

	ok = parse_number("--depth", text, 1, BENCH_MAX_DEPTH, &depth);
	if (!ok) {
		return false;
	}
	for (i = 0; i < options->num_depths; i++) {
		if (options->depths[i] == depth) {
			say("--depth", text, "given twice");
			return false;
		}
	}
	options->depths = talloc_realloc(options, options->depths, size_t, options->num_depths + 1);
	if (options->depths == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return false;
	}
	options->depths[options->num_depths] = depth;
	options->num_depths++;
	return true;
}

static bool add_baseline(struct bench_options *options, const char *name)
{
	const struct bench_engine *engine = parse_engine(options, "--baseline", name);
	bool listed = false;

	if (engine == NULL) {
		return false;
	}
	if (is_left_out(options, engine)) {
		return true;
	}
	listed = has_engine(options->engines, options->num_engines, engine);
	if (!listed) {
		say("--baseline", name, "not among the engines that run");
		return false;
	}
	if (has_engine(options->baselines, options->num_baselines, engine)) {
		say("--baseline", name, "given twice");
		return false;
	}
	return append_engine(options, &options->baselines, &options->num_baselines, engine);
}

static bool choose_baselines(struct bench_options *options, const char *names)
{
	const struct bench_engine *const candidates[] = { &bench_engine_smbd, &bench_engine_raw };
	size_t i = 0;

	if (names != NULL) {
		return parse_list(options, names, add_baseline);
	}
	for (i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		if (has_engine(options->engines, options->num_engines, candidates[i])) {
			return append_engine(options,
					     &options->baselines,
					     &options->num_baselines,
					     candidates[i]);
		}
	}
	return true;
}

/* At least one engine is left. */
static bool choose_engines(struct bench_options *options, const char *names)
{
	bool ok = parse_list(options, names, add_engine);

	if (ok && options->num_engines == 0) {
		say("--engine", names, "none of them has this operation");
		return false;
	}
	return ok;
}

static bool choose_operation(struct bench_options *options, const char *name)
{
	char *names = NULL;
	size_t i = 0;

	options->operation = bench_operation_by_name(name);
	if (options->operation != NULL) {
		options->tree.writes = options->operation->writes;
		return true;
	}
	names = talloc_strdup(options, "unknown operation; there are:");
	for (i = 0; i < BENCH_NUM_KINDS; i++) {
		names = talloc_asprintf_append(names, " %s", bench_operations[i]->name);
	}
	say("--op", name, names != NULL ? names : "unknown operation");
	return false;
}

static bool choose_pin(struct bench_options *options, const char *name)
{
	static const struct {
		const char *name;
		enum bench_pin pin;
	} pins[] = {
		{ "learned", BENCH_PIN_LEARNED },
		{ "inline", BENCH_PIN_INLINE },
		{ "ring", BENCH_PIN_RING },
		{ "thread", BENCH_PIN_THREAD },
	};
	size_t i = 0;

	for (i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		int differs = strcmp(pins[i].name, name);

		if (differs == 0) {
			options->settings.pin = pins[i].pin;
			options->pin = pins[i].name;
			return true;
		}
	}
	say("--pin", name, "expected learned, inline, ring or thread");
	return false;
}

static const char *given(const struct raw_options *raw, enum option option, const char *otherwise)
{
	return raw->values[option] != NULL ? raw->values[option] : otherwise;
}

static bool check_tree(struct bench_tree_options *tree, const struct raw_options *raw)
{
	size_t uid_base = 0;
	bool ok = false;

	ok = parse_number("--users",
			  given(raw, OPTION_USERS, "2"),
			  0,
			  BENCH_MAX_USERS,
			  &tree->num_users) &&
	     parse_number("--files",
			  given(raw, OPTION_FILES, "2000"),
			  1,
			  BENCH_MAX_FILES,
			  &tree->num_files) &&
	     parse_real("--forbidden",
			given(raw, OPTION_FORBIDDEN, "2"),
			0,
			100,
			&tree->forbidden_percent) &&
	     /*
	      * Three more ids follow the users', and the last of all ids means "no change" to the
	      * kernel.
	      */
	     parse_number("--uid-base",
			  given(raw, OPTION_UID_BASE, "60000"),
			  1,
			  UINT32_MAX - 4 - tree->num_users,
			  &uid_base);
	tree->uid_base = (uid_t)uid_base;
	tree->dir = given(raw, OPTION_DIR, ".");
	return ok;
}

/* What one value alone does not show. */
static bool check_together(const struct bench_options *options)
{
	/* Each user's first request is to warm up, and one more is measured. */
	if (options->cold && options->tree.num_files <= options->tree.num_users) {
		fprintf(stderr, "pathring-bench: --cold: more files than users are needed\n");
		return false;
	}
	return true;
}

static bool check(struct bench_options *options, const struct raw_options *raw)
{
	options->json = given(raw, OPTION_JSON, NULL);
	options->between = given(raw, OPTION_BETWEEN, NULL);
	options->cold = raw->values[OPTION_COLD] != NULL;
	options->idle = raw->values[OPTION_IDLE] != NULL;

	return choose_operation(options, given(raw, OPTION_OPERATION, "lookup")) &&
	       choose_engines(options, given(raw, OPTION_ENGINES, "pathring,raw,smbd")) &&
	       parse_list(options, given(raw, OPTION_DEPTHS, "1,64"), add_depth) &&
	       choose_baselines(options, given(raw, OPTION_BASELINE, NULL)) &&
	       choose_pin(options, given(raw, OPTION_PIN, "learned")) &&
	       parse_number("--max-workers",
			    given(raw, OPTION_MAX_WORKERS, "0"),
			    0,
			    BENCH_MAX_WORKERS,
			    &options->settings.max_workers) &&
	       check_tree(&options->tree, raw) &&
	       parse_real("--time",
			  given(raw, OPTION_SECONDS, "3"),
			  0.01,
			  BENCH_MAX_SECONDS,
			  &options->seconds) &&
	       parse_number("--repeat",
			    given(raw, OPTION_REPEAT, "3"),
			    1,
			    BENCH_MAX_REPEAT,
			    &options->repeat) &&
	       check_together(options);
}

static const struct poptOption option_table[] = {
	{ "op",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_OPERATION,
	  "Operation to measure: lookup (the default), openat, statx, getxattr, setxattr, "
	  "listxattr, pread, pwrite, mkdir-rmdir or renameat",
	  "NAME" },
	{ "engine",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_ENGINES,
	  "Engines to compare: pathring pathring-uring pathring-threads pathring-sync raw "
	  "raw-uring smbd smbd-pool (default pathring,raw,smbd)",
	  "LIST" },
	{ "depth",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_DEPTHS,
	  "Requests at a time (default 1,64)",
	  "LIST" },
	{ "users",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_USERS,
	  "Users that make requests in turn; 0: the process itself (default 2)",
	  "N" },
	{ "files",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_FILES,
	  "Files in the tree (default 2000)",
	  "N" },
	{ "forbidden",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_FORBIDDEN,
	  "Share of the files that only their owner may read (default 2)",
	  "PERCENT" },
	{ "time",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_SECONDS,
	  "Time to measure for each engine at each depth (default 3)",
	  "SECONDS" },
	{ "repeat",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_REPEAT,
	  "Rounds that this time is split into, engines in turn (default 3)",
	  "N" },
	{ "dir",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_DIR,
	  "Where to make the tree; it is removed at the end (default: working directory)",
	  "DIR" },
	{ "json",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_JSON,
	  "Write everything measured to this file",
	  "FILE" },
	{ "uid-base",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_UID_BASE,
	  "User and group ids are taken from here on, they need not exist (default 60000)",
	  "UID" },
	{ "baseline",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_BASELINE,
	  "Engines that the others are compared with (default smbd or raw)",
	  "LIST" },
	{ "pin",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_PIN,
	  "Where pathring carries requests out that have a choice: learned (the default), inline, "
	  "ring or thread",
	  "PLACE" },
	{ "max-workers",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_MAX_WORKERS,
	  "Kernel workers of a ring at most (default 0: as the engine likes)",
	  "N" },
	{ "cold",
	  '\0',
	  POPT_ARG_NONE,
	  NULL,
	  OPTION_COLD,
	  "Ask for each file once in a round, which ends with the last",
	  NULL },
	{ "between",
	  '\0',
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_BETWEEN,
	  "Shell command to run before each round, for example to empty the caches",
	  "COMMAND" },
	{ "idle",
	  '\0',
	  POPT_ARG_NONE,
	  NULL,
	  OPTION_IDLE,
	  "Instead of all this show what an idle engine of libpathring costs",
	  NULL },
	{ "version", '\0', POPT_ARG_NONE, NULL, OPTION_VERSION, "Show the version", NULL },
	POPT_AUTOHELP POPT_TABLEEND
};

/*
 * By hand and not into variables: popt would leak the first value of an option that is given twice.
 */
static bool read_values(struct raw_options *raw, poptContext context)
{
	int option = 0;

	for (option = poptGetNextOpt(context); option > 0; option = poptGetNextOpt(context)) {
		char *value = poptGetOptArg(context);

		TALLOC_FREE(raw->values[option]);
		raw->values[option] = talloc_strdup(raw, value != NULL ? value : "");
		free(value);
		if (raw->values[option] == NULL) {
			fprintf(stderr, "pathring-bench: out of memory\n");
			return false;
		}
	}
	if (option < -1) {
		say(poptBadOption(context, POPT_BADOPTION_NOALIAS),
		    poptStrerror(option),
		    "see --help");
		return false;
	}
	return true;
}

static enum bench_options_result
read_arguments(struct raw_options *raw, int argc, const char **argv)
{
	poptContext context = poptGetContext("pathring-bench", argc, argv, option_table, 0);
	enum bench_options_result result = BENCH_OPTIONS_RUN;
	const char *extra = NULL;
	bool ok = false;

	poptSetOtherOptionHelp(
		context,
		"[OPTION...]\nMeasures file operations of many users, by several engines, as root.");
	ok = read_values(raw, context);
	extra = poptGetArg(context);
	if (!ok) {
		result = BENCH_OPTIONS_BAD;
	} else if (extra != NULL) {
		say("argument", extra, "not expected, see --help");
		result = BENCH_OPTIONS_BAD;
	} else if (raw->values[OPTION_VERSION] != NULL) {
		printf("pathring-bench %s\n", PATHRING_VERSION);
		result = BENCH_OPTIONS_DONE;
	}
	poptFreeContext(context);
	return result;
}

enum bench_options_result bench_options_parse(TALLOC_CTX *mem_ctx,
					      int argc,
					      const char **argv,
					      struct bench_options **_options)
{
	struct bench_options *options = talloc_zero(mem_ctx, struct bench_options);
	struct raw_options *raw = talloc_zero(options, struct raw_options);
	enum bench_options_result result = BENCH_OPTIONS_BAD;
	bool ok = false;

	if (options == NULL || raw == NULL) {
		fprintf(stderr, "pathring-bench: out of memory\n");
		return BENCH_OPTIONS_BAD;
	}
	result = read_arguments(raw, argc, argv);
	if (result != BENCH_OPTIONS_RUN) {
		talloc_free(options);
		return result;
	}
	ok = check(options, raw);
	if (!ok) {
		talloc_free(options);
		return BENCH_OPTIONS_BAD;
	}
	*_options = options;
	return BENCH_OPTIONS_RUN;
}
