#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Asynchronous opens ("pathring:async open"): many in flight have the answers that stock smbd gives, for the right user,
# of the right file; clients that cancel, log off or go; and that they are at work where they should and nowhere else.

set -euo pipefail

# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

# One file for each way to open it: kind.disposition.access.
make_kinds() {
	local dir=$1 kind disposition access file

	mkdir -m 755 "$dir"
	for kind in plain own hidden read-only no-attributes acl-grants acl-denies acl-mask private directory link; do
		for disposition in 0 1 2 3 4 5; do
			for access in 1 2 3 80 10000 10001 2000000; do
				file=$dir/$kind.$disposition.$access
				make_kind "$kind" "$file"
			done
		done
	done
	mkfifo "$dir/fifo.1.80"
	(cd / && setfattr --restore="$smbd_dir/attributes")
	rm "$smbd_dir/attributes"
}

make_kind() {
	local kind=$1 file=$2 attributes=0x20

	case $kind in
	directory)
		mkdir -m 755 "$file"
		return
		;;
	link)
		ln -s plain.1.1 "$file"
		return
		;;
	esac
	printf '%s\n' "$kind" >"$file"
	case $kind in
	own | acl-mask) chown "${smbd_user[1]}" "$file" ;;
	hidden) attributes=0x22 ;;
	read-only)
		attributes=0x21
		chmod 666 "$file"
		;;
	acl-grants) setfacl -m "u:${smbd_user[1]}:rw,m::rw,o::-" "$file" ;;
	acl-denies) setfacl -m "u:${smbd_user[1]}:-,g::rw,o::rw" "$file" ;;
	private) chmod 600 "$file" ;;
	esac
	if [[ $kind == acl-mask ]]; then
		setfacl -m "u:${smbd_user[2]}:rw,m::r" "$file"
	fi
	if [[ $kind != no-attributes ]]; then
		smbd_dos_attribute "$attributes" 1600000000
		printf '# file: %s\nuser.DOSATTRIB=%s\n\n' "${file#/}" "$REPLY" >>"$smbd_dir/attributes"
	fi
}

make_tree() {
	local dir=$1 tree user i

	mkdir -m 755 "$dir" "$dir/numbered" "$dir/changing"
	mkdir -m 1777 "$dir/new"
	for tree in stock ours; do
		mkdir -m 755 "$dir/$tree"
		make_kinds "$dir/$tree/kinds"
	done
	for i in {00..39}; do
		printf 'numbered/file-%s' "$i" >"$dir/numbered/file-$i"
	done
	chown "${smbd_user[1]}" "$dir/numbered/file-00"
	: >"$dir/changing/mode"
	: >"$dir/changing/other"
	mkdir -m 755 "$dir/many"
	touch "$dir"/many/file-{0..199}
	for user in 1 2; do
		install -d -m 700 -o "${smbd_user[user]}" "$dir/private-$user"
		# Here a file's own permissions decide.
		mkdir -m 755 "$dir/common-$user"
		for i in {0..19}; do
			install -m 600 -o "${smbd_user[user]}" /dev/null "$dir/private-$user/file-$i"
			install -m 600 -o "${smbd_user[user]}" /dev/null "$dir/common-$user/file-$i"
		done
	done
}

# counted: by the log, openat, fgetxattr and sys_acl_get_fd answered, what was of no use, how often CREATEs were put off,
# and how many files were looked at before smbd came to them.
counted() {
	awk '{ value = $NF }
		/pathring_open_hits_total.*openat/ { opened += value }
		/pathring_open_hits_total.*fgetxattr/ { xattrs += value }
		/pathring_open_hits_total.*sys_acl_get_fd/ { acls += value }
		/pathring_open_abandoned_total/ { useless += value }
		/pathring_open_deferred_total/ { deferred += value }
		/pathring_open_ahead_total/ { ahead += value }
		END { print opened + 0, xattrs + 0, acls + 0, useless + 0, deferred + 0, ahead + 0 }' \
		"$smbd_dir/log/log.smbd"
}

answered() {
	local opened xattrs acls rest

	read -r opened xattrs acls rest < <(counted)
	if ((opened < $1 || xattrs < $1 || acls < $1)); then
		printf 'opened %s, xattrs %s, acls %s\n' "$opened" "$xattrs" "$acls"
		return 1
	fi
}

not_answered() {
	local opened xattrs acls rest

	read -r opened xattrs acls rest < <(counted)
	if ((opened > 0 || xattrs > 0 || acls > 0)); then
		printf 'opened %s, xattrs %s, acls %s\n' "$opened" "$xattrs" "$acls"
		return 1
	fi
}


answered_at_most() {
	local opened xattrs acls rest

	read -r opened xattrs acls rest < <(counted)
	if ((opened > $1)); then
		printf 'opened %s, xattrs %s, acls %s\n' "$opened" "$xattrs" "$acls"
		return 1
	fi
}

useless() {
	local rest useless

	read -r rest rest rest useless rest < <(counted)
	if ((useless < $1)); then
		printf 'of no use: %s\n' "$useless"
		return 1
	fi
}

deferred() {
	local rest deferred

	read -r rest rest rest rest deferred rest < <(counted)
	if ((deferred < $1)); then
		printf 'put off: %s times\n' "$deferred"
		return 1
	fi
}

looked_ahead() {
	local rest ahead

	read -r rest rest rest rest rest ahead < <(counted)
	if ((ahead < $1)); then
		printf 'looked at ahead: %s\n' "$ahead"
		return 1
	fi
}

run_counted() {
	: >"$smbd_dir/log/log.smbd"
	smbd_start
	"${@:2}"
	check "smbd stops: $1" smbd_stop
}

open_some() {
	check "200 opens: $1" "$test_python" "$test_dir/pipeline.py" "$smbd_dir" "$smbd_port" 1 "$1" 200 many/file-%d
}

test_begin "$@"
smbd_share stock "$smbd_dir/tree" 'read only = no'
smbd_share streams-stock "$smbd_dir/tree" 'read only = no' 'vfs objects = acl_xattr streams_xattr'
smbd_share streams "$smbd_dir/tree" 'read only = no' 'vfs objects = acl_xattr streams_xattr pathring' \
	'pathring:async open = always'
for value in no yes always; do
	smbd_share "$value" "$smbd_dir/tree" 'read only = no' 'vfs objects = pathring' "pathring:async open = $value"
done
for engine in threads sync; do
	smbd_share "$engine" "$smbd_dir/tree" 'read only = no' 'vfs objects = pathring' 'pathring:async open = always' \
		"pathring:engine = $engine"
done
smbd_share behind "$smbd_dir/tree" 'vfs objects = pathring time_audit' 'pathring:async open = always'
smbd_share front "$smbd_dir/tree" 'vfs objects = time_audit pathring' 'pathring:async open = always'
smbd_share leases "$smbd_dir/tree" 'vfs objects = pathring' 'pathring:async open = always' 'kernel oplocks = yes'

for shares in 'stock always' 'stock threads' 'streams-stock streams'; do
	make_tree "$smbd_dir/tree"
	smbd_start
	printf '# %s\n' "$shares"
	# shellcheck disable=SC2086 # two words
	check_lines "$test_python" "$test_dir/check_async_open.py" "$smbd_dir" "$smbd_port" $shares 5
	check "smbd stops: $shares" smbd_stop
	rm -rf "$smbd_dir/tree"
done

make_tree "$smbd_dir/tree"
for share in always threads front; do
	run_counted "$share" open_some "$share"
	check "opens, xattrs and ACLs are answered: $share" answered 190
	check "files are looked at before smbd comes to them: $share" looked_ahead 100
done
# A module that has ACLs of its own may know better than the kernel who may read: smbd is asked first.
run_counted streams open_some streams
check 'nothing is opened before smbd has looked: streams' deferred 190
change() {
	while :; do
		touch "$smbd_dir"/tree/many/*
	done
}
change &
changing=$!
run_counted 'changes meanwhile' open_some always
kill "$changing"
wait "$changing" 2>/dev/null || true
check 'what has changed since is asked again' useless 1
# On a file system that makes nobody wait, "yes" is to do nothing. Now and then smbd waits for something else.
for share in no sync behind leases; do
	run_counted "$share" open_some "$share"
	check "nothing is answered: $share" not_answered
done
run_counted yes open_some yes
check 'next to nothing is answered where nothing has to be waited for' answered_at_most 50
test_finish
