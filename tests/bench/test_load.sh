#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How pathring-bench puts engines under load and accounts for it: the open loop, stalls, system calls, kernel workers,
# cold rounds, warnings. Prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/bench/test_load.sh

	Tests the pathring-bench of the build directory \$PATHRING_BUILD (default: build). Needs root and jq. Its files are
	made in a new directory in \$TMPDIR (default: /tmp), which needs user xattrs.

	  --help  print this text
	END
}

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bench_init load "$@"
bench_need_root load
mounted=$work/mounted
mkdir "$mounted"
burning=

tidy()
{
	if [ -n "$burning" ]; then
		kill -TERM "$burning" 2>/dev/null || true
	fi
	if mountpoint -q "$mounted"; then
		umount "$mounted" || true
	fi
}

# measure ARGUMENT...: with 50 files, the document in $work/json.
measure()
{
	rm -f "$work/json"
	run --files 50 --json "$work/json" "$@"
}

# measure_while ARGUMENT...: the same in the background, see start.
measure_while()
{
	rm -f "$work/json"
	start --json "$work/json" "$@"
}

# value FILTER: of jq, of the document.
value()
{
	jq -r "$1" "$work/json"
}

# holds FILTER: whether it is true of the document.
holds()
{
	jq -e "$1" "$work/json" >/dev/null
}

# each NAME FILTER: it holds for every result.
each()
{
	check "$1" "$(value ".results[] | select($2 | not) | \"\\(.engine) \\(.ops) \\(.latency_ns) \\(.slip_ns)\"" |
		head -n 3 | tr '\n' ' ')" holds "(.results | length > 0) and ([.results[] | $2] | all)"
}

nothing_left()
{
	[ -z "$(ls -A "$trees")" ]
}

# A rate that every engine can do is met, whatever the machine is busy with: what is late is made up for.
test_rate()
{
	measure --engine raw,raw-uring,smbd,smbd-pool,pathring,pathring-threads,pathring-sync --rate 1000 --time 0.5 --repeat 1
	check rate_document "the schema refuses it" valid_document
	check rate "exit code $status" [ "$status" -eq 0 ]
	each rate_met '.ops == 500 and .unissued == 0'
	each rate_said '.load == "open" and .rate == 1000 and .ops_per_second <= 1000.1'
	each rate_parts '(.service_ns.mean + .slip_ns.mean) / .latency_ns.mean | . > 0.99 and . < 1.01'
	each rate_histograms '[.histogram[] | map(.[1]) | add] == [500, 500, 500]'
	# By more than the timer's slack, sleeps would be late all the time.
	each rate_slip '.slip_ns.p50 < 2000000'

	measure --engine raw --depth 1 --time 0.1 --repeat 1
	each closed_parts '.load == "closed" and .rate == null and .service_ns == null and .slip_ns == null'
	each closed_histogram '(.histogram | keys) == ["latency"]'

	# More users than requests are due in the time: each is made known before.
	measure --engine pathring --users 40 --rate 10 --time 0.3 --repeat 1
	check rate_low "exit code $status" [ "$status" -eq 0 ]
	each rate_low_met '.ops == 3'
}

test_overload()
{
	local started=$SECONDS

	measure --engine raw,raw-uring,smbd-pool,pathring --rate 50000000 --depth 64 --time 0.4 --repeat 2
	check overload "exit code $status" [ "$status" -eq 0 ]
	check overload_ends "took $((SECONDS - started)) s" [ $((SECONDS - started)) -le 30 ]
	each overload_unissued '.unissued > 0 and .ops > 0 and .ops + .unissued == 20000000'
	# Of a second: twice the time of a round. Half of what was begun was late for longer than a quarter of that.
	each overload_late '.latency_ns.p50 > 50000000 and .service_ns.p50 < .latency_ns.p50'
}

# stalled ARGUMENT...: a run of 3 s, in which the process stands still for 50 ms five times.
stalled()
{
	local i

	measure_while --time 3 --repeat 1 "$@"
	for i in 1 2 3 4 5; do
		kill -STOP "$running"
		sleep 0.05
		kill -CONT "$running"
		sleep 0.3
	done
	finish
}

# Of 1,500 requests some 125 are due while nothing runs. Closed, five of many thousands are under way then.
test_stall()
{
	local engine

	for engine in raw pathring; do
		stalled --engine "$engine" --rate 500
		check "stall_open_$engine" "exit code $status" [ "$status" -eq 0 ]
		each "stall_open_${engine}_shows" '.latency_ns.p99_9 >= 20000000'
		each "stall_open_${engine}_met" '.ops == 1500'
		stalled --engine "$engine" --depth 1
		each "stall_closed_${engine}_hides" '.latency_ns.p99_9 < 20000000'
		each "stall_closed_${engine}_happened" '.latency_ns.max >= 40000000'
	done
}

test_signals()
{
	local started

	measure_while --engine raw,pathring --rate 2000 --time 20 --repeat 20
	sleep 2.5
	kill -s INT "$running"
	finish
	check signal_open "exit code $status instead of 130" [ "$status" -eq 130 ]
	check signal_open_partial "complete, or nothing in it" holds '(.complete | not) and (.results | length > 0)'
	check signal_open_nothing_left "left something" nothing_left

	# While it waits for the next one to be due.
	for engine in raw pathring; do
		measure_while --engine "$engine" --rate 0.1 --time 20 --repeat 1
		started=$SECONDS
		kill -s TERM "$running"
		finish
		check "signal_waiting_$engine" "exit code $status instead of 143" [ "$status" -eq 143 ]
		check "signal_waiting_${engine}_ends" "took $((SECONDS - started)) s" [ $((SECONDS - started)) -le 5 ]
	done
}

test_system_calls()
{
	local calls statx

	measure --engine raw,smbd --depth 1 --time 0.2 --repeat 1
	if holds '.results[0].syscalls_per_op == null'; then
		check calls_null_is_said "no warning" holds '.warnings | any(startswith("system calls could not be counted"))'
		skip calls "they cannot be counted here"
		return
	fi
	# openat, statx, getxattr, close; and the 13 of a change of user, for almost every request.
	check calls_raw "$(value '.results[0].syscalls_per_op')" \
		holds '.results[0].syscalls_per_op | . >= 4 and . < 4.1'
	check calls_smbd "$(value '.results[1].syscalls_per_op')" \
		holds '.results[1].syscalls_per_op | . > 16 and . < 17.1'
	# Waiting for the clock is not the engine's.
	measure --engine raw --rate 1000 --time 0.3 --repeat 1
	check calls_open "$(value '.results[0].syscalls_per_op')" \
		holds '.results[0].syscalls_per_op | . >= 4 and . < 4.5'
	# Threads count.
	measure --engine smbd-pool --depth 16 --time 0.2 --repeat 1
	check calls_threads "$(value '.results[0].syscalls_per_op')" holds '.results[0].syscalls_per_op >= 12'

	if command -v strace >/dev/null; then
		# A process that is traced can't look for leaks.
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 \
		timeout 60 strace -f -qq -o "$work/strace" -e trace=openat,statx,getxattr,close \
			"$bench" --dir "$trees" --engine raw --depth 1 --time 0.3 --repeat 1 --files 50 \
			>"$work/out" 2>"$work/err" || true
		calls=$(wc -l <"$work/strace")
		statx=$(grep -c 'statx(' "$work/strace" || true)
		check calls_strace "$calls calls for $statx statx" \
			[ "$calls" -ge $((4 * statx - 20)) -a "$calls" -le $((4 * statx + 1000)) -a "$statx" -gt 500 ]
	else
		skip calls_strace "strace is missing"
	fi

	if [ ! -x "$deny" ]; then
		check calls_refused "$deny is not built" false
		return
	fi
	status=0
	timeout 60 "$deny" EPERM perf_event_open "$bench" --dir "$trees" --engine raw --depth 1 --time 0.1 \
		--repeat 1 --files 50 --json "$work/json" >"$work/out" 2>"$work/err" || status=$?
	check calls_refused "exit code $status" [ "$status" -eq 0 ]
	each calls_refused_null '.syscalls_per_op == null'
	check calls_refused_is_said "$(value .warnings)" \
		holds '.warnings | any(startswith("system calls could not be counted: perf_event_open: "))'
}

# worker_ticks: CPU time of the kernel's workers, and of all other threads.
worker_ticks()
{
	cat /proc/"$running"/task/*/stat 2>/dev/null | awk '
		{ split($0, ends, ") "); split(ends[2], fields, " ") }
		/\(iou-wrk/ { workers += fields[12] + fields[13]; next }
		{ others += fields[12] + fields[13] }
		END { print workers + 0, others + 0 }'
}

# Directories are made by workers of the ring, more than by the process.
test_kernel_workers()
{
	local workers others workers_after others_after hertz total

	hertz=$(getconf CLK_TCK)
	measure_while --engine raw-uring --op mkdir-rmdir --users 0 --depth 16 --time 2 --repeat 1
	read -r workers others < <(worker_ticks)
	sleep 1
	read -r workers_after others_after < <(worker_ticks)
	finish
	workers=$(((workers_after - workers) * 1000 / hertz))
	others=$(((others_after - others) * 1000 / hertz))
	total=$(value '.results[0] | .cpu_ns_per_op * .ops / 1e6 | floor')
	check workers_work "workers took $workers ms and others $others ms" [ "$workers" -gt "$others" ]
	check workers_count "$total ms in all, and $workers ms of workers in a part of it" \
		[ $((total + 20)) -ge $((workers + others)) ]
}

test_cold()
{
	local mount_it="mount -o loop $work/image $mounted"

	measure --engine raw --depth 1 --time 0.1 --repeat 2 --between "mv $trees/* $work/away"
	check between_gone "exit code $status" [ "$status" -eq 1 ]
	check between_gone_is_said "no such message" grep -q 'cannot come back to .*: No such file' "$work/err"
	rm -rf "$work/away" "${trees:?}"/*

	# shellcheck disable=SC2016
	measure --engine raw --depth 1 --time 0.1 --repeat 2 --between \
		'cd '"$trees"' && name=$(ls) && mv "$name" '"$work"'/away && mkdir "$name" && touch "$name/file-000001"'
	check between_other "exit code $status" [ "$status" -eq 1 ]
	check between_other_is_said "no such message" grep -q 'is another directory now' "$work/err"
	check between_other_not_touched "something was removed" \
		[ "$(find "$trees" -name file-000001 | wc -l)" -eq 1 ]
	rm -rf "$work/away" "${trees:?}"/*

	truncate -s 32M "$work/image"
	if ! mkfs.ext4 -q -F "$work/image" 2>/dev/null || ! $mount_it 2>/dev/null; then
		skip cold_mounted_anew "cannot mount a loop device here"
		return
	fi
	measure --dir "$mounted" --cold --engine raw,raw-uring,smbd,smbd-pool,pathring,pathring-threads --depth 1,16 --repeat 2 \
		--between "umount $mounted && $mount_it"
	check cold_mounted_anew "exit code $status" [ "$status" -eq 0 ]
	each cold_all '.cache == "cold" and .ops == 96 and .errors == 0'
	check cold_nothing_left "left something" [ "$(ls "$mounted")" = lost+found ]
	check cold_mount_is_said "$(value .host.mount_source)" \
		[ "$(value .host.mount_source)" = "$(findmnt -n -o SOURCE "$mounted")" ]

	# What was just made is read from the disk in each round, that which counts system calls included.
	cat >"$work/count" <<-END
	awk '{ print \$3 }' "/sys/class/block/$(basename "$(findmnt -n -o SOURCE "$mounted")")/stat" >>"$work/sectors"
	END
	measure --dir "$mounted" --files 400 --cold --engine raw --depth 1 --repeat 2 --between "sh $work/count"
	sh "$work/count"
	check cold_is_cold "sectors read: $(tr '\n' ' ' <"$work/sectors")" sort -c -n -u "$work/sectors"
	umount "$mounted"
}

test_host()
{
	local expected

	measure --engine raw --depth 1 --time 0.1 --repeat 1
	# In a chroot that is no mount point neither of them can know.
	expected=$(findmnt -n -o FSTYPE -T "$trees" || true)
	check host_file_system "$(value .host.file_system)" [ "$(value .host.file_system)" = "${expected:-unknown}" ]
	check host_memory "$(value .host.memory)" holds '.host.memory > 1000000'
	check host_mitigations "$(value .host.mitigations)" \
		[ "$(value '.host.mitigations | length')" -eq "$(find /sys/devices/system/cpu/vulnerabilities -type f | wc -l)" ]
	check host_noise "$(value '.host | .steal_percent, .other_cpu_percent')" \
		holds '.host | .steal_percent >= 0 and .steal_percent <= 100 and .other_cpu_percent >= 0 and .other_cpu_percent <= 100'
}

test_warnings()
{
	# One round of two loses half of its time.
	measure_while --engine raw --depth 1 --time 2 --repeat 2
	kill -STOP "$running"
	sleep 0.5
	kill -CONT "$running"
	finish
	check spread_is_said "$(value '.results[0].spread_percent, .warnings')" \
		holds '.warnings | any(test("^lookup: the rounds of raw at depth 1 differ by [0-9]+ %.*: repeat on a quieter machine"))'

	nice -n 19 timeout 5 sh -c 'while :; do :; done' &
	burning=$!
	measure --engine raw --depth 1 --time 1 --repeat 1
	kill -TERM "$burning" 2>/dev/null || true
	wait "$burning" 2>/dev/null || true
	burning=
	check others_are_said "$(value '.host.other_cpu_percent, .warnings')" \
		holds '.host.other_cpu_percent <= 10 or (.warnings | any(startswith("others than pathring-bench used ")))'
	if [ "$(nproc)" -gt 1 ] && [ "$(nproc)" -le 8 ]; then
		check others_are_seen "$(value '.host.other_cpu_percent')" holds '.host.other_cpu_percent > 5'
	fi
}

if ! command -v jq >/dev/null; then
	printf 'not ok load - jq is missing\n'
	exit 1
fi
test_rate
test_overload
test_stall
test_signals
test_system_calls
test_kernel_workers
test_cold
test_host
test_warnings

bench_exit
