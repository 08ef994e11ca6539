/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes from one block of the pcapng to the next (draft-ietf-opsawg-pcapng), and in those that hold
 * a packet to its TCP header; everything else is passed on as it is. The checksum is wrong
 * afterwards, which tshark does not look at.
 */
#include "capture_ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMB_PORT 445

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_SIMPLE_PACKET 3u
#define BLOCK_PACKET 6u
/* Type and length in front, and the length again behind. */
#define BLOCK_FRAME 12u
/* What Wireshark itself takes for too long (wiretap/pcapng.c). */
#define MAX_BLOCK (16u << 20)

#define MAX_INTERFACES 1024
#define MAX_PORTS 64

/* https://www.tcpdump.org/linktypes.html */
enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276
};

/* ---- a packet ---- */

static uint16_t get16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Behind the addresses: tags of VLANs, and the type. 0: this is not IP. */
static size_t ethernet_header(const unsigned char *packet, size_t length)
{
	size_t at = 12;

	while (at + 2 <= length) {
		switch (get16(packet + at)) {
		case 0x8100:
		case 0x88a8:
		case 0x9100:
			at += 4;
			break;
		case 0x0800:
		case 0x86dd:
			return at + 2;
		default:
			return 0;
		}
	}
	return 0;
}

/* Where IP begins. False: nowhere. */
static bool find_ip(uint16_t link_type, const unsigned char *packet, size_t length, size_t *at)
{
	switch ((enum link_type)link_type) {
	case LINK_ETHERNET:
		*at = ethernet_header(packet, length);
		return *at != 0;
	case LINK_NULL:
	case LINK_LOOP:
		*at = 4;
		return true;
	case LINK_LINUX_SLL:
		*at = 16;
		return true;
	case LINK_LINUX_SLL2:
		*at = 20;
		return true;
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_IPV4:
	case LINK_IPV6:
		*at = 0;
		return true;
	}
	return false;
}

/* Where TCP begins, behind the options; in the first fragment, for it is not in others. */
static bool find_tcp_in_ipv4(const unsigned char *packet, size_t length, size_t *at)
{
	const unsigned char *ip = packet + *at;

	if (*at + 20 > length || ip[9] != IPPROTO_TCP || (get16(ip + 6) & 0x1fff) != 0) {
		return false;
	}
	*at += (size_t)(ip[0] & 15) * 4;
	return true;
}

static bool find_tcp_in_ipv6(const unsigned char *packet, size_t length, size_t *at)
{
	unsigned int next = 0;

	if (*at + 40 > length) {
		return false;
	}
	next = packet[*at + 6];
	*at += 40;
	while (next != IPPROTO_TCP) {
		if (*at + 8 > length) {
			return false;
		}
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			next = packet[*at];
			*at += 8 + (size_t)packet[*at + 1] * 8;
			break;
		case IPPROTO_FRAGMENT:
			if ((get16(packet + *at + 2) & 0xfff8) != 0) {
				return false;
			}
			next = packet[*at];
			*at += 8;
			break;
		default:
			return false;
		}
	}
	return true;
}

static void change_port(unsigned char *at, const uint16_t *ports, size_t num_ports)
{
	uint16_t port = get16(at);
	size_t i = 0;

	for (i = 0; i < num_ports; i++) {
		if (port == ports[i]) {
			at[0] = SMB_PORT >> 8;
			at[1] = SMB_PORT & 0xff;
			return;
		}
	}
}

void capture_ports_change(uint16_t link_type,
			  unsigned char *packet,
			  size_t length,
			  const uint16_t *ports,
			  size_t num_ports)
{
	size_t at = 0;
	bool is_tcp = false;

	if (!find_ip(link_type, packet, length, &at) || at >= length) {
		return;
	}
	switch (packet[at] >> 4) {
	case 4:
		is_tcp = find_tcp_in_ipv4(packet, length, &at);
		break;
	case 6:
		is_tcp = find_tcp_in_ipv6(packet, length, &at);
		break;
	}
	if (is_tcp && at + 4 <= length) {
		change_port(packet + at, ports, num_ports);
		change_port(packet + at + 2, ports, num_ports);
	}
}

/* ---- the capture ---- */

struct rewriter {
	uint16_t ports[MAX_PORTS];
	size_t num_ports;
	uint16_t link_types[MAX_INTERFACES]; /* of this section */
	size_t num_interfaces;
	unsigned char *block;
	size_t size;
};

static uint32_t get32(const unsigned char *at)
{
	uint32_t value = 0;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* False: not all of it is there; or it ended before the first byte, if *at_end. */
static bool read_all(unsigned char *buffer, size_t length, bool *at_end)
{
	size_t there = 0;

	*at_end = false;
	while (there < length) {
		ssize_t got = read(STDIN_FILENO, buffer + there, length - there);

		if (got == 0 || (got == -1 && errno != EINTR)) {
			*at_end = there == 0;
			return false;
		}
		there += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static bool write_all(const unsigned char *buffer, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, buffer, length);

		if (written == -1 && errno != EINTR) {
			return false;
		}
		buffer += written > 0 ? written : 0;
		length -= written > 0 ? (size_t)written : 0;
	}
	return true;
}

static void
change_packet(struct rewriter *rewriter, uint32_t interface, size_t begin, size_t length)
{
	if (interface < rewriter->num_interfaces) {
		capture_ports_change(rewriter->link_types[interface],
				     rewriter->block + begin,
				     length,
				     rewriter->ports,
				     rewriter->num_ports);
	}
}

/* length: of the block, with its frame. */
static bool take_block(struct rewriter *rewriter, size_t length)
{
	const unsigned char *block = rewriter->block;
	size_t body = length - BLOCK_FRAME;

	switch (get32(block)) {
	case BLOCK_SECTION:
		rewriter->num_interfaces = 0;
		break;
	case BLOCK_INTERFACE:
		if (body < 8 || rewriter->num_interfaces == MAX_INTERFACES) {
			return false;
		}
		memcpy(&rewriter->link_types[rewriter->num_interfaces++], block + 8, 2);
		break;
	case BLOCK_SIMPLE_PACKET:
		if (body < 4) {
			return false;
		}
		change_packet(rewriter, 0, 12, body - 4);
		break;
	case BLOCK_PACKET:
		if (body < 20 || get32(block + 20) > body - 20) {
			return false;
		}
		change_packet(rewriter, get32(block + 8), 28, get32(block + 20));
		break;
	}
	return true;
}

static bool make_room(struct rewriter *rewriter, size_t length)
{
	unsigned char *larger = NULL;

	if (length <= rewriter->size) {
		return true;
	}
	larger = realloc(rewriter->block, length);
	if (larger != NULL) {
		rewriter->block = larger;
		rewriter->size = length;
	}
	return larger != NULL;
}

/* 1: there was a block. 0: there are no more. -1: this is none. */
static int pass_block(struct rewriter *rewriter)
{
	bool at_end = false;
	size_t length = 0;

	if (!read_all(rewriter->block, 8, &at_end)) {
		return at_end ? 0 : -1;
	}
	length = get32(rewriter->block + 4);
	if (length < BLOCK_FRAME || length > MAX_BLOCK || !make_room(rewriter, length) ||
	    !read_all(rewriter->block + 8, length - 8, &at_end) || !take_block(rewriter, length)) {
		return -1;
	}
	return write_all(rewriter->block, length) ? 1 : -1;
}

int capture_ports_run(void *private_data)
{
	const char **ports = private_data;
	struct rewriter rewriter = { .num_ports = 0 };
	int ret = 1;

	for (; *ports != NULL && rewriter.num_ports < MAX_PORTS; ports++) {
		rewriter.ports[rewriter.num_ports++] = (uint16_t)strtoul(*ports, NULL, 10);
	}
	if (*ports != NULL || !make_room(&rewriter, 65536)) {
		dprintf(STDERR_FILENO, "more than %d ports, or no memory\n", MAX_PORTS);
		return 1;
	}
	while (ret == 1) {
		ret = pass_block(&rewriter);
	}
	free(rewriter.block);
	if (ret == -1) {
		dprintf(STDERR_FILENO, "what editcap makes of it is damaged\n");
	}
	return ret == 0 ? 0 : 1;
}
