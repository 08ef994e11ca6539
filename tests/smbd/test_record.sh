#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Recording ("pathring:record"): every request of two users on one connection is in the trace as it was made and
# answered, with and without encryption, with every engine and with asynchronous opens.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

make_share_tree() {
	local dir=$1 user

	mkdir -m 755 "$dir" "$dir/many"
	smbd_make_files "$dir/many" 500
	for user in 1 2; do
		install -d -m 700 -o "${smbd_user[user]}" -g "$(id -g "${smbd_user[user]}")" "$dir/own-$user"
		install -d -m 755 -o "${smbd_user[user]}" -g "$(id -g "${smbd_user[user]}")" "$dir/own-$user-open"
		install -m 600 -o "${smbd_user[user]}" /dev/null "$dir/own-$user/secret"
		install -m 600 -o "${smbd_user[user]}" /dev/null "$dir/own-$user-open/private"
		install -m 666 -o "${smbd_user[user]}" /dev/null "$dir/own-$user-open/for-all"
	done
}

recorded_share() {
	local name=$1

	shift
	make_share_tree "$smbd_dir/$name"
	smbd_share "$name" "$smbd_dir/$name" 'read only = no' 'vfs objects = pathring' \
		"pathring:record = $smbd_dir/traces/%S" "$@"
}

private_file() {
	local file found=0

	for file in "$smbd_dir/traces/$1".*; do
		found=1
		if [[ $(stat -c '%a %u' "$file") != '600 0' ]]; then
			stat "$file"
			return 1
		fi
	done
	((found))
}

said() {
	grep "$1" "$smbd_dir/log/log.smbd"
}

test_begin "$@"
mkdir -m 700 "$smbd_dir/traces"
recorded_share plain
shares=(plain)
for engine in threads sync off; do
	recorded_share "$engine" "pathring:engine = $engine"
	shares+=("$engine")
done
recorded_share async-dosmode 'smbd async dosmode = yes'
recorded_share async-open 'pathring:async open = always'
recorded_share stacked 'vfs objects = acl_xattr catia streams_xattr pathring'
recorded_share without-aio 'aio read size = 0' 'aio write size = 0'
recorded_share encrypted 'smb encrypt = required'
smbd_start
for share in "${shares[@]}" async-dosmode async-open stacked without-aio; do
	check_lines "$test_python" "$test_dir/check_record.py" "$smbd_dir" "$smbd_port" "$share" \
		"$smbd_dir/traces/$share" 21
done
check_lines "$test_python" "$test_dir/check_record.py" "$smbd_dir" "$smbd_port" encrypted \
	"$smbd_dir/traces/encrypted" 30
check 'the line at connect says so' said 'share \[plain\]: engine .*; recorded in .*/traces/plain\.'
check 'the line at connect says so without an engine' \
	said 'share \[off\]: the engine is off.*; recorded in .*/traces/off\.'
check 'a trace is for root alone' private_file plain
test_finish
