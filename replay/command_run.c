/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pathring-replay run: its options, and which engine replays what in which tree.
 */
#include "commands.h"

#include "init_tree.h"
#include "report.h"
#include "results.h"
#include "run.h"
#include "tree_remove.h"
#include "users_map.h"

#include "command_line.h"
#include "signals.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_ENGINES 8
#define MAX_CLIENTS 10000
#define MAX_DEPTH 65536
#define MAX_LOOPS 1000000
#define MAX_SPEED 1e6
#define MIN_SPEED 1e-3

static const struct replay_engine engines[] = {
	{ "pathring",
	  PATHRING_BACKEND_AUTO,
	  true,
	  "the engine, with what does not wait done here" },
	{ "requests", PATHRING_BACKEND_AUTO, false, "the engine, each operation as a request" },
	{ "threads", PATHRING_BACKEND_THREADS, false, "requests, by helper threads" },
	{ "sync", PATHRING_BACKEND_SYNC, false, "requests, one after the other" },
};

enum {
	OPT_ROOT = 1,
	OPT_INIT,
	OPT_EXISTING,
	OPT_CLEANUP,
	OPT_USERS,
	OPT_UID_RANGE,
	OPT_ORDER,
	OPT_SPEED,
	OPT_DEPTH,
	OPT_LOOP,
	OPT_CLIENTS,
	OPT_ENGINE,
	OPT_DOS_ATTRIBUTES,
	OPT_EA_SUPPORT,
	OPT_JSON,
	OPT_CSV,
	OPT_PLOT,
	NUM_OPTIONS
};

static const struct poptOption table[] = {
	{ "root",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_ROOT,
	  "Where to replay: nothing outside is touched",
	  "DIR" },
	{ "init",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_INIT,
	  "Whether to make the tree that the trace began with (yes)",
	  "yes|no" },
	{ "existing",
	  0,
	  POPT_ARG_NONE,
	  NULL,
	  OPT_EXISTING,
	  "DIR may have files in it, and they stay: one engine, no --loop",
	  NULL },
	{ "cleanup",
	  0,
	  POPT_ARG_NONE,
	  NULL,
	  OPT_CLEANUP,
	  "Remove what was replayed at the end",
	  NULL },
	{ "users",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_USERS,
	  "Who is who here, a line each: NAME UID GID,GROUP,...",
	  "FILE" },
	{ "uid-range",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_UID_RANGE,
	  "Ids for all others (100000-165535)",
	  "FIRST-LAST" },
	{ "order",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_ORDER,
	  "resource (default), session or none",
	  "ORDER" },
	{ "speed",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_SPEED,
	  "max (default), 1 as recorded, or times as fast",
	  "SPEED" },
	{ "depth",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_DEPTH,
	  "Requests at a time, at most (64)",
	  "NUMBER" },
	{ "loop",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_LOOP,
	  "Replay so many times, each from the initial tree (1)",
	  "NUMBER" },
	{ "clients",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_CLIENTS,
	  "Copies of all clients, in DIR/client-1 and so on (1)",
	  "NUMBER" },
	{ "engine",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_ENGINE,
	  "pathring (default), requests, threads, sync: each in turn",
	  "NAME,..." },
	{ "dos-attributes",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_DOS_ATTRIBUTES,
	  "As smbd's \"store dos attributes\" (yes)",
	  "yes|no" },
	{ "ea-support",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_EA_SUPPORT,
	  "As smbd's \"ea support\" (yes)",
	  "yes|no" },
	{ "json",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_JSON,
	  "Results as one document; - is standard output",
	  "FILE" },
	{ "csv",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_CSV,
	  "Results as comma-separated values; - is standard output",
	  "FILE" },
	{ "plot",
	  0,
	  POPT_ARG_STRING,
	  NULL,
	  OPT_PLOT,
	  "Draw latency over time, percentiles and slip",
	  "DIR" },
	POPT_AUTOHELP POPT_TABLEEND
};

struct command {
	struct replay_run_options run;
	struct replay_init_options init;
	struct replay_users_options users;
	struct replay_report_paths paths;
	const struct replay_engine *engines[MAX_ENGINES];
	size_t num_engines;
	const char *trace;
	const char *root;
	bool cleanup;

	struct replay_plan *plan;
	struct replay_results *results;
	int root_fd;
	int *roots; /* one a client */
};

/* ---- options ---- */

static bool parse_yes(const char *option, const char *text, bool *value)
{
	*value = strcmp(text, "yes") == 0;
	if (*value || strcmp(text, "no") == 0) {
		return true;
	}
	bench_refuse(option, text, "expected yes or no");
	return false;
}

static bool parse_order(const char *text, enum replay_order *order)
{
	static const char *const names[] = { "resource", "session", "none" };
	size_t i = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*order = (enum replay_order)i;
			return true;
		}
	}
	bench_refuse("--order", text, "expected resource, session or none");
	return false;
}

static bool parse_speed(const char *text, double *speed)
{
	*speed = 0;
	return strcmp(text, "max") == 0 ||
	       bench_parse_real("--speed", text, MIN_SPEED, MAX_SPEED, speed);
}

static bool parse_engine(void *private_data, const char *part)
{
	struct command *command = private_data;
	size_t i = 0;

	for (i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		if (strcmp(part, engines[i].name) == 0 && command->num_engines < MAX_ENGINES) {
			command->engines[command->num_engines++] = &engines[i];
			return true;
		}
	}
	bench_refuse("--engine", part, "expected pathring, requests, threads or sync");
	return false;
}

static bool parse_range(const char *text, struct replay_users_options *users)
{
	unsigned int first = 0;
	unsigned int last = 0;
	char end = '\0';

	if (sscanf(text, "%10u-%10u%c", &first, &last, &end) != 2 || first == 0 || last < first ||
	    last == UINT32_MAX) {
		bench_refuse("--uid-range", text, "expected FIRST-LAST, without root");
		return false;
	}
	users->first = first;
	users->last = last;
	return true;
}

static bool parse(struct command *command, const struct bench_arguments *arguments)
{
	struct replay_run_options *run = &command->run;
	bool ok = false;

	command->root = bench_argument(arguments, OPT_ROOT, NULL);
	command->trace = arguments->rest[0];
	if (command->trace == NULL || arguments->rest[1] != NULL || command->root == NULL) {
		fprintf(stderr, "pathring-replay: run: expected one TRACE, and --root DIR\n");
		return false;
	}
	command->users.file = bench_argument(arguments, OPT_USERS, NULL);
	command->paths.json = bench_argument(arguments, OPT_JSON, NULL);
	command->paths.csv = bench_argument(arguments, OPT_CSV, NULL);
	command->paths.plot = bench_argument(arguments, OPT_PLOT, NULL);
	command->cleanup = bench_argument(arguments, OPT_CLEANUP, NULL) != NULL;
	command->init.existing = bench_argument(arguments, OPT_EXISTING, NULL) != NULL;
	ok = parse_yes("--init", bench_argument(arguments, OPT_INIT, "yes"), &run->init) &&
	     parse_yes("--dos-attributes",
		       bench_argument(arguments, OPT_DOS_ATTRIBUTES, "yes"),
		       &run->dos_attributes) &&
	     parse_yes("--ea-support",
		       bench_argument(arguments, OPT_EA_SUPPORT, "yes"),
		       &run->ea_support) &&
	     parse_order(bench_argument(arguments, OPT_ORDER, "resource"), &run->order) &&
	     parse_speed(bench_argument(arguments, OPT_SPEED, "max"), &run->speed) &&
	     parse_range(bench_argument(arguments, OPT_UID_RANGE, "100000-165535"),
			 &command->users) &&
	     bench_parse_number("--depth",
				bench_argument(arguments, OPT_DEPTH, "64"),
				1,
				MAX_DEPTH,
				&run->depth) &&
	     bench_parse_number("--loop",
				bench_argument(arguments, OPT_LOOP, "1"),
				1,
				MAX_LOOPS,
				&run->loops) &&
	     bench_parse_number("--clients",
				bench_argument(arguments, OPT_CLIENTS, "1"),
				1,
				MAX_CLIENTS,
				&run->clients) &&
	     bench_parse_list(command->plan,
			      bench_argument(arguments, OPT_ENGINE, "pathring"),
			      parse_engine,
			      command);
	if (ok && command->init.existing && (run->loops > 1 || command->num_engines > 1)) {
		fprintf(stderr,
			"pathring-replay: --existing: a second engine or loop would begin with "
			"another tree than the first\n");
		return false;
	}
	if (ok && command->init.existing && command->cleanup) {
		fprintf(stderr,
			"pathring-replay: --existing: what was there would be removed with what "
			"was replayed: not with --cleanup\n");
		return false;
	}
	if (ok && !run->init && (run->loops > 1 || command->num_engines > 1)) {
		fprintf(stderr,
			"pathring-replay: --init no: a second engine or loop needs the initial "
			"tree again\n");
		return false;
	}
	command->init.dos_attributes = run->dos_attributes;
	command->run.self = geteuid() != 0;
	command->init.self = command->run.self;
	return ok;
}

/* ---- the trees ---- */

static bool complain(const struct command *command, const char *what)
{
	fprintf(stderr, "pathring-replay: --root %s: %s\n", command->root, what);
	return false;
}

static bool is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy != -1 ? fdopendir(copy) : NULL;
	struct dirent *entry = NULL;
	size_t num = 0;

	if (dir == NULL) {
		if (copy != -1) {
			close(copy);
		}
		return false;
	}
	while ((entry = readdir(dir)) != NULL) {
		num++;
	}
	closedir(dir);
	return num == 2;
}

static bool open_root(struct command *command)
{
	command->root_fd = open(command->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (command->root_fd == -1) {
		return complain(command, strerror(errno));
	}
	if (command->run.init && !command->init.existing && !is_empty(command->root_fd)) {
		return complain(command,
				"is not empty. The tree that the trace began with is made there: "
				"take an empty directory, or --existing, or --init no");
	}
	return true;
}

static bool open_client(struct command *command, size_t number)
{
	char name[32];
	int fd = -1;

	if (command->run.clients == 1) {
		fd = fcntl(command->root_fd, F_DUPFD_CLOEXEC, 0);
	} else {
		snprintf(name, sizeof(name), "client-%zu", number + 1);
		if (mkdirat(command->root_fd, name, 0755) == -1 && errno != EEXIST) {
			return complain(command, strerror(errno));
		}
		fd = openat(
			command->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd == -1) {
		return complain(command, strerror(errno));
	}
	command->roots[number] = fd;
	return !command->run.init || replay_init_tree(command->plan, fd, &command->init);
}

static void close_clients(struct command *command)
{
	size_t i = 0;

	for (i = 0; i < command->run.clients; i++) {
		if (command->roots[i] != -1) {
			close(command->roots[i]);
			command->roots[i] = -1;
		}
	}
}

static bool make_trees(struct command *command, bool again)
{
	size_t i = 0;
	int ret = 0;

	close_clients(command);
	if (again) {
		ret = replay_tree_empty(command->root_fd);
		if (ret < 0) {
			return complain(command, strerror(-ret));
		}
	}
	for (i = 0; i < command->run.clients; i++) {
		if (!open_client(command, i)) {
			return false;
		}
	}
	return true;
}

/* ---- running ---- */

static bool run_engine(struct command *command, const struct replay_engine *engine, bool first)
{
	struct replay_times times = { .wall_ns = 0 };
	struct replay_progress progress;
	bool ok = true;
	size_t i = 0;

	replay_results_begin_round(command->results, engine->name);
	replay_progress_begin(
		&progress, engine->name, command->plan->num_items * command->run.clients);
	for (i = 0; ok && i < command->run.loops && bench_signal_caught() == 0; i++) {
		ok = make_trees(command, !first) && replay_run_round(command->plan,
								     &command->run,
								     engine,
								     command->roots,
								     command->results,
								     &progress,
								     &times);
		first = false;
	}
	replay_progress_end(&progress);
	replay_results_end_round(command->results, times.wall_ns, times.cpu_ns);
	return ok;
}

static bool run_engines(struct command *command)
{
	bool ok = true;
	size_t i = 0;

	for (i = 0; ok && i < command->num_engines && bench_signal_caught() == 0; i++) {
		ok = run_engine(command, command->engines[i], i == 0);
	}
	close_clients(command);
	if (command->cleanup) {
		int ret = replay_tree_empty(command->root_fd);

		if (ret < 0) {
			return complain(command, strerror(-ret));
		}
	}
	return ok;
}

static json_t *describe_options(const struct command *command)
{
	static const char *const orders[] = { "resource", "session", "none" };

	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:b, s:b, s:b, s:b}",
			 "order",
			 orders[command->run.order],
			 "speed",
			 command->run.speed > 0 ? json_real(command->run.speed)
						: json_string("max"),
			 "depth",
			 (json_int_t)command->run.depth,
			 "loop",
			 (json_int_t)command->run.loops,
			 "clients",
			 (json_int_t)command->run.clients,
			 "init",
			 (int)command->run.init,
			 "dos_attributes",
			 (int)command->run.dos_attributes,
			 "ea_support",
			 (int)command->run.ea_support,
			 "identities",
			 (int)!command->run.self);
}

static uint64_t duration_of(const struct replay_plan *plan)
{
	return plan->num_items > 0 ? plan->items[plan->num_items - 1].time - plan->items[0].time
				   : 0;
}

static bool report(struct command *command, struct replay_report *report)
{
	const struct replay_plan *plan = command->plan;
	json_t *options = describe_options(command);
	struct replay_report_about about = {
		.trace = command->trace,
		.header = &plan->header,
		.end = plan->complete ? &plan->end : NULL,
		.requests = plan->num_items,
		.sessions = plan->num_sessions,
		.duration_ns = duration_of(plan),
		.round_requests = plan->num_items * command->run.loops * command->run.clients,
		.root = command->root,
		.root_fd = command->root_fd,
		.speed = command->run.speed,
		.options = options,
		.interrupted = bench_signal_caught() != 0,
	};
	bool ok = replay_report_write(report, command->results, &about);

	json_decref(options);
	return ok;
}

/* A replay may have as many files open as its clients had. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static bool replay(struct command *command, TALLOC_CTX *mem_ctx)
{
	struct replay_report *reports = NULL;
	mode_t mask = 0;
	bool ok = false;
	size_t i = 0;

	command->plan = replay_plan_load(mem_ctx, command->trace);
	if (command->plan == NULL || !replay_users_map(command->plan, &command->users) ||
	    !open_root(command)) {
		return false;
	}
	command->roots = talloc_array(mem_ctx, int, command->run.clients);
	command->results = replay_results_create(mem_ctx);
	if (command->roots == NULL || command->results == NULL) {
		bench_refuse_memory();
		return false;
	}
	for (i = 0; i < command->run.clients; i++) {
		command->roots[i] = -1;
	}
	reports = replay_report_open(mem_ctx, &command->paths);
	if (reports == NULL) {
		return false;
	}
	if (command->run.self) {
		fprintf(stderr,
			"pathring-replay: not root: every request is made as who you are, and "
			"nothing is denied that was denied to others\n");
	}
	allow_descriptors();
	/* Modes of the trees are what they are said to be; reports are the user's own files. */
	mask = umask(0);
	ok = run_engines(command);
	umask(mask);
	return ok && report(command, reports);
}

int replay_command_run(int argc, const char **argv)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct command command = { .root_fd = -1 };
	struct bench_arguments *arguments = NULL;
	int result = 2;

	arguments = bench_arguments_read(mem_ctx,
					 argc,
					 argv,
					 table,
					 NUM_OPTIONS,
					 "[OPTION...] TRACE --root DIR\n\nReplays a trace: each "
					 "request under the user who made it");
	if (arguments != NULL && parse(&command, arguments)) {
		result = EXIT_FAILURE;
		if (!bench_signals_install()) {
			perror("pathring-replay: cannot handle signals");
		} else if (replay(&command, mem_ctx)) {
			result = EXIT_SUCCESS;
		}
		if (bench_signal_caught() != 0) {
			result = 128 + bench_signal_caught();
		}
	}
	if (command.root_fd != -1) {
		close(command.root_fd);
	}
	talloc_free(mem_ctx);
	return result;
}
