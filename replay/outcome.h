/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an error of the kernel is to a client, and whether a request went as it was recorded.
 */
#ifndef REPLAY_OUTCOME_H
#define REPLAY_OUTCOME_H

#include "plan.h"

/* error: negative, or 0. */
uint32_t replay_status_of(int error);

/*
 * Whether what was recorded differs from what it is now. False also where nothing was recorded.
 */
bool replay_differs(const struct replay_item *item, uint32_t status);

/*
 * Why it may differ, a constant; NULL: there is no reason known. lost: the open that it depends on
 * went otherwise than recorded.
 */
const char *replay_explain(const struct replay_item *item, uint32_t status, bool lost);

#endif /* REPLAY_OUTCOME_H */
