/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clock of an open loop: a timer descriptor for engines that wait in a loop of their own, an
 * absolute sleep for those that have none.
 */
#include "pace.h"

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000ULL

uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec) {
		.tv_sec = (time_t)(ns / NS_PER_SECOND),
		.tv_nsec = (long)(ns % NS_PER_SECOND),
	};
}

/* From the start and not from the one before, so that nothing adds up. */
static uint64_t due_at(const struct bench_pace *pace, uint64_t i)
{
	return pace->start_ns + (uint64_t)((double)i * pace->interval_ns);
}

bool bench_pace_open(struct bench_pace *pace, double rate)
{
	*pace = (struct bench_pace) { .timer_fd = -1 };
	if (rate == 0) {
		return true;
	}
	pace->interval_ns = (double)NS_PER_SECOND / rate;
	/* Sleeps end 50 microseconds late otherwise. */
	pace->slack_ns = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	pace->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return pace->timer_fd != -1;
}

void bench_pace_close(struct bench_pace *pace)
{
	if (pace->interval_ns == 0) {
		return;
	}
	if (pace->slack_ns > 0) {
		prctl(PR_SET_TIMERSLACK, pace->slack_ns, 0, 0, 0);
	}
	if (pace->timer_fd != -1) {
		close(pace->timer_fd);
	}
}

void bench_pace_start(struct bench_pace *pace, uint64_t now_ns, uint64_t duration_ns)
{
	pace->start_ns = now_ns;
	pace->stop_ns = now_ns + 2 * duration_ns;
	pace->made = 0;
	pace->due_ns = now_ns;
	pace->calls = 0;
	if (pace->interval_ns > 0) {
		pace->num = (uint64_t)((double)duration_ns / pace->interval_ns + 0.5);
	}
	if (pace->num == 0) {
		pace->num = 1;
	}
}

void bench_pace_next(struct bench_pace *pace)
{
	pace->made++;
	pace->due_ns = due_at(pace, pace->made);
}

uint64_t bench_pace_end(const struct bench_pace *pace)
{
	return due_at(pace, pace->num);
}

void bench_pace_arm(struct bench_pace *pace, bool wanted)
{
	uint64_t due_ns = wanted ? pace->due_ns : 0;
	struct itimerspec when = { .it_value = to_timespec(due_ns) };

	if (pace->timer_fd == -1 || pace->armed_ns == due_ns) {
		return;
	}
	/* Also makes it unreadable, when it is so from before. */
	timerfd_settime(pace->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	pace->armed_ns = due_ns;
	pace->calls++;
}

void bench_pace_sleep(struct bench_pace *pace)
{
	struct timespec until = to_timespec(pace->due_ns);

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	pace->calls++;
}
