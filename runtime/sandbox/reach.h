/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach - which addresses may be reached, under which names they are known, and which have been. Only for egress.
 */
#ifndef CROZE_SANDBOX_REACH_H
#define CROZE_SANDBOX_REACH_H

#include "runtime/base/json.h"
#include "runtime/sandbox/egress.h"
#include "seccomp/network.h"

#include <netinet/in.h>

struct reach;

/** @rules are copied. */
struct reach *reach_new(const struct egress_rule *rules, size_t n_rules);
void reach_free(struct reach *reach);

/** Decides, and remembers that @container asked. NETWORK_INSIDE for addresses that are never outside: loopback and the like. */
enum network_way reach_decide(
    struct reach *reach, uint32_t container, const struct network_peer *peer);
/** May the name be asked for? A refused one is remembered for @container. */
bool reach_may_ask(struct reach *reach, uint32_t container, const char *name);
/** @address is one of @name's. */
void reach_found(struct reach *reach, const char *name, const struct in6_addr *address);
/** As egress_take(). */
struct json *reach_take(struct reach *reach, uint32_t container);

#endif
