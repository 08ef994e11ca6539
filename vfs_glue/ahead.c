/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of a directory ahead of smbd, and the positions that go with them. What is known of the
 * files is in ahead_look.c.
 *
 * Until 4.18 smbd reads an entry, asks for the position after it, and when the entry does not fit
 * into the response any more, goes back to the position before it (smbd_dirptr_lanman2_entry() in
 * smbd/smb2_trans2.c). So the positions told are those of what smbd got, and going back goes back
 * in the buffer.
 */
#include "ahead.h"

/* More entries in a row than this that smbd does not open: it looks for something else. */
#define MAX_UNUSED 8

/* Of so many, and of half as many before them, it is known how many smbd has opened. */
#define NAMES_OF_LATE 128

static struct ahead_directory *directory_find(struct vfs_pathring_ahead *ahead, DIR *dirp)
{
	struct ahead_directory *directory = NULL;

	for (directory = ahead->directories; directory != NULL; directory = directory->next) {
		if (directory->dirp == dirp) {
			return directory;
		}
	}
	return NULL;
}

static void block_empty(struct ahead_block *block)
{
	ahead_look_drop(block);
	block->count = 0;
	block->position = 0;
	block->looked = 0;
	block->later = false;
}

static void directory_close(struct ahead_directory *directory)
{
	struct vfs_pathring_ahead *ahead = directory->ahead;
	size_t i;

	ahead_answers_forget(ahead);
	for (i = 0; i < ARRAY_SIZE(directory->blocks); i++) {
		block_empty(&directory->blocks[i]);
	}
	DLIST_REMOVE(ahead->directories, directory);
	TALLOC_FREE(directory->handle);
	TALLOC_FREE(ahead->spare);
	ahead->spare = directory;
}

/* The memory of the one that was closed last: it is tens of kilobytes, for ten names as well. */
static struct ahead_directory *directory_memory(struct vfs_pathring_ahead *ahead)
{
	struct ahead_directory *directory = ahead->spare;
	size_t size = MAX(ahead->window / 2, 1);
	size_t i;

	if (directory != NULL) {
		ahead->spare = NULL;
		*directory = (struct ahead_directory) {
			.blocks = {
				{ .entries = directory->blocks[0].entries,
				  .requests = directory->blocks[0].requests },
				{ .entries = directory->blocks[1].entries,
				  .requests = directory->blocks[1].requests },
			},
		};
		return directory;
	}
	directory = talloc_zero(ahead, struct ahead_directory);
	if (directory == NULL) {
		return NULL;
	}
	for (i = 0; i < ARRAY_SIZE(directory->blocks); i++) {
		struct ahead_block *block = &directory->blocks[i];

		block->entries = talloc_array(directory, struct ahead_entry, size);
		/* Each may be looked up again. */
		block->requests = talloc_array(directory, struct pathring_request *, 2 * size);
		if (block->entries == NULL || block->requests == NULL) {
			TALLOC_FREE(directory);
			return NULL;
		}
	}
	return directory;
}

static struct ahead_directory *
directory_create(struct vfs_pathring_ahead *ahead, const struct files_struct *dirfsp, DIR *dirp)
{
	struct ahead_directory *directory = NULL;
	int ret;

	directory = directory_memory(ahead);
	if (directory == NULL) {
		return NULL;
	}
	ret = pathring_handle_dup(directory, dirfd(dirp), PATHRING_PATHREF, &directory->handle);
	if (ret != 0) {
		DBG_NOTICE("no look-ahead: %s\n", strerror(-ret));
		TALLOC_FREE(directory);
		return NULL;
	}
	directory->ahead = ahead;
	directory->dirp = dirp;
	directory->fsp = dirfsp;
	if (ahead->begun == dirfsp) {
		directory->names = 1;
		directory->opened = 1;
	}
	DLIST_ADD(ahead->directories, directory);
	return directory;
}

static struct ahead_block *current_block(struct ahead_directory *directory)
{
	return &directory->blocks[directory->current];
}

static struct ahead_block *next_block(struct ahead_directory *directory)
{
	return &directory->blocks[1 - directory->current];
}

static bool is_buffered(struct ahead_directory *directory)
{
	const struct ahead_block *current = current_block(directory);

	return current->position < current->count || next_block(directory)->count > 0;
}

/* Only for an empty block. */
static void read_names(struct ahead_directory *directory,
		       struct ahead_block *block,
		       struct files_struct *dirfsp)
{
	struct vfs_handle_struct *handle = directory->ahead->handle;
	size_t size = talloc_array_length(block->entries);
	long position;
	long waits;

	if (directory->at_end) {
		return;
	}
	waits = vfs_pathring_thread_waits();
	position = vfs_pathring_compat_next_telldir(handle, directory->dirp);
	while (block->count < size) {
		struct ahead_entry *entry = &block->entries[block->count];
		const struct dirent *dirent = NULL;

		dirent = vfs_pathring_compat_next_readdir(handle, dirfsp, directory->dirp, NULL);
		if (dirent == NULL) {
			directory->at_end = true;
			break;
		}
		memcpy(&entry->dirent, dirent, MIN(dirent->d_reclen, sizeof(struct dirent)));
		entry->before = position;
		position = vfs_pathring_compat_next_telldir(handle, directory->dirp);
		entry->after = position;
		entry->request = NULL;
		block->count++;
	}
	if (vfs_pathring_thread_waits() > waits) {
		directory->ahead->cold = AHEAD_COLD_NAMES;
	}
}

static void block_forget_looks(struct ahead_block *block)
{
	ahead_look_drop(block);
	block->looked = block->position;
	block->later = false;
}

/* The request that smbd worked on is answered, or waits for something: what is known is old now. */
static void turn_end(struct tevent_context *ev, struct tevent_immediate *im, void *private_data)
{
	struct vfs_pathring_ahead *ahead =
		talloc_get_type_abort(private_data, struct vfs_pathring_ahead);
	struct ahead_directory *directory = NULL;
	size_t i;

	(void)ev;
	(void)im;
	ahead->turn_begun = false;
	ahead->block_count = 0;
	ahead_answers_forget(ahead);
	for (directory = ahead->directories; directory != NULL; directory = directory->next) {
		if (directory->given > 0) {
			directory->expected = directory->given;
			directory->given = 0;
		}
		for (i = 0; i < ARRAY_SIZE(directory->blocks); i++) {
			block_forget_looks(&directory->blocks[i]);
		}
	}
}

static void turn_begin(struct vfs_pathring_ahead *ahead)
{
	if (!ahead->turn_begun) {
		ahead->turn_begun = true;
		tevent_schedule_immediate(
			ahead->turn_end, ahead->handle->conn->sconn->ev_ctx, turn_end, ahead);
	}
}

/* The next name, from the buffer or into it. NULL: there is none. */
static struct ahead_entry *next_entry(struct ahead_directory *directory,
				      struct files_struct *dirfsp)
{
	struct ahead_block *block = current_block(directory);

	if (block->position == block->count) {
		block_empty(block);
		directory->current = 1 - directory->current;
		block = current_block(directory);
	}
	if (block->count == 0) {
		read_names(directory, block, dirfsp);
	}
	if (block->position == block->count) {
		return NULL;
	}
	return &block->entries[block->position];
}

/*
 * As sys_fstat() (lib/system.c): directories have no size. The DOS attributes that smbd keeps in a
 * stat since 4.18 are left alone: 0, as they begin here, says that there are none.
 */
void ahead_stat(struct stat *from, bool fake_times, SMB_STRUCT_STAT *st)
{
	if (S_ISDIR(from->st_mode)) {
		from->st_size = 0;
	}
	init_stat_ex_from_stat(st, from, fake_times);
}

/* As vfswrap_readdir() (modules/vfs_default.c), for a name that was not looked up. */
static void stat_entry(const struct ahead_directory *directory,
		       const struct ahead_entry *entry,
		       const struct files_struct *dirfsp,
		       SMB_STRUCT_STAT *sbuf)
{
	bool posix = (dirfsp->fsp_name->flags & SMB_FILENAME_POSIX_PATH) != 0;
	struct stat st = { 0 };
	int ret;

	ret = fstatat(dirfd(directory->dirp), entry->dirent.d_name, &st, AT_SYMLINK_NOFOLLOW);
	if (ret == -1 || (S_ISLNK(st.st_mode) && !posix)) {
		return;
	}
	ahead_stat(&st, directory->ahead->fake_times, sbuf);
}

/* The next block is on its way while smbd is at this one. */
static void look_on(struct ahead_directory *directory, struct files_struct *dirfsp)
{
	struct ahead_block *current = current_block(directory);
	struct ahead_block *next = next_block(directory);

	ahead_look(directory, current);
	if (current->looked == current->count && current->looked > current->position) {
		if (next->count == 0) {
			read_names(directory, next, dirfsp);
		}
		ahead_look(directory, next);
	}
}

static void note_name(struct ahead_directory *directory)
{
	if (directory->names == NAMES_OF_LATE) {
		directory->names /= 2;
		directory->opened /= 2;
	}
	directory->names++;
	directory->unused++;
}

/* sbuf is NULL where smbd asks for no stat. */
static struct dirent *directory_read(struct ahead_directory *directory,
				     struct files_struct *dirfsp,
				     bool listing,
				     SMB_STRUCT_STAT *sbuf)
{
	struct vfs_pathring_ahead *ahead = directory->ahead;
	struct ahead_entry *entry = NULL;
	bool known = false;

	entry = next_entry(directory, dirfsp);
	if (entry == NULL) {
		return NULL;
	}
	if (listing) {
		bool dots = ISDOT(entry->dirent.d_name) || ISDOTDOT(entry->dirent.d_name);

		if (directory->unused <= MAX_UNUSED) {
			turn_begin(ahead);
			look_on(directory, dirfsp);
			known = ahead_look_result(directory, entry);
			/*
			 * With "smbd async dosmode" smbd puts the stat that it gets here beside the
			 * attributes of the file that it opens then, which may be another
			 * (smbd_dirptr_get_entry() in smbd/dir.c).
			 */
			if (!known && !dots && sbuf != NULL && ahead->async_dosmode) {
				known = ahead_look_again(directory, entry);
			}
		}
		directory->given++;
		if (!dots) {
			note_name(directory);
		}
	}
	if (sbuf != NULL) {
		SET_STAT_INVALID(*sbuf);
		if (known && !ahead->offer.missing) {
			*sbuf = ahead->offer.st;
		} else if (!known) {
			stat_entry(directory, entry, dirfsp, sbuf);
		}
	}
	current_block(directory)->position++;
	directory->told = entry->after;
	return &entry->dirent;
}

static struct dirent *ahead_readdir(struct vfs_handle_struct *handle,
				    struct files_struct *dirfsp,
				    DIR *dirp,
				    bool listing,
				    SMB_STRUCT_STAT *sbuf)
{
	struct vfs_pathring_ahead *ahead = vfs_pathring_ahead_get(handle);
	struct ahead_directory *directory = NULL;

	if (ahead == NULL) {
		return vfs_pathring_compat_next_readdir(handle, dirfsp, dirp, sbuf);
	}
	ahead_answers_forget(ahead);
	directory = directory_find(ahead, dirp);
	if (directory == NULL && listing) {
		directory = directory_create(ahead, dirfsp, dirp);
	}
	if (directory == NULL) {
		return vfs_pathring_compat_next_readdir(handle, dirfsp, dirp, sbuf);
	}
	/* A scan for a name, or a listing that opens nothing: as long as nothing is buffered. */
	if (!is_buffered(directory) && (!listing || directory->unused > MAX_UNUSED)) {
		directory->at_end = false;
		return vfs_pathring_compat_next_readdir(handle, dirfsp, dirp, sbuf);
	}
	return directory_read(directory, dirfsp, listing, sbuf);
}

static void directory_empty(struct ahead_directory *directory)
{
	ahead_answers_forget(directory->ahead);
	block_empty(&directory->blocks[0]);
	block_empty(&directory->blocks[1]);
	directory->at_end = false;
}

#if VFS_PATHRING_COMPAT_OLD_READDIR
struct dirent *vfs_pathring_readdir(struct vfs_handle_struct *handle,
				    struct files_struct *dirfsp,
				    DIR *dirp,
				    SMB_STRUCT_STAT *sbuf)
{
	return ahead_readdir(handle, dirfsp, dirp, sbuf != NULL, sbuf);
}

long vfs_pathring_telldir(struct vfs_handle_struct *handle, DIR *dirp)
{
	struct vfs_pathring_ahead *ahead = vfs_pathring_ahead_get(handle);
	struct ahead_directory *directory = NULL;

	if (ahead != NULL) {
		directory = directory_find(ahead, dirp);
	}
	if (directory == NULL || !is_buffered(directory)) {
		return SMB_VFS_NEXT_TELLDIR(handle, dirp);
	}
	return directory->told;
}

/* Back to an entry of the block that smbd is at, or forward in it. */
static bool directory_seek(struct ahead_directory *directory, long offset)
{
	struct ahead_block *block = current_block(directory);
	size_t i;

	for (i = 0; i < block->count; i++) {
		if (block->entries[i].before != offset) {
			continue;
		}
		if (i < block->position) {
			/* What was given out is gone. */
			block->looked = MAX(block->looked, block->position);
			directory->given -= MIN(directory->given, block->position - i);
		}
		block->position = i;
		directory->told = offset;
		return true;
	}
	return false;
}

void vfs_pathring_seekdir(struct vfs_handle_struct *handle, DIR *dirp, long offset)
{
	struct vfs_pathring_ahead *ahead = vfs_pathring_ahead_get(handle);
	struct ahead_directory *directory = NULL;

	if (ahead != NULL) {
		directory = directory_find(ahead, dirp);
	}
	if (directory != NULL) {
		bool found = directory_seek(directory, offset);

		ahead_answers_forget(ahead);
		if (found) {
			return;
		}
		directory_empty(directory);
	}
	SMB_VFS_NEXT_SEEKDIR(handle, dirp, offset);
}
#else
/*
 * smbd scans for a name with a handle of its own (OpenDir_from_pathref() in smbd/dir.c). What it
 * reads by way of a client's handle is a listing.
 */
struct dirent *
vfs_pathring_readdir(struct vfs_handle_struct *handle, struct files_struct *dirfsp, DIR *dirp)
{
	return ahead_readdir(handle, dirfsp, dirp, dirfsp->fsp_flags.is_fsa, NULL);
}
#endif

void vfs_pathring_rewind_dir(struct vfs_handle_struct *handle, DIR *dirp)
{
	struct vfs_pathring_ahead *ahead = vfs_pathring_ahead_get(handle);
	struct ahead_directory *directory = NULL;

	if (ahead != NULL) {
		directory = directory_find(ahead, dirp);
	}
	if (directory != NULL) {
		directory_empty(directory);
	}
	SMB_VFS_NEXT_REWINDDIR(handle, dirp);
}

int vfs_pathring_closedir(struct vfs_handle_struct *handle, DIR *dirp)
{
	struct vfs_pathring_ahead *ahead = vfs_pathring_ahead_get(handle);
	struct ahead_directory *directory = NULL;

	if (ahead != NULL) {
		directory = directory_find(ahead, dirp);
	}
	if (directory != NULL) {
		directory_close(directory);
	}
	return SMB_VFS_NEXT_CLOSEDIR(handle, dirp);
}

/* ------------------------------------------------------------------------------ the tree connect
 */

static int ahead_destructor(struct vfs_pathring_ahead *ahead)
{
	while (ahead->directories != NULL) {
		directory_close(ahead->directories);
	}
	return 0;
}

static void
ahead_query(struct vfs_pathring_ahead *ahead, enum ahead_xattr xattr, const char *name, size_t size)
{
	ahead->number_of[xattr] = ahead->how.num_xattrs;
	ahead->queries[ahead->how.num_xattrs++] = (struct pathring_xattr_query) {
		.name = name,
		.size = size,
	};
}

struct vfs_pathring_ahead *vfs_pathring_ahead_create(struct vfs_pathring_share *share,
						     struct vfs_handle_struct *handle,
						     size_t window)
{
	int snum = SNUM(handle->conn);
	struct vfs_pathring_ahead *ahead = NULL;
	bool stored = lp_store_dos_attributes(snum);
	bool ea_support = lp_ea_support(snum);

	ahead = talloc_zero(share, struct vfs_pathring_ahead);
	if (ahead == NULL) {
		return NULL;
	}
	ahead->turn_end = tevent_create_immediate(ahead);
	if (ahead->turn_end == NULL) {
		TALLOC_FREE(ahead);
		return NULL;
	}
	ahead->handle = handle;
	ahead->backend = share->backend;
	ahead->counters = &share->counters->values.ahead;
	ahead->window = MIN(window, 2 * AHEAD_MAX_BLOCK);
	/* Each is a path reference, and the client's files need descriptors too. */
	ahead->window = MIN(ahead->window, (size_t)handle->conn->sconn->real_max_open_files / 2);
	ahead->fake_times = lp_fake_directory_create_times(snum);
	ahead->async_dosmode = lp_smbd_async_dosmode(snum);
	ahead->how = (struct pathring_lookup_how) {
		.flags = O_NOFOLLOW,
		.mask = STATX_BASIC_STATS,
		.xattrs = ahead->queries,
	};
	ahead->number_of[AHEAD_DOS_ATTRIBUTES] = -1;
	ahead->number_of[AHEAD_LIST] = -1;
	if (stored) {
		/* The size is the one of fget_ea_dos_attribute() in smbd/dosmode.c. */
		ahead_query(ahead, AHEAD_DOS_ATTRIBUTES, SAMBA_XATTR_DOS_ATTRIB, 128);
	}
	if (ea_support) {
		ahead_query(ahead, AHEAD_LIST, NULL, AHEAD_LIST_SIZE);
	}
	talloc_set_destructor(ahead, ahead_destructor);
	return ahead;
}
