#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What an administrator sees is what was done: smbcontrol and the log give the exact number of requests, look-ups, hits,
# misses, denials, waits and of what was passed on, share by share; and one line at connect says what the share uses,
# what not, and why.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

make_tree() {
	local tree=$1 i

	mkdir -m 777 "$tree" "$tree/writable"
	mkdir -m 755 "$tree/files" "$tree/private" "$tree/links" "$tree/long"
	smbd_make_files "$tree/files" 300
	smbd_make_files "$tree/private" 120
	for ((i = 0; i < 120; i += 3)); do
		chmod 600 "$tree/private/$(printf 'file-%05d.txt' "$i")"
	done
	smbd_make_files "$tree/links" 20
	for ((i = 0; i < 5; i++)); do
		ln -s file-00000.txt "$tree/links/link-$i"
	done
	# DOS attributes of more than smbd's first buffer.
	smbd_make_files "$tree/long" 40
	for ((i = 0; i < 40; i += 4)); do
		setfattr -n user.DOSATTRIB -v "$(printf 'x%.0s' {1..400})" "$tree/long/$(printf 'file-%05d.txt' "$i")"
	done
	mkdir -m 744 "$tree/no-search"
	smbd_make_files "$tree/no-search" 20
}

# said SHARE LEVEL TEXT: the line at the last connect, with a "|" at its end.
said() {
	local line

	line=$(grep -B1 -F "share [$1]: " "$smbd_dir/log/log.smbd" | tail -n 2)'|'
	if [[ $line != *",  $2] "* || $line != *"$3"* ]]; then
		printf '%s\n' "$line"
		return 1
	fi
}

said_no_advice() {
	! grep -F "share [$1]: " "$smbd_dir/log/log.smbd" | grep 'List pathring last'
}

# The log since line $1 has exactly the counters of the file $2.
logged() {
	diff <(tail -n "+$(($1 + 1))" "$smbd_dir/log/log.smbd" | sed -n 's/^ *\(pathring_.*\)/\1/p') "$2"
}

test_begin "$@"
smbd_need smbcontrol smbstatus
make_tree "$smbd_dir/tree"
plain=('read only = no' 'ea support = yes' 'vfs objects = pathring')
smbd_share plain "$smbd_dir/tree" "${plain[@]}"
smbd_share 'quo"te' "$smbd_dir/tree" "${plain[@]}"
smbd_share dosmode "$smbd_dir/tree" "${plain[@]}" 'smbd async dosmode = yes'
smbd_share dosmode-engine "$smbd_dir/tree" "${plain[@]}" 'smbd async dosmode = yes' 'pathring:readahead = 0'
smbd_share always "$smbd_dir/tree" "${plain[@]}" 'aio write size = 0' 'strict sync = yes' \
	'sync always = yes'
smbd_share behind "$smbd_dir/tree" 'read only = no' 'vfs objects = pathring time_audit' 'smbd async dosmode = yes'
smbd_share front "$smbd_dir/tree" 'vfs objects = time_audit pathring' 'smbd async dosmode = yes'
smbd_share partly "$smbd_dir/tree" 'vfs objects = acl_xattr pathring streams_xattr' 'smbd async dosmode = yes'
smbd_share without "$smbd_dir/tree" 'vfs objects = pathring' 'pathring:readahead = 0' 'store dos attributes = no' \
	'smbd async dosmode = yes' 'aio read size = 0'
smbd_share wide "$smbd_dir/tree" 'vfs objects = pathring' 'wide links = yes' 'smbd async dosmode = yes'
sed -i 's/^\[global\]/&\nallow insecure wide links = yes\nunix extensions = no/' "$smbd_conf"
smbd_share uring "$smbd_dir/tree" "${plain[@]}" 'pathring:engine = uring'
smbd_share off "$smbd_dir/tree" "${plain[@]}" 'pathring:engine = off'
smbd_start

check_lines "$test_python" "$test_dir/check_counters.py" "$smbd_dir" "$smbd_port" "$test_root/man/vfs_pathring.8"

since=$(wc -l <"$smbd_dir/log/log.smbd")
"$test_python" "$test_dir/check_counters.py" "$smbd_dir" "$smbd_port" plain >"$smbd_dir/client/counters"
check 'there is something to compare' test -s "$smbd_dir/client/counters"
check 'the log gets what smbcontrol gets' test_soon logged "$since" "$smbd_dir/client/counters"

for share in behind front partly without wide off; do
	smbd_client 1 "$share" 'ls files\*' >/dev/null
done
check 'said at connect: everything' said dosmode 3 'which starts with the first request; answered: getxattrat, '`
	`'get_dos_attributes, pread, pwrite, fsync, look-ahead|'
check 'said at connect: what smbd does not ask for' said plain 3 'pread, pwrite, fsync, look-ahead; not asked for: '`
	`'getxattrat, get_dos_attributes (smbd async dosmode = no)|'
check 'said at connect: a module behind' said behind 1 'answered: nothing; passed on: getxattrat, get_dos_attributes, '`
	`'pread, pwrite, fsync, look-ahead (time_audit is listed after pathring). List pathring last'
check 'said at connect: a module in front' said front 3 'answered: getxattrat, pread, pwrite, fsync, look-ahead; '`
	`'passed on: get_dos_attributes (time_audit has a getxattrat)|'
check 'said at connect: modules in front and behind' said partly 1 'answered: getxattrat; passed on: get_dos_attributes '`
	`'(acl_xattr has a getxattrat), pread, pwrite, fsync, look-ahead (streams_xattr is listed after pathring). List'
check 'said at connect: options' said without 3 'answered: getxattrat, pread, pwrite, fsync; passed on: '`
	`'get_dos_attributes (store dos attributes = no), look-ahead (pathring:readahead = 0); not asked for: pread '`
	`'(aio read size = 0)|'
check 'said at connect: wide links' said wide 3 'passed on: look-ahead (wide links = yes)|'
check 'nothing to better, no advice: wide links' said_no_advice wide
check 'nothing to better, no advice: front' said_no_advice front
check 'said at connect: off' said off 3 'the engine is off, everything is passed on|'
check 'smbd stops' smbd_stop

# io_uring refused.
deny=$test_build/tests/smbd/deny-syscall
: >"$smbd_dir/log/log.smbd"
smbd_start "$deny" EPERM io_uring_setup
check_lines "$test_python" "$test_dir/check_counters.py" "$smbd_dir" "$smbd_port" refused
check 'said at connect: the engine of another share can not work' said uring 3 "engine \"uring\", which can't work"
test_finish
