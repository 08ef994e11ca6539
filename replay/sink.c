/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes what importers find, to a file that gets its name when it is complete: a trace that lacks
 * something unnoticed would be replayed and believed.
 */
#include "sink.h"

#include "anonymise.h"
#include "message.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Nothing is shown of an import that takes less, and nothing more often. */
#define PROGRESS_NS 500000000ULL

struct replay_sink {
	const char *output;
	char *temporary; /* NULL: written in place */
	int fd;		 /* until the writer has it */
	struct replay_trace_writer *writer;
	struct replay_anonymiser *anonymiser;

	uint32_t num_sessions;
	uint64_t num_requests;
	uint64_t lost;
	bool cut_short;

	bool shows_progress;
	bool shown;
	uint64_t shown_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now = { .tv_sec = 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void clear_progress(struct replay_sink *sink)
{
	if (sink->shown) {
		fprintf(stderr, "\r%-70s\r", "");
		sink->shown = false;
	}
}

static int free_sink(struct replay_sink *sink)
{
	clear_progress(sink);
	if (sink->fd != -1) {
		close(sink->fd);
	}
	if (sink->temporary != NULL) {
		unlink(sink->temporary);
	}
	return 0;
}

/* mkostemp() lets nobody else read the file; a trace is to be like any other output. */
static int open_temporary(struct replay_sink *sink)
{
	mode_t mask = umask(0);

	umask(mask);
	sink->temporary = talloc_asprintf(sink, "%s.XXXXXX", sink->output);
	if (sink->temporary == NULL) {
		return replay_complain_memory();
	}
	sink->fd = mkostemp(sink->temporary, O_CLOEXEC);
	if (sink->fd == -1) {
		TALLOC_FREE(sink->temporary);
	}
	if (sink->fd == -1 || fchmod(sink->fd, 0666 & ~mask) != 0) {
		return replay_complain("cannot write %s: %s", sink->output, strerror(errno));
	}
	return 0;
}

static int open_output(struct replay_sink *sink)
{
	struct stat st = { .st_mode = 0 };
	bool exists = false;

	if (strcmp(sink->output, "-") == 0) {
		sink->output = "standard output";
		sink->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		exists = stat(sink->output, &st) == 0;
		if (!exists || S_ISREG(st.st_mode)) {
			return open_temporary(sink);
		}
		/* A device or a pipe, that can't be renamed over. */
		sink->fd = open(sink->output, O_WRONLY | O_CLOEXEC);
	}
	if (sink->fd == -1) {
		return replay_complain("cannot write %s: %s", sink->output, strerror(errno));
	}
	return 0;
}

struct replay_sink *
replay_sink_create(TALLOC_CTX *mem_ctx, const char *output, struct replay_anonymiser *anonymiser)
{
	struct replay_sink *sink = talloc_zero(mem_ctx, struct replay_sink);

	if (sink == NULL) {
		replay_complain_memory();
		return NULL;
	}
	sink->fd = -1;
	sink->anonymiser = anonymiser;
	sink->shows_progress = isatty(STDERR_FILENO) == 1;
	sink->shown_ns = now_ns();
	sink->output = talloc_strdup(sink, output);
	talloc_set_destructor(sink, free_sink);
	if (sink->output == NULL) {
		replay_complain_memory();
		talloc_free(sink);
		return NULL;
	}
	if (open_output(sink) != 0) {
		talloc_free(sink);
		return NULL;
	}
	return sink;
}

static int check_written(struct replay_sink *sink, int ret)
{
	if (ret == 0) {
		return 0;
	}
	clear_progress(sink);
	if (ret == -EMSGSIZE) {
		return replay_complain(
			"the names of a request are longer than a line of a trace may be");
	}
	return replay_complain("cannot write %s: %s", sink->output, strerror(-ret));
}

int replay_sink_header(struct replay_sink *sink, const struct replay_trace_header *header)
{
	struct replay_trace_header line = *header;
	int fd = sink->fd;
	int ret = 0;

	line.anonymised = line.anonymised || sink->anonymiser != NULL;
	sink->fd = -1;
	ret = replay_trace_writer_create(sink, fd, &line, &sink->writer);
	return check_written(sink, ret);
}

int replay_sink_session(struct replay_sink *sink, const struct replay_session *session)
{
	struct replay_session changed = *session;

	if (session->number - 1 != sink->num_sessions) {
		clear_progress(sink);
		return replay_complain("session %u where %u is next: an importer's mistake",
				       (unsigned int)session->number,
				       (unsigned int)sink->num_sessions + 1);
	}
	sink->num_sessions++;
	if (sink->anonymiser != NULL &&
	    !replay_anonymise_session(sink->anonymiser, session, &changed)) {
		return replay_complain_memory();
	}
	return check_written(sink, replay_trace_write_session(sink->writer, &changed));
}

/* What every such reason looks like; the name is one of trace.h's. */
static const char *skip_for(const char *missing)
{
	if (strcmp(missing, "path") == 0) {
		return "its path is not known";
	}
	if (strcmp(missing, "target") == 0) {
		return "its target is not known";
	}
	return "what it is about is not known";
}

int replay_sink_request(struct replay_sink *sink, const struct replay_request *request)
{
	struct replay_request changed = *request;
	const char *missing = replay_request_missing(request);

	if (request->session == 0 || request->session > sink->num_sessions) {
		clear_progress(sink);
		return replay_complain(
			"a request of session %u, which was not told of: an importer's "
			"mistake",
			(unsigned int)request->session);
	}
	if (sink->anonymiser != NULL &&
	    !replay_anonymise_request(sink->anonymiser, request, &changed)) {
		return replay_complain_memory();
	}
	if (missing != NULL) {
		changed.skip = skip_for(missing);
	}
	sink->num_requests++;
	return check_written(sink, replay_trace_write_request(sink->writer, &changed));
}

void replay_sink_lost(struct replay_sink *sink, uint64_t count)
{
	sink->lost += count;
}

void replay_sink_cut_short(struct replay_sink *sink)
{
	sink->cut_short = true;
}

void replay_sink_progress(struct replay_sink *sink, uint64_t done, uint64_t all)
{
	uint64_t now = 0;

	if (!sink->shows_progress) {
		return;
	}
	now = now_ns();
	if (now - sink->shown_ns < PROGRESS_NS) {
		return;
	}
	sink->shown_ns = now;
	sink->shown = true;
	fprintf(stderr, "\r%llu requests", (unsigned long long)sink->num_requests);
	if (all > 0) {
		fprintf(stderr, ", %3.0f %%", 100.0 * (double)done / (double)all);
	}
}

bool replay_sink_is_interrupted(const struct replay_sink *sink)
{
	(void)sink;
	return bench_signal_caught() != 0;
}

static int rename_output(struct replay_sink *sink)
{
	if (sink->temporary == NULL) {
		return 0;
	}
	if (rename(sink->temporary, sink->output) != 0) {
		return replay_complain("cannot write %s: %s", sink->output, strerror(errno));
	}
	TALLOC_FREE(sink->temporary);
	return 0;
}

int replay_sink_finish(struct replay_sink *sink)
{
	struct replay_trace_end end = { .requests = sink->num_requests, .lost = sink->lost };
	const char *how = "";
	int ret = 0;

	clear_progress(sink);
	if (bench_signal_caught() != 0) {
		sink->cut_short = true;
		how = "; interrupted, so the trace is cut short";
	} else if (sink->cut_short) {
		how = "; the trace is cut short";
	}
	if (sink->writer == NULL || sink->num_requests == 0) {
		return replay_complain("no trace is made: there was no request yet");
	}
	ret = sink->cut_short ? replay_trace_write_flush(sink->writer)
			      : replay_trace_write_end(sink->writer, &end);
	if (check_written(sink, ret) != 0 || rename_output(sink) != 0) {
		return -1;
	}
	replay_say("%s: %llu requests of %u session%s%s",
		   sink->output,
		   (unsigned long long)sink->num_requests,
		   (unsigned int)sink->num_sessions,
		   sink->num_sessions == 1 ? "" : "s",
		   how);
	if (sink->lost > 0) {
		replay_say("%s: %llu more are missing in the source",
			   sink->output,
			   (unsigned long long)sink->lost);
	}
	return 0;
}
