/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIGINT and SIGTERM end a run in an orderly way; a tick each second lets a waiting engine look up.
 */
#ifndef BENCH_SIGNALS_H
#define BENCH_SIGNALS_H

#include <stdbool.h>

bool bench_signals_install(void);

/* The signal that asks to end, or 0. */
int bench_signal_caught(void);

#endif /* BENCH_SIGNALS_H */
