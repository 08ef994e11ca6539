/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between engine_pathring_requests.c, which has the table of operations, and the files that begin
 * them. 0, or a negative errno when the engine did not accept the first of the requests.
 */
#ifndef BENCH_ENGINE_PATHRING_STARTERS_H
#define BENCH_ENGINE_PATHRING_STARTERS_H

#include "engine_pathring.h"

/* engine_pathring_data.c */
int ring_start_pread(struct ring_job *job);
int ring_start_pwrite(struct ring_job *job);
int ring_start_write_fsync(struct ring_job *job);
int ring_start_open_read_close(struct ring_job *job);
int ring_start_ftruncate(struct ring_job *job);
int ring_start_fallocate(struct ring_job *job);
int ring_start_fchmod(struct ring_job *job);
int ring_start_fchown(struct ring_job *job);
int ring_start_utimens(struct ring_job *job);
int ring_start_statfs(struct ring_job *job);

/* engine_pathring_names.c */
int ring_start_mkdir_rmdir(struct ring_job *job);
int ring_start_renameat(struct ring_job *job);
int ring_start_link_unlink(struct ring_job *job);
int ring_start_symlink_unlink(struct ring_job *job);
int ring_start_create_delete(struct ring_job *job);

/* engine_pathring_directory.c */
int ring_start_readdir(struct ring_job *job);
int ring_start_readlinkat(struct ring_job *job);
int ring_start_listing(struct ring_job *job);

struct pathring_identity *ring_identity(const struct ring_job *job);
struct pathring_handle *ring_handle(const struct ring_job *job);

/* The request, which the answer may point into, is freed. */
void ring_complete(struct ring_job *job,
		   struct pathring_request *request,
		   const struct bench_answer *answer);

/* The same of a length, or a negative errno. */
void ring_complete_length(struct ring_job *job,
			  struct pathring_request *request,
			  ssize_t length,
			  const void *data);

/* The request was not the last of the job, unless the next one, or it, has failed with ret. */
void ring_go_on(struct ring_job *job, struct pathring_request *request, int ret);

#endif /* BENCH_ENGINE_PATHRING_STARTERS_H */
