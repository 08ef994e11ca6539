# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of pathring-bench share. Sourced by a script that has defined usage(); it does nothing by itself.
# A test prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why".
#
#	bench_init NAME ARGUMENT...	options, directories, traps; sets the variables below
#	bench_need_root NAME		end the script, as failed, without it
#	ok, not_ok, skip, check		one test
#	run, start, finish		run the program, whole or in the background
#	bench_exit			the script's end
#
# A script that has more to clean up defines tidy(), which comes first then.

top=
build=
bench=
deny=
work=
trees=
running=
status=0
failures=0

clean_up()
{
	if [ -n "$running" ]; then
		kill -CONT "$running" 2>/dev/null || true
		kill -TERM "$running" 2>/dev/null || true
		wait "$running" 2>/dev/null || true
	fi
	if declare -F tidy >/dev/null; then
		tidy
	fi
	rm -rf --one-file-system "$work"
}

# top: of the source; build: of the build; bench, deny: programs; work: a new directory; trees: in it, for pathring-bench.
bench_init()
{
	local name=$1

	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--help) usage; exit 0 ;;
		*) usage >&2; printf '%s: unknown option %s\n' "$0" "$1" >&2; exit 2 ;;
		esac
	done
	top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
	build=${PATHRING_BUILD:-$top/build}
	bench=$build/bench/pathring-bench
	deny=$build/tests/smbd/deny-syscall
	if [ ! -x "$bench" ]; then
		printf 'not ok %s - %s is not built\n' "$name" "$bench"
		exit 1
	fi
	work=$(mktemp -d "${TMPDIR:-/tmp}/pathring-test-$name-XXXXXX")
	trees=$work/trees
	mkdir "$trees"
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

bench_need_root()
{
	if [ "$(id -u)" -ne 0 ]; then
		printf 'not ok %s - must run as root\n' "$1"
		exit 1
	fi
}

bench_exit()
{
	[ "$failures" -eq 0 ]
	exit
}

ok()
{
	printf 'ok %s\n' "$1"
}

skip()
{
	printf 'ok %s # SKIP %s\n' "$1" "$2"
}

not_ok()
{
	printf 'not ok %s - %s\n' "$1" "$2"
	head -n 30 "$work/err" 2>/dev/null | sed 's/^/  # /' || true
	failures=$((failures + 1))
}

# check NAME WHY COMMAND...: the command's exit code decides.
check()
{
	local name=$1 why=$2

	shift 2
	if "$@"; then
		ok "$name"
	else
		not_ok "$name" "$why"
	fi
}

# run ARGUMENT...: sets status; the outputs are in $work/out and $work/err.
run()
{
	status=0
	timeout 60 "$bench" --dir "$trees" "$@" >"$work/out" 2>"$work/err" || status=$?
}

nothing_left()
{
	[ -z "$(ls -A "$trees")" ]
}

# value KEY: the first value of this key in the JSON document.
value()
{
	sed -n 's/^ *"'"$1"'": \(.*[^,]\),\{0,1\}$/\1/p' "$work/json" | head -n 1
}

# The JSON document is as the schema says.
valid_document()
{
	python3 "$top/tests/bench/reports.py" valid "$top/bench/pathring-bench.schema.json" "$work/json" 2>"$work/err"
}

# refused NAME STATUS TEXT ARGUMENT...: one line on stderr that contains the text, and nothing created.
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
	elif ! nothing_left; then
		not_ok "$name" "left $(ls -A "$trees")"
	else
		ok "$name"
	fi
}

# start ARGUMENT...: in the background with 50 files, until its tree is complete; sets running and tree.
start()
{
	local i

	"$bench" --dir "$trees" --files 50 "$@" >"$work/out" 2>"$work/err" &
	running=$!
	tree=
	for ((i = 0; i < 100; i++)); do
		tree=$(find "$trees" -mindepth 1 -maxdepth 1 -name 'pathring-bench-*')
		# The last but one: the last may lie in a directory of its owner's.
		if [ -n "$tree" ] && [ -n "$(find "$tree" -name file-000048 2>/dev/null)" ]; then
			# The warm-up.
			sleep 0.4
			return
		fi
		sleep 0.05
	done
}

finish()
{
	status=0
	wait "$running" || status=$?
	running=
}
