/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages that are safe to show.
 */
#include "message.h"

#include "program_name.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* Longer ones lose their end. */
#define MESSAGE_SIZE 2048

/* Those of C0, and those of C1 in UTF-8. */
void replay_remove_controls(char *text)
{
	unsigned char *at = NULL;

	for (at = (unsigned char *)text; *at != '\0'; at++) {
		bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;

		if (*at < 0x20 || *at == 0x7f || c1) {
			*at = '?';
		}
	}
}

static void say(const char *format, va_list arguments)
{
	char text[MESSAGE_SIZE];

	vsnprintf(text, sizeof(text), format, arguments);
	replay_remove_controls(text);
	fprintf(stderr, "%s: %s\n", bench_program_name, text);
}

void replay_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

int replay_complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	return -1;
}

int replay_complain_memory(void)
{
	return replay_complain("out of memory");
}
