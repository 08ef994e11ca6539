/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * readdir, listing and readlinkat. Entries come one by one (bench_entry()) and are crossed off.
 */
#include "operation_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORD_BITS 64

/* What has come for one request. */
struct seen {
	size_t num;
	bool wrong;
	struct bench_complaint complaint;
	uint64_t *words; /* a bit for each file of the directory */
};

struct bench_entries {
	size_t num_words;
	struct seen seen[]; /* by the number of the request */
};

static bool make_entries(struct bench_part *part, size_t largest)
{
	size_t words = largest / WORD_BITS + 1;
	size_t i = 0;

	part->entries =
		talloc_zero_size(talloc_parent(part->own),
				 sizeof(*part->entries) + part->num_own * sizeof(struct seen));
	if (part->entries == NULL) {
		return false;
	}
	part->entries->num_words = words;
	for (i = 0; i < part->num_own; i++) {
		struct seen *seen = &part->entries->seen[i];

		seen->words = talloc_array(part->entries, uint64_t, words);
		if (seen->words == NULL) {
			return false;
		}
	}
	return true;
}

static void ask_entries(struct bench_part *part, const struct bench_request *request)
{
	struct seen *seen = &part->entries->seen[request->number];

	seen->num = 0;
	seen->wrong = false;
	memset(seen->words, 0, part->entries->num_words * sizeof(*seen->words));
}

/* What is said first is kept. False: it was there already, which is said. */
static bool cross_off(struct seen *seen, size_t position, struct bench_complaint *complaint)
{
	uint64_t bit = 1ULL << position % WORD_BITS;
	uint64_t *word = &seen->words[position / WORD_BITS];

	if ((*word & bit) != 0) {
		return bench_wrong(complaint, "an entry twice", "once");
	}
	*word |= bit;
	seen->num++;
	return true;
}

static void note_wrong(struct seen *seen, const char *name, const struct bench_complaint *complaint)
{
	if (!seen->wrong) {
		seen->wrong = true;
		snprintf(seen->complaint.text,
			 sizeof(seen->complaint.text),
			 "%.20s: %.130s",
			 name,
			 complaint->text);
	}
}

/* expected: how many there are. */
static bool verify_entries(const struct bench_part *part,
			   const struct bench_request *request,
			   size_t expected,
			   struct bench_complaint *complaint)
{
	const struct seen *seen = &part->entries->seen[request->number];

	if (seen->wrong) {
		*complaint = seen->complaint;
		return false;
	}
	if (seen->num != expected) {
		return bench_wrong_number(complaint, "entries", seen->num, expected);
	}
	return true;
}

/* ---- listing ---- */

static bool listing_begin(struct bench_part *part, char **why)
{
	const struct bench_tree *tree = part->tree;
	size_t largest = 0;
	size_t i = 0;
	bool ok = false;
	int fd = fcntl(tree->dir_fd, F_DUPFD_CLOEXEC, 0);

	if (fd == -1) {
		*why = talloc_strdup(part->own, strerror(errno));
		return false;
	}
	ok = bench_part_keep(part, fd, false);
	for (i = 0; i < tree->num_directories; i++) {
		if (tree->directories[i].num_files > largest) {
			largest = tree->directories[i].num_files;
		}
	}
	return ok && make_entries(part, largest);
}

static bool is_hidden(const struct bench_part *part,
		      const struct bench_directory *directory,
		      const struct bench_request *request)
{
	return part->identity && directory->owner <= part->tree->num_users &&
	       directory->owner != request->user;
}

static void listing_ask(struct bench_part *part, struct bench_request *request)
{
	const struct bench_tree *tree = part->tree;
	const struct bench_directory *directory =
		&tree->directories[tree->files[request->file].directory];

	ask_entries(part, request);
	request->path = directory->path;
	request->size = BENCH_XATTR_ROOM;
	request->denied = is_hidden(part, directory, request);
	if (part->identity && directory->num_closed > 0) {
		request->denied = request->denied || directory->closed_to_all ||
				  directory->closed_owner != request->user;
	}
}

static bool verify_listed(struct bench_part *part,
			  const struct bench_request *request,
			  const char *name,
			  const struct bench_answer *answer,
			  struct bench_complaint *complaint)
{
	const struct bench_tree *tree = part->tree;
	size_t index = bench_tree_index(name);
	bool denied = false;
	bool ok = false;

	if (index >= tree->num_files ||
	    tree->files[index].directory != tree->files[request->file].directory) {
		return bench_wrong(complaint, "an unknown entry", "a file of this directory");
	}
	denied = part->identity && bench_tree_denies(tree, request->user, index);
	ok = bench_verify_error(answer->error, false, complaint) &&
	     cross_off(
		     &part->entries->seen[request->number], tree->files[index].position, complaint);
	return ok && bench_verify_stat(tree, index, answer->stx, complaint) &&
	       bench_verify_xattr(index, answer->data, answer->length, denied, complaint);
}

static void listing_entry(struct bench_part *part,
			  const struct bench_request *request,
			  const char *name,
			  const struct bench_answer *answer)
{
	struct bench_complaint complaint;
	bool ok = verify_listed(part, request, name, answer, &complaint);

	if (!ok) {
		note_wrong(&part->entries->seen[request->number], name, &complaint);
	}
}

static bool listing_verify(struct bench_part *part,
			   const struct bench_request *request,
			   const struct bench_answer *answer,
			   struct bench_complaint *complaint)
{
	const struct bench_tree *tree = part->tree;
	const struct bench_directory *directory =
		&tree->directories[tree->files[request->file].directory];
	bool hidden = is_hidden(part, directory, request);
	bool ok = bench_verify_error(answer->error, hidden, complaint);

	if (!ok) {
		return false;
	}
	return verify_entries(part, request, hidden ? 0 : directory->num_files, complaint);
}

const struct bench_operation bench_operation_listing = {
	.name = "listing",
	.summary = "open a directory, read it to its end, look up every entry; close it",
	.kind = BENCH_LISTING,
	.lists = true,
	.by_path = true,
	.begin = listing_begin,
	.ask = listing_ask,
	.entry = listing_entry,
	.verify = listing_verify,
};

/* ---- readdir ---- */

/* A descriptor for each request at a time, since it has one position. */
static bool readdir_begin(struct bench_part *part, char **why)
{
	const struct bench_work_file file = {
		.mode = 0600,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.flags = -1,
	};
	size_t i = 0;
	bool ok = bench_work_make(part, 0755, why) && make_entries(part, part->tree->entries);

	for (i = 0; ok && i < part->tree->entries; i++) {
		char name[32] = "";

		snprintf(name, sizeof(name), "file-%06zu", i);
		ok = bench_work_make_file(part, name, &file, why);
	}
	for (i = 0; ok && i < part->num_own; i++) {
		int fd = openat(part->work_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd == -1) {
			*why = talloc_asprintf(
				part->own, "cannot open a directory: %s", strerror(errno));
			return false;
		}
		ok = bench_part_keep(part, fd, true);
	}
	return ok;
}

static void readdir_ask(struct bench_part *part, struct bench_request *request)
{
	ask_entries(part, request);
	request->descriptor = request->number;
}

static void readdir_entry(struct bench_part *part,
			  const struct bench_request *request,
			  const char *name,
			  const struct bench_answer *answer)
{
	struct seen *seen = &part->entries->seen[request->number];
	struct bench_complaint complaint;
	size_t index = bench_tree_index(name);
	bool ok = index < part->tree->entries;

	(void)answer;

	if (!ok) {
		bench_wrong(&complaint, "an unknown entry", "a file of this directory");
	}
	ok = ok && cross_off(seen, index, &complaint);
	if (!ok) {
		note_wrong(seen, name, &complaint);
	}
}

/*
 * As many as the kernel likes: it also ends a batch early for a thread that it wants for something
 * else.
 */
static bool readdir_verify(struct bench_part *part,
			   const struct bench_request *request,
			   const struct bench_answer *answer,
			   struct bench_complaint *complaint)
{
	size_t num = part->entries->seen[request->number].num;
	bool ok = bench_verify_error(answer->error, false, complaint);

	return ok && verify_entries(part, request, num > 0 ? num : part->tree->entries, complaint);
}

const struct bench_operation bench_operation_readdir = {
	.name = "readdir",
	.summary = "read one batch of an open directory, from its start",
	.kind = BENCH_READDIR,
	.begin = readdir_begin,
	.ask = readdir_ask,
	.entry = readdir_entry,
	.verify = readdir_verify,
	.end = bench_work_end_files,
};

/* ---- readlinkat ---- */

/* Any number would do: reading is in nobody's way. */
static bool readlinkat_begin(struct bench_part *part, char **why)
{
	size_t i = 0;
	bool ok = bench_work_make(part, 0755, why);

	for (i = 0; ok && i < part->num_own; i++) {
		struct bench_own *own = &part->own[i];
		char name[32] = "";
		int fd = -1;
		int ret = 0;

		snprintf(name, sizeof(name), "link-%zu", i);
		snprintf((char *)own->value, sizeof(own->value), "../a-directory/target-%zu", i);
		own->length = (off_t)strlen((char *)own->value);
		ret = symlinkat((char *)own->value, part->work_fd, name);
		if (ret == 0) {
			ok = bench_work_remember(part, name);
			fd = openat(part->work_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		}
		if (ret == -1 || fd == -1) {
			*why = talloc_asprintf(
				part->own, "cannot make a symbolic link: %s", strerror(errno));
			return false;
		}
		ok = bench_part_keep(part, fd, false) && ok;
	}
	return ok;
}

static void readlinkat_ask(struct bench_part *part, struct bench_request *request)
{
	(void)part;
	request->descriptor = request->number;
	request->size = BENCH_XATTR_ROOM;
}

static bool readlinkat_verify(struct bench_part *part,
			      const struct bench_request *request,
			      const struct bench_answer *answer,
			      struct bench_complaint *complaint)
{
	const struct bench_own *own = &part->own[request->number];
	bool ok = bench_verify_error(answer->error, false, complaint);
	int differs = 0;

	if (!ok) {
		return false;
	}
	if (answer->length != own->length) {
		return bench_wrong_number(complaint,
					  "length of the target",
					  (uint64_t)answer->length,
					  (uint64_t)own->length);
	}
	differs = memcmp(answer->data, own->value, (size_t)own->length);
	if (differs != 0) {
		return bench_wrong(complaint, "another target", (const char *)own->value);
	}
	return true;
}

const struct bench_operation bench_operation_readlinkat = {
	.name = "readlinkat",
	.summary = "read the target of a path reference to a symbolic link",
	.kind = BENCH_READLINKAT,
	.begin = readlinkat_begin,
	.ask = readlinkat_ask,
	.verify = readlinkat_verify,
	.end = bench_work_end_files,
};
