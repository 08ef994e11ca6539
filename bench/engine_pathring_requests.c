/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each operation as requests of libpathring, and their results as answers: here those on paths and
 * path references.
 */
#include "engine_pathring_starters.h"
#include "plain.h"

#include <errno.h>
#include <sys/xattr.h>

struct pathring_identity *ring_identity(const struct ring_job *job)
{
	return job->state->identities[job->request->user];
}

struct pathring_handle *ring_handle(const struct ring_job *job)
{
	return job->state->handles[job->request->descriptor];
}

void ring_complete(struct ring_job *job,
		   struct pathring_request *request,
		   const struct bench_answer *answer)
{
	/* It may point into the request. */
	bench_complete(job->request, answer);
	pathring_request_free(request);
}

void ring_complete_length(struct ring_job *job,
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
	ring_complete(job, request, &answer);
}

void ring_go_on(struct ring_job *job, struct pathring_request *request, int ret)
{
	if (ret != 0) {
		ring_complete_length(job, request, ret, NULL);
		return;
	}
	pathring_request_free(request);
}

/* ---- paths ---- */

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
	ring_complete(job, request, &answer);
}

static void stat_done(struct pathring_request *request, void *private_data)
{
	struct bench_answer answer = { .error = 0 };

	answer.error = pathring_lookup_result(request, &answer.stx, NULL);
	ring_complete(private_data, request, &answer);
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
				       ring_identity(job),
				       ring_handle(job),
				       job->request->path,
				       &how,
				       lookup_done,
				       job,
				       &request);
}

static int start_stat(struct ring_job *job)
{
	const struct pathring_lookup_how how = {
		.flags = O_NOFOLLOW,
		.mask = BENCH_STATX_MASK,
	};
	struct pathring_request *request = NULL;

	return pathring_lookup_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       job->request->path,
				       &how,
				       stat_done,
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
	ring_complete(job, request, &answer);
	talloc_free(handle);
}

static int start_openat(struct ring_job *job)
{
	const struct pathring_how how = { .flags = O_PATH | O_NOFOLLOW };
	struct pathring_request *request = NULL;

	return pathring_openat_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       job->request->path,
				       &how,
				       openat_done,
				       job,
				       &request);
}

/* ---- path references ---- */

static void statx_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct bench_answer answer = { .error = 0 };
	struct statx stx;

	answer.error = pathring_statx_result(request, &stx);
	answer.stx = &stx;
	ring_complete(job, request, &answer);
}

static int start_statx(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_statx_request(job->state->ring,
				      ring_identity(job),
				      ring_handle(job),
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

	ring_complete_length(private_data, request, length, value);
}

static int start_getxattr(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_getxattr_request(job->state->ring,
					 ring_identity(job),
					 ring_handle(job),
					 BENCH_XATTR_NAME,
					 job->request->size,
					 getxattr_done,
					 job,
					 &request);
}

static void setxattr_done(struct pathring_request *request, void *private_data)
{
	int ret = pathring_setxattr_result(request);

	ring_complete_length(private_data, request, ret, NULL);
}

static int start_setxattr(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_setxattr_request(job->state->ring,
					 ring_identity(job),
					 ring_handle(job),
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

	ring_complete_length(private_data, request, length, names);
}

static int start_listxattr(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_listxattr_request(job->state->ring,
					  ring_identity(job),
					  ring_handle(job),
					  job->request->size,
					  listxattr_done,
					  job,
					  &request);
}

/* ---- a new xattr, and none again ---- */

static void removed_done(struct pathring_request *request, void *private_data)
{
	ring_complete_length(private_data, request, pathring_removexattr_result(request), NULL);
}

static void set_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct pathring_request *second = NULL;
	int ret = pathring_setxattr_result(request);

	if (ret == 0) {
		ret = pathring_removexattr_request(job->state->ring,
						   ring_identity(job),
						   ring_handle(job),
						   BENCH_XATTR_BRIEF,
						   removed_done,
						   job,
						   &second);
	}
	ring_go_on(job, request, ret);
}

static int start_set_removexattr(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_setxattr_request(job->state->ring,
					 ring_identity(job),
					 ring_handle(job),
					 BENCH_XATTR_BRIEF,
					 job->request->data,
					 job->request->size,
					 XATTR_CREATE,
					 set_done,
					 job,
					 &request);
}

/* ---- a function of the caller's ---- */

struct function {
	int dir_fd;
	const char *path;
	int error;
	struct statx stx;
};

static void stat_path(void *state)
{
	struct function *function = state;
	int ret = statx(function->dir_fd,
			function->path,
			AT_SYMLINK_NOFOLLOW,
			BENCH_STATX_MASK,
			&function->stx);

	function->error = ret == -1 ? -errno : 0;
}

static void job_done(struct pathring_request *request, void *private_data)
{
	struct bench_answer answer = { .error = 0 };
	void *state = NULL;

	answer.error = pathring_job_result(request, &state);
	if (answer.error == 0) {
		struct function *function = state;

		answer.error = function->error;
		answer.stx = &function->stx;
	}
	ring_complete(private_data, request, &answer);
}

static int start_job(struct ring_job *job)
{
	struct function *function = talloc(NULL, struct function);
	struct pathring_request *request = NULL;

	if (function == NULL) {
		return -ENOMEM;
	}
	function->dir_fd = pathring_handle_pathref_fd(ring_handle(job));
	function->path = job->request->path;
	return pathring_job_request(job->state->ring,
				    ring_identity(job),
				    NULL,
				    stat_path,
				    function,
				    job_done,
				    job,
				    &request);
}

static int (*const starters[BENCH_NUM_KINDS])(struct ring_job *) = {
	[BENCH_LOOKUP] = start_lookup,
	[BENCH_STAT] = start_stat,
	[BENCH_OPENAT] = start_openat,
	[BENCH_OPEN_READ_CLOSE] = ring_start_open_read_close,
	[BENCH_JOB] = start_job,
	[BENCH_STATX] = start_statx,
	[BENCH_GETXATTR] = start_getxattr,
	[BENCH_SETXATTR] = start_setxattr,
	[BENCH_LISTXATTR] = start_listxattr,
	[BENCH_SET_REMOVEXATTR] = start_set_removexattr,
	[BENCH_PREAD] = ring_start_pread,
	[BENCH_PWRITE] = ring_start_pwrite,
	[BENCH_WRITE_FSYNC] = ring_start_write_fsync,
	[BENCH_FTRUNCATE] = ring_start_ftruncate,
	[BENCH_FALLOCATE] = ring_start_fallocate,
	[BENCH_FCHMOD] = ring_start_fchmod,
	[BENCH_FCHOWN] = ring_start_fchown,
	[BENCH_UTIMENS] = ring_start_utimens,
	[BENCH_STATFS] = ring_start_statfs,
	[BENCH_READDIR] = ring_start_readdir,
	[BENCH_READLINKAT] = ring_start_readlinkat,
	[BENCH_MKDIR_RMDIR] = ring_start_mkdir_rmdir,
	[BENCH_RENAMEAT] = ring_start_renameat,
	[BENCH_LINK_UNLINK] = ring_start_link_unlink,
	[BENCH_SYMLINK_UNLINK] = ring_start_symlink_unlink,
	[BENCH_CREATE_DELETE] = ring_start_create_delete,
	[BENCH_LISTING] = ring_start_listing,
};

int ring_start(struct ring_job *job)
{
	return starters[job->request->kind](job);
}
