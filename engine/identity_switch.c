/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The switch of the engine's thread to an identity and back: when there is something to switch, and
 * that a failure leaves the thread as it was. How credentials are changed is in credentials.c.
 */
#include "engine.h"

int identity_switch_begin(struct identity_switch *state)
{
	state->switched = false;
	return credentials_get_acting(&state->saved);
}

bool identity_switch_needed(const struct identity *identity, const struct identity_switch *state)
{
	return state->switched || !credentials_match(&state->saved, &identity->target);
}

static int switch_to(const struct credentials_target *target,
		     struct identity_switch *state,
		     uint64_t *switches)
{
	int ret;

	if (credentials_match(&state->saved, target)) {
		if (state->switched) {
			credentials_restore(&state->saved);
			state->switched = false;
		}
		return 0;
	}

	if (!state->switched) {
		credentials_complete(&state->saved);
		credentials_join(&state->saved);
	}
	ret = credentials_gain_root();
	if (ret == 0) {
		(*switches)++;
		state->switched = true;
		ret = credentials_become(target);
	}
	if (ret < 0 && state->switched) {
		credentials_restore(&state->saved);
		state->switched = false;
	} else if (ret < 0) {
		credentials_part(&state->saved);
	}
	return ret;
}

int identity_switch_to(struct identity *identity, struct identity_switch *state)
{
	return switch_to(&identity->target, state, &identity->ring->stats.switches);
}

static int
enter(const struct credentials_target *target, struct identity_switch *state, uint64_t *switches)
{
	int ret;

	ret = identity_switch_begin(state);
	if (ret < 0) {
		return ret;
	}
	ret = switch_to(target, state, switches);
	if (ret < 0) {
		credentials_release(&state->saved);
	}
	return ret;
}

int identity_enter(struct identity *identity, struct identity_switch *state)
{
	if (identity->none) {
		*state = (struct identity_switch) { .switched = false };
		return 0;
	}
	return enter(&identity->target, state, &identity->ring->stats.switches);
}

int identity_enter_target(const struct credentials_target *target, struct identity_switch *state)
{
	uint64_t uncounted = 0;

	return enter(target, state, &uncounted);
}

void identity_leave(struct identity_switch *state)
{
	if (state->switched) {
		credentials_restore(&state->saved);
	}
	credentials_release(&state->saved);
}
