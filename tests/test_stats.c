/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the engine says of itself against what was done: counters, the two texts for people, and
 * what the kernel shows of the ring's personalities.
 */
#include "../engine/latency.h"
#include "operations.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>

static void files(struct fixture *f)
{
	scratch_directory(f, "private", USER_A, USER_A, 0700);
	scratch_file(f, "private/file", USER_A, USER_A, 0600, "content");
	scratch_file(f, "of_a", USER_A, USER_A, 0600, "content");
	scratch_file(f, "of_b", USER_B, USER_B, 0600, "content");
	scratch_xattr(f, "of_a", "user.test", "test");
}

static uint64_t placed(const struct pathring_stats *stats, enum pathring_operation operation)
{
	uint64_t sum = 0;
	size_t i = 0;

	for (i = 0; i < PATHRING_NUM_PLACEMENTS; i++) {
		sum += stats->operation[operation].placed[i];
	}
	return sum;
}

/* A known mix of requests, twice. */
static void
some_of_each(struct fixture *f, struct pathring_identity *a, struct pathring_identity *b)
{
	struct pathring_handle *handle = NULL;
	uint8_t *value = NULL;
	struct statx stx;
	uint8_t buffer[16];
	unsigned int i = 0;

	for (i = 0; i < 2; i++) {
		handle = must_open(f, a, "of_a", O_RDWR);
		assert_result(do_statx(f, a, handle, 0, STATX_SIZE, &stx), 0);
		assert_result(do_getxattr(f, a, handle, "user.test", 32, &value), 4);
		assert_result(do_getxattr(f, b, handle, "user.test", 32, &value), -EACCES);
		assert_result(do_getxattr(f, a, handle, "user.missing", 32, &value), -ENODATA);
		assert_result(do_pread(f, a, handle, buffer, sizeof(buffer), 0), 7);
		assert_result(do_pread(f, a, handle, buffer, sizeof(buffer), 100), 0);
		assert_result(do_pwrite(f, a, handle, "content", 7, 0), 7);
		assert_result(do_fsync(f, a, handle, true), 0);
		assert_result(do_close(f, a, &handle), 0);
		assert_result(try_open(f, b, "of_a", O_RDONLY), -EACCES);
		assert_result(try_open(f, b, "missing", O_RDONLY), -ENOENT);
		assert_result(try_open(f, b, "of_b", O_RDONLY), 0);
		assert_result(try_lookup(f, a, "private/file"), 0);
		assert_result(try_lookup(f, b, "private/file"), -EACCES);
		assert_result(try_lookup(f, a, "missing"), -ENOENT);
	}
}

static void check_operation(const struct pathring_stats *stats,
			    enum pathring_operation operation,
			    uint64_t all,
			    uint64_t denied,
			    uint64_t failed)
{
	const char *name = pathring_operation_name(operation);

	assert_eq(placed(stats, operation), all, "%s", name);
	assert_eq(stats->operation[operation].denied, denied, "%s", name);
	assert_eq(stats->operation[operation].failed, failed, "%s", name);
}

OPERATION_TEST(stats, match_what_was_done)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_stats stats;
	enum pathring_operation i = 0;

	files(f);
	stats = fixture_stats(f);
	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		check_operation(&stats, i, 0, 0, 0);
	}
	some_of_each(f, a, b);
	stats = fixture_stats(f);
	check_operation(&stats, PATHRING_OPENAT, 8, 2, 2);
	check_operation(&stats, PATHRING_CLOSE, 2, 0, 0);
	check_operation(&stats, PATHRING_STATX, 2, 0, 0);
	check_operation(&stats, PATHRING_GETXATTR, 6, 2, 2);
	check_operation(&stats, PATHRING_PREAD, 4, 0, 0);
	check_operation(&stats, PATHRING_PWRITE, 2, 0, 0);
	check_operation(&stats, PATHRING_FSYNC, 2, 0, 0);
	check_operation(&stats, PATHRING_LOOKUP, 6, 2, 2);
	assert_eq(stats.queued, 0);
	assert_eq(stats.in_flight, 0);
	assert_eq(stats.orphaned, 0);
	assert_eq(stats.fallbacks, 0);
}

/* Where things run depends on the backend; that it is one of its places does not. */
BACKEND_TEST(stats, placements)
{
	static const enum pathring_placement own_place[] = {
		[PATHRING_BACKEND_URING] = PATHRING_RING,
		[PATHRING_BACKEND_THREADS] = PATHRING_THREAD,
		[PATHRING_BACKEND_SYNC] = PATHRING_INLINE,
	};
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_stats stats;
	enum pathring_operation operation = 0;
	enum pathring_placement place = 0;
	uint64_t own = 0;

	files(f);
	some_of_each(f, a, b);
	stats = fixture_stats(f);
	for (operation = 0; operation < PATHRING_NUM_OPERATIONS; operation++) {
		for (place = 0; place < PATHRING_NUM_PLACEMENTS; place++) {
			if (place == own_place[f->backend]) {
				own += stats.operation[operation].placed[place];
			} else if (place != PATHRING_INLINE) {
				assert_eq(stats.operation[operation].placed[place], 0);
			}
		}
	}
	assert_gt(own, 0);
	if (f->backend == PATHRING_BACKEND_URING) {
		assert_gt(stats.submissions, 0);
		assert_gt(stats.enters, 0);
		assert_geq(stats.registrations, 2);
		assert_geq(stats.personalities, 2);
	} else {
		assert_eq(stats.submissions, 0);
		assert_eq(stats.enters, 0);
		assert_eq(stats.registrations, 0);
		assert_eq(stats.personalities, 0);
		assert_gt(stats.switches, 0);
	}
}

BACKEND_TEST(stats, of_one_request)
{
	static const enum pathring_placement own_place[] = {
		[PATHRING_BACKEND_URING] = PATHRING_RING,
		[PATHRING_BACKEND_THREADS] = PATHRING_THREAD,
		[PATHRING_BACKEND_SYNC] = PATHRING_INLINE,
	};
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS };
	struct call call = { .f = f };
	int ret = -1;

	files(f);
	ret = pathring_lookup_request(
		f->ring, f->process, f->dir, "of_a", &how, call_done, &call, &call.request);
	assert_result(ret, 0);
	loop_until(f, &call.calls, 1);
	assert_eq(pathring_request_placement(call.request),
		  f->pin == PATHRING_PIN_INLINE ? PATHRING_INLINE : own_place[f->backend]);
	assert_gt(pathring_request_duration(call.request), 0);
	assert_lt(pathring_request_duration(call.request), LOOP_BOUND_SECONDS * 1000000000LL);
	pathring_request_free(call.request);
}

BACKEND_TEST(stats, orphaned)
{
	struct pathring_how how = { .flags = O_RDONLY };
	unsigned int i = 0;

	files(f);
	for (i = 0; i < 7; i++) {
		talloc_free(
			pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "of_a", &how));
	}
	loop_settle(f);
	assert_eq(fixture_stats(f).orphaned, 7);
}

/* The line of the account that begins with what was asked for. */
static char *line_with(struct fixture *f, const char *text, const char *first, const char *second)
{
	char *copy = talloc_strdup(f, text);
	char *line = NULL;

	for (line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strstr(line, first) != NULL && strstr(line, second) != NULL) {
			return line;
		}
	}
	assert_true(false, "no line with %s and %s in:\n%s", first, second, text);
	return NULL;
}

static uint64_t sum_of_numbers(const char *line, const char *after)
{
	const char *at = strstr(line, after) + strlen(after);
	uint64_t sum = 0;
	int length = 0;
	unsigned long long number = 0;

	while (sscanf(at, "%*[^0-9]%llu%n", &number, &length) == 1) {
		sum += number;
		at += length;
	}
	return sum;
}

/* For each identity: where its requests ran, how many were denied, how many failed. */
BACKEND_TEST(account, says_who_did_what)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	char *text = NULL;
	char *line = NULL;

	files(f);
	some_of_each(f, a, b);
	text = pathring_account(f->ring, f);
	assert_not_null(text);
	/* Of A 22 ran and 4 of them failed; of B 10 ran, 6 were denied and 2 failed. */
	line = line_with(f, text, "60001", "");
	assert_eq(sum_of_numbers(line, "groups"), 22 + 4, "%s", line);
	line = line_with(f, text, "60002", "");
	assert_eq(sum_of_numbers(line, "groups"), 10 + 6 + 2, "%s", line);
	line = line_with(f, text, "lookup", "");
	assert_eq(sum_of_numbers(line, "lookup"), 6 + 2 + 2, "%s", line);
}

BACKEND_TEST(describe, names_kernel_and_backend)
{
	char *text = pathring_describe(f->ring, f);

	assert_not_null(text);
	assert_eq(pathring_backend(f->ring), f->backend, "not started: %s", text);
	line_with(f, text, "backend", pathring_backend_name(f->backend));
	line_with(f, text, "kernel", "");
	assert_eq(f->log_count, 0, "%s", f->log_text);
}

BACKEND_TEST(names, of_everything)
{
	static const char *const operations[] = {
		"openat",      "close",	   "statx",    "getxattr", "setxattr",	"listxattr",
		"removexattr", "pread",	   "pwrite",   "fsync",	   "ftruncate", "fallocate",
		"fchmod",      "fchown",   "utimens",  "statfs",   "readdir",	"readlinkat",
		"mkdirat",     "unlinkat", "renameat", "linkat",   "symlinkat", "lookup",
		"lookups",     "job",
	};
	enum pathring_operation operation = 0;

	(void)f;
	for (operation = 0; operation < PATHRING_NUM_OPERATIONS; operation++) {
		assert_str_eq(pathring_operation_name(operation), operations[operation], "name");
	}
	assert_str_eq(pathring_placement_name(PATHRING_INLINE), "inline", "name");
	assert_str_eq(pathring_placement_name(PATHRING_RING), "ring", "name");
	assert_str_eq(pathring_placement_name(PATHRING_THREAD), "thread", "name");
	assert_str_eq(pathring_backend_name(PATHRING_BACKEND_URING), "uring", "name");
	assert_str_eq(pathring_backend_name(PATHRING_BACKEND_THREADS), "threads", "name");
	assert_str_eq(pathring_backend_name(PATHRING_BACKEND_SYNC), "sync", "name");
	assert_str_eq(pathring_backend_name(PATHRING_BACKEND_AUTO), "auto", "name");
}

/* ---- what the kernel shows ---- */

struct shown {
	unsigned int personalities;
	unsigned int of_a;
	unsigned int of_b;
	unsigned int of_root;
};

static int find_ring(void)
{
	char path[64];
	char target[64];
	ssize_t length = -1;
	int fd = -1;

	for (fd = 0; fd < 1000; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, target, sizeof(target) - 1);
		if (length <= 0) {
			continue;
		}
		target[length] = '\0';
		if (strcmp(target, "anon_inode:[io_uring]") == 0) {
			return fd;
		}
	}
	assert_true(false, "there is no ring");
	return -1;
}

/*
 * Until Linux 6.15 at least io_uring/fdinfo.c shows each personality as its id in a line of its
 * own, then "Uid:" with uid, euid, suid and fsuid, "Gid:", "Groups:" and "CapEff:". 6.18 shows
 * none.
 */
static struct shown show_personalities(int ring_fd)
{
	struct shown shown = { 0 };
	unsigned long long effective = 0;
	unsigned int euid = 0;
	unsigned int fsuid = 0;
	char line[4096];
	char path[64];
	FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ring_fd);
	file = fopen(path, "re");
	assert_not_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, " Uid: %*u %u %*u %u", &euid, &fsuid) == 2) {
			assert_eq(euid, fsuid);
			shown.personalities++;
			shown.of_a += euid == USER_A;
			shown.of_b += euid == USER_B;
			shown.of_root += euid == 0;
		} else if (sscanf(line, " CapEff: %llx", &effective) == 1 && euid != 0) {
			assert_eq(effective, 0, "a personality of uid %u has capabilities", euid);
		}
	}
	fclose(file);
	return shown;
}

URING_TEST(fdinfo, lists_the_personalities_of_both_users)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct shown shown;

	files(f);
	some_of_each(f, a, b);
	assert_gt(fixture_stats(f).personalities, 0);
	shown = show_personalities(find_ring());
	if (shown.personalities == 0) {
		cr_skip_test("this kernel does not show personalities in fdinfo");
	}
	assert_eq(shown.of_a, 1);
	assert_eq(shown.of_b, 1);
	assert_geq(shown.of_root, 1, "root's requests have to name a personality, too");
	assert_eq(shown.personalities, fixture_stats(f).personalities);
}

/*
 * On any kernel: take the personalities away one by one and see how many there were, which are the
 * ones that the engine says. Without them nothing runs: no request goes without a personality,
 * root's neither.
 */
static unsigned int take_personalities_away(int ring_fd)
{
	unsigned int taken = 0;
	unsigned int id = 0;
	long ret = -1;

	for (id = 1; id <= 65535; id++) {
		ret = syscall(
			SYS_io_uring_register, ring_fd, IORING_UNREGISTER_PERSONALITY, NULL, id);
		assert_true(ret == 0 || errno == EINVAL, "%u: %s", id, strerror(errno));
		taken += ret == 0;
	}
	return taken;
}

URING_TEST(personalities, are_as_many_as_the_engine_says)
{
	struct pathring_options options = { .max_personalities = 3 };
	struct pathring_stats stats;
	unsigned int i = 0;

	files(f);
	some_of_each(f, fixture_user(f, USER_A), fixture_user(f, USER_B));
	stats = fixture_stats(f);
	assert_geq(stats.personalities, 3, "A, B and root");
	assert_eq(take_personalities_away(find_ring()), stats.personalities);

	fixture_restart(f, &options);
	for (i = 0; i < 50; i++) {
		assert_result(try_open(f, fixture_user(f, 62000 + i), "of_a", O_RDONLY), -EACCES);
		assert_leq(fixture_stats(f).personalities, 3);
	}
	stats = fixture_stats(f);
	assert_geq(stats.registrations, 50);
	assert_eq(take_personalities_away(find_ring()), stats.personalities);
}

URING_TEST(personalities, are_named_by_every_request)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_stats before;

	files(f);
	assert_result(try_open(f, a, "of_a", O_RDONLY), 0);
	assert_result(try_open(f, f->process, "of_b", O_RDONLY), 0);
	before = fixture_stats(f);
	take_personalities_away(find_ring());
	/*
	 * The kernel refuses an entry that names one which is gone; the request falls back, or
	 * fails. Had it named none it would have run.
	 */
	try_open(f, f->process, "of_b", O_RDONLY);
	assert_eq(fixture_stats(f).operation[PATHRING_OPENAT].placed[PATHRING_RING],
		  before.operation[PATHRING_OPENAT].placed[PATHRING_RING],
		  "root's request ran on the ring without a personality");
	try_open(f, a, "of_a", O_RDONLY);
	assert_eq(fixture_stats(f).operation[PATHRING_OPENAT].placed[PATHRING_RING],
		  before.operation[PATHRING_OPENAT].placed[PATHRING_RING],
		  "a user's request ran on the ring without a personality");
	assert_result(try_open(f, a, "of_b", O_RDONLY), -EACCES);
}

/* ---- latency ---- */

BACKEND_TEST(latency, of_what_was_done)
{
	enum pathring_placement place = 0;
	uint64_t known = 0;

	scratch_file(f, "file", USER_A, USER_A, 0644, "x");
	assert_eq(pathring_latency(f->ring, PATHRING_LOOKUP, PATHRING_INLINE, 0.5), 0);
	assert_result(try_lookup(f, f->process, "file"), 0);
	for (place = 0; place < PATHRING_NUM_PLACEMENTS; place++) {
		uint64_t half = pathring_latency(f->ring, PATHRING_LOOKUP, place, 0.5);
		uint64_t all = pathring_latency(f->ring, PATHRING_LOOKUP, place, 1);

		assert_eq(half, all, "one request, two latencies");
		known += half > 0;
		assert_lt(all, LOOP_BOUND_SECONDS * 1000000000ULL);
	}
	assert_eq(known, 1, "one request, in %d places", (int)known);
	assert_eq(pathring_latency(f->ring, PATHRING_NUM_OPERATIONS, 0, 0.5), 0);
}

/* Every value is within 7 % of what its bucket says, and quantiles are in order. */
ONE_TEST_ON(latency, buckets_are_narrow, sync)
{
	uint64_t nsec = 0;

	for (nsec = 1; nsec < 30000000000ULL; nsec += nsec / 5 + 1) {
		uint64_t said = 0;

		fixture_restart(f, NULL);
		latency_count(f->ring, PATHRING_STATX, PATHRING_RING, nsec);
		said = pathring_latency(f->ring, PATHRING_STATX, PATHRING_RING, 0.99);
		assert_leq(said > nsec ? said - nsec : nsec - said, nsec * 7 / 100 + 1);
	}
	latency_count(f->ring, PATHRING_STATX, PATHRING_RING, UINT64_MAX);
	latency_count(f->ring, PATHRING_STATX, PATHRING_RING, 1);
	latency_count(f->ring, PATHRING_STATX, PATHRING_RING, 2);
	assert_eq(pathring_latency(f->ring, PATHRING_STATX, PATHRING_RING, 0), 1);
	assert_eq(pathring_latency(f->ring, PATHRING_STATX, PATHRING_RING, 0.5), 2);
	assert_gt(pathring_latency(f->ring, PATHRING_STATX, PATHRING_RING, 1), 30000000000LL);
}
