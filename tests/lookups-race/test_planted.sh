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

# run PROGRAM LOG KIND LOOKUPS: its exit code.
run()
{
	local status=0

	timeout --kill-after=15 300 "$top/tests/lookups-race/test_race.sh" --program "$1" --on "$3" --lookups "$4" \
		>"$2" 2>&1 &
	running=$!
	wait "$running" || status=$?
	running=
	return "$status"
}

# expect_wrong NAME FILE KIND LOOKUPS PATTERN: compile the file with its mistake and see that it is found as this; then put
# it right.
expect_wrong()
{
	local name=$1 file=$2 kind=$3 lookups=$4 pattern=$5 object status=0

	object=$(object_of "$work/$file")
	cp "$object" "$work/right.o"
	if ! compile "$work/$file" "$object" || ! link "$work/race-$name"; then
		fail "$name" "could not be compiled"
	else
		run "$work/race-$name" "$work/$name.log" "$kind" "$lookups" || status=$?
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

status=0
link "$work/race"
run "$work/race" "$work/right.log" tmpfs 20000 || status=$?
if [ "$status" -eq 0 ]; then
	printf 'ok nothing_planted\n'
else
	fail nothing_planted "exit code $status: $(grep '^not ok' "$work/right.log" | head -n 1)"
fi

# xattrs are read by name.
replace engine/lookup.c \
	$'static void read_xattrs(const struct operation *operation, struct lookup_arguments *arguments)' \
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
static void read_xattrs(const struct operation *operation, struct lookup_arguments *arguments)'
expect_wrong xattrs_by_name engine/lookup.c tmpfs 20000 'file [0-9]+, and (user|trusted).id'

# What is known of a file is of its name.
replace engine/lookup.c \
	$'\tret = operation_statx_fd(fd, 0, arguments->mask, &arguments->stx);' \
	$'\tret = statx(operation_directory_fd(operation), arguments->path, AT_SYMLINK_NOFOLLOW, arguments->mask, &arguments->stx);
	ret = ret == -1 ? -errno : 0;'
expect_wrong statx_by_name engine/lookup.c tmpfs 20000 'the descriptor is of another inode'

# Links are followed, wherever they lead.
replace engine/lookup.c \
	$'\tint fd = operation_openat2(' \
	$'\targuments->how.flags &= ~(uint64_t)O_NOFOLLOW;
	arguments->how.resolve = 0;
	int fd = operation_openat2('
expect_wrong links_followed engine/lookup.c tmpfs 20000 'file [0-9]+ is outside'

[ "$failures" -eq 0 ]
