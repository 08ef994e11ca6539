/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads lines by hand: getline() would take as much memory as a file without line ends is long,
 * and cannot be interrupted while it waits at a pipe.
 */
#include "lines.h"

#include "message.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* At first, and by how much is read at a time. */
#define BUFFER_SIZE 65536

struct replay_lines {
	const char *name;
	int fd;
	bool may_wait; /* no file of a disk */
	bool at_end;
	bool whole;
	size_t max_length;
	uint64_t number;
	uint64_t done;
	uint64_t all;

	/* From begin to end is what has been read and not been given. */
	char *buffer;
	size_t size;
	size_t begin;
	size_t end;
};

static int close_lines(struct replay_lines *lines)
{
	close(lines->fd);
	return 0;
}

struct replay_lines *
replay_lines_over(TALLOC_CTX *mem_ctx, int fd, const char *name, size_t max_length)
{
	struct replay_lines *lines = talloc_zero(mem_ctx, struct replay_lines);
	struct stat st = { .st_size = 0 };

	if (lines == NULL) {
		replay_complain_memory();
		return NULL;
	}
	lines->fd = fd;
	lines->max_length = max_length;
	lines->size = BUFFER_SIZE;
	lines->buffer = talloc_array(lines, char, lines->size);
	lines->name = talloc_strdup(lines, name);
	if (lines->name == NULL || lines->buffer == NULL) {
		replay_complain_memory();
		talloc_free(lines);
		return NULL;
	}
	lines->may_wait = fstat(lines->fd, &st) != 0 || !S_ISREG(st.st_mode);
	lines->all = lines->may_wait ? 0 : (uint64_t)st.st_size;
	return lines;
}

struct replay_lines *replay_lines_open(TALLOC_CTX *mem_ctx, const char *name, size_t max_length)
{
	struct replay_lines *lines = NULL;
	int fd = -1;

	if (strcmp(name, "-") == 0) {
		return replay_lines_over(mem_ctx, STDIN_FILENO, "standard input", max_length);
	}
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		replay_complain("%s: %s", name, strerror(errno));
		return NULL;
	}
	lines = replay_lines_over(mem_ctx, fd, name, max_length);
	if (lines == NULL) {
		close(fd);
		return NULL;
	}
	talloc_set_destructor(lines, close_lines);
	return lines;
}

/* The handlers of signals restart read(2), but nothing restarts poll(2). */
static bool wait_for_input(const struct replay_lines *lines)
{
	struct pollfd descriptor = { .fd = lines->fd, .events = POLLIN };

	while (bench_signal_caught() == 0) {
		if (poll(&descriptor, 1, -1) >= 0 || errno != EINTR) {
			return true;
		}
	}
	return false;
}

/* Whether there is room for more, and if not, that the line is too long. */
static int make_room(struct replay_lines *lines)
{
	char *larger = NULL;

	if (lines->begin > 0) {
		memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
		lines->end -= lines->begin;
		lines->begin = 0;
	}
	if (lines->end > lines->max_length) {
		return replay_lines_complain(
			lines, "longer than %zu bytes, which no line is", lines->max_length);
	}
	if (lines->end + 1 < lines->size) {
		return 0;
	}
	larger = talloc_realloc(lines, lines->buffer, char, lines->size * 2);
	if (larger == NULL) {
		return replay_complain_memory();
	}
	lines->buffer = larger;
	lines->size *= 2;
	return 0;
}

/* -1 after a message. */
static int read_more(struct replay_lines *lines)
{
	ssize_t got = 0;
	int ret = make_room(lines);

	if (ret != 0) {
		return ret;
	}
	if (lines->may_wait && !wait_for_input(lines)) {
		lines->at_end = true;
		return 0;
	}
	do {
		got = read(lines->fd, lines->buffer + lines->end, lines->size - lines->end - 1);
	} while (got == -1 && errno == EINTR);
	if (got == -1) {
		return replay_complain("%s: %s", lines->name, strerror(errno));
	}
	lines->end += (size_t)got;
	lines->at_end = got == 0;
	return 0;
}

int replay_lines_next(struct replay_lines *lines, char **line, size_t *length)
{
	char *found = NULL;
	size_t searched = 0;

	if (bench_signal_caught() != 0) {
		return 0;
	}
	lines->number++;
	for (;;) {
		size_t there = lines->end - lines->begin;

		found = memchr(lines->buffer + lines->begin + searched, '\n', there - searched);
		if (found != NULL || lines->at_end) {
			break;
		}
		searched = there;
		if (read_more(lines) != 0) {
			return -1;
		}
	}
	*line = lines->buffer + lines->begin;
	*length = found != NULL ? (size_t)(found - *line) : lines->end - lines->begin;
	if (found == NULL && *length == 0) {
		return 0;
	}
	if (*length >= lines->max_length) {
		return replay_lines_complain(
			lines, "longer than %zu bytes, which no line is", lines->max_length);
	}
	if (memchr(*line, '\0', *length) != NULL) {
		return replay_lines_complain(lines, "has a NUL in it");
	}
	lines->whole = found != NULL;
	lines->begin += *length + (found != NULL ? 1 : 0);
	lines->done += *length + 1;
	(*line)[*length] = '\0';
	return 1;
}

bool replay_lines_is_whole(const struct replay_lines *lines)
{
	return lines->whole;
}

uint64_t replay_lines_done(const struct replay_lines *lines)
{
	return lines->done;
}

uint64_t replay_lines_all(const struct replay_lines *lines)
{
	return lines->all;
}

int replay_lines_complain(const struct replay_lines *lines, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return replay_complain(
		"%s, line %llu: %s", lines->name, (unsigned long long)lines->number, text);
}
