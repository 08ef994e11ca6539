/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording of what opens, lists and closes files: create_file, durable_reconnect, openat, readdir,
 * seekdir, close, and the end of an fsp.
 *
 * Files that smbd opens for itself are no client's request and not recorded, nor is anything that
 * is done to them.
 */
#include "record.h"

/* ---------------------------------------------------------------------------------------- close */

/*
 * smbd frees the fsp: the client has closed it, or has gone. A close of its descriptor is no sign
 * of that, since smbd opens a directory anew when a client wants to list it from the beginning.
 */
static void open_destroy(void *data)
{
	struct record_open *open = data;
	struct record *record = open->record;
	struct record_command *closing = record_command_closing(record, open);
	struct replay_request request;
	NTSTATUS status = NT_STATUS_OK;

	if (closing != NULL) {
		request = closing->request;
		closing->done = true;
	} else {
		record_begin(record, open->session, REPLAY_CLOSE, &request);
		request.handle = open->number;
		request.present |= REPLAY_HAS_HANDLE;
	}
	if (open->error != 0) {
		status = map_nt_error_from_unix(open->error);
	}
	record_end(record, &request, status);
}

static int record_close(struct vfs_handle_struct *handle, struct files_struct *fsp)
{
	struct record *record = record_find(handle);
	struct record_open *open = record_open_find(handle, fsp);
	int ret;

	if (open != NULL) {
		record_command_now(record);
	}
	ret = vfs_pathring_close(handle, fsp);
	if (ret == -1 && open != NULL) {
		open->error = errno;
	}
	return ret;
}

/* ----------------------------------------------------------------------------------- create_file
 */

/* Marks the file as one that a client has opened, so that what is done to it is recorded. */
static struct record_open *open_mark(struct record *record, struct files_struct *fsp)
{
	struct record_open *open =
		VFS_ADD_FSP_EXTENSION(record->handle, fsp, struct record_open, open_destroy);

	if (open != NULL) {
		open->record = record;
		open->fsp = fsp;
		open->number = record_file_new_handle(record->file);
		open->session = record_session(record);
	}
	return open;
}

static void
create_opened(struct record *record, struct replay_request *request, struct files_struct *fsp)
{
	struct record_open *open = open_mark(record, fsp);

	if (open != NULL) {
		request->handle = open->number;
		request->present |= REPLAY_HAS_HANDLE;
	}
	request->kind = fsp->fsp_flags.is_directory ? REPLAY_KIND_DIRECTORY : REPLAY_KIND_FILE;
	if (!fsp->fsp_flags.is_directory && VALID_STAT(fsp->fsp_name->st)) {
		request->size = fsp->fsp_name->st.st_ex_size;
		request->present |= REPLAY_HAS_SIZE;
	}
}

static NTSTATUS record_create_file(struct vfs_handle_struct *handle,
				   struct smb_request *req,
				   struct files_struct *dirfsp,
				   struct smb_filename *smb_fname,
				   uint32_t access_mask,
				   uint32_t share_access,
				   uint32_t create_disposition,
				   uint32_t create_options,
				   uint32_t file_attributes,
				   uint32_t oplock_request,
				   const struct smb2_lease *lease,
				   uint64_t allocation_size,
				   uint32_t private_flags,
				   struct security_descriptor *sd,
				   struct ea_list *ea_list,
				   files_struct **result,
				   int *pinfo,
				   const struct smb2_create_blobs *in_context_blobs,
				   struct smb2_create_blobs *out_context_blobs)
{
	struct record *record = record_find(handle);
	struct record_command *command = NULL;
	struct replay_request *request = NULL;
	struct files_struct *fsp = NULL;
	NTSTATUS status;

	if (req != NULL && req->smb2req != NULL) {
		command = record_command_create(record, req->smb2req);
	}
	if (command != NULL) {
		request = &command->request;
		request->path = record_path(command, smb_fname);
		request->access = access_mask;
		request->disposition = create_disposition;
		request->options = create_options;
		request->skip = smb_fname->twrp != 0 ? "previous version" : NULL;
		command->created = true;
	}

	status = vfs_pathring_create_file(handle,
					  req,
					  dirfsp,
					  smb_fname,
					  access_mask,
					  share_access,
					  create_disposition,
					  create_options,
					  file_attributes,
					  oplock_request,
					  lease,
					  allocation_size,
					  private_flags,
					  sd,
					  ea_list,
					  result,
					  pinfo,
					  in_context_blobs,
					  out_context_blobs);
	if (command == NULL || command->done) {
		return status;
	}
	if (NT_STATUS_IS_OK(status)) {
		fsp = *result;
		create_opened(record, request, fsp);
	} else if (open_was_deferred(req->xconn, req->mid)) {
		/* smbd comes to it again. */
		return status;
	}
	command->done = true;
	record_end(record, request, status);

	return status;
}

/* ------------------------------------------------------------------------------ durable_reconnect
 */

/* A client whose connection was lost has its file again: in this trace it is an open like others.
 */
static NTSTATUS reconnect_result(struct vfs_handle_struct *handle,
				 const struct smb_request *smb1req,
				 struct files_struct *fsp,
				 NTSTATUS status)
{
	struct record *record = record_find(handle);
	struct record_command *command = record_command_create(record, smb1req->smb2req);
	struct replay_request *request = NULL;

	if (command == NULL || command->done) {
		return status;
	}
	request = &command->request;
	if (NT_STATUS_IS_OK(status)) {
		request->path = record_path(command, fsp->fsp_name);
		request->access = fsp->access_mask;
		request->disposition = FILE_OPEN;
		request->options = 0;
		create_opened(record, request, fsp);
	}
	command->done = true;
	/* What smbd_smb2_create_send() makes of any error. */
	record_end(record,
		   request,
		   NT_STATUS_IS_OK(status) ? status : NT_STATUS_OBJECT_NAME_NOT_FOUND);

	return status;
}

#if VFS_PATHRING_COMPAT_OLD_RECONNECT
static NTSTATUS record_durable_reconnect(struct vfs_handle_struct *handle,
					 struct smb_request *smb1req,
					 struct smbXsrv_open *op,
					 const DATA_BLOB old_cookie,
					 TALLOC_CTX *mem_ctx,
					 struct files_struct **fsp,
					 DATA_BLOB *new_cookie)
{
	NTSTATUS status = SMB_VFS_NEXT_DURABLE_RECONNECT(
		handle, smb1req, op, old_cookie, mem_ctx, fsp, new_cookie);

	return reconnect_result(handle, smb1req, *fsp, status);
}
#else
static NTSTATUS record_durable_reconnect(struct vfs_handle_struct *handle,
					 struct smb_request *smb1req,
					 struct smbXsrv_open *op,
					 const DATA_BLOB old_cookie,
					 const struct smb2_lease *lease,
					 TALLOC_CTX *mem_ctx,
					 struct files_struct **fsp,
					 DATA_BLOB *new_cookie)
{
	NTSTATUS status = SMB_VFS_NEXT_DURABLE_RECONNECT(
		handle, smb1req, op, old_cookie, lease, mem_ctx, fsp, new_cookie);

	return reconnect_result(handle, smb1req, *fsp, status);
}
#endif

/* --------------------------------------------------------------------------------------- openat */

/* 4.22 opens directories on the way by their names too, and without O_DIRECTORY. */
static bool is_last_component(const char *name, const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;
	const char *name_slash = strrchr(name, '/');

	if (path == NULL) {
		return false;
	}
	return strequal(name_slash != NULL ? name_slash + 1 : name,
			slash != NULL ? slash + 1 : path);
}

/*
 * What stands in the way of a path: a directory that is missing, and whatever may not be looked up.
 * The new name of a file need not be there.
 */
static void note_lookup(struct record_command *command,
			const struct smb_filename *smb_fname,
			const struct vfs_open_how *how,
			int error)
{
	bool missing = error == ENOENT || error == ENOTDIR;
	bool renames = command->request.command == REPLAY_RENAME;
	bool last = (how->flags & O_DIRECTORY) == 0 &&
		    is_last_component(smb_fname->base_name, command->request.target);

	if (renames && last) {
		command->found = error == 0;
	}
	if (missing && !(renames && last)) {
		command->status = NT_STATUS_OBJECT_PATH_NOT_FOUND;
	} else if (error != 0 && !missing) {
		command->status = map_nt_error_from_unix(error);
	}
}

/*
 * smbd opens what is on the way to a file, and, when it lists, each entry that it gives to the
 * client.
 */
static int record_openat(struct vfs_handle_struct *handle,
			 const struct files_struct *dirfsp,
			 const struct smb_filename *smb_fname,
			 struct files_struct *fsp,
			 const struct vfs_open_how *how)
{
	struct record *record = record_find(handle);
	struct record_command *command = record_command_now(record);
	int fd = vfs_pathring_openat(handle, dirfsp, smb_fname, fsp, how);
	int error = errno;

	if (command == NULL) {
		return fd;
	}
	switch (command->request.command) {
	case REPLAY_CREATE:
	case REPLAY_RENAME:
		note_lookup(command, smb_fname, how, fd == -1 ? error : 0);
		break;
	case REPLAY_QUERY_DIRECTORY:
		if (fd != -1 && command->open != NULL && dirfsp == command->open->fsp) {
			command->request.count++;
		}
		break;
	default:
		break;
	}
	errno = error;
	return fd;
}

#if VFS_PATHRING_COMPAT_OLD_READDIR
/* An entry that did not fit into the response, which is opened again for the next one. */
static void record_seekdir(struct vfs_handle_struct *handle, DIR *dirp, long offset)
{
	struct record_command *command = record_command_now(record_find(handle));

	if (command != NULL && command->request.command == REPLAY_QUERY_DIRECTORY) {
		command->rewound++;
	}
	vfs_pathring_seekdir(handle, dirp, offset);
}
#else
static struct dirent *
record_readdir(struct vfs_handle_struct *handle, struct files_struct *dirfsp, DIR *dirp)
{
	struct record_command *command = record_command_now(record_find(handle));
	struct dirent *entry = vfs_pathring_readdir(handle, dirfsp, dirp);

	if (entry == NULL && command != NULL) {
		command->ended = true;
	}
	return entry;
}
#endif

void record_open_hook(struct vfs_fn_pointers *fns)
{
	fns->create_file_fn = record_create_file;
	fns->durable_reconnect_fn = record_durable_reconnect;
	fns->openat_fn = record_openat;
	fns->close_fn = record_close;
#if VFS_PATHRING_COMPAT_OLD_READDIR
	fns->seekdir_fn = record_seekdir;
#else
	fns->readdir_fn = record_readdir;
#endif
}
