/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Jobs that tell who and where they were, for the tests of jobs.
 */
#ifndef PATHRING_TESTS_WORK_H
#define PATHRING_TESTS_WORK_H

#include "operations.h"

#include <semaphore.h>
#include <stdatomic.h>

/*
 * What a job is told and tells. A job does not assert anything: it may be in a thread of the
 * library's. The object is the state of the job, this is the test's.
 */
struct work {
	struct fixture *f;
	const char *name;
	unsigned int runs;
	atomic_uint freed;
	int error; /* of what it tried */
	int denied;
	char *snapshot; /* of the thread, malloc'ed */
	char cwd[4096];
	sem_t begun;
	sem_t go_on;
};

struct work_state {
	struct work *work;
};

/* The state of one job, whose end is counted. */
struct work_state *new_state(TALLOC_CTX *mem_ctx, struct work *work);
void work_end(struct work *work);

/* 0 or -errno of a system call that was just made. */
int error_of(long ret);

/* The job: with a name, make a file of that name and try to read of_b; tell who and where it is. */
void look_around(void *private_data);
/* Run it, and see that its state is freed. */
int try_look(struct fixture *f,
	     struct pathring_identity *identity,
	     struct pathring_handle *cwd,
	     struct work *work);
/* The scratch directory as look_around() wants it, and what it made there. */
void job_files(struct fixture *f);
void check_made(struct fixture *f, const char *name, uid_t uid, gid_t gid);

#endif
