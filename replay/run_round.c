/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A round: an engine, the identities of the users, room for the requests that are admitted, and
 * what clients leave open at the end. Everything is allocated here, nothing for each request
 * (run.c).
 */
#include "run.h"

#include "content.h"
#include "operate.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Requests that are admitted and wait for others, for each that may be made at a time. */
#define WAITING_PER_DEPTH 16
#define MIN_WINDOW 4096
#define MIN_WINDOW_OF_CLIENT 16

#define NSEC_PER_SEC 1000000000ULL

static uint64_t cpu_now(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NSEC_PER_SEC +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static void woken(struct tevent_context *ev, struct tevent_fd *fde, uint16_t flags, void *data)
{
	(void)ev;
	(void)fde;
	(void)flags;
	(void)data;
}

/*
 * Where opens and looks are answered from memory or a disk of this machine, and do not wait for a
 * server. The engine judges by the same question (engine/mounts.c).
 */
static void judge_file_system(struct replay_run *run, int fd)
{
	static const unsigned long local[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,  BTRFS_SUPER_MAGIC,
		TMPFS_MAGIC,	  F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC,
	};
	struct statfs buffer;
	size_t i = 0;

	if (fstatfs(fd, &buffer) == -1) {
		return;
	}
	for (i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		if ((unsigned long)buffer.f_type == local[i]) {
			run->here = run->engine->here;
		}
	}
	run->in_memory = (unsigned long)buffer.f_type == TMPFS_MAGIC;
}

static void log_refusal(void *private_data, enum pathring_log_level level, const char *message)
{
	(void)private_data;

	if (level != PATHRING_LOG_INFO) {
		fprintf(stderr, "pathring-replay: pathring: %s\n", message);
	}
}

static int make_identities(struct replay_run *run)
{
	const struct replay_plan *plan = run->plan;
	size_t i = 0;

	run->ready = talloc_zero_array(run, struct replay_ready, plan->num_users + 1);
	if (run->ready == NULL) {
		return -ENOMEM;
	}
	for (i = 0; i < plan->num_users; i++) {
		const struct replay_user *user = &plan->users[i];
		int ret = 0;

		if (run->options->self) {
			run->ready[i].identity = pathring_identity_process(run->ring);
			continue;
		}
		ret = pathring_identity_unix(run->ring,
					     run->ready,
					     user->uid,
					     user->gid,
					     user->groups,
					     user->num_groups,
					     &run->ready[i].identity);
		if (ret < 0) {
			return ret;
		}
	}
	return 0;
}

static bool make_clients(struct replay_run *run, const int *roots)
{
	size_t num = run->options->clients;
	size_t i = 0;

	run->clients = talloc_zero_array(run, struct replay_client, num);
	if (run->clients == NULL) {
		return false;
	}
	for (i = 0; i < num; i++) {
		struct replay_client *client = &run->clients[i];

		client->run = run;
		client->root = (struct replay_fd) { .fd = roots[i], .io = true };
		client->files =
			talloc_zero_array(run, struct replay_open *, run->plan->num_files + 1);
		if (client->files == NULL) {
			return false;
		}
	}
	return true;
}

static bool make_actions(struct replay_run *run)
{
	size_t num = run->options->depth * WAITING_PER_DEPTH;
	size_t i = 0;

	if (num < MIN_WINDOW) {
		num = MIN_WINDOW;
	}
	if (num < run->options->clients * MIN_WINDOW_OF_CLIENT) {
		num = run->options->clients * MIN_WINDOW_OF_CLIENT;
	}
	run->window = num / run->options->clients;
	run->actions = talloc_array(run, struct replay_action, num);
	if (run->actions == NULL) {
		return false;
	}
	for (i = num; i > 0; i--) {
		replay_run_give_action(run, &run->actions[i - 1]);
	}
	return true;
}

static int run_destructor(struct replay_run *run)
{
	size_t i = 0;
	size_t file = 0;

	/* What clients left open. */
	for (i = 0; run->clients != NULL && i < run->options->clients; i++) {
		struct replay_client *client = &run->clients[i];

		for (file = 0; client->files != NULL && file < run->plan->num_files; file++) {
			if (client->files[file] != NULL) {
				replay_drop(&client->files[file]->fd);
			}
		}
		TALLOC_FREE(client->root.handle);
	}
	TALLOC_FREE(run->ring);
	if (run->timer_fd != -1) {
		close(run->timer_fd);
	}
	return 0;
}

/* What went wrong, or NULL. */
static const char *prepare(struct replay_run *run, const int *roots)
{
	struct pathring_options options = {
		.backend = run->engine->backend,
		.log_fn = log_refusal,
	};
	int ret = 0;

	run->ev = tevent_context_init(run);
	run->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	run->scratch = talloc_array(run, uint8_t, run->plan->max_transfer + 1);
	run->content = replay_content_make(run, run->plan->max_transfer);
	if (run->ev == NULL || run->timer_fd == -1 || run->scratch == NULL ||
	    run->content == NULL || !make_clients(run, roots) || !make_actions(run) ||
	    !replay_order_prepare(run) ||
	    tevent_add_fd(run->ev, run, run->timer_fd, TEVENT_FD_READ, woken, NULL) == NULL) {
		return "out of memory, or of descriptors";
	}
	ret = pathring_create(run, run->ev, &options, &run->ring);
	if (ret == 0) {
		ret = pathring_start(run->ring);
	}
	if (ret == 0) {
		ret = make_identities(run);
	}
	return ret < 0 ? strerror(-ret) : NULL;
}

bool replay_run_round(const struct replay_plan *plan,
		      const struct replay_run_options *options,
		      const struct replay_engine *engine,
		      const int *roots,
		      struct replay_results *results,
		      struct replay_progress *progress,
		      struct replay_times *times)
{
	struct replay_run *run = talloc_zero(NULL, struct replay_run);
	struct pathring_stats stats;
	const char *wrong = "out of memory";
	uint64_t cpu = 0;
	bool ok = false;

	if (run != NULL) {
		run->plan = plan;
		run->options = options;
		run->engine = engine;
		run->results = results;
		run->progress = progress;
		run->timer_fd = -1;
		judge_file_system(run, roots[0]);
		talloc_set_destructor(run, run_destructor);
		wrong = prepare(run, roots);
	}
	if (wrong != NULL) {
		fprintf(stderr, "pathring-replay: engine %s cannot run: %s\n", engine->name, wrong);
		talloc_free(run);
		return false;
	}
	cpu = cpu_now();
	run->began = replay_now() - times->wall_ns;
	ok = plan->num_items == 0 || replay_run_all(run);
	times->wall_ns = replay_now() - run->began;
	times->cpu_ns += cpu_now() - cpu;
	pathring_stats(run->ring, &stats);
	replay_results_set_engine(
		results, pathring_backend_name(pathring_backend(run->ring)), &stats);
	if (!ok) {
		fprintf(stderr, "pathring-replay: the event loop failed\n");
	}
	talloc_free(run);
	return ok;
}
