/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a trace, as pathring-trace(5) describes it, and believes nothing that is in it: what comes
 * out has the types and ranges that trace.h says, and what its command needs.
 */
#include "trace.h"

#include "lines.h"
#include "message.h"
#include "names.h"
#include "signals.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_NAME "pathring-trace/"

struct replay_trace_reader {
	struct replay_lines *lines;
	const char *name;
	struct replay_trace_header header;
	uint32_t num_sessions;
	uint64_t num_requests;
	bool ended;
	bool at_end;

	/* Of the record that came last: what its strings live in. */
	json_t *root;
	TALLOC_CTX *strings;
};

/* How a field is written. */
enum field_type {
	FIELD_U64,
	FIELD_U32,
	FIELD_STRING,
	FIELD_TRUE,
	FIELD_TIME, /* seconds, with a fraction */
	FIELD_STATUS,
	FIELD_COMMAND,
	FIELD_DISPOSITION,
	FIELD_WORD
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;		  /* in the struct that it belongs to */
	uint32_t present;	  /* enum replay_field, or 0 */
	const char *const *words; /* of FIELD_WORD */
};

#define REQUEST(name, type, member)                                          \
	{                                                                    \
		name, type, offsetof(struct replay_request, member), 0, NULL \
	}
#define MAY_BE_ABSENT(name, type, member, present)                                 \
	{                                                                          \
		name, type, offsetof(struct replay_request, member), present, NULL \
	}
#define WORD(name, member, words)                                                   \
	{                                                                           \
		name, FIELD_WORD, offsetof(struct replay_request, member), 0, words \
	}

static const struct field request_fields[] = {
	REQUEST("request", FIELD_U64, id),
	MAY_BE_ABSENT("time_ns", FIELD_U64, time, REPLAY_HAS_TIME),
	MAY_BE_ABSENT("duration_ns", FIELD_U64, duration, REPLAY_HAS_DURATION),
	REQUEST("session", FIELD_U32, session),
	REQUEST("command", FIELD_COMMAND, command),
	MAY_BE_ABSENT("status", FIELD_STATUS, status, REPLAY_HAS_STATUS),
	MAY_BE_ABSENT("handle", FIELD_U64, handle, REPLAY_HAS_HANDLE),
	REQUEST("share", FIELD_STRING, share),
	REQUEST("path", FIELD_STRING, path),
	REQUEST("target", FIELD_STRING, target),
	REQUEST("access", FIELD_U32, access),
	REQUEST("disposition", FIELD_DISPOSITION, disposition),
	REQUEST("options", FIELD_U32, options),
	WORD("kind", kind, replay_kind_names),
	REQUEST("offset", FIELD_U64, offset),
	REQUEST("length", FIELD_U64, length),
	MAY_BE_ABSENT("count", FIELD_U64, count, REPLAY_HAS_COUNT),
	MAY_BE_ABSENT("size", FIELD_U64, size, REPLAY_HAS_SIZE),
	WORD("info", info, replay_info_names),
	REQUEST("level", FIELD_U32, level),
	REQUEST("pattern", FIELD_STRING, pattern),
	REQUEST("restart", FIELD_TRUE, restart),
	REQUEST("replace", FIELD_TRUE, replace),
	REQUEST("remove", FIELD_TRUE, remove),
	MAY_BE_ABSENT("attributes", FIELD_U32, attributes, REPLAY_HAS_ATTRIBUTES),
	MAY_BE_ABSENT("modified_ns", FIELD_U64, modified, REPLAY_HAS_MODIFIED),
	REQUEST("skip", FIELD_STRING, skip),
	{ .name = NULL },
};

#define SESSION(name, type, member)                                          \
	{                                                                    \
		name, type, offsetof(struct replay_session, member), 0, NULL \
	}

static const struct field session_fields[] = {
	SESSION("session", FIELD_U32, number),
	SESSION("user", FIELD_STRING, user),
	SESSION("domain", FIELD_STRING, domain),
	SESSION("client", FIELD_STRING, client),
	{ .name = NULL },
};

static const struct field end_fields[] = {
	{ "end", FIELD_U64, offsetof(struct replay_trace_end, requests), 0, NULL },
	{ "lost", FIELD_U64, offsetof(struct replay_trace_end, lost), 0, NULL },
	{ .name = NULL },
};

/* "format" is read before, and is a string. */
struct header_line {
	const char *format;
	struct replay_trace_header header;
};

static const struct field header_fields[] = {
	{ "format", FIELD_STRING, offsetof(struct header_line, format), 0, NULL },
	{ "source", FIELD_STRING, offsetof(struct header_line, header.source), 0, NULL },
	{ "anonymised", FIELD_TRUE, offsetof(struct header_line, header.anonymised), 0, NULL },
	{ "begun", FIELD_TIME, offsetof(struct header_line, header.begun), 0, NULL },
	{ .name = NULL },
};

/* A whole number, or a string of one in hexadecimal: what a JSON integer has no room for. */
static bool read_number(const json_t *value, uint64_t max, uint64_t *number)
{
	const char *text = NULL;
	size_t digits = 0;

	if (json_is_integer(value)) {
		*number = (uint64_t)json_integer_value(value);
		return json_integer_value(value) >= 0 && *number <= max;
	}
	text = json_string_value(value);
	if (text == NULL || text[0] != '0' || text[1] != 'x') {
		return false;
	}
	digits = strspn(text + 2, "0123456789abcdefABCDEF");
	if (digits == 0 || digits > 16 || text[2 + digits] != '\0') {
		return false;
	}
	*number = strtoull(text + 2, NULL, 16);
	return *number <= max;
}

static int hex_digit(char digit)
{
	const char *digits = "0123456789abcdef";
	const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* What is no UTF-8: {"hex":"..."}. NULL if that is no such thing. */
static const char *read_bytes(TALLOC_CTX *mem_ctx, const json_t *value)
{
	const char *hex = json_string_value(json_object_get(value, "hex"));
	size_t length = hex != NULL ? strlen(hex) : 0;
	char *bytes = NULL;
	size_t i = 0;

	if (length == 0 || length % 2 != 0 || json_object_size(value) != 1) {
		return NULL;
	}
	bytes = talloc_zero_array(mem_ctx, char, length / 2 + 1);
	for (i = 0; bytes != NULL && i < length; i += 2) {
		int high = hex_digit(hex[i]);
		int low = hex_digit(hex[i + 1]);

		if (high == -1 || low == -1 || (high | low) == 0) {
			return NULL;
		}
		bytes[i / 2] = (char)(high << 4 | low);
	}
	return bytes;
}

static bool
read_string(struct replay_trace_reader *reader, const json_t *value, const char **string)
{
	*string = json_is_object(value) ? read_bytes(reader->strings, value)
					: json_string_value(value);
	return *string != NULL;
}

static bool read_word(const json_t *value, const char *const *words, uint32_t *number)
{
	const char *text = json_string_value(value);
	size_t i = 0;

	for (i = 0; text != NULL && words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*number = (uint32_t)i;
			return true;
		}
	}
	return false;
}

/* What is expected instead, or NULL. */
static const char *read_field(struct replay_trace_reader *reader,
			      const struct field *field,
			      const json_t *value,
			      void *record)
{
	void *member = (char *)record + field->offset;
	uint64_t number = 0;
	bool ok = false;

	switch (field->type) {
	case FIELD_U64:
		ok = read_number(value, UINT64_MAX, member);
		return ok ? NULL : "a whole number of 64 bits";
	case FIELD_U32:
		ok = read_number(value, UINT32_MAX, &number);
		*(uint32_t *)member = (uint32_t)number;
		return ok ? NULL : "a whole number of 32 bits";
	case FIELD_STRING:
		ok = read_string(reader, value, member);
		return ok ? NULL : "a string, or {\"hex\":\"...\"}";
	case FIELD_TRUE:
		ok = json_is_boolean(value);
		*(bool *)member = json_is_true(value);
		return ok ? NULL : "true or false";
	case FIELD_TIME:
		*(double *)member = json_number_value(value);
		ok = json_is_number(value) && *(double *)member >= 0 && *(double *)member <= 1e11;
		return ok ? NULL : "a number of seconds";
	case FIELD_STATUS:
		ok = json_is_string(value) && replay_status_parse(json_string_value(value), member);
		return ok ? NULL : "the name or number of an NTSTATUS";
	case FIELD_COMMAND:
		ok = json_is_string(value) &&
		     replay_command_parse(json_string_value(value), member);
		return ok ? NULL : "the name of a command";
	case FIELD_DISPOSITION:
		/* A client may send any number, which a server refuses. */
		ok = read_word(value, replay_disposition_names, member);
		ok = ok || read_number(value, UINT32_MAX, &number);
		if (number != 0) {
			*(uint32_t *)member = (uint32_t)number;
		}
		return ok ? NULL : "one of its names or a number";
	case FIELD_WORD:
		ok = read_word(value, field->words, member);
		return ok ? NULL : "one of its names";
	}
	return "nothing";
}

/* All fields of the line into a record that is zero. -1 after a message. */
static int read_fields(struct replay_trace_reader *reader,
		       const struct field *fields,
		       void *record,
		       uint32_t *present)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach(reader->root, key, value)
	{
		const char *expected = NULL;
		const struct field *field = fields;

		while (field->name != NULL && strcmp(field->name, key) != 0) {
			field++;
		}
		if (field->name == NULL) {
			return replay_lines_complain(reader->lines, "unknown field \"%s\"", key);
		}
		expected = read_field(reader, field, value, record);
		if (expected != NULL) {
			return replay_lines_complain(
				reader->lines, "\"%s\": expected %s", key, expected);
		}
		if (present != NULL) {
			*present |= field->present;
		}
	}
	return 0;
}

/* 1: the line is reader->root. 0: the end, or a last line that was cut off. -1 after a message. */
static int read_line(struct replay_trace_reader *reader)
{
	json_error_t error;
	char *line = NULL;
	size_t length = 0;
	int ret = 0;

	json_decref(reader->root);
	reader->root = NULL;
	talloc_free_children(reader->strings);
	ret = replay_lines_next(reader->lines, &line, &length);
	if (ret != 1) {
		return ret;
	}
	reader->root = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(reader->root)) {
		return 1;
	}
	if (reader->root == NULL && !replay_lines_is_whole(reader->lines)) {
		return 0;
	}
	return replay_lines_complain(reader->lines,
				     "no record of a trace: %s",
				     reader->root == NULL ? error.text : "not a JSON object");
}

static int refuse_format(struct replay_trace_reader *reader, const char *format)
{
	if (format != NULL && strncmp(format, FORMAT_NAME, strlen(FORMAT_NAME)) == 0) {
		return replay_complain(
			"%s: a trace of format %s; this program knows " REPLAY_TRACE_FORMAT
			", so a newer one is needed",
			reader->name,
			format);
	}
	return replay_complain("%s: not a trace: its first line has no \"format\":\"" FORMAT_NAME
			       "...\"",
			       reader->name);
}

static int read_header(struct replay_trace_reader *reader)
{
	struct header_line line = { .format = NULL };
	const char *format = NULL;
	int ret = read_line(reader);

	if (ret == -1) {
		return -1;
	}
	format = json_string_value(json_object_get(reader->root, "format"));
	if (format == NULL || strcmp(format, REPLAY_TRACE_FORMAT) != 0) {
		return refuse_format(reader, format);
	}
	if (read_fields(reader, header_fields, &line, NULL) != 0) {
		return -1;
	}
	if (line.header.source == NULL) {
		return replay_lines_complain(reader->lines, "\"source\" is missing");
	}
	reader->header = line.header;
	reader->header.source = talloc_strdup(reader, line.header.source);
	return reader->header.source != NULL ? 0 : replay_complain_memory();
}

static int free_reader(struct replay_trace_reader *reader)
{
	json_decref(reader->root);
	return 0;
}

struct replay_trace_reader *replay_trace_open(TALLOC_CTX *mem_ctx, const char *name)
{
	struct replay_trace_reader *reader = talloc_zero(mem_ctx, struct replay_trace_reader);

	if (reader == NULL) {
		replay_complain_memory();
		return NULL;
	}
	talloc_set_destructor(reader, free_reader);
	reader->strings = talloc_new(reader);
	reader->name = talloc_strdup(reader, strcmp(name, "-") != 0 ? name : "standard input");
	if (reader->strings == NULL || reader->name == NULL) {
		replay_complain_memory();
		talloc_free(reader);
		return NULL;
	}
	reader->lines = replay_lines_open(reader, name, REPLAY_TRACE_MAX_LINE);
	if (reader->lines == NULL || read_header(reader) != 0) {
		talloc_free(reader);
		return NULL;
	}
	return reader;
}

const struct replay_trace_header *replay_trace_header(const struct replay_trace_reader *reader)
{
	return &reader->header;
}

static int read_request(struct replay_trace_reader *reader, struct replay_record *record)
{
	struct replay_request *request = &record->request;
	const char *missing = NULL;

	record->type = REPLAY_RECORD_REQUEST;
	if (read_fields(reader, request_fields, request, &request->present) != 0) {
		return -1;
	}
	if (json_object_get(reader->root, "command") == NULL) {
		return replay_lines_complain(reader->lines, "\"command\" is missing");
	}
	if (request->id == 0) {
		return replay_lines_complain(reader->lines, "\"request\": they begin at 1");
	}
	if (request->session == 0 || request->session > reader->num_sessions) {
		return replay_lines_complain(reader->lines,
					     "session %u has not been told of",
					     (unsigned int)request->session);
	}
	missing = replay_request_missing(request);
	if (missing != NULL) {
		return replay_lines_complain(
			reader->lines,
			"%s without \"%s\" (a \"skip\" would say why it can't be replayed)",
			replay_command_name(request->command),
			missing);
	}
	reader->num_requests++;
	return 1;
}

static int read_session(struct replay_trace_reader *reader, struct replay_record *record)
{
	record->type = REPLAY_RECORD_SESSION;
	if (read_fields(reader, session_fields, &record->session, NULL) != 0) {
		return -1;
	}
	if (record->session.number == 0 || record->session.number - 1 != reader->num_sessions) {
		return replay_lines_complain(
			reader->lines,
			"session %u where %llu is next: they are numbered one by one",
			(unsigned int)record->session.number,
			(unsigned long long)reader->num_sessions + 1);
	}
	reader->num_sessions++;
	return 1;
}

static int read_end(struct replay_trace_reader *reader, struct replay_record *record)
{
	record->type = REPLAY_RECORD_END;
	if (read_fields(reader, end_fields, &record->end, NULL) != 0) {
		return -1;
	}
	if (record->end.requests != reader->num_requests) {
		return replay_lines_complain(reader->lines,
					     "it should have %llu requests and has %llu",
					     (unsigned long long)record->end.requests,
					     (unsigned long long)reader->num_requests);
	}
	reader->ended = true;
	return 1;
}

static int at_end(struct replay_trace_reader *reader)
{
	if (!reader->ended && !reader->at_end && bench_signal_caught() == 0) {
		replay_complain("%s: cut short: it ends after request %llu, without a last line",
				reader->name,
				(unsigned long long)reader->num_requests);
	}
	reader->at_end = true;
	return 0;
}

int replay_trace_next(struct replay_trace_reader *reader, struct replay_record *record)
{
	int ret = reader->at_end ? 0 : read_line(reader);

	if (ret == 0) {
		return at_end(reader);
	}
	*record = (struct replay_record) { .type = REPLAY_RECORD_END };
	if (ret == -1) {
		return -1;
	}
	if (reader->ended) {
		return replay_lines_complain(reader->lines, "something follows the trace's end");
	}
	if (json_object_get(reader->root, "request") != NULL) {
		return read_request(reader, record);
	}
	if (json_object_get(reader->root, "end") != NULL) {
		return read_end(reader, record);
	}
	if (json_object_get(reader->root, "session") != NULL) {
		return read_session(reader, record);
	}
	return replay_lines_complain(reader->lines, "no \"request\", \"session\" or \"end\"");
}
