/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saying what failed, and where: the seed and the step make it happen again.
 */
#ifndef PATHRING_TESTS_FAULTS_REPORT_H
#define PATHRING_TESTS_FAULTS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#define EXIT_USAGE 2
#define EXIT_UNABLE 77

/* The handlers of signals and, where there is one, of the sanitizer. */
bool report_begin(uint64_t seed);
void report_step(uint64_t step);
uint64_t report_current_step(void);

/* SIGINT or SIGTERM, or 0. */
int report_signal(void);

/* The end of the process, with the scratch directory removed. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Something outside of the engine does not work. */
void fail_call(const char *what) __attribute__((noreturn));

#endif /* PATHRING_TESTS_FAULTS_REPORT_H */
