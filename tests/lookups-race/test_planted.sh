#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shows that the race finds what it is there for: an engine with a mistake planted in it has look-ups that are of two
# files, or of none of ours; the same engine without has none. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a
# test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/lookups-race/test_planted.sh

	Compiles the engine and the race in a temporary copy (with \$CC, default: cc), runs the race, plants one mistake
	after the other and runs it again. Needs root.

	  --help  print this text
	END
}

while [ $# -gt 0 ]; do
	case $1 in
	--help) usage; exit 0 ;;
	*) usage >&2; printf '%s: unknown option %s\n' "$0" "$1" >&2; exit 2 ;;
	esac
done

if [ "$(id -u)" -ne 0 ]; then
	printf 'not ok planted - must run as root\n'
	exit 1
fi

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
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

packages=(talloc tevent liburing)
read -ra flags <<<"$(pkg-config --cflags "${packages[@]}")"
read -ra libraries <<<"$(pkg-config --libs "${packages[@]}")"
flags+=(-std=gnu11 -O1 -g -pthread -D_GNU_SOURCE=1 -D_FILE_OFFSET_BITS=64 "-I$work/include")

# object_of FILE: by directory and name, for names of files are not unique.
object_of()
{
	local name=${1#"$work/"}

	printf '%s/objects/%s.o\n' "$work" "${name//\//-}"
}

# compile FILE OBJECT: a source file of the copy.
compile()
{
	"${CC:-cc}" "${flags[@]}" -c "$1" -o "$2"
}

# link PROGRAM: all objects that there are.
link()
{
	"${CC:-cc}" -pthread "$work"/objects/*.o "${libraries[@]}" -o "$1"
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

# run PROGRAM LOG KIND LOOKUPS [SCENE]: its exit code.
run()
{
	local status=0

	timeout --kill-after=15 300 "$top/tests/lookups-race/test_race.sh" --program "$1" --on "$3" --lookups "$4" \
		${5:+--scene "$5"} >"$2" 2>&1 &
	running=$!
	wait "$running" || status=$?
	running=
	return "$status"
}

# expect_wrong NAME FILE KIND LOOKUPS SCENE PATTERN: compile the file with its mistake and see that it is found as this;
# then put it right.
expect_wrong()
{
	local name=$1 file=$2 kind=$3 lookups=$4 scene=$5 pattern=$6 object status=0

	object=$(object_of "$work/$file")
	cp "$object" "$work/right.o"
	if ! compile "$work/$file" "$object" || ! link "$work/race-$name"; then
		fail "$name" "could not be compiled"
	else
		run "$work/race-$name" "$work/$name.log" "$kind" "$lookups" "$scene" || status=$?
		if [ "$status" -ne 1 ]; then
			fail "$name" "exit code $status instead of 1: $(tail -n 1 "$work/$name.log")"
		elif ! grep -Eq "^not ok .*look-ups are wrong.*$pattern" "$work/$name.log"; then
			fail "$name" "nothing like \"$pattern\": $(grep '^not ok' "$work/$name.log" | head -n 1)"
		else
			printf 'ok %s\n' "$name"
		fi
	fi
	cp "$work/right.o" "$object"
	cp "$top/$file" "$work/$file"
}

mkdir -p "$work/engine" "$work/include" "$work/tests/lookups-race" "$work/objects"
cp "$top"/engine/*.[ch] "$work/engine/"
cp "$top"/include/*.h "$work/include/"
cp "$top"/tests/lookups-race/*.[ch] "$work/tests/lookups-race/"
for file in "$work"/engine/*.c "$work"/tests/lookups-race/*.c; do
	compile "$file" "$(object_of "$file")"
done

# proves: whether this kernel has what the engine's proof takes: multigrain timestamps and getxattrat.
proves()
{
	local major minor

	IFS=. read -r major minor _ < <(uname -r)
	((major > 6 || (major == 6 && ${minor%%[!0-9]*} >= 13)))
}

# expect_unproven NAME FILE ...: the same, of a mistake in what only such a kernel has.
expect_unproven()
{
	if proves; then
		expect_wrong "$@"
	else
		printf 'ok %s # SKIP this kernel is older than 6.13\n' "$1"
		cp "$top/$2" "$work/$2"
	fi
}

status=0
link "$work/race"
run "$work/race" "$work/right.log" ext4 20000 || status=$?
if [ "$status" -eq 0 ]; then
	printf 'ok nothing_planted\n'
else
	fail nothing_planted "exit code $status: $(grep '^not ok' "$work/right.log" | head -n 1)"
fi

xattrs='file [0-9]+, and '

# Names stand for what they stand for, whatever the proof says.
replace engine/steady.c $'\treturn same;' $'\treturn true;'
expect_unproven proof_ignored engine/steady.c ext4 20000 exchange "$xattrs"

# A change that has begun is not waited for.
replace engine/steady.c \
	$'\tok = ret == 0 && looks_fine(&stx) && wait_for_lock(steady->fd);' \
	$'\tok = ret == 0 && looks_fine(&stx);'
expect_unproven lock_not_waited_for engine/steady.c xfs-dirsync 50000 exchange "$xattrs"

# A time that anybody can set is taken for a proof.
replace engine/steady.c $'#include "steady.h"' $'#include <sys/stat.h>
#include "steady.h"
#define stx_ctime stx_mtime'
expect_unproven time_of_modification engine/steady.c ext4 20000 forge "$xattrs"

# So are times of whole seconds.
replace engine/steady.c \
	$'\treturn (stx->stx_mask & STATX_CTIME) != 0 && stx->stx_ctime.tv_nsec != 0;' \
	$'\treturn true;'
expect_unproven whole_seconds engine/steady.c ext4-small-inodes 20000 exchange "$xattrs"

# And those of tmpfs, which are the file's.
replace engine/steady.c $'\tcase BTRFS_SUPER_MAGIC:' $'\tcase BTRFS_SUPER_MAGIC:
	case TMPFS_MAGIC:'
expect_unproven time_of_another engine/steady.c tmpfs 200000 recreate "$xattrs"

# Nobody looks whether something was mounted.
replace engine/steady.c $'\t\tsame = ret == 0;' $'\t\tsame = true;'
expect_unproven mounts_not_watched engine/steady.c ext4 100000 mount "$xattrs"

# Paths of more than a name are taken for names of the directory.
replace engine/lookups.c $'\t\tif (strchr(arguments->each[i].path, \'/\') != NULL) {' $'\t\tif (false) {'
expect_unproven names_below engine/lookups.c ext4 20000 below "$xattrs"

# xattrs are read by name, without any proof.
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
expect_wrong xattrs_by_name engine/lookup.c tmpfs 20000 exchange "$xattrs"

# What is known of a file is of its name.
replace engine/lookup.c \
	$'int lookup_open(const struct operation *operation, struct lookup_arguments *arguments)' \
	$'static int opened_by_name(const struct operation *operation, struct lookup_arguments *arguments, int fd)
{
	int ret = opened(arguments, fd);
	if (ret == 0) {
		ret = statx(operation_directory_fd(operation), arguments->path, AT_SYMLINK_NOFOLLOW, arguments->mask,
			    &arguments->stx);
		ret = ret == -1 ? -errno : 0;
	}
	return ret;
}
#define opened(arguments, fd) opened_by_name(operation, arguments, fd)
int lookup_open(const struct operation *operation, struct lookup_arguments *arguments)'
expect_wrong statx_by_name engine/lookup.c tmpfs 20000 exchange 'the descriptor is of another inode'

# Links are followed, wherever they lead.
replace engine/lookup.c \
	$'\tint fd = operation_openat2(' \
	$'\targuments->how.flags &= ~(uint64_t)O_NOFOLLOW;
	arguments->how.resolve = 0;
	int fd = operation_openat2('
expect_wrong links_followed engine/lookup.c tmpfs 20000 kinds 'file [0-9]+ is outside'

[ "$failures" -eq 0 ]
