/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparing parts of an answer with what is right; what is wrong is said in words.
 */
#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

#include "tree.h"

/* What is wrong, for people. */
struct bench_complaint {
	char text[160];
};

/* These say what was got instead of what, and return false. */
bool bench_wrong(struct bench_complaint *complaint, const char *got, const char *expected);
bool bench_wrong_number(struct bench_complaint *complaint,
			const char *what,
			uint64_t got,
			uint64_t expected);

/* An operation as a whole: EACCES where it is to be denied, success otherwise. */
bool bench_verify_error(int error, bool denied, struct bench_complaint *complaint);

/* The same for any errno, or 0. */
bool bench_verify_outcome(int error, int expected, struct bench_complaint *complaint);

bool bench_verify_stat(const struct bench_tree *tree,
		       size_t file,
		       const struct statx *stx,
		       struct bench_complaint *complaint);

/* length: of the value, or a negative errno. */
bool bench_verify_xattr(size_t file,
			const uint8_t *value,
			ssize_t length,
			bool denied,
			struct bench_complaint *complaint);

#endif /* BENCH_VERIFY_H */
