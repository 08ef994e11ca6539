/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tshark takes the length of a message for one of 24 bits, as it is in SMB over TCP, on port 445
 * only; anywhere else it has 17 bits, as in SMB over NetBIOS (dissect_nbss() in
 * epan/dissectors/packet-nbns.c), so that reads and writes of more than 128 KiB come out as
 * garbage. With other ports there are therefore two more processes in front of it: editcap brings
 * the capture into one format, and the ports in that are changed to 445 (capture_ports.h).
 */
#include "capture_tshark.h"

#include "capture_config.h"
#include "capture_ports.h"
#include "message.h"
#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CHILDREN 3
#define NUM_VARIABLES 5

struct capture_tshark {
	struct capture_child *children[MAX_CHILDREN]; /* in the order of what flows through them */
	size_t num_children;
	int output_fd; /* of the last one */
	struct capture_config *config;
};

static int close_output(struct capture_tshark *tshark)
{
	if (tshark->output_fd != -1) {
		close(tshark->output_fd);
	}
	return 0;
}

/* Nothing of the user's, whose configuration may change what tshark writes. */
static const char **make_environment(TALLOC_CTX *mem_ctx, const char *config_dir)
{
	const char *path = getenv("PATH");
	const char **environment = talloc_zero_array(mem_ctx, const char *, NUM_VARIABLES + 1);
	size_t i = 0;

	if (environment == NULL) {
		return NULL;
	}
	environment[0] =
		talloc_asprintf(environment, "PATH=%s", path != NULL ? path : "/usr/bin:/bin");
	environment[1] = talloc_asprintf(environment, "HOME=%s", config_dir);
	environment[2] = talloc_asprintf(environment, "WIRESHARK_CONFIG_DIR=%s", config_dir);
	environment[3] = "LC_ALL=C.UTF-8";
	environment[4] = "TZ=UTC";
	for (i = 0; i < NUM_VARIABLES; i++) {
		if (environment[i] == NULL) {
			return NULL;
		}
	}
	return environment;
}

/*
 * One more behind those that there are: it reads *input_fd, which is closed then if it is one of
 * ours, and *input_fd becomes what it writes.
 */
static bool add_child(struct capture_tshark *tshark, struct capture_job *job, int *input_fd)
{
	int fds[2] = { -1, -1 };
	struct capture_child *child = NULL;

	if (pipe2(fds, O_CLOEXEC) == -1) {
		replay_complain("cannot run %s: %s", job->name, strerror(errno));
		return false;
	}
	job->input_fd = *input_fd;
	job->output_fd = fds[1];
	child = capture_child_start(tshark, job);
	close(fds[1]);
	close_output(tshark);
	tshark->output_fd = fds[0];
	*input_fd = fds[0];
	if (child != NULL) {
		tshark->children[tshark->num_children++] = child;
	}
	return child != NULL;
}

/*
 * tshark -P with a column, and no -V, is what keeps it from making the whole tree of a frame: then
 * it has only the fields that the filter names. That is a third of the time, and a tenth of the
 * output.
 */
static bool start_children(struct capture_tshark *tshark,
			   const struct replay_import *import,
			   int input_fd,
			   const char *filter,
			   uid_t uid)
{
	const char *const tshark_arguments[] = { "tshark", "-n", "-P", "-r",   "-",
						 "-T",	   "ek", "-Y", filter, NULL };
	static const char *const editcap_arguments[] = {
		"editcap", "-F", "pcapng", "-", "-", NULL
	};
	const char **environment = make_environment(tshark, capture_config_dir(tshark->config));
	struct capture_job normalise = { .name = "editcap",
					 .arguments = editcap_arguments,
					 .environment = environment,
					 .uid = uid };
	struct capture_job change = { .name = "changing the ports",
				      .run = capture_ports_run,
				      .private_data = import->ports,
				      .uid = uid };
	struct capture_job dissect = { .name = "tshark",
				       .arguments = tshark_arguments,
				       .environment = environment,
				       .uid = uid };

	if (environment == NULL) {
		replay_complain_memory();
		return false;
	}
	if (import->ports != NULL &&
	    (!add_child(tshark, &normalise, &input_fd) || !add_child(tshark, &change, &input_fd))) {
		return false;
	}
	return add_child(tshark, &dissect, &input_fd);
}

static bool is_installed(const char *name)
{
	if (!bench_has_program(name)) {
		replay_complain("captures are read by %s, which is not installed "
				"(Debian: apt-get install tshark)",
				name);
		return false;
	}
	return true;
}

struct capture_tshark *capture_tshark_start(TALLOC_CTX *mem_ctx,
					    const struct replay_import *import,
					    int input_fd,
					    const char *filter)
{
	struct capture_tshark *tshark = talloc_zero(mem_ctx, struct capture_tshark);
	uid_t uid = capture_child_pick_user();

	if (tshark == NULL) {
		replay_complain_memory();
		return NULL;
	}
	tshark->output_fd = -1;
	talloc_set_destructor(tshark, close_output);
	if (is_installed("tshark") && (import->ports == NULL || is_installed("editcap"))) {
		tshark->config = capture_config_create(tshark, import, uid);
	}
	if (tshark->config == NULL || !start_children(tshark, import, input_fd, filter, uid)) {
		TALLOC_FREE(tshark);
	}
	return tshark;
}

int capture_tshark_output(const struct capture_tshark *tshark)
{
	return tshark->output_fd;
}

enum capture_child_end capture_tshark_wait(struct capture_tshark *tshark, const char **complaint)
{
	enum capture_child_end end = CAPTURE_CHILD_DONE;
	size_t i = 0;

	*complaint = "";
	for (i = 0; i < tshark->num_children; i++) {
		const char *words = "";
		enum capture_child_end this_end = capture_child_wait(tshark->children[i], &words);

		if (end == CAPTURE_CHILD_DONE) {
			end = this_end;
			*complaint = words;
		}
	}
	return end;
}
