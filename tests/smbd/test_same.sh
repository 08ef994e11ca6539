#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Responses to QUERY_DIRECTORY are those of stock smbd, byte for byte: on ext4 with small and large inodes, XFS, btrfs,
# tmpfs and GlusterFS, for all levels, flags and sizes of the buffer, with files of every kind. PATHRING_FILESYSTEMS in the
# environment: some of ext4, ext4-small-inodes, xfs, btrfs, tmpfs and glusterfs to do it on.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"
# shellcheck source=../filesystems.sh
. "$test_root/tests/filesystems.sh"
[[ ${1-} == -* ]] || filesystems_enter "$0" "$@"

# What there is, in the order in which it was made.
same_filesystems=()
slow=''

same_make() {
	local kind=$1 dir=$smbd_dir/fs/$1 few='' status=0

	if [[ $kind == glusterfs ]]; then
		# Its name is short: the path of a socket is in it.
		"$test_root/scripts/slow-filesystem" start "$smbd_dir/slow" --delay 20 >/dev/null
		slow=$smbd_dir/slow
		mkdir "$dir"
		few=few
		mount --bind "$slow/mnt" "$dir"
	else
		filesystem_mount "$kind" "$dir" || status=$?
		if ((status == 77)); then
			printf 'ok %s: %s # SKIP this kernel has none\n' "$test_name" "$kind"
			return 0
		fi
	fi
	# shellcheck disable=SC2086 # an argument or none
	"$test_python" "$test_dir/same_tree.py" "$dir" "${smbd_user[1]}" "${smbd_user[2]}" $few
	same_filesystems+=("$kind")
}

unmount_all() {
	filesystems_unmount "$smbd_dir/fs"
	if [[ -n $slow ]]; then
		"$test_root/scripts/slow-filesystem" stop "$slow"
		slow=''
	fi
}

# pair NAME [LINE]...: a share without and one with the module.
pair() {
	local name=$1

	shift
	smbd_share "$name-stock" "$smbd_dir/fs" "$@"
	smbd_share "$name" "$smbd_dir/fs" "$@" 'vfs objects = pathring'
}

# same PLANS NAME USER KIND...: on each of the file systems that there are.
same() {
	local plans=$1 name=$2 user=$3 kind

	shift 3
	for kind in "$@"; do
		if [[ " ${same_filesystems[*]} " == *" $kind "* ]]; then
			check_lines "$test_python" "$test_dir/check_same.py" "$smbd_dir" "$smbd_port" "$plans" \
				"$name-stock" "$name" "$user" "$kind"
		fi
	done
}

test_begin "$@"
trap 'test_exit_after unmount_all' EXIT
mkdir -m 755 "$smbd_dir/fs"
read -ra kinds <<<"${PATHRING_FILESYSTEMS:-ext4 ext4-small-inodes xfs btrfs tmpfs glusterfs}"
for kind in "${kinds[@]}"; do
	same_make "$kind"
done

pair eas 'ea support = yes'
pair no-eas 'ea support = no'
pair async 'ea support = yes' 'smbd async dosmode = yes'
pair mapped 'store dos attributes = no' 'map archive = yes' 'map hidden = yes' 'map system = yes' 'ea support = yes'
pair veto 'veto files = /*.veto/*7.txt/fifo/' 'hide files = /*.hide/*3.txt/' 'hide dot files = no'
pair unreadable 'hide unreadable = yes' 'hide unwriteable files = yes'
pair special 'hide special files = yes' 'dos filemode = yes' 'fake directory create times = yes'
pair no-links 'follow symlinks = no'
pair wide-links 'wide links = yes' 'allow insecure wide links = yes'
pair case 'case sensitive = yes' 'mangled names = no' 'preserve case = yes'
pair illegal 'mangled names = illegal' 'case sensitive = no' 'default case = upper'
pair small-window 'ea support = yes' 'pathring:readahead = 3'
sed -i 's/^\[global\]$/&\n\tallow insecure wide links = yes/' "$smbd_conf"
others=(mapped veto unreadable special no-links wide-links case illegal small-window no-eas)

smbd_start
same all eas 1 ext4
same some eas 1 ext4-small-inodes xfs btrfs tmpfs glusterfs
same some async 1 ext4 tmpfs
same few async 1 xfs btrfs
same few eas 2 ext4 xfs
same few async 2 ext4-small-inodes glusterfs
for share in "${others[@]}"; do
	same few "$share" 1 ext4
	same few "$share" 2 btrfs
done
check 'smbd stops' smbd_stop

# Entries that do not fit are given back.
sed -i 's/^\[global\]$/&\n\tsmb2 max trans = 65536/' "$smbd_conf"
smbd_start
same some eas 1 ext4 tmpfs
same few async 1 xfs
check 'smbd stops' smbd_stop
check 'file systems are not in use any more' unmount_all
test_finish
