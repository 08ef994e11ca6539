/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that carry an id: as group, time of modification, size, mode, length and contents of an
 * xattr, and name of another. Of two files nothing is the same.
 */
#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define GROUP_BASE 100000
#define MTIME_BASE 1000000000

static struct {
	ino_t inode;
	enum kind kind;
	bool known;
} files[MAX_ID];

static const mode_t modes[] = {
	[KIND_FILE] = S_IFREG,
	[KIND_DIRECTORY] = S_IFDIR,
	[KIND_LINK] = S_IFLNK,
	[KIND_FIFO] = S_IFIFO,
};

static size_t value_of(unsigned int id, char value[MAX_VALUE])
{
	size_t length = 8 + id % 97;
	char digits[16];

	snprintf(digits, sizeof(digits), "%u.", id);
	memset(value, (int)('a' + id % 26), length);
	memcpy(value, digits, strlen(digits));
	return length;
}

static void
must_set(const char *path, const char *xattr, const char *value, size_t length, const char *what)
{
	if (lsetxattr(path, xattr, value, length, 0) == -1) {
		die("%s of %s: %s", xattr, what, strerror(errno));
	}
}

static void
make_plain(int dirfd, const char *name, enum kind kind, unsigned int id, const char *target)
{
	int ret = 0;

	switch (kind) {
	case KIND_FILE:
		ret = openat(dirfd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
		if (ret >= 0) {
			int fd = ret;

			ret = ftruncate(fd, (off_t)id);
			close(fd);
		}
		break;
	case KIND_DIRECTORY:
		ret = mkdirat(dirfd, name, 0755);
		break;
	case KIND_LINK:
		ret = symlinkat(target, dirfd, name);
		break;
	case KIND_FIFO:
		ret = mknodat(dirfd, name, S_IFIFO | 0644, 0);
		break;
	}
	if (ret == -1) {
		die("%s: %s", name, strerror(errno));
	}
	if (kind != KIND_LINK && id_is_private(id) && fchmodat(dirfd, name, 0600, 0) == -1) {
		die("%s: %s", name, strerror(errno));
	}
}

void file_make(int dirfd, const char *name, enum kind kind, unsigned int id, const char *target)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = MTIME_BASE + id } };
	char value[MAX_VALUE];
	char path[512];
	char xattr[32];
	struct stat st;
	size_t length = value_of(id, value);

	if (id == 0 || id >= MAX_ID || files[id].known) {
		die("id %u is used twice, or none", id);
	}
	make_plain(dirfd, name, kind, id, target);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	must_set(path, XATTR_TRUSTED_ID, value, length, name);
	if (kind == KIND_FILE || kind == KIND_DIRECTORY) {
		snprintf(xattr, sizeof(xattr), "user.n%u", id);
		must_set(path, XATTR_ID, value, length, name);
		must_set(path, xattr, value, length, name);
	}
	if (fchownat(dirfd, name, (uid_t)-1, GROUP_BASE + id, AT_SYMLINK_NOFOLLOW) == -1 ||
	    utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) == -1 ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		die("%s: %s", name, strerror(errno));
	}
	files[id].inode = st.st_ino;
	files[id].kind = kind;
	files[id].known = true;
}

void file_forget_all(void)
{
	memset(files, 0, sizeof(files));
}

/* The id that a list of names tells of: -1 for none, -2 for more than one. */
static int id_in_list(const uint8_t *list, ssize_t length)
{
	ssize_t offset = 0;
	int found = -1;

	while (offset < length) {
		const char *name = (const char *)list + offset;
		int id;

		if (sscanf(name, "user.n%d", &id) == 1) {
			found = found == -1 ? id : -2;
		}
		offset += (ssize_t)strlen(name) + 1;
	}
	return found;
}

static void check_value(const struct pathring_xattr *xattr,
			unsigned int id,
			ssize_t error,
			const char *what,
			char *wrong,
			size_t size)
{
	char value[MAX_VALUE];
	ssize_t expected = (ssize_t)value_of(id, value);

	if (error < 0) {
		expected = error;
	}
	if (xattr->length != expected) {
		snprintf(wrong,
			 size,
			 "file %u, and %s gives %zd \"%.12s\", expected %zd",
			 id,
			 what,
			 xattr->length,
			 xattr->length > 0 ? (const char *)xattr->value : "",
			 expected);
	} else if (expected > 0 && memcmp(xattr->value, value, (size_t)expected) != 0) {
		snprintf(wrong, size, "file %u, and %s is \"%.12s\"", id, what, xattr->value);
	}
}

static void
check_list(const struct pathring_xattr *xattr, unsigned int id, char *wrong, size_t size)
{
	bool has = files[id].kind == KIND_FILE || files[id].kind == KIND_DIRECTORY;
	int found;

	if (xattr->length < 0) {
		snprintf(
			wrong, size, "file %u, and its list of names gives %zd", id, xattr->length);
		return;
	}
	found = id_in_list(xattr->value, xattr->length);
	if (found != (has ? (int)id : -1)) {
		snprintf(wrong, size, "file %u, and its list of names is that of %d", id, found);
	}
}

void file_check(const struct statx *stx,
		const struct pathring_xattr *xattrs,
		size_t num_xattrs,
		bool as_root,
		char *wrong,
		size_t size)
{
	unsigned int id = stx->stx_gid - GROUP_BASE;
	enum kind kind;
	ssize_t error = 0;

	wrong[0] = '\0';
	if (id == 0 || id >= MAX_ID || !files[id].known) {
		snprintf(wrong,
			 size,
			 "a file that is none of ours: inode %llu, group %u",
			 (unsigned long long)stx->stx_ino,
			 stx->stx_gid);
		return;
	}
	if (id >= FIRST_OUTSIDE) {
		snprintf(wrong, size, "file %u is outside", id);
		return;
	}
	kind = files[id].kind;
	if (stx->stx_ino != files[id].inode || (stx->stx_mode & S_IFMT) != modes[kind] ||
	    (kind == KIND_FILE && stx->stx_size != id) ||
	    /* XFS changes that of a directory which goes to another. */
	    (kind != KIND_DIRECTORY && stx->stx_mtime.tv_sec != MTIME_BASE + id) ||
	    (kind != KIND_LINK && id_is_private(id) != ((stx->stx_mode & 0044) == 0))) {
		snprintf(wrong,
			 size,
			 "file %u has inode %llu, mode %o and size %llu",
			 id,
			 (unsigned long long)stx->stx_ino,
			 stx->stx_mode,
			 (unsigned long long)stx->stx_size);
		return;
	}
	/* The kernel has no user xattrs of links and FIFOs, and trusted ones for root alone. */
	if (kind == KIND_LINK || kind == KIND_FIFO) {
		error = -ENODATA;
	} else if (!as_root && id_is_private(id)) {
		error = -EACCES;
	}
	check_value(&xattrs[FILE_ID], id, error, XATTR_ID, wrong, size);
	if (wrong[0] == '\0') {
		check_value(&xattrs[FILE_TRUSTED_ID],
			    id,
			    as_root ? 0 : -ENODATA,
			    XATTR_TRUSTED_ID,
			    wrong,
			    size);
	}
	if (wrong[0] == '\0' && num_xattrs > FILE_LIST) {
		check_list(&xattrs[FILE_LIST], id, wrong, size);
	}
}
