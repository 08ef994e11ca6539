/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which file system a descriptor is on, and whether it is a local one, whose metadata is in memory
 * once it was used. What follows from that is placement.c's.
 */
#include "mounts.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "placement.h"

#define KNOWN_MOUNTS 16

/*
 * A mount may go and its number come back for another file system: what is known of it is read
 * again.
 */
#define KNOWN_FOR_NSEC 1000000000ULL

struct mounts {
	struct mount *known[KNOWN_MOUNTS];
	unsigned int next;
};

/* getattr of these reads the inode in memory and nothing else. */
static const char *const local_types[] = { "ext4", "xfs",  "btrfs",    "tmpfs", "ext3",
					   "ext2", "f2fs", "bcachefs", "zfs" };

static bool type_is_local(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof(local_types) / sizeof(local_types[0]); i++) {
		if (strcmp(type, local_types[i]) == 0) {
			return true;
		}
	}
	return false;
}

/*
 * In a chroot whose root is no mount point, mountinfo does not list the mount that one is on. A
 * file system on a block device may be asked then: those that can hang on a server have none.
 */
static bool device_is_local(int fd, const struct statx *stx)
{
	struct statfs filesystem = { 0 };
	int ret;

	if (stx->stx_dev_major == 0) {
		return false;
	}
	ret = fstatfs(fd, &filesystem);
	return ret == 0 &&
	       (filesystem.f_type == EXT4_SUPER_MAGIC || filesystem.f_type == XFS_SUPER_MAGIC ||
		filesystem.f_type == F2FS_SUPER_MAGIC);
}

/*
 * From mountinfo, which asks no file system anything: statfs() of a hung FUSE mount would hang
 * here. Lines are "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELD...] - TYPE SOURCE
 * SUPEROPTIONS" (proc(5)).
 */
static bool mount_is_local(uint64_t id, int fd, const struct statx *stx)
{
	char *line = NULL;
	size_t size = 0;
	bool listed = false;
	bool local = false;
	FILE *mountinfo = NULL;

	mountinfo = fopen("/proc/self/mountinfo", "re");
	if (mountinfo == NULL) {
		return false;
	}
	while (getline(&line, &size, mountinfo) > 0) {
		unsigned long long line_id = 0;
		char type[32] = "";
		const char *separator = NULL;
		int matched;

		matched = sscanf(line, "%llu", &line_id);
		if (matched != 1 || line_id != id) {
			continue;
		}
		listed = true;
		separator = strstr(line, " - ");
		if (separator != NULL) {
			matched = sscanf(separator, " - %31s", type);
			local = matched == 1 && type_is_local(type);
		}
		break;
	}
	free(line);
	fclose(mountinfo);
	return listed ? local : device_is_local(fd, stx);
}

struct mount *mount_known(const struct pathring *ring, uint64_t id)
{
	const struct mounts *mounts = ring->mounts;
	size_t i;

	for (i = 0; mounts != NULL && i < KNOWN_MOUNTS && mounts->known[i] != NULL; i++) {
		if (mounts->known[i]->id == id) {
			return mounts->known[i];
		}
	}
	return NULL;
}

/* The oldest goes when there are too many. */
static struct mount *add_mount(struct pathring *ring, uint64_t id)
{
	struct mounts *mounts = ring->mounts;
	struct mount *mount = NULL;

	if (mounts == NULL) {
		mounts = talloc_zero(ring, struct mounts);
		if (mounts == NULL) {
			return NULL;
		}
		ring->mounts = mounts;
	}
	mount = talloc_zero(mounts, struct mount);
	if (mount == NULL) {
		return NULL;
	}
	mount->id = id;
	placement_assume_mount(mount);
	talloc_free(mounts->known[mounts->next]);
	mounts->known[mounts->next] = mount;
	mounts->next = (mounts->next + 1) % KNOWN_MOUNTS;
	return mount;
}

struct mount *mount_of_statx(struct pathring *ring, int fd, const struct statx *stx)
{
	struct mount *mount = NULL;
	uint64_t now = engine_turn_time(ring);

	if ((stx->stx_mask & STATX_MNT_ID) == 0) {
		return NULL;
	}
	mount = mount_known(ring, stx->stx_mnt_id);
	if (mount == NULL) {
		mount = add_mount(ring, stx->stx_mnt_id);
	}
	if (mount != NULL && mount->expires <= now) {
		mount->local = mount_is_local(stx->stx_mnt_id, fd, stx);
		mount->expires = now + KNOWN_FOR_NSEC;
	}
	return mount;
}

/*
 * AT_STATX_DONT_SYNC: the descriptor is open, so a file system that has to ask a server (FUSE, NFS)
 * answers from what it has. Asked once for each descriptor, whose mount can't change.
 */
struct mount *mount_of(struct pathring *ring, struct descriptor *descriptor)
{
	struct mount *mount = NULL;
	struct statx stx = { 0 };
	int ret;

	if (descriptor->mount_id != 0) {
		mount = mount_known(ring, descriptor->mount_id);
		if (mount != NULL && mount->expires > engine_turn_time(ring)) {
			return mount;
		}
	}
	ret = operation_statx_fd(descriptor->fd, AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx);
	if (ret < 0) {
		return NULL;
	}
	mount = mount_of_statx(ring, descriptor->fd, &stx);
	if (mount != NULL) {
		descriptor->mount_id = mount->id;
	}
	return mount;
}

const struct mount *mount_number(const struct pathring *ring, size_t number)
{
	return ring->mounts != NULL && number < KNOWN_MOUNTS ? ring->mounts->known[number] : NULL;
}
