/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tshark as a child process that reads a capture. It parses what anyone may have sent, with some
 * hundreds of parsers in C, so it is given as little as possible: the open file and no name, no
 * network, no rights, a configuration of its own, and so much memory and no more.
 */
#ifndef REPLAY_CAPTURE_TSHARK_H
#define REPLAY_CAPTURE_TSHARK_H

#include "import.h"

struct capture_tshark;

/*
 * input_fd: the capture, which stays the caller's. Where it stands is where tshark is. NULL after a
 * message on stderr. Freeing it ends tshark, and removes its configuration.
 */
struct capture_tshark *capture_tshark_start(TALLOC_CTX *mem_ctx,
					    const struct replay_import *import,
					    int input_fd,
					    const char *filter);

/* What it writes; owned by capture_tshark. */
int capture_tshark_output(const struct capture_tshark *tshark);

enum capture_tshark_end {
	CAPTURE_TSHARK_DONE,
	CAPTURE_TSHARK_COMPLAINED, /* of its input or its options, and has ended */
	CAPTURE_TSHARK_DIED	   /* of a signal: a fault, or too little memory */
};

/*
 * Waits for it to end, after all of its output has been read. *complaint: its last words, "" if
 * there are none; they live as long as tshark.
 */
enum capture_tshark_end capture_tshark_wait(struct capture_tshark *tshark, const char **complaint);

#endif /* REPLAY_CAPTURE_TSHARK_H */
