/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of engines. A new one is a file with its table, a declaration in engine.h and a line
 * here.
 */
#include "engine.h"

#include <string.h>

const struct bench_engine *const bench_engines[] = {
	&bench_engine_pathring,
	&bench_engine_pathring_uring,
	&bench_engine_pathring_threads,
	&bench_engine_pathring_sync,
	&bench_engine_pathring_pin_inline,
	&bench_engine_pathring_pin_ring,
	&bench_engine_pathring_pin_thread,
	&bench_engine_raw,
	&bench_engine_raw_uring,
	&bench_engine_smbd,
	&bench_engine_smbd_pool,
	&bench_engine_libuv,
	&bench_engine_fio,
	NULL,
};

const struct bench_engine *bench_engine_by_name(const char *name)
{
	size_t i = 0;

	for (i = 0; bench_engines[i] != NULL; i++) {
		if (strcmp(bench_engines[i]->name, name) == 0) {
			return bench_engines[i];
		}
	}
	return NULL;
}

const char *bench_engine_absent(const struct bench_engine *engine)
{
	return engine->absent != NULL ? engine->absent() : NULL;
}
