/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The importer of full_audit logs, with what full_audit:prefix may be up to the first line's end.
 */
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replay_import import = { .input = NULL };
	const uint8_t *end = memchr(data, '\n', size < 64 ? size : 64);
	char prefix[64] = "";

	if (end != NULL && data[0] == '%') {
		memcpy(prefix, data, (size_t)(end - data));
		import.audit_prefix = prefix;
		size -= (size_t)(end + 1 - data);
		data = end + 1;
	}
	import.input = fuzz_file(data, size);
	fuzz_import(replay_import_full_audit, &import);
	return 0;
}
