/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compares outcomes and trees, and says what differs in a way that it can be made again: seed,
 * round, cell, user, call, and what came before in that cell.
 */
#include "verdict.h"

#include <errno.h>
#include <string.h>

#include "operations.h"
#include "round.h"
#include "side.h"
#include "tree.h"
#include "users.h"

/* Differences shown in full; what comes after them is mostly their consequence. */
#define MAX_SHOWN 5

static size_t shown;

struct count {
	uint64_t ok;
	uint64_t denied;
	uint64_t failed;
	uint64_t abandoned;
};

static struct count counts[64];

static void count_call(const struct call *call, const struct outcome *outcome)
{
	struct count *count = &counts[call->operation];

	if (call->abandoned) {
		count->abandoned++;
	} else if (outcome->result >= 0) {
		count->ok++;
	} else if (outcome->result == -EACCES || outcome->result == -EPERM) {
		count->denied++;
	} else {
		count->failed++;
	}
}

static void print_call(FILE *file, const struct oracle *oracle, const struct call *call)
{
	fprintf(file, "%-11s slot %d", operations[call->operation]->name, call->slot);
	if (call->slot2 >= 0) {
		fprintf(file, " slot2 %d", call->slot2);
	}
	if (call->into >= 0) {
		fprintf(file, " into %d", call->into);
	}
	if (call->name[0] != '\0') {
		fprintf(file, " name '%s'", call->name[0] == '\001' ? "(long)" : call->name);
	}
	if (call->name2[0] != '\0') {
		fprintf(file, " name2 '%s'", call->name2[0] == '\001' ? "(long)" : call->name2);
	}
	fprintf(file,
		" flags 0%llo mode %04o resolve 0x%llx ids %d:%d size %u offset %lld length %lld",
		(unsigned long long)call->flags,
		call->mode,
		(unsigned long long)call->resolve,
		(int)call->uid,
		(int)call->gid,
		call->size,
		(long long)call->offset,
		(long long)call->length);
	fprintf(file,
		"%s%s%s%s%s%s%s by ",
		call->drop ? " dropped" : "",
		call->transient ? " transient" : "",
		call->borrowed ? " borrowed" : "",
		call->fresh_who ? " fresh" : "",
		call->spoils ? " spoils" : "",
		call->waited ? " waited" : "",
		call->abandoned ? " abandoned" : "");
	users_print(file, &oracle->whos[call->who]);
	fputc('\n', file);
}

static void print_place(FILE *file, const struct oracle *oracle, uint32_t index)
{
	const struct cell *cell = &oracle->cells[index];
	unsigned int i = cell->num_log > CELL_LOG ? cell->num_log - CELL_LOG : 0;

	fprintf(file,
		"seed %llu, round %llu, cell %u\n",
		(unsigned long long)oracle->options->seed,
		(unsigned long long)oracle->round,
		index);
	side_print(file, oracle);
	fprintf(file,
		"the last of %u calls in this cell since it was built (seed %llu):\n",
		cell->num_log,
		(unsigned long long)cell->seed);
	for (; i < cell->num_log; i++) {
		fprintf(file, "  ");
		print_call(file, oracle, &cell->log[i % CELL_LOG]);
	}
}

static bool compare_outcome(const struct oracle *oracle, size_t index)
{
	const struct call *call = &oracle->calls[index];
	const struct outcome *actual = &oracle->flights[index].outcome;
	const struct outcome *expected = &oracle->expected[index];
	bool same;

	same = call->abandoned || outcome_same(actual, expected);
	if (!same && shown++ < MAX_SHOWN) {
		fprintf(stderr, "\noracle: different outcomes of\n  ");
		print_call(stderr, oracle, call);
		fprintf(stderr, "  pathring: ");
		outcome_print(stderr, actual);
		fprintf(stderr, "  plain:    ");
		outcome_print(stderr, expected);
		print_place(stderr, oracle, call->cell);
	}
	count_call(call, expected);
	return same;
}

/* The lines that are in one text only. */
static void print_lines(const char *title, const char *text, const char *other)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		char line[4096];

		snprintf(line, sizeof(line), "%.*s\n", (int)length, text);
		if (strstr(other, line) == NULL) {
			fprintf(stderr, "  %s %s", title, line);
		}
		text += length + (text[length] == '\n');
	}
}

static bool compare_cell(const struct oracle *oracle, uint32_t index)
{
	static char text_a[TEXT_SPACE];
	static char text_b[TEXT_SPACE];
	int ret_a;
	int ret_b;

	ret_a = tree_tell_cell(oracle->tree_a, index, text_a);
	ret_b = tree_tell_cell(oracle->tree_b, index, text_b);
	if (ret_a == 0 && ret_b == 0 && strcmp(text_a, text_b) == 0) {
		return true;
	}
	if (shown++ < MAX_SHOWN) {
		fprintf(stderr, "\noracle: different cells\n");
		if (ret_a < 0 || ret_b < 0) {
			fprintf(stderr, "  told: %s and %s\n", strerror(-ret_a), strerror(-ret_b));
		}
		print_lines("pathring:", text_a, text_b);
		print_lines("plain:   ", text_b, text_a);
		print_place(stderr, oracle, index);
	}
	return false;
}

size_t verdict_round(const struct oracle *oracle)
{
	size_t different = 0;
	bool same;
	size_t i;

	for (i = 0; i < oracle->num_calls; i++) {
		same = compare_outcome(oracle, i);
		different += !same;
	}
	for (i = 0; i < oracle->num_cells && different == 0; i++) {
		if (round_cell_ends(&oracle->cells[i])) {
			same = compare_cell(oracle, (uint32_t)i);
			different += !same;
		}
	}
	return different;
}

size_t verdict_trees(const struct oracle *oracle)
{
	size_t different = 0;
	size_t i;

	for (i = 0; i < oracle->num_cells; i++) {
		bool same = compare_cell(oracle, (uint32_t)i);

		different += !same;
	}
	return different;
}

void verdict_print_table(FILE *file)
{
	struct count total = { 0 };
	size_t i;

	fprintf(file,
		"%-12s %12s %12s %12s %12s\n",
		"operation",
		"ok",
		"denied",
		"other",
		"abandoned");
	for (i = 0; i < num_operations; i++) {
		const struct count *count = &counts[i];

		fprintf(file,
			"%-12s %12llu %12llu %12llu %12llu\n",
			operations[i]->name,
			(unsigned long long)count->ok,
			(unsigned long long)count->denied,
			(unsigned long long)count->failed,
			(unsigned long long)count->abandoned);
		if (operations[i]->weight > 0) {
			total.ok += count->ok;
			total.denied += count->denied;
			total.failed += count->failed;
			total.abandoned += count->abandoned;
		}
	}
	fprintf(file,
		"%-12s %12llu %12llu %12llu %12llu\n",
		"total",
		(unsigned long long)total.ok,
		(unsigned long long)total.denied,
		(unsigned long long)total.failed,
		(unsigned long long)total.abandoned);
}
