#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What pathring-replay info says of a trace, to people and as JSON. Prints "ok NAME" or "not ok NAME - why"; exit code 1
# if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_info.sh

	Tests the pathring-replay of the build directory \$PATHRING_BUILD (default: build).

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init info "$@"

# is NAME FILTER EXPECTED: of the JSON document.
is()
{
	local got

	got=$(jq -c "$2" "$work/out")
	check "$1" "it is $got" [ "$got" = "$3" ]
}

# shows NAME REGULAR-EXPRESSION: a line for people.
shows()
{
	check "$1" "no such line" grep -qE "$2" "$work/out"
}

cat >"$work/trace" <<'END'
{"format":"pathring-trace/1","source":"capture","begun":1700000000.25}
{"session":1,"user":"anna","domain":"OFFICE","client":"192.0.2.7"}
{"session":2,"user":"anna","domain":"OFFICE","client":"192.0.2.8"}
{"session":3}
{"request":1,"time_ns":1000000000,"duration_ns":100000,"session":1,"command":"create","status":"NT_STATUS_OK","handle":1,"share":"s","path":"a","access":"0x00000001","disposition":"open","options":"0x00000000"}
{"request":2,"time_ns":1100000000,"duration_ns":300000,"session":1,"command":"create","status":"NT_STATUS_OBJECT_NAME_NOT_FOUND","share":"s","path":"b","access":"0x00000001","disposition":"open","options":"0x00000000"}
{"request":3,"time_ns":1200000000,"duration_ns":100000,"session":2,"command":"create","status":"NT_STATUS_OK","handle":2,"share":"t","path":"a","access":"0x00000001","disposition":"open","options":"0x00000000"}
{"request":4,"time_ns":1300000000,"duration_ns":200000,"session":1,"command":"read","status":"NT_STATUS_OK","handle":1,"offset":0,"length":65536,"count":1000}
{"request":5,"time_ns":1400000000,"duration_ns":200000,"session":1,"command":"read","status":"NT_STATUS_END_OF_FILE","handle":1,"offset":1000,"length":65536,"count":0}
{"request":6,"time_ns":1500000000,"session":1,"command":"write","handle":1,"offset":0,"length":10}
{"request":7,"time_ns":1600000000,"duration_ns":900000000,"session":3,"command":"change-notify","status":"NT_STATUS_CANCELLED","handle":2}
{"request":8,"time_ns":1700000000,"duration_ns":1,"session":3,"command":"create","status":"NT_STATUS_OK","handle":3,"share":"IPC$","path":"srvsvc","access":"0x00000001","disposition":"open","options":"0x00000000","skip":"pipe"}
{"request":9,"time_ns":1800000000,"duration_ns":1,"session":3,"command":"query-directory","status":"STATUS_NO_MORE_FILES","handle":2,"level":37,"count":0}
{"request":10,"time_ns":1900000000,"duration_ns":1,"session":3,"command":"rename","status":"0xc0debad0","share":"s","path":"a","target":"c"}
{"end":10,"lost":4}
END

run info --json "$work/trace"
check json "exit code $status" [ "$status" -eq 0 ]
is schema .schema '"pathring-replay-info/1"'
is source .source '"capture"'
is begun .begun 1700000000.25
is complete .complete true
is duration .duration_ns 1500000000
is requests .requests 10
is skipped .skipped 2
is lost .lost 4
is sessions .sessions 3
is paths .paths 5
is users .users '[{"user":"OFFICE\\anna","requests":6},{"user":"?","requests":4}]'
is clients .clients '[{"client":"192.0.2.7","requests":5},{"client":"?","requests":4},{"client":"192.0.2.8","requests":1}]'
is skips .skips '[{"reason":"pipe","requests":1},{"reason":"waits for others","requests":1}]'
is create '.commands.create | [.requests, .succeeded, .failed, .unanswered]' '[4,3,1,0]'
is read '.commands.read | [.bytes, .median_length, .max_length, .failed]' '[1000,65536,65536,1]'
is read_durations '.commands.read.duration_ns.max' 200000
is write_unanswered '.commands.write | [.unanswered, .bytes, .duration_ns]' '[1,0,null]'
is warning_is_no_failure '.commands."query-directory".failed' 0
is unknown_status '[.statuses[] | select(.status == "0xc0debad0")] | length' 1
is commands_add_up '[.commands[].requests] | add' 10
is statuses_add_up '[.statuses[].requests] | add' 9

run info "$work/trace"
check text "exit code $status" [ "$status" -eq 0 ]
shows text_begun '^begun +2023-11-14 22:13:20 UTC$'
shows text_duration '^duration +1\.500 s$'
shows text_requests '^requests +10, of which 8 are replayed$'
shows text_lost '^lost +4,'
shows text_sessions '^sessions +3, of 2 users at 3 clients$'
shows text_paths '^paths +5$'
shows text_read '^read +1000 B in 2 requests, of 65536 bytes each'
shows text_create '^ +4 +1 +0 +[0-9.]+ +[0-9.]+ +create$'
shows text_user '^ +6  OFFICE.anna$'
shows text_skip '^ +1  pipe$'

# Nobody's name moves the cursor, and a name that is no UTF-8 does no harm.
cat >"$work/trace" <<'END'
{"format":"pathring-trace/1","source":"\u001b[2J"}
{"session":1,"user":"\u001b[31mred\u0007","client":{"hex":"66fc"}}
{"request":1,"session":1,"command":"echo","skip":"\u009b1m\nnew line"}
{"end":1,"lost":0}
END
run info "$work/trace"
check no_controls "$(cat -v "$work/out")" [ -z "$(LC_ALL=C tr -d '\n\40-\176\200-\377' <"$work/out")" ]
check no_c1_controls "$(cat -v "$work/out")" [ "$(LC_ALL=C grep -c $'\xc2\x9b' "$work/out" || true)" -eq 0 ]
run info --json "$work/trace"
is not_utf8 '.clients[0].client' '"f?"'

# More kinds of anything than are shown.
{
	printf '{"format":"pathring-trace/1","source":"x"}\n'
	for ((i = 1; i <= 30; i++)); do
		printf '{"session":%d,"user":"user%02d"}\n{"request":%d,"session":%d,"command":"echo"}\n' $i $i $i $i
	done
	printf '{"end":30,"lost":0}\n'
} >"$work/trace"
run info "$work/trace"
shows many_users '^ +and 10 more$'
run info --json "$work/trace"
is many_users_in_json '.users | length' 30

# What is done with a handle is skipped as its open is, in whatever order the answers came.
cat >"$work/trace" <<'END'
{"format":"pathring-trace/1","source":"capture"}
{"session":1}
{"request":2,"session":1,"command":"close","status":"NT_STATUS_OK","handle":1}
{"request":1,"session":1,"command":"create","status":"NT_STATUS_OK","handle":1,"share":"s","path":"a:b","access":"0x00000001","disposition":"open","options":"0x00000000","kind":"file"}
{"end":2,"lost":0}
END
run info --json "$work/trace"
is skipped_handle '[.skipped, .skips]' '[2,[{"reason":"a named stream","requests":2}]]'

bench_exit
