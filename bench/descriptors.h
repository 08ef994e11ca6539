/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many descriptors a run takes, and the limit that allows them.
 */
#ifndef BENCH_DESCRIPTORS_H
#define BENCH_DESCRIPTORS_H

#include "options.h"

/* Raise the limit as far as is needed and possible. False after a message on stderr. */
bool bench_descriptors_allow(const struct bench_options *options);

#endif /* BENCH_DESCRIPTORS_H */
