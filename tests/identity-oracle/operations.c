/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of operations, and what several of them need.
 */
#include "operations.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tree.h"

const struct operation *const operations[] = {
	&operation_build,	&operation_openat,    &operation_lookup,   &operation_lookups,
	&operation_close,	&operation_statx,     &operation_statfs,   &operation_readdir,
	&operation_readlinkat,	&operation_getxattr,  &operation_setxattr, &operation_listxattr,
	&operation_removexattr, &operation_pread,     &operation_pwrite,   &operation_fsync,
	&operation_ftruncate,	&operation_fallocate, &operation_fchmod,   &operation_fchown,
	&operation_utimens,	&operation_mkdirat,   &operation_unlinkat, &operation_renameat,
	&operation_linkat,	&operation_symlinkat, &operation_job,	   &operation_run_as,
	&operation_callback_as,
};

const size_t num_operations = sizeof(operations) / sizeof(operations[0]);

uint8_t operation_index(const struct operation *operation)
{
	uint8_t i = 0;

	while (operations[i] != operation) {
		i++;
	}
	return i;
}

int64_t result_of(int64_t ret)
{
	return ret == -1 ? -errno : ret;
}

const char *call_name(const char *name, char buffer[LONG_NAME_LENGTH + 1])
{
	if (strcmp(name, LONG_NAME) != 0) {
		return name;
	}
	memset(buffer, 'x', LONG_NAME_LENGTH);
	buffer[LONG_NAME_LENGTH] = '\0';
	return buffer;
}

const char *call_path(const struct call *call, const char *tree, char path[CALL_PATH_SPACE])
{
	char buffer[LONG_NAME_LENGTH + 1];
	char cell[16];

	if (call->slot >= 0) {
		snprintf(path, CALL_PATH_SPACE, "%s", call_name(call->name, buffer));
		return path;
	}
	tree_cell_name(call->cell, cell);
	snprintf(path, CALL_PATH_SPACE, "%s/%s/%s", tree, cell, call_name(call->name, buffer));
	return path;
}
