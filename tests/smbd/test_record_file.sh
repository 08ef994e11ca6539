#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The file of a trace ("pathring:record"): a full disk, an smbd that is killed or told to end, names that are taken,
# two shares in one file, forced users, files that can't be made, and traces without names.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

share() {
	local name=$1 record=$2

	shift 2
	mkdir -m 1777 "$smbd_dir/$name"
	smbd_share "$name" "$smbd_dir/$name" 'read only = no' 'vfs objects = pathring' "pathring:record = $record" "$@"
}

run() {
	check_lines "$test_python" "$test_dir/check_record_file.py" "$smbd_dir" "$smbd_port" "$@"
	check "nobody serves: $1" test_soon nobody_serves
}

nobody_serves() {
	[[ -z $(smbd_serving) ]]
}

cleanup_mount() {
	umount "$smbd_dir/small" 2>/dev/null || true
	test_exit
}

test_begin "$@"
mkdir -m 700 "$smbd_dir/traces" "$smbd_dir/small"
trap cleanup_mount EXIT
mount -t tmpfs -o size=64k,mode=700 pathring "$smbd_dir/small"
for name in killed terminated planted descriptor; do
	share "$name" "$smbd_dir/traces/$name"
done
share full "$smbd_dir/small/full"
share forced "$smbd_dir/traces/%S" "force user = ${smbd_user[2]}"
share shared "$smbd_dir/traces/shared"
share shared-too "$smbd_dir/traces/shared"
share relative traces/relative
share unwritable "$smbd_dir/none/unwritable"
for key in anonymised key-for-all short-key no-key; do
	share "$key" "$smbd_dir/traces/$key" "pathring:record anonymise = $smbd_dir/keys/$key"
done
mkdir "$smbd_dir/keys"
for key in anonymised key-for-all; do
	(umask 077 && head -c 32 /dev/urandom >"$smbd_dir/keys/$key")
done
chmod 644 "$smbd_dir/keys/key-for-all"
(umask 077 && head -c 15 /dev/urandom >"$smbd_dir/keys/short-key")
smbd_start

run full "$smbd_dir/small/full"
run killed "$smbd_dir/traces/killed"
run terminated "$smbd_dir/traces/terminated"
run forced "$smbd_dir/traces/forced" "${smbd_user[2]}"
run shared "$smbd_dir/traces/shared"
run planted "$smbd_dir/traces/planted"
run descriptor "$smbd_dir/traces/descriptor"
run relative "$smbd_dir/traces/relative"
run unwritable "$smbd_dir/none/unwritable"
for key in anonymised key-for-all short-key no-key; do
	run "$key" "$smbd_dir/traces/$key"
done
check 'smbd stops' smbd_stop
umount "$smbd_dir/small"
test_finish
