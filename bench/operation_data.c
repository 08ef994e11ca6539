/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on the data of files that were opened before. pread and pwrite are of the first 4 KiB
 * of files of the tree; what changes more has files of its own, one for each request at a time.
 * Nobody is denied: permission was asked at the open.
 */
#include "operation_work.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool verify_count(const struct bench_answer *answer, struct bench_complaint *complaint)
{
	bool ok = bench_verify_error(answer->error, false, complaint);

	if (ok && answer->length != BENCH_DATA_SIZE) {
		return bench_wrong_number(
			complaint, "length", (uint64_t)answer->length, BENCH_DATA_SIZE);
	}
	return ok;
}

bool bench_verify_data(size_t file,
		       const struct bench_answer *answer,
		       struct bench_complaint *complaint)
{
	bool ok = verify_count(answer, complaint);
	int differs = 0;

	if (!ok) {
		return false;
	}
	differs = memcmp(answer->data, bench_tree_data(file), BENCH_DATA_SIZE);
	if (differs != 0) {
		return bench_wrong(complaint, "other data", "this file's");
	}
	return true;
}

bool bench_part_write_files(struct bench_part *part, char **why)
{
	const struct bench_tree *tree = part->tree;
	size_t i = 0;
	bool ok = true;

	for (i = 0; ok && i < tree->num_files; i++) {
		const char *path = tree->files[i].path;
		int fd = openat(tree->dir_fd, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
		ssize_t written = -1;

		if (fd != -1) {
			written = pwrite(fd, bench_tree_data(i), BENCH_DATA_SIZE, 0);
		}
		ok = written == BENCH_DATA_SIZE;
		if (!ok) {
			*why = talloc_asprintf(part->own,
					       "cannot write to %s: %s",
					       path,
					       written == -1 ? strerror(errno) : "disk full");
		}
		if (fd != -1) {
			close(fd);
		}
	}
	return ok;
}

static bool pread_begin(struct bench_part *part, char **why)
{
	return bench_part_write_files(part, why) && bench_part_open_files(part, O_RDWR, why);
}

static void pread_ask(struct bench_part *part, struct bench_request *request)
{
	(void)part;
	request->descriptor = request->file;
	request->size = BENCH_DATA_SIZE;
}

static bool pread_verify(struct bench_part *part,
			 const struct bench_request *request,
			 const struct bench_answer *answer,
			 struct bench_complaint *complaint)
{
	(void)part;
	return bench_verify_data(request->file, answer, complaint);
}

const struct bench_operation bench_operation_pread = {
	.name = "pread",
	.summary = "read 4 KiB from an open file",
	.kind = BENCH_PREAD,
	.begin = pread_begin,
	.ask = pread_ask,
	.verify = pread_verify,
};

static bool pwrite_begin(struct bench_part *part, char **why)
{
	return bench_part_open_files(part, O_RDWR, why);
}

static void pwrite_ask(struct bench_part *part, struct bench_request *request)
{
	(void)part;
	request->descriptor = request->file;
	request->data = bench_tree_data(request->file);
	request->size = BENCH_DATA_SIZE;
}

static bool pwrite_verify(struct bench_part *part,
			  const struct bench_request *request,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	bool ok = false;

	ok = verify_count(answer, complaint);
	if (ok) {
		part->touched[request->file] = true;
	}
	return ok;
}

static bool verify_written(int fd, size_t number, struct bench_complaint *complaint)
{
	uint8_t data[BENCH_DATA_SIZE];
	ssize_t length = pread(fd, data, sizeof(data), 0);
	int differs = 0;

	if (length == -1) {
		return bench_wrong(complaint, strerror(errno), "what was written");
	}
	differs = memcmp(data, bench_tree_data(number), sizeof(data));
	if (length != sizeof(data) || differs != 0) {
		return bench_wrong(complaint, "other data", "what was written");
	}
	return true;
}

/* A hole again afterwards, so that the next round's writing shows. */
static bool pwrite_check(struct bench_part *part, size_t file, struct bench_complaint *complaint)
{
	int fd = part->descriptors[file].fd;
	bool ok = verify_written(fd, file, complaint);
	int ret = ftruncate(fd, 0);

	if (ret == 0) {
		ret = ftruncate(fd, (off_t)bench_tree_size(file));
	}
	if (ok && ret == -1) {
		return bench_wrong(complaint, strerror(errno), "taking the data away");
	}
	return ok;
}

const struct bench_operation bench_operation_pwrite = {
	.name = "pwrite",
	.summary = "write 4 KiB to an open file",
	.kind = BENCH_PWRITE,
	.begin = pwrite_begin,
	.ask = pwrite_ask,
	.verify = pwrite_verify,
	.check = pwrite_check,
};

/* ---- write-fsync ---- */

static bool fsync_begin(struct bench_part *part, char **why)
{
	return bench_work_make(part, 0700, why) &&
	       bench_work_make_own_files(part, O_RDWR, BENCH_DATA_SIZE, why);
}

static void fsync_ask(struct bench_part *part, struct bench_request *request)
{
	(void)part;
	request->descriptor = request->number;
	request->data = bench_tree_data(request->number);
	request->size = BENCH_DATA_SIZE;
}

static bool own_verify(struct bench_part *part,
		       const struct bench_request *request,
		       const struct bench_answer *answer,
		       struct bench_complaint *complaint)
{
	bool ok = bench_verify_error(answer->error, false, complaint);

	part->touched[request->number] = part->touched[request->number] || ok;
	return ok;
}

/* Of the write; that it is on the disk can't be seen from here. */
static bool fsync_check(struct bench_part *part, size_t number, struct bench_complaint *complaint)
{
	return verify_written(part->descriptors[number].fd, number, complaint);
}

const struct bench_operation bench_operation_write_fsync = {
	.name = "write-fsync",
	.summary = "write 4 KiB to an open file, then fsync",
	.kind = BENCH_WRITE_FSYNC,
	.begin = fsync_begin,
	.ask = fsync_ask,
	.verify = own_verify,
	.check = fsync_check,
	.end = bench_work_end_files,
};

/* ---- ftruncate ---- */

/* Other lengths from one request to the next: of up to 64 KiB, all a hole. */
#define SHORTEST 4096
#define NUM_LENGTHS 61440

static bool ftruncate_begin(struct bench_part *part, char **why)
{
	return bench_work_make(part, 0700, why) && bench_work_make_own_files(part, O_RDWR, 0, why);
}

static void ftruncate_ask(struct bench_part *part, struct bench_request *request)
{
	request->descriptor = request->number;
	request->length = SHORTEST + (off_t)(part->asked * SHORTEST / 2 % NUM_LENGTHS);
}

static bool ftruncate_verify(struct bench_part *part,
			     const struct bench_request *request,
			     const struct bench_answer *answer,
			     struct bench_complaint *complaint)
{
	bool ok = own_verify(part, request, answer, complaint);

	if (ok) {
		part->own[request->number].length = request->length;
	}
	return ok;
}

static bool
ftruncate_check(struct bench_part *part, size_t number, struct bench_complaint *complaint)
{
	struct stat st;
	int ret = fstat(part->descriptors[number].fd, &st);

	if (ret == -1) {
		return bench_wrong(complaint, strerror(errno), "the size that was set");
	}
	if (st.st_size != part->own[number].length) {
		return bench_wrong_number(complaint,
					  "size",
					  (uint64_t)st.st_size,
					  (uint64_t)part->own[number].length);
	}
	return true;
}

const struct bench_operation bench_operation_ftruncate = {
	.name = "ftruncate",
	.summary = "set another size of an open file",
	.kind = BENCH_FTRUNCATE,
	.begin = ftruncate_begin,
	.ask = ftruncate_ask,
	.verify = ftruncate_verify,
	.check = ftruncate_check,
	.end = bench_work_end_files,
};

/* ---- fallocate ---- */

#define ALLOCATED 65536

/*
 * At the end a file may be as it was in the beginning, whatever happened between. So one in so many
 * is looked at when it is answered; odd, to come to both halves.
 */
#define LOOK_ONE_IN 17

#define BLOCK 512

/* In turn, or there would be nothing to do. */
#define TAKE 0
#define GIVE_BACK (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static bool fallocate_begin(struct bench_part *part, char **why)
{
	bool ok = bench_work_make(part, 0700, why) &&
		  bench_work_make_own_files(part, O_RDWR, ALLOCATED, why);
	int ret = 0;

	if (!ok) {
		return false;
	}
	ret = fallocate(part->descriptors[0].fd, GIVE_BACK, 0, ALLOCATED);
	if (ret == -1) {
		*why = talloc_asprintf(part->own, "fallocate: making a hole: %s", strerror(errno));
		return false;
	}
	return true;
}

static void fallocate_ask(struct bench_part *part, struct bench_request *request)
{
	request->descriptor = request->number;
	request->mode = part->own[request->number].moved ? GIVE_BACK : TAKE;
	request->length = ALLOCATED;
}

static bool
fallocate_check(struct bench_part *part, size_t number, struct bench_complaint *complaint)
{
	struct stat st;
	bool taken = part->own[number].moved;
	int ret = fstat(part->descriptors[number].fd, &st);

	if (ret == -1) {
		return bench_wrong(complaint, strerror(errno), "what was allocated");
	}
	if ((st.st_blocks * BLOCK >= ALLOCATED) != taken) {
		return bench_wrong_number(complaint,
					  "bytes allocated",
					  (uint64_t)st.st_blocks * BLOCK,
					  taken ? ALLOCATED : 0);
	}
	return true;
}

static bool fallocate_verify(struct bench_part *part,
			     const struct bench_request *request,
			     const struct bench_answer *answer,
			     struct bench_complaint *complaint)
{
	bool ok = own_verify(part, request, answer, complaint);

	if (ok) {
		part->own[request->number].moved = request->mode == TAKE;
	}
	if (ok && part->asked % LOOK_ONE_IN == 0) {
		return fallocate_check(part, request->number, complaint);
	}
	return ok;
}

const struct bench_operation bench_operation_fallocate = {
	.name = "fallocate",
	.summary = "allocate 64 KiB of an open file, or give them back, in turn",
	.kind = BENCH_FALLOCATE,
	.begin = fallocate_begin,
	.ask = fallocate_ask,
	.verify = fallocate_verify,
	.check = fallocate_check,
	.end = bench_work_end_files,
};
