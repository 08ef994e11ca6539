#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Look-ups of names whose files change meanwhile, on file systems that tell of changes in different ways. Prints
# "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../filesystems.sh
. "$top/tests/filesystems.sh"

usage()
{
	cat <<-END
	usage: tests/lookups-race/test_race.sh [OPTION]...

	Runs tests/lookups-race/race of the build directory \$PATHRING_BUILD (default: build) on each file system. Needs
	root. The file systems are in images in a new directory, in /dev/shm if there is one, and mounted in a mount
	namespace of its own.

	  --lookups N    in each scene on each file system, ten times as many on those with dirsync [10000: half a minute
	                 in all]
	  --seconds N    that a scene may take [60]
	  --on KIND      only this file system: ${filesystem_kinds[*]}
	  --scene NAME   only this scene; --help of the program tells them
	  --program P    another program than that of the build
	  --help         print this text
	END
}

die()
{
	printf '%s: %s\n' "$0" "$*" >&2
	exit 2
}

lookups=10000
seconds=60
on=
scene=
program=${PATHRING_BUILD:-$top/build}/tests/lookups-race/race
arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	--lookups|--seconds|--on|--scene|--program)
		[ $# -ge 2 ] || die "$1 needs a value"
		declare "${1#--}=$2"
		shift
		;;
	*) usage >&2; die "unknown option $1" ;;
	esac
	shift
done
[[ $lookups =~ ^[1-9][0-9]*$ ]] || die "--lookups $lookups: expected a number"
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "--seconds $seconds: expected a number"
if [ -n "$on" ]; then
	[[ " ${filesystem_kinds[*]} " == *" $on "* ]] || die "--on $on: there is none"
	filesystem_kinds=("$on")
fi
filesystems_enter "$0" "${arguments[@]}"

if [ ! -x "$program" ]; then
	printf 'not ok race - %s is not built\n' "$program"
	exit 1
fi

base=/dev/shm
[ -d "$base" ] && [ -w "$base" ] || base=${TMPDIR:-/tmp}
work=$(mktemp -d "$base/pathring-test-race-XXXXXX")
chmod 755 "$work"
running=
clean_up()
{
	local dir

	if [ -n "$running" ]; then
		kill -TERM "$running" 2>/dev/null || true
		wait "$running" 2>/dev/null || true
	fi
	for dir in "$work"/*; do
		if [ -d "$dir" ]; then
			umount -l "$dir" 2>/dev/null || true
		fi
	done
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

failures=0

# race KIND LOOKUPS [OPTION]...: its lines of TAP with the kind in front.
race()
{
	local kind=$1 lookups=$2 status=0 line

	shift 2
	"$program" --dir "$work/$kind" --lookups "$lookups" --seconds "$seconds" "$@" >"$work/output" 2>"$work/errors" &
	running=$!
	wait "$running" || status=$?
	running=
	while IFS= read -r line; do
		case $line in
		'ok '*) printf 'ok race on %s: %s\n' "$kind" "${line#ok }" ;;
		'not ok '*)
			printf 'not ok race on %s: %s\n' "$kind" "${line#not ok }"
			failures=$((failures + 1))
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$work/output"
	if [ "$status" -ne 0 ] && ! grep -q '^not ok ' "$work/output"; then
		printf 'not ok race on %s - exit code %s: %s\n' "$kind" "$status" "$(tail -n 1 "$work/errors")"
		failures=$((failures + 1))
	fi
}

for kind in "${filesystem_kinds[@]}"; do
	status=0
	filesystem_mount "$kind" "$work/$kind" || status=$?
	if [ "$status" -eq 77 ]; then
		printf 'ok race on %s # SKIP this kernel has none\n' "$kind"
		continue
	elif [ "$status" -ne 0 ]; then
		printf 'not ok race on %s - not mounted\n' "$kind"
		failures=$((failures + 1))
		continue
	fi
	scenes=()
	enough=$lookups
	if [[ $kind == *-dirsync ]]; then
		# Few changes, each of which takes its time between what the directory says and what its names stand for.
		scenes=(exchange replace)
		enough=${lookups}0
	fi
	if [ -n "$scene" ]; then
		scenes=("$scene")
	fi
	if [ ${#scenes[@]} -eq 0 ]; then
		race "$kind" "$enough"
	fi
	for name in "${scenes[@]}"; do
		race "$kind" "$enough" --scene "$name"
	done
done

[ "$failures" -eq 0 ]
