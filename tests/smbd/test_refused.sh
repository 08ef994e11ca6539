#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where io_uring is refused (by a seccomp filter here, with each of the errors that kernels and containers give), the
# share works as ever, the listing is smbd's own, and the log says once what was refused. A tree connect never fails
# on our account, also when smb.conf asks for an engine that does not exist.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

listing() {
	"$test_python" "$test_dir/smb.py" listing "$smbd_dir" "$smbd_port" "$1" "$2" '' >"$3"
}

transfer() {
	local user=$1 share=$2

	rm -f "$smbd_dir/client/back"
	smbd_client "$user" "$share" \
		"put $smbd_dir/client/data own-$user\\data; get own-$user\\data $smbd_dir/client/back" &&
		cmp "$smbd_dir/client/data" "$smbd_dir/client/back" &&
		cmp "$smbd_dir/client/data" "$smbd_dir/tree/own-$user/data"
}

# The log since line $1, which is that of one process, gives the reason once however many requests there were.
said_once() {
	local since=$1 reason=$2 count

	count=$(tail -n "+$((since + 1))" "$smbd_dir/log/log.smbd" |
		grep -c "the uring backend can't be used: .*($reason)" || true)
	if ((count != 1)); then
		printf "%s lines say: the uring backend can't be used: ... (%s)\n" "$count" "$reason"
		return 1
	fi
}

log_lines() {
	wc -l <"$smbd_dir/log/log.smbd"
}

test_begin "$@"
deny=$test_build/tests/smbd/deny-syscall
if [[ ! -x $deny ]]; then
	not_ok 'deny-syscall is there' "$deny is not built"
	test_finish
fi
test_make_tree "$smbd_dir/tree"
for user in 1 2; do
	install -d -m 700 -o "${smbd_user[user]}" "$smbd_dir/tree/own-$user"
done
head -c 1500000 /dev/urandom >"$smbd_dir/client/data"
smbd_share stock "$smbd_dir/tree" 'read only = no' 'smbd async dosmode = yes'
for engine in auto uring nonsense; do
	smbd_share "$engine" "$smbd_dir/tree" 'read only = no' 'smbd async dosmode = yes' 'vfs objects = pathring' \
		"pathring:engine = $engine"
done

for error in 'EPERM Operation not permitted' 'ENOSYS Function not implemented' 'ENOMEM Cannot allocate memory' \
	'EMFILE Too many open files'; do
	reason=${error#* }
	error=${error%% *}
	: >"$smbd_dir/log/log.smbd"
	smbd_start "$deny" "$error" io_uring_setup
	# The first listing of a directory moves its access time.
	listing 1 stock /dev/null
	check "the filter is there: $error" grep -qx 'Seccomp:[[:space:]]2' "/proc/$smbd_pid/status"
	for user in 1 2; do
		listing "$user" stock "$smbd_dir/client/stock"
		for engine in auto uring nonsense; do
			what="$error, engine $engine, user $user"
			check "put and get: $what" transfer "$user" "$engine"
			since=$(log_lines)
			listing "$user" "$engine" "$smbd_dir/client/ours"
			check "listing as without the module: $what" \
				diff <(grep -v '^own-' "$smbd_dir/client/stock") <(grep -v '^own-' "$smbd_dir/client/ours")
			check "the log gives the reason once a process: $what" said_once "$since" "$reason"
		done
	done
	check "smbd stops: $error" smbd_stop
	check "smbd does not panic: $error" test_no_panic
done
test_finish
