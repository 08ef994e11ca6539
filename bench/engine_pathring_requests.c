/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each operation as requests of libpathring, and their results as answers.
 */
#include "engine_pathring.h"
#include "plain.h"

#include <errno.h>

static struct pathring_identity *identity_of(const struct ring_job *job)
{
	return job->state->identities[job->request->user];
}

static struct pathring_handle *handle_of(const struct ring_job *job)
{
	return job->state->handles[job->request->fd];
}

static void
complete(struct ring_job *job, struct pathring_request *request, const struct bench_answer *answer)
{
	/* It may point into the request. */
	bench_complete(job->request, answer);
	pathring_request_free(request);
}

static void complete_length(struct ring_job *job,
			    struct pathring_request *request,
			    ssize_t length,
			    const void *data)
{
	struct bench_answer answer = { .error = 0 };

	if (length < 0) {
		answer.error = (int)length;
	} else {
		answer.data = data;
		answer.length = length;
	}
	complete(job, request, &answer);
}

static void lookup_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct bench_answer answer = { .error = 0 };
	const struct pathring_xattr *xattrs = NULL;

	answer.error = pathring_lookup_result(request, &answer.stx, &xattrs);
	if (answer.error == 0) {
		answer.data = xattrs[0].value;
		answer.length = xattrs[0].length;
	}
	complete(job, request, &answer);
}

static int start_lookup(struct ring_job *job)
{
	const struct pathring_xattr_query query = {
		.name = BENCH_XATTR_NAME,
		.size = job->request->size,
	};
	const struct pathring_lookup_how how = {
		.flags = O_NOFOLLOW,
		.mask = BENCH_STATX_MASK,
		.xattrs = &query,
		.num_xattrs = 1,
	};
	struct pathring_request *request = NULL;

	return pathring_lookup_request(job->state->ring,
				       identity_of(job),
				       handle_of(job),
				       job->request->path,
				       &how,
				       lookup_done,
				       job,
				       &request);
}

static void openat_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct bench_answer answer = { .error = 0 };
	struct pathring_handle *handle = NULL;
	struct statx stx;

	answer.error = pathring_openat_result(request, job->state, &handle);
	if (answer.error == 0 && job->request->check) {
		answer.error = bench_statx(pathring_handle_pathref_fd(handle), &stx);
		answer.stx = &stx;
	}
	complete(job, request, &answer);
	talloc_free(handle);
}

static int start_openat(struct ring_job *job)
{
	const struct pathring_how how = { .flags = O_PATH | O_NOFOLLOW };
	struct pathring_request *request = NULL;

	return pathring_openat_request(job->state->ring,
				       identity_of(job),
				       handle_of(job),
				       job->request->path,
				       &how,
				       openat_done,
				       job,
				       &request);
}

static void statx_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct bench_answer answer = { .error = 0 };
	struct statx stx;

	answer.error = pathring_statx_result(request, &stx);
	answer.stx = &stx;
	complete(job, request, &answer);
}

static int start_statx(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_statx_request(job->state->ring,
				      identity_of(job),
				      handle_of(job),
				      0,
				      BENCH_STATX_MASK,
				      statx_done,
				      job,
				      &request);
}

static void getxattr_done(struct pathring_request *request, void *private_data)
{
	const uint8_t *value = NULL;
	ssize_t length = pathring_getxattr_result(request, &value);

	complete_length(private_data, request, length, value);
}

static int start_getxattr(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_getxattr_request(job->state->ring,
					 identity_of(job),
					 handle_of(job),
					 BENCH_XATTR_NAME,
					 job->request->size,
					 getxattr_done,
					 job,
					 &request);
}

static void pread_done(struct pathring_request *request, void *private_data)
{
	const uint8_t *data = NULL;
	ssize_t length = pathring_pread_result(request, &data);

	complete_length(private_data, request, length, data);
}

static int start_pread(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_pread_request(job->state->ring,
				      identity_of(job),
				      handle_of(job),
				      job->request->size,
				      0,
				      pread_done,
				      job,
				      &request);
}

static void pwrite_done(struct pathring_request *request, void *private_data)
{
	ssize_t length = pathring_pwrite_result(request);

	complete_length(private_data, request, length, NULL);
}

static int start_pwrite(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_pwrite_request(job->state->ring,
				       identity_of(job),
				       handle_of(job),
				       job->request->data,
				       job->request->size,
				       0,
				       pwrite_done,
				       job,
				       &request);
}

static int (*const starters[BENCH_NUM_KINDS])(struct ring_job *) = {
	[BENCH_LOOKUP] = start_lookup, [BENCH_OPENAT] = start_openat,
	[BENCH_STATX] = start_statx,   [BENCH_GETXATTR] = start_getxattr,
	[BENCH_PREAD] = start_pread,   [BENCH_PWRITE] = start_pwrite,
};

bool ring_has(enum bench_kind kind)
{
	return starters[kind] != NULL;
}

int ring_start(struct ring_job *job)
{
	return starters[job->state->kind](job);
}
