/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of requests, and the descriptors that they go to. What an operation asks is its own.
 */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int workload_destructor(struct bench_workload *workload)
{
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < workload->num_parts; i++) {
		for (j = 0; j < workload->parts[i].num_descriptors; j++) {
			close(workload->parts[i].descriptors[j].fd);
		}
	}
	return 0;
}

bool bench_part_keep(struct bench_part *part, int fd, bool io)
{
	size_t room = talloc_array_length(part->descriptors);
	struct bench_descriptor *more = NULL;

	if (part->num_descriptors == room) {
		more = talloc_realloc(talloc_parent(part->own),
				      part->descriptors,
				      struct bench_descriptor,
				      room < 16 ? 16 : room * 2);
		if (more == NULL) {
			close(fd);
			return false;
		}
		part->descriptors = more;
	}
	part->descriptors[part->num_descriptors] = (struct bench_descriptor) { .fd = fd, .io = io };
	part->num_descriptors++;
	return true;
}

bool bench_part_open_files(struct bench_part *part, int flags, char **why)
{
	const struct bench_tree *tree = part->tree;
	size_t i = 0;

	for (i = 0; i < tree->num_files; i++) {
		int fd = openat(tree->dir_fd, tree->files[i].path, flags | O_NOFOLLOW | O_CLOEXEC);
		bool ok = false;

		if (fd == -1) {
			*why = talloc_asprintf(part->own,
					       "cannot open %s: %s",
					       tree->files[i].path,
					       strerror(errno));
			return false;
		}
		ok = bench_part_keep(part, fd, (flags & O_PATH) == 0);
		if (!ok) {
			return false;
		}
	}
	return true;
}

bool bench_part_touch(struct bench_part *part, size_t num)
{
	if (num > part->num_touched) {
		talloc_free(part->touched);
		part->touched = talloc_zero_array(talloc_parent(part->own), bool, num);
		part->num_touched = num;
	}
	return part->touched != NULL;
}

static bool begin_part(struct bench_workload *workload,
		       const struct bench_share *share,
		       bool identity,
		       size_t depth,
		       char **why)
{
	const struct bench_tree *tree = workload->tree;
	struct bench_part *part = &workload->parts[workload->num_parts];
	uint64_t before = workload->num_parts == 0 ? 0 : (part - 1)->weights;

	*part = (struct bench_part) {
		.operation = share->operation,
		.tree = tree,
		.identity = identity && !tree->self,
		.num_own = depth,
		.num_touched = tree->num_files > depth ? tree->num_files : depth,
		.missing = workload->missing,
		.work_fd = -1,
		.weights = before + share->weight,
		.first_descriptor = workload->num_descriptors,
	};
	part->own = talloc_zero_array(workload, struct bench_own, depth);
	part->touched = talloc_zero_array(workload, bool, part->num_touched);
	if (part->own == NULL || part->touched == NULL) {
		return false;
	}
	workload->part_of[share->operation->kind] = workload->num_parts;
	workload->kinds[share->operation->kind] = true;
	workload->num_parts++;
	return share->operation->begin(part, why);
}

/* The parts' descriptors one after the other. */
static bool collect_descriptors(struct bench_workload *workload)
{
	size_t num = 0;
	size_t i = 0;

	for (i = 0; i < workload->num_parts; i++) {
		workload->parts[i].first_descriptor = num;
		num += workload->parts[i].num_descriptors;
	}
	workload->num_descriptors = num;
	workload->descriptors = talloc_array(workload, struct bench_descriptor, num);
	if (workload->descriptors == NULL) {
		return false;
	}
	for (i = 0; i < workload->num_parts; i++) {
		const struct bench_part *part = &workload->parts[i];

		memcpy(&workload->descriptors[part->first_descriptor],
		       part->descriptors,
		       part->num_descriptors * sizeof(*part->descriptors));
	}
	return true;
}

static bool prepare_users(struct bench_workload *workload)
{
	size_t num = workload->tree->num_users;
	double sum = 0;
	size_t i = 0;

	workload->walked = talloc_zero_array(workload, size_t, num);
	workload->up_to_user = talloc_zero_array(workload, double, num);
	if (workload->walked == NULL || workload->up_to_user == NULL) {
		return false;
	}
	for (i = 0; i < num; i++) {
		sum += 1 / (double)(i + 1);
		workload->up_to_user[i] = sum;
	}
	for (i = 0; i < num; i++) {
		workload->up_to_user[i] /= sum;
	}
	return true;
}

/* In the file's own directory, whose permissions are asked for as well. */
static bool name_missing(struct bench_workload *workload)
{
	const struct bench_tree *tree = workload->tree;
	size_t i = 0;

	workload->missing = talloc_array(workload, const char *, tree->num_files);
	for (i = 0; workload->missing != NULL && i < tree->num_files; i++) {
		const char *path = tree->files[i].path;
		const char *name = strrchr(path, '/');
		int length = name != NULL ? (int)(name - path) + 1 : 0;

		workload->missing[i] =
			talloc_asprintf(workload->missing, "%.*smissing-%06zu", length, path, i);
		if (workload->missing[i] == NULL) {
			return false;
		}
	}
	return workload->missing != NULL;
}

/* What walks go through, and that it is enough. */
static bool prepare_places(struct bench_workload *workload, const struct bench_mix *mix, char **why)
{
	const struct bench_tree *tree = workload->tree;
	size_t i = 0;

	workload->by_directory = true;
	for (i = 0; i < mix->num_shares; i++) {
		workload->by_directory = workload->by_directory && mix->shares[i].operation->lists;
	}
	workload->num_places = workload->by_directory ? tree->num_directories : tree->num_files;
	if (workload->traffic->cold && workload->num_places <= tree->num_users) {
		*why = talloc_asprintf(workload,
				       "cold, more directories than users are needed: %zu of %zu "
				       "files at most, for %zu users",
				       tree->num_directories,
				       tree->entries,
				       tree->num_users);
		return false;
	}
	return true;
}

struct bench_workload *bench_workload_open(TALLOC_CTX *mem_ctx,
					   const struct bench_tree *tree,
					   const struct bench_mix *mix,
					   const struct bench_traffic *traffic,
					   bool identity,
					   size_t depth,
					   char **why)
{
	struct bench_workload *workload = talloc_zero(mem_ctx, struct bench_workload);
	size_t i = 0;
	bool ok = false;

	*why = NULL;
	if (workload == NULL) {
		return NULL;
	}
	workload->tree = tree;
	workload->traffic = traffic;
	workload->parts = talloc_zero_array(workload, struct bench_part, mix->num_shares);
	if (workload->parts == NULL) {
		talloc_free(workload);
		return NULL;
	}
	talloc_set_destructor(workload, workload_destructor);
	ok = prepare_users(workload) && prepare_places(workload, mix, why);
	if (ok && traffic->missing_percent > 0) {
		ok = name_missing(workload);
	}
	for (i = 0; ok && i < mix->num_shares; i++) {
		ok = begin_part(workload, &mix->shares[i], identity, depth, why);
	}
	ok = ok && collect_descriptors(workload);
	if (!ok) {
		talloc_steal(mem_ctx, *why);
		bench_workload_close(workload);
		return NULL;
	}
	return workload;
}

/* The first whose share of all is not below a random one. */
static size_t zipf_user(struct bench_workload *workload)
{
	double wanted = bench_random_real(&workload->random);
	size_t low = 0;
	size_t high = workload->tree->num_users - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (workload->up_to_user[middle] > wanted) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return low;
}

static size_t next_user(struct bench_workload *workload)
{
	size_t num = workload->tree->num_users;

	switch (workload->traffic->users) {
	case BENCH_RANDOM:
		return bench_random_below(&workload->random, (uint32_t)num);
	case BENCH_ZIPF:
		return zipf_user(workload);
	case BENCH_IN_TURN:
		break;
	}
	return workload->asked % num;
}

/*
 * Each user walks through the files from a place of their own, as clients do that list one
 * directory at different times. Cold, all users share one walk.
 */
static size_t next_file(struct bench_workload *workload, size_t user)
{
	const struct bench_tree *tree = workload->tree;
	size_t place = workload->asked;

	if (!workload->traffic->cold) {
		place = user * workload->num_places / tree->num_users + workload->walked[user];
		place %= workload->num_places;
		workload->walked[user]++;
	}
	return workload->by_directory ? tree->directories[place].first_file : place;
}

static struct bench_part *next_part(struct bench_workload *workload)
{
	size_t last = workload->num_parts - 1;
	uint64_t wanted = 0;
	size_t i = 0;

	if (last == 0) {
		return workload->parts;
	}
	wanted = bench_random_below(&workload->random, (uint32_t)workload->parts[last].weights);
	while (workload->parts[i].weights <= wanted) {
		i++;
	}
	return &workload->parts[i];
}

static bool is_missing(struct bench_workload *workload)
{
	double percent = workload->traffic->missing_percent;

	return percent > 0 && bench_random_real(&workload->random) * 100 < percent;
}

bool bench_workload_ask(struct bench_workload *workload, struct bench_request *request)
{
	struct bench_part *part = NULL;

	if (workload->traffic->cold && workload->asked >= workload->num_places) {
		return false;
	}
	part = next_part(workload);
	request->user = next_user(workload);
	request->file = next_file(workload, request->user);
	request->missing = is_missing(workload);
	workload->asked++;
	part->asked++;

	request->part = part;
	request->kind = part->operation->kind;
	request->descriptor = 0;
	request->path = NULL;
	request->new_path = NULL;
	request->data = NULL;
	request->size = 0;
	request->length = 0;
	request->mode = 0;
	request->gid = 0;
	request->times = NULL;
	request->check = false;
	request->denied = false;
	part->operation->ask(part, request);
	request->descriptor += part->first_descriptor;
	return true;
}

bool bench_workload_verify(struct bench_workload *workload,
			   const struct bench_request *request,
			   const struct bench_answer *answer,
			   struct bench_complaint *complaint)
{
	struct bench_part *part = &workload->parts[workload->part_of[request->kind]];

	return part->operation->verify(part, request, answer, complaint);
}

void bench_entry(const struct bench_request *request,
		 const char *name,
		 const struct bench_answer *answer)
{
	request->part->operation->entry(request->part, request, name, answer);
}

bool bench_workload_next_wrong(struct bench_workload *workload,
			       size_t *index,
			       struct bench_complaint *complaint)
{
	for (; workload->checked_part < workload->num_parts; workload->checked_part++) {
		struct bench_part *part = &workload->parts[workload->checked_part];

		for (; *index < part->num_touched; (*index)++) {
			bool ok = true;

			if (part->touched[*index]) {
				part->touched[*index] = false;
				ok = part->operation->check(part, *index, complaint);
			}
			if (!ok) {
				return true;
			}
		}
		*index = 0;
	}
	return false;
}

bool bench_workload_close(struct bench_workload *workload)
{
	bool ok = true;
	size_t i = 0;

	for (i = 0; i < workload->num_parts; i++) {
		const struct bench_operation *operation = workload->parts[i].operation;

		if (operation->end != NULL) {
			ok = operation->end(&workload->parts[i]) && ok;
		}
	}
	talloc_free(workload);
	return ok;
}
