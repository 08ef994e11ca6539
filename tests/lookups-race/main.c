/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scene after scene, a line of TAP each: see --help.
 */
#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define MAX_THREADS 8

static char scratch[300];

struct arguments {
	struct look look;
	unsigned int threads;
	const char *dir;
	const char *scene; /* NULL: all */
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_scratch(void)
{
	if (scratch[0] != '\0') {
		nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	}
}

void die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "race: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	/* Other threads may be at work: no handlers of exit. */
	fflush(NULL);
	_exit(1);
}

/* splitmix64 */
uint64_t random_next(struct random *random)
{
	uint64_t mixed = random->state += 0x9e3779b97f4a7c15ULL;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
	return mixed ^ mixed >> 31;
}

unsigned int random_below(struct random *random, unsigned int limit)
{
	return (unsigned int)(random_next(random) % limit);
}

/* What is mounted is nobody else's business. */
static void own_mounts(void)
{
	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1) {
		die("no mount namespace: %s", strerror(errno));
	}
}

static bool run_scene(const struct arguments *arguments, const struct scene_kind *kind)
{
	const struct look *look_at = &arguments->look;
	struct look_result result;
	struct scene scene;
	bool ok = false;
	int fd;

	snprintf(scratch, sizeof(scratch), "%s/race-XXXXXX", arguments->dir);
	if (mkdtemp(scratch) == NULL || chmod(scratch, 0755) == -1) {
		die("%s: %s", scratch, strerror(errno));
	}
	fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		die("%s: %s", scratch, strerror(errno));
	}
	scene_begin(&scene, kind, fd, scratch, arguments->threads, look_at->seed);
	look(look_at, &scene, &result);
	scene_end(&scene);
	close(fd);
	remove_scratch();
	if (result.wrong > 0) {
		printf("not ok %s - %" PRIu64 " of %" PRIu64 " look-ups are wrong, the first: %s\n",
		       kind->name,
		       result.wrong,
		       result.lookups,
		       result.first);
	} else if (result.lookups < look_at->lookups ||
		   result.others < look_at->lookups / kind->rarity) {
		printf("not ok %s - in %u seconds only %" PRIu64 " look-ups, and %" PRIu64
		       " times another file than before\n",
		       kind->name,
		       look_at->seconds,
		       result.lookups,
		       result.others);
	} else {
		printf("ok %s\n", kind->name);
		ok = true;
	}
	printf("# %s: %" PRIu64 " look-ups, %" PRIu64 " found a file, %" PRIu64
	       " another than before; %" PRIu64 " names changed\n",
	       kind->name,
	       result.lookups,
	       result.found,
	       result.others,
	       (uint64_t)atomic_load(&scene.changes));
	fflush(stdout);
	return ok;
}

static void usage(FILE *to)
{
	size_t i;

	fprintf(to,
		"usage: race [OPTION]...\n\n"
		"Looks up names whose files change meanwhile, by threads that rename, replace, recreate\n"
		"and mount. What each look-up says must be of one file. Needs root, and a file system with\n"
		"user and trusted xattrs. A line of TAP for each scene; exit code 1 if one fails.\n\n"
		"  --dir DIR       for the scratch directory [.]\n"
		"  --lookups N     in each scene, at least [20000]\n"
		"  --seconds N     that each scene may take [60]\n"
		"  --threads N     that make changes, 1 to %u [2]\n"
		"  --scene NAME    only this one:",
		MAX_THREADS);
	for (i = 0; i < num_scene_kinds; i++) {
		fprintf(to, " %s", scene_kinds[i].name);
	}
	fprintf(to,
		"\n"
		"  --backend NAME  auto, uring, threads or sync [auto]\n"
		"  --seed N        of what is drawn, though not of when it happens [another each time]\n"
		"  --help          print this text\n");
}

static uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	unsigned long long value;
	char *end = NULL;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min ||
	    value > max) {
		fprintf(stderr,
			"race: --%s %s: expected a number from %" PRIu64 " to %" PRIu64 "\n",
			option,
			text,
			min,
			max);
		exit(EXIT_USAGE);
	}
	return value;
}

static enum pathring_backend backend_of(const char *text)
{
	int i;

	for (i = PATHRING_BACKEND_AUTO; i <= PATHRING_BACKEND_SYNC; i++) {
		if (strcmp(text, pathring_backend_name(i)) == 0) {
			return i;
		}
	}
	fprintf(stderr, "race: --backend %s: expected auto, uring, threads or sync\n", text);
	exit(EXIT_USAGE);
}

static void check_scene(const char *name)
{
	size_t i;

	for (i = 0; i < num_scene_kinds; i++) {
		if (strcmp(name, scene_kinds[i].name) == 0) {
			return;
		}
	}
	fprintf(stderr, "race: --scene %s: there is none\n", name);
	exit(EXIT_USAGE);
}

static void parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "lookups", required_argument, NULL, 'l' },
		{ "seconds", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' },
		{ "scene", required_argument, NULL, 'c' },
		{ "backend", required_argument, NULL, 'b' },
		{ "seed", required_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;
	int which = 0;

	while ((letter = getopt_long(argc, argv, "", options, &which)) != -1) {
		const char *option = options[which].name;

		switch (letter) {
		case 'd':
			arguments->dir = optarg;
			break;
		case 'l':
			arguments->look.lookups = number(option, optarg, 1, UINT64_MAX);
			break;
		case 's':
			arguments->look.seconds = (unsigned int)number(option, optarg, 1, 86400);
			break;
		case 't':
			arguments->threads = (unsigned int)number(option, optarg, 1, MAX_THREADS);
			break;
		case 'c':
			check_scene(optarg);
			arguments->scene = optarg;
			break;
		case 'b':
			arguments->look.backend = backend_of(optarg);
			break;
		case 'e':
			arguments->look.seed = number(option, optarg, 0, UINT64_MAX);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		usage(stderr);
		exit(EXIT_USAGE);
	}
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.look = { .seed = (uint64_t)time(NULL) << 20 | (uint64_t)getpid(),
			  .lookups = 20000,
			  .seconds = 60 },
		.threads = 2,
		.dir = ".",
	};
	char dir[PATH_MAX];
	bool ok = true;
	size_t i;

	parse(argc, argv, &arguments);
	if (realpath(arguments.dir, dir) == NULL || strlen(dir) > 200) {
		die("%s: %s", arguments.dir, errno != 0 ? strerror(errno) : "a path too long");
	}
	arguments.dir = dir;
	if (geteuid() != 0) {
		die("must run as root");
	}
	umask(0);
	own_mounts();
	printf("# seed %" PRIu64 "\n", arguments.look.seed);
	for (i = 0; i < num_scene_kinds; i++) {
		if (arguments.scene == NULL || strcmp(arguments.scene, scene_kinds[i].name) == 0) {
			ok = run_scene(&arguments, &scene_kinds[i]) && ok;
		}
	}
	return ok ? 0 : 1;
}
