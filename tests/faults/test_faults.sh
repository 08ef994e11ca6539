#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Random steps with an engine whose kernel fails: a long run with another seed each time, and that a seed makes the same
# run again. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/faults/test_faults.sh [OPTION]...

	Runs tests/faults/faults of the build directory \$PATHRING_BUILD (default: build). Needs root. Its files are made in
	a new directory in /dev/shm, or in /var/tmp where the former has no user xattrs (before Linux 6.6).

	  --steps N       of the long run [1000000]: a minute or two
	  --seed N        of the long run [another each time]
	  --backend NAME  uring, threads or sync [any, in turn]; for ThreadSanitizer: threads
	  --help          print this text
	END
}

die()
{
	printf '%s: %s\n' "$0" "$*" >&2
	exit 2
}

steps=1000000
seed=$((RANDOM * 32768 + RANDOM))
backend=any
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--steps|--seed|--backend)
		[ $# -ge 2 ] || die "$1 needs a value"
		declare "${1#--}=$2"
		shift
		;;
	*) usage >&2; die "unknown option $1" ;;
	esac
	shift
done
[[ $steps =~ ^[1-9][0-9]*$ ]] || die "--steps $steps: expected a number"
[[ $seed =~ ^[0-9]+$ ]] || die "--seed $seed: expected a number"
case $backend in
any|uring|threads|sync) ;;
*) die "--backend $backend: expected any, uring, threads or sync" ;;
esac

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${PATHRING_BUILD:-$top/build}/tests/faults/faults
if [ ! -x "$program" ]; then
	printf 'not ok faults - %s is not built\n' "$program"
	exit 1
fi

work=$(mktemp -d)
running=
clean_up()
{
	if [ -n "$running" ]; then
		kill -TERM "$running" 2>/dev/null || true
		wait "$running" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

failures=0

# run OUTPUT OPTION...: returns the program's exit code; this shell stays able to act on signals.
run()
{
	local output=$1 status=0

	shift
	"$program" "$@" >"$output" 2>&1 </dev/null &
	running=$!
	wait "$running" || status=$?
	running=
	return "$status"
}

# check NAME WANTED OUTPUT OPTION...
check()
{
	local name=$1 wanted=$2 output=$work/$3 status=0

	shift 3
	run "$output" "$@" || status=$?
	if [ "$status" -eq "$wanted" ]; then
		printf 'ok %s\n' "$name"
		sed 's/^/# /' "$output"
	elif [ "$status" -eq 77 ]; then
		printf 'ok %s # SKIP %s\n' "$name" "$(tail -n 1 "$output")"
	else
		printf 'not ok %s - exit code %s, expected %s\n' "$name" "$status" "$wanted"
		tail -n 40 "$output" | sed 's/^/  # /'
		failures=$((failures + 1))
	fi
}

check "faults: bad option" 2 bad --nonsense
check "faults: bad number" 2 bad --steps many
check "faults: bad backend" 2 bad --backend nonsense
check "faults: help" 0 help --help

# Threads are never serial: where only they are asked for there is nothing to repeat.
if [ "$backend" != threads ]; then
	repeated=$((steps < 20000 ? steps : 20000))
	check "faults: serial" 0 first --seed "$seed" --steps "$repeated" --backend "$backend" --serial
	check "faults: serial again" 0 second --seed "$seed" --steps "$repeated" --backend "$backend" --serial
	if cmp -s "$work/first" "$work/second"; then
		printf 'ok faults: the same seed makes the same run\n'
	else
		printf 'not ok faults: the same seed makes the same run - seed %s did not\n' "$seed"
		failures=$((failures + 1))
	fi
fi

check "faults: $steps steps, seed $seed, backend $backend" 0 long --seed "$seed" --steps "$steps" --backend "$backend"

[ "$failures" -eq 0 ]
