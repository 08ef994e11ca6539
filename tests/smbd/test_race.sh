#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Files appear, vanish, are renamed and replaced while they are listed, by processes beside smbd and by a second client:
# every entry is of one file, as it is when it is asked for, and of none outside; what is there throughout is there once.
# In the environment: PATHRING_FILESYSTEMS, those of ext4, xfs, btrfs and tmpfs to do it on; PATHRING_CHANGES, how many
# changes on each (20000), for long runs.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"
# shellcheck source=../filesystems.sh
. "$test_root/tests/filesystems.sh"
[[ ${1-} == -* ]] || filesystems_enter "$0" "$@"

read -ra kinds <<<"${PATHRING_FILESYSTEMS:-ext4 xfs btrfs tmpfs}"
changes=${PATHRING_CHANGES:-20000}
# At a thousand changes a second, which is far less than a machine of today makes.
seconds=$((changes / 1000 + 30))
strace_pid=''

clean_up() {
	if [[ -n $strace_pid ]]; then
		kill "$strace_pid" 2>/dev/null || true
	fi
	filesystems_unmount "$smbd_dir/fs"
}

# race KIND SHARE PATH [CHANGES]
race() {
	if [[ -d $smbd_dir/fs/$1/share ]]; then
		check_lines "$test_python" "$test_dir/check_race.py" "$smbd_dir" "$smbd_port" "$1-$2" "$smbd_dir/fs/$1/share" "$3" \
			"${4:-$changes}" "$seconds"
	fi
}

# The same while smbd waits a moment after each stat by name: what it asks then must be about the file that it opens.
race_with_delay() {
	strace -f -qq -o /dev/null -e trace=newfstatat -e inject=newfstatat:delay_exit=1000 -p "$smbd_pid" &
	strace_pid=$!
	race "$1" "$2" "$3" 5000
	kill "$strace_pid" 2>/dev/null || true
	wait "$strace_pid" || true
	strace_pid=''
}

test_begin "$@"
smbd_need strace
trap 'test_exit_after clean_up' EXIT
test_lines_limit=$((seconds + 120))
mkdir -m 755 "$smbd_dir/fs"
for kind in "${kinds[@]}"; do
	status=0
	filesystem_mount "$kind" "$smbd_dir/fs/$kind" || status=$?
	if ((status == 77)); then
		printf 'ok %s: %s # SKIP this kernel has none\n' "$test_name" "$kind"
		continue
	fi
	mkdir -m 755 "$smbd_dir/fs/$kind/share"
	smbd_share "$kind-stock" "$smbd_dir/fs/$kind/share" 'ea support = yes'
	smbd_share "$kind-ours" "$smbd_dir/fs/$kind/share" 'ea support = yes' 'vfs objects = pathring'
	smbd_share "$kind-async" "$smbd_dir/fs/$kind/share" 'ea support = yes' 'vfs objects = pathring' \
		'smbd async dosmode = yes'
done
smbd_start
# What is asked of the module is what stock smbd does.
race tmpfs stock stock 5000
for kind in "${kinds[@]}"; do
	race "$kind" ours ours
done
race xfs async async
race tmpfs async async
race_with_delay tmpfs async delayed
check 'smbd stops' smbd_stop
check 'file systems are not in use any more' filesystems_unmount "$smbd_dir/fs"
test_finish
