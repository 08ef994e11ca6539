/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories in which names stand for one file and then for another. Threads change them, at full
 * speed and in bursts with pauses: what is proven by nothing having changed must be wrong often,
 * but not always.
 */
#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 8
#define CHANGES_OF_A_PACE 400

static struct changer {
	pthread_t thread;
	struct scene *scene;
	struct random random;
	unsigned int number;
} changers[MAX_THREADS];

typedef char name_t[64];

static const char *some_name(const struct scene *scene, struct random *random, name_t name)
{
	snprintf(name, sizeof(name_t), scene->kind->pattern, random_below(random, NUM_NAMES));
	return name;
}

static const char *some_pool(const struct scene *scene, struct random *random, name_t name)
{
	snprintf(name, sizeof(name_t), "%u", random_below(random, scene->kind->pool));
	return name;
}

/* Another thread was faster; anything else is a defect of the test. */
static bool done(const char *what, int ret)
{
	if (ret == 0) {
		return true;
	}
	switch (errno) {
	case ENOENT:
	case EEXIST:
	case EBUSY:
	case EISDIR:
	case ENOTDIR:
		return false;
	default:
		die("%s: %s", what, strerror(errno));
	}
}

static void make_files(struct scene *scene)
{
	name_t name;
	unsigned int i;

	for (i = 0; i < NUM_NAMES; i++) {
		snprintf(name, sizeof(name), scene->kind->pattern, i);
		file_make(scene->names, name, KIND_FILE, 1 + i, NULL);
	}
	for (i = 0; i < scene->kind->pool; i++) {
		snprintf(name, sizeof(name), "%u", i);
		file_make(scene->pool, name, KIND_FILE, 1 + NUM_NAMES + i, NULL);
	}
}

/* ---- two names change places ---- */

static unsigned int exchange(struct scene *scene, struct random *random, unsigned int number)
{
	name_t one;
	name_t other;
	int ret;

	(void)number;
	some_name(scene, random, one);
	some_name(scene, random, other);
	ret = renameat2(scene->names, one, scene->names, other, RENAME_EXCHANGE);
	return done("exchange", ret) && strcmp(one, other) != 0 ? 2 : 0;
}

/* ---- the same, and the directory's time of modification is always that of old ---- */

static unsigned int forge(struct scene *scene, struct random *random, unsigned int number)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 1000000000, 5 } };
	unsigned int count = exchange(scene, random, number);

	done("utimens", futimens(scene->names, times));
	return count;
}

/* ---- hard links of other files are renamed over names ---- */

static unsigned int replace(struct scene *scene, struct random *random, unsigned int number)
{
	name_t from;
	name_t to;
	name_t other;
	bool ok;

	some_pool(scene, random, other);
	some_name(scene, random, to);
	snprintf(from, sizeof(from), ".new-%u", number);
	ok = done("link", linkat(scene->pool, other, scene->names, from, 0)) &&
	     done("rename", renameat(scene->names, from, scene->names, to));
	/* A rename between two links of one file does nothing at all. */
	if (unlinkat(scene->names, from, 0) == 0) {
		ok = false;
	}
	return ok ? 1 : 0;
}

/* ---- names are gone for a moment ---- */

static unsigned int recreate(struct scene *scene, struct random *random, unsigned int number)
{
	name_t other;
	name_t name;

	(void)number;
	some_pool(scene, random, other);
	some_name(scene, random, name);
	done("unlink", unlinkat(scene->names, name, 0));
	return done("link", linkat(scene->pool, other, scene->names, name, 0)) ? 1 : 0;
}

/* ---- a file goes away, another is there meanwhile, and it comes back ---- */

static unsigned int visit(struct scene *scene, struct random *random, unsigned int number)
{
	name_t away;
	name_t name;
	name_t other;
	bool visited;

	snprintf(away, sizeof(away), "away-%u", number);
	some_name(scene, random, name);
	some_pool(scene, random, other);
	if (!done("rename", renameat(scene->names, name, scene->pool, away))) {
		return 0;
	}
	visited = done("link", linkat(scene->pool, other, scene->names, name, 0));
	done("rename", renameat(scene->pool, away, scene->names, name));
	/* Two threads have chosen the same name, and it was the same file in the end. */
	unlinkat(scene->pool, away, 0);
	return visited ? 2 : 1;
}

/* ---- what a name stands for changes its type, too ---- */

static void make_kinds(struct scene *scene)
{
	static const enum kind kinds[] = { KIND_FILE, KIND_DIRECTORY, KIND_LINK,
					   KIND_FIFO, KIND_FILE,      KIND_LINK };
	char target[512];
	name_t name;
	unsigned int i;

	make_files(scene);
	for (i = 0; i < scene->kind->pool; i++) {
		unsigned int id = 1 + NUM_NAMES + scene->kind->pool + i;
		enum kind kind = kinds[i % (sizeof(kinds) / sizeof(kinds[0]))];

		if (kind == KIND_LINK) {
			snprintf(name, sizeof(name), "outside-%u", i);
			file_make(scene->pool, name, KIND_FILE, FIRST_OUTSIDE + i, NULL);
		}
		/* One in three leads to a file outside by an absolute path. */
		snprintf(target,
			 sizeof(target),
			 i % 3 == 0 ? "%s/pool/outside-%u" : "%.0s../pool/outside-%u",
			 scene->path,
			 i);
		snprintf(name, sizeof(name), "kind-%u", i);
		file_make(scene->pool, name, kind, id, target);
	}
}

static unsigned int change_kind(struct scene *scene, struct random *random, unsigned int number)
{
	name_t other;
	name_t name;
	int ret;

	(void)number;
	some_name(scene, random, name);
	snprintf(other, sizeof(other), "kind-%u", random_below(random, scene->kind->pool));
	ret = renameat2(scene->names, name, scene->pool, other, RENAME_EXCHANGE);
	return done("exchange of kinds", ret) ? 1 : 0;
}

/* ---- names of more than one component, whose directories change, and change places ---- */

static void make_below(struct scene *scene)
{
	static const char *const directories[] = { "sub", "other" };
	unsigned int i;
	unsigned int j;

	for (i = 0; i < 2; i++) {
		if (mkdirat(scene->names, directories[i], 0755) == -1) {
			die("%s: %s", directories[i], strerror(errno));
		}
		for (j = 0; j < NUM_NAMES; j++) {
			name_t name;

			snprintf(name, sizeof(name), "%s/file-%u", directories[i], j);
			file_make(scene->names, name, KIND_FILE, 1 + i * NUM_NAMES + j, NULL);
		}
	}
}

static unsigned int change_below(struct scene *scene, struct random *random, unsigned int number)
{
	if (random_below(random, 4) > 0) {
		return exchange(scene, random, number);
	}
	done("exchange of directories",
	     renameat2(scene->names, "sub", scene->names, "other", RENAME_EXCHANGE));
	return NUM_NAMES;
}

/* ---- who may search the directory changes, too ---- */

static unsigned int deny(struct scene *scene, struct random *random, unsigned int number)
{
	unsigned int count = exchange(scene, random, number);

	done("fchmod", fchmod(scene->names, random_below(random, 3) == 0 ? 0700 : 0755));
	return count;
}

/* ---- another file is mounted over a name: the directory does not change at all ---- */

static unsigned int mount_over(struct scene *scene, struct random *random, unsigned int number)
{
	char from[512];
	char to[512];
	name_t name;

	/* The directory is to stay as it is most of the time. */
	if (random_below(random, 64) == 0) {
		return exchange(scene, random, number);
	}
	snprintf(from, sizeof(from), "%s/pool/%s", scene->path, some_pool(scene, random, name));
	snprintf(to, sizeof(to), "%s/names/%s", scene->path, some_name(scene, random, name));
	if (!done("mount", mount(from, to, NULL, MS_BIND, NULL))) {
		return 0;
	}
	/* In between the name may have been exchanged, and the mount with it. */
	umount2(to, MNT_DETACH | UMOUNT_NOFOLLOW);
	return 2;
}

const struct scene_kind scene_kinds[] = {
	{ .name = "exchange",
	  .pattern = "file-%u",
	  .pool = 1,
	  .make = make_files,
	  .change = exchange,
	  .rarity = 50 },
	{ .name = "forge",
	  .pattern = "file-%u",
	  .pool = 1,
	  .make = make_files,
	  .change = forge,
	  .rarity = 50 },
	{ .name = "replace",
	  .pattern = "file-%u",
	  .pool = 40,
	  .make = make_files,
	  .change = replace,
	  .rarity = 50 },
	{ .name = "recreate",
	  .pattern = "file-%u",
	  .pool = 40,
	  .make = make_files,
	  .change = recreate,
	  .rarity = 50 },
	{ .name = "visit",
	  .pattern = "file-%u",
	  .pool = 40,
	  .make = make_files,
	  .change = visit,
	  .moves = true,
	  .rarity = 1000 },
	{ .name = "kinds",
	  .pattern = "file-%u",
	  .pool = 40,
	  .make = make_kinds,
	  .change = change_kind,
	  .moves = true,
	  .rarity = 50 },
	{ .name = "below",
	  .pattern = "sub/file-%u",
	  .make = make_below,
	  .change = change_below,
	  .rarity = 50 },
	{ .name = "deny",
	  .pattern = "file-%u",
	  .pool = 1,
	  .make = make_files,
	  .change = deny,
	  .denies = true,
	  .rarity = 100 },
	{ .name = "mount",
	  .pattern = "file-%u",
	  .pool = 40,
	  .make = make_files,
	  .change = mount_over,
	  .moves = true,
	  .rarity = 1000 },
};
const size_t num_scene_kinds = sizeof(scene_kinds) / sizeof(scene_kinds[0]);

/* ---- the threads ---- */

static void pause_usec(unsigned int usec)
{
	const struct timespec time = { .tv_nsec = (long)usec * 1000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static void *changer_run(void *arg)
{
	/* The longest pause between two bursts, and how many changes one has. */
	static const unsigned int pauses[] = { 0, 0, 30, 100, 300, 1000 };
	struct changer *changer = arg;
	struct scene *scene = changer->scene;
	struct random *random = &changer->random;

	prctl(PR_SET_TIMERSLACK, 1);
	while (!atomic_load(&scene->stop)) {
		unsigned int pause =
			pauses[random_below(random, sizeof(pauses) / sizeof(pauses[0]))];
		unsigned int count = CHANGES_OF_A_PACE / (1 + pause / 30);

		for (; count > 0 && !atomic_load(&scene->stop); count--) {
			unsigned int burst = 1 + random_below(random, 3);

			for (; burst > 0; burst--) {
				unsigned int changed =
					scene->kind->change(scene, random, changer->number);

				atomic_fetch_add(&scene->changes, changed);
			}
			if (pause > 0) {
				pause_usec(random_below(random, pause));
			}
		}
	}
	return NULL;
}

static int make_directory(int dirfd, const char *name)
{
	int fd;

	if (mkdirat(dirfd, name, 0755) == -1) {
		die("%s: %s", name, strerror(errno));
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		die("%s: %s", name, strerror(errno));
	}
	return fd;
}

void scene_begin(struct scene *scene,
		 const struct scene_kind *kind,
		 int dirfd,
		 const char *path,
		 unsigned int threads,
		 uint64_t seed)
{
	unsigned int i;

	file_forget_all();
	*scene = (struct scene) { .kind = kind, .path = path, .threads = threads };
	scene->names = make_directory(dirfd, "names");
	scene->pool = make_directory(dirfd, "pool");
	kind->make(scene);
	for (i = 0; i < threads; i++) {
		int ret;

		changers[i] = (struct changer) { .scene = scene,
						 .random = { .state = seed + 1 + i },
						 .number = i };
		ret = pthread_create(&changers[i].thread, NULL, changer_run, &changers[i]);
		if (ret != 0) {
			die("no thread: %s", strerror(ret));
		}
	}
}

void scene_end(struct scene *scene)
{
	unsigned int i;

	atomic_store(&scene->stop, true);
	for (i = 0; i < scene->threads; i++) {
		pthread_join(changers[i].thread, NULL);
	}
	close(scene->names);
	close(scene->pool);
}
