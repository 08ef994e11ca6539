/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of a trace that is recorded: where it is, who writes it, when it is written, and what
 * happens when it can't be. How a line looks is the business of replay/trace_write.c; what there is
 * to tell is that of the others.
 *
 * A process of smbd serves one client and has a file of its own, so that nobody writes into the
 * middle of another's lines. It is written by write(2) into the kernel's cache, from smbd's thread:
 * for lines of half a microsecond a thread of its own would cost more than it spares.
 */
#include "record.h"

#include <time.h>

/* Bytes that wait to be written at most; less than the writer's own buffer of 64 KiB. */
#define MAX_WAITING 60000

/* Seconds that they wait at most. */
#define FLUSH_SEC 1

/* A byte of a string becomes six at most, and the rest of a line is shorter than this. */
#define ESCAPED 6
#define LINE_SIZE 1024

/* A pid may be had again while the file of the process before is still there. */
#define MAX_NAMES 100

struct record_session {
	struct record_session *prev;
	struct record_session *next;
	uint64_t vuid;
	char *user;
	uint32_t number;
};

struct record_file {
	struct record_file *prev;
	struct record_file *next;
	char *name; /* as the share asked for it */
	char *key;  /* NULL: names are recorded as they are */
	char *path;
	pid_t pid;
	struct tevent_context *ev;
	char *client;
	struct timespec begun;
	struct replay_trace_writer *writer;
	struct replay_anonymiser *anonymiser; /* if there is a key */
	bool stopped;			      /* it can't be written any more */
	uint64_t num_ids;
	uint64_t num_handles;
	uint64_t num_told;  /* requests that the writer has been told of */
	uint64_t num_kept;  /* of these, that are in the file */
	uint64_t num_lost;  /* that the writer has not been told of */
	size_t num_waiting; /* bytes that the writer may still have, or more */
	struct tevent_timer *flush;
	struct record_session *sessions;
	uint32_t num_sessions;
};

static struct record_file *files;

const char *record_file_path(const struct record_file *file)
{
	return file->path;
}

uint64_t record_file_now(const struct record_file *file)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);

	return (uint64_t)(now.tv_sec - file->begun.tv_sec) * 1000000000 + (uint64_t)now.tv_nsec -
	       (uint64_t)file->begun.tv_nsec;
}

uint64_t record_file_new_request(struct record_file *file)
{
	return ++file->num_ids;
}

uint64_t record_file_new_handle(struct record_file *file)
{
	return ++file->num_handles;
}

/* ------------------------------------------------------------------------------------ writing */

static void file_stop(struct record_file *file, int error)
{
	file->stopped = true;
	TALLOC_FREE(file->flush);
	DBG_ERR("%s: %s. Nothing more is recorded for this client.\n",
		file->path,
		strerror(-error));
}

static void file_flush(struct record_file *file)
{
	int ret;

	if (file->stopped) {
		return;
	}
	TALLOC_FREE(file->flush);
	ret = replay_trace_write_flush(file->writer);
	if (ret != 0) {
		file_stop(file, ret);
		return;
	}
	file->num_kept = file->num_told;
	file->num_waiting = 0;
}

static void flush_later(struct tevent_context *ev,
			struct tevent_timer *timer,
			struct timeval now,
			void *private_data)
{
	struct record_file *file = talloc_get_type_abort(private_data, struct record_file);

	(void)ev;
	(void)timer;
	(void)now;
	file_flush(file);
}

/*
 * Room for a line with so many bytes of strings. Whatever is written is whole lines: what a process
 * leaves that is killed can be read.
 */
static void file_make_room(struct record_file *file, size_t strings)
{
	size_t line = strings * ESCAPED + LINE_SIZE;

	if (file->num_waiting + line > MAX_WAITING) {
		file_flush(file);
	}
	file->num_waiting += line;
	if (file->flush == NULL && !file->stopped) {
		file->flush = tevent_add_timer(
			file->ev, file, timeval_current_ofs(FLUSH_SEC, 0), flush_later, file);
	}
}

static size_t length(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

void record_file_write(struct record_file *file, const struct replay_request *request)
{
	struct replay_request other;
	int ret;

	if (file->anonymiser != NULL) {
		bool ok = replay_anonymise_request(file->anonymiser, request, &other);

		if (!ok) {
			file->num_lost++;
			return;
		}
		request = &other;
	}
	if (!file->stopped) {
		file_make_room(file,
			       length(request->share) + length(request->path) +
				       length(request->target) + length(request->pattern) +
				       length(request->skip));
	}
	/* Without memory for a session or a path: a reader would refuse it, and all of the trace.
	 */
	if (file->stopped || request->session == 0 || replay_request_missing(request) != NULL) {
		file->num_lost++;
		return;
	}
	ret = replay_trace_write_request(file->writer, request);
	if (ret == -EMSGSIZE) {
		file->num_lost++;
		return;
	}
	file->num_told++;
	if (ret != 0) {
		file_stop(file, ret);
	}
}

/* ----------------------------------------------------------------------------------- sessions */

/* The user whom files are accessed as, which "force user" may have changed. */
static const char *session_user(const struct connection_struct *conn)
{
	const struct auth_session_info *info = conn->session_info;

	return info != NULL && info->unix_info != NULL ? info->unix_info->unix_name : NULL;
}

static const char *session_domain(const struct connection_struct *conn)
{
	const struct auth_session_info *info = conn->session_info;

	return info != NULL && info->info != NULL ? info->info->domain_name : NULL;
}

static struct record_session *session_new(struct record_file *file, uint64_t vuid, const char *user)
{
	struct record_session *session = talloc_zero(file, struct record_session);

	if (session == NULL) {
		return NULL;
	}
	session->vuid = vuid;
	session->user = talloc_strdup(session, user);
	if (session->user == NULL) {
		TALLOC_FREE(session);
	}
	return session;
}

/* 0: it is in the file, or the file is given up. */
static int session_write(struct record_file *file, struct replay_session *told)
{
	struct replay_session other;
	int ret;

	if (file->stopped) {
		return 0;
	}
	if (file->anonymiser != NULL) {
		bool ok = replay_anonymise_session(file->anonymiser, told, &other);

		if (!ok) {
			return -ENOMEM;
		}
		told = &other;
	}
	file_make_room(file, length(told->user) + length(told->domain) + length(told->client));
	if (file->stopped) {
		return 0;
	}
	ret = replay_trace_write_session(file->writer, told);
	if (ret != 0 && ret != -EMSGSIZE) {
		file_stop(file, ret);
		return 0;
	}
	return ret;
}

uint32_t record_file_session(struct record_file *file, const struct connection_struct *conn)
{
	const char *user = session_user(conn);
	struct record_session *session = NULL;
	struct replay_session told = {
		.number = file->num_sessions + 1,
		.user = user,
		.domain = session_domain(conn),
		.client = file->client,
	};
	int ret;

	if (user == NULL) {
		user = "";
	}
	for (session = file->sessions; session != NULL; session = session->next) {
		if (session->vuid == conn->vuid && strcmp(session->user, user) == 0) {
			return session->number;
		}
	}
	session = session_new(file, conn->vuid, user);
	if (session == NULL) {
		return 0;
	}
	ret = session_write(file, &told);
	if (ret != 0) {
		TALLOC_FREE(session);
		return 0;
	}
	file->num_sessions++;
	session->number = file->num_sessions;
	DLIST_ADD(file->sessions, session);

	return session->number;
}

/* -------------------------------------------------------------------------- beginning and end */

/*
 * smbd frees the client after its connections, files and requests (exit_server_common() in
 * smbd/server_exit.c), when the client has gone and when it is told to end.
 */
static int file_destructor(struct record_file *file)
{
	struct replay_trace_end end = { .requests = 0 };
	int ret;

	DLIST_REMOVE(files, file);
	if (file->pid != getpid()) {
		return 0;
	}
	file_flush(file);
	if (file->stopped) {
		/* Without what has not come into the file there is room for a line, mostly. */
		ret = replay_trace_write_back(file->writer);
		if (ret != 0) {
			return 0;
		}
	}
	end.requests = file->num_kept;
	end.lost = file->num_lost + file->num_told - file->num_kept;
	ret = replay_trace_write_end(file->writer, &end);
	if (ret != 0) {
		DBG_ERR("%s has no end: %s\n", file->path, strerror(-ret));
	}

	return 0;
}

/*
 * Nobody else's file is written to: not one that is there, and none through a link. -1 with errno.
 */
static int file_open(struct record_file *file)
{
	unsigned int try = 0;
	int fd = -1;

	for (try = 0; try < MAX_NAMES; try++) {
		TALLOC_FREE(file->path);
		file->path = try == 0 ? talloc_asprintf(file, "%s.%d", file->name, (int)file->pid)
				      : talloc_asprintf(
						file, "%s.%d.%u", file->name, (int)file->pid, try);
		if (file->path == NULL) {
			errno = ENOMEM;
			return -1;
		}
		fd = open(file->path,
			  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			  S_IRUSR | S_IWUSR);
		if (fd != -1 || errno != EEXIST) {
			return fd;
		}
	}
	return -1;
}

static bool file_begin(struct record_file *file)
{
	struct timeval now = timeval_current();
	struct replay_trace_header header = {
		.source = "module",
		.anonymised = file->key != NULL,
		.begun = (double)now.tv_sec + (double)now.tv_usec / 1000000,
	};
	int ret;
	int fd;

	if (file->name[0] != '/') {
		DBG_ERR("\"pathring:record = %s\" does not begin with '/'. Nothing is recorded.\n",
			file->name);
		return false;
	}
	if (file->key != NULL) {
		/* Never the names themselves instead. */
		file->anonymiser = record_key_read(file, file->key);
		if (file->anonymiser == NULL) {
			return false;
		}
	}
	fd = file_open(file);
	if (fd == -1) {
		DBG_ERR("%s can't be made: %s. Nothing is recorded.\n",
			file->path != NULL ? file->path : file->name,
			strerror(errno));
		return false;
	}
	clock_gettime(CLOCK_MONOTONIC, &file->begun);
	ret = replay_trace_writer_create(file, fd, &header, &file->writer);
	if (ret != 0) {
		DBG_ERR("%s can't be written: %s. Nothing is recorded.\n",
			file->path,
			strerror(-ret));
		return false;
	}
	return true;
}

static bool same_key(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

struct record_file *
record_file_get(struct connection_struct *conn, const char *name, const char *key)
{
	struct record_file *file = NULL;
	bool ok;

	for (file = files; file != NULL; file = file->next) {
		if (file->pid == getpid() && strcmp(file->name, name) == 0 &&
		    same_key(file->key, key)) {
			return file;
		}
	}
	file = talloc_zero(conn->sconn->client, struct record_file);
	if (file == NULL) {
		DBG_ERR("no memory: nothing is recorded\n");
		return NULL;
	}
	file->pid = getpid();
	file->ev = conn->sconn->ev_ctx;
	file->name = talloc_strdup(file, name);
	file->key = key != NULL ? talloc_strdup(file, key) : NULL;
	file->client = tsocket_address_inet_addr_string(conn->sconn->remote_address, file);
	ok = file->name != NULL && (key == NULL || file->key != NULL) && file_begin(file);
	if (!ok) {
		TALLOC_FREE(file);
		return NULL;
	}
	DLIST_ADD(files, file);
	talloc_set_destructor(file, file_destructor);

	return file;
}
