/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The policy: where an operation runs when there is a choice. Today there is one choice, statx of
 * an open descriptor.
 *
 * On the ring statx always goes to a kernel worker (it is never tried inline, Linux 6.3), which
 * costs 3 us at depth 16 and 17 or more alone, against half a microsecond in this thread. It needs
 * no permission: the descriptor is the proof, so no identity is involved either. In this thread it
 * is safe where the attributes are in memory once the inode is open, which is so for local file
 * systems. For all others AT_STATX_DONT_SYNC keeps the question from going to a server, and the
 * answer is only used to learn which mount this is.
 */
#include "placement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "operation.h"

#define KNOWN_MOUNTS 16

/*
 * A mount may go and its number come back for another file system: what is known of it is read
 * again.
 */
#define KNOWN_FOR_NSEC 1000000000ULL

struct known_mount {
	uint64_t id;
	uint64_t expires; /* engine_clock(); 0: unused */
	bool local;
};

struct placement {
	struct known_mount mounts[KNOWN_MOUNTS];
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

static bool known_to_be_local(struct pathring *ring, int fd, const struct statx *stx)
{
	uint64_t id = stx->stx_mnt_id;
	struct placement *placement = ring->placement;
	struct known_mount *mount = NULL;
	uint64_t now = engine_completion_time(ring);
	size_t i;

	if (placement == NULL) {
		placement = talloc_zero(ring, struct placement);
		if (placement == NULL) {
			return false;
		}
		ring->placement = placement;
	}

	for (i = 0; i < KNOWN_MOUNTS; i++) {
		if (placement->mounts[i].id == id && placement->mounts[i].expires != 0) {
			mount = &placement->mounts[i];
			break;
		}
	}
	if (mount == NULL) {
		mount = &placement->mounts[placement->next];
		placement->next = (placement->next + 1) % KNOWN_MOUNTS;
		mount->expires = 0;
	}
	if (mount->expires <= now) {
		*mount = (struct known_mount) {
			.id = id,
			.expires = now + KNOWN_FOR_NSEC,
			.local = mount_is_local(id, fd, stx),
		};
	}
	return mount->local;
}

bool placement_statx_inline(struct pathring *ring,
			    int fd,
			    unsigned int flags,
			    unsigned int mask,
			    struct statx *stx,
			    int *result)
{
	int ret;

	if ((flags & AT_STATX_FORCE_SYNC) != 0) {
		return false;
	}
	ret = operation_statx_fd(fd, AT_STATX_DONT_SYNC, mask | STATX_MNT_ID, stx);
	if (ret < 0) {
		return false;
	}
	if ((flags & AT_STATX_DONT_SYNC) == 0) {
		bool local =
			(stx->stx_mask & STATX_MNT_ID) != 0 && known_to_be_local(ring, fd, stx);

		if (!local) {
			return false;
		}
	}
	*result = 0;
	return true;
}
