/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each file of the tree is like: for tree.c, which makes it so, and verify.c, which expects
 * it.
 */
#ifndef BENCH_TREE_PRIVATE_H
#define BENCH_TREE_PRIVATE_H

#include "tree.h"

/* About the length of the value that Samba 4 writes. */
#define BENCH_TREE_XATTR_LENGTH 60

uint64_t bench_tree_size(size_t index);
mode_t bench_tree_mode(const struct bench_file *file);
gid_t bench_tree_gid(const struct bench_tree *tree, const struct bench_file *file);
void bench_tree_xattr(size_t index, uint8_t value[BENCH_TREE_XATTR_LENGTH]);

#endif /* BENCH_TREE_PRIVATE_H */
