/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on data and attributes as requests of libpathring.
 */
#include "engine_pathring_starters.h"

#include <errno.h>

static void pread_done(struct pathring_request *request, void *private_data)
{
	const uint8_t *data = NULL;
	ssize_t length = pathring_pread_result(request, &data);

	ring_complete_length(private_data, request, length, data);
}

int ring_start_pread(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_pread_request(job->state->ring,
				      ring_identity(job),
				      ring_handle(job),
				      job->request->size,
				      0,
				      pread_done,
				      job,
				      &request);
}

static void pwrite_done(struct pathring_request *request, void *private_data)
{
	ssize_t length = pathring_pwrite_result(request);

	ring_complete_length(private_data, request, length, NULL);
}

int ring_start_pwrite(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_pwrite_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       job->request->data,
				       job->request->size,
				       0,
				       pwrite_done,
				       job,
				       &request);
}

/* ---- a write and its fsync ---- */

static void fsync_done(struct pathring_request *request, void *private_data)
{
	ring_complete_length(private_data, request, pathring_fsync_result(request), NULL);
}

static void written_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct pathring_request *second = NULL;
	ssize_t length = pathring_pwrite_result(request);
	int ret = length < 0 ? (int)length : 0;

	if (ret == 0) {
		ret = pathring_fsync_request(job->state->ring,
					     ring_identity(job),
					     ring_handle(job),
					     false,
					     fsync_done,
					     job,
					     &second);
	}
	ring_go_on(job, request, ret);
}

int ring_start_write_fsync(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_pwrite_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       job->request->data,
				       job->request->size,
				       0,
				       written_done,
				       job,
				       &request);
}

/* ---- a small file ---- */

/* What was read waits for the close. */
static void closed_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct pathring_request *first = job->first;
	const uint8_t *data = NULL;
	ssize_t length = pathring_pread_result(first, &data);
	int ret = pathring_close_result(request);

	pathring_request_free(request);
	ring_complete_length(job, first, ret < 0 ? ret : length, data);
}

static void read_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct pathring_request *second = NULL;
	int ret = 0;

	job->first = request;
	ret = pathring_close_request(
		job->state->ring, ring_identity(job), &job->handle, closed_done, job, &second);
	if (ret != 0) {
		ring_complete_length(job, request, ret, NULL);
	}
}

static void opened_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct pathring_request *second = NULL;
	int ret = pathring_openat_result(request, job->state, &job->handle);

	if (ret == 0) {
		ret = pathring_pread_request(job->state->ring,
					     ring_identity(job),
					     job->handle,
					     job->request->size,
					     0,
					     read_done,
					     job,
					     &second);
		if (ret != 0) {
			TALLOC_FREE(job->handle);
		}
	}
	ring_go_on(job, request, ret);
}

int ring_start_open_read_close(struct ring_job *job)
{
	const struct pathring_how how = { .flags = O_RDONLY | O_NOFOLLOW };
	struct pathring_request *request = NULL;

	return pathring_openat_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       job->request->path,
				       &how,
				       opened_done,
				       job,
				       &request);
}

/* ---- sizes and attributes ---- */

static void ftruncate_done(struct pathring_request *request, void *private_data)
{
	ring_complete_length(private_data, request, pathring_ftruncate_result(request), NULL);
}

int ring_start_ftruncate(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_ftruncate_request(job->state->ring,
					  ring_identity(job),
					  ring_handle(job),
					  job->request->length,
					  ftruncate_done,
					  job,
					  &request);
}

static void fallocate_done(struct pathring_request *request, void *private_data)
{
	ring_complete_length(private_data, request, pathring_fallocate_result(request), NULL);
}

int ring_start_fallocate(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_fallocate_request(job->state->ring,
					  ring_identity(job),
					  ring_handle(job),
					  (int)job->request->mode,
					  0,
					  job->request->length,
					  fallocate_done,
					  job,
					  &request);
}

static void fchmod_done(struct pathring_request *request, void *private_data)
{
	ring_complete_length(private_data, request, pathring_fchmod_result(request), NULL);
}

int ring_start_fchmod(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_fchmod_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       job->request->mode,
				       fchmod_done,
				       job,
				       &request);
}

static void fchown_done(struct pathring_request *request, void *private_data)
{
	ring_complete_length(private_data, request, pathring_fchown_result(request), NULL);
}

int ring_start_fchown(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_fchown_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       (uid_t)-1,
				       job->request->gid,
				       fchown_done,
				       job,
				       &request);
}

static void utimens_done(struct pathring_request *request, void *private_data)
{
	ring_complete_length(private_data, request, pathring_utimens_result(request), NULL);
}

int ring_start_utimens(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_utimens_request(job->state->ring,
					ring_identity(job),
					ring_handle(job),
					job->request->times,
					utimens_done,
					job,
					&request);
}

static void statfs_done(struct pathring_request *request, void *private_data)
{
	struct bench_answer answer = { .error = 0 };
	struct statfs statfs;

	answer.error = pathring_statfs_result(request, &statfs);
	answer.statfs = &statfs;
	ring_complete(private_data, request, &answer);
}

int ring_start_statfs(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_statfs_request(
		job->state->ring, ring_identity(job), ring_handle(job), statfs_done, job, &request);
}
