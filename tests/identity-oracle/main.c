/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The identity oracle: shows that what pathring does for a user is what that user could have done.
 * Exit code 0: no difference; 1: a difference, or something else went wrong; 2: usage; 77: it can't
 * run here.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "operations.h"
#include "options.h"
#include "reference.h"
#include "round.h"
#include "side.h"
#include "tree.h"
#include "users.h"
#include "verdict.h"

/* Beside negative errnos. */
#define DIFFERENT 1

#define EXIT_DIFFERENCE 1
#define EXIT_USAGE 2
#define EXIT_CANNOT 77
#define PROGRESS_SECONDS 3
/* In slots, and those that are open for one call only. */
#define DESCRIPTORS_PER_CELL (CELL_SLOTS + 2)
/* The engine's own, and what a turn needs. */
#define SPARE_DESCRIPTORS 1024

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static void install_signals(void)
{
	/* A second one ends it where the first is not heeded. */
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* Where nobody reads what it says it removes its trees all the same. */
	signal(SIGPIPE, SIG_IGN);
}

static void say_progress(const struct oracle *oracle, uint64_t done, uint64_t wanted, time_t begin)
{
	static time_t last;
	time_t now = time(NULL);

	if (!oracle->options->progress || now < last + PROGRESS_SECONDS) {
		return;
	}
	last = now;
	fprintf(stderr,
		"oracle: %s: %llu of %llu operations, %llu/s\n",
		pathring_backend_name(oracle->backend),
		(unsigned long long)done,
		(unsigned long long)wanted,
		(unsigned long long)(now > begin ? done / (uint64_t)(now - begin) : 0));
}

/* ---- a pass over one backend ---- */

static int run_rounds(struct oracle *oracle, uint64_t wanted, uint64_t *done, const char **reason)
{
	time_t begin = time(NULL);
	size_t different = 0;
	int ret;

	while (*done < wanted && !caught && different == 0) {
		ret = side_prepare(oracle, reason);
		if (ret < 0) {
			return ret;
		}
		*done += round_draw(oracle);
		reference_begin_round(oracle);
		ret = side_round(oracle, reason);
		if (ret < 0) {
			return ret;
		}
		ret = reference_end_round(oracle, reason);
		if (ret < 0) {
			return ret;
		}
		different = verdict_round(oracle);
		oracle->round++;
		say_progress(oracle, *done, wanted, begin);
	}
	if (different == 0 && !caught) {
		different = verdict_trees(oracle);
	}
	if (different > 0) {
		*reason = "there are differences";
		return DIFFERENT;
	}
	return 0;
}

static void free_plain_slots(struct oracle *oracle)
{
	size_t i;
	size_t j;

	for (i = 0; i < oracle->num_cells; i++) {
		for (j = 0; j < CELL_SLOTS; j++) {
			oracle->cells[i].plain_fds[j] = -1;
		}
	}
}

static int run_pass(struct oracle *oracle, uint64_t wanted, uint64_t *done, const char **reason)
{
	const char *ignored = NULL;
	int stopped;
	int ret;

	ret = reference_start(oracle, reason);
	if (ret < 0) {
		return ret;
	}
	free_plain_slots(oracle);
	ret = side_start(oracle, reason);
	if (ret == 0) {
		ret = run_rounds(oracle, wanted, done, reason);
	}
	stopped = side_stop(oracle, ret == 0 ? reason : &ignored);
	reference_stop(oracle);
	return ret == 0 ? stopped : ret;
}

static int make_tree(const char *directory, const char *name, char path[TREE_SPACE])
{
	int length = snprintf(path, TREE_SPACE, "%s/%s", directory, name);
	int ret;

	if (length >= TREE_SPACE) {
		return -ENAMETOOLONG;
	}
	ret = mkdir(path, 0700);
	if (ret == 0) {
		ret = chmod(path, 0755);
	}
	return ret == 0 ? 0 : -errno;
}

/* Returns the exit code. */
static int run_backend(const struct oracle_options *options,
		       enum pathring_backend backend,
		       const char *directory,
		       uint64_t wanted)
{
	struct oracle oracle = {
		.options = options,
		.backend = backend,
		.dice = { .state = options->seed },
		.num_whos = options->users,
		.num_cells = options->depth,
	};
	const char *reason = NULL;
	uint64_t done = 0;
	int ret;

	oracle.handles = talloc_named_const(NULL, 0, "oracle");
	oracle.whos = talloc_zero_array(oracle.handles, struct who, oracle.num_whos);
	if (oracle.whos == NULL) {
		fprintf(stderr, "oracle: out of memory\n");
		return EXIT_DIFFERENCE;
	}
	users_draw(&oracle.dice, oracle.whos, oracle.num_whos);
	reason = "the trees can't be made";
	ret = make_tree(directory, "a", oracle.tree_a);
	if (ret == 0) {
		ret = make_tree(directory, "b", oracle.tree_b);
	}
	if (ret == 0) {
		ret = run_pass(&oracle, wanted, &done, &reason);
	}
	if (ret != 0) {
		fprintf(stderr,
			"oracle: %s: failed after %llu operations in round %llu: %s%s%s\n",
			pathring_backend_name(backend),
			(unsigned long long)done,
			(unsigned long long)oracle.round,
			reason,
			ret < 0 ? ": " : "",
			ret < 0 ? strerror(-ret) : "");
	}
	printf("%s: %llu operations in %llu rounds of %zu users in %zu cells%s\n",
	       pathring_backend_name(backend),
	       (unsigned long long)done,
	       (unsigned long long)oracle.round,
	       oracle.num_whos,
	       oracle.num_cells,
	       caught ? ", interrupted" : "");
	talloc_free(oracle.handles);
	tree_remove(AT_FDCWD, oracle.tree_a);
	tree_remove(AT_FDCWD, oracle.tree_b);
	return ret == 0 ? EXIT_SUCCESS : EXIT_DIFFERENCE;
}

/* ---- the program ---- */

/* Fewer cells where not as many files may be open. */
static bool fit_limit(struct oracle_options *options)
{
	rlim_t wanted = options->depth * DESCRIPTORS_PER_CELL + SPARE_DESCRIPTORS;
	struct rlimit limit;
	int ret;

	ret = getrlimit(RLIMIT_NOFILE, &limit);
	if (ret == 0 && limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		ret = setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (ret == -1 || limit.rlim_cur < DESCRIPTORS_PER_CELL + SPARE_DESCRIPTORS) {
		fprintf(stderr, "oracle: too few files may be open (ulimit -n)\n");
		return false;
	}
	if (limit.rlim_cur < wanted) {
		options->depth = (limit.rlim_cur - SPARE_DESCRIPTORS) / DESCRIPTORS_PER_CELL;
		fprintf(stderr,
			"oracle: %llu files may be open (ulimit -n): --depth is %zu\n",
			(unsigned long long)limit.rlim_cur,
			options->depth);
	}
	return true;
}

static int run_all(const struct oracle_options *options, const char *directory)
{
	uint64_t wanted = options->operations / options->num_backends;
	int code = EXIT_SUCCESS;
	size_t i;

	if (wanted == 0) {
		wanted = 1;
	}
	for (i = 0; i < options->num_backends && code == EXIT_SUCCESS && !caught; i++) {
		code = run_backend(options, options->backends[i], directory, wanted);
	}
	verdict_print_table(stdout);
	return code;
}

static int run_in(const struct oracle_options *options)
{
	char directory[TREE_SPACE - 16];
	char resolved[PATH_MAX];
	const char *parent = realpath(options->directory, resolved);
	int length = 0;
	int code;
	int ret;

	if (parent != NULL) {
		length =
			snprintf(directory, sizeof(directory), "%s/pathring-oracle-XXXXXX", parent);
	}
	if (parent == NULL || length >= (int)sizeof(directory) || mkdtemp(directory) == NULL) {
		fprintf(stderr,
			"oracle: no directory can be made in %s: %s\n",
			options->directory,
			strerror(length >= (int)sizeof(directory) ? ENAMETOOLONG : errno));
		return EXIT_CANNOT;
	}
	ret = chmod(directory, 0755);
	if (ret == 0) {
		ret = chdir(directory);
	}
	if (ret == 0) {
		code = run_all(options, directory);
	} else {
		fprintf(stderr, "oracle: %s: %s\n", directory, strerror(errno));
		code = EXIT_CANNOT;
	}
	ret = chdir("/");
	if (ret == 0) {
		ret = tree_remove(AT_FDCWD, directory);
	}
	if (ret != 0) {
		fprintf(stderr, "oracle: %s could not be removed\n", directory);
		code = EXIT_DIFFERENCE;
	}
	return code;
}

int main(int argc, const char **argv)
{
	struct oracle_options options;
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	bool ok;
	int code;

	ok = options_parse(mem_ctx, argc, argv, &options);
	if (!ok) {
		return EXIT_USAGE;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "oracle: must run as root: it acts as other users\n");
		return EXIT_CANNOT;
	}
	ok = fit_limit(&options);
	if (!ok) {
		return EXIT_CANNOT;
	}
	printf("seed %llu\n", (unsigned long long)options.seed);
	fflush(stdout);
	install_signals();
	code = run_in(&options);
	talloc_free(mem_ctx);
	return caught ? 128 + caught : code;
}
