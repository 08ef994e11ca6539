/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What there is to say on standard error.
 */
#ifndef REPLAY_MESSAGE_H
#define REPLAY_MESSAGE_H

/*
 * One line, beginning with the program's name. What is said may contain parts of an input: control
 * characters become '?', so that nobody's file moves the cursor of a terminal.
 */
void replay_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What it does to control characters. */
void replay_remove_controls(char *text);

/* The same of something that went wrong. Always -1, for the caller to return. */
int replay_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
int replay_complain_memory(void);

#endif /* REPLAY_MESSAGE_H */
