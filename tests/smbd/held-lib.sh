# SPDX-License-Identifier: GPL-3.0-or-later
#
# The file system of held_filesystem.py around a test's smbd, which has to start after it: smbd sees the mounts that there
# were at its start. Sourced after test-lib.sh, which does the rest.
#
#	held_start DIR	mount it on $smbd_dir/held, in front of DIR; its socket is $smbd_dir/held.socket
#	held_stop	unmount it; also at the end of the test, whatever that is
# shellcheck shell=bash

held_pid=''

held_start() {
	local deadline=$((SECONDS + 10))

	mkdir "$smbd_dir/held"
	"$test_python" "$test_dir/held_filesystem.py" serve "$smbd_dir/held" "$1" "$smbd_dir/held.socket" </dev/null &
	held_pid=$!
	# Before smbd's directory is removed: nothing may be removed through the mount.
	trap 'held_stop; test_exit' EXIT
	while [[ ! -S $smbd_dir/held.socket ]]; do
		if ((SECONDS >= deadline)) || ! kill -0 "$held_pid" 2>/dev/null; then
			smbd_fail 'the file system of held_filesystem.py did not start'
			return 1
		fi
		sleep 0.02
	done
}

# Its end is an answer for all who wait. A process of smbd's has the mount in a namespace of its own.
held_stop() {
	if [[ -n $held_pid ]]; then
		kill "$held_pid" 2>/dev/null || true
		wait "$held_pid" 2>/dev/null || true
		held_pid=''
		umount --lazy "$smbd_dir/held"
	fi
}
