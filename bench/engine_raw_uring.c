/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine `raw-uring`: a loop of liburing around the entries that libpathring submits, and nothing
 * else: no identity, no event loop, no memory allocated for a request. What is left of the
 * difference to `pathring` is what the library costs. The ring has the flags of the library's.
 */
#include "engine_raw_uring.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* As the library's. */
#define ENTRIES 256
#define MIN_COMPLETIONS 1024

/* A lookup has four entries in flight at most, and the kernel's completion queue this many. */
#define COMPLETIONS_PER_REQUEST 4
#define MAX_COMPLETIONS 65536

/*
 * In use, being closed, and to be closed with the next submission: each of them at most as many as
 * requests at a time.
 */
#define SLOTS_PER_REQUEST 3

/* user_data of closing a slot: its number, where a pointer would have zeros. */
#define CLOSE_SLOT 7U

/* user_data of looking at wake_fd: no job's. */
#define WAKE 0U

static const char *raw_uring_lacks(enum bench_kind kind)
{
	bool has = raw_uring_has(kind);

	return has ? NULL : "io_uring has no such operation";
}

static int submit_entries(struct raw_uring *uring, unsigned int wait)
{
	int ret = io_uring_submit_and_wait(&uring->io_uring, wait);

	uring->enters++;
	if (ret > 0) {
		uring->submissions += (uint64_t)ret;
	}
	return ret;
}

struct io_uring_sqe *raw_uring_entry(struct raw_uring *uring)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&uring->io_uring);

	/* The kernel takes them all (SUBMIT_ALL), so there is room after it. */
	while (entry == NULL) {
		submit_entries(uring, 0);
		entry = io_uring_get_sqe(&uring->io_uring);
	}
	return entry;
}

void raw_uring_reserve(struct raw_uring *uring, unsigned int num)
{
	while (io_uring_sq_space_left(&uring->io_uring) < num) {
		submit_entries(uring, 0);
	}
}

unsigned int raw_uring_take_slot(struct raw_uring *uring)
{
	uring->num_free_slots--;
	return uring->free_slots[uring->num_free_slots];
}

static int raw_uring_destructor(struct raw_uring *uring)
{
	/* The kernel closes them some time after the ring otherwise, and no file system with open
	 * files can be unmounted. */
	if (uring->free_slots != NULL) {
		io_uring_unregister_files(&uring->io_uring);
	}
	io_uring_queue_exit(&uring->io_uring);
	return 0;
}

static int make_slots(struct raw_uring *uring, unsigned int count)
{
	unsigned int i = 0;
	int ret = 0;

	ret = io_uring_register_files_sparse(&uring->io_uring, count);
	if (ret < 0) {
		return ret;
	}
	uring->free_slots = talloc_array(uring, unsigned int, count);
	uring->closing_slots = talloc_array(uring, unsigned int, count);
	if (uring->free_slots == NULL || uring->closing_slots == NULL) {
		return -ENOMEM;
	}
	for (i = 0; i < count; i++) {
		uring->free_slots[i] = i;
	}
	uring->num_free_slots = count;
	return 0;
}

/* A listing's entries are lookups too. */
static size_t at_a_time(const struct raw_uring *uring, size_t depth)
{
	return depth * (1 + uring->num_entries);
}

static bool takes_slot(enum bench_kind kind)
{
	return kind == BENCH_LOOKUP || kind == BENCH_LISTING || kind == BENCH_CREATE_DELETE ||
	       kind == BENCH_OPEN_READ_CLOSE;
}

static bool takes_slots(const struct bench_target *target)
{
	size_t i = 0;
	bool takes = false;

	for (i = 0; i < BENCH_NUM_KINDS; i++) {
		takes = takes || (target->kinds[i] && takes_slot((enum bench_kind)i));
	}
	return takes;
}

static int set_up(struct raw_uring *uring, const struct bench_target *target, size_t depth)
{
	struct io_uring_params parameters = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
		.cq_entries = MIN_COMPLETIONS,
	};
	size_t jobs = at_a_time(uring, depth);
	unsigned int workers[2] = { (unsigned int)target->settings->max_workers, 0 };
	int ret = 0;

	if (jobs * COMPLETIONS_PER_REQUEST > MIN_COMPLETIONS) {
		parameters.cq_entries = (unsigned int)(jobs * COMPLETIONS_PER_REQUEST);
	}
	ret = io_uring_queue_init_params(ENTRIES, &uring->io_uring, &parameters);
	if (ret < 0) {
		return ret;
	}
	talloc_set_destructor(uring, raw_uring_destructor);
	if (target->settings->max_workers > 0) {
		ret = io_uring_register_iowq_max_workers(&uring->io_uring, workers);
		if (ret < 0) {
			return ret;
		}
	}
	if (takes_slots(target)) {
		ret = make_slots(uring, (unsigned int)jobs * SLOTS_PER_REQUEST);
	}
	return ret;
}

static bool prepare_jobs(struct raw_uring *uring, const struct bench_target *target, size_t depth)
{
	uint8_t *data = talloc_array(uring, uint8_t, depth * BENCH_DATA_SIZE);
	size_t i = 0;

	for (i = 0; data != NULL && i < depth; i++) {
		uring->jobs[i].uring = uring;
		uring->jobs[i].data = data + i * BENCH_DATA_SIZE;
	}
	if (data == NULL) {
		return false;
	}
	return target->kinds[BENCH_LISTING] ? raw_uring_prepare_listings(uring, depth) : true;
}

static bool raw_uring_open(TALLOC_CTX *mem_ctx,
			   const struct bench_engine *engine,
			   const struct bench_target *target,
			   size_t depth,
			   void **state,
			   char **why)
{
	struct raw_uring *uring = NULL;
	size_t max_depth = MAX_COMPLETIONS / COMPLETIONS_PER_REQUEST;
	int ret = 0;

	(void)engine;

	if (target->kinds[BENCH_LISTING]) {
		max_depth /= 2;
	}

	*why = NULL;
	if (depth > max_depth) {
		*why = talloc_asprintf(mem_ctx, "its depth is %zu at most", max_depth);
		return false;
	}
	uring = talloc_zero(mem_ctx, struct raw_uring);
	if (uring == NULL) {
		return false;
	}
	STAILQ_INIT(&uring->late);
	uring->descriptors = target->descriptors;
	uring->wake_fd = target->wake_fd;
	uring->jobs = talloc_zero_array(uring, struct raw_uring_job, depth);
	if (uring->jobs == NULL || !prepare_jobs(uring, target, depth)) {
		talloc_free(uring);
		return false;
	}
	ret = set_up(uring, target, depth);
	if (ret < 0) {
		*why = talloc_asprintf(mem_ctx, "io_uring: %s", strerror(-ret));
		talloc_free(uring);
		return false;
	}
	*state = uring;
	return true;
}

static int raw_uring_submit(void *state, struct bench_request *request)
{
	struct raw_uring *uring = state;
	struct raw_uring_job *job = &uring->jobs[request->number];

	job->request = request;
	job->kind = request->kind;
	job->dir_fd = uring->descriptors[request->descriptor].fd;
	job->path = request->path;
	raw_uring_begin(job);
	return 0;
}

static void close_slots(struct raw_uring *uring)
{
	while (uring->num_closing_slots > 0) {
		struct io_uring_sqe *entry = raw_uring_entry(uring);
		unsigned int slot = 0;

		uring->num_closing_slots--;
		slot = uring->closing_slots[uring->num_closing_slots];
		io_uring_prep_close_direct(entry, slot);
		entry->user_data = CLOSE_SLOT | (uint64_t)slot << 3;
	}
}

/* Once for all times that it becomes readable. */
static void watch_wake(struct raw_uring *uring)
{
	struct io_uring_sqe *entry = NULL;

	if (uring->wake_fd == -1 || uring->watching) {
		return;
	}
	entry = raw_uring_entry(uring);
	io_uring_prep_poll_multishot(entry, uring->wake_fd, POLLIN);
	entry->user_data = WAKE;
	uring->watching = true;
}

/* Answered, and what it holds is given back. */
static void
complete(struct raw_uring *uring, struct raw_uring_job *job, const struct bench_answer *answer)
{
	/* The job is the next request's as soon as this one is answered. */
	struct raw_uring_job *listing = job->listing;
	struct bench_answer whole = { .error = 0 };
	bool slot_used = takes_slot(job->kind) && job->kind != BENCH_LISTING;
	bool opened = job->opened;
	bool ended = false;
	unsigned int slot = job->slot;
	int fd = job->fd;

	if (listing != NULL) {
		ended = raw_uring_listed(job, answer, &whole);
	} else {
		uring->done++;
		bench_complete(job->request, answer);
	}
	if (fd >= 0) {
		close(fd);
	}
	if (slot_used && opened) {
		uring->closing_slots[uring->num_closing_slots] = slot;
		uring->num_closing_slots++;
	} else if (slot_used) {
		uring->free_slots[uring->num_free_slots] = slot;
		uring->num_free_slots++;
	}
	if (ended) {
		complete(uring, listing, &whole);
	}
}

static void
take_completion(struct raw_uring *uring, uint64_t user_data, int result, unsigned int flags)
{
	struct raw_uring_job *job = (struct raw_uring_job *)(uintptr_t)(user_data & ~7ULL);
	enum raw_uring_step step = (enum raw_uring_step)(user_data & 7);
	struct bench_answer answer;
	bool done = false;

	if (user_data == WAKE) {
		uring->watching = (flags & IORING_CQE_F_MORE) != 0;
		return;
	}
	if ((user_data & 7) == CLOSE_SLOT) {
		uring->free_slots[uring->num_free_slots] = (unsigned int)(user_data >> 3);
		uring->num_free_slots++;
		return;
	}
	done = raw_uring_step(job, step, result, &answer);
	if (done) {
		complete(uring, job, &answer);
	}
}

static int raw_uring_turn(void *state)
{
	struct raw_uring *uring = state;
	struct io_uring_cqe *completion = NULL;
	unsigned int left = 0;
	int ret = 0;

	watch_wake(uring);
	close_slots(uring);
	raw_uring_prepare_late(uring);
	ret = submit_entries(uring, 1);
	if (ret < 0 && ret != -EINTR) {
		return ret;
	}
	/* Those that come while requests are made are the next turn's: see SLOTS_PER_REQUEST. */
	for (left = io_uring_cq_ready(&uring->io_uring); left > 0; left--) {
		uint64_t user_data = 0;
		unsigned int flags = 0;
		int result = 0;

		ret = io_uring_peek_cqe(&uring->io_uring, &completion);
		if (ret < 0) {
			return ret;
		}
		user_data = completion->user_data;
		result = completion->res;
		flags = completion->flags;
		io_uring_cqe_seen(&uring->io_uring, completion);
		take_completion(uring, user_data, result, flags);
	}
	return 0;
}

static void raw_uring_account(void *state, struct bench_account *account)
{
	struct raw_uring *uring = state;

	*account = (struct bench_account) {
		.placed[BENCH_RING] = uring->done,
		.submissions = uring->submissions,
		.enters = uring->enters,
	};
}

static void raw_uring_close(void *state)
{
	talloc_free(state);
}

const struct bench_engine bench_engine_raw_uring = {
	.name = "raw-uring",
	.summary = "a bare loop of liburing with the entries that libpathring submits, no identity",
	.identity = false,
	.concurrent = true,
	.lacks = raw_uring_lacks,
	.open = raw_uring_open,
	.submit = raw_uring_submit,
	.turn = raw_uring_turn,
	.account = raw_uring_account,
	.close = raw_uring_close,
};
