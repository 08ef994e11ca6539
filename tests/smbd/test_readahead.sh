#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Look-ahead in directories changes nothing but the time: listings are those of stock smbd, with windows of any size,
# responses of any size, and whatever happens to the files meanwhile; what is known of a file is never of another, nor of
# an earlier request.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

listing() {
	"$test_python" "$test_dir/smb.py" listing "$smbd_dir" "$smbd_port" "$1" "$2" "$3" >"$4"
}

# Names of xattrs that take nothing, little, more than the module keeps (256 bytes), and more than smbd asks for first
# (1 KiB); values that differ.
make_xattrs() {
	local dir=$1 i count

	mkdir -m 755 "$dir"
	smbd_make_files "$dir" 200
	for ((i = 0; i < 200; i += 3)); do
		count=$((i % 40))
		printf '# file: %s/file-%05d.txt\n' "${dir#/}" "$i"
		while ((count-- > 0)); do
			printf 'user.a-name-of-some-length-%d="value %d of %d"\n' "$count" "$count" "$i"
		done
		printf '\n'
	done >"$smbd_dir/attributes"
	(cd / && setfattr --restore="$smbd_dir/attributes")
	chmod 600 "$dir"/file-0000*
}

has_eas() {
	awk -F'|' '$9 > 0 { count++ } END { if (count < 50) { print count + 0 " entries with EAs"; exit 1 } }' "$1"
}

# What was looked up, and answered for opens, stats and xattrs, on all tree connects in the log.
counted() {
	local log=$smbd_dir/log/log.smbd xattrs

	xattrs=$(test_counter lookahead_hits call=fgetxattr <"$log")
	xattrs=$((xattrs + $(test_counter lookahead_hits call=flistxattr <"$log")))
	printf '%s %s %s %s\n' "$(test_counter lookahead_names <"$log")" \
		"$(test_counter lookahead_hits call=openat <"$log")" "$(test_counter lookahead_hits call=fstat <"$log")" \
		"$xattrs"
}

answered() {
	local looked opened stats xattrs

	read -r looked opened stats xattrs < <(counted)
	if ((opened < $1 || stats < $1 || xattrs < $1)); then
		printf 'looked up %s, opened %s, stats %s, xattrs %s\n' "$looked" "$opened" "$stats" "$xattrs"
		return 1
	fi
}

not_answered() {
	local looked opened stats xattrs

	read -r looked opened stats xattrs < <(counted)
	if ((looked > 0 || opened > 0 || stats > 0 || xattrs > 0)); then
		printf 'looked up %s, opened %s, stats %s, xattrs %s\n' "$looked" "$opened" "$stats" "$xattrs"
		return 1
	fi
}

# What is looked up and not used costs time: no more than so many.
not_wasteful() {
	local looked opened stats xattrs

	read -r looked opened stats xattrs < <(counted)
	if ((looked - opened > $1)); then
		printf 'looked up %s, opened %s\n' "$looked" "$opened"
		return 1
	fi
}

test_begin "$@"
test_make_tree "$smbd_dir/tree"
make_xattrs "$smbd_dir/tree/xattrs"
mkdir -m 755 "$smbd_dir/tree/many" "$smbd_dir/tree/few" "$smbd_dir/tree/none" "$smbd_dir/tree/changing" \
	"$smbd_dir/tree/turns" "$smbd_dir/tree/patterns"
smbd_make_files "$smbd_dir/tree/many" 3000
smbd_make_files "$smbd_dir/tree/few" 3
smbd_make_files "$smbd_dir/tree/turns" 2000
smbd_make_files "$smbd_dir/tree/patterns" 300
mkdir -m 744 "$smbd_dir/tree/no-search"
smbd_make_files "$smbd_dir/tree/no-search" 20

windows=(0 1 2 3 16 192 1024)
for ea in yes no; do
	smbd_share "stock-$ea" "$smbd_dir/tree" "ea support = $ea"
	for window in "${windows[@]}"; do
		smbd_share "ahead-$window-$ea" "$smbd_dir/tree" "ea support = $ea" 'vfs objects = pathring' \
			"pathring:readahead = $window"
	done
done
smbd_share no-attributes-stock "$smbd_dir/tree" 'ea support = yes' 'store dos attributes = no' 'map archive = yes' \
	'map hidden = yes'
smbd_share no-attributes "$smbd_dir/tree" 'ea support = yes' 'store dos attributes = no' 'map archive = yes' \
	'map hidden = yes' 'vfs objects = pathring'
smbd_share no-links-stock "$smbd_dir/tree" 'follow symlinks = no'
smbd_share no-links "$smbd_dir/tree" 'follow symlinks = no' 'vfs objects = pathring'
smbd_share hidden-stock "$smbd_dir/tree" 'hide unreadable = yes' 'veto files = /*7.txt/'
smbd_share hidden "$smbd_dir/tree" 'hide unreadable = yes' 'veto files = /*7.txt/' 'vfs objects = pathring'
smbd_share behind "$smbd_dir/tree" 'ea support = yes' 'vfs objects = pathring time_audit'
smbd_share front "$smbd_dir/tree" 'ea support = yes' 'vfs objects = time_audit pathring'
smbd_share streams-stock "$smbd_dir/tree" 'ea support = yes' 'vfs objects = acl_xattr streams_xattr'
smbd_share streams "$smbd_dir/tree" 'ea support = yes' 'vfs objects = acl_xattr streams_xattr pathring'
for engine in threads sync; do
	smbd_share "engine-$engine" "$smbd_dir/tree" 'ea support = yes' 'vfs objects = pathring' "pathring:engine = $engine"
done
smbd_start

out=$smbd_dir/client
listing 1 stock-yes '' /dev/null
for directory in '' xattrs many few none no-search; do
	for user in 1 2; do
		for ea in yes no; do
			listing "$user" "stock-$ea" "$directory" "$out/stock"
			listing "$user" "stock-$ea" "$directory" "$out/stock"
			if [[ $directory == xattrs && $ea == yes ]]; then
				check "files have EAs: user $user" has_eas "$out/stock"
			fi
			for window in "${windows[@]}"; do
				if [[ $directory == many && $user == 2 ]]; then
					continue
				fi
				listing "$user" "ahead-$window-$ea" "$directory" "$out/ours"
				check "[$directory] as without the module: user $user, EA support $ea, window $window" \
					diff "$out/stock" "$out/ours"
			done
		done
	done
done
for share in no-attributes no-links hidden streams; do
	for directory in '' xattrs; do
		listing 1 "$share-stock" "$directory" "$out/stock"
		listing 1 "$share" "$directory" "$out/ours"
		check "[$directory] as without the module: $share" diff "$out/stock" "$out/ours"
	done
done
for directory in '' xattrs; do
	listing 1 stock-yes "$directory" "$out/stock"
	for share in behind front engine-threads engine-sync; do
		listing 1 "$share" "$directory" "$out/ours"
		check "[$directory] as without the module: $share" diff "$out/stock" "$out/ours"
	done
done

# One response for all of it: smbclient takes 8 MiB.
for directory in many few none; do
	smbd_client 1 stock-yes "ls $directory\\*" | grep -v 'blocks of size' >"$out/stock"
	smbd_client 1 ahead-192-yes "ls $directory\\*" | grep -v 'blocks of size' >"$out/ours"
	check "smbclient ls as without the module: $directory" diff "$out/stock" "$out/ours"
done
for pattern in 'file-0001*' '*7.txt' 'file-00012.txt' 'FILE-00012.TXT' 'nothing*' 'missing.txt' '*.doc'; do
	smbd_client 1 stock-yes "ls patterns\\$pattern" 2>&1 | grep -v 'blocks of size' >"$out/stock" || true
	smbd_client 1 ahead-192-yes "ls patterns\\$pattern" 2>&1 | grep -v 'blocks of size' >"$out/ours" || true
	check "smbclient ls as without the module: $pattern" diff "$out/stock" "$out/ours"
done

check_lines "$test_python" "$test_dir/check_readahead.py" "$smbd_dir" "$smbd_port" ahead-192-yes stock-yes
check 'smbd stops' smbd_stop

# Whether it is at work at all, and where it must not be.
run_counted() {
	: >"$smbd_dir/log/log.smbd"
	smbd_start
	"${@:2}" || true
	check "smbd stops: $1" smbd_stop
}

run_counted 'one response' smbd_client 1 ahead-192-yes 'ls many\*' >/dev/null
check 'opens, stats and xattrs are answered' answered 3000
check 'nothing is looked up in vain' not_wasteful 0
run_counted 'many responses' listing 1 ahead-192-yes many /dev/null
check 'opens, stats and xattrs are answered, many responses' answered 2900
check 'little is looked up in vain, many responses' not_wasteful 400
run_counted 'a pattern' smbd_client 1 ahead-192-yes 'ls many\*9.doc' >/dev/null 2>&1
check 'names that smbd does not want are not looked up' not_wasteful 0
run_counted 'a pattern that one of ten names fits' smbd_client 1 ahead-192-yes 'ls many\*7.txt' >/dev/null 2>&1
check 'names beside those that smbd wants are not looked up' not_wasteful 20
run_counted 'a name' smbd_client 1 ahead-192-yes 'ls many\file-00012.txt; ls many\FILE-00999.TXT; ls many\missing' \
	>/dev/null 2>&1
check 'a look for one name looks ahead little' not_wasteful 120
# smbd finds it under its own name only, and has to read the directory for this one.
other_case() {
	smbd_client 1 ahead-192-yes 'allinfo many\FILE-00999.TXT' >"$out/ours" 2>&1
}
run_counted 'a name in another case' other_case
check 'it is found' grep -q create_time "$out/ours"
check 'a search for a name is not taken for a listing' not_answered
run_counted 'window 0' listing 1 ahead-0-yes many /dev/null
check 'pathring:readahead = 0 is off' not_answered
run_counted 'a module behind' listing 1 behind many /dev/null
check 'a module behind is not left out' not_answered
run_counted 'a module in front' listing 1 front many /dev/null
check 'a module in front is no reason' answered 2900
test_finish
