/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each operation as entries of the ring: the same that libpathring submits, without an identity.
 */
#include "engine_raw_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Linux 6.8 and 6.9; liburing 2.3 does not know them. */
#define OP_FIXED_FD_INSTALL 54
#define OP_FTRUNCATE 55

void raw_uring_ready(struct io_uring_sqe *entry,
		     struct raw_uring_job *job,
		     enum raw_uring_step step)
{
	entry->user_data = (uint64_t)(uintptr_t)job | step;
	job->outstanding++;
}

static void prepare_install(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_rw(OP_FIXED_FD_INSTALL, entry, (int)job->slot, NULL, 0, 0);
	entry->flags |= IOSQE_FIXED_FILE;
	raw_uring_ready(entry, job, STEP_INSTALL);
}

static void prepare_slot_xattr(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_fgetxattr(entry,
				(int)job->slot,
				BENCH_XATTR_NAME,
				(char *)job->data,
				(unsigned int)job->request->size);
	entry->flags |= IOSQE_FIXED_FILE;
	raw_uring_ready(entry, job, STEP_XATTR);
}

void raw_uring_begin_lookup(struct raw_uring_job *job)
{
	struct raw_uring *uring = job->uring;
	struct io_uring_sqe *entry = raw_uring_entry(uring);

	job->slot = raw_uring_take_slot(uring);
	job->how = (struct open_how) { .flags = O_PATH | O_NOFOLLOW,
				       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	io_uring_prep_openat2_direct(entry, job->dir_fd, job->path, &job->how, job->slot);
	raw_uring_ready(entry, job, STEP_FIRST);
	prepare_install(job);
	/*
	 * At the end of the submission: an xattr goes to a kernel worker, which takes the ring's
	 * lock to look at the slot and would meet this thread there.
	 */
	STAILQ_INSERT_TAIL(&uring->late, job, late_link);
	job->outstanding++;
}

void raw_uring_prepare_late(struct raw_uring *uring)
{
	struct raw_uring_job *job = NULL;

	while ((job = STAILQ_FIRST(&uring->late)) != NULL) {
		STAILQ_REMOVE_HEAD(&uring->late, late_link);
		job->outstanding--;
		prepare_slot_xattr(job);
	}
}

static void begin_stat(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_statx(
		entry, job->dir_fd, job->path, AT_SYMLINK_NOFOLLOW, BENCH_STATX_MASK, &job->stx);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_openat(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	job->how = (struct open_how) { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	io_uring_prep_openat2(entry, job->dir_fd, job->path, &job->how);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_statx(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_statx(entry, job->dir_fd, "", AT_EMPTY_PATH, BENCH_STATX_MASK, &job->stx);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_getxattr(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	bench_proc_path(job->proc_path, job->dir_fd);
	io_uring_prep_getxattr(entry,
			       BENCH_XATTR_NAME,
			       (char *)job->data,
			       job->proc_path,
			       (unsigned int)job->request->size);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_setxattr(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	bench_proc_path(job->proc_path, job->dir_fd);
	io_uring_prep_setxattr(entry,
			       BENCH_XATTR_WRITTEN,
			       (const char *)job->request->data,
			       job->proc_path,
			       0,
			       (unsigned int)job->request->size);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_pread(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_read(entry, job->dir_fd, job->data, (unsigned int)job->request->size, 0);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_pwrite(struct raw_uring_job *job)
{
	const struct bench_request *request = job->request;
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_write(entry, job->dir_fd, request->data, (unsigned int)request->size, 0);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_ftruncate(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_rw(OP_FTRUNCATE, entry, job->dir_fd, NULL, 0, (uint64_t)job->request->length);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_fallocate(struct raw_uring_job *job)
{
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_fallocate(
		entry, job->dir_fd, (int)job->request->mode, 0, job->request->length);
	raw_uring_ready(entry, job, STEP_FIRST);
}

static void begin_renameat(struct raw_uring_job *job)
{
	const struct bench_request *request = job->request;
	struct io_uring_sqe *entry = raw_uring_entry(job->uring);

	io_uring_prep_renameat(
		entry, job->dir_fd, request->path, job->dir_fd, request->new_path, 0);
	raw_uring_ready(entry, job, STEP_FIRST);
}

/* NULL: the ring has no such operation. */
static void (*const beginners[BENCH_NUM_KINDS])(struct raw_uring_job *) = {
	[BENCH_LOOKUP] = raw_uring_begin_lookup,
	[BENCH_STAT] = begin_stat,
	[BENCH_OPENAT] = begin_openat,
	[BENCH_OPEN_READ_CLOSE] = raw_uring_begin_open_read_close,
	[BENCH_STATX] = begin_statx,
	[BENCH_GETXATTR] = begin_getxattr,
	[BENCH_SETXATTR] = begin_setxattr,
	[BENCH_PREAD] = begin_pread,
	[BENCH_PWRITE] = begin_pwrite,
	[BENCH_WRITE_FSYNC] = raw_uring_begin_write_fsync,
	[BENCH_FTRUNCATE] = begin_ftruncate,
	[BENCH_FALLOCATE] = begin_fallocate,
	[BENCH_MKDIR_RMDIR] = raw_uring_begin_mkdir_rmdir,
	[BENCH_RENAMEAT] = begin_renameat,
	[BENCH_LINK_UNLINK] = raw_uring_begin_link_unlink,
	[BENCH_SYMLINK_UNLINK] = raw_uring_begin_symlink_unlink,
	[BENCH_CREATE_DELETE] = raw_uring_begin_create_delete,
	[BENCH_LISTING] = raw_uring_begin_listing,
};

bool raw_uring_has(enum bench_kind kind)
{
	return beginners[kind] != NULL;
}

void raw_uring_begin(struct raw_uring_job *job)
{
	job->outstanding = 0;
	job->opened = false;
	job->early = false;
	job->fd = -1;
	job->error = 0;
	job->length = 0;
	beginners[job->kind](job);
}

static void note_lookup(struct raw_uring_job *job, enum raw_uring_step step, int result)
{
	/* The slot was still empty: the path is not cached, and its open goes on in a worker. */
	if (step != STEP_FIRST && result == -EBADF) {
		job->early = true;
	}
	switch (step) {
	case STEP_XATTR:
		job->length = result;
		return;
	case STEP_FIRST:
		job->opened = result >= 0;
		break;
	default:
		if (result == -EBADF) {
			return;
		}
		if (result >= 0) {
			job->fd = result;
			result = bench_statx(job->fd, &job->stx);
		}
		break;
	}
	if (result < 0) {
		job->error = result;
	}
}

static bool finish_lookup(struct raw_uring_job *job, struct bench_answer *answer)
{
	if (job->error == 0 && job->early) {
		job->early = false;
		if (job->fd == -1) {
			prepare_install(job);
		}
		if (job->length == -EBADF) {
			prepare_slot_xattr(job);
		}
		return false;
	}
	answer->error = job->error;
	answer->stx = &job->stx;
	answer->data = job->data;
	answer->length = job->length;
	return true;
}

static void note(struct raw_uring_job *job, enum raw_uring_step step, int result)
{
	/* What follows in a chain is cancelled, and that is not the reason. */
	if (result < 0) {
		job->error = result != -ECANCELED || job->error == 0 ? result : job->error;
		return;
	}
	switch (job->kind) {
	case BENCH_OPENAT:
		job->fd = result;
		break;
	case BENCH_OPEN_READ_CLOSE:
		if (step == STEP_SECOND) {
			job->length = result;
		}
		break;
	default:
		job->length = result;
		break;
	}
}

bool raw_uring_step(struct raw_uring_job *job,
		    enum raw_uring_step step,
		    int result,
		    struct bench_answer *answer)
{
	*answer = (struct bench_answer) { .error = 0 };
	job->outstanding--;
	if (job->kind == BENCH_LISTING) {
		return raw_uring_opened_listing(job, result, answer);
	}
	if (job->kind == BENCH_LOOKUP) {
		note_lookup(job, step, result);
		return job->outstanding == 0 && finish_lookup(job, answer);
	}
	note(job, step, result);
	if (job->outstanding > 0) {
		return false;
	}
	answer->error = job->error;
	if (answer->error == 0 && job->request->check) {
		answer->error = bench_statx(job->fd, &job->stx);
	}
	answer->stx = &job->stx;
	answer->data = job->data;
	answer->length = job->length;
	return true;
}
