#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Some of the tests in valgrind, which sees what AddressSanitizer does not: decisions on memory that nobody has written,
# and memory that is lost when an engine goes. All operations are among them; all the tests would take hours.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${PATHRING_BUILD:-$top/build}

if [ "${1:-}" = --help ]; then
	echo "usage: tests/build/test_valgrind.sh (after scripts/build; needs valgrind)"
	exit 0
fi
if [ -z "$(type -P valgrind)" ]; then
	echo "ok valgrind # SKIP there is no valgrind"
	exit 0
fi
if [ ! -x "$build/tests/test_ownership" ]; then
	echo "not ok valgrind - the tests are not built, run scripts/build all check-programs"
	exit 1
fi

directory=$(mktemp -d "$build/test-valgrind.XXXXXX")
running=
stop()
{
	if [ -n "$running" ]; then
		kill -TERM "$running" 2>/dev/null || true
		wait "$running" 2>/dev/null || true
	fi
	exit "$1"
}
trap 'rm -rf "$directory"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM
failed=0

"${CC:-cc}" -Wall -Wextra -Werror -shared -fPIC -o "$directory/emulate-openat2.so" "$top/tests/build/emulate-openat2.c" -ldl

# in_valgrind NAME SECONDS PROGRAM TESTS [OPTION]...: runs the tests that a pattern of Criterion's selects; each is a process.
in_valgrind()
{
	local name=$1 seconds=$2 program=$3 tests=$4 status=0 good
	local output=$directory/output logs=$directory/logs

	shift 4
	rm -rf "$logs"
	mkdir "$logs"
	LD_PRELOAD=$directory/emulate-openat2.so timeout --kill-after=10 "$seconds" \
		valgrind --trace-children=yes --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite --log-file="$logs/%p" "$@" \
		"$build/tests/$program" --filter "$tests" --tap </dev/null >"$output" 2>&1 &
	running=$!
	wait "$running" || status=$?
	running=
	good=$(grep -ac '^ok .*s)$' "$output" || true)
	if [ "$status" -ne 0 ]; then
		echo "not ok $name in valgrind - ended with exit code $status"
		grep -a -A5 '^not ok' "$output" || tail -n 5 "$output"
		failed=1
	elif [ "$good" -eq 0 ]; then
		echo "not ok $name in valgrind - ran no test"
		failed=1
	elif [ "$(cat "$logs"/* | grep -c 'ERROR SUMMARY: 0 errors')" -ne "$(find "$logs" -type f | wc -l)" ]; then
		echo "not ok $name in valgrind - it has found something"
		grep -hv 'Warning: invalid file descriptor\|WARNING: unhandled' "$logs"/* | head -n 60
		failed=1
	else
		echo "ok $name in valgrind ($good tests)"
	fi
}

# A test takes some 3 seconds of CPU here, so it is one of each kind: every operation, its request freed at every stage,
# the engine freed meanwhile.
in_valgrind "operations outside of the ring" 130 test_ownership "*/*_@(threads|sync|inline)"
in_valgrind "opens that nobody waits for" 80 test_orphan "*/@(just_made|submitted|delivered_and_not_received)_threads"
# What the kernel writes by way of the ring, valgrind takes for uninitialised.
in_valgrind "operations on the ring" 70 test_ownership "*/*_uring" --undef-value-errors=no

exit "$failed"
