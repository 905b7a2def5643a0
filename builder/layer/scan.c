/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan - looks at the raw blocks of a tar for what makes two readers see two archives.
 */
#include "builder/layer/scan.h"

#include <string.h>

#define SIZE_AT 124
#define SIZE_LENGTH 12
#define CHECKSUM_AT 148
#define TYPE_AT 156
#define OCTAL_SIZE_MAX 077777777777ULL

/* An octal or base-256 field (GNU tar manual, "Basic Tar Format"). */
static bool
parse_number(const unsigned char *field, size_t length, uint64_t *value)
{
	uint64_t n = 0;
	size_t i = 0;

	if (field[0] & 0x80) {
		n = field[0] & 0x3f;
		for (i = 1; i < length; i++) {
			if (n >> 55)
				return false;
			n = n << 8 | field[i];
		}
		*value = n;
		return !(field[0] & 0x40);
	}
	while (i < length && field[i] == ' ')
		i++;
	for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
		n = n << 3 | (unsigned)(field[i] - '0');
	*value = n;
	return true;
}

/* Unsigned sum, or the signed one of old writers. */
static bool
has_checksum(const unsigned char *block)
{
	uint64_t stored;
	unsigned sum = 0;
	int signed_sum = 0;

	if (!parse_number(block + CHECKSUM_AT, 8, &stored))
		return false;
	for (size_t i = 0; i < 512; i++) {
		unsigned char c = i >= CHECKSUM_AT && i < CHECKSUM_AT + 8 ? ' ' : block[i];

		sum += c;
		signed_sum += (signed char)c;
	}
	return stored == sum || (int64_t)stored == signed_sum;
}

static bool
is_zero(const unsigned char *block)
{
	for (size_t i = 0; i < 512; i++)
		if (block[i])
			return false;
	return true;
}

bool
scan_is_header(const unsigned char *block)
{
	return !is_zero(block) && has_checksum(block);
}

/* Finds "size" among the records of an extended header. */
static void
read_extended(struct scan *s)
{
	const char *at = s->extended, *end = s->extended + s->extended_length;

	while (at < end) {
		size_t length = 0;
		const char *key = at;

		while (key < end && *key >= '0' && *key <= '9' && length < SCAN_EXTENDED_MAX)
			length = length * 10 + (size_t)(*key++ - '0');
		if (key >= end || *key != ' ' || length < 6 || length > (size_t)(end - at))
			return;
		key++;
		if (at + length - key > 5 && !memcmp(key, "size=", 5)) {
			s->size = 0;
			for (key += 5; key < at + length && *key >= '0' && *key <= '9' &&
				       s->size < 1ULL << 59;
			     key++)
				s->size = s->size * 10 + (uint64_t)(*key - '0');
			s->has_size = true;
		}
		at += length;
	}
}

/*
 * How many bytes follow the header of @type; links, directories and devices have none whatever they
 * say.
 */
static uint64_t
content_of(struct scan *s, unsigned char type, uint64_t size, struct error *e, bool *refused)
{
	bool has_size = s->has_size;

	s->has_size = false;
	if (!has_size)
		return type >= '1' && type <= '6' ? 0 : size;
	*refused = s->size <= OCTAL_SIZE_MAX && s->size != size;
	if (*refused)
		error_set(e, ERR_INPUT, "an entry has two sizes, %llu and %llu",
		    (unsigned long long)s->size, (unsigned long long)size);
	return type >= '1' && type <= '6' ? 0 : s->size;
}

static int
scan_header(struct scan *s, struct error *e)
{
	unsigned char type = s->block[TYPE_AT];
	bool refused = false;
	uint64_t size;

	if (is_zero(s->block)) {
		s->at_end = true;
		return 0;
	}
	if (!has_checksum(s->block) || !parse_number(s->block + SIZE_AT, SIZE_LENGTH, &size) ||
	    size >> 62) {
		s->lost = true;
		return 0;
	}
	if (type == 'x' || type == 'X') {
		s->extended_left = size;
		s->extended_length = 0;
	} else if (type != 'g' && type != 'L' && type != 'K') {
		size = content_of(s, type, size, e, &refused);
	}
	s->skip = (size + 511) & ~511ULL;
	return refused ? -1 : 0;
}

static void
skip_some(struct scan *s, const unsigned char *bytes, size_t length)
{
	size_t taken = s->extended_left < length ? (size_t)s->extended_left : length;

	s->skip -= length;
	if (taken == 0)
		return;
	if (s->extended_length + taken <= SCAN_EXTENDED_MAX) {
		memcpy(s->extended + s->extended_length, bytes, taken);
		s->extended_length += taken;
	} else {
		s->extended_length = 0;
	}
	s->extended_left -= taken;
	if (s->extended_left == 0)
		read_extended(s);
}

int
scan_bytes(struct scan *s, const void *bytes, size_t length, struct error *e)
{
	const unsigned char *at = bytes;
	size_t part;

	while (length > 0 && !s->lost) {
		if (s->skip > 0) {
			part = s->skip < length ? (size_t)s->skip : length;
			skip_some(s, at, part);
		} else {
			part = sizeof(s->block) - s->block_length;
			part = part < length ? part : length;
			memcpy(s->block + s->block_length, at, part);
			s->block_length += part;
		}
		at += part;
		length -= part;
		if (s->block_length < sizeof(s->block))
			continue;
		s->block_length = 0;
		if (!s->at_end && scan_header(s, e) < 0)
			return -1;
		if (!s->at_end || is_zero(s->block))
			continue;
		s->data_after_end = true;
		s->entries_after_end = s->entries_after_end || scan_is_header(s->block);
	}
	return 0;
}
