/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loadfiles of dbench and of smbtorture's bench.nbench: what one client of NetBench once asked of
 * a server, a line each. Their only grammar is the code of these programs (dbench's child.c,
 * Samba's source4/torture/nbench/nbench.c); where those pass over a line that they don't
 * understand, it is refused here, because a request would be missing.
 */
#include "import.h"

#include "detect.h"
#include "lines.h"
#include "message.h"
#include "table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE 65536
#define MAX_WORDS 8

/* Loadfiles name the information levels of SMB1; from 1000 on they are [MS-FSCC]'s. */
#define PASSTHROUGH 1000

/* [MS-SMB2] 2.2.13.1.1 and 2.2.13. */
#define FILE_READ_DATA 0x1
#define FILE_WRITE_DATA 0x2
#define FILE_READ_ATTRIBUTES 0x80
#define FILE_WRITE_ATTRIBUTES 0x100
#define FILE_DIRECTORY_FILE 0x1
#define FILE_NON_DIRECTORY_FILE 0x40

struct loadfile {
	const struct replay_import *import;
	struct replay_lines *lines;
	/* From the loadfile's handles, which are used again and again, to the trace's. */
	struct replay_table *handles;
	uint64_t num_handles;
	uint64_t num_requests;
};

/* What a word of a line is. */
enum word {
	WORD_END, /* and then the status */
	WORD_PATH,
	WORD_TARGET,
	WORD_MASK, /* a path whose last component is a pattern */
	WORD_HANDLE,
	WORD_NEW_HANDLE,
	WORD_OPTIONS,
	WORD_DISPOSITION,
	WORD_OFFSET,
	WORD_LENGTH,
	WORD_COUNT,
	WORD_FILE_LEVEL,
	WORD_FS_LEVEL,
	WORD_FIND_LEVEL,
	WORD_IGNORED /* a number */
};

struct operation {
	const char *name;
	enum replay_command command;
	enum word words[MAX_WORDS];
};

/* clang-format off */
static const struct operation operations[] = {
	{ "NTCreateX", REPLAY_CREATE,
	  { WORD_PATH, WORD_OPTIONS, WORD_DISPOSITION, WORD_NEW_HANDLE } },
	{ "Close", REPLAY_CLOSE, { WORD_HANDLE } },
	{ "ReadX", REPLAY_READ, { WORD_HANDLE, WORD_OFFSET, WORD_LENGTH, WORD_COUNT } },
	{ "WriteX", REPLAY_WRITE, { WORD_HANDLE, WORD_OFFSET, WORD_LENGTH, WORD_COUNT } },
	{ "Write", REPLAY_WRITE, { WORD_HANDLE, WORD_OFFSET, WORD_LENGTH, WORD_COUNT } },
	{ "QUERY_PATH_INFORMATION", REPLAY_QUERY_INFO, { WORD_PATH, WORD_FILE_LEVEL } },
	{ "QUERY_FILE_INFORMATION", REPLAY_QUERY_INFO, { WORD_HANDLE, WORD_FILE_LEVEL } },
	{ "QUERY_FS_INFORMATION", REPLAY_QUERY_INFO, { WORD_FS_LEVEL } },
	{ "SET_FILE_INFORMATION", REPLAY_SET_INFO, { WORD_HANDLE, WORD_FILE_LEVEL } },
	{ "FIND_FIRST", REPLAY_QUERY_DIRECTORY,
	  { WORD_MASK, WORD_FIND_LEVEL, WORD_IGNORED, WORD_COUNT } },
	{ "Unlink", REPLAY_UNLINK, { WORD_PATH, WORD_IGNORED } },
	{ "Flush", REPLAY_FLUSH, { WORD_HANDLE } },
	{ "Rename", REPLAY_RENAME, { WORD_PATH, WORD_TARGET } },
	{ "LockX", REPLAY_LOCK, { WORD_HANDLE, WORD_OFFSET, WORD_LENGTH } },
	{ "UnlockX", REPLAY_LOCK, { WORD_HANDLE, WORD_OFFSET, WORD_LENGTH } },
	{ "Deltree", REPLAY_DELTREE, { WORD_PATH } },
	{ "Mkdir", REPLAY_MKDIR, { WORD_PATH } },
	{ "Rmdir", REPLAY_RMDIR, { WORD_PATH } },
};
/* clang-format on */

/* SMB1's levels, [MS-CIFS] 2.2.2.3, as the information classes of [MS-FSCC]. */
struct level {
	uint64_t smb1;
	uint32_t class;
};

static const struct level file_levels[] = {
	{ 0x101, 4 },  /* basic */
	{ 0x102, 5 },  /* standard */
	{ 0x103, 7 },  /* extended attributes' size */
	{ 0x104, 9 },  /* name */
	{ 0x107, 18 }, /* all */
	{ 0x108, 21 }, /* alternate name */
	{ 0x109, 22 }, /* streams */
	{ 0x10b, 28 }, /* compression */
	{ 0, 0 },
};

static const struct level fs_levels[] = {
	{ 1, 3 },     /* allocation, as size */
	{ 2, 1 },     /* volume */
	{ 0x102, 1 }, /* volume */
	{ 0x103, 3 }, /* size */
	{ 0x104, 4 }, /* device */
	{ 0x105, 5 }, /* attributes */
	{ 0, 0 },
};

static const struct level find_levels[] = {
	{ 0x101, 1 },  /* directory */
	{ 0x102, 2 },  /* full directory */
	{ 0x103, 12 }, /* names */
	{ 0x104, 3 },  /* both directory */
	{ 0, 0 },
};

/* Splits at blanks; a text between double quotes is one word. -1: a quote is missing. */
static int split(char *line, char *words[], size_t max)
{
	size_t num = 0;

	for (;;) {
		line += strspn(line, " \t\r");
		if (*line == '\0') {
			return (int)num;
		}
		if (num == max) {
			return (int)max + 1;
		}
		if (*line == '"') {
			char *end = strchr(line + 1, '"');

			if (end == NULL) {
				return -1;
			}
			words[num] = line + 1;
			*end = '\0';
			line = end + 1;
		} else {
			words[num] = line;
			line += strcspn(line, " \t\r");
			if (*line != '\0') {
				*line = '\0';
				line++;
			}
		}
		num++;
	}
}

static bool read_number(const char *word, uint64_t *number)
{
	char *end = NULL;

	if (word[0] < '0' || word[0] > '9') {
		return false;
	}
	errno = 0;
	*number = strtoull(word, &end, 0);
	return *end == '\0' && errno == 0;
}

/* Seconds since the beginning, before the operation's name. */
static bool read_time(const char *word, uint64_t *time)
{
	char *end = NULL;
	double seconds = strtod(word, &end);

	if (*end != '\0' || !isfinite(seconds) || seconds < 0 || seconds > 1e9) {
		return false;
	}
	*time = (uint64_t)(seconds * 1e9);
	return true;
}

/* In place: relative to the share, with '/'. */
static const char *read_path(char *word)
{
	char *at = NULL;

	for (at = word; *at != '\0'; at++) {
		if (*at == '\\') {
			*at = '/';
		}
	}
	return word + strspn(word, "/");
}

/* NTSTATUS; or one of dbench's own words, of which "*" leaves it open. */
static bool read_status(const char *word, struct replay_request *request)
{
	if (strcmp(word, "*") == 0) {
		return true;
	}
	request->present |= REPLAY_HAS_STATUS;
	if (strcmp(word, "SUCCESS") == 0) {
		request->status = 0;
		return true;
	}
	if (strcmp(word, "ERROR") == 0) {
		return replay_status_parse("NT_STATUS_UNSUCCESSFUL", &request->status);
	}
	return replay_status_parse(word, &request->status);
}

static bool read_level(struct replay_request *request,
		       const struct level *levels,
		       enum replay_info info,
		       uint64_t number)
{
	request->info = info;
	if (number >= PASSTHROUGH && number < PASSTHROUGH + 256) {
		request->level = (uint32_t)(number - PASSTHROUGH);
		return true;
	}
	for (; levels->smb1 != 0; levels++) {
		if (levels->smb1 == number) {
			request->level = levels->class;
			return true;
		}
	}
	return false;
}

static bool
read_handle(struct loadfile *loadfile, struct replay_request *request, uint64_t number, bool is_new)
{
	bool ok = (request->present & REPLAY_HAS_STATUS) == 0 || request->status == 0;
	const uint64_t *found = NULL;
	uint64_t *added = NULL;

	if (is_new) {
		/* What was not opened has a number too, that means nothing. */
		if (!ok) {
			return true;
		}
		added = replay_table_add(loadfile->handles, number);
		if (added == NULL) {
			return false;
		}
		loadfile->num_handles++;
		*added = loadfile->num_handles;
		request->handle = *added;
		request->present |= REPLAY_HAS_HANDLE;
		return true;
	}
	found = replay_table_find(loadfile->handles, number);
	if (found == NULL) {
		request->skip = "opened before the trace";
		return true;
	}
	request->handle = *found;
	request->present |= REPLAY_HAS_HANDLE;
	if (request->command == REPLAY_CLOSE && ok) {
		replay_table_remove(loadfile->handles, number);
	}
	return true;
}

/* Opens don't say what for. This is what bench.nbench asks for (nbio.c, nb_createx()). */
static void read_options(struct replay_request *request, uint32_t options)
{
	request->options = options;
	if (options & FILE_DIRECTORY_FILE) {
		request->kind = REPLAY_KIND_DIRECTORY;
		request->access = FILE_READ_DATA;
		return;
	}
	request->kind = options & FILE_NON_DIRECTORY_FILE ? REPLAY_KIND_FILE : REPLAY_KIND_UNKNOWN;
	request->access =
		FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES;
}

/* "\dir\mask": what is listed, and which of it. */
static void read_mask(struct replay_request *request, char *word)
{
	const char *path = read_path(word);
	char *slash = strrchr(word, '/');

	request->restart = true;
	if (slash == NULL || slash < path) {
		request->path = "";
		request->pattern = path;
	} else {
		*slash = '\0';
		request->path = path;
		request->pattern = slash + 1;
	}
}

/* Whether the word is what the operation has in this place. */
static bool
read_word(struct loadfile *loadfile, struct replay_request *request, enum word what, char *word)
{
	uint64_t number = 0;

	switch (what) {
	case WORD_PATH:
		request->path = read_path(word);
		return true;
	case WORD_TARGET:
		request->target = read_path(word);
		return true;
	case WORD_MASK:
		read_mask(request, word);
		return true;
	default:
		break;
	}
	if (!read_number(word, &number)) {
		return false;
	}
	switch (what) {
	case WORD_HANDLE:
	case WORD_NEW_HANDLE:
		return read_handle(loadfile, request, number, what == WORD_NEW_HANDLE);
	case WORD_OPTIONS:
		read_options(request, (uint32_t)number);
		return number <= UINT32_MAX;
	case WORD_DISPOSITION:
		request->disposition = (uint32_t)number;
		return number <= UINT32_MAX;
	case WORD_OFFSET:
		request->offset = number;
		return true;
	case WORD_LENGTH:
		request->length = number;
		return true;
	case WORD_COUNT:
		request->count = number;
		request->present |= REPLAY_HAS_COUNT;
		return true;
	case WORD_FILE_LEVEL:
		return read_level(request, file_levels, REPLAY_INFO_FILE, number);
	case WORD_FS_LEVEL:
		return read_level(request, fs_levels, REPLAY_INFO_FILESYSTEM, number);
	case WORD_FIND_LEVEL:
		return read_level(request, find_levels, REPLAY_INFO_FILE, number);
	default:
		return true;
	}
}

static const struct operation *find_operation(const char *name)
{
	size_t i = 0;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, name) == 0) {
			return &operations[i];
		}
	}
	return NULL;
}

static int refuse_operation(const struct loadfile *loadfile, const char *name)
{
	if (strncmp(name, "SMB", 3) == 0) {
		return replay_lines_complain(
			loadfile->lines,
			"%s: a loadfile of dbench 1, which are of no use since "
			"dbench 2",
			name);
	}
	return replay_lines_complain(
		loadfile->lines,
		"%s: no request of a loadfile (only requests can be replayed, no Sleep, LOOP or the like)",
		name);
}

/* An operation, its words, the status. */
static int read_request(struct loadfile *loadfile,
			char **words,
			size_t num_words,
			struct replay_request *request)
{
	const struct operation *operation = find_operation(words[0]);
	size_t num = 0;
	size_t i = 0;

	if (operation == NULL) {
		return refuse_operation(loadfile, words[0]);
	}
	while (operation->words[num] != WORD_END) {
		num++;
	}
	if (num_words != num + 2) {
		return replay_lines_complain(
			loadfile->lines, "%s: takes %zu words and a status", operation->name, num);
	}
	request->command = operation->command;
	if (!read_status(words[num + 1], request)) {
		return replay_lines_complain(
			loadfile->lines, "%s: not the name of a status", words[num + 1]);
	}
	for (i = 0; i < num; i++) {
		if (!read_word(loadfile, request, operation->words[i], words[i + 1])) {
			return replay_lines_complain(loadfile->lines,
						     "%s: word %zu, \"%s\": not what it should be",
						     operation->name,
						     i + 2,
						     words[i + 1]);
		}
	}
	loadfile->num_requests++;
	request->id = loadfile->num_requests;
	request->session = 1;
	return replay_sink_request(loadfile->import->sink, request);
}

static int read_line(struct loadfile *loadfile, char *line)
{
	struct replay_request request = { .id = 0 };
	char *words[MAX_WORDS + 2];
	int num = split(line, words, MAX_WORDS + 2);
	int first = 0;

	if (num == -1) {
		return replay_lines_complain(loadfile->lines, "a quote is missing");
	}
	if (num > MAX_WORDS + 2) {
		return replay_lines_complain(loadfile->lines, "more words than any line has");
	}
	if (num == 0 || words[0][0] == '#') {
		return 0;
	}
	if (words[0][0] >= '0' && words[0][0] <= '9') {
		if (!read_time(words[0], &request.time)) {
			return replay_lines_complain(
				loadfile->lines, "%s: not a time in seconds", words[0]);
		}
		request.present |= REPLAY_HAS_TIME;
		first = 1;
	}
	if (num == first) {
		return 0;
	}
	return read_request(loadfile, words + first, (size_t)(num - first), &request);
}

bool replay_loadfile_has(const char *line)
{
	size_t i = 0;

	line += strspn(line, " \t0123456789.");
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		size_t length = strlen(operations[i].name);

		if (strncmp(line, operations[i].name, length) == 0 &&
		    (line[length] == ' ' || line[length] == '\t')) {
			return true;
		}
	}
	return strncmp(line, "SMB", 3) == 0;
}

static int read_lines(struct loadfile *loadfile)
{
	const struct replay_import *import = loadfile->import;
	char *line = NULL;
	size_t length = 0;
	int ret = 0;

	while (!replay_sink_is_interrupted(import->sink)) {
		ret = replay_lines_next(loadfile->lines, &line, &length);
		if (ret != 1) {
			break;
		}
		ret = read_line(loadfile, line);
		if (ret != 0) {
			return ret;
		}
		replay_sink_progress(import->sink,
				     replay_lines_done(loadfile->lines),
				     replay_lines_all(loadfile->lines));
	}
	if (ret != -1 && loadfile->num_requests == 0) {
		return replay_complain("%s: a loadfile without a request", import->input);
	}
	return ret == -1 ? -1 : 0;
}

int replay_import_loadfile(const struct replay_import *import)
{
	const struct replay_trace_header header = { .source = "loadfile" };
	const struct replay_session session = { .number = 1 };
	struct loadfile *loadfile = talloc_zero(import->sink, struct loadfile);
	int ret = -1;

	if (loadfile == NULL) {
		return replay_complain_memory();
	}
	loadfile->import = import;
	loadfile->handles = replay_table_create(loadfile);
	loadfile->lines = replay_lines_open(loadfile, import->input, MAX_LINE);
	if (loadfile->handles == NULL) {
		replay_complain_memory();
	} else if (loadfile->lines != NULL && replay_sink_header(import->sink, &header) == 0 &&
		   replay_sink_session(import->sink, &session) == 0) {
		ret = read_lines(loadfile);
	}
	talloc_free(loadfile);
	return ret;
}
