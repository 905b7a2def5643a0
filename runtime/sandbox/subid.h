/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subid - the subordinate ids that the administrator has given to a user (subuid(5), subgid(5)).
 */
#ifndef CROZE_SANDBOX_SUBID_H
#define CROZE_SANDBOX_SUBID_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/sandbox/userns.h"

#include <sys/types.h>

/** The caller's login name, from /etc/passwd or else the name service; the number as text when it has none. To be freed. */
char *subid_login_name(uid_t uid);
/**
 * The lines of @text (/etc/subuid) that belong to login @name or number @uid, appended to @map with inside numbers from the end of
 * what is there (1 when empty). Ranges that overlap an earlier one or hold @own are left out, as the kernel would refuse them.
 */
void subid_parse(const char *text, const char *name, uid_t uid, uint32_t own, struct id_map *map);
/** All ranges of @uid from the files, or from libsubid where nsswitch.conf names another source. An empty @map is no failure. */
int subid_ranges(bool groups, uid_t uid, uint32_t own, struct id_map *map, struct error *e);

#endif
