/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Jobs: functions of the caller's under an identity and in a working directory, in a helper thread
 * or, where threads are refused, in the engine's, and who and where the thread is after them.
 * Functions that run at once in the caller's own thread are in run_as.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle.h"
#include "request.h"

/* Go to its working directory, which asks the identity's permission to search it, and run it. */
static int run_function(struct operation *operation)
{
	struct job_arguments *arguments = &operation->job;
	int ret;

	if (operation->target != NULL) {
		ret = fchdir(descriptor_pathref_fd(operation->target));
	} else {
		ret = chdir("/");
	}
	if (ret == -1) {
		return -errno;
	}
	atomic_store(&arguments->begun, true);
	arguments->fn(arguments->state);
	atomic_store(&arguments->begun, false);
	return 0;
}

bool job_run_in_helper(struct operation *operation)
{
	struct credentials_full before = { 0 };
	int ret;

	ret = credentials_full_get(&before);
	if (ret < 0) {
		operation->result = ret;
		return true;
	}
	operation->result = run_function(operation);

	ret = credentials_full_restore(&before);
	credentials_full_release(&before);
	umask(0);
	if (ret == 0) {
		/* No directory is kept in use. Every job goes to its own. */
		ret = chdir("/");
	}
	return ret == 0;
}

/* ---- in the engine's thread ---- */

static void be_again(const struct credentials_full *before)
{
	int ret;

	ret = credentials_full_restore(before);
	if (ret < 0) {
		credentials_abort("after a job", ret);
	}
}

/*
 * Where the thread is, as a descriptor. Like fchdir() this asks for the permission to search, which
 * someone may have had there before becoming who it is now: root has it.
 */
static int open_directory(const struct credentials_full *before)
{
	int fd;
	int ret;

	fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 || errno != EACCES) {
		return fd >= 0 ? fd : -errno;
	}
	ret = credentials_gain_root();
	if (ret < 0) {
		return -EACCES;
	}
	fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ret = fd >= 0 ? fd : -errno;
	be_again(before);
	return ret;
}

static void return_to(int directory, const struct credentials_full *before)
{
	int ret;

	ret = fchdir(directory);
	if (ret == -1 && errno == EACCES) {
		credentials_gain_root();
		ret = fchdir(directory);
		be_again(before);
	}
	if (ret == -1) {
		credentials_abort("working directory", -errno);
	}
}

void job_run_here(struct operation *operation, struct identity *identity)
{
	struct pathring *ring = identity->ring;
	struct credentials_full before = { 0 };
	struct identity_switch state = { .switched = false };
	mode_t saved_umask;
	int directory;
	int ret;

	ret = credentials_full_get(&before);
	if (ret < 0) {
		operation->result = ret;
		return;
	}
	directory = open_directory(&before);
	if (directory < 0) {
		operation->result = directory;
		credentials_full_release(&before);
		return;
	}

	ret = identity_enter(identity, &state);
	if (ret == 0) {
		saved_umask = umask(0);
		ring->in_job = true;
		ret = run_function(operation);
		ring->in_job = false;
		umask(saved_umask);
		/* Not left by identity_leave(): the function may have changed more than that. */
		credentials_release(&state.saved);
	}
	operation->result = ret;

	be_again(&before);
	return_to(directory, &before);
	close(directory);
	credentials_full_release(&before);
}

/* ---- the operation ---- */

static void job_discard(struct operation *operation)
{
	/*
	 * Still begun: this is a forked child's copy of a job that a thread of its parent's works
	 * on. The memory may be in the middle of anything.
	 */
	if (!atomic_load(&operation->job.begun)) {
		TALLOC_FREE(operation->job.state);
	}
}

static const struct operation_class job_class = {
	.kind = PATHRING_JOB,
	.discard = job_discard,
};

int pathring_job_request(struct pathring *ring,
			 struct pathring_identity *identity,
			 struct pathring_handle *cwd,
			 pathring_job_fn job_fn,
			 void *state,
			 pathring_request_fn fn,
			 void *private_data,
			 struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret = -EINVAL;

	/*
	 * From here on it is nobody's neighbour in a talloc tree: what a helper thread allocates on
	 * it must not meet what this thread does.
	 */
	state = talloc_steal(NULL, state);
	if (job_fn != NULL) {
		ret = request_create(
			ring, identity, &job_class, handle_descriptor(cwd), 0, &request);
	}
	if (ret < 0) {
		talloc_free(state);
		return ret;
	}

	request->operation.job = (struct job_arguments) {
		.fn = job_fn,
		.state = state,
	};
	request_start(request, fn, private_data, _request);
	return 0;
}

int pathring_job_result(struct pathring_request *request, void **state)
{
	ssize_t result;

	result = request_result(request);
	if (state != NULL) {
		*state = result == 0 ? request->operation.job.state : NULL;
	}
	return (int)result;
}

struct tevent_req *pathring_job_send(TALLOC_CTX *mem_ctx,
				     struct tevent_context *ev,
				     struct pathring *ring,
				     struct pathring_identity *identity,
				     struct pathring_handle *cwd,
				     pathring_job_fn job_fn,
				     void *state)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		talloc_free(state);
		return NULL;
	}
	ret = pathring_job_request(
		ring, identity, cwd, job_fn, state, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

int pathring_job_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx, void **state)
{
	struct pathring_request *request = NULL;
	int ret;

	if (state != NULL) {
		*state = NULL;
	}
	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = (int)request_result(request);
	}
	if (ret == 0 && state != NULL) {
		*state = talloc_move(mem_ctx, &request->operation.job.state);
	}
	tevent_req_received(req);
	return ret;
}
