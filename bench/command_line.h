/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of the command line as they were given, and numbers and lists in them. What is right
 * for an option is known by options.c.
 */
#ifndef BENCH_COMMAND_LINE_H
#define BENCH_COMMAND_LINE_H

#include <popt.h>
#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

/* As given; strings, so that a bad number can be shown as it was written. NULL: not given. */
struct bench_arguments {
	char **values;	   /* by the option's `val` in its table */
	const char **rest; /* what is no option, ended by NULL */
};

/*
 * NULL after a message on stderr. num_options: more than any `val`. usage: what follows the
 * program's name in its help, and what it does.
 */
struct bench_arguments *bench_arguments_read(TALLOC_CTX *mem_ctx,
					     int argc,
					     const char **argv,
					     const struct poptOption *table,
					     size_t num_options,
					     const char *usage);

/* What was given, or this. */
const char *
bench_argument(const struct bench_arguments *arguments, int option, const char *otherwise);

/* On stderr: what is wrong with the value of an option. */
void bench_refuse(const char *option, const char *value, const char *expected);
void bench_refuse_memory(void);

/* False after a message on stderr. */
bool bench_parse_number(
	const char *option, const char *text, size_t min, size_t max, size_t *value);
bool bench_parse_real(const char *option, const char *text, double min, double max, double *value);

/*
 * Split at commas, calling parse for each part. An empty part is passed on too, to be refused
 * there.
 */
bool bench_parse_list(TALLOC_CTX *mem_ctx,
		      const char *text,
		      bool (*parse)(void *private_data, const char *part),
		      void *private_data);

#endif /* BENCH_COMMAND_LINE_H */
