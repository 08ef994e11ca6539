/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at an engine at three moments: just created, started, and idle again after some work. Time
 * is the median of many engines; memory, threads and descriptors are what the process has more than
 * before.
 */
#include "idle.h"

#include "pace.h"

#include <pathring.h>

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Odd, so that the median is one of them. */
#define NUM_SAMPLES 101

/* Openings of "/", each awaited. */
#define NUM_REQUESTS 1000

/* What the process has. */
struct footprint {
	size_t heap;  /* malloc's, talloc's included */
	size_t ring;  /* mapped from the kernel's rings, which is memory of the kernel */
	size_t other; /* all other mappings that files or the heap don't account for */
	size_t threads;
	size_t descriptors;
};

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry = NULL;
	size_t count = 0;

	if (dir == NULL) {
		return 0;
	}
	for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_name[0] != '.') {
			count++;
		}
	}
	closedir(dir);
	return count;
}

/* Lines are "FROM-TO FLAGS OFFSET DEVICE INODE NAME" (proc(5)). */
static void count_mappings(struct footprint *footprint)
{
	char *line = NULL;
	size_t size = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	if (maps == NULL) {
		return;
	}
	while (getline(&line, &size, maps) > 0) {
		unsigned long from = 0;
		unsigned long to = 0;
		int matched = sscanf(line, "%lx-%lx", &from, &to);
		const char *ring = strstr(line, "anon_inode:[io_uring]");

		if (matched == 2 && ring != NULL) {
			footprint->ring += to - from;
		} else if (matched == 2 && strchr(line, '/') == NULL && strchr(line, '[') == NULL) {
			footprint->other += to - from;
		}
	}
	free(line);
	fclose(maps);
}

static struct footprint look(void)
{
	struct footprint footprint = { .heap = 0 };
	struct mallinfo2 info = mallinfo2();

	footprint.heap = info.uordblks + info.hblkhd;
	count_mappings(&footprint);
	footprint.threads = count_entries("/proc/self/task");
	footprint.descriptors = count_entries("/proc/self/fd");
	return footprint;
}

static void print_row(FILE *file,
		      const char *moment,
		      double usec,
		      const struct pathring *ring,
		      const struct footprint *before)
{
	struct footprint now = look();
	size_t heap = now.heap - before->heap;
	size_t mapped = now.ring - before->ring;
	size_t other = now.other - before->other;

	fprintf(file,
		"  %-14s %10.1f %10zu %10zu %10zu %10zu %10zu %8ld %11ld\n",
		moment,
		usec,
		talloc_total_size(ring),
		heap,
		mapped,
		other,
		heap + mapped + other,
		(long)now.threads - (long)before->threads,
		(long)now.descriptors - (long)before->descriptors);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static double median_usec(uint64_t *samples)
{
	qsort(samples, NUM_SAMPLES, sizeof(samples[0]), compare_numbers);
	return (double)samples[NUM_SAMPLES / 2] / 1e3;
}

static int time_engines(struct tevent_context *ev,
			const struct pathring_options *options,
			double *create_usec,
			double *start_usec)
{
	uint64_t create_ns[NUM_SAMPLES];
	uint64_t start_ns[NUM_SAMPLES];
	size_t i = 0;

	for (i = 0; i < NUM_SAMPLES; i++) {
		struct pathring *ring = NULL;
		uint64_t begin = bench_now();
		uint64_t created = 0;
		int ret = pathring_create(ev, ev, options, &ring);

		created = bench_now();
		if (ret != 0) {
			return ret;
		}
		ret = pathring_start(ring);
		start_ns[i] = bench_now() - created;
		create_ns[i] = created - begin;
		talloc_free(ring);
		if (ret != 0) {
			return ret;
		}
	}
	*create_usec = median_usec(create_ns);
	*start_usec = median_usec(start_ns);
	return 0;
}

static void ignore_completion(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
}

/* Each awaited, so that what it took is the engine's and not a queue's. */
static int work(struct pathring *ring)
{
	const struct pathring_how how = { .flags = O_PATH | O_DIRECTORY };
	size_t i = 0;
	int ret = 0;

	for (i = 0; ret == 0 && i < NUM_REQUESTS; i++) {
		struct pathring_request *request = NULL;

		ret = pathring_openat_request(ring,
					      pathring_identity_process(ring),
					      NULL,
					      "/",
					      &how,
					      ignore_completion,
					      NULL,
					      &request);
		if (ret == 0) {
			ret = pathring_request_wait(request);
			pathring_request_free(request);
		}
	}
	return ret;
}

static int show_rows(struct tevent_context *ev, const struct pathring_options *options, FILE *file)
{
	struct pathring *ring = NULL;
	struct footprint before;
	double create_usec = 0;
	double start_usec = 0;
	uint64_t begin = 0;
	int ret = 0;

	/* First, so that what the C library keeps for good is there before anything is counted. */
	ret = time_engines(ev, options, &create_usec, &start_usec);
	if (ret != 0) {
		return ret;
	}
	before = look();
	ret = pathring_create(ev, ev, options, &ring);
	if (ret != 0) {
		return ret;
	}
	fprintf(file,
		"an idle engine; times in microseconds (medians of %d), memory in bytes\n"
		"\n  %-14s %10s %10s %10s %10s %10s %10s %8s %11s\n",
		NUM_SAMPLES,
		"",
		"took",
		"talloc",
		"heap",
		"ring",
		"mapped",
		"memory",
		"threads",
		"descriptors");
	print_row(file, "created", create_usec, ring, &before);
	ret = pathring_start(ring);
	if (ret != 0) {
		goto done;
	}
	print_row(file, "started", start_usec, ring, &before);
	begin = bench_now();
	ret = work(ring);
	if (ret == 0) {
		double usec = (double)(bench_now() - begin) / 1e3 / NUM_REQUESTS;

		print_row(file, "after work", usec, ring, &before);
		fprintf(file,
			"\nbackend: %s. After work: after %d openings of a directory, each awaited; took is for one.\n"
			"heap: of malloc, talloc included; ring: memory that the kernel shares; memory: heap, ring and mapped.\n",
			pathring_backend_name(pathring_backend(ring)),
			NUM_REQUESTS);
	}
done:
	talloc_free(ring);
	return ret;
}

bool bench_idle_show(FILE *file)
{
	const struct pathring_options options = { .max_workers = 0 };
	struct tevent_context *ev = tevent_context_init(NULL);
	int ret = -ENOMEM;

	if (ev != NULL) {
		ret = show_rows(ev, &options, file);
		talloc_free(ev);
	}
	if (ret != 0) {
		fprintf(stderr, "pathring-bench: idle: %s\n", strerror(-ret));
	}
	return ret == 0;
}
