/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A listing by a ring, which has no operation to read directories: that is a system call by hand.
 * Entries are looked up several at a time.
 */
#include "engine_raw_uring.h"
#include "plain_directory.h"

#include <fcntl.h>
#include <unistd.h>

struct raw_uring_listing {
	int fd;
	int error;
	bool ended;
	struct bench_batch batch;
	struct raw_uring_job *jobs; /* for entries */
	size_t num_in_flight;
	size_t num_free;
	struct raw_uring_job **free;
	char *buffer;
};

static bool prepare_listing(struct raw_uring *uring, struct raw_uring_job *job)
{
	struct raw_uring_listing *listing = talloc_zero(uring, struct raw_uring_listing);
	size_t num = uring->num_entries;
	size_t i = 0;

	if (listing == NULL) {
		return false;
	}
	job->reading = listing;
	listing->jobs = talloc_zero_array(listing, struct raw_uring_job, num);
	listing->free = talloc_array(listing, struct raw_uring_job *, num);
	listing->buffer = talloc_array(listing, char, BENCH_DIRECTORY_ROOM);
	if (listing->jobs == NULL || listing->free == NULL || listing->buffer == NULL) {
		return false;
	}
	for (i = 0; i < num; i++) {
		struct raw_uring_job *entry = &listing->jobs[i];

		entry->uring = uring;
		entry->listing = job;
		entry->kind = BENCH_LOOKUP;
		entry->data = talloc_array(listing->jobs, uint8_t, BENCH_XATTR_ROOM);
		if (entry->data == NULL) {
			return false;
		}
		listing->free[i] = entry;
	}
	listing->num_free = num;
	return true;
}

bool raw_uring_prepare_listings(struct raw_uring *uring, size_t depth)
{
	size_t i = 0;
	bool ok = true;

	uring->num_entries = bench_entries_at_a_time(depth);
	for (i = 0; ok && i < depth; i++) {
		ok = prepare_listing(uring, &uring->jobs[i]);
	}
	return ok;
}

void raw_uring_begin_listing(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	job->how = (struct open_how) { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	io_uring_prep_openat2(entry, job->dir_fd, job->path, &job->how);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static const char *next_name(struct raw_uring_listing *listing)
{
	const char *name = bench_next_name(&listing->batch);

	/* Names that are being looked up are in the buffer still. */
	while (name == NULL && !listing->ended && listing->num_in_flight == 0) {
		int ret = bench_read_directory(
			listing->fd, listing->buffer, BENCH_DIRECTORY_ROOM, &listing->batch);

		listing->ended = ret <= 0;
		listing->error = ret < 0 ? ret : 0;
		name = bench_next_name(&listing->batch);
	}
	return name;
}

/* True: all are done. */
static bool look_up_more(struct raw_uring_job *job, struct bench_answer *answer)
{
	struct raw_uring_listing *listing = job->reading;
	const char *name = NULL;

	while (listing->num_free > 0 && (name = next_name(listing)) != NULL) {
		struct raw_uring_job *entry = NULL;

		listing->num_free--;
		listing->num_in_flight++;
		entry = listing->free[listing->num_free];
		entry->request = job->request;
		entry->dir_fd = listing->fd;
		entry->path = name;
		raw_uring_begin(entry);
	}
	if (listing->num_in_flight > 0) {
		return false;
	}
	*answer = (struct bench_answer) { .error = listing->error };
	return true;
}

bool raw_uring_opened_listing(struct raw_uring_job *job, int result, struct bench_answer *answer)
{
	struct raw_uring_listing *listing = job->reading;

	if (result < 0) {
		answer->error = result;
		return true;
	}
	job->fd = result;
	listing->fd = result;
	listing->error = 0;
	listing->ended = false;
	listing->batch = (struct bench_batch) { .next = NULL };
	return look_up_more(job, answer);
}

bool raw_uring_listed(struct raw_uring_job *job,
		      const struct bench_answer *entry,
		      struct bench_answer *answer)
{
	struct raw_uring_listing *listing = job->listing->reading;

	bench_entry(job->request, job->path, entry);
	listing->num_in_flight--;
	listing->free[listing->num_free] = job;
	listing->num_free++;
	return look_up_more(job->listing, answer);
}
