/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations on what is in a file and what is told of it: for the table in operations.c.
 */
#ifndef PATHRING_TESTS_FAULTS_CONTENTS_H
#define PATHRING_TESTS_FAULTS_CONTENTS_H

#include "attempt.h"

bool contents_begin_pread(struct attempt *attempt);
void contents_end_pread(struct attempt *attempt);
bool contents_begin_pwrite(struct attempt *attempt);
void contents_end_pwrite(struct attempt *attempt);
bool contents_begin_fsync(struct attempt *attempt);
void contents_end_fsync(struct attempt *attempt);
bool contents_begin_ftruncate(struct attempt *attempt);
void contents_end_ftruncate(struct attempt *attempt);
bool contents_begin_fallocate(struct attempt *attempt);
void contents_end_fallocate(struct attempt *attempt);
bool contents_begin_fchmod(struct attempt *attempt);
void contents_end_fchmod(struct attempt *attempt);
bool contents_begin_fchown(struct attempt *attempt);
void contents_end_fchown(struct attempt *attempt);
bool contents_begin_utimens(struct attempt *attempt);
void contents_end_utimens(struct attempt *attempt);

#endif /* PATHRING_TESTS_FAULTS_CONTENTS_H */
