#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Loadfiles of dbench: the whole of their grammar, what is refused, and the one that Debian's dbench has. Prints
# "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_loadfile.sh

	Tests the pathring-replay of the build directory \$PATHRING_BUILD (default: build). Needs Debian's dbench for its
	loadfile.

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init loadfile "$@"

real=/usr/share/dbench/client.txt

# import LINE...: a loadfile of these; the requests are in $work/out.
import()
{
	printf '%s\n' "$@" >"$work/load"
	run import --format loadfile "$work/load" -o -
}

# line NAME LINE EXPECTED: what one line, after two that open handles, becomes; without what all have.
line()
{
	local name=$1 got

	import 'NTCreateX "\a" 0x40 0x2 7 NT_STATUS_OK' 'NTCreateX "\b" 0x40 0x2 8 NT_STATUS_OK' "$2"
	got=$(jq -c 'select(.request == 3) | del(.request, .session)' "$work/out")
	check "$name" "it is $got" [ "$got" = "$3" ]
}

# bad NAME TEXT LINE: refused with its number.
bad()
{
	printf 'Mkdir "\\x" NT_STATUS_OK\n\n# comment\n%s\n' "$3" >"$work/load"
	refused "$1" 1 "load, line 4: $2" import --format loadfile "$work/load" -o "$work/none"
}

test_operations()
{
	local at='"status":"NT_STATUS_OK"' access='"access":"0x00000183"'

	line create 'NTCreateX "\clients\c d\e.txt" 0x40 0x5 9 NT_STATUS_OK' \
		"{\"command\":\"create\",$at,\"handle\":3,\"path\":\"clients/c d/e.txt\",$access,$(
		)\"disposition\":\"overwrite-if\",\"options\":\"0x00000040\",\"kind\":\"file\"}"
	line create_directory 'NTCreateX "\clients" 0x1 0x2 9 NT_STATUS_OK' \
		"{\"command\":\"create\",$at,\"handle\":3,\"path\":\"clients\",\"access\":\"0x00000001\",$(
		)\"disposition\":\"create\",\"options\":\"0x00000001\",\"kind\":\"directory\"}"
	line create_any 'NTCreateX "" 0x0 0x1 9 NT_STATUS_OK' \
		"{\"command\":\"create\",$at,\"handle\":3,\"path\":\"\",$access,\"disposition\":\"open\",$(
		)\"options\":\"0x00000000\"}"
	line create_failed 'NTCreateX "\no" 0x40 0x1 9 NT_STATUS_OBJECT_NAME_NOT_FOUND' \
		"{\"command\":\"create\",\"status\":\"NT_STATUS_OBJECT_NAME_NOT_FOUND\",\"path\":\"no\",$access,$(
		)\"disposition\":\"open\",\"options\":\"0x00000040\",\"kind\":\"file\"}"
	line close 'Close 8 NT_STATUS_OK' "{\"command\":\"close\",$at,\"handle\":2}"
	line read 'ReadX 7 65536 4096 4000 NT_STATUS_OK' \
		"{\"command\":\"read\",$at,\"handle\":1,\"offset\":65536,\"length\":4096,\"count\":4000}"
	line write 'WriteX 7 0x10 1 1 NT_STATUS_OK' \
		"{\"command\":\"write\",$at,\"handle\":1,\"offset\":16,\"length\":1,\"count\":1}"
	line write_old 'Write 7 18446744073709551615 1 0 0xC000007F' \
		"{\"command\":\"write\",\"status\":\"NT_STATUS_DISK_FULL\",\"handle\":1,$(
		)\"offset\":\"0xffffffffffffffff\",\"length\":1,\"count\":0}"
	line query_path 'QUERY_PATH_INFORMATION "\a" 1004 NT_STATUS_OK' \
		"{\"command\":\"query-info\",$at,\"path\":\"a\",\"info\":\"file\",\"level\":4}"
	line query_file 'QUERY_FILE_INFORMATION 7 258 NT_STATUS_OK' \
		"{\"command\":\"query-info\",$at,\"handle\":1,\"info\":\"file\",\"level\":5}"
	line query_fs 'QUERY_FS_INFORMATION 1 NT_STATUS_OK' \
		"{\"command\":\"query-info\",$at,\"info\":\"filesystem\",\"level\":3}"
	line set_file 'SET_FILE_INFORMATION 7 1004 NT_STATUS_OK' \
		"{\"command\":\"set-info\",$at,\"handle\":1,\"info\":\"file\",\"level\":4}"
	line find 'FIND_FIRST "\c\d\*.x" 260 1366 5 NT_STATUS_OK' \
		"{\"command\":\"query-directory\",$at,\"path\":\"c/d\",\"level\":3,\"pattern\":\"*.x\",$(
		)\"restart\":true,\"count\":5}"
	line find_at_root 'FIND_FIRST "\*" 260 1366 5 NT_STATUS_OK' \
		"{\"command\":\"query-directory\",$at,\"path\":\"\",\"level\":3,\"pattern\":\"*\",$(
		)\"restart\":true,\"count\":5}"
	line find_bare 'FIND_FIRST "a" 260 1366 1 NT_STATUS_OK' \
		"{\"command\":\"query-directory\",$at,\"path\":\"\",\"level\":3,\"pattern\":\"a\",$(
		)\"restart\":true,\"count\":1}"
	line unlink 'Unlink "\a" 0x6 NT_STATUS_OK' "{\"command\":\"unlink\",$at,\"path\":\"a\"}"
	line flush 'Flush 7 NT_STATUS_OK' "{\"command\":\"flush\",$at,\"handle\":1}"
	line rename 'Rename "\a" "\c" NT_STATUS_OK' "{\"command\":\"rename\",$at,\"path\":\"a\",\"target\":\"c\"}"
	line lock 'LockX 7 5 6 NT_STATUS_OK' \
		"{\"command\":\"lock\",$at,\"handle\":1,\"offset\":5,\"length\":6,\"level\":0}"
	line unlock 'UnlockX 7 5 6 NT_STATUS_OK' \
		"{\"command\":\"lock\",$at,\"handle\":1,\"offset\":5,\"length\":6,\"level\":0}"
	line deltree 'Deltree "\a" NT_STATUS_OK' "{\"command\":\"deltree\",$at,\"path\":\"a\"}"
	line mkdir 'Mkdir "\a" NT_STATUS_OK' "{\"command\":\"mkdir\",$at,\"path\":\"a\"}"
	line rmdir 'Rmdir "\a" NT_STATUS_OK' "{\"command\":\"rmdir\",$at,\"path\":\"a\"}"
}

test_words()
{
	line time '1.5 Flush 7 NT_STATUS_OK' \
		'{"time_ns":1500000000,"command":"flush","status":"NT_STATUS_OK","handle":1}'
	line blanks $'\t Flush  7\tNT_STATUS_OK \r' '{"command":"flush","status":"NT_STATUS_OK","handle":1}'
	line status_number 'Flush 7 0xc0000022' '{"command":"flush","status":"NT_STATUS_ACCESS_DENIED","handle":1}'
	line status_success 'Flush 7 SUCCESS' '{"command":"flush","status":"NT_STATUS_OK","handle":1}'
	line status_error 'Flush 7 ERROR' '{"command":"flush","status":"NT_STATUS_UNSUCCESSFUL","handle":1}'
	line status_any 'Flush 7 *' '{"command":"flush","handle":1}'
	line status_warning 'FIND_FIRST "\*" 260 1 0 STATUS_NO_MORE_FILES' \
		"{\"command\":\"query-directory\",\"status\":\"NT_STATUS_NO_MORE_FILES\",\"path\":\"\",\"level\":3,$(
		)\"pattern\":\"*\",\"restart\":true,\"count\":0}"
	line dots 'Mkdir "\..\x\.\y" NT_STATUS_OK' '{"command":"mkdir","status":"NT_STATUS_OK","path":"../x/./y"}'
	line latin1 "$(printf 'Mkdir "\\f\xfc" NT_STATUS_OK')" \
		'{"command":"mkdir","status":"NT_STATUS_OK","path":{"hex":"66fc"}}'
	line unknown_handle 'Close 99 NT_STATUS_OK' \
		'{"command":"close","status":"NT_STATUS_OK","skip":"opened before the trace"}'
	import '# nothing' '' 'Mkdir "\x" NT_STATUS_OK' '#Mkdir "\y" NT_STATUS_OK'
	check comments "$(cat "$work/out")" [ "$(grep -c '"request"' "$work/out")" -eq 1 ]
	# A number that is used again is another handle; a close that failed leaves it open.
	import 'NTCreateX "\a" 0x40 0x2 7 NT_STATUS_OK' 'Close 7 NT_STATUS_SHARING_VIOLATION' 'Flush 7 NT_STATUS_OK' \
		'Close 7 NT_STATUS_OK' 'NTCreateX "\b" 0x40 0x2 7 NT_STATUS_OK' 'Flush 7 NT_STATUS_OK' 'Close 7 NT_STATUS_OK' \
		'Close 7 NT_STATUS_INVALID_HANDLE'
	check handle_again "$(jq -c .handle "$work/out" | tr '\n' ' ')" \
		[ "$(jq -c 'select(.request) | .handle' "$work/out" | tr '\n' ' ')" = "1 1 1 1 2 2 2 null " ]
	# Many at a time, closed in another order: none is lost, and none is found that was closed.
	{
		seq -f 'NTCreateX "\a" 0x40 0x1 %.0f NT_STATUS_OK' 1 1000
		seq -f 'Close %.0f NT_STATUS_OK' 1 3 1000
		seq -f 'Flush %.0f NT_STATUS_OK' 1 1000
	} >"$work/load"
	run import --format loadfile "$work/load" -o "$work/trace"
	jq -r 'select(.command == "flush") | .handle // .skip' "$work/trace" >"$work/out"
	check many_handles "$(sort "$work/out" | uniq -c | sort -rn | head -n 3)" \
		diff -q "$work/out" <(seq 1 1000 | awk '{ print $1 % 3 == 1 ? "opened before the trace" : $1 }')
}

test_refused()
{
	bad smb1 "SMBopen: a loadfile of dbench 1" 'SMBopen "\x" NT_STATUS_OK'
	bad sleep "Sleep: no request" 'Sleep 100 NT_STATUS_OK'
	bad loop "LOOP: no request" 'LOOP 5'
	bad unknown "Frobnicate: no request" 'Frobnicate 1 NT_STATUS_OK'
	bad quote "a quote is missing" 'Mkdir "\x NT_STATUS_OK'
	bad few "Close: takes 1 words and a status" 'Close NT_STATUS_OK'
	bad many "Close: takes 1 words and a status" 'Close 1 2 NT_STATUS_OK'
	bad very_many "more words than any line has" "Close $(seq -s ' ' 100) NT_STATUS_OK"
	bad no_status "1: not the name of a status" 'Rmdir "\x" 1'
	bad unknown_status "NT_STATUS_FINE: not the name" 'Rmdir "\x" NT_STATUS_FINE'
	bad no_number 'Close: word 2, "x": not what it should be' 'Close x NT_STATUS_OK'
	bad negative 'ReadX: word 3, "-1": not what' 'ReadX 1 -1 1 1 NT_STATUS_OK'
	bad too_large 'ReadX: word 3, "18446744073709551616": not what' 'ReadX 1 18446744073709551616 1 1 NT_STATUS_OK'
	bad options_too_large 'NTCreateX: word 3, "0x100000000": not what' 'NTCreateX "\x" 0x100000000 1 1 NT_STATUS_OK'
	bad unknown_level 'QUERY_PATH_INFORMATION: word 3, "3": not what' 'QUERY_PATH_INFORMATION "\x" 3 NT_STATUS_OK'
	bad bad_time "1.2.3: not a time" '1.2.3 Rmdir "\x" NT_STATUS_OK'
	printf '# only a comment\n' >"$work/load"
	refused no_request 1 "a loadfile without a request" import --format loadfile "$work/load" -o "$work/none"
	head -c 70000 /dev/zero | tr '\0' x >"$work/load"
	refused long_line 1 "line 1: longer than" import --format loadfile "$work/load" -o "$work/none"
	check nothing_made "$(ls "$work")" [ ! -e "$work/none" ]
}

# Every line of the real one is one request, and what they are adds up to what is in it.
test_real()
{
	local lines

	if [ ! -r "$real" ]; then
		not_ok real "no $real: Debian's dbench is missing"
		return
	fi
	lines=$(wc -l <"$real")
	run import "$real" -o "$work/trace"
	check real "exit code $status" [ "$status" -eq 0 ]
	run info --json "$work/trace"
	check real_requests "$(jq .requests "$work/out") of $lines" [ "$(jq .requests "$work/out")" = "$lines" ]
	check real_creates "$(jq .commands.create "$work/out")" \
		[ "$(jq .commands.create.requests "$work/out")" = "$(grep -c ^NTCreateX "$real")" ]
	check real_skipped "$(jq .skips "$work/out")" \
		[ "$(jq .skipped "$work/out")" = "$(grep -cE '^(Lock|Unlock)X' "$real")" ]
	check real_bytes "$(jq .commands.write.bytes "$work/out")" \
		[ "$(jq .commands.write.bytes "$work/out")" = "$(awk '$1 == "WriteX" { n += $5 } END { print n }' "$real")" ]
	check real_not_found "$(jq -c .statuses "$work/out")" [ "$(
		jq '.statuses[] | select(.status == "NT_STATUS_OBJECT_NAME_NOT_FOUND") | .requests' "$work/out"
	)" = "$(grep -c 'NT_STATUS_OBJECT_NAME_NOT_FOUND$' "$real")" ]
	check real_untimed "it has a duration" [ "$(jq .duration_ns "$work/out")" = null ]
	# A part of it is a loadfile that opens nothing before; each of its requests is there all the same.
	tail -n 1000 "$real" >"$work/load"
	run import "$work/load" -o "$work/trace"
	check real_tail "$(cat "$work/err")" [ "$(grep -c '"request"' "$work/trace")" -eq 1000 ]
}

test_operations
test_words
test_refused
test_real

bench_exit
