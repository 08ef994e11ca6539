/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The VFS functions that more than one part of the module may have an answer to, and who is asked
 * first. What is known of files is the business of those parts.
 */
#include "vfs_pathring.h"

int vfs_pathring_openat(struct vfs_handle_struct *handle,
			const struct files_struct *dirfsp,
			const struct smb_filename *smb_fname,
			struct files_struct *fsp,
			const struct vfs_open_how *how)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	bool answered = false;
	int fd;

	if (share != NULL) {
		answered =
			vfs_pathring_ahead_openat(share->ahead, dirfsp, smb_fname, fsp, how, &fd) ||
			vfs_pathring_opens_openat(share->opens, smb_fname, fsp, how, &fd);
	}
	if (answered) {
		return fd;
	}
	fd = SMB_VFS_NEXT_OPENAT(handle, dirfsp, smb_fname, fsp, how);
	if (fd == -1 && share != NULL && (errno == EMFILE || errno == ENFILE)) {
		vfs_pathring_ahead_give_back(share->ahead);
		vfs_pathring_opens_give_back(share->opens);
		fd = SMB_VFS_NEXT_OPENAT(handle, dirfsp, smb_fname, fsp, how);
	}

	return fd;
}

ssize_t vfs_pathring_fgetxattr(struct vfs_handle_struct *handle,
			       struct files_struct *fsp,
			       const char *name,
			       void *value,
			       size_t size)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	bool answered = false;
	ssize_t result;

	if (share != NULL) {
		answered =
			vfs_pathring_ahead_fgetxattr(
				share->ahead, fsp, name, value, size, &result) ||
			vfs_pathring_opens_fgetxattr(share->opens, fsp, name, value, size, &result);
	}
	if (answered) {
		return result;
	}

	return SMB_VFS_NEXT_FGETXATTR(handle, fsp, name, value, size);
}

SMB_ACL_T vfs_pathring_sys_acl_get_fd(struct vfs_handle_struct *handle,
				      struct files_struct *fsp,
				      SMB_ACL_TYPE_T type,
				      TALLOC_CTX *mem_ctx)
{
	const struct vfs_pathring_share *share = vfs_pathring_share_get(handle);
	struct smb_acl_t *acl = NULL;

	if (share != NULL && type == SMB_ACL_TYPE_ACCESS) {
		acl = vfs_pathring_opens_acl(share->opens, fsp, mem_ctx);
	}
	if (acl != NULL) {
		return acl;
	}

	return SMB_VFS_NEXT_SYS_ACL_GET_FD(handle, fsp, type, mem_ctx);
}
