/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON document that a run leaves behind (bench/pathring-bench.schema.json): everything that
 * is printed or plotted is made from it. A document may come from anywhere, so it is checked
 * before anything else looks at it, and its strings are not trusted afterwards either.
 */
#ifndef BENCH_DOCUMENT_H
#define BENCH_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <talloc.h>

#define BENCH_DOCUMENT_SCHEMA "pathring-bench/1"

/* No number in a document is larger. */
#define BENCH_DOCUMENT_MAX_NUMBER 1e18

/* Nor has it more baselines. */
#define BENCH_DOCUMENT_MAX_BASELINES 64

/*
 * Reads and checks. NULL and one line in *why when that fails, or NULL in both without memory. To
 * be released with json_decref().
 */
json_t *bench_document_load(TALLOC_CTX *mem_ctx, const char *path, char **why);

/* Whether it is a document of this schema; if not, *why says which field is not as it should be. */
bool bench_document_check(TALLOC_CTX *mem_ctx, const json_t *document, char **why);

/*
 * The rest is for documents that have been checked. A path is the name of a field, or of a field
 * in a field, with a dot between them: "latency_ns.p50".
 */

/* NULL when there is none, or null. */
const json_t *bench_document_field(const json_t *object, const char *path);

/* "" where there is none, or no string. */
const char *bench_document_text(const json_t *object, const char *path);

/* NAN where there is none, or no number. */
double bench_document_number(const json_t *object, const char *path);

const json_t *bench_document_results(const json_t *document);
size_t bench_document_num_results(const json_t *document);
const json_t *bench_document_result(const json_t *document, size_t index);

bool bench_document_is_open(const json_t *result);

/*
 * Results of one setting differ in their engine and can be shown side by side. Those of a family
 * differ in their depth or rate, too, and can be shown as a curve.
 */
bool bench_document_same_setting(const json_t *a, const json_t *b);
bool bench_document_same_family(const json_t *a, const json_t *b);

/* The first result of its setting or family: walking those walks all of them. */
bool bench_document_begins_setting(const json_t *document, size_t index);
bool bench_document_begins_family(const json_t *document, size_t index);

/*
 * The names of all baselines that the results of this one's setting have ratios to, or of all
 * results for NULL; the names belong to the document. NULL without memory.
 */
const char **bench_document_baselines(TALLOC_CTX *mem_ctx,
				      const json_t *document,
				      const json_t *setting,
				      size_t *num_baselines);

#endif /* BENCH_DOCUMENT_H */
