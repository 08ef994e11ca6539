#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The module built by Samba's own build: scripts/install-into-samba into a copy of the source of the installed smbd,
# configured as Debian does it, "waf build --targets=vfs_pathring", and a listing with the result. It is not among the
# tests that scripts/check runs: most of Samba's libraries are built for it, which takes from 15 minutes to an hour the
# first time. The tree is kept in build/samba-tree/, so that later runs take minutes.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

case ${1:-} in
'') ;;
--help)
	echo "usage: tests/samba-tree/test_build.sh (as root, after scripts/build)"
	exit 0
	;;
*)
	echo "tests/samba-tree/test_build.sh: unknown argument $1 (see --help)" >&2
	exit 2
	;;
esac
if ! source=$("$top/scripts/samba-source" --check "$top/build/samba"); then
	echo "not ok the source tree of the installed smbd - not there, run scripts/build"
	exit 1
fi

version=${source%/source}
version=${version##*/}
tree=$top/build/samba-tree/$version
log=$tree.log
module=$tree/bin/modules/vfs/pathring.so
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

# What is of no use any more when this fails.
must()
{
	check "$@"
	if [ "$failed" -ne 0 ]; then
		exit 1
	fi
}

copy_tree()
{
	mkdir -p "$tree"
	tar -C "$source" -c --exclude=./bin --exclude=./.lock-wscript . | tar -C "$tree" -x
	touch "$tree.copied"
}

# In the environment that scripts/samba-source configures in, with a bound.
in_tree()
(
	cd "$tree"
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/nonexistent LC_ALL=C.UTF-8 PYTHONHASHSEED=1 \
		timeout --signal=INT --kill-after=60 "$@" </dev/null >"$log" 2>&1
)

# Debian's rule does nothing where it has been; waf itself configures again when a wscript has changed.
configure()
{
	in_tree 1800 debian/rules configure || { tail -n 3 "$log"; return 1; }
	grep -q vfs_pathring "$tree"/bin/c4che/*_cache.py
}

build()
{
	in_tree 7200 ./buildtools/bin/waf build "-j$(nproc)" --targets=vfs_pathring || { tail -n 3 "$log"; return 1; }
	[ -f "$module" ]
}

exports_one_symbol()
{
	local names

	names=$(nm -D --defined-only "$module" | awk '$2 != "A" { print $NF }' | sed 's/@.*//')
	echo "exports: $names"
	[ "$names" = samba_init_module ]
}

# The tests look for the module of a build in there.
lists()
{
	local output

	mkdir -p "$directory/vfs_glue/.libs"
	ln -s "$module" "$directory/vfs_glue/.libs/pathring.so"
	output=$(PATHRING_BUILD=$directory timeout --kill-after=15 600 "$top/tests/smbd/$1" 2>&1) || {
		grep -a '^not ok' <<<"$output"
		return 1
	}
	grep -q '^ok' <<<"$output"
}

if [ ! -f "$tree.copied" ]; then
	must "a copy of the source of samba $version" copy_tree
fi
must "scripts/install-into-samba" "$top/scripts/install-into-samba" "$tree"
must "configured with vfs_pathring among the shared modules" configure
must "waf build --targets=vfs_pathring" build
check "exports what smbd looks for and nothing else" exports_one_symbol
check "smbd loads it and lists as without it" lists test_listing.sh
exit "$failed"
