/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a request must have to be replayed.
 */
#include "trace.h"

static const char *needs_path(const struct replay_request *request)
{
	return request->path == NULL ? "path" : NULL;
}

static const char *needs_object(const struct replay_request *request)
{
	return (request->present & REPLAY_HAS_HANDLE) == 0 && request->path == NULL ? "handle"
										    : NULL;
}

const char *replay_request_missing(const struct replay_request *request)
{
	if (request->skip != NULL) {
		return NULL;
	}
	switch (request->command) {
	case REPLAY_CREATE:
	case REPLAY_UNLINK:
	case REPLAY_MKDIR:
	case REPLAY_RMDIR:
	case REPLAY_DELTREE:
		return needs_path(request);
	case REPLAY_RENAME:
		return request->target == NULL ? "target" : needs_object(request);
	case REPLAY_QUERY_INFO:
		/* Of a file system: the share's, if nothing is named. */
		return request->info != REPLAY_INFO_FILESYSTEM ? needs_object(request) : NULL;
	case REPLAY_CLOSE:
	case REPLAY_READ:
	case REPLAY_WRITE:
	case REPLAY_FLUSH:
	case REPLAY_SET_INFO:
	case REPLAY_QUERY_DIRECTORY:
		return needs_object(request);
	default:
		return NULL;
	}
}
