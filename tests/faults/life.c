/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engines, one after the other, each with options and a weather of its own, and what is the same
 * before and after each: descriptors, threads, credentials.
 */
#include "life.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attempt.h"
#include "clock.h"
#include "report.h"

/* What the process has all along. A umask that takes much away shows where it is applied. */
#define PROCESS_UMASK 077

#define DRAIN_SECONDS 60

struct life life;

static unsigned int log_messages;

/* ---- what must stay as it is ---- */

static unsigned int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	if (dir == NULL) {
		fail_call("/proc/self/fd");
	}
	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	/* ".", ".." and that of dir */
	return count - 3;
}

static void show_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry = NULL;
	char target[256];
	ssize_t length;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		length = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (length > 0) {
			target[length] = '\0';
			fprintf(stderr,
				"faults: descriptor %s: %s%s\n",
				entry->d_name,
				target,
				handles_have(atoi(entry->d_name)) ? " (of a handle)" : "");
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
}

/* Kernel workers are shown as threads of the process, and come and go as they like. */
static bool is_kernel_worker(const char *task)
{
	char path[300];
	char name[8] = "";
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		/* It has just ended. */
		return true;
	}
	got = read(fd, name, sizeof(name) - 1);
	close(fd);
	return got <= 0 || strncmp(name, "iou-", 4) == 0;
}

static unsigned int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry = NULL;
	unsigned int count = 0;

	if (dir == NULL) {
		fail_call("/proc/self/task");
	}
	while ((entry = readdir(dir)) != NULL) {
		count += entry->d_name[0] != '.' && !is_kernel_worker(entry->d_name);
	}
	closedir(dir);
	return count;
}

static void check_user(uid_t uid, gid_t gid)
{
	uid_t real_uid = 0;
	gid_t real_gid = 0;

	real_uid = (uid_t)syscall(SYS_geteuid);
	real_gid = (gid_t)syscall(SYS_getegid);
	if (real_uid != uid || real_gid != gid) {
		fail("the thread is user %u:%u now, and was %u:%u", real_uid, real_gid, uid, gid);
	}
}

void life_check(void)
{
	check_user(0, 0);
}

static void check_process(void)
{
	struct stat here;
	mode_t mask;
	long groups;
	int ret;

	check_user(0, 0);
	groups = syscall(SYS_getgroups, 0, NULL);
	if (groups != 0) {
		fail("the thread is in %ld groups now, and was in none", groups);
	}
	mask = umask(PROCESS_UMASK);
	if (mask != PROCESS_UMASK) {
		fail("the umask is %o now", mask);
	}
	ret = stat(".", &here);
	if (ret == -1 || here.st_ino != world.inode) {
		fail("the working directory is another one now");
	}
}

void life_check_all(void)
{
	struct pathring_stats stats;
	size_t blocks;

	check_process();
	if (life.ring == NULL) {
		return;
	}
	pathring_stats(life.ring, &stats);
	if (stats.personalities > life.options.max_personalities) {
		fail("%zu personalities, %u may be",
		     stats.personalities,
		     life.options.max_personalities);
	}
	/* Itself, its backend, messages, and for each request or identity one. */
	blocks = talloc_total_blocks(life.ring);
	if (blocks > 200 + stats.identities * 2 + stats.queued + stats.in_flight +
			     attempts_pending() + attempts_finished()) {
		fail("the engine has %zu blocks of memory for %zu identities, %zu queued, %zu in "
		     "flight, %u pending",
		     blocks,
		     stats.identities,
		     stats.queued,
		     stats.in_flight,
		     attempts_pending());
	}
}

/* ---- identities ---- */

struct pathring_identity *life_identity(unsigned int number)
{
	const struct user *user = &world.users[number];
	struct pathring_identity **identity = &life.identities[number];
	int ret;

	if (number == 0) {
		return pathring_identity_process(life.ring);
	}
	if (*identity == NULL) {
		ret = pathring_identity_unix(life.ring,
					     NULL,
					     user->uid,
					     user->gid,
					     user->groups,
					     user->num_groups,
					     identity);
		if (ret < 0) {
			fail("pathring_identity_unix: %s", strerror(-ret));
		}
	}
	return *identity;
}

void life_forget_identity(unsigned int number)
{
	TALLOC_FREE(life.identities[number]);
}

static void switch_to(uid_t uid, gid_t gid, const gid_t *groups, size_t num_groups)
{
	long ret;

	ret = syscall(SYS_setresuid, -1, 0, -1);
	if (ret == 0) {
		ret = syscall(SYS_setgroups, num_groups, groups);
	}
	if (ret == 0) {
		ret = syscall(SYS_setresgid, -1, gid, -1);
	}
	if (ret == 0) {
		ret = syscall(SYS_setresuid, -1, uid, -1);
	}
	if (ret == -1) {
		fail_call("switching to another user");
	}
}

void life_check_user(unsigned int number)
{
	check_user(world.users[number].uid, world.users[number].gid);
}

void life_become_root(void)
{
	switch_to(0, 0, NULL, 0);
}

void life_impersonate(unsigned int number)
{
	const struct user *user = &world.users[number];
	struct pathring_identity *current = NULL;
	int ret;

	switch_to(user->uid, user->gid, user->groups, user->num_groups);
	life.inside++;
	ret = pathring_identity_current(life.ring, NULL, &current);
	life.inside--;
	life_check_user(number);
	if (ret < 0) {
		fail("pathring_identity_current: %s", strerror(-ret));
	}
	life_forget_identity(number);
	life.identities[number] = current;
}

void life_impersonate_end(unsigned int number)
{
	life_check_user(number);
	life_become_root();
}

/* ---- loops ---- */

static void
always_ready(struct tevent_context *ev, struct tevent_fd *fde, uint16_t flags, void *private_data)
{
	(void)ev;
	(void)fde;
	(void)flags;
	(void)private_data;
}

static struct tevent_context *make_loop(void)
{
	struct tevent_context *ev = tevent_context_init(NULL);
	struct tevent_fd *fde = NULL;

	if (ev != NULL) {
		fde = tevent_add_fd(ev, ev, life.ready_fd, TEVENT_FD_READ, always_ready, NULL);
	}
	if (fde == NULL) {
		fail("no event context");
	}
	return ev;
}

static void turn_of(struct tevent_context *ev)
{
	int ret;

	ret = tevent_loop_once(ev);
	if (ret != 0) {
		fail_call("tevent_loop_once");
	}
	life_check();
}

void life_turn(void)
{
	turn_of(life.ev);
	if (random_below(&life.random, 4) == 0) {
		turn_of(life.other_ev);
	}
}

void life_replace_other_loop(void)
{
	struct tevent_context *old = life.other_ev;
	bool first = random_below(&life.random, 2) == 0;

	/* Either may go first. */
	if (first) {
		TALLOC_FREE(old);
	}
	attempts_free_elsewhere();
	TALLOC_FREE(old);
	life.other_ev = make_loop();
}

static bool is_drained(void)
{
	struct pathring_stats stats;

	if (attempts_pending() > 0) {
		return false;
	}
	if (life.ring == NULL) {
		return true;
	}
	pathring_stats(life.ring, &stats);
	return stats.queued == 0 && stats.in_flight == 0;
}

static void drain_failed(void)
{
	struct pathring_stats stats = { 0 };

	if (life.ring != NULL) {
		pathring_stats(life.ring, &stats);
	}
	fail("after %u s %u requests are not complete (%u of them in a loop of their own), "
	     "%zu queued, %zu in flight",
	     DRAIN_SECONDS,
	     attempts_pending(),
	     attempts_pending_elsewhere(),
	     stats.queued,
	     stats.in_flight);
}

void life_drain(void)
{
	time_t end = time(NULL) + DRAIN_SECONDS;

	while (!is_drained()) {
		turn_of(life.ev);
		turn_of(life.other_ev);
		if (time(NULL) > end) {
			drain_failed();
		}
	}
}

/* ---- engines ---- */

static void count_message(void *private_data, enum pathring_log_level level, const char *message)
{
	(void)private_data;
	(void)level;
	if (message == NULL || message[0] == '\0') {
		fail("an empty log message");
	}
	log_messages++;
}

static unsigned int any_of(const unsigned int *values, size_t count)
{
	return values[random_below(&life.random, (unsigned int)count)];
}

#define ANY_OF(values) any_of(values, sizeof(values) / sizeof((values)[0]))

static void choose_weather(void)
{
	static const unsigned int chances[] = { 0, 0, 1000, 10000, 50000, 200000 };
	/* What costs time whenever it happens. */
	static const unsigned int rare[] = { 0, 0, 1000, 5000, 30000 };
	static const unsigned int rings[] = { 0, 0, 0, 0, 100000, 500000, 900000 };
	/* By submission, and once is for good. */
	static const unsigned int outages[] = { 0, 0, 0, 0, 300, 1000, 10000 };
	static const unsigned int lates[] = { 0, 50000, 300000, 900000 };
	struct weather weather = {
		.ring = ANY_OF(rings),
		.submit = ANY_OF(rare),
		.few = ANY_OF(rare),
		.outage = ANY_OF(outages),
		.entry = ANY_OF(chances),
		.transfer = ANY_OF(lates),
		.uncached = ANY_OF(lates),
		.late = ANY_OF(lates),
		.disorder = ANY_OF(lates),
		.registered = ANY_OF(chances),
		.thread = ANY_OF(lates),
		.idle = ANY_OF(chances),
		.longest = 1U << random_below(&life.random, 8),
	};

	injector_set_weather(&weather);
}

static enum pathring_backend choose_backend(void)
{
	switch (random_below(&life.random, 8)) {
	case 0:
		return life.serial ? PATHRING_BACKEND_SYNC : PATHRING_BACKEND_THREADS;
	case 1:
		return PATHRING_BACKEND_SYNC;
	case 2:
		return PATHRING_BACKEND_URING;
	default:
		return PATHRING_BACKEND_AUTO;
	}
}

static void choose_options(enum pathring_backend backend)
{
	static const unsigned int entries[] = { 16, 16, 32, 64, 256 };
	static const unsigned int requests[] = { 0, 0, 0, 20, 100 };
	static const unsigned int threads[] = { 1, 2, 4, 8 };
	static const unsigned int personalities[] = { 2, 3, 5, 8, 100 };
	static const unsigned int turns[] = { 30, 100, 200, 400 };
	/* Where the ring is to be tested, it must be used. */
	static const unsigned int pins[] = { PATHRING_PIN_LEARNED, PATHRING_PIN_INLINE,
					     PATHRING_PIN_RING,	   PATHRING_PIN_RING,
					     PATHRING_PIN_RING,	   PATHRING_PIN_THREAD };

	life.options = (struct pathring_options) {
		.backend = backend,
		.entries = ANY_OF(entries),
		.max_requests = ANY_OF(requests),
		.max_threads = ANY_OF(threads),
		.max_personalities = ANY_OF(personalities),
		.pin = life.serial ? PATHRING_PIN_RING : ANY_OF(pins),
		.without_o_path = random_below(&life.random, 6) == 0,
		.log_fn = count_message,
	};
	life.turns = ANY_OF(turns);
}

void life_begin(enum pathring_backend backend)
{
	int ret;

	choose_weather();
	choose_options(backend != PATHRING_BACKEND_AUTO ? backend : choose_backend());
	injector_begin(life.options.max_personalities);
	life.number++;
	life.steps_left = 200 + random_below(&life.random, 3000);
	ret = pathring_create(NULL, life.ev, &life.options, &life.ring);
	if (ret < 0) {
		fail("pathring_create: %s", strerror(-ret));
	}
	if (random_below(&life.random, 4) == 0) {
		life.inside++;
		pathring_start(life.ring);
		life.inside--;
	}
}

/* Known from its first use on; nobody asks before. */
bool life_is_refused(void)
{
	if (life.ring != NULL) {
		return pathring_backend(life.ring) == PATHRING_BACKEND_AUTO;
	}
	return life.refused;
}

void life_destroy(void)
{
	enum pathring_backend backend = pathring_backend(life.ring);
	unsigned int i;

	life.backends[backend]++;
	life.refused = backend == PATHRING_BACKEND_AUTO;
	attempts_engine_goes();
	life.inside++;
	talloc_free(life.ring);
	life.inside--;
	life.ring = NULL;
	attempts_engine_gone();
	for (i = 0; i < NUM_USERS; i++) {
		life_forget_identity(i);
	}
	life_check();
}

/* A thread is shown for a moment after it has ended. */
static void check_threads(void)
{
	unsigned int tries = 0;

	while (count_threads() > life.base_threads) {
		if (tries == 2000) {
			fail("a thread was left behind");
		}
		usleep(tries < 100 ? 200 : 5000);
		tries++;
	}
}

void life_end(void)
{
	unsigned int descriptors;

	if (life.ring != NULL && random_below(&life.random, 2) == 0) {
		life_drain();
	}
	if (life.ring != NULL) {
		life_destroy();
	}
	life_drain();
	injector_end();
	descriptors = count_descriptors();
	if (descriptors != life.base_descriptors + handles_count()) {
		show_descriptors();
		fail("%u descriptors are open, %u and those of %u handles should be",
		     descriptors,
		     life.base_descriptors,
		     handles_count());
	}
	check_threads();
	check_process();
	world_reset();
}

/* ---- all of them ---- */

static struct pathring_handle *borrow(int fd)
{
	struct pathring_handle *handle = NULL;
	int ret;

	ret = pathring_handle_borrow(NULL, fd, PATHRING_PATHREF, &handle);
	if (ret < 0) {
		fail("pathring_handle_borrow: %s", strerror(-ret));
	}
	return handle;
}

void life_init(uint64_t seed, bool serial)
{
	unsigned int i;
	int ret;

	life.random.counter = random_mix(seed);
	life.serial = serial;
	if (serial) {
		clock_count();
	}
	ret = fchdir(world.fd);
	if (ret == -1) {
		fail_call("fchdir");
	}
	umask(PROCESS_UMASK);
	life_become_root();
	life.ready_fd = eventfd(1, EFD_CLOEXEC);
	if (life.ready_fd == -1) {
		fail_call("eventfd");
	}
	life.ev = make_loop();
	life.other_ev = make_loop();
	life.base = borrow(world.fd);
	for (i = 1; i <= NUM_OWNERS; i++) {
		life.slots[i] = borrow(world.owners[i].slots_fd);
	}
	life.base_descriptors = count_descriptors();
	life.base_threads = count_threads();
}

void life_finish(void)
{
	unsigned int i;

	handles_free_all();
	TALLOC_FREE(life.base);
	for (i = 1; i <= NUM_OWNERS; i++) {
		TALLOC_FREE(life.slots[i]);
	}
	TALLOC_FREE(life.other_ev);
	TALLOC_FREE(life.ev);
	close(life.ready_fd);
}
