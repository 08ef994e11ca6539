/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls of operations on directories and symbolic links.
 */
#include "plain_directory.h"
#include "plain_performers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int bench_open_directory(int dir_fd, const char *path)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd == -1 ? -errno : fd;
}

int bench_read_directory(int fd, void *buffer, size_t size, struct bench_batch *batch)
{
	ssize_t length = getdents64(fd, buffer, size);

	if (length <= 0) {
		*batch = (struct bench_batch) { .next = NULL };
		return length == -1 ? -errno : 0;
	}
	*batch = (struct bench_batch) { .next = buffer, .end = (char *)buffer + length };
	return 1;
}

static bool is_dot(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

const char *bench_next_name(struct bench_batch *batch)
{
	while (batch->next < batch->end) {
		const struct dirent64 *entry = (const struct dirent64 *)batch->next;

		batch->next += entry->d_reclen;
		if (!is_dot(entry->d_name)) {
			return entry->d_name;
		}
	}
	return NULL;
}

BENCH_PERFORMER(readdir)
{
	char buffer[BENCH_DIRECTORY_ROOM] __attribute__((aligned(8)));
	const struct bench_answer nothing = { .error = 0 };
	int fd = bench_plain_fd(plain, request);
	struct bench_batch batch;
	const char *name = NULL;
	int ret = 0;
	off_t position = lseek(fd, 0, SEEK_SET);

	if (position == -1) {
		answer->error = -errno;
		return;
	}
	ret = bench_read_directory(fd, buffer, sizeof(buffer), &batch);
	if (ret < 0) {
		answer->error = ret;
		return;
	}
	while ((name = bench_next_name(&batch)) != NULL) {
		bench_entry(request, name, &nothing);
	}
}

BENCH_PERFORMER(readlinkat)
{
	ssize_t length =
		readlinkat(bench_plain_fd(plain, request), "", (char *)plain->data, request->size);

	bench_plain_take(plain, length, answer);
}

BENCH_PERFORMER(listing)
{
	char buffer[BENCH_DIRECTORY_ROOM] __attribute__((aligned(8)));
	int fd = bench_open_directory(bench_plain_fd(plain, request), request->path);
	struct bench_batch batch;
	int ret = 0;

	if (fd < 0) {
		answer->error = fd;
		return;
	}
	while ((ret = bench_read_directory(fd, buffer, sizeof(buffer), &batch)) > 0) {
		const char *name = NULL;

		while ((name = bench_next_name(&batch)) != NULL) {
			struct bench_answer entry = { .error = 0 };

			bench_plain_lookup(plain, fd, name, request->size, &entry);
			bench_entry(request, name, &entry);
		}
	}
	answer->error = ret;
	close(fd);
}
