/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Instead of engine_libuv.c in a build without libuv.
 */
#include "engine.h"

static const char *libuv_absent(void)
{
	return "this pathring-bench was built without libuv (Debian: libuv1-dev, then configure again)";
}

const struct bench_engine bench_engine_libuv = {
	.name = "libuv",
	.absent = libuv_absent,
};
