#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A listing of 100 entries with "smbd async dosmode = yes" under strace: with the module no thread of smbd changes its
# credentials for an entry, with look-ahead or without, while smbd alone does so for each. A third of the attributes only
# root can read.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

test_begin "$@"
smbd_need strace
mkdir -m 755 "$smbd_dir/tree" "$smbd_dir/tree/full" "$smbd_dir/tree/empty"
smbd_make_files "$smbd_dir/tree/full" 100
chmod 600 "$smbd_dir/tree/full"/*[147].txt
smbd_share stock "$smbd_dir/tree" 'smbd async dosmode = yes'
smbd_share ours "$smbd_dir/tree" 'smbd async dosmode = yes' 'vfs objects = pathring' 'pathring:engine = uring' \
	'pathring:readahead = 0'
smbd_share ahead "$smbd_dir/tree" 'smbd async dosmode = yes' 'vfs objects = pathring' 'pathring:engine = uring'
smbd_start
check_lines "$test_python" "$test_dir/check_syscalls.py" "$smbd_dir" "$smbd_port" 100
test_finish
