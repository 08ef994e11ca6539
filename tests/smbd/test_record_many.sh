#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Recording of requests that are in flight together ("pathring:record"): reads on the ring that a slow file system keeps
# waiting, a client that goes meanwhile, asynchronous opens, compounds. And whatever smbtorture does: its traces are
# whole, also where a client comes back to its file after its connection was lost.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"
# shellcheck source=held-lib.sh
. "$(dirname "$0")/held-lib.sh"

nobody_serves() {
	[[ -z $(smbd_serving) ]]
}

run() {
	check_lines "$test_python" "$test_dir/check_record_many.py" "$smbd_dir" "$smbd_port" "$@"
	check "nobody serves: $1" test_soon nobody_serves
}

# What smbtorture thinks of the answers is test_smbtorture.sh's business.
torture() {
	local output=$smbd_dir/client/torture

	(
		cd "$smbd_dir/client"
		exec timeout --kill-after=5 100 smbtorture //127.0.0.1/torture --smb-ports="$smbd_port" \
			--configfile="$smbd_dir/client.conf" --authentication-file="$smbd_dir/private/login.1" \
			--target=samba3 --format=subunit "$1"
	) </dev/null >"$output" 2>&1 {smbd_stdin}>&- || true
	grep '^success' "$output" || { tail -n 3 "$output" && return 1; }
}

# Every trace of the share, by pathring-replay itself, which knows all of it; a replay leaves named streams out.
read_by_replay() {
	local file count=0

	for file in "$smbd_dir/traces/torture".*; do
		count=$((count + 1))
		"$test_build/replay/pathring-replay" info --json "$file" >"$smbd_dir/client/info" || return 1
		if ! jq -e '.complete and .lost == 0 and ([.skips[].reason] - ["a named stream"] == [])' \
			"$smbd_dir/client/info" >/dev/null; then
			printf '%s: ' "$file"
			jq -c '{ complete, lost, skips }' "$smbd_dir/client/info"
			return 1
		fi
	done
	((count > 1))
}

test_begin "$@"
smbd_need smbtorture jq
mkdir -m 700 "$smbd_dir/traces"
mkdir -m 755 "$smbd_dir/tree" "$smbd_dir/tree/common" "$smbd_dir/tree/secret"
smbd_make_files "$smbd_dir/tree/common" 150
smbd_make_files "$smbd_dir/tree/secret" 150
chmod 600 "$smbd_dir"/tree/secret/*
for user in 1 2; do
	install -d -m 700 -o "${smbd_user[user]}" "$smbd_dir/tree/own-$user"
	head -c 20000 /dev/zero | tr '\0' "$user" >"$smbd_dir/tree/own-$user/data"
	chown "${smbd_user[user]}" "$smbd_dir/tree/own-$user/data"
done
held_start "$smbd_dir/tree"
smbd_share slow "$smbd_dir/held" 'read only = no' 'vfs objects = pathring' "pathring:record = $smbd_dir/traces/slow"
printf '\n[global]\nmin receivefile size = 1000\n' >>"$smbd_conf"
smbd_share kernel "$smbd_dir/tree" 'read only = no' 'vfs objects = pathring' 'use sendfile = yes' 'aio read size = 0' \
	'aio write size = 0' "pathring:record = $smbd_dir/traces/kernel"
smbd_share opens "$smbd_dir/tree" 'read only = no' 'vfs objects = pathring' 'pathring:async open = always' \
	"pathring:record = $smbd_dir/traces/opens"
mkdir -m 1777 "$smbd_dir/torture"
smbd_share torture "$smbd_dir/torture" 'read only = no' 'vfs objects = streams_xattr pathring' \
	'kernel share modes = no' 'posix locking = no' "pathring:record = $smbd_dir/traces/torture"
smbd_start

run slow "$smbd_dir/traces/slow"
run gone "$smbd_dir/traces/slow"
run kernel "$smbd_dir/traces/kernel"
run opens "$smbd_dir/traces/opens"
run compound "$smbd_dir/traces/opens"
for suite in smb2.durable-open.reopen1 smb2.durable-open.reopen2 smb2.compound.related1 smb2.rename smb2.streams; do
	check "smbtorture $suite" torture "$suite"
done
check 'nobody serves: smbtorture' test_soon nobody_serves
run reconnected "$smbd_dir/traces/torture"
check 'pathring-replay reads the traces, and nothing in them is unknown' read_by_replay
check 'smbd stops' smbd_stop
held_stop
test_finish
