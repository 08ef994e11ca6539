#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What make install leaves behind, as those see it who use it: a program compiled with pkg-config's flags, the dynamic
# linker, and smbd. Installs into a directory of its own with DESTDIR.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${PATHRING_BUILD:-$top/build}

if [ "${1:-}" = --help ]; then
	echo "usage: tests/build/test_install.sh (after scripts/build)"
	exit 0
fi
if [ ! -f "$build/Makefile" ]; then
	echo "not ok installation - $build is not built, run scripts/build"
	exit 1
fi

directory=$(mktemp -d "$build/test-install.XXXXXX")
trap 'rm -rf "$directory"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$directory"
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

root=$directory/root
check "make install DESTDIR=" make -C "$build" install DESTDIR="$root"
module_directory=$(sed -n 's/^vfsmoduledir = //p' "$build/Makefile")
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
library_directory=$root$prefix/lib
module=$root$module_directory/pathring.so

only_exports()
{
	local pattern=$1 file=$2 others count

	count=$(nm -D --defined-only "$file" | awk '{ print $NF }' | grep -cE "$pattern") || return 1
	others=$(nm -D --defined-only "$file" | awk '{ print $NF }' | grep -vE "$pattern" || true)
	echo "$count as expected; others: ${others:-none}"
	[ -z "$others" ]
}

# Every function that the header declares, for it is what a program can be linked with.
exports_the_header()
{
	local missing

	nm -D --defined-only "$library_directory/libpathring.so" | awk '{ print $NF }' | LC_ALL=C sort >exported
	missing=$(LC_ALL=C comm -13 exported "$build/engine/libpathring.sym")
	echo "declared but not exported: ${missing:-none}"
	[ -z "$missing" ]
}

# Private libraries carry the exact release in their symbol versions; linked with one, a point update breaks the module.
links_no_private_library()
{
	local needed

	needed=$(objdump -p "$module" | awk '$1 == "NEEDED" { print $2 }')
	echo "needs ${needed//$'\n'/ }"
	! grep -qE 'samba|smbd|smbconf|ndr' <<<"$needed"
}

# As perf and bpftrace find them.
has_probes()
{
	local found

	found=$(readelf -n "$library_directory/libpathring.so" | awk '$1 == "Name:" { print $2 }' | LC_ALL=C sort -u)
	echo "probes: ${found//$'\n'/ }"
	[ "$found" = $'complete\nsubmit' ]
}

has_no_run_path()
{
	! objdump -p "$1" | grep -E 'RPATH|RUNPATH'
}

# compile_consumer [--static]
compile_consumer()
{
	local flags

	flags=$(PKG_CONFIG_PATH=$library_directory/pkgconfig pkg-config --define-variable=prefix="$root$prefix" \
		--cflags --libs "$@" pathring) || return 1
	# The words of the flags are wanted apart.
	# shellcheck disable=SC2086
	"${CC:-cc}" -Wall -Wextra -Werror -o consumer consumer.c $flags
}

cat >consumer.c <<'END'
#define _GNU_SOURCE 1 /* struct statx */
#include <pathring.h>
#include <stdio.h>

int main(void)
{
	struct tevent_context *ev = tevent_context_init(NULL);
	struct pathring *ring = NULL;
	int ret = pathring_create(ev, ev, NULL, &ring);

	printf("pathring_create: %d\n", ret);
	talloc_free(ev);
	return ret == 0 ? 0 : 1;
}
END

check "the library exports pathring_* only" only_exports '^pathring_' "$library_directory/libpathring.so"
check "the library exports what the header declares" exports_the_header
check "the library has its static probes" has_probes
check "the library has no run path" has_no_run_path "$library_directory/libpathring.so"
check "a program compiles with pkg-config's flags" compile_consumer
check "and runs with the shared library" env LD_LIBRARY_PATH="$library_directory" ./consumer
rm -f "$library_directory"/libpathring.so*
check "a program compiles with the static library" compile_consumer --static
check "and runs" ./consumer
check "pathring-bench runs where it is installed" "$root$prefix/bin/pathring-bench" --help
if [ -n "$module_directory" ]; then
	check "the module exports samba_init_module only" only_exports '^samba_init_module$' "$module"
	check "the module is linked with no library of Samba's own" links_no_private_library
	check "the module has no run path" has_no_run_path "$module"
else
	echo "ok the smbd module # SKIP built without it"
fi
uninstalls_everything()
{
	make -C "$build" uninstall DESTDIR="$root" || return 1
	find "$root" -type f
	[ -z "$(find "$root" -type f)" ]
}
check "make uninstall DESTDIR= leaves no file" uninstalls_everything
exit "$failed"
