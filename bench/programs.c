/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks where posix_spawnp() would.
 */
#include "programs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool bench_has_program(const char *name)
{
	const char *path = getenv("PATH");
	const char *begin = path != NULL ? path : "/bin:/usr/bin";

	while (true) {
		size_t length = strcspn(begin, ":");
		char program[PATH_MAX];
		int ret = snprintf(program, sizeof(program), "%.*s/%s", (int)length, begin, name);

		if (ret < (int)sizeof(program) && access(program, X_OK) == 0) {
			return true;
		}
		if (begin[length] == '\0') {
			return false;
		}
		begin += length + 1;
	}
}
