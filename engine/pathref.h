/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Path references without O_PATH.
 */
#ifndef PATHRING_ENGINE_PATHREF_H
#define PATHRING_ENGINE_PATHREF_H

#include "operation.h"

/* Whether this engine does without O_PATH. */
bool pathref_is_walked(const struct pathring *ring);

/* 0, or why there is no path reference of this kind. path was checked by operation_check_path(). */
int pathref_check(const struct descriptor *dir, const struct open_how *how);

/*
 * A descriptor that is not O_PATH and stands for a path reference, or -errno, as the identity that
 * the thread is. It is that again afterwards, or the process has ended.
 */
int pathref_open(int dirfd, const char *path, const struct open_how *how);

#endif /* PATHRING_ENGINE_PATHREF_H */
