# SPDX-License-Identifier: GPL-3.0-or-later
#
# A private smbd: its own directory, users, port and, when a VFS module is given, its own view of smbd's module
# directory. Sourced by scripts/demo and by the tests in tests/smbd; it does nothing by itself. What is served and
# what is checked is the caller's business.
#
#	smbd_init [MODULE.so]		directory, two users, configuration
#	smbd_share NAME PATH [LINE]...	one more share
#	smbd_start [COMMAND]...		start smbd, under COMMAND if given, and wait until it answers
#	smbd_client USER SHARE COMMANDS	run smbclient as user 1 or 2
#	smbd_stop			stop it with everything it started
#	smbd_cleanup			the same, and remove the directory: for the caller's EXIT trap

smbd_lib=$(readlink -f "${BASH_SOURCE[0]}")
smbd_dir=''
smbd_conf=''
smbd_port=''
smbd_pid=''
smbd_stdin=''
smbd_turn=''
smbd_module_dir=''
# More variables for smbd's environment, each NAME=VALUE: for the caller to set.
smbd_environment=()
smbd_error=''
smbd_user=()
smbd_password=()

# The reason is kept for callers that report it elsewhere.
smbd_fail() {
	smbd_error=$*
	printf '%s: %s\n' "${0##*/}" "$smbd_error" >&2
	return 1
}

# A caller that ends for whatever reason takes its smbd along.
smbd_trap() {
	trap smbd_cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

smbd_need() {
	local command missing=()

	for command in "$@"; do
		type -P "$command" >/dev/null || missing+=("$command")
	done
	if ((${#missing[@]} > 0)); then
		smbd_fail "not installed: ${missing[*]}"
	fi
}

# Run a command as user 1 or 2, with no supplementary groups.
smbd_as_user() {
	local name=${smbd_user[$1]}

	shift
	setpriv --reuid="$(id -u "$name")" --regid="$(id -g "$name")" --clear-groups -- "$@"
}

# Two accounts that every Debian has, different in user and group. They have no password in the system; here they
# get one in a passdb of our own.
smbd_pick_users() {
	local name uid gid first_gid='' count=0

	for name in games news mail www-data backup list proxy nobody; do
		uid=$(id -u "$name" 2>/dev/null) || continue
		gid=$(id -g "$name")
		if [[ $uid == 0 || $gid == 0 || $gid == "$first_gid" ]]; then
			continue
		fi
		first_gid=$gid
		count=$((count + 1))
		smbd_user[count]=$name
		smbd_password[count]=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
		if ((count == 2)); then
			return 0
		fi
	done
	smbd_fail 'found no two system accounts to serve (tried games, news, mail, www-data, backup, list, proxy, nobody)'
}

# A directory that both users can reach, on a file system that keeps user xattrs.
smbd_make_dir() {
	local base

	for base in "${TMPDIR:-/tmp}" /var/tmp; do
		# Known from the start, for a signal may end all this at any time.
		smbd_dir=$(mktemp -d "$base/pathring.XXXXXX" 2>/dev/null) || continue
		chmod 755 "$smbd_dir"
		if setfattr -n user.pathring -v 1 "$smbd_dir" 2>/dev/null &&
		   smbd_as_user 1 test -x "$smbd_dir" && smbd_as_user 2 test -x "$smbd_dir"; then
			return 0
		fi
		rmdir "$smbd_dir"
		smbd_dir=''
	done
	smbd_fail "neither ${TMPDIR:-/tmp} nor /var/tmp is a directory with user xattrs that other users may enter; set TMPDIR"
}

smbd_init() {
	local module=${1-} i

	if ((EUID != 0)); then
		smbd_fail 'must run as root: smbd serves two users'
		return 1
	fi
	smbd_need smbd smbclient smbpasswd setfattr setpriv unshare mount || return 1
	if [[ -n $module && ! -f $module ]]; then
		smbd_fail "no module at $module (run scripts/build first)"
		return 1
	fi
	smbd_pick_users || return 1
	smbd_make_dir || return 1

	smbd_conf=$smbd_dir/smb.conf
	mkdir -m 700 "$smbd_dir"/{private,state,cache,pid,ncalrpc,log,client}
	# smbd looks in here for whether another process lives, as the user it serves (messaging_dgm_get_unique()); where
	# that is denied all others count as dead, and what they hold open or have locked counts as free.
	mkdir -m 755 "$smbd_dir/lock"
	cat >"$smbd_conf" <<-END
		[global]
		server role = standalone
		passdb backend = tdbsam:$smbd_dir/private/passdb.tdb
		map to guest = never
		interfaces = 127.0.0.1
		bind interfaces only = yes
		disable netbios = yes
		private dir = $smbd_dir/private
		lock directory = $smbd_dir/lock
		state directory = $smbd_dir/state
		cache directory = $smbd_dir/cache
		pid directory = $smbd_dir/pid
		ncalrpc dir = $smbd_dir/ncalrpc
		usershare path =
		load printers = no
		printcap name = /dev/null
		disable spoolss = yes
		log file = $smbd_dir/log/log.smbd
		max log size = 0
		log level = 1 pathring:3
	END
	cat >"$smbd_dir/client.conf" <<-END
		[global]
		private dir = $smbd_dir/client
		lock directory = $smbd_dir/client
		state directory = $smbd_dir/client
		cache directory = $smbd_dir/client
		log level = 0
	END
	for i in 1 2; do
		printf '%s\n%s\n' "${smbd_password[i]}" "${smbd_password[i]}" |
			smbpasswd -c "$smbd_conf" -s -a "${smbd_user[i]}" >"$smbd_dir/log/smbpasswd" 2>&1 || {
			smbd_fail "cannot add ${smbd_user[i]}: $(tail -n 1 "$smbd_dir/log/smbpasswd")"
			return 1
		}
		(umask 077 && printf 'username = %s\npassword = %s\n' "${smbd_user[i]}" "${smbd_password[i]}" \
			>"$smbd_dir/private/login.$i")
	done

	# smbd opens modules below one compiled-in directory only, and refuses a name with a slash. It gets a copy of
	# that directory with our module in it, mounted over the original in a mount namespace of its own: nobody else
	# sees it, and it is gone with the last process. ("preload modules" takes a path, but smbd 4.17 crashes when a
	# VFS module comes before its built-in ones.)
	smbd_module_dir=''
	if [[ -n $module ]]; then
		smbd_module_dir=$(smbd -b | sed -n 's/^ *MODULESDIR: *//p')/vfs
		if [[ ! -d $smbd_module_dir ]]; then
			smbd_fail "smbd says that its modules are in $smbd_module_dir, which is no directory"
			return 1
		fi
		mkdir "$smbd_dir/modules"
		cp -a "$smbd_module_dir/." "$smbd_dir/modules/"
		cp "$module" "$smbd_dir/modules/pathring.so"
	fi
}

smbd_share() {
	local name=$1 path=$2

	shift 2
	{
		printf '\n[%s]\npath = %s\n' "$name" "$path"
		if (($# > 0)); then
			printf '%s\n' "$@"
		fi
	} >>"$smbd_conf"
}

# Run in a new mount namespace: MODULES over the module directory, then the command. A mount must not spread to where we
# came from, so everything is made private first. In a chroot the root directory is no mount point and cannot be: then
# the tree is mounted once more inside /proc, which can, and the command runs in there.
# shellcheck disable=SC2016 # for the inner shell
smbd_in_namespace='
	set -e
	root=
	if ! mount --make-rprivate / 2>/dev/null; then
		root=/proc/fs
		mount --make-rprivate /proc
		mount --rbind / "$root"
		mount --make-rprivate "$root"
	fi
	mount --bind "$1" "$root$2"
	shift 2
	exec ${root:+chroot "$root"} "$@"
'

# One try on one port. Nobody else of this checkout looks for one until smbd listens on it.
smbd_start_on_port() {
	local status=0

	exec {smbd_turn}<"$smbd_lib"
	flock "$smbd_turn"
	if smbd_port_in_use "$1"; then
		printf 'Address already in use: %s\n' "$1" >>"$smbd_dir/log/start"
		status=1
	else
		smbd_listen "$@" || status=$?
	fi
	exec {smbd_turn}<&-
	return "$status"
}

# smbd in the foreground makes a session of its own and ends when its standard input, a pipe that only this shell holds
# open, comes to an end: so it does not outlive us even when we are killed.
smbd_listen() {
	local port=$1 deadline command

	shift
	command=(env "PATHRING_SMBD=$smbd_dir" "${smbd_environment[@]}" "$@" smbd --foreground "--configfile=$smbd_conf"
		"--log-basename=$smbd_dir/log" "--option=smb ports = $port")
	if [[ -n $smbd_module_dir ]]; then
		command=(unshare --mount --propagation unchanged -- bash -c "$smbd_in_namespace" bash
			"$smbd_dir/modules" "$smbd_module_dir" "${command[@]}")
	fi

	rm -f "$smbd_dir/stdin"
	mkfifo -m 600 "$smbd_dir/stdin"
	exec {smbd_stdin}<>"$smbd_dir/stdin"
	"${command[@]}" <"$smbd_dir/stdin" >>"$smbd_dir/log/start" 2>&1 {smbd_stdin}>&- {smbd_turn}>&- &
	smbd_pid=$!
	smbd_port=$port

	# Only our smbd knows the password: that tells it from a stranger on the same port.
	deadline=$((SECONDS + 20))
	while ((SECONDS < deadline)); do
		if ! kill -0 "$smbd_pid" 2>/dev/null; then
			break
		fi
		if smbd_client 1 'IPC$' exit >/dev/null 2>&1; then
			return 0
		fi
		sleep 0.05
	done
	smbd_stop
	return 1
}

# Samba sets SO_REUSEPORT: two smbds on one port would share its clients without an error, so this is looked up.
smbd_port_in_use() {
	local hexadecimal

	printf -v hexadecimal '%04X' "$1"
	grep -qs "^ *[0-9]*: [0-9A-F]*:$hexadecimal [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6
}

smbd_start() {
	local try port

	: >"$smbd_dir/log/start"
	for try in {1..10}; do
		# Below the range from which the kernel takes ports for clients.
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		if smbd_start_on_port "$port" "$@"; then
			return 0
		fi
		# Anything but a port in use fails the same way each time.
		if ! grep -qs 'Address already in use' "$smbd_dir"/log/*; then
			break
		fi
	done
	smbd_fail "smbd did not start: $(cat "$smbd_dir/log/start" "$smbd_dir/log/log.smbd" 2>/dev/null | grep -v '^\[' |
		tail -n 3 | tr -s ' \n' ' ')"
}

# Descriptors held for smbd's sake do not go to the client.
smbd_client() {
	local user=$1 share=$2 commands=$3

	timeout --kill-after=5 60 smbclient "//127.0.0.1/$share" --port="$smbd_port" \
		--configfile="$smbd_dir/client.conf" --authentication-file="$smbd_dir/private/login.$user" \
		--command="$commands" </dev/null {smbd_stdin}>&-
}

# Processes of this smbd that still run, one a line: itself, its session, and what inherited its environment.
smbd_processes() {
	local stat pid rest fields marked

	marked=" $(grep -lzsxF "PATHRING_SMBD=$smbd_dir" /proc/[0-9]*/environ | tr '\n' ' ' || true)"
	for stat in /proc/[0-9]*/stat; do
		pid=${stat#/proc/}
		pid=${pid%/stat}
		{ read -r rest <"$stat"; } 2>/dev/null || continue
		read -ra fields <<<"${rest##*) }"
		if [[ ${fields[0]} == [ZX] ]]; then
			continue
		fi
		if [[ -n $smbd_pid && ($pid == "$smbd_pid" || ${fields[3]} == "$smbd_pid") ||
		      $marked == *" /proc/$pid/environ "* ]]; then
			printf '%s\n' "$pid"
		fi
	done
}

# The processes that serve a connection, one a line. smbd's other children have other names; the name of these goes on with
# the client's address since 4.22.
smbd_serving() {
	local stat rest fields

	for stat in /proc/[0-9]*/stat; do
		{ read -r rest <"$stat"; } 2>/dev/null || continue
		read -ra fields <<<"${rest##*) }"
		if [[ ${fields[1]} == "$smbd_pid" && ${fields[0]} != [ZX] && $rest == *' (smbd'[')[']* ]]; then
			printf '%s\n' "${rest%% *}"
		fi
	done
}

# Terminate, wait, kill what is left. Fails when something had to be killed.
smbd_stop() {
	local signal pids deadline killed=0

	if [[ -z $smbd_pid ]]; then
		return 0
	fi
	for signal in TERM KILL; do
		mapfile -t pids < <(smbd_processes)
		if ((${#pids[@]} == 0)); then
			break
		fi
		if [[ $signal == KILL ]]; then
			killed=1
		fi
		kill -"$signal" "${pids[@]}" 2>/dev/null || true
		deadline=$((SECONDS + 10))
		while ((SECONDS < deadline)) && [[ -n $(smbd_processes) ]]; do
			sleep 0.05
		done
	done
	wait "$smbd_pid" 2>/dev/null || true
	smbd_pid=''
	if [[ -n $smbd_stdin ]]; then
		exec {smbd_stdin}>&-
		smbd_stdin=''
	fi
	if ((killed)); then
		smbd_fail 'smbd did not end in time and was killed'
	fi
}

smbd_cleanup() {
	smbd_stop || true
	if [[ -n $smbd_dir ]]; then
		rm -rf -- "$smbd_dir"
		smbd_dir=''
	fi
}

# user.DOSATTRIB as smbd 4.17 stores it (version 5 of librpc/idl/xattr.idl): no hex string, version, its repetition
# as the discriminator of a union, which members are valid (attributes and creation time), the attributes, the
# creation time in units of 100 ns since 1601. All little-endian. Sets REPLY to what setfattr takes.
smbd_dos_attribute() {
	local attributes=$1 seconds=$2 time bytes='' i

	time=$(((seconds + 11644473600) * 10000000))
	for ((i = 0; i < 8; i++)); do
		printf -v bytes '%s%02x' "$bytes" $(((time >> (8 * i)) & 255))
	done
	printf -v REPLY '0x000005000500000011000000%02x000000%s' "$attributes" "$bytes"
}

# COUNT files in DIR, each of its own size up to some hundred bytes, with DOS attributes that differ from file to
# file: archive, read-only, hidden, system and their combinations.
smbd_make_files() {
	local dir=$1 count=$2 i name

	for ((i = 0; i < count; i++)); do
		printf -v name '%s/file-%05d.txt' "$dir" "$i"
		printf 'file %0*d\n' $((i % 400 + 5)) "$i" >"$name"
	done
	for ((i = 0; i < count; i++)); do
		smbd_dos_attribute $((0x20 | (i & 7))) $((1600000000 + i))
		printf '# file: %s/file-%05d.txt\nuser.DOSATTRIB=%s\n\n' "${dir#/}" "$i" "$REPLY"
	done >"$smbd_dir/attributes"
	(cd / && setfattr --restore="$smbd_dir/attributes")
	rm -f "$smbd_dir/attributes"
}
