/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tree_model*.c share: what is known of each path at the moment up to which the trace has
 * been gone through. What comes of it is in the plan's paths and the flags of its items, see
 * plan.h.
 */
#ifndef REPLAY_TREE_MODEL_H
#define REPLAY_TREE_MODEL_H

#include "plan.h"

/* What a handle stands for, through all its renames. */
struct tree_object {
	uint32_t path;
	uint32_t num_open;
	bool removing;
};

struct tree_file {
	uint32_t object;
	uint32_t last_listing; /* item, or REPLAY_NONE */
	uint32_t listed;       /* entries since the listing began */
	uint32_t access;
	bool removes; /* when it is closed */
	bool lists_all;
};

struct tree_model {
	struct replay_plan *plan;
	struct replay_paths *paths;
	struct replay_path **all;
	struct tree_object *objects;
	struct tree_file *files;
};

/*
 * tree_model_path.c: is it there now? Knowing that it is, or that it is not, tells what was at the
 * beginning too. False: by what is known it can't be; somebody who is not in the trace did that.
 */
enum replay_existence tree_existence(const struct replay_path *path);
bool tree_must_exist(struct replay_path *path);
bool tree_parent_must_exist(struct replay_path *path);
bool tree_must_be_absent(struct replay_path *path);

/* The first to tell is right: later it may be another file of the same name. */
void tree_tell_kind(struct replay_path *path, enum replay_kind kind);

/* Whether what the item tells goes together with what is known. */
void tree_explained(struct replay_item *item, bool explained);

/* By a request, at this moment. What is below a directory disappears with it. */
void tree_appears(struct replay_path *path, enum replay_kind kind);
void tree_disappears(struct replay_path *path);

/* Others must wait for it: its name changes; whether anything is in it is of concern to the item.
 */
void tree_changes_name(struct replay_path *path);
void tree_lists(struct replay_item *item, struct replay_path *path);

/* It failed. Should it not when it is replayed, others must not see it halfway. */
void tree_may_change(struct replay_item *item, struct replay_path *path);

/* What the failure tells of a request that wanted to find path: an open, a look at it, an unlink.
 */
void tree_failure(struct replay_item *item, struct replay_path *path);

/*
 * tree_model_names.c: requests that open, make, rename and remove. False without memory.
 */
void tree_create(struct tree_model *model, struct replay_item *item, struct replay_path *path);
void tree_close(struct tree_model *model, struct replay_item *item);
void tree_link(struct tree_model *model, struct replay_item *item, struct replay_path *path);
/* By path, without a handle. */
void tree_look(struct tree_model *model, struct replay_item *item, struct replay_path *path);
bool tree_rename(struct tree_model *model, struct replay_item *item, struct replay_path *path);
/* An unlink, rmdir, deltree, mkdir or rename, by path. */
bool tree_names(struct tree_model *model, struct replay_item *item, struct replay_path *path);

#endif /* REPLAY_TREE_MODEL_H */
