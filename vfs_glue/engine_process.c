/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine of this process: one for each value of pathring:engine in use, so one where it is set
 * globally. When it is made, when it starts, what is logged of it, and that it is left alone once
 * it can't work. It knows nothing of requests.
 */
#include "vfs_pathring.h"

/*
 * By the backend asked for. smbd forks a process for each client and connects the client's shares
 * in it, so that an engine normally belongs to one client.
 */
static struct vfs_pathring_engine *engines[PATHRING_BACKEND_SYNC + 1];

static int vfs_pathring_engine_destructor(struct vfs_pathring_engine *engine)
{
	engines[engine->backend] = NULL;
	vfs_pathring_call_forget(engine);

	return 0;
}

static void engine_log(void *private_data, enum pathring_log_level level, const char *message)
{
	(void)private_data;

	switch (level) {
	case PATHRING_LOG_ERROR:
		DBG_ERR("%s\n", message);
		return;
	case PATHRING_LOG_WARNING:
		DBG_WARNING("%s\n", message);
		return;
	case PATHRING_LOG_INFO:
		DBG_NOTICE("%s\n", message);
		return;
	}
}

/* The engine's texts have many lines; a log is searched line by line. */
static void engine_log_lines(char *text)
{
	char *line = NULL;
	char *saveptr = NULL;

	if (text == NULL) {
		return;
	}
	line = strtok_r(text, "\n", &saveptr);
	while (line != NULL) {
		D_NOTICE("pathring: %s\n", line);
		line = strtok_r(NULL, "\n", &saveptr);
	}
	TALLOC_FREE(text);
}

static void engine_give_up(struct vfs_pathring_engine *engine, const char *what, int error)
{
	engine->unusable = true;
	DBG_ERR("the engine \"%s\" can't %s: %s. Every request goes to the next module instead. "
		"\"pathring:engine = auto\" takes the best that this system allows, "
		"\"off\" silences this.\n",
		pathring_backend_name(engine->backend),
		what,
		strerror(-error));
}

void vfs_pathring_engine_create(struct connection_struct *conn, enum pathring_backend backend)
{
	struct vfs_pathring_engine *engine = engines[backend];
	/*
	 * Pinned: smbd's thread is then never switched by the engine, whatever user it stands for
	 * when its loop comes here.
	 */
	struct pathring_options options = {
		.backend = backend,
		.pin = PATHRING_PIN_RING,
		.log_fn = engine_log,
	};
	int ret;

	if (engine != NULL && engine->pid == getpid()) {
		return;
	}

	/*
	 * What a parent process made is of no use here; freeing it touches this process's copies
	 * only.
	 */
	TALLOC_FREE(engine);

	/*
	 * On the client, which smbd frees after its connections, files and requests and before its
	 * event context (exit_server_common() in smbd/server_exit.c): whatever uses the engine is
	 * gone by then.
	 */
	engine = talloc_zero(conn->sconn->client, struct vfs_pathring_engine);
	if (engine == NULL) {
		DBG_ERR("no memory for an engine, everything is passed on\n");
		return;
	}
	engine->backend = backend;
	engine->pid = getpid();
	engine->ev = conn->sconn->ev_ctx;
	engines[backend] = engine;
	talloc_set_destructor(engine, vfs_pathring_engine_destructor);

	ret = pathring_create(engine, engine->ev, &options, &engine->ring);
	if (ret != 0) {
		engine_give_up(engine, "be made", ret);
		return;
	}

	vfs_pathring_counters_listen(engine, conn->sconn->msg_ctx);
}

const char *vfs_pathring_engine_state(const struct vfs_pathring_engine *engine)
{
	if (engine->unusable) {
		return "can't work";
	}
	if (!engine->started) {
		return "starts with the first request";
	}

	switch (pathring_backend(engine->ring)) {
	case PATHRING_BACKEND_URING:
		return "runs on the ring";
	case PATHRING_BACKEND_THREADS:
		return "runs in helper threads";
	case PATHRING_BACKEND_SYNC:
		return "runs in smbd's thread";
	case PATHRING_BACKEND_AUTO:
		break;
	}

	return "can't work";
}

static void engine_start(struct vfs_pathring_engine *engine)
{
	enum pathring_backend backend;
	int ret;

	engine->started = true;
	ret = pathring_start(engine->ring);
	if (ret != 0) {
		engine_give_up(engine, "start", ret);
		return;
	}

	backend = pathring_backend(engine->ring);
	DBG_NOTICE("engine \"%s\" runs on %s\n",
		   pathring_backend_name(engine->backend),
		   pathring_backend_name(backend));
	if (CHECK_DEBUGLVL(DBGLVL_NOTICE)) {
		engine_log_lines(pathring_describe(engine->ring, engine));
	}
}

struct vfs_pathring_engine *vfs_pathring_engine_find(enum pathring_backend backend)
{
	return engines[backend];
}

struct vfs_pathring_engine *vfs_pathring_engine_unstarted(enum pathring_backend backend)
{
	struct vfs_pathring_engine *engine = engines[backend];

	if (engine == NULL || engine->unusable) {
		return NULL;
	}

	return engine;
}

struct vfs_pathring_engine *vfs_pathring_engine_get(enum pathring_backend backend)
{
	struct vfs_pathring_engine *engine = engines[backend];

	if (engine == NULL || engine->unusable) {
		return NULL;
	}
	if (!engine->started) {
		engine_start(engine);
	}
	if (engine->unusable) {
		return NULL;
	}

	return engine;
}

void vfs_pathring_engine_log_account(void)
{
	size_t i;

	if (!CHECK_DEBUGLVL(DBGLVL_NOTICE)) {
		return;
	}
	for (i = 0; i < ARRAY_SIZE(engines); i++) {
		struct vfs_pathring_engine *engine = engines[i];

		if (engine == NULL || engine->pid != getpid()) {
			continue;
		}
		if (!engine->started || engine->unusable) {
			continue;
		}
		engine_log_lines(pathring_account(engine->ring, engine));
	}
}
