/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns - as much of a DNS message as tells which name it is about and which addresses it gives (RFC 1035, RFC 3596).
 */
#include "runtime/sandbox/dns.h"

#include <ctype.h>
#include <string.h>

#define HEADER 12
#define TYPE_A 1
#define TYPE_AAAA 28
#define CLASS_IN 1
#define RCODE_NO_NAME \
	3 /* and not 5, "refused", after which resolvers ask others and wait for them */

static unsigned int
number_at(const unsigned char *message, size_t at)
{
	return (unsigned int)message[at] << 8 | message[at + 1];
}

/* Behind the name at @at; 0 when it does not end within the message. A pointer is its end. */
static size_t
skip_name(const unsigned char *message, size_t length, size_t at)
{
	while (at < length) {
		unsigned int label = message[at];

		if (label >= 0xc0)
			return at + 2 <= length ? at + 2 : 0;
		if (label > 63)
			return 0;
		if (label == 0)
			return at + 1;
		at += 1 + label;
	}
	return 0;
}

/* Behind the question; 0 when there is not exactly one. */
static size_t
skip_question(const unsigned char *message, size_t length)
{
	size_t at;

	if (length < HEADER || number_at(message, 4) != 1)
		return 0;
	at = skip_name(message, length, HEADER);
	return at > 0 && at + 4 <= length ? at + 4 : 0;
}

bool
dns_name(const unsigned char *message, size_t length, char name[DNS_NAME_MAX])
{
	size_t end = skip_question(message, length), n = 0;

	name[0] = '\0';
	if (end == 0)
		return false;
	for (size_t at = HEADER; message[at] != 0;) {
		unsigned int label = message[at++];

		/* a question has nothing that it could point to */
		if (label > 63 || n + label + 2 > DNS_NAME_MAX)
			return false;
		if (n > 0)
			name[n++] = '.';
		for (; label > 0; label--, at++)
			name[n++] = isalnum(message[at]) || message[at] == '-' || message[at] == '_'
			                ? (char)tolower(message[at])
			                : '?';
	}
	name[n] = '\0';
	return true;
}

static void
tell(const unsigned char *data, size_t length,
    void (*fn)(void *arg, const struct in6_addr *address), void *arg)
{
	struct in6_addr address = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(address.s6_addr + sizeof(address) - length, data, length);
	fn(arg, &address);
}

void
dns_addresses(const unsigned char *message, size_t length,
    void (*fn)(void *arg, const struct in6_addr *address), void *arg)
{
	size_t at = skip_question(message, length);
	unsigned int n = at > 0 ? number_at(message, 6) : 0;

	if (at == 0 || (message[2] & 0x80) == 0 || (message[3] & 0x0f) != 0)
		return;
	for (; n > 0; n--) {
		unsigned int type, class, size;

		at = skip_name(message, length, at);
		if (at == 0 || at + 10 > length)
			return;
		type = number_at(message, at);
		class = number_at(message, at + 2);
		size = number_at(message, at + 8);
		at += 10;
		if (size > length - at)
			return;
		if (class == CLASS_IN &&
		    ((type == TYPE_A && size == 4) || (type == TYPE_AAAA && size == 16)))
			tell(message + at, size, fn, arg);
		at += size;
	}
}

size_t
dns_refuse(unsigned char *message, size_t length)
{
	size_t end = skip_question(message, length);

	if (end == 0)
		return 0;
	message[2] = (unsigned char)((message[2] & 0x79) | 0x80); /* opcode and RD stay */
	message[3] = 0x80 | RCODE_NO_NAME;
	memset(message + 6, 0, 6); /* no answers, no authorities, nothing else */
	return end;
}
