/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pathring-replay info: its command line.
 */
#include "commands.h"

#include "command_line.h"
#include "info.h"
#include "message.h"
#include "signals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option { OPTION_JSON = 1, NUM_OPTIONS };

/* clang-format off */
static const struct poptOption option_table[] = {
	{ "json", '\0', POPT_ARG_NONE, NULL, OPTION_JSON, "Print a JSON document", NULL },
	POPT_AUTOHELP
	POPT_TABLEEND
};
/* clang-format on */

static int run(TALLOC_CTX *mem_ctx, const char *name, bool as_json)
{
	struct replay_trace_reader *reader = NULL;
	struct replay_trace_info *info = NULL;
	bool ok = false;

	if (!bench_signals_install()) {
		replay_complain("cannot install signal handlers: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	reader = replay_trace_open(mem_ctx, name);
	info = reader != NULL ? replay_info_collect(mem_ctx, reader) : NULL;
	if (info != NULL && as_json) {
		ok = replay_info_print_json(info, stdout);
	} else if (info != NULL) {
		replay_info_print(info, stdout);
		ok = true;
	}
	if (info != NULL && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
		replay_complain("cannot write to standard output: %s", strerror(errno));
		ok = false;
	}
	if (bench_signal_caught() != 0) {
		return 128 + bench_signal_caught();
	}
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int replay_command_info(int argc, const char **argv)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct bench_arguments *arguments = NULL;
	int code = 2;

	arguments = bench_arguments_read(mem_ctx,
					 argc,
					 argv,
					 option_table,
					 NUM_OPTIONS,
					 "TRACE [--json]\n"
					 "Says what is in a trace.");
	if (arguments == NULL) {
		code = 2;
	} else if (arguments->rest[0] == NULL) {
		bench_refuse("info", "TRACE", "is missing, see --help");
	} else if (arguments->rest[1] != NULL) {
		bench_refuse("argument", arguments->rest[1], "not expected, see --help");
	} else {
		code = run(mem_ctx,
			   arguments->rest[0],
			   bench_argument(arguments, OPTION_JSON, NULL) != NULL);
	}
	talloc_free(mem_ctx);
	return code;
}
