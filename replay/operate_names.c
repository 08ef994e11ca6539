/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations by name: to find, open, make, remove and move what is beneath a client's root.
 */
#include "operate_internal.h"

#include "tree_remove.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A walk that met a rename may be tried again (openat2(2), EAGAIN). */
#define MAX_TRIES 64

int replay_openat2(int dir, const char *path, uint64_t flags, mode_t mode)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = REPLAY_RESOLVE | RESOLVE_NO_MAGICLINKS,
	};
	int tries = 0;
	long ret = 0;

	do {
		ret = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		tries++;
	} while (ret == -1 && (errno == EINTR || errno == EAGAIN) && tries < MAX_TRIES);
	return ret >= 0 ? (int)ret : -errno;
}

static int lookup_here(int dir,
		       const char *path,
		       bool dos_attributes,
		       bool with_names,
		       struct replay_stat *stat,
		       int *_fd)
{
	char names[REPLAY_XATTR_NAMES_SIZE];
	char value[REPLAY_XATTR_SIZE];
	char proc[32];
	struct statx stx;
	int fd = replay_openat2(dir, path, O_PATH | O_NOFOLLOW, 0);
	int ret = 0;

	*_fd = -1;
	if (fd < 0) {
		return fd;
	}
	ret = statx(fd, "", AT_EMPTY_PATH, REPLAY_STATX_MASK, &stx);
	if (ret == -1) {
		ret = -errno;
		close(fd);
		return ret;
	}
	replay_fill_stat(stat, &stx);
	/* What the descriptor of a path reference does not give (EBADF). */
	if (dos_attributes || with_names) {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	}
	if (dos_attributes) {
		(void)getxattr(proc, REPLAY_DOS_ATTRIBUTES, value, sizeof(value));
	}
	if (with_names) {
		(void)listxattr(proc, names, sizeof(names));
	}
	*_fd = fd;
	return 0;
}

void replay_lookup_how(bool dos_attributes, bool with_names, struct pathring_lookup_how *how)
{
	static const struct pathring_xattr_query queries[2] = {
		{ .name = REPLAY_DOS_ATTRIBUTES, .size = REPLAY_XATTR_SIZE },
		{ .name = NULL, .size = REPLAY_XATTR_NAMES_SIZE },
	};

	*how = (struct pathring_lookup_how) {
		.flags = O_NOFOLLOW,
		.resolve = REPLAY_RESOLVE,
		.mask = REPLAY_STATX_MASK,
		.xattrs = dos_attributes ? &queries[0] : &queries[1],
		.num_xattrs = (dos_attributes ? 1 : 0) + (with_names ? 1 : 0),
	};
}

static void set_got(struct replay_action *action, struct pathring_handle *handle, bool io)
{
	action->got = (struct replay_fd) {
		.fd = pathring_handle_pathref_fd(handle),
		.io = io,
		.owned = true,
		.handle = handle,
	};
}

/* ---- lookup ---- */

static void lookup_done(struct pathring_request *request, void *private_data)
{
	struct replay_action *action = private_data;
	struct pathring_handle *handle = NULL;
	const struct statx *stx = NULL;
	int ret = 0;

	ret = pathring_lookup_result(request, &stx, NULL);
	if (ret == 0) {
		replay_fill_stat(&action->stat, stx);
		ret = pathring_lookup_take_handle(request, action->client->run, &handle);
	}
	if (ret == 0) {
		set_got(action, handle, false);
	}
	replay_operate_done(action, ret);
}

bool replay_lookup_below(struct replay_action *action,
			 struct replay_fd *dir,
			 const char *path,
			 bool with_names)
{
	struct replay_run *run = action->client->run;
	struct pathring_lookup_how how;
	int ret = 0;
	int fd = -1;

	action->got.fd = -1;
	if (replay_operate_here(action, PATHRING_LOOKUP)) {
		ret = lookup_here(dir->fd,
				  path,
				  run->options->dos_attributes,
				  with_names,
				  &action->stat,
				  &fd);
		action->got = (struct replay_fd) { .fd = fd };
		return replay_operate_did(action, PATHRING_LOOKUP, ret);
	}
	replay_lookup_how(run->options->dos_attributes, with_names, &how);
	ret = pathring_lookup_request(run->ring,
				      replay_operate_identity(action),
				      replay_fd_handle(action, dir),
				      path,
				      &how,
				      lookup_done,
				      action,
				      &action->request);
	return replay_operate_asked(action, PATHRING_LOOKUP, ret);
}

bool replay_lookup(struct replay_action *action, const char *path, bool with_names)
{
	return replay_lookup_below(action, &action->client->root, path, with_names);
}

/* ---- open ---- */

static void open_done(struct pathring_request *request, void *private_data)
{
	struct replay_action *action = private_data;
	struct pathring_handle *handle = NULL;
	int ret = 0;

	ret = pathring_openat_result(request, action->client->run, &handle);
	if (ret == 0) {
		set_got(action, handle, pathring_handle_io_fd(handle) >= 0);
	}
	replay_operate_done(action, ret);
}

bool replay_open(struct replay_action *action, const char *path, uint64_t flags, mode_t mode)
{
	struct replay_client *client = action->client;
	struct pathring_how how = {
		.flags = flags | O_NOFOLLOW,
		.mode = mode,
		.resolve = REPLAY_RESOLVE,
	};
	int ret = 0;

	if ((flags & O_PATH) == 0) {
		how.flags |= O_NONBLOCK;
	}
	action->got.fd = -1;
	if (replay_operate_here(action, PATHRING_OPENAT)) {
		ret = replay_openat2(client->root.fd, path, how.flags, mode);
		if (ret >= 0) {
			action->got = (struct replay_fd) {
				.fd = ret,
				.io = (flags & O_PATH) == 0,
			};
			ret = 0;
		}
		return replay_operate_did(action, PATHRING_OPENAT, ret);
	}
	ret = pathring_openat_request(client->run->ring,
				      replay_operate_identity(action),
				      replay_fd_handle(action, &client->root),
				      path,
				      &how,
				      open_done,
				      action,
				      &action->request);
	return replay_operate_asked(action, PATHRING_OPENAT, ret);
}

/* ---- what changes names ---- */

static void mkdirat_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_mkdirat_result(request));
}

bool replay_mkdirat(struct replay_action *action,
		    struct replay_fd *dir,
		    const char *name,
		    mode_t mode)
{
	int ret = 0;

	if (replay_operate_here(action, PATHRING_MKDIRAT)) {
		return replay_operate_did(
			action, PATHRING_MKDIRAT, replay_result(mkdirat(dir->fd, name, mode)));
	}
	ret = pathring_mkdirat_request(action->client->run->ring,
				       replay_operate_identity(action),
				       replay_fd_handle(action, dir),
				       name,
				       mode,
				       mkdirat_done,
				       action,
				       &action->request);
	return replay_operate_asked(action, PATHRING_MKDIRAT, ret);
}

static void unlinkat_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_unlinkat_result(request));
}

bool replay_unlinkat(struct replay_action *action,
		     struct replay_fd *dir,
		     const char *name,
		     int flags)
{
	int ret = 0;

	if (replay_operate_here(action, PATHRING_UNLINKAT)) {
		return replay_operate_did(
			action, PATHRING_UNLINKAT, replay_result(unlinkat(dir->fd, name, flags)));
	}
	ret = pathring_unlinkat_request(action->client->run->ring,
					replay_operate_identity(action),
					replay_fd_handle(action, dir),
					name,
					flags,
					unlinkat_done,
					action,
					&action->request);
	return replay_operate_asked(action, PATHRING_UNLINKAT, ret);
}

static void renameat_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_renameat_result(request));
}

bool replay_renameat(struct replay_action *action,
		     struct replay_fd *old_dir,
		     const char *old_name,
		     struct replay_fd *new_dir,
		     const char *new_name,
		     unsigned int flags)
{
	int ret = 0;

	if (replay_operate_here(action, PATHRING_RENAMEAT)) {
		ret = renameat2(old_dir->fd, old_name, new_dir->fd, new_name, flags);
		return replay_operate_did(action, PATHRING_RENAMEAT, replay_result(ret));
	}
	ret = pathring_renameat_request(action->client->run->ring,
					replay_operate_identity(action),
					replay_fd_handle(action, old_dir),
					old_name,
					replay_fd_handle(action, new_dir),
					new_name,
					flags,
					renameat_done,
					action,
					&action->request);
	return replay_operate_asked(action, PATHRING_RENAMEAT, ret);
}

static void linkat_done(struct pathring_request *request, void *private_data)
{
	replay_operate_done(private_data, pathring_linkat_result(request));
}

bool replay_linkat(struct replay_action *action,
		   struct replay_fd *old_dir,
		   const char *old_name,
		   struct replay_fd *new_dir,
		   const char *new_name)
{
	int ret = 0;

	if (replay_operate_here(action, PATHRING_LINKAT)) {
		ret = linkat(old_dir->fd, old_name, new_dir->fd, new_name, 0);
		return replay_operate_did(action, PATHRING_LINKAT, replay_result(ret));
	}
	ret = pathring_linkat_request(action->client->run->ring,
				      replay_operate_identity(action),
				      replay_fd_handle(action, old_dir),
				      old_name,
				      replay_fd_handle(action, new_dir),
				      new_name,
				      linkat_done,
				      action,
				      &action->request);
	return replay_operate_asked(action, PATHRING_LINKAT, ret);
}

/* ---- a whole tree ---- */

struct removal {
	int dir;
	int result;
	char name[NAME_MAX + 1];
};

static int removal_destructor(struct removal *removal)
{
	if (removal->dir != -1) {
		close(removal->dir);
	}
	return 0;
}

static void remove_job(void *state)
{
	struct removal *removal = state;

	removal->result = replay_tree_remove(removal->dir, removal->name);
}

static void remove_done(struct pathring_request *request, void *private_data)
{
	struct removal *removal = NULL;
	void *state = NULL;
	int ret = pathring_job_result(request, &state);

	if (ret == 0) {
		removal = state;
		ret = removal->result;
	}
	replay_operate_done(private_data, ret);
}

bool replay_remove_tree(struct replay_action *action, struct replay_fd *dir, const char *name)
{
	struct removal *removal = NULL;
	int ret = -ENOMEM;

	if (replay_operate_here(action, PATHRING_JOB)) {
		return replay_operate_did(action, PATHRING_JOB, replay_tree_remove(dir->fd, name));
	}
	removal = talloc_zero(NULL, struct removal);
	if (removal == NULL) {
		return replay_operate_asked(action, PATHRING_JOB, ret);
	}
	removal->dir = fcntl(dir->fd, F_DUPFD_CLOEXEC, 0);
	talloc_set_destructor(removal, removal_destructor);
	snprintf(removal->name, sizeof(removal->name), "%s", name);
	ret = pathring_job_request(action->client->run->ring,
				   replay_operate_identity(action),
				   NULL,
				   remove_job,
				   removal,
				   remove_done,
				   action,
				   &action->request);
	return replay_operate_asked(action, PATHRING_JOB, ret);
}
