#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each request runs under the identity of the user who made it: two users on one connection, so in one smbd process,
# take turns and overlap, and neither sees what is the other's: by owner, mode, group, POSIX ACL and the mode of a
# parent directory. Each is registered once as a personality of the ring, and the engine's account agrees.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

make_tree() {
	local tree=$1 user i gid

	mkdir -m 755 "$tree" "$tree/common"
	smbd_make_files "$tree/common" 120
	for user in 1 2; do
		gid=$(id -g "${smbd_user[user]}")
		install -d -m 700 -o "${smbd_user[user]}" -g "$gid" "$tree/own-$user"
		for ((i = 0; i < 30; i++)); do
			: >"$tree/own-$user/own-$user-$(printf %02d "$i")"
		done
		echo "user $user" >"$tree/own-$user/greeting"
		# The mode of the directory alone has to keep the other out.
		chmod 644 "$tree/own-$user"/*

		echo "user $user" >"$tree/common/only-$user"
		chmod 600 "$tree/common/only-$user"
		chown "${smbd_user[user]}" "$tree/common/only-$user"
	done

	# 40 files belong to user 1 alone, 20 to user 2 alone: for the other smbd asks again as root. The numbers differ so
	# that the account shows a request that ran under the wrong one of the two.
	for ((i = 0; i < 120; i++)); do
		case $((i % 6)) in
		0 | 3) user=1 ;;
		1) user=2 ;;
		*) continue ;;
		esac
		chown "${smbd_user[user]}" "$tree/common/$(printf 'file-%05d.txt' "$i")"
		chmod 600 "$tree/common/$(printf 'file-%05d.txt' "$i")"
	done

	install -d -m 750 -g "$(id -g "${smbd_user[1]}")" "$tree/for-group-1"
	install -d -m 700 "$tree/for-acl-2"
	setfacl -m "u:${smbd_user[2]}:rx" "$tree/for-acl-2"
	: >"$tree/for-group-1/inside"
	: >"$tree/for-acl-2/inside"
}

# Each user's requests ran where the engine is to run them, exactly those for files of the other user were denied by the
# kernel, and exactly these were asked again for root. check_identity.py has counted them: a line for each, uid and
# number.
accounted() {
	local engine=$1 uid expected all=0 users=0 ring thread inline denied where

	while read -r uid expected; do
		users=$((users + 1))
		all=$((all + expected))
		read -r ring thread inline denied < <(test_account "uid $uid gid")
		case $engine in
		# What is looked up ahead has no place on the ring.
		auto | uring) where=$((ring > 0 && ring > thread + inline)) ;;
		threads) where=$((thread > 0 && ring == 0)) ;;
		sync) where=$((inline > 0 && ring == 0 && thread == 0)) ;;
		esac
		if ((!where || expected == 0 || denied != expected)); then
			printf 'uid %s: ring %s, thread %s, inline %s, denied %s, expected %s denied\n' "$uid" "$ring" \
				"$thread" "$inline" "$denied" "$expected"
			return 1
		fi
	done <"$smbd_dir/client/denied"
	if ((users != 2)); then
		printf '%s users were counted\n' "$users"
		return 1
	fi

	read -r ring thread inline denied < <(test_account 'uid 0 gid')
	if ((ring + thread + inline != all || denied > 0)); then
		printf 'root: ring %s, thread %s, inline %s, denied %s, expected %s requests\n' "$ring" "$thread" "$inline" \
			"$denied" "$all"
		return 1
	fi
}

test_begin "$@"
smbd_need setfacl strace
make_tree "$smbd_dir/tree"
for engine in auto uring threads sync; do
	smbd_share "$engine" "$smbd_dir/tree" 'smbd async dosmode = yes' 'vfs objects = pathring' \
		"pathring:engine = $engine"
done

for engine in auto uring threads sync; do
	# A new log for each.
	: >"$smbd_dir/log/log.smbd"
	: >"$smbd_dir/client/denied"
	smbd_start
	check_lines "$test_python" "$test_dir/check_identity.py" "$smbd_dir" "$smbd_port" "$engine" \
		"$(id -u "${smbd_user[1]}")" "$(id -g "${smbd_user[1]}")" \
		"$(id -u "${smbd_user[2]}")" "$(id -g "${smbd_user[2]}")" "$smbd_dir/client/denied"
	check "smbd stops: engine $engine" smbd_stop
	check "the log says which engine ran: engine $engine" test_engine_ran "$engine"
	check "the account says where, for whom and what was denied: engine $engine" accounted "$engine"
	check "smbd does not panic: engine $engine" test_no_panic
done
test_finish
