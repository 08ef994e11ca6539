# SPDX-License-Identifier: GPL-3.0-or-later

# PATHRING_ADD_CFLAG(FLAG): adds FLAG to PATHRING_CFLAGS if the compiler knows it. clang only warns about an unknown
# flag, hence the -Werror.
AC_DEFUN([PATHRING_ADD_CFLAG], [
	AS_VAR_PUSHDEF([cached], [pathring_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC knows $1], [cached], [
		pathring_saved_cflags=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			[AS_VAR_SET([cached], [yes])], [AS_VAR_SET([cached], [no])])
		CFLAGS=$pathring_saved_cflags
	])
	AS_VAR_IF([cached], [yes], [PATHRING_CFLAGS="$PATHRING_CFLAGS $1"])
	AS_VAR_POPDEF([cached])
])

# PATHRING_ADD_LDFLAG(FLAG): adds FLAG to PATHRING_LDFLAGS if the linker knows it.
AC_DEFUN([PATHRING_ADD_LDFLAG], [
	AS_VAR_PUSHDEF([cached], [pathring_cv_ldflag_$1])
	AC_CACHE_CHECK([whether the linker knows $1], [cached], [
		pathring_saved_ldflags=$LDFLAGS
		LDFLAGS="$LDFLAGS $1"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
			[AS_VAR_SET([cached], [yes])], [AS_VAR_SET([cached], [no])])
		LDFLAGS=$pathring_saved_ldflags
	])
	AS_VAR_IF([cached], [yes], [PATHRING_LDFLAGS="$PATHRING_LDFLAGS $1"])
	AS_VAR_POPDEF([cached])
])
