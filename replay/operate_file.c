/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on what is open: data, attributes, and what a file system says of itself.
 */
#include "operate_internal.h"

#include "perform.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static void close_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_close_result(request));
}

bool replay_close(struct replay_action *action, struct replay_fd *fd)
{
	int ret = 0;

	/* The engine closes no descriptor that it was lent. */
	if (!fd->owned || replay_operate_here(action, PATHRING_CLOSE)) {
		replay_drop(fd);
		return replay_operate_did(action, PATHRING_CLOSE, 0);
	}
	ret = pathring_close_request(action->client->run->ring,
				     replay_operate_identity(action),
				     &fd->handle,
				     close_done,
				     action,
				     &action->request);
	*fd = (struct replay_fd) { .fd = -1 };
	return replay_operate_asked(action, PATHRING_CLOSE, ret);
}

/* ---- attributes ---- */

static void statx_done(struct pathring_request *request, void *private_data)
{
	struct replay_action *action = private_data;
	struct statx stx;
	int ret = pathring_statx_result(request, &stx);

	if (ret == 0) {
		replay_fill_stat(&action->stat, &stx);
	}
	replay_operate_done(action, ret);
}

bool replay_statx(struct replay_action *action, struct replay_fd *fd)
{
	struct statx stx;
	int ret = 0;

	if (replay_operate_here(action, PATHRING_STATX)) {
		ret = statx(fd->fd, "", AT_EMPTY_PATH, REPLAY_STATX_MASK, &stx);
		if (ret == 0) {
			replay_fill_stat(&action->stat, &stx);
		}
		return replay_operate_did(action, PATHRING_STATX, replay_result(ret));
	}
	ret = pathring_statx_request(action->client->run->ring,
				     replay_operate_identity(action),
				     replay_fd_handle(action, fd),
				     0,
				     REPLAY_STATX_MASK,
				     statx_done,
				     action,
				     &action->request);
	return replay_operate_asked(action, PATHRING_STATX, ret);
}

/* The xattr calls of a path reference go by its name below /proc (EBADF without). */
static void proc_name(const struct replay_fd *fd, char name[32])
{
	snprintf(name, 32, "/proc/self/fd/%d", fd->fd);
}

static void getxattr_done(struct pathring_request *request, void *private_data)
{
	struct replay_action *action = private_data;
	const uint8_t *value = NULL;
	ssize_t size = pathring_getxattr_result(request, &value);

	action->attributes = replay_dos_attributes_of(value, size);
	replay_operate_done(action, size);
}

bool replay_getxattr(struct replay_action *action, struct replay_fd *fd, const char *name)
{
	uint8_t value[REPLAY_XATTR_SIZE];
	char proc[32];
	ssize_t ret = 0;
	int asked = 0;

	if (replay_operate_here(action, PATHRING_GETXATTR)) {
		if (fd->io) {
			ret = fgetxattr(fd->fd, name, value, sizeof(value));
		} else {
			proc_name(fd, proc);
			ret = getxattr(proc, name, value, sizeof(value));
		}
		action->attributes = replay_dos_attributes_of(value, ret);
		return replay_operate_did(action, PATHRING_GETXATTR, replay_result(ret));
	}
	asked = pathring_getxattr_request(action->client->run->ring,
					  replay_operate_identity(action),
					  replay_fd_handle(action, fd),
					  name,
					  REPLAY_XATTR_SIZE,
					  getxattr_done,
					  action,
					  &action->request);
	return replay_operate_asked(action, PATHRING_GETXATTR, asked);
}

static void setxattr_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_setxattr_result(request));
}

bool replay_setxattr(struct replay_action *action,
		     struct replay_fd *fd,
		     const char *name,
		     const void *value,
		     size_t size)
{
	char proc[32];
	int ret = 0;

	if (replay_operate_here(action, PATHRING_SETXATTR)) {
		if (fd->io) {
			ret = fsetxattr(fd->fd, name, value, size, 0);
		} else {
			proc_name(fd, proc);
			ret = setxattr(proc, name, value, size, 0);
		}
		return replay_operate_did(action, PATHRING_SETXATTR, replay_result(ret));
	}
	ret = pathring_setxattr_request(action->client->run->ring,
					replay_operate_identity(action),
					replay_fd_handle(action, fd),
					name,
					value,
					size,
					0,
					setxattr_done,
					action,
					&action->request);
	return replay_operate_asked(action, PATHRING_SETXATTR, ret);
}

static void listxattr_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_listxattr_result(request, NULL));
}

bool replay_listxattr(struct replay_action *action, struct replay_fd *fd)
{
	char names[REPLAY_XATTR_NAMES_SIZE];
	char proc[32];
	ssize_t ret = 0;
	int asked = 0;

	if (replay_operate_here(action, PATHRING_LISTXATTR)) {
		if (fd->io) {
			ret = flistxattr(fd->fd, names, sizeof(names));
		} else {
			proc_name(fd, proc);
			ret = listxattr(proc, names, sizeof(names));
		}
		return replay_operate_did(action, PATHRING_LISTXATTR, replay_result(ret));
	}
	asked = pathring_listxattr_request(action->client->run->ring,
					   replay_operate_identity(action),
					   replay_fd_handle(action, fd),
					   REPLAY_XATTR_NAMES_SIZE,
					   listxattr_done,
					   action,
					   &action->request);
	return replay_operate_asked(action, PATHRING_LISTXATTR, asked);
}

static void utimens_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_utimens_result(request));
}

bool replay_utimens(struct replay_action *action,
		    struct replay_fd *fd,
		    const struct timespec times[2])
{
	char proc[32];
	int ret = 0;

	if (replay_operate_here(action, PATHRING_UTIMENS)) {
		if (fd->io) {
			ret = futimens(fd->fd, times);
		} else {
			proc_name(fd, proc);
			ret = utimensat(AT_FDCWD, proc, times, 0);
		}
		return replay_operate_did(action, PATHRING_UTIMENS, replay_result(ret));
	}
	ret = pathring_utimens_request(action->client->run->ring,
				       replay_operate_identity(action),
				       replay_fd_handle(action, fd),
				       times,
				       utimens_done,
				       action,
				       &action->request);
	return replay_operate_asked(action, PATHRING_UTIMENS, ret);
}

static void statfs_done(struct pathring_request *request, void *private_data)
{
	struct statfs statfs;

	replay_operate_done(private_data, pathring_statfs_result(request, &statfs));
}

bool replay_statfs(struct replay_action *action, struct replay_fd *fd)
{
	struct statfs buffer;
	int ret = 0;

	if (replay_operate_here(action, PATHRING_STATFS)) {
		ret = fstatfs(fd->fd, &buffer);
		return replay_operate_did(action, PATHRING_STATFS, replay_result(ret));
	}
	ret = pathring_statfs_request(action->client->run->ring,
				      replay_operate_identity(action),
				      replay_fd_handle(action, fd),
				      statfs_done,
				      action,
				      &action->request);
	return replay_operate_asked(action, PATHRING_STATFS, ret);
}

/* ---- data ---- */

static void pread_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_pread_result(request, NULL));
}

/* All into the same memory: nobody looks at it. */
bool replay_pread(struct replay_action *action, struct replay_fd *fd, size_t size, off_t offset)
{
	struct replay_run *run = action->client->run;
	ssize_t moved = 0;
	int ret = 0;

	if (replay_operate_here(action, PATHRING_PREAD)) {
		moved = pread(fd->fd, run->scratch, size, offset);
		return replay_operate_did(action, PATHRING_PREAD, replay_result(moved));
	}
	ret = pathring_pread_lent_request(run->ring,
					  replay_operate_identity(action),
					  replay_fd_handle(action, fd),
					  run->scratch,
					  size,
					  offset,
					  pread_done,
					  action,
					  &action->request);
	return replay_operate_asked(action, PATHRING_PREAD, ret);
}

static void pwrite_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_pwrite_result(request));
}

bool replay_pwrite(struct replay_action *action,
		   struct replay_fd *fd,
		   const void *data,
		   size_t size,
		   off_t offset)
{
	ssize_t moved = 0;
	int ret = 0;

	if (replay_operate_here(action, PATHRING_PWRITE)) {
		moved = pwrite(fd->fd, data, size, offset);
		return replay_operate_did(action, PATHRING_PWRITE, replay_result(moved));
	}
	ret = pathring_pwrite_lent_request(action->client->run->ring,
					   replay_operate_identity(action),
					   replay_fd_handle(action, fd),
					   data,
					   size,
					   offset,
					   pwrite_done,
					   action,
					   &action->request);
	return replay_operate_asked(action, PATHRING_PWRITE, ret);
}

static void ftruncate_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_ftruncate_result(request));
}

bool replay_ftruncate(struct replay_action *action, struct replay_fd *fd, off_t size)
{
	int ret = 0;

	if (replay_operate_here(action, PATHRING_FTRUNCATE)) {
		return replay_operate_did(
			action, PATHRING_FTRUNCATE, replay_result(ftruncate(fd->fd, size)));
	}
	ret = pathring_ftruncate_request(action->client->run->ring,
					 replay_operate_identity(action),
					 replay_fd_handle(action, fd),
					 size,
					 ftruncate_done,
					 action,
					 &action->request);
	return replay_operate_asked(action, PATHRING_FTRUNCATE, ret);
}

/* ---- what waits for a disk, where there is one: never here ---- */

static void fsync_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_fsync_result(request));
}

bool replay_fsync(struct replay_action *action, struct replay_fd *fd)
{
	struct replay_run *run = action->client->run;
	int ret = 0;

	if (run->in_memory && replay_operate_here(action, PATHRING_FSYNC)) {
		return replay_operate_did(action, PATHRING_FSYNC, replay_result(fsync(fd->fd)));
	}
	ret = pathring_fsync_request(run->ring,
				     replay_operate_identity(action),
				     replay_fd_handle(action, fd),
				     false,
				     fsync_done,
				     action,
				     &action->request);
	return replay_operate_asked(action, PATHRING_FSYNC, ret);
}
