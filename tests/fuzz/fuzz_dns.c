/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dns - any bytes as a DNS message.
 */
#include "runtime/sandbox/dns.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void
count(void *arg, const struct in6_addr *address)
{
	*(unsigned int *)arg += address->s6_addr[0] != 0xff;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char name[DNS_NAME_MAX];
	unsigned char *copy = malloc(length + 1);
	unsigned int n = 0;

	if (!copy)
		return 0;
	memcpy(copy, bytes, length);
	if (dns_name(copy, length, name) && strlen(name) >= sizeof(name))
		abort();
	dns_addresses(copy, length, count, &n);
	if (dns_refuse(copy, length) > length)
		abort();
	free(copy);
	return 0;
}
