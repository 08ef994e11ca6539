/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The module's entry, its function table, connect and disconnect. What a connect decides is in
 * share.c, what the functions do in the file of their family.
 */
#include "vfs_pathring.h"

int vfs_pathring_debug_class = DBGC_VFS;

/* The table below with the functions that record in it. */
static struct vfs_fn_pointers vfs_pathring_recording_fns;

static int
vfs_pathring_connect(struct vfs_handle_struct *handle, const char *service, const char *user)
{
	int ret = SMB_VFS_NEXT_CONNECT(handle, service, user);
	const char *record = NULL;

	if (ret < 0) {
		return ret;
	}

	record = vfs_pathring_record_connect(handle, service, &vfs_pathring_recording_fns);
	vfs_pathring_share_connect(handle, service, record);

	return ret;
}

static void vfs_pathring_disconnect(struct vfs_handle_struct *handle)
{
	vfs_pathring_share_disconnect(handle);
	vfs_pathring_record_disconnect(handle);

	SMB_VFS_NEXT_DISCONNECT(handle);
}

static struct vfs_fn_pointers vfs_pathring_fns = {
	.connect_fn = vfs_pathring_connect,
	.disconnect_fn = vfs_pathring_disconnect,
	.create_file_fn = vfs_pathring_create_file,
	.openat_fn = vfs_pathring_openat,
	.close_fn = vfs_pathring_close,
	.fgetxattr_fn = vfs_pathring_fgetxattr,
	.sys_acl_get_fd_fn = vfs_pathring_sys_acl_get_fd,
	.readdir_fn = vfs_pathring_readdir,
#if VFS_PATHRING_COMPAT_OLD_READDIR
	.telldir_fn = vfs_pathring_telldir,
	.seekdir_fn = vfs_pathring_seekdir,
#endif
	.rewind_dir_fn = vfs_pathring_rewind_dir,
	.closedir_fn = vfs_pathring_closedir,
	.fstat_fn = vfs_pathring_fstat,
	.flistxattr_fn = vfs_pathring_flistxattr,
	.pread_send_fn = vfs_pathring_pread_send,
	.pread_recv_fn = vfs_pathring_pread_recv,
	.pwrite_send_fn = vfs_pathring_pwrite_send,
	.pwrite_recv_fn = vfs_pathring_pwrite_recv,
	.fsync_send_fn = vfs_pathring_fsync_send,
	.fsync_recv_fn = vfs_pathring_fsync_recv,
	.get_dos_attributes_send_fn = vfs_pathring_get_dos_attributes_send,
	.get_dos_attributes_recv_fn = vfs_pathring_get_dos_attributes_recv,
	.getxattrat_send_fn = vfs_pathring_getxattrat_send,
	.getxattrat_recv_fn = vfs_pathring_getxattrat_recv,
};

/*
 * The one symbol that the module exports. In one that is loaded it has the name that smbd looks up,
 * samba_init_module (lib/util/modules.c): the build defines this name to be that one.
 */
_PUBLIC_ NTSTATUS vfs_pathring_init(TALLOC_CTX *mem_ctx);

_PUBLIC_ NTSTATUS vfs_pathring_init(TALLOC_CTX *mem_ctx)
{
	NTSTATUS status;
	int debug_class;

	(void)mem_ctx;

	vfs_pathring_recording_fns = vfs_pathring_fns;
	vfs_pathring_record_hook(&vfs_pathring_recording_fns);

	status = smb_register_vfs(SMB_VFS_INTERFACE_VERSION, "pathring", &vfs_pathring_fns);
	if (!NT_STATUS_IS_OK(status)) {
		return status;
	}

	debug_class = debug_add_class("pathring");
	if (debug_class == -1) {
		DBG_WARNING("no debug class for pathring: its messages are of class vfs\n");
		return NT_STATUS_OK;
	}
	vfs_pathring_debug_class = debug_class;

	return NT_STATUS_OK;
}
