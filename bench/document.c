/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loads a document and looks things up in it. What it must be like is document_check.c's.
 */
#include "document.h"

#include <math.h>
#include <string.h>

json_t *bench_document_load(TALLOC_CTX *mem_ctx, const char *path, char **why)
{
	json_error_t error = { 0 };
	json_t *document = NULL;
	char *at = NULL;
	bool ok = false;

	*why = NULL;
	document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (document == NULL) {
		if (json_error_code(&error) == json_error_cannot_open_file) {
			/* It has the path in it, and the reason. */
			*why = talloc_strdup(mem_ctx, error.text);
		} else {
			*why = talloc_asprintf(
				mem_ctx, "%s: not JSON: line %d: %s", path, error.line, error.text);
		}
		/* What the parser cites may be anything. */
		for (at = *why; at != NULL && *at != '\0'; at++) {
			if ((unsigned char)*at < ' ' || (unsigned char)*at > '~') {
				*at = '?';
			}
		}
		return NULL;
	}
	ok = bench_document_check(mem_ctx, document, why);
	if (!ok) {
		json_decref(document);
		*why = talloc_asprintf(mem_ctx, "%s: %s", path, *why != NULL ? *why : "?");
		return NULL;
	}
	return document;
}

const json_t *bench_document_field(const json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	char name[64];
	const json_t *value = NULL;

	if (dot == NULL) {
		value = json_object_get(object, path);
		return json_is_null(value) ? NULL : value;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
	return bench_document_field(json_object_get(object, name), dot + 1);
}

const char *bench_document_text(const json_t *object, const char *path)
{
	const char *text = json_string_value(bench_document_field(object, path));

	return text != NULL ? text : "";
}

double bench_document_number(const json_t *object, const char *path)
{
	const json_t *value = bench_document_field(object, path);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

const json_t *bench_document_results(const json_t *document)
{
	return json_object_get(document, "results");
}

size_t bench_document_num_results(const json_t *document)
{
	return json_array_size(bench_document_results(document));
}

const json_t *bench_document_result(const json_t *document, size_t index)
{
	return json_array_get(bench_document_results(document), index);
}

bool bench_document_is_open(const json_t *result)
{
	return strcmp(bench_document_text(result, "load"), "open") == 0;
}

static bool same(const json_t *a, const json_t *b, const char *path)
{
	const json_t *left = bench_document_field(a, path);
	const json_t *right = bench_document_field(b, path);

	/* 50000 and 50000.0 are one rate. */
	if (json_is_number(left) && json_is_number(right)) {
		return json_number_value(left) == json_number_value(right);
	}
	return left == right || json_equal(left, right);
}

/* Of an open loop the depth is only a bound, but a sweep has one for all its rates. */
bool bench_document_same_family(const json_t *a, const json_t *b)
{
	return same(a, b, "op") && same(a, b, "load") && same(a, b, "users") &&
	       same(a, b, "cache") && same(a, b, "entries") &&
	       (!bench_document_is_open(a) || same(a, b, "depth"));
}

bool bench_document_same_setting(const json_t *a, const json_t *b)
{
	return bench_document_same_family(a, b) && same(a, b, "depth") && same(a, b, "rate");
}

static bool
begins(const json_t *document, size_t index, bool (*alike)(const json_t *a, const json_t *b))
{
	const json_t *result = bench_document_result(document, index);
	size_t i = 0;

	for (i = 0; i < index; i++) {
		if (alike(bench_document_result(document, i), result)) {
			return false;
		}
	}
	return true;
}

bool bench_document_begins_setting(const json_t *document, size_t index)
{
	return begins(document, index, bench_document_same_setting);
}

bool bench_document_begins_family(const json_t *document, size_t index)
{
	return begins(document, index, bench_document_same_family);
}

static bool has_name(const char **names, size_t num_names, const char *name)
{
	size_t i = 0;

	for (i = 0; i < num_names; i++) {
		if (strcmp(names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

const char **bench_document_baselines(TALLOC_CTX *mem_ctx,
				      const json_t *document,
				      const json_t *setting,
				      size_t *num_baselines)
{
	const char **names = talloc_array(mem_ctx, const char *, 0);
	size_t num_names = 0;
	size_t i = 0;

	for (i = 0; i < bench_document_num_results(document) && names != NULL; i++) {
		const json_t *result = bench_document_result(document, i);
		const char *name = NULL;
		json_t *value = NULL;

		if (setting != NULL && !bench_document_same_setting(setting, result)) {
			continue;
		}
		json_object_foreach(json_object_get(result, "ratios"), name, value)
		{
			const char **longer = NULL;

			if (has_name(names, num_names, name) ||
			    num_names == BENCH_DOCUMENT_MAX_BASELINES) {
				continue;
			}
			longer = talloc_realloc(mem_ctx, names, const char *, num_names + 1);
			if (longer == NULL) {
				talloc_free(names);
				names = NULL;
				break;
			}
			names = longer;
			names[num_names] = name;
			num_names++;
		}
	}
	*num_baselines = num_names;
	return names;
}
