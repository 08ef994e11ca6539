/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tshark writes, as a capture that anyone may have made can make it: lines of the input go to
 * the importer of captures, which has to keep what it promises to whoever reads the trace. tshark
 * itself is not run.
 */
#include "capture.h"
#include "program_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bench_program_name[] = "fuzz_ek";

struct replay_sink {
	uint64_t last_request;
	uint64_t last_time;
	uint32_t last_session;
	bool begun;
};

static void must(bool is_so, const char *what)
{
	if (!is_so) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

int replay_sink_header(struct replay_sink *sink, const struct replay_trace_header *header)
{
	must(!sink->begun, "a second header");
	must(strcmp(header->source, "capture") == 0, "another source");
	sink->begun = true;
	return 0;
}

int replay_sink_session(struct replay_sink *sink, const struct replay_session *session)
{
	must(session->number == ++sink->last_session, "a session out of turn");
	must(session->client != NULL, "a session without a client");
	return 0;
}

int replay_sink_request(struct replay_sink *sink, const struct replay_request *request)
{
	const char *path = request->path;

	must(sink->begun, "no header");
	must(request->id == ++sink->last_request, "a request out of turn");
	must(request->time >= sink->last_time, "a request before the one before");
	must(request->session >= 1 && request->session <= sink->last_session,
	     "a session that was not told");
	must((unsigned int)request->command < REPLAY_NUM_COMMANDS, "no command");
	must(request->command != REPLAY_CREATE || path != NULL, "a create without a path");
	must(path == NULL ||
		     (path[0] != '/' && strchr(path, '\\') == NULL && strstr(path, "//") == NULL),
	     "a path that is none");
	sink->last_time = request->time;
	return 0;
}

bool replay_command_is_replayed(enum replay_command command)
{
	return command <= REPLAY_DELTREE;
}

int replay_complain(const char *format, ...)
{
	(void)format;
	return -1;
}

int replay_complain_memory(void)
{
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replay_sink sink = { .last_request = 0 };
	const struct replay_import import = { .input = "input", .sink = &sink };
	struct capture *capture = capture_begin(&import);
	char *lines = malloc(size + 1);
	char *rest = lines;
	char *line = NULL;

	must(capture != NULL && lines != NULL, "no memory");
	memcpy(lines, data, size);
	lines[size] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		must(capture_take_line(capture, line, strlen(line)) == 0, "no memory");
	}
	must(capture_order_write(capture, true) == 0, "no memory");
	must(capture->num_queued == 0, "something is left");
	talloc_free(capture);
	free(lines);
	return 0;
}
