/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the kernel about the machine.
 */
#include "host.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#define ZFS_MAGIC 0x2fc12fc1

static const char *file_system_name(TALLOC_CTX *mem_ctx, int dir_fd)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {
		{ EXT4_SUPER_MAGIC, "ext4" },
		{ TMPFS_MAGIC, "tmpfs" },
		{ XFS_SUPER_MAGIC, "xfs" },
		{ BTRFS_SUPER_MAGIC, "btrfs" },
		{ ZFS_MAGIC, "zfs" },
		{ NFS_SUPER_MAGIC, "nfs" },
		{ OVERLAYFS_SUPER_MAGIC, "overlay" },
		{ FUSE_SUPER_MAGIC, "fuse" },
	};
	struct statfs st;
	size_t i = 0;
	int ret = 0;

	ret = fstatfs(dir_fd, &st);
	if (ret == -1) {
		return "unknown";
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if ((unsigned long)st.f_type == known[i].magic) {
			return known[i].name;
		}
	}
	return talloc_asprintf(mem_ctx, "0x%lx", (unsigned long)st.f_type);
}

/* The first "model name" of /proc/cpuinfo; not every architecture has one. */
static const char *processor_name(TALLOC_CTX *mem_ctx)
{
	const char *name = "unknown";
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "re");

	if (file == NULL) {
		return name;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", strlen("model name")) == 0 && value != NULL) {
			value += strspn(value, ": ");
			value[strcspn(value, "\n")] = '\0';
			name = talloc_strdup(mem_ctx, value);
			break;
		}
	}
	fclose(file);
	return name;
}

struct bench_host *bench_host(TALLOC_CTX *mem_ctx, int dir_fd)
{
	struct bench_host *host = talloc_zero(mem_ctx, struct bench_host);
	struct utsname name;
	int ret = 0;

	if (host == NULL) {
		return NULL;
	}
	ret = uname(&name);
	host->kernel = talloc_strdup(host, ret == 0 ? name.release : "unknown");
	host->machine = talloc_strdup(host, ret == 0 ? name.machine : "unknown");
	host->processor = processor_name(host);
	host->processors = sysconf(_SC_NPROCESSORS_ONLN);
	host->file_system = file_system_name(host, dir_fd);
	if (host->kernel == NULL || host->machine == NULL || host->processor == NULL ||
	    host->file_system == NULL) {
		talloc_free(host);
		return NULL;
	}
	return host;
}
