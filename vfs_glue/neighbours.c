/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the other modules of a share's stack leave for the engine to answer. It knows modules by
 * the functions that they have, not by name: a name is for the log.
 */
#include "vfs_pathring.h"

typedef bool (*has_fn)(const struct vfs_fn_pointers *fns);

static bool has_readdir(const struct vfs_fn_pointers *fns)
{
	bool positions = vfs_pathring_compat_has_positions(fns);

	return positions || fns->fdopendir_fn != NULL || fns->readdir_fn != NULL ||
	       fns->rewind_dir_fn != NULL || fns->closedir_fn != NULL;
}

static bool has_openat(const struct vfs_fn_pointers *fns)
{
	return fns->openat_fn != NULL || fns->close_fn != NULL;
}

static bool has_fstat(const struct vfs_fn_pointers *fns)
{
	return fns->fstat_fn != NULL || fns->fstatat_fn != NULL;
}

static bool has_fgetxattr(const struct vfs_fn_pointers *fns)
{
	return fns->fgetxattr_fn != NULL || fns->flistxattr_fn != NULL;
}

static bool has_acl(const struct vfs_fn_pointers *fns)
{
	return fns->sys_acl_get_fd_fn != NULL;
}

static bool has_getxattrat(const struct vfs_fn_pointers *fns)
{
	return fns->getxattrat_send_fn != NULL;
}

static bool has_get_dos_attributes(const struct vfs_fn_pointers *fns)
{
	return fns->get_dos_attributes_send_fn != NULL;
}

static bool has_pread(const struct vfs_fn_pointers *fns)
{
	return fns->pread_send_fn != NULL;
}

static bool has_pwrite(const struct vfs_fn_pointers *fns)
{
	return fns->pwrite_send_fn != NULL;
}

static bool has_fsync(const struct vfs_fn_pointers *fns)
{
	return fns->fsync_send_fn != NULL;
}

static const has_fn has_operation[VFS_PATHRING_NUM_OPERATIONS] = {
	[VFS_PATHRING_GETXATTRAT] = has_getxattrat,
	[VFS_PATHRING_GET_DOS_ATTRIBUTES] = has_get_dos_attributes,
	[VFS_PATHRING_PREAD] = has_pread,
	[VFS_PATHRING_PWRITE] = has_pwrite,
	[VFS_PATHRING_FSYNC] = has_fsync,
};

/*
 * A stack is loaded from its end (smbd_vfs_init() in smbd/vfs.c): smbd's own functions, then
 * widelinks with "wide links = yes", then the modules of "vfs objects", the last one first. Nothing
 * in a handle says which module it is.
 */
static const char *listed_name(const struct vfs_handle_struct *module)
{
	const char **listed = lp_vfs_objects(SNUM(module->conn));
	const struct vfs_handle_struct *other = module->conn->vfs_handles;

	while (listed != NULL && *listed != NULL) {
		if (other == module) {
			return *listed;
		}
		other = other->next;
		listed++;
	}

	return NULL;
}

/*
 * Whether smbd's own function, the one the engine does the work of, would be the next to be called.
 * Any other module between (one that translates names, keeps xattrs in a database, encrypts, or
 * writes an audit trail) must not be left out.
 */
static bool next_is_default(const struct vfs_handle_struct *handle,
			    has_fn has_function,
			    struct vfs_pathring_objection *objection)
{
	const struct vfs_handle_struct *next = NULL;
	const char *name = NULL;

	for (next = handle->next; next != NULL; next = next->next) {
		bool has = has_function(next->fns);

		if (has) {
			break;
		}
	}
	/* smbd's own is the last. */
	if (next != NULL && next->next == NULL) {
		return true;
	}

	if (next != NULL) {
		name = listed_name(next);
	}
	if (name != NULL) {
		*objection = (struct vfs_pathring_objection) {
			.who = name,
			.what = " is listed after pathring",
			.misplaced = true,
		};
	} else {
		*objection = (struct vfs_pathring_objection) {
			.who = "wide links = yes",
			.what = "",
		};
	}

	return false;
}

bool vfs_pathring_neighbours_allow(const struct vfs_handle_struct *handle,
				   enum vfs_pathring_operation operation,
				   struct vfs_pathring_objection *objection)
{
	return next_is_default(handle, has_operation[operation], objection);
}

bool vfs_pathring_neighbours_let_getxattrat_through(const struct vfs_handle_struct *handle,
						    struct vfs_pathring_objection *objection)
{
	const struct vfs_handle_struct *first = NULL;

	for (first = handle->conn->vfs_handles; first != handle; first = first->next) {
		bool has = has_getxattrat(first->fns);

		if (has) {
			*objection = (struct vfs_pathring_objection) {
				.who = listed_name(first),
				.what = " has a getxattrat",
			};
			return false;
		}
	}

	return true;
}

static bool all_are_default(const struct vfs_handle_struct *handle,
			    const has_fn *needed,
			    size_t count,
			    struct vfs_pathring_objection *objection)
{
	size_t i;

	for (i = 0; i < count; i++) {
		bool allowed = next_is_default(handle, needed[i], objection);

		if (!allowed) {
			return false;
		}
	}

	return true;
}

/*
 * Look-ahead answers what smbd asks of an entry in place of smbd's own functions, so that none of
 * them may be another module's.
 */
bool vfs_pathring_neighbours_allow_ahead(const struct vfs_handle_struct *handle,
					 struct vfs_pathring_objection *objection)
{
	static const has_fn needed[] = { has_readdir, has_openat, has_fstat, has_fgetxattr };

	return all_are_default(handle, needed, ARRAY_SIZE(needed), objection);
}

/* So do asynchronous opens, of a file. */
bool vfs_pathring_neighbours_allow_opens(const struct vfs_handle_struct *handle,
					 struct vfs_pathring_objection *objection)
{
	static const has_fn needed[] = { has_openat, has_fstat, has_fgetxattr, has_acl };

	return all_are_default(handle, needed, ARRAY_SIZE(needed), objection);
}

bool vfs_pathring_neighbours_have_no_acls(const struct vfs_handle_struct *handle)
{
	const struct vfs_handle_struct *any = NULL;

	for (any = handle->conn->vfs_handles; any->next != NULL; any = any->next) {
		if (any->fns->fget_nt_acl_fn != NULL) {
			return false;
		}
	}

	return true;
}
