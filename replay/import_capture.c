/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The importer of captures: from the file to tshark, from its lines to requests, and in the end
 * what there is to say about what could not be read.
 */
#include "capture.h"

#include "capture_tshark.h"
#include "lines.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The names of a listing of 8 MiB, the most that SMB2 gives at once, with what is around them. */
#define MAX_LINE (64 << 20)

/* ---- reading ---- */

static int open_input(const char *name, uint64_t *size)
{
	int fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
	struct stat st = { .st_size = 0 };

	if (fd == -1 || fstat(fd, &st) != 0) {
		replay_complain("%s: %s", name, strerror(errno));
	} else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) {
		replay_complain("%s: neither a file nor a pipe", name);
	} else {
		*size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
		return fd;
	}
	if (fd != -1) {
		close(fd);
	}
	return -1;
}

/* input_fd shares its position with tshark. */
static void tell_progress(const struct capture *capture, int input_fd, uint64_t size)
{
	off_t position = size != 0 ? lseek(input_fd, 0, SEEK_CUR) : -1;

	if (position >= 0) {
		replay_sink_progress(capture->import->sink, (uint64_t)position, size);
	}
}

static int read_lines(struct capture *capture, struct replay_lines *lines, int fd, uint64_t size)
{
	char *line = NULL;
	size_t length = 0;
	int ret = 0;

	while ((ret = replay_lines_next(lines, &line, &length)) == 1) {
		if (capture_take_line(capture, line, length) != 0) {
			return -1;
		}
		tell_progress(capture, fd, size);
	}
	return ret;
}

/* ---- what there is to say ---- */

#define COUNT(number, one, more) number, (number) == 1 ? one : more

static void tell(const struct capture *capture, const char *complaint)
{
	const char *input = capture->import->input;
	uint64_t forgotten = capture_cache_forgotten(capture->handles) +
			     capture_cache_forgotten(capture->sessions) +
			     capture_cache_forgotten(capture->connections) +
			     capture_cache_forgotten(capture->waiting);

	if (complaint[0] != '\0') {
		replay_say("%s: only the beginning could be read: %s", input, complaint);
	}
	if (capture->num_lost > 0) {
		replay_say("%s: packets are missing in %" PRIu64 " %s; requests in them are "
			   "not in the trace",
			   input,
			   COUNT(capture->num_lost, "place", "places"));
	}
	if (capture->num_unreadable > 0) {
		replay_say("%s: %" PRIu64 " %s could not be read: encrypted (--password, "
			   "--session-key or --keytab decrypt), compressed or damaged",
			   input,
			   COUNT(capture->num_unreadable, "message", "messages"));
	}
	if (capture->num_unanswered > 0) {
		replay_say("%s: %" PRIu64 " %s no answer in it",
			   input,
			   COUNT(capture->num_unanswered, "request has", "requests have"));
	}
	if (capture->num_unasked > 0) {
		replay_say("%s: %" PRIu64 " %s a request that is not in the capture",
			   input,
			   COUNT(capture->num_unasked, "answer is to", "answers are to"));
	}
	if (capture->num_not_understood > 0) {
		replay_say("%s: %" PRIu64 " %s of tshark could not be understood",
			   input,
			   COUNT(capture->num_not_understood, "line", "lines"));
	}
	if (capture->undissected_port != 0) {
		replay_say("%s: there seems to be SMB on port %" PRIu32 " too; --port %" PRIu32
			   " imports it",
			   input,
			   capture->undissected_port,
			   capture->undissected_port);
	}
	if (forgotten > 0) {
		replay_say("%s: more is open at once than can be remembered: %" PRIu64
			   " %s forgotten",
			   input,
			   COUNT(forgotten, "thing was", "things were"));
	}
}

/* Why there is nothing to be replayed. */
static int refuse(const struct capture *capture, const char *complaint)
{
	const char *input = capture->import->input;

	if (complaint[0] != '\0') {
		return replay_complain("%s: %s", input, complaint);
	}
	if (capture->num_unreadable > 0) {
		return replay_complain(
			"%s: what is done in it is encrypted. With the key it can be read: "
			"--password (of a session opened with NTLM), --session-key, or --keytab",
			input);
	}
	if (capture->undissected_port != 0) {
		return replay_complain("%s: there is no SMB on the ports 445 and 139, but it seems "
				       "to be on port %" PRIu32 ": give --port %" PRIu32,
				       input,
				       capture->undissected_port,
				       capture->undissected_port);
	}
	if (capture->num_smb1 > 0) {
		return replay_complain("%s: its clients speak SMB1, which cannot be replayed; "
				       "SMB 2.0.2 to 3.1.1 can",
				       input);
	}
	return replay_complain("%s: there is no SMB in it", input);
}

/*
 * A capture that ends in the middle of a packet has been cut off, and what came before is good.
 * That says tshark too, and then ends as after an error.
 */
static int finish(struct capture *capture, struct capture_tshark *tshark)
{
	const char *complaint = "";
	const char *problem = "";
	enum capture_child_end end = capture_tshark_wait(tshark, &complaint);

	if (end == CAPTURE_CHILD_DIED) {
		return replay_complain("%s: tshark crashed, or needed more memory than it may "
				       "have: %s",
				       capture->import->input,
				       complaint[0] != '\0' ? complaint : "it does not say why");
	}
	if (end == CAPTURE_CHILD_COMPLAINED) {
		problem = complaint[0] != '\0' ? complaint : "tshark failed, and does not say why";
	}
	if (capture_order_write(capture, true) != 0) {
		return -1;
	}
	if (capture->last_id == 0 ||
	    (capture->num_replayable == 0 && capture->num_unreadable > 0)) {
		return refuse(capture, problem);
	}
	tell(capture, problem);
	if (problem[0] != '\0') {
		replay_sink_cut_short(capture->import->sink);
	}
	replay_sink_lost(capture->import->sink,
			 capture->num_lost + capture->num_unreadable + capture->num_not_understood);
	return 0;
}

static int import_from(struct capture *capture, int input_fd, uint64_t size)
{
	struct capture_tshark *tshark = NULL;
	struct replay_lines *lines = NULL;

	tshark = capture_tshark_start(capture, capture->import, input_fd, capture_ek_filter);
	if (tshark == NULL) {
		return -1;
	}
	lines = replay_lines_over(
		capture, capture_tshark_output(tshark), "the output of tshark", MAX_LINE);
	if (lines == NULL || read_lines(capture, lines, input_fd, size) != 0) {
		return -1;
	}
	if (replay_sink_is_interrupted(capture->import->sink)) {
		return capture_order_write(capture, true);
	}
	return finish(capture, tshark);
}

int replay_import_capture(const struct replay_import *import)
{
	struct capture *capture = capture_begin(import);
	uint64_t size = 0;
	int input_fd = -1;
	int ret = -1;

	if (capture == NULL) {
		return replay_complain_memory();
	}
	input_fd = open_input(import->input, &size);
	if (input_fd != -1) {
		ret = import_from(capture, input_fd, size);
		close(input_fd);
	}
	talloc_free(capture);
	return ret;
}
