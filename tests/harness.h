/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every test needs: a scratch directory, an engine on one backend, a loop that never hangs,
 * and the checks that are made after each test whatever it was about: credentials, umask, working
 * directory, descriptors, threads. The operations themselves in each of their forms are in
 * operations.h.
 */
#ifndef PATHRING_TESTS_HARNESS_H
#define PATHRING_TESTS_HARNESS_H

#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pathring.h"

/* Numeric ids; no account behind them is needed. */
#define USER_A 60001
#define USER_B 60002
#define USER_C 60003
#define GROUP_X 61000
#define GROUP_Y 61001

/* Nothing here takes longer than a few seconds; the bound only turns a hang into a failure. */
#define LOOP_BOUND_SECONDS 60
#define TEST_BOUND_SECONDS 240.0

/* The forms in which an operation can be asked for. */
enum form {
	FORM_SEND,     /* a tevent_req, waited for with the loop */
	FORM_FUNCTION, /* a request with a completion function */
	FORM_WAIT,     /* a request and pathring_request_wait() */
};

struct fixture {
	enum pathring_backend backend;
	enum pathring_pin pin;
	enum form form;
	struct tevent_context *ev;
	struct pathring *ring;
	struct pathring_identity *process; /* owned by ring */
	struct pathring_handle *dir;	   /* path reference of the scratch directory */
	const char *path;		   /* absolute path of the scratch directory */
	unsigned int inside;	 /* positive while a function of the library is being called */
	unsigned int log_count;	 /* messages of level warning or error */
	unsigned int log_inside; /* messages of any level that came from within a call */
	char *log_text;		 /* all of them, one a line */
	char *credentials;	 /* before the engine existed */
	char *descriptors;	 /* before the fixture's directory was opened */
	unsigned int threads;
};

typedef void (*test_body_fn)(struct fixture *f);

/*
 * What a test runs on: a backend, with every request that could run in the engine's thread as well
 * pinned to the backend's own place; and the ring, with them in the engine's thread.
 */
struct ground {
	enum pathring_backend backend;
	enum pathring_pin pin;
};

#define BACKEND_uring ((struct ground) { PATHRING_BACKEND_URING, PATHRING_PIN_RING })
#define BACKEND_threads ((struct ground) { PATHRING_BACKEND_THREADS, PATHRING_PIN_THREAD })
#define BACKEND_sync ((struct ground) { PATHRING_BACKEND_SYNC, PATHRING_PIN_LEARNED })
#define BACKEND_inline ((struct ground) { PATHRING_BACKEND_URING, PATHRING_PIN_INLINE })

void harness_run(struct ground ground, enum form form, test_body_fn body);

#define ONE_BACKEND_TEST(suite, name, backend_name)                             \
	Test(suite, name##_##backend_name, .timeout = TEST_BOUND_SECONDS)       \
	{                                                                       \
		harness_run(BACKEND_##backend_name, FORM_SEND, suite##_##name); \
	}

/* The same test on every backend. The body follows the macro. */
#define BACKEND_TEST(suite, name)                      \
	static void suite##_##name(struct fixture *f); \
	ONE_BACKEND_TEST(suite, name, uring)           \
	ONE_BACKEND_TEST(suite, name, threads)         \
	ONE_BACKEND_TEST(suite, name, sync)            \
	ONE_BACKEND_TEST(suite, name, inline)          \
	static void suite##_##name(struct fixture *f)

/*
 * The same test on the backends where an operation can block without blocking the calling thread.
 */
#define ASYNC_BACKEND_TEST(suite, name)                \
	static void suite##_##name(struct fixture *f); \
	ONE_BACKEND_TEST(suite, name, uring)           \
	ONE_BACKEND_TEST(suite, name, threads)         \
	static void suite##_##name(struct fixture *f)

#define ONE_TEST_ON(suite, name, ground_name)          \
	static void suite##_##name(struct fixture *f); \
	ONE_BACKEND_TEST(suite, name, ground_name)     \
	static void suite##_##name(struct fixture *f)

#define URING_TEST(suite, name) ONE_TEST_ON(suite, name, uring)

#define ONE_FORM_TEST(suite, name, backend_name, form_name)                             \
	Test(suite, name##_##backend_name##_##form_name, .timeout = TEST_BOUND_SECONDS) \
	{                                                                               \
		harness_run(BACKEND_##backend_name, FORM_##form_name, suite##_##name);  \
	}

#define FORM_send FORM_SEND
#define FORM_function FORM_FUNCTION
#define FORM_wait FORM_WAIT

#define ALL_FORMS_TEST(suite, name, backend_name)          \
	ONE_FORM_TEST(suite, name, backend_name, send)     \
	ONE_FORM_TEST(suite, name, backend_name, function) \
	ONE_FORM_TEST(suite, name, backend_name, wait)

/* The same test on every backend in every form. */
#define OPERATION_TEST(suite, name)                    \
	static void suite##_##name(struct fixture *f); \
	ALL_FORMS_TEST(suite, name, uring)             \
	ALL_FORMS_TEST(suite, name, threads)           \
	ALL_FORMS_TEST(suite, name, sync)              \
	ALL_FORMS_TEST(suite, name, inline)            \
	static void suite##_##name(struct fixture *f)

/* Free the engine and make another with other options; backend and log function are filled in. */
void fixture_restart(struct fixture *f, const struct pathring_options *options);
/* Free the engine and what belongs to it; a test may do so at any time. */
void fixture_stop(struct fixture *f);
struct pathring_stats fixture_stats(const struct fixture *f);

/* An identity with uid, gid uid and no supplementary groups. */
struct pathring_identity *fixture_user(struct fixture *f, uid_t uid);
struct pathring_identity *
fixture_identity(struct fixture *f, uid_t uid, gid_t gid, const gid_t *groups, size_t num_groups);

/*
 * One turn of the loop at most until *count has reached wanted; never more than LOOP_BOUND_SECONDS.
 */
void loop_until(struct fixture *f, const unsigned int *count, unsigned int wanted);
void loop_until_true(struct fixture *f, bool (*condition)(struct fixture *f, void *arg), void *arg);
/*
 * Until the engine has nothing left to do, and some turns more, to see that nothing more is
 * delivered.
 */
void loop_settle(struct fixture *f);
/* A number of turns, none of which sleeps for long. */
void loop_turns(struct fixture *f, unsigned int turns);

/*
 * Files, with plain system calls as the test's own user; each fails the test when it can't. All
 * relative to f->path.
 */
char *scratch_path(struct fixture *f, const char *name);
void scratch_file(struct fixture *f,
		  const char *name,
		  uid_t uid,
		  gid_t gid,
		  mode_t mode,
		  const char *content);
void scratch_directory(struct fixture *f, const char *name, uid_t uid, gid_t gid, mode_t mode);
void scratch_symlink(struct fixture *f, const char *name, const char *target);
void scratch_xattr(struct fixture *f, const char *name, const char *xattr, const char *value);
struct stat scratch_stat(struct fixture *f, const char *name);
bool scratch_exists(struct fixture *f, const char *name);
/* The names in a directory, sorted, one a line. */
char *scratch_listing(struct fixture *f, const char *name);

/*
 * What /proc says of this thread: ids, groups, capabilities, umask, no_new_privs, working
 * directory.
 */
char *snapshot_credentials(TALLOC_CTX *mem_ctx);
/* The open descriptors and what they point to, one a line. */
char *snapshot_descriptors(TALLOC_CTX *mem_ctx);
unsigned int count_descriptors(void);
/* Threads of this process that are not kernel workers. */
unsigned int count_threads(void);

/*
 * A file whose open for writing blocks: it carries a read lease, which the opener has to wait for.
 * It blocks in an interruptible sleep, as a slow network file system does, and unlike a FIFO it
 * does so also after a try with O_NONBLOCK.
 */
struct blocker {
	struct fixture *f;
	const char *name;
	int lease_fd;
};
void blocker_arm(struct blocker *blocker, struct fixture *f, const char *name);
/* Run the loop until some open waits for the lease. */
void blocker_wait_hit(struct blocker *blocker);
void blocker_release(struct blocker *blocker);

/*
 * Switch effective ids as a file server does: the raw system calls, which change this thread alone.
 */
void become(uid_t uid, gid_t gid, const gid_t *groups, size_t num_groups);
void become_root(void);

/*
 * Run fn in a child that ends when it returns, without running anything of the test framework. The
 * test fails unless the child came to the end of it.
 */
void in_child(struct fixture *f, void (*fn)(struct fixture *f, void *arg), void *arg);
/* The same with a child that must not come to the end of it but be aborted. */
void in_aborted_child(struct fixture *f, void (*fn)(struct fixture *f, void *arg), void *arg);

/* What every call is wrapped in, so that a callback that runs inside of one is seen. */
#define INSIDE(f, call)        \
	do {                   \
		(f)->inside++; \
		call;          \
		(f)->inside--; \
	} while (0)

/*
 * Assertions of our own: Criterion's send a message for each that passes, too, and may not be used
 * in a forked child. A failure ends the test, or the child with a message.
 */
void harness_fail(const char *file, int line, const char *what, const char *format, ...)
	__attribute__((noreturn, format(printf, 4, 5)));

#define assert_true(condition, ...)                                                    \
	do {                                                                           \
		if (!(condition)) {                                                    \
			harness_fail(__FILE__, __LINE__, #condition, " " __VA_ARGS__); \
		}                                                                      \
	} while (0)

#define assert_compared(a, operator, b, ...)                                                       \
	do {                                                                                       \
		long long a_ = (long long)(a);                                                     \
		long long b_ = (long long)(b);                                                     \
		if (!(a_ operator b_)) {                                                           \
			fprintf(stderr, "%lld is not %s %lld\n", a_, #operator, b_);               \
			harness_fail(__FILE__, __LINE__, #a " " #operator" " #b, " " __VA_ARGS__); \
		}                                                                                  \
	} while (0)

#define assert_false(condition, ...) assert_true(!(condition), __VA_ARGS__)
#define assert_null(pointer, ...) assert_true((pointer) == NULL, __VA_ARGS__)
#define assert_not_null(pointer, ...) assert_true((pointer) != NULL, __VA_ARGS__)
#define assert_eq(a, b, ...) assert_compared(a, ==, b, __VA_ARGS__)
#define assert_neq(a, b, ...) assert_compared(a, !=, b, __VA_ARGS__)
#define assert_lt(a, b, ...) assert_compared(a, <, b, __VA_ARGS__)
#define assert_leq(a, b, ...) assert_compared(a, <=, b, __VA_ARGS__)
#define assert_gt(a, b, ...) assert_compared(a, >, b, __VA_ARGS__)
#define assert_geq(a, b, ...) assert_compared(a, >=, b, __VA_ARGS__)
#define assert_bytes(a, b, size, ...) assert_true(memcmp(a, b, size) == 0, __VA_ARGS__)

void assert_same_text(
	const char *file, int line, const char *what, const char *actual, const char *expected);
#define assert_str_eq(actual, expected, what) \
	assert_same_text(__FILE__, __LINE__, what, actual, expected)

/* Of calls that answer with a count or a negative errno. */
void assert_same_result(
	const char *file, int line, const char *call, long long actual, long long expected);
#define assert_result(call, expected) \
	assert_same_result(__FILE__, __LINE__, #call, (long long)(call), (long long)(expected))

#endif
