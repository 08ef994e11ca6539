/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * perf_event_open(2) on raw_syscalls:sys_enter.
 */
#include "system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* tracefs, without a place in the file system: where it has none, it gets none. -1 with errno. */
static int open_tracefs(void)
{
	int context = fsopen("tracefs", FSOPEN_CLOEXEC);
	int fd = -1;
	int ret = 0;

	if (context == -1) {
		return -1;
	}
	ret = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (ret == 0) {
		fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	}
	close(context);
	return fd;
}

/* The number of the tracepoint. */
static bool read_id(int dir_fd, uint64_t *id)
{
	char text[32] = "";
	ssize_t length = 0;
	int fd = openat(dir_fd, "events/raw_syscalls/sys_enter/id", O_RDONLY | O_CLOEXEC);

	if (fd == -1) {
		return false;
	}
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	*id = strtoull(text, NULL, 10);
	return length > 0;
}

int bench_system_calls_open(TALLOC_CTX *mem_ctx, char **why)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.disabled = 1,
		.inherit = 1,
	};
	uint64_t id = 0;
	long fd = -1;
	int dir_fd = open_tracefs();
	bool ok = dir_fd != -1 && read_id(dir_fd, &id);

	if (!ok) {
		*why = talloc_asprintf(
			mem_ctx, "no tracepoint raw_syscalls:sys_enter: %s", strerror(errno));
	} else {
		attr.config = id;
		fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
		if (fd == -1) {
			*why = talloc_asprintf(mem_ctx, "perf_event_open: %s", strerror(errno));
		}
	}
	if (dir_fd != -1) {
		close(dir_fd);
	}
	return (int)fd;
}

void bench_system_calls_start(int fd)
{
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
}

uint64_t bench_system_calls_stop(int fd)
{
	uint64_t calls = 0;
	ssize_t length = 0;

	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	length = read(fd, &calls, sizeof(calls));
	if (length != sizeof(calls) || calls == 0) {
		return 0;
	}
	return calls - 1;
}
