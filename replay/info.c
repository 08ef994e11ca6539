/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts what is in a trace, in one pass. What can't be replayed is known when all of it is loaded
 * as for a replay, which takes some 150 bytes a request.
 */
#include "info.h"

#include "array.h"
#include "message.h"
#include "plan.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

/* A trace from anywhere may have a reason of its own in each line: the rest is one. */
#define MAX_TALLIES 100000

struct collector {
	struct replay_trace_info *info;
	struct replay_table *paths;
	struct replay_table *tallies; /* of a list and text, to the place in the list and one */
	uint64_t begin;
	uint64_t end;
};

/* False without memory. */
static bool tally(struct collector *collector,
		  struct replay_tally **list,
		  size_t *num,
		  uint64_t kind,
		  const char *text,
		  uint64_t count)
{
	struct replay_trace_info *info = collector->info;
	uint64_t key = replay_table_key(collector->tallies, kind, text);
	uint64_t *place = replay_table_find(collector->tallies, key);
	struct replay_tally *longer = NULL;

	if (place == NULL && *num == MAX_TALLIES) {
		(*list)[MAX_TALLIES - 1].text = "others";
		(*list)[MAX_TALLIES - 1].count += count;
		return true;
	}
	if (place == NULL) {
		place = replay_table_add(collector->tallies, key);
		longer = replay_array_room(info, *list, *num, sizeof(**list));
		if (place == NULL || longer == NULL) {
			return false;
		}
		*list = longer;
		longer[*num].count = 0;
		longer[*num].text = talloc_strdup(info, text);
		if (longer[*num].text == NULL) {
			return false;
		}
		(*num)++;
		*place = *num;
	}
	(*list)[*place - 1].count += count;
	return true;
}

enum kind { KIND_STATUS = 1, KIND_SKIP, KIND_USER, KIND_CLIENT };

static bool add_session(struct collector *collector, const struct replay_session *session)
{
	struct replay_trace_info *info = collector->info;
	struct replay_info_session *added = NULL;
	struct replay_info_session *longer = replay_array_room(
		info, info->sessions, info->num_sessions, sizeof(*info->sessions));

	if (longer == NULL) {
		return false;
	}
	info->sessions = longer;
	added = &info->sessions[info->num_sessions];
	info->num_sessions++;
	added->requests = 0;
	if (session->user == NULL) {
		added->user = "?";
	} else if (session->domain != NULL && session->domain[0] != '\0') {
		added->user = talloc_asprintf(info, "%s\\%s", session->domain, session->user);
	} else {
		added->user = talloc_strdup(info, session->user);
	}
	added->client = session->client != NULL ? talloc_strdup(info, session->client) : "?";
	return added->user != NULL && added->client != NULL;
}

static bool add_path(struct collector *collector, const char *share, const char *path)
{
	uint64_t key = 0;

	if (path == NULL) {
		return true;
	}
	key = replay_table_key(collector->paths, 0, share != NULL ? share : "");
	key = replay_table_key(collector->paths, key, path);
	return replay_table_add(collector->paths, key) != NULL;
}

static void add_times(struct collector *collector, const struct replay_request *request)
{
	uint64_t end = request->time;

	if ((request->present & REPLAY_HAS_TIME) == 0) {
		return;
	}
	if (request->present & REPLAY_HAS_DURATION && request->duration <= UINT64_MAX - end) {
		end += request->duration;
	}
	if (!collector->info->timed || request->time < collector->begin) {
		collector->begin = request->time;
	}
	if (end > collector->end) {
		collector->end = end;
	}
	collector->info->timed = true;
}

static bool add_outcome(struct collector *collector,
			struct replay_info_command *command,
			const struct replay_request *request)
{
	struct replay_trace_info *info = collector->info;
	char text[REPLAY_STATUS_SIZE];

	if ((request->present & REPLAY_HAS_STATUS) == 0) {
		command->unanswered++;
		return true;
	}
	/* Severity "error" is the two highest bits. */
	if (request->status >> 30 == 3) {
		command->failed++;
	} else {
		command->succeeded++;
	}
	return tally(collector,
		     &info->statuses,
		     &info->num_statuses,
		     KIND_STATUS,
		     replay_status_name(request->status, text),
		     1);
}

static bool add_request(struct collector *collector, const struct replay_request *request)
{
	struct replay_trace_info *info = collector->info;
	struct replay_info_command *command = &info->commands[request->command];
	bool moves = request->command == REPLAY_READ || request->command == REPLAY_WRITE;

	info->requests++;
	command->requests++;
	info->sessions[request->session - 1].requests++;
	if (request->present & REPLAY_HAS_DURATION) {
		bench_histogram_add(&command->durations, request->duration);
	}
	if (moves) {
		bench_histogram_add(&command->lengths, request->length);
	}
	if (moves && request->present & REPLAY_HAS_COUNT) {
		command->bytes += request->count;
	}
	add_times(collector, request);
	return add_outcome(collector, command, request) &&
	       add_path(collector, request->share, request->path) &&
	       add_path(collector, request->share, request->target);
}

static bool add_record(struct collector *collector, const struct replay_record *record)
{
	switch (record->type) {
	case REPLAY_RECORD_SESSION:
		return add_session(collector, &record->session);
	case REPLAY_RECORD_REQUEST:
		return add_request(collector, &record->request);
	case REPLAY_RECORD_END:
		collector->info->lost = record->end.lost;
		collector->info->complete = true;
		return true;
	}
	return false;
}

/* The most frequent first. */
static int compare_tallies(const void *a, const void *b)
{
	const struct replay_tally *left = a;
	const struct replay_tally *right = b;

	if (left->count != right->count) {
		return left->count < right->count ? 1 : -1;
	}
	return strcmp(left->text, right->text);
}

static void sort(struct replay_tally *list, size_t num)
{
	if (num > 0) {
		qsort(list, num, sizeof(*list), compare_tallies);
	}
}

static bool finish(struct collector *collector)
{
	struct replay_trace_info *info = collector->info;
	bool ok = true;
	size_t i = 0;

	for (i = 0; ok && i < info->num_sessions; i++) {
		const struct replay_info_session *session = &info->sessions[i];

		ok = tally(collector,
			   &info->users,
			   &info->num_users,
			   KIND_USER,
			   session->user,
			   session->requests) &&
		     tally(collector,
			   &info->clients,
			   &info->num_clients,
			   KIND_CLIENT,
			   session->client,
			   session->requests);
	}
	sort(info->statuses, info->num_statuses);
	sort(info->skips, info->num_skips);
	sort(info->users, info->num_users);
	sort(info->clients, info->num_clients);
	info->duration_ns = collector->end - collector->begin;
	info->paths = replay_table_count(collector->paths);
	return ok;
}

static bool add_skips(struct collector *collector, const struct replay_plan *plan)
{
	struct replay_trace_info *info = collector->info;
	bool ok = true;
	size_t i = 0;

	for (i = 0; ok && i < plan->num_items; i++) {
		const struct replay_item *item = &plan->items[i];

		if (item->skip != NULL) {
			info->skipped++;
			ok = tally(collector,
				   &info->skips,
				   &info->num_skips,
				   KIND_SKIP,
				   item->skip,
				   1);
		}
	}
	return ok;
}

/* False after a message. */
static bool
collect(struct collector *collector, struct replay_trace_reader *reader, struct replay_load *load)
{
	struct replay_record record;
	struct replay_plan *plan = NULL;
	bool ok = true;
	int ret = 0;

	do {
		ret = replay_trace_next(reader, &record);
		if (ret == 1 && !add_record(collector, &record)) {
			ret = replay_complain_memory();
		}
		ok = ret != 1 || replay_load_add(load, &record);
	} while (ok && ret == 1);
	if (!ok || ret != 0) {
		talloc_free(load);
		return false;
	}
	plan = replay_load_end(collector->info, load);
	if (plan == NULL) {
		return false;
	}
	ok = add_skips(collector, plan) && finish(collector);
	talloc_free(plan);
	if (!ok) {
		replay_complain_memory();
	}
	return ok;
}

struct replay_trace_info *replay_info_collect(TALLOC_CTX *mem_ctx,
					      struct replay_trace_reader *reader)
{
	struct replay_trace_info *info = talloc_zero(mem_ctx, struct replay_trace_info);
	struct collector collector = { .info = info };
	struct replay_load *load = NULL;
	size_t i = 0;
	bool ok = false;

	if (info != NULL) {
		info->header = replay_trace_header(reader);
		info->commands =
			talloc_zero_array(info, struct replay_info_command, REPLAY_NUM_COMMANDS);
		collector.paths = replay_table_create(info);
		collector.tallies = replay_table_create(info);
	}
	if (info == NULL || info->commands == NULL || collector.paths == NULL ||
	    collector.tallies == NULL) {
		replay_complain_memory();
	} else {
		for (i = 0; i < REPLAY_NUM_COMMANDS; i++) {
			bench_histogram_clear(&info->commands[i].durations);
			bench_histogram_clear(&info->commands[i].lengths);
		}
		load = replay_load_begin(info, replay_trace_header(reader));
		ok = load != NULL && collect(&collector, reader, load);
	}
	if (!ok) {
		TALLOC_FREE(info);
	}
	return info;
}
