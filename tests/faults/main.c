/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random steps with an engine whose kernel fails: see --help.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "attempt.h"
#include "report.h"

#define DEFAULT_STEPS 100000

/* More would only wait for one another. */
#define MAX_PENDING 300

/* How often all that can be looked at is looked at. */
#define CHECK_EVERY 64

struct arguments {
	uint64_t seed;
	uint64_t steps;
	enum pathring_backend backend;
	bool serial;
	const char *directory; /* NULL: the first that will do */
};

static void step_wait(void)
{
	struct attempt *attempt = attempt_any_of(FORM_REQUEST);

	if (attempt != NULL) {
		attempt_wait(attempt);
	}
}

static void step_free(void)
{
	struct attempt *attempt = attempt_any();

	if (attempt != NULL) {
		attempt_free(attempt);
	}
}

static void step_cancel(void)
{
	struct attempt *attempt = attempt_any_of(FORM_SEND);

	if (attempt != NULL) {
		attempt_cancel(attempt);
	}
}

static void step_submit(void)
{
	life.inside++;
	pathring_submit(life.ring);
	life.inside--;
}

static void step_free_handle(void)
{
	struct open_handle *open = handles_any(&life.random);

	if (open != NULL) {
		handles_free(open);
	}
}

/* As a server does that has switched already. */
static void step_impersonate(void)
{
	unsigned int user = 1 + random_below(&life.random, NUM_USERS - 1);
	unsigned int count = random_below(&life.random, 4);

	life_impersonate(user);
	while (count > 0 && attempts_pending() < MAX_PENDING) {
		attempt_new();
		count--;
	}
	if (random_below(&life.random, 2) == 0) {
		step_submit();
	}
	life_impersonate_end(user);
}

static void as_user(void *private_data)
{
	const unsigned int *user = private_data;

	life_check_user(*user);
	attempt_new();
}

static void step_run_as(void)
{
	unsigned int user = random_below(&life.random, NUM_USERS);
	int ret;

	ret = pathring_run_as(life.ring, life_identity(user), as_user, &user);
	if (ret < 0) {
		fail("pathring_run_as: %s", strerror(-ret));
	}
}

static void step_turns(void)
{
	unsigned int count = 1 + random_below(&life.random, 4);

	while (count > 0 && life.ring != NULL) {
		life_turn();
		count--;
	}
}

static void step_forget_identity(void)
{
	life_forget_identity(1 + random_below(&life.random, NUM_USERS - 1));
}

/* Steps of each kind, in a thousand. The rest makes new requests, and turns of the loop. */
static const struct step {
	unsigned int share;
	void (*run)(void);
} steps[] = {
	{ 30, step_wait },
	{ 30, step_free },
	{ 10, step_cancel },
	{ 30, step_submit },
	{ 30, step_free_handle },
	{ 10, step_impersonate },
	{ 10, step_run_as },
	{ 20, attempts_free_some_finished },
	{ 20, step_forget_identity },
	{ 1, life_drain },
	{ 1, life_replace_other_loop },
};

static void one_step(void)
{
	unsigned int choice = random_below(&life.random, 1000);
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (choice < steps[i].share) {
			steps[i].run();
			return;
		}
		choice -= steps[i].share;
	}
	if (choice < life.turns || attempts_pending() >= MAX_PENDING) {
		step_turns();
	} else {
		attempt_new();
	}
}

static void show_progress(const struct arguments *arguments, uint64_t step)
{
	static time_t last;
	time_t now = time(NULL);

	if (last == 0) {
		last = now;
	}
	if (now >= last + 5) {
		last = now;
		fprintf(stderr,
			"faults: step %" PRIu64 " of %" PRIu64 ", engine %u\n",
			step,
			arguments->steps,
			life.number);
	}
}

static void run_steps(const struct arguments *arguments)
{
	uint64_t step;

	life_begin(arguments->backend);
	for (step = 1; step <= arguments->steps && report_signal() == 0; step++) {
		report_step(step);
		one_step();
		life_check();
		if (step % CHECK_EVERY == 0) {
			life_check_all();
			show_progress(arguments, step);
		}
		life.steps_left--;
		if (life.ring == NULL || life.steps_left == 0 ||
		    (life.steps_left % 64 == 0 && life_is_refused())) {
			life_end();
			life_begin(arguments->backend);
		}
	}
	life_end();
}

static void show_totals(const struct arguments *arguments)
{
	static const char *const names[NUM_INJECTED] = {
		[INJECTED_RING] = "rings refused",
		[INJECTED_SUBMIT] = "submissions refused",
		[INJECTED_FEW] = "submissions cut short",
		[INJECTED_OUTAGE] = "rings lost",
		[INJECTED_ENTRY] = "entries failed",
		[INJECTED_TRANSFER] = "transfers cut short",
		[INJECTED_UNCACHED] = "opens overtaken",
		[INJECTED_LATE] = "completions held back",
		[INJECTED_DISORDER] = "times completions were shuffled",
		[INJECTED_REGISTERED] = "registrations refused",
		[INJECTED_THREAD] = "threads refused",
		[INJECTED_IDLE] = "threads ended early",
	};
	uint64_t made = 0;
	unsigned int i;

	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		made += attempt_totals.made[i];
	}
	printf("seed %" PRIu64 ": %" PRIu64 " steps, %u engines (%" PRIu64 " uring, %" PRIu64
	       " threads, %" PRIu64 " sync, %" PRIu64 " refused or not used)\n",
	       arguments->seed,
	       report_current_step(),
	       life.number,
	       life.backends[PATHRING_BACKEND_URING],
	       life.backends[PATHRING_BACKEND_THREADS],
	       life.backends[PATHRING_BACKEND_SYNC],
	       life.backends[PATHRING_BACKEND_AUTO]);
	printf("%" PRIu64 " requests: %" PRIu64 " ended as they must, %" PRIu64
	       " with an error put there, %" PRIu64 " freed early, %" PRIu64
	       " timed out, cancelled or busy; %" PRIu64 " were waited for\n",
	       made,
	       attempt_totals.right,
	       attempt_totals.failed,
	       attempt_totals.freed,
	       attempt_totals.doubtful,
	       attempt_totals.waited);
	for (i = 0; i < NUM_INJECTED; i++) {
		printf("%s%" PRIu64 " %s", i > 0 ? ", " : "", injector_count(i), names[i]);
	}
	printf("\n");
}

/* ---- the command line ---- */

static bool parse_number(const char *option, const char *text, uint64_t *number)
{
	char *end = NULL;

	if (text == NULL) {
		return true;
	}
	errno = 0;
	*number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
		fprintf(stderr, "faults: --%s %s: expected a number\n", option, text);
		return false;
	}
	return true;
}

static bool parse_backend(const char *text, enum pathring_backend *backend)
{
	int i;

	if (text == NULL || strcmp(text, "any") == 0) {
		return true;
	}
	for (i = PATHRING_BACKEND_URING; i <= PATHRING_BACKEND_SYNC; i++) {
		if (strcmp(text, pathring_backend_name(i)) == 0) {
			*backend = i;
			return true;
		}
	}
	fprintf(stderr, "faults: --backend %s: expected any, uring, threads or sync\n", text);
	return false;
}

/* Returns what main() is to return, or -1. */
static int parse(int argc, const char **argv, struct arguments *arguments)
{
	char *seed = NULL;
	char *count = NULL;
	char *backend = NULL;
	char *directory = NULL;
	int serial = 0;
	int help = 0;
	const struct poptOption options[] = {
		{ "seed",
		  's',
		  POPT_ARG_STRING,
		  &seed,
		  0,
		  "what decides everything [another]",
		  "N" },
		{ "steps", 'n', POPT_ARG_STRING, &count, 0, "how many [100000]", "N" },
		{ "backend",
		  'b',
		  POPT_ARG_STRING,
		  &backend,
		  0,
		  "any [in turn], uring, threads, sync",
		  "NAME" },
		{ "serial",
		  0,
		  POPT_ARG_NONE,
		  &serial,
		  0,
		  "the ring runs one entry at a time and no thread helps it: the same seed gives the same run",
		  NULL },
		{ "dir",
		  'd',
		  POPT_ARG_STRING,
		  &directory,
		  0,
		  "for the scratch directory, with user xattrs [/dev/shm or /var/tmp]",
		  "PATH" },
		{ "help", 'h', POPT_ARG_NONE, &help, 0, "this text", NULL },
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext(NULL, argc, argv, options, 0);
	bool ok;
	int ret;

	ret = poptGetNextOpt(context);
	if (ret < -1) {
		fprintf(stderr, "faults: %s: %s\n", poptBadOption(context, 0), poptStrerror(ret));
		poptFreeContext(context);
		return EXIT_USAGE;
	}
	if (help) {
		poptSetOtherOptionHelp(context, "[OPTION...]");
		poptPrintHelp(context, stdout, 0);
		printf("\nRandom steps with engine after engine whose kernel fails, is late and mixes up\n"
		       "the order, by seed. Each outcome is compared with what is known of the files.\n"
		       "Exit code: 0 all was right, 1 something was not, 2 bad usage, 77 can't run here.\n");
		poptFreeContext(context);
		return 0;
	}
	ok = poptPeekArg(context) == NULL;
	if (!ok) {
		fprintf(stderr, "faults: unexpected argument %s\n", poptPeekArg(context));
	}
	ok = ok && parse_number("seed", seed, &arguments->seed) &&
	     parse_number("steps", count, &arguments->steps) &&
	     parse_backend(backend, &arguments->backend);
	arguments->serial = serial != 0;
	if (ok && arguments->serial && arguments->backend == PATHRING_BACKEND_THREADS) {
		fprintf(stderr, "faults: --serial: threads are never serial\n");
		ok = false;
	}
	if (directory != NULL) {
		arguments->directory = directory;
	}
	free(seed);
	free(count);
	free(backend);
	poptFreeContext(context);
	return ok ? -1 : EXIT_USAGE;
}

/* Open to everyone, and with user xattrs, which tmpfs has since Linux 6.6. */
static const char *find_directory(void)
{
	static const char *const parents[] = { "/dev/shm", "/var/tmp" };
	size_t i;

	for (i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		bool has_xattrs;
		int fd;

		fd = open(parents[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (fd == -1) {
			continue;
		}
		has_xattrs = fsetxattr(fd, DATA_XATTR, "", 0, 0) == 0;
		close(fd);
		if (has_xattrs) {
			return parents[i];
		}
	}
	return NULL;
}

int main(int argc, const char **argv)
{
	struct arguments arguments = {
		.steps = DEFAULT_STEPS,
	};
	struct random random;
	int ret;

	ret = (int)getrandom(&arguments.seed, 4, 0);
	(void)ret;
	ret = parse(argc, argv, &arguments);
	if (ret >= 0) {
		return ret;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "faults: must run as root: it acts as other users\n");
		return EXIT_UNABLE;
	}
	if (arguments.directory == NULL) {
		arguments.directory = find_directory();
	}
	if (arguments.directory == NULL) {
		fprintf(stderr, "faults: neither /dev/shm nor /var/tmp has user xattrs: --dir\n");
		return EXIT_UNABLE;
	}
	printf("faults: seed %" PRIu64 ", %" PRIu64 " steps\n", arguments.seed, arguments.steps);
	fflush(stdout);

	if (!report_begin(arguments.seed)) {
		fail_call("signal handlers");
	}
	random.counter = arguments.seed;
	world_create(arguments.directory, &random);
	life_init(arguments.seed, arguments.serial);
	injector_init(arguments.seed, arguments.serial);
	run_steps(&arguments);
	life_finish();
	world_remove();
	show_totals(&arguments);
	return report_signal() != 0 ? 128 + report_signal() : 0;
}
