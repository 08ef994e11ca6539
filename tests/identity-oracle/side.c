/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pathring's side. Handles and identities are freed here as early as the API
 * allows, and descriptor numbers are used again at once: what the engine holds
 * too briefly becomes another's.
 */
#include "side.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "operations.h"

/* Rounds until the engine is made anew, with other options. */
#define ENGINE_ROUNDS 24
#define ROUND_SECONDS 120
#define MAX_TRIES 10000
/* The umask of this process: it must not shape any mode. */
#define UMASK 077
#define MAX_PROCESS_GROUPS 65536

struct side {
	struct tevent_context *ev;
	struct pathring *ring;
	struct pathring_options options;
	struct pathring_identity **identities;
	struct pathring_handle *gone; /* what a retry has no handle for */
	size_t pending;
	size_t descriptors; /* before the engine was made */
	unsigned int rounds;
	bool late;
	char directory[TREE_SPACE];
	uid_t uid;
	gid_t gid;
	int num_groups;
};

/* ---- engine ---- */

static struct pathring_identity *make_identity(struct oracle *oracle, const struct who *who)
{
	struct side *side = oracle->side;
	struct pathring_identity *identity = NULL;
	gid_t groups[MAX_GROUPS + 1];
	size_t count = who->num_groups;
	size_t i;
	int ret;

	if (who->process) {
		ret = pathring_identity_current(side->ring, side->ring, &identity);
		return ret == 0 ? identity : NULL;
	}
	/* The same set, in another order and with one of them twice. */
	for (i = 0; i < count; i++) {
		groups[i] = who->groups[count - 1 - i];
	}
	if (count > 0) {
		groups[count] = groups[0];
		count++;
	}
	ret = pathring_identity_unix(
		side->ring, side->ring, who->uid, who->gid, groups, count, &identity);
	return ret == 0 ? identity : NULL;
}

static void draw_options(struct oracle *oracle)
{
	static const unsigned int entries[] = { 0, 0, 16, 64, 1024 };
	static const unsigned int personalities[] = { 0, 0, 2, 8, 40 };
	static const enum pathring_pin pins[] = {
		PATHRING_PIN_LEARNED, PATHRING_PIN_LEARNED, PATHRING_PIN_LEARNED,
		PATHRING_PIN_INLINE,  PATHRING_PIN_RING,    PATHRING_PIN_THREAD,
	};
	struct dice *dice = &oracle->dice;

	oracle->side->options = (struct pathring_options) {
		.backend = oracle->backend,
		.entries = DICE_PICK(dice, entries),
		.max_personalities = DICE_PICK(dice, personalities),
		.max_threads = dice_percent(dice, 50) ? 0 : 1 + dice_below(dice, 8),
		.max_workers = dice_percent(dice, 70) ? 0 : 1 + dice_below(dice, 16),
		.pin = DICE_PICK(dice, pins),
		.without_o_path = dice_percent(dice, 20),
	};
	oracle->walks = oracle->side->options.without_o_path;
}

void side_print(FILE *file, const struct oracle *oracle)
{
	static const char *const pins[] = { "learned", "inline", "ring", "thread" };
	const struct pathring_options *options = &oracle->side->options;

	fprintf(file,
		"backend %s, entries %u, max_personalities %u, max_threads %u, "
		"max_workers %u, "
		"pin %s%s (0: default)\n",
		pathring_backend_name(oracle->backend),
		options->entries,
		options->max_personalities,
		options->max_threads,
		options->max_workers,
		pins[options->pin],
		options->without_o_path ? ", without O_PATH" : "");
}

static bool is_in_slot(const struct oracle *oracle, int fd)
{
	size_t i;

	for (i = 0; i < oracle->num_cells * CELL_SLOTS; i++) {
		const struct slot *slot = &oracle->cells[i / CELL_SLOTS].slots[i % CELL_SLOTS];

		if (slot->handle != NULL && pathring_handle_pathref_fd(slot->handle) == fd) {
			return true;
		}
	}
	return false;
}

/* Descriptors that are open, beside those of handles in slots. */
static size_t count_descriptors(const struct oracle *oracle, bool say)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry = NULL;
	char target[PATH_MAX];
	size_t count = 0;
	size_t i;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		count++;
		if (say && !is_in_slot(oracle, atoi(entry->d_name))) {
			ssize_t length =
				readlinkat(dirfd(directory), entry->d_name, target, sizeof(target));

			fprintf(stderr,
				"oracle: open: %s %.*s\n",
				entry->d_name,
				length > 0 ? (int)length : 0,
				target);
		}
	}
	if (directory != NULL) {
		closedir(directory);
	}
	for (i = 0; i < oracle->num_cells * CELL_SLOTS; i++) {
		count -= oracle->cells[i / CELL_SLOTS].slots[i % CELL_SLOTS].handle != NULL;
	}
	return count;
}

static int stop_engine(struct oracle *oracle, const char **reason)
{
	struct side *side = oracle->side;
	size_t count;

	TALLOC_FREE(side->ring);
	count = count_descriptors(oracle, false);
	if (count != side->descriptors) {
		count_descriptors(oracle, true);
		fprintf(stderr,
			"oracle: %zu descriptors before, %zu after: ",
			side->descriptors,
			count);
		side_print(stderr, oracle);
		*reason = "an engine has left descriptors open";
		return -EMFILE;
	}
	return 0;
}

static int start_engine(struct oracle *oracle, const char **reason)
{
	struct side *side = oracle->side;
	size_t i;
	int ret;

	side->descriptors = count_descriptors(oracle, false);
	draw_options(oracle);
	ret = pathring_create(side, side->ev, &side->options, &side->ring);
	if (ret < 0) {
		*reason = "pathring_create";
		return ret;
	}
	ret = pathring_start(side->ring);
	if (ret < 0) {
		*reason = "pathring_start: the backend is refused here";
		return ret;
	}
	for (i = 0; i < oracle->num_whos; i++) {
		side->identities[i] = make_identity(oracle, &oracle->whos[i]);
		if (side->identities[i] == NULL) {
			*reason = "pathring_identity_*";
			return -ENOMEM;
		}
	}
	side->rounds = 0;
	if (oracle->options->progress) {
		fprintf(stderr, "oracle: ");
		side_print(stderr, oracle);
	}
	return 0;
}

int side_start(struct oracle *oracle, const char **reason)
{
	struct side *side = NULL;
	char *directory = NULL;

	side = talloc_zero(oracle->handles, struct side);
	oracle->side = side;
	*reason = "out of memory";
	if (side == NULL) {
		return -ENOMEM;
	}
	side->ev = tevent_context_init(side);
	side->identities = talloc_zero_array(side, struct pathring_identity *, oracle->num_whos);
	oracle->flights = talloc_zero_array(side, struct flight, oracle->num_cells * CELL_CALLS);
	if (side->ev == NULL || side->identities == NULL || oracle->flights == NULL) {
		return -ENOMEM;
	}
	directory = getcwd(side->directory, sizeof(side->directory));
	if (directory == NULL) {
		*reason = "getcwd";
		return -errno;
	}
	side->uid = geteuid();
	side->gid = getegid();
	side->num_groups = getgroups(0, NULL);
	umask(UMASK);
	return start_engine(oracle, reason);
}

int side_stop(struct oracle *oracle, const char **reason)
{
	struct side *side = oracle->side;
	size_t i;
	size_t j;
	int ret = 0;

	for (i = 0; oracle->cells != NULL && i < oracle->num_cells; i++) {
		for (j = 0; j < CELL_SLOTS; j++) {
			TALLOC_FREE(oracle->cells[i].slots[j].handle);
		}
	}
	if (side != NULL && side->ring != NULL) {
		ret = stop_engine(oracle, reason);
	}
	TALLOC_FREE(oracle->side);
	oracle->flights = NULL;
	return ret;
}

/* ---- calls ---- */

static void make_request(struct flight *flight);

/* What a directory was renamed under is tried again: it is nobody's mistake. */
static bool must_retry(struct flight *flight)
{
	const struct operation *operation = operations[flight->call->operation];

	return flight->outcome.result == -EAGAIN && flight->tries < MAX_TRIES &&
	       (operation == &operation_openat || operation == &operation_lookup ||
		operation == &operation_lookups);
}

static void finish(struct flight *flight)
{
	if (flight->own_fds) {
		close(flight->fd);
		close(flight->fd2);
	}
	flight->oracle->side->pending--;
}

/* In its slot, if it has one. */
static void keep_opened(struct flight *flight)
{
	const struct call *call = flight->call;

	if (call->into >= 0 && flight->opened != NULL) {
		flight->oracle->cells[call->cell].slots[call->into] = (struct slot) {
			.handle = flight->opened,
			.flags = call->flags,
			.place = call->hint_place,
		};
	} else {
		TALLOC_FREE(flight->opened);
	}
}

static void completed(struct pathring_request *request, void *private_data)
{
	struct flight *flight = private_data;

	operations[flight->call->operation]->result(flight);
	pathring_request_free(request);
	flight->request = NULL;
	if (must_retry(flight)) {
		flight->tries++;
		make_request(flight);
		return;
	}
	keep_opened(flight);
	finish(flight);
}

/* For this one request. */
static struct pathring_handle *transient_handle(struct flight *flight,
						struct pathring_handle *handle)
{
	int fd = pathring_handle_io_fd(handle);
	enum pathring_handle_kind kind = fd >= 0 ? PATHRING_IO : PATHRING_PATHREF;
	struct pathring_handle *transient = NULL;
	int ret;

	fd = pathring_handle_pathref_fd(handle);
	if (flight->call->borrowed) {
		ret = pathring_handle_borrow(flight->oracle->handles, fd, kind, &transient);
	} else {
		ret = pathring_handle_dup(flight->oracle->handles, fd, kind, &transient);
	}
	return ret == 0 ? transient : NULL;
}

static void make_request(struct flight *flight)
{
	const struct call *call = flight->call;
	struct oracle *oracle = (struct oracle *)(uintptr_t)flight->oracle;
	struct cell *cell = &oracle->cells[call->cell];
	struct pathring_identity *fresh = NULL;
	struct pathring_handle *transient = NULL;
	const struct operation *operation = operations[call->operation];
	int ret = 0;

	flight->handle = call->slot >= 0 ? cell->slots[call->slot].handle : NULL;
	flight->handle2 = call->slot2 >= 0 ? cell->slots[call->slot2].handle : NULL;
	flight->identity = oracle->side->identities[call->who];
	if (call->transient && flight->handle != NULL) {
		transient = transient_handle(flight, flight->handle);
		flight->handle = transient;
	}
	if (call->fresh_who) {
		fresh = make_identity(oracle, &oracle->whos[call->who]);
		flight->identity = fresh;
	}
	if (operation->local != NULL) {
		operation->local(flight);
		keep_opened(flight);
		finish(flight);
	} else if (operation->start != NULL) {
		ret = operation->start(flight);
	} else {
		ret = operation->request(flight, completed);
	}
	talloc_free(transient);
	talloc_free(fresh);
	if (ret < 0) {
		outcome_begin(&flight->outcome, ret);
		flight->request = NULL;
		finish(flight);
	}
}

static void begin_call(struct oracle *oracle, size_t index)
{
	const struct call *call = &oracle->calls[index];
	struct cell *cell = &oracle->cells[call->cell];
	struct flight *flight = &oracle->flights[index];
	struct slot *slot = call->slot >= 0 ? &cell->slots[call->slot] : NULL;
	const struct slot *slot2 = call->slot2 >= 0 ? &cell->slots[call->slot2] : NULL;
	bool closes = operations[call->operation] == &operation_close;

	*flight = (struct flight) {
		.call = call,
		.cell = cell,
		.oracle = oracle,
		.ev = oracle->side->ev,
		.ring = oracle->side->ring,
		.finish = finish,
		.fd = -1,
		.fd2 = -1,
	};
	oracle->side->pending++;
	if (call->changes && slot != NULL && !closes) {
		flight->fd = pathring_handle_pathref_fd(slot->handle);
		flight->fd2 = slot2 != NULL ? pathring_handle_pathref_fd(slot2->handle) : -1;
		if (call->ends) {
			flight->fd = dup(flight->fd);
			flight->fd2 = dup(flight->fd2);
			flight->own_fds = true;
		}
	}
	make_request(flight);
	if (closes) {
		slot->handle = NULL;
	}
	if (call->drop) {
		TALLOC_FREE(slot->handle);
	}
	if (call->waited && flight->request != NULL) {
		int ret = pathring_request_wait(flight->request);

		if (ret == 0) {
			completed(flight->request, flight);
		}
	}
}

static void abandon_calls(struct oracle *oracle)
{
	size_t i;

	for (i = 0; i < oracle->num_calls; i++) {
		struct flight *flight = &oracle->flights[i];

		if (oracle->calls[i].abandoned && flight->request != NULL) {
			pathring_request_free(flight->request);
			finish(flight);
		}
	}
}

/* ---- rounds ---- */

static void too_late(struct tevent_context *ev,
		     struct tevent_timer *timer,
		     struct timeval now,
		     void *private_data)
{
	struct side *side = private_data;

	(void)ev;
	(void)timer;
	(void)now;
	side->late = true;
}

static int wait_for_calls(struct oracle *oracle, const char **reason)
{
	struct side *side = oracle->side;
	struct tevent_timer *timer = NULL;

	side->late = false;
	timer = tevent_add_timer(
		side->ev, side, tevent_timeval_current_ofs(ROUND_SECONDS, 0), too_late, side);
	if (timer == NULL) {
		*reason = "out of memory";
		return -ENOMEM;
	}
	while (side->pending > 0 && !side->late) {
		int ret = tevent_loop_once(side->ev);

		if (ret != 0) {
			*reason = "tevent_loop_once";
			return -EIO;
		}
	}
	if (side->late) {
		*reason = "requests of pathring's don't complete";
		return -ETIMEDOUT;
	}
	talloc_free(timer);
	return 0;
}

/* The caller's credentials, umask and directory are what they were. */
static int check_caller(const struct oracle *oracle, const char **reason)
{
	const struct side *side = oracle->side;
	char directory[TREE_SPACE];
	const char *found = getcwd(directory, sizeof(directory));
	mode_t mask = umask(UMASK);

	if (mask != UMASK || found == NULL || strcmp(found, side->directory) != 0 ||
	    geteuid() != side->uid || getegid() != side->gid ||
	    getgroups(0, NULL) != side->num_groups) {
		*reason = "this process is not who or where it was before the call";
		return -EPERM;
	}
	return 0;
}

int side_prepare(struct oracle *oracle, const char **reason)
{
	int ret;

	if (oracle->side->rounds++ < ENGINE_ROUNDS) {
		return 0;
	}
	ret = stop_engine(oracle, reason);
	if (ret == 0) {
		ret = start_engine(oracle, reason);
	}
	return ret;
}

int side_round(struct oracle *oracle, const char **reason)
{
	struct side *side = oracle->side;
	size_t i;
	int ret;

	for (i = 0; i < oracle->num_calls; i++) {
		begin_call(oracle, i);
	}
	ret = pathring_submit(side->ring);
	if (ret < 0) {
		*reason = "pathring_submit";
		return ret;
	}
	abandon_calls(oracle);
	ret = wait_for_calls(oracle, reason);
	if (ret < 0) {
		return ret;
	}
	return check_caller(oracle, reason);
}
