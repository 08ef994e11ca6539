/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When requests are to be made. A closed loop makes one whenever it can; an open loop has a clock:
 * request i is due at start + i / rate, whether or not earlier ones were answered.
 */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct bench_pace {
	double interval_ns; /* 0: a closed loop, the next one is always due */
	uint64_t start_ns;
	uint64_t made;
	uint64_t num;	  /* of this phase */
	uint64_t due_ns;  /* of the next one */
	uint64_t stop_ns; /* what was not begun until then never is */
	int timer_fd;	  /* -1 in a closed loop */
	uint64_t armed_ns;
	int slack_ns;	/* of the thread's timers, as it was */
	uint64_t calls; /* system calls that waiting took in this phase */
};

uint64_t bench_now(void);

/* rate 0: a closed loop. False with errno; to be closed in any case. */
bool bench_pace_open(struct bench_pace *pace, double rate);
void bench_pace_close(struct bench_pace *pace);

/*
 * From now on, for so long. As much time again is given to what could not be begun when it was due.
 */
void bench_pace_start(struct bench_pace *pace, uint64_t now_ns, uint64_t duration_ns);

/* The one that was due has been made. */
void bench_pace_next(struct bench_pace *pace);

/* When the last one's interval is over. */
uint64_t bench_pace_end(const struct bench_pace *pace);

/* Have timer_fd be readable when the next one is due, or not at all; it is never read. */
void bench_pace_arm(struct bench_pace *pace, bool wanted);

/* Sleep until the next one is due, or a signal comes. */
void bench_pace_sleep(struct bench_pace *pace);

#endif /* BENCH_PACE_H */
