/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "warnings" of a document: what makes its figures doubtful, in sentences.
 */
#ifndef BENCH_WARN_H
#define BENCH_WARN_H

#include "noise.h"

#include <jansson.h>

void bench_warn(json_t *warnings, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* If the machine was not quiet enough to tell. */
void bench_warn_of_noise(json_t *warnings,
			 const struct bench_noise *noise,
			 const char *file_system);

#endif /* BENCH_WARN_H */
