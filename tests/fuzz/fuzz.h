/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the fuzzed readers share: an input that is a file, and a sink for importers that holds what
 * they find against the contract of import.h and trace.h. What breaks it ends the process.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "import.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The name of a file with this content, until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/*
 * Copies all that can be read of a trace to another file. Whether all of it could be read is told
 * in *whole.
 */
const char *fuzz_copy_trace(const char *name, bool *whole);

/* Runs an importer; if it succeeds, what it has made must be a trace that can be read to its end.
 */
void fuzz_import(int (*importer)(const struct replay_import *import),
		 const struct replay_import *import);

/* Ends the process if not. */
void fuzz_require(bool condition, const char *what);

#endif /* TESTS_FUZZ_H */
