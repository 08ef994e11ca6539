/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The script is gnuplot's standard input and what it complains of goes to another file in memory,
 * so that nobody has to feed and empty pipes while waiting.
 */
#include "gnuplot.h"

#include "program_name.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

FILE *bench_gnuplot_script(void)
{
	int fd = memfd_create("gnuplot", MFD_CLOEXEC);
	FILE *script = fd != -1 ? fdopen(fd, "w+") : NULL;

	if (script == NULL) {
		fprintf(stderr,
			"%s: no memory for gnuplot's script: %s\n",
			bench_program_name,
			strerror(errno));
		if (fd != -1) {
			close(fd);
		}
	}
	return script;
}

/* -d: nobody's ~/.gnuplot. The locale would decide what a decimal point is. */
static int spawn(int script_fd, int complaints_fd, int dir_fd, pid_t *pid)
{
	char name[] = "gnuplot";
	char defaults[] = "-d";
	char input[] = "-";
	char *const arguments[] = { name, defaults, input, NULL };
	const char *path = getenv("PATH");
	char path_variable[4096];
	char locale[] = "LC_ALL=C.UTF-8";
	char home[] = "HOME=/nonexistent";
	char *const environment[] = { path_variable, locale, home, NULL };
	posix_spawn_file_actions_t actions;
	int error = 0;

	snprintf(path_variable,
		 sizeof(path_variable),
		 "PATH=%s",
		 path != NULL ? path : "/usr/bin:/bin");
	error = posix_spawn_file_actions_init(&actions);
	if (error != 0) {
		return error;
	}
	error = posix_spawn_file_actions_adddup2(&actions, script_fd, STDIN_FILENO);
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(&actions, complaints_fd, STDOUT_FILENO);
	}
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(&actions, complaints_fd, STDERR_FILENO);
	}
	if (error == 0) {
		error = posix_spawn_file_actions_addfchdir_np(&actions, dir_fd);
	}
	if (error == 0) {
		error = posix_spawnp(pid, name, &actions, NULL, arguments, environment);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* False when the time is over; gnuplot is gone in any case. */
static bool wait_for(pid_t pid, unsigned int seconds, int *status)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	unsigned int tries = seconds * 100;
	pid_t ret = 0;

	for (ret = 0; tries > 0; tries--) {
		ret = waitpid(pid, status, WNOHANG);
		if (ret == pid) {
			return true;
		}
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	do {
		ret = waitpid(pid, status, 0);
	} while (ret == -1 && errno == EINTR);
	return false;
}

/* The last line, which has the reason in it. */
static void show_complaint(FILE *complaints)
{
	char line[256];
	char last[256] = "no reason given";

	rewind(complaints);
	while (fgets(line, sizeof(line), complaints) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[strspn(line, " \t^")] != '\0') {
			memcpy(last, line, sizeof(last));
		}
	}
	fprintf(stderr, "%s: gnuplot failed: %s\n", bench_program_name, last + strspn(last, " \t"));
}

bool bench_gnuplot_run(FILE *script, int dir_fd, unsigned int seconds)
{
	FILE *complaints = bench_gnuplot_script();
	pid_t pid = -1;
	int status = 0;
	int error = 0;
	bool ok = false;

	if (complaints == NULL) {
		return false;
	}
	error = fflush(script);
	if (error != 0 || ferror(script) != 0) {
		error = ENOSPC;
	}
	if (error == 0) {
		rewind(script);
		error = spawn(fileno(script), fileno(complaints), dir_fd, &pid);
	}
	if (error == ENOENT) {
		fprintf(stderr,
			"%s: plots need gnuplot, which is not installed (Debian: gnuplot-nox)\n",
			bench_program_name);
	} else if (error != 0) {
		fprintf(stderr,
			"%s: cannot run gnuplot: %s\n",
			bench_program_name,
			strerror(error));
	} else if (!wait_for(pid, seconds, &status)) {
		fprintf(stderr,
			"%s: gnuplot did not end within %u seconds and was killed\n",
			bench_program_name,
			seconds);
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		show_complaint(complaints);
	} else {
		ok = true;
	}
	fclose(complaints);
	return ok;
}
