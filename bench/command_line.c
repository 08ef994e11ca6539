/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Around popt, and the parts of a value.
 */
#include "command_line.h"

#include "program_name.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_refuse(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "%s: %s %s: %s\n", bench_program_name, option, value, expected);
}

void bench_refuse_memory(void)
{
	fprintf(stderr, "%s: out of memory\n", bench_program_name);
}

/*
 * By hand and not into variables: popt would leak the first value of an option that is given twice.
 */
static bool read_values(struct bench_arguments *arguments, poptContext context)
{
	int option = 0;

	for (option = poptGetNextOpt(context); option > 0; option = poptGetNextOpt(context)) {
		char *value = poptGetOptArg(context);

		TALLOC_FREE(arguments->values[option]);
		arguments->values[option] =
			talloc_strdup(arguments->values, value != NULL ? value : "");
		free(value);
		if (arguments->values[option] == NULL) {
			bench_refuse_memory();
			return false;
		}
	}
	if (option < -1) {
		bench_refuse(poptBadOption(context, POPT_BADOPTION_NOALIAS),
			     poptStrerror(option),
			     "see --help");
		return false;
	}
	return true;
}

static bool keep_rest(struct bench_arguments *arguments, poptContext context)
{
	const char *text = NULL;
	size_t num = 0;

	do {
		text = poptGetArg(context);
		arguments->rest = talloc_realloc(arguments, arguments->rest, const char *, num + 1);
		if (arguments->rest == NULL) {
			bench_refuse_memory();
			return false;
		}
		arguments->rest[num] = text != NULL ? talloc_strdup(arguments, text) : NULL;
		num++;
	} while (text != NULL);
	return true;
}

struct bench_arguments *bench_arguments_read(TALLOC_CTX *mem_ctx,
					     int argc,
					     const char **argv,
					     const struct poptOption *table,
					     size_t num_options,
					     const char *usage)
{
	struct bench_arguments *arguments = talloc_zero(mem_ctx, struct bench_arguments);
	poptContext context = poptGetContext(bench_program_name, argc, argv, table, 0);
	bool ok = false;

	if (arguments != NULL) {
		arguments->values = talloc_zero_array(arguments, char *, num_options);
	}
	if (arguments == NULL || arguments->values == NULL || context == NULL) {
		bench_refuse_memory();
	} else {
		poptSetOtherOptionHelp(context, usage);
		ok = read_values(arguments, context) && keep_rest(arguments, context);
	}
	poptFreeContext(context);
	if (!ok) {
		TALLOC_FREE(arguments);
	}
	return arguments;
}

const char *
bench_argument(const struct bench_arguments *arguments, int option, const char *otherwise)
{
	return arguments->values[option] != NULL ? arguments->values[option] : otherwise;
}

bool bench_parse_number(const char *option, const char *text, size_t min, size_t max, size_t *value)
{
	char expected[80];
	char *end = NULL;
	unsigned long long number = 0;

	errno = 0;
	number = strtoull(text, &end, 10);
	/* strtoull() takes a sign and leading space, and wraps a negative number around. */
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < min ||
	    number > max) {
		snprintf(expected, sizeof(expected), "expected a number from %zu to %zu", min, max);
		bench_refuse(option, text, expected);
		return false;
	}
	*value = (size_t)number;
	return true;
}

bool bench_parse_real(const char *option, const char *text, double min, double max, double *value)
{
	char expected[80];
	char *end = NULL;
	double number = 0;

	number = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(number) || number < min || number > max) {
		snprintf(expected, sizeof(expected), "expected a number from %g to %g", min, max);
		bench_refuse(option, text, expected);
		return false;
	}
	*value = number;
	return true;
}

bool bench_parse_list(TALLOC_CTX *mem_ctx,
		      const char *text,
		      bool (*parse)(void *private_data, const char *part),
		      void *private_data)
{
	char *copy = talloc_strdup(mem_ctx, text);
	char *rest = copy;
	char *part = NULL;
	bool ok = copy != NULL;

	if (!ok) {
		bench_refuse_memory();
	}
	for (part = strsep(&rest, ","); ok && part != NULL; part = strsep(&rest, ",")) {
		ok = parse(private_data, part);
	}
	talloc_free(copy);
	return ok;
}
