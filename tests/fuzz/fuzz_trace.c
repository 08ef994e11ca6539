/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader of traces: whatever it reads, written and read again, is the same.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small enough for all that libFuzzer makes. */
#define MAX_SIZE 1048576

static size_t read_file(const char *name, char *bytes)
{
	FILE *file = fopen(name, "re");
	size_t length = 0;

	fuzz_require(file != NULL, "a file");
	length = fread(bytes, 1, MAX_SIZE, file);
	fclose(file);
	return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char once[MAX_SIZE];
	static char twice[MAX_SIZE];
	bool whole = false;
	bool again = false;
	const char *first = fuzz_copy_trace(fuzz_file(data, size), &whole);
	const char *second = NULL;
	size_t length = read_file(first, once);

	if (length == 0) {
		return 0;
	}
	second = fuzz_copy_trace(first, &again);
	fuzz_require(whole == again, "a whole trace stays so");
	fuzz_require(read_file(second, twice) == length && memcmp(once, twice, length) == 0,
		     "a trace read again is the same");
	return 0;
}
