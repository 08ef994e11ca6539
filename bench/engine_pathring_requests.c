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
	return job->state->handles[job->request->descriptor];
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

static void setxattr_done(struct pathring_request *request, void *private_data)
{
	int ret = pathring_setxattr_result(request);

	complete_length(private_data, request, ret, NULL);
}

static int start_setxattr(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_setxattr_request(job->state->ring,
					 identity_of(job),
					 handle_of(job),
					 BENCH_XATTR_WRITTEN,
					 job->request->data,
					 job->request->size,
					 0,
					 setxattr_done,
					 job,
					 &request);
}

static void listxattr_done(struct pathring_request *request, void *private_data)
{
	const char *names = NULL;
	ssize_t length = pathring_listxattr_result(request, &names);

	complete_length(private_data, request, length, names);
}

static int start_listxattr(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_listxattr_request(job->state->ring,
					  identity_of(job),
					  handle_of(job),
					  job->request->size,
					  listxattr_done,
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

static void rmdir_done(struct pathring_request *request, void *private_data)
{
	int ret = pathring_unlinkat_result(request);

	complete_length(private_data, request, ret, NULL);
}

static void mkdir_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct pathring_request *second = NULL;
	int ret = pathring_mkdirat_result(request);

	if (ret == 0) {
		ret = pathring_unlinkat_request(job->state->ring,
						identity_of(job),
						handle_of(job),
						job->request->path,
						AT_REMOVEDIR,
						rmdir_done,
						job,
						&second);
	}
	if (ret != 0) {
		complete_length(job, request, ret, NULL);
		return;
	}
	pathring_request_free(request);
}

static int start_mkdir_rmdir(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_mkdirat_request(job->state->ring,
					identity_of(job),
					handle_of(job),
					job->request->path,
					0755,
					mkdir_done,
					job,
					&request);
}

static void renameat_done(struct pathring_request *request, void *private_data)
{
	int ret = pathring_renameat_result(request);

	complete_length(private_data, request, ret, NULL);
}

static int start_renameat(struct ring_job *job)
{
	struct pathring_handle *dir = handle_of(job);
	struct pathring_request *request = NULL;

	return pathring_renameat_request(job->state->ring,
					 identity_of(job),
					 dir,
					 job->request->path,
					 dir,
					 job->request->new_path,
					 0,
					 renameat_done,
					 job,
					 &request);
}

static int (*const starters[BENCH_NUM_KINDS])(struct ring_job *) = {
	[BENCH_LOOKUP] = start_lookup,
	[BENCH_OPENAT] = start_openat,
	[BENCH_STATX] = start_statx,
	[BENCH_GETXATTR] = start_getxattr,
	[BENCH_SETXATTR] = start_setxattr,
	[BENCH_LISTXATTR] = start_listxattr,
	[BENCH_PREAD] = start_pread,
	[BENCH_PWRITE] = start_pwrite,
	[BENCH_MKDIR_RMDIR] = start_mkdir_rmdir,
	[BENCH_RENAMEAT] = start_renameat,
};

int ring_start(struct ring_job *job)
{
	return starters[job->request->kind](job);
}
