/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who waits for whom. Requests are admitted in the trace's order, and each claims what it is about:
 * a handle, a name, the entries of a directory, a file's data. Claims on one thing are granted in
 * the order in which they were made, those that do not disturb each other together. A request runs
 * when it has all its claims. Admitting in order makes a deadlock impossible: whoever was admitted
 * before waits for nobody who was admitted after.
 *
 * Claims are made only where the trace has something to disturb: most files have one handle at a
 * time, and most directories are never renamed.
 */
#include "run.h"

/* Claims of different modes exclude each other, those of EXCLUSIVE also among themselves. */
enum { EXCLUSIVE, SHARED, CHANGING };

bool replay_order_prepare(struct replay_run *run)
{
	const struct replay_plan *plan = run->plan;
	size_t num_paths = plan->num_paths;
	uint32_t next = plan->num_files + plan->num_sessions + plan->num_objects;
	size_t i = 0;

	run->name_resource = talloc_array(run, uint32_t, num_paths);
	run->entries_resource = talloc_array(run, uint32_t, num_paths);
	if (run->name_resource == NULL || run->entries_resource == NULL) {
		return false;
	}
	for (i = 0; i < num_paths; i++) {
		const struct replay_path *path = plan->paths[i];
		bool entries = path->entries_change && path->is_listed;

		run->name_resource[i] = path->name_changes ? next++ : REPLAY_NONE;
		run->entries_resource[i] = entries ? next++ : REPLAY_NONE;
	}
	run->num_resources = next;
	for (i = 0; i < run->options->clients; i++) {
		struct replay_client *client = &run->clients[i];

		client->resources =
			talloc_zero_array(run, struct replay_resource, run->num_resources);
		if (client->resources == NULL) {
			return false;
		}
	}
	return true;
}

/* Two of one action on the same thing are one. */
static void claim(struct replay_action *action, uint32_t number, uint32_t mode)
{
	struct replay_resource *resource = &action->client->resources[number];
	uint32_t i = 0;

	for (i = 0; i < action->num_claims; i++) {
		if (action->claims[i].resource == resource) {
			if (action->claims[i].mode != mode) {
				action->claims[i].mode = EXCLUSIVE;
			}
			return;
		}
	}
	if (action->num_claims == REPLAY_MAX_CLAIMS) {
		action->barrier = true;
		return;
	}
	action->claims[action->num_claims++] = (struct replay_claim) {
		.action = action,
		.resource = resource,
		.mode = mode,
	};
}

static void claim_name(struct replay_action *action, const struct replay_path *path, bool changes)
{
	const struct replay_run *run = action->client->run;
	const struct replay_path *above = NULL;

	if (run->name_resource[path->number] != REPLAY_NONE) {
		claim(action, run->name_resource[path->number], changes ? EXCLUSIVE : SHARED);
	}
	for (above = path->parent; above != NULL; above = above->parent) {
		if (run->name_resource[above->number] != REPLAY_NONE) {
			claim(action, run->name_resource[above->number], SHARED);
		}
	}
	above = path->parent;
	if (changes && above != NULL && run->entries_resource[above->number] != REPLAY_NONE) {
		claim(action, run->entries_resource[above->number], CHANGING);
	}
}

static void claim_names(struct replay_action *action)
{
	const struct replay_run *run = action->client->run;
	const struct replay_item *item = action->item;
	const struct replay_path *path = run->plan->paths[item->path];
	bool by_path = item->file == REPLAY_NONE || item->command == REPLAY_CREATE;
	bool changes = (item->flags & (REPLAY_CHANGES_NAME | REPLAY_MAY_CHANGE)) != 0;

	/* Requests of a handle do not walk to it again, but that a name goes must wait for them. */
	if (by_path || changes || item->command == REPLAY_CLOSE) {
		claim_name(action, path, changes);
	}
	if (item->target != REPLAY_NONE) {
		claim_name(action,
			   run->plan->paths[item->target],
			   (item->flags & (REPLAY_CHANGES_TARGET | REPLAY_MAY_CHANGE)) != 0);
	}
	if ((item->flags & REPLAY_LISTS) != 0) {
		uint32_t entries = run->entries_resource[path->number];

		if (entries != REPLAY_NONE) {
			claim(action, entries, SHARED);
		}
	}
}

static void make_claims(struct replay_action *action)
{
	const struct replay_run *run = action->client->run;
	const struct replay_plan *plan = run->plan;
	const struct replay_item *item = action->item;
	enum replay_order order = run->options->order;
	bool opens_or_closes = item->command == REPLAY_CREATE || item->command == REPLAY_CLOSE;

	/* Without any order a handle still must be open when it is used. */
	if (item->file != REPLAY_NONE) {
		bool shares = order == REPLAY_ORDER_NONE && !opens_or_closes;

		claim(action, item->file, shares ? SHARED : EXCLUSIVE);
	}
	if (order == REPLAY_ORDER_NONE) {
		return;
	}
	if (order == REPLAY_ORDER_SESSION) {
		claim(action, plan->num_files + item->session, EXCLUSIVE);
	}
	if (item->object != REPLAY_NONE && item->command != REPLAY_CLOSE) {
		bool changes = (item->flags & REPLAY_CHANGES_DATA) != 0;

		claim(action,
		      plan->num_files + plan->num_sessions + item->object,
		      changes ? EXCLUSIVE : SHARED);
	}
	if (item->path != REPLAY_NONE) {
		claim_names(action);
	}
}

static bool may_share(const struct replay_resource *resource, const struct replay_claim *claim)
{
	return resource->granted == 0 ||
	       (resource->mode == claim->mode && claim->mode != EXCLUSIVE);
}

bool replay_order_claim(struct replay_action *action)
{
	uint32_t i = 0;

	action->num_claims = 0;
	action->num_waiting = 0;
	action->barrier = false;
	make_claims(action);
	if (action->barrier) {
		action->num_claims = 0;
		return true;
	}
	for (i = 0; i < action->num_claims; i++) {
		struct replay_claim *claim = &action->claims[i];
		struct replay_resource *resource = claim->resource;

		if (resource->first == NULL && may_share(resource, claim)) {
			resource->granted++;
			resource->mode = claim->mode;
			continue;
		}
		claim->next = NULL;
		if (resource->first == NULL) {
			resource->first = claim;
		} else {
			resource->last->next = claim;
		}
		resource->last = claim;
		action->num_waiting++;
	}
	return action->num_waiting == 0;
}

void replay_order_release(struct replay_action *action)
{
	uint32_t i = 0;

	for (i = 0; i < action->num_claims; i++) {
		struct replay_resource *resource = action->claims[i].resource;

		resource->granted--;
		while (resource->first != NULL && may_share(resource, resource->first)) {
			struct replay_claim *next = resource->first;

			resource->first = next->next;
			resource->granted++;
			resource->mode = next->mode;
			next->action->num_waiting--;
			if (next->action->num_waiting == 0) {
				replay_run_ready(next->action);
			}
		}
	}
}
