/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which file system a descriptor is on, whether it is a local one, whose metadata is in memory once
 * it was used, and whether it takes a personality for who somebody is. What follows from that is
 * placement.c's.
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

/*
 * Besides these, file systems that judge by the credentials a personality overrides, the
 * subjective ones of the kernel (current_cred()). A file system that may look at the objective ones
 * must not see a kernel worker, which has those of the thread that happened to make it: FUSE tells
 * its server a process id, and servers (GlusterFS, libfuse's fuse_req_getgroups()) read the groups
 * of /proc/ID/status. So must any that is not known here.
 */
static const char *const personality_types[] = {
	"nfs",	"nfs4",	 "cifs",    "smb3",	"ceph", "overlay", "ramfs",
	"proc", "sysfs", "iso9660", "squashfs", "vfat", "exfat",   "devtmpfs",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool type_is_one_of(const char *type, const char *const *types, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(type, types[i]) == 0) {
			return true;
		}
	}
	return false;
}

/*
 * In a chroot whose root is no mount point, mountinfo does not list the mount that one is on, and
 * without procfs there is none. A file system on a block device may be asked then: those that can
 * hang on a server have none.
 */
static const char *type_of_device(int fd, const struct statx *stx)
{
	struct statfs filesystem = { 0 };
	int ret;

	if (stx->stx_dev_major == 0) {
		return "unknown";
	}
	ret = fstatfs(fd, &filesystem);
	if (ret == -1) {
		return "unknown";
	}
	switch (filesystem.f_type) {
	case EXT4_SUPER_MAGIC:
		return "ext4";
	case XFS_SUPER_MAGIC:
		return "xfs";
	case F2FS_SUPER_MAGIC:
		return "f2fs";
	default:
		return "unknown";
	}
}

#define TYPE_SIZE 32

/*
 * From mountinfo, which asks no file system anything: statfs() of a hung FUSE mount would hang
 * here. Lines are "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELD...] - TYPE SOURCE
 * SUPEROPTIONS" (proc(5)). false where it is not listed.
 */
static bool listed_type(uint64_t id, char type[TYPE_SIZE])
{
	char *line = NULL;
	size_t size = 0;
	bool listed = false;
	FILE *mountinfo = NULL;

	mountinfo = fopen("/proc/self/mountinfo", "re");
	if (mountinfo == NULL) {
		return false;
	}
	while (!listed && getline(&line, &size, mountinfo) > 0) {
		unsigned long long line_id = 0;
		const char *separator = strstr(line, " - ");
		int matched;

		matched = sscanf(line, "%llu", &line_id);
		if (matched == 1 && line_id == id && separator != NULL) {
			matched = sscanf(separator, " - %31s", type);
			listed = matched == 1;
		}
	}
	free(line);
	fclose(mountinfo);
	return listed;
}

static void classify(struct mount *mount, int fd, const struct statx *stx)
{
	char listed[TYPE_SIZE] = "";
	const char *type = listed;

	if (!listed_type(mount->id, listed)) {
		type = type_of_device(fd, stx);
	}
	mount->local = type_is_one_of(type, local_types, COUNT_OF(local_types));
	mount->takes_personality =
		mount->local ||
		type_is_one_of(type, personality_types, COUNT_OF(personality_types));
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
		classify(mount, fd, stx);
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
