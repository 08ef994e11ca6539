#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A user comes into a group and leaves it again while connected: a session has the groups of its last login, and sessions of
# the same user with and without the group take turns on one connection. No group of the machine changes: smbd sees a file
# of groups of its own.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"
# shellcheck source=held-lib.sh
. "$(dirname "$0")/held-lib.sh"

# A group with nobody in it and with no user of the test's as its own.
pick_group() {
	awk -F: -v one="$(id -g "${smbd_user[1]}")" -v two="$(id -g "${smbd_user[2]}")" '
		$4 == "" && $3 > 0 && $3 < 1000 && $3 != one && $3 != two { print $1, $3; exit }' /etc/group
}

make_tree() {
	local tree=$1 i

	mkdir -m 755 "$tree" "$tree/common"
	smbd_make_files "$tree/common" 40
	for ((i = 0; i < 40; i += 2)); do
		printf '%s\0' "$tree/common/$(printf file-%05d.txt "$i")"
	done >"$smbd_dir/client/names"
	xargs -0 chgrp "$gid" <"$smbd_dir/client/names"
	xargs -0 chmod 640 <"$smbd_dir/client/names"
	xargs -0 setfattr -n user.comment -v 'of the group' <"$smbd_dir/client/names"
	install -d -m 750 -g "$gid" "$tree/for-group" "$tree/many"
	smbd_make_files "$tree/for-group" 10
	smbd_make_files "$tree/many" 700
}

test_begin "$@"
read -r group gid < <(pick_group)
make_tree "$smbd_dir/tree"
held_start "$smbd_dir/tree"
for tree in tree held; do
	for async in no yes; do
		smbd_share "$tree-async-$async-stock" "$smbd_dir/$tree" "smbd async dosmode = $async"
		smbd_share "$tree-async-$async-ours" "$smbd_dir/$tree" "smbd async dosmode = $async" \
			'vfs objects = pathring' "pathring:async open = ${async/yes/always}"
	done
done
cp /etc/group "$smbd_dir/group"
# shellcheck disable=SC2016 # for the inner shell, in smbd's mount namespace
smbd_start bash -c 'mount --bind "$1" /etc/group && shift && exec "$@"' bash "$smbd_dir/group"
check 'the groups of the machine are another file' test ! "$smbd_dir/group" -ef /etc/group
for tree in tree held; do
	for async in no yes; do
		cp /etc/group "$smbd_dir/group"
		check_lines "$test_python" "$test_dir/check_identity_groups.py" "$smbd_dir" "$smbd_port" \
			"$tree-async-$async" "${smbd_user[1]}" "$(id -u "${smbd_user[1]}")" "$group" "$gid"
	done
done
held_stop
test_finish
