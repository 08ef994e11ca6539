# SPDX-License-Identifier: GPL-3.0-or-later
#
# Traces line by line, and replaying them. Sourced after replay_init.
#
#	begin, ends			a trace, in $trace; between them:
#	user NUMBER NAME [DOMAIN]	a session; session NUMBER: of nobody known
#	request SESSION COMMAND STATUS [FIELDS]
#	timed MSEC SESSION COMMAND STATUS [FIELDS]
#	created SESSION HANDLE PATH DISPOSITION KIND [FIELDS]	a create that was answered with a handle, in the share "data"
#	failed SESSION PATH DISPOSITION STATUS [FIELDS]		one that was not
#	fresh				an empty directory, $root
#	replayed NAME [OPTION...]	a test: the trace is replayed in one; the document is in $work/json
#	account NAME REQUESTS REPLAYED SKIPPED FAILED MISMATCHED	a test, of each engine's
#	holds CONDITION			of the document, in jq's language
#	operations NAME			how many there were of it, for each engine

trace=$work/trace
root=$work/root
requests=0

begin()
{
	printf '{"format":"pathring-trace/1","source":"capture"}\n' >"$trace"
	requests=0
}

ends()
{
	printf '{"end":%d,"lost":0}\n' "$requests" >>"$trace"
}

session()
{
	printf '{"session":%d}\n' "$1" >>"$trace"
}

user()
{
	printf '{"session":%d,"user":"%s"%s}\n' "$1" "$2" "${3:+,\"domain\":\"$3\"}" >>"$trace"
}

request()
{
	requests=$((requests + 1))
	printf '{"request":%d,"session":%d,"command":"%s","status":"NT_STATUS_%s"%s}\n' \
		"$requests" "$1" "$2" "$3" "${4:+,$4}" >>"$trace"
}

timed()
{
	request "$2" "$3" "$4" "\"time_ns\":$(($1 * 1000000))${5:+,$5}"
}

created()
{
	local options=0x00000040 access=0x00030103 more=${6:-}

	if [ "$5" = directory ]; then
		options=0x00000001
		access=0x00030001
	fi
	case $more in *'"options"'*) options= ;; esac
	case $more in *'"access"'*) access= ;; esac
	request "$1" create OK "\"handle\":$2,\"share\":\"data\",\"path\":\"$3\",\"disposition\":\"$4\",\"kind\":\"$5\"$(
		)${options:+,\"options\":\"$options\"}${access:+,\"access\":\"$access\"}${more:+,$more}"
}

failed()
{
	local access=0x00000003 options=0x00000000 more=${5:-}

	case $more in *'"options"'*) options= ;; esac
	case $more in *'"access"'*) access= ;; esac
	request "$1" create "$4" "\"share\":\"data\",\"path\":\"$2\",\"disposition\":\"$3\"$(
		)${options:+,\"options\":\"$options\"}${access:+,\"access\":\"$access\"}${more:+,$more}"
}

fresh()
{
	rm -rf --one-file-system "$root"
	mkdir "$root"
}

replayed()
{
	local name=$1

	shift
	fresh
	rm -f "$work/json"
	run run "$trace" --root "$root" --json "$work/json" "$@"
	check "${name}_runs" "exit code $status: $(head -c 500 "$work/err")" [ "$status" -eq 0 ]
}

account()
{
	local name=$1 expected got

	shift
	expected=$(printf '%d %d %d %d %d' "$@")
	got=$(jq -r '.rounds[].requests | "\(.recorded) \(.replayed) \(.skipped) \(.failed) \(.mismatched)"' "$work/json" |
		sort -u)
	check "${name}_account" "$(jq -c '.rounds[] | [.engine, .requests, .outcomes]' "$work/json" | head -c 1500)" \
		[ "$got" = "$expected" ]
}

operations()
{
	jq --arg name "$1" '.rounds[].operations[]? | select(.operation == $name) | .count' "$work/json"
}

holds()
{
	jq -e "$1" "$work/json" >/dev/null
}
