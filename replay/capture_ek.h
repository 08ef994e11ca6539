/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tshark -T ek writes: one frame a line, and in it the SMB2 messages ("PDUs") that end in this
 * frame. What they mean is the business of others.
 */
#ifndef REPLAY_CAPTURE_EK_H
#define REPLAY_CAPTURE_EK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture_frame {
	uint64_t time;	 /* nanoseconds since 1970 */
	uint32_t stream; /* the TCP connection, in tshark's count */
	const char *source;
	const char *destination;
	uint32_t source_port;
	uint32_t destination_port;
	bool lost;	  /* packets before this one are missing */
	bool smb1;	  /* SMB1 is in it */
	bool undissected; /* it looks like SMB2, on a port where tshark does not expect it */
	/* SMB2 messages in it that can't be read: encrypted, compressed or damaged. */
	uint32_t unreadable;
};

struct capture_ek_handler {
	/* Both: 0, or -1 to go no further. First the messages of a frame, then the frame itself. */
	int (*message)(void *private_data,
		       const struct capture_frame *frame,
		       const json_t *message);
	int (*frame)(void *private_data, const struct capture_frame *frame);
	void *private_data;
};

/* 0; 1: this is not what tshark writes; -1 from a handler. */
int capture_ek_line(const struct capture_ek_handler *handler, const char *line, size_t length);

/*
 * tshark's display filter. It does two things: only frames that match it are written, and only
 * fields that it names are in what is written, as tshark makes no others (but with -V).
 */
extern const char capture_ek_filter[];

/*
 * Fields of a message, by tshark's name for them. Where there are several, the first. False or
 * NULL: it is not there.
 */
bool capture_ek_number(const json_t *message, const char *name, uint64_t *value);
uint64_t capture_ek_or_zero(const json_t *message, const char *name);
bool capture_ek_flag(const json_t *message, const char *name);
const char *capture_ek_string(const json_t *message, const char *name);
/* Nanoseconds since 1970. */
bool capture_ek_time(const json_t *message, const char *name, uint64_t *value);
size_t capture_ek_count(const json_t *message, const char *name);
/* Also deeper inside the message. */
const char *capture_ek_find_string(const json_t *message, const char *name);

#endif /* REPLAY_CAPTURE_EK_H */
