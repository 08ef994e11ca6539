/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A process that reads a capture. What parses bytes that anyone may have sent gets as little as
 * possible: open files and no names, no network, no rights, and so much memory and no more.
 */
#ifndef REPLAY_CAPTURE_CHILD_H
#define REPLAY_CAPTURE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <talloc.h>

struct capture_child;

struct capture_job {
	const char *name; /* of the program, or for messages */
	/* Ended by NULL; or NULL, then it is not a program but this function, that gives an exit
	 * code. */
	const char *const *arguments;
	const char *const *environment;
	int (*run)(void *private_data);
	void *private_data;
	int input_fd; /* its standard input and output; they stay the caller's */
	int output_fd;
	uid_t uid; /* 0: the caller's */
};

/* Whom such processes are to be. 0: the caller, who has no more rights than they should have. */
uid_t capture_child_pick_user(void);

/* NULL after a message on stderr. Freeing it ends the process. */
struct capture_child *capture_child_start(TALLOC_CTX *mem_ctx, const struct capture_job *job);

enum capture_child_end {
	CAPTURE_CHILD_DONE,
	CAPTURE_CHILD_COMPLAINED, /* of its input or its options, and has ended */
	CAPTURE_CHILD_DIED	  /* of a signal: a fault, or too little memory */
};

/* Waits for its end. *complaint: its last words, "" if there are none; they live as long as it. */
enum capture_child_end capture_child_wait(struct capture_child *child, const char **complaint);

#endif /* REPLAY_CAPTURE_CHILD_H */
