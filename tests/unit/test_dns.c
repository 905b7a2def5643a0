/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_dns - names and addresses in DNS messages.
 */
#include "runtime/sandbox/dns.h"
#include "tests/unit/unit.h"

#include <string.h>

/* "WWW.example" A, answered with a name that points back and two addresses behind an alias. */
static const unsigned char answer[] = {
	0x12,
	0x34,
	0x81,
	0x80,
	0,
	1,
	0,
	3,
	0,
	0,
	0,
	0, /* header */
	3,
	'W',
	'W',
	'W',
	7,
	'e',
	'x',
	'a',
	'm',
	'p',
	'l',
	'e',
	0,
	0,
	1,
	0,
	1, /* question */
	0xc0,
	12,
	0,
	5,
	0,
	1,
	0,
	0,
	0,
	9,
	0,
	2,
	0xc0,
	16, /* alias */
	0xc0,
	12,
	0,
	1,
	0,
	1,
	0,
	0,
	0,
	9,
	0,
	4,
	192,
	0,
	2,
	1, /* A */
	0xc0,
	12,
	0,
	28,
	0,
	1,
	0,
	0,
	0,
	9,
	0,
	16,
	0x20,
	1,
	0xd,
	0xb8,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	1,
};

static void
count(void *arg, const struct in6_addr *address)
{
	unsigned int *n = arg;

	*n += IN6_IS_ADDR_V4MAPPED(address) ? 1 : 100;
}

static void
a_name_is_in_lower_case_and_addresses_are_all_found(void **state)
{
	char name[DNS_NAME_MAX];
	unsigned int n = 0;

	(void)state;
	assert_true(dns_name(answer, sizeof(answer), name));
	assert_string_equal(name, "www.example");
	dns_addresses(answer, sizeof(answer), count, &n);
	assert_int_equal(n, 101);
}

static void
a_message_that_ends_early_gives_what_is_whole(void **state)
{
	char name[DNS_NAME_MAX];

	(void)state;
	for (size_t length = 0; length < sizeof(answer); length++) {
		unsigned char copy[sizeof(answer)];
		unsigned int n = 0;

		memcpy(copy, answer, length);
		assert_int_equal(dns_name(copy, length, name), length >= 29);
		dns_addresses(copy, length, count, &n);
		assert_int_equal(n, length >= 59 ? 1 : 0);
	}
}

static void
a_pointer_or_a_long_label_in_a_question_is_refused(void **state)
{
	char name[DNS_NAME_MAX];
	unsigned char copy[sizeof(answer)];

	(void)state;
	memcpy(copy, answer, sizeof(answer));
	copy[12] = 0xc0;
	assert_false(dns_name(copy, sizeof(copy), name));
	copy[12] = 64;
	assert_false(dns_name(copy, sizeof(copy), name));
	copy[12] = 3;
	copy[5] = 2; /* two questions */
	assert_false(dns_name(copy, sizeof(copy), name));
	assert_int_equal(dns_refuse(copy, sizeof(copy)), 0);
}

static void
a_refused_query_is_answered_with_its_own_question(void **state)
{
	unsigned char copy[sizeof(answer)];
	unsigned int n = 0;

	(void)state;
	memcpy(copy, answer, sizeof(answer));
	copy[2] = 1; /* a query */
	assert_int_equal(dns_refuse(copy, 29), 29);
	assert_int_equal(copy[2] & 0x80, 0x80);
	assert_int_equal(copy[3] & 0x0f, 3);
	assert_int_equal(copy[7], 0);
	dns_addresses(copy, sizeof(copy), count, &n);
	assert_int_equal(n, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_name_is_in_lower_case_and_addresses_are_all_found),
	cmocka_unit_test(a_message_that_ends_early_gives_what_is_whole),
	cmocka_unit_test(a_pointer_or_a_long_label_in_a_question_is_refused),
	cmocka_unit_test(a_refused_query_is_answered_with_its_own_question),
};

UNIT_MAIN(tests)
