#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Replaying small traces made by hand: the tree before and after, who did what, in which order, at which pace, and what is
# told of it. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/replay/test_run.sh

	Tests the pathring-replay of the build directory \$PATHRING_BUILD (default: build). Needs root.

	  --help  print this text
	END
}

# shellcheck source=tests/replay/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
replay_init run "$@"
bench_need_root run
# shellcheck source=tests/replay/run-lib.sh
. "$top/tests/replay/run-lib.sh"

all_engines=pathring,requests,threads,sync

test_command_line()
{
	begin
	ends
	refused no_root 2 "expected one TRACE, and --root DIR" run "$trace"
	refused no_such_root 1 "No such file or directory" run "$trace" --root "$work/none"
	refused bad_order 2 "--order any: expected" run "$trace" --root "$root" --order any
	refused bad_speed 2 "--speed 0: expected" run "$trace" --root "$root" --speed 0
	refused bad_depth 2 "--depth 0: expected" run "$trace" --root "$root" --depth 0
	refused bad_engine 2 "--engine uring: expected" run "$trace" --root "$root" --engine uring
	refused bad_range 2 "--uid-range 0-9: expected" run "$trace" --root "$root" --uid-range 0-9
	refused existing_twice 2 "--existing: a second engine" \
		run "$trace" --root "$root" --existing --engine threads,sync
	refused no_tree_twice 2 "--init no: a second engine" run "$trace" --root "$root" --init no --loop 2
	refused existing_cleanup 2 "not with --cleanup" run "$trace" --root "$root" --existing --cleanup
	echo 'alice' >"$work/users"
	refused bad_users 1 "line 1: expected NAME UID GID" run "$trace" --root "$root" --users "$work/users"
}

# What was there before is there before, as the trace says, and nothing else.
test_initial_tree()
{
	local name

	begin
	user 1 alice
	created 1 1 'dir/sub/there.txt' open file '"size":5000'
	request 1 close OK '"handle":1'
	failed 1 'dir/absent.txt' open OBJECT_NAME_NOT_FOUND
	failed 1 'none/absent.txt' open OBJECT_PATH_NOT_FOUND
	created 1 2 'Other' open directory
	failed 1 'taken' create OBJECT_NAME_COLLISION
	request 1 query-info OK '"share":"data","path":"looked","info":"file","level":18'
	request 1 query-directory OK '"handle":2,"level":37,"pattern":"listed.txt","count":1'
	ends
	replayed initial --depth 1
	check initial_size "$(stat -c %s "$root/data/dir/sub/there.txt")" \
		[ "$(stat -c %s "$root/data/dir/sub/there.txt")" = 5000 ]
	for name in dir dir/sub Other; do
		check "initial_directory_$name" "no directory" [ -d "$root/data/$name" ]
	done
	for name in taken looked Other/listed.txt; do
		check "initial_file_$name" "no file" [ -f "$root/data/$name" ]
	done
	for name in dir/absent.txt none; do
		check "initial_no_$name" "it is there" [ ! -e "$root/data/$name" ]
	done
	check initial_owner "$(stat -c %u:%g "$root/data/dir/sub/there.txt")" \
		[ "$(stat -c %u:%g "$root/data/dir/sub/there.txt")" = 100000:100000 ]
	check initial_nothing_else "$(find "$root" | sort | tr '\n' ' ')" [ "$(find "$root" | wc -l)" -eq 9 ]
	account initial 8 8 0 0 0
}

# A listing as long as it was, though nobody names what was in it.
test_listing()
{
	begin
	user 1 alice
	created 1 1 'd' open directory
	created 1 2 'd/known' open file
	request 1 query-directory OK '"handle":1,"level":37,"pattern":"*","count":30'
	request 1 query-directory OK '"handle":1,"level":37,"pattern":"*","count":12'
	request 1 query-directory NO_MORE_FILES '"handle":1,"level":37,"pattern":"*"'
	request 1 query-directory OK '"handle":1,"level":37,"pattern":"*","restart":true,"count":42'
	request 1 query-directory NO_SUCH_FILE '"handle":1,"level":37,"pattern":"absent","restart":true'
	request 1 query-directory NO_SUCH_FILE '"share":"data","path":"d","level":37,"pattern":"x*y","restart":true'
	request 1 query-directory OK '"share":"data","path":"d","level":37,"pattern":"KN*","restart":true,"count":1'
	ends
	replayed listing --engine "$all_engines"
	check listing_length "$(ls "$root/data/d" | wc -l)" [ "$(ls "$root/data/d" | wc -l)" -eq 40 ]
	account listing 9 9 0 0 0
	check listing_lookups "$(operations lookups)" [ "$(operations lookups | head -1)" -ge 3 ]
}

# Whether xattrs are asked for at all, as two parameters of smbd's say.
test_xattrs()
{
	local how calls counted

	begin
	user 1 alice
	created 1 1 'd' open directory
	request 1 query-directory OK '"handle":1,"level":37,"pattern":"*","count":30'
	created 1 2 'd/known' open file
	request 1 query-info OK '"handle":2,"info":"file","level":18'
	request 1 query-info OK '"share":"data","path":"d/known","info":"file","level":18'
	request 1 set-info OK '"handle":2,"info":"file","level":13,"remove":false'
	ends
	for how in yes no; do
		fresh
		status=0
		# New calls are numbers to an older strace: getxattrat and listxattrat of asm-generic/unistd.h.
		timeout 60 strace -f -o "$work/calls" env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" \
			"$replay" run "$trace" --root "$root" --dos-attributes "$how" --ea-support "$how" \
			--engine "$all_engines" --json "$work/json" >"$work/out" 2>"$work/err" || status=$?
		check "xattrs_${how}_runs" "exit code $status: $(head -c 500 "$work/err")" [ "$status" -eq 0 ]
		account "xattrs_$how" 6 6 0 0 0
		calls=$(grep -cE '[a-z]xattr(at)?\(|syscall_0x1d[01]\(' "$work/calls" || true)
		counted=$({ operations getxattr; operations listxattr; } | wc -l)
		if [ "$how" = yes ]; then
			check xattrs_asked_for "$calls calls, counted for $counted engines" \
				[ "$calls" -ge 30 -a "$counted" -eq 8 ]
		else
			# Each of four engines tries once whether the kernel has getxattrat().
			check xattrs_left_alone "$calls calls, counted for $counted engines" \
				[ "$calls" -le 4 -a "$counted" -eq 0 ]
		fi
	done
}

# One spelling of a name, whoever spells it how.
test_case()
{
	begin
	user 1 alice
	created 1 1 'Dir/File.TXT' create file
	request 1 close OK '"handle":1'
	created 1 2 'DIR/file.txt' open file
	request 1 close OK '"handle":2'
	request 1 query-info OK '"share":"DATA","path":"dir/FILE.txt","info":"file","level":4'
	created 1 3 'ÄÖ' create file
	request 1 close OK '"handle":3'
	created 1 4 'äö' open file
	ends
	replayed case
	check case_first_spelling "$(find "$root")" [ -f "$root/data/Dir/File.TXT" ]
	check case_one "$(find "$root")" [ "$(find "$root" -type f | wc -l)" -eq 2 ]
	account case 8 8 0 0 0
}

# What is done to the tree, is done: by each engine the same.
test_changes()
{
	local engine

	for engine in pathring requests threads sync; do
		begin
		user 1 alice
		created 1 1 'made' create directory
		request 1 close OK '"handle":1'
		created 1 2 'made/file' create file
		request 1 write OK '"handle":2,"offset":0,"length":70000,"count":70000'
		request 1 write OK '"handle":2,"offset":100000,"length":10,"count":10'
		request 1 flush OK '"handle":2'
		request 1 read OK '"handle":2,"offset":69990,"length":20,"count":20'
		request 1 read END_OF_FILE '"handle":2,"offset":200000,"length":20'
		request 1 set-info OK '"handle":2,"info":"file","level":4,"modified_ns":1000000000123456700,"attributes":2'
		request 1 query-info OK '"handle":2,"info":"file","level":18'
		request 1 query-info OK '"handle":2,"info":"filesystem","level":3'
		request 1 query-info OK '"handle":2,"info":"security","level":0'
		request 1 set-info OK '"handle":2,"info":"file","level":10,"target":"made/renamed"'
		request 1 close OK '"handle":2'
		created 1 3 'made/renamed' open file
		request 1 set-info OK '"handle":3,"info":"file","level":11,"target":"linked"'
		request 1 set-info OK '"handle":3,"info":"file","level":20,"size":12345'
		request 1 set-info OK '"handle":3,"info":"file","level":19,"size":4096'
		request 1 set-info OK '"handle":3,"info":"file","level":19,"size":1000000'
		request 1 close OK '"handle":3'
		created 1 4 'gone' create file '"options":"0x00001000"'
		request 1 close OK '"handle":4'
		created 1 5 'marked' create file
		request 1 set-info OK '"handle":5,"info":"file","level":13,"remove":true'
		request 1 close OK '"handle":5'
		created 1 6 'full' create directory
		created 1 7 'full/of' create file
		request 1 set-info DIRECTORY_NOT_EMPTY '"handle":6,"info":"file","level":13,"remove":true'
		request 1 mkdir OK '"share":"data","path":"by-path"'
		request 1 mkdir OBJECT_NAME_COLLISION '"share":"data","path":"by-path"'
		request 1 rmdir OK '"share":"data","path":"by-path"'
		request 1 rename OK '"share":"data","path":"full/of","target":"full/off"'
		request 1 rename OBJECT_NAME_COLLISION '"share":"data","path":"full/off","target":"linked"'
		request 1 unlink FILE_IS_A_DIRECTORY '"share":"data","path":"made"'
		request 1 unlink OBJECT_NAME_NOT_FOUND '"share":"data","path":"made/none"'
		created 1 8 'tree/deep/er' open file
		request 1 close OK '"handle":8'
		request 1 deltree OK '"share":"data","path":"tree"'
		failed 1 'full' create OBJECT_NAME_COLLISION
		failed 1 'full' open FILE_IS_A_DIRECTORY '"options":"0x00000040"'
		failed 1 'linked' open NOT_A_DIRECTORY '"options":"0x00000001"'
		failed 1 'linked/below' open OBJECT_PATH_NOT_FOUND
		created 1 9 'linked' overwrite-if file
		ends
		replayed "changes_$engine" --engine "$engine"
		account "changes_$engine" 43 43 0 0 0
		check "changes_tree_$engine" "$(cd "$root/data" && find . | sort | tr '\n' ' ')" \
			[ "$(cd "$root/data" && find . | sort | tr '\n' ' ')" = ". ./full ./full/off ./linked ./made ./made/renamed " ]
		check "changes_links_$engine" "$(stat -c %h "$root/data/linked")" \
			[ "$(stat -c %i "$root/data/linked")" = "$(stat -c %i "$root/data/made/renamed")" ]
		check "changes_truncated_$engine" "$(stat -c %s "$root/data/linked")" \
			[ "$(stat -c %s "$root/data/linked")" -eq 0 ]
		check "changes_xattr_$engine" "no user.DOSATTRIB" \
			grep -q DOSATTRIB <<<"$(getfattr --absolute-names "$root/data/full/off")"
	done
}

# The second user's forbidden open is forbidden again, by the kernel; the first one's is not.
test_identity()
{
	local engine

	for engine in pathring requests threads sync; do
		begin
		user 1 alice
		user 2 bob
		created 1 1 'secret' open file
		request 1 write OK '"handle":1,"offset":0,"length":10,"count":10'
		failed 2 'secret' open ACCESS_DENIED
		created 2 2 'bobs' create file
		request 2 write OK '"handle":2,"offset":0,"length":10,"count":10'
		created 1 3 'readable' open file
		failed 2 'readable' open ACCESS_DENIED '"access":"0x00000002"'
		created 2 4 'readable' open file '"access":"0x00000001"'
		ends
		replayed "identity_$engine" --engine "$engine"
		account "identity_$engine" 8 8 0 0 0
		check "identity_owners_$engine" "$(stat -c '%n %u %a' "$root"/data/*)" \
			[ "$(cd "$root/data" && stat -c '%n:%u:%a' bobs readable secret | tr '\n' ' ')" = \
			"bobs:100001:666 readable:100000:644 secret:100000:600 " ]
	done

	# It is the kernel that forbids it.
	begin
	user 1 alice
	user 2 bob
	created 1 1 'secret' open file
	failed 2 'secret' open ACCESS_DENIED '"access":"0x00000001"'
	ends
	fresh
	# Where leaks are looked for, that does not go together with strace.
	timeout 60 strace -f -e trace=openat2,setresuid -o "$work/calls" \
		env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" "$replay" run "$trace" --root "$root" >"$work/out"
	check identity_kernel "the kernel was not asked: $(grep secret "$work/calls")" \
		grep -qE 'openat2\(.*"data/secret".*O_RDONLY.*EACCES' "$work/calls"
	check identity_switched "bob's id was not taken" grep -qE 'setresuid\((-1|4294967295), 100001' "$work/calls"
}

# What a server refuses by other rules than those of files, as the trace tells.
test_server_rules()
{
	local engine

	for engine in pathring requests threads sync; do
		begin
		user 1 alice
		user 2 bob
		created 1 1 'own' create directory
		created 1 2 'own/in' create file
		created 1 3 'own/looked' create file '"access":"0x00000080"'
		request 1 rename ACCESS_DENIED '"handle":3,"target":"own/renamed"'
		request 1 set-info ACCESS_DENIED '"handle":3,"info":"file","level":13,"remove":true'
		request 1 set-info ACCESS_DENIED '"handle":3,"info":"file","level":4,"modified_ns":1000000000'
		request 1 query-info ACCESS_DENIED '"handle":3,"info":"security","level":0'
		request 1 rename ACCESS_DENIED '"handle":1,"target":"elsewhere"'
		request 1 close OK '"handle":2'
		request 1 close OK '"handle":3'
		request 1 rename OK '"handle":1,"target":"elsewhere"'
		request 1 rename OK '"handle":1,"target":"own"'
		created 2 4 'bobs' create file
		request 2 rename ACCESS_DENIED '"handle":4,"target":"own/bobs"'
		request 2 rename OK '"handle":4,"target":"bobs-own"'
		created 1 5 'protected' create file
		request 1 set-info OK '"handle":5,"info":"file","level":4,"attributes":33'
		request 1 set-info CANNOT_DELETE '"handle":5,"info":"file","level":13,"remove":true'
		request 1 set-info OK '"handle":5,"info":"file","level":4,"attributes":128'
		request 1 set-info OK '"handle":5,"info":"file","level":13,"remove":true'
		request 1 close OK '"handle":5'
		ends
		replayed "rules_$engine" --engine "$engine"
		account "rules_$engine" 21 21 0 0 0
		check "rules_nothing_explained_$engine" "$(jq -c '.rounds[0].requests' "$work/json")" \
			holds '.rounds[0].requests.explained == 0'
		check "rules_tree_$engine" "$(cd "$root/data" && find . | sort | tr '\n' ' ')" \
			[ "$(cd "$root/data" && find . | sort | tr '\n' ' ')" = ". ./bobs-own ./own ./own/in ./own/looked " ]
	done
}

test_users()
{
	begin
	user 1 alice WORK
	user 2 bob
	session 3
	user 4 ALICE work
	created 1 1 'a' create file
	created 2 2 'b' create file
	created 3 3 'c' create file
	created 4 4 'd' create file
	ends
	printf '# who\nWORK\\alice 4001 4002,4003\n* 4010 4011\n' >"$work/users"
	replayed users_file --users "$work/users"
	check users_mapped "$(stat -c '%n %u:%g' "$root"/data/*)" \
		[ "$(cd "$root/data" && stat -c %u:%g a b c d | tr '\n' ' ')" = "4001:4002 4010:4011 4010:4011 4001:4002 " ]
	replayed users_range --uid-range 5000-5002
	check users_in_order "$(stat -c '%n %u:%g' "$root"/data/*)" \
		[ "$(cd "$root/data" && stat -c %u a b c d | tr '\n' ' ')" = "5000 5001 5002 5000 " ]
	fresh
	refused users_too_many 1 "more than there are ids" run "$trace" --root "$root" --uid-range 5000-5001
}

# A client's requests wait for each other where they share something: a thousand times in turn made, renamed and removed.
test_order()
{
	local i order

	begin
	user 1 alice
	user 2 bob
	for ((i = 0; i < 300; i++)); do
		created 1 $((3 * i + 1)) 'f' create file
		request 1 write OK "\"handle\":$((3 * i + 1)),\"offset\":0,\"length\":100,\"count\":100"
		request 1 close OK "\"handle\":$((3 * i + 1))"
		request 2 rename OK '"share":"data","path":"f","target":"g"'
		failed 1 'f' open OBJECT_NAME_NOT_FOUND
		created 2 $((3 * i + 2)) 'g' open file
		request 2 read OK "\"handle\":$((3 * i + 2)),\"offset\":0,\"length\":100,\"count\":100"
		request 2 close OK "\"handle\":$((3 * i + 2))"
		request 1 unlink OK '"share":"data","path":"g"'
		request 2 mkdir OK '"share":"data","path":"d"'
		created 1 $((3 * i + 3)) 'd/in' create file '"options":"0x00001000"'
		request 1 close OK "\"handle\":$((3 * i + 3))"
		request 2 rmdir OK '"share":"data","path":"d"'
	done
	ends
	for order in resource session; do
		replayed "order_$order" --order "$order" --engine "$all_engines"
		account "order_$order" 3900 3900 0 0 0
		check "order_empty_$order" "$(find "$root/data")" [ "$(find "$root/data" | wc -l)" -eq 1 ]
	done
	# The same without order goes wrong, so that the above means something.
	replayed order_none --order none --engine threads
	check order_matters "nothing differed" [ "$(jq '.rounds[0].requests.mismatched + .rounds[0].requests.explained' "$work/json")" -gt 0 ]
}

# A name below a directory that is renamed belongs to it before and after.
test_order_of_directories()
{
	local i

	begin
	user 1 alice
	created 1 1 'a' create directory
	request 1 close OK '"handle":1'
	created 1 2 'a/x' create file
	request 1 close OK '"handle":2'
	for ((i = 0; i < 200; i++)); do
		request 1 rename OK '"share":"data","path":"a","target":"b"'
		request 1 query-info OK '"share":"data","path":"b/x","info":"file","level":4'
		failed 1 'a/x' open OBJECT_PATH_NOT_FOUND
		request 1 rename OK '"share":"data","path":"b","target":"a"'
		request 1 query-info OK '"share":"data","path":"a/x","info":"file","level":4'
	done
	ends
	replayed directories --engine "$all_engines"
	account directories 1004 1004 0 0 0
}

# More than a request has room to claim: it waits for all before it, and all after it for it.
test_order_of_many()
{
	local path='' i

	begin
	user 1 alice
	for ((i = 0; i < 20; i++)); do
		path+=${path:+/}d
		request 1 mkdir OK "\"share\":\"data\",\"path\":\"$path\""
	done
	created 1 1 "$path/f" create file
	request 1 close OK '"handle":1'
	request 1 unlink OK "\"share\":\"data\",\"path\":\"$path/f\""
	for ((i = 0; i < 20; i++)); do
		request 1 rmdir OK "\"share\":\"data\",\"path\":\"$path\""
		path=${path%/*}
	done
	ends
	replayed many_claims --engine "$all_engines" --loop 3
	account many_claims 129 129 0 0 0
	check many_claims_empty "$(find "$root/data")" [ "$(find "$root/data" | wc -l)" -eq 1 ]
}

# Twice the same trace, twice the same tree.
test_same_tree()
{
	local run i

	begin
	user 1 alice
	user 2 bob
	for ((i = 1; i <= 50; i++)); do
		created $((i % 2 + 1)) "$i" "file-$((i % 7))" open-if file
		request $((i % 2 + 1)) write OK "\"handle\":$i,\"offset\":$((i * 37)),\"length\":$((i * 11)),\"count\":$((i * 11))"
		request $((i % 2 + 1)) set-info OK "\"handle\":$i,\"info\":\"file\",\"level\":20,\"size\":$((i * 40))"
		request $((i % 2 + 1)) close OK "\"handle\":$i"
	done
	ends
	for run in 1 2; do
		replayed "same_$run" --order session
		(cd "$root" && find . -printf '%p %y %u %g %m %s\n' | sort && find . -type f | sort | xargs cat) >"$work/tree-$run"
	done
	check same_tree "they differ" cmp "$work/tree-1" "$work/tree-2"
	check same_tree_has_content "nothing was written" [ "$(wc -c <"$work/tree-1")" -gt 5000 ]
}

test_pace()
{
	local wall

	begin
	user 1 alice
	timed 0 1 create OK '"handle":1,"share":"data","path":"f","access":"0x3","disposition":"create","options":"0x40"'
	timed 400 1 close OK '"handle":1'
	ends
	replayed pace_recorded --speed 1
	wall=$(jq '.rounds[0].wall_seconds' "$work/json")
	check pace_waits "$wall s" holds '.rounds[0].wall_seconds >= 0.4'
	check pace_slip "no slip" holds '.rounds[0].slip_ns != null' 
	replayed pace_fast --speed 1000
	check pace_faster "$(jq '.rounds[0].wall_seconds' "$work/json") s" holds '.rounds[0].wall_seconds < 0.4'
	replayed pace_max
	check pace_max_faster "$(jq '.rounds[0].wall_seconds' "$work/json") s" holds '.rounds[0].wall_seconds < 0.4'
}

test_clients()
{
	begin
	user 1 alice
	created 1 1 'there' open file '"size":7'
	created 1 2 'new' create file
	request 1 write OK '"handle":2,"offset":0,"length":3,"count":3'
	ends
	replayed clients --clients 3 --loop 2 --engine pathring,threads
	account clients 18 18 0 0 0
	check clients_trees "$(find "$root" | sort | tr '\n' ' ')" \
		[ "$(cd "$root" && find . -type f | sort | tr '\n' ' ')" = \
		"./client-1/data/new ./client-1/data/there ./client-2/data/new ./client-2/data/there ./client-3/data/new ./client-3/data/there " ]
	replayed clients_cleanup --clients 2 --cleanup
	check clients_cleaned "$(find "$root")" [ -z "$(ls -A "$root")" ]
}

# Skipped, failed, or replayed: each in one of them.
test_account()
{
	begin
	user 1 alice
	created 1 1 'f:stream' open file
	request 1 read OK '"handle":1,"offset":0,"length":1,"count":1'
	request 1 lock OK '"handle":7'
	request 1 ioctl OK '"handle":7'
	request 1 echo OK
	request 1 read OK '"handle":99,"offset":0,"length":1,"count":1'
	request 1 set-info OK '"share":"data","path":"x","info":"security","level":0'
	created 1 2 'f::$DATA' open file '"size":1'
	request 1 read OK '"handle":2,"offset":0,"length":4,"count":1'
	request 1 read OK '"handle":2,"offset":0,"length":99999999,"count":1'
	created 1 3 'pipe' open file '"skip":"pipe"'
	request 1 write OK '"handle":3,"offset":0,"length":1,"count":1'
	ends
	replayed account
	account account 12 2 9 1 0
	check account_reasons "$(jq -c '.rounds[0].left_out' "$work/json")" grep -q 'a named stream' "$work/json"
	check account_before "$(jq -c '.rounds[0].left_out' "$work/json")" grep -q 'opened before the trace' "$work/json"
	check account_pipe "$(jq -c '.rounds[0].left_out' "$work/json")" grep -q 'pipe' "$work/json"
}

# What differs is told, and what has a reason is told apart.
test_differences()
{
	begin
	user 1 alice
	created 1 1 'f' open file
	failed 1 'f' open SHARING_VIOLATION
	request 1 read FILE_LOCK_CONFLICT '"handle":1,"offset":0,"length":0'
	request 1 close OK '"handle":1'
	failed 1 'f' open OBJECT_NAME_NOT_FOUND
	created 1 2 'f' open file
	request 1 query-info IO_DEVICE_ERROR '"handle":2,"info":"file","level":4'
	ends
	replayed differences
	account differences 7 7 0 0 1
	check differences_explained "$(jq -c '.rounds[0].requests' "$work/json")" \
		holds '.rounds[0].requests.explained == 3'
	check differences_reason "not told" grep -q 'share mode' "$work/json"
	check differences_outside "not told" grep -q 'not in the trace' "$work/json"
}

test_not_root()
{
	begin
	user 1 alice
	created 1 1 'f' create file
	request 1 write OK '"handle":1,"offset":0,"length":3,"count":3'
	created 1 2 'there' open file '"size":9'
	ends
	fresh
	chown 65534:65534 "$root"
	chmod 755 "$work"
	status=0
	timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$replay" run - --root "$root" --json - <"$trace" >"$work/json" 2>"$work/err" || status=$?
	check not_root_runs "exit code $status: $(cat "$work/err")" [ "$status" -eq 0 ]
	check not_root_said "$(cat "$work/err")" grep -q 'not root' "$work/err"
	check not_root_owner "$(stat -c %u "$root/data/f")" [ "$(stat -c %u "$root/data/f")" = 65534 ]
	account not_root 3 3 0 0 0
}

# within SECONDS COMMAND...: tried until it succeeds.
within()
{
	local tenths=$(($1 * 10))

	shift
	for _ in $(seq "$tenths"); do
		if "$@"; then
			return 0
		fi
		sleep 0.1
	done
	return 1
}

has_ended()
{
	! kill -0 "$running" 2>/dev/null
}

# interrupt_after COMMAND...: Ctrl-C for what is running, once the command succeeds. It must end then; sets status.
interrupt_after()
{
	within 20 "$@" || true
	kill -INT "$running"
	within 30 has_ended || kill -KILL "$running" || true
	status=0
	wait "$running" || status=$?
	running=
}

test_interrupted()
{
	begin
	user 1 alice
	timed 0 1 create OK '"handle":1,"share":"data","path":"f","access":"0x3","disposition":"create","options":"0x40"'
	timed 60000 1 close OK '"handle":1'
	ends
	fresh
	"$replay" run "$trace" --root "$root" --speed 1 --json "$work/json" >"$work/out" 2>"$work/err" &
	running=$!
	interrupt_after test -e "$root/data/f"
	check interrupted_status "exit code $status" [ "$status" -eq 130 ]
	check interrupted_report "$(cat "$work/json")" holds '.rounds[0].requests.replayed == 1'
}

# Also while a request waits that no other may run beside: one below more directories that are made than it may have claims.
test_interrupted_before_barrier()
{
	local deep= i

	begin
	user 1 alice
	for i in $(seq 12); do
		deep+=${deep:+/}d$i
		created 1 "$i" "$deep" create directory
		request 1 close OK "\"handle\":$i"
	done
	created 1 20 'slow' create file
	request 1 write OK '"handle":20,"offset":0,"length":100'
	request 1 flush OK '"handle":20'
	created 1 21 "$deep/file" create file
	ends
	fresh
	rm -f "$work/calls" "$work/json"
	# In a thread, which strace holds up.
	strace -D -f -e trace=fsync -e inject=fsync:delay_enter=3000000 -o "$work/calls" \
		env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" "$replay" run "$trace" --root "$root" --engine threads \
		--json "$work/json" >"$work/out" 2>"$work/err" &
	running=$!
	interrupt_after grep -qs 'fsync(' "$work/calls"
	check interrupted_before_barrier "exit code $status" [ "$status" -eq 130 ]
	check interrupted_before_barrier_report "$(jq -c '.rounds[].requests' "$work/json")" holds '.rounds[0].requests.replayed == 28'
}

# What has waited together goes on in the trace's order, also where none is promised.
test_order_of_those_who_waited()
{
	begin
	user 1 alice
	created 1 1 'f' create file
	request 1 write OK '"handle":1,"offset":0,"length":100'
	request 1 read OK '"handle":1,"offset":0,"length":100'
	request 1 close OK '"handle":1'
	ends
	replayed waited --order none
	account waited 4 4 0 0 0
}

# A file system that is full, and one that ends: answers like any other.
test_full()
{
	local engine

	begin
	user 1 alice
	created 1 1 'f' create file
	request 1 write OK '"handle":1,"offset":0,"length":65536,"count":65536'
	request 1 write DISK_FULL '"handle":1,"offset":65536,"length":8388608'
	request 1 read OK '"handle":1,"offset":0,"length":4096,"count":4096'
	request 1 close OK '"handle":1'
	ends
	mkdir "$work/small"
	mount -t tmpfs -o size=1m none "$work/small"
	for engine in pathring threads; do
		root=$work/small/root
		rm -rf "$root"
		mkdir "$root"
		run run "$trace" --root "$root" --engine "$engine" --json "$work/json"
		check "full_$engine" "$(jq -c '.rounds[0]' "$work/json")" \
			holds '.rounds[0].requests.replayed == 5 and .rounds[0].requests.mismatched == 0'
	done
	root=$work/root
}

tidy()
{
	if mountpoint -q "$work/small"; then
		umount "$work/small"
	fi
}

test_command_line
test_initial_tree
test_listing
test_xattrs
test_case
test_changes
test_identity
test_server_rules
test_users
test_order
test_order_of_directories
test_order_of_many
test_same_tree
test_pace
test_clients
test_account
test_differences
test_not_root
test_interrupted
test_interrupted_before_barrier
test_order_of_those_who_waited
test_full
bench_exit
