/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the documents of all programs have in common, and writing them. Without memory they are
 * NULL.
 */
#ifndef BENCH_DOCUMENT_PARTS_H
#define BENCH_DOCUMENT_PARTS_H

#include "histogram.h"
#include "host.h"
#include "noise.h"

#include <jansson.h>
#include <stdio.h>

/* "host": the machine, and what it did besides. */
json_t *bench_host_json(const struct bench_host *host, const struct bench_noise *noise);

/* What is not empty of a histogram: [middle, count], rising. */
json_t *bench_buckets_json(const struct bench_histogram *histogram);

/* False when the file could not be written, with errno. */
bool bench_document_write(const json_t *document, FILE *file);

#endif /* BENCH_DOCUMENT_PARTS_H */
