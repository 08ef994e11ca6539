/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations that take a path or a name: for the table in operations.c.
 */
#ifndef PATHRING_TESTS_FAULTS_NAMES_H
#define PATHRING_TESTS_FAULTS_NAMES_H

#include "attempt.h"

bool names_begin_openat(struct attempt *attempt);
void names_end_openat(struct attempt *attempt);
bool names_begin_mkdirat(struct attempt *attempt);
void names_end_mkdirat(struct attempt *attempt);
bool names_begin_unlinkat(struct attempt *attempt);
void names_end_unlinkat(struct attempt *attempt);
bool names_begin_renameat(struct attempt *attempt);
void names_end_renameat(struct attempt *attempt);
bool names_begin_linkat(struct attempt *attempt);
void names_end_linkat(struct attempt *attempt);
bool names_begin_symlinkat(struct attempt *attempt);
void names_end_symlinkat(struct attempt *attempt);
bool names_begin_lookup(struct attempt *attempt);
bool names_begin_lookups(struct attempt *attempt);
void names_end_lookup(struct attempt *attempt);
void names_end_lookups(struct attempt *attempt);

#endif /* PATHRING_TESTS_FAULTS_NAMES_H */
