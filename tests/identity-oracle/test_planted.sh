#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shows that the identity oracle finds what it is there for: an engine with a mistake planted in it gives outcomes that
# differ, the same engine without gives none. Prints "ok NAME" or "not ok NAME - why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/identity-oracle/test_planted.sh

	Compiles the engine and the oracle in a temporary copy (with \$CC, default: cc), runs the oracle, plants one mistake
	after the other and runs it again. Needs root. Its files are made in a new directory in \$TMPDIR (default: /tmp).

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
chmod 755 "$work"
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

# Seconds that one run of the oracle may take; those that find something take a few.
limit=400
operations=150000
failures=0

fail()
{
	printf 'not ok %s - %s\n' "$1" "$2"
	failures=$((failures + 1))
}

packages=(talloc tevent liburing popt)
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

# replace FILE OLD NEW: one line of the copy, which must be there exactly once, tabs before it aside.
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

# run PROGRAM LOG BACKEND: its exit code.
run()
{
	local status=0

	timeout --kill-after=15 "$limit" "$1" --ops "$operations" --backend "$3" --dir "$work" >"$2" 2>&1 &
	running=$!
	wait "$running" || status=$?
	running=
	return "$status"
}

# expect_difference NAME FILE BACKEND: compile the file with its mistake and see that it is found; then put it right. What is
# drawn differs from one try to the next, and what is on the ring by what the engine has learned, so there are a few.
expect_difference()
{
	local name=$1 file=$2 backend=$3 object status=0

	object=$(object_of "$work/$file")
	cp "$object" "$work/right.o"
	if ! compile "$work/$file" "$object" || ! link "$work/oracle-$name"; then
		fail "$name" "could not be compiled"
	else
		for _ in 1 2 3 4; do
			run "$work/oracle-$name" "$work/$name.log" "$backend" || status=$?
			if [ "$status" -ne 0 ]; then
				break
			fi
		done
		if [ "$status" -ne 1 ]; then
			fail "$name" "exit code $status instead of 1: $(tail -n 1 "$work/$name.log")"
		elif ! grep -q '^oracle: different ' "$work/$name.log"; then
			fail "$name" "exit code 1, but without a difference: $(tail -n 1 "$work/$name.log")"
		else
			printf 'ok %s\n' "$name"
		fi
	fi
	cp "$work/right.o" "$object"
	cp "$top/$file" "$work/$file"
}

mkdir -p "$work/engine" "$work/include" "$work/tests/identity-oracle" "$work/objects"
cp "$top"/engine/*.[ch] "$work/engine/"
cp "$top"/include/*.h "$work/include/"
cp "$top"/tests/identity-oracle/*.[ch] "$work/tests/identity-oracle/"
for file in "$work"/engine/*.c "$work"/tests/identity-oracle/*.c; do
	compile "$file" "$(object_of "$file")"
done

status=0
link "$work/oracle"
run "$work/oracle" "$work/right.log" all || status=$?
if [ "$status" -eq 0 ]; then
	printf 'ok nothing_planted\n'
else
	fail nothing_planted "exit code $status: $(tail -n 1 "$work/right.log")"
fi

# The xattrs of a lookup on the ring are read by whoever made the ring.
replace engine/backend_uring.c \
	$'\tentry->personality = (uint16_t)personality;' \
	$'\tentry->personality = step >= STEP_XATTR ? 0 : (uint16_t)personality;'
expect_difference personality_left_out engine/backend_uring.c uring

# Two identities are the same when their hashes are. A good hash would not collide while one waits.
replace engine/identity.c \
	$'\treturn hash ^ hash >> 32;' \
	$'\treturn (hash ^ hash >> 32) & 3;'
replace engine/identity.c \
	$'\t\tif (identity->hash == hash && same_identity(&identity->target, target)) {' \
	$'\t\tif (identity->hash == hash) {'
expect_difference identity_by_hash_alone engine/identity.c all

# A freed handle closes its descriptor although requests use it.
replace engine/handle.c \
	$'\tdescriptor_release(handle->descriptor);' \
	$'\tif (!handle->descriptor->borrowed) { close(handle->descriptor->fd); }
	handle->descriptor->borrowed = true;
	descriptor_release(handle->descriptor);'
expect_difference descriptor_closed_early engine/handle.c all

[ "$failures" -eq 0 ]
