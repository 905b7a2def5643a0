/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach - which addresses may be reached, under which names they are known, and which have been.
 *
 * Addresses are IPv6 ones here, IPv4 mapped into them (RFC 4291, 2.5.5.2), so that both spellings of one are one.
 */
#include "runtime/sandbox/reach.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/dns.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 8192
#define NOTES_MAX 1000 /* of all containers; beyond, only those that are there are counted on */

struct rule {
	char *host;
	uint16_t port;
	bool is_address;
	struct in6_addr address;
};

struct name {
	struct in6_addr address;
	char *text;
};

struct note {
	uint32_t container;
	int type; /* 0: a name that was asked for */
	struct in6_addr address;
	uint16_t port;
	char *name; /* NULL */
	bool allowed;
	uint64_t count;
};

struct reach {
	struct rule *rules;
	size_t n_rules;
	struct name *names;
	size_t n_names, names_room, next_name;
	struct note *notes;
	size_t n_notes, notes_room;
};

/* Never outside, or nobody's business: they lead to the machine itself, to what is plugged into it, or to its credentials. */
static const struct {
	const char *address;
	int bits;
	enum network_way way;
} ranges[] = {
	{ "::", 128, NETWORK_INSIDE },
	{ "::1", 128, NETWORK_INSIDE },
	{ "::ffff:0.0.0.0", 104, NETWORK_INSIDE },
	{ "::ffff:127.0.0.0", 104, NETWORK_INSIDE },
	{ "::ffff:169.254.0.0", 112, NETWORK_REFUSED }, /* link-local, and most clouds' metadata */
	{ "fe80::", 10, NETWORK_REFUSED },
	{ "fd00:ec2::254", 128, NETWORK_REFUSED }, /* metadata by IPv6 ... */
	{ "fd20:ce::254", 128, NETWORK_REFUSED },
	{ "::ffff:100.100.100.200", 128, NETWORK_REFUSED }, /* ... and elsewhere */
	{ "::ffff:192.0.0.192", 128, NETWORK_REFUSED },
	{ "::ffff:168.63.129.16", 128, NETWORK_REFUSED },
	{ "::ffff:224.0.0.0", 100,
	    NETWORK_INSIDE }, /* many at a time: the container's lo has none of them */
	{ "::ffff:255.255.255.255", 128, NETWORK_INSIDE },
	{ "ff00::", 8, NETWORK_INSIDE },
};

static bool
is_in(const struct in6_addr *address, const char *range, int bits)
{
	struct in6_addr other;
	int whole = bits / 8, rest = bits % 8;

	(void)inet_pton(AF_INET6, range, &other); /* a constant */
	if (memcmp(address, &other, (size_t)whole) != 0)
		return false;
	return rest == 0 ||
	       ((address->s6_addr[whole] ^ other.s6_addr[whole]) & 0xff << (8 - rest) & 0xff) == 0;
}

static enum network_way
way_by_range(const struct in6_addr *address)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (is_in(address, ranges[i].address, ranges[i].bits))
			return ranges[i].way;
	return NETWORK_OUTSIDE;
}

static void
map_four(const struct in_addr *four, struct in6_addr *six)
{
	*six = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(six->s6_addr + 12, four, sizeof(*four));
}

static uint16_t
peer_of(const struct network_peer *peer, struct in6_addr *address)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)&peer->address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&peer->address;

	if (four->sin_family == AF_INET) {
		map_four(&four->sin_addr, address);
		return ntohs(four->sin_port);
	}
	*address = six->sin6_addr;
	return ntohs(six->sin6_port);
}

static void
add_address(struct buf *b, const struct in6_addr *address)
{
	char text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(address))
		(void)inet_ntop(AF_INET, address->s6_addr + 12, text, sizeof(text));
	else
		(void)inet_ntop(AF_INET6, address, text, sizeof(text));
	buf_add_text(b, text);
}

/* ---- rules ---- */

static bool
parse_address(const char *text, struct in6_addr *address)
{
	struct in_addr four;

	if (inet_pton(AF_INET, text, &four) == 1) {
		map_four(&four, address);
		return true;
	}
	return inet_pton(AF_INET6, text, address) == 1;
}

static bool
name_matches(const struct rule *rule, const char *name)
{
	size_t n = strlen(name), suffix = strlen(rule->host);

	if (rule->is_address)
		return false;
	if (strncmp(rule->host, "*.", 2) != 0)
		return strcmp(rule->host, name) == 0;
	return n > suffix - 1 && strcmp(name + n - (suffix - 1), rule->host + 1) == 0;
}

static bool
has_name(const struct reach *r, const struct in6_addr *address, const struct rule *rule)
{
	for (size_t i = 0; i < r->n_names; i++)
		if (memcmp(&r->names[i].address, address, sizeof(*address)) == 0 &&
		    name_matches(rule, r->names[i].text))
			return true;
	return false;
}

/* A range that is refused can be had by its address in a rule, never by a name, which somebody else decides over. */
static enum network_way
way_of(const struct reach *r, const struct in6_addr *address, uint16_t port)
{
	enum network_way way = way_by_range(address);

	if (way == NETWORK_INSIDE)
		return way;
	for (size_t i = 0; i < r->n_rules; i++) {
		const struct rule *rule = &r->rules[i];

		if (rule->port != 0 && rule->port != port)
			continue;
		if (rule->is_address && memcmp(&rule->address, address, sizeof(*address)) == 0)
			return NETWORK_OUTSIDE;
		if (way == NETWORK_OUTSIDE && has_name(r, address, rule))
			return NETWORK_OUTSIDE;
	}
	return r->n_rules == 0 ? way : NETWORK_REFUSED;
}

/* ---- what is remembered ---- */

static const char *
name_of(const struct reach *r, const struct in6_addr *address)
{
	for (size_t i = r->n_names; i-- > 0;)
		if (memcmp(&r->names[i].address, address, sizeof(*address)) == 0)
			return r->names[i].text;
	return NULL;
}

static void
remember(struct reach *r, const struct note *note)
{
	struct note *n;

	for (size_t i = 0; i < r->n_notes; i++) {
		n = &r->notes[i];
		if (n->container == note->container && n->type == note->type &&
		    n->port == note->port && n->allowed == note->allowed &&
		    memcmp(&n->address, &note->address, sizeof(n->address)) == 0 &&
		    (note->type != 0 ||
			(n->name && note->name && strcmp(n->name, note->name) == 0))) {
			n->count++;
			return;
		}
	}
	if (r->n_notes >= NOTES_MAX)
		return;
	xgrow(&r->notes, r->n_notes + 1, &r->notes_room, sizeof(r->notes[0]));
	n = &r->notes[r->n_notes++];
	*n = *note;
	n->count = 1;
	n->name = note->name ? xstrdup(note->name) : NULL;
}

enum network_way
reach_decide(struct reach *r, uint32_t container, const struct network_peer *peer)
{
	struct note note = { .container = container, .type = peer->type };
	enum network_way way;

	note.port = peer_of(peer, &note.address);
	way = way_of(r, &note.address, note.port);
	/* with these ports a C library looks which way a packet would go, and sends none */
	if (way == NETWORK_INSIDE || note.port == 0 ||
	    (note.type == SOCK_DGRAM && note.port == UINT16_MAX))
		return way;
	note.allowed = way == NETWORK_OUTSIDE;
	note.name = (char *)(uintptr_t)name_of(r, &note.address);
	remember(r, &note);
	return way;
}

bool
reach_may_ask(struct reach *r, uint32_t container, const char *name)
{
	struct note note = { .container = container, .name = (char *)(uintptr_t)name };

	if (r->n_rules == 0)
		return true;
	for (size_t i = 0; i < r->n_rules; i++)
		if (name_matches(&r->rules[i], name))
			return true;
	remember(r, &note);
	return false;
}

void
reach_found(struct reach *r, const char *name, const struct in6_addr *address)
{
	struct name *n;

	for (size_t i = 0; i < r->n_names; i++)
		if (memcmp(&r->names[i].address, address, sizeof(*address)) == 0 &&
		    strcmp(r->names[i].text, name) == 0)
			return;
	if (r->n_names < NAMES_MAX) {
		xgrow(&r->names, r->n_names + 1, &r->names_room, sizeof(r->names[0]));
		n = &r->names[r->n_names++];
	} else { /* the oldest goes */
		n = &r->names[r->next_name++ % NAMES_MAX];
		free(n->text);
	}
	*n = (struct name){ *address, xstrdup(name) };
}

static struct json *
note_to_json(const struct note *n)
{
	struct json *j = json_new_object();
	auto(buf) struct buf address = { 0 };

	json_set_text(j, "protocol", n->type == 0 ? "dns" : n->type == SOCK_STREAM ? "tcp" : "udp");
	if (n->name)
		json_set_text(j, "name", n->name);
	if (n->type != 0) {
		add_address(&address, &n->address);
		json_set_text(j, "address", buf_text(&address));
		json_set(j, "port", json_new_u64(n->port));
	}
	json_set(j, "allowed", json_new_bool(n->allowed));
	json_set(j, "count", json_new_u64(n->count));
	return j;
}

struct json *
reach_take(struct reach *r, uint32_t container)
{
	struct json *list = json_new_array();
	size_t kept = 0;

	for (size_t i = 0; i < r->n_notes; i++) {
		if (r->notes[i].container != container) {
			r->notes[kept++] = r->notes[i];
			continue;
		}
		json_append(list, note_to_json(&r->notes[i]));
		free(r->notes[i].name);
	}
	r->n_notes = kept;
	return list;
}

struct reach *
reach_new(const struct egress_rule *rules, size_t n_rules)
{
	struct reach *r = xcalloc(1, sizeof(*r));

	r->rules = xcalloc(n_rules + 1, sizeof(r->rules[0]));
	for (; r->n_rules < n_rules; r->n_rules++) {
		struct rule *rule = &r->rules[r->n_rules];

		rule->host = xstrdup(rules[r->n_rules].host);
		rule->port = rules[r->n_rules].port;
		rule->is_address = parse_address(rule->host, &rule->address);
		for (char *c = rule->host; *c; c++)
			*c = (char)tolower((unsigned char)*c);
	}
	return r;
}

void
reach_free(struct reach *r)
{
	for (size_t i = 0; i < r->n_rules; i++)
		free(r->rules[i].host);
	for (size_t i = 0; i < r->n_names; i++)
		free(r->names[i].text);
	for (size_t i = 0; i < r->n_notes; i++)
		free(r->notes[i].name);
	free(r->rules);
	free(r->names);
	free(r->notes);
	free(r);
}

/* ---- what a user writes ---- */

static int
parse_port(const char *text, struct egress_rule *rule, struct error *e)
{
	uint64_t port;

	if (parse_u64(text, 1, UINT16_MAX, "port", &port, e) < 0)
		return -1;
	rule->port = (uint16_t)port;
	return 0;
}

static bool
is_host(const char *host)
{
	struct in6_addr address;
	const char *at = strncmp(host, "*.", 2) == 0 ? host + 2 : host;

	if (parse_address(host, &address))
		return true;
	if (!*at || *at == '.' || *at == '-' || strlen(at) >= DNS_NAME_MAX || strstr(at, ".."))
		return false;
	return at[strspn(at,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == '\0';
}

int
egress_rule_parse(const char *text, struct egress_rule *rule, struct error *e)
{
	const char *colon = strrchr(text, ':'), *end = text + strlen(text);
	const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
	struct in6_addr address;

	*rule = (struct egress_rule){ 0 };
	if (bracket) {
		if (bracket[1] == ':' && parse_port(bracket + 2, rule, e) < 0)
			return error_ctx(e, "'%s'", text);
		if (bracket[1] == ':' || bracket[1] == '\0') {
			rule->host = xstrndup(text + 1, (size_t)(bracket - text - 1));
			if (inet_pton(AF_INET6, rule->host, &address) == 1)
				return 0;
			free(steal_ptr(&rule->host));
		}
	} else {
		if (colon && inet_pton(AF_INET6, text, &address) != 1) {
			if (parse_port(colon + 1, rule, e) < 0)
				return error_ctx(e, "'%s'", text);
			end = colon;
		}
		rule->host = xstrndup(text, (size_t)(end - text));
		if (is_host(rule->host))
			return 0;
		free(steal_ptr(&rule->host));
	}
	error_set(e, ERR_USAGE, "'%s' is no host and no address", text);
	return error_hint(e, "HOST, *.DOMAIN or an address, and :PORT if only that one: "
			     "mirror.example:80, *.example.org, 192.0.2.1, [2001:db8::1]:443");
}
