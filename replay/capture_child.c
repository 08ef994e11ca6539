/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts processes without rights, and ends them.
 */
#include "capture_child.h"

#include "message.h"
#include "signals.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * They run as a user whom nothing belongs to. One of these, which nobody has an account for
 * (systemd gives them out to services, and takes one that is free, as is done here), rather than
 * "nobody": whoever else runs as that could read their memory, where a password may be.
 */
#define FIRST_UID 61184
#define LAST_UID 65519

/* tshark needs some 300 MB for its tables, and keeps a note of each message. */
#define LEAST_MEMORY (2ULL << 30)

/* What may be written to a file, which is complaints. */
#define MAX_COMPLAINTS (1 << 20)

#define SECONDS_TO_END 20

struct capture_child {
	pid_t pid; /* 0: it has ended */
	int complaints_fd;
	char *complaint;
};

static int reap(struct capture_child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) == -1 && errno == EINTR) {
	}
	child->pid = 0;
	return status;
}

static int end_child(struct capture_child *child)
{
	if (child->pid != 0) {
		kill(child->pid, SIGKILL);
		reap(child);
	}
	close(child->complaints_fd);
	return 0;
}

/* ---- what it may do ---- */

uid_t capture_child_pick_user(void)
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
 * can it be had. Everything else must work, or nothing runs. Our own functions bound their memory
 * themselves.
 */
static bool confine(const struct capture_job *job, rlim_t memory)
{
	uid_t uid = job->uid;

	if (uid != 0) {
		(void)unshare(CLONE_NEWNET | CLONE_NEWIPC);
	}
	if ((job->arguments != NULL && !limit(RLIMIT_AS, memory)) || !limit(RLIMIT_CORE, 0) ||
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

static void __attribute__((noreturn))
run_child(const struct capture_job *job, int complaints_fd, rlim_t memory, pid_t parent)
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
	if (dup2(job->input_fd, STDIN_FILENO) != -1 && dup2(job->output_fd, STDOUT_FILENO) != -1 &&
	    dup2(complaints_fd, STDERR_FILENO) != -1 && close_range(3, ~0U, 0) == 0 &&
	    chdir("/") == 0 && confine(job, memory) && getppid() == parent) {
		if (job->arguments == NULL) {
			_exit(job->run(job->private_data));
		}
		execvpe(job->name, (char *const *)job->arguments, (char *const *)job->environment);
	}
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", job->name, strerror(errno));
	_exit(127);
}

struct capture_child *capture_child_start(TALLOC_CTX *mem_ctx, const struct capture_job *job)
{
	struct capture_child *child = talloc_zero(mem_ctx, struct capture_child);
	rlim_t memory = memory_limit();
	pid_t parent = getpid();

	if (child == NULL) {
		replay_complain_memory();
		return NULL;
	}
	child->complaints_fd = memfd_create(job->name, MFD_CLOEXEC);
	if (child->complaints_fd == -1) {
		replay_complain("cannot run %s: %s", job->name, strerror(errno));
		talloc_free(child);
		return NULL;
	}
	talloc_set_destructor(child, end_child);
	child->pid = fork();
	if (child->pid == 0) {
		run_child(job, child->complaints_fd, memory, parent);
	}
	if (child->pid == -1) {
		child->pid = 0;
		replay_complain("cannot run %s: %s", job->name, strerror(errno));
		TALLOC_FREE(child);
	}
	return child;
}

/* ---- ending ---- */

/* The last line of what it said, without the program's name in front. */
static const char *last_words(struct capture_child *child)
{
	char text[4096];
	off_t size = lseek(child->complaints_fd, 0, SEEK_END);
	off_t begin = size > (off_t)sizeof(text) - 1 ? size - ((off_t)sizeof(text) - 1) : 0;
	ssize_t length = pread(child->complaints_fd, text, sizeof(text) - 1, begin);
	char *line = NULL;
	size_t name = 0;

	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\0')) {
		length--;
	}
	if (length <= 0) {
		return "";
	}
	text[length] = '\0';
	line = strrchr(text, '\n');
	line = line != NULL ? line + 1 : text;
	name = strspn(line, "abcdefghijklmnopqrstuvwxyz");
	if (strncmp(line + name, ": ", 2) == 0) {
		line += name + 2;
	}
	child->complaint = talloc_strdup(child, line);
	return child->complaint != NULL ? child->complaint : "";
}

/* What has nothing more to write ends soon, or is ended. */
static int await(struct capture_child *child)
{
	const struct timespec pause = { .tv_nsec = 2 * 1000 * 1000 };
	unsigned int tries = SECONDS_TO_END * 500;
	int status = 0;

	while (tries > 0 && bench_signal_caught() == 0) {
		if (waitpid(child->pid, &status, WNOHANG) == child->pid) {
			child->pid = 0;
			return status;
		}
		nanosleep(&pause, NULL);
		tries--;
	}
	kill(child->pid, SIGKILL);
	return reap(child);
}

enum capture_child_end capture_child_wait(struct capture_child *child, const char **complaint)
{
	int status = await(child);

	*complaint = last_words(child);
	if (WIFSIGNALED(status)) {
		return CAPTURE_CHILD_DIED;
	}
	return WEXITSTATUS(status) == 0 ? CAPTURE_CHILD_DONE : CAPTURE_CHILD_COMPLAINED;
}
