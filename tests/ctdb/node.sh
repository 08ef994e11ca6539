#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The first process of a node, in namespaces of its own (mounts, network, processes, host name): puts the node's own
# directories where CTDB and Samba have theirs, mounts the shared file system, and stays, so that killing it is to
# cut the node's power. Arguments: the node's directory, the volume file, where to mount it, the module.

set -euo pipefail

node=$1
volume=$2
mountpoint=$3
module=$4

for directory in etc/ctdb etc/samba var/lib/ctdb var/log/ctdb var/lib/samba var/cache/samba var/log/samba; do
	mkdir -p "$node/$directory"
	mount --bind "$node/$directory" "/$directory"
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 755 /run/ctdb /run/samba
mkdir -p -m 700 /var/lib/samba/private /var/lib/ctdb/volatile /var/lib/ctdb/persistent /var/lib/ctdb/state

# The module where smbd looks for it.
modules=$(smbd -b | sed -n 's/^ *MODULESDIR: *//p')/vfs
mkdir -p "$node/modules"
cp -a "$modules/." "$node/modules/"
cp "$module" "$node/modules/pathring.so"
mount --bind "$node/modules" "$modules"

# This node's own client of the shared file system; the mount of whoever made us is not for the node. Names and attributes
# that another node has changed are to be seen at once.
umount "$mountpoint"
glusterfs --acl --gid-timeout=0 --entry-timeout=0 --attribute-timeout=0 --reader-thread-count=4 \
	"--volfile=$volume" "--log-file=$node/var/log/gluster.log" "$mountpoint"

ip link set lo up
: >"$node/started"

# bash waits for children that others have left behind.
while :; do
	sleep 3600 &
	wait $! || true
done
