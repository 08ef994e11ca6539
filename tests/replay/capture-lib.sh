# SPDX-License-Identifier: GPL-3.0-or-later
#
# Captures of what clients say to a private smbd. All of it is in a network namespace of its own, so that smbd can have
# port 445, where tshark looks for SMB, and nothing else is in the capture. Sourced by the tests in this directory.
#
#	capture_enter "$0" "$@"		first of all: starts the script again, inside of the namespace
#	capture_init			smbd's directory and two users (see scripts/smbd-lib.sh), and $capture_dir
#	capture_start [PORT]		starts smbd with the shares that smbd_share has made (port 445)
#	capture_record FILE COMMAND...	a capture of all that COMMAND makes go over the network
#	capture_client SCENARIO		one of clients.py's
#	capture_two_users FILE		two users on one connection, see clients.py; makes the share "share" and starts smbd
#	capture_cleanup			for the caller's EXIT trap
#
# To make the capture of two users, outside of any test: tests/replay/capture-two-users FILE

# shellcheck source=../../scripts/smbd-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/smbd-lib.sh"

capture_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
capture_dir=
capture_share=
capture_pid=
capture_python=

capture_enter() {
	if [[ -n ${PATHRING_CAPTURE_NETWORK-} ]]; then
		ip link set lo up
		# On a busy machine the receiver is so late that the sender sends the end of a message again, to be sure (a tail
		# loss probe); tshark then may not find the message complete.
		echo 0 >/proc/sys/net/ipv4/tcp_early_retrans
		return
	fi
	if ((EUID != 0)); then
		smbd_fail 'must run as root: smbd serves two users'
		exit 1
	fi
	smbd_need unshare ip || exit 1
	PATHRING_CAPTURE_NETWORK=1 exec unshare --net -- "$@"
}

capture_cleanup() {
	if [[ -n $capture_pid ]]; then
		kill -KILL "$capture_pid" 2>/dev/null || true
		wait "$capture_pid" 2>/dev/null || true
		capture_pid=
	fi
	smbd_cleanup
}

capture_init() {
	local candidate

	smbd_need dumpcap || return 1
	for candidate in python3 /usr/bin/python3; do
		if "$candidate" -c 'import impacket' 2>/dev/null; then
			capture_python=$candidate
			break
		fi
	done
	if [[ -z $capture_python ]]; then
		smbd_fail 'no python3 with impacket (Debian: python3-impacket)'
		return 1
	fi
	# Nothing is to be written next to the sources.
	export PYTHONDONTWRITEBYTECODE=1
	smbd_init || return 1
	capture_dir=$smbd_dir/captures
	capture_share=$smbd_dir/share
	mkdir -m 700 "$capture_dir"
	mkdir -m 1777 "$capture_share"
}

capture_start() {
	: >"$smbd_dir/log/start"
	smbd_start_on_port "${1:-445}" || smbd_fail "smbd did not start on port ${1:-445}: $(tail -n 2 "$smbd_dir/log/start")"
}

# dumpcap's own buffer loses packets of a loopback interface when somebody writes megabytes at once; this one does not.
# That it lost none is looked at.
capture_record() {
	local file=$1 deadline=$((SECONDS + 10)) status=0

	shift
	rm -f "$file"
	: >"$file.log"
	dumpcap -q -i lo -B 128 -s 0 -f 'tcp' -w "$file" >/dev/null 2>"$file.log" {smbd_stdin}>&- &
	capture_pid=$!
	until grep -q '^File: ' "$file.log"; do
		if ! kill -0 "$capture_pid" 2>/dev/null || ((SECONDS >= deadline)); then
			capture_pid=
			smbd_fail "dumpcap did not start: $(tail -n 2 "$file.log")"
			return 1
		fi
		sleep 0.05
	done
	"$@" || status=$?
	# What is in the kernel's buffer still comes, within a second.
	sleep 1
	kill -INT "$capture_pid"
	wait "$capture_pid" || true
	capture_pid=
	if ! grep -Eq '^Packets received/dropped on interface .*: [1-9][0-9]*/0 ' "$file.log"; then
		smbd_fail "dumpcap lost packets, or saw none: $(tail -n 1 "$file.log")"
		return 1
	fi
	return "$status"
}

capture_client() {
	timeout --kill-after=5 120 "$capture_python" "$capture_here/clients.py" "$1" "$smbd_dir" "$smbd_port" {smbd_stdin}>&-
}

capture_two_users() {
	install -o "${smbd_user[1]}" -g "$(id -g "${smbd_user[1]}")" -m 700 /dev/null "$capture_share/secret"
	printf 'the secret of the first\n' >>"$capture_share/secret"
	smbd_share share "$capture_share" 'read only = no'
	capture_start || return 1
	capture_record "$1" capture_client two-users
}
