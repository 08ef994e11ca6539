/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the begin and end functions of the operations share: what an attempt works on, and what its
 * user may do to it.
 */
#ifndef PATHRING_TESTS_FAULTS_USE_H
#define PATHRING_TESTS_FAULTS_USE_H

#include "attempt.h"

/* True once in so many times. */
bool one_in(unsigned int count);

/*
 * An open handle for this attempt; what it is, is noted, for it may be freed by the time the
 * attempt ends. NULL where there is none.
 */
struct open_handle *use_any(struct attempt *attempt);
struct open_handle *use_node(struct attempt *attempt, enum node node);
/* Of a file whose attributes nothing else changes until the attempt has ended. */
struct open_handle *use_attributes(struct attempt *attempt);
void check_attributes(const struct attempt *attempt);

/* Whether the user may enter the owner's directory; whether it is the owner, or root. */
bool is_allowed(const struct attempt *attempt);
bool is_owner(const struct attempt *attempt);

#define OUTCOME(attempt, name)                                           \
	((attempt)->req != NULL ? pathring_##name##_recv((attempt)->req) \
				: pathring_##name##_result((attempt)->request))

#endif /* PATHRING_TESTS_FAULTS_USE_H */
