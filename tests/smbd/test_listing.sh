#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A listing through the module is the listing that smbd gives without it: names, sizes, attributes, times, ids and
# order, for both users, with and without asynchronous DOS attributes, with every engine, and between other modules. The
# tree holds files that the users cannot read: smbd reads the DOS attributes of those again as root, and so must the
# module.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

listing() {
	"$test_python" "$test_dir/smb.py" listing "$smbd_dir" "$smbd_port" "$1" "$2" '' >"$3"
}

# The last line of smbclient's ls is the space that is free by now.
listing_smbclient() {
	smbd_client "$1" "$2" ls | grep -v 'blocks of size' >"$3"
}

attributes_of() {
	grep "^$1|" "$2" | cut -d'|' -f4
}

# file-00014.txt belongs to root, mode 0600, hidden and system and archive: 14 & 7 = 6.
retried_as_root() {
	local attributes

	attributes=$(attributes_of file-00014.txt "$1")
	if [[ $attributes != 0x26 ]]; then
		printf 'attributes %s, not 0x26\n' "$attributes"
		return 1
	fi
}

enough_entries() {
	local count

	count=$(wc -l <"$1")
	if ((count < 510)); then
		printf 'only %s entries\n' "$count"
		return 1
	fi
}

# What "allinfo" says of a file, without the access time, which reading moves.
all_information() {
	local name

	for name in 00002 00007 00014 00021 00022; do
		smbd_client "$1" "$2" "allinfo file-$name.txt" 2>&1 || true
	done | grep -v access_time
}

test_begin "$@"
test_make_tree "$smbd_dir/tree"
for dosmode in yes no; do
	smbd_share "stock-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode"
	# time_audit answers everything, and passes everything on.
	smbd_share "front-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode" 'vfs objects = time_audit pathring' \
		'pathring:readahead = 0'
	smbd_share "behind-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode" 'vfs objects = pathring time_audit'
	for engine in auto uring threads sync off; do
		# What is looked up ahead the engine is not asked for.
		case $dosmode-$engine in
		yes-uring | yes-threads | yes-sync) window=0 ;;
		*) window=128 ;;
		esac
		smbd_share "$engine-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode" \
			'vfs objects = pathring' "pathring:engine = $engine" "pathring:readahead = $window"
	done
done
smbd_start

out=$smbd_dir/client
# The first listing of a directory moves its access time.
listing 1 stock-no /dev/null
for dosmode in yes no; do
	for user in 1 2; do
		listing "$user" "stock-$dosmode" "$out/stock"
		listing_smbclient "$user" "stock-$dosmode" "$out/stock.ls"
		all_information "$user" "stock-$dosmode" >"$out/stock.all"
		check "user $user sees the whole tree without the module, async dosmode $dosmode" enough_entries "$out/stock"
		for engine in auto uring threads sync off; do
			what="user $user, async dosmode $dosmode, engine $engine"
			listing "$user" "$engine-$dosmode" "$out/ours"
			check "listing as without the module: $what" diff "$out/stock" "$out/ours"
			check "attributes of a file that only root reads: $what" retried_as_root "$out/ours"
		done
		for place in front behind; do
			listing "$user" "$place-$dosmode" "$out/ours"
			check "listing as without the module: user $user, async dosmode $dosmode, another module $place" \
				diff "$out/stock" "$out/ours"
		done
		listing_smbclient "$user" "auto-$dosmode" "$out/ours.ls"
		check "smbclient ls as without the module: user $user, async dosmode $dosmode" \
			diff "$out/stock.ls" "$out/ours.ls"
		all_information "$user" "auto-$dosmode" >"$out/ours.all"
		check "smbclient allinfo as without the module: user $user, async dosmode $dosmode" \
			diff "$out/stock.all" "$out/ours.all"
	done
done
check 'smbd stops' smbd_stop
for engine in auto uring threads sync; do
	check "engine $engine ran" test_engine_ran "$engine"
done
check 'attributes were read by engines of all kinds' test_everywhere getxattr

# A module in front sees the getxattrat that smbd makes for DOS attributes, and the engine answers that. One behind has
# to see it too, so the engine must not answer.
asked() {
	local ring thread inline denied

	read -r ring thread inline denied < <(test_account getxattr)
	if ((ring < $1 || ring > $2 || thread > 0 || inline > 0)); then
		printf 'getxattr: ring %s, thread %s, inline %s, denied %s\n' "$ring" "$thread" "$inline" "$denied"
		return 1
	fi
}

for place in front behind; do
	: >"$smbd_dir/log/log.smbd"
	smbd_start
	listing 1 "$place-yes" "$out/ours"
	check "smbd stops: another module $place" smbd_stop
	case $place in
	front) check 'the engine answers for a module in front' asked 510 2000 ;;
	behind) check 'the engine does not answer before a module behind' asked 0 0 ;;
	esac
done
test_finish
