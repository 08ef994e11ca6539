#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# configure must refuse a source tree of Samba that is not the one of the smbd that will load the module. The real tree
# is compared with smbds that say something else about themselves than the real one does.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${PATHRING_BUILD:-$top/build}

if [ "${1:-}" = --help ]; then
	echo "usage: tests/build/test_configure.sh (after scripts/build)"
	exit 0
fi
if ! tree=$("$top/scripts/samba-source" --check "$top/build/samba"); then
	echo "not ok the source tree of the installed smbd - not there, run scripts/build"
	exit 1
fi

mkdir -p "$build"
directory=$(mktemp -d "$build/test-configure.XXXXXX")
trap 'rm -rf "$directory"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$directory"
failed=0
smbd=$(type -P smbd || echo /usr/sbin/smbd)
"$smbd" --version >version
"$smbd" -b >options

cat >smbd <<'END'
#!/bin/sh
here=$(dirname "$0")
case $1 in
--version) cat "$here/version.said" ;;
-b) cat "$here/options.said" ;;
*) exit 1 ;;
esac
END
chmod 755 smbd

run_configure()
{
	"$top/configure" --cache-file=cache --disable-bench --disable-tests --with-samba-source="$tree" \
		--with-smbd="$directory/smbd" >configure.log 2>&1
}

# refused NAME TEXT: configure fails, and says TEXT.
refused()
{
	if run_configure; then
		echo "not ok $1 - accepted"
		failed=1
	elif ! grep -qF -- "$2" configure.log; then
		echo "not ok $1 - refused, but for another reason: $(tail -n 1 configure.log)"
		failed=1
	else
		echo "ok $1"
	fi
}

cp version version.said
cp options options.said
if run_configure; then
	echo "ok the tree of the installed smbd is accepted"
else
	echo "not ok the tree of the installed smbd is accepted - $(tail -n 1 configure.log)"
	failed=1
fi

sed 's/^Version .*/Version 4.17.1/' version >version.said
refused "another version is refused" "is version 4.17.1 but"
cp version version.said

sed 's/^   WITH_PROFILE$/   WITH_PROFILE\n   WITH_PROFILE_OF_ANOTHER_KIND/' options >options.said
refused "a macro that only smbd has is refused" "WITH_PROFILE_OF_ANOTHER_KIND(smbd)"

grep -v '^   WITH_PROFILE$' options >options.said
refused "a macro of vfs.h and smbprofile.h that only the tree has is refused" "WITH_PROFILE(tree)"

grep -v '^   HAVE_POSIX_FADVISE$' options >options.said
if ! grep -qx '   HAVE_POSIX_FADVISE' options; then
	echo "not ok a macro that no header mentions makes no difference - this smbd has no HAVE_POSIX_FADVISE"
	failed=1
elif run_configure; then
	echo "ok a macro that no header mentions makes no difference"
else
	echo "not ok a macro that no header mentions makes no difference - $(tail -n 1 configure.log)"
	failed=1
fi

sed 's/^   sizeof(off_t): .*/   sizeof(off_t):        4/' options >options.said
refused "another size of a basic type is refused" "SIZEOF_OFF_T(4 in smbd"

head -n 40 options >options.said
refused "an smbd that says too little is refused" "worth nothing"

exit "$failed"
