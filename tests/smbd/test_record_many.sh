#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Recording of requests that are in flight together ("pathring:record"): reads on the ring that a slow file system keeps
# waiting, a client that goes meanwhile, asynchronous opens, compounds.

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

test_begin "$@"
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
smbd_share opens "$smbd_dir/tree" 'read only = no' 'vfs objects = pathring' 'pathring:async open = always' \
	"pathring:record = $smbd_dir/traces/opens"
smbd_start

run slow "$smbd_dir/traces/slow"
run gone "$smbd_dir/traces/slow"
run opens "$smbd_dir/traces/opens"
run compound "$smbd_dir/traces/opens"
check 'smbd stops' smbd_stop
held_stop
test_finish
