/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Failures, signals, and a watch over a program that no longer gets anywhere.
 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

/* No step takes longer than that, on whatever machine. */
#define STUCK_SECONDS 100

static uint64_t report_seed;
static uint64_t step;
static volatile sig_atomic_t caught;

/* Only there in a build with a sanitizer. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

uint64_t report_current_step(void)
{
	return __atomic_load_n(&step, __ATOMIC_RELAXED);
}

void report_step(uint64_t now)
{
	__atomic_store_n(&step, now, __ATOMIC_RELAXED);
}

int report_signal(void)
{
	return caught;
}

/* Also in a signal handler: snprintf() of whole numbers takes no lock in any libc that matters. */
static void say_where(const char *what)
{
	char text[160];
	ssize_t written;
	int length;

	length = snprintf(text,
			  sizeof(text),
			  "faults: %s at step %" PRIu64 "; again with --seed %" PRIu64 "\n",
			  what,
			  report_current_step(),
			  report_seed);
	written = write(STDERR_FILENO, text, (size_t)length);
	(void)written;
}

static void on_death(void)
{
	say_where("a sanitizer ended this");
	world_remove();
}

static void on_crash(int number)
{
	say_where(number == SIGABRT ? "aborted" : "crashed");
	world_remove();
	signal(number, SIG_DFL);
	raise(number);
}

static void on_end(int number)
{
	caught = number;
}

/* A thread, for a signal would end the very poll() that never ends. */
static void *watch(void *private_data)
{
	uint64_t last_step = 0;
	unsigned int seconds = 0;

	(void)private_data;
	while (seconds < STUCK_SECONDS) {
		sleep(1);
		seconds = report_current_step() == last_step ? seconds + 1 : 0;
		last_step = report_current_step();
	}
	say_where("stuck");
	abort();
}

static bool start_watch(void)
{
	pthread_t thread;
	sigset_t all;
	sigset_t saved;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	ret = pthread_create(&thread, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return ret == 0 && pthread_detach(thread) == 0;
}

bool report_begin(uint64_t seed)
{
	/* The second Ctrl-C ends the process at once. */
	struct sigaction end = { .sa_handler = on_end, .sa_flags = SA_RESETHAND | SA_RESTART };
	struct sigaction crash = { .sa_handler = on_crash, .sa_flags = SA_RESETHAND };
	bool ok;

	report_seed = seed;
	ok = sigaction(SIGINT, &end, NULL) == 0 && sigaction(SIGTERM, &end, NULL) == 0 &&
	     sigaction(SIGABRT, &crash, NULL) == 0 && start_watch();
	if (__sanitizer_set_death_callback != NULL) {
		__sanitizer_set_death_callback(on_death);
	} else {
		ok = ok && sigaction(SIGSEGV, &crash, NULL) == 0;
	}
	return ok;
}

void fail(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "faults: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	say_where("failed");
	world_remove();
	_exit(1);
}

void fail_call(const char *what)
{
	fail("%s: %s", what, strerror(errno));
}
