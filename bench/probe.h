/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pathring-bench probe: what can be had here, what is missing, and what to do about it.
 */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

/* The exit code. */
int probe_main(int argc, const char **argv);

#endif /* BENCH_PROBE_H */
