#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The engines of pathring-bench that are others' work: libuv's thread pool and fio. Prints "ok NAME",
# "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/bench/test_peers.sh

	Tests the engines libuv and fio of the pathring-bench of the build directory \$PATHRING_BUILD (default: build).
	Its files are made in a new directory in \$TMPDIR (default: /tmp), which needs user xattrs. Needs root; what fio
	is needed for is skipped without it.

	  --help  print this text
	END
}

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bench_init peers "$@"
bench_need_root peers

# measure ARGUMENT...: with 200 files, the document in $work/json.
measure()
{
	rm -f "$work/json"
	run --files 200 --time 0.3 --json "$work/json" "$@"
}

# worked: the run was right, and nothing is left.
worked()
{
	[ "$status" -eq 0 ] && nothing_left
}

# values KEY: of this key in the JSON document, one a line.
values()
{
	sed -n 's/^ *"'"$1"'": \(.*[^,]\),\{0,1\}$/\1/p' "$work/json"
}

# ---- libuv

if "$bench" --help | tr -s ' \n' ' ' | grep -q 'smbd-pool libuv'; then
	measure --engine libuv --op lookup --depth 1,64
	check libuv "exit code $status, or wrong answers" worked
	check libuv_errors "wrong answers" eval '[ "$(values errors | sort -u)" = 0 ]'
	check libuv_threads "the number of threads is not said" eval 'values backend | grep -q "^\"[0-9]* threads\"$"'
	check libuv_placed "not all ran in threads" eval '[ "$(values inline | sort -u)" = 0 ] && [ "$(values thread | head -n 1)" -gt 0 ]'
	for op in openat statx getxattr setxattr pread pwrite mkdir-rmdir renameat; do
		measure --engine libuv --op "$op" --depth 16 --time 0.05
		check "libuv_$op" "exit code $status, or wrong answers" worked
	done
	UV_THREADPOOL_SIZE=3 measure --engine libuv --depth 8 --time 0.1
	check libuv_environment "UV_THREADPOOL_SIZE is not respected" \
		eval 'worked && [ "$(values backend)" = "\"3 threads\"" ]'
	UV_THREADPOOL_SIZE=0 measure --engine libuv --depth 8 --time 0.1
	check libuv_environment_zero "it is not said what libuv makes of 0" \
		eval 'worked && [ "$(values backend)" = "\"1 thread\"" ]'
	measure --engine libuv --op lookup --depth 16 --rate 500 --time 0.5 --repeat 1
	check libuv_rate "exit code $status, or $(values ops) operations instead of some 250" \
		eval 'worked && [ "$(values ops | head -n 1)" -ge 200 ] && [ "$(values ops | head -n 1)" -le 300 ]'
	measure --engine smbd,libuv,raw --op lookup --depth 4 --time 0.3
	check libuv_beside_others "exit code $status, or wrong answers" worked

	status=0
	timeout --foreground --preserve-status -s INT 1 "$bench" --dir "$trees" --files 200 --engine libuv --depth 64 --time 30 \
		>"$work/out" 2>"$work/err" || status=$?
	check libuv_interrupted "exit code $status instead of 130, or something is left" \
		eval '[ "$status" -eq 130 ] && nothing_left'
else
	refused libuv_missing 2 "built without libuv" --engine libuv
fi

# ---- fio

empty=$work/empty
mkdir "$empty"
status=0
PATH=$empty "$bench" --engine fio --dir "$trees" >"$work/out" 2>"$work/err" || status=$?
check fio_missing "exit code $status instead of 2, or it is not said" \
	eval '[ "$status" -eq 2 ] && grep -q "fio is not installed" "$work/err" && nothing_left'

if ! command -v fio >/dev/null; then
	printf 'ok fio # SKIP fio is not installed\n'
	exit $((failures > 0))
fi
measure --engine raw,fio --op stat --depth 1 --users 0 --time 0.6
check fio_document "the schema refuses it" valid_document
check fio "exit code $status, or it failed" worked
check fio_measured "no operations, or no times" \
	eval '[ "$(values ops | sort -n | head -n 1)" -gt 100 ] && [ "$(values p90 | cut -d. -f 1 | sort -n | head -n 1)" -gt 0 ]'
# The same call on the same files: the rest is noise of the machine, of which there may be much.
agrees()
{
	awk '/"engine": "raw"/ { engine = "raw" } /"engine": "fio"/ { engine = "fio" }
		/^ *"latency_ns"/ { inside = 1 } inside && /"p50"/ { p50[engine] = $2 + 0; inside = 0 }
		END { exit !(p50["raw"] > p50["fio"] / 4 && p50["raw"] < p50["fio"] * 4) }' "$work/json"
}
check fio_agrees "the medians of raw and fio differ fourfold" agrees
measure --engine raw,fio --op lookup --depth 1
check fio_left_out "exit code $status, or it is not said" eval 'worked && grep -q "fio .*left out: " "$work/out"'
refused fio_alone 2 "none of the engines has it" --engine fio --op lookup
refused fio_cold 2 "not with --cold" --engine raw,fio --op stat --cold
refused fio_missing_names 2 "not with --cold, --missing" --engine fio --op stat --missing 5
refused fio_rate 2 "or a rate" --engine fio --op stat --rate 100

# What fio says when it fails, and what is not its document.
cat >"$empty/fio" <<'END'
#!/bin/sh
echo "fio: engine filestat not loadable"
exit 1
END
chmod 755 "$empty/fio"
PATH=$empty:$PATH run --engine fio --op stat --depth 1
check fio_fails "exit code $status instead of 1, or its message is not shown" \
	eval '[ "$status" -eq 1 ] && grep -q "cannot run: fio: engine filestat not loadable" "$work/err" && nothing_left'
cat >"$empty/fio" <<'END'
#!/bin/sh
echo '{ "jobs": [ { "error": 0, "read": {} } ] }'
END
PATH=$empty:$PATH run --engine fio --op stat --depth 1
check fio_nothing "exit code $status instead of 1, or it is not said" \
	eval '[ "$status" -eq 1 ] && grep -q "measured nothing" "$work/err" && nothing_left'

# It does not outlive us, and is not waited for.
cat >"$empty/fio" <<END
#!/bin/sh
echo \$\$ >"$work/pid"
exec sleep 50
END
PATH=$empty:$PATH "$bench" --dir "$trees" --files 200 --engine fio --op stat --depth 1 >"$work/out" 2>"$work/err" &
running=$!
for ((i = 0; i < 100; i++)); do
	[ -s "$work/pid" ] && break
	sleep 0.05
done
kill -TERM "$running"
status=0
wait "$running" || status=$?
running=
check fio_interrupted "exit code $status instead of 143, or fio is left" \
	eval '[ "$status" -eq 143 ] && ! kill -0 "$(cat "$work/pid")" 2>/dev/null && nothing_left'

exit $((failures > 0))
