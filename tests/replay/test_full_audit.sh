#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Logs of vfs_full_audit: the lines of syslog and of smbd's own log, what becomes of each call, and a log that a private
# smbd has just written. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_full_audit.sh

	Tests the pathring-replay of the build directory \$PATHRING_BUILD (default: build). Needs root, smbd and smbclient.

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init full-audit "$@"
bench_need_root full-audit
# shellcheck source=scripts/smbd-lib.sh
. "$top/scripts/smbd-lib.sh"

tidy()
{
	smbd_cleanup
}

begin='Nov 22 08:00:00 server smbd_audit: '

# log LINE...: imports these, each behind what syslog puts there and the prefix.
log()
{
	printf "${begin}anna|192.0.2.7|%s\n" 'connect|ok|data' 'realpath|ok|/srv' "$@" >"$work/log"
	run import "$work/log" -o "$work/trace"
}

# becomes NAME EXPECTED LINE...: the last request, without what all have.
becomes()
{
	local name=$1 expected=$2 got

	shift 2
	log "$@"
	got=$(jq -c 'select(.request) | del(.request, .time_ns, .session, .share)' "$work/trace" | tail -n 1)
	check "$name" "it is $got" [ "$got" = "$expected" ]
}

# commands NAME EXPECTED LINE...: the commands of all requests, without the first, which connects.
commands()
{
	local name=$1 expected=$2 got

	shift 2
	log "$@"
	got=$(jq -r 'select(.request) | .command' "$work/trace" | sed 1d | tr '\n' ' ')
	check "$name" "it is $got" [ "$got" = "$expected " ]
}

open_a=('openat|ok|r|/srv/a' 'fstat|ok|/srv/a' 'create_file|ok|0x120089|file|open|/srv/a')
open_d=('openat|ok|r|/srv/d' 'fstat|ok|/srv/d' 'create_file|ok|0x81|dir|open|/srv/d')
ok='"status":"NT_STATUS_OK"'

test_functions()
{
	becomes create "{\"command\":\"create\",$ok,\"handle\":1,\"path\":\"x/a|b\",\"access\":\"0x00120089\",$(
		)\"disposition\":\"overwrite-if\",\"options\":\"0x00000000\"}" \
		'create_file|ok|0x120089|file|overwrite_if|/srv/x/a|b'
	becomes create_directory "{\"command\":\"create\",$ok,\"handle\":1,\"path\":\"\",\"access\":\"0x00000081\",$(
		)\"disposition\":\"open\",\"options\":\"0x00000001\",\"kind\":\"directory\"}" \
		'create_file|ok|0x81|dir|open|/srv'
	becomes create_failed "{\"command\":\"create\",\"status\":\"NT_STATUS_ACCESS_DENIED\",\"path\":\"a\",$(
		)\"access\":\"0x00000002\",\"disposition\":\"open-if\",\"options\":\"0x00000000\"}" \
		'create_file|fail (Permission denied)|0x2|file|open_if|/srv/a'
	becomes create_unknown "{\"command\":\"create\",\"status\":\"NT_STATUS_UNSUCCESSFUL\",\"path\":\"a\",$(
		)\"access\":\"0x00000002\",\"disposition\":\"supersede\",\"options\":\"0x00000000\",$(
		)\"skip\":\"its disposition is not in the log\"}" \
		'create_file|fail (No sense of humour)|0x2|file|unknown|/srv/a'
	becomes create_refused "{\"command\":\"create\",\"status\":\"NT_STATUS_ACCESS_DENIED\",\"path\":\"a\",$(
		)\"access\":\"0x00000001\",\"disposition\":\"open\",\"options\":\"0x00000000\"}" \
		'openat|ok|r|/srv/a' 'fstat|ok|/srv/a' 'fget_nt_acl|ok|/srv/a' 'close|ok|/srv/a' \
		'create_file|fail (No such file or directory)|0x1|file|open|/srv/a'
	becomes create_not_refused "{\"command\":\"create\",\"status\":\"NT_STATUS_OBJECT_NAME_NOT_FOUND\",\"path\":\"a\",$(
		)\"access\":\"0x00000001\",\"disposition\":\"open\",\"options\":\"0x00000000\"}" \
		'openat|ok|r|/srv/a' 'fget_nt_acl|ok|/srv/b' 'close|ok|/srv/a' \
		'create_file|fail (No such file or directory)|0x1|file|open|/srv/a'
	becomes close "{\"command\":\"close\",$ok,\"handle\":1}" "${open_a[@]}" 'close|ok|/srv/a'
	becomes read "{\"command\":\"read\",$ok,\"handle\":1,\"offset\":5,\"length\":10}" "${open_a[@]}" \
		'strict_lock_check|ok|/srv/a:5-10:0' 'pread_send|ok|/srv/a' 'pread_recv|ok|/srv/a'
	becomes read_failed "{\"command\":\"read\",\"status\":\"NT_STATUS_IO_DEVICE_ERROR\",\"handle\":1,$(
		)\"offset\":5,\"length\":10}" "${open_a[@]}" \
		'strict_lock_check|ok|/srv/a:5-10:0' 'pread_send|fail (Input/output error)|/srv/a'
	becomes read_without_range "{\"command\":\"read\",$ok,\"handle\":1,\"offset\":0,\"length\":0,$(
		)\"skip\":\"its offset and length are not in the log\"}" "${open_a[@]}" 'pread_recv|ok|/srv/a'
	becomes read_not_open "{\"command\":\"read\",$ok,\"offset\":0,\"length\":0,$(
		)\"skip\":\"its offset and length are not in the log\"}" "${open_a[@]}" 'pread|ok|/srv/b'
	becomes write "{\"command\":\"write\",$ok,\"handle\":1,\"offset\":0,\"length\":18}" "${open_a[@]}" \
		'strict_lock_check|ok|/srv/a:0-18:1' 'pwrite|ok|/srv/a'
	becomes flush "{\"command\":\"flush\",$ok,\"handle\":1}" "${open_a[@]}" 'fsync_send|ok|/srv/a' 'fsync_recv|ok|/srv/a'
	becomes flush_not_open "{\"command\":\"flush\",$ok,\"skip\":\"opened before the trace\"}" "${open_a[@]}" \
		'fsync_recv|ok|/srv/b'
	becomes rename "{\"command\":\"rename\",$ok,\"path\":\"a\",\"target\":\"d/b\",\"replace\":true}" "${open_a[@]}" \
		'renameat|ok|/srv/a|/srv/d/b'
	becomes rename_unclear "{\"command\":\"rename\",$ok,\"replace\":true,$(
		)\"skip\":\"the log does not say clearly what and where to\"}" "${open_a[@]}" 'renameat|ok|/srv/a|/b|/srv/c'
	becomes unlink "{\"command\":\"unlink\",$ok,\"path\":\"a\"}" "${open_a[@]}" 'unlinkat|ok|/srv/a'
	becomes rmdir "{\"command\":\"rmdir\",\"status\":\"NT_STATUS_DIRECTORY_NOT_EMPTY\",\"path\":\"d\"}" "${open_d[@]}" \
		'unlinkat|fail (Directory not empty)|/srv/d'
	becomes link "{\"command\":\"set-info\",$ok,\"path\":\"a\",\"target\":\"b\",\"info\":\"file\",\"level\":11}" \
		"${open_a[@]}" 'linkat|ok|/srv/a|/srv/b'
	becomes set_times "{\"command\":\"set-info\",$ok,\"handle\":1,\"info\":\"file\",\"level\":4,$(
		)\"modified_ns\":1795336544000000000}" "${open_a[@]}" \
		"fntimes|ok|/srv/a|Thu Jan  1 00:00:01 1970 UTC|Thu Jan  1 00:00:01 1970 UTC|$(
		)Sun Nov 22 08:35:44 2026 UTC|Thu Jan  1 00:00:01 1970 UTC"
	becomes set_times_elsewhere "{\"command\":\"set-info\",$ok,\"handle\":1,\"info\":\"file\",\"level\":4,$(
		)\"skip\":\"the times it sets are not in the log\"}" "${open_a[@]}" \
		'fntimes|ok|/srv/a|x|x|Sun Nov 22 08:35:44 2026 CET|x'
	becomes set_size "{\"command\":\"set-info\",$ok,\"handle\":1,\"info\":\"file\",\"level\":20,$(
		)\"skip\":\"the size it sets is not in the log\"}" "${open_a[@]}" 'ftruncate|ok|/srv/a'
	becomes set_acl "{\"command\":\"set-info\",$ok,\"handle\":1,\"info\":\"security\",\"level\":0,$(
		)\"skip\":\"the security descriptor it sets is not in the trace\"}" "${open_a[@]}" 'fset_nt_acl|ok|/srv/a [D:(A)]'
	becomes query "{\"command\":\"query-info\",$ok,\"handle\":1,\"info\":\"file\",\"level\":18}" "${open_a[@]}" \
		'fstat|ok|/srv/a'
	becomes query_fs "{\"command\":\"query-info\",$ok,\"path\":\"d\",\"info\":\"filesystem\",\"level\":3}" \
		"${open_a[@]}" 'disk_free|ok|/srv/d'
	becomes list "{\"command\":\"query-directory\",$ok,\"handle\":1,\"level\":37,\"pattern\":\"*\",\"restart\":true}" \
		"${open_d[@]}" 'fdopendir|ok|/srv/d' 'readdir|ok|' 'readdir|ok|'
	becomes lock "{\"command\":\"lock\",$ok,\"handle\":1,\"offset\":7,\"length\":9,\"level\":0}" "${open_a[@]}" \
		'brl_lock_windows|ok|/srv/a:7-9. type=1.'
	becomes elsewhere_alike "{\"command\":\"unlink\",$ok,\"path\":\"srvx/y\"}" "${open_a[@]}" 'unlinkat|ok|/srvx/y'
	becomes elsewhere "{\"command\":\"unlink\",$ok,\"path\":\"home/x\"}" "${open_a[@]}" 'unlinkat|ok|/home/x'
}

# Which calls are a client's request, and which are smbd's own business.
test_own_business()
{
	commands own_open "create close" "${open_a[@]}" 'openat|ok|r|/srv/a' 'fstat|ok|/srv/a' 'close|ok|/srv/a' \
		'close|ok|/srv/a'
	commands reopened "create close" 'openat|ok|r|/srv/a' 'fstat|ok|/srv/a' 'openat|ok|r|/srv/a' 'close|ok|/srv/a' \
		'create_file|ok|0x120089|file|open|/srv/a' 'close|ok|/srv/a'
	commands opened_below "create close" 'openat|ok|r|/srv/' 'fstat|ok|/srv/d' "${open_d[@]}" 'close|ok|/srv/d' \
		'close|ok|/srv/d'
	commands twice "create create close close" "${open_a[@]}" "${open_a[@]}" 'close|ok|/srv/a' 'close|ok|/srv/a' \
		'close|ok|/srv/a'
	commands listing_closes "create query-directory close" "${open_d[@]}" 'fdopendir|ok|/srv/d' 'closedir|ok|'
	commands looking_up "create" "${open_d[@]}" 'get_real_filename_at|fail (No such file or directory)|d/x->' \
		'openat|ok|r|/srv/d' 'fstat|ok|/srv/d' 'fdopendir|ok|/srv/d' 'readdir|ok|' 'closedir|ok|'
	commands is_it_empty "create rmdir close" 'openat|ok|r|/srv/d' 'create_file|ok|0x10000|dir|open|/srv/d' \
		'openat|ok|r|/srv/d' 'fdopendir|ok|/srv/d' 'closedir|ok|' 'unlinkat|ok|/srv/d' 'close|ok|/srv/d'
	commands made_once "create" 'mkdirat|ok|/srv/d' 'openat|ok|r|/srv/d' 'create_file|ok|0x80|dir|create|/srv/d'
	commands made_alone "mkdir create mkdir" 'mkdirat|ok|/srv/d' "${open_a[@]}" 'mkdirat|ok|/srv/e'
	commands new_file "create" 'openat|ok|w|/srv/a' 'fset_dos_attributes|ok|/srv/a' 'fntimes|ok|/srv/a|a|b|c|d' \
		'create_file|ok|0x2|file|create|/srv/a'
	commands moved "create rename close" "${open_a[@]}" 'renameat|ok|/srv/a|/srv/b' 'close|ok|/srv/b'
	commands without_openat "create close" 'create_file|ok|0x2|file|open|/srv/a' 'close|ok|/srv/a' 'close|ok|/srv/a'
	# Two reads at a time, and the second is answered first: none of their places is lost.
	log "${open_a[@]}" 'strict_lock_check|ok|/srv/a:0-1:0' 'pread_send|ok|/srv/a' \
		'strict_lock_check|ok|/srv/a:1-2:0' 'pread_send|ok|/srv/a' 'pread_recv|ok|/srv/a' 'pread_recv|ok|/srv/a'
	check two_reads "$(cat "$work/trace")" \
		[ "$(jq -c 'select(.command == "read") | [.offset, .length]' "$work/trace" | tr '\n' ' ')" = '[0,1] [1,2] ' ]
}

# one NAME FILTER EXPECTED LINE...: of a whole log.
one()
{
	local name=$1 filter=$2 expected=$3 got

	shift 3
	printf '%s\n' "$@" >"$work/log"
	run import "$work/log" -o "$work/trace" ${prefix:+--audit-prefix "$prefix"}
	got=$(jq -c "$filter" "$work/trace" | tr '\n' ' ')
	check "$name" "it is $got" [ "$got" = "$expected " ]
}

test_lines()
{
	local create='create_file|ok|0x1|file|open|/a'

	one syslog_times 'select(.request) | .time_ns' '0 1000000000 2592001000000000' \
		"Dec  2 08:00:00 host smbd_audit: u|192.0.2.1|$create" "Dec  2 08:00:01 host smbd_audit: u|192.0.2.1|$create" \
		"Jan  1 08:00:01 host smbd_audit: u|192.0.2.1|$create"
	one no_begin '.begun' 'null null null null' "Dec  2 08:00:00 host smbd_audit: u|192.0.2.1|$create"
	one iso_times '.begun // .time_ns // empty' '1795336544.373508 0 1500000' \
		"2026-11-22T09:35:44.373508+01:00 host smbd_audit[7]: u|192.0.2.1|$create" \
		"2026-11-22T08:35:44.375008Z host smbd_audit[7]: u|192.0.2.1|$create"
	one smbd_times 'select(.request) | .time_ns' '0 1000' \
		'[2026/11/22 08:35:44.373508,  1, pid=5, effective(0, 0), real(0, 0)] ../x.c:643(do_log)' \
		"  u|192.0.2.1|$create" \
		'[2026/11/22 08:35:44.373509,  1, pid=5, effective(0, 0), real(0, 0)] ../x.c:643(do_log)' \
		"  u|192.0.2.1|$create"
	one no_times 'select(.request) | .time_ns' null "u|192.0.2.1|$create"
	one backwards 'select(.request) | .time_ns' '0 0' "Dec  2 08:00:05 host smbd_audit: u|192.0.2.1|$create" \
		"Dec  2 08:00:01 host smbd_audit: u|192.0.2.1|$create"
	one processes 'select(.session and (.request | not)) | .session' '1 2' \
		"Dec  2 08:00:05 host smbd_audit[1]: u|192.0.2.1|$create" "Dec  2 08:00:01 host smbd_audit[2]: u|192.0.2.1|$create"
	one shares 'select(.session and (.request | not)) | .session' '1' "u|192.0.2.1|s|$create" "u|192.0.2.1|t|$create"
	one guess 'select(.user or .share) | [.user, .client, .share]' '["u","2001:db8::1",null] [null,null,"s"]' \
		"u|s|2001:db8::1|$create"
	prefix='%D/%u at %I on %S %T'
	one template 'select(.user or .share) | [.domain, .user, .client, .share]' \
		'["OFFICE","u","192.0.2.1",null] [null,null,null,"data"]' "OFFICE/u at 192.0.2.1 on data 2026/11/22|$create"
	prefix='%u|%I'
	one template_differs 'select(.user) | [.user, .client]' '["who?",null]' "who?|$create"
	prefix='%u|%P'
	one template_root 'select(.request) | .path' '"a"' "u|/srv|create_file|ok|0x1|file|open|/srv/a"
	prefix=
	one other_lines '.command // empty' '"create"' "Dec  2 08:00:05 host cron[1]: |ok|" 'x' '' '|' '|ok|' 'a|ok|' \
		"u|192.0.2.1|$create" 'u|192.0.2.1|frobnicate|ok|x' "$begin" 'u|192.0.2.1|close|fail (|/a'
	one latin1 'select(.request) | .path' '{"hex":"66fc"}' "$(printf 'u|x|create_file|ok|0x1|file|open|/f\xfc')"
	one bad_date 'select(.request) | .time_ns' null "Feb 31 08:00:00 host smbd_audit: u|x|$create"
	one far_date 'select(.request) | .time_ns' null "9999-02-11T08:00:00Z host smbd_audit: u|x|$create"

	printf "${begin}u|x|%s\n" 'connect|ok|s' 'close|ok|/a' >"$work/log"
	refused no_create 1 "no create_file in it" import "$work/log" -o "$work/none"
	printf 'u|x|create_file|ok|0x1|file\n' >"$work/log"
	refused create_without_path 1 "line 1: create_file without a path" import "$work/log" -o "$work/none" \
		--format full-audit
	printf 'nothing\n' >"$work/log"
	refused no_log 1 "no create_file in it" import "$work/log" -o "$work/none" --format full-audit
}

# What two users really did, as stock smbd logs it.
test_real()
{
	local client_log=$work/client.log

	smbd_init
	sed -i 's/^log level = .*/log level = 1 vfs:1\ndebug hires timestamp = yes\ndebug pid = yes\ndebug uid = yes/; t
		s/^\t\tlog level = .*/log level = 1 vfs:1\ndebug hires timestamp = yes\ndebug pid = yes\ndebug uid = yes/' "$smbd_conf"
	mkdir -m 1777 "$smbd_dir/share"
	# As the page says; without openat, fstat and strict_lock_check this would not go well.
	sed -n '/^full_audit:prefix/,/^strict locking/{s/\\e$/\\/;p}' "$top/man/pathring-trace.5" >"$work/settings"
	check page_settings "$(cat "$work/settings")" [ "$(grep -c '^full_audit:\|^strict locking' "$work/settings")" -eq 4 ]
	smbd_share data "$smbd_dir/share" 'read only = no' 'vfs objects = full_audit' 'full_audit:syslog = false' \
		"$(cat "$work/settings")"
	smbd_start
	head -c 100000 /dev/urandom >"$smbd_dir/client/big"
	install -m 600 -o "${smbd_user[1]}" /dev/null "$smbd_dir/share/private"
	smbd_client 1 data "mkdir d; put $smbd_dir/client/big d/big; ls d/*; get d/big /dev/null; rename d/big d/big2" \
		>"$client_log" 2>&1
	smbd_client 2 data "get private /dev/null" >>"$client_log" 2>&1 || true
	smbd_client 2 data "get nothing /dev/null" >>"$client_log" 2>&1 || true
	smbd_client 1 data "del d/big2; rmdir d" >>"$client_log" 2>&1
	smbd_stop
	cp "$smbd_dir/log/log.smbd" "$work/log"

	run import "$work/log" -o "$work/trace"
	check real "exit code $status" [ "$status" -eq 0 ]
	run info --json "$work/trace"
	check real_users "$(jq -c .users "$work/out")" [ "$(jq -r '.users[].user' "$work/out" | sort | tr '\n' ' ')" = "$(
		printf '%s\n' "${smbd_user[@]:1}" | sort | tr '\n' ' '
	)" ]
	check real_closed "$(jq -c .commands "$work/out")" \
		[ "$(jq .commands.create.succeeded "$work/out")" = "$(jq .commands.close.requests "$work/out")" ]
	check real_duration "$(jq .duration_ns "$work/out")" [ "$(jq .duration_ns "$work/out")" -gt 0 ]
	jq -c 'select(.request) | [.command, .path, .status]' "$work/trace" >"$work/requests"
	check real_denied "$(grep private "$work/requests")" \
		grep -qxF '["create","private","NT_STATUS_ACCESS_DENIED"]' "$work/requests"
	check real_not_found "$(grep nothing "$work/requests")" \
		grep -qxF '["create","nothing","NT_STATUS_OBJECT_NAME_NOT_FOUND"]' "$work/requests"
	check real_unlink "$(cat "$work/requests")" grep -qxF '["unlink","d/big2","NT_STATUS_OK"]' "$work/requests"
	check real_rmdir "$(cat "$work/requests")" grep -qxF '["rmdir","d","NT_STATUS_OK"]' "$work/requests"
	check real_rename "$(grep rename "$work/requests")" grep -qxF '["rename","d/big","NT_STATUS_OK"]' "$work/requests"
	check real_no_mkdir "$(grep mkdir "$work/requests")" [ "$(grep -c '"mkdir"' "$work/requests" || true)" -eq 0 ]
	check real_written "$(grep write "$work/trace")" [ "$(
		jq 'select(.command == "write") | .offset + .length' "$work/trace" | sort -n | tail -n 1
	)" -eq 100000 ]
	check real_read "$(grep '"read"' "$work/trace")" [ "$(
		jq 'select(.command == "read") | .offset + .length' "$work/trace" | sort -n | tail -n 1
	)" -eq 100000 ]
	check real_list "$(grep query-directory "$work/trace")" grep -q '"query-directory"' "$work/trace"
}

test_functions
test_own_business
test_lines
test_real

bench_exit
