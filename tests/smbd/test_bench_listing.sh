#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/smbd-listing: bad input, what it measures and writes, that a listing which is not complete is an error, and that
# nothing stays behind. Prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test failed.

set -euo pipefail

usage() {
	cat <<-END
		Usage: tests/smbd/test_bench_listing.sh [--help]

		Tests bench/smbd-listing with the module of the build directory \$PATHRING_BUILD (default: build). Needs root
		and smbd. Its files are made in a new directory in \$TMPDIR (default: /tmp).
	END
}

while (($# > 0)); do
	case $1 in
	--help)
		usage
		exit 0
		;;
	*)
		usage >&2
		printf '%s: unknown option %s\n' "$0" "$1" >&2
		exit 2
		;;
	esac
done

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
script=$top/bench/smbd-listing
if ((EUID != 0)); then
	printf 'not ok bench_listing - must run as root\n'
	exit 1
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/pathring-test-listing-XXXXXX")
chmod 755 "$work"
# Everything that the script makes is in there.
mkdir -m 755 "$work/made" "$work/dir % with spaces"
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

failures=0

# check NAME WHY COMMAND...: the command's exit code decides.
check() {
	local name=$1 why=$2

	shift 2
	if "$@"; then
		printf 'ok %s\n' "$name"
	else
		printf 'not ok %s - %s\n' "$name" "$why"
		cat "$work/out" "$work/err" 2>/dev/null | sed 's/^/  # /'
		failures=$((failures + 1))
	fi
}

# run_under COMMAND... -- ARGUMENT...: sets status; the outputs are in $work/out and $work/err.
run_under() {
	local command=()

	while [[ $1 != -- ]]; do
		command+=("$1")
		shift
	done
	shift
	status=0
	TMPDIR=$work/made "${command[@]}" "$script" "$@" >"$work/out" 2>"$work/err" || status=$?
}

run() {
	run_under timeout 120 -- "$@"
}

# Processes with a name in our directory in their environment or among their arguments; grep's own has brackets in it.
processes() {
	grep -lz "$work/[m]ade/" /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null || true
}

nothing_left() {
	[[ -z $(ls -A "$work/made" "$work/dir % with spaces" | grep -v ':$') && -z $(processes) ]] &&
		! grep -qF "$work" /proc/self/mounts
}

# refused NAME STATUS TEXT ARGUMENT...: one line on stderr that contains the text, and nothing is left.
refused() {
	local name=$1 expected=$2 text=$3

	shift 3
	run "$@"
	check "$name" "exit code $status instead of $expected, or not one line with \"$text\"" \
		eval '((status == expected)) && (($(wc -l <"$work/err") == 1)) && grep -qF -e "$text" "$work/err"'
	check "${name}_nothing_left" "left $(ls -A "$work/made") $(processes)" nothing_left
}

# json EXPRESSION: of Python, about the document and its results.
json() {
	python3 -c 'import json, sys
document = json.load(open(sys.argv[1]))
results = document["results"]
sys.exit(0 if eval(f"({sys.argv[2]})") else 1)' "$work/json" "$1"
}

test_input() {
	run --help
	check help "exit code $status" eval '((status == 0)) && grep -q -e "--entries=LIST" "$work/out"'
	refused unknown_option 2 'unknown option --bogus' --bogus
	refused unexpected_argument 2 'unexpected argument surplus' surplus
	refused value_missing 2 '--entries needs a value' --entries
	refused value_surplus 2 '--slow takes no value' --slow=yes
	refused entries_zero 2 '--entries 0: expected a number from 1' --entries 0
	refused entries_empty 2 'expected a number' --entries=10,
	refused entries_text 2 '--entries many: expected a number' --entries=many
	refused entries_twice 2 '10 is given twice' --entries=10,10
	refused engine_unknown 2 "unknown engine 'nfs'" --engine=smbd,nfs
	refused repeat_zero 2 '--repeat 0: expected' --repeat=0
	refused time_negative 2 '--time -1: expected' --time=-1
	refused option_text 2 '--option huh: expected NAME = VALUE' --option=huh
	refused delay_alone 2 '--delay is for --slow' --delay=10
	refused slow_and_dir 2 'exclude each other' --slow --dir="$work"
	refused slow_and_cold 2 'exclude each other' --slow --cold
	refused dir_missing 1 'missing: not a directory' --dir="$work/missing"
	refused json_missing 1 "cannot write $work/missing/json" --json="$work/missing/json"
	refused json_directory 1 "cannot write $work" --json="$work"
	refused smb_conf_unknown 1 'Unknown parameter encountered: "no such thing"' --option='no such thing = 1'
	refused dir_not_writable 1 'not writable' --dir=/proc/self
	chmod 700 "$work/dir % with spaces"
	refused dir_forbidden 1 'may not go there' --dir="$work/dir % with spaces"
	chmod 755 "$work/dir % with spaces"
	PATHRING_BUILD=$work/missing refused no_module 1 'no module at' --entries=10
}

test_not_root() {
	run_under setpriv --reuid 65534 --regid 65534 --clear-groups timeout 60 --
	check not_root "exit code $status" eval '((status == 1)) && grep -q "must run as root" "$work/err"'
}

test_disk_full() {
	mkdir "$work/small"
	if ! unshare --mount bash -c 'mount -t tmpfs -o size=64k,mode=755 none "$1" && setfattr -n user.a -v 1 "$1"' \
		bash "$work/small" 2>/dev/null; then
		printf 'ok disk_full # SKIP no tmpfs with user xattrs\n'
		return
	fi
	run_under unshare --mount bash -c 'mount -t tmpfs -o size=64k,mode=755 none "$0" && exec timeout 60 "$@"' \
		"$work/small" -- --dir="$work/small" --entries=1000
	check disk_full "exit code $status" eval '((status == 1)) && grep -q "No space left" "$work/err" &&
		grep -q "cannot make 1000 files" "$work/err"'
	check disk_full_nothing_left "left $(ls -A "$work/made") $(processes)" nothing_left
}

test_measure() {
	run --entries=5,40 --repeat=2 --time=0.05 --json="$work/json" --dir="$work/dir % with spaces"
	check measure "exit code $status" [ "$status" -eq 0 ]
	check measure_nothing_left "left $(ls -A "$work/made") $(processes)" nothing_left
	check table "not 8 lines" [ "$(grep -cE '^  smbd' "$work/out")" -eq 8 ]
	check table_ratios "a ratio is missing" [ "$(grep -cE '^  smbd(-async)?(\+pathring)? .* - ' "$work/out")" -eq 0 ]
	check json_schema "another schema, or not complete" json \
		'document["schema"] == "pathring-bench/1" and document["complete"] is True and document["version"]'
	check json_valid "the schema of pathring-bench refuses it" \
		python3 "$top/tests/bench/reports.py" valid "$top/bench/pathring-bench.schema.json" "$work/json"
	check json_results "not one result for each" json 'sorted((each["engine"], each["entries"]) for each in results) ==
		sorted((a + b, n) for a in ("smbd", "smbd-async") for b in ("", "+pathring") for n in (5, 40))'
	check json_rounds "not 2 rounds in each" json 'all(len(each["rounds"]) == 2 for each in results)'
	check json_errors "errors" json 'all(each["errors"] == 0 for each in results)'
	check json_ops "the ops of the rounds are not all" json \
		'all(each["ops"] == sum(one["ops"] for one in each["rounds"]) >= 4 for each in results)'
	check json_histogram "the histogram has others" json \
		'all(sum(count for _, count in each["histogram"]["latency"]) == each["ops"] for each in results)'
	check json_order "percentiles are not in order" json 'all(0 < each["latency_ns"]["min"] <=
		each["latency_ns"]["p50"] <= each["latency_ns"]["p99"] <= each["latency_ns"]["max"] for each in results)'
	check json_cpu "no CPU time, or more than the listing took" json \
		'all(0 < each["cpu_ns_per_op"] < 2 * each["latency_ns"]["max"] for each in results)'
	check json_ratio "no ratio, or the baseline to itself is not 1" json 'all("smbd" in each["ratios"] and
		(each["engine"] != "smbd" or each["ratios"]["smbd"]["p50"] == 1) for each in results)'
	check json_slower_with_more "40 entries are listed as fast as 5" json \
		'min(each["syscalls_per_op"] or 1e9 for each in results if each["entries"] == 40) >
		max(each["syscalls_per_op"] or 0 for each in results if each["entries"] == 5)'
	check json_placement "the module has, or stock smbd has not, answered nothing" json \
		'all((sum(each["placement"].values()) > 0) == (each["engine"] == "smbd-async+pathring") for each in results)'
}

# What is asked for is what runs.
test_chosen() {
	run --entries=8 --repeat=1 --time=0 --engine=smbd-async+pathring --option='pathring:engine = threads' \
		--json="$work/json"
	check engine_alone "exit code $status" [ "$status" -eq 0 ]
	check engine_alone_json "another result, or ratios without a baseline" json \
		'[each["engine"] for each in results] == ["smbd-async+pathring"] and not results[0]["ratios"]'
	check option_works "not in threads" json \
		'results[0]["placement"]["thread"] > 0 and results[0]["placement"]["ring"] == 0'
}

# With and without the tools that count, as far as there are any.
test_counters() {
	local tool

	mkdir "$work/without" "$work/bin"
	for tool in perf strace; do
		printf '#!/bin/sh\nexit 1\n' >"$work/without/$tool"
	done
	chmod 755 "$work/without"/*
	PATH=$work/without:$PATH run --entries=8 --repeat=1 --time=0 --engine=smbd --json="$work/json"
	check no_counter "exit code $status" [ "$status" -eq 0 ]
	check no_counter_null "not null" json 'results[0]["syscalls_per_op"] is None'
	rm "$work/without/strace"
	if type -P strace >/dev/null; then
		PATH=$work/without:$PATH run --entries=50 --repeat=1 --time=0 --json="$work/json"
		check strace_counts "exit code $status" json 'document["config"]["syscalls_counted_by"] == "strace" and
			all(each["syscalls_per_100_entries"] >= 300 for each in results)'
		check strace_nothing_left "left $(processes)" nothing_left
	else
		printf 'ok strace_counts # SKIP no strace\n'
	fi
}

# A file that smbd hides, and attributes that it does not read.
test_wrong() {
	run --entries=10 --repeat=1 --time=0 --option='veto files = /file-00003.txt/' --json="$work/json"
	check short "exit code $status" [ "$status" -eq 1 ]
	check short_errors "not all are errors" json \
		'all(each["errors"] == each["ops"] > 0 and not each["rounds"] for each in results)'
	check short_said "no warning" grep -qF 'the first: 9 of 10 entries' "$work/out"
	check short_warned "no warning in the document" json 'sum("9 of 10" in each for each in document["warnings"]) == 4'
	run --entries=10 --repeat=1 --time=0 --engine=smbd --option='store dos attributes = no'
	check attributes "exit code $status" eval '((status == 1)) && grep -q "another entry for file-" "$work/out"'
	check wrong_nothing_left "left $(ls -A "$work/made") $(processes)" nothing_left
}

# interrupted NAME SECONDS [OPTION]...: of timeout.
interrupted() {
	local name=$1 after=$2

	shift 2
	run_under timeout --preserve-status --kill-after=60 "$@" "$after" -- --entries=10 --repeat=1000 --time=0 \
		--json="$work/json"
	check "$name" "exit code $status" [ "$status" -eq "$expected" ]
	check "${name}_nothing_left" "left $(ls -A "$work/made") $(processes)" nothing_left
}

test_interrupted() {
	local after expected=130

	# In the middle of making it all, and of smbd's start; then the way a terminal does it, to all processes at once.
	for after in 0.2 0.5 1 1.5; do
		rm -f "$work/json"
		interrupted "interrupted_$after" "$after" --foreground --signal INT
	done
	# While the directory is looked at in which it is going to make all.
	mkdir "$work/slow"
	printf '#!/bin/sh\nsleep 2\nexec "%s" "$@"\n' "$(type -P setfattr)" >"$work/slow/setfattr"
	chmod 755 "$work/slow/setfattr"
	PATH=$work/slow:$PATH interrupted interrupted_at_its_directory 1.5 --foreground --signal INT
	rm -f "$work/json"
	interrupted interrupted_all 20 --signal INT
	check interrupted_prints "no table" grep -qE '^  smbd ' "$work/out"
	check interrupted_says_so "the table does not say so" grep -q 'interrupted' "$work/out"
	check interrupted_quiet "something on stderr" [ ! -s "$work/err" ]
	check interrupted_json "complete, or nothing in it" json 'document["complete"] is False and results'
	expected=143
	interrupted terminated 5 --foreground --signal TERM
}

# What is cached is dropped before each listing.
test_cold() {
	mkdir "$work/cold"
	printf '#!/bin/sh\nexec strace -qq -f -e trace=write -P /proc/sys/vm/drop_caches -o %s/trace %s "$@"\n' "$work" \
		"$(type -P python3)" >"$work/cold/python3"
	chmod 755 "$work/cold/python3"
	PATH=$work/cold:$PATH run --cold --entries=40 --repeat=2 --time=0 --engine=smbd,smbd+pathring --json="$work/json"
	check cold "exit code $status" [ "$status" -eq 0 ]
	check cold_said "not in the table" grep -q ', cold; medians' "$work/out"
	check cold_json "not in the document" json 'all(each["cache"] == "cold" for each in results)'
	# Two repetitions, in each two listings by each of two.
	check cold_dropped "$(grep -c 'write(.*"3' "$work/trace") times" [ "$(grep -c 'write(.*"3' "$work/trace")" -eq 16 ]
	check cold_nothing_left "left $(ls -A "$work/made") $(processes)" nothing_left
}

test_slow() {
	if ! type -P glusterfsd >/dev/null || ! type -P glusterfs >/dev/null || [[ ! -c /dev/fuse ]]; then
		printf 'ok slow # SKIP GlusterFS or FUSE is missing\n'
		return
	fi
	run --slow --delay=3000 --entries=8 --repeat=1 --time=0 --engine=smbd,smbd+pathring --json="$work/json"
	check slow "exit code $status" [ "$status" -eq 0 ]
	check slow_is_slow "faster than it can be" json \
		'all(each["latency_ns"]["min"] > 8 * 2 * 3e6 for each in results)'
	check slow_nothing_left "left $(ls -A "$work/made") $(processes)" nothing_left
	run_under timeout --foreground --preserve-status --kill-after=60 --signal INT 4 -- --slow
	check slow_interrupted "exit code $status" [ "$status" -eq 130 ]
	check slow_interrupted_nothing_left "left $(ls -A "$work/made") $(processes)" nothing_left
}

test_input
test_not_root
test_disk_full
test_measure
test_chosen
test_counters
test_wrong
test_interrupted
test_cold
test_slow
exit $((failures > 0))
