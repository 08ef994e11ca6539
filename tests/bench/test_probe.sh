#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pathring-bench probe: what it says as root, as nobody, without a ring, on several file systems, and that nothing stays
# behind. Prints "ok NAME", "not ok NAME - why" or "ok NAME # SKIP why"; exit code 1 if a test failed.

set -euo pipefail

usage()
{
	cat <<-END
	usage: tests/bench/test_probe.sh

	Tests the probe of the pathring-bench of the build directory \$PATHRING_BUILD (default: build). Its files are made
	in a new directory in \$TMPDIR (default: /tmp). Without root the tests that need it are skipped.

	  --help  print this text
	END
}

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bench_init probe "$@"
chmod 755 "$work"
# The build tree may be closed to nobody.
cp "$bench" "$work/pathring-bench"
bench=$work/pathring-bench
mkdir "$work/dir" "$work/tmpfs"
mounted=

tidy()
{
	if [ -n "$mounted" ]; then
		umount "$work/tmpfs" || true
	fi
}

# observe COMMAND...: sets status; the outputs are in $work/out and $work/err.
observe()
{
	status=0
	timeout 60 "$@" >"$work/out" 2>"$work/err" || status=$?
}

# says TEXT...: exit code 0, each of them in the output, and an empty directory.
says()
{
	local text

	if [ "$status" -ne 0 ] || [ -s "$work/err" ]; then
		return 1
	fi
	for text in "$@"; do
		if ! grep -qF -e "$text" "$work/out"; then
			printf '  # missing: %s\n' "$text"
			return 1
		fi
	done
	[ -z "$(ls -A "$work/dir")" ] && [ -z "$(ls -A "$work/tmpfs")" ]
}

# Operations that were tried and failed.
failed_operations()
{
	grep -cE '^  [a-z]+ +failed ' "$work/out" || true
}

observe "$bench" probe --help
check help "exit code $status, or nothing about --dir" eval '[ "$status" -eq 0 ] && grep -q -e --dir "$work/out"'
observe "$bench" probe --bogus
check unknown_option "exit code $status instead of 2, or no message" eval '[ "$status" -eq 2 ] && [ -s "$work/err" ]'
observe "$bench" probe here
check unexpected_argument "exit code $status instead of 2" \
	eval '[ "$status" -eq 2 ] && grep -q "probe here: not expected" "$work/err"'
observe "$bench" probe --dir "$work/missing"
check missing_directory "exit code $status instead of 1, or more than one line" \
	eval '[ "$status" -eq 1 ] && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -q "No such file" "$work/err" && [ ! -s "$work/out" ]'

observe "$bench" probe --dir "$work/dir"
check here "exit code $status, or not all is said, or something is left" \
	says "Linux $(uname -r)" "backend: " "open files at most" "kernel.io_uring_disabled" "seccomp" "conclusion"
check all_operations "$(grep -cE '^  [a-z]+ +(inline|ring|thread|failed) ' "$work/out") of 25 were tried" \
	eval '[ "$(grep -cE "^  [a-z]+ +(inline|ring|thread|failed) " "$work/out")" -eq 25 ]'
check no_failures "$(failed_operations) operations failed" eval '[ "$(failed_operations)" -eq 0 ]'
observe "$bench" probe --dir /proc
check no_files_here "exit code $status, or it is not said" says "cannot make a directory in /proc" "not tried" "user xattrs: none"
PATH=/nonexistent "$bench" probe --dir "$work/dir" >"$work/out" 2>"$work/err" && status=0 || status=$?
check tools_missing "exit code $status, or it is not said" says "fio is not installed" "gnuplot is not installed"

if [ -x "$deny" ]; then
	observe "$deny" EPERM io_uring_setup "$bench" probe --dir "$work/dir"
	check ring_denied "exit code $status, or it is not said" says "There is no ring here" "a filter is in force" \
		"by a seccomp filter; allow"
	check ring_denied_works "operations failed" eval '[ "$(failed_operations)" -eq 0 ]'
else
	printf 'ok ring_denied # SKIP deny-syscall is not built\n'
fi

if [ "$(id -u)" -ne 0 ]; then
	printf 'ok as_root # SKIP must run as root\n'
	exit $((failures > 0))
fi
observe "$bench" probe --dir "$work/dir"
check as_root "it does not try as another user" says "operations of user 60000"

chown 65534:65534 "$work/dir"
observe setpriv --reuid 65534 --regid 65534 --clear-groups "$bench" probe --dir "$work/dir"
check as_nobody "exit code $status, or it is not said" says "operations of user 65534" "identities: only root"
check as_nobody_works "operations failed" eval '[ "$(failed_operations)" -eq 0 ]'
chown 0:0 "$work/dir"
observe setpriv --reuid 65534 --regid 65534 --clear-groups "$bench" probe --dir "$work/dir"
check not_writable "exit code $status, or it is not said" says "cannot make a directory in $work/dir: Permission denied"

if mount -t tmpfs tmpfs "$work/tmpfs" 2>/dev/null; then
	mounted=yes
	observe "$bench" probe --dir "$work/tmpfs"
	check tmpfs "exit code $status, or it is not said" says "$work/tmpfs: tmpfs"
	mount -o remount,ro "$work/tmpfs"
	observe "$bench" probe --dir "$work/tmpfs"
	check read_only "exit code $status, or it is not said" says "Read-only file system" "not tried"
else
	printf 'ok tmpfs # SKIP cannot mount\n'
fi

# Ctrl-C in the middle: the directory is removed, whenever it comes.
interrupted=0
for delay in 0.01 0.05 0.1 0.2; do
	status=0
	timeout --foreground --preserve-status -s INT "$delay" "$bench" probe --dir "$work/dir" >/dev/null 2>&1 || status=$?
	if [ "$status" -ne 130 ] && [ "$status" -ne 0 ]; then
		interrupted=$status
	fi
done
check interrupted "exit code $interrupted, or $(ls -A "$work/dir") is left" \
	eval '[ "$interrupted" -eq 0 ] && [ -z "$(ls -A "$work/dir")" ]'

exit $((failures > 0))
