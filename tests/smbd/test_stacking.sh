#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Between other modules the share is what it is with these modules alone: listings, attributes, data, names, deletes,
# streams, previous versions, the audit trail, and what is on disk in the end. Each stack is served as it is, with
# pathring before it and with pathring after it. The line at connect says what pathring answers there, and the counters
# have to agree.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

version=@GMT-2020.01.01-00.00.00
everything='getxattrat, get_dos_attributes, pread, pwrite, fsync, look-ahead'
all_but_one='getxattrat, pread, pwrite, fsync, look-ahead'
not_ahead='getxattrat, get_dos_attributes, pread, pwrite, fsync'

# name | modules | answered if pathring comes before them | answered if it comes after them | what is done: "work" is
# all, "look" only looks: these are here for one function of theirs that pathring must not do in their place.
stacks=(
	"none||$everything|$everything|work"
	"acl_xattr|acl_xattr|pread, pwrite, fsync|$all_but_one|work"
	"streams_xattr|streams_xattr|getxattrat, get_dos_attributes|$everything|work"
	"shadow_copy2|shadow_copy2|getxattrat, get_dos_attributes, pread, fsync|$everything|work"
	"full_audit|full_audit|nothing|$all_but_one|work"
	"fruit|catia fruit streams_xattr|nothing|$all_but_one|work"
	"recycle|recycle|$everything|$everything|work"
	"xattr_tdb|xattr_tdb|pread, pwrite, fsync|$all_but_one|work"
	"streams_depot|streams_depot|$not_ahead|$everything|look"
	"cap|cap|pread, pwrite, fsync|$all_but_one|look"
	"fake_perms|fake_perms|$not_ahead|$everything|look"
	"dirsort|dirsort|$not_ahead|$everything|look"
	"offline|offline|getxattrat, pread, pwrite, fsync, look-ahead|$everything|look"
	# Wherever smb.conf has pathring, smbd puts widelinks after it.
	"wide|<wide links>|$not_ahead|$not_ahead|look"
)

# What every kind of module has something to do with.
make_tree() {
	local tree=$1 user i

	user=$(id -u "${smbd_user[1]}")
	test_make_tree "$tree"
	# There are many copies of it.
	rm "$tree"/file-00[1-4]* "$tree/sparse"
	mkdir -m 755 "$tree/names"
	for i in 'quote"d' 'b*ackslash' ':colon' '._resource' 'a name.doc' "caf:e9" "$(printf 'pri\uf022vate')"; do
		printf '%s\n' "$i" >"$tree/names/$i"
	done
	printf 'quoted\n' >"$tree/quote\"d"
	mkdir -m 755 "$tree/streams"
	for i in 1 2 3 4 5 6; do
		printf 'file %s\n' "$i" >"$tree/streams/file-$i"
		setfattr -n "user.DosStream.first:\$DATA" -v "stream $i" "$tree/streams/file-$i"
		setfattr -n user.comment -v "comment $i" "$tree/streams/file-$i"
	done
	install -d -m 755 -o "$user" "$tree/work" "$tree/work/full"
	for i in present gone 'quote"d' 'mapped"name' full/inside; do
		install -m 644 -o "$user" /dev/null "$tree/work/$i"
		printf '%s before\n' "$i" >"$tree/work/$i"
	done
	install -d -m 755 "$tree/.snapshots" "$tree/.snapshots/$version" "$tree/.snapshots/$version/streams"
	for i in file-00001.txt file-00002.txt only-then streams/file-1 streams/file-2 streams/gone-since; do
		printf '%s as it was\n' "$i" >"$tree/.snapshots/$version/$i"
	done
	smbd_dos_attribute 0x22 1400000000
	setfattr -n user.DOSATTRIB -v "$REPLY" "$tree/.snapshots/$version/streams/file-1"
}

# What each module needs to be told; $1 is the share.
options_of() {
	printf '%s\n' 'read only = no' 'ea support = yes' "shadow:basedir = $2" 'shadow:snapdir = .snapshots' \
		'full_audit:syslog = no' 'full_audit:success = all' 'full_audit:failure = all' "full_audit:prefix = audit $1" \
		'catia:mappings = 0x22:0xa8,0x2a:0xa4' "xattr_tdb:file = $2.tdb" "streams_depot:directory = $2.streams" \
		'recycle:repository = .recycle' 'recycle:keeptree = yes' 'recycle:versions = yes' \
		'fruit:metadata = stream' 'fruit:resource = stream' 'fruit:encoding = native' 'hide dot files = no'
}

# add_share NAME MODULES OBJECTS TREE [LINE]...
add_share() {
	local name=$1 modules=$2 objects=$3 tree=$4 options

	mapfile -t options < <(options_of "$name" "$tree")
	if [[ $modules == '<wide links>' ]]; then
		options+=('wide links = yes')
		objects=${objects/'<wide links>'/}
	fi
	smbd_share "$name" "$tree" "${options[@]}" "vfs objects = $objects" "${@:5}"
}

# add_shares NAME MODULES WHAT: for each way, shares of the common tree and one of a tree of its own.
add_shares() {
	local name=$1 modules=$2 place objects dosmode asked=yes

	# For the trail of what is done to files (see below).
	if [[ $name == full_audit ]]; then
		asked=no
	fi
	for place in stock before after; do
		case $place in
		stock) objects=$modules ;;
		before) objects="pathring $modules" ;;
		after) objects="$modules pathring" ;;
		esac
		for dosmode in yes no; do
			add_share "$name-$place-$dosmode" "$modules" "$objects" "$smbd_dir/tree" "smbd async dosmode = $dosmode"
		done
		if [[ $3 == work ]]; then
			cp -a "$smbd_dir/tree" "$smbd_dir/copies/$name-$place"
			add_share "$name-$place" "$modules" "$objects" "$smbd_dir/copies/$name-$place" \
				"smbd async dosmode = $asked"
		fi
	done
}

# python WHAT USER SHARE...
python() {
	timeout 120 "$test_python" "$test_dir/check_stacking.py" "$1" "$smbd_dir" "$smbd_port" "$out" "${@:2}"
}

# What smbclient shows that impacket can not ask for. Times of copies differ, and the space that is free.
previous_versions() {
	local share=$1

	smbd_client 1 "$share" "ls $version\\*; ls $version\\streams\\*; allinfo streams\\file-1; ls $version\\only*; \
		get $version\\streams\\gone-since $smbd_dir/client/got; allinfo $version\\streams\\file-1; \
		get $version\\nothing $smbd_dir/client/nothing; del $version\\only-then; \
		put /etc/hostname $version\\streams\\new" 2>&1 |
		grep -vE 'blocks of size|_time:|^getting file|^putting file'
	cat "$smbd_dir/client/got" 2>/dev/null
	rm -f "$smbd_dir/client/got"
}

eas_and_acls() {
	local share=$1

	smbd_client 1 "$share" 'setea work\present comment written; geteas work\present; geteas streams\file-2;
		setea work\present second 22; geteas work\present; allinfo work\present' 2>&1 | grep -v '_time:'
	timeout 60 smbcacls "//127.0.0.1/$share" 'work\present' --port="$smbd_port" --configfile="$smbd_dir/client.conf" \
		--authentication-file="$smbd_dir/private/login.1" --add "ACL:${smbd_user[2]}:ALLOWED/0x0/READ" {smbd_stdin}>&-
	timeout 60 smbcacls "//127.0.0.1/$share" 'work\present' --port="$smbd_port" --configfile="$smbd_dir/client.conf" \
		--authentication-file="$smbd_dir/private/login.1" {smbd_stdin}>&-
}

# What only smbclient and smbcacls do, where the stack has to do with it. What fails is part of it.
work_more() {
	local name=$1 share=$2

	case $name in
	shadow_copy2) previous_versions "$share" ;;
	*acl* | xattr_tdb) eas_and_acls "$share" ;;
	esac
} 2>&1

# A tree on disk, with everything but times: also those that xattrs have in them.
on_disk() (
	cd "$1"
	find . -printf '%y %m %u %g %p %l\n' | grep -v '^d' | sort
	find . -type d -printf '%y %m %u %g %p\n' | sort
	find . -type f -print0 | sort -z | xargs -0 sha256sum
	find . ! -type l -print0 | sort -z | xargs -0 getfattr -h -d -m - -e hex 2>/dev/null |
		sed -E 's/^(user.DOSATTRIB=0x.{32}).*/\1/; s/^(security.NTACL=0x.{8}).*/\1/'
	if [[ -e $1.tdb ]]; then
		tdbdump "$1.tdb" | grep -c '^key'
	fi
)

# The trail of a share, without what differs from copy to copy: inodes, times, names for the time being (since 4.22), and
# the errors of functions that set no errno and are logged with whatever is there. Completions may come in any order.
trail() {
	sed -n "s/^ *audit $1|//p" "$smbd_dir/log/log.smbd" |
		sed -E "s#$1#it#g
			s/::TMPNAME:D:[0-9]+%[0-9]+:/::TMPNAME:/g
			s/^(fs_file_id|file_id_create)\\|ok\\|.*/\\1/
			s/^(fntimes\\|[^|]*\\|[^|]*)\\|.*/\\1/
			s/^(translate_name|freaddir_attr)\\|fail \\([^)]*\\)/\\1|fail/" | sort |
		if [[ $1 == *-yes ]]; then
			# How often smbd goes to the share's directory, or sees that it is there, depends on when answers come.
			awk '!/^file_id_create$|^(stat[|]ok|chdir[|]ok[|]chdir)[|][^|]*\/tree$/ || !seen[$0]++'
		else
			cat
		fi
}

enough_lines() {
	local lines

	lines=$(wc -l <"$1")
	if ((lines < $2)); then
		printf 'only %s lines\n' "$lines"
		cat "$1"
		return 1
	fi
}

# What the line at connect says is answered.
says() {
	local line

	line=$(grep -F "share [$1]: " "$smbd_dir/log/log.smbd" | tail -n 1)
	if [[ "$line;" != *"; answered: $2;"* ]]; then
		printf '%s\n' "$line"
		return 1
	fi
}

# Whether smbd wants a stat of readdir, as it does until 4.18.
reads_with_stat() {
	local version

	version=$(smbd --version)
	[[ $version =~ ([0-9]+)\.([0-9]+) ]] && ((BASH_REMATCH[1] == 4 && BASH_REMATCH[2] < 19))
}

# counters_agree NAME ANSWERED WHAT: what is answered was, and nothing else. In front, dirsort and cap read names
# without their stat, so that there is no listing to look ahead in, and offline has no asynchronous DOS attributes.
counters_agree() {
	local name=$1 answered=", $2," log=$smbd_dir/log/log.smbd operation count passed bad=0

	if [[ $3 == work ]]; then
		for operation in pread pwrite fsync; do
			count=$(test_counter requests "share=$name" "operation=$operation" <"$log")
			passed=$(test_counter passed "share=$name" "operation=$operation" reason=share <"$log")
			if [[ $answered == *", $operation,"* ]]; then
				((count > 0 && passed == 0)) || bad=1
			else
				((count == 0 && passed > 0)) || bad=1
			fi
			printf '%s: %s answered, %s passed on\n' "$operation" "$count" "$passed"
		done
	fi
	count=$(test_counter requests "share=$name-yes" operation=get_dos_attributes <"$log")
	passed=$(test_counter passed "share=$name-yes" operation=get_dos_attributes reason=share <"$log")
	if [[ $answered != *', get_dos_attributes,'* || $name == offline-after ]]; then
		((count == 0)) || bad=1
	else
		((count > 0 && passed == 0)) || bad=1
	fi
	printf 'get_dos_attributes: %s answered, %s passed on\n' "$count" "$passed"
	count=$(test_counter lookahead_hits "share=$name-no" <"$log")
	passed=$(test_counter lookahead_names "share=$name-no" <"$log")
	if [[ $answered != *', look-ahead,'* || $name == dirsort-after ]] ||
		{ [[ $name == cap-after ]] && reads_with_stat; }; then
		((count == 0 && passed == 0)) || bad=1
	else
		((count > 100)) || bad=1
	fi
	printf 'look-ahead: %s hits, %s names\n' "$count" "$passed"
	return "$bad"
}

test_begin "$@"
smbd_need smbcacls getfattr tdbdump
make_tree "$smbd_dir/tree"
mkdir -m 755 "$smbd_dir/copies"
sed -i 's/^\[global\]/&\nallow insecure wide links = yes\nunix extensions = no\nmax open files = 20000/' "$smbd_conf"
for stack in "${stacks[@]}"; do
	IFS='|' read -r name modules before after what <<<"$stack"
	add_shares "$name" "$modules" "$what"
done
smbd_start

out=$smbd_dir/client
# The first listing of a directory moves its access time.
python look 1 none-stock-no
for stack in "${stacks[@]}"; do
	IFS='|' read -r name modules before after what <<<"$stack"
	for user in 1 2; do
		for dosmode in yes no; do
			# For the second user the ways of DOS attributes are no news.
			if [[ $user$dosmode == 2yes ]]; then
				continue
			fi
			python look "$user" "$name-"{stock,before,after}"-$dosmode"
			stock=$out/look.$name-stock-$dosmode.$user
			check "$name: there is something to see: user $user, async dosmode $dosmode" enough_lines "$stock" 150
			for place in before after; do
				ours=$out/look.$name-$place-$dosmode.$user
				if [[ $name-$place-$dosmode == cap-after-yes ]] && ! reads_with_stat; then
					# smbd's own asynchronous DOS attributes lose the time of creation behind cap.
					sed -E -i 's/^(entry .*) [0-9]+( [0-9]+ [0-9]+ 0x[0-9a-f]+ *)$/\1 -\2/' "$stock" "$ours"
				fi
				check "$name: as without pathring, which is $place: user $user, async dosmode $dosmode" \
					diff "$stock" "$ours"
			done
		done
	done
	if [[ $what == look ]]; then
		continue
	fi
	python work 1 "$name-"{stock,before,after}
	for place in stock before after; do
		work_more "$name" "$name-$place" >>"$out/work.$name-$place.1" || true
		sed -i "s#$name-$place#it#g" "$out/work.$name-$place.1"
		on_disk "$smbd_dir/copies/$name-$place" >"$out/disk-$place"
	done
	check "$name: there is something to do" enough_lines "$out/work.$name-stock.1" 100
	check "$name: there is something on disk" enough_lines "$out/disk-stock" 300
	for place in before after; do
		check "$name: changes as without pathring, which is $place" \
			diff "$out/work.$name-stock.1" "$out/work.$name-$place.1"
		check "$name: the same on disk as without pathring, which is $place" diff "$out/disk-stock" "$out/disk-$place"
	done
done
check 'smbd stops' smbd_stop

for stack in "${stacks[@]}"; do
	IFS='|' read -r name modules before after what <<<"$stack"
	for place in before after; do
		check "$name: the line at connect, pathring is $place" says "$name-$place-yes" "${!place}"
		check "$name: the counters agree, pathring is $place" counters_agree "$name-$place" "${!place}" "$what"
	done
done
# Asynchronous DOS attributes that were looked up ahead are answered at once, by functions of other names
# (fget_dos_attributes instead of getxattrat), so that with pathring after full_audit this trail differs.
for share in stock stock-yes stock-no; do
	trail "full_audit-$share" >"$out/trail-$share"
	check "full_audit: there is a trail: $share" enough_lines "$out/trail-$share" 1000
	for place in before after; do
		if [[ $share == stock-yes && $place == after ]]; then
			continue
		fi
		trail "full_audit-${share/stock/$place}" >"$out/trail-ours"
		check "full_audit: the trail as without pathring, which is $place: $share" \
			diff "$out/trail-$share" "$out/trail-ours"
	done
done
test_finish
