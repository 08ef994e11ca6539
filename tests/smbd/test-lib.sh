# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests in this directory share: "ok NAME" and "not ok NAME - why" on standard output, the module and the
# tools they need, and the checks that nothing is left behind. Sourced by test_*.sh, which say what they test.
#
# Each test stops with test_finish; one that ends before, for whatever reason, says "not ok" and exits with 1.

test_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
test_root=$(cd "$test_dir/../.." && pwd)
test_name=${0##*/}
test_name=${test_name%.sh}
test_passed=0
test_failed=0
test_finished=0
test_python=''
# Seconds that a script may take that prints lines of its own.
test_lines_limit=150

# shellcheck source=../../scripts/smbd-lib.sh
. "$test_root/scripts/smbd-lib.sh"

# The directory of the build may be another than build/, for example one with sanitizers.
test_build=${PATHRING_BUILD:-$test_root/build}
test_module=$test_build/vfs_glue/.libs/pathring.so

ok() {
	test_passed=$((test_passed + 1))
	printf 'ok %s: %s\n' "$test_name" "$1"
}

not_ok() {
	test_failed=$((test_failed + 1))
	printf 'not ok %s: %s - %s\n' "$test_name" "$1" "${2:-no reason given}" | tr -s '\n\t' '  '
	printf '\n'
}

# check NAME COMMAND...: ok when COMMAND succeeds, else not ok with the last lines that it printed. A function called like
# this goes on after a command that fails, so it has to look at each itself.
check() {
	local name=$1 output=$smbd_dir/client/check

	shift
	if "$@" >"$output" 2>&1; then
		ok "$name"
	elif [[ -s $output ]]; then
		not_ok "$name" "$(tail -n 4 "$output")"
	else
		not_ok "$name" "$* failed"
	fi
}

# test_soon COMMAND...: COMMAND succeeds within some seconds, for what smbd does when a client has gone.
test_soon() {
	local deadline=$((SECONDS + 10))

	while ! "$@" >/dev/null 2>&1; do
		if ((SECONDS >= deadline)); then
			"$@"
			return 1
		fi
		sleep 0.1
	done
}

# check_denied NAME COMMAND...: ok when COMMAND prints NT_STATUS_ACCESS_DENIED.
check_denied() {
	local name=$1 output

	shift
	output=$("$@" 2>&1) || true
	if [[ $output == *NT_STATUS_ACCESS_DENIED* ]]; then
		ok "$name"
	else
		not_ok "$name" "no NT_STATUS_ACCESS_DENIED: $(tail -n 3 <<<"$output")"
	fi
}

# check_lines PYTHON SCRIPT...: a script that prints lines of its own in our form; they are counted. It has to print one
# at least.
check_lines() {
	local line count=0 status=0 output

	output=$(timeout --kill-after=5 "$test_lines_limit" "$@" 2>"$smbd_dir/client/stderr") || status=$?
	while IFS= read -r line; do
		case $line in
		'ok '*)
			ok "${line#ok }"
			count=$((count + 1))
			;;
		'not ok '*)
			line=${line#not ok }
			not_ok "${line%% - *}" "${line#* - }"
			count=$((count + 1))
			;;
		?*)
			printf '# %s\n' "${line#\# }"
			;;
		esac
	done <<<"$output"
	if ((status > 1 || count == 0)) || [[ -s $smbd_dir/client/stderr ]]; then
		not_ok "${2##*/} runs to its end" "exit status $status: $(tail -n 3 "$smbd_dir/client/stderr")"
	fi
}

# A module that was built with sanitizers needs their libraries in smbd before anything else. smbd itself leaks by design.
test_use_sanitizers() {
	local libraries

	libraries=$(ldd "$test_module" | awk '/lib(asan|ubsan)\.so/ { print $3 }' | tr '\n' ' ')
	mkdir -m 1777 "$smbd_dir/sanitizers"
	if [[ -n $libraries ]]; then
		smbd_environment=(
			"LD_PRELOAD=${libraries% }"
			"ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1:log_path=$smbd_dir/sanitizers/log"
			"UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$smbd_dir/sanitizers/log"
		)
		printf '# with %s\n' "$libraries"
	fi
}

test_exit() {
	local status=$?

	smbd_cleanup
	if ((!test_finished)); then
		not_ok 'runs to its end' "ended early with exit status $status${smbd_error:+: $smbd_error}"
		exit 1
	fi
}

# test_exit_after COMMAND...: the trap of tests with something to take away before the directory is removed.
test_exit_after() {
	local status=$?

	if [[ -n $smbd_dir ]]; then
		smbd_stop || true
		"$@" || true
	fi
	(exit "$status") || true
	test_exit
}

# test_begin "$@": the arguments of the script. The text of --help is the comment at the top of the script.
test_begin() {
	local candidate

	case ${1-} in
	'')
		;;
	--help | -h)
		printf 'Usage: %s [--help]\n\n' "${0##*/}"
		sed -n '2,${/^#/!q; s/^# \{0,1\}//; p;}' "$0" | grep -v SPDX
		exit 0
		;;
	*)
		printf '%s: unknown argument: %s (see --help)\n' "${0##*/}" "$1" >&2
		exit 2
		;;
	esac

	# Nothing is to be written next to the sources.
	export PYTHONDONTWRITEBYTECODE=1
	smbd_trap
	trap test_exit EXIT
	for candidate in python3 /usr/bin/python3; do
		if "$candidate" -c 'import impacket' 2>/dev/null; then
			test_python=$candidate
			break
		fi
	done
	if [[ -z $test_python ]]; then
		not_ok 'tools' 'no python3 with impacket (Debian: python3-impacket)'
		test_finished=1
		exit 1
	fi
	if ! smbd_init "$test_module"; then
		not_ok 'a private smbd' "$smbd_error"
		test_finished=1
		exit 1
	fi
	test_use_sanitizers
}

# A directory with everything that a listing can trip over. Some of it only root can read; all of it can be listed.
test_make_tree() {
	local dir=$1 i

	mkdir -m 755 "$dir"
	smbd_make_files "$dir" 500
	for ((i = 0; i < 500; i += 7)); do
		printf '%s\0' "$dir/file-$(printf %05d "$i").txt"
	done | xargs -0 chmod 600
	for ((i = 1; i < 500; i += 7)); do
		printf '%s\0' "$dir/file-$(printf %05d "$i").txt"
	done | xargs -0 setfattr -x user.DOSATTRIB
	setfacl -m "u:${smbd_user[1]}:r" "$dir/file-00007.txt"

	mkdir -m 755 "$dir/directory" "$dir/hidden directory"
	smbd_dos_attribute 0x12 1500000000
	setfattr -n user.DOSATTRIB -v "$REPLY" "$dir/hidden directory"
	install -d -m 700 -o "${smbd_user[1]}" "$dir/private-1"
	install -d -m 700 -o "${smbd_user[2]}" "$dir/private-2"

	: >"$dir/empty"
	truncate -s 5G "$dir/sparse"
	echo x >"$dir/a name with spaces, and dots..txt"
	echo x >"$dir/$(printf 'n%.0s' {1..200})"
	echo x >"$dir/Grüße.txt"
	for i in broken nothing short long hexadecimal; do
		echo "$i" >"$dir/attribute-$i"
	done
	setfattr -n user.DOSATTRIB -v 0xdeadbeef00112233445566778899 "$dir/attribute-broken"
	setfattr -n user.DOSATTRIB -v '' "$dir/attribute-nothing"
	setfattr -n user.DOSATTRIB -v 0x00000500 "$dir/attribute-short"
	setfattr -n user.DOSATTRIB -v "$(printf 'x%.0s' {1..400})" "$dir/attribute-long"
	setfattr -n user.DOSATTRIB -v 0x3078323200 "$dir/attribute-hexadecimal"
	ln -s empty "$dir/link-inside"
	ln -s nowhere "$dir/link-dangling"
	ln -s /etc/passwd "$dir/link-outside"
	mkfifo "$dir/fifo"
}

# The engine that a share asked for is the one that ran; auto is the ring here, or these tests prove nothing of it.
test_engine_ran() {
	local engine=$1 runs=$1

	if [[ $engine == auto ]]; then
		runs=uring
	fi
	if ! grep -F "engine \"$engine\" runs on $runs" "$smbd_dir/log/log.smbd"; then
		printf 'the log does not say that engine "%s" runs on %s: ' "$engine" "$runs"
		grep 'runs on' "$smbd_dir/log/log.smbd"
		return 1
	fi
}

# test_account NAME: of a row of the accounts logged so far, an operation or "uid N", how many requests ran on the ring,
# in threads and inline, and how many were denied. Rows that say how long they took, or why they ran there, end otherwise.
test_account() {
	awk -v name="  pathring: $1 " 'index($0, name) == 1 && / [0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+$/ {
			ring += $(NF - 4); thread += $(NF - 3); inline += $(NF - 2); denied += $(NF - 1)
		}
		END { print ring + 0, thread + 0, inline + 0, denied + 0 }' "$smbd_dir/log/log.smbd"
}

# test_counter METRIC [LABEL=VALUE]...: the sum of all counters of this name and with these labels, in the log or in what
# smbcontrol gives, from standard input.
test_counter() {
	local metric=$1

	shift
	awk -v metric="pathring_${metric}_total{" '
		BEGIN {
			for (i = 1; i < ARGC; i++) {
				sub("=", "=\"", ARGV[i])
				labels[i] = ARGV[i] "\""
				delete ARGV[i]
			}
		}
		{ sub(/^ +/, "") }
		index($0, metric) == 1 {
			for (i in labels) {
				if (!index($0, labels[i])) {
					next
				}
			}
			sum += $NF
		}
		END { print sum + 0 }' "$@"
}

# An operation was answered by engines of all three kinds.
test_everywhere() {
	local ring thread inline denied

	read -r ring thread inline denied < <(test_account "$1")
	if ((ring == 0 || thread == 0 || inline == 0)); then
		printf '%s: ring %s, thread %s, inline %s, denied %s\n' "$1" "$ring" "$thread" "$inline" "$denied"
		return 1
	fi
}

test_no_panic() {
	if grep -rhE 'PANIC|INTERNAL ERROR|error probing vfs|ERROR: |runtime error:' "$smbd_dir/log/log.smbd" \
		"$smbd_dir/sanitizers"; then
		return 1
	fi
}

test_no_process() {
	local left

	left=$(smbd_processes)
	if [[ -n $left ]]; then
		ps -o pid,args -p "${left//$'\n'/,}"
		return 1
	fi
}

test_no_mount() {
	! grep -F -e "$smbd_dir" -e " $smbd_module_dir " /proc/self/mountinfo
}

test_finish() {
	check 'smbd does not panic' test_no_panic
	check 'smbd stops when told to' smbd_stop
	check 'no process is left' test_no_process
	check 'no mount is left' test_no_mount
	test_finished=1
	if ((test_failed > 0)); then
		exit 1
	fi
	exit 0
}
