#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Anonymous traces: no name is left, what was the same still is, and what was not is not. Prints "ok NAME" or
# "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_anonymise.sh

	Tests the pathring-replay of the build directory \$PATHRING_BUILD (default: build).

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init anonymise "$@"

printf '0123456789abcdef' >"$work/key"
printf '0123456789abcdeg' >"$work/other-key"

# anonymise FIELDS: a request with these, in a trace that is anonymous in $work/out.
anonymise()
{
	{
		printf '{"format":"pathring-trace/1","source":"capture"}\n'
		printf '{"session":1,"user":"anna","domain":"OFFICE","client":"192.0.2.7"}\n'
		printf '{"request":1,"session":1,%s}\n{"end":1,"lost":0}\n' "$1"
	} >"$work/trace"
	run import "$work/trace" -o - --anonymise "${key:-$work/key}"
}

# other PATH: what becomes of a path.
other()
{
	anonymise "\"command\":\"unlink\",\"path\":\"$1\""
	jq -r 'select(.request).path' "$work/out"
}

# pattern PATTERN: what becomes of a pattern.
pattern()
{
	anonymise "\"command\":\"query-directory\",\"path\":\"p\",\"pattern\":\"$1\""
	jq -r 'select(.request).pattern' "$work/out"
}

same()
{
	check "$1" "$2 and $3" [ "$2" = "$3" ]
}

differ()
{
	check "$1" "both are $2" [ "$2" != "$3" ]
}

# like NAME TEXT REGULAR-EXPRESSION
like()
{
	check "$1" "it is $2" grep -qE "^$3\$" <<<"$2"
}

n='[a-z2-7]{12}'
e='[a-z2-7]{6}'

test_key()
{
	printf 'short' >"$work/short"
	refused short_key 2 "can be guessed" import "$work/trace" -o "$work/o" --anonymise "$work/short"
	refused no_key 2 "No such file" import "$work/trace" -o "$work/o" --anonymise "$work/none"
	head -c 70000 /dev/zero >"$work/long"
	refused long_key 2 "File too large" import "$work/trace" -o "$work/o" --anonymise "$work/long"
}

test_sessions()
{
	anonymise '"command":"rename","path":"a","target":"b","share":"data"'
	check said "$(head -n 1 "$work/out")" grep -q '"anonymised":true' "$work/out"
	like user "$(jq -r 'select(.user).user' "$work/out")" "user-$n"
	like domain "$(jq -r 'select(.domain).domain' "$work/out")" "domain-$n"
	like client "$(jq -r 'select(.client).client' "$work/out")" "client-$n"
	like share "$(jq -r 'select(.share).share' "$work/out")" "share-$n"
	check no_name_left "one of them is" [ -z "$(grep -E 'anna|OFFICE|192|data' "$work/out")" ]
	anonymise '"command":"rename","path":"a","target":"b","share":"ipc$"'
	same pipe_share "$(jq -r 'select(.share).share' "$work/out")" 'ipc$'
}

test_paths()
{
	local one two

	like name "$(other letters)" "$n"
	like path "$(other letters/2026/may.txt)" "$n/$n/$n\.$e"
	like two_dots "$(other a.tar.gz)" "$n\.$e"
	like hidden "$(other .profile)" "\.$e"
	like last_dot "$(other name.)" "$n\."
	like stream "$(other dir/a.txt:Zone.Identifier)" "$n/$n\.$e:$n"
	like stream_type "$(other a:s:\$DATA)" "$n:$n:.DATA"
	like no_stream "$(other a::\$data)" "$n::.data"
	same root "$(other "")" ""
	same dot_dot "$(other ../././..)" "../././.."
	like slashes "$(other //a//)" "//$n//"
	same again "$(other letters)" "$(other letters)"
	one=$(other dir/may.txt)
	two=$(other elsewhere/may.doc)
	same same_name_elsewhere "$(basename "${one%.*}")" "$(basename "${two%.*}")"
	differ other_extension "${one##*.}" "${two##*.}"
	differ other_name "$(other letters)" "$(other letter)"
	same upper_case "$(other Letters/ÄRGER.TXT)" "$(other lETTERS/ärger.txt)"
	# What is a name of one kind tells nothing of the same of another.
	anonymise '"command":"rename","path":"anna","target":"x.anna","share":"anna"'
	check kinds "$(cat "$work/out")" [ "$(
		jq -r '.user // empty, .path // empty, .target // empty, .share // empty' "$work/out" |
			sed 's/.*[-.]//' | cut -c 1-6 | sort -u | wc -l
	)" -eq 4 ]
	anonymise '"command":"rename","path":{"hex":"66fc72"},"target":{"hex":"66fd72"}'
	one=$(jq -r 'select(.request).path' "$work/out")
	like latin1 "$one" "$n"
	differ latin1_other "$one" "$(jq -r 'select(.request).target' "$work/out")"
	one=$(other letters)
	differ other_key "$one" "$(key=$work/other-key other letters)"
}

test_patterns()
{
	like pattern_name "$(pattern may.txt)" "$n\.$e"
	same pattern_is_name "$(pattern may.txt)" "$(other may.txt)"
	same all "$(pattern '*')" '*'
	same all_dots "$(pattern '*.*')" '*.*'
	like all_of_extension "$(pattern '*.txt')" "\*\.$e"
	same extension_is_the_files "$(pattern '*.txt' | sed 's/.*\.//')" "$(other may.txt | sed 's/.*\.//')"
	like mixed "$(pattern 'may*ly?.t<')" "$n\*$n\?\.$e<"
	same dos_wildcards "$(pattern '<>\"?')" '<>"?'
}

# Of a real tree: as many paths as before, and the same with the same key whenever.
test_many()
{
	local i

	{
		printf '{"format":"pathring-trace/1","source":"capture"}\n{"session":1}\n'
		for ((i = 1; i <= 5000; i++)); do
			printf '{"request":%d,"session":1,"command":"unlink","path":"d%d/f%d.%d"}\n' \
				"$i" $((i % 7)) $((i % 1000)) $((i % 9))
		done
		printf '{"end":5000,"lost":0}\n'
	} >"$work/trace"
	run import "$work/trace" -o "$work/a" --anonymise "$work/key"
	run import "$work/trace" -o "$work/b" --anonymise "$work/key"
	check stable "they differ" cmp -s "$work/a" "$work/b"
	same as_many_paths "$("$replay" info --json "$work/trace" | jq .paths)" "$("$replay" info --json "$work/a" | jq .paths)"
	same as_many_requests "$(grep -c '"request"' "$work/a")" 5000
	same nothing_else_changed "$(sed 's/"path".*//' "$work/a" | sed 1d)" "$(sed 's/"path".*//' "$work/trace" | sed 1d)"
}

test_key
test_sessions
test_paths
test_patterns
test_many

bench_exit
