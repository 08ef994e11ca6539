#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/replay-dbench: that it compares what it says, refuses what it can't do, and leaves nothing behind. Which of the two
# is faster is not asked. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_beside_dbench.sh

	Runs bench/replay-dbench with the pathring-replay of the build directory \$PATHRING_BUILD (default: build). Needs
	root, and Debian's dbench.

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init beside_dbench "$@"

# compare ARGUMENT...: sets status.
compare()
{
	status=0
	timeout 200 "$top/bench/replay-dbench" "$@" >"$work/out" 2>"$work/err" || status=$?
}

test_refused()
{
	local options

	for options in "--mkfs vfat" "--rounds 0" "--seconds x"; do
		# shellcheck disable=SC2086 # two words
		compare --dir "$work/trees" $options
		check "refused ${options%% *}" "exit code $status: $(tail -n 1 "$work/err")" \
			[ "$status" -eq 1 -a -n "$(grep -F -- "$options: expected" "$work/err")" ]
	done
	compare --none
	check "refused --none" "exit code $status: $(tail -n 1 "$work/err")" \
		[ "$status" -eq 1 -a -n "$(grep -F "unknown option --none" "$work/err")" ]
}

# test_round NAME OPTION...
test_round()
{
	local name=$1 rate='[1-9][0-9]*'

	shift
	compare --dir "$work/trees" --rounds 1 --seconds 1 "$@"
	check "$name runs" "exit code $status: $(tail -n 3 "$work/err")" [ "$status" -eq 0 ]
	check "$name tells the round" "$(head -n 1 "$work/out")" \
		grep -qE "^round 1: dbench $rate, pathring-replay $rate requests/s" "$work/out"
	check "$name tells the ratio" "$(tail -n 1 "$work/out")" \
		grep -qE "^median: dbench $rate, pathring-replay $rate requests/s: [0-9.]+ times$" "$work/out"
	check "$name leaves nothing" "$(ls "$work/trees"; grep -F "$work/trees" /proc/mounts)" \
		[ -z "$(ls "$work/trees")" -a -z "$(grep -F "$work/trees" /proc/mounts)" ]
}

mkdir "$work/trees"
test_refused
test_round "in a directory" --xattr
if grep -qw ext4 /proc/filesystems; then
	test_round "on file systems of their own" --mkfs ext4
else
	skip "on file systems of their own" "no ext4 here"
fi
bench_exit
