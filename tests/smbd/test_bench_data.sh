#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/smbd-data: bad input is refused before anything is started, and each workload gives a row of numbers for each of
# the engines.

set -euo pipefail
# shellcheck source=test-lib.sh
. "$(dirname "$0")/test-lib.sh"

script=$test_root/bench/smbd-data

# refused ARGUMENT...
refused() {
	local status=0

	"$script" "$@" >"$smbd_dir/client/refused" 2>&1 || status=$?
	((status == 2)) && grep -q -- 'see --help' "$smbd_dir/client/refused"
}

# has_row WORKLOAD ENGINE: of seven columns, with times that are more than nothing.
has_row() {
	awk -v workload="$1" -v engine="$2" '
		NF == 0 { inside = 0 }
		$1 == workload { inside = 1 }
		inside && $1 == engine { found = NF == 7 && $2 > 0 && $4 > 0 && $5 >= $4 && $6 > 0 }
		END { exit !found }' "$smbd_dir/client/table"
}

measured() {
	"$script" --repeat=2 --time=0.1 --size=4 "$@" >"$smbd_dir/client/table" || return 1
}

test_begin "$@"

for argument in --engine=ring --engine= --workload=read-2k --size=0 --size=x --time=long --repeat=0 --option=x extra; do
	check "refuses '$argument'" refused "$argument"
done
check 'measures' measured
for workload in read-4k read-4k-1 write-4k read-1m write-1m; do
	for engine in smbd smbd+io_uring smbd+pathring; do
		check "$workload, $engine" has_row "$workload" "$engine"
	done
done
check 'measures what is not cached' measured --cold --engine=smbd+pathring --workload=read-4k
check 'only what was asked for' eval "has_row read-4k smbd+pathring && ! has_row read-4k smbd"

test_finish
