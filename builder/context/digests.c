/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digests - which bytes a file had when it was last read, so that an unchanged file costs one
 * stat().
 *
 * File: struct head, then a power of two of struct record. A slot whose check is 0 is free; the
 * search for a key starts at its hash and ends at a free slot. What this process adds stands in a
 * list of its own, with an index, until digests_save() merges it with what the file holds by then.
 */
#include "builder/context/digests.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME "digests"
#define BYTE_ORDER_MARK 0x01020304U
#define NS INT64_C(1000000000)
#define RACY_NS (2 * NS)
#define PROBES_MAX 512
#define RECORDS_MAX (4U << 20)
#define KEEP_DAYS 30
#define REFRESH_DAYS 7 /* a record that is used gets a new date when the old one is so old */

static const char magic[16] = "croze digests 1";

struct head {
	char magic[16];
	uint32_t byte_order;
	uint32_t record_size;
	uint64_t n_slots;
	uint8_t reserved[32];
};

struct record {
	struct digests_key key;
	struct digest digest;
	uint16_t day; /* of the last use, days since 1970 */
	uint16_t flags;
	uint32_t check; /* of all before; never 0 */
};

_Static_assert(sizeof(struct head) == 64, "the head of the file form");
_Static_assert(sizeof(struct record) == 80, "a record of the file form");

/* What a file holds. */
struct table {
	void *map;
	size_t length;
	bool is_mapped; /* else borrowed */
	const struct record *slots;
	uint64_t n_slots;
};

struct digests {
	int dir; /* -1: in this process only */
	struct table table;
	uint8_t *used; /* a bit a slot: to get a new date */
	uint16_t today;
	bool refresh;
	bool is_dirty; /* something was added since it was saved */
	struct record *added;
	size_t n_added;
	size_t added_room;
	uint32_t *index; /* of @added, plus 1; open addressing */
	size_t n_index;
};

static uint64_t
mix(uint64_t a, uint64_t b)
{
	__uint128_t product =
	    (__uint128_t)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b ^ UINT64_C(0xe7037ed1a0b428db));

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
key_hash(const struct digests_key *key)
{
	uint64_t h = mix(key->inode, key->device);

	h = mix(h ^ (uint64_t)key->mtime, key->size);
	return mix(h, (uint64_t)key->ctime);
}

static uint32_t
record_check(const struct record *r)
{
	uint64_t words[4], h = key_hash(&r->key) ^ ((uint64_t)r->day << 16 | r->flags);

	memcpy(words, r->digest.bytes, sizeof(words));
	h = mix(h ^ words[0], words[1]);
	h = mix(h ^ words[2], words[3]);
	return (uint32_t)(h ^ h >> 32) | 1;
}

static bool
key_equal(const struct digests_key *a, const struct digests_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static uint16_t
today(void)
{
	return (uint16_t)(digests_clock() / (86400 * NS));
}

int64_t
digests_clock(void)
{
	struct timespec now;

	/* The coarse clock is the one that files get their times from. */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (int64_t)now.tv_sec * NS + now.tv_nsec;
}

static int64_t
timespec_ns(const struct timespec *t)
{
	return (int64_t)((uint64_t)t->tv_sec * (uint64_t)NS +
			 (uint64_t)t->tv_nsec); /* may wrap: only compared */
}

void
digests_key_of(const struct stat *st, struct digests_key *key)
{
	*key = (struct digests_key){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime = timespec_ns(&st->st_mtim),
		.ctime = timespec_ns(&st->st_ctim),
	};
}

/* Is it a table of this version on a machine like this? */
static bool
table_set(struct table *t, const void *bytes, size_t length)
{
	struct head head;

	if (length < sizeof(head))
		return false;
	memcpy(&head, bytes, sizeof(head));
	if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.byte_order != BYTE_ORDER_MARK ||
	    head.record_size != sizeof(struct record))
		return false;
	if (head.n_slots == 0 || (head.n_slots & (head.n_slots - 1)) != 0 ||
	    head.n_slots != (length - sizeof(head)) / sizeof(struct record))
		return false;
	t->slots = (const void *)((const char *)bytes + sizeof(head));
	t->n_slots = head.n_slots;
	return true;
}

static void
table_release(struct table *t)
{
	if (t->is_mapped)
		(void)munmap(t->map, t->length);
	*t = (struct table){ 0 };
}

/* What is not there or not a table is an empty one. */
static void
table_open(struct table *t, int dir)
{
	autofd int fd =
	    path_try_open(dir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, PATH_NO_SYMLINKS);
	struct stat st;

	*t = (struct table){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < (off_t)sizeof(struct head))
		return;
	t->length = (size_t)st.st_size;
	t->map = mmap(NULL, t->length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (t->map == MAP_FAILED)
		return;
	t->is_mapped = true;
	if (!table_set(t, t->map, t->length))
		table_release(t);
}

static const struct record *
table_find(const struct table *t, const struct digests_key *key)
{
	uint64_t slot = key_hash(key);

	for (unsigned probe = 0; probe < PROBES_MAX && probe < t->n_slots; probe++, slot++) {
		const struct record *r = &t->slots[slot & (t->n_slots - 1)];

		if (r->check == 0)
			return NULL;
		if (key_equal(&r->key, key))
			return r->check == record_check(r) ? r : NULL;
	}
	return NULL;
}

struct digests *
digests_new(void)
{
	struct digests *d = xcalloc(1, sizeof(*d));

	d->dir = -1;
	d->today = today();
	return d;
}

struct digests *
digests_open(int dir, struct error *e)
{
	struct digests *d = digests_new();

	d->dir = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	if (d->dir < 0) {
		error_sys(e, "cannot keep the directory of remembered digests open");
		digests_free(d);
		return NULL;
	}
	table_open(&d->table, d->dir);
	return d;
}

struct digests *
digests_from_bytes(const void *bytes, size_t length)
{
	struct digests *d = digests_new();

	if (table_set(&d->table, bytes, length))
		return d;
	digests_free(d);
	return NULL;
}

void
digests_free(struct digests *d)
{
	if (!d)
		return;
	if (d->dir >= 0)
		(void)close(d->dir); /* a directory */
	table_release(&d->table);
	free(d->used);
	free(d->added);
	free(d->index);
	free(d);
}

void
digests_free_at(struct digests **digests)
{
	digests_free(*digests);
}

/* The slot of @key in the index of what was added: one that holds it, or a free one. */
static size_t
index_slot(const struct digests *d, const struct digests_key *key)
{
	size_t slot = (size_t)key_hash(key) & (d->n_index - 1);

	while (d->index[slot] != 0 && !key_equal(&d->added[d->index[slot] - 1].key, key))
		slot = (slot + 1) & (d->n_index - 1);
	return slot;
}

static void
index_grow(struct digests *d)
{
	free(d->index);
	d->n_index = d->n_index ? d->n_index * 2 : 1024;
	d->index = xcalloc(d->n_index, sizeof(*d->index));
	for (size_t i = 0; i < d->n_added; i++)
		d->index[index_slot(d, &d->added[i].key)] = (uint32_t)i + 1;
}

static const struct record *
find_added(const struct digests *d, const struct digests_key *key)
{
	uint32_t number;

	if (d->n_added == 0)
		return NULL;
	number = d->index[index_slot(d, key)];
	return number ? &d->added[number - 1] : NULL;
}

/* Notes that the record of the file was used, when its date is old. */
static void
mark_used(struct digests *d, const struct record *r)
{
	size_t slot = (size_t)(r - d->table.slots);

	if (d->dir < 0 || (uint16_t)(d->today - r->day) < REFRESH_DAYS)
		return;
	if (!d->used)
		d->used = xcalloc(1, (size_t)(d->table.n_slots / 8 + 1));
	d->used[slot / 8] |= (uint8_t)(1U << slot % 8);
	d->refresh = true;
}

bool
digests_find(
    struct digests *d, const struct digests_key *key, struct digest *digest, unsigned *flags)
{
	const struct record *r = find_added(d, key);

	if (!r) {
		r = table_find(&d->table, key);
		if (!r)
			return false;
		mark_used(d, r);
	}
	if (digest)
		*digest = r->digest;
	if (flags)
		*flags = r->flags;
	return true;
}

bool
digests_add(struct digests *d, const struct digests_key *key, const struct digest *digest,
    unsigned flags, int64_t read_at)
{
	struct record r = {
		.key = *key, .digest = *digest, .day = d->today, .flags = (uint16_t)flags
	};
	size_t slot;

	if (key->ctime > read_at - RACY_NS || d->n_added >= RECORDS_MAX)
		return false;
	r.check = record_check(&r);
	d->is_dirty = true;
	if (d->n_added * 2 >= d->n_index)
		index_grow(d);
	slot = index_slot(d, key);
	if (d->index[slot] != 0) {
		d->added[d->index[slot] - 1] = r;
		return true;
	}
	xgrow(&d->added, d->n_added, &d->added_room, sizeof(*d->added));
	d->added[d->n_added++] = r;
	d->index[slot] = (uint32_t)d->n_added;
	return true;
}

/* Puts @r into a table that is being made, unless its key is there or its neighbourhood is full. */
static void
slots_put(struct record *slots, uint64_t n_slots, const struct record *r)
{
	uint64_t slot = key_hash(&r->key);

	for (unsigned probe = 0; probe < PROBES_MAX && probe < n_slots; probe++, slot++) {
		struct record *at = &slots[slot & (n_slots - 1)];

		if (at->check != 0 && !key_equal(&at->key, &r->key))
			continue;
		if (at->check == 0)
			*at = *r;
		return;
	}
}

/* Is this record of a file worth keeping on day @now? */
static bool
is_kept(const struct record *r, uint16_t now)
{
	return r->check != 0 && r->check == record_check(r) &&
	       (uint16_t)(now - r->day) <= KEEP_DAYS;
}

static uint64_t
count_kept(const struct table *t, uint16_t now)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < t->n_slots; i++)
		count += is_kept(&t->slots[i], now);
	return count;
}

static void
slots_fill(struct digests *d, const struct table *current, struct record *slots, uint64_t n_slots)
{
	uint16_t now = d->today;

	for (size_t i = 0; i < d->n_added; i++)
		slots_put(slots, n_slots, &d->added[i]);
	for (uint64_t i = 0; d->refresh && i < d->table.n_slots; i++) {
		struct record r = d->table.slots[i];

		if (d->used && d->used[i / 8] >> i % 8 & 1) {
			r.day = now;
			r.check = record_check(&r);
			slots_put(slots, n_slots, &r);
		}
	}
	for (uint64_t i = 0; i < current->n_slots; i++) {
		if (is_kept(&current->slots[i], now))
			slots_put(slots, n_slots, &current->slots[i]);
	}
}

int
digests_save(struct digests *d, struct error *e)
{
	struct head head = { .byte_order = BYTE_ORDER_MARK, .record_size = sizeof(struct record) };
	struct table current;
	uint64_t wanted, kept;
	size_t length;
	autofree char *bytes = NULL;
	int result;

	if (d->dir < 0 || (!d->is_dirty && !d->refresh))
		return 0;
	table_open(&current, d->dir);
	kept = count_kept(&current, d->today);
	if (kept > RECORDS_MAX)
		table_release(&current); /* begins anew */
	wanted = (d->n_added + (kept > RECORDS_MAX ? 0 : kept)) * 5 / 4 + 1;
	head.n_slots = 64;
	while (head.n_slots < wanted)
		head.n_slots *= 2;
	memcpy(head.magic, magic, sizeof(magic));
	length = sizeof(head) + (size_t)head.n_slots * sizeof(struct record);
	bytes = xcalloc(1, length);
	memcpy(bytes, &head, sizeof(head));
	slots_fill(d, &current, (struct record *)(void *)(bytes + sizeof(head)), head.n_slots);
	table_release(&current);
	result = path_write_file(d->dir, FILE_NAME, bytes, length, 0600, false, e);
	if (result < 0)
		return error_ctx(e, "cannot keep the digests of context files");
	d->refresh = false;
	d->is_dirty = false;
	return 0;
}
