/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tshark reading a capture, and what stands between the two for SMB on other ports.
 */
#ifndef REPLAY_CAPTURE_TSHARK_H
#define REPLAY_CAPTURE_TSHARK_H

#include "capture_child.h"
#include "import.h"

struct capture_tshark;

/*
 * input_fd: the capture, which stays the caller's. Where it stands is where tshark is. NULL after a
 * message on stderr. Freeing it ends all processes, and removes tshark's configuration.
 */
struct capture_tshark *capture_tshark_start(TALLOC_CTX *mem_ctx,
					    const struct replay_import *import,
					    int input_fd,
					    const char *filter);

/* What it writes; owned by capture_tshark. */
int capture_tshark_output(const struct capture_tshark *tshark);

/*
 * Waits for the end, after all of the output has been read. *complaint: what the first one that
 * failed has said in the end, "" if nothing; it lives as long as tshark.
 */
enum capture_child_end capture_tshark_wait(struct capture_tshark *tshark, const char **complaint);

#endif /* REPLAY_CAPTURE_TSHARK_H */
