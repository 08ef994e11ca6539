/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of operations. A new one is a table in an operation_*.c, a line here, and a line in the
 * tables of those who carry it out (operation.h).
 */
#include "operation.h"

#include <string.h>

const struct bench_operation *const bench_operations[BENCH_NUM_KINDS] = {
	[BENCH_LOOKUP] = &bench_operation_lookup,
	[BENCH_STAT] = &bench_operation_stat,
	[BENCH_OPENAT] = &bench_operation_openat,
	[BENCH_OPEN_READ_CLOSE] = &bench_operation_open_read_close,
	[BENCH_JOB] = &bench_operation_job,
	[BENCH_STATX] = &bench_operation_statx,
	[BENCH_GETXATTR] = &bench_operation_getxattr,
	[BENCH_SETXATTR] = &bench_operation_setxattr,
	[BENCH_LISTXATTR] = &bench_operation_listxattr,
	[BENCH_SET_REMOVEXATTR] = &bench_operation_set_removexattr,
	[BENCH_PREAD] = &bench_operation_pread,
	[BENCH_PWRITE] = &bench_operation_pwrite,
	[BENCH_WRITE_FSYNC] = &bench_operation_write_fsync,
	[BENCH_FTRUNCATE] = &bench_operation_ftruncate,
	[BENCH_FALLOCATE] = &bench_operation_fallocate,
	[BENCH_FCHMOD] = &bench_operation_fchmod,
	[BENCH_FCHOWN] = &bench_operation_fchown,
	[BENCH_UTIMENS] = &bench_operation_utimens,
	[BENCH_STATFS] = &bench_operation_statfs,
	[BENCH_READDIR] = &bench_operation_readdir,
	[BENCH_READLINKAT] = &bench_operation_readlinkat,
	[BENCH_MKDIR_RMDIR] = &bench_operation_mkdir_rmdir,
	[BENCH_RENAMEAT] = &bench_operation_renameat,
	[BENCH_LINK_UNLINK] = &bench_operation_link_unlink,
	[BENCH_SYMLINK_UNLINK] = &bench_operation_symlink_unlink,
	[BENCH_CREATE_DELETE] = &bench_operation_create_delete,
	[BENCH_LISTING] = &bench_operation_listing,
};

const struct bench_operation *bench_operation_by_name(const char *name)
{
	size_t i = 0;

	for (i = 0; i < BENCH_NUM_KINDS; i++) {
		if (strcmp(bench_operations[i]->name, name) == 0) {
			return bench_operations[i];
		}
	}
	return NULL;
}

const char *bench_engine_lacks(const struct bench_engine *engine, const struct bench_mix *mix)
{
	size_t i = 0;

	if (engine->lacks == NULL) {
		return NULL;
	}
	for (i = 0; i < mix->num_shares; i++) {
		const char *why = engine->lacks(mix->shares[i].operation->kind);

		if (why != NULL) {
			return why;
		}
	}
	return NULL;
}
