/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on directories and symbolic links as requests of libpathring. A listing has all
 * lookups of a batch of entries in flight at once, and the reading of the next batch with them.
 */
#include "engine_pathring_starters.h"

#include <errno.h>
#include <string.h>

static bool is_dot(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static void readdir_done(struct pathring_request *request, void *private_data)
{
	const struct bench_answer nothing = { .error = 0 };
	struct ring_job *job = private_data;
	const struct pathring_entry *entries = NULL;
	ssize_t num = pathring_readdir_result(request, &entries);
	ssize_t i = 0;

	for (i = 0; i < num; i++) {
		if (!is_dot(entries[i].name)) {
			bench_entry(job->request, entries[i].name, &nothing);
		}
	}
	ring_complete_length(job, request, num, NULL);
}

int ring_start_readdir(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_readdir_request(job->state->ring,
					ring_identity(job),
					ring_handle(job),
					0,
					BENCH_DIRECTORY_ROOM,
					readdir_done,
					job,
					&request);
}

static void readlinkat_done(struct pathring_request *request, void *private_data)
{
	const char *target = NULL;
	ssize_t length = pathring_readlinkat_result(request, &target);

	ring_complete_length(private_data, request, length, target);
}

int ring_start_readlinkat(struct ring_job *job)
{
	struct pathring_request *request = NULL;

	return pathring_readlinkat_request(job->state->ring,
					   ring_identity(job),
					   ring_handle(job),
					   readlinkat_done,
					   job,
					   &request);
}

/* ---- a listing ---- */

struct listed {
	struct ring_batch *batch;
	const char *name;
};

/* What one readdir gave; the names are the request's. */
struct ring_batch {
	struct ring_job *job;
	struct pathring_request *request;
	const struct pathring_entry *entries;
	size_t num;
	size_t next;	    /* the first that is not looked up yet */
	size_t outstanding; /* lookups */
	bool followed;	    /* what comes after it is being read, or was */
	struct listed listed[];
};

static void batch_done(struct pathring_request *request, void *private_data);

static int read_batch(struct ring_job *job, uint64_t position)
{
	struct pathring_request *request = NULL;

	return pathring_readdir_request(job->state->ring,
					ring_identity(job),
					job->handle,
					position,
					BENCH_DIRECTORY_ROOM,
					batch_done,
					job,
					&request);
}

/* job->outstanding counts batches that are looked up, and the reading of one. */
static void listing_step_done(struct ring_job *job, int ret)
{
	struct bench_answer answer = { .error = 0 };
	struct pathring_handle *handle = job->handle;

	if (job->error == 0) {
		job->error = ret;
	}
	job->outstanding--;
	if (job->outstanding > 0) {
		return;
	}
	/* The job is the next request's with this. */
	answer.error = job->error;
	bench_complete(job->request, &answer);
	talloc_free(handle);
}

static void listed_done(struct pathring_request *request, void *private_data);

static int look_up(struct listed *listed)
{
	struct ring_job *job = listed->batch->job;
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
				       job->handle,
				       listed->name,
				       &how,
				       listed_done,
				       listed,
				       &request);
}

/* As many as may be; and when the last was begun, what comes after the batch is read. */
static void look_up_more(struct ring_batch *batch)
{
	struct ring_job *job = batch->job;
	int ret = 0;

	while (batch->next < batch->num && batch->outstanding < job->state->num_entries &&
	       ret == 0) {
		struct listed *listed = &batch->listed[batch->next];

		*listed = (struct listed) {
			.batch = batch,
			.name = batch->entries[batch->next].name,
		};
		batch->next++;
		if (!is_dot(listed->name)) {
			batch->outstanding++;
			ret = look_up(listed);
		}
	}
	if (ret != 0) {
		batch->outstanding--;
		batch->next = batch->num;
		batch->followed = true;
		job->error = ret;
	}
	if (batch->next == batch->num && !batch->followed) {
		batch->followed = true;
		job->outstanding++;
		ret = read_batch(job, batch->entries[batch->num - 1].next);
		if (ret != 0) {
			listing_step_done(job, ret);
		}
	}
	if (batch->next == batch->num && batch->outstanding == 0) {
		pathring_request_free(batch->request);
		talloc_free(batch);
		listing_step_done(job, 0);
	}
}

static void listed_done(struct pathring_request *request, void *private_data)
{
	struct listed *listed = private_data;
	struct ring_batch *batch = listed->batch;
	struct bench_answer answer = { .error = 0 };
	const struct pathring_xattr *xattrs = NULL;

	answer.error = pathring_lookup_result(request, &answer.stx, &xattrs);
	if (answer.error == 0) {
		answer.data = xattrs[0].value;
		answer.length = xattrs[0].length;
	}
	bench_entry(batch->job->request, listed->name, &answer);
	pathring_request_free(request);
	batch->outstanding--;
	look_up_more(batch);
}

/* One that is empty is the end. */
static void batch_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	struct ring_batch *batch = NULL;
	const struct pathring_entry *entries = NULL;
	ssize_t num = pathring_readdir_result(request, &entries);
	int ret = (int)num;

	if (num > 0) {
		batch = talloc_size(job->state,
				    sizeof(*batch) + (size_t)num * sizeof(struct listed));
		ret = batch != NULL ? 0 : -ENOMEM;
	}
	if (batch == NULL) {
		pathring_request_free(request);
		listing_step_done(job, ret);
		return;
	}
	*batch = (struct ring_batch) {
		.job = job,
		.request = request,
		.entries = entries,
		.num = (size_t)num,
	};
	/* Its turn instead of the reading's. */
	look_up_more(batch);
}

static void directory_done(struct pathring_request *request, void *private_data)
{
	struct ring_job *job = private_data;
	int ret = pathring_openat_result(request, job->state, &job->handle);

	if (ret == 0) {
		job->outstanding = 1;
		job->error = 0;
		ret = read_batch(job, 0);
		if (ret != 0) {
			TALLOC_FREE(job->handle);
		}
	}
	ring_go_on(job, request, ret);
}

int ring_start_listing(struct ring_job *job)
{
	const struct pathring_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW };
	struct pathring_request *request = NULL;

	return pathring_openat_request(job->state->ring,
				       ring_identity(job),
				       ring_handle(job),
				       job->request->path,
				       &how,
				       directory_done,
				       job,
				       &request);
}
