#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Files of many sizes written and read back over SMB, with every engine and as two users: the bytes are the same, in
# the share and at the client. Each user has a directory that the other cannot enter.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

sizes=(0 1 511 4096 65536 65537 1048576 3145735)
engines=(auto uring threads sync off)

make_local_files() {
	local size

	mkdir "$smbd_dir/client/from" "$smbd_dir/client/to"
	for size in "${sizes[@]}"; do
		head -c "$size" /dev/urandom >"$smbd_dir/client/from/$size"
	done
	# As long as the longest, for writing over it.
	head -c 3145735 /dev/urandom >"$smbd_dir/client/from/other"
}

put_all() {
	local size commands="lcd \"$smbd_dir/client/from\"; cd own-$1;"

	for size in "${sizes[@]}"; do
		commands+=" put $size;"
	done
	smbd_client "$1" "$2" "$commands"
}

# forget DIRECTORY: what the page cache has of its files, so that reading them has to wait.
forget() {
	local file

	sync "$1"/*
	for file in "$1"/*; do
		dd if="$file" iflag=nocache count=0 status=none
	done
}

get_all() {
	local size commands="lcd \"$smbd_dir/client/to\"; cd own-$1;"

	rm -f "$smbd_dir"/client/to/*
	for size in "${sizes[@]}"; do
		commands+=" get $size;"
	done
	smbd_client "$1" "$2" "$commands"
}

# same_files A B: every size once in both, and the same bytes.
same_files() {
	local size

	for size in "${sizes[@]}"; do
		cmp "$1/$size" "$2/$size" || return 1
	done
}

owned_by() {
	local size owner

	for size in "${sizes[@]}"; do
		owner=$(stat -c %U "$2/$size")
		if [[ $owner != "${smbd_user[$1]}" ]]; then
			printf '%s belongs to %s\n' "$2/$size" "$owner"
			return 1
		fi
	done
}

put_other() {
	smbd_client "$1" "$2" "lcd \"$smbd_dir/client/from\"; cd own-$1; put other 3145735; put 1 65536"
}

sizes_listed() {
	local size listed

	listed=$(smbd_client "$1" "$2" "ls own-$1\\*")
	for size in "${sizes[@]}"; do
		if ! grep -qE "^  $size +[A-Z]+ +$size " <<<"$listed"; then
			printf 'not listed with its size: %s\n' "$size"
			return 1
		fi
	done
}

test_begin "$@"
make_local_files
for engine in "${engines[@]}"; do
	mkdir -m 755 "$smbd_dir/$engine"
	for user in 1 2; do
		install -d -m 700 -o "${smbd_user[user]}" -g "$(id -g "${smbd_user[user]}")" "$smbd_dir/$engine/own-$user"
	done
	smbd_share "$engine" "$smbd_dir/$engine" 'read only = no' 'vfs objects = pathring' "pathring:engine = $engine" \
		'smbd async dosmode = yes'
done
smbd_start

for engine in "${engines[@]}"; do
	for user in 1 2; do
		what="engine $engine, user $user"
		own=$smbd_dir/$engine/own-$user
		check "put: $what" put_all "$user" "$engine"
		check "bytes in the share: $what" same_files "$smbd_dir/client/from" "$own"
		check "owner in the share: $what" owned_by "$user" "$own"
		for cache in hot cold; do
			if [[ $cache == cold ]]; then
				forget "$own"
			fi
			check "get: $what, $cache" get_all "$user" "$engine"
			check "bytes at the client: $what, $cache" same_files "$smbd_dir/client/from" "$smbd_dir/client/to"
		done
		check "sizes in a listing: $what" sizes_listed "$user" "$engine"
		check "write over what is there: $what" put_other "$user" "$engine"
		check "bytes after writing over it: $what" cmp "$smbd_dir/client/from/other" "$own/3145735"
		check "a shorter file replaces a longer one: $what" cmp "$smbd_dir/client/from/1" "$own/65536"
		check_denied "list the other's directory: $what" \
			smbd_client "$user" "$engine" "ls own-$((3 - user))\\*"
		check_denied "get the other's file: $what" \
			smbd_client "$user" "$engine" "get own-$((3 - user))\\4096 $smbd_dir/client/to/stolen"
		check_denied "put into the other's directory: $what" \
			smbd_client "$user" "$engine" "put $smbd_dir/client/from/1 own-$((3 - user))\\planted"
	done
done
check_lines "$test_python" "$test_dir/check_data.py" "$smbd_dir" "$smbd_port" "${engines[@]}"
check 'smbd stops' smbd_stop
for engine in auto uring threads sync; do
	check "engine $engine ran" test_engine_ran "$engine"
done
for operation in pread pwrite fsync; do
	check "$operation was done by engines of all kinds" test_everywhere "$operation"
done
test_finish
