/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks a document field by field: what has passed can be read without a further look. The same is
 * said to others by pathring-bench.schema.json.
 */
#include "document.h"

#include <string.h>

/* More than anyone measures or reads; without a limit a small file could ask for years of work. */
#define MAX_RESULTS 4096
#define MAX_ROUNDS 10000
#define MAX_BUCKETS 20000
#define MAX_TEXT 4096

enum kind {
	KIND_TEXT,
	KIND_NUMBER,
	KIND_COUNT, /* a whole number */
	KIND_BOOLEAN,
	KIND_OBJECT, /* with `fields` */
	KIND_FREE,   /* an object with anything in it */
	KIND_TEXTS,  /* an array */
	KIND_RATIOS,
	KIND_ROUNDS,
	KIND_HISTOGRAM, /* an object whose members are arrays of buckets */
};

enum need {
	NEEDED,
	OR_NULL,	/* needed, and may be null */
	OR_NULL_OR_NOT, /* may be left out, too */
};

struct field {
	const char *name;
	enum kind kind;
	enum need need;
	const struct field *fields;
};

static const struct field latency_fields[] = {
	{ "min", KIND_NUMBER, NEEDED, NULL },	 { "mean", KIND_NUMBER, NEEDED, NULL },
	{ "p50", KIND_NUMBER, NEEDED, NULL },	 { "p90", KIND_NUMBER, NEEDED, NULL },
	{ "p99", KIND_NUMBER, NEEDED, NULL },	 { "p99_9", KIND_NUMBER, NEEDED, NULL },
	{ "p99_99", KIND_NUMBER, NEEDED, NULL }, { "max", KIND_NUMBER, NEEDED, NULL },
	{ NULL, KIND_TEXT, NEEDED, NULL },
};

static const struct field placement_fields[] = {
	{ "inline", KIND_COUNT, NEEDED, NULL },
	{ "ring", KIND_COUNT, NEEDED, NULL },
	{ "thread", KIND_COUNT, NEEDED, NULL },
	{ NULL, KIND_TEXT, NEEDED, NULL },
};

static const struct field round_fields[] = {
	{ "ops", KIND_COUNT, NEEDED, NULL },
	{ "seconds", KIND_NUMBER, NEEDED, NULL },
	{ "ops_per_second", KIND_NUMBER, NEEDED, NULL },
	{ "mean_ns", KIND_NUMBER, OR_NULL, NULL },
	{ "p50_ns", KIND_NUMBER, OR_NULL, NULL },
	{ "p99_ns", KIND_NUMBER, OR_NULL, NULL },
	{ "cpu_ns_per_op", KIND_NUMBER, OR_NULL, NULL },
	{ NULL, KIND_TEXT, NEEDED, NULL },
};

static const struct field ratio_fields[] = {
	{ "ops_per_second", KIND_NUMBER, OR_NULL, NULL },
	{ "p50", KIND_NUMBER, OR_NULL, NULL },
	{ "cpu_per_op", KIND_NUMBER, OR_NULL, NULL },
	{ NULL, KIND_TEXT, NEEDED, NULL },
};

static const struct field result_fields[] = {
	{ "engine", KIND_TEXT, NEEDED, NULL },
	{ "summary", KIND_TEXT, OR_NULL_OR_NOT, NULL },
	{ "backend", KIND_TEXT, OR_NULL, NULL },
	{ "op", KIND_TEXT, NEEDED, NULL },
	{ "depth", KIND_COUNT, NEEDED, NULL },
	{ "concurrency", KIND_COUNT, NEEDED, NULL },
	{ "users", KIND_COUNT, NEEDED, NULL },
	{ "cache", KIND_TEXT, NEEDED, NULL },
	{ "load", KIND_TEXT, NEEDED, NULL },
	{ "rate", KIND_NUMBER, OR_NULL, NULL },
	{ "ops", KIND_COUNT, NEEDED, NULL },
	{ "errors", KIND_COUNT, NEEDED, NULL },
	{ "denied", KIND_COUNT, NEEDED, NULL },
	{ "unissued", KIND_COUNT, OR_NULL_OR_NOT, NULL },
	{ "ops_per_second", KIND_NUMBER, NEEDED, NULL },
	{ "spread_percent", KIND_NUMBER, NEEDED, NULL },
	{ "latency_ns", KIND_OBJECT, NEEDED, latency_fields },
	{ "service_ns", KIND_OBJECT, OR_NULL_OR_NOT, latency_fields },
	{ "slip_ns", KIND_OBJECT, OR_NULL_OR_NOT, latency_fields },
	{ "cpu_ns_per_op", KIND_NUMBER, OR_NULL, NULL },
	{ "context_switches_per_op", KIND_NUMBER, OR_NULL, NULL },
	{ "entries", KIND_COUNT, OR_NULL_OR_NOT, NULL },
	{ "syscalls_per_100_entries", KIND_NUMBER, OR_NULL_OR_NOT, NULL },
	{ "syscalls_per_op", KIND_NUMBER, OR_NULL, NULL },
	{ "submissions_per_enter", KIND_NUMBER, OR_NULL, NULL },
	{ "placement", KIND_OBJECT, NEEDED, placement_fields },
	{ "engine_counters", KIND_FREE, OR_NULL_OR_NOT, NULL },
	{ "ratios", KIND_RATIOS, NEEDED, NULL },
	{ "rounds", KIND_ROUNDS, NEEDED, NULL },
	{ "histogram", KIND_HISTOGRAM, NEEDED, NULL },
	{ NULL, KIND_TEXT, NEEDED, NULL },
};

static const struct field host_fields[] = {
	{ "kernel", KIND_TEXT, NEEDED, NULL },
	{ "machine", KIND_TEXT, NEEDED, NULL },
	{ "processor", KIND_TEXT, NEEDED, NULL },
	{ "processors", KIND_COUNT, NEEDED, NULL },
	{ "file_system", KIND_TEXT, NEEDED, NULL },
	{ "governor", KIND_TEXT, OR_NULL_OR_NOT, NULL },
	{ "memory", KIND_COUNT, OR_NULL_OR_NOT, NULL },
	{ "mount_source", KIND_TEXT, OR_NULL_OR_NOT, NULL },
	{ "mount_options", KIND_TEXT, OR_NULL_OR_NOT, NULL },
	{ "mitigations", KIND_FREE, OR_NULL_OR_NOT, NULL },
	{ "steal_percent", KIND_NUMBER, OR_NULL_OR_NOT, NULL },
	{ "other_cpu_percent", KIND_NUMBER, OR_NULL_OR_NOT, NULL },
	{ NULL, KIND_TEXT, NEEDED, NULL },
};

static const struct field document_fields[] = {
	{ "schema", KIND_TEXT, NEEDED, NULL },
	{ "version", KIND_TEXT, NEEDED, NULL },
	{ "complete", KIND_BOOLEAN, NEEDED, NULL },
	{ "warnings", KIND_TEXTS, NEEDED, NULL },
	{ "host", KIND_OBJECT, NEEDED, host_fields },
	{ "config", KIND_FREE, NEEDED, NULL },
	{ NULL, KIND_TEXT, NEEDED, NULL },
};

/* Where in the document we are; for the line about what is wrong. */
struct checker {
	TALLOC_CTX *mem_ctx;
	char where[160];
	char **why;
};

static bool wrong(struct checker *checker, const char *what)
{
	*checker->why = talloc_asprintf(checker->mem_ctx, "%s %s", checker->where, what);
	return false;
}

/* Appends to where we are; gives what to cut it back to afterwards. */
static size_t enter(struct checker *checker, const char *name)
{
	size_t length = strlen(checker->where);

	snprintf(checker->where + length,
		 sizeof(checker->where) - length,
		 "%s%s",
		 length > 0 && name[0] != '[' ? "." : "",
		 name);
	return length;
}

static size_t enter_index(struct checker *checker, size_t index)
{
	char name[32];

	snprintf(name, sizeof(name), "[%zu]", index);
	return enter(checker, name);
}

static void leave(struct checker *checker, size_t length)
{
	checker->where[length] = '\0';
}

static bool check_fields(struct checker *checker, const json_t *object, const struct field *fields);

static bool check_number(struct checker *checker, const json_t *value)
{
	double number = json_number_value(value);

	if (!json_is_number(value)) {
		return wrong(checker, "is not a number");
	}
	if (!(number >= 0)) {
		return wrong(checker, "is negative");
	}
	if (number > BENCH_DOCUMENT_MAX_NUMBER) {
		return wrong(checker, "is larger than 10^18");
	}
	return true;
}

static bool check_count(struct checker *checker, const json_t *value)
{
	if (!json_is_integer(value)) {
		return wrong(checker, "is not a whole number");
	}
	return check_number(checker, value);
}

static bool check_text(struct checker *checker, const json_t *value)
{
	if (!json_is_string(value)) {
		return wrong(checker, "is not a string");
	}
	if (json_string_length(value) > MAX_TEXT) {
		return wrong(checker, "is a string of more than 4096 bytes");
	}
	return true;
}

static bool check_texts(struct checker *checker, const json_t *array)
{
	size_t i = 0;
	bool ok = true;

	if (!json_is_array(array)) {
		return wrong(checker, "is not an array");
	}
	for (i = 0; i < json_array_size(array) && ok; i++) {
		size_t length = enter_index(checker, i);

		ok = check_text(checker, json_array_get(array, i));
		leave(checker, length);
	}
	return ok;
}

/* An array of at most `most` objects with these fields. */
static bool
check_objects(struct checker *checker, const json_t *array, const struct field *fields, size_t most)
{
	char what[64];
	size_t i = 0;
	bool ok = true;

	if (!json_is_array(array)) {
		return wrong(checker, "is not an array");
	}
	if (json_array_size(array) > most) {
		snprintf(what, sizeof(what), "has more than %zu elements", most);
		return wrong(checker, what);
	}
	for (i = 0; i < json_array_size(array) && ok; i++) {
		size_t length = enter_index(checker, i);

		ok = check_fields(checker, json_array_get(array, i), fields);
		leave(checker, length);
	}
	return ok;
}

static bool check_ratios(struct checker *checker, const json_t *object)
{
	const char *name = NULL;
	json_t *value = NULL;

	if (!json_is_object(object)) {
		return wrong(checker, "is not an object");
	}
	if (json_object_size(object) > BENCH_DOCUMENT_MAX_BASELINES) {
		return wrong(checker, "has more than 64 baselines");
	}
	/* The macro wants to write to what it walks, for its "safe" sibling. */
	json_object_foreach((json_t *)object, name, value)
	{
		/* The baseline's name is anyone's; a place in the array says enough. */
		size_t length = enter(checker, "*");
		bool ok = strlen(name) <= MAX_TEXT || wrong(checker, "has too long a name");

		ok = ok && check_fields(checker, value, ratio_fields);
		leave(checker, length);
		if (!ok) {
			return false;
		}
	}
	return true;
}

/* [[ns, count], ...] with ns rising. */
static bool check_buckets(struct checker *checker, const json_t *array)
{
	double previous = -1;
	double total = 0;
	size_t i = 0;

	if (!json_is_array(array)) {
		return wrong(checker, "is not an array");
	}
	if (json_array_size(array) > MAX_BUCKETS) {
		return wrong(checker, "has more than 20000 buckets");
	}
	for (i = 0; i < json_array_size(array); i++) {
		const json_t *bucket = json_array_get(array, i);
		const json_t *count = json_array_get(bucket, 1);
		size_t length = enter_index(checker, i);
		bool ok = json_array_size(bucket) == 2 || wrong(checker, "is not [ns, count]");

		ok = ok && check_number(checker, json_array_get(bucket, 0)) &&
		     check_count(checker, count);
		if (ok && json_integer_value(count) == 0) {
			ok = wrong(checker, "is an empty bucket");
		}
		if (ok && json_number_value(json_array_get(bucket, 0)) <= previous) {
			ok = wrong(checker, "is not above the bucket before");
		}
		previous = json_number_value(json_array_get(bucket, 0));
		total += json_number_value(count);
		if (ok && total > BENCH_DOCUMENT_MAX_NUMBER) {
			ok = wrong(checker, "makes the sum of all counts larger than 10^18");
		}
		leave(checker, length);
		if (!ok) {
			return false;
		}
	}
	return true;
}

static bool check_histogram(struct checker *checker, const json_t *object)
{
	static const char *const names[] = { "latency", "service", "slip" };
	size_t i = 0;

	if (!json_is_object(object)) {
		return wrong(checker, "is not an object");
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *buckets = json_object_get(object, names[i]);
		size_t length = enter(checker, names[i]);
		bool ok = true;

		if (buckets != NULL) {
			ok = check_buckets(checker, buckets);
		} else if (i == 0) {
			ok = wrong(checker, "is missing");
		}
		leave(checker, length);
		if (!ok) {
			return false;
		}
	}
	return true;
}

static bool check_value(struct checker *checker, const json_t *value, const struct field *field)
{
	switch (field->kind) {
	case KIND_TEXT:
		return check_text(checker, value);
	case KIND_NUMBER:
		return check_number(checker, value);
	case KIND_COUNT:
		return check_count(checker, value);
	case KIND_BOOLEAN:
		return json_is_boolean(value) || wrong(checker, "is neither true nor false");
	case KIND_OBJECT:
		return check_fields(checker, value, field->fields);
	case KIND_FREE:
		return json_is_object(value) || wrong(checker, "is not an object");
	case KIND_TEXTS:
		return check_texts(checker, value);
	case KIND_RATIOS:
		return check_ratios(checker, value);
	case KIND_ROUNDS:
		return check_objects(checker, value, round_fields, MAX_ROUNDS);
	case KIND_HISTOGRAM:
		return check_histogram(checker, value);
	}
	return false;
}

/* Fields that we do not know are not ours to judge. */
static bool check_fields(struct checker *checker, const json_t *object, const struct field *fields)
{
	size_t i = 0;

	if (!json_is_object(object)) {
		return wrong(checker, "is not an object");
	}
	for (i = 0; fields[i].name != NULL; i++) {
		const json_t *value = json_object_get(object, fields[i].name);
		size_t length = enter(checker, fields[i].name);
		bool ok = true;

		if (value == NULL && fields[i].need != OR_NULL_OR_NOT) {
			ok = wrong(checker, "is missing");
		} else if (value != NULL && (!json_is_null(value) || fields[i].need == NEEDED)) {
			ok = check_value(checker, value, &fields[i]);
		}
		leave(checker, length);
		if (!ok) {
			return false;
		}
	}
	return true;
}

/* What the types alone do not say. */
static bool check_result(struct checker *checker, const json_t *result)
{
	const char *load = bench_document_text(result, "load");
	const char *cache = bench_document_text(result, "cache");
	bool open = strcmp(load, "open") == 0;
	double rate = bench_document_number(result, "rate");

	if (bench_document_text(result, "engine")[0] == '\0' ||
	    bench_document_text(result, "op")[0] == '\0') {
		return wrong(checker, "has an engine or an op without a name");
	}
	if (!open && strcmp(load, "closed") != 0) {
		return wrong(checker, "has a load that is neither \"closed\" nor \"open\"");
	}
	if (strcmp(cache, "hot") != 0 && strcmp(cache, "cold") != 0) {
		return wrong(checker, "has a cache that is neither \"hot\" nor \"cold\"");
	}
	if (open != (rate > 0)) {
		return wrong(checker,
			     open ? "has an open load without a rate"
				  : "has a closed load with a rate");
	}
	if (bench_document_number(result, "depth") < 1) {
		return wrong(checker, "has a depth of 0");
	}
	return true;
}

static bool check_results(struct checker *checker, const json_t *document)
{
	const json_t *results = json_object_get(document, "results");
	size_t i = 0;
	bool ok = true;

	enter(checker, "results");
	if (results == NULL) {
		return wrong(checker, "is missing");
	}
	if (!check_objects(checker, results, result_fields, MAX_RESULTS)) {
		return false;
	}
	for (i = 0; i < json_array_size(results) && ok; i++) {
		size_t length = enter_index(checker, i);

		ok = check_result(checker, json_array_get(results, i));
		leave(checker, length);
	}
	return ok;
}

bool bench_document_check(TALLOC_CTX *mem_ctx, const json_t *document, char **why)
{
	struct checker checker = { .mem_ctx = mem_ctx, .why = why };
	const char *schema = json_string_value(json_object_get(document, "schema"));

	*why = NULL;
	/* First, so that another kind of file is called that, and not one with a missing field. */
	if (schema == NULL || strcmp(schema, BENCH_DOCUMENT_SCHEMA) != 0) {
		*why = talloc_asprintf(
			mem_ctx, "not a document of schema \"%s\"", BENCH_DOCUMENT_SCHEMA);
		return false;
	}
	return check_fields(&checker, document, document_fields) &&
	       check_results(&checker, document);
}
