/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns of listings, [MS-FSCC] 2.1.4: *, ?, and <, > and " that Windows makes of them.
 */
#ifndef REPLAY_PATTERN_H
#define REPLAY_PATTERN_H

#include <stdbool.h>

bool replay_pattern_is_wild(const char *pattern);
bool replay_pattern_is_all(const char *pattern);
bool replay_pattern_matches(const char *pattern, const char *name);

#endif /* REPLAY_PATTERN_H */
