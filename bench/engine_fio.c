/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine `fio`: the numbers of fio's ioengine filestat beside ours, so that a reader who knows fio
 * can tell whether to believe this program. fio asks for the attributes of a name with its own
 * loop, clock and histogram; it takes no requests, so it is run for a whole round, in the tree.
 *
 * stat_type=lstat, because it is what a statx of a name costs: one system call on a name below the
 * working directory. fio's stat_type=statx resolves the name first (realpath(), one readlink for
 * each directory on the way), and counts that.
 *
 * Compare latency. fio's operations per second are those of its loop, which does more between two
 * operations than ours; its CPU time is that of the thread that makes them.
 */
#include "engine.h"

#include "pace.h"
#include "programs.h"
#include "load.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000ULL

/* Besides the round: fio looks at every file three times before it begins. */
#define SECONDS_TO_BEGIN 60
#define FILES_PER_SECOND 10

#define MAX_OUTPUT (16 * 1024 * 1024)

struct fio_child {
	pid_t pid;
	int output_fd; /* what it says, on stdout and stderr */
	char *output;
	size_t length;
};

static const char *fio_absent(void)
{
	return bench_has_program("fio") ? NULL : "fio is not installed (Debian: fio)";
}

static const char *fio_lacks(enum bench_kind kind)
{
	return kind == BENCH_STAT ? NULL
				  : "fio's filestat asks for nothing but attributes of names";
}

/*
 * It reads attributes and nothing else: fio would write a file that is smaller than it wants, and
 * remove it before, but for --readonly, and also for --create_on_open and --allow_file_create.
 */
static int spawn(struct fio_child *child, int dir_fd, uint64_t duration_ns)
{
	char runtime[48];
	const char *const arguments[] = {
		"fio",
		"--readonly",
		"--output-format=json+",
		"--eta=never",
		"--name=stat",
		"--ioengine=filestat",
		"--stat_type=lstat",
		"--thread=1",
		"--rw=read",
		"--opendir=.",
		"--filesize=1",
		"--bs=1",
		"--create_on_open=1",
		"--allow_file_create=0",
		"--fadvise_hint=0",
		"--invalidate=0",
		"--clocksource=clock_gettime",
		"--time_based=1",
		runtime,
		NULL,
	};
	posix_spawn_file_actions_t actions;
	int fds[2] = { -1, -1 };
	int ret = 0;

	snprintf(runtime,
		 sizeof(runtime),
		 "--runtime=%lluus",
		 (unsigned long long)(duration_ns / 1000));
	ret = pipe2(fds, O_CLOEXEC);
	if (ret == -1) {
		return -errno;
	}
	ret = posix_spawn_file_actions_init(&actions);
	if (ret != 0) {
		close(fds[0]);
		close(fds[1]);
		return -ret;
	}
	if ((ret = posix_spawn_file_actions_addopen(
		     &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) == 0 &&
	    (ret = posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO)) == 0 &&
	    (ret = posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO)) == 0 &&
	    (ret = posix_spawn_file_actions_addfchdir_np(&actions, dir_fd)) == 0) {
		ret = posix_spawnp(
			&child->pid, "fio", &actions, NULL, (char *const *)arguments, environ);
	}
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (ret != 0) {
		close(fds[0]);
		return -ret;
	}
	child->output_fd = fds[0];
	return 0;
}

/* What it says now. False: that was all, or the outcome is in *error. */
static bool take_output(TALLOC_CTX *mem_ctx, struct fio_child *child, int *error)
{
	ssize_t length = 0;

	if (talloc_get_size(child->output) - child->length < 4096) {
		size_t size = child->length * 2 + 65536;

		child->output = talloc_realloc(mem_ctx, child->output, char, size);
	}
	if (child->output == NULL || child->length > MAX_OUTPUT) {
		*error = -ENOMEM;
		return false;
	}
	length = read(child->output_fd, child->output + child->length, 4096 - 1);
	if (length == -1) {
		*error = errno == EINTR ? 0 : -errno;
		return errno == EINTR;
	}
	child->length += (size_t)length;
	child->output[child->length] = '\0';
	return length > 0;
}

/* Until it has ended. It is killed when it takes too long, or this program is to end. */
static int await(TALLOC_CTX *mem_ctx, struct fio_child *child, uint64_t until_ns)
{
	int error = 0;
	int status = 0;
	bool more = true;

	while (more) {
		struct pollfd pollfd = { .fd = child->output_fd, .events = POLLIN };
		int ret = poll(&pollfd, 1, 100);

		if (bench_signal_caught() != 0) {
			error = -EINTR;
			break;
		}
		if (ret > 0) {
			more = take_output(mem_ctx, child, &error);
		} else if (bench_now() > until_ns) {
			error = -ETIMEDOUT;
			break;
		}
	}
	if (error != 0) {
		kill(child->pid, SIGKILL);
	}
	close(child->output_fd);
	while (waitpid(child->pid, &status, 0) == -1 && errno == EINTR) {
	}
	if (error == 0 && bench_signal_caught() != 0) {
		error = -EINTR;
	}
	return error;
}

/* The last line that it said before the document, or at all. */
static char *complaint_of(TALLOC_CTX *mem_ctx, struct fio_child *child, const char *document)
{
	char *end = child->output;
	char *begin = NULL;

	if (end != NULL) {
		end += document != NULL ? (size_t)(document - child->output) : child->length;
		while (end > child->output && end[-1] == '\n') {
			end--;
		}
	}
	if (end == child->output) {
		return talloc_strdup(mem_ctx, "fio failed and says nothing");
	}
	*end = '\0';
	begin = strrchr(child->output, '\n');
	return talloc_strdup(mem_ctx, begin != NULL ? begin + 1 : child->output);
}

/* Its buckets are as wide as half a dozen of ours; their names are their middles. */
static void take_histogram(struct bench_histogram *histogram, json_t *clat)
{
	json_t *bins = json_object_get(clat, "bins");
	double mean = json_number_value(json_object_get(clat, "mean"));
	const char *middle = NULL;
	json_t *count = NULL;

	json_object_foreach(bins, middle, count)
	{
		bench_histogram_add_many(
			histogram, strtoull(middle, NULL, 10), (uint64_t)json_integer_value(count));
	}
	/* fio knows these exactly. */
	histogram->min = (uint64_t)json_number_value(json_object_get(clat, "min"));
	histogram->max = (uint64_t)json_number_value(json_object_get(clat, "max"));
	histogram->sum = (uint64_t)(mean * (double)histogram->count);
}

static void take_figures(struct bench_round *round, json_t *job)
{
	json_t *reads = json_object_get(job, "read");
	double percent = json_number_value(json_object_get(job, "usr_cpu")) +
			 json_number_value(json_object_get(job, "sys_cpu"));
	double job_ms = json_number_value(json_object_get(job, "job_runtime"));

	take_histogram(&round->times[BENCH_LATENCY], json_object_get(reads, "clat_ns"));
	round->ops = round->times[BENCH_LATENCY].count;
	round->elapsed_ns = (uint64_t)(json_number_value(json_object_get(reads, "runtime")) * 1e6);
	round->cpu_ns = (uint64_t)(percent / 100 * job_ms * 1e6);
	round->context_switches = (uint64_t)json_integer_value(json_object_get(job, "ctx"));
	round->account.placed[BENCH_INLINE] = round->ops;
}

/* The document begins at the first line that does with a brace; before it fio may say something. */
static const char *document_in(const struct fio_child *child)
{
	const char *document = child->output;

	while (document != NULL && *document != '{') {
		document = strchr(document, '\n');
		document = document != NULL ? document + 1 : NULL;
	}
	return document;
}

static bool fio_run(TALLOC_CTX *mem_ctx,
		    const struct bench_tree *tree,
		    const struct bench_plan *plan,
		    struct bench_round *round,
		    char **why)
{
	struct fio_child child = { .output_fd = -1 };
	uint64_t until_ns =
		bench_now() + plan->duration_ns +
		NS_PER_SECOND * (SECONDS_TO_BEGIN + (uint64_t)tree->num_files / FILES_PER_SECOND);
	const char *text = NULL;
	json_t *document = NULL;
	json_t *job = NULL;
	int ret = 0;
	bool ok = false;

	ret = spawn(&child, tree->dir_fd, plan->duration_ns);
	if (ret == 0) {
		ret = await(mem_ctx, &child, until_ns);
	}
	if (ret != 0) {
		*why = talloc_strdup(mem_ctx, strerror(-ret));
		return false;
	}
	text = document_in(&child);
	if (text != NULL) {
		document = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	}
	job = json_array_get(json_object_get(document, "jobs"), 0);
	if (job == NULL || json_integer_value(json_object_get(job, "error")) != 0) {
		*why = complaint_of(mem_ctx, &child, text);
	} else {
		take_figures(round, job);
		ok = round->ops > 0 && round->elapsed_ns > 0;
		if (!ok) {
			*why = talloc_strdup(mem_ctx,
					     "fio has measured nothing in so short a time");
		}
	}
	json_decref(document);
	return ok;
}

const struct bench_engine bench_engine_fio = {
	.name = "fio",
	.summary = "fio's filestat, in a process of its own, no identity",
	.identity = false,
	.concurrent = false,
	.uncounted = true,
	.absent = fio_absent,
	.lacks = fio_lacks,
	.run = fio_run,
};
