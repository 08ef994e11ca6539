/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Other names for users, computers, shares and files, of which nobody learns the real ones without
 * the key. The same name always becomes the same other one, so that what belongs together stays
 * together, in one trace and in all that were made with one key. pathring-trace(5) says what such
 * a trace still tells.
 */
#ifndef REPLAY_ANONYMISE_H
#define REPLAY_ANONYMISE_H

#include "trace.h"

/* A shorter key can be guessed. */
#define REPLAY_MIN_KEY 16

struct replay_anonymiser;

/* NULL without memory, or of a key that is too short. */
struct replay_anonymiser *
replay_anonymiser_create(TALLOC_CTX *mem_ctx, const void *key, size_t key_length);

/*
 * What `to` points to lives until the next call. False without memory. A `user` that is NULL stays
 * so, and the like.
 */
bool replay_anonymise_session(struct replay_anonymiser *anonymiser,
			      const struct replay_session *from,
			      struct replay_session *to);
bool replay_anonymise_request(struct replay_anonymiser *anonymiser,
			      const struct replay_request *from,
			      struct replay_request *to);

#endif /* REPLAY_ANONYMISE_H */
