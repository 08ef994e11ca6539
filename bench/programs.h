/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs of others.
 */
#ifndef BENCH_PROGRAMS_H
#define BENCH_PROGRAMS_H

#include <stdbool.h>

/* Whether one of that name would be found. */
bool bench_has_program(const char *name);

#endif /* BENCH_PROGRAMS_H */
