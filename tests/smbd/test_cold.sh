#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Listings of directories that are not in the cache: as without the module, and looked up in a thread of their own, since
# that is what they are worth there.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"
# shellcheck source=../filesystems.sh
. "$test_root/tests/filesystems.sh"
[[ ${1-} == -* ]] || filesystems_enter "$0" "$@"

kinds=(ext4 xfs btrfs)

# Nothing of a file system is in the cache when it has just been mounted. What the log says is said when smbd ends.
list_cold() {
	local kind=$1 share=$2 output=$3

	umount "$smbd_dir/fs/$kind"
	mount -o loop "$smbd_dir/fs/$kind.img" "$smbd_dir/fs/$kind"
	: >"$smbd_dir/log/log.smbd"
	smbd_start
	"$test_python" "$test_dir/smb.py" listing "$smbd_dir" "$smbd_port" 1 "$share" "$kind/many" >"$output"
	smbd_stop
}

known_by_a_thread() {
	local thread all

	thread=$(test_counter lookahead_known placement=thread <"$smbd_dir/log/log.smbd")
	all=$(test_counter lookahead_known <"$smbd_dir/log/log.smbd")
	if ((thread < all / 2)); then
		printf '%s of %s by a thread\n' "$thread" "$all"
		return 1
	fi
}

test_begin "$@"
trap 'test_exit_after filesystems_unmount "$smbd_dir/fs"' EXIT
mkdir -m 755 "$smbd_dir/fs"
there=()
for kind in "${kinds[@]}"; do
	status=0
	filesystem_mount "$kind" "$smbd_dir/fs/$kind" || status=$?
	if ((status == 77)); then
		printf 'ok %s: %s # SKIP this kernel has none\n' "$test_name" "$kind"
		continue
	fi
	mkdir -m 755 "$smbd_dir/fs/$kind/many"
	smbd_make_files "$smbd_dir/fs/$kind/many" 3000
	there+=("$kind")
done
smbd_share stock "$smbd_dir/fs" 'ea support = yes'
smbd_share ours "$smbd_dir/fs" 'ea support = yes' 'vfs objects = pathring'

for kind in "${there[@]}"; do
	# The first one changes the time at which the directory was read last.
	list_cold "$kind" stock /dev/null
	list_cold "$kind" stock "$smbd_dir/client/stock"
	check "3000 entries: $kind" test "$(grep -c 'file-' "$smbd_dir/client/stock")" -eq 3000
	list_cold "$kind" ours "$smbd_dir/client/ours"
	check "as without the module: $kind" diff "$smbd_dir/client/stock" "$smbd_dir/client/ours"
	if (($(nproc) > 1)); then
		check "looked up in a thread: $kind" known_by_a_thread
	else
		printf 'ok %s: looked up in a thread: %s # SKIP one processor\n' "$test_name" "$kind"
	fi
done
check 'file systems are not in use any more' filesystems_unmount "$smbd_dir/fs"
test_finish
