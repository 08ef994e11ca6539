#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The operations of pathring-bench by every engine: that each is done and denied as it should be, alone and together, and
# that a wrong answer is noticed. Prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test
# failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/bench/test_operations.sh

	Tests the operations of the pathring-bench of the build directory \$PATHRING_BUILD (default: build). Needs root. Its
	files are made in a new directory in \$TMPDIR (default: /tmp), which needs user xattrs.

	  --help  print this text
	END
}

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bench_init operations "$@"
bench_need_root operations

engines=raw,raw-uring,smbd,smbd-pool,pathring-uring,pathring-threads,pathring-sync

operations="lookup stat openat open-read-close job statx getxattr setxattr listxattr set-removexattr pread pwrite
	write-fsync ftruncate fallocate fchmod fchown utimens statfs readdir readlinkat mkdir-rmdir renameat link-unlink
	symlink-unlink create-delete listing"

# has OPERATION: the ring has it.
has()
{
	case $1 in
	job|listxattr|set-removexattr|fchmod|fchown|utimens|statfs|readdir|readlinkat) return 1 ;;
	*) return 0 ;;
	esac
}

# denies OPERATION: it asks for a permission.
denies()
{
	case $1 in
	statx|listxattr|pread|pwrite|write-fsync|ftruncate|fallocate|statfs|readdir|readlinkat) return 1 ;;
	*) return 0 ;;
	esac
}

# Each operation by each engine that has it, at both depths; denied where the operation asks for permission.
denials()
{
	jq -r '.results[] | "\(.engine) \(.denied) of \(.ops)"' "$work/json" | tr '\n' ' '
}

# raw and raw-uring have no identity; the others have.
denied_rightly()
{
	jq -e '[.results[] | if .engine == "raw" or .engine == "raw-uring" then .denied == 0 else .denied > 0 end] | all' \
		"$work/json" >/dev/null
}

# run_until_denied ARGUMENT...: a run that writes $work/json, and a longer one when an engine has not come to a file that is
# forbidden because others have the machine.
run_until_denied()
{
	local seconds

	for seconds in 0.03 0.3 3; do
		run "$@" --time "$seconds"
		if [ "$status" -ne 0 ] || denied_rightly; then
			return
		fi
	done
}

test_operations()
{
	local operation denied results run

	for operation in $operations; do
		run=run
		if denies "$operation"; then
			run=run_until_denied
		fi
		$run --op "$operation" --engine "$engines" --depth 1,16 --files 60 --users 3 --forbidden 20 --entries 7 \
			--time 0.03 --repeat 1 --json "$work/json"
		check "operation_$operation" "exit code $status" [ "$status" -eq 0 ]
		check "operation_${operation}_nothing_left" "left something" nothing_left
		results=14
		if ! has "$operation"; then
			results=12
			check "operation_${operation}_left_out_is_said" "no note" grep -q 'raw-uring *left out: ' "$work/out"
		fi
		check "operation_${operation}_results" "not $results results" \
			[ "$(grep -c '"latency_ns"' "$work/json")" -eq "$results" ]
		check "operation_${operation}_measured" "an engine did nothing" [ "$(grep -c '"ops": 0,' "$work/json")" -eq 0 ]
		if denies "$operation"; then
			check "operation_${operation}_denied" "denied: $(denials)" denied_rightly
		else
			denied=$(grep -c '"denied": 0,' "$work/json" || true)
			check "operation_${operation}_denied" "somebody was denied" [ "$denied" -eq "$results" ]
		fi
	done
}

# All of them in one mix, and all that the ring has.
test_mix_of_all()
{
	local operation all="" ring="" weight

	for operation in $operations; do
		weight=10
		case $operation in
		write-fsync|listing|readdir) weight=1 ;;
		esac
		all=$all,$operation=$weight
		if has "$operation"; then
			ring=$ring,$operation=$weight
		fi
	done
	run_until_denied --mix "${all#,}" --engine raw,smbd,smbd-pool,pathring-uring,pathring-threads,pathring-sync \
		--depth 1,64 --repeat 1 --files 200 --users 3 --forbidden 20 --entries 7 --missing 10 --deep 3 --json "$work/json"
	check mix_of_all "exit code $status" [ "$status" -eq 0 ]
	check mix_of_all_nothing_left "left something" nothing_left
	check mix_of_all_denied "denied: $(denials)" denied_rightly
	run --mix "${ring#,}" --engine raw-uring,pathring --depth 1,64 --time 0.2 --repeat 1 --files 200 --users 3 \
		--forbidden 20 --entries 7 --missing 10 --deep 3
	check mix_of_the_ring "exit code $status" [ "$status" -eq 0 ]
	check mix_of_the_ring_nothing_left "left something" nothing_left
}

test_missing_names()
{
	local operation

	for operation in lookup stat openat open-read-close; do
		run_until_denied --op "$operation" --missing 100 --engine "$engines" --depth 1,16 --repeat 1 --files 60 \
			--users 3 --forbidden 20 --json "$work/json"
		check "missing_$operation" "exit code $status" [ "$status" -eq 0 ]
		# Those in the directories of others.
		check "missing_${operation}_denied" "denied: $(denials)" denied_rightly
	done
}

test_deep()
{
	local operation

	for operation in lookup open-read-close renameat listing; do
		run --op "$operation" --deep 64 --engine "$engines" --depth 1,16 --time 0.03 --repeat 1 --files 60 --users 3 \
			--forbidden 20
		check "deep_$operation" "exit code $status" [ "$status" -eq 0 ]
		check "deep_${operation}_nothing_left" "left something" nothing_left
	done
	start --deep 3 --engine raw --time 1 --repeat 1
	check deep_path "no file three directories down" [ -e "$tree/deep/deep/deep/file-000001" ]
	finish
}

# Directories that take several batches to read, and one file each.
test_listing()
{
	local entries

	for entries in 1 100 3000; do
		run --op listing --entries "$entries" --engine "$engines" --depth 1,16 --time 0.05 --repeat 1 --files 3100 \
			--forbidden 2 --json "$work/json"
		check "listing_$entries" "exit code $status" [ "$status" -eq 0 ]
	done
	# 60 files of which 12 are forbidden, and half of these in 3 private directories: 6 others, 9 in all.
	run --op listing --cold --entries 9 --engine raw,pathring --depth 1 --files 60 --users 3 --forbidden 20 --time 20 \
		--repeat 1 --json "$work/json"
	check listing_cold "exit code $status" [ "$status" -eq 0 ]
	check listing_cold_each_directory_once "ops is $(value ops)" [ "$(value ops)" -eq 6 ]
	refused listing_cold_too_few 1 "more directories than users" --op listing --cold --files 300 --entries 300 \
		--engine raw --users 4
}

# undone OPERATION CALL FROM RESULT TEXT: from this call on the kernel answers as if it had done it, and has not. Before
# that are those of the dynamic linker and of making the tree.
undone()
{
	local operation=$1 call=$2 from=$3 result=$4 text=$5

	status=0
	# A process that is traced can't look for leaks.
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 \
	timeout 60 strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:retval=$result:when=$from+" \
		"$bench" --dir "$trees" --op "$operation" --engine raw --depth 1 --time 0.2 --repeat 1 --files 50 \
		>"$work/out" 2>"$work/err" || status=$?
	if [ "$status" -ne 1 ]; then
		not_ok "undone_$operation" "exit code $status instead of 1"
	elif ! grep -qF "$text" "$work/err"; then
		not_ok "undone_$operation" "no \"$text\" on stderr"
	elif ! nothing_left; then
		not_ok "undone_$operation" "left something"
	else
		ok "undone_$operation"
	fi
}

test_undone()
{
	if ! command -v strace >/dev/null; then
		printf 'ok undone # SKIP strace is missing\n'
		return
	fi
	undone statx statx 20 0 "instead of"
	undone setxattr setxattr 1 0 "No data available instead of the xattr that was set"
	undone getxattr getxattr 20 60 "another xattr value instead of"
	undone pread pread64 100 4096 "other data instead of this file's"
	undone renameat renameat,renameat2 1 0 "No such file or directory instead of"
	undone mkdir-rmdir mkdirat 20 0 "No such file or directory instead of an answer"
	undone stat statx 20 0 "instead of"
	undone open-read-close pread64 100 4096 "other data instead of this file's"
	undone set-removexattr setxattr 1 0 "No data available instead of an answer"
	undone set-removexattr removexattr 1 0 "File exists instead of an answer"
	undone write-fsync pwrite64 1 4096 "other data instead of what was written"
	# One for each of 50 files; one for the top, one for the work directory; one for each file of 2 users and a third.
	undone ftruncate ftruncate 52 0 "size 0 instead of"
	undone fchmod fchmod 56 0 "mode 0 instead of"
	undone fchown fchown 55 0 "group 60003 instead of"
	undone fallocate fallocate 2 0 "bytes allocated 0 instead of 65536"
	undone utimens utimensat 1 0 "modification time"
	undone readdir getdents64 1 0 "entries 0 instead of 100"
	undone readlinkat readlinkat 1 5 "length of the target 5 instead of"
	undone link-unlink linkat 1 0 "No such file or directory instead of an answer"
	undone symlink-unlink symlinkat 1 0 "No such file or directory instead of an answer"
	undone listing getdents64 1 0 "entries 0 instead of 49"
}

# wrong NAME TEXT COMMAND...: a change behind the engine's back is noticed. The options in wrong_options are added.
wrong_options=(--engine smbd)
wrong()
{
	local name=$1 text=$2 lines

	shift 2
	start --depth 1 --time 1 --repeat 1 --forbidden 20 "${wrong_options[@]}"
	(cd "$tree" && "$@")
	finish
	lines=$(grep -c 'wrong answer:' "$work/err" || true)
	if [ "$status" -ne 1 ]; then
		not_ok "$name" "exit code $status instead of 1"
	elif ! grep -qF "$text" "$work/err"; then
		not_ok "$name" "no \"$text\" on stderr"
	elif [ "$lines" -gt 10 ]; then
		not_ok "$name" "$lines answers described instead of at most 10"
	elif ! nothing_left; then
		not_ok "$name" "left something"
	else
		ok "$name"
	fi
}

test_verification()
{
	# Of 50 files with 20 % forbidden every fifth is: 4 below a 0700 directory of the first user, 9 with mode 0600.
	wrong notices_size "size 1 instead of 4097" truncate -s 1 file-000001
	wrong notices_owner "owner 0 instead of" chown 0 file-000001
	wrong notices_mode "mode 33060 instead of" chmod 0444 file-000001
	wrong notices_xattr "another xattr value instead of" cp --attributes-only --preserve=xattr file-000002 file-000001
	wrong notices_inode "inode" sh -c 'cp -a file-000001 copy && mv copy file-000001'
	wrong notices_missing "No such file or directory instead of an answer" sh -c \
		'trap "mv hidden file-000001" EXIT; mv file-000001 hidden; sleep 0.3'
	wrong notices_opened "success instead of Permission denied" chmod 0755 private-60000
	wrong notices_readable "mode 33188 instead of" chmod 0644 file-000009
	wrong_options=(--engine raw --op stat --missing 100)
	wrong notices_not_missing "success instead of No such file" sh -c \
		'trap "rm missing-000001" EXIT; touch missing-000001; sleep 0.3'
}

# The same of one entry among those of a directory: 45, since 5 are in a private one.
test_listing_verification()
{
	local engine

	for engine in raw raw-uring smbd-pool pathring-uring; do
		wrong_options=(--engine "$engine" --op listing --depth 4 --users 0)
		wrong "listing_notices_missing_$engine" " instead of " sh -c \
			'trap "mv hidden directory-000000/file-000001" EXIT; mv directory-000000/file-000001 hidden; sleep 0.3'
		wrong "listing_notices_other_$engine" "file-000777: an unknown entry instead of" sh -c \
			'trap "rm directory-000000/file-000777" EXIT; touch directory-000000/file-000777; sleep 0.3'
		wrong "listing_notices_size_$engine" "file-000001: size 1 instead of 4097" \
			truncate -s 1 directory-000000/file-000001
		wrong "listing_notices_xattr_$engine" "file-000001: another xattr value instead of" \
			cp --attributes-only --preserve=xattr directory-000000/file-000002 directory-000000/file-000001
	done
	wrong_options=(--engine smbd)
}

test_operations
test_mix_of_all
test_missing_names
test_deep
test_listing
test_undone
test_verification
test_listing_verification

bench_exit
