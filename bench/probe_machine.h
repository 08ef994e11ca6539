/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the machine lets this process do, besides file operations.
 */
#ifndef BENCH_PROBE_MACHINE_H
#define BENCH_PROBE_MACHINE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

/* Sentences for people: what is missing and what to do about it. */
struct probe_missing {
	char **texts;
	size_t num;
};

/* A talloc object. */
void probe_miss(struct probe_missing *missing, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Print limits and tools; what of them is missing is added. */
void probe_machine(struct probe_missing *missing);

/* Why there is no ring, as far as the kernel tells. */
void probe_refused(struct probe_missing *missing);

#endif /* BENCH_PROBE_MACHINE_H */
