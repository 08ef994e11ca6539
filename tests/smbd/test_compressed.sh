#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Compressed files on btrfs, with vfs_btrfs: smbd asks for that attribute through the path reference, with the DOS
# attributes in hand, so that it has to be open until then. A listing is that of smbd without the module, also where not
# all of the path references may be open at once.

set -euo pipefail
# shellcheck source=../filesystems.sh
. "$(dirname "$0")/../filesystems.sh"
filesystems_enter "$0" "$@"
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

listing() {
	"$test_python" "$test_dir/smb.py" listing "$smbd_dir" "$smbd_port" 1 "$1" files >"$2"
}

# FILE_ATTRIBUTE_COMPRESSED is 0x800.
compressed() {
	local count

	count=$(cut -d'|' -f4 "$1" | grep -c '0x8..')
	if ((count != 250)); then
		printf '%s compressed files, not 250\n' "$count"
		return 1
	fi
}

test_begin "$@"
trap 'test_exit_after umount -q --lazy "$smbd_dir/tree"' EXIT
status=0
filesystem_mount btrfs "$smbd_dir/tree" || status=$?
if ((status == 77)); then
	printf 'ok %s: compressed files # SKIP this kernel has no btrfs\n' "$test_name"
	test_finish
fi
mkdir -m 755 "$smbd_dir/tree/files"
smbd_make_files "$smbd_dir/tree/files" 500
chattr +c "$smbd_dir"/tree/files/*[02468].txt

shares=()
for window in 128 0; do
	for dosmode in yes no; do
		smbd_share "ours-$window-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode" \
			'vfs objects = btrfs pathring' "pathring:readahead = $window"
		shares+=("ours-$window-$dosmode")
	done
done
smbd_share stock "$smbd_dir/tree" 'vfs objects = btrfs'
smbd_start
listing stock "$smbd_dir/client/first"
listing stock "$smbd_dir/client/stock"
check 'smbd alone finds the compressed files' compressed "$smbd_dir/client/stock"
for files in 16424 150; do
	check 'smbd stops' smbd_stop
	sed -i "/^max open files/d; s/^\[global\]/&\nmax open files = $files/" "$smbd_conf"
	smbd_start
	for share in "${shares[@]}"; do
		listing "$share" "$smbd_dir/client/ours"
		check "as without the module: share $share, $files open files" \
			diff "$smbd_dir/client/stock" "$smbd_dir/client/ours"
	done
done
check 'smbd stops at the end' smbd_stop
umount "$smbd_dir/tree"
test_finish
