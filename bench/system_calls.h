/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts the system calls of this process, by the kernel's tracepoint. Counting costs each call
 * something, so nothing is timed meanwhile.
 */
#ifndef BENCH_SYSTEM_CALLS_H
#define BENCH_SYSTEM_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

/*
 * A descriptor, to be closed; -1: *why says why not. Of threads, those are counted that begin
 * after this, and the calling one.
 */
int bench_system_calls_open(TALLOC_CTX *mem_ctx, char **why);

/* Once. */
void bench_system_calls_start(int fd);

/* Those since the start, other than this one's own. */
uint64_t bench_system_calls_stop(int fd);

#endif /* BENCH_SYSTEM_CALLS_H */
