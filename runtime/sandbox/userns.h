/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userns - the user and mount namespace in which a whole build, or a runtime command, works.
 *
 * The ids that newuidmap and newgidmap grant are mapped once; containers get nested user namespaces
 * that map the same ids again, without any helper (user_namespaces(7)).
 */
#ifndef CROZE_SANDBOX_USERNS_H
#define CROZE_SANDBOX_USERNS_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** @count ids from @inside in the namespace are those from @outside in its parent. */
struct id_extent {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

/** The kernel takes at most 340 extents a map. */
#define ID_MAP_MAX 340

struct id_map {
	struct id_extent *extents; /* ascending by @inside, none overlapping */
	size_t count;
	size_t room;
};

void id_map_release(struct id_map *map);
void id_map_add(struct id_map *map, uint32_t inside, uint32_t outside, uint32_t count);
/** Translate one id; -1 when it is not mapped (no error: the caller knows what it is an id of). */
int id_map_to_outside(const struct id_map *map, uint32_t inside, uint32_t *outside);
int id_map_to_inside(const struct id_map *map, uint32_t outside, uint32_t *inside);
/** Appends the text for /proc/PID/uid_map, one line an extent. */
void id_map_text(const struct id_map *map, struct buf *b);
/** Reads the map of the calling process, @name "uid_map" or "gid_map". */
int id_map_read(const char *name, struct id_map *map, struct error *e);
/**
 * The map of a namespace nested in one with @parent, giving every id there the same number again. No line spans two
 * extents of the parent, which the kernel refuses.
 */
void id_map_nested(const struct id_map *parent, struct id_map *nested);
/** Appends "0-65535" or "0, 1-999": for messages. */
void id_map_describe(const struct id_map *map, struct buf *b);

struct userns_options {
	bool
	    own_id_only; /* map the caller's id to 0 and nothing else: needs neither helper nor ranges; setgroups(2) is then refused by the kernel */
	bool keep_slaves;      /* mounts still receive what is mounted on the host */
	const char *newuidmap; /* NULL: looked up in PATH and /usr/bin */
	const char *newgidmap;
};

struct userns {
	struct id_map uids;
	struct id_map gids;
	uid_t outside_uid; /* who the caller was */
	gid_t outside_gid;
	bool own_id_only;
	bool slave;  /* mounts receive what is mounted on the host (userns_options.keep_slaves) */
	bool stayed; /* userns_stay(): the mounts are the caller's own, and may be shared */
};

/**
 * For a process that is root with its rights where it is, as engines are in namespaces of their own: nothing is entered but a mount
 * namespace, where its own is another user namespace's, and @u describes where it is, every id by its own number.
 */
int userns_stay(struct userns *u, struct error *e);
/** For an ordinary user who stays what he is and where he is: @u has his own id as 0, and nothing is entered. Returns 0. */
int userns_pretend(struct userns *u);
/** Is setgroups(2) refused in the user namespace of process @pid? */
bool userns_groups_denied(pid_t pid);
/** Is the calling process in another user namespace than the host's? No device can be made there, whoever asks. */
bool userns_is_nested(void);
/** Is the calling process uid 0 with CAP_SYS_ADMIN, so that userns_stay() will do? */
bool userns_is_root(void);

/**
 * Takes the calling process, which must have one thread, into a user namespace and a mount namespace of its own, where
 * it is uid 0 and gid 0 with every capability, and in which no mount is shared with the host. Descriptors opened before
 * belong to the old mount namespace: they can be read and written, but not bind-mounted; reopen what shall be.
 *
 * A real root (or root of a container) gets all ids that it has, as they are; another user gets itself as 0 and its
 * subordinate ids from 1 on.
 *
 * Returns 0, or -1 with @e ERR_HOST, what was tried, and in the hint what would lift it. After a failure the process may be
 * left inside half of it: end it.
 */
int userns_enter(const struct userns_options *options, struct userns *u, struct error *e);
void userns_release(struct userns *u);

/** As if newuidmap and newgidmap were not installed (tests). */
void userns_force_no_helpers(bool on);

/** Is there anything to be had: subordinate ids and helpers, without entering. For cheap early diagnosis; as userns_enter(). */
int userns_check(const struct userns_options *options, struct error *e);

/** The caller's subordinate ids, as newuidmap (@groups: newgidmap) would grant them: inside numbers from 1 on. */
int userns_subordinate_ids(bool groups, struct id_map *map, struct error *e);

/** Explains why unshare(2) or clone(2) with CLONE_NEWUSER gave @error_number, as ERR_HOST with a hint. Always returns -1. */
int userns_explain(int error_number, struct error *e);

#endif
