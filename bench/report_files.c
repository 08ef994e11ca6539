/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of a report, side by side in one directory.
 */
#include "report_files.h"

#include "program_name.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *path, const char *name)
{
	fprintf(stderr,
		"%s: cannot write %s%s%s: %s\n",
		bench_program_name,
		path,
		name[0] != '\0' ? "/" : "",
		name,
		strerror(errno));
}

static int close_directory(struct bench_report_dir *dir)
{
	close(dir->fd);
	return 0;
}

struct bench_report_dir *bench_report_dir(TALLOC_CTX *mem_ctx, const char *path)
{
	struct bench_report_dir *dir = talloc_zero(mem_ctx, struct bench_report_dir);
	int ret = 0;

	if (dir == NULL) {
		fprintf(stderr, "%s: out of memory\n", bench_program_name);
		return NULL;
	}
	dir->path = path;
	ret = mkdir(path, 0777);
	if (ret != 0 && errno != EEXIST) {
		say(path, "");
		talloc_free(dir);
		return NULL;
	}
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd == -1) {
		say(path, "");
		talloc_free(dir);
		return NULL;
	}
	talloc_set_destructor(dir, close_directory);
	return dir;
}

static bool is_used(const struct bench_report_dir *dir, const char *name)
{
	size_t i = 0;

	for (i = 0; i < dir->num_names; i++) {
		if (strcmp(dir->names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

const char *bench_report_dir_name(struct bench_report_dir *dir, const char *name)
{
	char *unused = talloc_strdup(dir, name);
	char **longer = NULL;
	size_t i = 0;

	for (i = 2; unused != NULL && is_used(dir, unused); i++) {
		talloc_free(unused);
		unused = talloc_asprintf(dir, "%s-%zu", name, i);
	}
	longer = talloc_realloc(dir, dir->names, char *, dir->num_names + 1);
	if (unused == NULL || longer == NULL) {
		fprintf(stderr, "%s: out of memory\n", bench_program_name);
		return NULL;
	}
	dir->names = longer;
	dir->names[dir->num_names] = unused;
	dir->num_names++;
	return unused;
}

FILE *bench_report_dir_open(struct bench_report_dir *dir, const char *file_name)
{
	FILE *file = NULL;
	int fd = -1;

	/* A link that someone put there would otherwise be written through. */
	fd = openat(
		dir->fd, file_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd != -1) {
		file = fdopen(fd, "w");
	}
	if (file == NULL) {
		say(dir->path, file_name);
		if (fd != -1) {
			close(fd);
		}
	}
	dir->open = file_name;
	return file;
}

FILE *bench_report_dir_open_new(struct bench_report_dir *dir, const char *name, const char *end)
{
	const char *unused = bench_report_dir_name(dir, name);
	char *file_name = NULL;

	if (unused == NULL) {
		return NULL;
	}
	file_name = talloc_asprintf(dir, "%s%s", unused, end);
	if (file_name == NULL) {
		fprintf(stderr, "%s: out of memory\n", bench_program_name);
		return NULL;
	}
	return bench_report_dir_open(dir, file_name);
}

bool bench_report_dir_close(struct bench_report_dir *dir, FILE *file)
{
	bool failed = ferror(file) != 0;
	int ret = fclose(file);

	if (failed || ret != 0) {
		say(dir->path, dir->open);
		return false;
	}
	return true;
}
