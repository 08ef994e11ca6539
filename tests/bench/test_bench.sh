#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pathring-bench from outside: bad input, what it measures and reports, that wrong answers are noticed, and that
# nothing stays behind. Prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/bench/test_bench.sh

	Tests the pathring-bench of the build directory \$PATHRING_BUILD (default: build). Needs root. Its files are made
	in a new directory in \$TMPDIR (default: /tmp), which needs user xattrs.

	  --help  print this text
	END
}

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bench_init bench "$@"
bench_need_root bench

test_input()
{
	run --help
	check help "exit code $status" [ "$status" -eq 0 ]
	check help_names_options "--engine is not in it" grep -q -e '--engine=LIST' "$work/out"
	run --version
	check version "exit code $status, $(cat "$work/out")" grep -qE '^pathring-bench [0-9]+\.[0-9]+' "$work/out"

	refused unknown_option 2 --bogus --bogus
	refused unexpected_argument 2 surplus surplus
	refused unknown_engine 2 "--engine foo: unknown engine" --engine raw,foo
	refused empty_engine 2 "--engine : unknown engine" --engine raw,
	refused engine_twice 2 "given twice" --engine raw,raw
	refused unknown_operation 2 "unknown operation" --op look-up
	refused depth_zero 2 "--depth 0: expected a number from 1" --depth 0
	refused depth_negative 2 "--depth -1: expected a number" --depth -1
	refused depth_too_large 2 "--depth 65537: expected" --depth 65537
	refused depth_text 2 "--depth 4x: expected" --depth 4x
	refused users_negative 2 "--users -1: expected" --users -1
	refused files_zero 2 "--files 0: expected" --files 0
	refused repeat_zero 2 "--repeat 0: expected" --repeat 0
	refused time_nan 2 "--time nan: expected" --time nan
	refused forbidden_percent 2 "--forbidden 101: expected" --forbidden 101
	refused uid_zero 2 "--uid-base 0: expected" --uid-base 0
	refused uid_beyond_end 2 "--uid-base 4294967293: expected" --uid-base 4294967293
	refused baseline_not_run 2 "not among the engines" --engine raw --baseline smbd
	refused baseline_twice 2 "given twice" --engine raw --baseline raw,raw
	refused max_workers_text 2 "--max-workers many: expected a number" --max-workers many
	refused no_engine_left 2 "none of the engines has it" --op listxattr --engine raw-uring
	refused cold_too_few_files 2 "more files than users" --cold --users 10 --files 10
	refused between_fails 1 "the command failed with exit code 3" --between "exit 3" --engine raw --time 0.1
	refused missing_directory 1 "$work/missing: No such file" --dir "$work/missing"
	refused directory_is_file 1 "Not a directory" --dir "$work/out2"
	refused json_not_writable 1 "cannot write $work/missing/json" --json "$work/missing/json"
}

test_not_root()
{
	local status=0

	cp "$bench" "$work/bench-copy"
	chmod 755 "$work" "$work/bench-copy"
	install -d -o 65534 -g 65534 "$work/own"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$work/bench-copy" --time 0.1 --dir "$work/own" --files 50 \
		--engine raw,smbd,smbd-pool,raw-uring,pathring --op lookup,setxattr,pwrite,mkdir-rmdir,renameat \
		>"$work/out" 2>"$work/err" || status=$?
	check not_root "exit code $status" [ "$status" -eq 0 ]
	check not_root_says_so "no such message" grep -q 'not root: all requests run as user 65534' "$work/err"
	check not_root_nothing_left "left something" [ -z "$(ls -A "$work/own")" ]
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$work/bench-copy" --time 0.1 --dir "$trees" \
		>"$work/out" 2>"$work/err" || status=$?
	check not_writable "exit code $status" [ "$status" -eq 1 ]
	check not_writable_says_so "no such message" grep -q "in $trees: Permission denied" "$work/err"
}

# identities NAME TEXT LINE...: a file of these lines is refused.
identities()
{
	local name=$1 text=$2

	shift 2
	printf '%s\n' "$@" >"$work/identities"
	refused "identities_$name" 2 "$text" --identities "$work/identities"
}

test_identities()
{
	identities root "line 2: root is denied nothing" 5:5 0:5
	identities no_gid "line 1: expected UID:GID" 12
	identities no_group "line 1: expected UID:GID" 1:2:
	identities no_id "line 1: expected UID:GID" 1:2:3,4294967295
	identities text "line 2: expected UID:GID" '# comment' 1:staff
	identities twice "user 5 is there twice" 5:5 6:6 5:7
	identities none "there is no user in it" '# comment'
	refused identities_missing 2 "$work/missing: No such file" --identities "$work/missing"
	refused identities_and_users 2 "not together" --identities "$work/identities" --users 2

	printf '%s\n' 1001:2001:5,7 1002:2002:7 1003:7 >"$work/identities"
	run --identities "$work/identities" --op lookup,mkdir-rmdir,renameat --engine smbd,smbd-pool,pathring --time 0.1 \
		--repeat 1 --files 60 --forbidden 20 --depth 8 --json "$work/json"
	check identities_common_group "exit code $status" [ "$status" -eq 0 ]
	check identities_denied "nobody was denied" [ "$(grep -c '"denied": 0,' "$work/json")" -eq 0 ]
	check identities_counted "users is $(value users)" [ "$(value users)" -eq 3 ]
	printf '%s\n' 1001:2001 1002:2002:7 >"$work/identities"
	run --identities "$work/identities" --op lookup,mkdir-rmdir,renameat --engine smbd,smbd-pool,pathring --time 0.1 \
		--repeat 1 --files 60 --forbidden 20 --depth 8
	check identities_no_common_group "exit code $status" [ "$status" -eq 0 ]
}

# Files that are open need descriptors, which not everybody may have; paths need none.
test_descriptors()
{
	local status=0 limited=(prlimit --nofile=1500:1500 setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource)

	"${limited[@]}" "$bench" --dir "$trees" --files 1000 --engine raw --op statx --time 0.1 >"$work/out" 2>"$work/err" ||
		status=$?
	check descriptors "exit code $status" [ "$status" -eq 1 ]
	check descriptors_said "no such message" grep -q 'need a limit of [0-9]* open files' "$work/err"
	check descriptors_nothing_left "left something" nothing_left
	status=0
	"${limited[@]}" "$bench" --dir "$trees" --files 1000 --engine raw --depth 1 --time 0.1 >"$work/out" 2>"$work/err" ||
		status=$?
	check descriptors_paths "exit code $status" [ "$status" -eq 0 ]
}

test_user_order()
{
	local order

	refused user_order_unknown 2 "expected turn, random or zipf" --user-order first
	for order in random zipf; do
		run --user-order "$order" --users 7 --engine smbd,pathring --depth 16 --time 0.1 --repeat 1 --files 60
		check "user_order_$order" "exit code $status" [ "$status" -eq 0 ]
	done
}

test_mix()
{
	refused mix_syntax 2 "expected OPERATION=WEIGHT" --mix lookup
	refused mix_unknown 2 "unknown operation" --mix look=1
	refused mix_zero 2 "expected a number from 1" --mix lookup=0
	refused mix_twice 2 "given twice" --mix lookup=1,lookup=2
	refused mix_unsaid 2 "say what is in it" --op mix
	refused mix_unused 2 "not among the operations" --op lookup --mix lookup=1,statx=1
	refused op_twice 2 "given twice" --op lookup,lookup
	run --op lookup,mix --mix lookup=5,statx=2,pread=1 --engine raw,pathring --depth 1,16 --time 0.1 --repeat 1 --files 60 \
		--json "$work/json"
	check mix "exit code $status" [ "$status" -eq 0 ]
	check mix_results "not 8 results" [ "$(grep -c '"latency_ns"' "$work/json")" -eq 8 ]
	check mix_named "not 4 of them called mix" [ "$(grep -c '"op": "mix"' "$work/json")" -eq 4 ]
}

test_rates()
{
	refused rate_zero 2 "expected a number from 0.1" --rate 0
	refused rate_twice 2 "given twice" --rate 100,100
	refused rate_and_sweep 2 "not together with --rate" --rate 100 --rate-sweep 1:2:3
	refused sweep_syntax 2 "expected FROM:TO:STEPS" --rate-sweep 1:2
	refused sweep_order 2 "the first rate must be below the last" --rate-sweep 2:2:2
	refused rate_cold 2 "not together with a rate" --rate 100 --cold
}

# measured NAME ENGINE DEPTH: runs it shortly and checks what every result must satisfy.
measured()
{
	local name=$1 engine=$2 depth=$3 ops

	run --engine "$engine" --depth "$depth" --time 0.2 --repeat 2 --files 300 --users 3 --forbidden 10 \
		--json "$work/json"
	if [ "$status" -ne 0 ]; then
		not_ok "$name" "exit code $status"
		return
	fi
	ops=$(value ops)
	check "${name}_ops" "ops is $ops" [ "$ops" -gt 0 ]
	check "${name}_errors" "errors is $(value errors)" [ "$(value errors)" -eq 0 ]
	check "${name}_nothing_left" "left something" nothing_left
	check "${name}_table" "no line for it in the table" grep -qE "^  $engine" "$work/out"
	if [ "$engine" = raw ] || [ "$engine" = raw-uring ]; then
		check "${name}_denied" "root was denied $(value denied)" [ "$(value denied)" -eq 0 ]
	else
		check "${name}_denied" "denied is 0" [ "$(value denied)" -gt 0 ]
	fi
}

# What report makes of a document, written at once.
test_outputs()
{
	run --engine raw,smbd --depth 1,4 --time 0.1 --repeat 2 --files 50 --json "$work/json" --csv "$work/csv" \
		--hgrm "$work/hgrm" --plot "$work/plot"
	check outputs "exit code $status" [ "$status" -eq 0 ]
	check outputs_csv "not a header and 4 lines" [ "$(wc -l <"$work/csv")" -eq 5 ]
	check outputs_hgrm "$(ls "$work/hgrm") instead of 4 files" [ "$(ls "$work/hgrm" | wc -l)" -eq 4 ]
	check outputs_plot "no page with pictures" grep -q '<svg' "$work/plot/index.html"
	"$bench" report --csv - "$work/json" >"$work/csv-again" 2>"$work/err"
	check outputs_same "report makes another CSV of the document" cmp -s "$work/csv" "$work/csv-again"
	: >"$work/file"
	refused outputs_csv_not_writable 1 "cannot write $work/missing/csv: No such file" --csv "$work/missing/csv"
	refused outputs_hgrm_is_file 1 "cannot write $work/file: Not a directory" --hgrm "$work/file"
	refused outputs_plot_not_writable 1 "cannot write $work/missing/plot: No such file" --plot "$work/missing/plot"
	mkdir "$work/empty"
	status=0
	PATH=$work/empty "$bench" --dir "$trees" --plot "$work/other" >"$work/out" 2>"$work/err" || status=$?
	check outputs_no_gnuplot "exit code $status" [ "$status" -eq 1 ]
	check outputs_no_gnuplot_said "no such message" grep -q "gnuplot is not installed" "$work/err"
}

test_json()
{
	run --engine raw,smbd --depth 1,8 --time 0.2 --repeat 2 --files 50 --json "$work/json"
	check json_schema "the schema refuses it" valid_document
	check json_complete "not complete" [ "$(value complete)" = true ]
	check json_results "$(grep -c '"latency_ns"' "$work/json") results instead of 4" \
		[ "$(grep -c '"latency_ns"' "$work/json")" -eq 4 ]
	check json_rounds "not 2 rounds for each result" [ "$(grep -c '"p50_ns"' "$work/json")" -eq 8 ]
	check json_ratio "no ratio of 1 for the baseline" grep -q '"ops_per_second": 1\.0' "$work/json"
	check json_concurrency "raw ran more than one at a time" [ "$(grep -c '"concurrency": 1,' "$work/json")" -eq 4 ]
	check json_order "min is above max" [ "$(value min)" -le "$(value max)" ]

	# A document that was there is replaced whole, also by a shorter one.
	run --engine raw --depth 1 --time 0.1 --repeat 1 --files 50 --json "$work/json"
	check json_replaced "remains of the old document" [ "$(grep -c '"latency_ns"' "$work/json")" -eq 1 ]
	check json_ends "does not end with a brace" [ "$(tail -n 1 "$work/json")" = "}" ]
}

test_self()
{
	run --users 0 --engine raw,smbd,smbd-pool,pathring --depth 1,8 --time 0.2 --repeat 1 --files 50 \
		--forbidden 20 --json "$work/json"
	check self "exit code $status" [ "$status" -eq 0 ]
	check self_not_denied "root was denied" [ "$(grep -c '"denied": 0,' "$work/json")" -eq 8 ]
	check self_said "the table does not say so" grep -q ', the process itself, ' "$work/out"
}

test_many_users()
{
	run --users 1000 --engine smbd-pool,pathring --depth 64 --time 0.2 --repeat 1 --files 1200
	check many_users "exit code $status" [ "$status" -eq 0 ]
}

test_cold()
{
	local rounds

	run --cold --users 3 --files 103 --engine raw,pathring --depth 1,16 --time 20 --repeat 2 \
		--between "echo x >>$work/between" --json "$work/json"
	check cold "exit code $status" [ "$status" -eq 0 ]
	# Each user's first is the warm-up's, in each of two rounds.
	check cold_each_file_once "not 200 requests each" [ "$(grep -c '"ops": 200,' "$work/json")" -eq 4 ]
	check cold_said "cache is $(value cache)" [ "$(value cache)" = '"cold"' ]
	# And one more for each, to count system calls where that is possible.
	rounds=12
	if [ "$(value syscalls_per_op)" = null ]; then
		rounds=8
	fi
	check between_each_round "$(wc -l <"$work/between") runs instead of $rounds" \
		[ "$(wc -l <"$work/between")" -eq "$rounds" ]
}

test_pin()
{
	local place

	for place in inline ring thread; do
		run --max-workers 4 --engine "pathring-pin-$place" --depth 1,16 --time 0.2 --repeat 1 --files 50
		check "pin_$place" "exit code $status" [ "$status" -eq 0 ]
	done
}

# The manual knows every operation and every engine that the help names.
test_documented()
{
	local name

	for name in $("$bench" --help | tr -s ' \n' ' ' |
		sed -n 's/.*one after the other: \(.*\) (default lookup).*Engines to compare: \(.*\) (default path.*/\1 \2/p'); do
		check "documented_$name" "not in the manual" grep -qE "^\.BR? .*$name" "$top/man/pathring-bench.1"
	done
	check documented_all "no names in the help" [ -n "${name:-}" ]
}

test_idle()
{
	status=0
	timeout 60 "$bench" idle >"$work/out" 2>"$work/err" || status=$?
	check idle "exit code $status" [ "$status" -eq 0 ]
	check idle_rows "not three rows" \
		[ "$(grep -cE '^  (created|started|after work) +[0-9]' "$work/out")" -eq 3 ]
	check idle_created_small "more than 65536 bytes, a thread or a descriptor" \
		[ "$(awk '$1 == "created" && $7 <= 65536 && $8 == 0 && $9 == 0' "$work/out" | wc -l)" -eq 1 ]
}

# The 8 system calls of a job of smbd-pool: of each 2 setresuid, 1 setresgid, 1 setgroups.
test_pool_calls()
{
	local jobs uids gids

	if ! command -v strace >/dev/null; then
		printf 'ok pool_calls # SKIP strace is missing\n'
		return
	fi
	timeout 60 strace -f -qq -o "$work/strace" -e trace=setresuid,setresgid,setgroups \
		"$bench" --dir "$trees" --engine smbd-pool --depth 4 --time 0.2 --repeat 1 --files 50 \
		>"$work/out" 2>"$work/err" || true
	# A call that another thread interrupts takes two lines, of which one says "resumed".
	jobs=$(grep -c 'setgroups(' "$work/strace" || true)
	uids=$(grep -c 'setresuid(' "$work/strace" || true)
	gids=$(grep -c 'setresgid(' "$work/strace" || true)
	check pool_calls_happen "only $jobs jobs" [ "$jobs" -gt 20 ]
	check pool_calls_setresuid "$uids for $jobs jobs" [ "$uids" -eq $((2 * jobs)) ]
	check pool_calls_setresgid "$gids for $jobs jobs" [ "$gids" -eq "$jobs" ]
}

# near NUMBER EXPECTED: at most 6 apart.
near()
{
	[ $(($1 - $2)) -ge -6 ] && [ $(($1 - $2)) -le 6 ]
}

# The switch as smbd makes it: of each 13 calls 2 setresuid, 2 setresgid, 1 setgroups, 4 geteuid, 4 getegid.
test_switch_calls()
{
	local switches uids gids euids egids

	if ! command -v strace >/dev/null; then
		printf 'ok smbd_switch # SKIP strace is missing\n'
		return
	fi
	timeout 60 strace -f -qq -o "$work/strace" -e trace=setresuid,setresgid,setgroups,geteuid,getegid \
		"$bench" --dir "$trees" --engine smbd --depth 1 --time 0.2 --repeat 1 --files 50 \
		>"$work/out" 2>"$work/err" || true
	# The first switch comes from root, the last goes to root; between them only user to user is left.
	switches=$(grep -cE 'setgroups' "$work/strace" || true)
	uids=$(grep -cE 'setresuid' "$work/strace" || true)
	gids=$(grep -cE 'setresgid' "$work/strace" || true)
	euids=$(grep -cE 'geteuid' "$work/strace" || true)
	egids=$(grep -cE 'getegid' "$work/strace" || true)
	check smbd_switch_happens "only $switches switches" [ "$switches" -gt 20 ]
	# Coming from root saves setresuid, setresgid and their checks; the ends of a run add a few calls.
	check smbd_switch_setresuid "$uids for $switches switches" near "$uids" $((2 * switches))
	check smbd_switch_setresgid "$gids for $switches switches" near "$gids" $((2 * switches))
	check smbd_switch_geteuid "$euids for $switches switches" near "$euids" $((4 * switches))
	check smbd_switch_getegid "$egids for $switches switches" near "$egids" $((4 * switches))

	timeout 60 strace -f -qq -o "$work/strace" -e trace=setgroups \
		"$bench" --dir "$trees" --engine smbd --depth 1 --time 0.2 --repeat 1 --files 50 --users 1 \
		>"$work/out" 2>"$work/err" || true
	switches=$(grep -cE 'setgroups' "$work/strace" || true)
	# There and back, in the timed round and in that which counts system calls.
	check smbd_same_user_no_switch "$switches switches for one user" [ "$switches" -ge 2 -a "$switches" -le 4 ]
}

test_signals()
{
	local signal expected

	for signal in INT TERM HUP; do
		expected=$((128 + $(kill -l "$signal")))
		start --engine raw,smbd --depth 1,4 --time 20 --repeat 20 --json "$work/json"
		sleep 2.5
		kill -s "$signal" "$running"
		finish
		check "signal_${signal}_status" "exit code $status instead of $expected" [ "$status" -eq "$expected" ]
		check "signal_${signal}_nothing_left" "left something" nothing_left
		check "signal_${signal}_partial_table" "no table" grep -q 'not complete' "$work/out"
		check "signal_${signal}_partial_json" "complete is $(value complete)" [ "$(value complete)" = false ]
	done
	(
		trap '' HUP
		start --engine raw --time 1 --repeat 3
		kill -s HUP "$running"
		finish
		printf '%s\n' "$status" >"$work/status"
	)
	status=$(<"$work/status")
	check signal_HUP_nohup_status "exit code $status" [ "$status" -eq 0 ]
	check signal_HUP_nohup_nothing_left "left something" nothing_left
}

# A file system that fills up in the middle.
test_disk_full()
{
	mkdir "$work/small"
	if ! mount -t tmpfs -o size=1m,nr_inodes=40 pathring-test "$work/small" 2>/dev/null; then
		printf 'ok disk_full # SKIP cannot mount a tmpfs here\n'
		return
	fi
	status=0
	timeout 60 "$bench" --dir "$work/small" --engine raw --time 0.1 >"$work/out" 2>"$work/err" || status=$?
	check disk_full "exit code $status" [ "$status" -eq 1 ]
	check disk_full_says_so "no such message" grep -q 'No space left on device' "$work/err"
	check disk_full_nothing_left "left something" [ -z "$(ls -A "$work/small")" ]
	umount "$work/small"
}

# An engine that was named is not replaced by another; the one that chooses says what it took.
test_refused_ring()
{
	if [ ! -x "$deny" ]; then
		check refused_ring "$deny is not built" false
		return
	fi
	status=0
	timeout 60 "$deny" EPERM io_uring_setup "$bench" --dir "$trees" --engine pathring-uring --depth 1 \
		--time 0.1 >"$work/out" 2>"$work/err" || status=$?
	check refused_ring_named "exit code $status" [ "$status" -eq 1 ]
	check refused_ring_says_so "no such message" grep -q 'pathring-uring cannot run' "$work/err"
	check refused_ring_nothing_left "left something" nothing_left
	status=0
	timeout 60 "$deny" EPERM io_uring_setup "$bench" --dir "$trees" --engine pathring --depth 4 \
		--time 0.2 --repeat 1 --json "$work/json" >"$work/out" 2>"$work/err" || status=$?
	check refused_ring_auto "exit code $status" [ "$status" -eq 0 ]
	check refused_ring_auto_backend "backend is $(value backend)" [ "$(value backend)" = '"threads"' ]
}

: >"$work/out2"
test_input
test_not_root
test_identities
test_descriptors
test_user_order
test_mix
test_rates
measured raw raw 1
measured smbd smbd 1
measured raw-uring_1 raw-uring 1
measured raw-uring_64 raw-uring 64
measured smbd-pool_1 smbd-pool 1
measured smbd-pool_64 smbd-pool 64
for engine in pathring pathring-uring pathring-threads pathring-sync; do
	measured "${engine}_1" "$engine" 1
	measured "${engine}_64" "$engine" 64
done
test_json
test_outputs
test_self
test_many_users
test_cold
test_pin
test_documented
test_idle
test_pool_calls
test_switch_calls
test_signals
test_disk_full
test_refused_ring

bench_exit
