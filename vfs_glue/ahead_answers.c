/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calls that smbd makes for an entry of a listing, answered from its look-up. Each answer is
 * given once, to who the look-up was made for, and for the descriptor that came from it; everything
 * else is the next module's. What the kernel denied is asked of it again: smbd has rules of its own
 * then (fget_ea_dos_attribute() in smbd/dosmode.c tries again as root).
 */
#include "ahead.h"

void ahead_answers_forget(struct vfs_pathring_ahead *ahead)
{
	ahead->offer.directory = NULL;
	ahead->opened.fsp = NULL;
}

static bool is_same_user(struct vfs_pathring_ahead *ahead, unsigned int who)
{
	return who != 0 && who == ahead_look_who(ahead);
}

static bool is_offered(struct vfs_pathring_ahead *ahead,
		       const struct files_struct *dirfsp,
		       const struct smb_filename *smb_fname,
		       const struct files_struct *fsp,
		       const struct vfs_open_how *how)
{
	const struct ahead_offer *offer = &ahead->offer;
	bool pathref = fsp->fsp_flags.is_pathref || (how->flags & O_PATH) != 0;
	/* 4.19 asks with openat2; for a name without a slash that is no link it is the same. */
	uint64_t resolve = how->resolve & ~(uint64_t)VFS_OPEN_HOW_RESOLVE_NO_SYMLINKS;

	if (offer->directory == NULL || offer->directory->fsp != dirfsp) {
		return false;
	}
	/* A path reference of a name that is not to be followed; nothing that opens or creates. */
	if (!pathref || resolve != 0 || (how->flags & O_NOFOLLOW) == 0 ||
	    (how->flags & (O_CREAT | O_DIRECTORY)) != 0) {
		return false;
	}
	if (smb_fname->stream_name != NULL || smb_fname->twrp != 0 ||
	    strcmp(smb_fname->base_name, offer->entry->dirent.d_name) != 0) {
		return false;
	}
	return is_same_user(ahead, offer->who);
}

static void note_opened(struct vfs_pathring_ahead *ahead, const struct files_struct *fsp, int fd)
{
	struct ahead_offer *offer = &ahead->offer;
	struct ahead_opened *opened = &ahead->opened;
	const struct pathring_xattr *xattrs = NULL;
	size_t i;

	pathring_lookups_result(offer->request, offer->number, NULL, &xattrs);
	opened->fsp = fsp;
	opened->fd = fd;
	opened->who = offer->who;
	opened->has_st = true;
	opened->st = offer->st;
	for (i = 0; i < AHEAD_NUM_XATTRS; i++) {
		int number = ahead->number_of[i];

		opened->xattrs[i] = number >= 0 ? &xattrs[number] : NULL;
	}
}

/* The directory of the entry that is opened here is one that smbd lists. */
static bool note_use(struct vfs_pathring_ahead *ahead, const struct files_struct *dirfsp)
{
	struct ahead_directory *directory = NULL;

	for (directory = ahead->directories; directory != NULL; directory = directory->next) {
		if (directory->fsp == dirfsp) {
			if (directory->unused > 0) {
				directory->opened++;
			}
			directory->unused = 0;
			return true;
		}
	}
	return false;
}

/*
 * What is looked up ahead holds descriptors. An entry that smbd can't open for want of one would be
 * left out of the listing in silence, so that these are given back first. Freeing a request that
 * still runs would close them too late.
 */
void vfs_pathring_ahead_give_back(struct vfs_pathring_ahead *ahead)
{
	struct ahead_directory *directory = NULL;
	size_t i;
	size_t j;

	if (ahead == NULL || ahead->directories == NULL) {
		return;
	}
	ahead_answers_forget(ahead);
	for (directory = ahead->directories; directory != NULL; directory = directory->next) {
		for (i = 0; i < ARRAY_SIZE(directory->blocks); i++) {
			struct ahead_block *block = &directory->blocks[i];

			for (j = 0; j < block->num_requests; j++) {
				pathring_request_wait(block->requests[j]);
			}
			ahead_look_drop(block);
		}
	}
}

bool vfs_pathring_ahead_openat(struct vfs_pathring_ahead *ahead,
			       const struct files_struct *dirfsp,
			       const struct smb_filename *smb_fname,
			       struct files_struct *fsp,
			       const struct vfs_open_how *how,
			       int *fd)
{
	bool listed;
	bool offered;

	if (ahead == NULL) {
		return false;
	}
	if (ISDOT(smb_fname->base_name)) {
		ahead->begun = dirfsp;
	}
	if (ahead->directories == NULL) {
		return false;
	}
	listed = note_use(ahead, dirfsp);
	offered = is_offered(ahead, dirfsp, smb_fname, fsp, how);
	if (offered && ahead->offer.missing) {
		ahead->offer.directory = NULL;
		ahead->opened.fsp = NULL;
		errno = ENOENT;
		*fd = -1;
		return true;
	}
	if (offered) {
		*fd = pathring_lookups_take_fd(ahead->offer.request, ahead->offer.number);
		if (*fd >= 0) {
			note_opened(ahead, fsp, *fd);
			ahead->offer.directory = NULL;
			ahead->counters->hits[VFS_PATHRING_AHEAD_OPENAT]++;
			fsp->fsp_flags.have_proc_fds = fsp->conn->have_proc_fds;
			return true;
		}
	}
	ahead->counters->misses[VFS_PATHRING_AHEAD_OPENAT] += listed ? 1 : 0;
	ahead->opened.fsp = NULL;
	return false;
}

/* What openat gave out for it, or NULL. */
static struct ahead_opened *opened_find(struct vfs_pathring_ahead *ahead,
					const struct files_struct *fsp)
{
	struct ahead_opened *opened = NULL;
	bool same;

	if (ahead == NULL || ahead->opened.fsp != fsp) {
		return NULL;
	}
	opened = &ahead->opened;
	same = is_same_user(ahead, opened->who);
	if (!same || fsp_get_pathref_fd(fsp) != opened->fd || !fsp->fsp_flags.is_pathref) {
		return NULL;
	}
	return opened;
}

int vfs_pathring_fstat(struct vfs_handle_struct *handle,
		       struct files_struct *fsp,
		       SMB_STRUCT_STAT *sbuf)
{
	struct vfs_pathring_ahead *ahead = vfs_pathring_ahead_get(handle);
	struct ahead_opened *opened = opened_find(ahead, fsp);

	if (opened == NULL || !opened->has_st) {
		return SMB_VFS_NEXT_FSTAT(handle, fsp, sbuf);
	}
	opened->has_st = false;
	*sbuf = opened->st;
	ahead->counters->hits[VFS_PATHRING_AHEAD_FSTAT]++;
	return 0;
}

/* The outcome if it may be given for a buffer of this size, as the system call gives it. */
static bool xattr_answer(struct vfs_pathring_ahead *ahead,
			 struct ahead_opened *opened,
			 enum ahead_xattr which,
			 void *value,
			 size_t size,
			 ssize_t *result)
{
	const struct pathring_xattr *xattr = opened->xattrs[which];
	enum vfs_pathring_ahead_call call =
		which == AHEAD_LIST ? VFS_PATHRING_AHEAD_FLISTXATTR : VFS_PATHRING_AHEAD_FGETXATTR;

	if (xattr == NULL) {
		return false;
	}
	opened->xattrs[which] = NULL;
	if (xattr->length == -ENODATA && which != AHEAD_LIST) {
		errno = ENODATA;
		*result = -1;
	} else if (xattr->length < 0 || (size_t)xattr->length > size) {
		ahead->counters->misses[call]++;
		return false;
	} else {
		if (xattr->length > 0) {
			memcpy(value, xattr->value, xattr->length);
		}
		*result = xattr->length;
	}
	ahead->counters->hits[call]++;
	return true;
}

bool vfs_pathring_ahead_has_dos_attributes(struct vfs_pathring_ahead *ahead,
					   const struct files_struct *fsp)
{
	struct ahead_opened *opened = opened_find(ahead, fsp);
	const struct pathring_xattr *xattr = NULL;

	if (opened != NULL) {
		xattr = opened->xattrs[AHEAD_DOS_ATTRIBUTES];
	}
	return xattr != NULL && (xattr->length >= 0 || xattr->length == -ENODATA);
}

bool vfs_pathring_ahead_fgetxattr(struct vfs_pathring_ahead *ahead,
				  const struct files_struct *fsp,
				  const char *name,
				  void *value,
				  size_t size,
				  ssize_t *result)
{
	struct ahead_opened *opened = opened_find(ahead, fsp);

	if (opened == NULL || strcmp(name, SAMBA_XATTR_DOS_ATTRIB) != 0) {
		return false;
	}
	return xattr_answer(ahead, opened, AHEAD_DOS_ATTRIBUTES, value, size, result);
}

ssize_t vfs_pathring_flistxattr(struct vfs_handle_struct *handle,
				struct files_struct *fsp,
				char *list,
				size_t size)
{
	struct vfs_pathring_ahead *ahead = vfs_pathring_ahead_get(handle);
	struct ahead_opened *opened = opened_find(ahead, fsp);
	ssize_t result;

	if (opened != NULL) {
		bool answered = xattr_answer(ahead, opened, AHEAD_LIST, list, size, &result);

		if (answered) {
			return result;
		}
	}
	return SMB_VFS_NEXT_FLISTXATTR(handle, fsp, list, size);
}

/* The memory of an fsp is used again: what is known of this one must not be another's. */
void vfs_pathring_ahead_closing(struct vfs_pathring_ahead *ahead, const struct files_struct *fsp)
{
	if (ahead == NULL) {
		return;
	}
	if (ahead->opened.fsp == fsp) {
		ahead->opened.fsp = NULL;
	}
	if (ahead->begun == fsp) {
		ahead->begun = NULL;
	}
}
