/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes ports of TCP in a capture to 445.
 */
#ifndef REPLAY_CAPTURE_PORTS_H
#define REPLAY_CAPTURE_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * From standard input to standard output, as a process of its own: pcapng in the byte order of this
 * machine, as editcap writes it. ports: const char **, ended by NULL. Gives an exit code.
 */
int capture_ports_run(void *ports);

/* In one packet of the link type (LINKTYPE_...) that the capture says it has. */
void capture_ports_change(uint16_t link_type,
			  unsigned char *packet,
			  size_t length,
			  const uint16_t *ports,
			  size_t num_ports);

#endif /* REPLAY_CAPTURE_PORTS_H */
