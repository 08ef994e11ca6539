#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scripts/slow-filesystem: bad input, a file system that works and is for its users only, and that nothing stays behind.
# Prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/bench/test_slow_filesystem.sh

	Tests scripts/slow-filesystem with the pathring-bench of the build directory \$PATHRING_BUILD (default: build).
	Needs root, FUSE and GlusterFS; without them most is skipped. Its files are made in a new directory in \$TMPDIR
	(default: /tmp).

	  --help  print this text
	END
}

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bench_init slow "$@"
script=$top/scripts/slow-filesystem
chmod 755 "$work"
slow=$work/slow

tidy()
{
	if [ -d "$slow" ]; then
		"$script" stop "$slow" || true
	fi
}

# run ARGUMENT...: sets status; the outputs are in $work/out and $work/err.
run()
{
	status=0
	timeout 60 "$script" "$@" >"$work/out" 2>"$work/err" || status=$?
}

# refused NAME STATUS TEXT ARGUMENT...
refused()
{
	local name=$1 expected=$2 text=$3

	shift 3
	run "$@"
	check "$name" "exit code $status instead of $expected, or no \"$text\"" \
		eval '[ "$status" -eq "$expected" ] && grep -qF -e "$text" "$work/err"'
}

processes()
{
	local file

	for file in /proc/[0-9]*/cmdline; do
		if { tr '\0' '\n' <"$file" | grep -qF "=$slow/"; } 2>/dev/null; then
			file=${file%/cmdline}
			printf '%s\n' "${file#/proc/}"
		fi
	done
}

nothing_left()
{
	[ ! -e "$slow" ] && [ -z "$(processes)" ] && ! grep -qF "$slow" /proc/self/mounts
}

# How many network sockets listen that belong to the two processes.
listening()
{
	local pid count=0 inode

	for pid in $(processes); do
		for inode in $(find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n'); do
			if awk -v inode="$inode" '$4 == "0A" && $10 == inode { found = 1 } END { exit !found }' \
				/proc/net/tcp /proc/net/tcp6; then
				count=$((count + 1))
			fi
		done
	done
	printf '%s\n' "$count"
}

run --help
check help "exit code $status" [ "$status" -eq 0 ]
refused no_arguments 2 "expected what to do"
refused no_directory 2 "expected what to do" start
refused unknown_action 2 "frobnicate: expected start, stop or status" frobnicate "$slow"
refused unknown_option 2 "unknown option --bogus" start "$slow" --bogus
refused delay_text 2 "--delay slow: expected a number" start "$slow" --delay slow
refused threads_too_many 2 "--threads 65: expected a number from 1 to 64" start "$slow" --threads 65
refused threads_missing 2 "--threads (nothing): expected" start "$slow" --threads
if [ "$(id -u)" -ne 0 ]; then
	printf 'ok slow_filesystem # SKIP must run as root\n'
	exit $((failures > 0))
fi
refused stop_nothing 1 "there is no $slow" stop "$slow"
refused parent_missing 1 "is not a directory" start "$work/missing/slow"
mkdir "$work/other"
refused stop_other 1 "was not made by start" stop "$work/other"
refused start_other 1 "exists already" start "$work/other"
run status "$slow"
check status_nothing "exit code $status" [ "$status" -eq 3 ]

if ! command -v glusterfsd >/dev/null || ! command -v glusterfs >/dev/null || [ ! -c /dev/fuse ]; then
	printf 'ok slow_filesystem # SKIP GlusterFS or FUSE is missing\n'
	exit $((failures > 0))
fi

run start "$slow" --delay 2000 --threads 16 --no-cache
check start "exit code $status" [ "$status" -eq 0 ]
check start_says_where "it says $(cat "$work/out")" [ "$(cat "$work/out")" = "$slow/mnt" ]
run status "$slow"
check status "exit code $status" [ "$status" -eq 0 ]
check no_network "$(listening) sockets listen" [ "$(listening)" -eq 0 ]
check for_root_alone "others come to the server's socket or files" \
	[ "$(setpriv --reuid 65534 --regid 65534 --clear-groups ls "$slow/server" 2>&1 | grep -c 'Permission denied')" -eq 1 ]
refused start_twice 1 "exists already" start "$slow"

# Every answer is right there under every identity, and none is faster than it can be.
status=0
timeout 120 "$bench" --dir "$slow/mnt" --files 30 --users 3 --forbidden 20 --engine smbd,smbd-pool --depth 1,16 --time 0.5 \
	--repeat 1 --json "$work/json" >"$work/out" 2>"$work/err" || status=$?
check bench "exit code $status" [ "$status" -eq 0 ]
fastest=$(sed -n 's/^ *"min": \([0-9]*\),*$/\1/p' "$work/json" | sort -n | head -n 1)
check slow "a look-up took $fastest ns" [ "${fastest:-0}" -ge 2000000 ]

run stop "$slow"
check stop "exit code $status" [ "$status" -eq 0 ]
check stop_nothing_left "left something" nothing_left

# Many operations wait at a time: look-ups of names, and xattrs, which are of another priority. Each of 120 threads has a
# name of its own and asks until it is told to stop, since at first the kernel asks this FUSE server for one new name of
# a directory after the other. The server's threads become no more than operations wait for one (__iot_workers_scale() in
# io-threads.c), so half of what is asked is all that can be expected.
waiting_at_once()
{
	local pid most=0 count deadline=$((SECONDS + 20)) client

	pid=$(cat "$slow/brick.pid")
	python3 - "$slow/mnt" "$1" <<-'END' &
		import os, sys, threading

		def ask(name):
		    while os.getppid() == parent:
		        function(name)

		parent = os.getppid()
		function = {'names': os.stat, 'xattrs': os.listxattr}[sys.argv[2]]
		for number in range(120):
		    threading.Thread(target=ask, args=(f'{sys.argv[1]}/name-{number}',), daemon=True).start()
		threading.Event().wait(60)
	END
	client=$!
	while [ "$SECONDS" -lt "$deadline" ] && [ "$most" -lt 40 ]; do
		count=$(cat "/proc/$pid"/task/*/wchan 2>/dev/null | grep -o nanosleep | wc -l)
		most=$((count > most ? count : most))
	done
	kill "$client"
	wait "$client" 2>/dev/null || true
	printf '%s\n' "$most"
}

run start "$slow" --delay 50000 --no-cache
for ((i = 0; i < 120; i++)); do
	: >"$slow/server/brick/name-$i"
done
for what in names xattrs; do
	most=$(waiting_at_once "$what")
	check "${what}_at_once" "$most waited at once" [ "$most" -ge 40 ]
done
run stop "$slow"
check stop_again "left something" nothing_left

# In the middle of starting.
for after in 0.1 0.2 0.4; do
	status=0
	timeout --foreground --signal TERM "$after" "$script" start "$slow" >"$work/out" 2>"$work/err" || status=$?
	if [ "$status" -eq 0 ]; then
		printf 'ok interrupted_%s # SKIP it had started already\n' "$after"
		"$script" stop "$slow"
	else
		check "interrupted_${after}_nothing_left" "left something" nothing_left
	fi
done

bench_exit
