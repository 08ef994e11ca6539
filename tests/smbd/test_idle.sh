#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A client that is connected and does nothing, or has opened a file and listed a directory of ten, costs smbd some memory
# more with the module than without, but no thread and no ring.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

test_begin "$@"
mkdir -m 755 "$smbd_dir/tree" "$smbd_dir/tree/files"
smbd_make_files "$smbd_dir/tree/files" 10
smbd_share stock "$smbd_dir/tree"
smbd_share ours "$smbd_dir/tree" 'vfs objects = pathring'
smbd_start
check_lines "$test_python" "$test_dir/check_idle.py" "$smbd_dir" "$smbd_port"
test_finish
