#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What scripts/install-into-samba changes in a source tree of Samba, and what it refuses. The tree is the few files that
# it looks at, of the source of the installed smbd; that Samba's build then builds the module is shown in
# tests/samba-tree/test_build.sh.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if [ "${1:-}" = --help ]; then
	echo "usage: tests/build/test_install_into_samba.sh (after scripts/build)"
	exit 0
fi
if ! source=$("$top/scripts/samba-source" --check "$top/build/samba"); then
	echo "not ok the source tree of the installed smbd - not there, run scripts/build"
	exit 1
fi

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=0

# check NAME COMMAND...
check()
{
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		echo "ok $name"
	else
		echo "not ok $name - $(tail -n 3 <<<"${output:-$* failed}" | tr '\n' ' ')"
		failed=1
	fi
}

make_tree()
{
	local file

	for file in VERSION buildtools/bin/waf source3/include/vfs.h source3/wscript source3/modules/wscript_build; do
		mkdir -p "$directory/$1/$(dirname "$file")"
		cp "$source/$file" "$directory/$1/$file"
	done
}

install_into()
{
	"$top/scripts/install-into-samba" "$directory/$1"
}

# refuses TREE PATTERN: says why, and leaves the tree as it is.
refuses()
{
	local output

	rm -rf "$directory/before"
	cp -a "$directory/$1" "$directory/before"
	if output=$(install_into "$1" 2>&1); then
		echo "no error"
		return 1
	fi
	if ! grep -q "$2" <<<"$output"; then
		echo "said: $output"
		return 1
	fi
	diff -r "$directory/before" "$directory/$1"
}

# unchanged_but FILE ADDED: nothing of the file is gone, and so many lines are new.
unchanged_but()
{
	local removed added

	removed=$(diff "$source/$1" "$directory/tree/$1" | grep -c '^<' || true)
	added=$(diff "$source/$1" "$directory/tree/$1" | grep -c '^>' || true)
	echo "$removed lines gone, $added new"
	[ "$removed" -eq 0 ] && [ "$added" -eq "$2" ]
}

# Samba's build reads them as Python.
is_python()
{
	python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$1"
}

has_all_sources()
{
	local file

	for file in include/pathring.h engine/*.[ch] replay/{anonymise,names,request,status,trace_write}.c \
		replay/{anonymise,names,trace}.h vfs_glue/*.[ch]; do
		cmp "$top/$file" "$directory/tree/source3/modules/pathring/$file" || return 1
	done
	cmp "$top/man/vfs_pathring.8" "$directory/tree/source3/modules/pathring/vfs_pathring.8"
}

again()
{
	rm -rf "$directory/before"
	cp -a "$directory/tree" "$directory/before"
	echo old >"$directory/tree/source3/modules/pathring/engine/gone.c"
	install_into tree || return 1
	diff -r "$directory/before" "$directory/tree"
}

# A file that Samba's build depends on is touched only when it changes.
keeps_times()
{
	local file

	for file in source3/wscript source3/modules/wscript_build; do
		touch -d 2001-01-01 "$directory/tree/$file"
		install_into tree >/dev/null || return 1
		[ "$(date -r "$directory/tree/$file" +%Y)" = 2001 ] || return 1
	done
}

cd "$top"
make_tree tree
check "a source tree of Samba" install_into tree
check "all sources are there" has_all_sources
check "source3/wscript has seven lines more" unchanged_but source3/wscript 7
check "source3/modules/wscript_build has a line more" unchanged_but source3/modules/wscript_build 1
for file in source3/wscript source3/modules/wscript_build source3/modules/pathring/wscript_build; do
	check "$file is Python" is_python "$directory/tree/$file"
done
check "the second time nothing changes" again
check "the second time nothing is touched" keeps_times

mkdir "$directory/empty"
check "refuses what is no Samba" refuses empty 'no source tree of Samba'
make_tree newer
sed -i 's/\(SMB_VFS_INTERFACE_VERSION\) [0-9]*$/\1 99/' "$directory/newer/source3/include/vfs.h"
check "refuses an interface that it does not know" refuses newer 'interface version 99; pathring knows 47 to'
make_tree other
sed -i 's/explicit_shared_modules = TO_LIST/explicit_shared_modules = to_list/' "$directory/other/source3/wscript"
check "refuses a build that it does not know" refuses other 'not as it is expected'
exit "$failed"
