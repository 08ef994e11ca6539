#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A share on GlusterFS through FUSE is what it is without the module: listings, opens, reads, writes, and what is denied,
# by mode, by group and by ACL. GlusterFS looks up by itself which groups the thread has that asks, so that an
# identity which the kernel alone knows of would not do. Each look-up there waits, so that they are overlapped.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

sizes=(0 1 4096 65537 1048577)

# The file system goes first; smbd has it in a namespace of its own, too.
clean_up() {
	if [[ -d $smbd_dir/gluster ]]; then
		"$test_root/scripts/slow-filesystem" stop "$smbd_dir/gluster"
	fi
}

listing() {
	"$test_python" "$test_dir/smb.py" listing "$smbd_dir" "$smbd_port" "$1" "$2" "$3" >"$4"
}

# A directory with what listings can trip over; some files have no DOS attributes, some only root reads.
make_tree() {
	local dir=$1 i

	mkdir -m 755 "$dir" "$dir/files"
	smbd_make_files "$dir/files" 140
	for ((i = 0; i < 140; i += 7)); do
		printf '%s\0' "$dir/files/file-$(printf %05d "$i").txt"
	done | xargs -0 chmod 600
	for ((i = 1; i < 140; i += 7)); do
		printf '%s\0' "$dir/files/file-$(printf %05d "$i").txt"
	done | xargs -0 setfattr -x user.DOSATTRIB
	setfattr -n user.comment -v 'some value' "$dir/files/file-00002.txt"
	mkdir -m 755 "$dir/files/directory"
	: >"$dir/files/empty"
	truncate -s 5G "$dir/files/sparse"
	echo x >"$dir/files/$(printf 'n%.0s' {1..200})"
	echo x >"$dir/files/Grüße.txt"
	ln -s empty "$dir/files/link-inside"
	ln -s nowhere "$dir/files/link-dangling"
	ln -s /etc/passwd "$dir/files/link-outside"
	mkfifo "$dir/files/fifo"
}

# For each user a directory of its own, one for its group, one for it by an ACL; the files in them have modes and ACLs that
# say the same.
make_private() {
	local dir=$1 user name gid

	for user in 1 2; do
		name=${smbd_user[user]}
		gid=$(id -g "$name")
		install -d -m 700 -o "$name" -g "$gid" "$dir/own-$user"
		install -d -m 750 -g "$gid" "$dir/for-group-$user"
		install -d -m 700 "$dir/for-acl-$user"
		setfacl -m "u:$name:rx" "$dir/for-acl-$user"
		echo "user $user" >"$dir/own-$user/inside"
		chmod 644 "$dir/own-$user/inside"
		smbd_make_files "$dir/for-group-$user" 40
		chgrp "$gid" "$dir/for-group-$user"/*
		chmod 640 "$dir/for-group-$user"/*
		smbd_make_files "$dir/for-acl-$user" 40
		chmod 600 "$dir/for-acl-$user"/*
		setfacl -m "u:$name:r" "$dir/for-acl-$user"/*
	done
}

# A group that neither user is in: where it is forced on them, what they are by themselves is a supplementary group.
other_group() {
	local name

	for name in backup list proxy nogroup; do
		if getent group "$name" >/dev/null && [[ $(id -g "${smbd_user[1]}") != "$(getent group "$name" | cut -d: -f3)" &&
			$(id -g "${smbd_user[2]}") != "$(getent group "$name" | cut -d: -f3)" ]]; then
			printf '%s\n' "$name"
			return 0
		fi
	done
	return 1
}

listed() {
	local count

	count=$(wc -l <"$1")
	if ((count < $2)); then
		printf 'only %s entries\n' "$count"
		return 1
	fi
}

put_all() {
	local size commands="lcd \"$smbd_dir/client/from\"; cd own-$1;"

	for size in "${sizes[@]}"; do
		commands+=" put $size $2-$size;"
	done
	smbd_client "$1" "$2" "$commands"
}

get_all() {
	local size commands="lcd \"$smbd_dir/client/to\"; cd own-$1;"

	rm -f "$smbd_dir"/client/to/*
	for size in "${sizes[@]}"; do
		commands+=" get $2-$size;"
	done
	smbd_client "$1" "$2" "$commands"
}

same_files() {
	local size

	for size in "${sizes[@]}"; do
		cmp "$smbd_dir/client/from/$size" "$1/$2-$size" || return 1
	done
}

owned_by() {
	local size owner

	for size in "${sizes[@]}"; do
		owner=$(stat -c '%U %a' "$2/$3-$size")
		if [[ $owner != "${smbd_user[$1]} 744" ]]; then
			printf '%s: %s\n' "$2/$3-$size" "$owner"
			return 1
		fi
	done
}

# Nothing that asks GlusterFS for something ran on the ring, and something did run in threads.
in_threads() {
	local ring thread inline denied

	read -r ring thread inline denied < <(test_account "$1")
	if ((ring > 0 || thread == 0)); then
		printf '%s: ring %s, thread %s, inline %s, denied %s\n' "$1" "$ring" "$thread" "$inline" "$denied"
		return 1
	fi
}

test_begin "$@"
if ! type -P glusterfsd >/dev/null || ! type -P glusterfs >/dev/null || [[ ! -c /dev/fuse ]]; then
	printf 'ok %s # SKIP GlusterFS or FUSE is missing\n' "$test_name"
	test_finished=1
	exit 0
fi
trap 'test_exit_after clean_up' EXIT
smbd_need setfacl getent
"$test_root/scripts/slow-filesystem" start "$smbd_dir/gluster" --delay 300 >/dev/null
tree=$smbd_dir/gluster/mnt/tree
brick=$smbd_dir/gluster/server/brick/tree
make_tree "$tree"
make_private "$tree"
mkdir "$smbd_dir/client/from" "$smbd_dir/client/to"
for size in "${sizes[@]}"; do
	head -c "$size" /dev/urandom >"$smbd_dir/client/from/$size"
done

group=$(other_group)
shares=(auto auto-wide uring threads sync)
for ea in yes no; do
	for dosmode in yes no; do
		lines=('read only = no' "ea support = $ea" "smbd async dosmode = $dosmode")
		smbd_share "stock-$ea-$dosmode" "$tree" "${lines[@]}"
		smbd_share "auto-$ea-$dosmode" "$tree" "${lines[@]}" 'vfs objects = pathring'
	done
done
smbd_share stock "$tree" 'read only = no' 'ea support = yes'
smbd_share auto "$tree" 'read only = no' 'ea support = yes' 'vfs objects = pathring'
smbd_share auto-wide "$tree" 'read only = no' 'ea support = yes' 'vfs objects = pathring' 'pathring:readahead = 1024'
for engine in uring threads sync; do
	smbd_share "$engine" "$tree" 'read only = no' 'ea support = yes' 'vfs objects = pathring' "pathring:engine = $engine"
done
for module in fileid glusterfs_fuse; do
	smbd_share "$module" "$tree" 'read only = no' 'ea support = yes' "vfs objects = $module pathring"
	smbd_share "$module-stock" "$tree" 'read only = no' 'ea support = yes' "vfs objects = $module"
done
smbd_share forced-stock "$tree" 'ea support = yes' "force group = $group"
smbd_share forced "$tree" 'ea support = yes' "force group = $group" 'vfs objects = pathring'
smbd_start

out=$smbd_dir/client
listing 1 stock files /dev/null
for user in 1 2; do
	for ea in yes no; do
		for dosmode in yes no; do
			what="user $user, EA support $ea, async dosmode $dosmode"
			listing "$user" "stock-$ea-$dosmode" files "$out/stock"
			check "all is listed without the module: $what" listed "$out/stock" 149
			listing "$user" "auto-$ea-$dosmode" files "$out/ours"
			check "listing as without the module: $what" diff "$out/stock" "$out/ours"
		done
	done
done
listing 1 stock files "$out/stock"
for share in "${shares[@]}"; do
	listing 1 "$share" files "$out/ours"
	check "listing as without the module: share $share" diff "$out/stock" "$out/ours"
done
# These choose the numbers of files.
for module in fileid glusterfs_fuse; do
	listing 1 "$module-stock" files "$out/stock"
	listing 1 "$module" files "$out/ours"
	check "listing as without the module: behind $module" diff "$out/stock" "$out/ours"
done

# Only who may list the directory can be asked, and whether DOS attributes are read as the user is up to the file.
for user in 1 2; do
	for directory in for-group for-acl; do
		for share in '' forced; do
			listing "$user" "${share:+$share-}stock" "$directory-$user" "$out/stock"
			check "all is listed without the module: user $user, $directory, ${share:-not} forced group" \
				listed "$out/stock" 42
			listing "$user" "${share:-auto}" "$directory-$user" "$out/ours"
			check "listing as without the module: user $user, $directory, ${share:-no} forced group" \
				diff "$out/stock" "$out/ours"
		done
	done
	other=$((3 - user))
	for share in "${shares[@]}" forced; do
		for directory in own for-group for-acl; do
			check_denied "list the other's directory: user $user, $directory, share $share" \
				smbd_client "$user" "$share" "ls $directory-$other\\*"
		done
		check_denied "get the other's file: user $user, share $share" \
			smbd_client "$user" "$share" "get own-$other\\inside $out/to/stolen"
		check_denied "put into the other's directory: user $user, share $share" \
			smbd_client "$user" "$share" "put $out/from/1 own-$other\\planted"
	done
done

for user in 1 2; do
	for share in stock "${shares[@]}"; do
		what="user $user, share $share"
		check "put: $what" put_all "$user" "$share"
		check "bytes in the server: $what" same_files "$brick/own-$user" "$share"
		check "owner and mode in the server: $what" owned_by "$user" "$brick/own-$user" "$share"
		check "get: $what" get_all "$user" "$share"
		check "bytes at the client: $what" same_files "$out/to" "$share"
	done
done
check 'smbd stops' smbd_stop
for engine in auto uring threads; do
	check "the log says which engine ran: engine $engine" test_engine_ran "$engine"
done
for operation in getxattr lookups pread pwrite; do
	check "$operation runs in threads that are the user, not on the ring" in_threads "$operation"
done

check 'GlusterFS stops' "$test_root/scripts/slow-filesystem" stop "$smbd_dir/gluster"
test_finish
