/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an input is, by how it begins.
 */
#ifndef REPLAY_DETECT_H
#define REPLAY_DETECT_H

#include <stdbool.h>

enum replay_format {
	REPLAY_FORMAT_UNKNOWN,
	REPLAY_FORMAT_CAPTURE,
	REPLAY_FORMAT_LOADFILE,
	REPLAY_FORMAT_FULL_AUDIT,
	REPLAY_FORMAT_TRACE
};

/* False after a message on stderr, when the file can't be read. */
bool replay_detect(const char *name, enum replay_format *format);

/* Whether this could be a line of one. */
bool replay_loadfile_has(const char *line);
bool replay_full_audit_has(const char *line);

#endif /* REPLAY_DETECT_H */
