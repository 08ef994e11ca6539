#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What smb.conf says about who a user is on a share (nothing, "force user", "force group", "admin users") holds for what is
# looked up ahead and for what the engine does, as without the module: two users in turn on one connection, on ext4 or
# whatever the temporary directory is on, and on a file system that says who asked.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"
# shellcheck source=held-lib.sh
. "$(dirname "$0")/held-lib.sh"

# Everything in the tree belongs to root, and can be read by root, unless it says whose it is.
make_tree() {
	local tree=$1 user name i

	mkdir -m 755 "$tree" "$tree/common"
	smbd_make_files "$tree/common" 60
	for user in 1 2; do
		name=${smbd_user[user]}
		install -d -m 700 -o "$name" "$tree/own-$user"
		install -d -m 750 -g "$(id -g "$name")" "$tree/for-group-$user"
		for i in greeting inside; do
			echo "user $user" >"$tree/own-$user/$i"
			echo "group $user" >"$tree/for-group-$user/$i"
		done
		for ((i = user; i < 60; i += 4)); do
			chown "$name" "$tree/common/$(printf 'file-%05d.txt' "$i")"
			chmod 600 "$tree/common/$(printf 'file-%05d.txt' "$i")"
			setfattr -n user.secret -v "of user $user" "$tree/common/$(printf 'file-%05d.txt' "$i")"
		done
	done
	install -d -m 1777 "$tree/drop"
}

test_begin "$@"
make_tree "$smbd_dir/tree"
held_start "$smbd_dir/tree"
kinds=(plain force-user force-group admin)
lines=(
	'read only = no'
	"force user = ${smbd_user[2]}"
	"force group = $(id -gn "${smbd_user[2]}")"
	"admin users = ${smbd_user[1]}"
)
for tree in tree held; do
	for async in no yes; do
		for ((i = 0; i < ${#kinds[@]}; i++)); do
			name="$tree-async-$async-${kinds[i]}"
			smbd_share "$name-stock" "$smbd_dir/$tree" 'read only = no' "smbd async dosmode = $async" "${lines[i]}"
			smbd_share "$name-ours" "$smbd_dir/$tree" 'read only = no' "smbd async dosmode = $async" "${lines[i]}" \
				'vfs objects = pathring' "pathring:async open = ${async/yes/always}"
		done
	done
done
smbd_start
for tree in tree held; do
	for async in no yes; do
		check_lines "$test_python" "$test_dir/check_identity_shares.py" "$smbd_dir" "$smbd_port" \
			"$tree-async-$async" "$(id -u "${smbd_user[1]}")" "$(id -g "${smbd_user[1]}")" \
			"$(id -u "${smbd_user[2]}")" "$(id -g "${smbd_user[2]}")"
	done
done
held_stop
test_finish
