/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of pathring-replay. Each gets its own part of the command line, argv[0] being its
 * name, and returns the exit code.
 */
#ifndef REPLAY_COMMANDS_H
#define REPLAY_COMMANDS_H

int replay_command_import(int argc, const char **argv);
int replay_command_info(int argc, const char **argv);
int replay_command_run(int argc, const char **argv);

#endif /* REPLAY_COMMANDS_H */
