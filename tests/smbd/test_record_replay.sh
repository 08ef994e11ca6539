#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the module has recorded of two users on an encrypted connection is replayed by pathring-replay, with every
# engine: each request under the user who made it and with the outcome that it had, what was forbidden forbidden again.
# So is a trace without names.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

replay=$test_build/replay/pathring-replay

recorded_share() {
	local name=$1 user

	shift
	mkdir -m 755 "$smbd_dir/$name" "$smbd_dir/$name/many"
	smbd_make_files "$smbd_dir/$name/many" 500
	for user in 1 2; do
		install -d -m 700 -o "${smbd_user[user]}" "$smbd_dir/$name/own-$user"
		install -d -m 755 -o "${smbd_user[user]}" "$smbd_dir/$name/own-$user-open"
		install -m 600 -o "${smbd_user[user]}" /dev/null "$smbd_dir/$name/own-$user/secret"
		install -m 600 -o "${smbd_user[user]}" /dev/null "$smbd_dir/$name/own-$user-open/private"
		install -m 666 -o "${smbd_user[user]}" /dev/null "$smbd_dir/$name/own-$user-open/for-all"
	done
	smbd_share "$name" "$smbd_dir/$name" 'read only = no' 'vfs objects = pathring' 'smb encrypt = required' \
		"pathring:record = $smbd_dir/traces/$name" "$@"
}

the_trace() {
	local traces=("$smbd_dir/traces/$1".*)

	((${#traces[@]} == 1)) || return 1
	REPLY=${traces[0]}
}

# replayed SHARE ORDER ENGINE...
replayed() {
	local share=$1 order=$2 engine

	shift 2
	the_trace "$share" || return 1
	mkdir "$smbd_dir/root"
	for engine in "$@"; do
		rm -rf --one-file-system "${smbd_dir:?}/root"
		mkdir -m 755 "$smbd_dir/root"
		timeout --kill-after=5 100 "$replay" run "$REPLY" --root="$smbd_dir/root" --users="$smbd_dir/users" \
			--order="$order" --engine="$engine" --json="$smbd_dir/client/results" >/dev/null 2>"$smbd_dir/client/run" || {
			tail -n 3 "$smbd_dir/client/run"
			return 1
		}
		if ! jq -e '.requests | .recorded > 100 and .replayed == .recorded and .skipped == 0 and .failed == 0 and
				.mismatched == 0' "$smbd_dir/client/results"; then
			printf '%s: %s' "$engine" "$(jq -c .requests "$smbd_dir/client/results")"
			return 1
		fi
	done
}

# What the clients have left of their own, and who owns it: in the share and where it was replayed.
left() {
	(cd "$1" && find own-1 own-2 -path '*/directory*' -printf '%p %y %U %G ' \( -type d -printf '\n' -o -printf '%s\n' \) |
		sort)
}

same_tree() {
	local tree

	tree=$(left "$smbd_dir/$1")
	[[ $(wc -l <<<"$tree") -ge 4 ]] || { printf '%s\n' "$tree"; return 1; }
	diff <(printf '%s\n' "$tree") <(left "$smbd_dir/root/$1")
}

forbidden() {
	the_trace "$1" || return 1
	[[ $(grep -c '"status":"NT_STATUS_ACCESS_DENIED"' "$REPLY") -ge 8 ]]
}

test_begin "$@"
smbd_need jq
mkdir -m 700 "$smbd_dir/traces"
(umask 077 && head -c 32 /dev/urandom >"$smbd_dir/private/key")
recorded_share recorded
recorded_share nameless "pathring:record anonymise = $smbd_dir/private/key"
smbd_start
for share in recorded nameless; do
	"$test_python" "$test_dir/check_record.py" "$smbd_dir" "$smbd_port" "$share" "$smbd_dir/traces/$share" 30 \
		no-rules >"$smbd_dir/client/recorded" 2>&1 || true
done
check 'smbd stops' smbd_stop
check 'requests were forbidden' forbidden recorded
for user in 1 2; do
	printf '%s %s %s\n' "${smbd_user[user]}" "$(id -u "${smbd_user[user]}")" "$(id -g "${smbd_user[user]}")"
done >"$smbd_dir/users"
for order in session resource; do
	check "replayed with the recorded outcomes: order $order" replayed recorded "$order" sync threads pathring
	check "leaves what the clients left: order $order" same_tree recorded
	rm -rf --one-file-system "${smbd_dir:?}/root"
done
check 'replayed with the recorded outcomes: without names' replayed nameless session pathring
test_finish
