# SPDX-License-Identifier: GPL-3.0-or-later
#
# PATHRING_SAMBA: --with-samba-source, --with-smbd and --with-vfsmoduledir. Refuses a source tree that does not belong
# to the smbd that will load the module. smbd itself checks one number, the version of the VFS interface; the layout of
# connection_struct, files_struct and the rest depends on the release and on config.h, and nobody would notice a
# difference before memory is corrupted.
#
# Sets SAMBA_CPPFLAGS, vfsmoduledir, PATHRING_SMBD_VERSION and the condition BUILD_MODULE.

AC_DEFUN([PATHRING_SAMBA], [
	AC_ARG_WITH([samba-source],
		[AS_HELP_STRING([--with-samba-source=DIR],
			[build the smbd module against this source tree of Samba, configured and with its generated
			 headers (scripts/samba-source makes one)])],
		[], [with_samba_source=no])
	AC_ARG_WITH([smbd],
		[AS_HELP_STRING([--with-smbd=PATH], [the smbd that will load the module @<:@default: the one in PATH or in /usr/sbin@:>@])],
		[], [with_smbd=yes])
	AC_ARG_WITH([vfsmoduledir],
		[AS_HELP_STRING([--with-vfsmoduledir=DIR], [where make install puts the module @<:@default: where that smbd looks for it@:>@])],
		[], [with_vfsmoduledir=yes])

	AS_IF([test "x$with_samba_source" = xyes],
		[AC_MSG_ERROR([--with-samba-source needs the path of the source tree])])
	SAMBA_CPPFLAGS=
	vfsmoduledir=
	PATHRING_SMBD_VERSION=
	AS_IF([test "x$with_samba_source" != xno], [PATHRING_SAMBA_TREE])
	AC_SUBST([SAMBA_CPPFLAGS])
	AC_SUBST([vfsmoduledir])
	AM_CONDITIONAL([BUILD_MODULE], [test "x$with_samba_source" != xno])
])

AC_DEFUN([PATHRING_SAMBA_TREE], [
	samba_source=`cd "$with_samba_source" 2>/dev/null && pwd`
	AS_IF([test -z "$samba_source"], [AC_MSG_ERROR([--with-samba-source: no directory $with_samba_source])])
	for needed in bin/default/include/config.h bin/default/version.h source3/include/vfs.h \
		bin/default/librpc/gen_ndr/xattr.h bin/default/source3/param/param_proto.h; do
		AS_IF([test ! -f "$samba_source/$needed"],
			[AC_MSG_ERROR([$samba_source has no $needed: it must be configured and its headers generated (scripts/samba-source does both)])])
	done

	AS_IF([test "x$with_smbd" = xyes],
		[AC_PATH_PROG([SMBD], [smbd], [], [$PATH$PATH_SEPARATOR/usr/sbin$PATH_SEPARATOR/usr/local/samba/sbin])],
		[SMBD=$with_smbd])
	AS_IF([test -z "$SMBD" || test ! -x "$SMBD"],
		[AC_MSG_ERROR([no smbd found to compare the source tree with; say where it is with --with-smbd=PATH])])

	# Both print a vendor's suffix where there is one, as in 4.17.12-Debian. The revision of a distribution's package
	# is in neither.
	AC_MSG_CHECKING([whether the Samba tree is the source of $SMBD])
	PATHRING_SMBD_VERSION=`"$SMBD" --version 2>/dev/null | $SED -n 's/^Version //p'`
	tree_version=`$SED -n 's/^SAMBA_VERSION_STRING=//p' "$samba_source/bin/default/version.h"`
	AS_IF([test -z "$PATHRING_SMBD_VERSION"], [AC_MSG_ERROR([$SMBD --version says nothing of use])])
	AS_IF([test "x$PATHRING_SMBD_VERSION" != "x$tree_version"],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([$SMBD is version $PATHRING_SMBD_VERSION but $samba_source is version $tree_version: a module built from it would corrupt memory in that smbd])])
	AC_MSG_RESULT([yes, $tree_version])

	# What Samba's own build passes to a module of source3, less what no header looks at. They are system headers
	# to the compiler, so that our warning flags do not judge them.
	SAMBA_CPPFLAGS="-D_SAMBA_BUILD_=4 -DHAVE_CONFIG_H=1 -D_XOPEN_SOURCE_EXTENDED=1 -D__STDC_WANT_LIB_EXT1__=1 -D_REENTRANT"
	for dir in source3 source3/include source3/lib bin/default/source3 bin/default/source3/include \
		bin/default/include bin/default . include lib lib/replace; do
		SAMBA_CPPFLAGS="$SAMBA_CPPFLAGS -isystem $samba_source/$dir"
	done
	# Where smbd is built with the tree's own tdb, as in Debian 13, there may be no other.
	SAMBA_CPPFLAGS="$SAMBA_CPPFLAGS -idirafter $samba_source/lib/tdb/include"

	AC_MSG_CHECKING([whether the Samba tree is configured as $SMBD was])
	PATHRING_SAMBA_CONFIG
	AC_MSG_RESULT([yes, $samba_macros macros compared])

	vfsmoduledir=$with_vfsmoduledir
	AS_IF([test "x$vfsmoduledir" = xyes],
		[vfsmoduledir=`"$SMBD" -b | $SED -n 's/^ *MODULESDIR: *//p'`/vfs])
	AS_CASE([$vfsmoduledir],
		[/vfs|no], [AC_MSG_ERROR([$SMBD -b does not say its module directory; use --with-vfsmoduledir=DIR])])
])

# PATHRING_SAMBA_CONFIG: compares the tree's config.h with the macros that smbd -b lists. smbd -b prints the name of
# every macro of its config.h (HAVE_, WITH_, SIZEOF_ and the rest, with punctuation made underscores) that was defined
# when it was compiled, with includes.h included, and the sizes of the basic types. All classes match on a tree that is
# configured like Debian configures it, but for the following, which cannot change what the module sees:
#
#   CTDB_*DIR, LOGDIR     defined on the compiler's command line for ctdb; no config.h has them
#   HAVE_VALGRIND_*       depend on valgrind being installed on the building machine; the headers behind them define
#                         macros that put instructions into code, and no types
#   a macro that only the tree has, and that none of the headers mentions that the module's files include: a library
#   installed here that was missing where smbd was built (HAVE_LIBCRYPTO is one). Which headers these are is asked of
#   the compiler.
AC_DEFUN([PATHRING_SAMBA_CONFIG], [
	samba_config=$samba_source/bin/default/include/config.h
	AS_MKDIR_P([conftest.samba])
	"$SMBD" -b >conftest.samba/smbd-b || AC_MSG_ERROR([$SMBD -b failed])
	$SED -n ['/^Cluster support features/q; s/^   \([A-Za-z_][A-Za-z0-9_]*\)$/\1/p'] conftest.samba/smbd-b |
		LC_ALL=C sort -u >conftest.samba/smbd
	$SED -n ['s/^#define \([A-Za-z_][A-Za-z0-9_]*\).*/\1/p'] "$samba_config" |
		LC_ALL=C sort -u >conftest.samba/tree
	samba_macros=`wc -l <conftest.samba/smbd | tr -d ' '`
	AS_IF([test "$samba_macros" -lt 300],
		[AC_MSG_ERROR([$SMBD -b lists only $samba_macros macros; a comparison with so few would be worth nothing])])

	printf '%s\n' '#include "includes.h"' '#include "dynconfig/dynconfig.h"' >conftest.samba/defined.c
	$CC -E -dM -D_GNU_SOURCE=1 $SAMBA_CPPFLAGS conftest.samba/defined.c >conftest.samba/defined.out 2>conftest.samba/errors ||
		{ cat conftest.samba/errors >&2; AC_MSG_ERROR([includes.h of the Samba tree does not compile]); }
	$SED -n ['s/^#define \([A-Za-z_][A-Za-z0-9_]*\).*/\1/p'] conftest.samba/defined.out |
		LC_ALL=C sort -u >conftest.samba/defined

	samba_differs=
	for name in `LC_ALL=C comm -23 conftest.samba/smbd conftest.samba/defined`; do
		AS_CASE([$name],
			[CTDB_*DIR|LOGDIR|HAVE_VALGRIND_*], [],
			[samba_differs="$samba_differs $name(smbd)"])
	done

	$CC -M -D_GNU_SOURCE=1 $SAMBA_CPPFLAGS -I"$srcdir/include" -I"$srcdir" "$srcdir"/vfs_glue/*.c \
		>conftest.samba/headers.out 2>conftest.samba/errors ||
		{ cat conftest.samba/errors >&2; AC_MSG_ERROR([the module's files do not compile with the Samba tree]); }
	tr ' ' '\n' <conftest.samba/headers.out | $GREP -F "$samba_source/" |
		$GREP -vxF "$samba_config" | LC_ALL=C sort -u | xargs cat >conftest.samba/headers
	for name in `LC_ALL=C comm -13 conftest.samba/smbd conftest.samba/tree`; do
		AS_CASE([$name], [HAVE_VALGRIND_*], [continue])
		AS_IF([$GREP -w -e "$name" conftest.samba/headers >/dev/null], [samba_differs="$samba_differs $name(tree)"])
	done

	$SED -n ['s/^   sizeof(\(.*\)): *\([0-9]*\)$/\2 \1/p'] conftest.samba/smbd-b >conftest.samba/sizes
	while read size type; do
		name=SIZEOF_`echo "$type" | tr 'a-z *' 'A-Z_P' | $SED 's/^VOIDP$/VOID_P/'`
		value=`$SED -n "s/^#define $name //p" "$samba_config"`
		AS_IF([test -n "$value" && test "$value" != "$size"],
			[samba_differs="$samba_differs $name($size in smbd, $value in the tree)"])
	done <conftest.samba/sizes
	rm -rf conftest.samba
	AS_IF([test -n "$samba_differs"],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([these macros differ between $SMBD and $samba_source:$samba_differs])])
])
