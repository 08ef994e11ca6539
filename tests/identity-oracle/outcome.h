/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Outcomes of calls: filled by both sides with the same functions, compared, and shown.
 */
#ifndef ORACLE_OUTCOME_H
#define ORACLE_OUTCOME_H

#include <stdio.h>

#include "oracle.h"

void outcome_begin(struct outcome *outcome, int64_t result);
void outcome_add(struct outcome *outcome, const void *data, size_t size);
void outcome_add_number(struct outcome *outcome, uint64_t number);
/* Type, mode, owner, group, links and size, as far as they are the same in both trees. */
void outcome_add_statx(struct outcome *outcome, const struct statx *stx);
/*
 * The same of an open descriptor of any kind, and of a name in a directory. Nothing after a
 * failure: that it has changed nothing is found out when the whole cell is compared.
 */
void outcome_add_fd(struct outcome *outcome, int fd);
void outcome_add_name(struct outcome *outcome, int dirfd, const char *name);
/* The same for names in whatever order: "names" are count strings. Sorts them. */
void outcome_add_names(struct outcome *outcome, const char **names, size_t count);
/* Names of a buffer as listxattr gives it, also in whatever order. */
void outcome_add_name_list(struct outcome *outcome, const char *list, size_t size);

bool outcome_same(const struct outcome *a, const struct outcome *b);
void outcome_print(FILE *file, const struct outcome *outcome);

#endif /* ORACLE_OUTCOME_H */
