/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address - how far away an address is: what a server may send us to.
 */
#include "builder/fetch/address.h"

#include "runtime/base/mem.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

static const struct range {
	uint32_t network;
	int bits;
	enum reach reach;
} ranges[] = {
	{ 0x00000000, 8, REACH_LOOPBACK }, /* the kernel connects 0.0.0.0 to this machine */
	{ 0x0a000000, 8, REACH_PRIVATE }, { 0x64400000, 10, REACH_PRIVATE }, /* shared, RFC 6598 */
	{ 0x7f000000, 8, REACH_LOOPBACK }, { 0xa9fe0000, 16, REACH_LINK },
	{ 0xac100000, 12, REACH_PRIVATE },
	{ 0xc0000000, 24, REACH_PRIVATE }, /* protocol assignments, RFC 6890 */
	{ 0xc0a80000, 16, REACH_PRIVATE },
	{ 0xc6120000, 15, REACH_PRIVATE }, /* benchmarks, RFC 2544 */
	{ 0xe0000000, 4, REACH_NEVER },    /* multicast */
	{ 0xf0000000, 4, REACH_NEVER },    /* reserved, broadcast */
};

static enum reach
reach_v4(uint32_t address)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (((address ^ ranges[i].network) >> (32 - ranges[i].bits)) == 0)
			return ranges[i].reach;
	return REACH_PUBLIC;
}

static uint32_t
embedded(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static enum reach
reach_v6(const uint8_t *b)
{
	static const uint8_t zeros[16];
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (memcmp(b, zeros, 15) == 0 && b[15] <= 1)
		return REACH_LOOPBACK; /* :: and ::1 */
	if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0 || memcmp(b, zeros, 12) == 0)
		return reach_v4(embedded(b + 12));
	if (b[0] == 0x20 && b[1] == 0x02)
		return reach_v4(embedded(b + 2));
	if (embedded(b) == 0x20010000)
		return reach_v4(embedded(b + 4));
	if ((b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0))
		return REACH_PRIVATE; /* unique local, and the old site-local */
	if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
		return REACH_LINK;
	return b[0] == 0xff ? REACH_NEVER : REACH_PUBLIC;
}

enum reach
address_reach(const char *text)
{
	uint8_t bytes[16];
	size_t length = strcspn(text, "%"); /* of a scope: fe80::1%eth0 */
	char plain[INET6_ADDRSTRLEN];

	if (length >= sizeof(plain))
		return REACH_NEVER;
	memcpy(plain, text, length);
	plain[length] = '\0';
	if (inet_pton(AF_INET, plain, bytes) == 1)
		return reach_v4(embedded(bytes));
	if (inet_pton(AF_INET6, plain, bytes) == 1)
		return reach_v6(bytes);
	return REACH_NEVER;
}

bool
address_allows(enum reach from, enum reach to)
{
	if (to == REACH_NEVER)
		return false;
	if (to == REACH_LINK)
		return from == REACH_LINK;
	return to <= from;
}

const char *
address_reach_text(enum reach reach)
{
	static const char *const texts[] = {
		[REACH_PUBLIC] = "a public address",
		[REACH_PRIVATE] = "an address of a private network",
		[REACH_LOOPBACK] = "an address of this machine",
		[REACH_LINK] = "a link-local address",
		[REACH_NEVER] = "an address that no server has",
	};

	return texts[reach];
}
