/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on files for an action, each as a request to the engine or, for engines that say so,
 * here and now under the user's identity.
 *
 * True: done, action->result is 0, a count or a negative errno. False: the action goes on at its
 * step when it is. Paths are resolved beneath the client's root, without symbolic links.
 */
#ifndef REPLAY_OPERATE_H
#define REPLAY_OPERATE_H

#include "run.h"

#define REPLAY_DOS_ATTRIBUTES "user.DOSATTRIB"
#define REPLAY_POSIX_ACL "system.posix_acl_access"

/* Into action->got and action->stat; the DOS attributes are read, and with_names all xattrs' names.
 */
bool replay_lookup(struct replay_action *action, const char *path, bool with_names);
bool replay_lookup_below(struct replay_action *action,
			 struct replay_fd *dir,
			 const char *path,
			 bool with_names);

/* Into action->got. With O_PATH a path reference, else for reading and writing. */
bool replay_open(struct replay_action *action, const char *path, uint64_t flags, mode_t mode);

/* fd is given away. */
bool replay_close(struct replay_action *action, struct replay_fd *fd);

/* The same of what nothing was done with, without being asked when it is done. */
void replay_drop(struct replay_fd *fd);

/* Into action->stat. */
bool replay_statx(struct replay_action *action, struct replay_fd *fd);
bool replay_getxattr(struct replay_action *action, struct replay_fd *fd, const char *name);
bool replay_setxattr(struct replay_action *action,
		     struct replay_fd *fd,
		     const char *name,
		     const void *value,
		     size_t size);
bool replay_listxattr(struct replay_action *action, struct replay_fd *fd);
bool replay_pread(struct replay_action *action, struct replay_fd *fd, size_t size, off_t offset);
bool replay_pwrite(struct replay_action *action,
		   struct replay_fd *fd,
		   const void *data,
		   size_t size,
		   off_t offset);
bool replay_fsync(struct replay_action *action, struct replay_fd *fd);
bool replay_ftruncate(struct replay_action *action, struct replay_fd *fd, off_t size);
bool replay_utimens(struct replay_action *action,
		    struct replay_fd *fd,
		    const struct timespec times[2]);
bool replay_statfs(struct replay_action *action, struct replay_fd *fd);

/* More of the directory's names into listing; result: how many. */
bool replay_readdir(struct replay_action *action,
		    struct replay_fd *fd,
		    struct replay_listing *listing);

/* Of action->client->run->names below fd, each as replay_lookup() does; result: how many there
 * were. */
bool replay_lookups(struct replay_action *action, struct replay_fd *fd, bool with_names);

bool replay_mkdirat(struct replay_action *action,
		    struct replay_fd *dir,
		    const char *name,
		    mode_t mode);
bool replay_unlinkat(struct replay_action *action,
		     struct replay_fd *dir,
		     const char *name,
		     int flags);
bool replay_renameat(struct replay_action *action,
		     struct replay_fd *old_dir,
		     const char *old_name,
		     struct replay_fd *new_dir,
		     const char *new_name,
		     unsigned int flags);
bool replay_linkat(struct replay_action *action,
		   struct replay_fd *old_dir,
		   const char *old_name,
		   struct replay_fd *new_dir,
		   const char *new_name);

/* name below dir and everything in it. */
bool replay_remove_tree(struct replay_action *action, struct replay_fd *dir, const char *name);

#endif /* REPLAY_OPERATE_H */
