/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one place that knows which Samba this is: its headers, the versions of its VFS interface and
 * what differs between them for this module. It knows nothing of the engine.
 *
 * Interface versions: 4.17 is 47, 4.18 48, 4.19 to 4.21 49, 4.22 50, 4.23 51, 4.24 52, 4.25 53. The
 * functions that the module implements (connect, disconnect, close, pread, pwrite, fsync,
 * getxattrat, get_dos_attributes) have the same signatures in all of them; the layouts of Samba's
 * structures have not, so that a module fits the release whose headers it was compiled with and no
 * other.
 */
#ifndef VFS_PATHRING_SAMBA_COMPAT_H
#define VFS_PATHRING_SAMBA_COMPAT_H

#include "includes.h"
#include "smbd/smbd.h"
#include "smbd/globals.h"
#include "messages.h"
#include "trans2.h"
#include "lib/substitute.h"
#include "lib/tsocket/tsocket.h"
#include "lib/util/tevent_ntstatus.h"
#include "lib/util/tevent_unix.h"
#include "librpc/gen_ndr/ndr_xattr.h"

#ifndef SMB_VFS_INTERFACE_VERSION
#error "smbd's headers do not say their VFS interface version: is this a Samba source tree?"
#elif SMB_VFS_INTERFACE_VERSION < 47
#error "This Samba is too old for pathring, which needs 4.17 (VFS interface version 47) or later."
#elif SMB_VFS_INTERFACE_VERSION > 53
#error "This Samba's VFS interface version is newer than 53 (4.25), the newest that pathring knows."
#endif

/*
 * Until 48 readdir gives a stat with each entry of a listing and none in a scan for a name, and
 * smbd asks for positions in a directory and goes back to them. Since 49 it does neither, and keeps
 * an entry that does not fit into a response until the next one.
 */
#define VFS_PATHRING_COMPAT_OLD_READDIR (SMB_VFS_INTERFACE_VERSION <= 48)

/* Since 50 a renameat says whether what is there already is to be replaced. */
#define VFS_PATHRING_COMPAT_OLD_RENAME (SMB_VFS_INTERFACE_VERSION <= 49)

/* Since 53 a durable_reconnect is told of the lease. */
#define VFS_PATHRING_COMPAT_OLD_RECONNECT (SMB_VFS_INTERFACE_VERSION <= 52)

/* All of the module's messages are of one class of their own: "log level = 1 pathring:3". */
extern int vfs_pathring_debug_class;

#undef DBGC_CLASS
#define DBGC_CLASS vfs_pathring_debug_class

/*
 * Since 50 the offset of a write to a handle opened for POSIX append is VFS_PWRITE_APPEND_OFFSET,
 * which is no offset but a request to write at the end of the file, wherever that is by then.
 */
static inline bool vfs_pathring_compat_is_append(off_t offset)
{
#if SMB_VFS_INTERFACE_VERSION >= 50
	return offset == VFS_PWRITE_APPEND_OFFSET;
#else
	(void)offset;
	return false;
#endif
}

static inline struct dirent *vfs_pathring_compat_next_readdir(struct vfs_handle_struct *handle,
							      struct files_struct *dirfsp,
							      DIR *dirp,
							      SMB_STRUCT_STAT *sbuf)
{
#if VFS_PATHRING_COMPAT_OLD_READDIR
	return SMB_VFS_NEXT_READDIR(handle, dirfsp, dirp, sbuf);
#else
	(void)sbuf;
	return SMB_VFS_NEXT_READDIR(handle, dirfsp, dirp);
#endif
}

/* 0 where there are no positions. */
static inline long vfs_pathring_compat_next_telldir(struct vfs_handle_struct *handle, DIR *dirp)
{
#if VFS_PATHRING_COMPAT_OLD_READDIR
	return SMB_VFS_NEXT_TELLDIR(handle, dirp);
#else
	(void)handle;
	(void)dirp;
	return 0;
#endif
}

static inline bool vfs_pathring_compat_has_positions(const struct vfs_fn_pointers *fns)
{
#if VFS_PATHRING_COMPAT_OLD_READDIR
	return fns->telldir_fn != NULL || fns->seekdir_fn != NULL;
#else
	(void)fns;
	return false;
#endif
}

#endif /* VFS_PATHRING_SAMBA_COMPAT_H */
