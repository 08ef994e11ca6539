/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors as smbd tells them (map_nt_error_from_unix()), and what no file system can answer: what a
 * server knows beside its files.
 */
#include "outcome.h"

#include "pattern.h"
#include "status.h"

#include <errno.h>

uint32_t replay_status_of(int error)
{
	switch (-error) {
	case 0:
		return REPLAY_STATUS_OK;
	case EPERM:
	case EACCES:
		return REPLAY_STATUS_ACCESS_DENIED;
	case ENOENT:
		return REPLAY_STATUS_OBJECT_NAME_NOT_FOUND;
	case ENOTDIR:
		return REPLAY_STATUS_NOT_A_DIRECTORY;
	case EIO:
		return REPLAY_STATUS_IO_DEVICE_ERROR;
	case EBADF:
		return REPLAY_STATUS_INVALID_HANDLE;
	case EINVAL:
		return REPLAY_STATUS_INVALID_PARAMETER;
	case EEXIST:
		return REPLAY_STATUS_OBJECT_NAME_COLLISION;
	case ENFILE:
	case EMFILE:
		return REPLAY_STATUS_TOO_MANY_OPENED_FILES;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return REPLAY_STATUS_DISK_FULL;
	case ENOMEM:
		return REPLAY_STATUS_NO_MEMORY;
	case EISDIR:
		return REPLAY_STATUS_FILE_IS_A_DIRECTORY;
	case EBUSY:
		return REPLAY_STATUS_SHARING_VIOLATION;
	case EOPNOTSUPP:
	case ENOSYS:
		return REPLAY_STATUS_NOT_SUPPORTED;
	case EMLINK:
		return REPLAY_STATUS_TOO_MANY_LINKS;
	case ELOOP:
	case EXDEV:
		/* smbd does not follow a link that leads out of a share, and says so. */
		return REPLAY_STATUS_OBJECT_PATH_NOT_FOUND;
	case ENODATA:
		return REPLAY_STATUS_NOT_FOUND;
	case ENOTEMPTY:
		return REPLAY_STATUS_DIRECTORY_NOT_EMPTY;
	case EROFS:
		return REPLAY_STATUS_MEDIA_WRITE_PROTECTED;
	case ENAMETOOLONG:
		return REPLAY_STATUS_NAME_TOO_LONG;
	case ETIMEDOUT:
		return REPLAY_STATUS_IO_TIMEOUT;
	case ECANCELED:
		return REPLAY_STATUS_CANCELLED;
	default:
		return REPLAY_STATUS_UNSUCCESSFUL;
	}
}

bool replay_differs(const struct replay_item *item, uint32_t status)
{
	return (item->present & REPLAY_HAS_STATUS) != 0 && item->status != status;
}

/* What was recorded says of itself that it was not the file system's doing. */
static const char *explain_recorded(uint32_t status)
{
	switch (status) {
	case REPLAY_STATUS_SHARING_VIOLATION:
	case REPLAY_STATUS_FILE_LOCK_CONFLICT:
	case REPLAY_STATUS_LOCK_NOT_GRANTED:
	case REPLAY_STATUS_DELETE_PENDING:
		return "recorded: a lock or share mode of the server's";
	case REPLAY_STATUS_BUFFER_OVERFLOW:
	case REPLAY_STATUS_BUFFER_TOO_SMALL:
	case REPLAY_STATUS_INFO_LENGTH_MISMATCH:
	case REPLAY_STATUS_EA_TOO_LARGE:
		return "recorded: the client's buffer was too small";
	case REPLAY_STATUS_INVALID_PARAMETER:
	case REPLAY_STATUS_INVALID_INFO_CLASS:
	case REPLAY_STATUS_INVALID_DEVICE_REQUEST:
	case REPLAY_STATUS_NOT_SUPPORTED:
	case REPLAY_STATUS_NO_EAS_ON_FILE:
	case REPLAY_STATUS_PRIVILEGE_NOT_HELD:
	case REPLAY_STATUS_OBJECT_NAME_INVALID:
		return "recorded: the server refused what was asked for";
	case REPLAY_STATUS_CANNOT_DELETE:
		return "recorded: a DOS attribute of the file";
	case REPLAY_STATUS_USER_SESSION_DELETED:
	case REPLAY_STATUS_NETWORK_NAME_DELETED:
	case REPLAY_STATUS_NETWORK_SESSION_EXPIRED:
	case REPLAY_STATUS_BAD_NETWORK_NAME:
	case REPLAY_STATUS_FILE_CLOSED:
	case REPLAY_STATUS_CANCELLED:
	case REPLAY_STATUS_IO_TIMEOUT:
	case REPLAY_STATUS_INSUFFICIENT_RESOURCES:
		return "recorded: a session, share or handle had ended";
	case REPLAY_STATUS_PATH_NOT_COVERED:
	case REPLAY_STATUS_STOPPED_ON_SYMLINK:
		return "recorded: a link to elsewhere";
	default:
		return NULL;
	}
}

/*
 * The kernel judges when a file is opened, and what is open stays so. (smbd's close can fail
 * because it sets the time of the last write, update_write_time_on_close().)
 */
static bool is_denied_though_open(const struct replay_item *item)
{
	if (item->status != REPLAY_STATUS_ACCESS_DENIED || item->file == REPLAY_NONE) {
		return false;
	}
	return item->command == REPLAY_CLOSE || item->command == REPLAY_READ ||
	       item->command == REPLAY_WRITE || item->command == REPLAY_FLUSH;
}

static bool is_listing_of_many(const struct replay_item *item)
{
	return item->command == REPLAY_QUERY_DIRECTORY && item->pattern != NULL &&
	       replay_pattern_is_wild(item->pattern);
}

const char *replay_explain(const struct replay_item *item, uint32_t status, bool lost)
{
	const char *reason = NULL;

	if (lost) {
		return "what it depends on went otherwise";
	}
	if ((item->flags & REPLAY_FROM_OUTSIDE) != 0) {
		return "somebody who is not in the trace made or removed a name";
	}
	reason = explain_recorded(item->status);
	if (reason != NULL) {
		return reason;
	}
	if (is_denied_though_open(item)) {
		return "recorded: the server denied what was open";
	}
	if ((item->flags & REPLAY_BEYOND_MODES) != 0 &&
	    (item->status == REPLAY_STATUS_ACCESS_DENIED ||
	     status == REPLAY_STATUS_ACCESS_DENIED)) {
		return "rights that no owner and mode can express";
	}
	if (is_listing_of_many(item) &&
	    (status == REPLAY_STATUS_NO_SUCH_FILE || status == REPLAY_STATUS_NO_MORE_FILES ||
	     item->status == REPLAY_STATUS_NO_MORE_FILES ||
	     item->status == REPLAY_STATUS_NO_SUCH_FILE)) {
		return "the trace does not name what a listing brought";
	}
	if (item->command == REPLAY_QUERY_INFO && item->info == REPLAY_INFO_QUOTA) {
		return "quotas are the server's own";
	}
	return NULL;
}
