/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fixture and what is checked around every test. Not here: scratch files, children and
 * snapshots (scratch.c), the operations (operations.c).
 */
#include "harness.h"

#include <stdarg.h>
#include <stdlib.h>

/* The process that the test framework watches. */
static pid_t test_process;

void harness_fail(const char *file, int line, const char *what, const char *format, ...)
{
	char message[8192];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (getpid() != test_process) {
		fprintf(stderr, "%s:%d: in a child: %s:%s\n", file, line, what, message);
		_exit(1);
	}
	cr_assert_fail("%s:%d: %s:%s", file, line, what, message);
	abort();
}

void assert_same_text(
	const char *file, int line, const char *what, const char *actual, const char *expected)
{
	if (strcmp(actual, expected) != 0) {
		harness_fail(file, line, what, "\nnow:\n%s\nexpected:\n%s", actual, expected);
	}
}

void assert_same_result(
	const char *file, int line, const char *call, long long actual, long long expected)
{
	const char *actual_text = actual < 0 ? strerror((int)-actual) : "no error";
	const char *expected_text = expected < 0 ? strerror((int)-expected) : "no error";

	if (actual != expected) {
		harness_fail(file,
			     line,
			     call,
			     " %lld (%s), expected %lld (%s)",
			     actual,
			     actual_text,
			     expected,
			     expected_text);
	}
}

static void log_message(void *private_data, enum pathring_log_level level, const char *message)
{
	struct fixture *f = private_data;

	assert_true(message != NULL && message[0] != '\0', "an empty log message");
	f->log_inside += f->inside > 0;
	if (level == PATHRING_LOG_INFO) {
		return;
	}
	f->log_count++;
	f->log_text = talloc_asprintf_append(f->log_text, "%s\n", message);
}

static void fixture_start(struct fixture *f, const struct pathring_options *options)
{
	struct pathring_options own = { 0 };
	int ret = -1;

	if (options != NULL) {
		own = *options;
	}
	own.backend = f->backend;
	if (own.pin == PATHRING_PIN_LEARNED) {
		own.pin = f->pin;
	}
	own.log_fn = log_message;
	own.log_private_data = f;
	ret = pathring_create(f, f->ev, &own, &f->ring);
	assert_result(ret, 0);
	f->process = pathring_identity_process(f->ring);
	assert_not_null(f->process);
}

void fixture_stop(struct fixture *f)
{
	INSIDE(f, talloc_free(f->ring));
	f->ring = NULL;
	f->process = NULL;
}

void fixture_restart(struct fixture *f, const struct pathring_options *options)
{
	fixture_stop(f);
	fixture_start(f, options);
}

static struct fixture *fixture_new(struct ground ground, enum form form)
{
	struct fixture *f = talloc_zero(NULL, struct fixture);
	int fd = -1;
	int ret = -1;

	assert_not_null(f);
	f->backend = ground.backend;
	f->pin = ground.pin;
	f->form = form;
	f->log_text = talloc_strdup(f, "");
	f->path = scratch_path(f, NULL);
	f->ev = tevent_context_init(f);
	assert_not_null(f->ev);
	f->threads = count_threads();
	f->descriptors = snapshot_descriptors(f);
	f->credentials = snapshot_credentials(f);

	fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_geq(fd, 0);
	ret = pathring_handle_dup(f, fd, PATHRING_PATHREF, &f->dir);
	assert_result(ret, 0);
	close(fd);
	fixture_start(f, NULL);
	return f;
}

/*
 * The kernel may show a thread for a moment after it was joined, so this looks again for a while
 * before it says that one was left behind.
 */
static void check_threads(unsigned int expected)
{
	unsigned int tries = 0;

	for (tries = 0; tries < 2000 && count_threads() > expected; tries++) {
		usleep(5000);
	}
	assert_leq(count_threads(), expected, "a helper thread was left behind");
}

static void fixture_free(struct fixture *f)
{
	char *credentials = NULL;
	char *descriptors = NULL;

	fixture_stop(f);
	TALLOC_FREE(f->dir);
	credentials = snapshot_credentials(f);
	assert_str_eq(credentials, f->credentials, "credentials changed");
	descriptors = snapshot_descriptors(f);
	assert_str_eq(
		descriptors, f->descriptors, "descriptors left open or closed that are not ours");
	check_threads(f->threads);
	talloc_free(f);
}

/*
 * Only there in a build with AddressSanitizer. Criterion's test processes end without the check at
 * exit.
 */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void check_leaks(void)
{
	int leaked = 0;

	if (__lsan_do_recoverable_leak_check != NULL) {
		leaked = __lsan_do_recoverable_leak_check();
	}
	assert_eq(leaked, 0, "memory was leaked, see the report of LeakSanitizer");
}

void harness_run(struct ground ground, enum form form, test_body_fn body)
{
	struct fixture *f = NULL;

	test_process = getpid();
	f = fixture_new(ground, form);
	body(f);
	fixture_free(f);
	check_leaks();
}

struct pathring_stats fixture_stats(const struct fixture *f)
{
	struct pathring_stats stats;

	memset(&stats, 0xff, sizeof(stats));
	pathring_stats(f->ring, &stats);
	return stats;
}

struct pathring_identity *
fixture_identity(struct fixture *f, uid_t uid, gid_t gid, const gid_t *groups, size_t num_groups)
{
	struct pathring_identity *identity = NULL;
	int ret = -1;

	ret = pathring_identity_unix(f->ring, f->ring, uid, gid, groups, num_groups, &identity);
	assert_result(ret, 0);
	assert_not_null(identity);
	return identity;
}

struct pathring_identity *fixture_user(struct fixture *f, uid_t uid)
{
	return fixture_identity(f, uid, uid, NULL, 0);
}

static void bound_reached(struct tevent_context *ev,
			  struct tevent_timer *te,
			  struct timeval now,
			  void *private_data)
{
	bool *reached = private_data;

	(void)ev;
	(void)te;
	(void)now;
	*reached = true;
}

void loop_until_true(struct fixture *f, bool (*condition)(struct fixture *f, void *arg), void *arg)
{
	struct timeval end = tevent_timeval_current_ofs(LOOP_BOUND_SECONDS, 0);
	struct tevent_timer *timer = NULL;
	bool reached = false;
	int ret = -1;

	timer = tevent_add_timer(f->ev, f, end, bound_reached, &reached);
	assert_not_null(timer);
	while (!condition(f, arg)) {
		ret = tevent_loop_once(f->ev);
		assert_eq(ret, 0, "the loop failed: %s", strerror(errno));
		assert_false(reached, "no completion within %d seconds", LOOP_BOUND_SECONDS);
	}
	talloc_free(timer);
}

struct count_reached {
	const unsigned int *count;
	unsigned int wanted;
};

static bool count_reached(struct fixture *f, void *arg)
{
	struct count_reached *state = arg;

	(void)f;
	return *state->count >= state->wanted;
}

void loop_until(struct fixture *f, const unsigned int *count, unsigned int wanted)
{
	struct count_reached state = { .count = count, .wanted = wanted };

	loop_until_true(f, count_reached, &state);
}

static void
tick(struct tevent_context *ev, struct tevent_timer *te, struct timeval now, void *private_data)
{
	struct tevent_timer **timer = private_data;
	struct timeval next = tevent_timeval_current_ofs(0, 1000);

	(void)te;
	(void)now;
	*timer = tevent_add_timer(ev, ev, next, tick, timer);
}

static bool fixture_idle(struct fixture *f)
{
	struct pathring_stats stats;

	if (f->ring == NULL) {
		return true;
	}
	stats = fixture_stats(f);
	return stats.queued == 0 && stats.in_flight == 0;
}

/* The tick keeps the loop from sleeping when nothing of the engine is left. */
static void turn_loop(struct fixture *f, bool until_idle, unsigned int turns)
{
	struct timeval end = tevent_timeval_current_ofs(LOOP_BOUND_SECONDS, 0);
	struct tevent_timer *timer = NULL;
	struct timeval now;

	tick(f->ev, NULL, end, &timer);
	while (until_idle && !fixture_idle(f)) {
		assert_eq(tevent_loop_once(f->ev), 0);
		now = tevent_timeval_current();
		assert_lt(tevent_timeval_compare(&now, &end), 0, "requests are left");
	}
	while (turns > 0) {
		assert_eq(tevent_loop_once(f->ev), 0);
		turns--;
	}
	talloc_free(timer);
}

void loop_settle(struct fixture *f)
{
	turn_loop(f, true, 20);
}

void loop_turns(struct fixture *f, unsigned int turns)
{
	turn_loop(f, false, turns);
}
