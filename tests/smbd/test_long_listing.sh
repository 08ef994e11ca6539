#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A listing is never short. smbd keeps a descriptor open for each entry of a response whose attributes it asked for
# asynchronously, and look-ahead has descriptors for entries to come; where there are no more, smbd leaves entries out
# without a word. Directories with more files than smbd may open are listed with and without asynchronous DOS
# attributes, by one user and by two, in long responses and short ones, and while the client has nearly all of smbd's
# descriptors for its own files: every file is there once, with what belongs to it, also where smbd has to read the
# attributes as root.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

long_listing() {
	"$test_python" "$test_dir/check_long_listing.py" "$@"
}

check_long_listing() {
	check_lines "$test_python" "$test_dir/check_long_listing.py" "$1" "$smbd_dir" "$smbd_port" "${@:2}"
}

# Look-ahead knows the attributes of all files but one in seven: that is read as the user, denied, and read as root.
answered_from_ahead() {
	local ring thread inline denied files=$((($1 + 6) / 7))

	read -r ring thread inline denied < <(test_account getxattr)
	if ((ring + thread + inline > 2 * files + 4 || denied != files)); then
		printf 'getxattr: ring %s, thread %s, inline %s, denied %s, of %s\n' \
			"$ring" "$thread" "$inline" "$denied" "$files"
		return 1
	fi
}

test_begin "$@"
mkdir -m 755 "$smbd_dir/tree"
long_listing make "$smbd_dir/tree/100000" 100000
long_listing make "$smbd_dir/tree/1400" 1400

# More than smbd may have open by default.
for dosmode in yes no; do
	smbd_share "stock-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode"
	smbd_share "ahead-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode" 'vfs objects = pathring'
	smbd_share "ahead-1024-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode" 'vfs objects = pathring' \
		'pathring:readahead = 1024'
	smbd_share "stacked-$dosmode" "$smbd_dir/tree" "smbd async dosmode = $dosmode" \
		'vfs objects = acl_xattr streams_xattr pathring'
done
for engine in auto threads sync; do
	smbd_share "$engine" "$smbd_dir/tree" 'smbd async dosmode = yes' 'vfs objects = pathring' \
		"pathring:engine = $engine" 'pathring:readahead = 0'
done
# A module in front is to see smbd's own getxattrat, one behind does it all.
smbd_share front "$smbd_dir/tree" 'smbd async dosmode = yes' 'vfs objects = acl_xattr streams_xattr pathring' \
	'pathring:readahead = 0'
smbd_share behind "$smbd_dir/tree" 'smbd async dosmode = yes' 'vfs objects = pathring time_audit'

smbd_start
for share in ahead-yes auto; do
	check_long_listing long 100000 100000 16384 "$share"
done
check_long_listing long 100000 100000 512 ahead-no
check 'smbd stops' smbd_stop
: >"$smbd_dir/log/log.smbd"
smbd_start
check_long_listing long 1400 1400 1024 ahead-yes
check 'smbd stops: attributes' smbd_stop
check 'attributes come from what was looked up ahead' answered_from_ahead 1400

# Less than a listing of these needs. Half of what smbd may open, and some for smbd itself: a table of 256.
sed -i 's/^\[global\]$/&\nmax open files = 250/' "$smbd_conf"
smbd_start
for share in stacked-yes stacked-no auto threads sync front behind ahead-yes ahead-no ahead-1024-yes ahead-1024-no; do
	check_long_listing both 1400 1400 256 "$share"
done
for share in stock-no ahead-yes ahead-no ahead-1024-yes ahead-1024-no auto front; do
	check_long_listing crowded 1400 1400 "$share"
done
for share in ahead-yes ahead-no auto front; do
	check_long_listing users 1400 1400 "$share"
done
test_finish
