#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What ends while requests of its user are in flight: the file, the tree, the session, the share (smbcontrol close-share),
# the connection, the process (SIGTERM). The file system keeps its answers back until then. Another user on the same
# connection goes on meanwhile and gets what is that user's, nothing is left open, and the outcome is that of stock smbd.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"
# shellcheck source=held-lib.sh
. "$(dirname "$0")/held-lib.sh"

make_tree() {
	local tree=$1 user

	mkdir -m 755 "$tree" "$tree/common"
	smbd_make_files "$tree/common" 30
	for user in 1 2; do
		install -d -m 700 -o "${smbd_user[user]}" "$tree/own-$user"
		# As long as each other, and nothing in common.
		head -c 20000 /dev/zero | tr '\0' "$user" >"$tree/own-$user/data"
		chown "${smbd_user[user]}" "$tree/own-$user/data"
		chmod 600 "$tree/own-$user/data"
	done
}

overlay_stop() {
	umount --lazy "$smbd_dir/overlay" 2>/dev/null || true
}

test_begin "$@"
smbd_need smbcontrol
make_tree "$smbd_dir/tree"
make_tree "$smbd_dir/local"
held_start "$smbd_dir/tree"
# The ring has nothing to do with FUSE; with an overlay it does, and that waits for the FUSE file system below.
mkdir "$smbd_dir/overlay" "$smbd_dir/upper" "$smbd_dir/work"
mount -t overlay -o "lowerdir=$smbd_dir/held,upperdir=$smbd_dir/upper,workdir=$smbd_dir/work" pathring-test "$smbd_dir/overlay"
trap 'overlay_stop; held_stop; test_exit' EXIT
for tree in held overlay local; do
	common=('read only = no' 'smbd async dosmode = yes')
	smbd_share "$tree-stock" "$smbd_dir/$tree" "${common[@]}"
	smbd_share "$tree-ours" "$smbd_dir/$tree" "${common[@]}" 'vfs objects = pathring' 'pathring:readahead = 0'
	smbd_share "$tree-ahead" "$smbd_dir/$tree" "${common[@]}" 'smbd async dosmode = no' 'vfs objects = pathring'
done
smbd_start
for tree in held overlay; do
	check_lines "$test_python" "$test_dir/check_in_flight.py" "$smbd_dir" "$smbd_port" "$tree" "$smbd_conf"
done
overlay_stop
held_stop
test_finish
