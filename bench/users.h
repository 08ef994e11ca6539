/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who makes requests: a range of ids, those that a file names, or the process itself.
 */
#ifndef BENCH_USERS_H
#define BENCH_USERS_H

#include "tree.h"

#define BENCH_MAX_USERS 65536

/*
 * Users from a file, a line each: "UID:GID" or "UID:GID:GROUP,GROUP...", in numbers; empty lines
 * and those that begin with '#' are skipped. NULL after a message on stderr.
 */
struct bench_user *bench_users_read(TALLOC_CTX *mem_ctx, const char *path, size_t *num_users);

/*
 * The users of a tree, one more who owns what a single user is denied, and the group that they have
 * in common. False without memory.
 */
bool bench_users_make(struct bench_tree *tree, const struct bench_tree_options *options);

#endif /* BENCH_USERS_H */
