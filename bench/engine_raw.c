/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine `raw`: plain system calls and no identity, one request at a time. What the same
 * operations cost someone who has a single user; no server of many users can be measured against
 * less.
 */
#include "engine.h"
#include "plain.h"

struct raw_state {
	struct bench_plain plain;
	uint64_t done;
};

static bool raw_open(TALLOC_CTX *mem_ctx,
		     const struct bench_engine *engine,
		     const struct bench_target *target,
		     size_t depth,
		     void **state,
		     char **why)
{
	struct raw_state *raw = NULL;

	(void)engine;
	(void)depth;

	raw = talloc_zero(mem_ctx, struct raw_state);
	if (raw == NULL) {
		*why = talloc_strdup(mem_ctx, "out of memory");
		return false;
	}
	bench_plain_init(&raw->plain, target);
	*state = raw;
	return true;
}

static int raw_submit(void *state, struct bench_request *request)
{
	struct raw_state *raw = state;
	struct bench_answer answer;

	bench_plain_perform(&raw->plain, request, &answer);
	raw->done++;
	bench_complete(request, &answer);
	return 0;
}

static void raw_account(void *state, struct bench_account *account)
{
	struct raw_state *raw = state;

	*account = (struct bench_account) { .placed[BENCH_INLINE] = raw->done };
}

static void raw_close(void *state)
{
	talloc_free(state);
}

const struct bench_engine bench_engine_raw = {
	.name = "raw",
	.summary = "plain system calls, no identity",
	.identity = false,
	.concurrent = false,
	.open = raw_open,
	.submit = raw_submit,
	.account = raw_account,
	.close = raw_close,
};
