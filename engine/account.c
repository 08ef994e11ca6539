/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine's account for people: what ran where, and under whom. The counting is done in
 * request.c.
 */
#include "placement.h"

#include <inttypes.h>

#define NAME_OF_OPERATION(constant, name) [PATHRING_##constant] = #name,

static const char *const operation_names[PATHRING_NUM_OPERATIONS] = { PATHRING_OPERATIONS(
	NAME_OF_OPERATION) };

static const char *const placement_names[PATHRING_NUM_PLACEMENTS] = {
	[PATHRING_INLINE] = "inline",
	[PATHRING_RING] = "ring",
	[PATHRING_THREAD] = "thread",
};

const char *pathring_operation_name(enum pathring_operation operation)
{
	return operation < PATHRING_NUM_OPERATIONS ? operation_names[operation] : "unknown";
}

const char *pathring_placement_name(enum pathring_placement placement)
{
	return placement < PATHRING_NUM_PLACEMENTS ? placement_names[placement] : "unknown";
}

#define TEXT_OF_REASON(constant, text) [PATHRING_REASON_##constant] = text,

static const char *const reason_texts[PATHRING_NUM_REASONS] = { PATHRING_REASONS(TEXT_OF_REASON) };

const char *pathring_reason_text(enum pathring_reason reason)
{
	return reason < PATHRING_NUM_REASONS ? reason_texts[reason] : "unknown";
}

static char *append_counters(char *text,
			     const char *label,
			     const uint64_t placed[PATHRING_NUM_PLACEMENTS],
			     uint64_t denied,
			     uint64_t failed)
{
	return talloc_asprintf_append(text,
				      "%-28s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %10" PRIu64
				      " %10" PRIu64 "\n",
				      label,
				      placed[PATHRING_RING],
				      placed[PATHRING_THREAD],
				      placed[PATHRING_INLINE],
				      denied,
				      failed);
}

static char *append_header(char *text, const char *label)
{
	return talloc_asprintf_append(text,
				      "%-28s %12s %12s %12s %10s %10s\n",
				      label,
				      "ring",
				      "thread",
				      "inline",
				      "denied",
				      "failed");
}

static char *append_latencies(const struct pathring *ring, char *text)
{
	static const double quantiles[] = { 0.5, 0.99, 0.999 };
	int operation;
	int placement;
	size_t i;

	for (operation = 0; operation < PATHRING_NUM_OPERATIONS; operation++) {
		for (placement = 0; placement < PATHRING_NUM_PLACEMENTS; placement++) {
			if (ring->latencies[operation][placement] == NULL) {
				continue;
			}
			text = talloc_asprintf_append(text,
						      "%-12s %-7s p50, p99, p99.9 us:",
						      operation_names[operation],
						      placement_names[placement]);
			for (i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
				uint64_t nsec =
					pathring_latency(ring, operation, placement, quantiles[i]);

				text = talloc_asprintf_append(text, " %.1f", nsec / 1e3);
			}
			text = talloc_asprintf_append(text, "\n");
		}
	}
	return text;
}

/* Where there was a choice, why it was made. */
static char *append_reasons(const struct pathring *ring, char *text)
{
	int operation;
	int reason;

	for (operation = 0; operation < PATHRING_NUM_OPERATIONS; operation++) {
		const uint64_t *counts = ring->stats.operation[operation].reason;

		for (reason = PATHRING_REASON_ONLY_WAY + 1; reason < PATHRING_NUM_REASONS;
		     reason++) {
			if (counts[reason] > 0) {
				text = talloc_asprintf_append(text,
							      "%-12s %12" PRIu64 " because: %s\n",
							      operation_names[operation],
							      counts[reason],
							      reason_texts[reason]);
			}
		}
	}
	return text;
}

char *pathring_account(struct pathring *ring, TALLOC_CTX *mem_ctx)
{
	const struct identity *identity = NULL;
	char label[64];
	char *text = NULL;
	int operation;

	text = talloc_strdup(mem_ctx, "");
	text = append_header(text, "operation");
	for (operation = 0; operation < PATHRING_NUM_OPERATIONS; operation++) {
		const struct pathring_operation_stats *stats = &ring->stats.operation[operation];

		text = append_counters(text,
				       operation_names[operation],
				       stats->placed,
				       stats->denied,
				       stats->failed);
	}
	text = append_latencies(ring, text);
	text = append_reasons(ring, text);
	text = placement_describe(ring, text);
	text = append_header(text, "identity");
	TAILQ_FOREACH(identity, &ring->identities.used, used_link) {
		const struct identity_counters *counters = &identity->counters;

		snprintf(label,
			 sizeof(label),
			 "uid %u gid %u +%zu groups",
			 (unsigned int)identity->target.uid,
			 (unsigned int)identity->target.gid,
			 identity->target.num_groups);
		text = append_counters(
			text, label, counters->placed, counters->denied, counters->failed);
	}
	return talloc_asprintf_append(text,
				      "%" PRIu64 " submissions in %" PRIu64
				      " io_uring_enter, %" PRIu64 " fallbacks, %" PRIu64
				      " orphaned, %" PRIu64 " personalities registered, %" PRIu64
				      " credential switches\n",
				      ring->stats.submissions,
				      ring->stats.enters,
				      ring->stats.fallbacks,
				      ring->stats.orphaned,
				      ring->stats.registrations,
				      ring->stats.switches);
}
