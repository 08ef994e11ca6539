/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an engine of libpathring costs that has nothing to do.
 */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

#include <stdbool.h>
#include <stdio.h>

/* Measure and print. False after a message on stderr. */
bool bench_idle_show(FILE *file);

#endif /* BENCH_IDLE_H */
