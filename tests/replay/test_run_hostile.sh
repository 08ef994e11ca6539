#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Nothing outside of --root is touched, whatever a trace says and whoever plants what there; and no trace makes the
# replayer crash. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_run_hostile.sh

	Tests the pathring-replay of the build directory \$PATHRING_BUILD (default: build). Needs root.

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init run_hostile "$@"
bench_need_root run_hostile
# shellcheck source=tests/replay/run-lib.sh
. "$top/tests/replay/run-lib.sh"

outside=$work/outside
swapper=

# Everything that is not to be touched, with all that could be changed of it.
state_outside()
{
	(cd "$outside" && find . -printf '%p %y %u %g %m %s %n %T@ %C@\n' | sort && cat dir/file)
}

make_outside()
{
	rm -rf "$outside"
	mkdir -p "$outside/dir/empty"
	echo precious >"$outside/dir/file"
	chmod -R a+rwX "$outside"
	chmod 755 "$work"
	state_outside >"$work/before"
}

untouched()
{
	state_outside >"$work/after"
	check "$1_untouched" "$(diff "$work/before" "$work/after" | tr '\n' ' ')" cmp -s "$work/before" "$work/after"
}

# All that a path can be asked for, by path and by handle.
requests_of()
{
	local path=$1 handle=$((requests * 10 + 1))

	created 1 "$handle" "$path" overwrite-if file '"options":"0x00001000"'
	request 1 write OK "\"handle\":$handle,\"offset\":0,\"length\":9,\"count\":9"
	request 1 set-info OK "\"handle\":$handle,\"info\":\"file\",\"level\":4,\"modified_ns\":1000000000,\"attributes\":2"
	request 1 set-info OK "\"handle\":$handle,\"info\":\"file\",\"level\":10,\"target\":\"$path\",\"replace\":true"
	request 1 close OK "\"handle\":$handle"
	request 1 query-info OK "\"share\":\"data\",\"path\":\"$path\",\"info\":\"file\",\"level\":4"
	request 1 set-info OK "\"share\":\"data\",\"path\":\"$path\",\"info\":\"file\",\"level\":4"
	request 1 query-directory OK "\"share\":\"data\",\"path\":\"$path\",\"level\":37,\"pattern\":\"*\",\"count\":1"
	request 1 rename OK "\"share\":\"data\",\"path\":\"$path\",\"target\":\"stolen\",\"replace\":true"
	request 1 rename OK "\"share\":\"data\",\"path\":\"mine\",\"target\":\"$path\",\"replace\":true"
	request 1 mkdir OK "\"share\":\"data\",\"path\":\"$path\""
	request 1 rmdir OK "\"share\":\"data\",\"path\":\"$path\""
	request 1 unlink OK "\"share\":\"data\",\"path\":\"$path\""
	request 1 deltree OK "\"share\":\"data\",\"path\":\"$path\""
}

# leaves NAME PATH: what can't be below a share is refused, request by request.
leaves()
{
	make_outside
	begin
	user 1 eve
	requests_of "$2"
	ends
	replayed "$1" --engine pathring,threads
	untouched "$1"
	check "$1_failed" "$(jq -c '.rounds[] | .requests' "$work/json")" holds 'all(.rounds[]; .requests.failed == 14)'
	check "$1_made_nothing" "$(find "$root")" [ -z "$(find "$root" -mindepth 2)" ]
}

test_paths()
{
	local long

	leaves up ../outside/dir/file
	leaves up_inside a/../../outside/dir/file
	leaves absolute "$outside/dir/file"
	leaves dot ./x
	leaves nothing a//b
	long=$(printf '%0300d' 0)
	leaves long_name "$long"
	long=$(printf 'x/%.0s' {1..10000})x
	leaves many_components "$long"
}

test_shares()
{
	local share number=0

	for share in .. . ../outside outside/dir '\\\\server\\..' "$outside"; do
		number=$((number + 1))
		make_outside
		begin
		user 1 eve
		request 1 create OK "\"handle\":1,\"share\":\"$share\",\"path\":\"dir/file\",\"disposition\":\"overwrite-if\",$(
			)\"access\":\"0x3\",\"options\":\"0x0\""
		ends
		replayed "share_$number"
		untouched "share_$number"
		check "share_failed_$number" "$(jq -c '.rounds[].requests' "$work/json")" holds '.rounds[0].requests.failed == 1'
	done
}

test_no_string()
{
	begin
	user 1 eve
	created 1 1 'name\u0000' create file
	ends
	fresh
	refused with_nul 1 "line 3" run "$trace" --root "$root"
}

# Links that somebody has planted: as a share, on the way, as the last name.
test_links()
{
	local engine

	for engine in pathring requests threads sync; do
		make_outside
		begin
		user 1 eve
		requests_of link/file
		requests_of link/empty
		requests_of link/new
		requests_of leaf
		requests_of link
		ends
		fresh
		mkdir -m 777 "$root/data"
		ln -s "$outside/dir" "$root/data/link"
		ln -s "$outside/dir/file" "$root/data/leaf"
		ln "$outside/dir/file" "$work/other-name"
		run run "$trace" --root "$root" --init no --engine "$engine" --json "$work/json"
		check "links_$engine" "exit code $status: $(cat "$work/err")" [ "$status" -eq 0 ]
		rm -f "$work/other-name"
		(cd "$outside" && find . -printf '%p %y %u %g %m %s %T@\n' | sort && cat dir/file) >"$work/after"
		sed -E 's/^(\S+ \S \S+ \S+ \S+ \S+) \S+ (\S+) \S+$/\1 \2/' "$work/before" >"$work/before-brief"
		check "links_untouched_$engine" "$(diff "$work/before-brief" "$work/after" | tr '\n' ' ')" \
			cmp -s "$work/before-brief" "$work/after"
	done

	make_outside
	fresh
	ln -s "$outside" "$root/data"
	begin
	user 1 eve
	created 1 1 'dir/there' open file
	ends
	refused link_as_share 1 "cannot open data" run "$trace" --root "$root" --existing
	untouched link_as_share
}

# A directory that is a link every other moment.
test_race()
{
	local i

	make_outside
	begin
	user 1 eve
	for ((i = 0; i < 100; i++)); do
		requests_of swapped/file
		requests_of swapped/empty
	done
	ends
	fresh
	mkdir -m 777 "$root/data" "$root/data/swapped" "$root/data/kept"
	ln -s "$outside/dir" "$root/data/link"
	python3 - "$root/data/swapped" "$root/data/link" <<-'END' &
	import ctypes, sys
	libc = ctypes.CDLL(None)
	while True:
	    libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)
	END
	swapper=$!
	for i in 1 2 3; do
		run run "$trace" --root "$root" --init no --order none --engine pathring --json "$work/json"
		check "race_runs_$i" "exit code $status: $(cat "$work/err")" [ "$status" -eq 0 ]
		run run "$trace" --root "$root" --init no --order none --engine threads --json "$work/json"
	done
	stop_swapper
	untouched race
}

stop_swapper()
{
	if [ -n "$swapper" ]; then
		kill "$swapper" 2>/dev/null || true
		wait "$swapper" 2>/dev/null || true
		swapper=
	fi
}

# Cleaning up removes what is in the tree, not what links in it lead to, nor what is mounted there.
test_cleanup()
{
	make_outside
	begin
	user 1 eve
	timed 0 1 create OK '"handle":1,"share":"data","path":"f","access":"0x3","disposition":"create","options":"0x40"'
	timed 1500 1 close OK '"handle":1'
	ends
	fresh
	"$replay" run "$trace" --root "$root" --speed 1 --cleanup >"$work/out" 2>"$work/err" &
	running=$!
	for _ in $(seq 100); do
		if [ -e "$root/data/f" ]; then
			break
		fi
		sleep 0.1
	done
	ln -s "$outside" "$root/data/planted"
	ln -s "$outside" "$root/planted"
	mkdir "$root/data/mounted"
	mount --bind "$outside" "$root/data/mounted"
	status=0
	wait "$running" || status=$?
	running=
	umount "$root/data/mounted"
	check cleanup_complains "exit code $status" [ "$status" -eq 1 ]
	check cleanup_links "$(find "$root")" [ "$(find "$root" -type l | wc -l)" -eq 0 ]
	untouched cleanup
}

tidy()
{
	stop_swapper
	if mountpoint -q "$root/data/mounted"; then
		umount "$root/data/mounted"
	fi
}

test_not_empty()
{
	begin
	user 1 alice
	created 1 1 'f' open file
	ends
	fresh
	echo mine >"$root/mine"
	refused not_empty 1 "is not empty" run "$trace" --root "$root"
	run run "$trace" --root "$root" --existing
	check existing "exit code $status: $(cat "$work/err")" [ "$status" -eq 0 ]
	check existing_kept "$(ls "$root")" [ "$(cat "$root/mine")" = mine ]
}

# Numbers that are larger than anything.
test_numbers()
{
	local half=9223372036854775807

	begin
	user 1 eve
	created 1 1 'f' open file "\"size\":\"0xffffffffffffffff\""
	request 1 read OK "\"handle\":1,\"offset\":\"0xffffffffffffffff\",\"length\":1000,\"count\":4294967295"
	request 1 read OK "\"handle\":1,\"offset\":$half,\"length\":1000,\"count\":1000"
	request 1 write OK "\"handle\":1,\"offset\":\"0x7fffffffffffffff\",\"length\":1000,\"count\":1000"
	request 1 write OK "\"handle\":1,\"offset\":0,\"length\":$half,\"count\":1"
	request 1 set-info OK "\"handle\":1,\"info\":\"file\",\"level\":20,\"size\":\"0xffffffffffffffff\""
	request 1 set-info OK "\"handle\":1,\"info\":\"file\",\"level\":19,\"size\":$half"
	request 1 set-info OK "\"handle\":1,\"info\":\"file\",\"level\":4,\"modified_ns\":\"0xffffffffffffffff\",\"attributes\":4294967295"
	request 1 set-info OK "\"handle\":1,\"info\":\"file\",\"level\":4294967295"
	created 1 2 'd' open directory
	request 1 query-directory OK "\"handle\":2,\"level\":37,\"pattern\":\"*\",\"count\":4294967295"
	request 1 query-directory OK "\"handle\":2,\"level\":37,\"pattern\":\"$(printf '%0900d' 0)\",\"restart\":true"
	request 1 query-directory OK "\"handle\":2,\"level\":37,\"pattern\":\"$(printf '*?%.0s' {1..120})\",\"restart\":true"
	request 1 close OK "\"handle\":1"
	request 1 close OK "\"handle\":1"
	created 1 1 'again' create file
	created 1 1 'and-again' create file
	request 1 rename OK '"share":"data","path":"d","target":"d/below/itself"'
	request 1 rename OK '"share":"data","path":"","target":"x"'
	request 1 deltree OK '"share":"data","path":""'
	ends
	replayed numbers --engine pathring,threads
	check numbers_account "$(jq -c '.rounds[].requests' "$work/json")" \
		holds 'all(.rounds[].requests; .recorded == .replayed + .skipped + .failed)'
	check numbers_fillers "$(find "$root" -name 'not-named*' | wc -l)" \
		[ "$(find "$root" -name 'not-named*' | wc -l)" -le 10000 ]
}

# Traces with bytes changed are refused or replayed, never a crash, and never outside.
test_mutated()
{
	local file crashed=0

	make_outside
	begin
	user 1 eve
	requests_of a/b
	requests_of c
	ends
	mkdir "$work/mutated"
	python3 - "$trace" "$work/mutated" <<-'END'
	import random, sys
	random.seed(1)
	whole = open(sys.argv[1], 'rb').read()
	for number in range(60):
	    data = bytearray(whole)
	    for _ in range(random.randint(1, 4)):
	        at = random.randrange(len(data))
	        data[at] = random.choice([data[at] ^ 1 << random.randrange(8), 0x30 + random.randrange(10), 0x2e, 0x2f])
	    open(f'{sys.argv[2]}/{number}', 'wb').write(data)
	END
	for file in "$work"/mutated/*; do
		fresh
		run run "$file" --root "$root"
		if [ "$status" -ne 0 ] && [ "$status" -ne 1 ]; then
			crashed=$((crashed + 1))
		fi
	done
	check mutated "$crashed crashed" [ "$crashed" -eq 0 ]
	untouched mutated
}

test_paths
test_shares
test_no_string
test_links
test_race
test_cleanup
test_not_empty
test_numbers
test_mutated
bench_exit
