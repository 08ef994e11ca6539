/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations of several steps as linked entries: one submission each, and the kernel goes from one
 * step to the next. What follows a step that failed is cancelled.
 */
#include "engine_raw_uring.h"

#include <fcntl.h>

/* Any but the last of a chain. */
static void linked(struct io_uring_sqe *entry, struct raw_uring_job *job, enum raw_uring_step step)
{
	entry->flags |= IOSQE_IO_LINK;
	raw_uring_ready(entry, job, step);
}

static void prepare_unlink(struct raw_uring_job *job, const char *name, int flags)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_unlinkat(entry, job->dir_fd, name, flags);
	raw_uring_ready(entry, job, STEP_SECOND);
}

void raw_uring_begin_write_fsync(struct raw_uring_job *job)
{
	const struct bench_request *request = job->request;
	struct io_uring_sqe *entry = NULL;

	raw_uring_reserve(job->uring, 2);
	entry = raw_uring_entry(job->uring);
	io_uring_prep_write(entry, job->dir_fd, request->data, (unsigned int)request->size, 0);
	linked(entry, job, STEP_FIRST);
	entry = raw_uring_entry(job->uring);
	io_uring_prep_fsync(entry, job->dir_fd, 0);
	raw_uring_ready(entry, job, STEP_SECOND);
}

void raw_uring_begin_mkdir_rmdir(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = NULL;

	raw_uring_reserve(job->uring, 2);
	entry = raw_uring_entry(job->uring);
	io_uring_prep_mkdirat(entry, job->dir_fd, job->path, 0755);
	linked(entry, job, STEP_FIRST);
	prepare_unlink(job, job->path, AT_REMOVEDIR);
}

void raw_uring_begin_link_unlink(struct raw_uring_job *job)
{
	const char *new_path = job->request->new_path;
	struct io_uring_sqe *entry = NULL;

	raw_uring_reserve(job->uring, 2);
	entry = raw_uring_entry(job->uring);
	io_uring_prep_linkat(entry, job->dir_fd, job->path, job->dir_fd, new_path, 0);
	linked(entry, job, STEP_FIRST);
	prepare_unlink(job, new_path, 0);
}

void raw_uring_begin_symlink_unlink(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = NULL;

	raw_uring_reserve(job->uring, 2);
	entry = raw_uring_entry(job->uring);
	io_uring_prep_symlinkat(entry, job->request->new_path, job->dir_fd, job->path);
	linked(entry, job, STEP_FIRST);
	prepare_unlink(job, job->path, 0);
}

/*
 * The file is in a slot of the ring, which later steps of the same chain can refer to. A slot is
 * free again when the chain is complete: a step that comes before the close does not break it.
 */
static void prepare_open(struct raw_uring_job *job, uint64_t flags, uint64_t mode)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	job->slot = raw_uring_take_slot(job->uring);
	job->how = (struct open_how) { .flags = flags | O_NOFOLLOW,
				       .mode = mode,
				       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	io_uring_prep_openat2_direct(entry, job->dir_fd, job->path, &job->how, job->slot);
	linked(entry, job, STEP_FIRST);
}

void raw_uring_begin_create_delete(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = NULL;

	raw_uring_reserve(job->uring, 3);
	prepare_open(job, O_RDWR | O_CREAT | O_EXCL, 0644);
	entry = raw_uring_entry(job->uring);
	io_uring_prep_close_direct(entry, job->slot);
	linked(entry, job, STEP_THIRD);
	prepare_unlink(job, job->path, 0);
}

void raw_uring_begin_open_read_close(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = NULL;

	raw_uring_reserve(job->uring, 3);
	prepare_open(job, O_RDONLY, 0);
	entry = raw_uring_entry(job->uring);
	io_uring_prep_read(entry, (int)job->slot, job->data, (unsigned int)job->request->size, 0);
	entry->flags |= IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK;
	raw_uring_ready(entry, job, STEP_SECOND);
	entry = raw_uring_entry(job->uring);
	io_uring_prep_close_direct(entry, job->slot);
	raw_uring_ready(entry, job, STEP_THIRD);
}
