# SPDX-License-Identifier: GPL-3.0-or-later
#
# File systems for tests, each in an image of its own, mounted where nobody else sees it. Sourced; it does nothing by
# itself.
#
#	filesystems_enter "$0" "$@"	first of all: run the script again in a mount namespace of its own
#	filesystem_mount KIND DIR	make one in DIR, which must not exist; 77 if this kernel has none of that kind
#	filesystems_unmount DIR		all that are in DIR
#
# A mount is gone with the last process of the namespace, and its loop device with it.

filesystem_kinds=(ext4 ext4-small-inodes ext4-dirsync xfs xfs-dirsync btrfs tmpfs)

# In a chroot the root directory is no mount point, and mounts can't be made private from there: then the tree is mounted
# once more inside /proc, where they can.
# shellcheck disable=SC2016 # for the inner shell
filesystems_namespace='
	set -e
	root=
	if ! mount --make-rprivate / 2>/dev/null; then
		root=/proc/fs
		mount --make-rprivate /proc
		mount --rbind / "$root"
		mount --make-rprivate "$root"
	fi
	exec ${root:+chroot "$root"} "$@"
'

filesystems_enter()
{
	if [ -n "${PATHRING_TEST_NAMESPACE:-}" ]; then
		unset PATHRING_TEST_NAMESPACE
		return 0
	fi
	if [ "$(id -u)" -ne 0 ]; then
		printf 'not ok file systems - must run as root\n'
		exit 1
	fi
	PATHRING_TEST_NAMESPACE=1 exec unshare --mount --propagation unchanged -- \
		bash -c "$filesystems_namespace" bash "$@"
}

# The sizes are the least that mkfs takes; images are sparse.
filesystem_mount()
{
	local kind=$1 dir=$2 type=${1%%-*} image=$2.img options=loop make=()

	if ! grep -qw "$type" /proc/filesystems && ! modprobe -q "$type" 2>/dev/null; then
		return 77
	fi
	mkdir -m 755 "$dir"
	case $kind in
	tmpfs)
		mount -t tmpfs -o mode=755,size=1G tmpfs "$dir"
		# user xattrs came with Linux 6.6.
		if ! setfattr -n user.pathring -v 1 "$dir" 2>/dev/null; then
			umount "$dir"
			return 77
		fi
		return 0
		;;
	*-dirsync)
		# A change of a name waits for the disk when everything but the name itself has changed.
		options+=,dirsync
		;;
	esac
	case $kind in
	# Timestamps of whole seconds.
	ext4-small-inodes) make=(mkfs.ext4 -q -I 128) ;;
	ext4*) make=(mkfs.ext4 -q) ;;
	xfs*) make=(mkfs.xfs -q) ;;
	btrfs) make=(mkfs.btrfs -q) ;;
	*) printf 'file system %s?\n' "$kind" >&2; return 1 ;;
	esac
	truncate -s 512M "$image"
	"${make[@]}" "$image" >/dev/null 2>&1
	mount -t "$type" -o "$options" "$image" "$dir"
	chmod 755 "$dir"
}

filesystems_unmount()
{
	local dir

	for dir in "$1"/*; do
		if mountpoint -q "$dir"; then
			umount "$dir" 2>/dev/null || umount -l "$dir"
		fi
	done
}
