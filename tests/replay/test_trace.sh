#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The format of traces: what is read comes out again as it was, and what is no trace is refused with the line where it
# is none. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_trace.sh

	Tests the pathring-replay of the build directory \$PATHRING_BUILD (default: build).

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init trace "$@"

header='{"format":"pathring-trace/1","source":"capture"}'
session='{"session":1}'
read_line='{"request":1,"session":1,"command":"read","handle":1,"offset":0,"length":1}'

# trace LINE...: a trace of these after its first line.
trace()
{
	printf '%s\n' "$header" "$@" >"$work/trace"
}

# bad NAME TEXT LINE...: refused, and the line that is wrong, always the last one, is named.
bad()
{
	local name=$1 text=$2

	shift 2
	trace "$@"
	refused "$name" 1 "trace, line $(wc -l <"$work/trace"): $text" info "$work/trace"
}

# field NAME TEXT FIELDS: refused, as fields of a request.
field()
{
	bad "$1" "$2" "$session" "{\"request\":1,\"session\":1,$3}"
}

test_command_line()
{
	run --help
	check help "exit code $status" [ "$status" -eq 0 ]
	check help_names_commands "no import" grep -q '^  import ' "$work/out"
	run --version
	check version "exit code $status, $(cat "$work/out")" grep -qE '^pathring-replay [0-9]+\.[0-9]+' "$work/out"
	refused unknown_command 2 "ruin: no such command" ruin
	refused unknown_option 2 "--bogus" info --bogus
	refused no_trace 2 "TRACE: is missing" info
	refused surplus 2 "not expected" info a b
	refused import_no_input 2 "INPUT: is missing" import
	refused import_no_output 2 "-o TRACE: is missing" import input
	refused import_unknown_format 2 "expected capture" import input -o "$work/o" --format tape
	refused import_bad_port 2 "expected a number from 1 to 65535" import input -o "$work/o" --port 4450,0
	refused import_bad_key 2 "expected ID:KEY" import input -o "$work/o" --session-key 12:34
	refused import_two_passwords 2 "not together" import input -o "$work/o" --password a --password-file /dev/null
	refused import_auto_of_stdin 2 "say what it is" import - -o "$work/o"
	refused missing_file 1 "No such file" info "$work/missing"
	refused missing_input 1 "No such file" import "$work/missing" -o "$work/o"
	refused directory 1 "Is a directory" info "$work"
	check nothing_made "there is a file" [ ! -e "$work/o" ]
	if [ -e /dev/full ]; then
		trace "$session" "$read_line" '{"end":1,"lost":0}'
		status=0
		"$replay" info "$work/trace" >/dev/full 2>"$work/err" || status=$?
		check full_output "exit code $status" [ "$status" -eq 1 ]
		refused full_trace 1 "No space left" import "$work/trace" -o /dev/full
	fi
}

# Every field that there is, and what is at the ends of its range: an import writes what it has read.
test_round_trip()
{
	trace '{"session":1,"user":"anna \"x\" \\","domain":"Büro","client":"::1"}' \
		'{"session":2,"user":{"hex":"66fc72"}}' \
		"$(
			printf '{"request":1,"time_ns":0,"duration_ns":1,"session":2,"command":"create",'
			printf '"status":"NT_STATUS_OK","handle":"0xffffffffffffffff","share":"s",'
			printf '"path":"a/\\u0001\\u001f€😀","access":"0xffffffff","disposition":"overwrite-if",'
			printf '"options":"0x00000000","kind":"directory","size":9223372036854775807,"skip":"because"}'
		)" \
		"$(
			printf '{"request":3,"session":1,"command":"create","status":"0xc0debad0","path":"",'
			printf '"access":"0x00000000","disposition":"0x00000006","options":"0x00000001"}'
		)" \
		"$(
			printf '{"request":2,"session":1,"command":"write","handle":1,"offset":"0x8000000000000000",'
			printf '"length":0,"count":0}'
		)" \
		'{"request":4,"session":1,"command":"query-info","path":{"hex":"ff2f80"},"info":"quota","level":4294967295}' \
		"$(
			printf '{"request":5,"session":1,"command":"set-info","handle":1,"info":"file","level":20,'
			printf '"remove":true,"size":5,"attributes":"0x00000020","modified_ns":1700000000123456789}'
		)" \
		"$(
			printf '{"request":6,"session":1,"command":"query-directory","handle":1,"level":37,'
			printf '"pattern":"*","restart":true,"count":102}'
		)" \
		'{"request":7,"session":1,"command":"rename","path":"a","target":"b","replace":true}' \
		'{"request":8,"session":1,"command":"lock","handle":1,"offset":1,"length":2,"level":0}' \
		'{"request":9,"session":1,"command":"cancel"}' \
		'{"end":9,"lost":3}'
	run import "$work/trace" -o "$work/again"
	check round_trip "$(diff "$work/trace" "$work/again" | head -n 5)" cmp -s "$work/trace" "$work/again"

	# Other spellings of the same.
	trace "$session" "$read_line" '{"end":1,"lost":0}'
	jq --sort-keys --compact-output . "$work/trace" | sed 's/"length":1}/"length":"0x1"}/; s/:/ : /g' >"$work/other"
	run import "$work/other" -o "$work/again"
	check spellings "$(diff "$work/trace" "$work/again" | head -n 5)" cmp -s "$work/trace" "$work/again"
	printf '%s' "$(cat "$work/trace")" >"$work/other"
	run import "$work/other" -o "$work/again"
	check no_last_newline "$(head -n 1 "$work/err")" cmp -s "$work/trace" "$work/again"
}

test_refused()
{
	printf 'hello\n' >"$work/trace"
	refused not_json 1 "line 1: no record of a trace" info "$work/trace"
	: >"$work/trace"
	refused empty 1 "not a trace" info "$work/trace"
	printf '{"format":"other/1"}\n' >"$work/trace"
	refused other_format 1 "not a trace" info "$work/trace"
	printf '{"format":"pathring-trace/2","source":"capture"}\n' >"$work/trace"
	refused newer_version 1 "a newer one is needed" info "$work/trace"
	printf '{"format":"pathring-trace/1"}\n' >"$work/trace"
	refused no_source 1 '"source" is missing' info "$work/trace"
	printf '{"format":"pathring-trace/1","source":"capture","begun":-1}\n' >"$work/trace"
	refused begun_negative 1 '"begun": expected a number of seconds' info "$work/trace"
	printf '{"format":"pathring-trace/1","source":"capture","extra":1}\n' >"$work/trace"
	refused unknown_header_field 1 'unknown field "extra"' info "$work/trace"

	bad empty_line "no record of a trace" ""
	bad no_object "no record of a trace: not a JSON object" '[1]'
	bad nothing_known 'no "request", "session" or "end"' '{"user":"x"}'
	bad session_zero "session 0 where 1 is next" '{"session":0}'
	bad session_gap "session 3 where 2 is next" "$session" '{"session":3}'
	bad session_again "session 1 where 2 is next" "$session" "$session"
	bad session_unknown "session 2 has not been told of" "$session" "${read_line/\"session\":1/\"session\":2}"
	bad session_none "session 0 has not been told of" "$session" '{"request":1,"command":"echo"}'
	bad user_number '"user": expected a string' '{"session":1,"user":5}'
	bad end_count "it should have 2 requests and has 1" "$session" "$read_line" '{"end":2,"lost":0}'
	bad after_end "something follows" "$session" "$read_line" '{"end":1,"lost":0}' "$read_line"
	bad request_zero '"request": they begin at 1' "$session" "${read_line/\"request\":1/\"request\":0}"

	field unknown_command '"command": expected the name of a command' '"command":"reed"'
	field no_command '"command" is missing' '"handle":1'
	field unknown_field 'unknown field "offest"' '"command":"echo","offest":1'
	field twice "no record of a trace: duplicate object key" '"command":"echo","offset":1,"offset":1'
	field negative '"offset": expected a whole number of 64 bits' '"command":"echo","offset":-1'
	field fraction '"offset": expected' '"command":"echo","offset":1.5'
	field too_big "no record of a trace: too big integer" '"command":"echo","offset":9223372036854775808'
	field long_hex '"offset": expected' '"command":"echo","offset":"0x10000000000000000"'
	field bad_hex '"offset": expected' '"command":"echo","offset":"0x1g"'
	field too_big_for_32 '"level": expected a whole number of 32 bits' '"command":"echo","level":4294967296'
	field unknown_status '"status": expected' '"command":"echo","status":"NT_STATUS_FINE"'
	field long_status '"status": expected' '"command":"echo","status":"0x1c0000022"'
	field unknown_kind '"kind": expected' '"command":"echo","kind":"fifo"'
	field unknown_disposition '"disposition": expected' '"command":"echo","disposition":"close"'
	field flag_number '"restart": expected true or false' '"command":"echo","restart":1'
	field string_nul "no record of a trace" '"command":"echo","path":"a\u0000b"'
	field hex_nul '"path": expected' '"command":"echo","path":{"hex":"6100"}'
	field hex_odd '"path": expected' '"command":"echo","path":{"hex":"616"}'
	field hex_other '"path": expected' '"command":"echo","path":{"hex":"61","x":1}'
	field surrogate "no record of a trace" '"command":"echo","path":"\ud800"'
	field read_of_nothing 'read without "handle"' '"command":"read","offset":0,"length":1'
	field create_of_nothing 'create without "path"' '"command":"create","handle":1'
	field rename_to_nothing 'rename without "target"' '"command":"rename","path":"a"'
	field unlink_of_handle 'unlink without "path"' '"command":"unlink","handle":1'

	trace "$session" "$(printf '{"request":1,"session":1,"command":"echo","path":"\x80"}')"
	refused not_utf8 1 "line 3: no record of a trace" info "$work/trace"
	printf '%s\n{"session\0":1}\n' "$header" >"$work/trace"
	refused nul 1 "line 2: has a NUL in it" info "$work/trace"
	{
		printf '%s\n{"session":1,"user":"' "$header"
		head -c 1048576 /dev/zero | tr '\0' x
		printf '"}\n'
	} >"$work/trace"
	refused long_line 1 "line 2: longer than 1048576 bytes" info "$work/trace"
	printf '%s\n' "$header" >"$work/trace"
	head -c 300000 /dev/zero | tr '\0' '[' >>"$work/trace"
	printf '\n' >>"$work/trace"
	refused nested 1 "line 2: no record of a trace" info "$work/trace"
	bad no_controls 'unknown field "?[2J"' "{\"session\":1,\"$(printf '\\u001b[2J')\":1}"
}

# The longest line that may be.
test_long_line()
{
	local size=$((1048576 - 1 - $(printf '{"session":1,"user":""}' | wc -c)))

	{
		printf '%s\n{"session":1,"user":"' "$header"
		head -c "$size" /dev/zero | tr '\0' x
		printf '"}\n%s\n{"end":1,"lost":0}\n' "$read_line"
	} >"$work/trace"
	run info "$work/trace"
	check longest_line "exit code $status" [ "$status" -eq 0 ]
	# Only in hexadecimal would it be longer, and a writer can't know that of all.
	refused longest_line_not_written 1 "longer than a line of a trace may be" import "$work/trace" -o "$work/long"
	check longest_line_nothing_left "$(ls "$work")" [ -z "$(find "$work" -name 'long*')" ]
}

# A trace that was cut short at any byte is one with fewer requests, or none at all.
test_cut_short()
{
	local bytes all bad=0 said=0 whole=0

	trace "$session" "$read_line" "${read_line/\"request\":1/\"request\":2}" '{"end":2,"lost":0}'
	all=$(wc -c <"$work/trace")
	for ((bytes = 0; bytes < all - 1; bytes++)); do
		head -c "$bytes" "$work/trace" >"$work/part"
		run info --json "$work/part"
		if [ "$bytes" -lt ${#header} ]; then
			[ "$status" -eq 1 ] || bad=$((bad + 1))
		elif [ "$status" -ne 0 ] || ! jq -e '.complete == false' "$work/out" >/dev/null; then
			bad=$((bad + 1))
		elif grep -q "cut short: it ends after request $(jq .requests "$work/out")," "$work/err"; then
			said=$((said + 1))
		fi
	done
	check cut_short "$bad of $all wrong" [ "$bad" -eq 0 ]
	check cut_short_said "only $said times" [ "$said" -eq $((all - 1 - ${#header})) ]
	run info --json "$work/trace"
	whole=$(jq '.requests == 2 and .complete' "$work/out")
	check not_cut_short "$whole" [ "$whole" = true ]
	head -c $((all - 10)) "$work/trace" >"$work/part"
	run import "$work/part" -o "$work/again"
	check cut_short_again "exit code $status" [ "$status" -eq 0 ]
	check cut_short_stays_so "$(cat "$work/again")" cmp -s "$work/again" <(head -n 4 "$work/trace")
}

# What an import leaves behind when it ends before its time: nothing of a bad input, all so far of an interrupted one.
test_output()
{
	trace "$session" "$read_line" "nonsense"
	printf 'precious\n' >"$work/kept"
	refused bad_input 1 "line 4" import "$work/trace" -o "$work/kept"
	check bad_input_keeps_output "it was changed" grep -qx precious "$work/kept"
	check bad_input_leaves_nothing "$(ls "$work")" [ -z "$(find "$work" -name 'kept.*')" ]
	refused no_directory 1 "cannot write $work/none/trace" import "$work/trace" -o "$work/none/trace"

	trace "$session" '{"end":0,"lost":0}'
	refused no_request 1 "no request" import "$work/trace" -o "$work/none"
	check no_request_no_trace "there is one" [ ! -e "$work/none" ]

	mkfifo "$work/pipe"
	"$replay" import "$work/pipe" --format trace -o "$work/interrupted" 2>"$work/err" &
	running=$!
	exec 3>"$work/pipe"
	printf '%s\n' "$header" "$session" "$read_line" >&3
	sleep 0.5
	check interrupted_not_there_yet "it is" [ ! -e "$work/interrupted" ]
	kill -INT "$running"
	finish
	exec 3>&-
	check interrupted "exit code $status" [ "$status" -eq 130 ]
	check interrupted_said "not so" grep -q "interrupted, so the trace is cut short" "$work/err"
	check interrupted_kept "$(cat "$work/interrupted")" \
		cmp -s "$work/interrupted" <(printf '%s\n' "$header" "$session" "$read_line")

	trace "$session" "$read_line" '{"end":1,"lost":0}'
	run import "$work/trace" -o -
	check standard_output "$(cat "$work/out")" cmp -s "$work/out" "$work/trace"
	run import - --format trace -o "$work/again" <"$work/trace"
	check standard_input "exit code $status" cmp -s "$work/again" "$work/trace"
	(umask 027 && "$replay" import "$work/trace" -o "$work/masked" 2>"$work/err")
	check mode "$(stat -c %a "$work/masked")" [ "$(stat -c %a "$work/masked")" = 640 ]
	printf 'neither this nor that\n' >"$work/text"
	refused unknown_input 1 "--format says what it is" import "$work/text" -o "$work/o"
}

# The page says what is true: its example is a trace, its lines only wrapped.
test_page()
{
	{
		sed -n '/^{"format"/,/^\.EE$/p' "$top/man/pathring-trace.5" | grep -v '^\.EE$' | tr -d '\n' |
			sed 's/, *"/,"/g; s/}{/}\n{/g'
		printf '\n'
	} >"$work/example"
	run import "$work/example" -o "$work/again"
	check page_example "exit code $status" [ "$status" -eq 0 ]
	check page_example_as_written "$(diff "$work/example" "$work/again")" \
		diff <(jq -cS . "$work/example") <(jq -cS . "$work/again")
}

test_command_line
test_round_trip
test_refused
test_long_line
test_cut_short
test_output
test_page

bench_exit
