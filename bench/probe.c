/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tries everything under an identity in a directory of its own, and says what came of it.
 */
#include "probe.h"

#include "command_line.h"
#include "host.h"
#include "probe_machine.h"
#include "probe_operations.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first user of a run. It need not exist. */
#define PROBE_UID 60000

enum option { OPTION_DIR = 1, NUM_OPTIONS };

struct probe {
	const char *dir;
	int parent_fd;
	char name[32]; /* of the directory in it; empty: it could not be made */
	int dir_fd;    /* of that, or of the parent */
	uid_t uid;     /* whose identity requests have */
	struct tevent_context *ev;
	struct pathring *learned;
	struct pathring *pinned;
	struct probe_trial learned_trials[PATHRING_NUM_OPERATIONS];
	struct probe_trial pinned_trials[PATHRING_NUM_OPERATIONS];
	char *description;
	struct probe_missing *missing;
};

/* False after a message on stderr. */
static bool open_directory(struct probe *probe)
{
	int tries = 0;
	int ret = -1;

	probe->parent_fd = open(probe->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (probe->parent_fd == -1) {
		fprintf(stderr,
			"pathring-bench: probe: cannot open %s: %s\n",
			probe->dir,
			strerror(errno));
		return false;
	}
	do {
		snprintf(probe->name,
			 sizeof(probe->name),
			 "pathring-probe-%d-%d",
			 (int)getpid(),
			 tries);
		ret = mkdirat(probe->parent_fd, probe->name, 0700);
		tries++;
	} while (ret == -1 && errno == EEXIST && tries < 100);
	if (ret == 0) {
		probe->dir_fd = openat(probe->parent_fd,
				       probe->name,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (probe->dir_fd != -1 && probe->uid != geteuid()) {
			ret = fchown(probe->dir_fd, probe->uid, probe->uid);
		}
		if (probe->dir_fd != -1 && ret == 0) {
			return true;
		}
	}
	probe_miss(
		probe->missing,
		"files: cannot make a directory in %s: %s; what changes something was not tried: "
		"choose another with --dir",
		probe->dir,
		strerror(errno));
	if (tries > 0 && probe->dir_fd != -1) {
		close(probe->dir_fd);
	}
	unlinkat(probe->parent_fd, probe->name, AT_REMOVEDIR);
	probe->name[0] = '\0';
	probe->dir_fd = probe->parent_fd;
	return true;
}

/* False after a message on stderr, when something stays behind. */
static bool close_directory(struct probe *probe)
{
	bool ok = true;

	if (probe->name[0] != '\0') {
		probe_clean_up(probe->dir_fd);
		close(probe->dir_fd);
		ok = unlinkat(probe->parent_fd, probe->name, AT_REMOVEDIR) == 0;
		if (!ok) {
			fprintf(stderr,
				"pathring-bench: probe: cannot remove %s/%s: %s\n",
				probe->dir,
				probe->name,
				strerror(errno));
		}
	}
	if (probe->parent_fd != -1) {
		close(probe->parent_fd);
	}
	return ok;
}

static int try_engine(struct probe *probe,
		      enum pathring_pin pin,
		      struct pathring **ring,
		      struct probe_trial *trials)
{
	const struct pathring_options options = { .pin = pin };
	struct pathring_identity *identity = NULL;
	gid_t gid = probe->uid;
	int ret = pathring_create(probe->ev, probe->ev, &options, ring);

	if (ret != 0) {
		return ret;
	}
	ret = pathring_start(*ring);
	if (ret == 0 && probe->uid != geteuid()) {
		ret = pathring_identity_unix(*ring, probe->ev, probe->uid, gid, NULL, 0, &identity);
	} else if (ret == 0) {
		identity = pathring_identity_process(*ring);
	}
	if (ret == 0) {
		probe_operations(*ring, identity, probe->dir_fd, probe->name[0] != '\0', trials);
	}
	return ret;
}

/* What the engine says of one operation, or NULL. */
static char *described(const char *description, const char *name)
{
	size_t length = strlen(name);
	const char *line = description;

	while (line != NULL) {
		const char *text = line + strspn(line, " ");

		if (strncmp(text, name, length) == 0 && text[length] == ' ' &&
		    strspn(text + length, " ") > 1) {
			text += length + strspn(text + length, " ");
			return talloc_strndup(description, text, strcspn(text, "\n"));
		}
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	return NULL;
}

/* The lines that are about no operation. */
static void print_description(const char *description)
{
	const char *line = description;

	while (*line != '\0') {
		int length = (int)strcspn(line, "\n");
		int operation = 0;
		size_t name_length = 0;
		const char *text = line + strspn(line, " ");

		for (operation = 0; operation < PATHRING_NUM_OPERATIONS; operation++) {
			const char *name =
				pathring_operation_name((enum pathring_operation)operation);

			name_length = strlen(name);
			if (strncmp(text, name, name_length) == 0 &&
			    strspn(text + name_length, " ") > 1) {
				break;
			}
		}
		if (operation == PATHRING_NUM_OPERATIONS) {
			printf("  %.*s\n", length, line);
		}
		line += length;
		line += *line == '\n' ? 1 : 0;
	}
}

static void print_trials(const struct probe *probe)
{
	int i = 0;

	printf("  %-12s %-8s %-48s %-8s %s\n", "operation", "ran", "because", "pinned", "the ring");
	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		const struct probe_trial *learned = &probe->learned_trials[i];
		const struct probe_trial *pinned = &probe->pinned_trials[i];
		const char *name = pathring_operation_name((enum pathring_operation)i);
		const char *text = described(probe->description, name);

		if (!learned->tried) {
			printf("  %-12s %-8s %-48s %-8s %s\n",
			       name,
			       "-",
			       "not tried",
			       "-",
			       text != NULL ? text : "");
		} else if (learned->error != 0) {
			printf("  %-12s %-8s %-48s %-8s %s\n",
			       name,
			       "failed",
			       strerror(-learned->error),
			       "-",
			       text != NULL ? text : "");
		} else {
			printf("  %-12s %-8s %-48s %-8s %s\n",
			       name,
			       pathring_placement_name(learned->placement),
			       pathring_reason_text(learned->reason),
			       pinned->tried && pinned->error == 0
				       ? pathring_placement_name(pinned->placement)
				       : "failed",
			       text != NULL ? text : "");
		}
	}
}

/* What follows from the trials. */
static void judge(struct probe *probe)
{
	const struct probe_trial *setxattr = &probe->learned_trials[PATHRING_SETXATTR];
	const struct probe_trial *getxattr = &probe->learned_trials[PATHRING_GETXATTR];
	bool ring = pathring_backend(probe->learned) == PATHRING_BACKEND_URING;
	int i = 0;

	if (!ring) {
		probe_refused(probe->missing);
	}
	if (geteuid() != 0) {
		probe_miss(probe->missing,
			   "identities: only root may make requests for other users; run as root");
	}
	if (setxattr->error == -EOPNOTSUPP || getxattr->error == -EOPNOTSUPP) {
		probe_miss(probe->missing,
			   "user xattrs: none on this file system, and a run needs them; choose "
			   "another (ext4, XFS, Btrfs; tmpfs from Linux 6.6 on)");
	}
	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		const struct probe_trial *learned = &probe->learned_trials[i];
		const struct probe_trial *pinned = &probe->pinned_trials[i];
		const char *name = pathring_operation_name((enum pathring_operation)i);
		bool xattr = i == PATHRING_SETXATTR || i == PATHRING_GETXATTR ||
			     i == PATHRING_REMOVEXATTR;

		if (learned->error != 0 && (learned->error != -EOPNOTSUPP || !xattr)) {
			probe_miss(probe->missing,
				   "%s: %s%s",
				   name,
				   strerror(-learned->error),
				   learned->error == -EOPNOTSUPP
					   ? ", which is the file system's to say"
					   : "");
		} else if (pinned->error != learned->error) {
			probe_miss(probe->missing,
				   "%s through the ring: %s",
				   name,
				   strerror(-pinned->error));
		}
	}
}

static const char *kind_of_file_system(const struct probe *probe)
{
	bool remote = false;
	bool objective = false;
	int i = 0;

	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		const struct probe_trial *trial = &probe->learned_trials[i];

		if (trial->tried && trial->error == 0) {
			remote = remote || trial->reason == PATHRING_REASON_REMOTE;
			objective = objective || trial->reason == PATHRING_REASON_OBJECTIVE;
		}
	}
	if (objective) {
		return "not one that may be asked by a kernel worker under a personality";
	}
	return remote ? "not a local one: requests are kept out of the engine's thread"
		      : "a local one: requests may run in the engine's thread";
}

/* Where operations can go, and do. */
static void print_conclusion(const struct probe *probe)
{
	size_t ring = 0;
	size_t tried = 0;
	size_t i = 0;

	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		const struct probe_trial *pinned = &probe->pinned_trials[i];

		tried += pinned->tried ? 1 : 0;
		ring += pinned->tried && pinned->error == 0 && pinned->placement == PATHRING_RING;
	}
	printf("\nconclusion\n  ");
	if (pathring_backend(probe->learned) != PATHRING_BACKEND_URING) {
		printf("There is no ring here; requests run in %s.\n",
		       pathring_backend(probe->learned) == PATHRING_BACKEND_THREADS
			       ? "helper threads"
			       : "the calling thread");
	} else if (ring == 0) {
		printf("The kernel gives a ring, but nothing goes through it on this file system; requests run "
		       "in helper threads.\n");
	} else {
		printf("The ring works here: it took %zu of the %zu operations tried when they were "
		       "pinned to it.\n",
		       ring,
		       tried);
	}
	if (probe->missing->num == 0) {
		printf("  Nothing is missing.\n");
		return;
	}
	printf("  Missing, or to know:\n");
	for (i = 0; i < probe->missing->num; i++) {
		printf("  - %s\n", probe->missing->texts[i]);
	}
}

static void print_head(const struct probe *probe)
{
	const struct bench_host *host = bench_host(probe->ev, probe->parent_fd);

	if (host == NULL) {
		return;
	}
	printf("Linux %s %s, %ld x %s\n",
	       host->kernel,
	       host->machine,
	       host->processors,
	       host->processor);
	printf("%s: %s on %s (%s)\n",
	       probe->dir,
	       host->file_system,
	       host->mount_source != NULL ? host->mount_source : "?",
	       host->mount_options != NULL ? host->mount_options : "?");
	printf("  %s\n\n", kind_of_file_system(probe));
}

static bool probe_all(struct probe *probe)
{
	int ret = try_engine(probe, PATHRING_PIN_LEARNED, &probe->learned, probe->learned_trials);

	if (ret == 0) {
		ret = try_engine(probe, PATHRING_PIN_RING, &probe->pinned, probe->pinned_trials);
	}
	if (ret == 0) {
		probe->description = pathring_describe(probe->learned, probe->ev);
		ret = probe->description != NULL ? 0 : -ENOMEM;
	}
	if (ret != 0) {
		fprintf(stderr, "pathring-bench: probe: no engine: %s\n", strerror(-ret));
		return false;
	}
	if (bench_signal_caught() != 0) {
		return false;
	}
	print_head(probe);
	printf("the engine\n");
	print_description(probe->description);
	printf("\noperations of user %u%s%s\n",
	       (unsigned int)probe->uid,
	       probe->name[0] != '\0' ? ", in a new directory in " : ", on ",
	       probe->dir);
	print_trials(probe);
	printf("\n");
	judge(probe);
	probe_machine(probe->missing);
	print_conclusion(probe);
	return true;
}

static bool read_arguments(TALLOC_CTX *mem_ctx, int argc, const char **argv, const char **dir)
{
	static const struct poptOption table[] = {
		{ "dir",
		  '\0',
		  POPT_ARG_STRING,
		  NULL,
		  OPTION_DIR,
		  "Where to try (default: working directory); nothing stays there",
		  "DIR" },
		POPT_AUTOHELP POPT_TABLEEND
	};
	const struct bench_arguments *arguments = bench_arguments_read(
		mem_ctx,
		argc,
		argv,
		table,
		NUM_OPTIONS,
		"[--dir DIR]\n"
		"Shows what the ring can do here, what is missing, and what to do about it.");

	if (arguments == NULL) {
		return false;
	}
	if (arguments->rest[0] != NULL) {
		bench_refuse("probe", arguments->rest[0], "not expected, see --help");
		return false;
	}
	*dir = bench_argument(arguments, OPTION_DIR, ".");
	return true;
}

int probe_main(int argc, const char **argv)
{
	struct tevent_context *ev = tevent_context_init(NULL);
	struct probe probe = {
		.parent_fd = -1,
		.dir_fd = -1,
		.uid = geteuid() == 0 ? PROBE_UID : geteuid(),
		.ev = ev,
	};
	bool ok = false;

	if (ev != NULL) {
		probe.missing = talloc_zero(ev, struct probe_missing);
	}
	if (probe.missing == NULL) {
		bench_refuse_memory();
		talloc_free(ev);
		return EXIT_FAILURE;
	}
	ok = read_arguments(ev, argc, argv, &probe.dir);
	if (!ok) {
		talloc_free(ev);
		return 2;
	}
	ok = bench_signals_install();
	ok = ok && open_directory(&probe) && probe_all(&probe);
	talloc_free(probe.learned);
	talloc_free(probe.pinned);
	ok = close_directory(&probe) && ok;
	talloc_free(ev);
	if (bench_signal_caught() != 0) {
		return 128 + bench_signal_caught();
	}
	return ok && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
