/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on the data of files that were opened before: pread and pwrite of the first 4 KiB.
 * Nobody is denied: permission was asked at the open.
 */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * The data of a file is a piece of one text of random words that begins at a place of its own.
 * Nothing is copied for a request, and comparing all of it takes a twentieth of a microsecond.
 */
#define TEXT_WORDS 2048
#define TEXT_ADVANCE sizeof(uint64_t)

static const uint8_t *data_of(size_t file)
{
	static uint64_t text[TEXT_WORDS + BENCH_DATA_SIZE / sizeof(uint64_t)];
	uint64_t seed = 88172645463325252ULL;
	size_t i = 0;

	if (text[0] == 0) {
		/* xorshift64 */
		for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			text[i] = seed;
		}
	}
	return (const uint8_t *)text + file % TEXT_WORDS * TEXT_ADVANCE;
}

static bool verify_count(const struct bench_answer *answer, struct bench_complaint *complaint)
{
	bool ok = false;

	ok = bench_verify_error(answer->error, false, complaint);
	if (!ok) {
		return false;
	}
	if (answer->length < 0) {
		return bench_wrong(complaint, strerror((int)-answer->length), "data");
	}
	if (answer->length != BENCH_DATA_SIZE) {
		return bench_wrong_number(
			complaint, "length", (uint64_t)answer->length, BENCH_DATA_SIZE);
	}
	return true;
}

static bool pread_begin(struct bench_part *part, char **why)
{
	size_t i = 0;
	bool ok = false;

	ok = bench_part_open_files(part, O_RDWR, why);
	for (i = 0; ok && i < part->num_descriptors; i++) {
		ssize_t written = pwrite(part->descriptors[i].fd, data_of(i), BENCH_DATA_SIZE, 0);

		ok = written == BENCH_DATA_SIZE;
		if (!ok) {
			*why = talloc_asprintf(part->own,
					       "cannot write to %s: %s",
					       part->tree->files[i].path,
					       written == -1 ? strerror(errno) : "disk full");
		}
	}
	return ok;
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
	int differs = 0;
	bool ok = false;

	(void)part;

	ok = verify_count(answer, complaint);
	if (!ok) {
		return false;
	}
	differs = memcmp(answer->data, data_of(request->file), BENCH_DATA_SIZE);
	if (differs != 0) {
		return bench_wrong(complaint, "other data", "this file's");
	}
	return true;
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
	request->data = data_of(request->file);
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

/* A hole again afterwards, so that the next round's writing shows. */
static bool pwrite_check(struct bench_part *part, size_t file, struct bench_complaint *complaint)
{
	uint8_t data[BENCH_DATA_SIZE];
	int fd = part->descriptors[file].fd;
	ssize_t length = 0;
	int ret = 0;

	length = pread(fd, data, sizeof(data), 0);
	if (length == -1) {
		return bench_wrong(complaint, strerror(errno), "what was written");
	}
	ret = memcmp(data, data_of(file), sizeof(data));
	if (length != sizeof(data) || ret != 0) {
		return bench_wrong(complaint, "other data", "what was written");
	}
	ret = ftruncate(fd, 0);
	if (ret == 0) {
		ret = ftruncate(fd, (off_t)bench_tree_size(file));
	}
	if (ret == -1) {
		return bench_wrong(complaint, strerror(errno), "taking the data away");
	}
	return true;
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
