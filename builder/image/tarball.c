/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tarball - archives that hold images: the outer tar, as a container of blobs.
 *
 * POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar's 'L' and 'K' members.
 */
#include "builder/image/tarball.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512
#define EXTENDED_MAX (1U << 20) /* bytes of one extended header or long name */
#define NAME_LENGTH_MAX 4096

struct header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[8];
	char owner[32];
	char group[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

/* What extended headers say of the member that follows. */
struct extended {
	char *path;
	char *link;
	bool has_size;
	bool sparse;
	uint64_t size;
};

struct scan {
	struct tarball *t;
	uint64_t at;
	uint64_t end;
	struct extended next;
};

static void
extended_release(struct extended *x)
{
	free(x->path);
	free(x->link);
	*x = (struct extended){ 0 };
}

void
tarball_release(struct tarball *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->members[i].name);
		free(t->members[i].link);
	}
	free(t->members);
	map_release(&t->by_name);
	*t = (struct tarball){ .fd = -1 };
}

static int
read_at(int fd, void *bytes, size_t length, uint64_t at, struct error *e)
{
	char *to = bytes;

	while (length > 0) {
		ssize_t got = pread(fd, to, length, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read the archive");
		if (got == 0)
			return error_set(e, ERR_INPUT, "the archive is cut short");
		to += got;
		at += (uint64_t)got;
		length -= (size_t)got;
	}
	return 0;
}

/* ---- numbers and checksums ---- */

/* Octal digits with blanks or NULs around, or base-256 when the first bit is set. */
static int
parse_number(const char *field, size_t width, uint64_t *value, struct error *e)
{
	size_t i = 0;

	*value = 0;
	if ((unsigned char)field[0] & 0x80) {
		*value = (unsigned char)field[0] & 0x7f;
		for (i = 1; i < width; i++) {
			if (*value >> 55)
				return error_set(
				    e, ERR_INPUT, "a number in the archive is too large");
			*value = *value << 8 | (unsigned char)field[i];
		}
		return 0;
	}
	while (i < width && field[i] == ' ')
		i++;
	for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
		*value = *value << 3 | (uint64_t)(field[i] - '0'); /* at most 12 digits: 36 bits */
	for (; i < width; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return error_set(e, ERR_INPUT, "a number in the archive is malformed");
	return 0;
}

static bool
is_zero(const struct header *h)
{
	const char *bytes = (const char *)h;

	for (size_t i = 0; i < BLOCK; i++)
		if (bytes[i])
			return false;
	return true;
}

static int
check_sum(const struct header *h, struct error *e)
{
	const unsigned char *bytes = (const unsigned char *)h;
	size_t from = offsetof(struct header, checksum);
	uint64_t said;
	uint64_t sum = 0;
	int64_t signed_sum = 0; /* some old programs added signed bytes */

	if (parse_number(h->checksum, sizeof(h->checksum), &said, e) < 0)
		return -1;
	for (size_t i = 0; i < BLOCK; i++) {
		unsigned char byte = i >= from && i < from + sizeof(h->checksum) ? ' ' : bytes[i];

		sum += byte;
		signed_sum += (signed char)byte;
	}
	if (said != sum && (int64_t)said != signed_sum)
		return error_set(
		    e, ERR_INPUT, "it is no tar archive, or damaged: a checksum is wrong");
	return 0;
}

/* ---- extended headers ---- */

static int
set_text(char **member, const char *value, size_t length, struct error *e)
{
	if (length > NAME_LENGTH_MAX || memchr(value, '\0', length))
		return error_set(e, ERR_INPUT, "a name in the archive is too long or has a NUL");
	free(*member);
	*member = xstrndup(value, length);
	return 0;
}

static int
apply_record(struct extended *x, const char *key, const char *value, size_t length, struct error *e)
{
	if (strcmp(key, "path") == 0)
		return set_text(&x->path, value, length, e);
	if (strcmp(key, "linkpath") == 0)
		return set_text(&x->link, value, length, e);
	if (text_starts_with(key, "GNU.sparse."))
		x->sparse = true;
	if (strcmp(key, "size") == 0) {
		autofree char *digits = xstrndup(value, length);

		x->has_size = true;
		return parse_u64(digits, 0, INT64_MAX, "a size in the archive", &x->size, e);
	}
	return 0;
}

/* "LENGTH KEY=VALUE\n", LENGTH counting all of it. */
static int
parse_pax(const char *text, size_t length, struct extended *x, struct error *e)
{
	while (length > 0) {
		size_t n_digits = 0;
		size_t size = 0;
		const char *equals;
		autofree char *key = NULL;

		while (n_digits < length && n_digits < 8 && text[n_digits] >= '0' &&
		       text[n_digits] <= '9')
			size = size * 10 + (size_t)(text[n_digits++] - '0');
		if (n_digits == 0 || n_digits >= length || text[n_digits] != ' ' || size > length ||
		    size < n_digits + 3 || text[size - 1] != '\n')
			return error_set(
			    e, ERR_INPUT, "an extended header in the archive is malformed");
		equals = memchr(text + n_digits + 1, '=', size - n_digits - 2);
		if (!equals)
			return error_set(
			    e, ERR_INPUT, "an extended header in the archive is malformed");
		key = xstrndup(text + n_digits + 1, (size_t)(equals - text) - n_digits - 1);
		if (apply_record(x, key, equals + 1, size - 1 - (size_t)(equals + 1 - text), e) < 0)
			return -1;
		text += size;
		length -= size;
	}
	return 0;
}

static int
read_extended(struct scan *s, char type, uint64_t size, struct error *e)
{
	auto(buf) struct buf b = { 0 };

	if (size > EXTENDED_MAX)
		return error_set(e, ERR_INPUT, "an extended header in the archive has %llu bytes",
		    (unsigned long long)size);
	if (read_at(s->t->fd, buf_reserve(&b, size), size, s->at, e) < 0)
		return -1;
	buf_added(&b, size);
	if (type == 'x')
		return parse_pax(buf_text(&b), b.len, &s->next, e);
	if (type == 'L')
		return set_text(&s->next.path, buf_text(&b), strnlen(buf_text(&b), b.len), e);
	if (type == 'K')
		return set_text(&s->next.link, buf_text(&b), strnlen(buf_text(&b), b.len), e);
	return 0; /* 'g': nothing in it matters here */
}

/* ---- members ---- */

static char *
header_name(const struct header *h)
{
	autofree char *name = xstrndup(h->name, strnlen(h->name, sizeof(h->name)));

	/* Only POSIX ustar has a prefix; GNU tar keeps times in that place. */
	if (memcmp(h->magic, "ustar\0", 6) == 0 && h->prefix[0])
		return xasprintf("%.155s/%s", h->prefix, name);
	return steal_ptr(&name);
}

static char *
clean_name(const char *name)
{
	autofree char *absolute = path_absolute(name);

	return xstrdup(absolute + 1);
}

static int
add_member(struct scan *s, const struct header *h, uint64_t size, struct error *e)
{
	struct tarball *t = s->t;
	autofree char *name = s->next.path ? xstrdup(s->next.path) : header_name(h);
	struct tarball_member *m;

	if (t->count == TARBALL_MEMBERS_MAX)
		return error_set(
		    e, ERR_INPUT, "the archive has more than %d members", TARBALL_MEMBERS_MAX);
	xgrow(&t->members, t->count, &t->room, sizeof(*t->members));
	m = &t->members[t->count++];
	*m = (struct tarball_member){
		.name = clean_name(name),
		.type = h->type == '\0' || h->type == '7' || h->type == 'S' ? '0' : h->type,
		.sparse = s->next.sparse || h->type == 'S',
		.offset = s->at,
		.size = size,
	};
	if (m->type == '1' || m->type == '2')
		m->link = s->next.link ? xstrdup(s->next.link)
		                       : xstrndup(h->link, strnlen(h->link, sizeof(h->link)));
	return 0;
}

/* Of the types that have no bytes, some programs write a size all the same. */
static bool
has_bytes(char type)
{
	return !strchr("123456", type) || type == '\0';
}

static int
take_header(struct scan *s, const struct header *h, struct error *e)
{
	bool is_extended = h->type != '\0' && strchr("xgLK", h->type) != NULL;
	uint64_t size;

	if (check_sum(h, e) < 0 || parse_number(h->size, sizeof(h->size), &size, e) < 0)
		return -1;
	if (!is_extended && s->next.has_size)
		size = s->next.size;
	if (!has_bytes(h->type))
		size = 0;
	if (size > s->end - s->at)
		return error_set(e, ERR_INPUT, "the archive is cut short");
	if (is_extended) {
		if (read_extended(s, h->type, size, e) < 0)
			return -1;
	} else {
		if ((h->type == '\0' || strchr("01257S", h->type)) && add_member(s, h, size, e) < 0)
			return -1;
		extended_release(&s->next);
	}
	size = (size + BLOCK - 1) / BLOCK * BLOCK;
	/* The bytes that fill the last block may be missing at the very end. */
	s->at = size > s->end - s->at ? s->end : s->at + size;
	return 0;
}

static int
scan_all(struct scan *s, struct error *e)
{
	struct header h;

	if (s->end - s->at < BLOCK)
		return error_set(e, ERR_INPUT, "it is too short for a tar archive");
	while (s->end - s->at >= BLOCK) {
		if (read_at(s->t->fd, &h, sizeof(h), s->at, e) < 0)
			return -1;
		s->at += BLOCK;
		if (is_zero(&h))
			return 0;
		if (take_header(s, &h, e) < 0)
			return -1;
	}
	return 0;
}

static void
index_names(struct tarball *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct tarball_member *m = &t->members[i];
		const struct tarball_member *before = map_set(&t->by_name, m->name, m);

		m->repeated = before && (before->type != '5' || m->type != '5');
	}
}

int
tarball_open(struct tarball *t, int fd, struct error *e)
{
	struct scan s = { .t = t };
	struct stat st;
	int result;

	*t = (struct tarball){ .fd = fd };
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot read the archive");
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_INPUT, "the archive is no regular file");
	s.end = (uint64_t)st.st_size;
	result = scan_all(&s, e);
	extended_release(&s.next);
	if (result < 0)
		tarball_release(t);
	else
		index_names(t);
	return result;
}

bool
tarball_has(const struct tarball *t, const char *name)
{
	return map_has(&t->by_name, name);
}

static int
check_member(const struct tarball_member *m, const char *name, struct error *e)
{
	autofree char *safe = text_safe(name);

	if (!m)
		return error_set(e, ERR_NOT_FOUND, "the archive has no '%.300s'", safe);
	if (m->repeated)
		return error_set(e, ERR_INPUT, "'%.300s' is in the archive more than once", safe);
	if (m->type != '0')
		return error_set(e, ERR_INPUT, "'%.300s' in the archive is no regular file", safe);
	if (m->sparse)
		return error_set(e, ERR_INPUT, "'%.300s' in the archive is a sparse file", safe);
	return 0;
}

const struct tarball_member *
tarball_find(const struct tarball *t, const char *name, struct error *e)
{
	const struct tarball_member *m = map_get(&t->by_name, name);

	return check_member(m, name, e) < 0 ? NULL : m;
}

const struct tarball_member *
tarball_find_linked(const struct tarball *t, const char *name, struct error *e)
{
	const struct tarball_member *m = map_get(&t->by_name, name);
	autofree char *target = NULL;
	autofree char *folder = NULL;

	if (!m || !m->link || m->repeated)
		return tarball_find(t, name, e);
	/* A hard link names a member of the archive, a symbolic link is relative to its own folder. */
	folder = xstrndup(name, (size_t)(path_base(name) - name));
	if (m->type == '1') {
		target = clean_name(m->link);
	} else {
		autofree char *joined =
		    m->link[0] == '/' ? xstrdup(m->link) : xasprintf("%s%s", folder, m->link);

		target = clean_name(joined);
	}
	return tarball_find(t, target, e);
}

int
tarball_read(const struct tarball *t, const struct tarball_member *m, size_t max, struct buf *b,
    struct error *e)
{
	if (m->size > max) {
		autofree char *safe = text_safe(m->name);

		return error_set(e, ERR_INPUT,
		    "'%.300s' in the archive has %llu bytes, more than %zu", safe,
		    (unsigned long long)m->size, max);
	}
	if (read_at(t->fd, buf_reserve(b, (size_t)m->size), (size_t)m->size, m->offset, e) < 0)
		return -1;
	buf_added(b, (size_t)m->size);
	return 0;
}
