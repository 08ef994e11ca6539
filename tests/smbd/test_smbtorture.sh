#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scripts/smbtorture-difference: that it finds what it looks for (with a smbtorture that passes and fails as told), and
# that its quick run finds no test that passes without the module and fails with it.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

script=$test_root/scripts/smbtorture-difference

# exits CODE COMMAND...
exits() {
	local expected=$1 status=0

	shift
	"$@" >"$smbd_dir/client/out" 2>"$smbd_dir/client/err" || status=$?
	if ((status != expected)); then
		printf 'exit code %s, expected %s: ' "$status" "$expected"
		tail -n 2 "$smbd_dir/client/err"
		return 1
	fi
}

# said LINE: it is in the last report, whole.
said() {
	if ! grep -qxF -e "$1" "$smbd_dir/client/out"; then
		printf 'not said: %s; but ' "$1"
		grep -vE ': 0$' "$smbd_dir/client/out"
		return 1
	fi
}

# A smbtorture with one suite of two tests, which connects, so that the module is there. The first passes; what becomes
# of the second is said by $smbd_dir/planted for each run: SIDE OUTCOME, the first line of a side is taken away by the run.
make_smbtorture() {
	mkdir "$smbd_dir/bin"
	cat >"$smbd_dir/bin/smbtorture" <<-END
		#!/bin/bash
		if [[ \$1 == --list ]]; then
			printf 'smb2.planted.good\nsmb2.planted.other\n'
			exit 0
		fi
		for argument in "\$@"; do
			case \$argument in
			--smb-ports=*) port=\${argument#*=} ;;
			--configfile=*) configuration=\${argument#*=} ;;
			--authentication-file=*) login=\${argument#*=} ;;
			esac
		done
		if ! grep -q quiet "$smbd_dir/planted"; then
			smbclient "\$1" --port="\$port" --configfile="\$configuration" --authentication-file="\$login" \
				--command=ls >/dev/null
		fi
		side=\${1##*-}
		line=\$(grep -m 1 "^\$side " "$smbd_dir/planted")
		sed -i "0,/^\$side /{/^\$side /d}" "$smbd_dir/planted"
		outcome=\${line#* }
		case \$outcome in
		none) exit 0 ;;
		hangs) printf 'test: smb2.planted.other\n'; exec sleep 30 ;;
		esac
		printf 'test: smb2.planted.good\nsuccess: smb2.planted.good\n'
		printf 'test: smb2.planted.other\n%s: smb2.planted.other [\nreason\n]\n' "\$outcome"
		[[ \$outcome == success ]]
	END
	chmod 755 "$smbd_dir/bin/smbtorture"
}

# planted CODE LINE SIDE OUTCOME...: the exit code and a line of the report for these outcomes, run by run.
planted() {
	local code=$1 line=$2

	shift 2
	printf '%s %s\n' "$@" >"$smbd_dir/planted"
	exits "$code" env "PATH=$smbd_dir/bin:$PATH" "$script" --config plain --suite smb2.planted --timeout 2 --repeat 1 &&
		said "$line"
}

no_test_fails() {
	exits 0 "$script" --quick --timeout 60 --keep "$smbd_dir/kept" && said 'passes without, fails with: 0'
}

# passes_on_both NAME: every test of a suite that ran, and one at least.
passes_on_both() {
	awk -F'\t' -v suite="$1" '$2 == suite && $5 !~ /^\(/ { sides[$3]++; if ($6 != "success") { print; bad = 1 } }
		END { exit bad || !sides["without"] || !sides["with"] }' "$smbd_dir/kept/outcomes"
}

# Nothing was compared if nothing passed.
most_pass() {
	awk -F'\t' '$3 == "with" && $5 !~ /^\(/ && $4 == 0 { all++; passed += $6 == "success" }
		END { print passed " of " all " pass"; exit passed < 120 || passed < all / 2 }' "$smbd_dir/kept/outcomes"
}

test_begin "$@"
smbd_need smbtorture
make_smbtorture
check 'an unknown configuration' exits 2 "$script" --config nonsense
check 'an unknown suite' exits 2 "$script" --suite smb2.nonsense
check 'an unknown argument' exits 2 "$script" --nonsense
check 'no difference' planted 0 'passes without and with: 2' without success with success
check 'a difference' planted 1 '  plain  smb2.planted.other  without: 2 of 2 pass, with: 0 of 2 pass (failure)' \
	without success with failure without success with failure
check 'a crash' planted 1 '  plain  smb2.planted.other  without: 2 of 2 pass, with: 0 of 2 pass (error)' \
	without success with error without success with error
check 'a test that is skipped with the module only' \
	planted 1 '  plain  smb2.planted.other  without: 2 of 2 pass, with: 0 of 2 pass (skip)' \
	without success with skip without success with skip
check 'a hang' planted 1 '  plain  smb2.planted (it ends in time)  without: 2 of 2 pass, with: 0 of 2 pass (failure)' \
	without success with hangs without success with hangs
check 'now and then' planted 0 'unstable, passes and fails on the same side: 1' \
	without success with failure without success with success
check 'a failure on both' planted 0 'fails without and with: 1' without failure with failure
check 'a failure without the module' planted 0 'fails without, passes with: 1' without failure with success
check 'no tests at all' planted 2 'passes without and with: 0' without none with none
check 'a module that is not there' exits 2 env "PATH=$smbd_dir/bin:$PATH" bash -c \
	'printf "quiet\nwithout success\nwith success\n" >"$1" && shift && exec "$@"' bash "$smbd_dir/planted" \
	"$script" --config plain --suite smb2.planted
check 'quick: no test that passes without the module fails with it' no_test_fails
check 'quick: most tests pass' most_pass
check 'quick: clients see what others have open' passes_on_both smb2.sharemode
test_finish
