/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report of a replay that never was: outcomes that are known beforehand, so that test_report.sh
 * can tell what has to be in it. What it writes is chosen as for "pathring-replay run".
 */
#include "program_name.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bench_program_name[] = "sample-report";

#define OK 0U
#define ACCESS_DENIED 0xc0000022U
#define NAME_NOT_FOUND 0xc0000034U
#define SHARING_VIOLATION 0xc0000043U

#define MS 1000000ULL

/* In a round: 1000 requests, of which 950 are replayed, 47 skipped and 3 failed. */
static const struct {
	size_t count;
	enum replay_command command;
	enum replay_fate fate;
	uint32_t recorded;
	uint32_t status;
	bool mismatched;
	const char *explained;
	const char *reason;
	const char *path;
	uint64_t service_ns;
} kinds[] = {
	{ .count = 400, .command = REPLAY_CREATE, .service_ns = 20000, .path = "docs/a.txt" },
	{ .count = 80,
	  .command = REPLAY_CREATE,
	  .recorded = NAME_NOT_FOUND,
	  .status = NAME_NOT_FOUND,
	  .service_ns = 10000,
	  .path = "desktop.ini" },
	{ .count = 7,
	  .command = REPLAY_CREATE,
	  .status = ACCESS_DENIED,
	  .mismatched = true,
	  .service_ns = 5000,
	  .path = "secret/<b>plan</b>\033[2J\xff.odt" },
	{ .count = 5,
	  .command = REPLAY_CREATE,
	  .recorded = SHARING_VIOLATION,
	  .explained = "share modes are not replayed",
	  .service_ns = 5000,
	  .path = "report.ods" },
	{ .count = 398, .command = REPLAY_CLOSE, .service_ns = 2000 },
	{ .count = 60, .command = REPLAY_READ, .service_ns = 50000 },
	{ .count = 40,
	  .command = REPLAY_IOCTL,
	  .fate = REPLAY_SKIPPED,
	  .reason = "no operation of a file system" },
	{ .count = 7,
	  .command = REPLAY_LOCK,
	  .fate = REPLAY_SKIPPED,
	  .reason = "locks are not replayed" },
	{ .count = 3,
	  .command = REPLAY_WRITE,
	  .fate = REPLAY_FAILED,
	  .reason = "its handle was not opened" },
};

#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define NUM_REQUESTS 1000

static void add_operations(struct replay_results *results,
			   enum replay_command command,
			   uint32_t status,
			   uint64_t service_ns)
{
	if (command == REPLAY_CREATE) {
		replay_results_add_operation(results,
					     PATHRING_OPENAT,
					     service_ns / 2,
					     status == OK	       ? 0
					     : status == ACCESS_DENIED ? -EACCES
								       : -ENOENT);
	} else if (command == REPLAY_READ) {
		replay_results_add_operation(results, PATHRING_PREAD, service_ns, 4096);
	}
}

/* A request each millisecond in the trace, and each tenth of it in the replay. */
static void fill_round(struct replay_results *results, size_t slower, size_t limit, uint64_t slip)
{
	uint64_t number = 0;
	size_t i = 0;
	size_t j = 0;

	for (i = 0; i < NUM_KINDS; i++) {
		for (j = 0; j < kinds[i].count && number < limit; j++) {
			struct replay_request request = {
				.id = number + 1,
				.time = number * MS,
				.duration = kinds[i].service_ns * 10,
				.session = 1 + (uint32_t)(number % 2),
				.command = kinds[i].command,
				.present =
					REPLAY_HAS_STATUS | REPLAY_HAS_TIME | REPLAY_HAS_DURATION,
				.status = kinds[i].recorded,
			};
			struct replay_outcome outcome = {
				.request = &request,
				.fate = kinds[i].fate,
				.reason = kinds[i].reason,
				.path = kinds[i].path,
				.user = number % 2 == 0 ? "anna" : NULL,
				.status = kinds[i].status,
				.mismatched = kinds[i].mismatched,
				.explained = kinds[i].explained,
				.service_ns = kinds[i].service_ns * slower + number,
				.slip_ns = slip * (number % 10),
				.finished_ns = (number + 1) * MS / 10 * slower,
			};

			replay_results_add(results, &outcome);
			if (kinds[i].fate == REPLAY_REPLAYED) {
				add_operations(results,
					       request.command,
					       outcome.status,
					       outcome.service_ns);
			}
			number++;
		}
	}
}

static void usage(void)
{
	fprintf(stderr,
		"usage: sample-report [--engines N] [--speed F] [--limit N] [--cut] [--json FILE] "
		"[--csv FILE] [--plot DIR]\n");
	exit(2);
}

int main(int argc, const char **argv)
{
	static const char *const engines[] = { "pathring", "threads", "sync" };
	struct pathring_stats stats = { .submissions = 500, .enters = 100 };
	struct replay_trace_header header = { .source = "capture", .begun = 1700000000.5 };
	struct replay_trace_end end = { .requests = NUM_REQUESTS };
	struct replay_report_paths paths = { 0 };
	struct replay_report_about about = {
		.trace = "/traces/a day's work.trace",
		.header = &header,
		.end = &end,
		.requests = NUM_REQUESTS,
		.sessions = 2,
		.duration_ns = (NUM_REQUESTS - 1) * MS,
		.round_requests = NUM_REQUESTS,
		.root = "/srv/replay",
	};
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct replay_report *report = NULL;
	struct replay_results *results = NULL;
	json_t *options = NULL;
	size_t num_engines = 1;
	size_t limit = NUM_REQUESTS;
	bool ok = false;
	int i = 0;
	size_t j = 0;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--cut") == 0) {
			about.end = NULL;
			continue;
		}
		if (i + 1 == argc) {
			usage();
		}
		if (strcmp(argv[i], "--engines") == 0) {
			num_engines = strtoul(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--speed") == 0) {
			about.speed = strtod(argv[++i], NULL);
		} else if (strcmp(argv[i], "--limit") == 0) {
			limit = strtoul(argv[++i], NULL, 10);
			about.interrupted = true;
		} else if (strcmp(argv[i], "--json") == 0) {
			paths.json = argv[++i];
		} else if (strcmp(argv[i], "--csv") == 0) {
			paths.csv = argv[++i];
		} else if (strcmp(argv[i], "--plot") == 0) {
			paths.plot = argv[++i];
		} else {
			usage();
		}
	}
	if (num_engines > sizeof(engines) / sizeof(engines[0])) {
		usage();
	}
	report = replay_report_open(mem_ctx, &paths);
	if (report == NULL) {
		talloc_free(mem_ctx);
		return EXIT_FAILURE;
	}
	stats.operation[PATHRING_OPENAT].placed[PATHRING_RING] = 246;
	stats.operation[PATHRING_PREAD].placed[PATHRING_INLINE] = 60;
	options = json_pack("{s:s, s:i, s:b}", "order", "resource", "depth", 64, "init", 1);
	about.options = options;
	about.root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	results = replay_results_create(mem_ctx);
	for (j = 0; j < num_engines; j++) {
		replay_results_begin_round(results, engines[j]);
		/* The interruption comes in the last round. */
		fill_round(results,
			   j + 1,
			   j + 1 == num_engines ? limit : NUM_REQUESTS,
			   about.speed > 0 ? 3000 : 0);
		if (j == 0) {
			replay_results_set_engine(results, "uring", &stats);
		}
		replay_results_end_round(results, 100 * MS * (j + 1), 50 * MS * (j + 1));
	}
	ok = replay_report_write(report, results, &about);
	json_decref(options);
	talloc_free(mem_ctx);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
