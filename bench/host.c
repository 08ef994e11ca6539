/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the kernel about the machine.
 */
#include "host.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"

/* The first line of a file; NULL when there is none. */
static char *read_line(TALLOC_CTX *mem_ctx, int dir_fd, const char *path)
{
	char text[512] = "";
	ssize_t length = 0;
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd == -1) {
		return NULL;
	}
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0) {
		return NULL;
	}
	text[strcspn(text, "\n")] = '\0';
	return talloc_strdup(mem_ctx, text);
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

static int compare_mitigations(const void *a, const void *b)
{
	const struct bench_mitigation *left = a;
	const struct bench_mitigation *right = b;

	return strcmp(left->weakness, right->weakness);
}

static bool read_mitigations(struct bench_host *host)
{
	DIR *dir = opendir(VULNERABILITIES);
	const struct dirent *entry = NULL;
	size_t num = 0;

	if (dir == NULL) {
		return true;
	}
	for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		struct bench_mitigation *mitigation = NULL;

		if (entry->d_name[0] == '.') {
			continue;
		}
		host->mitigations =
			talloc_realloc(host, host->mitigations, struct bench_mitigation, num + 1);
		if (host->mitigations == NULL) {
			break;
		}
		mitigation = &host->mitigations[num];
		mitigation->weakness = talloc_strdup(host, entry->d_name);
		mitigation->state = read_line(host, dirfd(dir), entry->d_name);
		if (mitigation->weakness == NULL || mitigation->state == NULL) {
			continue;
		}
		num++;
	}
	closedir(dir);
	if (num > 0 && host->mitigations != NULL) {
		qsort(host->mitigations, num, sizeof(*host->mitigations), compare_mitigations);
	}
	host->num_mitigations = num;
	return num == 0 || host->mitigations != NULL;
}

/* In mountinfo some characters are written as a backslash and three octal digits. */
static void unescape(char *text)
{
	const char *from = text;
	char *to = text;

	while (*from != '\0') {
		bool escaped = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
			       from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7';

		if (escaped) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from;
			from++;
		}
		to++;
	}
	*to = '\0';
}

/*
 * "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELD...] - TYPE SOURCE SUPEROPTIONS", which
 * proc_pid_mountinfo(5) describes.
 */
static bool parse_mount(struct bench_host *host, char *line)
{
	char *end = strstr(line, " - ");
	char *fields[6] = { NULL };
	char *type = NULL;
	char *source = NULL;
	char *options = NULL;
	char *rest = NULL;
	size_t i = 0;

	if (end == NULL) {
		return true;
	}
	*end = '\0';
	type = strtok_r(end + strlen(" - "), " ", &rest);
	source = strtok_r(NULL, " ", &rest);
	options = strtok_r(NULL, " ", &rest);
	fields[0] = strtok_r(line, " ", &rest);
	for (i = 1; i < 6; i++) {
		fields[i] = strtok_r(NULL, " ", &rest);
	}
	if (type == NULL || source == NULL || options == NULL || fields[5] == NULL) {
		return true;
	}
	unescape(source);
	unescape(options);
	host->file_system = talloc_strdup(host, type);
	host->mount_source = talloc_strdup(host, source);
	host->mount_options = talloc_asprintf(host, "%s,%s", fields[5], options);
	return host->file_system != NULL && host->mount_source != NULL &&
	       host->mount_options != NULL;
}

static bool read_mount(struct bench_host *host, int dir_fd)
{
	struct statx stx;
	FILE *file = NULL;
	char *line = NULL;
	size_t size = 0;
	ssize_t length = 0;
	int ret = statx(dir_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx);
	bool ok = true;

	host->file_system = "unknown";
	if (ret == -1 || (stx.stx_mask & STATX_MNT_ID) == 0) {
		return true;
	}
	file = fopen("/proc/self/mountinfo", "re");
	if (file == NULL) {
		return true;
	}
	length = getline(&line, &size, file);
	while (length > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strtoull(line, NULL, 10) == stx.stx_mnt_id) {
			ok = parse_mount(host, line);
			break;
		}
		length = getline(&line, &size, file);
	}
	free(line);
	fclose(file);
	return ok;
}

struct bench_host *bench_host(TALLOC_CTX *mem_ctx, int dir_fd)
{
	struct bench_host *host = talloc_zero(mem_ctx, struct bench_host);
	struct utsname name;
	int ret = 0;
	bool ok = false;

	if (host == NULL) {
		return NULL;
	}
	ret = uname(&name);
	host->kernel = talloc_strdup(host, ret == 0 ? name.release : "unknown");
	host->machine = talloc_strdup(host, ret == 0 ? name.machine : "unknown");
	host->processor = processor_name(host);
	host->processors = sysconf(_SC_NPROCESSORS_ONLN);
	host->governor =
		read_line(host, AT_FDCWD, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
	host->memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	ok = read_mitigations(host) && read_mount(host, dir_fd);
	if (!ok || host->kernel == NULL || host->machine == NULL || host->processor == NULL) {
		talloc_free(host);
		return NULL;
	}
	return host;
}
