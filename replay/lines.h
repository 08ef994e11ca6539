/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines of an input, one at a time and none of them longer than it may be.
 */
#ifndef REPLAY_LINES_H
#define REPLAY_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

struct replay_lines;

/* NULL after a message on stderr. name: of a file, or "-" for standard input. */
struct replay_lines *replay_lines_open(TALLOC_CTX *mem_ctx, const char *name, size_t max_length);

/* The same for a descriptor, which stays the caller's; name is for messages. */
struct replay_lines *
replay_lines_over(TALLOC_CTX *mem_ctx, int fd, const char *name, size_t max_length);

/*
 * 1: a line, without its end and followed by a NUL, that may be changed and lives until the next
 * call; a NUL within it is refused. 0: the input's end, or a signal asks to end. -1 after a
 * message on stderr.
 */
int replay_lines_next(struct replay_lines *lines, char **line, size_t *length);

/* Of the line that came last: whether it had an end, and the input was not cut off in it. */
bool replay_lines_is_whole(const struct replay_lines *lines);

/* For the progress: bytes given so far, and in all or 0 when that is not known. */
uint64_t replay_lines_done(const struct replay_lines *lines);
uint64_t replay_lines_all(const struct replay_lines *lines);

/* On stderr, after the file's name and the number of the line that came last. Always -1. */
int replay_lines_complain(const struct replay_lines *lines, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* REPLAY_LINES_H */
