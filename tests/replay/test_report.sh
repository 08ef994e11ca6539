#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What is reported of a replay, on results that are known beforehand: the document and its schema, tables, CSV, plots
# and the page. Prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_report.sh

	Tests the reports of pathring-replay with tests/replay/sample-report of the build directory \$PATHRING_BUILD
	(default: build). Needs python3-jsonschema; without gnuplot the plots are not tested. Its files are made in a new
	directory in \$TMPDIR (default: /tmp).

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init replay-report "$@"
sample=$build/tests/replay/sample-report
schema=$top/replay/pathring-replay.schema.json
if [ ! -x "$sample" ]; then
	not_ok report "$sample is not built"
	bench_exit
fi

# report ARGUMENT...: sets status; the outputs are in $work/out and $work/err.
report()
{
	status=0
	timeout 60 "$sample" "$@" >"$work/out" 2>"$work/err" || status=$?
}

documents()
{
	python3 "$top/tests/replay/reports.py" "$@" 2>"$work/err"
}

# has TEXT...: all of these are in the output.
has()
{
	local text

	for text; do
		if ! grep -qF -e "$text" "$work/out"; then
			printf 'no "%s"\n' "$text" >"$work/err"
			return 1
		fi
	done
}

lacks()
{
	! grep -qF -e "$1" "$work/out"
}

matches_nothing()
{
	! LC_ALL=C grep -qP -e "$1" "$work/out"
}

# is PATH VALUE: of the document.
is()
{
	[ "$(documents get "$work/json" "$1")" = "$2" ]
}

# One line on stderr, with the text in it, and this exit code.
fails()
{
	[ "$status" -eq "$1" ] && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -qF -e "$2" "$work/err"
}

# -------------------------------------------------------------------------------------------------------- the document

report --json "$work/json"
check json_exit "exit code $status" [ "$status" -eq 0 ]
check json_schema "the schema refuses the document, or takes a broken one" documents schema "$schema" "$work/json"
check json_sums "its figures do not agree" documents sums "$work/json"
check json_recorded "not all requests" is requests.recorded 1000
check json_replayed "another number" is requests.replayed 950
check json_skipped "another number" is requests.skipped 47
check json_failed "another number" is requests.failed 3
check json_mismatched "another number" is requests.mismatched 7
check json_explained "another number" is requests.explained 5
check json_command "not those of create" is commands.create.mismatched 7
check json_recorded_latency "not what is recorded" is commands.close.recorded_latency_ns.max 20000
check json_complete "it is complete" is complete true
check json_no_slip "slip at full speed" is speed 0.0
check json_table "the table is not printed, too" has "engine"

report --engines 3 --json "$work/json"
check engines_schema "the schema refuses it" documents schema "$schema" "$work/json"
check engines_sums "its figures do not agree" documents sums "$work/json"
report --engines 3 --json -
cp "$work/out" "$work/json"
check json_stdout "not the document alone" documents schema "$schema" "$work/json"
report --speed 2 --json "$work/json"
check paced_schema "the schema refuses it" documents schema "$schema" "$work/json"
report --cut --json "$work/json"
check cut_schema "the schema refuses it" documents schema "$schema" "$work/json"
check cut_whole "the trace is said to be whole" is trace.whole false
check cut_warns "no warning" has "warning: the trace was cut short"
report --engines 0 --limit 0 --json "$work/json"
check nothing_exit "exit code $status" [ "$status" -eq 0 ]
check nothing_complete "a replay that has not begun is complete" is complete false
check nothing_requests "requests of a replay that has not begun" is requests.recorded 0

# ---------------------------------------------------------------------------------------------------------- the tables

report
check table_exit "exit code $status, or messages" [ "$status$(cat "$work/err")" = 0 ]
check table_header "no header" has "trace /traces/a day's work.trace: capture, 1000 requests of 2 sessions in 0.999 s" \
	"options: order resource, depth 64, init yes" "Linux "
check table_engine "no figures of the engine" has "pathring (uring)            1000       950       47       3" "9500"
check table_commands "no figures of a command" has "create                       492" "close                        398"
check table_operations "no figures of an operation" has "openat                       492" "ring 50%, caller 50%" "inline 100%"
check table_mismatch "no mismatch" has "7 create: recorded NT_STATUS_OK, now NT_STATUS_ACCESS_DENIED" \
	"request 481, session 1 of anna: secret/<b>plan</b>?[2J?.odt"
check table_explained "no explanation" has \
	"5 create: recorded NT_STATUS_SHARING_VIOLATION, now NT_STATUS_OK: share modes are not replayed"
check table_skipped "no reason" has "40 no operation of a file system: ioctl 40" "7 locks are not replayed: lock 7"
check table_failed "no reason" has "3 write: its handle was not opened" "request 998, session 2"
check table_same "what went as recorded is listed" lacks "NT_STATUS_OBJECT_NAME_NOT_FOUND"
check table_no_ratio "a ratio to itself" matches_nothing '[0-9]x( |$)'
check table_no_slip "slip at full speed" lacks "made late"
check table_whole "it is not complete" lacks "not complete"
check table_width "a line of more than 150 columns" [ "$(wc -L <"$work/out")" -le 150 ]
check table_plain "a control character" matches_nothing '[\x00-\x08\x0b-\x1f\x7f-\xff]'
check table_no_trailing "spaces at a line's end" matches_nothing ' $'

report --engines 3
check ratio_engines "no ratio to the first engine" has "0.50x" "2.00x" "0.33x"
check ratio_same "the same list again" has "the same with threads, sync"
check ratio_width "a line of more than 150 columns" [ "$(wc -L <"$work/out")" -le 150 ]
report --speed 2
check slip_table "no slip" has "made late, in us"

# ----------------------------------------------------------------------------------------------------------------- CSV

for arguments in "" "--engines 3" "--speed 2 --engines 2" "--engines 2 --limit 300"; do
	# shellcheck disable=SC2086
	report $arguments --csv - --json "$work/json"
	cp "$work/out" "$work/csv"
	check "csv${arguments// /_}" "not what the document has" documents csv "$work/json" "$work/csv"
done
report --speed 2 --engines 2 --csv "$work/csv" --json "$work/json"
check csv_file "the table is not printed, too" has "made late"
check csv_in_file "not what the document has" documents csv "$work/json" "$work/csv"
check csv_filled "a column that is always empty" documents csv-filled "$work/json" "$work/csv"

# --------------------------------------------------------------------------------------------------------- interrupted

report --engines 2 --limit 300 --json "$work/json" --csv "$work/csv"
check interrupted_json "the document is complete" is complete false
check interrupted_schema "the schema refuses it" documents schema "$schema" "$work/json"
check interrupted_sums "its figures do not agree" documents sums "$work/json"
check interrupted_first "not the first engine's" is requests.recorded 1000
check interrupted_table "the table does not say so" has "not complete: the replay ended early" \
	"threads                did not come to 700 requests"
check interrupted_csv "the CSV does not say so" grep -q '^no,threads,' "$work/csv"
check interrupted_csv_first "what is complete is not" grep -q '^yes,pathring,' "$work/csv"
report --limit 1000 --json "$work/json"
check interrupted_between "a replay that lacks an engine is complete" is complete false
report --limit 300 --json "$work/json"
check interrupted_unreached "they are not accounted for" is requests.unreached 700

# ---------------------------------------------------------------------------------------------------- what can't be had

report --json - --csv -
check one_stdout "exit code $status" fails 1 "--json - and --csv -"
report --json "$work/absent/json"
check json_unwritable "exit code $status" fails 1 "cannot write $work/absent/json"
check json_unwritable_early "the replay was made all the same" [ ! -s "$work/out" ]
report --csv "$work/absent/csv"
check csv_unwritable "exit code $status" fails 1 "cannot write $work/absent/csv"
: >"$work/file"
report --plot "$work/file"
check plot_unwritable "exit code $status" fails 1 "cannot write $work/file"
if [ -w /dev/full ]; then
	report --json /dev/full
	check json_full "exit code $status" fails 1 "/dev/full"
	status=0
	"$sample" >/dev/full 2>"$work/err" || status=$?
	check table_full "exit code $status" fails 1 "cannot write the table"
	status=0
	"$sample" --json - >/dev/full 2>"$work/err" || status=$?
	check json_stdout_full "exit code $status" fails 1 "cannot write the document"
fi

# --------------------------------------------------------------------------------------------------------------- plots

# drawn FILE: well-formed, and something is in it.
drawn()
{
	python3 - "$1" <<-'END' 2>"$work/err"
	import sys, xml.etree.ElementTree as tree
	root = tree.parse(sys.argv[1]).getroot()
	paths = [each.get('d', '') for each in root.iter('{http://www.w3.org/2000/svg}path')]
	assert max(map(len, paths), default=0) > 40, 'no line'
	END
}

# The page is one document without scripts, and without anything from elsewhere.
page_is_alone()
{
	! grep -qiE '<script|<img|<iframe|<object|javascript:|@import| on[a-z]+=' "$1" &&
		! grep -oE '(href|src)="[^"]*"' "$1" | grep -qvE '^href="#'
}

# plots NAME FILE... -- ARGUMENT...
plots()
{
	local name=$1 files=() file

	shift
	while [ "$1" != -- ]; do
		files+=("$1.svg")
		shift
	done
	shift
	report "$@" --plot "$work/$name"
	check "${name}_exit" "exit code $status, or messages" [ "$status$(cat "$work/err")" = 0 ]
	check "${name}_files" "other files: $(ls "$work/$name")" \
		[ "$(cd "$work/$name" && echo *)" = "$(printf '%s\n' index.html "${files[@]}" | LC_ALL=C sort | xargs)" ]
	for file in "${files[@]}"; do
		check "${name}_${file%.svg}" "nothing is drawn" drawn "$work/$name/$file"
	done
	check "${name}_page" "not all plots are in the page" [ "$(grep -c '<svg' "$work/$name/index.html")" -eq "${#files[@]}" ]
	check "${name}_page_whole" "elements do not end" documents page "$work/$name/index.html"
	check "${name}_page_alone" "it needs something else" page_is_alone "$work/$name/index.html"
}

if command -v gnuplot >/dev/null; then
	plots plot latency-time percentiles progress --
	check plot_recorded "not what is recorded" grep -q '>recorded<' "$work/plot/progress.svg"
	check plot_commands "not each command" grep -q '>close<' "$work/plot/percentiles.svg"
	check plot_hostile "a path is taken for HTML" grep -q 'secret/&lt;b&gt;plan' "$work/plot/index.html"
	plots plots latency-time percentiles percentiles-close percentiles-create percentiles-read progress slip -- \
		--engines 3 --speed 2
	check plots_engines "not each engine" grep -q '>threads<' "$work/plots/latency-time.svg"
	check plots_due "not what was due" grep -q '>due<' "$work/plots/progress.svg"
	report --engines 2 --limit 300 --plot "$work/early"
	check plot_interrupted "the page does not say so" grep -q 'Not complete: the run ended early' "$work/early/index.html"
	report --engines 0 --limit 0 --plot "$work/none"
	check plot_nothing "exit code $status" [ "$status" -eq 0 ]
	mkdir "$work/no-gnuplot"
	status=0
	PATH=$work/no-gnuplot "$(command -v timeout)" 60 "$sample" --plot "$work/without" >"$work/out" 2>"$work/err" || status=$?
	check plot_without_gnuplot "exit code $status" fails 1 "gnuplot-nox"
	check plot_without_gnuplot_early "the replay was made all the same" [ ! -s "$work/out" ]
	printf '#!/bin/sh\necho "line 1: no such terminal" >&2\nexit 3\n' >"$work/no-gnuplot/gnuplot"
	chmod 755 "$work/no-gnuplot/gnuplot"
	status=0
	PATH=$work/no-gnuplot "$(command -v timeout)" 60 "$sample" --plot "$work/without" >"$work/out" 2>"$work/err" || status=$?
	check plot_gnuplot_fails "exit code $status" fails 1 "no such terminal"
else
	skip plot "gnuplot is not installed"
fi

# ----------------------------------------------------------------------------------------------------- a real replay

if [ "$(id -u)" -eq 0 ]; then
	# shellcheck source=tests/replay/run-lib.sh
	. "$top/tests/replay/run-lib.sh"
	begin
	user 1 alice
	created 1 1 docs/a.txt open file '"size":100'
	request 1 read OK '"handle":1,"offset":0,"length":100,"count":100'
	request 1 lock OK '"handle":1'
	request 1 close OK '"handle":1'
	failed 1 docs/b.txt open OBJECT_NAME_NOT_FOUND
	ends
	fresh
	(
		umask 022
		"$replay" run "$trace" --root "$root" --engine pathring,sync --json "$work/real/json" --csv "$work/csv" \
			>"$work/out" 2>"$work/err" || true
	)
	check real_unwritable "no message" grep -q "cannot write $work/real/json" "$work/err"
	check real_unwritable_early "the tree was made all the same" [ -z "$(ls -A "$root")" ]
	mkdir "$work/real"
	plot=()
	if command -v gnuplot >/dev/null; then
		plot=(--plot "$work/real/plots")
	fi
	status=0
	(
		umask 022
		"$replay" run "$trace" --root "$root" --engine pathring,sync --json "$work/real/json" \
			--csv "$work/real/csv" "${plot[@]}" >"$work/out" 2>"$work/err"
	) || status=$?
	check real_exit "exit code $status" [ "$status" -eq 0 ]
	check real_modes "others may write them" [ -z "$(find "$work/real" -perm /022)" ]
	cp "$work/real/json" "$work/json"
	check real_schema "the schema refuses it" documents schema "$schema" "$work/json"
	check real_sums "its figures do not agree" documents sums "$work/json"
	check real_csv "not what the document has" documents csv "$work/json" "$work/real/csv"
	check real_recorded "not all requests" is requests.recorded 5
	check real_replayed "another number" is requests.replayed 4
	check real_mismatched "another number" is requests.mismatched 0
else
	not_ok real "must run as root"
fi

# ---------------------------------------------------------------------------------------------------- the manual page

for command in import info run; do
	"$replay" "$command" --help >"$work/help"
	sed 's/\\//g' "$top/man/pathring-replay.1" >"$work/out"
	# Without popt's own.
	mapfile -t options < <(grep -oE -- '--[a-z][a-z-]+' "$work/help" | grep -vxE -- '--(help|usage)' | sort -u)
	check "manual_${command}_has_options" "none in its help" [ "${#options[@]}" -gt 0 ]
	check "manual_$command" "an option is not there" has "${options[@]}"
done

bench_exit
