# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the scripts share that measure pathring-replay beside another program. Sourced by one that has defined $program; it
# does nothing by itself.
#
#	die MESSAGE			on stderr, and exit code 1
#	number OPTION VALUE		an option's value, or die
#	replay_find			sets replay: the program of the build directory
#	median FILE			of numbers, one a line

die()
{
	printf '%s: %s\n' "$program" "$*" >&2
	exit 1
}

number()
{
	[[ $2 =~ ^[1-9][0-9]{0,3}$ ]] || die "$1 $2: expected a number from 1 to 9999"
}

replay_find()
{
	local top

	top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
	replay=${PATHRING_BUILD:-$top/build}/replay/pathring-replay
	[ -x "$replay" ] || die "$replay is not built"
}

median()
{
	sort -n "$1" | awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}
