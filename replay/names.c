/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of a trace: names of commands, and of what they are about.
 */
#include "trace.h"

#include "names.h"

#include <string.h>

static const char *const commands[] = {
#define COMMAND_NAME(constant, name) [REPLAY_##constant] = name,
	REPLAY_COMMANDS(COMMAND_NAME)
#undef COMMAND_NAME
};

const char *const replay_disposition_names[] = { "supersede", "open",	      "create", "open-if",
						 "overwrite", "overwrite-if", NULL };

const char *const replay_info_names[] = {
	[REPLAY_INFO_FILE] = "file",
	[REPLAY_INFO_FILESYSTEM] = "filesystem",
	[REPLAY_INFO_SECURITY] = "security",
	[REPLAY_INFO_QUOTA] = "quota",
	NULL,
};

const char *const replay_kind_names[] = {
	[REPLAY_KIND_UNKNOWN] = "unknown",
	[REPLAY_KIND_FILE] = "file",
	[REPLAY_KIND_DIRECTORY] = "directory",
	NULL,
};

const char *replay_command_name(enum replay_command command)
{
	return commands[command];
}

bool replay_command_is_replayed(enum replay_command command)
{
	return command <= REPLAY_DELTREE;
}

bool replay_command_parse(const char *name, enum replay_command *command)
{
	size_t i = 0;

	for (i = 0; i < REPLAY_NUM_COMMANDS; i++) {
		if (strcmp(name, commands[i]) == 0) {
			*command = (enum replay_command)i;
			return true;
		}
	}
	return false;
}
