/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns - as much of a DNS message as tells which name it is about and which addresses it gives (RFC 1035, RFC 3596).
 */
#ifndef CROZE_SANDBOX_DNS_H
#define CROZE_SANDBOX_DNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/** Room for a name as text: lower case, without the last dot; bytes that are none of a host's name become '?'. */
#define DNS_NAME_MAX 256

/** The one question's name, of a query or an answer; false when the message is not understood. */
bool dns_name(const unsigned char *message, size_t length, char name[DNS_NAME_MAX]);
/** Calls @fn for each address that a successful answer gives, an IPv4 one as IPv4-mapped. */
void dns_addresses(const unsigned char *message, size_t length,
    void (*fn)(void *arg, const struct in6_addr *address), void *arg);
/** Turns a query into the answer that there is no such name; returns its length, 0 when there is no question to answer. */
size_t dns_refuse(unsigned char *message, size_t length);

#endif
