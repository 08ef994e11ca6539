#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What is made of a document: tables, CSV, percentile files, plots, the page, comparisons; and what is not made of one
# that is broken or hostile. Prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/bench/test_report.sh

	Tests "pathring-bench report" and "pathring-bench compare" of the build directory \$PATHRING_BUILD (default: build).
	Needs python3-jsonschema; without gnuplot the plots are not tested. Its files are made in a new directory in
	\$TMPDIR (default: /tmp).

	  --help  print this text
	END
}

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bench_init report "$@"
samples=$top/tests/bench
schema=$top/bench/pathring-bench.schema.json

# make_of ARGUMENT...: sets status; the outputs are in $work/out and $work/err.
make_of()
{
	status=0
	timeout 60 "$bench" "$@" >"$work/out" 2>"$work/err" || status=$?
}

documents()
{
	python3 "$samples/reports.py" "$@"
}

# has TEXT...: all of these are in the output.
has()
{
	local text

	for text; do
		if ! grep -qF -e "$text" "$work/out"; then
			printf 'no "%s"\n' "$text" >&2
			return 1
		fi
	done
}

lacks()
{
	! has "$@" 2>/dev/null
}

refuses()
{
	! "$@" >/dev/null 2>&1
}

# One line on stderr, with the text in it, and this exit code.
fails()
{
	[ "$status" -eq "$1" ] && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -qF -e "$2" "$work/err"
}

narrow()
{
	[ "$(wc -L <"$work/out")" -le "$1" ]
}

# ---------------------------------------------------------------------------------------------------------- the schema

for sample in closed closed-later rates listing; do
	check "schema_takes_$sample" "the schema refuses tests/bench/$sample.json" \
		documents valid "$schema" "$samples/$sample.json"
done
documents break "$samples/closed.json" "$work" >"$work/broken"
while read -r name text <&3; do
	check "schema_refuses_$name" "the schema takes it" refuses documents valid "$schema" "$work/$name.json"
	make_of report "$work/$name.json"
	check "refuses_$name" "exit code $status, or not one line with \"$text\"" fails 1 "$text"
done 3<"$work/broken"

# ---------------------------------------------------------------------------------------------------- what is no JSON

head -c 700 "$samples/closed.json" >"$work/truncated.json"
: >"$work/empty.json"
printf '[1, 2' >"$work/list.json"
printf '{"schema": "pathring-bench/1", "schema": "pathring-bench/1"}' >"$work/twice.json"
printf '{"schema": "pathring-bench/1", "version": 1e999}' >"$work/infinite.json"
printf '{"schema": "\033[31m\377"}' >"$work/binary.json"
head -c 100000 /dev/zero | tr '\0' '[' >"$work/deep.json"
for name in truncated empty list twice infinite binary deep absent; do
	make_of report "$work/$name.json"
	check "refuses_$name" "exit code $status, or not one line with the file's name" fails 1 "$work/$name.json"
	make_of compare "$samples/closed.json" "$work/$name.json"
	check "compare_refuses_$name" "exit code $status, or not one line with the file's name" fails 1 "$work/$name.json"
done
make_of report "$work"
check refuses_directory "exit code $status" fails 1 "$work"

# -------------------------------------------------------------------------------------------------------- command line

make_of report
check needs_file "exit code $status" fails 2 "needs one file"
make_of report "$samples/closed.json" "$samples/rates.json"
check needs_one_file "exit code $status" fails 2 "needs one file"
make_of report "$samples/closed.json" --pie x
check unknown_option "exit code $status" fails 2 "--pie"
make_of compare "$samples/closed.json"
check compare_needs_two "exit code $status" fails 2 "needs two files"
make_of report --help
check help "exit code $status" has --csv --hgrm --plot FILE.json

# ----------------------------------------------------------------------------------------------------------- the table

make_of report "$samples/closed.json"
check table_exit "exit code $status" [ "$status" -eq 0 ]
check table_header "no header" has "Linux 6.18.0-amd64, 2 x AMD EPYC" "ext4, 300 files" "medians of 5 rounds" \
	"warning: rounds differ by up to 20 %" "left out: lookup: fio's filestat"
check table_settings "not both depths" has "lookup, depth 1, 2 users, hot" "lookup, depth 16, 2 users, hot"
check table_columns "a column is missing" has ops/s spread min mean p50 p90 p99 p99.9 p99.99 max CPU csw/op sys/op \
	subm/enter denied errors ran
check table_figures "no figures" has "pathring (uring)" "inline 20%, ring 80%" "one at a time" "4.40x"
check table_width "a line of more than 150 columns" narrow 150
make_of report "$samples/rates.json"
check table_open "not response, service and slip" has "offered 50000/s" "response time" service slip unissued
check table_open_width "a line of more than 150 columns" narrow 150
make_of report "$samples/listing.json"
check table_listing "not both directories" has "smbd-listing, depth 1, 100 entries" "1000 entries" "not complete"
check table_unit "not in milliseconds" has "latency in ms"
documents change "$samples/closed.json" "$work/none.json" results '[]'
make_of report "$work/none.json" --csv "$work/none.csv" --hgrm "$work/none.hgrm" --plot "$work/none"
check no_results "exit code $status" [ "$status" -eq 0 ]
check no_results_csv "more than the names of the columns" [ "$(wc -l <"$work/none.csv")" -eq 1 ]

# ------------------------------------------------------------------------------------------------- CSV and percentiles

for sample in closed rates listing; do
	make_of report "$samples/$sample.json" --csv -
	check "csv_$sample" "not what the document has" documents csv "$samples/$sample.json" "$work/out"
done
make_of report "$samples/closed.json" --csv "$work/closed.csv"
check csv_file "the table is not printed, too" has "lookup, depth 1"
check csv_in_file "not what the document has" documents csv "$samples/closed.json" "$work/closed.csv"
make_of report "$samples/closed.json" --csv "$work/absent/closed.csv"
check csv_unwritable "exit code $status" fails 1 "cannot write $work/absent/closed.csv"
if [ -w /dev/full ]; then
	make_of report "$samples/closed.json" --csv /dev/full
	check csv_full "exit code $status" fails 1 "/dev/full"
fi

make_of report "$samples/closed.json" --hgrm "$work/hgrm"
check hgrm_files "not a file a result" [ "$(find "$work/hgrm" -name '*.hgrm' | wc -l)" -eq 6 ]
for name in pathring smbd; do
	check "hgrm_$name" "not what the document has" \
		documents hgrm "$samples/closed.json" "$name" 16 "$work/hgrm/$name-lookup-depth16.hgrm"
done
make_of report "$samples/rates.json" --hgrm "$work/hgrm-open"
check hgrm_open "not response and service of each" \
	[ "$(find "$work/hgrm-open" -name '*-rate*-service.hgrm' | wc -l)" -eq 6 ]
make_of report "$samples/closed.json" --hgrm "$work/closed.csv"
check hgrm_no_directory "exit code $status" fails 1 "cannot write $work/closed.csv"

# --------------------------------------------------------------------------------------------------------------- plots

# The page is one well-formed document without scripts, and without anything from elsewhere.
page_is_alone()
{
	! grep -qiE '<script|<img|<iframe|<object|javascript:|@import| on[a-z]+=' "$1" &&
		! grep -oE '(href|src)="[^"]*"' "$1" | grep -qvE '^href="#'
}

if command -v gnuplot >/dev/null; then
	make_of report "$samples/closed.json" --plot "$work/plots"
	check plot_exit "exit code $status" [ "$status" -eq 0 ]
	for name in percentiles-lookup-depth1 percentiles-lookup-depth16 throughput-depth-lookup-closed \
		latency-depth-lookup-closed cpu-lookup-closed; do
		check "plot_$name" "no SVG" python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' \
			"$work/plots/$name.svg"
	done
	check plot_names "no engine in the legend" grep -q 'pathring (uring)' "$work/plots/percentiles-lookup-depth1.svg"
	check page_plots "not all plots are in the page" [ "$(grep -c '<svg' "$work/plots/index.html")" -eq 5 ]
	check page_alone "it needs something else" page_is_alone "$work/plots/index.html"
	make_of report "$samples/rates.json" --plot "$work/plots-open"
	check plot_rates "no plot against the rate" [ -s "$work/plots-open/latency-rate-lookup-open.svg" ]
	check plot_service "no service time" grep -q ', service' "$work/plots-open/percentiles-lookup-rate50000.svg"
	make_of report "$samples/listing.json" --plot "$work/plots-listing"
	check plot_listing "exit code $status" [ "$status" -eq 0 ]
	check plot_nothing_empty "a plot of one depth against depth" \
		[ -z "$(find "$work/plots-listing" -name '*-depth-*' ! -name 'percentiles-*')" ]
	mkdir "$work/no-gnuplot"
	status=0
	PATH=$work/no-gnuplot "$(command -v timeout)" 60 "$bench" report "$samples/closed.json" --plot "$work/plots-without" \
		>"$work/out" 2>"$work/err" || status=$?
	check plot_without_gnuplot "exit code $status" fails 1 "gnuplot-nox"
	printf '#!/bin/sh\necho "line 1: no such terminal" >&2\nexit 3\n' >"$work/no-gnuplot/gnuplot"
	chmod 755 "$work/no-gnuplot/gnuplot"
	status=0
	PATH=$work/no-gnuplot "$(command -v timeout)" 60 "$bench" report "$samples/closed.json" --plot "$work/plots-without" \
		>"$work/out" 2>"$work/err" || status=$?
	check plot_gnuplot_fails "exit code $status" fails 1 "no such terminal"
else
	printf 'ok plot # SKIP gnuplot is not installed\n'
fi

# ------------------------------------------------------------------------------------------------------------- hostile

documents hostile "$samples/closed.json" "$work/hostile.json"
check hostile_is_valid "the schema refuses it" documents valid "$schema" "$work/hostile.json"
mkdir "$work/hostile"
(
	cd "$work/hostile"
	make_of report ../hostile.json --csv ../hostile.csv --hgrm hgrm --plot plots
	printf '%s\n' "$status" >../hostile.status
)
check hostile_exit "exit code $(cat "$work/hostile.status")" [ "$(cat "$work/hostile.status")" -eq 0 ]
check hostile_terminal "a control character in the table" refuses grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/out"
check hostile_csv "not what the document has" documents csv "$work/hostile.json" "$work/hostile.csv"
check hostile_commands "a command was run" [ -z "$(find "$work" "$top/pwned" -name 'pwned*' 2>/dev/null)" ]
check hostile_names "a file elsewhere" [ "$(cd "$work/hostile" && ls | tr '\n' ' ')" = "hgrm plots " ]
check hostile_page "a script in the page" page_is_alone "$work/hostile/plots/index.html"
make_of compare "$work/hostile.json" "$samples/closed.json"
check hostile_compare "exit code $status" [ "$status" -eq 0 ]
check hostile_compare_terminal "a control character" refuses grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/out"

documents change "$samples/closed.json" "$work/large.json" results.0.latency_ns.max 1000000000000000000
make_of report "$work/large.json"
check large_numbers "exit code $status, or a line of more than 150 columns" narrow 150

# ------------------------------------------------------------------------------------------------------------- compare

make_of compare "$samples/closed.json" "$samples/closed.json"
check compare_same "exit code $status" [ "$status" -eq 0 ]
check compare_same_noise "no verdict" has "within noise"
check compare_same_verdict "a difference to itself" lacks better
check compare_same_verdict_worse "a difference to itself" lacks WORSE
make_of compare "$samples/closed.json" "$samples/closed-later.json"
check compare_exit "exit code $status" [ "$status" -eq 0 ]
check compare_warns "no warning of another kernel or other options" \
	has "not the same kernel: 6.18.0-amd64, then 6.19.0-amd64" "not the same options: repeat"
check compare_verdicts "no verdict" has better WORSE "within noise"
check compare_few "two rounds are taken for enough" has "too few rounds to tell (5 and 2)"
check compare_old "not what is only in the old run" has "only in the old run:" "raw: lookup, depth 16"
check compare_new "not what is only in the new run" has "only in the new run:" "raw-uring: lookup, depth 16"
make_of compare "$samples/rates.json" "$samples/rates.json"
check compare_rates "two rounds are taken for enough" has "too few rounds to tell (2 and 2)"

bench_exit
