#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The cluster of scripts/check-ctdb, and what happens to it. Runs in namespaces that end with it, so nothing is taken down
# here. Arguments: a directory for everything, the module, the delay of the file system, a python3 that has impacket.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$1
module=$2
delay=$3
python=$4
gluster=$work/gluster
shared=$gluster/mnt
# smb.py wants the logins where scripts/smbd-lib.sh puts them.
client=$work/client

# A network for the nodes, one for their clients.
private=10.99.1
public=10.99.2
address=$public.100

users=(none games news)
node_pid=()
client_pid=
passed=0
failed=0

ok()
{
	passed=$((passed + 1))
	printf 'ok ctdb: %s\n' "$1"
}

not_ok()
{
	failed=$((failed + 1))
	printf 'not ok ctdb: %s - %s\n' "$1" "$(tr -s '\n\t' '  ' <<<"$2")"
}

# check NAME COMMAND...
check()
{
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "${output:-$* failed}"
	fi
}

# Without what follows nothing else can be tested.
give_up()
{
	not_ok "$1" "${2:-no reason given}"
	finish
}

finish()
{
	trap - EXIT
	printf '\n%d passed, %d failed\n' "$passed" "$failed"
	exit $((failed > 0))
}

ended_early()
{
	local status=$?

	not_ok 'runs to its end' "exit code $status of the command in line $failed_line"
	finish
}
failed_line=
set -o errtrace
trap 'failed_line=$LINENO' ERR
trap ended_early EXIT

say()
{
	printf '# %3d s: %s\n' "$SECONDS" "$*"
}

# within SECONDS COMMAND...: until the command succeeds.
within()
{
	local deadline=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= deadline)); then
			return 1
		fi
		sleep 0.2
	done
}

on_node()
{
	local pid=${node_pid[$1]}

	shift
	timeout --kill-after=5 60 nsenter --target "$pid" --mount --net --pid --uts -- "$@"
}

on_client()
{
	timeout --kill-after=5 "$1" nsenter "--net=/proc/$client_pid/ns/net" -- "${@:2}"
}

# The one child of a process.
child_of()
{
	local children

	children=$(<"/proc/$1/task/$1/children")
	children=${children%% *}
	[[ -n $children ]] && printf '%s\n' "$children"
}

# ------------------------------------------------------------------------------------------------------------- the network

# Two bridges that lead to nowhere else; each node has an interface on both, the client on the second.
make_network()
{
	ip link set lo up
	ip link add private type bridge
	ip link add public type bridge
	ip link set private up
	ip link set public up
}

# plug PID NETWORK ADDRESS: a cable between a network namespace and a bridge.
plug()
{
	local pid=$1 network=$2 number=${3##*.} end

	end=${network:0:2}$number
	ip link add "$end" type veth peer name "$network" netns "$pid"
	ip link set "$end" master "$network" up
	nsenter "--net=/proc/$pid/ns/net" ip address add "$3/24" dev "$network"
	nsenter "--net=/proc/$pid/ns/net" ip link set "$network" up
}

make_client()
{
	unshare --net -- sleep 3600 &
	client_pid=$!
	within 10 other_network "$client_pid" || give_up 'the client has a network'
	nsenter "--net=/proc/$client_pid/ns/net" ip link set lo up
	plug "$client_pid" public "$public.50"
}

other_network()
{
	[[ $(readlink "/proc/$1/ns/net") != "$(readlink /proc/self/ns/net)" ]]
}

# --------------------------------------------------------------------------------------------------------------- the nodes

write_configuration()
{
	local etc=$work/node$1/etc

	mkdir -p "$etc/ctdb/events/legacy" "$etc/samba"
	cp -a /etc/ctdb/. "$etc/ctdb/"
	cat >"$etc/ctdb/ctdb.conf" <<-END
		[logging]
			location = file:/var/log/ctdb/log.ctdb
		[cluster]
			cluster lock = $shared/ctdb/lock
		[legacy]
			realtime scheduling = false
	END
	# A node that is silent is missed after 4 seconds, not 30.
	cat >"$etc/ctdb/ctdb.tunables" <<-END
		KeepaliveInterval=1
		KeepaliveLimit=3
		MonitorInterval=3
		RerecoveryTimeout=3
	END
	printf '%s\n' "$private.1" "$private.2" >"$etc/ctdb/nodes"
	printf '%s/24 public\n' "$address" >"$etc/ctdb/public_addresses"

	cat >"$etc/samba/smb.conf" <<-END
		[global]
		netbios name = CLUSTER
		clustering = yes
		server role = standalone
		passdb backend = tdbsam
		map to guest = never
		disable netbios = yes
		smb ports = 445
		load printers = no
		printcap name = /dev/null
		disable spoolss = yes
		usershare path =
		log file = /var/log/samba/log.smbd
		max log size = 0
		log level = 1 pathring:3
		read only = no
		ea support = yes
		kernel share modes = no

		[stock]
		path = $shared/share/stock
		vfs objects = glusterfs_fuse

		[pathring]
		path = $shared/share/pathring
		vfs objects = glusterfs_fuse pathring
	END
}

# power_on NODE: its first process, its cables, CTDB. smbd comes when CTDB is well.
power_on()
{
	local node=$work/node$1 outer

	rm -f "$node/started"
	unshare --mount --net --pid --uts --fork --kill-child --mount-proc "$top/tests/ctdb/node.sh" "$node" \
		"$gluster/client.vol" "$shared" "$module" </dev/null >>"$node/log" 2>&1 &
	outer=$!
	node_unshare[$1]=$outer
	within 20 test -e "$node/started" || give_up "node $1 starts" "$(tail -n 3 "$node/log")"
	node_pid[$1]=$(child_of "$outer")
	on_node "$1" hostname "node$1"
	plug "${node_pid[$1]}" private "$private.$1"
	plug "${node_pid[$1]}" public "$public.$1"
	on_node "$1" ctdbd || give_up "CTDB of node $1 starts" "$(tail -n 3 "$node/var/log/ctdb/log.ctdb")"
}

start_smbd()
{
	on_node "$1" bash -c 'setsid smbd --foreground --no-process-group </dev/null >>/var/log/samba/start 2>&1 &'
	within 20 on_client 10 smbclient "//$public.$1/pathring" --port=445 "--configfile=$client/smb.conf" \
		"--authentication-file=$client/private/login.1" --command=exit ||
		give_up "smbd of node $1 answers" "$(tail -n 5 "$work/node$1/var/log/samba/"*)"
}

# Its processes are gone, and its network with them; nobody is told.
cut_power()
{
	kill -KILL "${node_unshare[$1]}"
	wait "${node_unshare[$1]}" 2>/dev/null || true
	within 10 gone "${node_pid[$1]}"
}

# Whether it is a process no more, waited for or not.
gone()
{
	! readlink "/proc/$1/ns/net"
}

healthy()
{
	on_node "$1" ctdb nodestatus "$2"
}

# The node (1 or 2) that has the public address, as another one sees it; 0: none.
holder()
{
	on_node "$1" ctdb -X ip all | awk -F'|' -v address="$address" '$2 == address { print $3 + 1 }'
}

is_held_by()
{
	[[ $(holder "$1") == "$2" ]]
}

add_users()
{
	local i password

	mkdir -p -m 700 "$client/private"
	printf '[global]\n%s\n' "private dir = $client" "lock directory = $client" "state directory = $client" \
		"cache directory = $client" 'log level = 0' >"$client/smb.conf"
	for i in 1 2; do
		password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
		printf '%s\n%s\n' "$password" "$password" | on_node 1 smbpasswd -s -a "${users[i]}" >"$work/smbpasswd" 2>&1 ||
			give_up "smbpasswd adds ${users[i]}" "$(<"$work/smbpasswd")"
		printf 'username = %s\npassword = %s\n' "${users[i]}" "$password" >"$client/private/login.$i"
	done
}

# What the two users have on a share: a directory of each, and files with modes and ACLs that say who may read them.
make_share()
{
	local share=$shared/share/$1 i

	mkdir -p "$share"
	chmod 755 "$shared/share" "$share"
	for i in 1 2; do
		install -d -m 700 -o "${users[i]}" -g "$(id -g "${users[i]}")" "$share/own-$i"
	done
	mkdir -m 755 "$share/common"
	for i in 1 2; do
		printf 'of user %s' "$i" >"$share/common/mode-$i"
		chown "${users[i]}" "$share/common/mode-$i"
		chmod 600 "$share/common/mode-$i"
		printf 'for user %s' "$i" >"$share/common/acl-$i"
		chmod 600 "$share/common/acl-$i"
		setfacl -m "u:${users[i]}:r" "$share/common/acl-$i"
	done
}

# --------------------------------------------------------------------------------------------------------------- the client

client_py()
{
	on_client "$1" "$python" -B "$top/tests/ctdb/client.py" "${@:2}"
}

start_work()
{
	local share

	for share in stock pathring; do
		client_py 500 work "$client" "$address" "$share" >"$client/$share.out" 2>"$client/$share.err" &
		worker[${#worker[@]}]=$!
	done
}

confirmed()
{
	local lines

	lines=$(grep -c . "$client/$1.journal" 2>/dev/null) || true
	printf '%s\n' "${lines:-0}"
}

more_than()
{
	(($(confirmed "$1") > $2))
}

# goes_on WHAT: both workers have so much more work confirmed than they had at the moment of the call. One that has ended
# has found something wrong.
goes_on()
{
	local share
	local -A wanted

	for share in stock pathring; do
		wanted[$share]=$(($(confirmed "$share") + 30))
	done
	for share in stock pathring; do
		if within 90 more_than "$share" "${wanted[$share]}"; then
			ok "[$share] work is confirmed $1"
		else
			give_up "[$share] work is confirmed $1" "$(confirmed "$share") files, expected ${wanted[$share]}; $(
				tail -n 3 "$client/$share.out"; tail -n 3 "$client/$share.err")"
		fi
	done
}

# lines OUTPUT: counts what client.py printed in our form.
lines()
{
	local line count=0

	while IFS= read -r line; do
		case $line in
		'ok '*) ok "${line#ok }" ;;
		'not ok '*) line=${line#not ok }; not_ok "${line%% - *}" "${line#* - }" ;;
		*) printf '%s\n' "$line"; continue ;;
		esac
		count=$((count + 1))
	done <"$1"
	if ((count == 0)); then
		not_ok "client.py runs to its end" "$(tail -n 3 "${1%.out}.err")"
	fi
}

# run_client ACTION [ARGUMENT]...
run_client()
{
	local name=$1-$((++runs))

	if ! client_py 120 "$1" "$client" "${@:2}" >"$client/$name.out" 2>"$client/$name.err"; then
		not_ok "client.py $* ends well" "$(tail -n 3 "$client/$name.err")"
	fi
	lines "$client/$name.out"
}

# ---------------------------------------------------------------------------------------------------------------- the logs

# smbd says at a disconnect what was looked up ahead.
looked_ahead()
{
	local names

	names=$(sed -n 's/.*\[pathring\].*look-ahead: \([0-9]*\) names.*/\1/p; t; s/.*look-ahead: \([0-9]*\) names.*/\1/p' \
		"$work/node$1/var/log/samba/log.smbd" | awk '{ sum += $1 } END { print sum + 0 }')
	((names > 0)) || { printf 'smbd of node %s looked up no name ahead\n' "$1"; return 1; }
}

no_panic()
{
	! grep -rhE 'PANIC|INTERNAL ERROR|error probing vfs' "$work/node$1/var/log/samba"
}

smbd_stops()
{
	local pid

	pid=$(on_node "$1" cat /run/samba/smbd.pid)
	on_node "$1" kill -TERM "$pid"
	within 15 no_smbd "$1" || { on_node "$1" ps -C smbd -o pid,args; return 1; }
}

no_smbd()
{
	! on_node "$1" pgrep -x 'smbd.*'
}

node_unshare=()
worker=()
runs=0
SECONDS=0
mkdir -p "$work/node1" "$work/node2" "$client"
make_network
"$top/scripts/slow-filesystem" start "$gluster" --delay "$delay" >/dev/null || give_up 'GlusterFS starts'
mkdir -m 700 "$shared/ctdb"
make_share stock
make_share pathring
say "GlusterFS is there, $delay microseconds an operation"

make_client
for node in 1 2; do
	write_configuration "$node"
	power_on "$node"
done
for node in 1 2; do
	within 90 healthy "$node" all || give_up "node $node is healthy" "$(tail -n 5 "$work/node$node/var/log/ctdb/log.ctdb")"
done
ok 'CTDB is healthy on both nodes'
within 30 on_node 1 test -e "$shared/ctdb/lock"
check 'the cluster lock is on the shared file system' test -e "$shared/ctdb/lock"
say 'CTDB is healthy on both nodes'
add_users
start_smbd 1
start_smbd 2
say 'smbd answers on both nodes'
run_client exclusive stock "$public.1" "$public.2"
run_client exclusive pathring "$public.1" "$public.2"

first=$(holder 1)
second=$((3 - first))
say "node $first has the public address"
start_work
goes_on "through node $first"

on_node "$first" ctdb disable
check "node $second has the address when node $first is disabled" within 60 is_held_by "$second" "$second"
say "node $first is disabled, node $second has the address"
goes_on "through node $second"
on_node "$first" ctdb enable
within 60 healthy "$second" all || not_ok "node $first is healthy again" "$(on_node "$second" ctdb status)"
holds=$(holder "$second")
say "node $first is enabled, node $holds has the address"
goes_on 'with both nodes'

other=$((3 - holds))
cut_power "$holds"
say "node $holds has no power"
check "node $other has the address when node $holds is dead" within 90 is_held_by "$other" "$other"
say "node $other has the address"
goes_on 'with one node dead'

power_on "$holds"
within 120 healthy "$other" all || not_ok 'the dead node comes back' "$(tail -n 5 "$work/node$holds/var/log/ctdb/log.ctdb")"
start_smbd "$holds"
say "node $holds is back"
goes_on 'with the dead node back'

: >"$client/stop"
for pid in "${worker[@]}"; do
	wait "$pid" || true
done
say 'the client has stopped'
for share in stock pathring; do
	lines "$client/$share.out"
	for node in 1 2; do
		run_client verify "$public.$node" "$share" "node $node"
	done
	check "[$share] contents, owners and modes in the server are those of the journal" "$python" -B \
		"$top/tests/ctdb/client.py" server "$client" "$share" "$gluster/server/brick/share/$share" "${users[1]}" "${users[2]}"
done
say 'everything is verified'
for node in 1 2; do
	check "smbd of node $node stops" smbd_stops "$node"
	check "smbd of node $node has looked ahead" looked_ahead "$node"
	check "smbd of node $node does not panic" no_panic "$node"
	check "CTDB of node $node stops" on_node "$node" ctdb shutdown
done
finish
