/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time that does not depend on how fast this machine is.
 */
#ifndef PATHRING_TESTS_FAULTS_CLOCK_H
#define PATHRING_TESTS_FAULTS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* From now on time goes on when it is looked at, and only then. For one thread. */
void clock_count(void);

#endif /* PATHRING_TESTS_FAULTS_CLOCK_H */
