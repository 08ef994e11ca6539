/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prepares the files of a run, and writes the document. What is in the others is known by reports.
 */
#include "outputs.h"

#include "document_parts.h"
#include "program_name.h"
#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(const char *path)
{
	fprintf(stderr, "%s: cannot write %s: %s\n", bench_program_name, path, strerror(errno));
	return false;
}

/* An earlier result survives a run that fails: it is not truncated yet. */
static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
}

static bool try_file(const char *path)
{
	int fd = -1;

	if (path == NULL || strcmp(path, "-") == 0) {
		return true;
	}
	fd = open_file(path);
	if (fd == -1) {
		return refuse(path);
	}
	close(fd);
	return true;
}

static bool try_directory(const char *path)
{
	int ret = 0;

	if (path == NULL) {
		return true;
	}
	ret = mkdir(path, 0777);
	if (ret == -1 && errno != EEXIST) {
		return refuse(path);
	}
	ret = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret == -1) {
		return refuse(path);
	}
	close(ret);
	ret = faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS);
	return ret == 0 ? true : refuse(path);
}

bool bench_outputs_open(struct bench_outputs *outputs,
			const char *json,
			const struct bench_report_paths *paths)
{
	int fd = -1;

	*outputs = (struct bench_outputs) { .json_path = json, .paths = *paths };
	if (json != NULL) {
		fd = open_file(json);
		outputs->json = fd != -1 ? fdopen(fd, "w") : NULL;
		if (outputs->json == NULL) {
			return refuse(json);
		}
	}
	if (paths->plot != NULL && !bench_has_program("gnuplot")) {
		fprintf(stderr,
			"%s: --plot: gnuplot is not installed (Debian: gnuplot-nox)\n",
			bench_program_name);
		return false;
	}
	return try_file(paths->csv) && try_directory(paths->hgrm) && try_directory(paths->plot);
}

bool bench_outputs_write(const struct bench_outputs *outputs, const json_t *document)
{
	int ret = 0;
	bool ok = false;

	if (outputs->json == NULL) {
		return true;
	}
	ret = ftruncate(fileno(outputs->json), 0);
	/* EINVAL: a pipe or a terminal. */
	ok = ret == 0 || errno == EINVAL;
	ok = ok && bench_document_write(document, outputs->json);
	return ok ? true : refuse(outputs->json_path);
}

bool bench_outputs_close(struct bench_outputs *outputs)
{
	int ret = 0;

	if (outputs->json == NULL) {
		return true;
	}
	ret = fclose(outputs->json);
	outputs->json = NULL;
	return ret == 0 ? true : refuse(outputs->json_path);
}

bool bench_output_flush(FILE *file, const char *name)
{
	int ret = fflush(file);

	return ret == 0 && ferror(file) == 0 ? true : refuse(name);
}

bool bench_output_print(const char *path,
			const char *name,
			void (*print)(const json_t *document, FILE *file),
			const json_t *document)
{
	FILE *file = NULL;
	bool ok = false;

	if (strcmp(path, "-") == 0) {
		print(document, stdout);
		return bench_output_flush(stdout, name);
	}
	file = fopen(path, "we");
	if (file == NULL) {
		return refuse(path);
	}
	print(document, file);
	ok = bench_output_flush(file, path);
	fclose(file);
	return ok;
}
