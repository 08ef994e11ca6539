/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_TREE_REMOVE_H
#define REPLAY_TREE_REMOVE_H

/*
 * Remove name below dir and everything in it, as whoever this thread is: no link is followed, and
 * nothing of another file system touched. 0 also if it is not there; else the first error.
 */
int replay_tree_remove(int dir, const char *name);

/* Everything in a directory, and not itself. */
int replay_tree_empty(int dir);

#endif /* REPLAY_TREE_REMOVE_H */
