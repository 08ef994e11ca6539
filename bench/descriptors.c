/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts what can be open at a time: files or directories that requests go to, and what requests
 * open themselves.
 */
#include "descriptors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Of the process itself: libraries, epoll, the ring, the outputs. */
#define OTHERS 1024

/* A request has one, and of raw-uring three slots, which the kernel counts, too. */
#define AT_A_TIME 4

struct need {
	rlim_t least; /* without these the run can't be right */
	rlim_t most;  /* listings open as many entries as they are let */
};

static struct need need_of(const struct bench_options *options, const struct bench_mix *mix)
{
	const struct bench_tree_options *tree = &options->tree;
	size_t deepest = 1;
	size_t entries = 0;
	struct need need;
	size_t i = 0;

	for (i = 0; i < options->num_points; i++) {
		if (options->points[i].depth > deepest) {
			deepest = options->points[i].depth;
		}
	}
	need.least = (rlim_t)AT_A_TIME * deepest + OTHERS;
	for (i = 0; i < mix->num_shares; i++) {
		const struct bench_operation *operation = mix->shares[i].operation;

		if (operation->lists) {
			entries = bench_entries_at_a_time(deepest);
		}
		/* The files, or the users' directories and what is made in them. */
		if (!operation->by_path) {
			need.least += tree->num_files + tree->num_users + 2 * deepest;
		}
	}
	need.most = need.least + (rlim_t)AT_A_TIME * deepest * entries;
	return need;
}

static bool allow(const struct need *need)
{
	struct rlimit limit;
	struct rlimit raised;
	int ret = getrlimit(RLIMIT_NOFILE, &limit);

	if (ret != 0 || limit.rlim_cur >= need->most) {
		return ret == 0;
	}
	raised = (struct rlimit) { .rlim_cur = need->most, .rlim_max = need->most };
	if (limit.rlim_max > need->most) {
		raised.rlim_max = limit.rlim_max;
	}
	ret = setrlimit(RLIMIT_NOFILE, &raised);
	if (ret != 0 && limit.rlim_max >= need->least) {
		raised = (struct rlimit) { .rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max };
		ret = setrlimit(RLIMIT_NOFILE, &raised);
	}
	return ret == 0 || limit.rlim_cur >= need->least;
}

bool bench_descriptors_allow(const struct bench_options *options)
{
	struct need need = { .least = 0 };
	size_t i = 0;

	for (i = 0; i < options->num_mixes; i++) {
		const struct need of_mix = need_of(options, &options->mixes[i]);

		need.least = of_mix.least > need.least ? of_mix.least : need.least;
		need.most = of_mix.most > need.most ? of_mix.most : need.most;
	}
	if (!allow(&need)) {
		fprintf(stderr,
			"pathring-bench: so many files, users and requests at a time need a limit of %llu "
			"open files (ulimit -n): %s\n",
			(unsigned long long)need.least,
			strerror(errno));
		return false;
	}
	return true;
}
