/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The signal handlers of pathring-bench and pathring-replay.
 */
#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

static volatile sig_atomic_t caught;

static void on_end(int number)
{
	caught = number;
}

static void on_tick(int number)
{
	(void)number;
}

int bench_signal_caught(void)
{
	return caught;
}

/* Whoever has started this with nohup(1) wants it to go on without a terminal. */
static bool install_hangup(const struct sigaction *end)
{
	struct sigaction before;

	if (sigaction(SIGHUP, NULL, &before) == -1) {
		return false;
	}
	return before.sa_handler == SIG_IGN || sigaction(SIGHUP, end, NULL) == 0;
}

bool bench_signals_install(void)
{
	/*
	 * SA_RESETHAND: a second Ctrl-C ends the process where the first one waits for a file
	 * system that hangs. SA_RESTART: the plain calls of an engine are not disturbed;
	 * epoll_wait() returns with EINTR all the same.
	 */
	struct sigaction end = { .sa_handler = on_end, .sa_flags = SA_RESETHAND | SA_RESTART };
	struct sigaction tick = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval timer = { .it_interval.tv_sec = 1, .it_value.tv_sec = 1 };

	return sigaction(SIGINT, &end, NULL) == 0 && sigaction(SIGTERM, &end, NULL) == 0 &&
	       install_hangup(&end) && sigaction(SIGALRM, &tick, NULL) == 0 &&
	       setitimer(ITIMER_REAL, &timer, NULL) == 0;
}
