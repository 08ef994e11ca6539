/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Proof, afterwards, that the names of a directory stood for the same files all the time, so that
 * what was done by name was done to the file that had been opened by that name before.
 *
 * Every change of a name holds the directory's lock, and within it sets the directory's ctime first
 * and becomes visible then (vfs_rename() calls d_move() after the file system's rename,
 * vfs_unlink() d_delete() after its unlink). Multigrain timestamps (Linux 6.13) give each change
 * after a look at the ctime another one, however quickly it follows. So:
 *
 *   ctime, wait for the lock, [what is done by name], the same ctime
 *
 * A change that becomes visible in the brackets either began after the lock was free, when the
 * first ctime had been looked at, and shows in the second; or it had the lock before, and was over.
 * The wait is what makes this a proof: a change that has set the ctime may still be invisible.
 *
 * A mount over a name changes no directory. The kernel tells of it whoever has mountinfo open.
 */
#include "steady.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "operation.h"

#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683E
#endif

static pthread_once_t multigrain_once = PTHREAD_ONCE_INIT;
static bool multigrain;

/*
 * With timestamps of the clock's tick, some milliseconds, few of so many changes in some
 * microseconds get one of their own.
 */
#define MULTIGRAIN_TRIES 16

static bool has_multigrain(int fd)
{
	struct stat before = { 0 };
	struct stat after = { 0 };
	unsigned int i;
	int ret;

	ret = fstat(fd, &before);
	for (i = 0; ret == 0 && i < MULTIGRAIN_TRIES; i++) {
		ret = fchmod(fd, 0600);
		if (ret == 0) {
			ret = fstat(fd, &after);
		}
		if (ret == 0 && after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
		    after.st_ctim.tv_nsec == before.st_ctim.tv_nsec) {
			return false;
		}
		before = after;
	}
	return ret == 0;
}

static void multigrain_ask(void)
{
	int fd;

	fd = memfd_create("pathring", MFD_CLOEXEC);
	if (fd >= 0) {
		multigrain = has_multigrain(fd);
		close(fd);
	}
}

/*
 * Those with FS_MGTIME in 6.13, but tmpfs: shmem_unlink() and shmem_link() give the directory the
 * time of the file, which may be that of the tick, and which the directory may have already.
 *
 * ext2's own driver has the number of ext4, but timestamps of whole seconds, as ext4 with small
 * inodes: looks_fine() keeps both out.
 */
static bool takes_multigrain(int dirfd)
{
	struct statfs filesystem = { 0 };
	int ret;

	ret = fstatfs(dirfd, &filesystem);
	if (ret == -1) {
		return false;
	}
	switch (filesystem.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static bool looks_fine(const struct statx *stx)
{
	return (stx->stx_mask & STATX_CTIME) != 0 && stx->stx_ctime.tv_nsec != 0;
}

/*
 * getdents64 holds the directory's lock while it reads (iterate_dir()). At the end there is nothing
 * to read.
 */
static bool wait_for_lock(int fd)
{
	char entries[64]; /* room for ".", should there be no end to go to */
	long ret;

	lseek(fd, 0, SEEK_END);
	ret = syscall(SYS_getdents64, fd, entries, sizeof(entries));
	return ret >= 0;
}

static void steady_close(struct steady *steady)
{
	if (steady->fd >= 0) {
		close(steady->fd);
		steady->fd = -1;
	}
	if (steady->mounts >= 0) {
		close(steady->mounts);
		steady->mounts = -1;
	}
}

bool steady_begin(struct steady *steady, int dirfd)
{
	struct statx stx = { 0 };
	bool ok;
	int ret;

	steady->fd = -1;
	steady->mounts = -1;
	pthread_once(&multigrain_once, multigrain_ask);
	ok = multigrain && takes_multigrain(dirfd);
	if (!ok) {
		return false;
	}
	steady->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	/* The position of dirfd is its owner's. */
	steady->fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (steady->mounts == -1 || steady->fd == -1) {
		steady_close(steady);
		return false;
	}
	ret = operation_statx_fd(steady->fd, 0, STATX_CTIME, &stx);
	ok = ret == 0 && looks_fine(&stx) && wait_for_lock(steady->fd);
	if (!ok) {
		steady_close(steady);
		return false;
	}
	steady->ctime_sec = stx.stx_ctime.tv_sec;
	steady->ctime_nsec = stx.stx_ctime.tv_nsec;
	return true;
}

bool steady_end(struct steady *steady)
{
	struct pollfd mounts = { .fd = steady->mounts, .events = POLLPRI };
	struct statx stx = { 0 };
	bool same = false;
	int ret;

	if (steady->fd == -1) {
		return false;
	}
	ret = operation_statx_fd(steady->fd, 0, STATX_CTIME, &stx);
	if (ret == 0) {
		same = stx.stx_ctime.tv_sec == steady->ctime_sec &&
		       stx.stx_ctime.tv_nsec == steady->ctime_nsec;
	}
	if (same) {
		ret = poll(&mounts, 1, 0);
		same = ret == 0;
	}
	steady_close(steady);
	return same;
}
