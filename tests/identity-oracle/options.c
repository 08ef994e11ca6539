/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the command line. Everything wrong with it is found here, before anything is created.
 */
#include "options.h"

#include <errno.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define DEFAULT_OPERATIONS 200000
#define DEFAULT_USERS 72
#define DEFAULT_DEPTH 2048
#define MIN_USERS 8
#define MAX_DEPTH 20000

enum option {
	OPTION_OPS = 1,
	OPTION_SEED,
	OPTION_BACKEND,
	OPTION_DIR,
	OPTION_USERS,
	OPTION_DEPTH,
	OPTION_PROGRESS,
	NUM_OPTIONS
};

static const struct poptOption option_table[] = {
	{ "ops",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_OPS,
	  "Operations on all backends together (default: 200000)",
	  "N" },
	{ "seed",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_SEED,
	  "Draw the same as another run did (default: at random, printed)",
	  "N" },
	{ "backend",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_BACKEND,
	  "uring, threads, sync or all (default: all)",
	  "NAME" },
	{ "dir",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_DIR,
	  "Make the trees in a new directory in DIR (default: $TMPDIR or /tmp)",
	  "DIR" },
	{ "users",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_USERS,
	  "Users, 8 to 4096, root three times among them (default: 72)",
	  "N" },
	{ "depth",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPTION_DEPTH,
	  "Requests in flight at once, at least (default: 2048)",
	  "N" },
	{ "progress",
	  0,
	  POPT_ARG_NONE,
	  NULL,
	  OPTION_PROGRESS,
	  "Say how far it is also where stderr is no terminal",
	  NULL },
	POPT_AUTOHELP POPT_TABLEEND
};

static bool
parse_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	char *end = NULL;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || *number < min ||
	    *number > max) {
		fprintf(stderr,
			"oracle: %s %s: expected a number from %llu to %llu\n",
			option,
			text,
			(unsigned long long)min,
			(unsigned long long)max);
		return false;
	}
	return true;
}

static bool parse_backend(const char *text, struct oracle_options *options)
{
	static const enum pathring_backend all[] = {
		PATHRING_BACKEND_URING,
		PATHRING_BACKEND_THREADS,
		PATHRING_BACKEND_SYNC,
	};
	size_t i;

	options->num_backends = 0;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(text, "all") == 0 || strcmp(text, pathring_backend_name(all[i])) == 0) {
			options->backends[options->num_backends++] = all[i];
		}
	}
	if (options->num_backends == 0) {
		fprintf(stderr,
			"oracle: --backend %s: expected uring, threads, sync or all\n",
			text);
	}
	return options->num_backends > 0;
}

static bool
parse_value(TALLOC_CTX *mem_ctx, struct oracle_options *options, int option, const char *text)
{
	uint64_t number = 0;
	bool ok = true;

	switch (option) {
	case OPTION_OPS:
		return parse_number("--ops", text, 1, UINT64_MAX / 2, &options->operations);
	case OPTION_SEED:
		return parse_number("--seed", text, 0, UINT64_MAX, &options->seed);
	case OPTION_BACKEND:
		return parse_backend(text, options);
	case OPTION_DIR:
		options->directory = talloc_strdup(mem_ctx, text);
		return options->directory != NULL;
	case OPTION_USERS:
		ok = parse_number("--users", text, MIN_USERS, MAX_USERS, &number);
		options->users = (size_t)number;
		return ok;
	case OPTION_DEPTH:
		ok = parse_number("--depth", text, 1, MAX_DEPTH, &number);
		options->depth = (size_t)number;
		return ok;
	default:
		options->progress = true;
		return true;
	}
}

static bool set_defaults(struct oracle_options *options)
{
	ssize_t size;

	*options = (struct oracle_options) {
		.operations = DEFAULT_OPERATIONS,
		.users = DEFAULT_USERS,
		.depth = DEFAULT_DEPTH,
		.progress = isatty(STDERR_FILENO) == 1,
		.directory = getenv("TMPDIR"),
	};
	if (options->directory == NULL || options->directory[0] == '\0') {
		options->directory = "/tmp";
	}
	size = getrandom(&options->seed, sizeof(options->seed), 0);
	/* Short enough to be typed again. */
	options->seed %= 1000000000;
	return size == sizeof(options->seed) && parse_backend("all", options);
}

bool options_parse(TALLOC_CTX *mem_ctx, int argc, const char **argv, struct oracle_options *options)
{
	poptContext context = poptGetContext("oracle", argc, argv, option_table, 0);
	const char *extra = NULL;
	bool ok;
	int option = 0;

	poptSetOtherOptionHelp(
		context,
		"[OPTION...]\nMakes random file operations of many users through pathring, and "
		"again as processes\nof these users, and compares what comes of them. As root.");
	ok = set_defaults(options);
	while (ok && (option = poptGetNextOpt(context)) > 0) {
		char *text = poptGetOptArg(context);

		ok = parse_value(mem_ctx, options, option, text);
		free(text);
	}
	extra = poptGetArg(context);
	if (ok && option < -1) {
		fprintf(stderr,
			"oracle: %s: %s, see --help\n",
			poptBadOption(context, POPT_BADOPTION_NOALIAS),
			poptStrerror(option));
		ok = false;
	} else if (ok && extra != NULL) {
		fprintf(stderr, "oracle: %s: not expected, see --help\n", extra);
		ok = false;
	}
	poptFreeContext(context);
	return ok;
}
