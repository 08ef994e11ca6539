#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Nothing is left over: neither descriptors in the serving process after work that was done or cut off, nor a process
# whose client is gone, nor one of an smbd that is stopped in the middle of its work.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

# smbd is told to stop while clients list and write, each in a share of its own: where two have the same directory open
# (the root of a share is, for the free space that smbclient shows after a listing), smbd 4.17 itself may panic at that
# moment ("Could not unlock share mode"): it takes the signal in the event loop in which it waits for the other's lock.
stop_at_work() {
	local i clients=() status=0

	for i in 1 2; do
		(
			for ((;;)); do
				smbd_client "$i" "$1-$i" "ls many\\*; put $smbd_dir/data own\\data" || exit 0
			done
		) >/dev/null 2>&1 &
		clients+=($!)
	done
	sleep 0.7
	smbd_stop || status=1
	wait "${clients[@]}"
	return "$status"
}

test_begin "$@"
mkdir -m 755 "$smbd_dir/tree"
for user in 1 2; do
	mkdir -m 755 "$smbd_dir/tree/many-$user"
	smbd_make_files "$smbd_dir/tree/many-$user" 400
	chmod 600 "$smbd_dir/tree/many-$user"/file-000*
	install -d -m 700 -o "${smbd_user[user]}" "$smbd_dir/tree/own-$user"
	mkdir -p -m 755 "$smbd_dir/alone-$user/many"
	smbd_make_files "$smbd_dir/alone-$user/many" 400
	install -d -m 700 -o "${smbd_user[user]}" "$smbd_dir/alone-$user/own"
done
head -c 2000000 /dev/urandom >"$smbd_dir/data"
for engine in uring threads sync; do
	smbd_share "$engine" "$smbd_dir/tree" 'read only = no' 'smbd async dosmode = yes' 'vfs objects = pathring' \
		"pathring:engine = $engine"
	for user in 1 2; do
		smbd_share "$engine-$user" "$smbd_dir/alone-$user" 'read only = no' 'smbd async dosmode = yes' \
			'vfs objects = pathring' "pathring:engine = $engine"
	done
done
for engine in uring threads sync; do
	smbd_start
	check_lines "$test_python" "$test_dir/check_descriptors.py" "$smbd_dir" "$smbd_port" "$engine"
	check "smbd stops in the middle of its work: engine $engine" stop_at_work "$engine"
	check "no process is left: engine $engine" test_no_process
	check "smbd does not panic: engine $engine" test_no_panic
done
test_finish
