/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording of what is asked and set of a file. Each of these functions may be part of a QUERY_INFO
 * or a SET_INFO, which record_command.c makes out: smbd begins all of them with a stat of the file,
 * and the others say how it ends.
 */
#include "record.h"

static int record_stat(struct vfs_handle_struct *handle, struct smb_filename *smb_fname)
{
	record_command_now(record_find(handle));

	return SMB_VFS_NEXT_STAT(handle, smb_fname);
}

static int
record_fstat(struct vfs_handle_struct *handle, struct files_struct *fsp, SMB_STRUCT_STAT *sbuf)
{
	record_command_now(record_find(handle));

	return vfs_pathring_fstat(handle, fsp, sbuf);
}

/* What vfs_acl_xattr, listed before us, makes of a query of an ACL that it has. */
static ssize_t record_fgetxattr(struct vfs_handle_struct *handle,
				struct files_struct *fsp,
				const char *name,
				void *value,
				size_t size)
{
	record_command_now(record_find(handle));

	return vfs_pathring_fgetxattr(handle, fsp, name, value, size);
}

/* smbd may try again as root (file_ntimes() in smbd/dosmode.c): the last one counts. */
static int set_result(struct vfs_handle_struct *handle, int ret)
{
	int error = errno;

	record_command_result(record_find(handle),
			      ret == -1 ? map_nt_error_from_unix(error) : NT_STATUS_OK);
	errno = error;
	return ret;
}

static int
record_fntimes(struct vfs_handle_struct *handle, struct files_struct *fsp, struct smb_file_time *ft)
{
	return set_result(handle, SMB_VFS_NEXT_FNTIMES(handle, fsp, ft));
}

static int
record_ftruncate(struct vfs_handle_struct *handle, struct files_struct *fsp, off_t offset)
{
	return set_result(handle, SMB_VFS_NEXT_FTRUNCATE(handle, fsp, offset));
}

/* Then smbd allocates the space in another way. */
static bool is_unsupported(int error)
{
	return error == EOPNOTSUPP || error == ENOTSUP || error == ENOSYS;
}

static int record_fallocate(struct vfs_handle_struct *handle,
			    struct files_struct *fsp,
			    uint32_t mode,
			    off_t offset,
			    off_t len)
{
	int ret = SMB_VFS_NEXT_FALLOCATE(handle, fsp, mode, offset, len);

	return ret == -1 && is_unsupported(errno) ? ret : set_result(handle, ret);
}

#if VFS_PATHRING_COMPAT_OLD_RENAME
static int record_renameat(struct vfs_handle_struct *handle,
			   struct files_struct *srcdir_fsp,
			   const struct smb_filename *smb_fname_src,
			   struct files_struct *dstdir_fsp,
			   const struct smb_filename *smb_fname_dst)
{
	return set_result(handle,
			  SMB_VFS_NEXT_RENAMEAT(
				  handle, srcdir_fsp, smb_fname_src, dstdir_fsp, smb_fname_dst));
}
#else
static int record_renameat(struct vfs_handle_struct *handle,
			   struct files_struct *srcdir_fsp,
			   const struct smb_filename *smb_fname_src,
			   struct files_struct *dstdir_fsp,
			   const struct smb_filename *smb_fname_dst,
			   const struct vfs_rename_how *how)
{
	return set_result(
		handle,
		SMB_VFS_NEXT_RENAMEAT(
			handle, srcdir_fsp, smb_fname_src, dstdir_fsp, smb_fname_dst, how));
}
#endif

static NTSTATUS status_result(struct vfs_handle_struct *handle, NTSTATUS status)
{
	record_command_result(record_find(handle), status);

	return status;
}

static NTSTATUS record_fget_nt_acl(struct vfs_handle_struct *handle,
				   struct files_struct *fsp,
				   uint32_t security_info,
				   TALLOC_CTX *mem_ctx,
				   struct security_descriptor **ppdesc)
{
	record_command_now(record_find(handle));

	return status_result(handle,
			     SMB_VFS_NEXT_FGET_NT_ACL(handle, fsp, security_info, mem_ctx, ppdesc));
}

static NTSTATUS record_fset_nt_acl(struct vfs_handle_struct *handle,
				   struct files_struct *fsp,
				   uint32_t security_info_sent,
				   const struct security_descriptor *psd)
{
	record_command_now(record_find(handle));

	return status_result(handle,
			     SMB_VFS_NEXT_FSET_NT_ACL(handle, fsp, security_info_sent, psd));
}

/* NT_STATUS_NOT_IMPLEMENTED: smbd sets the mode instead (file_set_dosmode() in smbd/dosmode.c). */
static NTSTATUS record_fset_dos_attributes(struct vfs_handle_struct *handle,
					   struct files_struct *fsp,
					   uint32_t dosmode)
{
	NTSTATUS status = SMB_VFS_NEXT_FSET_DOS_ATTRIBUTES(handle, fsp, dosmode);

	if (NT_STATUS_EQUAL(status, NT_STATUS_NOT_IMPLEMENTED)) {
		return status;
	}
	return status_result(handle, status);
}

void record_info_hook(struct vfs_fn_pointers *fns)
{
	fns->stat_fn = record_stat;
	fns->fstat_fn = record_fstat;
	fns->fgetxattr_fn = record_fgetxattr;
	fns->fntimes_fn = record_fntimes;
	fns->ftruncate_fn = record_ftruncate;
	fns->fallocate_fn = record_fallocate;
	fns->renameat_fn = record_renameat;
	fns->fget_nt_acl_fn = record_fget_nt_acl;
	fns->fset_nt_acl_fn = record_fset_nt_acl;
	fns->fset_dos_attributes_fn = record_fset_dos_attributes;
}
