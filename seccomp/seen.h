/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen - what processes of a container see of files, remembered: owner, mode and device by their records (owner.h).
 *
 * Records are attributes, whose reading costs more than all else about stat(2). What was read is remembered by inode and time of change
 * (st_ctime): no attribute is changed without that, whoever does it. A time that another change could still be given is not
 * relied on, so that such a file is not remembered.
 */
#ifndef CROZE_SECCOMP_SEEN_H
#define CROZE_SECCOMP_SEEN_H

#include <stdbool.h>
#include <sys/stat.h>

struct seen;

/** All functions may be called by several threads. */
struct seen *seen_new(void);
void seen_free(struct seen *seen);

enum seen_state {
	SEEN_KNOWN,
	SEEN_NOT_YET,   /* what is read now may be remembered */
	SEEN_UNSETTLED, /* it may not: the file has just been changed */
};

/** @st is what the kernel says, before any record is read. SEEN_KNOWN: it is what was remembered now, with *@has_records. */
enum seen_state seen_recall(struct seen *seen, struct stat *st, bool *has_records);
/** After SEEN_NOT_YET: @st is what the records make of it. */
void seen_remember(struct seen *seen, const struct stat *st, bool has_records);

#endif
