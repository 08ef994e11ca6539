/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a trace, as pathring-trace(5) describes it. It is written by hand and not by a JSON
 * library because the recorder in smbd pays for every line: about 0.5 us here, 5 us with jansson's
 * objects. Nothing is printed here, for the same reason.
 */
#include "trace.h"

#include "names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Written when full: so one write(2) for some three hundred requests. */
#define BUFFER_SIZE 65536

/* A byte of a string becomes at most six: \u001f. The rest of a line is less than 1 KiB. */
#define MAX_STRINGS ((REPLAY_TRACE_MAX_LINE - 1024) / 6)

struct replay_trace_writer {
	int fd;
	int error; /* negative errno, then nothing is written any more */
	off_t kept; /* how much of the file had been written at the last flush; -1: it has no offsets */
	size_t used;
	char buffer[BUFFER_SIZE];
};

static int close_writer(struct replay_trace_writer *writer)
{
	if (writer->fd != -1) {
		close(writer->fd);
	}
	return 0;
}

static void flush(struct replay_trace_writer *writer)
{
	size_t done = 0;

	while (done < writer->used && writer->error == 0) {
		ssize_t written = write(writer->fd, writer->buffer + done, writer->used - done);

		if (written >= 0) {
			done += (size_t)written;
		} else if (errno != EINTR) {
			writer->error = -errno;
		}
	}
	writer->used = 0;
}

static void put_bytes(struct replay_trace_writer *writer, const char *bytes, size_t length)
{
	while (length > BUFFER_SIZE - writer->used) {
		size_t part = BUFFER_SIZE - writer->used;

		memcpy(writer->buffer + writer->used, bytes, part);
		writer->used += part;
		bytes += part;
		length -= part;
		flush(writer);
	}
	memcpy(writer->buffer + writer->used, bytes, length);
	writer->used += length;
}

#define PUT(writer, literal) put_bytes(writer, literal, sizeof(literal) - 1)

static void put_text(struct replay_trace_writer *writer, const char *text)
{
	put_bytes(writer, text, strlen(text));
}

static void put_hex(struct replay_trace_writer *writer, uint64_t value, size_t digits)
{
	char text[2 + 16 + 2] = "\"0x";
	size_t i = 0;

	for (i = 0; i < digits; i++) {
		text[3 + i] = "0123456789abcdef"[value >> (digits - 1 - i) * 4 & 0xf];
	}
	text[3 + digits] = '"';
	put_bytes(writer, text, digits + 4);
}

static void put_number(struct replay_trace_writer *writer, uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);

	/* Most readers of JSON have signed integers of 64 bits, jansson among them. */
	if (value > INT64_MAX) {
		put_hex(writer, value, 16);
		return;
	}
	do {
		at--;
		text[at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	put_bytes(writer, text + at, sizeof(text) - at);
}

/* How many bytes from here on are one character of UTF-8; 0 if they are none. */
static size_t utf8_length(const unsigned char *text)
{
	size_t length = 0;
	size_t i = 0;

	if (text[0] < 0x80) {
		return 1;
	}
	if (text[0] >= 0xc2 && text[0] <= 0xdf) {
		length = 2;
	} else if (text[0] >= 0xe0 && text[0] <= 0xef) {
		length = 3;
	} else if (text[0] >= 0xf0 && text[0] <= 0xf4) {
		length = 4;
	} else {
		return 0;
	}
	/* The string's end is no continuation, so nothing behind it is looked at. */
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	/* Longer than it needs to be, half of a surrogate pair, beyond the last character. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f)) {
		return 0;
	}
	return length;
}

static bool is_utf8(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		size_t length = utf8_length(at);

		if (length == 0) {
			return false;
		}
		at += length;
	}
	return true;
}

/* File names of Linux are bytes. Those that are no UTF-8 can't be a JSON string. */
static void put_raw_bytes(struct replay_trace_writer *writer, const char *text)
{
	const unsigned char *at = NULL;

	PUT(writer, "{\"hex\":\"");
	for (at = (const unsigned char *)text; *at != '\0'; at++) {
		char digits[2] = { "0123456789abcdef"[*at >> 4], "0123456789abcdef"[*at & 0xf] };

		put_bytes(writer, digits, sizeof(digits));
	}
	PUT(writer, "\"}");
}

static void put_string(struct replay_trace_writer *writer, const char *text)
{
	size_t plain = 0;

	if (!is_utf8(text)) {
		put_raw_bytes(writer, text);
		return;
	}
	PUT(writer, "\"");
	while (*text != '\0') {
		char escape[6] = "\\u00";
		unsigned char special = 0;

		for (plain = 0; (unsigned char)text[plain] >= 0x20 && text[plain] != '"' &&
				text[plain] != '\\';
		     plain++) {
		}
		put_bytes(writer, text, plain);
		text += plain;
		special = (unsigned char)*text;
		if (special == '"' || special == '\\') {
			escape[1] = (char)special;
			put_bytes(writer, escape, 2);
			text++;
		} else if (special != '\0') {
			escape[4] = "0123456789abcdef"[special >> 4];
			escape[5] = "0123456789abcdef"[special & 0xf];
			put_bytes(writer, escape, 6);
			text++;
		}
	}
	PUT(writer, "\"");
}

/* Whatever follows the first field of a line. */
#define PUT_STRING(writer, name, text) put_string_field(writer, ",\"" name "\":", text)
#define PUT_NUMBER(writer, name, value) put_number_field(writer, ",\"" name "\":", value)
#define PUT_MASK(writer, name, value) put_mask_field(writer, ",\"" name "\":", value)
#define PUT_WORD(writer, name, word) put_word_field(writer, ",\"" name "\":\"", word)
#define PUT_TRUE(writer, name, value)                      \
	do {                                               \
		if (value) {                               \
			PUT(writer, ",\"" name "\":true"); \
		}                                          \
	} while (0)

static void put_string_field(struct replay_trace_writer *writer, const char *name, const char *text)
{
	if (text != NULL) {
		put_text(writer, name);
		put_string(writer, text);
	}
}

static void put_number_field(struct replay_trace_writer *writer, const char *name, uint64_t value)
{
	put_text(writer, name);
	put_number(writer, value);
}

static void put_mask_field(struct replay_trace_writer *writer, const char *name, uint32_t value)
{
	put_text(writer, name);
	put_hex(writer, value, 8);
}

/* One of those that we have chosen: nothing in it needs an escape. */
static void put_word_field(struct replay_trace_writer *writer, const char *name, const char *word)
{
	put_text(writer, name);
	put_text(writer, word);
	PUT(writer, "\"");
}

static size_t string_length(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

int replay_trace_writer_create(TALLOC_CTX *mem_ctx,
			       int fd,
			       const struct replay_trace_header *header,
			       struct replay_trace_writer **_writer)
{
	struct replay_trace_writer *writer = talloc(mem_ctx, struct replay_trace_writer);
	char begun[32];
	int error = 0;

	if (writer == NULL) {
		close(fd);
		return -ENOMEM;
	}
	writer->fd = fd;
	writer->error = 0;
	writer->kept = -1;
	writer->used = 0;
	talloc_set_destructor(writer, close_writer);

	PUT(writer, "{\"format\":\"" REPLAY_TRACE_FORMAT "\"");
	PUT_STRING(writer, "source", header->source);
	PUT_TRUE(writer, "anonymised", header->anonymised);
	if (header->begun > 0) {
		snprintf(begun, sizeof(begun), ",\"begun\":%.6f", header->begun);
		put_text(writer, begun);
	}
	PUT(writer, "}\n");
	/* A disk that is full, or a pipe that nobody reads, is better known now. */
	error = replay_trace_write_flush(writer);
	if (error != 0) {
		talloc_free(writer);
		return error;
	}
	*_writer = writer;
	return 0;
}

int replay_trace_write_session(struct replay_trace_writer *writer,
			       const struct replay_session *session)
{
	if (string_length(session->user) + string_length(session->domain) +
		    string_length(session->client) >
	    MAX_STRINGS) {
		return -EMSGSIZE;
	}
	PUT(writer, "{\"session\":");
	put_number(writer, session->number);
	PUT_STRING(writer, "user", session->user);
	PUT_STRING(writer, "domain", session->domain);
	PUT_STRING(writer, "client", session->client);
	PUT(writer, "}\n");
	return writer->error;
}

static void put_what(struct replay_trace_writer *writer, const struct replay_request *request)
{
	switch (request->command) {
	case REPLAY_CREATE:
		PUT_MASK(writer, "access", request->access);
		if (request->disposition < REPLAY_NUM_DISPOSITIONS) {
			PUT_WORD(writer,
				 "disposition",
				 replay_disposition_names[request->disposition]);
		} else {
			PUT_MASK(writer, "disposition", request->disposition);
		}
		PUT_MASK(writer, "options", request->options);
		if (request->kind != REPLAY_KIND_UNKNOWN) {
			PUT_WORD(writer, "kind", replay_kind_names[request->kind]);
		}
		break;
	case REPLAY_READ:
	case REPLAY_WRITE:
		PUT_NUMBER(writer, "offset", request->offset);
		PUT_NUMBER(writer, "length", request->length);
		break;
	case REPLAY_QUERY_INFO:
	case REPLAY_SET_INFO:
		PUT_WORD(writer, "info", replay_info_names[request->info]);
		PUT_NUMBER(writer, "level", request->level);
		break;
	case REPLAY_QUERY_DIRECTORY:
		PUT_NUMBER(writer, "level", request->level);
		PUT_STRING(writer, "pattern", request->pattern);
		PUT_TRUE(writer, "restart", request->restart);
		break;
	case REPLAY_LOCK:
	case REPLAY_IOCTL:
	case REPLAY_OTHER:
		PUT_NUMBER(writer, "offset", request->offset);
		PUT_NUMBER(writer, "length", request->length);
		PUT_NUMBER(writer, "level", request->level);
		break;
	default:
		break;
	}
}

int replay_trace_write_request(struct replay_trace_writer *writer,
			       const struct replay_request *request)
{
	char status[REPLAY_STATUS_SIZE];
	uint32_t present = request->present;

	if (string_length(request->share) + string_length(request->path) +
		    string_length(request->target) + string_length(request->pattern) +
		    string_length(request->skip) >
	    MAX_STRINGS) {
		return -EMSGSIZE;
	}
	PUT(writer, "{\"request\":");
	put_number(writer, request->id);
	if (present & REPLAY_HAS_TIME) {
		PUT_NUMBER(writer, "time_ns", request->time);
	}
	if (present & REPLAY_HAS_DURATION) {
		PUT_NUMBER(writer, "duration_ns", request->duration);
	}
	PUT_NUMBER(writer, "session", request->session);
	PUT_WORD(writer, "command", replay_command_name(request->command));
	if (present & REPLAY_HAS_STATUS) {
		PUT_WORD(writer, "status", replay_status_name(request->status, status));
	}
	if (present & REPLAY_HAS_HANDLE) {
		PUT_NUMBER(writer, "handle", request->handle);
	}
	PUT_STRING(writer, "share", request->share);
	PUT_STRING(writer, "path", request->path);
	PUT_STRING(writer, "target", request->target);
	put_what(writer, request);
	PUT_TRUE(writer, "replace", request->replace);
	PUT_TRUE(writer, "remove", request->remove);
	if (present & REPLAY_HAS_COUNT) {
		PUT_NUMBER(writer, "count", request->count);
	}
	if (present & REPLAY_HAS_SIZE) {
		PUT_NUMBER(writer, "size", request->size);
	}
	if (present & REPLAY_HAS_ATTRIBUTES) {
		PUT_MASK(writer, "attributes", request->attributes);
	}
	if (present & REPLAY_HAS_MODIFIED) {
		PUT_NUMBER(writer, "modified_ns", request->modified);
	}
	PUT_STRING(writer, "skip", request->skip);
	PUT(writer, "}\n");
	return writer->error;
}

int replay_trace_write_flush(struct replay_trace_writer *writer)
{
	flush(writer);
	if (writer->error == 0) {
		writer->kept = lseek(writer->fd, 0, SEEK_CUR);
	}
	return writer->error;
}

int replay_trace_write_back(struct replay_trace_writer *writer)
{
	if (writer->kept == -1) {
		return -ESPIPE;
	}
	if (ftruncate(writer->fd, writer->kept) != 0 ||
	    lseek(writer->fd, writer->kept, SEEK_SET) == -1) {
		return -errno;
	}
	writer->used = 0;
	writer->error = 0;
	return 0;
}

int replay_trace_write_end(struct replay_trace_writer *writer, const struct replay_trace_end *end)
{
	int fd = writer->fd;

	PUT(writer, "{\"end\":");
	put_number(writer, end->requests);
	PUT_NUMBER(writer, "lost", end->lost);
	PUT(writer, "}\n");
	flush(writer);
	/* A file system on the network may say only now that it has no more room. */
	writer->fd = -1;
	if (close(fd) != 0 && writer->error == 0) {
		writer->error = -errno;
	}
	return writer->error;
}
