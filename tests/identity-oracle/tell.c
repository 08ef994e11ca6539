/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells all that is in a cell as text: type, mode, owner, group, links, size, content, link target
 * and xattrs with ACLs of each object. Two trees whose texts are the same are the same.
 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "outcome.h"

#define MAX_ENTRIES 64
#define VALUE_SPACE 4096
/* Of a value; the rest is hashed. */
#define SHOWN_BYTES 64

struct text {
	char *buffer;
	size_t used;
	int error;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->buffer + text->used, TEXT_SPACE - text->used, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= TEXT_SPACE - text->used) {
		text->error = -ENOBUFS;
		return;
	}
	text->used += (size_t)length;
}

static void put_bytes(struct text *text, const char *name, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	char hex[2 * SHOWN_BYTES];
	size_t i;

	put(text, " %s=", name);
	for (i = 0; i < size && i < SHOWN_BYTES; i++) {
		hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	put(text, "%.*s", (int)(2 * i), hex);
	if (size > SHOWN_BYTES) {
		struct outcome digest;

		outcome_begin(&digest, 0);
		outcome_add(&digest, data, size);
		put(text, "...(%zu bytes, hash %016llx)", size, (unsigned long long)digest.hash);
	}
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_xattrs(struct text *text, const char *path)
{
	const char *names[MAX_ENTRIES];
	char value[VALUE_SPACE];
	char list[VALUE_SPACE];
	size_t count = 0;
	size_t i;
	ssize_t length;

	length = listxattr(path, list, sizeof(list));
	if (length == -1) {
		put(text, " listxattr errno %d", errno);
		return;
	}
	for (i = 0; i < (size_t)length && count < MAX_ENTRIES; i += strlen(list + i) + 1) {
		names[count++] = list + i;
	}
	if (count > 0) {
		qsort(names, count, sizeof(*names), compare_strings);
	}
	for (i = 0; i < count; i++) {
		length = getxattr(path, names[i], value, sizeof(value));
		if (length == -1) {
			put(text, " %s errno %d", names[i], errno);
		} else {
			put_bytes(text, names[i], value, (size_t)length);
		}
	}
}

static void put_content(struct text *text, const char *path)
{
	char content[VALUE_SPACE];
	struct outcome digest;
	off_t offset = 0;
	ssize_t count;
	int fd;

	fd = open(path, O_RDONLY | O_NOATIME | O_CLOEXEC);
	if (fd == -1) {
		put(text, " open errno %d", errno);
		return;
	}
	outcome_begin(&digest, 0);
	do {
		count = pread(fd, content, sizeof(content), offset);
		if (count > 0) {
			outcome_add(&digest, content, (size_t)count);
			offset += count;
		}
	} while (count > 0);
	put(text, " content %016llx", (unsigned long long)digest.hash);
	close(fd);
}

static void tell_below(struct text *text, int dirfd, const char *path);

static void tell_object(struct text *text, int dirfd, const char *name, const char *path)
{
	char proc_path[32];
	char target[VALUE_SPACE];
	struct stat st;
	ssize_t length;
	int fd;
	int ret;

	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		text->error = -errno;
		return;
	}
	ret = fstat(fd, &st);
	if (ret == -1) {
		text->error = -errno;
		close(fd);
		return;
	}
	snprintf(proc_path, sizeof(proc_path), "/proc/self/fd/%d", fd);
	put(text, "%s: mode %06o owner %u:%u", path, st.st_mode, st.st_uid, st.st_gid);
	put(text, " links %lu", (unsigned long)st.st_nlink);
	if (!S_ISDIR(st.st_mode)) {
		put(text, " size %lld", (long long)st.st_size);
	}
	if (S_ISREG(st.st_mode)) {
		put_content(text, proc_path);
	}
	if (S_ISLNK(st.st_mode)) {
		length = readlinkat(fd, "", target, sizeof(target) - 1);
		put(text, " -> %.*s", length > 0 ? (int)length : 0, target);
	}
	put_xattrs(text, proc_path);
	put(text, "\n");
	if (S_ISDIR(st.st_mode)) {
		tell_below(text, fd, path);
	}
	close(fd);
}

static void tell_below(struct text *text, int dirfd, const char *path)
{
	struct dirent *entry = NULL;
	char *names[MAX_ENTRIES];
	DIR *directory = NULL;
	size_t count = 0;
	size_t i;
	int fd;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory = fd != -1 ? fdopendir(fd) : NULL;
	if (directory == NULL) {
		text->error = -errno;
		return;
	}
	while (count < MAX_ENTRIES && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			names[count++] = strdup(entry->d_name);
		}
	}
	closedir(directory);
	if (count > 0) {
		qsort(names, count, sizeof(*names), compare_strings);
	}
	for (i = 0; i < count; i++) {
		char below[VALUE_SPACE];

		snprintf(below, sizeof(below), "%s/%s", path, names[i]);
		tell_object(text, dirfd, names[i], below);
		free(names[i]);
	}
}

int tree_tell_cell(const char *tree, uint32_t cell, char buffer[TEXT_SPACE])
{
	struct text text = { .buffer = buffer };
	char name[16];
	int treefd;

	buffer[0] = '\0';
	treefd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (treefd == -1) {
		return -errno;
	}
	tree_cell_name(cell, name);
	tell_object(&text, treefd, name, name);
	close(treefd);
	return text.error;
}
