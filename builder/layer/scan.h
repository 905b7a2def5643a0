/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan - looks at the raw blocks of a tar for what makes two readers see two archives.
 *
 * It follows the headers beside libarchive and refuses an extended header whose size differs from
 * the ustar field that would hold it as well: readers that know pax would skip what others take
 * for headers. What lies behind the end of the archive is told, as no reader shows it.
 */
#ifndef CROZE_LAYER_SCAN_H
#define CROZE_LAYER_SCAN_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_EXTENDED_MAX \
	4096 /* an extended header's size record stands within as many bytes, or is not looked for */

struct scan {
	unsigned char block[512];
	size_t block_length;
	uint64_t skip;          /* bytes of content and padding to come */
	uint64_t extended_left; /* of them, bytes of an extended header */
	char extended[SCAN_EXTENDED_MAX];
	size_t extended_length;
	bool has_size; /* the extended header before the next entry gives a size */
	uint64_t size;
	bool at_end; /* a block of zeros was seen */
	bool entries_after_end;
	bool data_after_end; /* anything but zeros */
	bool lost;           /* the headers cannot be followed; libarchive says why */
};

/** Is this block of 512 bytes a header: not zero, and its checksum is right? */
bool scan_is_header(const unsigned char *block);
/** Takes the next bytes of the archive. A zeroed struct starts. ERR_INPUT. */
int scan_bytes(struct scan *s, const void *bytes, size_t length, struct error *e);

#endif
