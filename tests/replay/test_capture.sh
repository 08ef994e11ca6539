#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Importing captures: real ones, made here of what smbclient and clients.py do with a private smbd. What is in the trace is
# compared with what the clients did, and with what tshark counts; captures that can't be read are refused.

set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/capture-lib.sh"

case ${1-} in
'') ;;
--help)
	printf 'Usage: %s [--help]\n\n' "${0##*/}"
	sed -n '2,${/^#/!q; s/^# \{0,1\}//; p;}' "$0" | grep -v SPDX
	exit 0
	;;
*)
	printf '%s: unknown argument: %s (see --help)\n' "${0##*/}" "$1" >&2
	exit 2
	;;
esac
capture_enter "$0" "$@"

top=$(cd "$capture_here/../.." && pwd)
replay=${PATHRING_BUILD:-$top/build}/replay/pathring-replay
failures=0
work=
finished=no

ok() {
	printf 'ok capture: %s\n' "$1"
}

not_ok() {
	printf 'not ok capture: %s - %s\n' "$1" "${2:-no reason given}" | tr -s '\n\t' '  '
	printf '\n'
	failures=$((failures + 1))
}

at_exit() {
	capture_cleanup
	if [[ -n $work ]]; then
		rm -rf -- "$work"
	fi
	if [[ $finished != yes ]]; then
		not_ok 'runs to its end' "${smbd_error:-it ended early}"
		exit 1
	fi
}

# import NAME FILE [OPTION]...: makes $trace; sets status, and leaves the messages in $work/err.
import() {
	local file=$1

	shift
	status=0
	rm -f "$trace"
	TMPDIR=$work/tmp timeout --kill-after=5 120 "$replay" import "$@" "$file" -o "$trace" 2>"$work/err" || status=$?
}

# has NAME FILTER...: the requests, as an array, are so.
has() {
	local name=$1

	if ((status != 0)); then
		not_ok "$name" "import failed: $(tail -n 2 "$work/err")"
	elif jq -es "map(select(has(\"request\"))) as \$all | $2" "$trace" >"$work/jq" 2>&1; then
		ok "$name"
	else
		not_ok "$name" "$(tail -n 1 "$work/jq"): $2"
	fi
}

# accounted NAME FILE [TSHARK-OPTION]...
accounted() {
	local name=$1

	shift
	if ((status != 0)); then
		not_ok "$name" "import failed: $(tail -n 2 "$work/err")"
	elif "$capture_here/account-capture" "$1" "$trace" "${@:2}" >"$work/account" 2>&1; then
		ok "$name ($(awk '{ n += $2 } END { print n }' "$work/account") requests)"
	else
		not_ok "$name" "$(grep differ "$work/account")"
	fi
}

# refused NAME WORDS: it failed, nothing was written, and the message has these words in it.
refused() {
	if ((status != 1)); then
		not_ok "$1" "exit code $status"
	elif [[ -e $trace ]]; then
		not_ok "$1" "a trace was written"
	elif ! grep -q -- "$2" "$work/err"; then
		not_ok "$1" "no \"$2\": $(tail -n 2 "$work/err")"
	else
		ok "$1"
	fi
}

# says NAME WORDS: in a message, of an import that did not fail.
says() {
	if ((status == 0)) && grep -q -- "$2" "$work/err"; then
		ok "$1"
	else
		not_ok "$1" "exit code $status, no \"$2\": $(tail -n 2 "$work/err")"
	fi
}

trap at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [[ ! -x $replay ]]; then
	not_ok 'a program' "$replay is not built"
	finished=yes
	exit 1
fi
smbd_need tshark editcap jq || exit 1
capture_init
work=$(mktemp -d "${TMPDIR:-/tmp}/pathring-test-capture-XXXXXX")
chmod 755 "$work"
mkdir -m 755 "$work/tmp"
trace=$work/trace
c=$capture_dir

# ------------------------------------------------------------------------------------------------------- what clients do

smbd_share plain "$capture_share" 'read only = no'
smbd_share encrypted "$capture_share" 'read only = no' 'server smb encrypt = required'
capture_two_users "$c/two.pcapng"

import "$c/two.pcapng"
accounted 'two users: every request is there' "$c/two.pcapng"
has 'two users: each request is of the one who made it' "
	\$all | map(select(.command == \"create\" and .path == \"secret\")) | map([.session, .status]) ==
	[[1, \"NT_STATUS_OK\"], [2, \"NT_STATUS_ACCESS_DENIED\"], [2, \"NT_STATUS_ACCESS_DENIED\"]]"
if [[ $(jq -r 'select(has("session") and (has("request") | not)) | "\(.session) \(.user) \(.client)"' "$trace") == \
	"1 ${smbd_user[1]} 127.0.0.1"$'\n'"2 ${smbd_user[2]} 127.0.0.1" ]]; then
	ok 'two users: their names'
else
	not_ok 'two users: their names' "$(grep -v request "$trace")"
fi
has 'two users: files are told apart' '
	([$all[] | select(.command == "create" and .handle).handle] | length == (unique | length)) and
	($all | any(.command == "read" and .count == 24 and .session == 1)) and
	($all | any(.command == "write" and .count == 14 and .length == 14 and .session == 2))'

head -c 3000000 /dev/urandom >"$c/data"
smb_commands() {
	smbd_client 1 "$1" "ls; mkdir made; cd made; put $c/data big; get big $c/back; rename big Bigger; allinfo Bigger;
		get missing $c/none; del Bigger; cd ..; rmdir made; ls secret" >"$c/smbclient" 2>&1 || true
	cmp "$c/data" "$c/back"
}
capture_record "$c/plain.pcapng" smb_commands plain
# FILE OPTION...: what smb_commands does, all of it.
check_commands() {
	local name=$1 file=$2

	shift 2
	import "$file" "$@"
	has "$name: what was read and written" '
		([$all[] | select(.command == "write" and .status == "NT_STATUS_OK").count] | add == 3000000) and
		([$all[] | select(.command == "read" and .status == "NT_STATUS_OK").count] | add == 3000000) and
		([$all[] | select(.command == "write")] | all(.offset + .length <= 3000000))'
	has "$name: what was made, renamed and removed" '
		($all | any(.command == "create" and .path == "made" and .disposition == "create" and
			.kind == "directory" and .status == "NT_STATUS_OK")) and
		($all | any(.command == "create" and .path == "made/big" and .kind == "file")) and
		($all | any(.command == "set-info" and .level == 10 and .target == "made/Bigger")) and
		($all | any(.command == "create" and .path == "made/missing" and
			.status == "NT_STATUS_OBJECT_NAME_NOT_FOUND")) and
		($all | any(.command == "create" and .path == "made/Bigger" and .options == "0x00001000")) and
		([$all[] | select(.command == "set-info" and .level == 13 and .remove)] | length == 1) and
		($all | any(.command == "create" and .path == "made/Bigger" and .size == 3000000))'
	has "$name: every handle was opened before, and closed" '
		[$all[] | select(.command == "create" and .handle).handle] as $open |
		[$all[] | select(.handle and .command != "create").handle] as $used |
		[$all[] | select(.command == "close").handle] as $closed |
		($used - $open == []) and ($open - $closed == []) and ($all | all(.skip == null or .skip == "pipe"))'
	has "$name: the user" '($all | length > 30)'
	if jq -es --arg user "${smbd_user[1]}" 'map(select(.user != null).user) | unique == [$user]' "$trace" >/dev/null; then
		ok "$name: its user"
	else
		not_ok "$name: its user" "$(grep '"client"' "$trace")"
	fi
}
check_commands smbclient "$c/plain.pcapng"
accounted 'smbclient: every request is there' "$c/plain.pcapng"
has 'smbclient: listings' '
	[$all[] | select(.command == "query-directory" and .pattern == "*" and .status == "NT_STATUS_OK")] |
	length > 0 and .[0].level == 37 and .[0].restart == null and .[0].count == 5'

capture_record "$c/compounds.pcapng" capture_client compounds
import "$c/compounds.pcapng"
accounted 'compounds: every request is there' "$c/compounds.pcapng"
has 'compounds: related requests are of the file that the first one opens' '
	[$all[] | select(.command == "create" and .path == "directory/one")][0] as $one |
	[$all[] | select(.handle == $one.handle) | .command] == ["create", "write", "query-info", "close"]'
has 'compounds: and of the one that could not be opened' '
	[$all[] | select(.command == "create" and .path == "directory/missing")][0] as $missing |
	[$all[] | select(.handle == $missing.handle) | [.command, .status]] ==
	[["create", "NT_STATUS_OBJECT_NAME_NOT_FOUND"], ["query-info", "NT_STATUS_OBJECT_NAME_NOT_FOUND"],
	 ["close", "NT_STATUS_OBJECT_NAME_NOT_FOUND"]]'
has 'compounds: or of the one that the request before names' '
	[$all[] | select(.command == "create" and .path == "directory/one")][1] as $one |
	[$all[] | select(.handle == $one.handle) | .command] == ["create", "read", "close"]'
has 'compounds: listings have their number of entries' '
	[$all[] | select(.command == "query-directory") | [.status, .count]] ==
	[["NT_STATUS_OK", 3], ["NT_STATUS_NO_MORE_FILES", null]]'
has 'compounds: what only travels together is not related' '
	[$all[] | select(.command == "create" and (.path == "directory/two" or .path == "directory/three")).handle] |
	length == 2 and (unique | length) == 2'

capture_record "$c/changes.pcapng" capture_client changes
import "$c/changes.pcapng"
accounted 'changes: every request is there' "$c/changes.pcapng"
has 'changes: what is changed' '
	[$all[] | select(.command == "set-info") | [.level, .size, .target, .replace, .remove, .attributes, .modified_ns]] ==
	[[20, 3000, null, null, null, null, null], [19, 8192, null, null, null, null, null],
	 [4, null, null, null, null, "0x00000022", 1600000000012345600],
	 [10, null, "renamed", null, null, null, null], [10, null, "other", true, null, null, null],
	 [11, null, "linked", true, null, null, null], [65, null, "directory/für 𝄞", true, null, null, null],
	 [72, null, "linked", null, null, null, null], [64, null, null, null, true, null, null],
	 [13, null, null, null, true, null, null]]'
has 'changes: what is asked for' '
	[$all[] | select(.command == "query-info") | [.info, .level]] == [["file", 18], ["filesystem", 3], ["security", 7]]'
has 'changes: flush' '[$all[] | select(.command == "flush") | .handle] == [1]'

capture_record "$c/waiting.pcapng" capture_client waiting
import "$c/waiting.pcapng"
accounted 'waiting: every request is there' "$c/waiting.pcapng"
has 'waiting: the last answer counts, not the one that says "wait"' '
	[$all[] | select(.command == "change-notify").status] == ["NT_STATUS_OK", "NT_STATUS_CANCELLED", null]'
has 'waiting: a cancel is a request, without an answer' '[$all[] | select(.command == "cancel") | .status] == [null]'
has 'waiting: in the order in which they were made' '
	([$all[].request] == [range(1; ($all | length) + 1)]) and
	([$all[] | .time_ns] | . == sort)'
has 'waiting: each open is another file' '
	[$all[] | select(.command == "create" and .path == "noticed").handle] | length == 4 and (unique | length) == 4'

# ------------------------------------------------------------------------------------------------------------- encrypted

sed "s/^\[global\]$/[global]\ndebug encryption = yes/; s/^log level = 0$/log level = 1/" "$smbd_dir/client.conf" >"$work/client.conf"
cp "$work/client.conf" "$smbd_dir/client.conf"
capture_record "$c/encrypted.pcapng" smb_commands encrypted
import "$c/encrypted.pcapng"
refused 'encrypted: refused without a key' 'encrypted'
printf '%s\n' "${smbd_password[1]}" >"$work/password"
check_commands 'encrypted, with the password' "$c/encrypted.pcapng" --password-file "$work/password"
accounted 'encrypted, with the password: every request is there' "$c/encrypted.pcapng" \
	-o "ntlmssp.nt_password:${smbd_password[1]}"
printf 'wrong\n' >"$work/wrong"
import "$c/encrypted.pcapng" --password-file "$work/wrong"
refused 'encrypted: refused with a wrong password' 'encrypted'

# Samba prints them as bytes: "Session Id    [0000] 4B 27 5F ...", of a key with more room after the first eight.
session_keys() {
	awk '
		function bytes(number,	i, text) {
			for (i = 1; i <= NF && $i != "[0000]"; i++)
				;
			for (i++; i <= NF && number > 0; i++) {
				text = text tolower($i)
				number--
			}
			return text
		}
		/^ *Session Id / { id = bytes(8) }
		/^ *Session Key / { print id ":" bytes(16) }' "$1" | sort -u
}
session_keys "$c/smbclient" >"$work/keys"
if [[ -s $work/keys ]]; then
	check_commands 'encrypted, with session keys' "$c/encrypted.pcapng" --session-key-file "$work/keys"
else
	not_ok 'encrypted, with session keys' "smbclient printed none: $(grep -i session "$c/smbclient" | head -n 3)"
fi
mergecap -w "$c/partly.pcapng" "$c/plain.pcapng" "$c/encrypted.pcapng"
import "$c/partly.pcapng"
says 'partly encrypted: says what could not be read' 'messages could not be read: encrypted'
has 'partly encrypted: and has the rest' '[$all[] | select(.command == "write").count] | add == 3000000'

# --------------------------------------------------------------------------------------------------------------- damaged

gzip -k "$c/plain.pcapng"
import "$c/plain.pcapng.gz"
accounted 'compressed with gzip' "$c/plain.pcapng"
import - --format capture <"$c/plain.pcapng"
accounted 'from standard input' "$c/plain.pcapng"
editcap -F pcap "$c/plain.pcapng" "$c/plain.pcap"
import "$c/plain.pcap"
accounted 'as pcap' "$c/plain.pcapng"

head -c $(($(stat -c %s "$c/plain.pcap") / 2)) "$c/plain.pcap" >"$c/half.pcap"
import "$c/half.pcap"
says 'cut off: says so' 'only the beginning could be read'
accounted 'cut off: what there is of it' "$c/half.pcap"
if ! tail -n 1 "$trace" | jq -e 'has("end")' >/dev/null; then
	ok 'cut off: and the trace knows'
else
	not_ok 'cut off: and the trace knows' "$(tail -n 1 "$trace")"
fi

packets=$(tshark -n -r "$c/plain.pcap" 2>/dev/null | wc -l)
answer=$(tshark -n -r "$c/plain.pcap" -Y 'smb2.cmd == 6 and smb2.flags.response == 1' -T fields -e frame.number 2>/dev/null |
	sed -n 2p)
editcap "$c/plain.pcap" "$c/lossy.pcap" "$answer" $((packets / 2))-$((packets / 2 + 20))
import "$c/lossy.pcap"
says 'packets removed: says so' 'packets are missing in'
says 'packets removed: says how many have no answer' 'no answer in it'
accounted 'packets removed: every request that is left' "$c/lossy.pcap"
has 'packets removed: a request without an answer has no status' '
	[$all[] | select(.command == "close")][1] | .status == null and .duration_ns == null and .handle != null'

# From the middle on: no login, no names of shares, unknown handles.
editcap -r "$c/plain.pcap" "$c/middle.pcap" $((packets / 2))-$packets
import "$c/middle.pcap"
accounted 'begun in the middle: every request is there' "$c/middle.pcap"
has 'begun in the middle: of unknown files is said why not' '
	[$all[] | select(.command == "read" or .command == "write" or .command == "close")] |
	any(.skip == "its open is not in the capture" and .handle == null)'
has 'begun in the middle: later ones can be replayed' '
	$all | any(.command == "create" and .path == "made/Bigger" and .status == "NT_STATUS_OK" and .skip == null)'

# ------------------------------------------------------------------------------------------------------ not to be imported

capture_record "$c/nothing.pcapng" "$capture_python" -c '
import socket
s = socket.create_server(("127.0.0.1", 4000))
c = socket.create_connection(("127.0.0.1", 4000))
c.sendall(b"x" * 1000)
s.accept()[0].recv(1000)'
import "$c/nothing.pcapng"
refused 'a capture without SMB' 'no SMB in it'
printf 'this is no capture\n' >"$work/text"
import "$work/text" --format capture
refused 'no capture at all' 'text'
import "$work"
refused 'a directory' "$work"
(
	printf 'MARK\n'
	PATH=$work/nowhere "$replay" import --format capture "$c/plain.pcap" -o "$trace"
) >"$work/err" 2>&1 && status=0 || status=$?
refused 'without tshark' 'apt-get install tshark'

# Programs in the place of tshark, that do what it may do when it reads a capture that was made to harm it.
instead() {
	mkdir -p "$work/bin"
	printf '#!/bin/bash\n%s\n' "$1" >"$work/bin/tshark"
	chmod 755 "$work/bin/tshark" "$work/bin"
	shift
	PATH=$work/bin:$PATH import "$c/plain.pcap" "$@"
}
instead 'kill -SEGV $$'
refused 'tshark crashes' 'crashed'
instead 'yes "{" | tr -d "\n"'
refused 'tshark writes a line without an end' 'longer than'
instead 'echo "tshark: something is wrong" >&2; exit 4'
refused 'tshark fails' 'something is wrong'
instead 'for i in {1..2000}; do echo "{}"; echo "{\"layers\":{\"smb2\":[[[[]]]]}}"; echo x; done'
refused 'tshark writes nonsense' 'no SMB in it'

# What it is given, and as whom it runs.
real=$(type -P tshark)
mkdir -m 777 "$work/seen"
instead "printf '%s\\n' \"\$@\" >$work/seen/arguments; env >$work/seen/environment; id -u >$work/seen/uid
stat -c '%a %u' \"\$WIRESHARK_CONFIG_DIR\" \"\$WIRESHARK_CONFIG_DIR\"/* >$work/seen/modes
exec $real \"\$@\"" --password-file "$work/password"
uid=$(cat "$work/seen/uid")
if ((status == 0)) && ! grep -qF "${smbd_password[1]}" "$work/seen/arguments" "$work/seen/environment"; then
	ok 'a password is on no command line and in no environment'
else
	not_ok 'a password is on no command line and in no environment' "$(tail -n 2 "$work/err")"
fi
if ((uid != 0)) && ! getent passwd "$uid" >/dev/null && [[ $(sort -u "$work/seen/modes") == "600 $uid"$'\n'"700 $uid" ]]; then
	ok 'tshark runs as nobody that there is, and only it can read its configuration'
else
	not_ok 'tshark runs as nobody that there is, and only it can read its configuration' \
		"uid $uid, $(cat "$work/seen/modes")"
fi

# ------------------------------------------------------------------------------------------------------------ what is left

# interrupted NAME TSHARK: Ctrl-C while this is in the place of tshark.
interrupted() {
	local importing child program i

	rm -f "$work/seen/pid"
	instead "echo \$\$ >$work/seen/pid; $2" &
	importing=$!
	for ((i = 0; i < 100; i++)); do
		[[ -s $work/seen/pid ]] && break
		sleep 0.1
	done
	child=$(cat "$work/seen/pid")
	program=$(awk '/^PPid:/ { print $2 }' "/proc/$child/status")
	kill -INT "$program"
	wait "$importing" || true
	if [[ -d /proc/$child ]]; then
		not_ok "$1" "it still runs"
		kill -KILL "$child"
	else
		ok "$1"
	fi
}
interrupted 'Ctrl-C ends tshark' 'exec sleep 100'
interrupted 'Ctrl-C ends tshark that has written all, and does not end' 'exec sleep 15 >&-'
if [[ -z $(ls -A "$work/tmp") ]]; then
	ok 'nothing is left in the directory for temporary files'
else
	not_ok 'nothing is left in the directory for temporary files' "$(ls "$work/tmp")"
fi

# ------------------------------------------------------------------------------------------------------ beside tshark alone

# compare ARGUMENT...: sets status.
compare() {
	status=0
	TMPDIR=$work/tmp timeout --kill-after=5 120 "$top/bench/replay-import" "$@" >"$work/compare" 2>"$work/err" || status=$?
}

compare --rounds 1 "$c/plain.pcapng"
if ((status == 0)) && grep -Eqx 'median: [0-9.]+ MB by tshark in [0-9.]+ s, imported in [0-9.]+ s: [0-9.]+ of its speed' \
	"$work/compare" && [[ $(wc -l <"$work/compare") -eq 2 ]]; then
	ok 'bench/replay-import compares'
else
	not_ok 'bench/replay-import compares' "exit code $status: $(cat "$work/compare" "$work/err")"
fi
# compare_refused NAME WORDS ARGUMENT...
compare_refused() {
	local name=$1 words=$2

	shift 2
	compare "$@"
	if ((status == 1)) && grep -qF -- "$words" "$work/err"; then
		ok "bench/replay-import refuses $name"
	else
		not_ok "bench/replay-import refuses $name" "exit code $status: $(tail -n 2 "$work/err")"
	fi
}
compare_refused 'no capture' 'it seems' /etc/passwd
compare_refused 'no rounds' '--rounds 0: expected' --rounds 0 "$c/plain.pcapng"
compare_refused 'other ports' '--port: tshark' "$c/plain.pcapng" --port 4445
if [[ -z $(ls -A "$work/tmp") ]]; then
	ok 'bench/replay-import leaves nothing'
else
	not_ok 'bench/replay-import leaves nothing' "$(ls "$work/tmp")"
fi

# ----------------------------------------------------------------------------------------------------------- another port

smbd_stop
capture_start 4445
capture_record "$c/port.pcapng" smb_commands plain
import "$c/port.pcapng"
refused 'another port: refused, with the port to give' '--port 4445'
check_commands 'another port' "$c/port.pcapng" --port 4445

smbd_stop
sed -i 's/^\[global\]$/[global]\nserver min protocol = NT1/' "$smbd_conf"
capture_start
capture_record "$c/smb1.pcapng" timeout 60 smbclient //127.0.0.1/plain --configfile="$smbd_dir/client.conf" \
	--option='client min protocol = NT1' --max-protocol=NT1 --authentication-file="$smbd_dir/private/login.1" \
	--command=ls >"$work/smb1" 2>&1
import "$c/smb1.pcapng"
refused 'SMB1' 'SMB1'

finished=yes
((failures == 0))
