#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The ring works, and is refused in the middle of a session: either there can be no further ring, or no personality be
# registered for a user who comes later, or the ring that is there takes nothing any more. Who is there and who comes
# goes on under the right identity.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

test_begin "$@"
deny=$test_build/tests/smbd/deny-syscall
if [[ ! -x $deny ]]; then
	not_ok 'deny-syscall is there' "$deny is not built"
	test_finish
fi
mkdir -m 755 "$smbd_dir/tree" "$smbd_dir/tree/common"
smbd_make_files "$smbd_dir/tree/common" 60
for user in 1 2; do
	install -d -m 700 -o "${smbd_user[user]}" "$smbd_dir/tree/own-$user"
	for i in {00..59}; do
		echo "user $user" >"$smbd_dir/tree/own-$user/own-$user-$i"
	done
	echo "user $user" >"$smbd_dir/tree/common/only-$user"
	chmod 600 "$smbd_dir/tree/common/only-$user"
	chown "${smbd_user[user]}" "$smbd_dir/tree/common/only-$user"
done
for async in no yes; do
	smbd_share "async-$async" "$smbd_dir/tree" 'read only = no' "smbd async dosmode = $async" \
		'vfs objects = pathring' "pathring:async open = ${async/yes/always}"
	# An engine of its own, which has to be the ring.
	smbd_share "async-$async-ring" "$smbd_dir/tree" 'read only = no' "smbd async dosmode = $async" \
		'vfs objects = pathring' 'pathring:engine = uring'
done

# The one process that serves the connection.
said_once() {
	local count

	count=$(grep -cF "the uring backend can't be used any more, helper threads take its place" "$smbd_dir/log/log.smbd")
	printf 'said %s times\n' "$count"
	((count == 1))
}

for run in 'io_uring_setup EPERM no' 'io_uring_setup ENOMEM yes' 'io_uring_register EPERM yes' \
	'io_uring_register ENOMEM no' 'io_uring_enter EPERM yes' 'io_uring_enter ENOMEM no'; do
	read -r call error async <<<"$run"
	: >"$smbd_dir/log/log.smbd"
	rm -f "$smbd_dir/refuse"
	smbd_start "$deny" --when "$smbd_dir/refuse" "$error" "$call"
	check_lines "$test_python" "$test_dir/check_refused_later.py" "$smbd_dir" "$smbd_port" "async-$async" \
		"$call, $error" "$smbd_dir/refuse"
	check "smbd stops: $call, $error" smbd_stop
	check "the ring ran first: $call, $error" test_engine_ran auto
	check "smbd does not panic: $call, $error" test_no_panic
	if [[ $call == io_uring_enter ]]; then
		check "smbd says so once: $call, $error" said_once
	fi
done
test_finish
