/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The importer of loadfiles.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct replay_import import = { .input = fuzz_file(data, size) };

	fuzz_import(replay_import_loadfile, &import);
	return 0;
}
