/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The importer of captures, from what tshark writes on: anyone can make a capture, and nobody knows
 * what tshark makes of all of them. tshark itself is not run.
 */
#include "fuzz.h"

#include "capture.h"
#include "lines.h"

#define MAX_LINE 65536

static int import_lines(const struct replay_import *import)
{
	struct capture *capture = capture_begin(import);
	struct replay_lines *lines = replay_lines_open(capture, import->input, MAX_LINE);
	char *line = NULL;
	size_t length = 0;
	int ret = -1;

	fuzz_require(capture != NULL && lines != NULL, "memory");
	while ((ret = replay_lines_next(lines, &line, &length)) == 1) {
		fuzz_require(capture_take_line(capture, line, length) == 0, "taking any line");
	}
	fuzz_require(capture_order_write(capture, true) == 0, "writing all requests");
	fuzz_require(capture->num_queued == 0, "no request left");
	if (capture->last_id == 0) {
		ret = -1;
	}
	talloc_free(capture);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct replay_import import = { .input = fuzz_file(data, size) };

	fuzz_import(import_lines, &import);
	return 0;
}
