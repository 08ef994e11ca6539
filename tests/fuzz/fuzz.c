/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files in memory, and a sink that checks.
 */
#include "fuzz.h"

#include "anonymise.h"
#include "program_name.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char bench_program_name[] = "fuzz";

struct replay_sink {
	struct replay_trace_writer *writer;
	struct replay_anonymiser *anonymiser;
	uint32_t num_sessions;
	uint64_t num_requests;
	uint64_t lost;
};

struct file {
	int fd;
	char name[32];
};

void fuzz_require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* An empty one. */
static struct file *empty_file(struct file *file)
{
	if (file->fd == 0) {
		file->fd = memfd_create("fuzz", MFD_CLOEXEC);
		fuzz_require(file->fd > 0, "memfd_create()");
		snprintf(file->name, sizeof(file->name), "/proc/self/fd/%d", file->fd);
	}
	fuzz_require(ftruncate(file->fd, 0) == 0, "ftruncate()");
	fuzz_require(lseek(file->fd, 0, SEEK_SET) == 0, "lseek()");
	return file;
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static struct file input;

	empty_file(&input);
	fuzz_require(write(input.fd, data, size) == (ssize_t)size, "write()");
	return input.name;
}

static struct replay_trace_writer *create_writer(const struct file *file,
						 const struct replay_trace_header *header)
{
	struct replay_trace_writer *writer = NULL;
	int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 3);
	int ret = replay_trace_writer_create(NULL, fd, header, &writer);

	fuzz_require(ret == 0, "a writer");
	return writer;
}

/* What trace.h promises of what a reader gives out. */
static void check_request(const struct replay_request *request)
{
	fuzz_require(request->id > 0, "a request's id");
	fuzz_require(request->session > 0, "a request's session");
	fuzz_require(request->command < REPLAY_NUM_COMMANDS, "a request's command");
	fuzz_require(request->info <= REPLAY_INFO_QUOTA, "a request's info");
	fuzz_require(request->kind <= REPLAY_KIND_DIRECTORY, "a request's kind");
	fuzz_require(replay_request_missing(request) == NULL, "what a request needs");
}

const char *fuzz_copy_trace(const char *name, bool *whole)
{
	static struct file copies[2];
	static size_t next;
	struct file *copy = empty_file(&copies[next]);
	struct replay_trace_reader *reader = replay_trace_open(NULL, name);
	struct replay_trace_writer *writer = NULL;
	struct replay_record record;
	struct replay_trace_end end = { .requests = 0 };
	bool ended = false;
	int ret = 1;

	next = (next + 1) % 2;
	*whole = false;
	if (reader == NULL) {
		return copy->name;
	}
	writer = create_writer(copy, replay_trace_header(reader));
	while (ret == 1) {
		ret = replay_trace_next(reader, &record);
		if (ret != 1) {
			break;
		}
		if (record.type == REPLAY_RECORD_SESSION) {
			ret = replay_trace_write_session(writer, &record.session) == 0 ? 1 : -1;
		} else if (record.type == REPLAY_RECORD_REQUEST) {
			check_request(&record.request);
			ret = replay_trace_write_request(writer, &record.request) == 0 ? 1 : -1;
		} else {
			end = record.end;
			ended = true;
		}
	}
	/* What something follows that is no record has no end. */
	*whole = ended && ret == 0;
	ret = *whole ? replay_trace_write_end(writer, &end) : replay_trace_write_flush(writer);
	fuzz_require(ret == 0, "writing the last of it");
	talloc_free(writer);
	talloc_free(reader);
	return copy->name;
}

/* ---- import.h ---- */

static struct file imported;

int replay_sink_header(struct replay_sink *sink, const struct replay_trace_header *header)
{
	fuzz_require(sink->writer == NULL, "one header");
	fuzz_require(header->source != NULL, "a header's source");
	sink->writer = create_writer(empty_file(&imported), header);
	return 0;
}

int replay_sink_session(struct replay_sink *sink, const struct replay_session *session)
{
	struct replay_session changed;

	fuzz_require(sink->writer != NULL, "a header before a session");
	sink->num_sessions++;
	fuzz_require(session->number == sink->num_sessions, "a session's number");
	fuzz_require(replay_anonymise_session(sink->anonymiser, session, &changed), "anonymising");
	fuzz_require((changed.user == NULL) == (session->user == NULL), "an anonymous user");
	return replay_trace_write_session(sink->writer, session);
}

/* As sink.c does, to see that what it writes can be read. */
int replay_sink_request(struct replay_sink *sink, const struct replay_request *request)
{
	struct replay_request checked = *request;
	struct replay_request changed;

	sink->num_requests++;
	fuzz_require(request->id == sink->num_requests, "a request's id");
	fuzz_require(request->session > 0 && request->session <= sink->num_sessions,
		     "a request's session");
	fuzz_require(replay_anonymise_request(sink->anonymiser, request, &changed), "anonymising");
	fuzz_require((changed.path == NULL) == (request->path == NULL), "an anonymous path");
	if (replay_request_missing(&checked) != NULL) {
		checked.skip = replay_request_missing(&checked);
	}
	return replay_trace_write_request(sink->writer, &checked);
}

void replay_sink_lost(struct replay_sink *sink, uint64_t count)
{
	sink->lost += count;
}

void replay_sink_cut_short(struct replay_sink *sink)
{
	(void)sink;
}

void replay_sink_progress(struct replay_sink *sink, uint64_t done, uint64_t all)
{
	(void)sink;
	(void)done;
	(void)all;
}

bool replay_sink_is_interrupted(const struct replay_sink *sink)
{
	(void)sink;
	return false;
}

/* One of sixteen files, and always the same. */
static bool is_chosen(const char *name)
{
	unsigned char first[64];
	unsigned int sum = 0;
	ssize_t length = 0;
	ssize_t i = 0;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	fuzz_require(fd != -1, "a file");
	length = read(fd, first, sizeof(first));
	close(fd);
	for (i = 0; i < length; i++) {
		sum += first[i];
	}
	return sum % 16 == 0;
}

void fuzz_import(int (*importer)(const struct replay_import *import),
		 const struct replay_import *import)
{
	static struct replay_anonymiser *anonymiser;
	struct replay_import with_sink = *import;
	struct replay_sink *sink = talloc_zero(NULL, struct replay_sink);
	struct replay_trace_end end = { .requests = 0 };
	bool whole = false;
	int ret = 0;

	if (anonymiser == NULL) {
		anonymiser = replay_anonymiser_create(NULL, "0123456789abcdef", 16);
	}
	fuzz_require(sink != NULL && anonymiser != NULL, "memory");
	sink->anonymiser = anonymiser;
	with_sink.sink = sink;
	ret = importer(&with_sink);
	fuzz_require(ret == 0 || ret == -1, "what an importer returns");
	if (ret == 0) {
		fuzz_require(sink->num_requests > 0, "a request at least");
		end.requests = sink->num_requests;
		end.lost = sink->lost;
		fuzz_require(replay_trace_write_end(sink->writer, &end) == 0, "writing");
	}
	/* Reading costs more than all else, so that it is done for some. */
	if (ret == 0 && is_chosen(import->input)) {
		fuzz_copy_trace(imported.name, &whole);
		fuzz_require(whole, "what was imported can be read");
	}
	talloc_free(sink->writer);
	talloc_free(sink);
}
