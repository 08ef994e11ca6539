/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options that are lists: what is measured, by which engines and under which loads. Each
 * function returns false after a message on stderr.
 */
#ifndef BENCH_CHOOSE_H
#define BENCH_CHOOSE_H

#include "options.h"

/* names: of operations, or "mix" for what `mix` says (NULL: not given). */
bool bench_choose_mixes(struct bench_options *options, const char *names, const char *mix);

/* After the mixes: at least one engine must have each. */
bool bench_choose_engines(struct bench_options *options, const char *names);

/* After the engines. names: NULL for what is usual. */
bool bench_choose_baselines(struct bench_options *options, const char *names);

/* rates, sweep: NULL when not given, for closed loops. */
bool bench_choose_points(struct bench_options *options,
			 const char *depths,
			 const char *rates,
			 const char *sweep);

/* To a talloc string: a blank and a name for each that there is. NULL without memory. */
char *bench_append_operations(char *text);
char *bench_append_engines(char *text);

#endif /* BENCH_CHOOSE_H */
