/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Functions of the caller's in its own thread under an identity: at once, or as the callback of a
 * tevent_req. Nothing here is needed after the function but what lies on the stack: it may free
 * whatever it likes. Functions in helper threads are in job.c.
 */
#include <errno.h>

#include "engine.h"

/* A child of the tevent_req. */
struct callback_as {
	struct pathring_identity *object; /* empty when the engine is gone; then the rest serves */
	bool none;
	struct credentials_target target;
	tevent_req_fn fn;
	void *private_data;
};

/*
 * Note who this thread is, and become identity; or target, where there is no engine to count that;
 * or nobody else, with neither.
 */
static int enter(struct identity *identity,
		 const struct credentials_target *target,
		 struct credentials_full *before)
{
	struct identity_switch state = { .switched = false };
	int ret;

	ret = credentials_full_get(before);
	if (ret < 0) {
		return ret;
	}
	if (identity != NULL) {
		ret = identity_enter(identity, &state);
	} else if (target != NULL) {
		ret = identity_enter_target(target, &state);
	}
	if (ret < 0) {
		credentials_full_release(before);
		return ret;
	}
	/* Not left by identity_leave(): the function may change more than that. */
	credentials_release(&state.saved);
	return 0;
}

static void leave(struct credentials_full *before)
{
	int ret;

	ret = credentials_full_restore(before);
	if (ret < 0) {
		credentials_abort("after a function under an identity", ret);
	}
	credentials_full_release(before);
}

static int find_identity(const struct pathring *ring,
			 const struct pathring_identity *object,
			 struct identity **identity)
{
	int ret;

	ret = engine_check(ring);
	if (ret < 0) {
		return ret;
	}
	*identity = identity_of_function(ring, object);
	return *identity != NULL ? 0 : -EINVAL;
}

int pathring_run_as(struct pathring *ring,
		    struct pathring_identity *object,
		    void (*fn)(void *private_data),
		    void *private_data)
{
	struct credentials_full before = { 0 };
	struct identity *identity = NULL;
	int ret;

	ret = find_identity(ring, object, &identity);
	if (ret < 0) {
		return ret;
	}
	if (fn == NULL) {
		return -EINVAL;
	}
	ret = enter(identity, NULL, &before);
	if (ret < 0) {
		return ret;
	}
	fn(private_data);
	leave(&before);
	return 0;
}

/* ---- callbacks ---- */

static void callback_as_fn(struct tevent_req *req)
{
	struct callback_as *state = tevent_req_callback_data(req, struct callback_as);
	struct identity *identity = identity_of_object(state->object);
	struct credentials_full before = { 0 };
	tevent_req_fn fn = state->fn;
	int ret;

	ret = enter(identity, state->none ? NULL : &state->target, &before);
	if (ret < 0) {
		credentials_abort("identity of a callback", ret);
	}
	tevent_req_set_callback(req, fn, state->private_data);
	fn(req);
	leave(&before);
}

static int copy_target(struct callback_as *state, const struct credentials_target *target)
{
	state->target = *target;
	if (target->num_groups == 0) {
		return 0;
	}
	state->target.groups =
		talloc_memdup(state, target->groups, target->num_groups * sizeof(gid_t));
	return state->target.groups != NULL ? 0 : -ENOMEM;
}

int pathring_callback_as(struct pathring *ring,
			 struct pathring_identity *object,
			 struct tevent_req *req,
			 tevent_req_fn fn,
			 void *private_data)
{
	struct credentials_full before = { 0 };
	struct callback_as *state = NULL;
	struct identity *identity = NULL;
	int ret;

	ret = find_identity(ring, object, &identity);
	if (ret < 0) {
		return ret;
	}
	if (req == NULL || fn == NULL) {
		return -EINVAL;
	}
	ret = enter(identity, NULL, &before);
	if (ret < 0) {
		return ret;
	}
	leave(&before);

	state = talloc_zero(req, struct callback_as);
	if (state == NULL) {
		return -ENOMEM;
	}
	state->none = identity->none;
	state->fn = fn;
	state->private_data = private_data;
	ret = copy_target(state, &identity->target);
	if (ret == 0) {
		state->object = identity_object(state, identity);
		ret = state->object != NULL ? 0 : -ENOMEM;
	}
	if (ret < 0) {
		talloc_free(state);
		return ret;
	}
	tevent_req_set_callback(req, callback_as_fn, state);
	return 0;
}
