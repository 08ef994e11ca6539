/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pathring-replay: which part of it is asked for. Each part has options of its own.
 *
 * Exit codes: 0 done; 1 something failed; 2 bad command line; 128 and the signal's number when one
 * ended it.
 */
#include "commands.h"

#include "program_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bench_program_name[] = "pathring-replay";

static const struct {
	const char *name;
	/* What popt calls the program in its help. */
	const char *full_name;
	int (*run)(int argc, const char **argv);
	const char *help;
} commands[] = {
	{ "import",
	  "pathring-replay import",
	  replay_command_import,
	  "Make a trace of a capture, a loadfile or a log" },
	{ "info", "pathring-replay info", replay_command_info, "Say what is in a trace" },
	{ "run",
	  "pathring-replay run",
	  replay_command_run,
	  "Replay a trace, each request under the user who made it" },
	{ .name = NULL },
};

static void print_help(FILE *file)
{
	size_t i = 0;

	fprintf(file,
		"Usage: pathring-replay COMMAND [OPTION...]\n"
		"Replays what clients of a file server did, each request under the user who made it.\n"
		"\n"
		"Commands:\n");
	for (i = 0; commands[i].name != NULL; i++) {
		fprintf(file, "  %-10s %s\n", commands[i].name, commands[i].help);
	}
	fprintf(file,
		"\n"
		"  -?, --help   Show this text; COMMAND --help shows the options of a command\n"
		"  --version    Show the version\n");
}

/* What was asked for is there only when all of it could be written. */
static int end_output(void)
{
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		perror("pathring-replay: cannot write to standard output");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

int main(int argc, const char **argv)
{
	size_t i = 0;

	if (argc < 2) {
		print_help(stderr);
		return 2;
	}
	for (i = 0; commands[i].name != NULL; i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			argv[1] = commands[i].full_name;
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0) {
		print_help(stdout);
		return end_output();
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("pathring-replay %s\n", PATHRING_VERSION);
		return end_output();
	}
	fprintf(stderr, "pathring-replay: %s: no such command, see --help\n", argv[1]);
	return 2;
}
