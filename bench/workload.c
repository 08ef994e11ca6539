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

	for (i = 0; i < workload->num_fds; i++) {
		close(workload->fds[i]);
	}
	return 0;
}

struct bench_workload *bench_workload_open(TALLOC_CTX *mem_ctx,
					   const struct bench_tree *tree,
					   const struct bench_operation *operation,
					   bool identity,
					   size_t depth,
					   bool cold,
					   char **why)
{
	struct bench_workload *workload = talloc_zero(mem_ctx, struct bench_workload);
	bool ok = false;

	*why = NULL;
	if (workload == NULL) {
		return NULL;
	}
	workload->tree = tree;
	workload->operation = operation;
	workload->identity = identity && !tree->self;
	workload->cold = cold;
	workload->num_own = depth;
	workload->work_fd = -1;
	workload->own = talloc_zero_array(workload, struct bench_own, depth);
	workload->num_touched = tree->num_files > depth ? tree->num_files : depth;
	workload->touched = talloc_zero_array(workload, bool, workload->num_touched);
	talloc_set_destructor(workload, workload_destructor);
	if (workload->own == NULL || workload->touched == NULL) {
		talloc_free(workload);
		return NULL;
	}

	ok = operation->begin(workload, why);
	if (!ok) {
		talloc_steal(mem_ctx, *why);
		bench_workload_close(workload);
		return NULL;
	}
	return workload;
}

bool bench_workload_open_files(struct bench_workload *workload, int flags, char **why)
{
	const struct bench_tree *tree = workload->tree;
	size_t i = 0;

	workload->fds = talloc_array(workload, int, tree->num_files);
	if (workload->fds == NULL) {
		return false;
	}
	for (i = 0; i < tree->num_files; i++) {
		int fd = openat(tree->dir_fd, tree->files[i].path, flags | O_NOFOLLOW | O_CLOEXEC);

		if (fd == -1) {
			*why = talloc_asprintf(workload,
					       "cannot open %s: %s",
					       tree->files[i].path,
					       strerror(errno));
			return false;
		}
		workload->fds[i] = fd;
		workload->num_fds++;
	}
	return true;
}

/*
 * Users in turn, so that no two neighbours are the same, and each walks through the files from a
 * place of their own, as clients do that list one directory at different times. Cold, all users
 * share one walk.
 */
bool bench_workload_ask(struct bench_workload *workload, struct bench_request *request)
{
	const struct bench_tree *tree = workload->tree;
	uint64_t asked = workload->asked;

	if (workload->cold && asked >= tree->num_files) {
		return false;
	}
	request->user = (size_t)(asked % tree->num_users);
	if (workload->cold) {
		request->file = (size_t)asked;
	} else {
		request->file = (size_t)((asked / tree->num_users +
					  request->user * tree->num_files / tree->num_users) %
					 tree->num_files);
	}
	workload->asked++;

	request->fd = 0;
	request->path = NULL;
	request->new_path = NULL;
	request->data = NULL;
	request->size = 0;
	request->check = false;
	request->denied = false;
	workload->operation->ask(workload, request);
	return true;
}

bool bench_workload_verify(struct bench_workload *workload,
			   const struct bench_request *request,
			   const struct bench_answer *answer,
			   struct bench_complaint *complaint)
{
	return workload->operation->verify(workload, request, answer, complaint);
}

bool bench_workload_next_wrong(struct bench_workload *workload,
			       size_t *index,
			       struct bench_complaint *complaint)
{
	for (; *index < workload->num_touched; (*index)++) {
		bool ok = false;

		if (!workload->touched[*index]) {
			continue;
		}
		workload->touched[*index] = false;
		ok = workload->operation->check(workload, *index, complaint);
		if (!ok) {
			return true;
		}
	}
	return false;
}

bool bench_workload_close(struct bench_workload *workload)
{
	bool ok = true;

	if (workload->operation->end != NULL) {
		ok = workload->operation->end(workload);
	}
	talloc_free(workload);
	return ok;
}
