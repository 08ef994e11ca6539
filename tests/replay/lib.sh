# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of pathring-replay share, with those of pathring-bench where that can be. Sourced by a script that has
# defined usage(); it does nothing by itself.
#
#	replay_init NAME ARGUMENT...	options, directories, traps; sets the variables below
#	ok, not_ok, skip, check		one test
#	run ARGUMENT...			the program; sets status, its outputs are in $work/out and $work/err
#	refused NAME STATUS TEXT ...	a test: this exit code, one line with this text on stderr, and nothing on stdout
#	bench_exit			the script's end

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../bench/lib.sh"

replay=

# top: of the source; build: of the build; replay: the program; work: a new directory.
replay_init()
{
	local name=$1

	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--help) usage; exit 0 ;;
		*) usage >&2; printf '%s: unknown option %s\n' "$0" "$1" >&2; exit 2 ;;
		esac
		shift
	done
	top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
	build=${PATHRING_BUILD:-$top/build}
	replay=$build/replay/pathring-replay
	if [ ! -x "$replay" ]; then
		printf 'not ok %s - %s is not built\n' "$name" "$replay"
		exit 1
	fi
	work=$(mktemp -d "${TMPDIR:-/tmp}/pathring-test-$name-XXXXXX")
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

run()
{
	status=0
	timeout 120 "$replay" "$@" >"$work/out" 2>"$work/err" || status=$?
}

refused()
{
	local name=$1 expected=$2 text=$3 lines

	shift 3
	run "$@"
	lines=$(wc -l <"$work/err")
	if [ "$status" -ne "$expected" ]; then
		not_ok "$name" "exit code $status instead of $expected"
	elif [ "$lines" -ne 1 ] || ! grep -qF -e "$text" "$work/err"; then
		not_ok "$name" "not one line with \"$text\" on stderr"
	elif [ -s "$work/out" ]; then
		not_ok "$name" "wrote to stdout: $(head -c 200 "$work/out")"
	else
		ok "$name"
	fi
}
