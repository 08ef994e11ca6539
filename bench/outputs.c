/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prepares and writes the files of a run. What is in them is known by report*.c.
 */
#include "outputs.h"

#include "programs.h"
#include "report_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(const char *path)
{
	fprintf(stderr, "pathring-bench: cannot write %s: %s\n", path, strerror(errno));
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

bool bench_outputs_open(struct bench_outputs *outputs, const struct bench_options *options)
{
	int fd = -1;

	*outputs = (struct bench_outputs) {
		.json_path = options->json,
		.paths = { .csv = options->csv, .hgrm = options->hgrm, .plot = options->plot },
	};
	if (options->json != NULL) {
		fd = open_file(options->json);
		outputs->json = fd != -1 ? fdopen(fd, "w") : NULL;
		if (outputs->json == NULL) {
			return refuse(options->json);
		}
	}
	if (options->plot != NULL && !bench_has_program("gnuplot")) {
		fprintf(stderr,
			"pathring-bench: --plot: gnuplot is not installed (Debian: gnuplot-nox)\n");
		return false;
	}
	return try_file(options->csv) && try_directory(options->hgrm) &&
	       try_directory(options->plot);
}

static bool write_json(const struct bench_outputs *outputs, const json_t *document)
{
	int ret = 0;
	bool ok = false;

	if (outputs->json == NULL) {
		return true;
	}
	ret = ftruncate(fileno(outputs->json), 0);
	/* EINVAL: a pipe or a terminal. */
	ok = ret == 0 || errno == EINVAL;
	ok = ok && bench_report_json(document, outputs->json);
	return ok ? true : refuse(outputs->json_path);
}

bool bench_outputs_write(struct bench_outputs *outputs, const json_t *document)
{
	bool ok = write_json(outputs, document);

	return bench_report_write(document, &outputs->paths) && ok;
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
