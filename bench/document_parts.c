/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what was measured to the parts of a document.
 */
#include "document_parts.h"

static json_t *optional(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

static json_t *mitigations_to_json(const struct bench_host *host)
{
	json_t *mitigations = json_object();
	size_t i = 0;

	for (i = 0; i < host->num_mitigations; i++) {
		json_object_set_new(mitigations,
				    host->mitigations[i].weakness,
				    json_string(host->mitigations[i].state));
	}
	return mitigations;
}

json_t *bench_host_json(const struct bench_host *host, const struct bench_noise *noise)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:f, s:f}",
			 "kernel",
			 host->kernel,
			 "machine",
			 host->machine,
			 "processor",
			 host->processor,
			 "processors",
			 (json_int_t)host->processors,
			 "governor",
			 optional(host->governor),
			 "memory",
			 json_integer((json_int_t)host->memory),
			 "file_system",
			 host->file_system,
			 "mount_source",
			 optional(host->mount_source),
			 "mount_options",
			 optional(host->mount_options),
			 "mitigations",
			 mitigations_to_json(host),
			 "steal_percent",
			 bench_noise_steal_percent(noise),
			 "other_cpu_percent",
			 bench_noise_other_percent(noise));
}

json_t *bench_buckets_json(const struct bench_histogram *histogram)
{
	json_t *buckets = json_array();
	struct bench_histogram_bucket bucket;
	size_t position = 0;

	while (bench_histogram_next(histogram, &position, &bucket)) {
		json_array_append_new(buckets,
				      json_pack("[o, o]",
						json_integer((json_int_t)bucket.middle),
						json_integer((json_int_t)bucket.count)));
	}
	return buckets;
}

bool bench_document_write(const json_t *document, FILE *file)
{
	int ret = json_dumpf(document, file, JSON_INDENT(2) | JSON_REAL_PRECISION(12));

	if (ret == 0) {
		ret = fputc('\n', file) == EOF ? -1 : fflush(file);
	}
	return ret == 0;
}
