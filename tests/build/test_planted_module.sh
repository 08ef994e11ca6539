#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shows that the tests of listings find what they are there for: with a mistake planted in the module, one of them fails,
# and as it should. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/build/test_planted_module.sh (after scripts/build)

	Copies sources and build (\$PATHRING_BUILD, default: build), plants one mistake after the other, builds the module
	and runs tests/smbd/test_race.sh or test_same.sh with it. Needs root.

	  --help  print this text
	END
}

while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	*) usage >&2; printf '%s: unknown option %s\n' "$0" "$1" >&2; exit 2 ;;
	esac
done

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${PATHRING_BUILD:-$top/build}
if [ ! -f "$build/vfs_glue/.libs/pathring.so" ]; then
	printf 'not ok planted module - the module is not built\n'
	exit 1
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/pathring-test-planted-XXXXXX")
running=

clean_up()
{
	if [ -n "$running" ]; then
		kill -TERM "$running" 2>/dev/null || true
		wait "$running" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

failures=0

fail()
{
	printf 'not ok %s - %s\n' "$1" "$2"
	failures=$((failures + 1))
}

# The copy's make works in the copy; only the source tree of smbd is that of the original.
copy()
{
	tar -c -C "$top" --exclude='./build*' --exclude=./.git . | tar -x -C "$work"
	mkdir "$work/build"
	tar -c -C "$build" --exclude=./samba --exclude=./check . | tar -x -C "$work/build"
	find "$work/build" \( -name Makefile -o -path '*/.deps/*' \) -type f -print0 |
		xargs -0 sed -i -e "s|$build/samba/|@samba@/|g" -e "s|$build|$work/build|g" -e "s|$top|$work|g" \
			-e "s|@samba@/|$build/samba/|g"
}

make_module()
{
	# What is planted may leave things unused.
	timeout --kill-after=15 300 make -C "$work/build" CFLAGS='-O1 -g -w' vfs_glue/pathring.la >"$work/make.log" 2>&1
}

# replace FILE OLD NEW: one line of the copy, which must be there exactly once.
replace()
{
	local file=$work/$1 old=$2 new=$3 count

	count=$(grep -cxF -- "$old" "$file" || true)
	if [ "$count" -ne 1 ]; then
		printf '%s: %s has %d lines "%s", 1 expected: the mistake to plant must be adapted\n' \
			"$0" "$1" "$count" "$old" >&2
		return 1
	fi
	OLD=$old NEW=$new awk '$0 == ENVIRON["OLD"] { print ENVIRON["NEW"]; next } { print }' "$file" >"$file.new"
	mv "$file.new" "$file"
}

# run TEST LOG KIND: its exit code, on one file system.
run()
{
	local status=0

	PATHRING_BUILD=$work/build PATHRING_FILESYSTEMS=$3 timeout --kill-after=15 400 "$top/tests/smbd/test_$1.sh" \
		>"$2" 2>&1 &
	running=$!
	wait "$running" || status=$?
	running=
	return "$status"
}

# expect_failure NAME FILE TEST KIND PATTERN: see that the mistake in the file makes the test fail as this; then put it
# right.
expect_failure()
{
	local name=$1 file=$2 test=$3 kind=$4 pattern=$5 status=0

	if ! make_module; then
		fail "$name" "could not be compiled: $(tail -n 1 "$work/make.log")"
	else
		run "$test" "$work/$name.log" "$kind" || status=$?
		if [ "$status" -ne 1 ]; then
			fail "$name" "exit code $status instead of 1: $(tail -n 1 "$work/$name.log")"
		elif ! grep -Eq "^not ok .*$pattern" "$work/$name.log"; then
			fail "$name" "nothing like \"$pattern\": $(grep '^not ok' "$work/$name.log" | head -n 1)"
		else
			printf 'ok %s\n' "$name"
		fi
	fi
	cp "$top/$file" "$work/$file"
}

copy

# xattrs are read by name, where nothing proves that it is still the same file.
replace engine/lookup.c \
	$'void lookup_read_xattrs(const struct operation *operation, struct lookup_arguments *arguments)' \
	$'#include <sys/xattr.h>
#include <stdio.h>
static ssize_t by_name(const struct operation *operation, const char *file, const char *name, void *value, size_t size)
{
	char path[PATH_MAX];
	ssize_t ret;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", operation_directory_fd(operation), file);
	ret = lgetxattr(path, name, value, size);
	return ret == -1 ? -errno : ret;
}
#define operation_getxattr_pathref(proc_fd, fd, proc_path, name, value, size) \
	by_name(operation, arguments->path, name, value, size)
void lookup_read_xattrs(const struct operation *operation, struct lookup_arguments *arguments)'
expect_failure xattrs_by_name engine/lookup.c race tmpfs ': every entry is of one file - '

# What was looked up serves the next request, too.
replace vfs_glue/ahead.c $'\t\t\tblock_forget_looks(&directory->blocks[i]);' $'\t\t\t;'
expect_failure outlives_a_turn vfs_glue/ahead.c race tmpfs 'ours: each response tells what is then - '

# An entry that is given back is lost.
replace vfs_glue/ahead.c $'\t\tblock->position = i;' $'\t\tblock->position = i + 1;'
expect_failure entry_lost vfs_glue/ahead.c race tmpfs 'ours: what was there throughout is there once - '

# What is known of another entry is taken.
replace vfs_glue/ahead_look.c $'\t\t.number = entry->number,' $'\t\t.number = entry->number + 1,'
expect_failure another_entry vfs_glue/ahead_look.c same tmpfs 'as without the module - '

# What smbd was denied it does not ask again as root.
replace vfs_glue/ahead_answers.c \
	$'\tif (xattr->length == -ENODATA && which != AHEAD_LIST) {' \
	$'\tif (xattr->length < 0 && which != AHEAD_LIST) {'
expect_failure denial_is_final vfs_glue/ahead_answers.c same tmpfs 'as without the module - '

# Directories have a size.
replace vfs_glue/ahead.c $'\t\tfrom->st_size = 0;' $'\t\t;'
expect_failure size_of_directories vfs_glue/ahead.c same tmpfs 'as without the module - '

[ "$failures" -eq 0 ]
