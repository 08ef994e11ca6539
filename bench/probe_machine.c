/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the kernel about limits and permissions, and looks for the programs that pathring-bench can
 * make use of.
 */
#include "probe_machine.h"

#include "engine.h"
#include "programs.h"
#include "system_calls.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Depth 1024 with three slots each and some thousand files. */
#define ENOUGH_DESCRIPTORS 8192

/* 256 kernel workers and 128 helper threads, and what the user has besides. */
#define ENOUGH_PROCESSES 1024

void probe_miss(struct probe_missing *missing, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	text = talloc_vasprintf(missing, format, arguments);
	va_end(arguments);
	missing->texts = talloc_realloc(missing, missing->texts, char *, missing->num + 1);
	if (text == NULL || missing->texts == NULL) {
		missing->num = 0;
		return;
	}
	missing->texts[missing->num] = text;
	missing->num++;
}

/* A number that a file begins with, or -1. */
static long number_in(const char *path)
{
	long number = -1;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		return -1;
	}
	if (fscanf(file, "%ld", &number) != 1) {
		number = -1;
	}
	fclose(file);
	return number;
}

/* The number of a line "KEY: NUMBER" of /proc/self/status, or -1. */
static long own_status(const char *key)
{
	char line[256];
	long number = -1;
	FILE *file = fopen("/proc/self/status", "re");

	if (file == NULL) {
		return -1;
	}
	while (number == -1 && fgets(line, sizeof(line), file) != NULL) {
		size_t length = strlen(key);

		if (strncmp(line, key, length) == 0 && line[length] == ':') {
			number = strtol(line + length + 1, NULL, 10);
		}
	}
	fclose(file);
	return number;
}

static void print_limit(const char *name, rlim_t value)
{
	if (value == RLIM_INFINITY) {
		printf("  %-28s unlimited\n", name);
	} else {
		printf("  %-28s %llu\n", name, (unsigned long long)value);
	}
}

static void print_limits(struct probe_missing *missing)
{
	struct rlimit descriptors;
	struct rlimit processes;
	struct rlimit memory;

	getrlimit(RLIMIT_NOFILE, &descriptors);
	getrlimit(RLIMIT_NPROC, &processes);
	getrlimit(RLIMIT_MEMLOCK, &memory);
	print_limit("open files at most (hard)", descriptors.rlim_max);
	print_limit("threads of a user at most", processes.rlim_cur);
	print_limit("locked memory at most", memory.rlim_cur);
	if (descriptors.rlim_max < ENOUGH_DESCRIPTORS && geteuid() != 0) {
		probe_miss(missing,
			   "open files: %llu are few for many requests at a time; raise ulimit -Hn "
			   "(systemd: LimitNOFILE=) to %d",
			   (unsigned long long)descriptors.rlim_max,
			   ENOUGH_DESCRIPTORS);
	}
	if (processes.rlim_cur < ENOUGH_PROCESSES) {
		probe_miss(missing,
			   "threads: %llu of a user are few for helper threads and the kernel's "
			   "workers, which count too; raise ulimit -u (systemd: LimitNPROC=)",
			   (unsigned long long)processes.rlim_cur);
	}
}

static void print_permissions(void)
{
	static const char *const disabled_texts[] = {
		"0: everybody may have a ring",
		"1: only CAP_SYS_ADMIN and kernel.io_uring_group may have a ring",
		"2: nobody may have a ring",
	};
	static const char *const seccomp_texts[] = { "none", "strict", "a filter is in force" };
	long disabled = number_in("/proc/sys/kernel/io_uring_disabled");
	long seccomp = own_status("Seccomp");

	printf("  %-28s %s\n",
	       "kernel.io_uring_disabled",
	       disabled >= 0 && disabled <= 2 ? disabled_texts[disabled]
					      : "not there (before Linux 6.6)");
	printf("  %-28s %s\n",
	       "seccomp",
	       seccomp >= 0 && seccomp <= 2 ? seccomp_texts[seccomp] : "unknown");
}

static void print_tool(const char *name, const char *absent, const char *use)
{
	printf("  %-28s %s\n", name, absent == NULL ? use : absent);
}

static void print_tools(struct probe_missing *missing)
{
	char *why = NULL;
	int fd = bench_system_calls_open(missing, &why);
	const char *fio = bench_engine_absent(&bench_engine_fio);
	const char *libuv = bench_engine_absent(&bench_engine_libuv);
	const char *gnuplot =
		bench_has_program("gnuplot") ? NULL : "not installed (Debian: gnuplot-nox)";

	if (fd == -1) {
		probe_miss(missing,
			   "system calls per operation can't be counted: %s; that needs root (or "
			   "CAP_PERFMON and CAP_SYS_ADMIN), and a kernel with tracepoints",
			   why != NULL ? why : "out of memory");
	} else {
		close(fd);
	}
	print_tool("counting of system calls", fd == -1 ? "no" : NULL, "yes");
	print_tool("fio", fio, "installed: --engine fio");
	print_tool("libuv", libuv, "built in: --engine libuv");
	print_tool("gnuplot", gnuplot, "installed: --plot");
	if (fio != NULL) {
		probe_miss(missing, "--engine fio: %s", fio);
	}
	if (libuv != NULL) {
		probe_miss(missing, "--engine libuv: %s", libuv);
	}
	if (gnuplot != NULL) {
		probe_miss(missing, "--plot: gnuplot is %s", gnuplot);
	}
}

void probe_machine(struct probe_missing *missing)
{
	printf("limits and permissions\n");
	print_limits(missing);
	print_permissions();
	printf("\ntools\n");
	print_tools(missing);
}

void probe_refused(struct probe_missing *missing)
{
	struct io_uring_params params = { .flags = 0 };
	long fd = syscall(SYS_io_uring_setup, 4, &params);
	int error = errno;
	long disabled = number_in("/proc/sys/kernel/io_uring_disabled");

	if (fd != -1) {
		close((int)fd);
		probe_miss(
			missing,
			"the ring: the kernel gives one, but not what the engine needs of it: see "
			"above");
		return;
	}
	if (disabled == 2) {
		probe_miss(missing, "the ring: sysctl kernel.io_uring_disabled=0 (or 1) allows it");
	} else if (disabled == 1 && error == EPERM) {
		probe_miss(
			missing,
			"the ring: run as root, join the group of sysctl kernel.io_uring_group, or "
			"set kernel.io_uring_disabled=0");
	} else if (own_status("Seccomp") > 0) {
		probe_miss(
			missing,
			"the ring: io_uring_setup: %s, by a seccomp filter; allow the system calls "
			"io_uring_setup, io_uring_enter and io_uring_register in it (container: a "
			"profile of its own; systemd: SystemCallFilter=@io-event)",
			strerror(error));
	} else if (error == ENOMEM) {
		probe_miss(missing, "the ring: raise the limit of locked memory (ulimit -l)");
	} else {
		probe_miss(missing, "the ring: io_uring_setup: %s", strerror(error));
	}
}
