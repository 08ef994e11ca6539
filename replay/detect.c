/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at the first bytes of an input. A capture has a number of its format there; of text the
 * first lines that say anything decide.
 */
#include "detect.h"

#include "message.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* A log of smbd begins with what smbd itself has to say. */
#define LOOK_AT 262144

static bool is_capture(const unsigned char *bytes, size_t length)
{
	static const unsigned char magic[][4] = {
		{ 0xa1, 0xb2, 0xc3, 0xd4 }, /* pcap, in both byte orders */
		{ 0xd4, 0xc3, 0xb2, 0xa1 }, { 0xa1, 0xb2, 0x3c, 0x4d }, /* with nanoseconds */
		{ 0x4d, 0x3c, 0xb2, 0xa1 }, { 0x0a, 0x0d, 0x0d, 0x0a }, /* pcapng */
		{ 0x28, 0xb5, 0x2f, 0xfd },				/* zstd */
		{ 0x04, 0x22, 0x4d, 0x18 },				/* lz4 */
	};
	size_t i = 0;

	for (i = 0; length >= 4 && i < sizeof(magic) / sizeof(magic[0]); i++) {
		if (memcmp(bytes, magic[i], 4) == 0) {
			return true;
		}
	}
	/* gzip: tshark knows what is in it. */
	return length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static enum replay_format detect_text(char *text)
{
	char *rest = text;
	char *line = NULL;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line == text && line[0] == '{' && strstr(line, "\"pathring-trace/") != NULL) {
			return REPLAY_FORMAT_TRACE;
		}
		if (replay_loadfile_has(line)) {
			return REPLAY_FORMAT_LOADFILE;
		}
		if (replay_full_audit_has(line)) {
			return REPLAY_FORMAT_FULL_AUDIT;
		}
	}
	return REPLAY_FORMAT_UNKNOWN;
}

/* As much as there is, up to the size. */
static ssize_t read_beginning(int fd, char *buffer, size_t size)
{
	size_t length = 0;
	ssize_t got = 1;

	while (got > 0 && length < size) {
		got = read(fd, buffer + length, size - length);
		if (got > 0) {
			length += (size_t)got;
		}
	}
	return got == -1 ? -1 : (ssize_t)length;
}

bool replay_detect(const char *name, enum replay_format *format)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	char *buffer = talloc_array(NULL, char, LOOK_AT + 1);
	ssize_t length = 0;

	*format = REPLAY_FORMAT_UNKNOWN;
	length = fd != -1 && buffer != NULL ? read_beginning(fd, buffer, LOOK_AT) : -1;
	if (length == -1) {
		replay_complain("%s: %s", name, strerror(errno));
	} else if (is_capture((const unsigned char *)buffer, (size_t)length)) {
		*format = REPLAY_FORMAT_CAPTURE;
	} else {
		buffer[length] = '\0';
		*format = detect_text(buffer);
	}
	if (fd != -1) {
		close(fd);
	}
	talloc_free(buffer);
	return length != -1;
}
