/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts tshark and ends it.
 */
#include "capture_tshark.h"

#include "capture_config.h"
#include "message.h"
#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * tshark runs as a user whom nothing belongs to. One of these, which nobody has an account for
 * (systemd gives them out to services, and takes one that is free, as is done here), rather than
 * "nobody": whoever else runs as that could read its memory, where a password may be.
 */
#define FIRST_UID 61184
#define LAST_UID 65519

/* It needs some 300 MB for its tables, and keeps a note of each message. */
#define LEAST_MEMORY (2ULL << 30)

/* What it may write to a file, which is its complaints. */
#define MAX_COMPLAINTS (1 << 20)

#define MAX_ARGUMENTS 64

struct capture_tshark {
	pid_t pid; /* 0: it has ended */
	int output_fd;
	int complaints_fd;
	struct capture_config *config;
	char *complaint;
};

static void close_fd(int *fd)
{
	if (*fd != -1) {
		close(*fd);
		*fd = -1;
	}
}

static int reap(struct capture_tshark *tshark)
{
	int status = 0;

	while (waitpid(tshark->pid, &status, 0) == -1 && errno == EINTR) {
	}
	tshark->pid = 0;
	return status;
}

static int end_tshark(struct capture_tshark *tshark)
{
	if (tshark->pid != 0) {
		kill(tshark->pid, SIGKILL);
		reap(tshark);
	}
	close_fd(&tshark->output_fd);
	close_fd(&tshark->complaints_fd);
	return 0;
}

/* ---- what it may do ---- */

/* 0: there is none, or who runs this has no more rights than tshark should have. */
static uid_t pick_user(void)
{
	uid_t first = FIRST_UID + (uid_t)getpid() % (LAST_UID - FIRST_UID + 1);
	uid_t uid = first;

	if (geteuid() != 0) {
		return 0;
	}
	do {
		if (getpwuid(uid) == NULL) {
			return uid;
		}
		uid = uid == LAST_UID ? FIRST_UID : uid + 1;
	} while (uid != first);
	return 0;
}

static bool limit(int resource, rlim_t value)
{
	const struct rlimit limits = { .rlim_cur = value, .rlim_max = value };

	return setrlimit(resource, &limits) == 0;
}

/* Half of what there is, for a capture may be made to need more than there is. */
static rlim_t memory_limit(void)
{
	unsigned long long all = (unsigned long long)sysconf(_SC_PHYS_PAGES) *
				 (unsigned long long)sysconf(_SC_PAGESIZE);

	return all / 2 > LEAST_MEMORY ? all / 2 : LEAST_MEMORY;
}

/*
 * In the child, between fork() and exec(). A network of its own is an empty one; not everywhere
 * can it be had. Everything else must work, or tshark does not run.
 */
static bool confine(uid_t uid, rlim_t memory)
{
	if (uid != 0) {
		(void)unshare(CLONE_NEWNET | CLONE_NEWIPC);
	}
	if (!limit(RLIMIT_AS, memory) || !limit(RLIMIT_CORE, 0) ||
	    !limit(RLIMIT_FSIZE, MAX_COMPLAINTS)) {
		return false;
	}
	if (uid != 0 && (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
			 setresuid(uid, uid, uid) != 0)) {
		return false;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0;
}

/* ---- starting ---- */

struct start {
	const char *arguments[MAX_ARGUMENTS];
	size_t num_arguments;
	const char *environment[6];
	int input_fd;
	int output_fd;
	int complaints_fd;
	uid_t uid;
	rlim_t memory;
	pid_t parent;
};

static void add_argument(struct start *start, const char *argument)
{
	if (start->num_arguments + 1 < MAX_ARGUMENTS) {
		start->arguments[start->num_arguments++] = argument;
	}
}

static bool add_port(TALLOC_CTX *mem_ctx, struct start *start, const char *port)
{
	char *rule = NULL;

	if (start->num_arguments + 3 > MAX_ARGUMENTS) {
		replay_complain("--port %s: too many ports", port);
		return false;
	}
	rule = talloc_asprintf(mem_ctx, "tcp.port==%s,nbss", port);
	if (rule == NULL) {
		replay_complain_memory();
		return false;
	}
	add_argument(start, "-d");
	add_argument(start, rule);
	return true;
}

/*
 * -P with a column, and no -V, is what keeps tshark from making the whole tree of a frame: then it
 * has only the fields that the filter names. That is a third of the time, and a tenth of the
 * output.
 */
static bool make_arguments(TALLOC_CTX *mem_ctx,
			   struct start *start,
			   const struct replay_import *import,
			   const char *filter)
{
	static const char *const fixed[] = { "tshark", "-n", "-P", "-r", "-", "-T", "ek", "-Y" };
	size_t i = 0;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		add_argument(start, fixed[i]);
	}
	add_argument(start, filter);
	for (i = 0; import->ports != NULL && import->ports[i] != NULL; i++) {
		if (!add_port(mem_ctx, start, import->ports[i])) {
			return false;
		}
	}
	return true;
}

/* Nothing of the user's, whose configuration may change what tshark writes. */
static bool make_environment(TALLOC_CTX *mem_ctx, struct start *start, const char *config_dir)
{
	const char *path = getenv("PATH");
	size_t i = 0;

	start->environment[0] =
		talloc_asprintf(mem_ctx, "PATH=%s", path != NULL ? path : "/usr/bin:/bin");
	start->environment[1] = talloc_asprintf(mem_ctx, "HOME=%s", config_dir);
	start->environment[2] = talloc_asprintf(mem_ctx, "WIRESHARK_CONFIG_DIR=%s", config_dir);
	start->environment[3] = "LC_ALL=C.UTF-8";
	start->environment[4] = "TZ=UTC";
	for (i = 0; i < 5; i++) {
		if (start->environment[i] == NULL) {
			replay_complain_memory();
			return false;
		}
	}
	return true;
}

static void __attribute__((noreturn)) run_child(const struct start *start)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGPIPE, SIGALRM, SIGHUP };
	sigset_t none;
	size_t i = 0;

	/* Ctrl-C is for who reads, and ends this one when it has read enough. */
	setsid();
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		signal(numbers[i], SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(start->input_fd, STDIN_FILENO) != -1 &&
	    dup2(start->output_fd, STDOUT_FILENO) != -1 &&
	    dup2(start->complaints_fd, STDERR_FILENO) != -1) {
		(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
		if (chdir("/") == 0 && confine(start->uid, start->memory) &&
		    getppid() == start->parent) {
			execvpe("tshark",
				(char *const *)start->arguments,
				(char *const *)start->environment);
		}
		dprintf(STDERR_FILENO, "cannot run tshark: %s\n", strerror(errno));
	}
	_exit(127);
}

static bool make_channels(struct capture_tshark *tshark, struct start *start)
{
	int fds[2] = { -1, -1 };

	tshark->complaints_fd = memfd_create("tshark", MFD_CLOEXEC);
	if (tshark->complaints_fd == -1 || pipe2(fds, O_CLOEXEC) == -1) {
		replay_complain("cannot run tshark: %s", strerror(errno));
		return false;
	}
	tshark->output_fd = fds[0];
	start->output_fd = fds[1];
	start->complaints_fd = tshark->complaints_fd;
	return true;
}

static bool start_tshark(struct capture_tshark *tshark,
			 struct start *start,
			 const struct replay_import *import,
			 const char *filter)
{
	if (!bench_has_program("tshark")) {
		replay_complain("captures are read by tshark, which is not installed "
				"(Debian: apt-get install tshark)");
		return false;
	}
	tshark->config = capture_config_create(tshark, import, start->uid);
	if (tshark->config == NULL || !make_arguments(tshark, start, import, filter) ||
	    !make_environment(tshark, start, capture_config_dir(tshark->config)) ||
	    !make_channels(tshark, start)) {
		return false;
	}
	tshark->pid = fork();
	if (tshark->pid == 0) {
		run_child(start);
	}
	if (tshark->pid == -1) {
		tshark->pid = 0;
		replay_complain("cannot run tshark: %s", strerror(errno));
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
	struct start start = { .input_fd = input_fd,
			       .output_fd = -1,
			       .uid = pick_user(),
			       .memory = memory_limit(),
			       .parent = getpid() };

	if (tshark == NULL) {
		replay_complain_memory();
		return NULL;
	}
	tshark->output_fd = -1;
	tshark->complaints_fd = -1;
	talloc_set_destructor(tshark, end_tshark);
	if (!start_tshark(tshark, &start, import, filter)) {
		TALLOC_FREE(tshark);
	}
	close_fd(&start.output_fd);
	return tshark;
}

int capture_tshark_output(const struct capture_tshark *tshark)
{
	return tshark->output_fd;
}

/* ---- ending ---- */

/* The last line of what it said. */
static const char *last_words(struct capture_tshark *tshark)
{
	char text[4096];
	off_t size = lseek(tshark->complaints_fd, 0, SEEK_END);
	off_t begin = size > (off_t)sizeof(text) - 1 ? size - ((off_t)sizeof(text) - 1) : 0;
	ssize_t length = pread(tshark->complaints_fd, text, sizeof(text) - 1, begin);
	char *line = NULL;

	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\0')) {
		length--;
	}
	if (length <= 0) {
		return "";
	}
	text[length] = '\0';
	line = strrchr(text, '\n');
	line = line != NULL ? line + 1 : text;
	if (strncmp(line, "tshark: ", strlen("tshark: ")) == 0) {
		line += strlen("tshark: ");
	}
	tshark->complaint = talloc_strdup(tshark, line);
	return tshark->complaint != NULL ? tshark->complaint : "";
}

enum capture_tshark_end capture_tshark_wait(struct capture_tshark *tshark, const char **complaint)
{
	int status = reap(tshark);

	*complaint = last_words(tshark);
	if (WIFSIGNALED(status)) {
		return CAPTURE_TSHARK_DIED;
	}
	return WEXITSTATUS(status) == 0 ? CAPTURE_TSHARK_DONE : CAPTURE_TSHARK_COMPLAINED;
}
