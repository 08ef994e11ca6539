#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs the example programs, each of which checks what it shows and says so with its exit code.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${PATHRING_BUILD:-$top/build}

if [ "${1:-}" = --help ]; then
	echo "usage: tests/examples/test_examples.sh (as root, after scripts/build)"
	exit 0
fi
if [ ! -x "$build/examples/run-for-user" ]; then
	echo "not ok examples - $build/examples/run-for-user is missing, run scripts/build"
	exit 1
fi

# Not below the build directory: users must come to it.
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$directory"
failed=0

# check NAME COMMAND...
check()
{
	local name=$1 output status=0

	shift
	output=$(timeout 60 "$@" 2>&1) || status=$?
	case $status in
	0) echo "ok $name" ;;
	77) echo "ok $name # SKIP $(tail -n 1 <<<"$output")" ;;
	*) echo "not ok $name - exit code $status: $(tail -n 3 <<<"$output" | tr '\n' ' ')"; failed=1 ;;
	esac
}

# refuses NAME COMMAND...: it must say no, or its checks mean nothing.
refuses()
{
	local name=$1 status=0

	shift
	timeout 60 "$@" >/dev/null 2>&1 || status=$?
	if [ "$status" -eq 1 ]; then
		echo "ok $name"
	else
		echo "not ok $name - exit code $status"
		failed=1
	fi
}

if [ "$(id -u)" -eq 0 ]; then
	mkdir -m 700 "$directory/home" "$directory/other"
	chown 60001:60001 "$directory/home"
fi
umask 077
check "run-for-user works in the user's directory" "$build/examples/run-for-user" "$directory/home"
if [ "$(id -u)" -eq 0 ]; then
	refuses "run-for-user can't work in another's directory" "$build/examples/run-for-user" "$directory/other"
	check "run-for-user leaves nothing behind" test -z "$(ls -A "$directory/home" "$directory/other" | grep -v : || true)"
fi
exit "$failed"
