/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What smbd asks of a file while it opens it, answered from what helper threads have found out.
 * Only for the CREATE that it was found out for, of the same file, under the same identity;
 * everything else, and every denial, is the next module's.
 */
#include "opens.h"

static bool is_same_file(const struct opens_work *work, const SMB_STRUCT_STAT *st)
{
	return VALID_STAT(*st) && st->st_ex_dev == work->look->st.st_dev &&
	       st->st_ex_ino == work->look->st.st_ino;
}

/*
 * A change of an xattr, an ACL or the mode changes ctime. smbd's own stat is no help: its ctime has
 * the seconds of mtime (get_ctimespec() in lib/util/time.c, 4.17).
 */
bool opens_is_same(const struct opens_work *work, const struct files_struct *fsp)
{
	const struct stat *seen = &work->look->st;
	struct stat st = { 0 };
	bool same = is_same_file(work, &fsp->fsp_name->st);
	int ret;

	if (!same) {
		return false;
	}
	ret = fstat(fsp_get_pathref_fd(fsp), &st);

	return ret == 0 && st.st_dev == seen->st_dev && st.st_ino == seen->st_ino &&
	       st.st_mode == seen->st_mode && st.st_ctim.tv_sec == seen->st_ctim.tv_sec &&
	       st.st_ctim.tv_nsec == seen->st_ctim.tv_nsec;
}

static struct opens_work *current_work(struct vfs_pathring_opens *opens,
				       const struct files_struct *fsp)
{
	struct opens_work *work = NULL;
	bool same;

	if (opens == NULL || opens->current == NULL || opens->current->fsp != fsp) {
		return NULL;
	}
	work = opens->current;
	same = unix_token_equal(work->token, get_current_utok(fsp->conn)) &&
	       is_same_file(work, &fsp->fsp_name->st);

	return same ? work : NULL;
}

/* smbd opens the file of a path reference for I/O: reopen_from_procfd() in smbd/open.c. */
static bool is_reopen(const struct files_struct *fsp,
		      const struct smb_filename *smb_fname,
		      const struct vfs_open_how *how)
{
	char path[32];

	if (fsp->fsp_flags.is_pathref || how->resolve != 0 ||
	    (how->flags & (O_EXCL | O_TRUNC)) != 0) {
		return false;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fsp_get_pathref_fd(fsp));

	return strcmp(smb_fname->base_name, path) == 0;
}

bool vfs_pathring_opens_openat(struct vfs_pathring_opens *opens,
			       const struct smb_filename *smb_fname,
			       struct files_struct *fsp,
			       const struct vfs_open_how *how,
			       int *fd)
{
	struct opens_work *work = current_work(opens, fsp);
	bool reopen;

	if (work == NULL || work->failed) {
		return false;
	}
	reopen = is_reopen(fsp, smb_fname, how);
	if (!reopen) {
		return false;
	}
	if (work->opening == NULL && work->look->fd != -1 &&
	    work->look->flags == (how->flags & ~O_CREAT)) {
		*fd = work->look->fd;
		work->look->fd = -1;
	} else if (work->opening == NULL) {
		bool started = opens_look_open(work, fsp_get_pathref_fd(fsp), how->flags);

		if (!started) {
			work->failed = true;
			return false;
		}
		/*
		 * smbd takes it for a file with a kernel lease and tries again, at the latest after
		 * a second (setup_poll_open() in smbd/open.c). EINPROGRESS, which is meant for
		 * asynchronous opens, is for files that were not there: open_file_ntcreate()
		 * forgets the file's stat, and until 4.19 reopen_from_procfd() takes it for
		 * something else.
		 */
		errno = EAGAIN;
		*fd = -1;
		return true;
	} else if (work->opened == NULL || work->opened->fd == -1 ||
		   work->opened->flags != how->flags) {
		return false;
	} else {
		*fd = work->opened->fd;
		work->opened->fd = -1;
	}
	fsp->fsp_flags.have_proc_fds = fsp->conn->have_proc_fds;
	opens->counters->hits[VFS_PATHRING_OPENS_OPENAT]++;

	return true;
}

bool vfs_pathring_opens_fgetxattr(struct vfs_pathring_opens *opens,
				  const struct files_struct *fsp,
				  const char *name,
				  void *value,
				  size_t size,
				  ssize_t *result)
{
	struct opens_work *work = current_work(opens, fsp);
	const struct opens_look *look = NULL;

	if (work == NULL || work->dos_answers == 0 || strcmp(name, SAMBA_XATTR_DOS_ATTRIB) != 0) {
		return false;
	}
	look = work->look;
	if (look->dos_length == -ENODATA) {
		errno = ENODATA;
		*result = -1;
	} else if (look->dos_length < 0 || (size_t)look->dos_length > size) {
		return false;
	} else {
		memcpy(value, look->dos, look->dos_length);
		*result = look->dos_length;
	}
	work->dos_answers--;
	opens->counters->hits[VFS_PATHRING_OPENS_FGETXATTR]++;

	return true;
}

/* ------------------------------------------------------------------------------------ the ACL */

static bool acl_add(struct smb_acl_t *acl, uint16_t tag, uint16_t perm, uint32_t id)
{
	static const struct {
		uint16_t tag;
		enum smb_acl_tag_t type;
	} types[] = {
		/* ACL_* of linux/posix_acl.h, which user space can't include beside libacl's */
		{ 0x01, SMB_ACL_USER_OBJ }, { 0x02, SMB_ACL_USER }, { 0x04, SMB_ACL_GROUP_OBJ },
		{ 0x08, SMB_ACL_GROUP },    { 0x10, SMB_ACL_MASK }, { 0x20, SMB_ACL_OTHER },
	};
	struct smb_acl_entry *entry = &acl->acl[acl->count];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].tag == tag) {
			break;
		}
	}
	if (i == ARRAY_SIZE(types) || perm > 7) {
		return false;
	}
	*entry = (struct smb_acl_entry) {
		.a_type = types[i].type,
		.a_perm = perm,
	};
	if (entry->a_type == SMB_ACL_USER) {
		entry->info.user.uid = id;
	} else if (entry->a_type == SMB_ACL_GROUP) {
		entry->info.group.gid = id;
	}
	acl->count++;

	return true;
}

/* The value of the xattr: a version, then a tag, permissions and an id for each entry. */
static bool acl_parse(struct smb_acl_t *acl, const uint8_t *value, size_t length)
{
	size_t offset;

	if (length < 4 || (length - 4) % 8 != 0 || IVAL(value, 0) != 2) {
		return false;
	}
	for (offset = 4; offset < length; offset += 8) {
		bool added = acl_add(
			acl, SVAL(value, offset), SVAL(value, offset + 2), IVAL(value, offset + 4));

		if (!added) {
			return false;
		}
	}

	return acl->count > 0;
}

/* A file without an ACL has that of its mode, as acl_get_file() says. */
static bool acl_of_mode(struct smb_acl_t *acl, mode_t mode)
{
	return acl_add(acl, 0x01, (mode >> 6) & 7, 0) && acl_add(acl, 0x04, (mode >> 3) & 7, 0) &&
	       acl_add(acl, 0x20, mode & 7, 0);
}

struct smb_acl_t *vfs_pathring_opens_acl(struct vfs_pathring_opens *opens,
					 const struct files_struct *fsp,
					 TALLOC_CTX *mem_ctx)
{
	struct opens_work *work = current_work(opens, fsp);
	const struct opens_look *look = NULL;
	struct smb_acl_t *acl = NULL;
	bool parsed;

	if (work == NULL || !fsp->fsp_flags.is_pathref) {
		return NULL;
	}
	look = work->look;
	if (look->acl_length < 0 && look->acl_length != -ENODATA) {
		return NULL;
	}
	acl = talloc_zero(mem_ctx, struct smb_acl_t);
	if (acl == NULL) {
		return NULL;
	}
	acl->acl = talloc_zero_array(acl, struct smb_acl_entry, OPENS_ACL_SIZE / 8 + 3);
	if (acl->acl == NULL) {
		TALLOC_FREE(acl);
		return NULL;
	}
	if (look->acl_length == -ENODATA) {
		parsed = acl_of_mode(acl, look->st.st_mode);
	} else {
		parsed = acl_parse(acl, look->acl, look->acl_length);
	}
	if (!parsed) {
		TALLOC_FREE(acl);
		return NULL;
	}
	opens->counters->hits[VFS_PATHRING_OPENS_ACL]++;

	return acl;
}
