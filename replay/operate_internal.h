/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the files that do operations: the one way in and out of each.
 */
#ifndef REPLAY_OPERATE_INTERNAL_H
#define REPLAY_OPERATE_INTERNAL_H

#include "operate.h"

#include <errno.h>

#define REPLAY_RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
#define REPLAY_STATX_MASK (STATX_BASIC_STATS | STATX_BTIME)

/* Of an xattr's value, and of all their names together. */
#define REPLAY_XATTR_SIZE 256
#define REPLAY_XATTR_NAMES_SIZE 1024

/* Is this operation done in this thread? */
bool replay_operate_here(const struct replay_action *action, enum pathring_operation operation);

/* It was, with this result; true. */
bool replay_operate_did(struct replay_action *action,
			enum pathring_operation operation,
			ssize_t result);

/* The engine was asked, and said this at once. */
bool replay_operate_asked(struct replay_action *action, enum pathring_operation operation, int ret);

/* The engine has done it: the action goes on, and may be gone afterwards. */
void replay_operate_done(struct replay_action *action, ssize_t result);

/* For requests of the engine; NULL without memory, which the engine refuses. */
struct pathring_handle *replay_fd_handle(struct replay_action *action, struct replay_fd *fd);
struct pathring_identity *replay_operate_identity(const struct replay_action *action);

static inline ssize_t replay_result(ssize_t ret)
{
	return ret >= 0 ? ret : -errno;
}

/* As openat2() says: a descriptor or a negative errno. */
int replay_openat2(int dir, const char *path, uint64_t flags, mode_t mode);

static inline void replay_fill_stat(struct replay_stat *stat, const struct statx *stx)
{
	*stat = (struct replay_stat) {
		.size = stx->stx_size,
		.uid = stx->stx_uid,
		.gid = stx->stx_gid,
		.mode = stx->stx_mode,
	};
}

/* And with the engine. */
void replay_lookup_how(bool dos_attributes, bool with_names, struct pathring_lookup_how *how);

#endif /* REPLAY_OPERATE_INTERNAL_H */
