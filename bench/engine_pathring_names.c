/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations that change names as requests of libpathring.
 */
#include "engine_pathring_starters.h"

#include <errno.h>

/* ---- what is made is removed ---- */

static void removed_done(struct pathring_request *request, void *private_data)
{
	ring_complete_length(private_data, request, pathring_unlinkat_result(request), NULL);
}

/* After the first half, whose result this is. */
static void remove_again(struct ring_job *job,
			 struct pathring_request *request,
			 int ret,
			 const char *name,
			 int flags)
{
	struct pathring_request *second = NULL;

	if (ret == 0) {
		ret = pathring_unlinkat_request(job->state->ring,
						ring_identity(job),
						ring_handle(job),
						name,
						flags,
						removed_done,
						job,
						&second);
	}
	ring_go_on(job, request, ret);
}

static void mkdir_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;

	remove_again(
		job, request, pathring_mkdirat_result(request), job->request->path, AT_REMOVEDIR);
}

int ring_start_mkdir_rmdir(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_mkdirat_request(job->state->ring,
					ring_identity(job),
					ring_handle(job),
					job->request->path,
					0755,
					mkdir_done,
					job,
					&request);
}

static void renameat_done(struct pathring_request *request, void *private_data)
{
	int ret = pathring_renameat_result(request);

	ring_complete_length(private_data, request, ret, NULL);
}

int ring_start_renameat(struct ring_job *job)
{
	struct pathring_handle *dir = ring_handle(job);
	struct pathring_request *request = NULL;

	return pathring_renameat_request(job->state->ring,
					 ring_identity(job),
					 dir,
					 job->request->path,
					 dir,
					 job->request->new_path,
					 0,
					 renameat_done,
					 job,
					 &request);
}

static void linked_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;

	remove_again(job, request, pathring_linkat_result(request), job->request->new_path, 0);
}

int ring_start_link_unlink(struct ring_job *job)
{
	struct pathring_handle *dir = ring_handle(job);
	struct pathring_request *request = NULL;

	return pathring_linkat_request(job->state->ring,
				       ring_identity(job),
				       dir,
				       job->request->path,
				       dir,
				       job->request->new_path,
				       linked_done,
				       job,
				       &request);
}

static void symlinked_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;

	remove_again(job, request, pathring_symlinkat_result(request), job->request->path, 0);
}

int ring_start_symlink_unlink(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_symlinkat_request(job->state->ring,
					  ring_identity(job),
					  job->request->new_path,
					  ring_handle(job),
					  job->request->path,
					  symlinked_done,
					  job,
					  &request);
}

/* ---- create, and close and delete at the same time: neither waits for the other ---- */

static void half_done(struct ring_job *job, struct pathring_request *request, int ret)
{
	job->outstanding--;
	if (job->error == 0) {
		job->error = ret;
	}
	if (job->outstanding == 0) {
		ring_complete_length(job, request, job->error, NULL);
		return;
	}
	pathring_request_free(request);
}

static void created_closed_done(struct pathring_request *request, void *private_data)
{
	half_done(private_data, request, pathring_close_result(request));
}

static void deleted_done(struct pathring_request *request, void *private_data)
{
	half_done(private_data, request, pathring_unlinkat_result(request));
}

static void created_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct pathring_request *half = NULL;
	int ret = pathring_openat_result(request, job->state, &job->handle);

	if (ret != 0) {
		ring_complete_length(job, request, ret, NULL);
		return;
	}
	/* This one counts too until both were made. */
	job->outstanding = 3;
	job->error = 0;
	ret = pathring_close_request(job->state->ring,
				     ring_identity(job),
				     &job->handle,
				     created_closed_done,
				     job,
				     &half);
	if (ret != 0) {
		job->outstanding--;
		job->error = ret;
	}
	ret = pathring_unlinkat_request(job->state->ring,
					ring_identity(job),
					ring_handle(job),
					job->request->path,
					0,
					deleted_done,
					job,
					&half);
	if (ret != 0) {
		job->outstanding--;
	}
	half_done(job, request, ret);
}

int ring_start_create_delete(struct ring_job *job)
{
	const struct pathring_how how = {
		.flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
		.mode = 0644,
	};
	struct pathring_request *request = NULL;

	return pathring_openat_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       job->request->path,
				       &how,
				       created_done,
				       job,
				       &request);
}
