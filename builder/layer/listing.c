/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing - the table of contents of a layer: every path with its metadata, without the bytes.
 *
 * File form, in the byte order of the machine: a head, the records, the texts. A text is followed
 * by a NUL; offset 0 is the empty text.
 */
#include "builder/layer/listing.h"

#include "runtime/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#define LISTING_MAGIC "crozelst"
#define LISTING_VERSION 1
#define LISTING_BYTE_ORDER 0x01020304U

struct head {
	char magic[8];
	uint32_t version;
	uint32_t byte_order;
	uint64_t n_records;
	uint64_t text_length;
};

struct record {
	uint64_t size; /* a device: its number, as makedev() */
	int64_t seconds;
	uint32_t nanoseconds;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint8_t flags;
	uint8_t name_length;
	uint32_t name;
	uint32_t link;
	uint32_t parent;
	uint32_t end;
};
_Static_assert(sizeof(struct record) == 48, "records are compact");

struct listing {
	void *bytes;
	size_t length;
	bool mapped;
	const struct record *records;
	size_t n_records;
	const char *texts;
	size_t text_length;
};

/* ---- making one ---- */

#define FLAG_DEAD 0x80U /* while building: replaced by a later entry, with all below */

struct listing_builder {
	struct record *records; /* in the order in which they came, parents first */
	size_t count;
	size_t room;
	struct buf texts;
	uint32_t *
	    slots; /* open addressing over (parent, name); 0 is free: the root is never looked up */
	size_t n_slots;
	uint32_t last_dir; /* the parent of the last entry, whose path starts @last_path */
	struct buf last_path;
	bool too_large;
};

static uint32_t
hash_name(uint32_t parent, const char *name, size_t length)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ parent;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3ULL;
	h ^= h >> 29;
	return (uint32_t)(h * 0x9e3779b97f4a7c15ULL >> 32);
}

static uint32_t
add_text(struct listing_builder *b, const char *text, size_t length)
{
	size_t at = b->texts.len;

	if (length == 0)
		return 0;
	if (at + length + 1 > UINT32_MAX) {
		b->too_large = true;
		return 0;
	}
	buf_add(&b->texts, text, length);
	buf_add_char(&b->texts, '\0');
	return (uint32_t)at;
}

static uint32_t
add_record(struct listing_builder *b, uint32_t parent, const char *name, size_t length)
{
	struct record *r;

	(void)xgrow(&b->records, b->count, &b->room, sizeof(*b->records));
	r = &b->records[b->count];
	*r = (struct record){
		.mode = S_IFDIR | 0755,
		.flags = LISTING_IMPLIED,
		.name_length = (uint8_t)length,
		.parent = parent,
	};
	r->name = add_text(b, name, length);
	return (uint32_t)b->count++;
}

struct listing_builder *
listing_builder_new(void)
{
	struct listing_builder *b = xcalloc(1, sizeof(*b));

	buf_add_char(&b->texts, '\0');
	b->n_slots = 1024;
	b->slots = xcalloc(b->n_slots, sizeof(*b->slots));
	(void)add_record(b, 0, "", 0);
	return b;
}

void
listing_builder_free(struct listing_builder *b)
{
	if (!b)
		return;
	free(b->records);
	free(b->slots);
	buf_release(&b->texts);
	buf_release(&b->last_path);
	free(b);
}

/* The slot of (parent, name): where it is, or where it belongs. */
static uint32_t *
find_slot(const struct listing_builder *b, uint32_t parent, const char *name, size_t length)
{
	size_t i = hash_name(parent, name, length) & (b->n_slots - 1);

	for (; b->slots[i]; i = (i + 1) & (b->n_slots - 1)) {
		const struct record *r = &b->records[b->slots[i]];

		if (r->parent == parent && r->name_length == length &&
		    !memcmp(b->texts.data + r->name, name, length))
			break;
	}
	return &b->slots[i];
}

static void
grow_slots(struct listing_builder *b)
{
	b->n_slots *= 2;
	free(b->slots);
	b->slots = xcalloc(b->n_slots, sizeof(*b->slots));
	for (size_t i = 1; i < b->count; i++) {
		const struct record *r = &b->records[i];

		if (!(r->flags & FLAG_DEAD))
			*find_slot(b, r->parent, b->texts.data + r->name, r->name_length) =
			    (uint32_t)i;
	}
}

/* The record of child @name, made as an implied directory when it is not there yet. */
static uint32_t
get_child(struct listing_builder *b, uint32_t parent, const char *name, size_t length, bool *is_new)
{
	uint32_t *slot;

	if ((b->count + 1) * 4 > b->n_slots * 3)
		grow_slots(b);
	slot = find_slot(b, parent, name, length);
	*is_new = !*slot;
	if (!*slot)
		*slot = add_record(b, parent, name, length);
	return *slot;
}

/* A removed path below which something is made again is a directory without its former content. */
static void
become_parent(struct record *r)
{
	if (r->flags & LISTING_REMOVES) {
		r->flags = LISTING_IMPLIED | LISTING_OPAQUE;
		r->mode = S_IFDIR | 0755;
	}
}

/* The record of the directory that is the first @length bytes of @path. */
static uint32_t
get_parent(struct listing_builder *b, const char *path, size_t length)
{
	uint32_t parent = 0;
	size_t start = 0, end;
	bool is_new;

	if (b->last_path.len == length && !memcmp(buf_text(&b->last_path), path, length) &&
	    !(b->records[b->last_dir].flags & FLAG_DEAD))
		return b->last_dir;
	while (start < length) {
		for (end = start; end < length && path[end] != '/'; end++)
			;
		parent = get_child(b, parent, path + start, end - start, &is_new);
		become_parent(&b->records[parent]);
		start = end + 1;
	}
	buf_clear(&b->last_path);
	buf_add(&b->last_path, path, length);
	b->last_dir = parent;
	return parent;
}

/*
 * Takes the place of a directory that something else has replaced: what was below it goes with the
 * dead record.
 */
static uint32_t
replace_record(struct listing_builder *b, uint32_t old)
{
	const struct record *r = &b->records[old];
	uint32_t *slot = find_slot(b, r->parent, b->texts.data + r->name, r->name_length);
	uint32_t name = r->name, parent = r->parent;
	uint8_t length = r->name_length, hides = r->flags & LISTING_OPAQUE;
	uint32_t new = add_record(b, parent, "", 0);

	b->records[old].flags |= FLAG_DEAD;
	b->records[new].name = name;
	b->records[new].name_length = length;
	b->records[new].flags |= hides;
	*slot = new;
	buf_clear(&b->last_path);
	b->last_dir = 0;
	return new;
}

static void
fill_record(struct listing_builder *b, struct record *r, const struct entry *entry)
{
	bool hides = r->flags & (LISTING_REMOVES | LISTING_OPAQUE);

	r->mode = (uint16_t)entry->mode;
	r->uid = entry->uid;
	r->gid = entry->gid;
	r->size = S_ISCHR(entry->mode) || S_ISBLK(entry->mode) ? entry->rdev : entry->size;
	r->seconds = entry->mtime.tv_sec;
	r->nanoseconds = (uint32_t)entry->mtime.tv_nsec;
	r->flags = 0;
	if (S_ISDIR(entry->mode) && (hides || entry->whiteout == ENTRY_OPAQUE))
		r->flags |= LISTING_OPAQUE;
	if (entry->is_hardlink)
		r->flags |= LISTING_HARDLINK;
	if (entry->n_xattrs)
		r->flags |= LISTING_XATTRS;
	r->link = entry->link ? add_text(b, entry->link, strlen(entry->link)) : 0;
}

/* A whiteout concerns the layers below only: what this layer has of its own stays. */
static void
remove_record(struct record *r, bool is_new)
{
	if (is_new) {
		r->mode = 0;
		r->flags = LISTING_REMOVES;
	} else if (S_ISDIR(r->mode)) {
		r->flags |= LISTING_OPAQUE;
	}
}

void
listing_builder_add(struct listing_builder *b, const struct entry *entry)
{
	const char *slash = strrchr(entry->path, '/');
	const char *name = slash ? slash + 1 : entry->path;
	uint32_t parent = get_parent(b, entry->path, slash ? (size_t)(slash - entry->path) : 0);
	uint32_t index = 0;
	bool is_new = false;

	if (b->count >= UINT32_MAX || strlen(name) > 255) {
		b->too_large = true;
		return;
	}
	if (*name)
		index = get_child(b, parent, name, strlen(name), &is_new);
	if (entry->whiteout == ENTRY_REMOVES) {
		remove_record(&b->records[index], is_new);
		return;
	}
	if (!is_new && S_ISDIR(b->records[index].mode) && !S_ISDIR(entry->mode))
		index = replace_record(b, index);
	fill_record(b, &b->records[index], entry);
}

void
listing_builder_hide(struct listing_builder *b, const char *path)
{
	struct record *r = &b->records[get_parent(b, path, strlen(path))];

	become_parent(r);
	if (S_ISDIR(r->mode))
		r->flags |= LISTING_OPAQUE;
}

bool
listing_builder_has(const struct listing_builder *b, const char *path)
{
	uint32_t at = 0;

	while (*path) {
		size_t length = strcspn(path, "/");

		at = *find_slot(b, at, path, length);
		if (!at)
			return false;
		path += length;
		path += *path == '/';
	}
	return !(b->records[at].flags & LISTING_REMOVES);
}

/* Order of the records: children of one directory together, by name; what matters for the walk. */
struct order {
	const struct listing_builder *builder;
	uint32_t *by_parent; /* record numbers */
	uint32_t *
	    first; /* of each record, where its children start in @by_parent; one more at the end */
};

static int
compare_names(const void *a, const void *b, void *arg)
{
	const struct listing_builder *builder = arg;
	const struct record *x = &builder->records[*(const uint32_t *)a];
	const struct record *y = &builder->records[*(const uint32_t *)b];
	size_t least = x->name_length < y->name_length ? x->name_length : y->name_length;
	int result = memcmp(builder->texts.data + x->name, builder->texts.data + y->name, least);

	return result ? result : (int)x->name_length - (int)y->name_length;
}

/* A counting sort by parent, then each group by name (which it mostly is already). */
static void
order_init(struct order *o, struct listing_builder *b)
{
	size_t n = b->count;

	o->builder = b;
	o->first = xcalloc(n + 1, sizeof(*o->first));
	o->by_parent = xcalloc(n, sizeof(*o->by_parent));
	for (size_t i = 1; i < n; i++)
		if (!(b->records[i].flags & FLAG_DEAD))
			o->first[b->records[i].parent + 1]++;
	for (size_t i = 0; i < n; i++)
		o->first[i + 1] += o->first[i];
	for (size_t i = n; i-- > 1;)
		if (!(b->records[i].flags & FLAG_DEAD))
			o->by_parent[--o->first[b->records[i].parent + 1]] = (uint32_t)i;
	/* the decrements moved every start to its own place: first[p + 1] is now the start of p */
	for (size_t i = 0; i < n; i++)
		o->first[i] = o->first[i + 1];
}

static void
order_release(struct order *o)
{
	free(o->first);
	free(o->by_parent);
}

static size_t
children_end(const struct order *o, uint32_t parent, size_t n_live)
{
	size_t at = o->first[parent];

	while (at < n_live && o->builder->records[o->by_parent[at]].parent == parent)
		at++;
	return at;
}

static void
sort_children(struct order *o, uint32_t parent, size_t n_live)
{
	size_t start = o->first[parent], end = children_end(o, parent, n_live);

	for (size_t i = start + 1; i < end; i++) {
		if (compare_names(&o->by_parent[i - 1], &o->by_parent[i],
			(void *)(uintptr_t)o->builder) > 0) {
			qsort_r(o->by_parent + start, end - start, sizeof(*o->by_parent),
			    compare_names, (void *)(uintptr_t)o->builder);
			return;
		}
	}
}

/*
 * Writes the records in their order. A frame of the walk is a record's parent link, so depth costs
 * nothing.
 */
static size_t
write_records(struct order *o, struct record *out, uint32_t *place, size_t n_live)
{
	const struct record *records = o->builder->records;
	uint32_t *cursor = place + o->builder->count; /* of each record: next child in by_parent */
	uint32_t at = 0;
	size_t n = 0;

	out[n] = records[0];
	place[0] = (uint32_t)n++;
	sort_children(o, 0, n_live);
	cursor[0] = o->first[0];
	for (;;) {
		uint32_t next = cursor[at];

		if (next < n_live && records[o->by_parent[next]].parent == at) {
			uint32_t child = o->by_parent[next];

			cursor[at]++;
			out[n] = records[child];
			out[n].parent = place[at];
			place[child] = (uint32_t)n++;
			sort_children(o, child, n_live);
			cursor[child] = o->first[child];
			at = child;
			continue;
		}
		out[place[at]].end = (uint32_t)n;
		if (at == 0)
			return n;
		at = records[at].parent;
	}
}

static void
set_pointers(struct listing *l)
{
	const struct head *head = l->bytes;

	l->n_records = head->n_records;
	l->text_length = head->text_length;
	l->records = (const struct record *)(head + 1);
	l->texts = (const char *)(l->records + l->n_records);
}

/* Did the entries come in the order of the file form, each once? Layers written by us do. */
static bool
is_ordered(struct listing_builder *b)
{
	for (uint32_t i = 1; i < b->count; i++) {
		uint32_t brother = i - 1;

		if (b->records[i].flags & FLAG_DEAD)
			return false;
		if (b->records[i].parent == i - 1)
			continue;
		while (brother && b->records[brother].parent != b->records[i].parent)
			brother = b->records[brother].parent;
		if (!brother || compare_names(&brother, &i, b) >= 0)
			return false;
	}
	return true;
}

/* Where each subtree ends, when the records are in order. */
static void
set_ends(struct listing_builder *b)
{
	for (size_t i = 0; i < b->count; i++)
		b->records[i].end = (uint32_t)i + 1;
	for (size_t i = b->count; i-- > 1;)
		if (b->records[b->records[i].parent].end < b->records[i].end)
			b->records[b->records[i].parent].end = b->records[i].end;
}

/* The file form in the memory of the builder's records: a million entries are not held twice. */
static struct head *
form_in_place(struct listing_builder *b)
{
	size_t length = b->count * sizeof(struct record);
	struct head *head;

	set_ends(b);
	head = xrealloc(b->records, 1, sizeof(*head) + length + b->texts.len);
	b->records = NULL;
	memmove(head + 1, head, length);
	head->n_records = b->count;
	return head;
}

static struct head *
form_sorted(struct listing_builder *b)
{
	uint32_t *place = xcalloc(b->count, 2 * sizeof(*place));
	struct head *head;
	size_t n_live = 0;
	struct order o;

	for (size_t i = 1; i < b->count; i++)
		n_live += !(b->records[i].flags & FLAG_DEAD);
	order_init(&o, b);
	head = xcalloc(1, sizeof(*head) + b->count * sizeof(struct record) + b->texts.len);
	head->n_records = write_records(&o, (struct record *)(head + 1), place, n_live);
	order_release(&o);
	free(place);
	return head;
}

static struct listing *
build(struct listing_builder *b)
{
	struct listing *l = xcalloc(1, sizeof(*l));
	struct head *head;

	free(b->slots);
	b->slots = NULL;
	head = is_ordered(b) ? form_in_place(b) : form_sorted(b);
	memcpy(head->magic, LISTING_MAGIC, sizeof(head->magic));
	head->version = LISTING_VERSION;
	head->byte_order = LISTING_BYTE_ORDER;
	head->text_length = b->texts.len;
	l->bytes = head;
	set_pointers(l);
	l->length = sizeof(*head) + l->n_records * sizeof(struct record) + l->text_length;
	memcpy((char *)l->bytes + l->length - l->text_length, b->texts.data, b->texts.len);
	return l;
}

struct listing *
listing_builder_finish(struct listing_builder *b, struct error *e)
{
	struct listing *l = NULL;

	if (b->too_large)
		(void)error_set(
		    e, ERR_INPUT, "the layer has too many or too long names for a listing");
	else
		l = build(b);
	listing_builder_free(b);
	return l;
}

/* ---- keeping one ---- */

static int
damaged(const char *what, struct error *e)
{
	return error_set(e, ERR_INPUT, "damaged listing of a layer: %s", what);
}

static int
check_head(const void *bytes, size_t length, struct error *e)
{
	const struct head *head = bytes;
	uint64_t records;

	if (length < sizeof(*head) || memcmp(head->magic, LISTING_MAGIC, sizeof(head->magic)))
		return error_set(e, ERR_INPUT, "this is no listing of a layer");
	if (head->byte_order != LISTING_BYTE_ORDER || head->version != LISTING_VERSION)
		return error_set(
		    e, ERR_INPUT, "this listing of a layer is of another version or machine");
	if (__builtin_mul_overflow(head->n_records, sizeof(struct record), &records) ||
	    records > length - sizeof(*head) ||
	    head->text_length != length - sizeof(*head) - records)
		return damaged("wrong length", e);
	if (head->n_records == 0 || head->n_records >= UINT32_MAX || head->text_length == 0)
		return damaged("no records", e);
	return 0;
}

static bool
texts_are_whole(const struct listing *l, const struct record *r)
{
	const char *name = l->texts + r->name;

	if ((size_t)r->name + r->name_length >= l->text_length || r->link >= l->text_length)
		return false;
	if (name[r->name_length] != '\0' || memchr(name, '\0', r->name_length))
		return false;
	return !memchr(name, '/', r->name_length);
}

/* Is the name usable as a component, and after that of the record's elder brother? */
static bool
name_is_right(const struct listing *l, size_t index, size_t brother)
{
	const struct record *r = &l->records[index];
	const char *name = l->texts + r->name;

	if (r->name_length == 0 || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	return brother == 0 || strcmp(l->texts + l->records[brother].name, name) < 0;
}

/* Each record must lie inside its parent, and names must rise within a directory. */
static int
check_records(const struct listing *l, struct error *e)
{
	const struct record *r = l->records;

	if (l->texts[0] != '\0' || l->texts[l->text_length - 1] != '\0')
		return damaged("texts", e);
	if (r->end != l->n_records || r->parent != 0 || r->name_length != 0 ||
	    !texts_are_whole(l, r) || (r->flags & LISTING_REMOVES))
		return damaged("root", e);
	for (size_t i = 1; i < l->n_records; i++) {
		size_t parent = r[i].parent, brother = 0;

		if (!texts_are_whole(l, &r[i]) || parent >= i || r[i].end <= i ||
		    r[i].end > r[parent].end)
			return damaged("records", e);
		if (parent !=
		    i - 1) { /* then the record before ends the subtree of the elder brother */
			for (brother = i - 1; brother && r[brother].parent != parent;
			     brother = r[brother].parent)
				if (r[brother].end != i)
					return damaged("order", e);
			if (!brother || r[brother].end != i)
				return damaged("order", e);
		}
		if (!name_is_right(l, i, brother) || r[i].nanoseconds > 999999999)
			return damaged("names", e);
	}
	return 0;
}

static struct listing *
check(struct listing *l, struct error *e)
{
	if (check_head(l->bytes, l->length, e) == 0) {
		set_pointers(l);
		if (check_records(l, e) == 0)
			return l;
	}
	listing_free(l);
	return NULL;
}

struct listing *
listing_load(const void *bytes, size_t length, struct error *e)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	l->bytes = xmemdup(bytes, length);
	l->length = length;
	return check(l, e);
}

struct listing *
listing_take(struct buf *bytes, struct error *e)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	l->length = bytes->len;
	l->bytes = buf_steal(bytes);
	return check(l, e);
}

struct listing *
listing_load_fd(int fd, struct error *e)
{
	struct listing *l;
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) < 0)
		return (void)error_sys(e, "cannot read the listing of a layer"), NULL;
	if ((uint64_t)st.st_size < sizeof(struct head))
		return (void)error_set(e, ERR_INPUT, "this is no listing of a layer"), NULL;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return (void)error_sys(e, "cannot map the listing of a layer"), NULL;
	l = xcalloc(1, sizeof(*l));
	l->bytes = bytes;
	l->length = (size_t)st.st_size;
	l->mapped = true;
	return check(l, e);
}

const void *
listing_bytes(const struct listing *l, size_t *length)
{
	*length = l->length;
	return l->bytes;
}

void
listing_free(struct listing *l)
{
	if (!l)
		return;
	if (l->mapped)
		(void)munmap(l->bytes, l->length);
	else
		free(l->bytes);
	free(l);
}

void
listing_free_at(struct listing **l)
{
	listing_free(*l);
	*l = NULL;
}

/* ---- reading one ---- */

size_t
listing_count(const struct listing *l)
{
	return l->n_records;
}

void
listing_at(const struct listing *l, size_t index, struct listing_item *item)
{
	const struct record *r = &l->records[index];
	bool is_device = S_ISCHR(r->mode) || S_ISBLK(r->mode);

	*item = (struct listing_item){
		.name = l->texts + r->name,
		.parent = r->parent,
		.link = l->texts + r->link,
		.flags = r->flags,
		.mode = r->mode,
		.uid = r->uid,
		.gid = r->gid,
		.rdev = is_device ? (dev_t)r->size : 0,
		.size = is_device ? 0 : r->size,
		.mtime = { .tv_sec = r->seconds, .tv_nsec = r->nanoseconds },
		.end = r->end,
	};
}

static int
compare_name(const struct listing *l, size_t index, const char *name, size_t length)
{
	const struct record *r = &l->records[index];
	size_t least = r->name_length < length ? r->name_length : length;
	int result = memcmp(l->texts + r->name, name, least);

	return result ? result : (r->name_length > length) - (r->name_length < length);
}

size_t
listing_find_child(const struct listing *l, size_t parent, const char *name, size_t length)
{
	size_t low = parent + 1, high = l->records[parent].end, middle, child;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		for (child = middle; l->records[child].parent != parent;
		     child = l->records[child].parent)
			;
		order = compare_name(l, child, name, length);
		if (order == 0)
			return child;
		if (order < 0)
			low = l->records[child].end;
		else
			high = child;
	}
	return SIZE_MAX;
}

size_t
listing_find(const struct listing *l, const char *path)
{
	size_t at = 0, length;

	while (*path && at != SIZE_MAX) {
		length = strcspn(path, "/");
		at = listing_find_child(l, at, path, length);
		path += length;
		path += *path == '/';
	}
	return at;
}

size_t
listing_child(const struct listing *l, size_t index, size_t after)
{
	size_t next = after ? l->records[after].end : index + 1;

	return next < l->records[index].end ? next : 0;
}

void
listing_add_path(const struct listing *l, size_t index, struct buf *b)
{
	size_t length = 0;
	char *end;

	for (size_t i = index; i; i = l->records[i].parent)
		length += l->records[i].name_length + (l->records[i].parent != 0);
	if (length == 0)
		return;
	end = buf_reserve(b, length) + length;
	for (size_t i = index; i; i = l->records[i].parent) {
		end -= l->records[i].name_length;
		memcpy(end, l->texts + l->records[i].name, l->records[i].name_length);
		if (l->records[i].parent)
			*--end = '/';
	}
	buf_added(b, length);
}
