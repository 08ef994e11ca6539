/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first line of /proc/stat, before and after.
 */
#include "noise.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, NUM_FIELDS };

static uint64_t nanoseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000U + (uint64_t)time->tv_usec * 1000U;
}

static struct bench_noise noise_now(void)
{
	struct bench_noise now = { .ticks = 0 };
	uint64_t fields[NUM_FIELDS] = { 0 };
	struct rusage children;
	struct timespec ts;
	FILE *file = fopen("/proc/stat", "re");
	int num = 0;
	int i = 0;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	now.own_ns = (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
	/* What an engine has run and waited for is no noise either. */
	getrusage(RUSAGE_CHILDREN, &children);
	now.own_ns += nanoseconds(&children.ru_utime) + nanoseconds(&children.ru_stime);
	if (file == NULL) {
		return now;
	}
	num = fscanf(file,
		     "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		     " %" SCNu64 " %" SCNu64,
		     &fields[USER],
		     &fields[NICE],
		     &fields[SYSTEM],
		     &fields[IDLE],
		     &fields[IOWAIT],
		     &fields[IRQ],
		     &fields[SOFTIRQ],
		     &fields[STEAL]);
	fclose(file);
	if (num != NUM_FIELDS) {
		return now;
	}
	for (i = 0; i < NUM_FIELDS; i++) {
		now.ticks += fields[i];
	}
	now.stolen_ticks = fields[STEAL];
	now.busy_ticks = now.ticks - fields[IDLE] - fields[IOWAIT] - fields[STEAL];
	return now;
}

void bench_noise_add(struct bench_noise *noise, const struct bench_noise *other)
{
	noise->ticks += other->ticks;
	noise->busy_ticks += other->busy_ticks;
	noise->stolen_ticks += other->stolen_ticks;
	noise->own_ns += other->own_ns;
}

/* The sums are meaningless until the end, which adds what the begin has taken. */
void bench_noise_begin(struct bench_noise *noise)
{
	struct bench_noise now = noise_now();

	noise->ticks -= now.ticks;
	noise->busy_ticks -= now.busy_ticks;
	noise->stolen_ticks -= now.stolen_ticks;
	noise->own_ns -= now.own_ns;
}

void bench_noise_end(struct bench_noise *noise)
{
	struct bench_noise now = noise_now();

	bench_noise_add(noise, &now);
}

double bench_noise_steal_percent(const struct bench_noise *noise)
{
	return noise->ticks > 0 ? (double)noise->stolen_ticks * 100 / (double)noise->ticks : 0;
}

double bench_noise_other_percent(const struct bench_noise *noise)
{
	double own = (double)noise->own_ns / 1e9 * (double)sysconf(_SC_CLK_TCK);
	double percent = 0;

	if (noise->ticks > 0) {
		percent = ((double)noise->busy_ticks - own) * 100 / (double)noise->ticks;
	}
	/* The kernel counts ticks, and the process nanoseconds. */
	return percent > 0 ? percent : 0;
}
